//! Exact decimals of definitions: compared and divided as integers of 10⁻⁶, kept as text.

/// A plain decimal of at most six decimals and 18 digits in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// As written.
    pub(crate) text: String,
    /// In units of 10⁻⁶.
    pub(crate) micro: i128,
}

impl Decimal {
    /// Reads `-12.5`; no exponent, no sign `+`, no separators.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 6 || whole.len() > 12 {
            return None;
        }
        let magnitude: i128 = format!("{whole}{fraction:0<6}").parse().ok()?;
        let micro = if text.starts_with('-') { -magnitude } else { magnitude };
        Some(Self { text: text.to_owned(), micro })
    }

    /// Whether this is a whole number of steps.
    pub(crate) fn is_multiple_of(&self, step: &Self) -> bool {
        step.micro != 0 && self.micro % step.micro == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn only_plain_decimals_are_read() {
        let micro = |text: &str| Decimal::parse(text).map(|decimal| decimal.micro);
        assert_eq!(micro("0.5"), Some(500_000));
        assert_eq!(micro("-12"), Some(-12_000_000));
        for text in ["", "-", ".5", "5.", "1e3", "+1", "NaN", "inf", "0.1234567", "1_000"] {
            assert_eq!(micro(text), None, "{text}");
        }
    }

    #[test]
    fn steps_are_exact() {
        let decimal = |text: &str| Decimal::parse(text).unwrap();
        assert!(decimal("200").is_multiple_of(&decimal("0.5")));
        assert!(!decimal("0.3").is_multiple_of(&decimal("0.2")));
        assert!(!decimal("1").is_multiple_of(&decimal("0")));
    }
}
