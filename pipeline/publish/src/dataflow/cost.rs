//! Which dataflow pays how much of the joint cost, in whole nano-ρ that add up (publication 2, PRIVACY_RHO).
//!
//! Statistics share by their part of Δ², columns of one statistic by their tables' part; a table used by several columns is
//! charged to the first, and what no column shows (bounding figures, hidden tables) to the statistic's first.

use marsad_privacy::noisy_table::NoisyTable;
use marsad_privacy::sensitivity;
use marsad_privacy::shape::{Bound, Expression, StatisticShape, TableSpec};
use marsad_privacy::spend::Part;
use marsad_terms::NanoRho;

use crate::error::Result;

/// The cost of each output column of one statistic.
pub(super) fn of_columns(noisy: &NoisyTable, statistic: usize) -> Result<Vec<NanoRho>> {
    let (shape, spend) = (&noisy.shapes()[statistic], noisy.spend());
    if !shape.strategy.is_tables() {
        return Ok(of_components(shape, &spend.residuals[statistic]));
    }
    // Those with residuals have their own prices; the others share the one of the vector of tables.
    let part = |shape: &StatisticShape| match shape.strategy.is_tables() {
        true => sensitivity::statistic(shape, noisy.f()),
        false => Ok(0),
    };
    let parts: std::result::Result<Vec<u128>, _> = noisy.shapes().iter().map(part).collect();
    let tables = spend.tables.map_or(0, |part| part.price.get());
    let own = apportion(tables, &parts?)[statistic];
    let columns = apportion(own, &column_weights(shape));
    Ok(columns.into_iter().map(NanoRho::new).collect())
}

/// What the components of each column paid, by the same rule of the first that uses them.
fn of_components(shape: &StatisticShape, parts: &[Part]) -> Vec<NanoRho> {
    let mut costs = vec![0; shape.outputs.len()];
    for (component, part) in shape.strategy.components().iter().zip(parts) {
        costs[payer(shape, component.aggregate)] += part.price.get();
    }
    costs.into_iter().map(NanoRho::new).collect()
}

/// The first column that uses an aggregate, or the first of all.
fn payer(shape: &StatisticShape, aggregate: usize) -> usize {
    shape.outputs.iter().position(|output| uses(&output.expression, aggregate)).unwrap_or(0)
}

fn column_weights(shape: &StatisticShape) -> Vec<u128> {
    let mut weights = vec![0_u128; shape.outputs.len()];
    for table in &shape.tables {
        weights[payer(shape, table.aggregate)] += weight(shape, table);
    }
    if shape.left_out_cap().is_some() {
        weights[0] += 2;
    }
    weights
}

/// Whether an output is made from the aggregate.
pub(super) fn uses(expression: &Expression, aggregate: usize) -> bool {
    match *expression {
        Expression::Aggregate { aggregate: own } => own == aggregate,
        Expression::Ratio { numerator, denominator, .. } => {
            numerator == aggregate || denominator == aggregate
        }
    }
}

fn weight(shape: &StatisticShape, table: &TableSpec) -> u128 {
    let b = u128::from(table.b) * u128::from(table.b);
    let periods = shape.n_periods(table.grain) as u128;
    match shape.bound {
        Bound::HomeCell => b * periods,
        Bound::Truncate { k, .. } => b * periods * sensitivity::kappa(shape, table, k),
        // A series is no part of a joint vector.
        Bound::First { .. } | Bound::NormClip { .. } => b,
    }
}

/// Shares a whole amount by weights: floors, then one more by the largest fraction, ties to the first. Adds up exactly.
pub fn apportion(total: u64, weights: &[u128]) -> Vec<u64> {
    // 2^53 nano-ρ times 2^74 fits u128; larger weights lose digits that no nano-ρ shows.
    let largest: u128 = weights.iter().fold(0, |sum, weight| sum.saturating_add(*weight));
    let shift = (128 - largest.leading_zeros()).saturating_sub(74);
    let weights: Vec<u128> = weights.iter().map(|weight| weight >> shift).collect();
    let sum: u128 = weights.iter().sum();
    if sum == 0 {
        return weights.iter().enumerate().map(|(i, _)| if i == 0 { total } else { 0 }).collect();
    }
    let product = |weight: &u128| u128::from(total) * weight;
    let mut shares: Vec<u64> =
        weights.iter().map(|weight| u64::try_from(product(weight) / sum).unwrap_or(total)).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(product(&weights[*i]) % sum));
    let rest = total - shares.iter().sum::<u64>();
    for i in order.into_iter().take(usize::try_from(rest).unwrap_or(0)) {
        shares[i] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn remainders_go_to_the_largest_fractions() {
        assert_eq!(apportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(apportion(100, &[1, 2, 4]), [14, 29, 57]);
        assert_eq!(apportion(7, &[0, 0]), [7, 0]);
        assert_eq!(apportion(7, &[]), Vec::<u64>::new());
    }

    proptest! {
        #[test]
        fn shares_add_up_and_stay_near(total in 0_u64..(1 << 53), weights in prop::collection::vec(0_u128..u128::MAX / 8, 1..6)) {
            let shares = apportion(total, &weights);
            prop_assert_eq!(shares.iter().sum::<u64>(), total);
        }
    }
}
