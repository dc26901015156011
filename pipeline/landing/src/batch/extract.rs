//! The checked records of one part of a file, pseudonymised, in flat memory: all records of some persons.

use marsad_terms::Period;

use super::content::Content;
use super::pack::{Cursor, quarter_of};
use crate::pseudonym::Pseudonym;
use crate::validate::{NULL, Plan, Target};

/// One record: its place in the file, its person, its rows.
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) line: u64,
    pub(crate) person: Pseudonym,
    /// The first day of the event's month.
    pub(crate) month: i32,
    pub(crate) consent: bool,
    /// Its rows, by index into the extract's rows.
    pub(crate) rows: std::ops::Range<usize>,
    /// The id that a further row would have: another record of this identity with more rows is found by it.
    pub(crate) beyond: [u8; 16],
}

impl Record {
    pub(crate) fn quarter(&self) -> Period {
        quarter_of(self.month).expect("a month that was packed")
    }
}

/// The checked records of one part.
pub(crate) struct Extract<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) records: Vec<Record>,
    ids: Vec<[u8; 16]>,
    values: Vec<i64>,
}

impl<'a> Extract<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>) -> Self {
        Self { plan, records: Vec::new(), ids: Vec::new(), values: Vec::new() }
    }

    /// Takes in records that were packed.
    pub(crate) fn unpack(&mut self, packed: &[u8]) {
        let mut packed = Cursor(packed);
        while !packed.0.is_empty() {
            self.record(&mut packed).expect("what was packed is unpacked");
        }
    }

    fn record(&mut self, packed: &mut Cursor<'_>) -> Option<()> {
        let (number, line, person) = (packed.count()?, packed.count()?, Pseudonym(packed.id()?));
        let (month, consent, beyond) =
            (i32::try_from(packed.number()?).ok()?, packed.count()? == 1, packed.id()?);
        let first = self.ids.len();
        for _ in 0..packed.count()? {
            self.ids.push(packed.id()?);
            for _ in &self.plan.targets {
                self.values.push(packed.number()?);
            }
        }
        let rows = first..self.ids.len();
        self.records.push(Record { number, line, person, month, consent, rows, beyond });
        Some(())
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
