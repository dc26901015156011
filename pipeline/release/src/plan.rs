//! The proposal: analysis, price, forecasts, overlap, checklist, from public facts alone (architecture 6.1).

use std::collections::BTreeSet;

use marsad_catalog::{Catalog, Price, Release};
use marsad_ledger::checklist::{Item, Standing};
use marsad_ledger::proposal::{Proposal, Request, SeriesStep};
use marsad_ledger::{Policy, RequestState, State};
use marsad_terms::{ReleaseId, Text, canonical, clock, nearest};
use serde_json::{Map, Value};

use crate::checklist::Facts;
use crate::error::Error;
use crate::figures::{self, Figures};
use crate::prepare::{Prepared, prepare};
use crate::reads::{self, Table};
use crate::strategy::Decided;
use crate::{difference, forecast, overlap, series};

/// What the analyst wishes on the command line, over the release's own price.
pub type Wish = Option<Price>;

/// What a plan is made from.
pub struct Planner<'a> {
    /// Definitions.
    pub catalog: &'a Catalog,
    /// Policy and what was spent.
    pub state: &'a State,
    /// Name of the selection key.
    pub selection_key: String,
    /// Who proposes: the policy's name of the author's key.
    pub author: String,
    /// What this build found when it audited itself in this workspace; `None` if it never did.
    pub audit: Option<SelfAudit>,
    /// Figures that are public, oldest first (C09).
    pub released: &'a [Figures],
}

/// The verdict of a build on itself (C07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfAudit {
    /// Whether it keeps what it claims; `None` where it was another build that audited itself.
    pub passed: Option<bool>,
    /// When, and the figures.
    pub evidence: Text,
}

/// The definition of a release.
///
/// # Errors
/// `UnknownRelease`, with the nearest id.
pub fn definition<'a>(catalog: &'a Catalog, id: &str) -> Result<&'a Release, Error> {
    let parsed: Option<ReleaseId> = id.parse().ok();
    parsed.and_then(|id| catalog.releases.get(&id)).ok_or_else(|| {
        let known: Vec<String> = catalog.releases.keys().map(ToString::to_string).collect();
        let nearest = nearest(id, known.iter().map(String::as_str)).map(str::to_owned);
        Error::UnknownRelease { release: id.to_owned(), nearest }
    })
}

impl Planner<'_> {
    /// Plans a release.
    ///
    /// # Errors
    /// What stops it; a failed checklist item does not, it stands in the proposal.
    pub fn plan(&self, release: &Release, wish: &Wish) -> Result<Proposal, Error> {
        let mut prepared = prepare(self.catalog, release)?;
        let decided = prepared.decide(wish.as_ref().unwrap_or(&release.price))?;
        let redraws = series::redraws(self.state, &prepared, &self.selection_key)?;
        let proposal = self.proposal(&prepared, decided, redraws)?;
        self.id_is_free(release, &proposal.f)?;
        Ok(proposal)
    }

    /// What of a proposal is not what its definitions give, by its names: nothing where it is theirs in full. Planned again as
    /// its request decides, on the state before it; what the day and this installation decide (C02, C07) is judged anew.
    ///
    /// Whoever can write could sign a proposal whose checklist, margins or purposes nobody found; an approver is not to.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn departures(&self, proposal: &Proposal) -> Result<Vec<String>, Error> {
        let release = definition(self.catalog, &proposal.release.to_string())?;
        let mut prepared = prepare(self.catalog, release)?;
        prepared.as_in(&proposal.request)?;
        let Request { nano_rho, redraws, .. } = &proposal.request;
        let decided = Decided { nano_rho: *nano_rho, choices: proposal.strategies.clone() };
        let own = self.proposal(&prepared, decided, redraws.clone())?;
        let mut departures = differing(&own, proposal);
        departures.extend(departing_items(&own.checklist, &proposal.checklist));
        Ok(departures)
    }

    /// The proposal of a release whose price and strategies are decided.
    fn proposal(
        &self,
        prepared: &Prepared<'_>,
        Decided { nano_rho: joint_price, choices }: Decided,
        redraws: Vec<SeriesStep>,
    ) -> Result<Proposal, Error> {
        let release = prepared.release;
        let policy = self.state.policy().ok_or(Error::NoPolicy)?;
        let (workspace, policy_hash) =
            self.state.workspace().zip(self.state.policy_hash()).ok_or(Error::NoPolicy)?;
        let request = prepared.request(self.catalog, joint_price, &self.selection_key, redraws)?;
        let f = canonical::digest(&request)?;
        let series = series::terms(self.state, prepared, &request);
        let nano_rho = request.price(&series).ok_or(marsad_privacy::Error::Unreachable)?;
        let mut tables = forecast::of_release(prepared, joint_price, &series)?;
        figures::check_planning(prepared)?;
        for table in &mut tables {
            table.expected = figures::expected(self.released, prepared, table)?;
        }
        let overlap = overlap::overlap(self.state, &f, &request.statistics);
        let differences = difference::differences(self.state, &f, &request.statistics, &tables);
        let reading = reads::tables(self.catalog, &prepared.statistics);
        let record_types = prepared.record_types();
        let years = prepared.years();
        let mut proposal = Proposal {
            format: "marsad-proposal/1".to_owned(),
            workspace,
            policy: policy_hash,
            release: release.id.clone(),
            title: release.title.clone(),
            author: self.author.clone(),
            f,
            nano_rho,
            approvals_needed: self
                .state
                .approvals_for(record_types.iter().chain(&reads::counted_as(&reading))),
            record_types,
            years,
            request,
            series,
            purposes: purposes(prepared),
            recipients: release.recipients.clone(),
            embargo: release.embargo.clone(),
            contact: release.contact.clone(),
            coverage: release.coverage.clone(),
            frozen: release.frozen.clone(),
            replaces: release.replaces.clone(),
            tables,
            strategies: choices,
            overlap,
            differences,
            checklist: Vec::new(),
        };
        proposal.checklist = self.checklist(policy, (prepared, &reading), &proposal);
        Ok(proposal)
    }

    /// The items of a proposal that is complete but for them.
    fn checklist(
        &self,
        policy: &Policy,
        (prepared, tables): (&Prepared<'_>, &[Table<'_>]),
        proposal: &Proposal,
    ) -> Vec<Item> {
        let facts = Facts {
            catalog: self.catalog,
            policy,
            prepared,
            tables,
            today: clock::today(),
            scopes: &self.state.would_use(proposal),
            audit: self.audit.as_ref(),
            proposal,
        };
        facts.items()
    }

    /// An id that ran or was published belongs to its request for ever.
    fn id_is_free(&self, release: &Release, f: &marsad_terms::Digest) -> Result<(), Error> {
        let taken =
            |r: &&RequestState| r.release() == &release.id && r.f != *f && r.state.holds_the_release_id();
        match self.state.requests().into_iter().find(taken) {
            Some(_) => Err(Error::UsedId(release.id.clone())),
            None => Ok(()),
        }
    }
}

fn purposes(prepared: &Prepared<'_>) -> Vec<String> {
    let mut ids: Vec<String> = prepared.statistics.iter().map(|s| s.statistic.purpose.clone()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Names of what two proposals say differently, but for their checklists.
fn differing(own: &Proposal, other: &Proposal) -> Vec<String> {
    let fields = |proposal: &Proposal| {
        let bare = Proposal { checklist: Vec::new(), ..proposal.clone() };
        match serde_json::to_value(bare) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    };
    let (own, other) = (fields(own), fields(other));
    let names: BTreeSet<&String> = own.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| own.get(*name) != other.get(*name)).cloned().collect()
}

/// Items that differ, but for those that are judged anew: they depart where the machine finds them wrong here.
fn departing_items(own: &[Item], other: &[Item]) -> Vec<String> {
    let same = |own: &Item, other: &Item| match own.id.as_str() {
        "C02" | "C07" => {
            own.who == other.who && (own.state != Standing::Fail || other.state == Standing::Fail)
        }
        _ => own == other,
    };
    let other_of = |item: &Item| other.iter().find(|other| other.id == item.id);
    let departs = |item: &&Item| !other_of(item).is_some_and(|other| same(item, other));
    let unknown = other.iter().filter(|item| own.iter().all(|own| own.id != item.id));
    own.iter().filter(departs).chain(unknown).map(|item| item.id.clone()).collect()
}
