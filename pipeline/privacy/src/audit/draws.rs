//! The noise alone against the discrete Gaussian's distribution (T3): χ² over bins of at least ten expected draws, and the
//! distance of Kolmogorov and Smirnov.
//!
//! It deliberately lacks a sampler: an empty table is measured like any other, and what comes back is noise.

use marsad_terms::NanoRho;

use super::{Mechanism, case, chance};
use crate::error::Error;
use crate::estimate::discrete::probability;
use crate::exact_table::ExactTable;

/// Cells a measurement: enough to be drawn in chunks by several threads.
const CELLS: u16 = 20_000;
/// σ² with its price where Δ² = 4.
const SCALES: [(f64, NanoRho); 3] = [
    (1.0, NanoRho::new(2_000_000_000)),
    (10.0, NanoRho::new(200_000_000)),
    (10_000.0, NanoRho::new(200_000)),
];

/// Six times the least p-value of two tests at three scales: as small a value by chance is no more likely than it says.
pub(super) fn p_value(mechanism: &dyn Mechanism, n_draws: u32) -> Result<f64, Error> {
    let mut least: f64 = 1.0;
    for (sigma_squared, price) in SCALES {
        let noise = noise(mechanism, price, n_draws)?;
        least = least.min(chance::tail(excess(&noise, sigma_squared)));
        least = least.min(chance_of(distance(&noise, sigma_squared), noise.len()));
    }
    Ok((6.0 * least).min(1.0))
}

/// At most so likely is a distance as large or larger by chance, for any distribution, discrete ones too (Massart 1990).
pub(crate) fn chance_of(distance: f64, n_draws: usize) -> f64 {
    (2.0 * (-2.0 * n_draws as f64 * distance * distance).exp()).min(1.0)
}

/// The largest distance between the shares of draws up to k and their probability (Kolmogorov, Smirnov).
pub(crate) fn distance(draws: &[i64], sigma_squared: f64) -> f64 {
    let mut sorted = draws.to_vec();
    sorted.sort_unstable();
    let reach = reach(sigma_squared);
    let (mut expected, mut largest) = (0.0, 0.0_f64);
    for k in -reach..=reach {
        expected += probability(k, sigma_squared);
        let found = sorted.partition_point(|draw| *draw <= k) as f64 / draws.len() as f64;
        largest = largest.max((found - expected).abs());
    }
    largest
}

/// Beyond twelve standard deviations nothing is expected.
#[expect(clippy::cast_possible_truncation, reason = "a few thousand")]
fn reach(sigma_squared: f64) -> i64 {
    (12.0 * sigma_squared.sqrt()).ceil() as i64
}

fn noise(mechanism: &dyn Mechanism, price: NanoRho, n_draws: u32) -> Result<Vec<i64>, Error> {
    let joint = case::empty(usize::from(CELLS))?;
    let mut noise = Vec::new();
    for _ in 0..n_draws.div_ceil(u32::from(CELLS)) {
        let zeros = vec![vec![0; usize::from(CELLS)]];
        let exact = ExactTable::from_sums(joint.clone(), zeros)?;
        noise.extend(mechanism.measure(exact, price)?.raw().concat());
    }
    Ok(noise)
}

/// How many standard deviations χ² lies above its mean, by Wilson and Hilferty.
pub(crate) fn excess(draws: &[i64], sigma_squared: f64) -> f64 {
    let bins = bins(sigma_squared, draws.len() as f64, reach(sigma_squared));
    let mut counts = vec![0_u32; bins.len()];
    for draw in draws {
        counts[bins.partition_point(|(end, _)| end < draw)] += 1;
    }
    let terms = bins.iter().zip(counts).map(|((_, wanted), n)| (f64::from(n) - wanted).powi(2) / wanted);
    let freedom = (bins.len() - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    ((terms.sum::<f64>() / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Joins whole numbers from −reach to reach into bins of at least 10 expected draws; the tails are the outer bins.
fn bins(sigma_squared: f64, n: f64, reach: i64) -> Vec<(i64, f64)> {
    let mut bins = Vec::new();
    let mut gathered = 0.0;
    for k in -reach..=reach {
        gathered += n * probability(k, sigma_squared);
        if gathered >= 10.0 {
            bins.push((k, gathered));
            gathered = 0.0;
        }
    }
    if let Some(last) = bins.last_mut() {
        *last = (i64::MAX, last.1 + gathered);
    }
    bins
}
