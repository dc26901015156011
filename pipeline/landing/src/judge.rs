//! Decisions that need other records of the same person: duplicates, contradictions, consent, plausible numbers of rows
//! (extracts 2.5, 2.6, 7). They need nothing else, so that leaving one person out changes nobody else's outcome.

use std::collections::HashSet;

use marsad_terms::Period;

use crate::Reason;
use crate::batch::{Extract, Known};
use crate::erased::Erased;
use crate::hash::ByHash;
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
    /// R11, and withholds the consent of what landed: that is hidden.
    WithdrawsOther,
    /// A landed row of such an identity, again as it was, but for its consent.
    Hides,
    /// R12
    TooManyRows,
    /// R15
    Erased,
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
    /// The records by person.
    order: Vec<usize>,
}

impl Judged {
    /// Whether the batch holds a record.
    fn lands(&self, at: usize) -> bool {
        matches!(self.fates[at], Fate::Landed | Fate::Withdraws | Fate::Hides)
    }

    /// Whether a row lands only to withhold the consent of one that landed.
    pub(crate) fn withdraws(&self, row: &LandingRow) -> bool {
        matches!(self.fates[row.record], Fate::Withdraws | Fate::Hides)
    }

    /// Whatever else a record says anew, that it withholds consent holds at once (governance 4): what landed under its identity
    /// lands again as it was, without consent, while the record itself is kept out.
    pub(crate) fn hide_withdrawn(&mut self, extract: &mut Extract<'_>, known: &Known) {
        let n_records = self.fates.len();
        let of_fate =
            |judged: &Self, fate| (0..n_records).filter(|at| judged.fates[*at] == fate).collect::<Vec<_>>();
        let rows = of_fate(self, Fate::Withdraws).into_iter().flat_map(|at| extract.records[at].rows.clone());
        let mut hidden: HashSet<[u8; 16], ByHash> = rows.map(|row| extract.id(row)).collect();
        for at in of_fate(self, Fate::Contradicts) {
            if extract.records[at].consent {
                continue;
            }
            let is_seen = |id: &[u8; 16]| known.rows.get(id).is_some_and(|known| known.consent);
            let seen = extract.ids_withheld(at).filter(|id| is_seen(id) && hidden.insert(*id));
            for id in seen.collect::<Vec<_>>() {
                self.fates[at] = Fate::WithdrawsOther;
                self.order.push(self.fates.len());
                self.fates.push(Fate::Hides);
                self.consents.push(false);
                extract.add_hiding(at, id, known.landed.get(&id));
            }
        }
        if self.fates.len() > n_records {
            self.order.sort_by_key(|at| extract.records[*at].person);
        }
    }

    /// The rows that the batch holds, by person and id.
    pub(crate) fn rows(&self, extract: &Extract<'_>) -> Vec<LandingRow> {
        let mut rows = Vec::with_capacity(self.order.len());
        let person = |at: &usize| extract.records[*at].person;
        for records in self.order.chunk_by(|one, next| person(one) == person(next)) {
            let first = rows.len();
            for record in records.iter().copied().filter(|at| self.lands(*at)) {
                let consent = self.consents[record];
                let of_record = extract.records[record].rows.clone();
                rows.extend(of_record.map(|row| LandingRow { record, row, consent }));
            }
            // Rows beyond a record's first have ids of their own.
            rows[first..].sort_unstable_by_key(|row| extract.id(row.row));
        }
        rows
    }

    fn n_rows(&self, extract: &Extract<'_>) -> u64 {
        let landing = (0..self.fates.len()).filter(|at| self.lands(*at));
        landing.map(|record| extract.records[record].rows.len() as u64).sum()
    }
}

/// What became of the checked records of a file, part after part.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) landed: u64,
    pub(crate) duplicate: u64,
    /// The first day of the first quarter that is open; none where no quarter ever closes.
    pub(crate) first_open: Option<i32>,
    /// Among those that landed: of quarters before it.
    pub(crate) late: u64,
    /// Among those that landed: persons' records that withhold consent.
    pub(crate) unseen: u64,
    /// Among the duplicates, and those kept out by R11.
    pub(crate) withdrawn: u64,
    /// Rows that the batch holds.
    pub(crate) rows: u64,
    pub(crate) rejected: Vec<Rejected>,
}

impl Tally {
    /// Adds a part.
    pub(crate) fn add(&mut self, extract: &Extract<'_>, judged: &Judged) {
        let is_personal = extract.plan.identifier.is_some();
        for ((record, fate), consents) in extract.records.iter().zip(&judged.fates).zip(&judged.consents) {
            let reason = match fate {
                Fate::Landed => {
                    self.landed += 1;
                    self.late += u64::from(self.first_open.is_some_and(|first| record.month < first));
                    self.unseen += u64::from(is_personal && !consents);
                    continue;
                }
                Fate::Duplicate | Fate::Withdraws => {
                    self.duplicate += 1;
                    self.withdrawn += u64::from(*fate == Fate::Withdraws);
                    continue;
                }
                Fate::Hides => continue,
                Fate::WithdrawsOther => {
                    self.withdrawn += 1;
                    Reason::Contradicts
                }
                Fate::Contradicts => Reason::Contradicts,
                Fate::TooManyRows => Reason::TooManyRows,
                Fate::Erased => Reason::Erased,
            };
            let (record, line, reason) = (record.number, record.line, reason.code().to_owned());
            self.rejected.push(Rejected { record, line, column: None, reason });
        }
        self.rows += judged.n_rows(extract);
    }
}

/// Judges all records of an extract against each other, against what landed before, and by who was erased.
pub(crate) fn judge(extract: &Extract<'_>, known: &Known, erased: &Erased) -> Judged {
    let order = order(extract);
    let mut judging = Judging {
        extract,
        known,
        fates: vec![Fate::Landed; extract.records.len()],
        consents: extract.records.iter().map(|record| record.consent).collect(),
    };
    let most = extract.plan.record_type.max_rows_a_quarter.filter(|_| extract.plan.identifier.is_some());
    let (person, id) = (|at: usize| extract.records[at].person, |at: usize| extract.id_of(at));
    for records in order.chunk_by(|one, next| person(*one) == person(*next)) {
        if let Some(until) = erased.until(person(records[0])) {
            judging.keep_out_erased(records, until);
        }
        records.chunk_by(|one, next| id(*one) == id(*next)).for_each(|alike| judging.identity(alike));
        if let Some(most) = most {
            judging.keep_out_implausible(records, most);
        }
    }
    let Judging { fates, consents, .. } = judging;
    Judged { fates, consents, order }
}

/// All records by person and id, those of one id in the file's order. Both are keyed hashes: eight bytes decide nearly always.
fn order(extract: &Extract<'_>) -> Vec<usize> {
    let key = |at: usize| (extract.records[at].person, extract.id_of(at), at);
    let leading = |at: usize| u64::from_be_bytes(extract.records[at].person.0.as_chunks().0[0]);
    let mut order: Vec<(u64, usize)> = (0..extract.records.len()).map(|at| (leading(at), at)).collect();
    order.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| key(one.1).cmp(&key(other.1))));
    order.into_iter().map(|(_, at)| at).collect()
}

/// What is decided so far.
struct Judging<'e, 'a> {
    extract: &'e Extract<'a>,
    known: &'e Known,
    fates: Vec<Fate>,
    consents: Vec<bool>,
}

impl Judging<'_, '_> {
    /// R15: the records of an erased person up to a day. Where a source gives months, that of the erasure is kept out whole.
    fn keep_out_erased(&mut self, records: &[usize], until: i32) {
        for at in records.iter().copied().filter(|at| self.extract.records[*at].day <= until) {
            self.fates[at] = Fate::Erased;
        }
    }

    /// Records of one identity, in the file's order: the first that does not contradict what landed stands for the others.
    /// One that is kept out as an erased person's says nothing about later ones.
    fn identity(&mut self, records: &[usize]) {
        let mut first = None;
        for at in records.iter().copied() {
            if self.fates[at] == Fate::Erased {
                continue;
            }
            self.fates[at] = match first {
                Some(first) => self.again(first, at),
                None => self.against_landed(at),
            };
            if self.fates[at] != Fate::Contradicts {
                first.get_or_insert(at);
            }
        }
        if let Some(first) = first.filter(|first| self.fates[*first] == Fate::Duplicate) {
            self.settle_withdrawal(first);
        }
    }

    /// A record whose identity stands earlier in the file: the stricter consent of the two holds.
    fn again(&mut self, first: usize, at: usize) -> Fate {
        let [first_record, record] = [first, at].map(|at| &self.extract.records[at]);
        self.consents[first] &= record.consent;
        if self.extract.are_alike(first_record, record) { Fate::Duplicate } else { Fate::Contradicts }
    }

    fn against_landed(&self, at: usize) -> Fate {
        let (extract, record) = (self.extract, &self.extract.records[at]);
        let landed = |row: usize| self.known.rows.get(&extract.id(row));
        if !record.rows.clone().any(|row| landed(row).is_some()) {
            return Fate::Landed;
        }
        let is_same =
            |row: usize| landed(row).is_some_and(|known| known.content == extract.content(record, row));
        let has_more = self.known.rows.contains_key(&record.beyond);
        if !has_more && record.rows.clone().all(is_same) { Fate::Duplicate } else { Fate::Contradicts }
    }

    /// A record that landed before lands again, once, where it withholds a consent that the landed rows have.
    fn settle_withdrawal(&mut self, at: usize) {
        let rows = self.extract.records[at].rows.clone();
        let mut landed = rows.filter_map(|row| self.known.rows.get(&self.extract.id(row)));
        if !self.consents[at] && landed.any(|known| known.consent) {
            self.fates[at] = Fate::Withdraws;
        }
    }

    /// R12: all rows that a person brings for a quarter, where they and what landed are more than plausible.
    fn keep_out_implausible(&mut self, records: &[usize], most: u32) {
        let (mut n_rows, mut of_quarter) = (0_u32, Vec::<(Period, u32)>::new());
        let landing = records.iter().filter(|at| self.fates[**at] == Fate::Landed);
        for record in landing.map(|at| &self.extract.records[*at]) {
            let n_of_record = u32::try_from(record.rows.len()).unwrap_or(u32::MAX);
            n_rows = n_rows.saturating_add(n_of_record);
            let quarter = record.quarter();
            if let Some((_, n)) = of_quarter.iter_mut().find(|(other, _)| *other == quarter) {
                *n = n.saturating_add(n_of_record);
            } else {
                let landed = self.known.per_quarter.get(&(record.person, quarter)).copied().unwrap_or(0);
                of_quarter.push((quarter, landed.saturating_add(n_of_record)));
            }
        }
        of_quarter.retain(|(_, n)| *n > most);
        if n_rows <= MOST_ROWS_A_BATCH && of_quarter.is_empty() {
            return;
        }
        for at in records.iter().copied().filter(|at| self.fates[*at] == Fate::Landed).collect::<Vec<_>>() {
            let quarter = self.extract.records[at].quarter();
            if n_rows > MOST_ROWS_A_BATCH || of_quarter.iter().any(|(other, _)| *other == quarter) {
                self.fates[at] = Fate::TooManyRows;
            }
        }
    }
}
