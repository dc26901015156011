//! Display values: whole, non-negative, and adding up within each slice of a family (algorithms 8, V7).
//!
//! One base table over all axes of the family is fitted, then rounded; every published table is a sum of it. It
//! deliberately lacks any use in inference: sums, differences and ratios start from estimates.

mod chain;
mod fit;
mod spread;

use super::family::Family;
use super::workload::{Axes, Residuals, Workload, n_cells};
use crate::shape::StatisticShape;

/// Units of 2^−20: from here on sums are exact.
pub(super) const ONE: i128 = 1 << 20;
/// Nearer to a whole number than this (2^−18), a fitted value is that number.
const SNAP: i128 = 4;
/// Base tables of more cells are rounded along the declared order of their axes.
const MOST_CELLS: usize = 20_000;
/// Likewise where more sums than this would have to be kept at once: the square of it is held in memory.
const MOST_SUMS: usize = 2_048;

/// How the display values of one family are made.
pub(crate) struct Display {
    sizes: Vec<usize>,
    tables: Vec<Marginal>,
    rounding: Rounding,
    non_negative: bool,
}

/// A published table as sums of the base table.
pub(super) struct Marginal {
    /// The variance of one measured cell.
    pub(super) variance: f64,
    /// For each base cell the cell that it adds to.
    pub(super) places: Vec<u32>,
    pub(super) n_cells: usize,
}

/// How a fitted base table becomes whole.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rounding {
    /// From the total down these tables, each part of the next.
    Chain(Vec<Axes>),
    /// Beck and Fiala's walk.
    Spread,
}

impl Display {
    /// For the tables of a workload.
    pub(crate) fn new(workload: &Workload, non_negative: bool) -> Self {
        let sizes = workload.sizes().to_vec();
        let axes: Vec<Axes> = workload.tables().iter().map(|(axes, _)| *axes).collect();
        let marginal = |(axes, variance): &(Axes, f64)| Marginal {
            variance: *variance,
            places: projection(&sizes, *axes),
            n_cells: n_cells(&sizes, *axes),
        };
        let tables = workload.tables().iter().map(marginal).collect();
        Self { tables, rounding: Rounding::of(&sizes, &axes), sizes, non_negative }
    }

    /// Whole values of each table of one slice, in the workload's order.
    ///
    /// Guarantee: all tables are sums of one whole base table. Along a chain of published tables each cell is the floor
    /// or ceiling of its fitted value; else each base cell is, and each sum lies less than the number of tables away.
    /// Figures that may be negative are rounded alike, from the unconstrained fit.
    pub(crate) fn values(
        &self,
        workload: &Workload,
        residuals: &Residuals,
        observed: &[Vec<f64>],
    ) -> Vec<Vec<i64>> {
        let best = workload.table(residuals, workload.all_axes());
        let fitted = if self.non_negative { fit::non_negative(&self.tables, observed, best) } else { best };
        let whole = self.round(&fitted.into_iter().map(units).collect::<Vec<_>>());
        let to_i64 =
            |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
        let shown = |table: &Marginal| table.sum(&whole).into_iter().map(to_i64).collect();
        self.tables.iter().map(shown).collect()
    }

    fn round(&self, units: &[i128]) -> Vec<i128> {
        match &self.rounding {
            Rounding::Chain(chain) => chain::round(&self.sizes, chain, units),
            Rounding::Spread => spread::round(&self.tables, units)
                // The walk keeps its guarantee but for a defect of floating point; the order of the axes always holds.
                .unwrap_or_else(|| chain::round(&self.sizes, &prefixes(self.sizes.len()), units)),
        }
    }
}

impl Marginal {
    /// The table's cells as sums of base cells.
    pub(super) fn sum(&self, base: &[i128]) -> Vec<i128> {
        let mut sums = vec![0; self.n_cells];
        for (place, cell) in self.places.iter().zip(base) {
            sums[*place as usize] += cell;
        }
        sums
    }
}

impl Rounding {
    fn of(sizes: &[usize], tables: &[Axes]) -> Self {
        let mut chain = tables.to_vec();
        chain.sort_unstable_by_key(|axes| axes.count_ones());
        if chain.windows(2).all(|pair| pair[0] & !pair[1] == 0) {
            return Self::Chain(chain);
        }
        if is_large(sizes, tables) { Self::Chain(prefixes(sizes.len())) } else { Self::Spread }
    }
}

/// Whether the display values of an aggregate are rounded along the declared order of its dimensions: its crossing tables
/// may then be further from their estimates than others, and bundles say so (algorithms 8).
pub fn rounds_along_the_order(shape: &StatisticShape, aggregate: usize) -> bool {
    Family::all(shape, 0).iter().filter(|family| family.aggregate == aggregate).any(|family| {
        let workload = family.workload(1.0);
        let axes: Vec<Axes> = workload.tables().iter().map(|(axes, _)| *axes).collect();
        let nested = axes.iter().all(|a| axes.iter().all(|b| a & !b == 0 || b & !a == 0));
        !nested && is_large(workload.sizes(), &axes)
    })
}

/// From public sizes alone, so that the same request is rounded the same way.
fn is_large(sizes: &[usize], tables: &[Axes]) -> bool {
    let all: usize = sizes.iter().product();
    let can_bind = |axes: &&Axes| all / n_cells(sizes, **axes) > tables.len();
    let n_sums: usize = tables.iter().filter(can_bind).map(|axes| n_cells(sizes, *axes)).sum();
    all > MOST_CELLS || n_sums > MOST_SUMS
}

fn prefixes(n_axes: usize) -> Vec<Axes> {
    (1..=n_axes).map(|n| (1 << n) - 1).collect()
}

/// For each cell over all axes the cell of the table that it adds to.
pub(super) fn projection(sizes: &[usize], axes: Axes) -> Vec<u32> {
    let mut stride = n_cells(sizes, axes);
    let mut places = vec![0_usize];
    for (axis, size) in sizes.iter().enumerate() {
        let inside = axes >> axis & 1 == 1;
        stride /= if inside { *size } else { 1 };
        let step = if inside { stride } else { 0 };
        places = places.iter().flat_map(|place| (0..*size).map(move |code| place + code * step)).collect();
    }
    // A joint refuses base tables of more than 2^22 cells.
    places.into_iter().map(|place| u32::try_from(place).unwrap_or(u32::MAX)).collect()
}

/// A fitted value in whole units, snapped to a near whole number.
#[expect(clippy::cast_possible_truncation, reason = "below 2^62·2^20, and casts of doubles saturate")]
fn units(value: f64) -> i128 {
    let units = (value * ONE as f64).round() as i128;
    let whole = (units + ONE / 2).div_euclid(ONE) * ONE;
    if (units - whole).abs() < SNAP { whole } else { units }
}

#[cfg(test)]
mod tests;
