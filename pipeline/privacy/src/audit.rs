//! The audit that a build makes of itself (T3, T4, T7): does the noise that it really draws hold what it claims?
//!
//! Fictitious people go through [`crate::bound::Tally`], [`crate::exact_table::ExactTable`], [`crate::sampler::measure`]
//! and [`crate::estimate::estimate`] as a release calls them, tens of thousands of times, with and without the person
//! whose vector has norm Δ. The randomness is the mechanism's own. It deliberately lacks records, a workspace, a ledger,
//! a seed and a clock. Faults planted on purpose are caught by `mutants`, run by `cargo test -p marsad-privacy mutant`.

mod case;
mod chance;
mod draws;
mod likelihood;
#[cfg(test)]
mod mutants;

use std::sync::Arc;

use marsad_terms::{NanoRho, Progress};

use crate::bound::{SelectionKey, Tally};
use crate::error::Error;
use crate::exact_table::ExactTable;
use crate::noisy_table::NoisyTable;
use crate::sampler;
use crate::shape::StatisticShape;

#[cfg(test)]
pub(crate) use draws::{chance_of, distance, excess};

use case::{Case, Contributor};

/// A statistical test below this has failed: once in a million audits by chance.
pub const LEAST_P: f64 = 1e-6;
/// The share of intervals that must hold their truth lies within this of 0.95.
pub const COVERAGE_SLACK: f64 = 0.01;
/// The least part of the claimed μ that is plausible where the worst person reaches Δ.
pub const LEAST_PART: f64 = 0.85;

/// What an audit found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Audit {
    /// Releases a side, with and without the worst person.
    pub runs: u32,
    /// √(2ρ): how far apart the claim lets the two sides be, in standard deviations of the best test.
    pub mu_claimed: f64,
    /// How far apart they are: difference of the means of t over its pooled standard deviation.
    pub mu_estimated: f64,
    /// Of `mu_estimated`.
    pub standard_error: f64,
    /// The μ that the test's own errors prove, by Clopper–Pearson limits.
    pub mu_proven: f64,
    /// Share of 95 % intervals of published cells that hold the truth.
    pub coverage: f64,
    /// Whether the order of people and rows leaves the exact sums as they are.
    pub order_free: bool,
    /// p-value of the draws against the discrete Gaussian at σ² = 1, 10, 10 000 (χ² and Kolmogorov–Smirnov, six times the
    /// least).
    pub sampler_p: f64,
    /// p-value of as many odd as even noisy integers.
    pub parity_p: f64,
    /// How many standard errors chance is granted.
    pub slack: f64,
    /// Whether all of it holds.
    pub passed: bool,
}

impl Audit {
    /// Whether the two sides are no further apart than claimed, and not suspiciously nearer.
    pub fn is_as_private_as_claimed(&self) -> bool {
        let beyond = self.mu_estimated - self.slack * self.standard_error;
        beyond <= self.mu_claimed
            && self.mu_estimated >= LEAST_PART * self.mu_claimed
            && self.mu_proven <= self.mu_claimed
    }

    /// Whether intervals hold what they say.
    pub fn covers(&self) -> bool {
        (self.coverage - 0.95).abs() <= COVERAGE_SLACK
    }
}

/// How much is drawn, and how much is left to chance.
#[derive(Clone, Copy)]
struct Effort {
    runs: u32,
    draws: u32,
    slack: f64,
    least_p: f64,
}

/// T4's 20 000 runs a side, T3's 200 000 draws.
const WHOLE: Effort = Effort { runs: 20_000, draws: 200_000, slack: 3.0, least_p: LEAST_P };
/// Claims μ = 1.
const PRICE: NanoRho = NanoRho::new(500_000_000);

/// The two steps of a release that a fault could hide in; mutants replace one of them.
trait Mechanism: Sync {
    /// The exact sums of one statistic.
    fn sums(&self, shape: &Arc<StatisticShape>, f: u32, people: &[Contributor]) -> Vec<i128> {
        tally(shape, f, people.iter().map(|person| (person.key, person.rows.as_slice())))
    }

    /// The noisy table of a release.
    fn measure(&self, exact: ExactTable, price: NanoRho) -> Result<NoisyTable, Error> {
        sampler::measure(exact, price)
    }
}

/// What this build does.
struct Installed;

impl Mechanism for Installed {}

fn tally<'a>(
    shape: &Arc<StatisticShape>,
    f: u32,
    people: impl Iterator<Item = ([u8; 16], &'a [u16])>,
) -> Vec<i128> {
    let mut tally = Tally::new(Arc::clone(shape), f, SelectionKey::new([42; 32]));
    for (key, rows) in people {
        tally.begin(&key);
        for code in rows {
            tally.row(&case::row(code));
        }
    }
    tally.into_sums()
}

/// Audits this build: some seconds on two cores.
///
/// Claim: where it passes, no test of this one worst case tells the two sides better than ρ allows, up to chance. A
/// correct build fails about once in 700 audits (three standard errors of μ); a second audit settles it. It is no proof
/// about all people: that stands beside the code.
///
/// # Errors
/// `Randomness` if the system's source fails, and what else stops a release.
pub fn run(progress: Progress<'_>) -> Result<Audit, Error> {
    audit(&Installed, WHOLE, progress)
}

fn audit(mechanism: &dyn Mechanism, effort: Effort, progress: Progress<'_>) -> Result<Audit, Error> {
    let case = Case::new()?;
    let seen = likelihood::compare(mechanism, &case, effort, progress)?;
    let sampler_p = draws::p_value(mechanism, effort.draws)?;
    let mut audit = Audit {
        runs: effort.runs,
        mu_claimed: (2.0 * PRICE.rho()).sqrt(),
        mu_estimated: seen.mu,
        standard_error: ((2.0 + seen.mu * seen.mu / 4.0) / f64::from(effort.runs)).sqrt(),
        mu_proven: seen.mu_proven,
        coverage: seen.coverage,
        order_free: case.is_order_free(mechanism),
        sampler_p,
        parity_p: seen.parity_p,
        slack: effort.slack,
        passed: false,
    };
    let alike = audit.is_as_private_as_claimed() && audit.covers() && audit.order_free;
    audit.passed = alike && audit.sampler_p > effort.least_p && audit.parity_p > effort.least_p;
    Ok(audit)
}
