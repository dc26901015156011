//! The run: reserve, add up, draw once, store. The one place where an exact table meets noise.

use marsad_aggregate::tabulate::Landed;
use marsad_aggregate::{Analysis, Limits};
use marsad_catalog::Catalog;
use marsad_landing::keys::Keys;
use marsad_landing::{Landing, Snapshot};
use marsad_ledger::proposal::{Proposal, Request};
use marsad_ledger::{Ledger, Receipt, Reserve, new_run};
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::noisy_table::{NoisyTable, OrganisationTable, RunResult};
use marsad_privacy::sampler::measure;
use marsad_terms::{Digest, NanoRho, Period, Progress, canonical, clock};

use crate::error::Error;
use crate::plan::definition;
use crate::prepare::{Prepared, PreparedStatistic, prepare};

/// What a run works with.
pub struct Runner<'a> {
    /// Definitions: they must still be those of the proposal.
    pub catalog: &'a Catalog,
    /// Where the cost is reserved and the result is recorded.
    pub ledger: &'a Ledger,
    /// Where the rows are.
    pub landing: &'a Landing,
    /// Selection and custody keys.
    pub keys: &'a Keys,
    /// What the engine may take.
    pub limits: Limits,
    /// Told of each step that is done.
    pub watch: &'a dyn Fn(Step),
}

/// A step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// First-time series that fell due are drawn, and the cost is reserved.
    Reserved,
    /// All statistics are added up.
    AddedUp,
    /// The noise is drawn.
    Measured,
    /// The result is stored and in the ledger.
    Stored,
}

/// What a run leaves.
pub struct Outcome {
    /// The ledger's word for the result.
    pub receipt: Receipt,
    /// The stored result.
    pub bytes: Vec<u8>,
    /// What this call charged: nothing where the bytes existed, or where all that was drawn had been paid for.
    pub charged: NanoRho,
    /// Whether this call drew it.
    pub is_new: bool,
}

impl Runner<'_> {
    /// Runs an approved proposal, or gives the bytes that its request has already.
    ///
    /// # Errors
    /// Where it is not approved, a scope would be exceeded, or something failed; after the reserve the cost stays.
    pub async fn run(&self, proposal: &Proposal, progress: Progress<'_>) -> Result<Outcome, Error> {
        if let Some((receipt, bytes)) = self.ledger.receipt(proposal.f).await? {
            return Ok(Outcome { receipt, bytes: bytes.to_vec(), charged: NanoRho::ZERO, is_new: false });
        }
        let prepared = self.as_proposed(proposal)?;
        are_over(&prepared.release.periods)?;
        if let Some(joint) = &prepared.joint {
            let analyses: Vec<&Analysis> = private(&prepared.statistics).collect();
            self.limits.has_room(joint, &analyses)?;
        }
        // Before anything is paid: nothing is drawn from less than what earlier runs read, or stops at a file that is gone.
        let landed = self.landing.snapshot().await?;
        if let Some(read) = self.ledger.state().await?.last_read() {
            landed.must_extend(self.keys, read)?;
        }
        landed.is_there(&prepared.record_types()).await?;
        let proposal_id = canonical::digest(proposal)?;
        self.ledger.open_series(proposal_id).await?;
        self.draw_due(&prepared, &proposal.request).await?;
        let snapshot = self.landing.snapshot().await?.as_defined(self.catalog)?;
        let run = new_run()?;
        let commitment = self.keys.commitment(&run, snapshot.head);
        let reservation = match self.ledger.reserve(proposal.f, run, commitment).await? {
            Reserve::New(reservation) => reservation,
            Reserve::Stored(receipt, bytes) => {
                return Ok(Outcome { receipt, bytes: bytes.to_vec(), charged: NanoRho::ZERO, is_new: false });
            }
        };
        let series = self.series(&prepared, &proposal.request).await?;
        (self.watch)(Step::Reserved);
        let landed = self.landed(&snapshot);
        let (noisy, organisations) =
            self.protect(&landed, prepared, proposal.request.nano_rho, progress).await?;
        let (release, f) = (proposal.release.clone(), proposal.f);
        let result = RunResult { release, proposal: proposal_id, f, noisy, series, organisations };
        let (receipt, bytes) = self.ledger.complete(reservation, &result).await?;
        (self.watch)(Step::Stored);
        let charged = self.charged(proposal, proposal_id).await?;
        Ok(Outcome { receipt, bytes: bytes.to_vec(), charged, is_new: true })
    }

    /// The rows of a snapshot.
    pub(crate) fn landed<'s>(&'s self, snapshot: &'s Snapshot) -> Landed<'s> {
        Landed::new(self.catalog, snapshot).within(self.limits.clone())
    }

    /// What the release paid: less than was proposed where another one opened a series meanwhile.
    async fn charged(&self, proposal: &Proposal, id: Digest) -> Result<NanoRho, Error> {
        let state = self.ledger.state().await?;
        let mut terms = proposal.series.clone();
        for own in &mut terms {
            own.opens = state.series(&own.series).is_some_and(|series| series.proposal == id);
        }
        Ok(proposal.request.price(&terms).unwrap_or(proposal.nano_rho))
    }

    /// The release as it was proposed, or an error that says it changed.
    fn as_proposed(&self, proposal: &Proposal) -> Result<Prepared<'_>, Error> {
        let release = definition(self.catalog, &proposal.release.to_string())?;
        let mut prepared = prepare(self.catalog, release)?;
        // What the plan weighed by its wishes is taken as it stands: F below tells whether anything else changed.
        prepared.as_in(&proposal.request).map_err(|_| Error::Changed(proposal.release.clone()))?;
        let Request { nano_rho, redraws, .. } = &proposal.request;
        let selection_key = self.keys.selection_id();
        let request = prepared.request(self.catalog, *nano_rho, &selection_key, redraws.clone())?;
        if canonical::digest(&request)? == proposal.f {
            Ok(prepared)
        } else {
            Err(Error::Changed(proposal.release.clone()))
        }
    }

    /// The joint vector, measured, and the exact tables of organisations.
    async fn protect(
        &self,
        landed: &Landed<'_>,
        prepared: Prepared<'_>,
        price: NanoRho,
        progress: Progress<'_>,
    ) -> Result<(Option<NoisyTable>, Vec<OrganisationTable>), Error> {
        let organisations = {
            let mut tables = Vec::new();
            for one in prepared.statistics.iter().filter(|s| s.is_organisational()) {
                let Some(analysis) = &one.analysis else { continue };
                tables.push(landed.organisations(analysis, one.statistic, &prepared.periods_of(one)).await?);
            }
            tables
        };
        let analyses: Vec<&Analysis> = private(&prepared.statistics).collect();
        let noisy = match prepared.joint.clone() {
            Some(joint) => {
                let key = SelectionKey::new(*self.keys.selection());
                let exact = landed.tabulate(joint, &analyses, &key, progress).await?;
                (self.watch)(Step::AddedUp);
                let drawn = tokio::task::spawn_blocking(move || measure(exact, price)).await;
                let noisy = drawn.map_err(|_| marsad_privacy::Error::Randomness)??;
                (self.watch)(Step::Measured);
                Some(noisy)
            }
            None => None,
        };
        Ok((noisy, organisations))
    }
}

/// Refuses to read a period before its last day is past: its figures would stand for ever, and whoever comes after would enter a
/// first-time series at a later step.
fn are_over(periods: &[Period]) -> Result<(), Error> {
    match not_over(periods).next() {
        Some((period, until)) => Err(Error::NotOver { period, until }),
        None => Ok(()),
    }
}

/// The periods whose last day is not past, with that day.
pub fn not_over(periods: &[Period]) -> impl Iterator<Item = (Period, String)> {
    let today = clock::today().to_string();
    let ends = periods.iter().map(|period| (*period, period.months().1.last_day()));
    ends.filter(move |(_, last)| *last >= today)
}

fn private<'a>(statistics: &'a [PreparedStatistic<'_>]) -> impl Iterator<Item = &'a Analysis> {
    statistics.iter().filter(|s| s.shape.is_some()).filter_map(|s| s.analysis.as_ref())
}
