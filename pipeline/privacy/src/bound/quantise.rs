//! One row's measure as a whole number of steps, rounded half to even, exactly (algorithms 2.5, V14).
//!
//! It deliberately lacks float arithmetic: a double is taken apart into its exact rational.

use std::cmp::Ordering;

use dashu::base::Sign;
use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;

use crate::error::Error;
use crate::shape::Measure;

/// The most digits after the point of a declared bound or step.
const MOST_SCALE: u32 = 9;
/// Largest unscaled bound, and largest number of steps.
const LARGEST: i128 = 1 << 62;

/// Declared bounds in whole numbers of 10^−scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantiser {
    lower: i128,
    upper: i128,
    step: i128,
    scale: u32,
}

impl Quantiser {
    /// Reads declared bounds.
    ///
    /// # Errors
    /// Texts that are no plain decimals of at most nine decimals, a step that is not positive, bounds that cross.
    pub fn new(measure: &Measure) -> Result<Self, Error> {
        let [lower, upper, step] = [&measure.lower, &measure.upper, &measure.step].map(|text| {
            decimal(text).ok_or(Error::Measure {
                what: "bounds and step must be plain decimals with at most nine decimals",
            })
        });
        let (lower, upper, step) = (lower?, upper?, step?);
        if step <= 0 {
            return Err(Error::Measure { what: "step is not positive" });
        }
        if lower > upper {
            return Err(Error::Measure { what: "lower bound is above its upper bound" });
        }
        if [lower, upper].iter().any(|bound| (bound / step).abs() >= LARGEST) {
            return Err(Error::Measure { what: "bounds hold more than 2^62 steps" });
        }
        Ok(Self { lower, upper, step, scale: MOST_SCALE })
    }

    /// Steps of an integer or DECIMAL: `unscaled`·10^−`scale`. NULL is 0.
    pub fn decimal(&self, unscaled: Option<i128>, scale: i8) -> i64 {
        let Some(unscaled) = unscaled else { return 0 };
        let up = i32::try_from(self.scale).unwrap_or(0) - i32::from(scale);
        if let Ok(up) = u32::try_from(up) {
            let scaled = 10_i128.checked_pow(up).and_then(|power| unscaled.checked_mul(power));
            // What does not fit 128 bits is beyond both bounds.
            let beyond = if unscaled < 0 { self.lower } else { self.upper };
            return self.steps(scaled.unwrap_or(beyond));
        }
        let denominator = UBig::from(10_u8).pow(usize::try_from(-up).unwrap_or(0));
        self.rational(&RBig::from_parts(IBig::from(unscaled), denominator))
    }

    /// Steps of a double. NULL and NaN are 0; ±∞ are the bounds.
    pub fn float(&self, value: Option<f64>) -> i64 {
        match value {
            None => 0,
            Some(value) if value.is_nan() => 0,
            Some(value) if value == f64::INFINITY => self.steps(self.upper),
            Some(value) if value == f64::NEG_INFINITY => self.steps(self.lower),
            Some(value) => {
                let exact = RBig::try_from(value).unwrap_or(RBig::ZERO);
                self.rational(&(exact * RBig::from(UBig::from(10_u8).pow(self.scale as usize))))
            }
        }
    }

    /// `value` in 10^−scale, clamped, in steps.
    fn steps(&self, value: i128) -> i64 {
        let value = value.clamp(self.lower, self.upper);
        let (floor, rest) = (value.div_euclid(self.step), value.rem_euclid(self.step));
        let up = match (2 * rest).cmp(&self.step) {
            Ordering::Less => 0,
            Ordering::Equal => floor & 1,
            Ordering::Greater => 1,
        };
        // Between the steps of the bounds, which fit.
        i64::try_from(floor + up).unwrap_or(0)
    }

    fn rational(&self, value: &RBig) -> i64 {
        if *value <= RBig::from(self.lower) {
            return self.steps(self.lower);
        }
        if *value >= RBig::from(self.upper) {
            return self.steps(self.upper);
        }
        let steps = value / RBig::from(self.step);
        let floor = steps.floor();
        let rest = (&steps - RBig::from(floor.clone())) * RBig::from(2);
        let odd = &floor % IBig::from(2) != IBig::ZERO;
        let up = match rest.cmp(&RBig::ONE) {
            Ordering::Less => false,
            Ordering::Equal => odd,
            Ordering::Greater => true,
        };
        let rounded = if up { floor + IBig::ONE } else { floor };
        i64::try_from(rounded).unwrap_or(0)
    }
}

/// A plain decimal as a whole number of 10^−9.
fn decimal(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((Sign::Positive, text), |rest| (Sign::Negative, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > MOST_SCALE as usize {
        return None;
    }
    let unscaled: i128 = format!("{whole}{fraction:0<9}").parse().ok()?;
    let unscaled = if sign == Sign::Negative { -unscaled } else { unscaled };
    (unscaled.abs() < LARGEST << 30).then_some(unscaled)
}
