//! The discrete Gaussian as a distribution: probabilities and the exact half-width of a raw count's interval (7.1, V4).
//!
//! It deliberately lacks a sampler: noise comes from [`crate::sampler`] alone.

use std::f64::consts::PI;

/// From here on Σ e^(−j²/2σ²) is √(2πσ²) to the last bit.
const LATTICE_VANISHES: f64 = 2.0;

/// P(Z = k), which the sampler is tested against.
pub(crate) fn probability(k: i64, sigma_squared: f64) -> f64 {
    weight(k, sigma_squared) / total(sigma_squared)
}

/// P(|Z| ≤ h).
pub(crate) fn coverage(half_width: i64, sigma_squared: f64) -> f64 {
    let both: f64 = (1..=half_width).map(|k| 2.0 * weight(k, sigma_squared)).sum();
    (1.0 + both) / total(sigma_squared)
}

/// The least integer h with P(|Z| ≤ h) ≥ `level`, for a level below 1.
pub(crate) fn half_width(sigma_squared: f64, level: f64) -> i64 {
    let wanted = level * total(sigma_squared);
    let mut covered = 1.0;
    let mut h = 0;
    // Past 16 standard deviations nothing is left to gather but rounding.
    while covered < wanted && (h as f64) < 16.0 * sigma_squared.sqrt() + 1.0 {
        h += 1;
        covered += 2.0 * weight(h, sigma_squared);
    }
    h
}

fn weight(k: i64, sigma_squared: f64) -> f64 {
    let k = k as f64;
    (-k * k / (2.0 * sigma_squared)).exp()
}

fn total(sigma_squared: f64) -> f64 {
    if sigma_squared >= LATTICE_VANISHES {
        return (2.0 * PI * sigma_squared).sqrt();
    }
    // 16σ at most 23.
    1.0 + (1..=24).map(|k| 2.0 * weight(k, sigma_squared)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn probabilities_and_half_widths_are_those_of_v4() {
        let vector: Value =
            serde_json::from_str(include_str!("../../testdata/V04_discrete_gaussian.json")).unwrap();
        for case in vector["distributions"].as_array().unwrap() {
            let sigma_squared = case["sigma2"].as_f64().unwrap();
            for (k, expected) in case["pmf"].as_object().unwrap() {
                let (found, expected) =
                    (probability(k.parse().unwrap(), sigma_squared), expected.as_f64().unwrap());
                assert!((found - expected).abs() <= 1e-12 * expected, "{sigma_squared} {k}: {found}");
            }
            for interval in case["intervals"].as_array().unwrap() {
                let level = interval["level"].as_f64().unwrap();
                let h = interval["half_width"].as_i64().unwrap();
                assert_eq!(half_width(sigma_squared, level), h, "{sigma_squared} {level}");
                let covered = interval["coverage"].as_f64().unwrap();
                assert!((coverage(h, sigma_squared) - covered).abs() < 1e-9, "{sigma_squared} {level}");
            }
        }
    }
}
