//! Decisions that need other records of the same person: duplicates, contradictions, consent, plausible numbers of rows
//! (extracts 2.5, 2.6, 7). They need nothing else, so that leaving one person out changes nobody else's outcome.

use std::collections::HashMap;

use marsad_terms::Period;

use crate::Reason;
use crate::batch::{Extract, Known, Record};
use crate::hash::ByHash;
use crate::pseudonym::Pseudonym;
use crate::report::Rejected;

/// Rows of one person in one batch, beyond which all are kept out whatever the record type says.
const MOST_ROWS_A_BATCH: u32 = 1000;

/// What becomes of a checked record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Landed,
    /// Stands earlier in the file, or landed before.
    Duplicate,
    /// Landed before with consent, and withholds it now: lands again, for that.
    Withdraws,
    /// R11
    Contradicts,
    /// R12
    TooManyRows,
}

/// A row of the batch: of which record, and whether statistics may see it.
#[derive(Clone, Copy)]
pub(crate) struct LandingRow {
    pub(crate) record: usize,
    pub(crate) row: usize,
    pub(crate) consent: bool,
}

/// The fate of every record, in the file's order.
pub(crate) struct Judged {
    pub(crate) fates: Vec<Fate>,
    consents: Vec<bool>,
}

impl Judged {
    /// The records that the batch holds.
    fn landing(&self) -> impl Iterator<Item = usize> {
        let lands = |at: &usize| matches!(self.fates[*at], Fate::Landed | Fate::Withdraws);
        (0..self.fates.len()).filter(lands)
    }

    /// The rows that the batch holds.
    pub(crate) fn rows(&self, extract: &Extract<'_>) -> Vec<LandingRow> {
        let rows = self.landing().flat_map(|record| {
            let rows = extract.records[record].rows.clone();
            rows.map(move |row| LandingRow { record, row, consent: self.consents[record] })
        });
        rows.collect()
    }

    fn n_rows(&self, extract: &Extract<'_>) -> u64 {
        self.landing().map(|record| extract.records[record].rows.len() as u64).sum()
    }
}

/// What became of the checked records of a file, part after part.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) landed: u64,
    pub(crate) duplicate: u64,
    /// Among the duplicates.
    pub(crate) withdrawn: u64,
    /// Rows that the batch holds.
    pub(crate) rows: u64,
    pub(crate) rejected: Vec<Rejected>,
}

impl Tally {
    /// Adds a part.
    pub(crate) fn add(&mut self, extract: &Extract<'_>, judged: &Judged) {
        for (record, fate) in extract.records.iter().zip(&judged.fates) {
            let reason = match fate {
                Fate::Landed => {
                    self.landed += 1;
                    continue;
                }
                Fate::Duplicate | Fate::Withdraws => {
                    self.duplicate += 1;
                    self.withdrawn += u64::from(*fate == Fate::Withdraws);
                    continue;
                }
                Fate::Contradicts => Reason::Contradicts,
                Fate::TooManyRows => Reason::TooManyRows,
            };
            let (record, line, reason) = (record.number, record.line, reason.code().to_owned());
            self.rejected.push(Rejected { record, line, column: None, reason });
        }
        self.rows += judged.n_rows(extract);
    }
}

/// Judges all records of an extract against each other and against what landed before.
pub(crate) fn judge(extract: &Extract<'_>, known: &Known) -> Judged {
    let mut judged = Judged {
        fates: Vec::with_capacity(extract.records.len()),
        consents: extract.records.iter().map(|record| record.consent).collect(),
    };
    let mut first_of: HashMap<[u8; 16], usize, ByHash> = HashMap::default();
    first_of.reserve(extract.records.len());
    let mut landed_before = Vec::new();
    for (at, record) in extract.records.iter().enumerate() {
        let id = extract.id(record.rows.start);
        if let Some(first) = first_of.get(&id).copied() {
            let fate = again(extract, &mut judged, first, record);
            judged.fates.push(fate);
            continue;
        }
        let fate = against_landed(extract, known, record);
        if fate != Fate::Contradicts {
            first_of.insert(id, at);
        }
        if fate == Fate::Duplicate {
            landed_before.push(at);
        }
        judged.fates.push(fate);
    }
    settle_withdrawals(&mut judged, extract, known, &landed_before);
    keep_out_implausible(&mut judged, extract, known);
    judged
}

/// A record whose identity stands earlier in the file: the stricter consent of the two holds.
fn again(extract: &Extract<'_>, judged: &mut Judged, first: usize, record: &Record) -> Fate {
    if !extract.are_alike(&extract.records[first], record) {
        return Fate::Contradicts;
    }
    judged.consents[first] &= record.consent;
    Fate::Duplicate
}

fn against_landed(extract: &Extract<'_>, known: &Known, record: &Record) -> Fate {
    let landed = |row: usize| known.rows.get(&extract.id(row));
    let n_landed = record.rows.clone().filter(|row| landed(*row).is_some()).count();
    if n_landed == 0 {
        return Fate::Landed;
    }
    let is_same = |row: usize| landed(row).is_some_and(|known| known.content == extract.content(record, row));
    let has_more = known.rows.contains_key(&record.beyond);
    if !has_more && record.rows.clone().all(is_same) { Fate::Duplicate } else { Fate::Contradicts }
}

/// Records that landed before, once each: they land again where they withhold a consent that the landed rows have.
fn settle_withdrawals(judged: &mut Judged, extract: &Extract<'_>, known: &Known, landed_before: &[usize]) {
    for at in landed_before {
        let mut rows = extract.records[*at].rows.clone().filter_map(|row| known.rows.get(&extract.id(row)));
        if !judged.consents[*at] && rows.any(|known| known.consent) {
            judged.fates[*at] = Fate::Withdraws;
        }
    }
}

/// R12: all rows that a person brings for a quarter, where they and what landed are more than plausible.
fn keep_out_implausible(judged: &mut Judged, extract: &Extract<'_>, known: &Known) {
    let Some(most) =
        extract.plan.record_type.max_rows_a_quarter.filter(|_| extract.plan.identifier.is_some())
    else {
        return;
    };
    let mut of_person: HashMap<Pseudonym, u32, ByHash> = HashMap::default();
    let mut of_quarter: HashMap<(Pseudonym, Period), u32, ByHash> = HashMap::default();
    let landing = |judged: &Judged, at: usize| judged.fates[at] == Fate::Landed;
    for (at, record) in extract.records.iter().enumerate().filter(|(at, _)| landing(judged, *at)) {
        let n_rows = u32::try_from(extract.records[at].rows.len()).unwrap_or(u32::MAX);
        let person = of_person.entry(record.person).or_default();
        *person = person.saturating_add(n_rows);
        let of = (record.person, record.quarter());
        let landed = known.per_quarter.get(&of).copied().unwrap_or(0);
        let quarter = of_quarter.entry(of).or_insert(landed);
        *quarter = quarter.saturating_add(n_rows);
    }
    for (at, record) in extract.records.iter().enumerate() {
        let is_too_many = of_person.get(&record.person).is_some_and(|n| *n > MOST_ROWS_A_BATCH)
            || of_quarter.get(&(record.person, record.quarter())).is_some_and(|n| *n > most);
        if is_too_many && landing(judged, at) {
            judged.fates[at] = Fate::TooManyRows;
        }
    }
}
