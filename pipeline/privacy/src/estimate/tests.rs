//! Estimates as publication reads them: additivity, running totals, intervals, ratios, flags, coverage.

use marsad_terms::{Grain, NanoRho};

use super::*;
use crate::error::Error;
use crate::exact_table::ExactTable;
use crate::flag::Flag;
use crate::joint::Joint;
use crate::noisy_table::NoisyTable;
use crate::sampler::measure;
use crate::shape::{Aggregate, Bound, Expression, HomeRule, Output, StatisticShape, TableSpec};
use crate::spend::Spend;
use crate::testing;

/// So much that figures are right to a thousandth.
const ALMOST_EXACT: NanoRho = NanoRho::new((1 << 53) - 1);

/// Three quarters by region (3) and sex (2), tables over the given sets.
fn shape(bound: Bound, aggregates: Vec<Aggregate>, sets: &[&[usize]]) -> StatisticShape {
    let table = |aggregate, set: &&[usize]| TableSpec {
        aggregate,
        grain: Grain::Quarter,
        dimensions: set.to_vec(),
        b: 1 + u32::try_from(set.len()).unwrap(),
    };
    let mut shape = testing::plain(bound);
    shape.dimensions.push(testing::dimension("sex", 2, Some(HomeRule::MostRecent)));
    shape.tables = (0..aggregates.len()).flat_map(|a| sets.iter().map(move |set| table(a, set))).collect();
    shape.outputs = (0..aggregates.len()).map(testing::shows).collect();
    shape.aggregates = aggregates;
    shape
}

/// All cells of the full base, summed to each table: `base[aggregate][quarter][region][sex]` in integer units of b·2^f.
fn sums(joint: &Joint, base: impl Fn(usize, usize, usize, usize) -> i128) -> Vec<i128> {
    let shape = &joint.shapes()[0];
    let mut sums = vec![0; shape.n_coordinates()];
    for (index, table) in shape.tables.iter().enumerate() {
        for (quarter, region, sex) in
            (0..3).flat_map(|q| (0..3).flat_map(move |r| (0..2).map(move |s| (q, r, s))))
        {
            let codes = [region, sex];
            let place = table
                .dimensions
                .iter()
                .fold(quarter, |place, d| place * shape.dimensions[*d].codes.len() + codes[*d]);
            let amount = base(table.aggregate, quarter, region, sex);
            sums[shape.offset(index) + place] += (amount * i128::from(table.b)) << joint.f();
        }
    }
    sums
}

fn noisy(joint: &Joint, sums: Vec<i128>, price: NanoRho) -> NoisyTable {
    measure(ExactTable::from_sums(joint.clone(), vec![sums]).unwrap(), price).unwrap()
}

fn count(_: usize, quarter: usize, region: usize, sex: usize) -> i128 {
    [[40, 3], [0, 250], [900, 1]][region][sex] + 10 * quarter as i128
}

const SETS: &[&[usize]] = &[&[], &[0], &[1], &[0, 1]];

#[test]
fn tables_of_a_family_add_up_in_estimates_and_values() {
    let joint = Joint::new(vec![shape(Bound::HomeCell, vec![Aggregate::Persons], SETS)]).unwrap();
    let noisy = noisy(&joint, sums(&joint, count), NanoRho::new(100_000_000));
    let found = estimate(&noisy, 0).unwrap();
    assert_eq!(found, estimate(&noisy, 0).unwrap());
    let [total, regions, sexes, crossed] = found.columns[0].tables.as_slice() else { panic!() };
    for quarter in 0..3 {
        let whole = &total.cells[quarter];
        let sum = |table: &EstimatedTable, n: usize| -> f64 {
            table.cells[quarter * n..][..n].iter().map(|cell| cell.estimate).sum()
        };
        for (table, n) in [(regions, 3), (sexes, 2), (crossed, 6)] {
            assert!((sum(table, n) - whole.estimate).abs() < 1e-9);
        }
        let values = &crossed.cells[quarter * 6..][..6];
        let shown: i64 = values.iter().filter_map(|cell| cell.value).sum();
        let all_shown = values.iter().all(|cell| cell.value.is_some());
        assert!(if all_shown { shown == whole.value.unwrap() } else { shown <= whole.value.unwrap() });
    }
    for (index, table) in found.columns[0].tables.iter().enumerate() {
        let b = 1.0 + table.dimensions.len() as f64;
        assert!((table.raw_unit.unwrap() * b * 65_536.0 - 1.0).abs() < 1e-12);
        for (cell, raw) in table.cells.iter().zip(noisy.cells(0, index)) {
            assert_eq!(cell.raw, Some(*raw));
            assert!((cell.margin - interval::Z * cell.variance.sqrt()).abs() < 1e-12);
            assert!((cell.lower - (cell.estimate - cell.margin).max(0.0)).abs() < 1e-9);
            assert!((cell.upper - (cell.estimate + cell.margin).max(0.0)).abs() < 1e-9);
            assert_eq!(cell.flag, Flag::of(cell.estimate, cell.margin));
            assert_eq!(cell.value.is_none(), cell.flag == Flag::Q);
        }
    }
    assert!(matches!(estimate(&noisy, 1), Err(Error::Unknown { .. })));
}

#[test]
fn a_count_that_stands_alone_has_its_exact_interval() {
    let joint = Joint::new(vec![shape(Bound::HomeCell, vec![Aggregate::Persons], &[&[0]])]).unwrap();
    assert_eq!(joint.f(), 0);
    let noisy = noisy(&joint, sums(&joint, count), NanoRho::new(1_000_000_000));
    let h = discrete::half_width(noisy.sigma() * noisy.sigma(), interval::LEVEL);
    let table = &estimate(&noisy, 0).unwrap().columns[0].tables[0];
    for cell in &table.cells {
        let raw = cell.raw.unwrap();
        assert!((cell.estimate - raw as f64 / 2.0).abs() < 1e-12);
        assert!((cell.margin - h as f64 / 2.0).abs() < 1e-12);
        assert!(cell.lower.fract().abs() < 1e-12 && cell.upper.fract().abs() < 1e-12);
        assert!(cell.lower >= 0.0 && cell.lower <= cell.upper);
        assert!((cell.variance - noisy.sigma() * noisy.sigma() / 4.0).abs() < 1e-9);
    }
}

/// A share of persons, and an average of a sum over rows, with the same sets below as above.
fn with_ratio(bound: Bound, aggregates: Vec<Aggregate>, share: bool) -> StatisticShape {
    let mut shape = shape(bound, aggregates, SETS);
    let expression = Expression::Ratio { numerator: 0, denominator: 1, share, percent: false };
    shape.outputs.push(Output { name: "ratio".into(), expression });
    shape
}

#[test]
fn shares_are_in_per_cent_and_averages_in_their_unit() {
    let persons = vec![Aggregate::Persons, Aggregate::Persons];
    let joint = Joint::new(vec![with_ratio(Bound::HomeCell, persons, true)]).unwrap();
    let part = |aggregate, q, r, s| if aggregate == 0 { count(0, q, r, s) / 3 } else { count(0, q, r, s) };
    let found = estimate(&noisy(&joint, sums(&joint, part), ALMOST_EXACT), 0).unwrap();
    let share = &found.columns[2].tables[0];
    assert_eq!((found.columns[2].name.as_str(), share.raw_unit), ("ratio", None));
    for (quarter, cell) in share.cells.iter().enumerate() {
        let total = |a| (0..6).map(|i| part(a, quarter, i / 2, i % 2)).sum::<i128>() as f64;
        assert!((cell.estimate - 100.0 * total(0) / total(1)).abs() < 0.01, "{cell:?}");
        assert!(cell.raw.is_none() && cell.variance.is_nan() && cell.flag == Flag::A);
        assert_eq!(cell.value, Some(33));
        assert!(cell.lower < cell.estimate && cell.estimate < cell.upper && cell.margin > 0.0);
    }
    // Nothing over nothing has no bounded interval.
    let (spend, zeros) = (Spend::new(&joint, ALMOST_EXACT).unwrap(), vec![0; joint.n_coordinates()]);
    let nobody = NoisyTable::new(joint, ALMOST_EXACT, spend, vec![zeros]);
    for cell in &estimate(&nobody, 0).unwrap().columns[2].tables[3].cells {
        assert!(cell.flag == Flag::Q && cell.value.is_none());
        assert!([cell.estimate, cell.lower, cell.upper, cell.margin].iter().all(|number| number.is_nan()));
    }

    let sum = Aggregate::Sum(testing::measure("0", "5000", "50"));
    let bound = Bound::NormClip { c_squared: 100, left_out_cap: 20 };
    let joint = Joint::new(vec![with_ratio(bound, vec![sum, Aggregate::Rows], false)]).unwrap();
    // 21 steps of 50 a row.
    let steps = |aggregate, q, r, s| count(0, q, r, s) * if aggregate == 0 { 21 } else { 1 };
    let found = estimate(&noisy(&joint, sums(&joint, steps), ALMOST_EXACT), 0).unwrap();
    let cell = found.columns[2].tables[0].cells[0];
    assert!((cell.estimate - 1050.0).abs() < 1.0 && cell.flag == Flag::A);
    assert!((found.columns[0].tables[0].raw_unit.unwrap() * 65_536.0 - 50.0).abs() < 1e-9);
    let amount = found.columns[0].tables[0].cells[0];
    assert!((amount.estimate - 1050.0 * 1194.0).abs() < 10.0 && amount.value.unwrap() > 0);
}

#[test]
fn a_sum_that_may_be_negative_is_not_cut() {
    let sum = Aggregate::Sum(testing::measure("-10", "10", "1"));
    let bound = Bound::NormClip { c_squared: 100, left_out_cap: 20 };
    let joint = Joint::new(vec![shape(bound, vec![sum], SETS)]).unwrap();
    let base = |_, q, r, s| -count(0, q, r, s);
    let found = estimate(&noisy(&joint, sums(&joint, base), ALMOST_EXACT), 0).unwrap();
    let cell = found.columns[0].tables[0].cells[0];
    assert!(cell.estimate < -1000.0 && cell.upper < 0.0 && cell.flag == Flag::Q && cell.value.is_none());
}

#[test]
fn pairs_are_not_reconciled_with_persons() {
    let bound = Bound::Truncate { k: 2, left_out_cap: 20 };
    let mut shape = shape(bound, vec![Aggregate::Persons], SETS);
    shape.dimensions[0].home = None;
    let joint = Joint::new(vec![shape]).unwrap();
    // Each person of region 0 stands in region 1 as well: the total is less than the regions' sum.
    let mut sums = sums(&joint, count);
    let shape = &joint.shapes()[0];
    sums[..3].iter_mut().for_each(|total| *total -= 43 << 16);
    sums[shape.offset(2)..][..6].iter_mut().step_by(2).for_each(|male| *male -= (2 * 43) << 16);
    let found = estimate(&noisy(&joint, sums, ALMOST_EXACT), 0).unwrap();
    let [total, regions, sexes, crossed] = found.columns[0].tables.as_slice() else { panic!() };
    let sum = |table: &EstimatedTable, n: usize| table.cells[..n].iter().map(|c| c.estimate).sum::<f64>();
    assert!((sum(sexes, 2) - total.cells[0].estimate).abs() < 1e-9);
    assert!((sum(regions, 3) - sum(crossed, 6)).abs() < 1e-9);
    assert!((sum(regions, 3) - total.cells[0].estimate - 43.0).abs() < 0.1);
}

#[test]
fn intervals_cover_what_they_claim() {
    let persons = vec![Aggregate::Persons, Aggregate::Persons];
    let mut shape = with_ratio(Bound::HomeCell, persons, true);
    shape.periods.truncate(1);
    let joint = Joint::new(vec![shape]).unwrap();
    let full = |aggregate| 400 * (1 + i128::try_from(aggregate).unwrap());
    let sums: Vec<i128> = joint.shapes()[0]
        .tables
        .iter()
        .flat_map(|t| {
            let n: usize = joint.shapes()[0].n_cells(t);
            vec![(full(t.aggregate) * (6 / n as i128) * i128::from(t.b)) << 16; n]
        })
        .collect();
    let (mut cells, mut covered) = ([0_u32; 2], [0_u32; 2]);
    for _ in 0..2_000 {
        let noisy = noisy(&joint, sums.clone(), NanoRho::new(5_000_000));
        for (column, table) in estimate(&noisy, 0)
            .unwrap()
            .columns
            .iter()
            .enumerate()
            .flat_map(|(i, c)| c.tables.iter().map(move |table| (i, table.clone())))
        {
            let share = usize::from(column == 2);
            let truth = if share == 1 { 50.0 } else { full(column) as f64 * 6.0 / table.cells.len() as f64 };
            for cell in table.cells.iter().filter(|cell| cell.estimate.is_finite()) {
                cells[share] += 1;
                covered[share] += u32::from(cell.lower <= truth && truth <= cell.upper);
            }
        }
    }
    for (cells, covered) in cells.into_iter().zip(covered) {
        let rate = f64::from(covered) / f64::from(cells);
        assert!((rate - 0.95).abs() < 0.02, "{rate}");
    }
}

fn assert_near(interval: Interval, expected: f64) {
    assert!((interval.estimate - expected).abs() < 0.1, "{interval:?} for {expected}");
    assert!(interval.lower <= interval.estimate && interval.estimate <= interval.upper);
}

#[test]
fn what_a_bound_left_out_is_read_in_persons_rows_and_per_cent() {
    let bound = Bound::NormClip { c_squared: 9, left_out_cap: 20 };
    let read = |shape: StatisticShape, clipped: i128, left_out: i128| {
        let joint = Joint::new(vec![shape]).unwrap();
        let mut sums = sums(&joint, count);
        let n = sums.len();
        sums[n - 2] = clipped << 16;
        // Each adds its loss over Λ.
        sums[n - 1] = (left_out << 16) / 20;
        bounding(&noisy(&joint, sums, ALMOST_EXACT), 0).unwrap().unwrap()
    };
    let kept: f64 = (0..18).map(|i| count(0, i / 6, i / 2 % 3, i % 2)).sum::<i128>() as f64;
    let rows = read(shape(bound.clone(), vec![Aggregate::Rows], SETS), 7, 400);
    assert_eq!(rows.cap, 20);
    assert_near(rows.persons, 7.0);
    assert_near(rows.contributions, 400.0);
    assert_near(rows.share_percent.unwrap(), 100.0 * 400.0 / (400.0 + kept));

    // Rows and persons are contributions of their own; a part of another aggregate is none.
    let both = vec![Aggregate::Rows, Aggregate::Rows, Aggregate::Persons];
    let mut both = shape(bound.clone(), both, SETS);
    assert_eq!(read(both.clone(), 7, 400).share_percent, None);
    let expression = Expression::Ratio { numerator: 1, denominator: 0, share: true, percent: false };
    both.outputs.push(Output { name: "share".into(), expression });
    assert_near(read(both, 7, 400).share_percent.unwrap(), 100.0 * 400.0 / (400.0 + 2.0 * kept));

    let sums = vec![Aggregate::Sum(testing::measure("0", "1", "1"))];
    assert_eq!(read(shape(bound, sums, SETS), 0, 0).share_percent, None);
}

#[test]
fn joint_intervals_of_one_cell_are_the_published_ones_and_of_more_are_wider() {
    let persons = vec![Aggregate::Persons, Aggregate::Persons];
    let shapes = [
        shape(Bound::HomeCell, vec![Aggregate::Persons], &[&[0]]),
        with_ratio(Bound::HomeCell, persons, true),
    ];
    for shape in shapes {
        let joint = Joint::new(vec![shape]).unwrap();
        let found = estimate(&noisy(&joint, sums(&joint, count), NanoRho::new(500_000_000)), 0).unwrap();
        for table in found.columns.iter().flat_map(|column| &column.tables) {
            let [alone, all] =
                [1, table.cells.len() as u64].map(|m| table.joint_intervals(interval::LEVEL, m).unwrap());
            for (cell, (alone, all)) in table.cells.iter().zip(alone.iter().zip(&all)) {
                if alone.estimate.is_nan() {
                    assert!(cell.lower.is_nan() && all.lower.is_nan());
                    continue;
                }
                let pairs = [(alone.lower, cell.lower), (alone.upper, cell.upper)];
                assert!(pairs.iter().all(|(found, published)| (found - published).abs() < 1e-9));
                assert!(all.estimate.is_nan() || (all.lower <= alone.lower && all.upper >= alone.upper));
            }
            assert_eq!(table.joint_intervals(1.0, 1), Err(Error::Level));
        }
    }
}

#[test]
fn joint_intervals_cover_all_cells_at_once() {
    for sets in [&[&[0, 1][..]][..], SETS] {
        let joint = Joint::new(vec![shape(Bound::HomeCell, vec![Aggregate::Persons], sets)]).unwrap();
        let truth = sums(&joint, |_, q, r, s| count(0, q, r, s) + 10_000);
        let draws = 300;
        let (mut at_once, mut one_by_one) = (0, 0);
        for _ in 0..draws {
            let found = estimate(&noisy(&joint, truth.clone(), NanoRho::new(100_000_000)), 0).unwrap();
            let table = found.columns[0].tables.last().unwrap();
            let covers = |together| {
                let intervals = table.joint_intervals(interval::LEVEL, together).unwrap();
                intervals.iter().enumerate().all(|(i, interval)| {
                    let value = (count(0, i / 6, i / 2 % 3, i % 2) + 10_000) as f64;
                    (interval.lower..=interval.upper).contains(&value)
                })
            };
            at_once += i32::from(covers(18));
            one_by_one += i32::from(covers(1));
        }
        // 5.6 standard errors below 95 %; eighteen single intervals hold together in about 40 % of draws.
        assert!(at_once * 100 >= draws * 88 && one_by_one * 100 <= draws * 62, "{at_once} {one_by_one}");
    }
}
