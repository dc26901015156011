//! How long a release takes once its rows are added up: noise on 100 000 cells, then reconciled estimates, intervals, flags
//! and display values of all of them.
//!
//! `cargo bench -p marsad-privacy`. It asserts nothing: times differ from machine to machine. The last line is one JSON object.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "figures are its purpose")]

use std::time::Instant;

use marsad_privacy::Joint;
use marsad_privacy::estimate::estimate_all;
use marsad_privacy::exact_table::ExactTable;
use marsad_privacy::sampler::measure;
use marsad_privacy::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Output, StatisticShape, Strategy, TableSpec,
};
use marsad_terms::{Grain, NanoRho, Period};

const STATISTICS: usize = 17;
const YEARS: u16 = 3;
const RUNS: usize = 5;
/// Region, sex, age group: the product of all sets of them is 11 × 5 × 10 cells a quarter.
const CODES: [(&str, usize); 3] = [("region", 10), ("sex", 4), ("age_group", 9)];

/// Persons by quarter and every set of three dimensions.
fn shape(number: usize) -> StatisticShape {
    let dimension = |(name, n_codes): (&str, usize)| Dimension {
        name: name.to_owned(),
        code_list: name.to_uppercase(),
        codes: (0..n_codes).map(|code| format!("C{code}")).collect(),
        zeros: Vec::new(),
        home: Some(HomeRule::MostFrequent),
    };
    let sets = (0..8_usize).map(|set| (0..3).filter(|at| set >> at & 1 == 1).collect());
    let table = |dimensions: Vec<usize>| TableSpec { aggregate: 0, grain: Grain::Quarter, dimensions, b: 1 };
    let expression = Expression::Aggregate { aggregate: 0 };
    StatisticShape {
        id: format!("statistic_{number}").parse().unwrap(),
        bound: Bound::HomeCell,
        dimensions: CODES.map(dimension).into(),
        periods: (0..YEARS).flat_map(|year| (1..=4).map(move |q| Period::Quarter(2023 + year, q))).collect(),
        aggregates: vec![Aggregate::Persons],
        tables: sets.map(table).collect(),
        outputs: vec![Output { name: "persons".to_owned(), expression }],
        strategy: Strategy::Tables,
    }
}

/// Sums that fit together: each table adds up the one by all dimensions, whose cells are of all sizes.
fn sums(shape: &StatisticShape) -> Vec<i128> {
    let sizes = CODES.map(|(_, n_codes)| n_codes);
    let cells = |quarter: usize| {
        (0..sizes.iter().product()).map(move |cell: usize| {
            let codes = [cell / (sizes[1] * sizes[2]), cell / sizes[2] % sizes[1], cell % sizes[2]];
            (codes, ((quarter * 7919 + cell) * 2_654_435_761 % 1000 / (1 + cell % 50)) as i128)
        })
    };
    let table = |table: &TableSpec| -> Vec<i128> {
        let at = |codes: [usize; 3]| table.dimensions.iter().fold(0, |at, d| at * sizes[*d] + codes[*d]);
        let n_cells: usize = table.dimensions.iter().map(|d| sizes[*d]).product();
        let of_quarter = |quarter: usize| {
            let mut added = vec![0; n_cells];
            cells(quarter).for_each(|(codes, persons)| added[at(codes)] += persons);
            added
        };
        (0..shape.periods.len()).flat_map(of_quarter).collect()
    };
    shape.tables.iter().flat_map(table).collect()
}

fn main() {
    let joint = Joint::new((0..STATISTICS).map(shape).collect()).unwrap();
    let cells = joint.n_coordinates();
    let exact: Vec<Vec<i128>> = joint.shapes().iter().map(sums).collect();
    let mut seconds: Vec<[f64; 2]> = (0..RUNS)
        .map(|_| {
            let exact = ExactTable::from_sums(joint.clone(), exact.clone()).unwrap();
            let start = Instant::now();
            let noisy = measure(exact, NanoRho::new(40_000_000)).unwrap();
            let noise = start.elapsed().as_secs_f64();
            assert_eq!(estimate_all(&noisy).unwrap().len(), STATISTICS);
            [noise, start.elapsed().as_secs_f64() - noise]
        })
        .collect();
    seconds.sort_by(|one, other| (one[0] + one[1]).total_cmp(&(other[0] + other[1])));
    let [noise, estimates] = seconds[RUNS / 2];
    println!("{cells} cells of {STATISTICS} statistics, median of {RUNS}");
    println!("noise {noise:.2} s, estimates {estimates:.2} s");
    println!("{{\"cells\":{cells},\"noise_seconds\":{noise:.3},\"estimate_seconds\":{estimates:.3}}}");
}
