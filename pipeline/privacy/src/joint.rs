//! The one vector of a release: checked shapes, one f, one Δ² (algorithms 2.1, 4.1).
//!
//! A [`Joint`] exists only for shapes that the privacy proof covers. It deliberately lacks figures and prices.

use std::collections::BTreeSet;

use crate::bound::quantise::Quantiser;
use crate::error::Error;
use crate::estimate::family;
use crate::residual::Components;
use crate::sensitivity;
use crate::shape::{Aggregate, Bound, Expression, Output, StatisticShape, TableSpec};

/// At most this many cells a release (algorithms 11).
pub const MOST_CELLS: usize = 1 << 22;
/// Fixed-point digits wherever weights or reconciled tables need them.
pub const FIXED_POINT: u32 = 16;
/// No more fixed-point digits than this.
pub const MOST_FIXED_POINT: u32 = 20;
/// At most this many aggregates a statistic: one bit of a row each.
pub const MOST_AGGREGATES: usize = 64;

/// Checked shapes of a release with their common f and Δ².
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joint {
    shapes: Vec<StatisticShape>,
    f: u32,
    delta_squared: u128,
}

impl Joint {
    /// Checks the shapes and chooses f by [`choose_f`].
    ///
    /// # Errors
    /// What makes a shape unfit to be measured.
    pub fn new(shapes: Vec<StatisticShape>) -> Result<Self, Error> {
        let f = choose_f(&shapes);
        Self::with_f(shapes, f)
    }

    /// Checks the shapes for an f that was fixed before, such as a stored request's.
    ///
    /// # Errors
    /// What makes a shape unfit to be measured, or f smaller than the shapes need.
    pub fn with_f(shapes: Vec<StatisticShape>, f: u32) -> Result<Self, Error> {
        if f > MOST_FIXED_POINT || f < choose_f(&shapes) {
            return Err(Error::Precision { f });
        }
        for shape in &shapes {
            check(shape)?;
        }
        // Both what is added up and what gets noise has to fit.
        for length in [StatisticShape::n_coordinates, StatisticShape::n_measured] {
            let cells = shapes.iter().map(length).try_fold(0, usize::checked_add).unwrap_or(usize::MAX);
            if cells > MOST_CELLS {
                return Err(Error::TooManyCells { cells, most: MOST_CELLS });
            }
        }
        let delta_squared = sensitivity::joint(&shapes, f)?;
        Ok(Self { shapes, f, delta_squared })
    }

    /// The statistics in the release's order.
    pub fn shapes(&self) -> &[StatisticShape] {
        &self.shapes
    }

    /// Fixed-point digits: a unit is 1/(b·2^f).
    pub fn f(&self) -> u32 {
        self.f
    }

    /// Squared L2 sensitivity of all tables in integer units. Statistics with residuals count by what their tables would: it
    /// is what the price is shared by ([`crate::spend::Spend`]).
    pub fn delta_squared(&self) -> u128 {
        self.delta_squared
    }

    /// Number of coordinates of the whole vector.
    pub fn n_coordinates(&self) -> usize {
        self.shapes.iter().map(StatisticShape::n_coordinates).sum()
    }
}

/// f of a release: 16 wherever there is a clip, a bounding figure, a ratio, a residual or a family of several
/// tables; 0 where every table stands alone and is read by its exact interval (algorithms 4.1, 7.1).
///
/// With f = 16 the rule σ ≥ 10 of algorithms 7.2 holds at every price: Δ² ≥ 4^16 and ρ < 2^53·10⁻⁹ give σ > 15.
pub fn choose_f(shapes: &[StatisticShape]) -> u32 {
    if shapes.iter().all(stands_alone) { 0 } else { FIXED_POINT }
}

fn stands_alone(shape: &StatisticShape) -> bool {
    let alone = |table: &TableSpec| {
        shape.tables.iter().filter(|o| o.aggregate == table.aggregate && o.grain == table.grain).count() == 1
    };
    matches!(shape.bound, Bound::HomeCell)
        && shape.strategy.is_tables()
        && shape.outputs.iter().all(|output| matches!(output.expression, Expression::Aggregate { .. }))
        && shape.tables.iter().all(alone)
}

fn check(shape: &StatisticShape) -> Result<(), Error> {
    let fault = |what| Err(Error::Shape { statistic: shape.id.clone(), what });
    if shape.tables.is_empty() {
        return fault("it has no table");
    }
    if shape.aggregates.len() > MOST_AGGREGATES {
        return fault("it has more than 64 aggregates");
    }
    if shape.dimensions.iter().any(|d| d.codes.is_empty() || d.codes.len() >= usize::from(u16::MAX)) {
        return fault("a dimension has no code, or 65 535 or more");
    }
    if !strictly_ascending(&shape.periods) {
        return fault("its periods are not ascending");
    }
    check_tables(shape)?;
    check_bound(shape)?;
    if shape.outputs.iter().any(|output| !refers(shape, output)) {
        return fault("an output names an aggregate that is not measured");
    }
    if shape.outputs.iter().any(|output| !is_divided(shape, output)) {
        return fault("a ratio's numerator is measured over a set that its denominator lacks");
    }
    check_families(shape)?;
    Components::check(shape)?;
    shape.aggregates.iter().try_for_each(|aggregate| match aggregate {
        Aggregate::Sum(measure) => Quantiser::new(measure).map(|_| ()),
        Aggregate::Persons | Aggregate::Rows => Ok(()),
    })
}

pub(crate) fn check_tables(shape: &StatisticShape) -> Result<(), Error> {
    let fault = |what| Err(Error::Shape { statistic: shape.id.clone(), what });
    let mut seen = BTreeSet::new();
    for table in &shape.tables {
        if table.aggregate >= shape.aggregates.len()
            || table.dimensions.iter().any(|d| *d >= shape.dimensions.len())
        {
            return fault("a table names an aggregate or a dimension that is not declared");
        }
        if !strictly_ascending(&table.dimensions) {
            return fault("a table's dimensions are not ascending");
        }
        if !(1..=1000).contains(&table.b) {
            return fault("a precision multiplier b is outside 1 to 1000");
        }
        if shape.n_periods(table.grain) == 0 {
            return fault("a table has no period of its grain");
        }
        if shape
            .sizes(table)
            .into_iter()
            .try_fold(1, usize::checked_mul)
            .is_none_or(|cells| cells > MOST_CELLS)
        {
            return Err(Error::TooManyCells { cells: usize::MAX, most: MOST_CELLS });
        }
        if !seen.insert((table.aggregate, table.grain, &table.dimensions)) {
            return fault("two of its tables are the same");
        }
    }
    Ok(())
}

fn check_bound(shape: &StatisticShape) -> Result<(), Error> {
    let unbounded = |mode, aggregate| Err(Error::Unbounded { statistic: shape.id.clone(), mode, aggregate });
    let fault = |what| Err(Error::Shape { statistic: shape.id.clone(), what });
    let holds = |allowed: fn(&Aggregate) -> bool| shape.aggregates.iter().all(allowed);
    let only_persons = holds(|aggregate| matches!(aggregate, Aggregate::Persons));
    match shape.bound {
        Bound::HomeCell if !only_persons => unbounded("home_cell", "anything but distinct persons"),
        Bound::Truncate { .. } if !holds(|aggregate| !matches!(aggregate, Aggregate::Sum(_))) => {
            unbounded("truncate", "a sum")
        }
        Bound::First { .. } => fault("a first-time series is measured beside the joint vector"),
        Bound::NormClip { c_squared: 0, .. } => fault("C² is zero"),
        Bound::Truncate { k: 0, .. } => fault("k is zero"),
        Bound::NormClip { left_out_cap: 0, .. } | Bound::Truncate { left_out_cap: 0, .. } => {
            fault("`left_out_cap` is zero")
        }
        _ => Ok(()),
    }
}

fn refers(shape: &StatisticShape, output: &Output) -> bool {
    let measured = |aggregate: usize| shape.tables.iter().any(|table| table.aggregate == aggregate);
    match output.expression {
        Expression::Aggregate { aggregate } => measured(aggregate),
        Expression::Ratio { numerator, denominator, .. } => measured(numerator) && measured(denominator),
    }
}

/// Whether each table of a ratio's numerator has one of the denominator over the same set.
fn is_divided(shape: &StatisticShape, output: &Output) -> bool {
    let Expression::Ratio { numerator, denominator, .. } = output.expression else { return true };
    let below = |table: &TableSpec| {
        let same = |o: &TableSpec| o.grain == table.grain && o.dimensions == table.dimensions;
        shape.tables.iter().any(|o| o.aggregate == denominator && same(o))
    };
    shape.tables.iter().filter(|table| table.aggregate == numerator).all(below)
}

/// Display values are sums of one base table over all dimensions of a family's slice: it has to fit (algorithms 8).
pub(crate) fn check_families(shape: &StatisticShape) -> Result<(), Error> {
    let cells = |axes: &[usize]| {
        axes.iter().try_fold(1, |cells: usize, d| cells.checked_mul(shape.dimensions[*d].codes.len()))
    };
    let largest = family::base_axes(shape).iter().map(|axes| cells(axes).unwrap_or(usize::MAX)).max();
    let cells = largest.unwrap_or(0);
    if cells > MOST_CELLS { Err(Error::TooManyCells { cells, most: MOST_CELLS }) } else { Ok(()) }
}

fn strictly_ascending<T: PartialOrd>(items: &[T]) -> bool {
    items.windows(2).all(|pair| pair[0] < pair[1])
}
