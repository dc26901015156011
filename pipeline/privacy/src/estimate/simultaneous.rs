//! Intervals that hold for many cells at once: Šidák's level for each (algorithms 7.4, V6).
//!
//! Claim: where each of m intervals has level L^(1/m), all m cover together with probability L or more. Proof: Šidák
//! (1967), for centred Gaussian errors of any correlation; a ratio's interval covers where one such error is small (7.3).
//! It deliberately lacks a choice of m after a look at the figures, which no multiplier repairs.

use super::discrete;
use super::interval::{Form, Interval, Uncertain, fieller};
use super::statistic::{Cell, EstimatedTable};
use crate::error::Error;

/// What the intervals of a table rest on, at any level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Basis {
    /// Whole counts b·n plus discrete noise.
    Exact {
        /// σ² of the integers.
        sigma_squared: f64,
        /// Precision multiplier.
        b: u32,
    },
    /// Estimates with exact variances.
    Normal {
        /// Whether both ends are cut at 0.
        non_negative: bool,
    },
    /// Quotients, by cell.
    Ratio {
        /// Numerator, denominator and their covariance.
        parts: Vec<(Uncertain, Uncertain, f64)>,
        /// How it is published.
        form: Form,
    },
}

impl EstimatedTable {
    /// An interval for each cell such that `together` of them cover their values at once with probability `level`.
    ///
    /// `together` is the number of cells that will be judged side by side, of this table or of several, fixed before they
    /// are looked at: all cells of the table where the reader hunts for the largest. Units are those of the cells. Like
    /// them they cover the bounded statistic (algorithms 2.2); a ratio without a bounded interval has NaN ends.
    ///
    /// # Errors
    /// `Level` for a level outside 0 to 1, or no cell.
    pub fn joint_intervals(&self, level: f64, together: u64) -> Result<Vec<Interval>, Error> {
        let each = Each::new(level, together)?;
        Ok(match &self.basis {
            Basis::Exact { sigma_squared, b } => {
                let half_width = discrete::half_width(*sigma_squared, each.level);
                let raw = |cell: &Cell| cell.raw.expect("only measured integers have an exact basis");
                self.cells.iter().map(|cell| Interval::raw_count(raw(cell), *b, half_width)).collect()
            }
            Basis::Normal { non_negative } => {
                let normal =
                    |cell: &Cell| Interval::normal(cell.estimate, cell.variance, each.z, *non_negative);
                self.cells.iter().map(normal).collect()
            }
            Basis::Ratio { parts, form } => parts
                .iter()
                .map(|(above, below, covariance)| {
                    fieller(*above, *below, *covariance, each.z)
                        .map_or(Interval::NONE, |(interval, _)| interval.shown(*form))
                })
                .collect(),
        })
    }
}

/// What each single interval has to hold.
#[derive(Clone, Copy, Debug)]
struct Each {
    level: f64,
    z: f64,
}

impl Each {
    fn new(joint_level: f64, together: u64) -> Result<Self, Error> {
        if !(joint_level > 0.0 && joint_level < 1.0) || together == 0 {
            return Err(Error::Level);
        }
        let log_level = joint_level.ln() / together as f64;
        // 1 − L^(1/m) by exp_m1, which keeps its digits where m is large.
        Ok(Self { level: log_level.exp(), z: upper_quantile(-log_level.exp_m1() / 2.0) })
    }
}

/// The z with P(N > z) = `tail`, for a tail between 0 and ½, by bisection.
fn upper_quantile(tail: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if upper_tail(middle) > tail { low = middle } else { high = middle }
    }
    high
}

/// P(N > z) for z ≥ 0 to 14 digits: below 2 by the series of the centre, above by Laplace's continued fraction.
fn upper_tail(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z >= 2.0 {
        return density / (1..=200).rev().fold(z, |below, k| z + f64::from(k) / below);
    }
    // z + z³/3 + z⁵/(3·5) + …
    let next = |(k, term): &(f64, f64)| Some((k + 2.0, term * z * z / (k + 2.0)));
    let terms = std::iter::successors(Some((1.0, z)), next);
    0.5 - density * terms.take(60).map(|(_, term)| term).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn multipliers_are_those_of_v6() {
        let vector: Value =
            serde_json::from_str(include_str!("../../testdata/V06_fieller_sidak.json")).unwrap();
        for case in vector["sidak"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64().unwrap();
            let each = Each::new(number("level"), case["m"].as_u64().unwrap()).unwrap();
            assert!((each.level - number("per_interval")).abs() <= 1e-12, "{case}");
            assert!((each.z - number("z")).abs() <= 1e-9 * number("z"), "{case}: {}", each.z);
        }
    }

    #[test]
    fn the_two_forms_of_the_tail_meet_and_fall() {
        let (below, above) = (upper_tail(2.0 - 1e-12), upper_tail(2.0));
        assert!((below - above).abs() < 1e-12 * 20.0 && below > above);
        // P(N > 6), known to 1e-12.
        assert!((upper_tail(6.0) / 9.865_876_450_376_98e-10 - 1.0).abs() < 1e-12);
        let many = Each::new(0.95, u64::MAX).unwrap();
        assert!(many.z > 9.0 && many.z < 10.0, "{}", many.z);
    }

    #[test]
    fn what_is_no_level_is_refused() {
        for (level, together) in [(0.0, 1), (1.0, 1), (f64::NAN, 1), (-0.5, 3), (0.95, 0)] {
            assert_eq!(Each::new(level, together).map(|each| each.z), Err(Error::Level));
        }
    }
}
