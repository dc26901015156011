//! Δ²: the squared norm that one person adds at most, from the shape alone, as exact integers (algorithms 2.1).
//!
//! Claim: for each statistic no person's rows make a vector of larger squared norm than [`statistic`] says, and a
//! release's vectors add up ([`joint`]). Proof: per mode below, with the state machine in [`crate::bound::Tally`].
//! Attack: `tests::bounds` draws adversarial persons and reaches equality in each mode. It deliberately lacks floats.

use crate::error::Error;
use crate::shape::{Aggregate, Bound, Component, StatisticShape, TableSpec};

/// Precision multipliers of the two bounding figures (algorithms 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FigureWeights {
    /// Of `clipped`.
    pub b_c: u32,
    /// Of `left_out`.
    pub b_l: u32,
}

impl FigureWeights {
    /// What every release uses.
    pub const STANDARD: Self = Self { b_c: 1, b_l: 1 };
}

/// Δ² of one statistic in integer units, its bounding figures included.
///
/// # Errors
/// `TooSensitive` where 128 bits do not hold it.
pub fn statistic(shape: &StatisticShape, f: u32) -> Result<u128, Error> {
    with_weights(shape, f, FigureWeights::STANDARD)
}

/// Δ² of one release: its statistics are one vector, so theirs add up (algorithms 5.4).
///
/// # Errors
/// `TooSensitive` where 128 bits do not hold it.
pub fn joint(shapes: &[StatisticShape], f: u32) -> Result<u128, Error> {
    shapes
        .iter()
        .try_fold(0_u128, |sum, shape| sum.checked_add(statistic(shape, f)?).ok_or(Error::TooSensitive))
}

/// Δ² of one residual component in integer units: P·4^f·Π n(n − 1) over its dimensions (algorithms 3.5).
///
/// Claim: under `home_cell` no person moves Ξ_B x_B, over all periods of the grain, by more. Proof: x_B counts a person at
/// most once in each period, as 2^f in one cell. That moves the period's integers by 2^f times a column of Ξ_B = ⊗(n·I −
/// 11ᵀ), whose squared norm is Π ((n − 1)² + (n − 1)) = Π n(n − 1); periods have cells of their own, so squares add.
/// Attack: `residual::tests::the_worst_person_reaches_each_claim_and_nobody_passes_it`.
///
/// # Errors
/// `TooSensitive` where 128 bits do not hold it.
pub fn component(shape: &StatisticShape, component: &Component, f: u32) -> Result<u128, Error> {
    let sizes = component.dimensions.iter().map(|d| shape.dimensions[*d].codes.len() as u128);
    let column = |product: u128, n: u128| product.checked_mul(n)?.checked_mul(n.checked_sub(1)?);
    let periods = shape.n_periods(component.grain) as u128;
    sizes
        .into_iter()
        .try_fold(periods, column)
        .and_then(|units| units.checked_mul(1_u128.checked_shl(2 * f)?))
        .ok_or(Error::TooSensitive)
}

pub(crate) fn with_weights(shape: &StatisticShape, f: u32, weights: FigureWeights) -> Result<u128, Error> {
    let units = match shape.bound {
        Bound::HomeCell => over_tables(shape, |table| per_period(shape, table, 1)),
        Bound::Truncate { k, .. } => {
            over_tables(shape, |table| per_period(shape, table, kappa(shape, table, k)))
        }
        // Its one entry: one unit in one cell of each table. What a series makes of it: `SeriesShape::delta_squared`.
        Bound::First { .. } => over_tables(shape, |table| Some(squared(table.b))),
        Bound::NormClip { c_squared, .. } => Some(u128::from(c_squared)),
    };
    let figures = shape.left_out_cap().map_or(0, |_| squared(weights.b_c) + squared(weights.b_l));
    units
        .and_then(|units| units.checked_add(figures))
        .and_then(|units| units.checked_mul(1_u128.checked_shl(2 * f)?))
        .ok_or(Error::TooSensitive)
}

/// κ of one table under truncation to k: the squared norm of one person in one of its periods (algorithms 2.1).
///
/// k rows may share one cell: k². Distinct persons are 0 or 1 in each cell: k cells, or one where no dimension is
/// multi-valued.
pub fn kappa(shape: &StatisticShape, table: &TableSpec, k: u32) -> u128 {
    match shape.aggregates[table.aggregate] {
        Aggregate::Persons if shape.multi_valued_of(table).is_empty() => u128::from(k.min(1)),
        Aggregate::Persons => u128::from(k),
        Aggregate::Rows | Aggregate::Sum(_) => squared(k),
    }
}

fn over_tables(shape: &StatisticShape, term: impl Fn(&TableSpec) -> Option<u128>) -> Option<u128> {
    shape.tables.iter().try_fold(0_u128, |sum, table| sum.checked_add(term(table)?))
}

fn per_period(shape: &StatisticShape, table: &TableSpec, kappa: u128) -> Option<u128> {
    let periods = u128::try_from(shape.n_periods(table.grain)).ok()?;
    squared(table.b).checked_mul(periods)?.checked_mul(kappa)
}

fn squared(value: u32) -> u128 {
    u128::from(value) * u128::from(value)
}
