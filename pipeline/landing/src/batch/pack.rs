//! Checked records on their way from the file to their part: pseudonymised, packed. Identifiers are consumed here.
//!
//! A record is its number, line, person, month, day of the month with consent, the id beyond its rows, those further on where
//! consent is withheld, then its rows: id and values. Numbers are LEB128, signed ones zigzag, so that a record of one row takes
//! about 70 bytes.

use arrow::datatypes::Date32Type;
use chrono::{Datelike, NaiveDate};
use marsad_terms::{Month, Period};

use super::parts::Slots;
use crate::pseudonym::{Identifier, IdentityParts, Pseudonym, Pseudonymiser};
use crate::validate::{Codes, NULL, Plan, Reader};

/// Packs the records of one reader.
pub(crate) struct Packer<'a> {
    plan: &'a Plan<'a>,
    pseudonyms: Pseudonymiser,
    /// Whose record was packed last: a person's records often stand together.
    last: Option<(Identifier, Pseudonym)>,
    parts: IdentityParts,
    /// Of the rows of the record at hand, and the one beyond them; all that it could have where it withholds consent.
    ids: Vec<[u8; 16]>,
    /// Rows that a record may have.
    most_rows: usize,
    numbers_records: bool,
    source: IdentityParts,
    /// The columns that are content, by position, with each code as a part of the identity.
    content: Vec<(usize, Option<Vec<IdentityParts>>)>,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, pseudonyms: Pseudonymiser) -> Self {
        let content = plan.targets.iter().enumerate().filter(|(_, target)| !target.is_derived());
        Self {
            plan,
            pseudonyms,
            last: None,
            parts: IdentityParts::default(),
            ids: Vec::new(),
            most_rows: most_rows(plan),
            numbers_records: plan.mapping.numbers_records(),
            source: IdentityParts::of(plan.mapping.source.as_bytes()),
            content: content.map(|(at, target)| (at, target.codes().map(parts_of))).collect(),
        }
    }

    /// Packs the record that a reader holds; its identifier ends here.
    pub(crate) fn pack(&mut self, (number, line): (u64, u64), reader: &Reader<'_>, slots: &mut Slots) {
        let record = &reader.draft;
        let person = record.identifier().map(|identifier| self.person(identifier));
        let day = record.day.unwrap_or_default();
        self.carrier(reader, person, slots);
        self.identity(reader, day);
        let width = self.plan.targets.len();
        let n_rows = record.rows.len() / width;
        let consent = record.consent || self.plan.identifier.is_none();
        let n_ids = if consent { n_rows + 1 } else { self.most_rows.max(n_rows + 1) };
        self.ids.resize(n_ids, [0; 16]);
        self.pseudonyms.rows(&self.parts, &mut self.ids);
        let packed = slots.of(person, n_rows);
        count(packed, number);
        count(packed, line);
        packed.extend_from_slice(&person.map_or([0; 16], |person| person.0));
        signed(packed, i64::from(month_of(day).first_day()));
        count(packed, (u64::from(day.day0()) << 1) | u64::from(consent));
        packed.extend_from_slice(&self.ids[n_rows]);
        count(packed, (n_ids - n_rows - 1) as u64);
        packed.extend_from_slice(self.ids[n_rows + 1..].as_flattened());
        count(packed, n_rows as u64);
        for (id, row) in self.ids.iter().zip(record.rows.chunks(width)) {
            packed.extend_from_slice(id);
            for value in row {
                signed(packed, *value);
            }
        }
    }

    /// Source, identifier, and the declared identity, else the landed values and the day (extracts 7).
    fn identity(&mut self, reader: &Reader<'_>, day: NaiveDate) {
        let (parts, record) = (&mut self.parts, &reader.draft);
        parts.clear();
        parts.extend(&self.source);
        parts.add(record.identifier().map_or(&[][..], |identifier| identifier.0.as_bytes()));
        let mut declared = reader.identity().peekable();
        if declared.peek().is_some() {
            parts.add(b"declared");
            declared.for_each(|part| parts.add(part.as_bytes()));
            return;
        }
        parts.add(b"values");
        parts.add(&written(day));
        for row in record.rows.chunks(self.plan.targets.len()) {
            for (at, codes) in &self.content {
                let Some(codes) = codes else {
                    parts.add(&row[*at].to_le_bytes());
                    continue;
                };
                match usize::try_from(row[*at]).ok().and_then(|index| codes.get(index)) {
                    Some(code) => parts.extend(code),
                    None => parts.add(&[]),
                }
            }
        }
    }

    fn person(&mut self, identifier: &Identifier) -> Pseudonym {
        let (last, person) = self.last.get_or_insert_with(|| (Identifier::default(), Pseudonym([0; 16])));
        if last.0 != identifier.0 {
            last.copy(&identifier.0);
            *person = self.pseudonyms.person(identifier);
        }
        *person
    }

    /// Who carries the record's number, by its hash.
    fn carrier(&mut self, reader: &Reader<'_>, person: Option<Pseudonym>, slots: &mut Slots) {
        if !self.numbers_records {
            return;
        }
        self.parts.clear();
        reader.identity().for_each(|part| self.parts.add(part.as_bytes()));
        let mut hash = [[0; 16]];
        self.pseudonyms.rows(&self.parts, &mut hash);
        let [hash] = hash;
        let carriers = slots.carriers(hash);
        carriers.extend_from_slice(&hash);
        carriers.extend_from_slice(&person.map_or([0; 16], |person| person.0));
    }
}

/// One row a code, of a column that has them.
fn most_rows(plan: &Plan<'_>) -> usize {
    let per_code = plan.targets.iter().filter(|target| target.row_per_code);
    per_code.filter_map(|target| Some(target.codes()?.list.codes.len())).max().unwrap_or(1)
}

/// Each code by its index.
fn parts_of(codes: &Codes<'_>) -> Vec<IdentityParts> {
    codes.list.codes.iter().map(|code| IdentityParts::of(code.id.as_bytes())).collect()
}

/// `2025-07-12`: days of events have four digits of a year.
fn written(day: NaiveDate) -> [u8; 10] {
    let digit = |number: u32| b'0' + (number % 10).to_le_bytes()[0];
    let (year, month, day) = (day.year().unsigned_abs(), day.month(), day.day());
    [
        digit(year / 1000),
        digit(year / 100),
        digit(year / 10),
        digit(year),
        b'-',
        digit(month / 10),
        digit(month),
        b'-',
        digit(day / 10),
        digit(day),
    ]
}

fn month_of(day: NaiveDate) -> Month {
    let year = u16::try_from(day.year()).unwrap_or_default();
    Month { year, month: u8::try_from(day.month()).unwrap_or(1) }
}

/// The quarter of a day that is counted from 1970.
pub(crate) fn quarter_of(day: i32) -> Option<Period> {
    Some(month_of(Date32Type::to_naive_date_opt(day)?).quarter())
}

#[inline]
fn count(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    packed.push(number.to_le_bytes()[0]);
}

/// Absent is 0, so that it takes one byte.
#[inline]
fn signed(packed: &mut Vec<u8>, number: i64) {
    let zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
    count(packed, if number == NULL { 0 } else { zigzag + 1 });
}

/// Reads what was packed; `None` where it is cut off.
pub(crate) struct Cursor<'p>(pub(crate) &'p [u8]);

impl Cursor<'_> {
    #[inline]
    pub(crate) fn id(&mut self) -> Option<[u8; 16]> {
        let (id, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*id)
    }

    #[inline]
    pub(crate) fn count(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Option<i64> {
        let Some(zigzag) = self.count()?.checked_sub(1) else { return Some(NULL) };
        Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_unpacked_as_they_were_packed(n: i64, m: u64) {
            for n in [n, NULL, i64::MAX, NULL + 1, 0, -1] {
                let mut packed = Vec::new();
                signed(&mut packed, n);
                count(&mut packed, m);
                let mut cursor = Cursor(&packed);
                prop_assert_eq!((cursor.number(), cursor.count()), (Some(n), Some(m)));
                prop_assert!(cursor.0.is_empty());
            }
        }
    }
}
