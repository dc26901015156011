//! The checked records of one part of a file, pseudonymised, in flat memory: all records of some persons.

use marsad_terms::Period;

use super::content::Content;
use super::pack::{Cursor, quarter_of};
use super::parts::Size;
use super::read::LandedRow;
use crate::pseudonym::Pseudonym;
use crate::validate::{NULL, Plan, Target};

/// One record: its place in the file, its person, its rows.
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) line: u64,
    pub(crate) person: Pseudonym,
    /// The first day of the event's month.
    pub(crate) month: i32,
    /// The event's day, which never lands; without one the first of the month.
    pub(crate) day: i32,
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
    /// Of records that withhold consent, by index and in order: ids of rows that another record of the identity may have.
    further: Vec<(usize, [u8; 16])>,
}

impl<'a> Extract<'a> {
    /// Of a part that will have this size.
    pub(crate) fn new(plan: &'a Plan<'a>, size: Size) -> Self {
        Self {
            plan,
            records: Vec::with_capacity(size.records),
            ids: Vec::with_capacity(size.rows),
            values: Vec::with_capacity(size.rows * plan.targets.len()),
            further: Vec::new(),
        }
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
        let (month, day_and_consent) = (i32::try_from(packed.number()?).ok()?, packed.count()?);
        let (day, consent) = (month + i32::try_from(day_and_consent >> 1).ok()?, day_and_consent & 1 == 1);
        let beyond = packed.id()?;
        for _ in 0..packed.count()? {
            self.further.push((self.records.len(), packed.id()?));
        }
        let first = self.ids.len();
        for _ in 0..packed.count()? {
            self.ids.push(packed.id()?);
            for _ in &self.plan.targets {
                self.values.push(packed.number()?);
            }
        }
        let rows = first..self.ids.len();
        self.records.push(Record { number, line, person, month, day, consent, rows, beyond });
        Some(())
    }

    /// Adds a row that landed, for a record of its identity, as a record that withholds consent and stands in no file. What is
    /// no longer known of it is as in that record: nobody sees more than the id.
    pub(crate) fn add_hiding(&mut self, record: usize, id: [u8; 16], landed: Option<&LandedRow>) {
        let Record { person, month, ref rows, .. } = self.records[record];
        let (month, values) = match landed {
            Some(landed) => (landed.month, landed.values.clone()),
            None => (month, self.row(rows.start).to_vec()),
        };
        let rows = self.ids.len()..self.ids.len() + 1;
        self.ids.push(id);
        self.values.extend(values);
        let (number, line, day, consent) = (0, 0, month, false);
        self.records.push(Record { number, line, person, month, day, consent, rows, beyond: id });
    }

    /// The ids of all rows that another record of a record's identity may have, where that withholds consent.
    pub(crate) fn ids_withheld(&self, at: usize) -> impl Iterator<Item = [u8; 16]> {
        let record = &self.records[at];
        let first = self.further.partition_point(|(other, _)| *other < at);
        let further = self.further[first..].iter().take_while(move |(other, _)| *other == at);
        let own = self.ids[record.rows.clone()].iter().copied().chain(std::iter::once(record.beyond));
        own.chain(further.map(|(_, id)| *id))
    }

    /// The columns that are content, by position: all but the derived ones.
    pub(crate) fn content_targets(&self) -> impl Iterator<Item = (usize, &'a Target<'a>)> + use<'a> {
        self.plan.targets.iter().enumerate().filter(|(_, target)| !target.is_derived())
    }

    pub(crate) fn id(&self, row: usize) -> [u8; 16] {
        self.ids[row]
    }

    /// The id of a record's first row, which is the record's.
    pub(crate) fn id_of(&self, record: usize) -> [u8; 16] {
        self.ids[self.records[record].rows.start]
    }

    /// A row's values, by target.
    pub(crate) fn row(&self, row: usize) -> &[i64] {
        let width = self.plan.targets.len();
        &self.values[row * width..][..width]
    }

    /// The hash of a row's content.
    pub(crate) fn content(&self, record: &Record, row: usize) -> [u8; 16] {
        let mut content = Content::of_month(record.month);
        let values = self.row(row);
        for (at, target) in self.content_targets() {
            let value = values[at];
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
