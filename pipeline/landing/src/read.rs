//! From the file to checked, pseudonymised records: opens the table, checks row after row, keeps what is to be told.

use std::collections::BTreeMap;
use std::path::Path;

use marsad_catalog::{Mapping, clean};
use marsad_terms::{Digest, Progress};

use crate::batch::{Packer, Parts, Slots};
use crate::crew;
use crate::detect;
use crate::import::{Row, Table, other_encoding};
use crate::judge::Tally;
use crate::landing::Reading;
use crate::preview::Preview;
use crate::report::{ColumnReport, Rejected, Report, Spelling};
use crate::validate::{Checker, Layout, Plan, Reader, Rejection};
use crate::{Error, Reason, Refusal, Result};

/// A spelling is told where at least this many records have it.
const FEWEST_RECORDS: u64 = 10;
/// Longer texts are no spellings of a code.
const LONGEST_SPELLING: usize = 100;
/// Different spellings that are counted a column.
const MOST_SPELLINGS: usize = 10_000;
/// A run of rows that is checked at once holds at most so many, and not much more text than this.
const RUN_ROWS: usize = 1024;
const RUN_BYTES: usize = 256 << 10;
/// Rows of more text than this give their memory back.
const LONG_ROW: usize = 4 << 10;

/// What a file holds.
pub(crate) struct Findings<'a> {
    pub(crate) parts: Parts<'a>,
    /// Records that failed a check of their own.
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) spellings: Vec<Spelling>,
    /// What became of every column's cells; empty but for a check.
    pub(crate) columns: Vec<ColumnReport>,
    /// Records whose declared identity is carried by another identifier too.
    pub(crate) shared_identities: u64,
    /// Of the file.
    pub(crate) n_bytes: u64,
    /// The hash of what was read.
    pub(crate) content: Digest,
}

/// Rows that one worker checks at once, and what it found. Used again and again.
struct Run {
    rows: Vec<Row>,
    n_rows: usize,
    /// The number of the first row's record.
    first: u64,
    packed: Slots,
    /// By position of the row.
    rejected: Vec<(usize, Rejection)>,
}

impl Run {
    fn new(packed: Slots) -> Self {
        Self { rows: Vec::new(), n_rows: 0, first: 1, packed, rejected: Vec::new() }
    }

    /// Takes the table's next rows; false where there is none.
    fn fill(&mut self, table: &mut Table, file: &Path) -> Result<bool> {
        let mut n_bytes = 0;
        self.n_rows = 0;
        while self.n_rows < RUN_ROWS && n_bytes < RUN_BYTES {
            if self.n_rows == self.rows.len() {
                self.rows.push(Row::default());
            }
            let row = &mut self.rows[self.n_rows];
            if row.n_bytes() > LONG_ROW {
                *row = Row::default();
            }
            if !table.next(file, row)? {
                break;
            }
            n_bytes += row.n_bytes();
            self.n_rows += 1;
        }
        Ok(self.n_rows > 0)
    }

    fn check(&mut self, reader: &mut Reader<'_>, packer: &mut Packer<'_>) {
        self.rejected.clear();
        for (at, row) in self.rows[..self.n_rows].iter().enumerate() {
            match reader.check(row) {
                Ok(()) => packer.pack((self.first + at as u64, row.line()), reader, &mut self.packed),
                Err(rejection) => self.rejected.push((at, rejection)),
            }
        }
    }
}

/// Reads and checks a whole file.
///
/// # Errors
/// `Refused`, `Read`.
pub(crate) fn read<'a>(
    plan: &'a Plan<'a>,
    file: &Path,
    reading: Reading<'_>,
    progress: Progress<'_>,
) -> Result<Findings<'a>> {
    let hint = |error| with_hint(error, file, plan.mapping);
    let mut table = Table::open(file, plan.mapping, reading.keys.content_hasher()).map_err(hint)?;
    let layout = Layout::new(plan, std::mem::take(&mut table.headers)).map_err(|mut refusals| {
        refusals.truncate(if reading.every_refusal { usize::MAX } else { 1 });
        hint(Error::Refused { file: file.to_owned(), refusals })
    })?;
    let checker = Checker::new(plan, &layout, reading.dates);
    let mut parts = Parts::new(plan, reading.bucket_bits);
    let empty = parts.slots();
    let mut rejections = Rejections::new(&layout);
    let mut preview = reading.every_refusal.then(|| Preview::new(&checker));
    let mut n_rows = 0;
    let fill = |run: &mut Run| {
        run.first = n_rows + 1;
        let has_rows = run.fill(&mut table, file)?;
        n_rows += run.n_rows as u64;
        progress(table.n_read(), table.n_bytes);
        Ok(has_rows)
    };
    let worker = || {
        let (mut reader, mut packer) = (Reader::new(&checker), Packer::new(plan, reading.pseudonyms(plan)));
        move |run: &mut Run| run.check(&mut reader, &mut packer)
    };
    let take = |run: &mut Run| {
        rejections.keep_all(run);
        if let Some(preview) = &mut preview {
            let mut rejected = run.rejected.iter().peekable();
            for (at, row) in run.rows[..run.n_rows].iter().enumerate() {
                let outcome = rejected.next_if(|(rejected, _)| *rejected == at);
                preview.take(row, outcome.map(|(_, rejection)| *rejection));
            }
        }
        parts.take(&mut run.packed)
    };
    crew::in_order(|| Run::new(empty.clone()), fill, worker, take)?;
    if n_rows == 0 {
        return Err(Error::Refused { file: file.to_owned(), refusals: vec![no_record()] });
    }
    let content = Digest::from_bytes(*table.content(file)?.as_bytes());
    let (rejected, spellings) = rejections.finish();
    let columns = preview.map(Preview::finish).unwrap_or_default();
    let shared_identities = parts.shared_identities()?;
    Ok(Findings { parts, rejected, spellings, columns, shared_identities, n_bytes: table.n_bytes, content })
}

/// Where a header is not found or not decoded: the encoding that the file's bytes speak for, if it is another one.
fn with_hint(error: Error, file: &Path, mapping: &Mapping) -> Error {
    let Error::Refused { file: name, mut refusals } = error else { return error };
    let is_about_text = |refusal: &&mut Refusal| matches!(refusal.code, "F01" | "F02" | "F03");
    if let Some(refusal) = refusals.iter_mut().find(is_about_text)
        && let Some(other) = other_encoding(file, mapping)
    {
        refusal.remedy +=
            &format!("; by its bytes the file is {other}, which `encoding` under [file] may say");
    }
    Error::Refused { file: name, refusals }
}

impl Findings<'_> {
    /// Counts and places, by what became of the checked records.
    pub(crate) fn report(&self, tally: Tally) -> Report {
        let mut rejected = tally.rejected;
        rejected.extend_from_slice(&self.rejected);
        rejected.sort_by_key(|rejected| rejected.record);
        let mut reasons = BTreeMap::new();
        for record in &rejected {
            *reasons.entry(record.reason.clone()).or_default() += 1;
        }
        Report {
            batch: None,
            already: false,
            landed: tally.landed,
            late: tally.late,
            unseen: tally.unseen,
            duplicate: tally.duplicate,
            quarantined: rejected.len() as u64,
            reasons,
            rejected,
            spellings: self.spellings.clone(),
            columns: self.columns.clone(),
            withdrawn: tally.withdrawn,
            shared_identities: self.shared_identities,
            rows: tally.rows,
        }
    }
}

fn no_record() -> Refusal {
    Refusal {
        code: "F09",
        what: "the file holds no record".to_owned(),
        why: "there is a header and nothing below it",
        remedy: "export the file again".to_owned(),
    }
}

/// Keeps places and reasons of rejected records, and counts unknown spellings.
struct Rejections<'l> {
    layout: &'l Layout,
    rejected: Vec<Rejected>,
    /// By column.
    spellings: BTreeMap<usize, BTreeMap<String, u64>>,
}

impl<'l> Rejections<'l> {
    fn new(layout: &'l Layout) -> Self {
        Self { layout, rejected: Vec::new(), spellings: BTreeMap::new() }
    }

    fn keep_all(&mut self, run: &Run) {
        for (at, rejection) in &run.rejected {
            self.keep(run.first + *at as u64, &run.rows[*at], *rejection);
        }
    }

    fn keep(&mut self, number: u64, row: &Row, rejection: Rejection) {
        if let (Reason::UnknownCode, Some(column)) = (rejection.reason, rejection.column) {
            self.count(column, row.cell(column));
        }
        self.rejected.push(Rejected {
            record: number,
            line: row.line(),
            column: rejection.column.map(|column| self.layout.name(column)),
            reason: rejection.reason.code().to_owned(),
        });
    }

    fn count(&mut self, column: usize, cell: &str) {
        let spelling = clean(cell).into_owned();
        let spellings = self.spellings.entry(column).or_default();
        if spelling.len() <= LONGEST_SPELLING
            && (spellings.len() < MOST_SPELLINGS || spellings.contains_key(&spelling))
        {
            *spellings.entry(spelling).or_default() += 1;
        }
    }

    fn finish(self) -> (Vec<Rejected>, Vec<Spelling>) {
        let mut shown = Vec::new();
        for (column, spellings) in self.spellings {
            for (text, records) in spellings {
                if records >= FEWEST_RECORDS && !detect::identifies(&text) {
                    shown.push(Spelling { column: self.layout.name(column), text, records });
                }
            }
        }
        (self.rejected, shown)
    }
}
