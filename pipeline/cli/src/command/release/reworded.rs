//! The words of a release moved to its new periods: quarter, year, last day and embargo, in the three languages.
//!
//! Only spellings listed here are known; what holds none of them stays, and the author is told which lines that are.

use chrono::{DateTime, Months, SecondsFormat};
use marsad_terms::{Grain, Period};

/// The quarters as titles name them, in order.
const QUARTERS: [[&str; 4]; 3] = [
    ["premier trimestre", "deuxième trimestre", "troisième trimestre", "quatrième trimestre"],
    ["first quarter", "second quarter", "third quarter", "fourth quarter"],
    ["الفصل الأول", "الفصل الثاني", "الفصل الثالث", "الفصل الرابع"],
];
/// Their last days; months in Arabic as Morocco names them.
const LAST_DAYS: [[&str; 4]; 3] = [
    ["31 mars", "30 juin", "30 septembre", "31 décembre"],
    ["31 March", "30 June", "30 September", "31 December"],
    ["31 مارس", "30 يونيو", "30 شتنبر", "31 دجنبر"],
];

/// From one period to the next: what to write for what.
pub(super) struct Move {
    texts: Vec<(String, String)>,
    months: u32,
}

impl Move {
    /// Of the last periods of the old and the new release.
    pub(super) fn new(old: Period, new: Period) -> Self {
        let month = |period: Period| {
            let last = period.months().1;
            u32::from(last.year) * 12 + u32::from(last.month)
        };
        let months = month(new).saturating_sub(month(old));
        let (from, to) = (old.year().to_string(), new.year().to_string());
        let (quarter, next) = (quarter(old), quarter(new));
        let pair = |words: &[&str; 4]| (words[quarter].to_owned(), words[next].to_owned());
        let days = LAST_DAYS.iter().map(pair).map(|(a, b)| (format!("{a} {from}"), format!("{b} {to}")));
        let mut texts: Vec<(String, String)> = vec![(old.to_string(), new.to_string())];
        texts.extend(days);
        if old.grain() == Grain::Quarter {
            let named = QUARTERS.iter().map(pair);
            texts.extend(named.flat_map(|(a, b)| [(capital(&a), capital(&b)), (a, b)]));
        }
        texts.push((from, to));
        Self { texts, months }
    }

    /// The line of a definition, moved; `None` where it holds nothing that is known.
    pub(super) fn line(&self, line: &str) -> Option<String> {
        if line.trim_start().starts_with("embargo") {
            return self.embargo(line);
        }
        // One pass: what was written in is not moved again.
        let (mut out, mut rest) = (String::new(), line);
        while let Some(first) = rest.chars().next() {
            if let Some((from, to)) = self.texts.iter().find(|(from, _)| rest.starts_with(from.as_str())) {
                out.push_str(to);
                rest = &rest[from.len()..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        (out != line).then_some(out)
    }

    fn embargo(&self, line: &str) -> Option<String> {
        let old = line.split_once('=')?.1.split('#').next()?.trim();
        let moved = DateTime::parse_from_rfc3339(old).ok()?.checked_add_months(Months::new(self.months))?;
        Some(line.replace(old, &moved.to_rfc3339_opts(SecondsFormat::Secs, true)))
    }
}

/// Of the year, from 0; a year ends with its last.
fn quarter(period: Period) -> usize {
    let text = period.to_string();
    let digit = text.split_once("-Q").and_then(|(_, quarter)| quarter.parse::<usize>().ok());
    digit.map_or(3, |quarter| quarter - 1)
}

/// With a capital letter, as titles begin.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(between: (&str, &str), line: &str, wanted: Option<&str>) {
        let moved = Move::new(between.0.parse().unwrap(), between.1.parse().unwrap());
        assert_eq!(moved.line(line).as_deref(), wanted, "{line}");
    }

    #[test]
    fn quarter_year_last_day_and_embargo_move_and_the_rest_stays() {
        let quarter = ("2024-Q4", "2025-Q1");
        check(
            quarter,
            "title.fr = \"Quatrième trimestre 2024\"",
            Some("title.fr = \"Premier trimestre 2025\""),
        );
        check(
            quarter,
            "title.en = \"The fourth quarter of 2024\"",
            Some("title.en = \"The first quarter of 2025\""),
        );
        check(
            quarter,
            "title.ar = \"الفصل الرابع من سنة 2024\"",
            Some("title.ar = \"الفصل الأول من سنة 2025\""),
        );
        check(
            quarter,
            "coverage.fr = \"de 2023 au 31 décembre 2024\"",
            Some("coverage.fr = \"de 2023 au 31 mars 2025\""),
        );
        check(
            quarter,
            "coverage.ar = \"إلى غاية 31 دجنبر 2024\"",
            Some("coverage.ar = \"إلى غاية 31 مارس 2025\""),
        );
        check(
            quarter,
            "embargo = 2025-02-15T09:00:00Z # noon",
            Some("embargo = 2025-05-15T09:00:00Z # noon"),
        );
        check(quarter, "title.en = \"Assistance\"", None);
        let year = ("2024", "2025");
        check(
            year,
            "title.en = \"Year 2024, fourth quarter\"",
            Some("title.en = \"Year 2025, fourth quarter\""),
        );
        check(
            year,
            "coverage.en = \"up to 31 December 2024\"",
            Some("coverage.en = \"up to 31 December 2025\""),
        );
    }
}
