//! Dates in the forms that a mapping declares, and in no other (extracts 5).

use chrono::{DateTime, NaiveDate};
use marsad_catalog::DateForm;

use crate::import::Mark;

/// The date of a cell by the first form that fits: with an offset, the calendar date as written; without a day, the first.
pub(crate) fn parse(text: &str, forms: &[DateForm]) -> Option<NaiveDate> {
    forms.iter().find_map(|form| in_form(text, form))
}

/// The date of a cell that has just this form.
pub(crate) fn in_form(text: &str, form: &DateForm) -> Option<NaiveDate> {
    match form {
        DateForm::Rfc3339 => DateTime::parse_from_rfc3339(text).ok().map(|time| time.naive_local().date()),
        DateForm::Pattern(pattern) => by_pattern(text, pattern),
        // Both are properties of a container's cells; text has none.
        DateForm::Excel | DateForm::Serial => None,
    }
}

/// A form as mappings write it.
pub(crate) fn name(form: &DateForm) -> &str {
    match form {
        DateForm::Rfc3339 => "rfc3339",
        DateForm::Excel => "excel",
        DateForm::Serial => "serial",
        DateForm::Pattern(pattern) => pattern,
    }
}

/// The date of a cell that its container calls a date or a number, where the mapping declares that form.
pub(crate) fn marked(mark: Mark, forms: &[DateForm]) -> Option<NaiveDate> {
    match mark {
        Mark::Date(day) => forms.contains(&DateForm::Excel).then_some(day),
        Mark::Number(day) => day.filter(|_| forms.contains(&DateForm::Serial)),
    }
}

fn by_pattern(text: &str, pattern: &str) -> Option<NaiveDate> {
    let (mut year, mut month, mut day) = (None, None, None);
    let has_day = pattern.contains("%d");
    let mut rest = text;
    let mut pattern = pattern.chars();
    while let Some(expected) = pattern.next() {
        if expected != '%' {
            rest = rest.strip_prefix(expected)?;
            continue;
        }
        match pattern.next()? {
            'Y' => year = Some(digits(&mut rest, 4, 4)?),
            'm' => month = Some(digits(&mut rest, 1, 2)?),
            'd' => day = Some(digits(&mut rest, 1, 2)?),
            'b' => month = Some(month_name(&mut rest)?),
            // A time of day is read, since it is there, and says nothing.
            'H' if digits(&mut rest, 1, 2)? > 23 => return None,
            'M' | 'S' if digits(&mut rest, 2, 2)? > 59 => return None,
            'H' | 'M' | 'S' => {}
            _ => return None,
        }
    }
    if !rest.is_empty() {
        return None;
    }
    let day = if has_day { day? } else { 1 };
    NaiveDate::from_ymd_opt(i32::try_from(year?).ok()?, month?, day)
}

fn digits(rest: &mut &str, least: usize, most: usize) -> Option<u32> {
    let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    let (number, after) = rest.split_at(length);
    *rest = after;
    number.parse().ok()
}

fn month_name(rest: &mut &str) -> Option<u32> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let name = rest.get(..3)?;
    let index = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    *rest = &rest[3..];
    u32::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, form: &str) -> Option<String> {
        let form = if form == "rfc3339" { DateForm::Rfc3339 } else { DateForm::Pattern(form.to_owned()) };
        parse(text, &[form]).map(|date| date.to_string())
    }

    #[test]
    fn declared_forms_are_read() {
        assert_eq!(parsed("12/07/2025", "%d/%m/%Y").unwrap(), "2025-07-12");
        assert_eq!(parsed("1/7/2025", "%d/%m/%Y").unwrap(), "2025-07-01");
        assert_eq!(parsed("03-Nov-2025", "%d-%b-%Y").unwrap(), "2025-11-03");
        assert_eq!(parsed("2025/09/30", "%Y/%m/%d").unwrap(), "2025-09-30");
        assert_eq!(parsed("2025-09", "%Y-%m").unwrap(), "2025-09-01");
        assert_eq!(parsed("31/12/2025 9:00", "%d/%m/%Y %H:%M").unwrap(), "2025-12-31");
        assert_eq!(parsed("2025-12-31T14:22:05", "%Y-%m-%dT%H:%M:%S").unwrap(), "2025-12-31");
        for text in ["31/12/2025 24:00", "31/12/2025 10:60", "31/12/2025", "31/12/2025 10:00:00"] {
            assert_eq!(parsed(text, "%d/%m/%Y %H:%M"), None, "{text}");
        }
    }

    #[test]
    fn the_day_is_the_one_written_whatever_the_offset() {
        assert_eq!(parsed("2025-07-01T00:20:00.000+01:00", "rfc3339").unwrap(), "2025-07-01");
        assert_eq!(parsed("2025-06-30T23:20:00Z", "rfc3339").unwrap(), "2025-06-30");
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "31/02/2025",
            "8/2025",
            "11/31/2025",
            "12/07/25",
            "12/07/2025 10:00",
            "+1/07/2025",
            "é/07/2025",
        ] {
            assert_eq!(parsed(text, "%d/%m/%Y"), None, "{text}");
        }
        for text in ["2025-13-01T09:12:44.123+01:00", "2025-08-03", "2025-08-03T10:00:00"] {
            assert_eq!(parsed(text, "rfc3339"), None, "{text}");
        }
    }
}
