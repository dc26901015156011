//! The sampler against V4's distribution (T3). A false alarm of one assertion: below 1e-9.

use serde_json::Value;

use super::measure::{add_noise, share};
use crate::audit::{chance_of, distance, excess};

/// Enough cells for three measurements.
const CELLS: usize = 10_000;
const CHUNK: usize = 4096;

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
fn draws_are_near_the_discrete_gaussian_everywhere() {
    for sigma_squared in [1.0, 10.0, 10_000.0] {
        let draws = draws(sigma_squared, 12);
        let chance = chance_of(distance(&draws, sigma_squared), draws.len());
        assert!(chance > 1e-10, "σ² = {sigma_squared}: {chance}");
    }
}

/// The shares of small draws against V4's probabilities themselves, six and a half standard errors each.
#[test]
fn small_draws_are_as_frequent_as_v4_says() {
    let vector: Value =
        serde_json::from_str(include_str!("../../testdata/V04_discrete_gaussian.json")).unwrap();
    for case in vector["distributions"].as_array().unwrap() {
        let sigma_squared = case["sigma2"].as_f64().unwrap();
        let draws = draws(sigma_squared, 4);
        let n = draws.len() as f64;
        for (k, expected) in case["pmf"].as_object().unwrap() {
            let (k, expected): (i64, f64) = (k.parse().unwrap(), expected.as_f64().unwrap());
            let found = draws.iter().filter(|draw| **draw == k).count() as f64;
            // Below twenty expected draws no normal error holds.
            if n * expected >= 20.0 {
                let error = (found - n * expected) / (n * expected * (1.0 - expected)).sqrt();
                assert!(error.abs() < 7.5, "σ² = {sigma_squared}, {k}: {found} of {}", n * expected);
            }
        }
    }
}

#[test]
fn the_tests_themselves_notice_a_tenth() {
    let draws = draws(10_000.0, 12);
    for wrong in [8_100.0, 12_100.0] {
        assert!(excess(&draws, wrong) > 6.0);
        assert!(chance_of(distance(&draws, wrong), draws.len()) < 1e-10);
    }
}

/// What is drawn depends on how many cells there are, never on what is in them (T7). Times are not asserted.
#[test]
fn the_work_depends_on_the_number_of_cells_alone() {
    for n_cells in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 7] {
        for n_threads in [1, 2, 7, 64] {
            let plan = share(n_cells, n_threads);
            assert!(plan.len() <= n_threads, "{n_cells} {n_threads}");
            assert_eq!(plan.iter().flatten().sum::<usize>(), n_cells);
            assert!(plan.iter().flatten().all(|chunk| *chunk <= CHUNK && *chunk > 0));
            // Full chunks but for the last: their boundaries do not depend on the machine.
            let chunks: Vec<usize> = plan.concat();
            assert_eq!(chunks, share(n_cells, 1).concat());
        }
    }
    let of = |cells: Vec<i64>| add_noise(cells, 3.0).unwrap().len();
    for cells in [vec![0; 5_000], vec![1 << 62; 5_000], (-2_500..2_500).collect()] {
        assert_eq!(of(cells), 5_000);
    }
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
