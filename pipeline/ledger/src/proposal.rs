//! The proposal: everything that a steward decides on and a run needs, as canonical JSON whose hash is the proposal id.
//!
//! It is made from public facts alone: catalogue, policy, ledger. It deliberately lacks figures from the landing store.

use std::collections::{BTreeMap, BTreeSet};

use marsad_privacy::shape::StatisticShape;
use marsad_terms::canonical::{self, CanonicalError};
use marsad_terms::{Digest, NanoRho, Period, RecordTypeId, ReleaseId, StatisticId, Text};
use serde::{Deserialize, Serialize};

use crate::checklist::{Item, Standing};

/// The mechanism that a request names; another one is another request (algorithms 10).
pub const MECHANISM: &str = "marsad.zcdp.discrete_gaussian.v1";

/// All that determines the distribution of the output given the data. Its hash is F (algorithms 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Mechanism and its version.
    pub mechanism: String,
    /// Which selection key decides ties; a name, never the key.
    pub selection_key: String,
    /// Fixed-point digits: figures are integers of 1/(b·2^f).
    pub f: u32,
    /// Cost of the joint vector; zero where only organisations are published.
    pub nano_rho: NanoRho,
    /// Makes the same request again another one.
    pub revision: u32,
    /// Statistics in the release's order.
    pub statistics: Vec<StatisticRequest>,
}

/// One statistic of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticRequest {
    /// Which.
    pub id: StatisticId,
    /// The statement.
    pub sql: String,
    /// Record types that it scans.
    pub record_types: BTreeSet<RecordTypeId>,
    /// Digest of the logical plan's text.
    pub plan: Option<Digest>,
    /// Digest of each code list that its dimensions use.
    pub code_lists: BTreeMap<String, Digest>,
    /// The private vector; `None` for organisations and for what publication derives.
    pub shape: Option<StatisticShape>,
    /// What publication derives it by.
    pub derived: Option<String>,
    /// Periods, where there is no shape to hold them.
    pub periods: Vec<Period>,
}

/// What one table will look like, known before anything is spent (algorithms 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// `DF_…` of the output column.
    pub dataflow: String,
    /// Period attribute and dimensions, as columns of the SQL.
    pub dimensions: Vec<String>,
    /// Number of cells.
    pub cells: u64,
    /// Half-width of the 95 % interval, as decimal text; empty for a ratio, whose margin depends on its noisy denominator.
    pub margin: String,
    /// The count from which a cell reads A.
    pub reliable_from: String,
    /// The count from which a cell reads U.
    pub usable_from: String,
}

/// Cells that an earlier release has estimated already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The earlier release.
    pub release: ReleaseId,
    /// The dataflow that both hold.
    pub dataflow: String,
    /// How many cells both estimate.
    pub cells: u64,
}

/// A proposal as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// `marsad-proposal/1`
    pub format: String,
    /// Hash of the ledger's genesis entry.
    pub workspace: Digest,
    /// Hash of the policy entry in force.
    pub policy: Digest,
    /// Public id.
    pub release: ReleaseId,
    /// Title.
    pub title: Text,
    /// Who proposes.
    pub author: String,
    /// Hash of [`Proposal::request`].
    pub f: Digest,
    /// Cost.
    pub nano_rho: NanoRho,
    /// Private record types that it reads.
    pub record_types: Vec<RecordTypeId>,
    /// Calendar years that its periods touch.
    pub years: Vec<u16>,
    /// Distinct approvers that the policy asks for.
    pub approvals_needed: u32,
    /// The request itself.
    pub request: Request,
    /// Purposes of its statistics.
    pub purposes: Vec<String>,
    /// Who gets it.
    pub recipients: Vec<String>,
    /// Nothing is public before.
    pub embargo: String,
    /// Where readers write to.
    pub contact: String,
    /// Declared coverage.
    pub coverage: Text,
    /// Periods closed by the policy's calendar rule.
    pub frozen: Vec<Period>,
    /// The release that it revises.
    pub replaces: Option<ReleaseId>,
    /// Predicted accuracy by table.
    pub tables: Vec<Forecast>,
    /// Cells estimated again.
    pub overlap: Vec<Overlap>,
    /// The machine-checked part of the steward's checklist, and the items that a person answers.
    pub checklist: Vec<Item>,
}

/// Items that want words; the others of [`Proposal::questions`] may be confirmed without (governance 7).
const IN_WORDS: [&str; 3] = ["C18", "C22", "C23"];

impl Proposal {
    /// The proposal's id: the hash of its canonical JSON.
    ///
    /// # Errors
    /// Where a number does not fit canonical JSON, such as a price beyond 2^53 nano-ρ.
    pub fn id(&self) -> Result<Digest, CanonicalError> {
        canonical::digest(self)
    }

    /// The ids of the checklist items that an approver must confirm.
    pub fn questions(&self) -> Vec<&str> {
        self.checklist.iter().filter(|item| item.wants_an_answer()).map(|item| item.id.as_str()).collect()
    }

    /// Questions that `confirmed` leaves open: absent, or empty where words are asked for.
    pub fn unanswered(&self, confirmed: &BTreeMap<String, String>) -> Vec<String> {
        let open = |id: &&str| match confirmed.get(*id) {
            None => true,
            Some(words) => IN_WORDS.contains(id) && words.trim().is_empty(),
        };
        self.questions().into_iter().filter(open).map(str::to_owned).collect()
    }

    /// Checklist items that the machine found wrong: they cannot be approved.
    pub fn failed(&self) -> Vec<String> {
        let failed = self.checklist.iter().filter(|item| item.state == Standing::Fail);
        failed.map(|item| item.id.clone()).collect()
    }
}
