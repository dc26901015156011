//! From the file to checked, pseudonymised records: opens the table, checks row after row, keeps what is to be told.

use std::collections::BTreeMap;
use std::path::Path;

use marsad_catalog::{Mapping, clean};
use marsad_terms::{Digest, Progress};

use crate::batch::Extract;
use crate::detect;
use crate::import::{Row, Table, other_encoding};
use crate::judge::{Fate, Judged};
use crate::landing::Reading;
use crate::preview::Preview;
use crate::report::{ColumnReport, Rejected, Report, Spelling};
use crate::validate::{Checker, Layout, Plan, Rejection};
use crate::{Error, Reason, Refusal, Result};

/// A spelling is told where at least this many records have it.
const FEWEST_RECORDS: u64 = 10;
/// Longer texts are no spellings of a code.
const LONGEST_SPELLING: usize = 100;
/// Different spellings that are counted a column.
const MOST_SPELLINGS: usize = 10_000;
/// Rows between two reports of progress.
const PROGRESS_EVERY: u64 = 4096;

/// What a file holds.
pub(crate) struct Findings<'a> {
    pub(crate) extract: Extract<'a>,
    /// Records that failed a check of their own.
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) spellings: Vec<Spelling>,
    /// What became of every column's cells; empty but for a check.
    pub(crate) columns: Vec<ColumnReport>,
    /// The hash of what was read.
    pub(crate) content: Digest,
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
    let mut extract = Extract::new(plan, reading.pseudonyms(plan));
    let mut rejections = Rejections::new(&layout);
    let mut preview = reading.every_refusal.then(|| Preview::new(&checker));
    let mut row = Row::default();
    let mut number = 0;
    while table.next(file, &mut row)? {
        number += 1;
        let checked = checker.check(&row);
        if let Some(preview) = &mut preview {
            preview.take(&row, checked.as_ref().err().copied());
        }
        match checked {
            Ok(record) => extract.push(number, row.line(), record),
            Err(rejection) => rejections.keep(number, &row, rejection),
        }
        if number % PROGRESS_EVERY == 0 {
            progress(table.n_read(), table.n_bytes);
        }
    }
    progress(table.n_read(), table.n_bytes);
    if number == 0 {
        return Err(Error::Refused { file: file.to_owned(), refusals: vec![no_record()] });
    }
    let content = Digest::from_bytes(*table.content(file)?.as_bytes());
    let (rejected, spellings) = rejections.finish();
    let columns = preview.map(Preview::finish).unwrap_or_default();
    Ok(Findings { extract, rejected, spellings, columns, content })
}

/// Where a header is not found or not decoded: the encoding that the file's bytes speak for, if it is another one.
fn with_hint(error: Error, file: &Path, mapping: &Mapping) -> Error {
    let Error::Refused { file: name, mut refusals } = error else { return error };
    let is_about_text = |refusal: &&mut Refusal| matches!(refusal.code, "F01" | "F03");
    if let Some(refusal) = refusals.iter_mut().find(is_about_text)
        && let Some(other) = other_encoding(file, mapping)
    {
        refusal.remedy +=
            &format!("; by its bytes the file is {other}, which `encoding` under [file] may say");
    }
    Error::Refused { file: name, refusals }
}

impl Findings<'_> {
    /// Counts and places, by the fates of the checked records.
    pub(crate) fn report(&self, judged: &Judged) -> Report {
        let mut rejected = self.rejected.clone();
        for (record, fate) in self.extract.records.iter().zip(&judged.fates) {
            let reason = match fate {
                Fate::Contradicts => Reason::Contradicts,
                Fate::TooManyRows => Reason::TooManyRows,
                Fate::Landed | Fate::Duplicate | Fate::Withdraws => continue,
            };
            rejected.push(Rejected {
                record: record.number,
                line: record.line,
                column: None,
                reason: reason.code().to_owned(),
            });
        }
        rejected.sort_by_key(|rejected| rejected.record);
        let mut reasons = BTreeMap::new();
        for record in &rejected {
            *reasons.entry(record.reason.clone()).or_default() += 1;
        }
        let withdrawn = judged.count(Fate::Withdraws);
        Report {
            batch: None,
            already: false,
            landed: judged.count(Fate::Landed),
            duplicate: judged.count(Fate::Duplicate) + withdrawn,
            quarantined: rejected.len() as u64,
            reasons,
            rejected,
            spellings: self.spellings.clone(),
            columns: self.columns.clone(),
            withdrawn,
            shared_identities: self.extract.shared_identities,
            rows: judged.rows(&self.extract).len() as u64,
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
        let spelling = clean(cell);
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
