//! M1 against V2 and against dense generalised least squares on random workloads.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::testing::solve;

fn vector() -> Value {
    serde_json::from_str(include_str!("../../../testdata/V02_m1_estimator.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The set of named axes.
fn axes(names: &[&str], value: &Value) -> Axes {
    let bit = |name: &Value| 1 << names.iter().position(|known| name == known).unwrap();
    value.as_array().unwrap().iter().map(bit).sum()
}

/// Codes by axis of a cell whose codes are listed for the axes of its table.
fn at(sizes: &[usize], axes: Axes, codes: &Value) -> Vec<usize> {
    let mut at = vec![0; sizes.len()];
    for (axis, code) in members(axes).zip(codes.as_array().unwrap()) {
        at[axis] = usize::try_from(code.as_u64().unwrap()).unwrap();
    }
    at
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} for {expected}");
    }
}

#[test]
fn estimates_variances_and_covariances_are_those_of_v2() {
    for case in vector()["cases"].as_array().unwrap() {
        let attributes = case["attributes"].as_array().unwrap();
        let names: Vec<&str> = attributes.iter().map(|a| a["name"].as_str().unwrap()).collect();
        let sizes: Vec<usize> =
            attributes.iter().map(|a| usize::try_from(a["size"].as_u64().unwrap()).unwrap()).collect();
        let tables = case["tables"].as_array().unwrap();
        let measured = |t: &Value| (axes(&names, &t["attributes"]), t["per_cell_variance"].as_f64().unwrap());
        let workload = Workload::new(sizes.clone(), tables.iter().map(measured).collect());
        // Tables of V2 are whole counts of 1/b.
        let observed: Vec<Vec<f64>> = tables
            .iter()
            .map(|t| numbers(&t["raw"]).iter().map(|raw| raw / t["b"].as_f64().unwrap()).collect())
            .collect();
        let residuals = workload.residuals(&observed);
        for expected in case["expected"].as_array().unwrap() {
            let set = axes(&names, &expected["attributes"]);
            assert_close(&workload.table(&residuals, set), &numbers(&expected["estimate"]));
            assert_close(&[workload.variance(set)], &[expected["variance"].as_f64().unwrap()]);
        }
        for pair in case["covariances"].as_array().unwrap() {
            let [(a, in_a), (b, in_b)] = ["a", "b"].map(|side| {
                let set = axes(&names, &pair[format!("table_{side}")]);
                (set, at(&sizes, set, &pair[format!("cell_{side}")]))
            });
            let found = workload.covariance((a, &in_a), (b, &in_b));
            assert_close(&[found], &[pair["covariance"].as_f64().unwrap()]);
        }
    }
}

#[test]
fn the_gains_are_those_of_algorithms_3_3() {
    for case in vector()["structural_examples"].as_array().unwrap() {
        let by_name = case["sizes"].as_object().unwrap();
        let names: Vec<&str> = by_name.keys().map(String::as_str).collect();
        let sizes = by_name.values().map(|size| usize::try_from(size.as_u64().unwrap()).unwrap()).collect();
        let set = |name: &str| -> Axes {
            name.split('*').map(|part| 1 << names.iter().position(|n| *n == part).unwrap()).sum()
        };
        let b = case["b"].as_object().unwrap();
        let b = b.iter().map(|(name, b)| (set(name), b.as_f64().unwrap()));
        let sum: f64 = b.clone().map(|(_, b)| b * b).sum();
        let sigma_squared = sum / (2.0 * case["rho"].as_f64().unwrap());
        let workload = Workload::new(sizes, b.map(|(axes, b)| (axes, sigma_squared / (b * b))).collect());
        let region = workload.variance(set("r")).sqrt();
        assert_close(&[region], &[case["region_total_sd_m1"].as_f64().unwrap()]);
        for (name, sd) in case["table_cell_sd_m1"].as_object().unwrap() {
            assert_close(&[workload.variance(set(name)).sqrt()], &[sd.as_f64().unwrap()]);
        }
    }
}

/// More than two million base cells over six axes: what is held is each table's cells and its subsets', Π (n + 1) for the
/// largest, however many tables there are.
#[test]
fn millions_of_base_cells_over_six_axes_are_reconciled() {
    let sizes = vec![12, 12, 12, 12, 10, 10];
    let all: Axes = 0b11_1111;
    let tables = vec![(all, 40.0), (0b00_0011, 2.0), (0b01_0100, 3.0), (0b10_1001, 5.0), (0, 1.0)];
    assert!(n_cells(&sizes, all) > 2_000_000);
    let workload = Workload::new(sizes.clone(), tables.clone());
    let observed: Vec<Vec<f64>> =
        tables.iter().enumerate().map(|(i, (axes, _))| cells(n_cells(&sizes, *axes), i as u64)).collect();
    let residuals = workload.residuals(&observed);
    let held: usize = residuals.values().map(Vec::len).sum();
    assert_eq!(held, sizes.iter().map(|n| n + 1).product::<usize>());
    let base = workload.table(&residuals, all);
    for (axes, variance) in tables {
        let table = workload.table(&residuals, axes);
        let mut sums = vec![0.0; table.len()];
        projected(&sizes, axes).iter().zip(&base).for_each(|(place, cell)| sums[*place] += cell);
        for (sum, cell) in sums.iter().zip(&table) {
            assert!((sum - cell).abs() < 1e-6 * cell.abs().max(1e6), "{sum} {cell}");
        }
        assert!(workload.variance(axes) < variance);
    }
}

/// A random workload with its noisy tables: 1 to 4 axes of 1 to 4 codes.
fn case() -> impl Strategy<Value = (Vec<usize>, Vec<(Axes, f64)>, u64)> {
    prop::collection::vec(1_usize..5, 1..5).prop_flat_map(|sizes| {
        let all: Axes = (1 << sizes.len()) - 1;
        let tables = prop::collection::vec((0..=all, 0.5_f64..20.0), 1..6);
        (Just(sizes), tables, any::<u64>())
    })
}

/// Small whole numbers that look random enough.
fn cells(n: usize, seed: u64) -> Vec<f64> {
    let mix = |i: usize| (seed ^ (i as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    (0..n).map(|i| mix(i) as f64 - 300.0).collect()
}

/// For each cell over all axes the cell of a table that it adds to.
fn projected(sizes: &[usize], axes: Axes) -> Vec<usize> {
    let n: usize = sizes.iter().product();
    let code = |cell: usize, axis: usize| cell / sizes[axis + 1..].iter().product::<usize>() % sizes[axis];
    (0..n).map(|cell| members(axes).fold(0, |place, axis| place * sizes[axis] + code(cell, axis))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn m1_is_dense_generalised_least_squares((sizes, tables, seed) in case()) {
        let workload = Workload::new(sizes.clone(), tables.clone());
        let observed: Vec<Vec<f64>> = tables
            .iter()
            .enumerate()
            .map(|(t, (axes, _))| cells(n_cells(&sizes, *axes), seed.wrapping_add(1000 * t as u64)))
            .collect();
        let n: usize = sizes.iter().product();
        let mut normal = vec![vec![0.0; n]; n];
        let mut right = vec![0.0; n];
        for ((axes, variance), observed) in tables.iter().zip(&observed) {
            let places = projected(&sizes, *axes);
            for i in 0..n {
                right[i] += observed[places[i]] / variance;
                for j in 0..n {
                    normal[i][j] += f64::from(u8::from(places[i] == places[j])) / variance;
                }
            }
        }
        let base = solve(normal.clone(), right);
        let residuals = workload.residuals(&observed);
        for (axes, _) in &tables {
            for set in subsets(*axes) {
                let places = projected(&sizes, set);
                let mut dense = vec![0.0; n_cells(&sizes, set)];
                places.iter().zip(&base).for_each(|(place, cell)| dense[*place] += cell);
                let found = workload.table(&residuals, set);
                for (found, dense) in found.iter().zip(&dense) {
                    prop_assert!((found - dense).abs() <= 1e-9 * dense.abs().max(1000.0), "{found} {dense}");
                }
                // The variance of the first cell.
                let first: Vec<f64> = places.iter().map(|place| f64::from(u8::from(*place == 0))).collect();
                let spread: f64 = solve(normal.clone(), first.clone()).iter().zip(&first).map(|(a, b)| a * b).sum();
                prop_assert!((workload.variance(set) - spread).abs() <= 1e-9 * spread, "{spread}");
            }
        }
    }

    #[test]
    fn reconciled_tables_add_up((sizes, tables, seed) in case()) {
        let workload = Workload::new(sizes.clone(), tables.clone());
        let observed: Vec<Vec<f64>> =
            tables.iter().map(|(axes, _)| cells(n_cells(&sizes, *axes), seed)).collect();
        let residuals = workload.residuals(&observed);
        let base = workload.table(&residuals, workload.all_axes());
        for (axes, _) in tables {
            let mut sums = vec![0.0; n_cells(&sizes, axes)];
            projected(&sizes, axes).iter().zip(&base).for_each(|(place, cell)| sums[*place] += cell);
            for (sum, cell) in sums.iter().zip(workload.table(&residuals, axes)) {
                prop_assert!((sum - cell).abs() < 1e-9 * cell.abs().max(1000.0));
            }
        }
    }
}
