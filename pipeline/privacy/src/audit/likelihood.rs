//! The likelihood-ratio test of neighbours, through the way of a release (T4), with coverage and low bits beside it.
//!
//! With σ known and δ the difference of what gets noise, both by coordinate, t = Σ δy/σ² / √(Σ δ²/σ²) is the most powerful
//! test. Its means with and without the person differ by √(Σ δ²/σ²), and the claim is that this is at most √(2ρ).

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::case::Case;
use marsad_terms::Progress;

use super::{Effort, Mechanism, PRICE, chance};
use crate::error::Error;
use crate::estimate::estimate;
use crate::noisy_table::NoisyTable;
use crate::sampler::integers;
use crate::spend::Spend;

/// Releases between two reports of progress.
const STEP: u32 = 500;

/// What the comparison of both sides gives.
pub(super) struct Compared {
    pub(super) mu: f64,
    pub(super) mu_proven: f64,
    pub(super) coverage: f64,
    pub(super) parity_p: f64,
}

/// One side: its exact sums, the direction that the test looks along, and the middle between both means.
struct Side<'a> {
    mechanism: &'a dyn Mechanism,
    case: &'a Case,
    sums: Vec<Vec<i128>>,
    along: &'a [f64],
    middle: f64,
}

/// Counts over some releases of one side.
#[derive(Clone, Copy, Default)]
struct Counts {
    runs: u32,
    sum: f64,
    sum_of_squares: f64,
    /// Runs in which t lies above the middle.
    above: u32,
    integers: u64,
    odd: u64,
    intervals: u64,
    covered: u64,
}

/// Releases `effort.runs` times with the worst person and as often without.
pub(super) fn compare(
    mechanism: &dyn Mechanism,
    case: &Case,
    effort: Effort,
    progress: Progress<'_>,
) -> Result<Compared, Error> {
    let (with, without) = (case.sums(mechanism, true), case.sums(mechanism, false));
    let [noiseless, origin] =
        [&with, &without].map(|sums| integers(case.joint.shapes(), sums.clone()).concat());
    // As a result tells them: whoever attacks weighs each figure by the noise that it has.
    let sigmas = sigmas(case, mechanism.measure(case.exact(&without)?, PRICE)?.spend());
    let difference = |((a, b), sigma): ((&i64, &i64), &f64)| (a - b) as f64 / sigma;
    let delta: Vec<f64> = noiseless.iter().zip(&origin).zip(&sigmas).map(difference).collect();
    let norm = delta.iter().map(|d| d * d).sum::<f64>().sqrt();
    let along: Vec<f64> = delta.iter().zip(&sigmas).map(|(d, sigma)| d / (norm * sigma)).collect();
    // t is taken relative to the sums without, so that squares lose nothing.
    let middle = norm / 2.0;
    let done = AtomicU64::new(0);
    let count = |sums: Vec<Vec<i128>>| {
        let side = Side { mechanism, case, sums, along: &along, middle };
        side.count(effort.runs, &origin, &|n| {
            let done = done.fetch_add(u64::from(n), Ordering::Relaxed) + u64::from(n);
            progress(done, 2 * u64::from(effort.runs));
        })
    };
    Ok(Counts::compare(count(with)?, count(without)?, chance::tail(effort.slack)))
}

/// The standard deviation of the noise on each coordinate.
fn sigmas(case: &Case, spend: &Spend) -> Vec<f64> {
    let mut sigmas = Vec::new();
    for (shape, parts) in case.joint.shapes().iter().zip(&spend.residuals) {
        if let (true, Some(tables)) = (shape.strategy.is_tables(), &spend.tables) {
            sigmas.resize(sigmas.len() + shape.n_coordinates(), tables.scale.sigma);
        }
        for (component, part) in shape.strategy.components().iter().zip(parts) {
            sigmas.resize(sigmas.len() + shape.n_component_cells(component), part.scale.sigma);
        }
    }
    sigmas
}

impl Side<'_> {
    fn count(&self, runs: u32, origin: &[i64], done: &(dyn Fn(u32) + Sync)) -> Result<Counts, Error> {
        let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
        let n_threads = u32::try_from(n_threads).unwrap_or(1).min(runs).max(1);
        thread::scope(|scope| {
            let share = |i: u32| runs / n_threads + u32::from(i < runs % n_threads);
            let spawn = |i: u32| scope.spawn(move || self.count_alone(share(i), origin, done));
            let threads: Vec<_> = (0..n_threads).map(spawn).collect();
            threads.into_iter().try_fold(Counts::default(), |counts, thread| {
                Ok(counts.plus(thread.join().map_err(|_| Error::Randomness)??))
            })
        })
    }

    fn count_alone(&self, runs: u32, origin: &[i64], done: &(dyn Fn(u32) + Sync)) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        for run in 1..=runs {
            let noisy = self.mechanism.measure(self.case.exact(&self.sums)?, PRICE)?;
            counts.take_test(&noisy, origin, self);
            counts.take_intervals(&noisy, &self.sums)?;
            if run % STEP == 0 || run == runs {
                done(if run % STEP == 0 { STEP } else { run % STEP });
            }
        }
        Ok(counts)
    }
}

impl Counts {
    fn take_test(&mut self, noisy: &NoisyTable, origin: &[i64], side: &Side<'_>) {
        let raw = noisy.raw().iter().flatten();
        let moved = raw.clone().zip(origin).map(|(y, x)| (y - x) as f64);
        let t: f64 = moved.zip(side.along).map(|(y, along)| y * along).sum();
        self.runs += 1;
        self.sum += t;
        self.sum_of_squares += t * t;
        self.above += u32::from(t > side.middle);
        self.integers += raw.clone().count() as u64;
        self.odd += raw.filter(|y| **y & 1 != 0).count() as u64;
    }

    /// The truth is the exact sum of bounded vectors, which is what a release claims to estimate.
    fn take_intervals(&mut self, noisy: &NoisyTable, sums: &[Vec<i128>]) -> Result<(), Error> {
        for (statistic, (shape, sums)) in noisy.shapes().iter().zip(sums).enumerate() {
            let estimated = estimate(noisy, statistic)?;
            for (index, table) in estimated.columns.iter().flat_map(|column| &column.tables).enumerate() {
                let unit = 1.0 / f64::from(shape.tables[index].b << noisy.f());
                for (cell, sum) in table.cells.iter().zip(&sums[shape.offset(index)..]) {
                    let truth = *sum as f64 * unit;
                    self.intervals += 1;
                    self.covered += u64::from(cell.lower <= truth && truth <= cell.upper);
                }
            }
        }
        Ok(())
    }

    fn plus(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            sum: self.sum + other.sum,
            sum_of_squares: self.sum_of_squares + other.sum_of_squares,
            above: self.above + other.above,
            integers: self.integers + other.integers,
            odd: self.odd + other.odd,
            intervals: self.intervals + other.intervals,
            covered: self.covered + other.covered,
        }
    }

    fn mean(&self) -> f64 {
        self.sum / f64::from(self.runs)
    }

    fn variance(&self) -> f64 {
        (self.sum_of_squares - self.sum * self.mean()) / f64::from(self.runs - 1)
    }

    fn compare(with: Self, without: Self, alpha: f64) -> Compared {
        let pooled = f64::midpoint(with.variance(), without.variance()).sqrt();
        let false_alarms = chance::upper_limit(without.above, without.runs, alpha);
        let misses = chance::upper_limit(with.runs - with.above, with.runs, alpha);
        let both = with.plus(without);
        let (odd, integers) = (both.odd as f64, both.integers as f64);
        Compared {
            mu: (with.mean() - without.mean()) / pooled,
            mu_proven: -chance::quantile(false_alarms) - chance::quantile(misses),
            coverage: both.covered as f64 / both.intervals as f64,
            parity_p: 2.0 * chance::tail((2.0 * odd - integers).abs() / integers.sqrt()),
        }
    }
}
