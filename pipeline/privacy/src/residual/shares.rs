//! How much of a statistic's price each component gets: by weights of tables, or by what each table has to reach.
//!
//! Any positive shares keep the promise; these make the best of it. Floats decide here on usefulness alone, and what they
//! decide stands in the request as whole numbers. Only +, ×, ÷ and √ are used, which every machine rounds alike.

use super::Components;
use crate::sensitivity;
use crate::shape::{StatisticShape, Strategy};

/// Shares are whole parts of this.
const WHOLE: f64 = 1e6;
/// Enough for four digits of the price; each step costs one sum over components and tables.
const STEPS: usize = 400;

/// The shares that make Σ ω·Var over the tables least, ω by table.
///
/// Claim: none are better. Proof: Var of A is `Σ_B τ_B²·g_B/N²`, the price `Σ_B P·g_B/(2τ_B²)`; by Cauchy–Schwarz the best
/// prices are proportional to √(P·g_B·v_B), v_B = Σ_A ω_A·g_B/N² (algorithms 3.5). Attack: V2.
pub(crate) fn by_weight(shape: &StatisticShape, weights: &[f64]) -> Strategy {
    let components = Components::of(shape);
    let parts = components.optimal(weights);
    components.rounded(&parts)
}

/// The shares that reach given variances of all tables at the least price.
///
/// The dual's weights are found by multiplying each by how far its table misses; the best of all steps is kept, and its
/// price is computed from its own shares, so that an early end costs precision only.
pub(crate) fn for_targets(shape: &StatisticShape, targets: &[f64]) -> Strategy {
    let components = Components::of(shape);
    let mut weights: Vec<f64> = targets.iter().map(|target| target.recip()).collect();
    let mut best = (Vec::new(), f64::INFINITY);
    for _ in 0..STEPS {
        let parts = components.optimal(&weights);
        let misses: Vec<f64> =
            components.variances(&parts).iter().zip(targets).map(|(var, target)| var / target).collect();
        let price = misses.iter().copied().fold(0.0, f64::max);
        if price < best.1 {
            best = (parts, price);
        }
        weights.iter_mut().zip(&misses).for_each(|(weight, miss)| *weight *= miss / price);
    }
    components.rounded(&best.0)
}

/// The variance of each table's cells where the release's noise has variance 1 on the integers of tables: a statistic with
/// residuals then pays half its Δ² (see [`crate::spend::Spend`]).
pub(crate) fn unit_variances(shape: &StatisticShape, f: u32) -> Vec<f64> {
    let delta_squared = sensitivity::statistic(shape, f).expect("a joint's shapes have one");
    let paid = delta_squared as f64 / 2.0;
    let shares: Vec<f64> = shape.strategy.components().iter().map(|c| f64::from(c.share)).collect();
    let all: f64 = shares.iter().sum();
    let parts: Vec<f64> = shares.iter().map(|share| share / all).collect();
    Components::of(shape).variances(&parts).iter().map(|variance| variance / paid).collect()
}

impl Components {
    /// The parts of a price of 1, by component.
    pub(super) fn optimal(&self, weights: &[f64]) -> Vec<f64> {
        let mut gains = vec![0.0; self.prices.len()];
        for (weight, table) in weights.iter().zip(&self.tables) {
            for (component, adds) in table {
                gains[*component] += weight * adds;
            }
        }
        let roots: Vec<f64> =
            gains.iter().zip(&self.prices).map(|(gain, price)| (gain * price).sqrt()).collect();
        let all: f64 = roots.iter().sum();
        roots.into_iter().map(|root| root / all).collect()
    }

    /// Var of each table's cells at a price of 1 shared in these parts: τ_B² = P·g_B/(2ρ_B).
    pub(super) fn variances(&self, parts: &[f64]) -> Vec<f64> {
        let term =
            |(component, adds): &(usize, f64)| adds * self.prices[*component] / (2.0 * parts[*component]);
        self.tables.iter().map(|table| table.iter().map(term).sum()).collect()
    }

    fn rounded(&self, parts: &[f64]) -> Strategy {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1 to a million")]
        let share = |part: &f64| (part * WHOLE).round().clamp(1.0, WHOLE) as u32;
        self.with_shares(parts.iter().map(share))
    }
}
