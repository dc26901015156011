//! Combinations of cells against dense least squares, for noisy tables and noisy residuals alike.

use marsad_terms::{Grain, NanoRho};
use proptest::prelude::*;

use super::*;
use crate::accuracy::with_residuals;
use crate::exact_table::ExactTable;
use crate::joint::Joint;
use crate::sampler::measure;
use crate::shape::{Aggregate, Bound, HomeRule, TableSpec};
use crate::testing::{self, solve};

const PRICE: NanoRho = NanoRho::new(50_000_000);
const SIZES: [usize; 3] = [3, 2, 4];

/// Two quarters by region (3), sex (2) and age (4); two aggregates over the same sets.
fn shape(bound: Bound) -> StatisticShape {
    let mut shape = testing::plain(bound);
    shape.periods.truncate(2);
    shape.dimensions.push(testing::dimension("sex", 2, Some(HomeRule::MostRecent)));
    shape.dimensions.push(testing::dimension("age", 4, Some(HomeRule::MostRecent)));
    let table = |aggregate, dimensions: &[usize], b| TableSpec {
        aggregate,
        grain: Grain::Quarter,
        dimensions: dimensions.to_vec(),
        b,
    };
    let sets: [(&[usize], u32); 3] = [(&[0], 2), (&[0, 1], 1), (&[1, 2], 3)];
    shape.tables = (0..2).flat_map(|aggregate| sets.map(|(set, b)| table(aggregate, set, b))).collect();
    shape.aggregates = vec![Aggregate::Persons, Aggregate::Persons];
    shape.outputs = (0..2).map(testing::shows).collect();
    shape
}

/// Tables in one statistic, residuals in another.
fn noisy() -> NoisyTable {
    let other = StatisticShape { id: "other".parse().unwrap(), ..shape(Bound::HomeCell) };
    let joint = Joint::new(vec![shape(Bound::HomeCell), other]).unwrap();
    let joint = with_residuals(&joint, 1, &[]).unwrap();
    let sums = |shape: &StatisticShape| {
        (0..shape.n_coordinates()).map(|i| ((50 + 7 * i as i128 % 90) * 6) << 16).collect()
    };
    let sums = joint.shapes().iter().map(sums).collect();
    measure(ExactTable::from_sums(joint, sums).unwrap(), PRICE).unwrap()
}

/// Which base cells a cell of a table adds up.
fn adds(shape: &StatisticShape, term: &Term) -> Vec<f64> {
    let dimensions = &shape.tables[term.table].dimensions;
    let n: usize = SIZES.iter().product();
    let own: usize = dimensions.iter().map(|d| SIZES[*d]).product();
    let code = |cell: usize, d: usize| cell / SIZES[d + 1..].iter().product::<usize>() % SIZES[d];
    let place = |cell: usize| dimensions.iter().fold(0, |place, d| place * SIZES[*d] + code(cell, *d));
    (0..n).map(|cell| f64::from(u8::from(place(cell) == term.cell % own))).collect()
}

/// Cov of two cells of one slice, tables or residuals measured, by the normal equations.
fn dense(noisy: &NoisyTable, one: &Term, other: &Term) -> f64 {
    let shape = &noisy.shapes()[one.statistic];
    let period = |term: &Term| term.cell / (shape.n_cells(&shape.tables[term.table]) / 2);
    let aggregate = |term: &Term| shape.tables[term.table].aggregate;
    if one.statistic != other.statistic || period(one) != period(other) || aggregate(one) != aggregate(other)
    {
        return 0.0;
    }
    let n: usize = SIZES.iter().product();
    let mut normal = vec![vec![0.0; n]; n];
    let mut observe = |design: &[f64], weight: f64| {
        for i in 0..n {
            (0..n).for_each(|j| normal[i][j] += design[i] * design[j] * weight);
        }
    };
    let one_unit = 1.0 / f64::from(1_u32 << noisy.f());
    if shape.strategy.is_tables() {
        for (index, table) in shape.tables.iter().enumerate().filter(|(_, t)| t.aggregate == aggregate(one)) {
            let weight = (noisy.sigma() * one_unit / f64::from(table.b)).powi(-2);
            for cell in 0..shape.n_cells(table) / 2 {
                observe(&adds(shape, &Term { coefficient: 1.0, statistic: 0, table: index, cell }), weight);
            }
        }
    }
    let code = |cell: usize, d: usize| cell / SIZES[d + 1..].iter().product::<usize>() % SIZES[d];
    for (component, part) in shape.strategy.components().iter().zip(&noisy.spend().residuals[one.statistic]) {
        if component.aggregate != aggregate(one) {
            continue;
        }
        let weight = (part.scale.sigma * one_unit).powi(-2);
        let rows: usize = component.dimensions.iter().map(|d| SIZES[*d]).product();
        for row in 0..rows {
            let of_cell =
                |cell: usize| testing::residual(row, &component.dimensions, &SIZES, |d| code(cell, d));
            observe(&(0..n).map(of_cell).collect::<Vec<f64>>(), weight);
        }
    }
    let largest = normal.iter().flatten().fold(0.0_f64, |m, x| m.max(x.abs()));
    normal.iter_mut().flatten().for_each(|entry| *entry /= largest);
    let (one, other) = (adds(shape, one), adds(shape, other));
    solve(normal, one).iter().zip(&other).map(|(a, b)| a * b).sum::<f64>() / largest
}

fn term() -> impl Strategy<Value = Term> {
    (-3.0_f64..3.0, 0_usize..2, 0_usize..6, 0_usize..16).prop_map(|(coefficient, statistic, table, cell)| {
        let n = [6, 12, 16][table % 3];
        Term { coefficient, statistic, table, cell: cell % n }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn covariances_are_those_of_dense_least_squares(
        one in prop::collection::vec(term(), 1..5),
        other in prop::collection::vec(term(), 1..5),
    ) {
        let noisy = noisy();
        let combiner = Combiner::new(&noisy);
        let dense_of = |one: &[Term], other: &[Term]| -> f64 {
            let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
            pairs.map(|(a, b)| a.coefficient * b.coefficient * dense(&noisy, a, b)).sum()
        };
        let scale = dense_of(&one, &one).max(dense_of(&other, &other)).max(1.0);
        let found = combiner.covariance(&one, &other).unwrap();
        prop_assert!((found - dense_of(&one, &other)).abs() <= 1e-9 * scale, "{found}");
        let interval = combiner.sum(&one).unwrap();
        let half = (interval.upper - interval.lower) / 2.0;
        let variance = dense_of(&one, &one);
        prop_assert!((half - Z * variance.max(0.0).sqrt()).abs() <= 1e-6 * scale.sqrt(), "{half} {variance}");
        let sum = crate::estimate::estimate(&noisy, 0).unwrap();
        let of_cell = |term: &Term| {
            let found = crate::estimate::estimate(&noisy, term.statistic).unwrap();
            term.coefficient * found.columns[term.table / 3].tables[term.table % 3].cells[term.cell].estimate
        };
        prop_assert_eq!(sum.columns.len(), 2);
        let by_hand: f64 = one.iter().map(of_cell).sum();
        prop_assert!((interval.estimate - by_hand).abs() <= 1e-9 * by_hand.abs().max(1000.0));
    }
}

fn cell(table: usize, cell: usize, coefficient: f64) -> Term {
    Term { coefficient, statistic: 0, table, cell }
}

#[test]
fn a_total_and_the_sum_of_its_parts_are_one_figure() {
    let noisy = noisy();
    let combiner = Combiner::new(&noisy);
    // Region 1 of quarter 2, less its two sexes.
    let none = [cell(0, 4, 1.0), cell(1, 8, -1.0), cell(1, 9, -1.0)];
    let difference = combiner.sum(&none).unwrap();
    assert!(difference.estimate.abs() < 1e-8 && difference.upper - difference.lower < 1e-5);
    // Whoever took them for independent would be off by far.
    let apart: f64 = none.iter().map(|term| combiner.covariance(&[*term], &[*term]).unwrap()).sum();
    assert!(apart > 1.0);
    let share = combiner.ratio(&none[..1], &[cell(0, 4, 1.0)]).unwrap().unwrap();
    assert!((share.estimate - 1.0).abs() < 1e-12 && share.upper - share.lower < 1e-5);
}

#[test]
fn a_share_of_a_total_that_holds_it_has_the_narrower_interval() {
    let noisy = noisy();
    let combiner = Combiner::new(&noisy);
    let total = [cell(0, 0, 1.0), cell(0, 1, 1.0), cell(0, 2, 1.0)];
    let share = combiner.ratio(&total[..1], &total).unwrap().unwrap();
    let (above, below) = (combiner.total(&total[..1]).unwrap(), combiner.total(&total).unwrap());
    let (apart, _) = fieller(above, below, 0.0, Z).unwrap();
    assert!(share.upper - share.lower < apart.upper - apart.lower);
}

#[test]
fn a_cell_that_is_not_there_is_refused() {
    let noisy = noisy();
    let combiner = Combiner::new(&noisy);
    for term in [cell(9, 0, 1.0), cell(0, 6, 1.0), Term { statistic: 2, ..cell(0, 0, 1.0) }] {
        assert!(matches!(combiner.sum(&[term]), Err(Error::Unknown { .. })));
    }
}
