//! V5: sums, estimates and registers of its worked series; the bound attacked; what the noise does to running totals.

use std::collections::BTreeMap;

use marsad_terms::{Digest, Grain, NanoRho, Period};
use serde_json::Value;

use super::*;
use crate::bound::{Row, SelectionKey};
use crate::sampler::{Scale, measure_step};
use crate::shape::{Aggregate, Bound, Expression, Output, StatisticShape, TableSpec};
use crate::testing;

fn vector() -> Value {
    serde_json::from_str(include_str!("../../testdata/V05_toeplitz.json")).unwrap()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Tables over the total and, with two multipliers, over two regions.
fn series(horizon: usize, b: &[u32]) -> SeriesShape {
    let start = Period::Quarter(2026, 1);
    let table = |(place, b): (usize, &u32)| TableSpec {
        aggregate: 0,
        grain: Grain::Quarter,
        dimensions: if place == 0 { Vec::new() } else { vec![place - 1] },
        b: *b,
    };
    SeriesShape::new(StatisticShape {
        id: "first_time".parse().unwrap(),
        bound: Bound::First { start },
        dimensions: (1..b.len()).map(|i| testing::dimension(&format!("region{i}"), 2, None)).collect(),
        periods: std::iter::successors(Some(start), |period| Some(period.next())).take(horizon).collect(),
        aggregates: vec![Aggregate::Persons],
        tables: b.iter().enumerate().map(table).collect(),
        outputs: vec![Output {
            name: "persons".to_owned(),
            expression: Expression::Aggregate { aggregate: 0 },
        }],
        strategy: crate::shape::Strategy::Tables,
    })
    .unwrap()
}

fn key() -> SelectionKey {
    SelectionKey::new([7; 32])
}

fn draw(nano_rho: u64) -> StepDraw {
    StepDraw { series: Digest::of(b"S"), nano_rho: NanoRho::new(nano_rho), revision: 0 }
}

/// y_t without noise.
fn sums(counts: Counts, step: usize) -> Vec<i128> {
    let step = u32::try_from(step).unwrap();
    counts.into_steps(step..=step).pop().unwrap().into_parts().2
}

/// A series whose steps are given integers.
fn noisy(series: &SeriesShape, price: u64, steps: Vec<Vec<i64>>) -> NoisySeries {
    let step = |(t, cells): (usize, Vec<i64>)| {
        Some(NoisyStep::new(&draw(price), series.clone(), u32::try_from(t).unwrap(), cells))
    };
    together(series, price, steps.into_iter().enumerate().map(step).collect())
}

fn together(series: &SeriesShape, price: u64, steps: Vec<Option<NoisyStep>>) -> NoisySeries {
    NoisySeries::new(Digest::of(b"S"), series.clone(), NanoRho::new(price), steps).unwrap()
}

#[test]
fn the_worked_series_of_v5_gives_its_sums_and_totals() {
    let worked = &vector()["worked"];
    let series = series(4, &[1]);
    let mut steps = Vec::new();
    for t in 0..4 {
        let mut counts = Counts::new(series.clone());
        for k in 0..=t {
            for _ in 0..number(&worked["x"][k]) {
                counts.enter(u32::try_from(k).unwrap(), &[0]).unwrap();
            }
        }
        let noise = worked["noise"][t].as_i64().unwrap();
        let y = i64::try_from(sums(counts, t)[0]).unwrap() + noise;
        assert_eq!(y, worked["y"][t].as_i64().unwrap());
        steps.push(vec![y]);
    }
    let found = estimate(&noisy(&series, 1_000_000_000, steps));
    let cells = &found.columns[0].tables[0].cells;
    for (cell, expected) in cells.iter().zip(numbers(&worked["cumulative_estimate"])) {
        assert!((cell.estimate - expected).abs() <= 1e-9 * expected, "{} for {expected}", cell.estimate);
    }
}

#[test]
fn sensitivity_and_variances_of_several_tables_are_those_of_v5() {
    for case in vector()["several_tables"].as_array().unwrap() {
        let b: Vec<u32> =
            case["b"].as_array().unwrap().iter().map(|b| u32::try_from(number(b)).unwrap()).collect();
        let series = series(number(&case["horizon"]), &b);
        assert_eq!(series.delta_squared().to_string(), case["delta_squared"].as_str().unwrap());
        // Each table by itself: what reconciliation gains comes on top.
        let factor = toeplitz::variance_factors(series.horizon()).pop().unwrap();
        let sigma_squared = series.delta_squared() as f64 / 2.0;
        for (b, expected) in b.iter().zip(numbers(&case["variance_last_at_rho_1"])) {
            let found = factor * sigma_squared / f64::from(b * b);
            assert!((found - expected).abs() <= 1e-9 * expected, "{case}: {found}");
        }
        let forecast = forecast(&series, NanoRho::new(1_000_000_000), series.horizon() - 1).unwrap();
        for (table, expected) in forecast.iter().zip(numbers(&case["variance_last_at_rho_1"])) {
            assert!(table.margin <= 1.96 * expected.sqrt() * (1.0 + 1e-9), "{table:?}");
        }
    }
}

#[test]
fn redraws_cost_what_v13_says() {
    for (nano_rho, horizon, charge) in [
        (50_000_000, 1, 50_000_000),
        (50_000_000, 4, 33_595_801),
        (50_000_000, 20, 24_802_946),
        (1, 20, 1),
        (123_456_789, 4, 82_952_594),
        (123_456_789, 20, 61_241_840),
    ] {
        assert_eq!(series(horizon, &[1]).redraw_price(NanoRho::new(nano_rho)), NanoRho::new(charge));
    }
}

/// The register of V5 as landing keeps it: step and cells by person.
type Register = BTreeMap<String, (u32, Vec<u32>)>;

fn person_key(name: &str) -> [u8; 16] {
    *Digest::of(name.as_bytes()).as_bytes().first_chunk().unwrap()
}

/// Closes some steps: whoever is visible at the last of them, has an event and is not in the register enters.
fn close(
    register: &mut Register,
    series: &SeriesShape,
    persons: &Value,
    steps: std::ops::RangeInclusive<u32>,
) {
    for (name, person) in persons.as_object().unwrap() {
        if register.contains_key(name) {
            continue;
        }
        let mut entrants = Entrants::new(series, steps.clone(), &key());
        entrants.begin(&person_key(name));
        for row in person["rows"].as_array().unwrap() {
            if row["visible"][*steps.end() as usize] != 1 {
                continue;
            }
            let event = u32::try_from(number(&row["event"])).unwrap();
            entrants.row(&Row {
                month: i32::try_from(event).unwrap() * 3,
                periods: [None, Some(event)],
                codes: &[u16::from(row["region"] == "MA-06")],
                values: &[0],
                counted: &[true],
            });
        }
        for entry in entrants.into_entries() {
            register.insert(name.clone(), (entry.step, entry.cells));
        }
    }
}

/// Entries up to a step of those who are visible at it.
fn counted(register: &Register, series: &SeriesShape, persons: &Value, step: u32) -> Counts {
    let mut counts = Counts::new(series.clone());
    let counts_now = |name: &String, entered: u32| {
        let erased = persons[name]["erased_before"].as_u64().is_some_and(|at| at <= u64::from(step));
        let mut rows = persons[name]["rows"].as_array().unwrap().iter();
        entered <= step && !erased && rows.any(|row| row["visible"][step as usize] == 1)
    };
    for (_, (entered, cells)) in register.iter().filter(|(name, (entered, _))| counts_now(name, *entered)) {
        counts.enter(*entered, cells).unwrap();
    }
    counts
}

fn expected_sums(case: &Value, step: u32) -> Vec<i128> {
    let cells = case["cells"].as_array().unwrap().iter();
    cells.map(|cell| i128::from(cell["y"][step as usize].as_i64().unwrap())).collect()
}

#[test]
fn the_registers_of_v5_are_filled_step_by_step() {
    for case in vector()["register"].as_array().unwrap() {
        let series = series(number(&case["horizon"]), &[2, 1]);
        let at_opening = u32::try_from(number(&case["steps_closed_at_opening"])).unwrap();
        let persons = &case["persons"];
        let mut register = Register::new();
        for t in 0..series.horizon() {
            match t + 1 {
                closed if closed < at_opening => continue,
                closed if closed == at_opening => close(&mut register, &series, persons, 0..=t),
                _ => close(&mut register, &series, persons, t..=t),
            }
            let steps = if t + 1 == at_opening { 0..=t } else { t..=t };
            for step in steps {
                let found = sums(counted(&register, &series, persons, step), step as usize);
                assert_eq!(found, expected_sums(case, step), "{} at {step}", case["name"]);
            }
        }
        for (name, entry) in case["register"].as_object().unwrap() {
            let (step, cells) = &register[name];
            assert_eq!(u64::from(*step), entry["step"].as_u64().unwrap(), "{name}");
            assert_eq!(cells[..], [0, u32::from(entry["region"] == "MA-06")], "{name}");
        }
        assert_eq!(register.len(), case["register"].as_object().unwrap().len());
    }
}

/// Whenever a person enters and at whichever steps it is seen: the norm over all tables and steps stays within the claim,
/// and is reached by who enters at the start and is always seen.
#[test]
fn no_entry_and_no_visibility_passes_the_claim() {
    for horizon in 1..=6_u32 {
        let series = series(horizon as usize, &[3, 2]);
        let claim = i128::try_from(series.delta_squared()).unwrap();
        let mut most = 0;
        for entered in 0..horizon {
            for seen in 0..1_u32 << horizon {
                let norm: i128 = (entered..horizon)
                    .filter(|t| seen >> t & 1 == 1)
                    .map(|t| {
                        let mut counts = Counts::new(series.clone());
                        counts.enter(entered, &[0, 1]).unwrap();
                        sums(counts, t as usize).iter().map(|sum| sum * sum).sum::<i128>()
                    })
                    .sum();
                assert!(norm <= claim, "{horizon} {entered} {seen:b}");
                most = most.max(norm);
            }
        }
        assert_eq!(most, claim);
    }
}

#[test]
fn an_entry_depends_on_the_persons_own_rows_alone_and_on_no_order() {
    let series = series(4, &[1, 1]);
    let rows = [(1, 0, 14), (0, 1, 11), (0, 0, 11), (2, 1, 17), (0, 1, 10)];
    let enter = |order: &[usize], others: bool| {
        let mut entrants = Entrants::new(&series, 0..=3, &key());
        for (person, order) in [([1; 16], &[1_usize, 3][..]), ([2; 16], order), ([3; 16], &[0, 2])] {
            if !others && person != [2; 16] {
                continue;
            }
            entrants.begin(&person);
            for place in order {
                let (quarter, code, month) = rows[*place];
                entrants.row(&Row {
                    month,
                    periods: [None, Some(quarter)],
                    codes: &[code],
                    values: &[0],
                    counted: &[true],
                });
            }
        }
        let entries = entrants.into_entries();
        entries.into_iter().find(|entry| entry.person == [2; 16]).map(|entry| (entry.step, entry.cells))
    };
    let first = enter(&[0, 1, 2, 3, 4], true);
    assert_eq!(first.as_ref().map(|(step, _)| *step), Some(0));
    for order in [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [1, 4, 0, 3, 2]] {
        assert_eq!(enter(&order, true), first);
        assert_eq!(enter(&order, false), first);
    }
}

#[test]
fn what_is_no_event_or_lies_later_does_not_enter() {
    let series = series(4, &[1]);
    let mut entrants = Entrants::new(&series, 1..=1, &key());
    for (person, quarter, counted) in
        [(1, Some(2), true), (2, Some(0), false), (3, None, true), (4, Some(0), true)]
    {
        entrants.begin(&[person; 16]);
        entrants.row(&Row {
            month: 0,
            periods: [None, quarter],
            codes: &[],
            values: &[0],
            counted: &[counted],
        });
    }
    let entries: Vec<(u8, u32)> = entrants.into_entries().iter().map(|e| (e.person[0], e.step)).collect();
    // An event of a closed step enters at the first open one.
    assert_eq!(entries, [(4, 1)]);
}

#[test]
fn totals_end_at_a_missing_step_and_results_read_back() {
    let series = series(4, &[1, 1]);
    let step = |t: u32| {
        Some(NoisyStep::new(&draw(1_000_000), series.clone(), t, vec![5_000_000, 2_000_000, 3_000_000]))
    };
    let noisy = together(&series, 1_000_000, vec![step(0), None, step(2)]);
    assert_eq!(noisy.n_whole(), 1);
    let cells = &estimate(&noisy).columns[0].tables[1].cells;
    assert_eq!(cells.len(), 6);
    assert!(cells[..2].iter().all(|cell| cell.estimate.is_finite()));
    assert!(cells[2..].iter().all(|cell| cell.estimate.is_nan() && cell.value.is_none()));
    let text = serde_json::to_string(&noisy).unwrap();
    assert_eq!(serde_json::from_str::<NoisySeries>(&text).unwrap(), noisy);
    let one = step(2).unwrap();
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<NoisyStep>(&text).unwrap(), one);
    assert!(serde_json::from_str::<NoisyStep>(&text.replace("1000000,", "1000001,")).is_err());
    let put = |price, steps| NoisySeries::new(Digest::of(b"S"), series.clone(), NanoRho::new(price), steps);
    assert!(put(1_000_000, vec![step(1)]).is_err() && put(2_000_000, vec![step(0)]).is_err());
    assert!(put(1_000_000, Vec::new()).is_err() && put(1_000_000, vec![None]).is_ok());
}

/// 3 000 series of 6 steps, 18 cells each: the standard error of a coverage is below 0.2 %, and 1.5 % are more than six of them
/// even if the cells of one series were all one.
#[test]
fn running_totals_are_unbiased_and_their_intervals_cover() {
    const SERIES: usize = 3_000;
    let series = series(6, &[2, 1]);
    let mut covered = 0;
    let mut n = 0_u32;
    let mut sum = 0.0;
    for _ in 0..SERIES {
        let steps = (0..6)
            .map(|t| {
                let mut counts = Counts::new(series.clone());
                // Ten persons a step, six of them in the first region.
                (0..=t).for_each(|k| (0..10).for_each(|i| counts.enter(k, &[0, u32::from(i >= 6)]).unwrap()));
                let exact = counts.into_steps(t..=t).pop().unwrap();
                Some(measure_step(exact, &draw(500_000_000)).unwrap())
            })
            .collect();
        let found = estimate(&together(&series, 500_000_000, steps));
        for (table, per_step) in found.columns[0].tables.iter().zip([&[10.0][..], &[6.0, 4.0]]) {
            for (place, cell) in table.cells.iter().enumerate() {
                let truth = per_step[place % per_step.len()] * (place / per_step.len() + 1) as f64;
                covered += usize::from((cell.estimate - truth).abs() <= cell.margin);
                sum += (cell.estimate - truth) / cell.variance.sqrt();
                n += 1;
            }
        }
    }
    let coverage = covered as f64 / f64::from(n);
    assert!((coverage - 0.95).abs() < 0.015, "{coverage}");
    // Cells of one series are correlated at most fully: 1/√3000 is the widest standard error.
    assert!((sum / f64::from(n)).abs() < 6.5 / f64::sqrt(SERIES as f64), "{}", sum / f64::from(n));
}

/// The likelihood-ratio audit on the worst person, who enters at the start and is always seen: t = ⟨δ, y⟩/(‖δ‖σ).
#[test]
fn neighbours_of_a_series_look_alike_and_no_more_alike_than_paid_for() {
    const RUNS: usize = 4_000;
    let series = series(4, &[1, 1]);
    let price = 500_000_000;
    let sigma = Scale::new(series.delta_squared(), NanoRho::new(price)).unwrap().sigma;
    let delta: Vec<Vec<i128>> = (0..4)
        .map(|t| {
            let mut counts = Counts::new(series.clone());
            counts.enter(0, &[0, 0]).unwrap();
            sums(counts, t)
        })
        .collect();
    let norm = (series.delta_squared() as f64).sqrt();
    let statistic = |with: bool| -> f64 {
        let mut t_value = 0.0;
        for (t, delta) in (0_u32..4).zip(&delta) {
            let mut counts = Counts::new(series.clone());
            counts.enter(1, &[0, 1]).unwrap();
            if with {
                counts.enter(0, &[0, 0]).unwrap();
            }
            let exact = counts.into_steps(t..=t).pop().unwrap();
            let y = measure_step(exact, &draw(price)).unwrap();
            t_value += y.cells().iter().zip(delta).map(|(y, d)| *y as f64 * *d as f64).sum::<f64>();
        }
        t_value / (norm * sigma)
    };
    let side = |with: bool| (0..RUNS).map(|_| statistic(with)).collect::<Vec<f64>>();
    let (with, without) = (side(true), side(false));
    let mean = |side: &[f64]| side.iter().sum::<f64>() / side.len() as f64;
    let spread = |side: &[f64]| {
        let m = mean(side);
        side.iter().map(|t| (t - m).powi(2)).sum::<f64>() / (side.len() - 1) as f64
    };
    let mu = (mean(&with) - mean(&without)) / f64::midpoint(spread(&with), spread(&without)).sqrt();
    // Claimed √(2ρ) = 1, reached exactly; a standard error of √((2 + μ²/4)/4000) = 0.024, six of them are 0.143.
    assert!((0.857..=1.143).contains(&mu), "{mu}");
}
