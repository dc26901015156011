//! V7, and the guarantees of section 8 as properties.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn vector() -> Value {
    serde_json::from_str(include_str!("../../../testdata/V07_display.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn wholes(value: &Value) -> Vec<i128> {
    value.as_array().unwrap().iter().map(|number| i128::from(number.as_i64().unwrap())).collect()
}

fn flat(value: &Value, each: fn(&Value) -> Vec<f64>) -> Vec<f64> {
    value.as_array().unwrap().iter().flat_map(each).collect()
}

fn marginal(sizes: &[usize], axes: Axes, variance: f64) -> Marginal {
    Marginal { variance, places: projection(sizes, axes), n_cells: n_cells(sizes, axes) }
}

fn all_units(values: &[f64]) -> Vec<i128> {
    values.iter().map(|value| units(*value)).collect()
}

#[test]
fn fixed_points_and_shares_are_those_of_v7() {
    let vector = vector();
    for case in vector["fixed_point"].as_array().unwrap() {
        assert_eq!(
            units(case["real"].as_f64().unwrap()),
            i128::from(case["units"].as_i64().unwrap()),
            "{case}"
        );
    }
    for case in vector["largest_remainder"].as_array().unwrap() {
        let units = all_units(&numbers(&case["real"]));
        assert_eq!(units, wholes(&case["units"]), "{case}");
        let total = i128::from(case["total"].as_i64().unwrap());
        let shared = chain::share(&[total], &vec![0; units.len()], &units);
        assert_eq!(shared, wholes(&case["expected"]), "{case}");
    }
}

#[test]
fn chains_are_those_of_v7() {
    for case in vector()["chain"].as_array().unwrap() {
        let rows = case["real"].as_array().unwrap();
        let sizes = [rows.len(), rows[0].as_array().unwrap().len()];
        let whole = chain::round(&sizes, &[0, 1, 3], &all_units(&flat(&case["real"], numbers)));
        let expected: Vec<i128> = case["expected"].as_array().unwrap().iter().flat_map(wholes).collect();
        assert_eq!(whole, expected);
        assert_eq!(marginal(&sizes, 1, 1.0).sum(&whole), wholes(&case["row_totals"]));
        assert_eq!(whole.iter().sum::<i128>(), i128::from(case["total"].as_i64().unwrap()));
    }
}

#[test]
fn the_fit_is_that_of_v7() {
    let case = &vector()["nnls"];
    let set = |value: &Value| -> Axes {
        let bit = |name: &Value| if name == "c" { 1 } else { 2 };
        value.as_array().unwrap().iter().map(bit).sum()
    };
    let given = case["tables"].as_array().unwrap();
    let measured = |t: &Value| (set(&t["attributes"]), t["per_cell_variance"].as_f64().unwrap());
    let workload = Workload::new(vec![3, 3], given.iter().map(measured).collect());
    let observed: Vec<Vec<f64>> = given.iter().map(|t| numbers(&t["noisy"])).collect();
    let best = workload.table(&workload.residuals(&observed), 3);
    let tables: Vec<Marginal> =
        workload.tables().iter().map(|(axes, variance)| marginal(&[3, 3], *axes, *variance)).collect();
    let fitted = fit::non_negative(&tables, &observed, best);
    for (found, expected) in fitted.iter().zip(numbers(&case["solution"])) {
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }
}

#[test]
fn the_walk_keeps_every_sum_of_v7_near() {
    let case = &vector()["general_input"];
    let sizes = [2, 3, 2];
    let units = all_units(&numbers(&case["fitted"]));
    let tables: Vec<Marginal> = [0b011, 0b110, 0b101, 0].map(|axes| marginal(&sizes, axes, 1.0)).into();
    let whole = spread::round(&tables, &units).unwrap();
    assert!(whole.iter().zip(&units).all(|(whole, units)| (whole * ONE - units).abs() < ONE));
}

#[test]
fn the_programmes_largest_family_rounds_within_two_or_three() {
    let sizes = [8, 8, 3, 5];
    let sets = [0b0001, 0b0011, 0b0101, 0b1001, 0b1101];
    let tables: Vec<Marginal> = sets.map(|axes| marginal(&sizes, axes, 1.0)).into();
    let units: Vec<i128> = (0..960).map(|i: i128| i * 7_919 * 104_729 % (3 * ONE)).collect();
    let whole = spread::round(&tables, &units).unwrap();
    for table in &tables {
        let worst = table.sum(&whole).iter().zip(table.sum(&units)).map(|(a, b)| (a * ONE - b).abs()).max();
        assert!(worst.unwrap() < 4 * ONE, "{worst:?}");
    }
}

#[test]
fn the_way_of_rounding_follows_from_sizes() {
    assert_eq!(Rounding::of(&[3, 4], &[3, 0, 1]), Rounding::Chain(vec![0, 1, 3]));
    assert_eq!(Rounding::of(&[3, 4, 5], &[3, 5]), Rounding::Spread);
    assert_eq!(Rounding::of(&[30, 40, 50], &[3, 5]), Rounding::Chain(vec![1, 3, 7]));
    assert_eq!(Rounding::of(&[], &[0]), Rounding::Chain(vec![0]));
}

/// Axes, tables and noisy cells, as a family would meet them.
fn case() -> impl Strategy<Value = (Vec<usize>, Vec<(Axes, f64)>, Vec<i32>)> {
    prop::collection::vec(2_usize..5, 1..4).prop_flat_map(|sizes| {
        let all: Axes = (1 << sizes.len()) - 1;
        let tables = prop::collection::btree_map(0..=all, 0.5_f64..20.0, 1..5);
        let tables = tables.prop_map(|tables| tables.into_iter().collect());
        (Just(sizes), tables, prop::collection::vec(-8000_i32..20000, 256))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn values_are_whole_non_negative_near_the_fit_and_add_up((sizes, tables, noise) in case()) {
        // The family's axes are those that its tables have.
        let used = tables.iter().fold(0, |all, (axes, _)| all | axes);
        prop_assume!(used == (1 << sizes.len()) - 1);
        let workload = Workload::new(sizes.clone(), tables.clone());
        let mut noise = noise.iter().cycle().map(|n| f64::from(*n) / 1000.0);
        let observed: Vec<Vec<f64>> =
            tables.iter().map(|(axes, _)| noise.by_ref().take(n_cells(&sizes, *axes)).collect()).collect();
        let residuals = workload.residuals(&observed);
        let display = Display::new(&workload, true);
        let best = workload.table(&residuals, workload.all_axes());
        let fitted = all_units(&fit::non_negative(&display.tables, &observed, best));
        let whole = display.round(&fitted);
        prop_assert!(whole.iter().zip(&fitted).all(|(w, x)| *w >= 0 && (w * ONE - x).abs() < ONE));
        let most = if display.rounding == Rounding::Spread { tables.len() as i128 } else { 1 };
        for (table, shown) in display.tables.iter().zip(display.values(&workload, &residuals, &observed)) {
            let sums = table.sum(&whole);
            prop_assert!(sums.iter().zip(table.sum(&fitted)).all(|(w, x)| (w * ONE - x).abs() < most * ONE));
            prop_assert!(sums.iter().zip(shown).all(|(sum, shown)| *sum == i128::from(shown)));
        }
    }
}
