//! The sampler against V4's distribution (T3). A false alarm of one assertion: below 1e-9.

use super::measure::add_noise;
use crate::estimate::discrete::probability;

/// Enough cells for three measurements.
const CELLS: usize = 10_000;

/// Draws of several vectors, long enough that each is drawn in chunks.
fn draws(sigma_squared: f64, n_vectors: usize) -> Vec<i64> {
    let vector = || add_noise(vec![0; CELLS], f64::sqrt(sigma_squared)).unwrap();
    (0..n_vectors).flat_map(|_| vector()).collect()
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

/// How many standard deviations χ² lies above its mean, by Wilson and Hilferty.
fn excess(draws: &[i64], sigma_squared: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "a few thousand")]
    let reach = (12.0 * sigma_squared.sqrt()).ceil() as i64;
    let bins = bins(sigma_squared, draws.len() as f64, reach);
    let mut counts = vec![0_u32; bins.len()];
    for draw in draws {
        counts[bins.partition_point(|(end, _)| end < draw)] += 1;
    }
    let terms = bins.iter().zip(counts).map(|((_, wanted), n)| (f64::from(n) - wanted).powi(2) / wanted);
    let freedom = (bins.len() - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    ((terms.sum::<f64>() / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

#[test]
fn draws_follow_the_discrete_gaussian() {
    for sigma_squared in [1.0, 10.0, 10_000.0] {
        let excess = excess(&draws(sigma_squared, 4), sigma_squared);
        assert!(excess < 6.0, "σ² = {sigma_squared}: {excess}");
    }
}

#[test]
fn the_test_itself_notices_a_tenth() {
    let draws = draws(10_000.0, 4);
    assert!(excess(&draws, 8_100.0) > 6.0 && excess(&draws, 12_100.0) > 6.0);
}

#[test]
fn chunks_keep_their_place_and_draw_afresh() {
    let cells: Vec<i64> = (0..CELLS).map(|cell| 1_000_000 * i64::try_from(cell).unwrap()).collect();
    let noisy = add_noise(cells.clone(), 10.0).unwrap();
    let noise: Vec<i64> = noisy.iter().zip(&cells).map(|(noisy, cell)| noisy - cell).collect();
    assert!(noise.iter().all(|noise| noise.abs() < 200));
    // No chunk repeats another's draws, and neighbours are uncorrelated within and across chunks.
    assert_ne!(noise[..100], noise[4096..4196]);
    for lag in [1, 4096] {
        let products = noise.iter().zip(&noise[lag..]).map(|(a, b)| a * b);
        let n = products.len() as f64;
        let mean = products.sum::<i64>() as f64 / n;
        assert!((mean / 100.0 * n.sqrt()).abs() < 6.5, "{lag}: {mean}");
    }
}
