//! The run: reserve, add up, draw once, store. The one place where an exact table meets noise.

use marsad_aggregate::Analysis;
use marsad_aggregate::tabulate::Landed;
use marsad_catalog::Catalog;
use marsad_landing::Landing;
use marsad_landing::keys::Keys;
use marsad_ledger::proposal::{Proposal, Request};
use marsad_ledger::{Ledger, Receipt, Reserve, new_run};
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::noisy_table::RunResult;
use marsad_privacy::sampler::measure;
use marsad_terms::{NanoRho, Progress, canonical};

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
}

/// What a run leaves.
pub struct Outcome {
    /// The ledger's word for the result.
    pub receipt: Receipt,
    /// The stored result.
    pub bytes: Vec<u8>,
    /// What this call charged: nothing where the bytes existed.
    pub charged: NanoRho,
}

impl Runner<'_> {
    /// Runs an approved proposal, or gives the bytes that its request has already.
    ///
    /// # Errors
    /// Where it is not approved, a scope would be exceeded, or something failed; after the reserve the cost stays.
    pub async fn run(&self, proposal: &Proposal, progress: Progress<'_>) -> Result<Outcome, Error> {
        if let Some((receipt, bytes)) = self.ledger.receipt(proposal.f).await? {
            return Ok(Outcome { receipt, bytes: bytes.to_vec(), charged: NanoRho::ZERO });
        }
        let prepared = self.as_proposed(proposal)?;
        let proposal_id = canonical::digest(proposal)?;
        self.ledger.open_series(proposal_id).await?;
        let snapshot = self.landing.snapshot().await?;
        let run = new_run()?;
        let commitment = self.keys.commitment(&run, snapshot.head);
        let reservation = match self.ledger.reserve(proposal.f, run, commitment).await? {
            Reserve::New(reservation) => reservation,
            Reserve::Stored(receipt, bytes) => {
                return Ok(Outcome { receipt, bytes: bytes.to_vec(), charged: NanoRho::ZERO });
            }
        };
        let series = self.series(&prepared, &proposal.request).await?;
        let landed = Landed { catalog: self.catalog, snapshot: &snapshot };
        let result = self.protect(&landed, prepared, proposal, progress).await?;
        let result = RunResult { series, ..result };
        let (receipt, bytes) = self.ledger.complete(reservation, &result).await?;
        Ok(Outcome { receipt, bytes: bytes.to_vec(), charged: proposal.nano_rho })
    }

    /// The release as it was proposed, or an error that says it changed.
    fn as_proposed(&self, proposal: &Proposal) -> Result<Prepared<'_>, Error> {
        let release = definition(self.catalog, &proposal.release.to_string())?;
        let prepared = prepare(self.catalog, release)?;
        let Request { nano_rho, redraws, .. } = &proposal.request;
        let selection_key = self.keys.selection_id();
        let request = prepared.request(self.catalog, *nano_rho, &selection_key, redraws.clone())?;
        if canonical::digest(&request)? == proposal.f {
            Ok(prepared)
        } else {
            Err(Error::Changed(proposal.release.clone()))
        }
    }

    async fn protect(
        &self,
        landed: &Landed<'_>,
        prepared: Prepared<'_>,
        proposal: &Proposal,
        progress: Progress<'_>,
    ) -> Result<RunResult, Error> {
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
                let price = proposal.request.nano_rho;
                let drawn = tokio::task::spawn_blocking(move || measure(exact, price)).await;
                Some(drawn.map_err(|_| marsad_privacy::Error::Randomness)??)
            }
            None => None,
        };
        let (release, proposal_id) = (proposal.release.clone(), canonical::digest(proposal)?);
        Ok(RunResult { release, proposal: proposal_id, f: proposal.f, noisy, series: Vec::new(), organisations })
    }
}

fn private<'a>(statistics: &'a [PreparedStatistic<'_>]) -> impl Iterator<Item = &'a Analysis> {
    statistics.iter().filter(|s| s.shape.is_some()).filter_map(|s| s.analysis.as_ref())
}
