//! The contenders of the accuracy bench: each turns a case into errors against the exact table, by table.
//!
//! Marsad's own figures go through the product's bounding, noise and estimate. The others are tuned on the exact tables,
//! which nobody may do in earnest: a head start that Marsad does not get. Biases are computed, noise is drawn.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use marsad_privacy::Joint;
use marsad_privacy::accuracy::forecast;
use marsad_privacy::bound::{Row, SelectionKey, Tally};
use marsad_privacy::estimate::estimate;
use marsad_privacy::exact_table::ExactTable;
use marsad_privacy::sampler::measure;
use marsad_privacy::shape::{Aggregate, Bound, StatisticShape, TableSpec};
use marsad_terms::NanoRho;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::{make_gaussian, make_laplace};
use opendp::measures::{MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{L1Distance, L2Distance};

use crate::Failure;
use crate::data::{Case, Person, cells_of};

/// The largest k, cells and rows a person that are tried.
const MOST: u32 = 16;
/// The constants of a norm clip that are tried.
const C_SQUARED: [u64; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200];
/// Λ of the published loss, as the catalogue has it.
const LEFT_OUT_CAP: u32 = 20;

/// Root mean square errors of one table's cells.
#[derive(Clone, Copy, Default)]
pub(crate) struct Errors {
    /// Of what a reader sees, against the exact table.
    pub(crate) total: f64,
    /// Of the bounded table before any noise.
    pub(crate) bias: f64,
}

/// What Marsad's releases of one case were like.
pub(crate) struct Released {
    /// By table: reconciled.
    pub(crate) reconciled: Vec<Errors>,
    /// By table: as measured, each by itself.
    pub(crate) alone: Vec<f64>,
    /// Noise of totals by area: from each table that has areas, then reconciled.
    pub(crate) areas: Option<(Vec<f64>, f64)>,
}

/// Releases a case so many times under some bound and compares every table with the exact one.
pub(crate) fn release(
    case: &Case,
    shape: &StatisticShape,
    price: NanoRho,
    times: u32,
) -> Result<Released, Failure> {
    let joint = Joint::new(vec![shape.clone()])?;
    let sums = sums(case, shape, joint.f());
    let bounded = bounded(shape, &sums, joint.f());
    let mut squares = vec![[0.0; 2]; shape.tables.len()];
    let mut areas = Areas::new(shape, &bounded);
    for _ in 0..times {
        let noisy = measure(ExactTable::from_sums(joint.clone(), vec![sums.clone()])?, price)?;
        let tables = estimate(&noisy, 0)?.columns.swap_remove(0).tables;
        let mut seen = Vec::new();
        for ((table, exact), squares) in tables.iter().zip(&case.exact).zip(&mut squares) {
            let unit = table.raw_unit.unwrap_or(f64::NAN);
            let raw: Vec<f64> =
                table.cells.iter().map(|cell| cell.raw.map_or(f64::NAN, |raw| raw as f64 * unit)).collect();
            let estimates: Vec<f64> = table.cells.iter().map(|cell| cell.estimate).collect();
            squares[0] += mean_square(&estimates, exact);
            squares[1] += mean_square(&raw, exact);
            seen.push((raw, estimates));
        }
        areas.add(shape, &seen);
    }
    let root = |sum: f64| (sum / f64::from(times)).sqrt();
    let biases = bounded.iter().zip(&case.exact).map(|(bounded, exact)| mean_square(bounded, exact).sqrt());
    let reconciled = squares.iter().zip(biases).map(|(s, bias)| Errors { total: root(s[0]), bias }).collect();
    let alone = squares.iter().map(|s| root(s[1])).collect();
    Ok(Released { reconciled, alone, areas: areas.roots(f64::from(times)) })
}

/// Mean squares of totals by area around the bounded ones.
struct Areas {
    /// Where the area stands among the dimensions, the tables that have it and their bounded totals.
    tables: Vec<(usize, usize, Vec<f64>)>,
    squares: Vec<f64>,
    reconciled: f64,
}

impl Areas {
    fn new(shape: &StatisticShape, bounded: &[Vec<f64>]) -> Self {
        let area = shape.dimensions.iter().position(|d| d.name == "region" || d.name == "area");
        let adds_up = |table: &TableSpec| {
            shape.aggregates[table.aggregate] != Aggregate::Persons || shape.multi_valued_of(table).is_empty()
        };
        let has =
            |table: &TableSpec| area.is_some_and(|area| table.dimensions.contains(&area)) && adds_up(table);
        let tables: Vec<_> = (0..shape.tables.len())
            .filter(|table| has(&shape.tables[*table]))
            .filter_map(|table| {
                let area = area?;
                Some((area, table, totals(shape, &shape.tables[table], &bounded[table], area)))
            })
            .collect();
        Self { squares: vec![0.0; tables.len()], tables, reconciled: 0.0 }
    }

    fn add(&mut self, shape: &StatisticShape, seen: &[(Vec<f64>, Vec<f64>)]) {
        for ((area, table, bounded), squares) in self.tables.iter().zip(&mut self.squares) {
            *squares += mean_square(&totals(shape, &shape.tables[*table], &seen[*table].0, *area), bounded);
        }
        if let Some((area, table, bounded)) = self.tables.first() {
            let reconciled = totals(shape, &shape.tables[*table], &seen[*table].1, *area);
            self.reconciled += mean_square(&reconciled, bounded);
        }
    }

    fn roots(self, times: f64) -> Option<(Vec<f64>, f64)> {
        let roots: Vec<f64> = self.squares.iter().map(|sum| (sum / times).sqrt()).collect();
        (roots.len() > 1).then(|| (roots, (self.reconciled / times).sqrt()))
    }
}

/// Adds a table up to the codes of one of its dimensions.
fn totals(shape: &StatisticShape, table: &TableSpec, cells: &[f64], dimension: usize) -> Vec<f64> {
    let size = |d: &usize| shape.dimensions[*d].codes.len();
    let inner: usize = table.dimensions.iter().skip_while(|d| **d != dimension).skip(1).map(size).product();
    let n = size(&dimension);
    let mut totals = vec![0.0; n];
    for (cell, value) in cells.iter().enumerate() {
        totals[cell / inner % n] += value;
    }
    totals
}

fn mean_square(cells: &[f64], exact: &[f64]) -> f64 {
    cells.iter().zip(exact).map(|(cell, exact)| (cell - exact).powi(2)).sum::<f64>() / exact.len() as f64
}

/// Sums of the persons' bounded vectors, by the product's own bounding.
fn sums(case: &Case, shape: &StatisticShape, f: u32) -> Vec<i128> {
    let mut tally = Tally::new(Arc::new(shape.clone()), f, SelectionKey::new([7; 32]));
    for person in &case.persons {
        tally.begin(&person.key);
        for row in &person.rows {
            let (month, periods, codes) = (row.day, row.periods, row.codes.as_slice());
            tally.row(&Row { month, periods, codes, values: &[0], counted: &[true] });
        }
    }
    tally.into_sums()
}

/// The bounded tables in units of the statistic.
fn bounded(shape: &StatisticShape, sums: &[i128], f: u32) -> Vec<Vec<f64>> {
    let table = |(index, table): (usize, &TableSpec)| {
        let unit = f64::from(table.b) * f64::from(1_u32 << f);
        sums[shape.offset(index)..][..shape.n_cells(table)].iter().map(|sum| *sum as f64 / unit).collect()
    };
    shape.tables.iter().enumerate().map(table).collect()
}

/// What a bound is predicted to err by: the geometric mean over tables of √(bias² + variance).
fn predicted(case: &Case, shape: &StatisticShape, price: NanoRho) -> Result<f64, Failure> {
    let joint = Joint::new(vec![shape.clone()])?;
    let bounded = bounded(shape, &sums(case, shape, joint.f()), joint.f());
    let tables = forecast(&joint, price)?;
    let logs = tables.iter().map(|table| {
        let variance = table.sd.unwrap_or(f64::NAN).powi(2);
        (mean_square(&bounded[table.table], &case.exact[table.table]) + variance).sqrt().ln()
    });
    Ok((logs.sum::<f64>() / tables.len() as f64).exp())
}

fn best<T>(
    choices: impl Iterator<Item = T>,
    error: impl Fn(&T) -> Result<f64, Failure>,
) -> Result<T, Failure> {
    let mut best: Option<(T, f64)> = None;
    for choice in choices {
        let error = error(&choice)?;
        if best.as_ref().is_none_or(|(_, least)| error < *least) {
            best = Some((choice, error));
        }
    }
    best.map(|(choice, _)| choice).ok_or_else(|| "nothing to choose from".into())
}

/// The same statistic kept to k rows (for persons: k cells) a person, no home values, at its best k.
pub(crate) fn keeping_k(case: &Case, price: NanoRho) -> Result<(u32, StatisticShape), Failure> {
    let shape = |k: u32| {
        let mut shape = case.shape.clone();
        shape.bound = Bound::Truncate { k, left_out_cap: LEFT_OUT_CAP };
        shape.dimensions.iter_mut().for_each(|dimension| dimension.home = None);
        shape
    };
    let k = best(1..=MOST, |k| predicted(case, &shape(*k), price))?;
    Ok((k, shape(k)))
}

/// The same statistic with the C² or k that would have been best; none where the bound has no constant.
pub(crate) fn best_bound(case: &Case, price: NanoRho) -> Result<Option<(u64, StatisticShape)>, Failure> {
    let shape = |constant: u64| {
        let bound = match case.shape.bound {
            Bound::NormClip { left_out_cap, .. } => Bound::NormClip { c_squared: constant, left_out_cap },
            Bound::Truncate { left_out_cap, .. } => {
                Bound::Truncate { k: u32::try_from(constant).unwrap_or(MOST), left_out_cap }
            }
            Bound::HomeCell | Bound::First { .. } => return None,
        };
        Some(StatisticShape { bound, ..case.shape.clone() })
    };
    let choices: Vec<u64> = match case.shape.bound {
        Bound::NormClip { .. } => C_SQUARED.to_vec(),
        Bound::Truncate { .. } => (1..=u64::from(MOST)).collect(),
        Bound::HomeCell | Bound::First { .. } => return Ok(None),
    };
    let found = best(choices.into_iter(), |constant| match shape(*constant) {
        Some(shape) => predicted(case, &shape, price),
        None => Err("a bound without a constant".into()),
    })?;
    Ok(shape(found).map(|shape| (found, shape)))
}

/// The noise of a count that is released by itself, in OpenDP's words.
#[derive(Clone, Copy)]
pub(crate) enum Noise {
    /// Discrete Gaussian, ρ a table.
    Gaussian(f64),
    /// Discrete Laplace, ε a table.
    Laplace(f64),
}

impl Noise {
    /// Scale and variance for a person in so many cells with so many rows each.
    fn scale(self, cells: u32, rows: u32) -> (f64, f64) {
        let (cells, rows) = (f64::from(cells), f64::from(rows));
        match self {
            Self::Gaussian(rho) => {
                let sigma = rows * (cells / (2.0 * rho)).sqrt();
                (sigma, sigma * sigma)
            }
            Self::Laplace(epsilon) => {
                let scale = rows * cells / epsilon;
                (scale, 2.0 * scale * scale)
            }
        }
    }

    fn draw(self, cells: &Vec<i64>, scale: f64) -> Result<Vec<i64>, Failure> {
        let domain = VectorDomain::new(AtomDomain::<i64>::default());
        let noisy = match self {
            Self::Gaussian(_) => make_gaussian::<_, _, ZeroConcentratedDivergence>(
                domain,
                L2Distance::<f64>::default(),
                scale,
                None,
            )
            .and_then(|gaussian| gaussian.invoke(cells)),
            Self::Laplace(_) => {
                make_laplace::<_, _, MaxDivergence>(domain, L1Distance::<f64>::default(), scale, None)
                    .and_then(|laplace| laplace.invoke(cells))
            }
        };
        noisy.map_err(|error| error.to_string().into())
    }
}

/// Each table by itself with OpenDP alone: a person keeps some cells, chosen by a hash, and some rows in each, both at the
/// table's best.
pub(crate) fn opendp(case: &Case, noise: Noise, times: u32) -> Result<Vec<f64>, Failure> {
    let shape = &case.shape;
    let one = |(table, exact): (&TableSpec, &Vec<f64>)| {
        let persons: Vec<Vec<(usize, u32)>> =
            case.persons.iter().map(|person| shuffled(shape, table, person)).collect();
        let counts_persons = shape.aggregates[table.aggregate] == Aggregate::Persons;
        let most_cells = if exact.len() == 1 { 1 } else { MOST };
        let most_rows = if counts_persons { 1 } else { MOST };
        let choices = (1..=most_cells).flat_map(|cells| (1..=most_rows).map(move |rows| (cells, rows)));
        let (cells, rows) = best(choices, |(cells, rows)| {
            let kept = kept(&persons, exact.len(), *cells, *rows);
            let bias = mean_square(&floats(&kept), exact);
            Ok(bias + noise.scale(*cells, *rows).1)
        })?;
        let kept = kept(&persons, exact.len(), cells, rows);
        let mut squares = 0.0;
        for _ in 0..times {
            let noisy = noise.draw(&kept, noise.scale(cells, rows).0)?;
            squares += mean_square(&floats(&noisy), exact);
        }
        Ok((squares / f64::from(times)).sqrt())
    };
    shape.tables.iter().zip(&case.exact).map(one).collect()
}

fn floats(counts: &[i64]) -> Vec<f64> {
    counts.iter().map(|count| *count as f64).collect()
}

/// A person's cells in an order that no code decides.
fn shuffled(shape: &StatisticShape, table: &TableSpec, person: &Person) -> Vec<(usize, u32)> {
    let mut cells = cells_of(shape, table, person);
    cells.sort_by_cached_key(|(cell, _)| {
        let mut hasher = DefaultHasher::new();
        (person.key, cell).hash(&mut hasher);
        hasher.finish()
    });
    cells
}

fn kept(persons: &[Vec<(usize, u32)>], n: usize, cells: u32, rows: u32) -> Vec<i64> {
    let mut sums = vec![0; n];
    for (cell, count) in persons.iter().flat_map(|own| own.iter().take(cells as usize)) {
        sums[*cell] += i64::from((*count).min(rows));
    }
    sums
}
