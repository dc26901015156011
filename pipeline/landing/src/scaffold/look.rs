//! What a file is, before anybody said how it is read: container, encoding, delimiter, header, and the spellings of its columns.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use marsad_catalog::mapping::{FileSpec, IdentitySpec};
use marsad_catalog::{Catalog, FileFormat, Mapping, clean, fold};

use super::words::is_known;
use crate::import::{Mark, Row, Table, container_of, evidence_of, outline};
use crate::refusal::{is_harmless, no_header};
use crate::validate::Number;
use crate::{Error, Refusal, Result};

/// Records that are looked at.
const MOST_RECORDS: u64 = 20_000;
/// Different spellings of a column that are kept while it is looked at.
const MOST_SPELLINGS: usize = 2000;
/// The row of a header is looked for among the first.
const MOST_HEADER_ROWS: u32 = 10;
/// Rows by which a delimiter is judged.
const TRIAL_ROWS: usize = 50;
/// Headers that must be understood, so that a record is never taken for a header and shown.
const FEWEST_KNOWN: usize = 2;

/// A file, looked at.
pub(super) struct Seen {
    pub(super) format: FileFormat,
    pub(super) spec: FileSpec,
    pub(super) headers: Vec<String>,
    pub(super) columns: Vec<Cells>,
    pub(super) n_records: u64,
}

/// The cells of one column.
#[derive(Default)]
pub(super) struct Cells {
    pub(super) n_filled: u64,
    /// Cells that their container calls dates.
    pub(super) n_dates: u64,
    /// Canonical spellings of all other cells, the first 2000 different ones.
    pub(super) spellings: BTreeMap<String, u64>,
}

impl Cells {
    /// The share of filled cells whose spelling passes.
    pub(super) fn share(&self, passes: impl Fn(&str) -> bool) -> f64 {
        let all: u64 = self.spellings.values().sum();
        let passing: u64 =
            self.spellings.iter().filter(|(text, _)| passes(text)).map(|(_, records)| *records).sum();
        if all == 0 { 0.0 } else { passing as f64 / all as f64 }
    }
}

/// Looks at a file.
pub(super) fn look(catalog: &Catalog, file: &Path) -> Result<Seen> {
    let blank = blank();
    let format = container_of(file, &blank)?;
    let spec = match format {
        FileFormat::Csv => delimited(catalog, file)?,
        FileFormat::Xlsx => sheet(catalog, file)?,
        FileFormat::Parquet | FileFormat::JsonLines => blank.file,
    };
    let (table, headers) = open(file, &spec)?;
    let n_known = headers.iter().filter(|header| is_known(catalog, header)).count();
    if n_known < FEWEST_KNOWN {
        return Err(unknown_header().of(file));
    }
    if let Some(position) = headers.iter().position(|header| !is_harmless(header) || is_content(header)) {
        return Err(telling_header(position).of(file));
    }
    let (columns, n_records) = cells(file, table, headers.len())?;
    Ok(Seen { format, spec, headers, columns, n_records })
}

fn blank() -> Mapping {
    Mapping {
        id: "draft".to_owned(),
        record_type: "draft".parse().expect("lower-case letters name a record type"),
        source: String::new(),
        note: None,
        file: FileSpec { format: None, delimiter: None, encoding: None, sheet: None, header_rows: vec![1] },
        identifier: None,
        identity: IdentitySpec::default(),
        columns: BTreeMap::new(),
        consent: None,
        one_person: BTreeMap::new(),
        scan: Vec::new(),
        ignore: Vec::new(),
    }
}

fn open(file: &Path, spec: &FileSpec) -> Result<(Table, Vec<String>)> {
    let mapping = Mapping { file: spec.clone(), ..blank() };
    let mut table = Table::open(file, &mapping, blake3::Hasher::new())?;
    let headers = std::mem::take(&mut table.headers);
    Ok((table, headers))
}

/// How well a row serves as header: headers that are understood, then headers at all.
///
/// # Errors
/// Two are alike.
fn fitness(catalog: &Catalog, headers: &[String]) -> Result<(usize, usize), Refusal> {
    let folded: Vec<String> = headers.iter().map(|header| fold(header)).collect();
    let mut n_filled = 0;
    for (column, header) in folded.iter().enumerate().filter(|(_, header)| !header.is_empty()) {
        n_filled += 1;
        if let Some(before) = folded[..column].iter().position(|other| other == header) {
            return Err(twice(before, column));
        }
    }
    Ok((headers.iter().filter(|header| is_known(catalog, header)).count(), n_filled))
}

/// The spec among these whose header is understood best; the first of several.
fn best(catalog: &Catalog, file: &Path, specs: Vec<FileSpec>) -> Result<FileSpec> {
    let mut best: Option<((usize, usize), FileSpec)> = None;
    let mut twice = None;
    for spec in specs {
        let Ok((_, headers)) = open(file, &spec) else { continue };
        match fitness(catalog, &headers) {
            Ok(found) if best.as_ref().is_none_or(|(before, _)| found > *before) => {
                best = Some((found, spec));
            }
            Err(refusal)
                if headers.iter().filter(|header| is_known(catalog, header)).count() >= FEWEST_KNOWN =>
            {
                twice.get_or_insert(refusal);
            }
            _ => {}
        }
    }
    let is_understood = best.as_ref().is_some_and(|((n_known, _), _)| *n_known >= FEWEST_KNOWN);
    match (twice, best) {
        (Some(refusal), _) if !is_understood => Err(refusal.of(file)),
        (_, Some((_, spec))) => Ok(spec),
        (_, None) => Err(no_header(1).of(file)),
    }
}

/// Encoding by evidence, delimiter and header row by trial.
fn delimited(catalog: &Catalog, file: &Path) -> Result<FileSpec> {
    let headers: Vec<String> = catalog.mappings.values().flat_map(Mapping::headers).collect();
    let reading = |source| Error::Read { file: file.to_owned(), source };
    let encoding = evidence_of(file, &headers).map_err(reading)?.name().to_ascii_lowercase();
    let spec = FileSpec { encoding: Some(encoding), ..blank().file };
    let with = |delimiter| FileSpec { delimiter: Some(delimiter), ..spec.clone() };
    // Of several that cut as well the first.
    let delimiters = ['|', '\t', ',', ';'];
    let by_trial = || delimiters.into_iter().max_by_key(|delimiter| regularity(file, &with(*delimiter)));
    let spec = with(named_delimiter(file).map_err(reading)?.or_else(by_trial).unwrap_or(','));
    let rows = (1..=MOST_HEADER_ROWS).map(|row| FileSpec { header_rows: vec![row], ..spec.clone() });
    best(catalog, file, rows.collect())
}

/// What Excel's first line `sep=;` names: the next file of the source may come without it.
fn named_delimiter(file: &Path) -> std::io::Result<Option<char>> {
    let mut start = Vec::new();
    File::open(file)?.take(8).read_to_end(&mut start)?;
    let line = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start);
    let named = line.strip_prefix(b"sep=").or_else(|| line.strip_prefix(b"SEP="));
    Ok(named.and_then(|rest| rest.first()).filter(|byte| byte.is_ascii()).map(|byte| char::from(*byte)))
}

/// Rows of the most frequent number of cells, times the cells beyond the first.
fn regularity(file: &Path, spec: &FileSpec) -> usize {
    let Ok((mut table, headers)) = open(file, spec) else { return 0 };
    let mut widths = BTreeMap::from([(headers.len(), 1)]);
    let mut row = Row::default();
    for _ in 0..TRIAL_ROWS {
        if !matches!(table.next(file, &mut row), Ok(true)) {
            break;
        }
        *widths.entry(row.n_cells()).or_default() += 1;
    }
    widths.into_iter().map(|(width, rows): (usize, usize)| rows * width.saturating_sub(1)).max().unwrap_or(0)
}

/// Sheet and header rows by trial; two rows where cells of the first are merged over several columns.
fn sheet(catalog: &Catalog, file: &Path) -> Result<FileSpec> {
    let mut specs = Vec::new();
    for (name, merged) in outline(file)? {
        for row in 1..=MOST_HEADER_ROWS {
            let spec = |header_rows| FileSpec { sheet: Some(name.clone()), header_rows, ..blank().file };
            if merged.contains(&row) {
                specs.push(spec(vec![row, row + 1]));
            }
            specs.push(spec(vec![row]));
        }
    }
    best(catalog, file, specs)
}

fn cells(file: &Path, mut table: Table, width: usize) -> Result<(Vec<Cells>, u64)> {
    let mut columns: Vec<Cells> = std::iter::repeat_with(Cells::default).take(width).collect();
    let mut row = Row::default();
    let mut n_records = 0;
    while n_records < MOST_RECORDS && table.next(file, &mut row)? {
        n_records += 1;
        if row.n_cells() != width {
            continue;
        }
        for (index, column) in columns.iter_mut().enumerate() {
            let text = clean(row.cell(index)).into_owned();
            if text.is_empty() {
                continue;
            }
            column.n_filled += 1;
            if matches!(row.mark(index), Some(Mark::Date(_))) {
                column.n_dates += 1;
                continue;
            }
            if column.spellings.len() < MOST_SPELLINGS || column.spellings.contains_key(&text) {
                *column.spellings.entry(text).or_default() += 1;
            }
        }
    }
    Ok((columns, n_records))
}

/// A number, or four digits in a row: a record that ran into the header has one.
fn is_content(header: &str) -> bool {
    let text = clean(header);
    let long = text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 4);
    long || Number::parse(&text, '.').is_some()
}

fn twice(first: usize, second: usize) -> Refusal {
    Refusal {
        code: "F02",
        what: format!("columns {} and {} have one header", first + 1, second + 1),
        why: "columns are known by their headers alone",
        remedy: "give each column a header of its own, or take one of the two out".to_owned(),
    }
}

fn unknown_header() -> Refusal {
    Refusal {
        code: "F02",
        what: "no row is recognised as the header".to_owned(),
        why: "at least two headers must be words that are known, else a record could be taken for the header and shown",
        remedy: "add a header row, or write the mapping by hand, like one of schemas/mappings".to_owned(),
    }
}

fn telling_header(position: usize) -> Refusal {
    Refusal {
        code: "F02",
        what: format!(
            "the header of column {} holds what identifies somebody, or is no header",
            position + 1
        ),
        why: "a mapping names its columns, and is read by many",
        remedy: "give the column a plain name".to_owned(),
    }
}
