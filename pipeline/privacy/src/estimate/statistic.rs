//! The estimate of one statistic as publication reads it: columns, tables, cells.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use marsad_terms::{Grain, StatisticId};

use super::columns::Release;
use super::family::Family;
use super::interval::{Interval, Z};
use super::reconcile::{Figures, reconcile};
use super::simultaneous::Basis;
use crate::error::Error;
use crate::flag::Flag;
use crate::noisy_table::NoisyTable;
use crate::shape::{Expression, StatisticShape};

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
    /// What [`Self::joint_intervals`] needs.
    pub(crate) basis: Basis,
}

/// One published cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The noisy integer; `None` for ratios, running totals and tables made of residuals.
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

impl Cell {
    /// Nothing is known: no bounded interval, or a running total after a step that is missing.
    pub(crate) const NONE: Self = Self {
        raw: None,
        estimate: f64::NAN,
        variance: f64::NAN,
        lower: f64::NAN,
        upper: f64::NAN,
        margin: f64::NAN,
        flag: Flag::Q,
        value: None,
    };

    /// A running total of persons, which was not measured itself.
    pub(crate) fn of_total(estimate: f64, variance: f64, value: i64) -> Self {
        let Interval { lower, upper, .. } = Interval::normal(estimate, variance, Z, true);
        let margin = Z * variance.sqrt();
        let flag = Flag::of(estimate, margin);
        Self {
            raw: None,
            estimate,
            variance,
            lower,
            upper,
            margin,
            flag,
            value: (flag != Flag::Q).then_some(value),
        }
    }
}

impl EstimatedTable {
    /// A table of running totals, without cells yet.
    pub(crate) fn of_totals(grain: Grain, dimensions: Vec<usize>) -> Self {
        let basis = Basis::Normal { non_negative: true };
        Self { grain, dimensions, raw_unit: None, cells: Vec::new(), basis }
    }
}

/// Estimates one statistic of a release: reconciled estimates, intervals, flags, display values.
///
/// Post-processing of noisy integers and public facts: free of cost, and the same bytes each time. Sums, differences and
/// ratios start from `estimate`; `value` is for reading.
///
/// # Errors
/// `Unknown` if the release has no statistic of that number.
pub fn estimate(noisy: &NoisyTable, statistic: usize) -> Result<EstimatedStatistic, Error> {
    let shape = noisy.shapes().get(statistic).ok_or(Error::Unknown { what: "statistic of that number" })?;
    let mut figures = Figures::new();
    for family in Family::all(shape, noisy.f()) {
        figures.extend(reconcile(&family, noisy, statistic, is_shown(shape, family.aggregate)));
    }
    Ok(columns(&Release { measured: Some((noisy, statistic)), shape, figures: &figures }))
}

/// All statistics of a release, in its order, each by itself as [`estimate`] does, on all cores.
///
/// # Errors
/// None that [`estimate`] has not.
pub fn estimate_all(noisy: &NoisyTable) -> Result<Vec<EstimatedStatistic>, Error> {
    let n_statistics = noisy.shapes().len();
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get).min(n_statistics);
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let taken = taken.take_while(|statistic| *statistic < n_statistics);
        taken.map(|statistic| (statistic, estimate(noisy, statistic))).collect::<Vec<_>>()
    };
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        let done =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.flatten().collect::<Vec<_>>()
    });
    all.sort_by_key(|(statistic, _)| *statistic);
    all.into_iter().map(|(_, estimated)| estimated).collect()
}

/// Whether an aggregate is an output by itself: only then it has display values.
pub(crate) fn is_shown(shape: &StatisticShape, aggregate: usize) -> bool {
    shape.outputs.iter().any(|output| output.expression == Expression::Aggregate { aggregate })
}

/// All output columns.
pub(crate) fn columns(release: &Release<'_>) -> EstimatedStatistic {
    let columns = release.shape.outputs.iter().map(|output| release.column(output)).collect();
    EstimatedStatistic { id: release.shape.id.clone(), columns }
}
