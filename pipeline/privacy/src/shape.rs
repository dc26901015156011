//! The public shape of what is measured: a release's statistics, their tables, cells and bounds (algorithms 0 and 2.1).
//!
//! Everything here is fixed before any record is read. It deliberately lacks figures, and judgement: what may be
//! measured is decided by [`crate::joint::Joint`].

use marsad_terms::{Grain, Period, StatisticId};
use serde::{Deserialize, Serialize};

/// How the home value of a dimension is chosen among the person's own rows of one period (algorithms 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HomeRule {
    /// The code of the latest event month.
    MostRecent,
    /// The code of most rows.
    MostFrequent,
    /// The first in the code list's order.
    Priority,
}

/// One dimension of a statistic, the period apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    /// The column's name in SQL, such as `region`.
    pub name: String,
    /// The id of its code list, such as `REF_AREA`.
    pub code_list: String,
    /// The codes that are measured, in the list's order: no totals, no structural zeros; `_U` is last if the list has it.
    pub codes: Vec<String>,
    /// Codes that the record type or the SQL rules out: not measured, printed as `M`.
    pub zeros: Vec<String>,
    /// The rule that gives a person one value a period; `None` means multi-valued (algorithms 2.6).
    pub home: Option<HomeRule>,
}

/// What is counted or added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Aggregate {
    /// `COUNT(DISTINCT person_key)`: at most one a person and cell.
    Persons,
    /// `COUNT(*)` or `COUNT(x)`.
    Rows,
    /// `SUM(x)` in whole steps, clamped per row.
    Sum(Measure),
}

/// The declared bounds of a summed column, as decimal texts (algorithms 2.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Least value of a row.
    pub lower: String,
    /// Largest value of a row.
    pub upper: String,
    /// Grid that rows are rounded to, half to even.
    pub step: String,
}

/// One measured table: an aggregate over a period grain and some dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSpec {
    /// Index into [`StatisticShape::aggregates`].
    pub aggregate: usize,
    /// The one period attribute of the table.
    pub grain: Grain,
    /// Indices into [`StatisticShape::dimensions`], ascending.
    pub dimensions: Vec<usize>,
    /// Precision multiplier b, 1 to 1000 (algorithms 3.4).
    pub b: u32,
}

/// How one person's contribution is bounded (algorithms 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum Bound {
    /// One unit in one cell of each table for each period.
    HomeCell,
    /// One weight for the whole person so that the squared norm is at most `c_squared`.
    NormClip {
        /// C², a positive integer.
        c_squared: u64,
        /// Λ of the published loss.
        left_out_cap: u32,
    },
    /// The first k units of each period in keyed order.
    Truncate {
        /// Units kept.
        k: u32,
        /// Λ of the published loss.
        left_out_cap: u32,
    },
    /// One unit in the whole series, at the person's first period; published as running totals.
    First {
        /// The first step.
        start: Period,
    },
}

/// What gets the noise: the tables themselves, or their residuals (algorithms 3.1, 3.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Strategy {
    /// M1: each table is measured, and its noisy integers are published as `raw`.
    #[default]
    Tables,
    /// M2: each residual component of its tables is measured with noise of its own. Under `home_cell` only.
    Residuals {
        /// All components of all families, ascending by (aggregate, grain, dimensions).
        components: Vec<Component>,
    },
}

/// One residual component: what a set of dimensions adds to its subsets, in every period of one grain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Index into [`StatisticShape::aggregates`].
    pub aggregate: usize,
    /// The period attribute.
    pub grain: Grain,
    /// Indices into [`StatisticShape::dimensions`], ascending, each of two codes or more.
    pub dimensions: Vec<usize>,
    /// Its part of what the statistic pays, in proportion to the other components' shares.
    pub share: u32,
}

/// An output column of the SQL: one dataflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The column's alias.
    pub name: String,
    /// What it shows.
    pub expression: Expression,
}

/// An output in terms of the measured aggregates (indices into [`StatisticShape::aggregates`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Expression {
    /// The aggregate itself.
    Aggregate {
        /// Which.
        aggregate: usize,
    },
    /// A quotient, interval by Fieller. A share (both persons or both rows, the numerator a part) is clamped to 0–1 and published in per cent.
    Ratio {
        /// Upper part.
        numerator: usize,
        /// Lower part.
        denominator: usize,
        /// Whether the numerator is a part of the denominator.
        share: bool,
        /// Whether it is published in per cent, though it is no share: of two counts, of which neither is a part of the other.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        percent: bool,
    },
}

/// The vector of one statistic in one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticShape {
    /// Which statistic.
    pub id: StatisticId,
    /// The one bound of all its tables.
    pub bound: Bound,
    /// Its dimensions in the SQL's order, the period apart.
    pub dimensions: Vec<Dimension>,
    /// The release's periods that its tables use, ascending by text, both grains together.
    pub periods: Vec<Period>,
    /// Its aggregates.
    pub aggregates: Vec<Aggregate>,
    /// Its measured tables; cells of a table are row-major over (period, dimensions).
    pub tables: Vec<TableSpec>,
    /// Its output columns.
    pub outputs: Vec<Output>,
    /// What gets the noise. Requests that measure tables are written as they were before there was a choice.
    #[serde(default, skip_serializing_if = "Strategy::is_tables")]
    pub strategy: Strategy,
}

impl Strategy {
    /// Whether tables are measured.
    pub fn is_tables(&self) -> bool {
        matches!(self, Self::Tables)
    }

    /// The components; none where tables are measured.
    pub fn components(&self) -> &[Component] {
        match self {
            Self::Tables => &[],
            Self::Residuals { components } => components,
        }
    }
}

impl Expression {
    /// The aggregate whose measured tables an output has: its own, or the numerator.
    pub fn leading(&self) -> usize {
        match self {
            Self::Aggregate { aggregate } => *aggregate,
            Self::Ratio { numerator, .. } => *numerator,
        }
    }
}

impl StatisticShape {
    /// Whether two releases bound and tabulate alike; multipliers, periods and outputs may differ.
    pub fn has_tables_of(&self, other: &Self) -> bool {
        let tables = |shape: &Self| -> Vec<_> {
            shape.tables.iter().map(|t| (t.aggregate, t.grain, t.dimensions.clone())).collect()
        };
        (&self.bound, &self.dimensions, &self.aggregates, tables(self))
            == (&other.bound, &other.dimensions, &other.aggregates, tables(other))
    }

    /// The periods of one grain, ascending.
    pub fn periods_of(&self, grain: Grain) -> Vec<Period> {
        self.periods.iter().copied().filter(|period| period.grain() == grain).collect()
    }

    /// How many periods of one grain.
    pub fn n_periods(&self, grain: Grain) -> usize {
        self.periods.iter().filter(|period| period.grain() == grain).count()
    }

    /// Number of cells of one table.
    pub fn n_cells(&self, table: &TableSpec) -> usize {
        self.sizes(table).iter().product()
    }

    /// The lengths of a table's axes: period, then its dimensions.
    pub fn sizes(&self, table: &TableSpec) -> Vec<usize> {
        let dimensions = table.dimensions.iter().map(|d| self.dimensions[*d].codes.len());
        std::iter::once(self.n_periods(table.grain)).chain(dimensions).collect()
    }

    /// Where the cells of table `index` start in the statistic's vector.
    pub fn offset(&self, index: usize) -> usize {
        self.tables[..index].iter().map(|table| self.n_cells(table)).sum()
    }

    /// How many integers get noise: the vector's coordinates, or the cells of all components.
    pub fn n_measured(&self) -> usize {
        match &self.strategy {
            Strategy::Tables => self.n_coordinates(),
            Strategy::Residuals { components } => {
                components.iter().map(|component| self.n_component_cells(component)).sum()
            }
        }
    }

    /// Number of cells of one component over all its periods.
    pub fn n_component_cells(&self, component: &Component) -> usize {
        let codes = component.dimensions.iter().map(|d| self.dimensions[*d].codes.len());
        self.n_periods(component.grain) * codes.product::<usize>()
    }

    /// Length of the statistic's vector: all tables, then the two bounding figures where there are any.
    pub fn n_coordinates(&self) -> usize {
        self.offset(self.tables.len()) + if self.left_out_cap().is_some() { 2 } else { 0 }
    }

    /// Λ of the published loss, where the bound has one: then `clipped` and `left_out` end the vector (algorithms 2.2).
    pub fn left_out_cap(&self) -> Option<u32> {
        match self.bound {
            Bound::NormClip { left_out_cap, .. } | Bound::Truncate { left_out_cap, .. } => Some(left_out_cap),
            Bound::HomeCell | Bound::First { .. } => None,
        }
    }

    /// Whether one person may have several codes of the dimension in one period (M of algorithms 2.6).
    ///
    /// Under `home_cell` and `first` never: without a rule the smallest keyed tag decides.
    pub fn is_multi_valued(&self, dimension: usize) -> bool {
        match self.bound {
            Bound::HomeCell | Bound::First { .. } => false,
            Bound::NormClip { .. } | Bound::Truncate { .. } => self.dimensions[dimension].home.is_none(),
        }
    }

    /// The multi-valued dimensions of a table, ascending.
    pub fn multi_valued_of(&self, table: &TableSpec) -> Vec<usize> {
        table.dimensions.iter().copied().filter(|d| self.is_multi_valued(*d)).collect()
    }
}
