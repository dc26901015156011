//! How long rows are kept, by record type: the shortest of what the record type or the settings say and the longest that a
//! purpose which names it says (law 09-08, article 3). Pure; today's date is given.

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate};
use marsad_catalog::Catalog;
use marsad_terms::{Month, RecordTypeId};

/// The term of one record type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Months after the event.
    pub months: u32,
    /// Who says so: `marsad.toml`, `record type`, or a purpose's id.
    pub from: String,
    /// The first month whose events are still kept.
    pub kept_from: Month,
}

/// The terms of all record types. Months by record type in `settings` stand instead of the record type's own.
///
/// An event is known by its month. Its term ends when every day of that month is as long ago as the term says: never early,
/// and at most a month late.
pub fn terms(
    catalog: &Catalog,
    settings: &BTreeMap<RecordTypeId, u32>,
    today: NaiveDate,
) -> BTreeMap<RecordTypeId, Term> {
    let term = |id: &RecordTypeId, own: u32| {
        let own = settings.get(id).map_or((own, "record type"), |months| (*months, "marsad.toml"));
        let purposes = catalog.purposes.values().filter(|purpose| purpose.record_types.contains(id));
        let longest = purposes.max_by_key(|purpose| purpose.retention_months);
        let (months, from) = match longest {
            Some(purpose) if purpose.retention_months < own.0 => {
                (purpose.retention_months, purpose.id.as_str())
            }
            _ => own,
        };
        Term { months, from: from.to_owned(), kept_from: kept_from(today, months) }
    };
    let types = catalog.record_types.values();
    types
        .map(|record_type| (record_type.id.clone(), term(&record_type.id, record_type.retention_months)))
        .collect()
}

/// The first month of which some day is less than so many months ago.
fn kept_from(today: NaiveDate, months: u32) -> Month {
    let first = today.with_day(1).and_then(|day| day.checked_sub_months(Months::new(months)));
    let first = first.unwrap_or(NaiveDate::MIN);
    Month {
        year: u16::try_from(first.year()).unwrap_or_default(),
        month: u8::try_from(first.month()).unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(today: &str, months: u32, expected: &str) {
        assert_eq!(kept_from(today.parse().unwrap(), months).to_string(), expected, "{today} − {months}");
    }

    #[test]
    fn a_month_goes_when_its_last_day_is_old_enough() {
        // An event of 31 January 2020 is 60 months old on 31 January 2025, and goes on the day after.
        check("2025-01-31", 60, "2020-01");
        check("2025-02-01", 60, "2020-02");
        check("2024-02-29", 12, "2023-02");
        check("2024-03-01", 12, "2023-03");
        check("2025-12-31", 1, "2025-11");
        check("2026-01-01", 24, "2024-01");
    }

    #[test]
    fn the_shorter_of_type_and_longest_purpose_counts_and_settings_stand_for_the_type() {
        let folder = tempfile::tempdir().unwrap();
        marsad_catalog::builtin::write(folder.path()).unwrap();
        let mut catalog = Catalog::load(folder.path()).unwrap();
        let id: RecordTypeId = "training".parse().unwrap();
        let today = "2026-03-15".parse().unwrap();
        let term = |catalog: &Catalog, settings: &[(&str, u32)]| {
            let settings = settings.iter().map(|(id, n)| (id.parse().unwrap(), *n)).collect();
            let term = terms(catalog, &settings, today)[&id].clone();
            (term.months, term.from, term.kept_from.to_string())
        };
        let longest = catalog.purposes.values().filter(|p| p.record_types.contains(&id));
        let longest = longest.map(|p| p.retention_months).max().unwrap();
        assert_eq!((longest, catalog.record_types[&id].retention_months), (36, 36));
        assert_eq!(term(&catalog, &[]), (36, "record type".to_owned(), "2023-03".to_owned()));
        assert_eq!(term(&catalog, &[("training", 12)]), (12, "marsad.toml".to_owned(), "2025-03".to_owned()));
        let (months, from, _) = term(&catalog, &[("training", 120)]);
        assert_eq!(months, 36, "a purpose bounds what the settings say");
        assert!(from.starts_with("P-"), "{from}");
        catalog.purposes.clear();
        assert_eq!(term(&catalog, &[("training", 120)]).0, 120);
    }
}
