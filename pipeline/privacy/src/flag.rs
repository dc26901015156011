//! Observation status of a cell, from noisy values alone (algorithms 7.5, V8).
//!
//! Flags serve the reader; they protect nobody.

use serde::{Deserialize, Serialize};

/// `OBS_STATUS` (SDMX) of a measured cell; a structural zero's `M` is publication's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flag {
    /// Normal: margin at most 20 % of the estimate.
    A,
    /// Low reliability: margin at most 50 %.
    U,
    /// Not shown: the value is empty.
    Q,
}

impl Flag {
    /// The flag of an estimate with its margin.
    pub fn of(estimate: f64, margin: f64) -> Self {
        if !estimate.is_finite() || !margin.is_finite() || estimate <= 0.0 {
            Self::Q
        } else if margin <= 0.20 * estimate {
            Self::A
        } else if margin <= 0.50 * estimate {
            Self::U
        } else {
            Self::Q
        }
    }

    /// The SDMX code.
    pub fn code(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::U => "U",
            Self::Q => "Q",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn flags_are_those_of_v8() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/V08_quality_flags.json")).unwrap();
        for case in vector["cases"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64().unwrap_or(f64::NAN);
            assert_eq!(Flag::of(number("estimate"), number("margin")).code(), case["flag"].as_str().unwrap());
        }
    }
}
