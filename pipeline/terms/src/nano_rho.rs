//! Privacy-loss budget as whole nano-ρ (algorithms 5.1): never a float, a price rounds up, a sum is checked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Zero-concentrated differential privacy in units of 1e-9 ρ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoRho(u64);

/// Why a text is no budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NanoRhoError {
    /// Not a plain positive decimal.
    #[error("`{0}` is not a plain decimal number such as 0.04")]
    NotDecimal(String),
    /// Zero buys nothing and would mean infinite noise.
    #[error("a privacy cost of zero is refused")]
    Zero,
    /// Beyond what integers of 2^53 nano-ρ hold (they travel through JSON).
    #[error("`{0}` is too large; the largest budget is 9007199 ρ")]
    TooLarge(String),
}

impl NanoRho {
    /// The largest amount that every JSON reader holds exactly (RFC 8785).
    const MAX: u64 = (1 << 53) - 1;

    /// Nothing spent yet.
    pub const ZERO: Self = Self(0);

    /// An amount of whole nano-ρ.
    pub const fn new(nano: u64) -> Self {
        Self(nano)
    }

    /// The amount in nano-ρ.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, or `None` where it would not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX).map(Self)
    }

    /// What remains of `self` after `other`, or `None` where `other` is larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// ρ as a float: for formulas after the decision, never for the decision.
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    pub fn rho(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl FromStr for NanoRho {
    type Err = NanoRhoError;

    /// Reads a decimal ρ exactly and rounds up to nano-ρ (vector V10).
    fn from_str(text: &str) -> Result<Self, NanoRhoError> {
        let not_decimal = || NanoRhoError::NotDecimal(text.to_owned());
        let too_large = || NanoRhoError::TooLarge(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
            return Err(not_decimal());
        }
        let (kept, rest) = fraction.split_at(fraction.len().min(9));
        let whole: u64 = whole.parse().map_err(|_| too_large())?;
        let kept: u64 = format!("{kept:0<9}").parse().map_err(|_| not_decimal())?;
        let round_up = u64::from(rest.bytes().any(|b| b != b'0'));
        let nano = whole
            .checked_mul(1_000_000_000)
            .and_then(|nano| nano.checked_add(kept))
            .and_then(|nano| nano.checked_add(round_up))
            .filter(|nano| *nano <= Self::MAX)
            .ok_or_else(too_large)?;
        if nano == 0 { Err(NanoRhoError::Zero) } else { Ok(Self(nano)) }
    }
}

impl fmt::Display for NanoRho {
    /// ρ with nine decimals: exactly the nano-ρ (publication 1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_price_rounds_up() {
        assert_eq!("0.1".parse(), Ok(NanoRho::new(100_000_000)));
        assert_eq!("0.0000000001".parse(), Ok(NanoRho::new(1)));
        assert_eq!("0.0218817274596".parse(), Ok(NanoRho::new(21_881_728)));
        assert_eq!("1".parse(), Ok(NanoRho::new(1_000_000_000)));
    }

    #[test]
    fn zero_signs_exponents_and_words_are_refused() {
        assert_eq!("0.000".parse::<NanoRho>(), Err(NanoRhoError::Zero));
        for text in ["", ".5", "5.", "-1", "+1", "1e-3", "0,1", "NaN", "inf", " 1", "٠"] {
            assert!(matches!(text.parse::<NanoRho>(), Err(NanoRhoError::NotDecimal(_))), "{text}");
        }
        assert!(matches!("9007200".parse::<NanoRho>(), Err(NanoRhoError::TooLarge(_))));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(nano in 1..NanoRho::MAX) {
            prop_assert_eq!(NanoRho::new(nano).to_string().parse(), Ok(NanoRho::new(nano)));
        }
    }
}
