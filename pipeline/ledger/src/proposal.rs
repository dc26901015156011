//! The proposal: everything that a steward decides on and a run needs, as canonical JSON whose hash is the proposal id.
//!
//! It is made from public facts alone: catalogue, policy, ledger. It deliberately lacks figures from the landing store.

use std::collections::{BTreeMap, BTreeSet};

use marsad_privacy::series::SeriesShape;
use marsad_privacy::shape::StatisticShape;
use marsad_terms::canonical::{self, CanonicalError};
use marsad_terms::{Digest, NanoRho, Period, RecordTypeId, ReleaseId, StatisticId, Text, nearest};
use serde::{Deserialize, Serialize};

use crate::checklist::{Item, Standing};

/// The mechanism that a request names; another one is another request (algorithms 10).
pub const MECHANISM: &str = "marsad.zcdp.discrete_gaussian.v1";
/// The mechanism of first-time series; another one makes another series (algorithms 6).
pub const SERIES_MECHANISM: &str = "marsad.zcdp.first_time.v1";

/// All that determines the distribution of the output given the data. Its hash is F (algorithms 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Mechanism and its version.
    pub mechanism: String,
    /// Which selection key decides ties; a name, never the key.
    pub selection_key: String,
    /// Fixed-point digits: figures are integers of 1/(b·2^f).
    pub f: u32,
    /// Cost of the joint vector; zero where there is none: first-time series and organisations alone.
    pub nano_rho: NanoRho,
    /// Makes the same request again another one.
    pub revision: u32,
    /// Statistics in the release's order.
    pub statistics: Vec<StatisticRequest>,
    /// Forfeited steps of its series that are to be drawn again, each for its price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redraws: Vec<SeriesStep>,
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
    /// Its part of the joint vector; `None` for series, for organisations and for what publication derives.
    pub shape: Option<StatisticShape>,
    /// The first-time series that it shows, in place of a part of the joint vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesRequest>,
    /// What publication derives it by.
    pub derived: Option<String>,
    /// Periods, where there is no shape to hold them.
    pub periods: Vec<Period>,
}

/// The first-time series behind a statistic, and how far the release shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRequest {
    /// S: the digest of its [`SeriesDefinition`].
    pub series: Digest,
    /// What it measures in all its steps.
    pub shape: SeriesShape,
    /// The last step that the release shows.
    pub through: u32,
}

/// One draw of one step of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesStep {
    /// S.
    pub series: Digest,
    /// The step, from 0.
    pub step: u32,
    /// 0 for the step's own draw; each redraw of a forfeited one is one more.
    pub revision: u32,
}

/// All that determines what a series measures. Its hash is S; what it cost is no part of it: that is fixed when it is
/// opened, and stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesDefinition {
    /// `marsad-series/1`
    pub format: String,
    /// [`SERIES_MECHANISM`].
    pub mechanism: String,
    /// Which selection key decides ties; a name, never the key.
    pub selection_key: String,
    /// Which statistic.
    pub statistic: StatisticId,
    /// Record types that it scans.
    pub record_types: BTreeSet<RecordTypeId>,
    /// Digest of the logical plan's text.
    pub plan: Option<Digest>,
    /// Every step, table and code.
    pub shape: SeriesShape,
}

/// What a proposal says of a series that it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesTerms {
    /// Which statistic.
    pub statistic: StatisticId,
    /// S.
    pub series: Digest,
    /// The price of all steps together: of opening it, or what it cost where it is open.
    pub nano_rho: NanoRho,
    /// How many steps it has.
    pub horizon: u32,
    /// Step 0.
    pub start: Period,
    /// Whether this release opens and pays it, unless another one has done so by then.
    pub opens: bool,
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
    /// How its cells will likely read; absent where no figure of it was ever released, and none planned with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
}

/// How the cells of a table will likely read at the predicted margin, were their figures those of an earlier release, or
/// those that were planned with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The release whose published figures stand for the unknown ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Where no release shows the table: the declared source of the planning figures that stand for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planning: Option<String>,
    /// Cells that read A: margin at most 20 % of the figure.
    pub reliable: u64,
    /// Cells that read U: at most 50 %.
    pub usable: u64,
    /// Cells that read Q: not shown.
    pub hidden: u64,
}

/// What gets the noise of one statistic, where there was a choice, and why (algorithms 3.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Which statistic.
    pub statistic: StatisticId,
    /// `tables` or `residuals`.
    pub strategy: String,
    /// In words, with the prices that decided.
    pub why: String,
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

/// What somebody who holds an earlier release can compute from it and from the new one together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// The same cell estimated twice: the two estimates together are sharper than each, and their difference is what
    /// changed in the records.
    SameCells,
    /// The same cell counted by two statements: the difference is those whom only one of them counts.
    TwoStatements,
    /// A year less those of its quarters that are public: the difference is the other quarters.
    YearLessQuarters,
}

/// Cells of a new table that are differences with published cells (C13), and how sharp they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// How the two are put together.
    pub attack: Attack,
    /// The earlier release.
    pub release: ReleaseId,
    /// Its dataflow.
    pub earlier: String,
    /// The new dataflow.
    pub dataflow: String,
    /// Columns of the table that both have.
    pub dimensions: Vec<String>,
    /// How many cells.
    pub cells: u64,
    /// Half-width of the difference's 95 % interval: fewer persons than this stay hidden in it.
    pub margin: String,
    /// Half-width where both estimates of the same cells are combined; empty for the other attacks.
    pub combined: String,
    /// Who or what remains in the difference, in words.
    pub remains: String,
}

impl Difference {
    /// Who or what remains in the difference, in each language.
    pub fn remains_in_words(&self) -> Text {
        let (new, old) = (&self.dataflow, &self.earlier);
        match self.attack {
            Attack::SameCells => Text::new(
                "ce qui a changé depuis dans les dossiers",
                "ما تغير في الملفات منذ ذلك الحين",
                &self.remains,
            ),
            Attack::TwoStatements => Text::new(
                format!("celles que seul l'un de {new} et {old} compte"),
                format!("من يحسبهم واحد فقط من \u{2066}{new}\u{2069} و\u{2066}{old}\u{2069}"),
                &self.remains,
            ),
            Attack::YearLessQuarters => {
                Text::new(&self.remains, format!("\u{2066}{}\u{2069}", self.remains), &self.remains)
            }
        }
    }
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
    /// Cost of all: the joint vector, the series that it opens, the steps that it draws again.
    pub nano_rho: NanoRho,
    /// Private record types that it reads, those of its series included.
    pub record_types: Vec<RecordTypeId>,
    /// Calendar years that its periods touch.
    pub years: Vec<u16>,
    /// Distinct approvers that the policy asks for.
    pub approvals_needed: u32,
    /// The request itself.
    pub request: Request,
    /// Its first-time series, in the request's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<SeriesTerms>,
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
    /// Strategies that were weighed or asked for; proposals without any are written as they were before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<Choice>,
    /// Cells estimated again.
    pub overlap: Vec<Overlap>,
    /// What the new tables and published ones tell together; proposals without any are written as they were before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// The machine-checked part of the steward's checklist, and the items that a person answers.
    pub checklist: Vec<Item>,
}

/// Items that want words; the others of [`Proposal::questions`] may be confirmed without (governance 7).
const IN_WORDS: [&str; 3] = ["C18", "C22", "C23"];

impl SeriesDefinition {
    /// The definition in the present format, by the present mechanism.
    pub fn new(
        selection_key: &str,
        statistic: StatisticId,
        record_types: BTreeSet<RecordTypeId>,
        plan: Option<Digest>,
        shape: SeriesShape,
    ) -> Self {
        Self {
            format: "marsad-series/1".to_owned(),
            mechanism: SERIES_MECHANISM.to_owned(),
            selection_key: selection_key.to_owned(),
            statistic,
            record_types,
            plan,
            shape,
        }
    }

    /// S: the hash of the definition's canonical JSON.
    ///
    /// # Errors
    /// Where a number does not fit canonical JSON.
    pub fn id(&self) -> Result<Digest, CanonicalError> {
        canonical::digest(self)
    }
}

impl Request {
    /// Its first-time series, each with the statistic that shows it.
    pub fn series(&self) -> impl Iterator<Item = (&StatisticRequest, &SeriesRequest)> {
        self.statistics.iter().filter_map(|statistic| Some((statistic, statistic.series.as_ref()?)))
    }

    /// The price in nano-ρ of the joint vector, of the series that `terms` open, and of the redraws; `None` where a redraw
    /// is of no series in `terms`, or the sum is beyond every budget.
    pub fn price(&self, terms: &[SeriesTerms]) -> Option<NanoRho> {
        let opened = terms.iter().filter(|terms| terms.opens).map(|terms| Some(terms.nano_rho));
        let redrawn = self.redraws.iter().map(|redraw| {
            let (_, asked) = self.series().find(|(_, asked)| asked.series == redraw.series)?;
            let terms = terms.iter().find(|terms| terms.series == redraw.series)?;
            Some(asked.shape.redraw_price(terms.nano_rho))
        });
        opened.chain(redrawn).try_fold(self.nano_rho, |sum, price| sum.checked_add(price?))
    }
}

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

    /// Whether the answer to an item must be in words.
    pub fn asks_for_words(&self, id: &str) -> bool {
        IN_WORDS.contains(&id)
    }

    /// Items that `confirmed` answers and the checklist does not have, each with the nearest one that it has.
    pub fn not_on_the_checklist(&self, confirmed: &BTreeMap<String, String>) -> Vec<(String, Option<&str>)> {
        let known: Vec<&str> = self.checklist.iter().map(|item| item.id.as_str()).collect();
        let strange = confirmed.keys().filter(|id| !known.contains(&id.as_str()));
        strange.map(|id| (id.clone(), nearest(id, known.iter().copied()))).collect()
    }

    /// Checklist items that the machine found wrong: they cannot be approved.
    pub fn failed(&self) -> Vec<String> {
        let failed = self.checklist.iter().filter(|item| item.state == Standing::Fail);
        failed.map(|item| item.id.clone()).collect()
    }
}
