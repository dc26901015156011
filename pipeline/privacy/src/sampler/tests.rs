//! The sampler against V4's distribution (T3). A false alarm of one assertion: below 1e-9.

use super::measure::add_noise;
use crate::audit::excess;

/// Enough cells for three measurements.
const CELLS: usize = 10_000;

/// Draws of several vectors, long enough that each is drawn in chunks.
fn draws(sigma_squared: f64, n_vectors: usize) -> Vec<i64> {
    let vector = || add_noise(vec![0; CELLS], f64::sqrt(sigma_squared)).unwrap();
    (0..n_vectors).flat_map(|_| vector()).collect()
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
