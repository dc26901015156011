//! One output column of a statistic as all formats see it: dimensions, rows in order, what protects them (publication 2).
//!
//! Order of rows: period ascending as text, then each dimension in its list's order, totals first. It deliberately lacks
//! any format.

mod cost;
mod exact;
mod heading;
mod measured;
mod series;

use marsad_catalog::{Catalog, CodeList};
use marsad_ledger::proposal::{Proposal, StatisticRequest};
use marsad_privacy::estimate::{Bounding, Cell};
use marsad_privacy::flag::Flag;
use marsad_privacy::shape::Bound;
use marsad_terms::{Digest, Grain, NanoRho, Period, StatisticId, Text, flow_id};

use crate::combined::Source;
use crate::error::{Error, Result};
use crate::indicators;
use crate::released::ReleasedTable;

pub use cost::apportion;
pub(crate) use heading::Heading;
pub(crate) use measured::of_figures;

/// With `DSD_` before it an id has at most 50 characters.
pub(crate) const LONGEST_ID: usize = 46;
/// The total that publication puts in front of a list without a root.
pub const TOTAL: &str = "_T";

/// One dataflow: one measure, its own files.
#[derive(Clone, Debug)]
pub struct Dataflow {
    /// The stem of its files: the statistic's id, or `<statistic>_<alias>` from the second output column on.
    pub id: String,
    /// The statistic that it is a column of.
    pub statistic: StatisticId,
    /// Agency of its SDMX artefacts.
    pub agency: String,
    /// Version of its structure.
    pub version: String,
    /// Title.
    pub title: Text,
    /// How to read it.
    pub note: Text,
    /// UNIT_MEASURE code.
    pub unit: String,
    /// What its figures are.
    pub measure: Measure,
    /// Its dimensions, the period apart.
    pub dimensions: Vec<Dimension>,
    /// Ids of the dimensions whose codes add up to their total.
    pub additive_over: Vec<String>,
    /// All rows, in order, structural zeros included.
    pub rows: Vec<Row>,
    /// Its part of the release's cost.
    pub nano_rho: NanoRho,
    /// How it is protected, or why it needs no protection.
    pub protection: Protection,
}

/// What the figures of a dataflow are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Counts or sums of a period.
    Sum,
    /// Running totals of first-time persons.
    Running,
    /// A part in per cent, cut to 0–100.
    Share,
    /// A quotient in its own unit.
    Average,
}

impl Measure {
    /// Whether it is a quotient: nothing adds up, no cell is measured itself.
    pub fn is_ratio(self) -> bool {
        matches!(self, Self::Share | Self::Average)
    }
}

/// How a dataflow is protected.
#[derive(Clone, Debug)]
pub enum Protection {
    /// Noise on bounded contributions.
    Noise(Box<Noise>),
    /// Activities of organisations: exact, no person in them. Grain and dimension ids of each table.
    Exact(Vec<(Grain, Vec<String>)>),
    /// Computed from these released dataflows, at no further cost.
    Derived(Vec<String>),
    /// Estimated from the noise of these releases together, at no further cost.
    Combined(Vec<Source>),
}

/// Bound and noise of a dataflow.
#[derive(Clone, Debug)]
pub struct Noise {
    /// The bound of a person's contribution.
    pub bound: Bound,
    /// Where its constant comes from.
    pub source: Option<String>,
    /// What the bound left out.
    pub left_out: Option<Bounding>,
    /// Which figures are smaller for it.
    pub reduced: Reduced,
    /// Standard deviation of `raw`, in its integers.
    pub sigma: f64,
    /// Fixed-point digits: a unit of `raw` is step/(b·2^f).
    pub f: u32,
    /// Whether a sum in it can be negative (algorithms 5.3).
    pub negative: bool,
    /// The first-time series that it continues; `sigma` is then that of each noisy step.
    pub series: Option<Series>,
    /// Its tables.
    pub tables: Vec<MeasuredTable>,
    /// The residual components that got the noise in their place; empty where the tables themselves did.
    pub residuals: Vec<MeasuredResidual>,
}

/// Which figures of a dataflow a bound makes smaller than the true number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reduced {
    /// None: everybody counts once, or the figures are quotients.
    None,
    /// All: what a person has beyond the bound is scaled down, or not counted.
    All,
    /// Those by one of these dimensions, of which a person may have several codes; without them everybody counts.
    By(Vec<usize>),
}

impl Reduced {
    /// Whether figures broken down by these dimensions are.
    pub fn holds(&self, dimensions: &[usize]) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::By(several) => dimensions.iter().any(|d| several.contains(d)),
        }
    }
}

/// One residual component behind a dataflow (algorithms 3.5): it is measured, the tables are made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredResidual {
    /// What is counted, where a dataflow has two aggregates.
    pub aggregate: Option<String>,
    /// Its period attribute.
    pub grain: Grain,
    /// Ids of its dimensions, the period apart.
    pub dimensions: Vec<String>,
    /// What it paid.
    pub nano_rho: NanoRho,
    /// Standard deviation of its noisy integers Ξ_B x_B.
    pub sigma: f64,
}

/// A first-time series behind a dataflow (algorithms 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// S: the digest of its definition.
    pub id: Digest,
    /// What it cost, once, when it was opened.
    pub nano_rho: NanoRho,
    /// Step 0.
    pub start: Period,
    /// Number of steps that were paid for.
    pub horizon: u32,
    /// The steps behind the published totals; one that was forfeited is missing.
    pub steps: Vec<u32>,
}

/// One measured table behind a dataflow.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredTable {
    /// What is counted, where a dataflow has two aggregates.
    pub aggregate: Option<String>,
    /// Its period attribute.
    pub grain: Grain,
    /// Ids of its dimensions, the period apart.
    pub dimensions: Vec<String>,
    /// Precision multiplier.
    pub b: u32,
    /// Grid of a sum.
    pub step: Option<f64>,
    /// step/(b·2^f); `None` in a series, whose totals are not measured themselves.
    pub raw_unit: Option<f64>,
}

/// A coded dimension with its list as published: the total first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// The SDMX id, such as `REF_AREA`.
    pub id: String,
    /// All codes in order, the total in front.
    pub codes: Vec<PublishedCode>,
}

/// One code of a published list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCode {
    /// The code.
    pub id: String,
    /// Its labels.
    pub label: Text,
    /// The code that it is a part of.
    pub parent: Option<String>,
    /// Codes of earlier versions of the list that it stands for: the list's column `was`.
    pub was: Vec<String>,
    /// What the programme wants to reach, where it is an indicator that has a target.
    pub target: Option<i64>,
}

/// One key with its figures.
#[derive(Clone, Debug)]
pub struct Row {
    /// The period.
    pub period: Period,
    /// Index of a code in each dimension's list; 0 is the total.
    pub codes: Vec<usize>,
    /// Its figures; `None` is a structural zero.
    pub cell: Option<Cell>,
    /// What one unit of `raw` is worth.
    pub raw_unit: Option<f64>,
}

impl Row {
    /// The OBS_STATUS code.
    pub fn status(&self) -> &'static str {
        self.cell.map_or("M", |cell| cell.flag.code())
    }

    /// The display value; absent where the status is Q or M.
    pub fn value(&self) -> Option<i64> {
        self.cell.filter(|cell| cell.flag != Flag::Q).and_then(|cell| cell.value)
    }

    /// Whether the display value is off the middle of its interval, by more than rounding takes and a tenth of the margin: what adds
    /// up is pulled up near zero, and ± the margin would be another interval.
    pub fn is_off_centre(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a published number is far below 2^53")]
        let off =
            |cell: Cell, value: i64| (value as f64 - cell.estimate).abs() > 0.5_f64.max(0.1 * cell.margin);
        self.cell.zip(self.value()).is_some_and(|(cell, value)| off(cell, value))
    }
}

impl Dimension {
    /// The published form of a code list: a list with exactly one root has its own total, every other gets `_T`.
    pub fn new(id: impl Into<String>, list: &CodeList) -> Self {
        let id = id.into();
        let published = |code: &marsad_catalog::Code| PublishedCode {
            id: code.id.clone(),
            label: code.label.clone(),
            parent: code.parent.clone(),
            was: code
                .attributes
                .get("was")
                .into_iter()
                .flat_map(|was| was.split_whitespace())
                .map(Into::into)
                .collect(),
            target: (id == indicators::LIST).then(|| indicators::target(code)).flatten(),
        };
        let roots: Vec<_> = list.codes.iter().filter(|code| code.parent.is_none()).collect();
        let mut codes: Vec<PublishedCode> = list.codes.iter().map(published).collect();
        match roots.as_slice() {
            [root] => codes.sort_by_key(|code| code.id != root.id),
            _ => codes.insert(0, total()),
        }
        Self { id, codes }
    }

    /// The place of a code.
    pub fn index(&self, code: &str) -> Option<usize> {
        self.codes.iter().position(|published| published.id == code)
    }

    /// Whether the list's own root is its total.
    pub fn has_root(&self) -> bool {
        self.codes[0].id != TOTAL
    }
}

fn total() -> PublishedCode {
    let label = Text::new("Total", "المجموع", "Total");
    PublishedCode { id: TOTAL.into(), label, parent: None, was: Vec::new(), target: None }
}

impl Dataflow {
    /// The id in SDMX, `DF_…`.
    pub fn flow(&self) -> String {
        flow_id(&self.id)
    }

    /// `MARSAD:DF_…(1.0.0)`
    pub fn reference(&self) -> String {
        format!("{}:{}({})", self.agency, self.flow(), self.version)
    }

    /// Its periods, ascending as text.
    pub fn periods(&self) -> Vec<Period> {
        let mut periods: Vec<Period> = self.rows.iter().map(|row| row.period).collect();
        sort_as_text(&mut periods);
        periods
    }

    /// The note, and of persons who is counted: a format that carries a table without the report says so too.
    pub fn description(&self) -> Text {
        let Text { fr, ar, en } = &self.note;
        if self.is_exact() {
            return self.note.clone();
        }
        Text {
            fr: format!("{fr} Seules sont comptées les personnes qui ont consenti aux statistiques."),
            ar: format!("{ar} لا يُحتسب إلا من وافقوا على الإحصاءات."),
            en: format!("{en} Only persons who consented to statistics are counted."),
        }
    }

    /// Whether its figures are exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.protection, Protection::Exact(_))
    }

    /// The first-time series that it continues.
    pub fn series(&self) -> Option<&Series> {
        match &self.protection {
            Protection::Noise(noise) => noise.series.as_ref(),
            _ => None,
        }
    }

    /// Whether a sum in it can be negative: attributes are then protected at 4ρ, not 2ρ (algorithms 5.3).
    pub fn has_negative_sums(&self) -> bool {
        matches!(&self.protection, Protection::Noise(noise) if noise.negative)
    }

    /// The row of a key.
    pub fn row(&self, period: Period, codes: &[usize]) -> Option<&Row> {
        self.rows.iter().find(|row| row.period == period && row.codes == codes)
    }

    /// The row of all totals.
    pub fn total(&self, period: Period) -> Option<&Row> {
        self.row(period, &vec![0; self.dimensions.len()])
    }

    pub(crate) fn sort(&mut self) {
        self.rows.sort_by_cached_key(|row| (row.period.to_string(), row.codes.clone()));
    }
}

/// Periods ascending as text (`2024` before `2024-Q3` before `2025`), each once.
pub(crate) fn sort_as_text(periods: &mut Vec<Period>) {
    periods.sort_by_cached_key(Period::to_string);
    periods.dedup();
}

/// All dataflows of a release, in its order of statistics and columns.
///
/// # Errors
/// `NotInCatalogue`, `NotTheProposal` and `DoesNotFit` where result, proposal and catalogue do not belong together.
pub fn dataflows(
    catalog: &Catalog,
    released: &ReleasedTable,
    proposal: &Proposal,
    agency: &str,
) -> Result<Vec<Dataflow>> {
    let mut all: Vec<Dataflow> = Vec::new();
    for request in proposal.request.statistics.iter().filter(|request| request.derived.is_none()) {
        all.extend(of_statistic(&Heading::new(catalog, &request.id, agency)?, released, request, proposal)?);
    }
    // Derived ones need the others, wherever they stand in the release.
    let mut ordered = Vec::new();
    for request in &proposal.request.statistics {
        if request.derived.is_some() {
            ordered.extend(indicators::derive(catalog, request, &all, agency)?);
        } else {
            ordered.extend(all.iter().filter(|flow| flow.statistic == request.id).cloned());
        }
    }
    if let Some(flow) = ordered.iter().find(|flow| flow.id.len() > LONGEST_ID) {
        return Err(Error::LongName { id: flow.id.clone() });
    }
    Ok(ordered)
}

fn of_statistic(
    heading: &Heading<'_>,
    released: &ReleasedTable,
    request: &StatisticRequest,
    proposal: &Proposal,
) -> Result<Vec<Dataflow>> {
    if let Some(table) = released.organisations(&request.id) {
        return exact::dataflows(heading, table);
    }
    if let Some((noisy, estimated)) = released.series(&request.id) {
        return Ok(vec![series::dataflow(heading, noisy, estimated, &proposal.request)?]);
    }
    let missing = || Error::NotTheProposal { what: format!("the result lacks `{}`", request.id) };
    let noisy = released.noisy().ok_or_else(missing)?;
    let index = noisy.shapes().iter().position(|shape| shape.id == request.id).ok_or_else(missing)?;
    measured::dataflows(heading, noisy, index, &released.estimated()[index])
}

#[cfg(test)]
mod tests;
