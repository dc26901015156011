//! The estimate of one statistic as publication reads it: columns, tables, cells.

use marsad_terms::{Grain, StatisticId};

use crate::error::Error;
use crate::flag::Flag;
use crate::noisy_table::NoisyTable;

/// All output columns of one statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimatedStatistic {
    /// Which.
    pub id: StatisticId,
    /// One for each output of the shape, in its order.
    pub columns: Vec<EstimatedColumn>,
}

/// One output column: one dataflow.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimatedColumn {
    /// The column's alias.
    pub name: String,
    /// Its measured grouping sets, in the shape's order.
    pub tables: Vec<EstimatedTable>,
}

/// One grouping set.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimatedTable {
    /// The period attribute.
    pub grain: Grain,
    /// Indices into the shape's dimensions, ascending.
    pub dimensions: Vec<usize>,
    /// What one unit of `raw` is worth: step/(b·2^f); `None` where there is no raw.
    pub raw_unit: Option<f64>,
    /// Row-major over (period, dimensions).
    pub cells: Vec<Cell>,
}

/// One published cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The noisy integer; `None` for ratios and running totals.
    pub raw: Option<i64>,
    /// Reconciled estimate, never clamped (a share: cut to 0–100); NaN where a ratio has no bounded interval.
    pub estimate: f64,
    /// Its variance, exact; NaN for ratios.
    pub variance: f64,
    /// Lower end of the 95 % interval.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Half the interval's length before any cut.
    pub margin: f64,
    /// Reliability.
    pub flag: Flag,
    /// Whole, non-negative, adding up; `None` where the flag is Q.
    pub value: Option<i64>,
}

/// Estimates one statistic of a release.
///
/// # Errors
/// `Unknown` if the release has no statistic of that number.
pub fn estimate(_noisy: &NoisyTable, _statistic: usize) -> Result<EstimatedStatistic, Error> {
    Err(Error::Unknown { what: "statistic of that number" })
}
