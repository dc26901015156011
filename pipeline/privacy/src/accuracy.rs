//! Accuracy before spending: margins of a price and the price of a margin, from sizes alone (algorithms 9, V9).
//!
//! It deliberately lacks figures, and bias: what a bound leaves out is quoted from simulated data elsewhere.

mod multipliers;
mod strategy;

use marsad_terms::{Grain, NanoRho};

use crate::error::Error;
use crate::estimate::discrete;
use crate::estimate::family::Family;
use crate::estimate::interval::{LEVEL, Z};
use crate::joint::Joint;
use crate::residual;
use crate::sampler::Scale;
use crate::shape::{Expression, StatisticShape, TableSpec};

pub use multipliers::{Multipliers, choose_b};
pub use strategy::{Preference, Reason, Wish, prefer, price_of, with_residuals};

/// The margin that is wanted of each measured table, by statistic and table, in units of the statistic.
///
/// Only their proportions matter; a table of no interest has a large one.
pub type Wanted<'a> = &'a [Vec<f64>];

/// What one table of an output will be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableAccuracy {
    /// Index of the statistic in the release.
    pub statistic: usize,
    /// Index into its outputs.
    pub output: usize,
    /// Index into its tables: one of the output's aggregate, or of a ratio's numerator.
    pub table: usize,
    /// Number of cells.
    pub cells: u64,
    /// Half the 95 % interval of each cell, in units of the statistic; `None` for a ratio, whose margin depends on its
    /// noisy denominator.
    pub margin: Option<f64>,
    /// Standard deviation of each cell; likewise.
    pub sd: Option<f64>,
}

/// The accuracy of every table of every output at a price.
///
/// # Errors
/// `ZeroPrice`.
pub fn forecast(joint: &Joint, price: NanoRho) -> Result<Vec<TableAccuracy>, Error> {
    at_price(joint, &all_unit_sds(joint), price)
}

/// What a price would buy.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The price of the whole release.
    pub price: NanoRho,
    /// The accuracy of its tables, in the order of [`forecast`].
    pub tables: Vec<TableAccuracy>,
}

/// What more or less ρ would buy: two steps an octave from a quarter of `price` to four times as much, ascending, with
/// exactly ½ρ, ρ and 2ρ among them. Prices round up; past 2^64 nano-ρ they are left out.
///
/// # Errors
/// `ZeroPrice`.
pub fn curve(joint: &Joint, price: NanoRho) -> Result<Vec<Offer>, Error> {
    let sds = all_unit_sds(joint);
    let mut prices: Vec<NanoRho> = (-4..=4).filter_map(|half_octaves| scaled(price, half_octaves)).collect();
    prices.dedup();
    let offer = |price| Ok(Offer { price, tables: at_price(joint, &sds, price)? });
    prices.into_iter().map(offer).collect()
}

/// price·√2^half_octaves, rounded up.
fn scaled(price: NanoRho, half_octaves: i32) -> Option<NanoRho> {
    // √2 in 60 binary digits, rounded up.
    const ROOT: u128 = 1_630_477_228_166_597_777;
    let octaves = half_octaves.div_euclid(2);
    let numerator = if half_octaves.rem_euclid(2) == 1 { ROOT } else { 1 << 60 };
    // Octaves are −2 to 2.
    let exact = (u128::from(price.get()) * numerator).checked_mul(1 << (octaves + 2))?;
    u64::try_from(exact.div_ceil(1 << 62)).ok().map(NanoRho::new)
}

fn all_unit_sds(joint: &Joint) -> Vec<Vec<f64>> {
    joint.shapes().iter().map(|shape| unit_sds(shape, joint.f())).collect()
}

fn at_price(joint: &Joint, unit_sds: &[Vec<f64>], price: NanoRho) -> Result<Vec<TableAccuracy>, Error> {
    let sigma = Scale::new(joint.delta_squared(), price)?.sigma;
    let mut tables = Vec::new();
    for (statistic, (shape, sds)) in joint.shapes().iter().zip(unit_sds).enumerate() {
        for (output, column) in shape.outputs.iter().enumerate() {
            let shown = matches!(column.expression, Expression::Aggregate { .. });
            for (table, spec) in shape.tables.iter().enumerate() {
                if spec.aggregate != column.expression.leading() {
                    continue;
                }
                let sd = sigma * sds[table];
                let half_width = || discrete::half_width(sigma * sigma, LEVEL) as f64 / f64::from(spec.b);
                let margin = if joint.f() == 0 { half_width() } else { Z * sd };
                tables.push(TableAccuracy {
                    statistic,
                    output,
                    table,
                    cells: shape.n_cells(spec) as u64,
                    margin: shown.then_some(margin),
                    sd: shown.then_some(sd),
                });
            }
        }
    }
    Ok(tables)
}

/// The least price of the whole release at which one table has the wanted margin: ρ = z²·K/(2·margin²), rounded up.
///
/// A count that stands alone is priced by its exact interval instead.
///
/// # Errors
/// `Unknown` if there is no such table, or the output is a ratio; `Unreachable` for a margin that is not positive, or that
/// no price reaches.
#[expect(clippy::too_many_arguments, reason = "four say which table, one how well, and no call repeats them")]
pub fn price_for(
    joint: &Joint,
    statistic: usize,
    output: usize,
    grain: Grain,
    dimensions: &[usize],
    margin: f64,
) -> Result<NanoRho, Error> {
    let unknown = |what| Error::Unknown { what };
    let shape = joint.shapes().get(statistic).ok_or(unknown("statistic of that number"))?;
    let output = shape.outputs.get(output).ok_or(unknown("output of that number"))?;
    let Expression::Aggregate { aggregate } = output.expression else {
        return Err(unknown("margin for a ratio before its denominator is known"));
    };
    let found = |spec: &TableSpec| {
        spec.aggregate == aggregate && spec.grain == grain && spec.dimensions == dimensions
    };
    let table = shape.tables.iter().position(found).ok_or(unknown("table over that set"))?;
    if margin.is_nan() || margin <= 0.0 {
        return Err(Error::Unreachable);
    }
    price_of_table(joint, statistic, table, margin)
}

fn price_of_table(joint: &Joint, statistic: usize, table: usize, margin: f64) -> Result<NanoRho, Error> {
    let shape = &joint.shapes()[statistic];
    let delta_squared = joint.delta_squared() as f64;
    if joint.f() == 0 {
        return nano(
            delta_squared / (2.0 * largest_variance((margin * f64::from(shape.tables[table].b)).floor())),
        );
    }
    let sd = unit_sds(shape, joint.f())[table];
    nano(closed_form(sd * sd * delta_squared, margin))
}

/// ω of each table: 1/wanted².
fn weights(joint: &Joint, wanted: Wanted<'_>) -> Result<Vec<Vec<f64>>, Error> {
    let sizes = joint.shapes().iter().map(|shape| shape.tables.len());
    if !wanted.iter().map(Vec::len).eq(sizes) {
        return Err(Error::Unknown { what: "table that each wish is for" });
    }
    let weights = wanted.iter().map(|wishes| wishes.iter().map(|wish| (wish * wish).recip()).collect());
    let weights: Vec<Vec<f64>> = weights.collect();
    let is_sound = |(wish, weight): (&f64, &f64)| *wish > 0.0 && weight.is_normal();
    if wanted.iter().flatten().zip(weights.iter().flatten()).all(is_sound) {
        Ok(weights)
    } else {
        Err(Error::Unreachable)
    }
}

/// ρ = z²·K/(2·margin²); K = 2·Var at ρ = 1, which is Δ² times the variance that unit noise gives.
fn closed_form(k: f64, margin: f64) -> f64 {
    Z * Z * k / (2.0 * margin * margin)
}

/// The standard deviation of each table's cells for noise of standard deviation 1 on the integers of tables.
fn unit_sds(shape: &StatisticShape, f: u32) -> Vec<f64> {
    if !shape.strategy.is_tables() {
        return residual::unit_variances(shape, f).into_iter().map(f64::sqrt).collect();
    }
    let mut sds = vec![0.0; shape.tables.len()];
    for family in Family::all(shape, f) {
        for (table, variance) in family.unit_variances() {
            sds[table] = variance.sqrt();
        }
    }
    sds
}

/// The largest σ² for which P(|Z| ≤ h) reaches the level, by bisection from below.
#[expect(
    clippy::cast_possible_truncation,
    reason = "casts of doubles saturate; such margins cost next to nothing"
)]
fn largest_variance(half_width: f64) -> f64 {
    // σ is near h/z for large h; beyond 2^20 the normal quantile is exact to six digits, and below the truth.
    if half_width > f64::from(1 << 20) {
        return (half_width / Z).powi(2);
    }
    let covers = |variance: f64| discrete::coverage(half_width as i64, variance) >= LEVEL;
    let (mut low, mut high) = (0.0, ((half_width + 2.0) / Z).powi(2) + 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if covers(middle) { low = middle } else { high = middle }
    }
    low
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie within 1 to 2^53"
)]
fn nano(rho: f64) -> Result<NanoRho, Error> {
    let nano = (rho * 1e9).ceil().max(1.0);
    if nano < 9_007_199_254_740_992.0 { Ok(NanoRho::new(nano as u64)) } else { Err(Error::Unreachable) }
}

#[cfg(test)]
pub(crate) mod tests;
