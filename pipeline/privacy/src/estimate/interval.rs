//! Intervals at 95 %: exact for a raw count that stands alone, normal for reconciled cells, Fieller for ratios (7.1–7.3).
//!
//! It deliberately lacks flags and display values.

/// The normal quantile of a two-sided 95 % interval.
pub(crate) const Z: f64 = 1.959_963_984_540_054;
/// The level of all intervals.
pub(crate) const LEVEL: f64 = 0.95;

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// No bounded interval.
    pub(crate) const NONE: Self = Self { estimate: f64::NAN, lower: f64::NAN, upper: f64::NAN };

    /// est ± z·√Var; what cannot be negative has both ends cut at 0, the estimate never (algorithms 7.2).
    pub(crate) fn normal(estimate: f64, variance: f64, z: f64, non_negative: bool) -> Self {
        let margin = z * variance.sqrt();
        let cut = |end: f64| if non_negative { end.max(0.0) } else { end };
        Self { estimate, lower: cut(estimate - margin), upper: cut(estimate + margin) }
    }

    /// The whole numbers n with |raw − b·n| ≤ h, both ends cut at 0; the nearest one where there is none (algorithms 7.1).
    pub(crate) fn raw_count(raw: i64, b: u32, half_width: i64) -> Self {
        let (raw, b, half_width) = (i128::from(raw), i128::from(b), i128::from(half_width));
        let lower = -(half_width - raw).div_euclid(b);
        let upper = (raw + half_width).div_euclid(b);
        let (lower, upper) = if lower <= upper { (lower, upper) } else { (nearest(raw, b), nearest(raw, b)) };
        Self { estimate: raw as f64 / b as f64, lower: lower.max(0) as f64, upper: upper.max(0) as f64 }
    }

    /// A quotient as it is published: a share in per cent, cut to 0–100; another quotient of counts in per cent has its ends cut
    /// at 0 alone, and its estimate nowhere (algorithms 7.2).
    pub(crate) fn shown(self, form: Form) -> Self {
        match form {
            Form::Plain => self,
            Form::Percent => {
                let Self { estimate, lower, upper } = self.map(|end| end * 100.0);
                Self { estimate, lower: lower.max(0.0), upper: upper.max(0.0) }
            }
            Form::Share => self.map(|end| (end * 100.0).clamp(0.0, 100.0)),
        }
    }

    /// The interval in other units.
    pub(crate) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { estimate: change(self.estimate), lower: change(self.lower), upper: change(self.upper) }
    }
}

/// raw/b as the nearest whole number, ties to even.
fn nearest(raw: i128, b: i128) -> i128 {
    let (floor, rest) = (raw.div_euclid(b), raw.rem_euclid(b));
    let up = 2 * rest > b || (2 * rest == b && floor % 2 != 0);
    floor + i128::from(up)
}

/// How a quotient is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Plain,
    /// In per cent.
    Percent,
    /// In per cent of the whole that it is a part of.
    Share,
}

impl Form {
    pub(crate) fn of(share: bool, percent: bool) -> Self {
        match (share, percent) {
            (true, _) => Self::Share,
            (false, true) => Self::Percent,
            (false, false) => Self::Plain,
        }
    }
}

/// An uncertain figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Uncertain {
    pub(crate) estimate: f64,
    pub(crate) variance: f64,
}

/// The quotient of two figures with its interval and half the interval's length; `None` where it has no bounded one (7.3).
///
/// All θ with (n̂ − θd̂)² ≤ z²·Var(n̂ − θd̂) (Fieller 1954).
pub(crate) fn fieller(
    numerator: Uncertain,
    denominator: Uncertain,
    covariance: f64,
    z: f64,
) -> Option<(Interval, f64)> {
    let (above, below) = (numerator.estimate, denominator.estimate);
    let z_squared = z * z;
    let a = below * below - z_squared * denominator.variance;
    let b = above * below - z_squared * covariance;
    let c = above * above - z_squared * numerator.variance;
    if a <= 0.0 || below <= 0.0 {
        return None;
    }
    let root = (b * b - a * c).max(0.0).sqrt();
    let interval = Interval { estimate: above / below, lower: (b - root) / a, upper: (b + root) / a };
    Some((interval, root / a))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::discrete;
    use super::*;
    use crate::flag::Flag;

    fn assert_close(found: f64, expected: &Value) {
        let expected = expected.as_f64().unwrap();
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{found} for {expected}");
    }

    #[test]
    fn raw_intervals_are_those_of_v4() {
        let vector: Value =
            serde_json::from_str(include_str!("../../testdata/V04_discrete_gaussian.json")).unwrap();
        // Counts only: the one signed case of the vector has no use here.
        let cases = vector["intervals"].as_array().unwrap().iter();
        for case in cases.filter(|case| case["nonnegative"] == true) {
            let h = discrete::half_width(case["sigma2"].as_f64().unwrap(), case["level"].as_f64().unwrap());
            assert_eq!(h, case["half_width"].as_i64().unwrap());
            let b = u32::try_from(case["b"].as_u64().unwrap()).unwrap();
            let interval = Interval::raw_count(case["raw"].as_i64().unwrap(), b, h);
            assert_close(interval.lower, &case["lower"]);
            assert_close(interval.upper, &case["upper"]);
        }
        let empty = Interval::raw_count(10, 4, 1);
        assert!((empty.lower - 2.0).abs() < 1e-12 && (empty.upper - 2.0).abs() < 1e-12);
    }

    #[test]
    fn ratios_are_those_of_v6() {
        let vector: Value =
            serde_json::from_str(include_str!("../../testdata/V06_fieller_sidak.json")).unwrap();
        for case in vector["cases"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64().unwrap();
            let numerator = Uncertain { estimate: number("numerator"), variance: number("v11") };
            let denominator = Uncertain { estimate: number("denominator"), variance: number("v22") };
            let Some((interval, margin)) = fieller(numerator, denominator, number("v12"), Z) else {
                assert_eq!(case["bounded"], false, "{case}");
                continue;
            };
            assert_close(interval.estimate, &case["ratio"]);
            assert_close(interval.lower, &case["lower"]);
            assert_close(interval.upper, &case["upper"]);
            assert_close(margin, &case["margin"]);
            assert_eq!(Flag::of(interval.estimate, margin).code(), case["flag"].as_str().unwrap());
            let share = interval.map(|end| end.clamp(0.0, 1.0));
            assert_close(share.estimate, &case["as_share"]["ratio"]);
            assert_close(share.lower, &case["as_share"]["lower"]);
            assert_close(share.upper, &case["as_share"]["upper"]);
        }
    }

    #[test]
    fn a_very_negative_estimate_keeps_its_ends_in_order() {
        let interval = Interval::normal(-20.6, 70.0, Z, true);
        assert!(interval.lower >= 0.0 && interval.upper >= interval.lower && interval.estimate < 0.0);
        assert!(Interval::normal(-20.6, 70.0, Z, false).upper < 0.0);
    }

    #[test]
    fn quotients_are_cut_as_they_can_be() {
        let of = |estimate, lower, upper| Interval { estimate, lower, upper };
        let (below, above) = (of(-0.1, -0.5, 0.25), of(1.5, 0.5, 2.0));
        assert_eq!(below.shown(Form::of(false, false)), below);
        assert_eq!(below.shown(Form::of(false, true)), of(-10.0, 0.0, 25.0));
        assert_eq!(above.shown(Form::of(false, true)), of(150.0, 50.0, 200.0));
        assert_eq!(below.shown(Form::of(true, false)), of(0.0, 0.0, 25.0));
        assert_eq!(above.shown(Form::of(true, false)), of(100.0, 50.0, 100.0));
    }
}
