//! M2 against V2, against dense least squares, against the worst person, and in many draws.

use std::sync::Arc;

use marsad_terms::{Grain, NanoRho, Period};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::accuracy::forecast;
use crate::accuracy::tests::{examples, shape as example};
use crate::bound::Tally;
use crate::error::Error;
use crate::estimate::{EstimatedTable, estimate};
use crate::exact_table::ExactTable;
use crate::joint::Joint;
use crate::noisy_table::NoisyTable;
use crate::sampler::measure;
use crate::sensitivity;
use crate::shape::{Aggregate, Bound, Component, HomeRule, StatisticShape, Strategy as Measured, TableSpec};
use crate::spend::Spend;
use crate::testing::{self, OwnedRow, solve};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_object().unwrap().values().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn noise_and_errors_are_those_of_v2() {
    for case in examples() {
        let (shape, _) = example(&case);
        // V2 weighs each table by what M1 gives.
        let weights: Vec<f64> =
            numbers(&case["table_cell_sd_m1"]).iter().map(|sd| (sd * sd).recip()).collect();
        let components = Components::of(&shape);
        let parts = components.optimal(&weights);
        let sds: Vec<f64> = components.variances(&parts).iter().map(|var| (var / 0.02).sqrt()).collect();
        for (sd, expected) in sds.iter().zip(numbers(&case["table_cell_sd_m2"])) {
            assert!((sd - expected).abs() < 1e-9 * expected, "{sd} for {expected}");
        }
        // τ_B² = P·g_B/(2ρ_B).
        let noise = components.prices.iter().zip(&parts).map(|(price, part)| price / (2.0 * 0.02 * part));
        let mut noise: Vec<f64> = noise.collect();
        let mut expected = numbers(&case["m2_tau2"]);
        noise.sort_by(f64::total_cmp);
        expected.sort_by(f64::total_cmp);
        assert_eq!(noise.len(), expected.len());
        for (noise, expected) in noise.iter().zip(expected) {
            assert!((noise - expected).abs() < 1e-9 * expected, "{noise} for {expected}");
        }
        let tables = numbers(&case["table_cell_sd_m1"]);
        let rms =
            |sds: &[f64]| sds.iter().zip(&weights).map(|(sd, weight)| sd * sd * weight).sum::<f64>().sqrt();
        let gain = 1.0 - rms(&sds) / rms(&tables);
        assert!((gain - case["m2_rms_gain"].as_f64().unwrap()).abs() < 1e-9, "{gain}");
        // Whole shares lose next to nothing of it, and the forecast is made from them.
        let strategy = by_weight(&shape, &weights);
        let joint = Joint::new(vec![StatisticShape { strategy, ..shape }]).unwrap();
        let forecast = forecast(&joint, NanoRho::new(20_000_000)).unwrap();
        for (table, sd) in forecast.iter().zip(sds) {
            assert!((table.sd.unwrap() / sd - 1.0).abs() < 1e-4, "{table:?} {sd}");
        }
    }
}

/// Any shape of home cells whose residuals are measured, with uneven shares.
fn residuals() -> impl Strategy<Value = StatisticShape> {
    (testing::shape(), prop::collection::vec(1_u32..100, 64)).prop_map(|(shape, shares)| {
        let persons = vec![Aggregate::Persons; shape.aggregates.len()];
        let mut shape = StatisticShape { bound: Bound::HomeCell, aggregates: persons, ..shape };
        shape.strategy = by_weight(&shape, &vec![1.0; shape.tables.len()]);
        let Measured::Residuals { components } = &mut shape.strategy else { unreachable!() };
        components.iter_mut().zip(shares).for_each(|(component, share)| component.share = share);
        shape
    })
}

fn sums(shape: &StatisticShape, f: u32, rows: &[OwnedRow]) -> Vec<i128> {
    let mut tally = Tally::new(Arc::new(shape.clone()), f, testing::key());
    tally.begin(&[9; 16]);
    for row in rows {
        tally.row(&row.lend());
    }
    tally.into_sums()
}

/// The squared norm of what one person moves, by component.
fn moved(shape: &StatisticShape, vector: &[i128]) -> Vec<u128> {
    let mut left = vector;
    let components = shape.strategy.components().iter();
    let norm = |component: &Component| {
        let (own, rest) = left.split_at(shape.n_component_cells(component));
        left = rest;
        testing::norm_squared(own)
    };
    components.map(norm).collect()
}

fn claims(shape: &StatisticShape, f: u32) -> Vec<u128> {
    let components = shape.strategy.components().iter();
    components.map(|component| sensitivity::component(shape, component, f).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_worst_person_reaches_each_claim_and_nobody_passes_it(
        (shape, rows) in residuals().prop_flat_map(|shape| {
            let rows = prop::collection::vec(testing::row(&shape), 0..40);
            (Just(shape), rows)
        }),
        many in 1_usize..200,
    ) {
        let joint = Joint::new(vec![shape.clone()]).unwrap();
        let f = joint.f();
        prop_assert_eq!(f, 16);
        let claims = claims(&shape, f);
        for (norm, claim) in moved(&shape, &integers(&shape, &sums(&shape, f, &rows))).iter().zip(&claims) {
            prop_assert!(norm <= claim, "{} of {}", norm, claim);
        }
        // In every period of every grain, many times over, with codes that home rules have to choose from.
        let worst: Vec<OwnedRow> = (0..many * 8)
            .map(|i| OwnedRow {
                month: i32::try_from(i).unwrap(),
                periods: [Grain::Year, Grain::Quarter].map(|grain| {
                    let n = shape.n_periods(grain);
                    (n > 0).then(|| u32::try_from(i % n).unwrap())
                }),
                codes: shape.dimensions.iter().map(|d| u16::try_from(i / 3 % d.codes.len()).unwrap()).collect(),
                values: vec![1; shape.aggregates.len()],
                counted: vec![true; shape.aggregates.len()],
            })
            .collect();
        let with = sums(&shape, f, &worst);
        prop_assert_eq!(&moved(&shape, &integers(&shape, &with)), &claims);
        // The others' sums, saturated or not, change nothing of it but by shortening.
        for others in [12_345_i128 << 40, i128::from(i64::MAX) << 20, -(i128::from(i64::MAX) << 20)] {
            let others: Vec<i128> = (0..with.len() as i128).map(|i| (others + (i << 18)) / 6_983_776_800 * 6_983_776_800).collect();
            let both: Vec<i128> = others.iter().zip(&with).map(|(others, own)| others + own).collect();
            let apart: Vec<i128> = integers(&shape, &both)
                .iter()
                .zip(integers(&shape, &others))
                .map(|(both, others)| both - others)
                .collect();
            for (norm, claim) in moved(&shape, &apart).iter().zip(&claims) {
                prop_assert!(norm <= claim);
            }
        }
    }

    #[test]
    fn parts_never_cost_more_than_the_release(shapes in prop::collection::vec(residuals(), 1..3), tables in testing::shape(), nano in 100_000_u64..(1 << 53)) {
        let Ok(joint) = Joint::new([shapes, vec![tables]].concat()) else { return Ok(()) };
        let spend = Spend::new(&joint, NanoRho::new(nano)).unwrap();
        let paid: u64 = spend.parts().map(|part| part.price.get()).sum();
        prop_assert_eq!(paid, nano);
        // The exact cost of every part, in doubles that are rounded up by hand.
        let cost: f64 = spend.parts().map(|part| (part.scale.d_in / part.scale.sigma).powi(2) / 2.0).sum();
        prop_assert!(cost <= nano as f64 / 1e9 * (1.0 + 1e-12));
        for (shape, parts) in joint.shapes().iter().zip(&spend.residuals) {
            prop_assert!(parts.iter().map(|part| part.delta_squared).eq(claims(shape, joint.f())));
        }
    }

    #[test]
    fn estimates_are_dense_generalised_least_squares(shape in residuals(), seed in any::<u64>()) {
        let price = NanoRho::new(100_000_000);
        let joint = Joint::new(vec![shape]).unwrap();
        let shape = &joint.shapes()[0];
        let spend = Spend::new(&joint, price).unwrap();
        let mix = |i: usize| (seed ^ (i as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let raw = (0..shape.n_measured()).map(|i| i64::try_from(mix(i)).unwrap() - (1 << 23)).collect();
        let noisy = NoisyTable::new(joint.clone(), price, spend, vec![raw]);
        for table in 0..shape.tables.len() {
            let dense = dense(&noisy, table);
            let spec = &shape.tables[table];
            let found = EstimatedTable::of(&noisy, table);
            prop_assert_eq!(found.len(), dense.len());
            for (place, ((found, variance), (expected, spread))) in found.iter().zip(dense).enumerate() {
                prop_assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1000.0), "{} {:?} {} {}", place, spec, found, expected);
                prop_assert!((variance - spread).abs() <= 1e-9 * spread, "{} {}", variance, spread);
            }
        }
    }
}

impl EstimatedTable {
    /// Estimates and variances of one table of the statistic, shown or not.
    fn of(noisy: &NoisyTable, table: usize) -> Vec<(f64, f64)> {
        let spec = &noisy.shapes()[0].tables[table];
        let mut shape = noisy.shapes()[0].clone();
        shape.outputs = vec![testing::shows(spec.aggregate)];
        let joint = Joint::new(vec![shape]).unwrap();
        let shown = NoisyTable::new(joint, noisy.nano_rho(), noisy.spend().clone(), noisy.raw().to_vec());
        let column = &estimate(&shown, 0).unwrap().columns[0];
        let same = |t: &&Self| (t.grain, &t.dimensions) == (spec.grain, &spec.dimensions);
        let table = column.tables.iter().find(same).unwrap();
        assert!(table.raw_unit.is_none() && table.cells.iter().all(|cell| cell.raw.is_none()));
        table.cells.iter().map(|cell| (cell.estimate, cell.variance)).collect()
    }
}

/// Estimates and variances of one table by solving the normal equations over all dimensions, period by period.
fn dense(noisy: &NoisyTable, table: usize) -> Vec<(f64, f64)> {
    let shape = &noisy.shapes()[0];
    let spec = &shape.tables[table];
    let sizes: Vec<usize> = shape.dimensions.iter().map(|d| d.codes.len()).collect();
    let n: usize = sizes.iter().product();
    let code = |cell: usize, d: usize| cell / sizes[d + 1..].iter().product::<usize>() % sizes[d];
    let place = |cell: usize, dimensions: &[usize]| {
        dimensions.iter().fold(0, |place, d| place * sizes[*d] + code(cell, *d))
    };
    let unit = 1.0 / f64::from(1_u32 << noisy.f());
    let mut all = Vec::new();
    for period in 0..shape.n_periods(spec.grain) {
        let (mut normal, mut right) = (vec![vec![0.0; n]; n], vec![0.0; n]);
        let parts = noisy.residuals(0).zip(&noisy.spend().residuals[0]);
        for (component, (cells, part)) in shape.strategy.components().iter().zip(parts) {
            if (component.aggregate, component.grain) != (spec.aggregate, spec.grain) {
                continue;
            }
            let of: usize = component.dimensions.iter().map(|d| sizes[*d]).product();
            let weight = (part.scale.sigma * unit).powi(-2);
            for (row, y) in cells[period * of..][..of].iter().enumerate() {
                let of_cell =
                    |cell: usize| testing::residual(row, &component.dimensions, &sizes, |d| code(cell, d));
                let design: Vec<f64> = (0..n).map(of_cell).collect();
                for i in 0..n {
                    right[i] += design[i] * *y as f64 * unit * weight;
                    (0..n).for_each(|j| normal[i][j] += design[i] * design[j] * weight);
                }
            }
        }
        let scale =
            normal.iter().map(|row| row.iter().fold(0.0_f64, |m, x| m.max(x.abs()))).fold(0.0, f64::max);
        normal.iter_mut().flatten().for_each(|entry| *entry /= scale);
        for entry in &mut right {
            *entry /= scale;
        }
        let base = solve(normal.clone(), right);
        let cells: usize = spec.dimensions.iter().map(|d| sizes[*d]).product();
        for cell in 0..cells {
            let adds: Vec<f64> =
                (0..n).map(|i| f64::from(u8::from(place(i, &spec.dimensions) == cell))).collect();
            let estimate = base.iter().zip(&adds).map(|(x, add)| x * add).sum();
            let spread: f64 = solve(normal.clone(), adds.clone()).iter().zip(&adds).map(|(a, b)| a * b).sum();
            all.push((estimate, spread / scale));
        }
    }
    all
}

/// Two quarters by region (3), sex (2) and age (4), four tables.
fn four_tables() -> Joint {
    let mut shape = testing::plain(Bound::HomeCell);
    shape.periods = (1..=2).map(|quarter| Period::Quarter(2026, quarter)).collect();
    shape.dimensions.push(testing::dimension("sex", 2, Some(HomeRule::MostRecent)));
    shape.dimensions.push(testing::dimension("age", 4, Some(HomeRule::MostRecent)));
    let table = |dimensions: &[usize]| TableSpec {
        aggregate: 0,
        grain: Grain::Quarter,
        dimensions: dimensions.to_vec(),
        b: 2,
    };
    shape.tables = [&[][..], &[0], &[0, 1], &[1, 2]].map(table).to_vec();
    shape.strategy = by_weight(&shape, &[4.0, 2.0, 1.0, 1.0]);
    Joint::new(vec![shape]).unwrap()
}

fn exact(joint: &Joint) -> (Vec<i128>, Vec<Vec<f64>>) {
    let shape = &joint.shapes()[0];
    let count = |quarter: usize, region: usize, sex: usize, age: usize| {
        (30 + 100 * region + 7 * sex + 11 * age + 5 * quarter) as i128
    };
    let mut sums = vec![0; shape.n_coordinates()];
    let mut truths: Vec<Vec<f64>> =
        shape.tables.iter().map(|table| vec![0.0; shape.n_cells(table)]).collect();
    for (index, table) in shape.tables.iter().enumerate() {
        for i in 0..48 {
            let codes = [i / 8 % 3, i / 4 % 2, i % 4];
            let quarter = i / 24;
            let place = table
                .dimensions
                .iter()
                .fold(quarter, |place, d| place * shape.dimensions[*d].codes.len() + codes[*d]);
            let n = count(quarter, codes[0], codes[1], codes[2]);
            sums[shape.offset(index) + place] += (n * i128::from(table.b)) << joint.f();
            truths[index][place] += n as f64;
        }
    }
    (sums, truths)
}

#[test]
fn intervals_cover_and_errors_are_those_that_were_forecast() {
    let joint = four_tables();
    let (sums, truths) = exact(&joint);
    let price = NanoRho::new(100_000_000);
    let planned = forecast(&joint, price).unwrap();
    let draws = 2_000;
    let (mut covered, mut cells) = (0, 0);
    let mut squares = vec![0.0; truths.len()];
    for _ in 0..draws {
        let table = ExactTable::from_sums(joint.clone(), vec![sums.clone()]).unwrap();
        let found = estimate(&measure(table, price).unwrap(), 0).unwrap();
        for (index, (table, truths)) in found.columns[0].tables.iter().zip(&truths).enumerate() {
            for (cell, truth) in table.cells.iter().zip(truths) {
                assert!(
                    cell.raw.is_none() && (cell.margin / planned[index].margin.unwrap() - 1.0).abs() < 1e-4
                );
                covered += u32::from(cell.lower <= *truth && *truth <= cell.upper);
                cells += 1;
                squares[index] += (cell.estimate - truth).powi(2) / truths.len() as f64;
            }
        }
    }
    // Cells of a draw are correlated: as one cell a draw, 6.5 standard errors are 3.2 %; the mean of 32 does far better.
    let rate = f64::from(covered) / f64::from(cells);
    assert!((rate - 0.95).abs() < 0.02, "{rate}");
    for (table, squares) in planned.iter().zip(squares) {
        let ratio = squares / f64::from(draws) / table.sd.unwrap().powi(2);
        // At worst two independent squares a draw, one a period: standard error √(2/4 000) = 2.2 %.
        assert!((ratio - 1.0).abs() < 0.15, "{ratio}");
    }
}

#[test]
fn tables_made_of_residuals_add_up_in_estimates_and_values() {
    let joint = four_tables();
    let table = ExactTable::from_sums(joint.clone(), vec![exact(&joint).0]).unwrap();
    let noisy = measure(table, NanoRho::new(500_000_000)).unwrap();
    let found = estimate(&noisy, 0).unwrap();
    assert_eq!(found, estimate(&noisy, 0).unwrap());
    let [total, regions, by_sex, by_age] = found.columns[0].tables.as_slice() else { panic!() };
    for quarter in 0..2 {
        let whole = &total.cells[quarter];
        for (table, n) in [(regions, 3), (by_sex, 6), (by_age, 8)] {
            let cells = &table.cells[quarter * n..][..n];
            assert!((cells.iter().map(|cell| cell.estimate).sum::<f64>() - whole.estimate).abs() < 1e-8);
            if let Some(values) = cells.iter().map(|cell| cell.value).collect::<Option<Vec<i64>>>() {
                assert_eq!(values.iter().sum::<i64>(), whole.value.unwrap());
            }
        }
    }
}

#[test]
fn a_stored_result_reads_back_bit_for_bit_and_damage_shows() {
    let plain = testing::plain(Bound::NormClip { c_squared: 9, left_out_cap: 20 });
    let mut with_tables = four_tables().shapes().to_vec();
    with_tables.push(plain);
    for joint in [four_tables(), Joint::new(with_tables).unwrap()] {
        let sums = joint.shapes().iter().map(|shape| vec![0; shape.n_coordinates()]).collect();
        let noisy =
            measure(ExactTable::from_sums(joint.clone(), sums).unwrap(), NanoRho::new(70_000_000)).unwrap();
        let lengths: Vec<usize> = joint.shapes().iter().map(StatisticShape::n_measured).collect();
        assert!(noisy.raw().iter().map(Vec::len).eq(lengths));
        let text = serde_json::to_string(&noisy).unwrap();
        let back: NoisyTable = serde_json::from_str(&text).unwrap();
        assert_eq!(back, noisy);
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        assert_eq!(estimate(&back, 0), estimate(&noisy, 0));
        let document: Value = serde_json::from_str(&text).unwrap();
        let damaged: [fn(&mut Value); 4] = [
            |d| d["residuals"][0][0]["nano_rho"] = 1.into(),
            |d| d["residuals"][0][1]["sigma"] = "4000000000000000".into(),
            |d| d["statistics"][0]["strategy"]["components"][0]["share"] = 7.into(),
            |d| d["raw"][0] = vec![0; 3].into(),
        ];
        for damage in damaged {
            let mut damaged = document.clone();
            damage(&mut damaged);
            assert!(serde_json::from_value::<NoisyTable>(damaged).is_err());
        }
    }
}

#[test]
fn what_the_proof_does_not_cover_is_refused() {
    let sound = four_tables().shapes()[0].clone();
    let refused = |shape: StatisticShape| matches!(Joint::new(vec![shape]), Err(Error::Shape { .. }));
    for bound in [
        Bound::NormClip { c_squared: 9, left_out_cap: 20 },
        Bound::Truncate { k: 2, left_out_cap: 20 },
        Bound::First { start: Period::Quarter(2026, 1) },
    ] {
        assert!(refused(StatisticShape { bound, ..sound.clone() }));
    }
    let with = |change: fn(&mut Vec<Component>)| {
        let mut shape = sound.clone();
        let Measured::Residuals { components } = &mut shape.strategy else { panic!() };
        change(components);
        shape
    };
    assert!(!refused(with(|_| {})));
    assert!(refused(with(|components| drop(components.pop()))));
    assert!(refused(with(|components| components.swap(0, 1))));
    assert!(refused(with(|components| components[1].dimensions = vec![0, 2])));
    assert!(refused(with(|components| components[0].share = 0)));
    // A part that would get nothing stops the release before anything is drawn.
    let starved = Joint::new(vec![with(|components| components[0].share = u32::MAX)]).unwrap();
    assert_eq!(Spend::new(&starved, NanoRho::new(1_000)), Err(Error::ZeroPrice));
}
