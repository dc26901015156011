//! Likelihood ratio of one worst person, through tally and noise as a release calls them (T4), small: 2 000 runs a side.
//!
//! With σ known and δ the person's vector, t = ⟨δ, y⟩/(‖δ‖σ) is normal; with and without the person its means differ by
//! μ = ‖δ‖/σ, and the claim is μ ≤ √(2ρ). It deliberately lacks mutants and the long run.

use std::sync::Arc;

use marsad_terms::NanoRho;

use crate::bound::Tally;
use crate::exact_table::ExactTable;
use crate::joint::Joint;
use crate::sampler::measure;
use crate::shape::Bound;
use crate::testing::{self, OwnedRow};

const RUNS: u32 = 2_000;
/// Claims μ = 1.
const PRICE: NanoRho = NanoRho::new(500_000_000);

/// Two persons in the data, and the worst third: active in every period.
fn sums(joint: &Joint, with: bool) -> Vec<i128> {
    let shape = Arc::new(joint.shapes()[0].clone());
    let mut tally = Tally::new(shape, joint.f(), testing::key());
    for person in 0..if with { 3 } else { 2 } {
        tally.begin(&[person; 16]);
        for quarter in 0..3 {
            let row = OwnedRow { periods: [None, Some(quarter)], ..testing::plain_row() };
            tally.row(&row.lend());
        }
    }
    tally.into_sums()
}

/// Mean and variance of t over the runs.
fn statistic(joint: &Joint, sums: &[i128], delta: &[f64]) -> (f64, f64) {
    let norm = delta.iter().map(|d| d * d).sum::<f64>().sqrt();
    let run = |_| {
        let exact = ExactTable::from_sums(joint.clone(), vec![sums.to_vec()]).unwrap();
        let noisy = measure(exact, PRICE).unwrap();
        let along: f64 = noisy.raw()[0].iter().zip(delta).map(|(y, d)| *y as f64 * d).sum();
        along / (norm * noisy.sigma())
    };
    let runs: Vec<f64> = (0..RUNS).map(run).collect();
    let mean = runs.iter().sum::<f64>() / f64::from(RUNS);
    (mean, runs.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / f64::from(RUNS - 1))
}

#[test]
fn neighbours_look_alike_and_no_more_alike_than_paid_for() {
    let joint = Joint::new(vec![testing::plain(Bound::HomeCell)]).unwrap();
    let (with, without) = (sums(&joint, true), sums(&joint, false));
    let delta: Vec<f64> = with.iter().zip(&without).map(|(a, b)| (a - b) as f64).collect();
    let worst: i128 = with.iter().zip(&without).map(|(a, b)| (a - b).pow(2)).sum();
    assert_eq!(worst.unsigned_abs(), joint.delta_squared());
    let (mean_with, spread_with) = statistic(&joint, &with, &delta);
    let (mean_without, spread_without) = statistic(&joint, &without, &delta);
    let mu = (mean_with - mean_without) / f64::midpoint(spread_with, spread_without).sqrt();
    let claimed = (2.0 * PRICE.rho()).sqrt();
    // Six standard errors either way: a false alarm in 10^9.
    let slack = 6.0 * ((2.0 + claimed * claimed / 4.0) / f64::from(RUNS)).sqrt();
    assert!(mu - slack <= claimed && mu + slack >= 0.85 * claimed, "{mu}");
}
