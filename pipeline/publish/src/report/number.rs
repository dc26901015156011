//! Numbers and periods as readers of one language write them. French and Arabic: narrow no-break space and comma, since what
//! CLDR gives for Morocco (`20.720`) reads as a decimal; western digits everywhere (portal 2).

use marsad_terms::{Language, Period};

/// Groups of three digits.
fn group(digits: &str, mark: char) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// A whole number.
pub(super) fn whole(number: i64, language: Language) -> String {
    decimal(number as f64, 0, language)
}

/// A number with some decimals; empty where it is not finite.
pub(super) fn decimal(number: f64, digits: usize, language: Language) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let (thousands, mark) = if language == Language::En { (',', '.') } else { ('\u{202f}', ',') };
    let text = format!("{:.digits$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let negative = number < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let sign = if negative { "\u{2212}" } else { "" };
    let fraction = if fraction.is_empty() { String::new() } else { format!("{mark}{fraction}") };
    format!("{sign}{}{fraction}", group(whole, thousands))
}

/// A text from right to left whose ranges of numbers read from left to right: `0–11` must not turn into `11–0`.
pub(super) fn isolated(text: &str) -> String {
    let is_of_range = |c: char| c.is_ascii_digit() || c == '–';
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_of_range) {
        let (before, from) = rest.split_at(start);
        let (range, after) = from.split_at(from.find(|c| !is_of_range(c)).unwrap_or(from.len()));
        out += before;
        out += &if range.contains('–') { format!("\u{2066}{range}\u{2069}") } else { range.to_owned() };
        rest = after;
    }
    out + rest
}

/// A period in words: `T3 2026`, `الفصل الثالث 2026`, `Q3 2026`.
pub(super) fn period(period: Period, language: Language) -> String {
    let Period::Quarter(year, quarter) = period else { return period.to_string() };
    let ordinal = ["الأول", "الثاني", "الثالث", "الرابع"];
    match language {
        Language::Fr => format!("T{quarter} {year}"),
        Language::Ar => format!("الفصل {} {year}", ordinal[usize::from(quarter.clamp(1, 4)) - 1]),
        Language::En => format!("Q{quarter} {year}"),
    }
}

/// The same where there is little room: on an axis.
pub(super) fn short_period(when: Period, language: Language) -> String {
    match (when, language) {
        (Period::Quarter(year, quarter), Language::Ar) => format!("ف{quarter} {year}"),
        _ => period(when, language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_keeps_its_order_in_arabic() {
        assert_eq!(isolated("0–11 سنة"), "\u{2066}0–11\u{2069} سنة");
        assert_eq!(isolated("60 سنة فأكثر"), "60 سنة فأكثر");
        assert_eq!(isolated("سنة 2024–2025"), "سنة \u{2066}2024–2025\u{2069}");
    }

    #[test]
    fn numbers_are_written_as_in_morocco() {
        assert_eq!(decimal(20720.5, 1, Language::Fr), "20\u{202f}720,5");
        assert_eq!(decimal(20720.5, 1, Language::Ar), "20\u{202f}720,5");
        assert_eq!(decimal(20720.5, 1, Language::En), "20,720.5");
        assert_eq!(whole(1_234_567, Language::En), "1,234,567");
        assert_eq!(whole(-999, Language::Fr), "\u{2212}999");
        assert_eq!(decimal(-0.01, 1, Language::Fr), "0,0");
        assert_eq!(period(Period::Quarter(2026, 3), Language::Ar), "الفصل الثالث 2026");
    }
}
