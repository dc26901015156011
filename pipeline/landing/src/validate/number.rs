//! Numbers as partners write them (extracts 5): marks, groups of three, sign; no exponent, no hexadecimal, no `NaN`.
//! Exact throughout: digits and a scale, never a float.

/// The most digits that are read; every range that a record type can declare is far below.
const MOST_DIGITS: usize = 30;

/// A decimal number: `mantissa` / 10^`scale`, without trailing zeros behind the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    mantissa: i128,
    scale: u32,
}

impl Number {
    /// Reads the canonical text of a cell; `decimal` decides about `1,250`.
    pub(crate) fn parse(text: &str, decimal: char) -> Option<Self> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = split(body, decimal)?;
        let fraction = fraction.trim_end_matches('0');
        let digits: String = whole.chars().chain(fraction.chars()).filter(char::is_ascii_digit).collect();
        let digits = digits.trim_start_matches('0');
        if digits.len() > MOST_DIGITS || fraction.len() > MOST_DIGITS {
            return None;
        }
        let size: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let scale = u32::try_from(fraction.len()).ok()?;
        Some(Self { mantissa: if negative { -size } else { size }, scale })
    }

    /// The number if it is whole and fits.
    pub(crate) fn whole(self) -> Option<i64> {
        if self.scale == 0 { i64::try_from(self.mantissa).ok() } else { None }
    }

    /// The number in hundredths if it has no smaller part and fits.
    pub(crate) fn hundredths(self) -> Option<i64> {
        let shift = 2_u32.checked_sub(self.scale)?;
        i64::try_from(self.mantissa.checked_mul(10_i128.pow(shift))?).ok()
    }
}

/// Digits (with group marks checked) before and behind the decimal mark.
fn split(body: &str, decimal: char) -> Option<(&str, &str)> {
    if !body.is_empty() && body.bytes().all(|b| b.is_ascii_digit()) {
        return Some((body, ""));
    }
    let last = body.char_indices().rev().find(|(_, c)| !c.is_ascii_digit());
    let (at, mark) = last?;
    let (whole, fraction) = (&body[..at], &body[at + mark.len_utf8()..]);
    if is_decimal_mark(mark, whole, fraction, decimal) {
        let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
        return (digits && is_grouped(whole, Some(mark))).then_some((whole, fraction));
    }
    is_grouped(body, None).then_some((body, ""))
}

/// Whether the last mark of a number separates the fraction.
fn is_decimal_mark(mark: char, whole: &str, fraction: &str, decimal: char) -> bool {
    match mark {
        '٫' => true,
        ',' | '.' if mark == decimal => true,
        ',' | '.' => {
            let plain = whole.bytes().all(|b| b.is_ascii_digit());
            let group =
                plain && (1..=3).contains(&whole.len()) && !whole.starts_with('0') && fraction.len() == 3;
            !group && !whole.contains(mark)
        }
        _ => false,
    }
}

/// Whether the text is digits, or groups of three joined by one kind of group mark.
fn is_grouped(whole: &str, decimal: Option<char>) -> bool {
    let Some(mark) = whole.chars().find(|c| !c.is_ascii_digit()) else { return !whole.is_empty() };
    let allowed = matches!(mark, ' ' | '\'' | '\u{2019}' | '٬' | ',' | '.') && Some(mark) != decimal;
    let mut groups = whole.split(mark);
    let first = groups.next().unwrap_or_default();
    let is_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    allowed
        && (1..=3).contains(&first.len())
        && is_digits(first)
        && groups.all(|group| group.len() == 3 && is_digits(group))
}

#[cfg(test)]
mod tests {
    use marsad_catalog::clean;
    use proptest::prelude::*;

    use super::*;

    fn hundredths(text: &str, decimal: char) -> Option<i64> {
        Number::parse(&clean(text), decimal)?.hundredths()
    }

    #[test]
    fn numbers_of_every_habit_are_read() {
        for (text, decimal, expected) in [
            ("1 250,50", ',', 125_050),
            ("1\u{a0}250,50", '.', 125_050),
            ("1\u{202f}250", ',', 125_000),
            ("1'250.5", '.', 125_050),
            ("٤٫٥", '.', 450),
            ("١٬٢٥٠", '.', 125_000),
            ("1,0", '.', 100),
            ("1,250", ',', 125),
            ("1,250", '.', 125_000),
            ("1.250", ',', 125_000),
            ("1.250", '.', 125),
            ("1.250,50", ',', 125_050),
            ("1,250.50", '.', 125_050),
            ("1,250,000", '.', 125_000_000),
            ("0,250", '.', 25),
            ("−3", '.', -300),
            ("+3", '.', 300),
            ("007", '.', 700),
            ("24.0", '.', 2400),
        ] {
            assert_eq!(hundredths(text, decimal), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "", "-", "+", ",", "1,", ",5", "deux", "1e309", "NaN", "0x7CF", "12 50", "1 2500", "1--2",
            "1,2,3", "1 250 50", "inf", "1.2.3",
        ] {
            assert_eq!(Number::parse(text, ','), None, "{text}");
        }
        assert_eq!(Number::parse(&"9".repeat(100_000), '.'), None);
        assert_eq!(Number::parse("9223372036854775808", '.').and_then(Number::whole), None);
        assert_eq!(hundredths("2.255", '.'), None);
    }

    proptest! {
        #[test]
        fn hundredths_read_back_as_written(n in -10_i64.pow(15)..10_i64.pow(15), comma: bool) {
            let mark = if comma { ',' } else { '.' };
            let sign = if n < 0 { "-" } else { "" };
            let text = format!("{sign}{}{mark}{:02}", n.unsigned_abs() / 100, n.unsigned_abs() % 100);
            prop_assert_eq!(hundredths(&text, mark), Some(n));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[0-9 ,.'٫٬+-]{0,12}") {
            Number::parse(&text, ',');
            Number::parse(&text, '.');
        }
    }
}
