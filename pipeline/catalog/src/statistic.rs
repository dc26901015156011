//! Statistics (`queries/<id>.sql` + `<id>.toml`): one SQL statement and the public facts that go with it (interfaces 1).

use std::collections::BTreeMap;

use marsad_terms::{NanoRho, Period, StatisticId, Text};

/// The `mode` of `[bound]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundMode {
    /// `home_cell`
    HomeCell,
    /// `norm_clip`
    NormClip,
    /// `truncate`
    Truncate,
    /// `first`
    First,
    /// `none`: organisations only.
    None,
}

/// The `[bound]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundSpec {
    /// How a person's contribution is bounded.
    pub mode: BoundMode,
    /// C², with `norm_clip`.
    pub c_squared: Option<u64>,
    /// k, with `truncate`.
    pub k: Option<u32>,
    /// Λ of the published loss; 20 if absent.
    pub left_out_cap: u32,
    /// Where the constant comes from (C05).
    pub source: Option<String>,
    /// Steps of a first-time series.
    pub horizon: Option<u32>,
    /// Step 0 of a first-time series.
    pub start: Option<Period>,
    /// What a first-time series costs, once, for all its steps; [`SERIES_RHO`] if absent.
    pub rho: NanoRho,
}

impl BoundSpec {
    /// A mode without any of its constants.
    pub(crate) fn of(mode: BoundMode) -> Self {
        Self {
            mode,
            c_squared: None,
            k: None,
            left_out_cap: LEFT_OUT_CAP,
            source: None,
            horizon: None,
            start: None,
            rho: SERIES_RHO,
        }
    }
}

/// The price of a first-time series that declares none: ρ = 0.01.
pub const SERIES_RHO: NanoRho = NanoRho::new(10_000_000);

/// Λ of algorithms 2.2 where nothing is declared.
const LEFT_OUT_CAP: u32 = 20;

/// Bounds of a summed column, as decimal texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureSpec {
    /// Least value of a row.
    pub lower: String,
    /// Largest value of a row.
    pub upper: String,
    /// Grid of the values.
    pub step: String,
    /// `typical`: a typical row in whole steps, 1 if absent. Counts beside the sum are measured so much more precisely.
    pub typical_steps: u32,
}

/// The smallest area that a statistic shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Regions of the programme.
    Region,
    /// The country as a whole.
    National,
}

impl Area {
    /// As definitions write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::National => "national",
        }
    }
}

/// A further output column: its own dataflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    /// UNIT_MEASURE code.
    pub unit: String,
    /// Its title.
    pub title: Text,
    /// What it says and does not say; the statistic's own where there is none.
    pub note: Option<Text>,
}

/// What tables are expected to hold, as somebody has made public: for the forecast of cells that read A, U or Q (C09).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planning {
    /// Where the figures stand; never a look at the records.
    pub source: String,
    /// By grouping set, written `quarter,region`: the cells of one period, in any order; those not named are 0.
    pub figures: BTreeMap<String, Vec<u64>>,
}

/// A statistic as declared; whether its SQL is accepted is the analyser's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistic {
    /// The stem of its files.
    pub id: StatisticId,
    /// Version of its structure, `1.0.0`.
    pub version: String,
    /// Title of the first output column's dataflow.
    pub title: Text,
    /// How to read it.
    pub note: Text,
    /// UNIT_MEASURE code of the first output column.
    pub unit: String,
    /// Id in the purpose registry.
    pub purpose: String,
    /// Smallest area that it shows.
    pub smallest_area: Area,
    /// INDICATOR codes and `axis:N` that it answers.
    pub answers: Vec<String>,
    /// The bound.
    pub bound: BoundSpec,
    /// Home rule by dimension: `most_recent`, `most_frequent`, `priority`.
    pub home: BTreeMap<String, String>,
    /// Precision multiplier b by grouping set, written `quarter,region`.
    pub weights: BTreeMap<String, u32>,
    /// Bounds of summed columns.
    pub measures: BTreeMap<String, MeasureSpec>,
    /// Structural zeros by dimension.
    pub zeros: BTreeMap<String, Vec<String>>,
    /// Code list of columns that the SQL derives.
    pub codes: BTreeMap<String, String>,
    /// Further output columns by alias.
    pub columns: BTreeMap<String, ColumnSpec>,
    /// Figures that were planned with, for the first output column.
    pub planning: Option<Planning>,
    /// `derived = "indicators"`: computed by publication from released figures; then there is no SQL.
    pub derived: Option<String>,
    /// The statement, as written; empty for a derived statistic.
    pub sql: String,
}

impl Statistic {
    /// A statement that nobody has defined yet: a norm clip of C² = 1 over all its dimensions, no measure has bounds.
    pub fn undefined(id: StatisticId, sql: String) -> Self {
        Self {
            id,
            version: "0.0.0".to_owned(),
            title: Text::same(""),
            note: Text::same(""),
            unit: String::new(),
            purpose: String::new(),
            smallest_area: Area::Region,
            answers: Vec::new(),
            bound: BoundSpec { c_squared: Some(1), ..BoundSpec::of(BoundMode::NormClip) },
            home: BTreeMap::new(),
            weights: BTreeMap::new(),
            measures: BTreeMap::new(),
            zeros: BTreeMap::new(),
            codes: BTreeMap::new(),
            columns: BTreeMap::new(),
            planning: None,
            derived: None,
            sql,
        }
    }
}
