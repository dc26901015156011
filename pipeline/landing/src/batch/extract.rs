//! All checked records of one file, pseudonymised, in flat memory: identifiers are consumed on the way in.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};
use marsad_terms::{Month, Period};

use super::content::Content;
use crate::pseudonym::{Pseudonym, Pseudonymiser, RecordIdentity};
use crate::validate::{CheckedRecord, NULL, Plan, Target};

/// One record: its place in the file, its person, its rows.
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) line: u64,
    pub(crate) person: Pseudonym,
    pub(crate) month: i32,
    pub(crate) quarter: Period,
    pub(crate) consent: bool,
    /// Its rows, by index into the extract's rows.
    pub(crate) rows: std::ops::Range<usize>,
    /// The id that a further row would have: another record of this identity with more rows is found by it.
    pub(crate) beyond: [u8; 16],
}

/// The checked records of one file.
pub(crate) struct Extract<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) records: Vec<Record>,
    ids: Vec<[u8; 16]>,
    values: Vec<i64>,
    pseudonyms: Pseudonymiser,
    numbers_records: bool,
    /// By hash of a record's number: by whom it was carried first.
    carriers: HashMap<u128, Pseudonym>,
    pub(crate) shared_identities: u64,
}

impl<'a> Extract<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, pseudonyms: Pseudonymiser) -> Self {
        Self {
            plan,
            records: Vec::new(),
            ids: Vec::new(),
            values: Vec::new(),
            pseudonyms,
            numbers_records: plan.mapping.numbers_records(),
            carriers: HashMap::new(),
            shared_identities: 0,
        }
    }

    /// Takes a record in; its identifier ends here.
    pub(crate) fn push(&mut self, number: u64, line: u64, record: CheckedRecord) {
        let person = match &record.identifier {
            Some(identifier) => self.pseudonyms.person(identifier),
            None => Pseudonym([0; 16]),
        };
        let identity = self.identity(&record);
        self.count_carrier(&record.identity, person);
        let first = self.ids.len();
        for (index, row) in (0..).zip(&record.rows) {
            self.ids.push(identity.row(index));
            self.values.extend_from_slice(row);
        }
        let month = month_of(record.day);
        self.records.push(Record {
            number,
            line,
            person,
            month: month.first_day(),
            quarter: month.quarter(),
            consent: record.consent || self.plan.identifier.is_none(),
            rows: first..self.ids.len(),
            beyond: identity.row(u32::try_from(record.rows.len()).unwrap_or(u32::MAX)),
        });
    }

    /// Source, identifier, and the declared identity, else the landed values and the day (extracts 7).
    fn identity(&self, record: &CheckedRecord) -> RecordIdentity {
        let mut identity = self.pseudonyms.record();
        identity.add(self.plan.mapping.source.as_bytes());
        identity.add(record.identifier.as_ref().map_or(&[][..], |identifier| identifier.0.as_bytes()));
        if record.identity.is_empty() {
            identity.add(b"values");
            identity.add(record.day.to_string().as_bytes());
            for row in &record.rows {
                for (target, value) in self.content_targets().map(|(at, target)| (target, row[at])) {
                    match target.codes() {
                        Some(codes) => identity.add(codes.code(value).as_bytes()),
                        None => identity.add(&value.to_le_bytes()),
                    }
                }
            }
        } else {
            identity.add(b"declared");
            for part in &record.identity {
                identity.add(part.as_bytes());
            }
        }
        identity
    }

    fn count_carrier(&mut self, identity: &[String], person: Pseudonym) {
        if !self.numbers_records {
            return;
        }
        let mut hasher = self.pseudonyms.record();
        for part in identity {
            hasher.add(part.as_bytes());
        }
        let carrier = *self.carriers.entry(u128::from_le_bytes(hasher.row(0))).or_insert(person);
        self.shared_identities += u64::from(carrier != person);
    }

    /// The columns that are content, by position: all but the derived ones.
    pub(crate) fn content_targets(&self) -> impl Iterator<Item = (usize, &'a Target<'a>)> + use<'a> {
        self.plan.targets.iter().enumerate().filter(|(_, target)| !target.is_derived())
    }

    pub(crate) fn id(&self, row: usize) -> [u8; 16] {
        self.ids[row]
    }

    pub(crate) fn value(&self, row: usize, target: usize) -> i64 {
        self.values[row * self.plan.targets.len() + target]
    }

    /// The hash of a row's content.
    pub(crate) fn content(&self, record: &Record, row: usize) -> [u8; 16] {
        let mut content = Content::of_month(record.month);
        for (at, target) in self.content_targets() {
            let value = self.value(row, at);
            match target.codes() {
                Some(codes) => content.code(codes.code(value)),
                None => content.number(Some(value).filter(|value| *value != NULL)),
            }
        }
        content.finish()
    }

    /// Whether two records have the same rows, ids and consent aside.
    pub(crate) fn are_alike(&self, one: &Record, other: &Record) -> bool {
        let width = self.plan.targets.len();
        let values = |record: &Record| &self.values[record.rows.start * width..record.rows.end * width];
        one.month == other.month && values(one) == values(other)
    }
}

fn month_of(day: NaiveDate) -> Month {
    let year = u16::try_from(day.year()).unwrap_or_default();
    Month { year, month: u8::try_from(day.month()).unwrap_or(1) }
}
