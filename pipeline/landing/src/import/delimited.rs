//! A delimited file opened by its mapping: encoding and byte-order mark, `sep=` line, header; then row after row.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use marsad_catalog::mapping::FileSpec;

use crate::import::decode::{self, Decoded};
use crate::import::rows::{MOST_CELLS, Row, RowFault, Rows};
use crate::refusal::{no_header, shown_header, too_large, undecodable};
use crate::{Error, Refusal, Result};

const LARGEST_FILE: u64 = 64 << 30;
pub(crate) const LONGEST_HEADER: usize = 64 << 10;

/// Counts and hashes what is read.
pub(crate) struct Counted {
    file: File,
    hasher: blake3::Hasher,
    n_bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        self.n_bytes += length as u64;
        Ok(length)
    }
}

/// An open delimited file after its header.
pub(crate) struct Delimited {
    rows: Rows<Counted>,
    pub(crate) headers: Vec<String>,
}

impl Delimited {
    /// Opens a file and reads its header. Refusals: F01, F02, F07, F08.
    pub(crate) fn open(path: &Path, spec: &FileSpec, hasher: blake3::Hasher) -> Result<Self> {
        let reading = |source| Error::Read { file: path.to_owned(), source };
        let refuse = |refusal| Error::Refused { file: path.to_owned(), refusals: vec![refusal] };
        let mut file = opened(path).map_err(reading)?;
        let metadata = file.metadata().map_err(reading)?;
        if metadata.len() > LARGEST_FILE {
            return Err(refuse(too_large("the file is larger than 64 GiB")));
        }
        let mut start = Vec::new();
        (&mut file).take(4).read_to_end(&mut start).map_err(reading)?;
        file.rewind().map_err(reading)?;
        let encoding = encoding(spec, &start).map_err(refuse)?;
        let delimiter = spec.delimiter.and_then(|c| u8::try_from(c).ok()).unwrap_or(b',');
        let counted = Counted { file, hasher, n_bytes: 0 };
        let mut rows = Rows::new(Decoded::new(counted, encoding), delimiter);
        let headers = header(&mut rows, spec).map_err(|fault| match fault {
            HeaderFault::Row(fault) => row_error(path, fault),
            HeaderFault::Refused(refusal) => refuse(refusal),
        })?;
        rows.set_width(headers.len());
        Ok(Self { rows, headers })
    }

    /// Reads the next row; false at the end.
    pub(crate) fn next(&mut self, path: &Path, row: &mut Row) -> Result<bool> {
        self.rows.next(row).map_err(|fault| row_error(path, fault))
    }

    /// Bytes read so far.
    pub(crate) fn n_read(&self) -> u64 {
        self.rows.input().n_bytes
    }

    /// The hash of all that was read.
    pub(crate) fn content(&self) -> blake3::Hash {
        self.rows.input().hasher.finalize()
    }
}

/// A file, and nothing else: a pipe or a device may never end, and cannot be read twice.
pub(crate) fn opened(path: &Path) -> io::Result<File> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is a pipe or a device; save it as a file first"));
    }
    File::open(path)
}

pub(crate) fn encoding(spec: &FileSpec, start: &[u8]) -> Result<&'static encoding_rs::Encoding, Refusal> {
    let label = spec.encoding.as_deref();
    let name = label.unwrap_or("utf-8");
    let Some(encoding) = decode::encoding(label, start) else {
        return Err(undecodable(format!("the mapping's encoding `{name}` is unknown")));
    };
    match decode::mark(start) {
        Some(other) if other != encoding => Err(undecodable(format!(
            "the file begins with the byte-order mark of {}, and the mapping declares {name}",
            other.name()
        ))),
        _ => Ok(encoding),
    }
}

enum HeaderFault {
    Row(RowFault),
    Refused(Refusal),
}

impl From<RowFault> for HeaderFault {
    fn from(fault: RowFault) -> Self {
        Self::Row(fault)
    }
}

impl From<Refusal> for HeaderFault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The header's cells; texts of several header rows joined by ` / `, equal ones once.
fn header(rows: &mut Rows<Counted>, spec: &FileSpec) -> Result<Vec<String>, HeaderFault> {
    let wanted = if spec.header_rows.is_empty() { &[1][..] } else { &spec.header_rows };
    let last = u64::from(wanted.iter().copied().max().unwrap_or(1));
    let mut row = Row::default();
    let mut headers: Vec<Vec<String>> = Vec::new();
    let mut n_before = 0;
    while rows.next(&mut row)? {
        let separator = if row.line() == 1 { separator_line(&row) } else { None };
        if let Some(separator) = separator {
            if let Separator::Other(delimiter) = separator {
                rows.set_delimiter(delimiter);
            }
            n_before = 1;
            continue;
        }
        let number = row.line() - n_before;
        if wanted.iter().any(|wanted| u64::from(*wanted) == number) {
            are_within_limits(&row)?;
            headers.resize(headers.len().max(row.n_cells()), Vec::new());
            for (header, cell) in headers.iter_mut().zip(row.cells()) {
                if !header.iter().any(|text| text == cell) {
                    header.push(cell.to_owned());
                }
            }
        }
        if number >= last {
            break;
        }
    }
    if headers.is_empty() {
        return Err(no_header(last).into());
    }
    let headers: Vec<String> = headers.into_iter().map(|texts| texts.join(" / ")).collect();
    are_decodable(&headers)?;
    Ok(headers)
}

/// What a line `sep=` names.
enum Separator {
    Current,
    Other(u8),
}

/// Excel's first line `sep=;`, which names the delimiter.
fn separator_line(row: &Row) -> Option<Separator> {
    let rest = row.cell(0).strip_prefix("sep=").or_else(|| row.cell(0).strip_prefix("SEP="))?;
    match (rest.as_bytes(), row.n_cells()) {
        ([delimiter], 1) if delimiter.is_ascii() => Some(Separator::Other(*delimiter)),
        // Cut at the very delimiter that it names.
        ([], 2) if row.cell(1).is_empty() => Some(Separator::Current),
        _ => None,
    }
}

fn are_within_limits(row: &Row) -> Result<(), Refusal> {
    if row.n_cells() > MOST_CELLS {
        return Err(too_large("the header has more than 4096 columns"));
    }
    let long = (0..row.n_cells()).any(|cell| row.is_too_long(cell) || row.cell(cell).len() > LONGEST_HEADER);
    if long { Err(too_large("a header is longer than 64 KiB")) } else { Ok(()) }
}

pub(crate) fn are_decodable(headers: &[String]) -> Result<(), Refusal> {
    let unreadable = |c: char| c == '\u{FFFD}' || (c.is_control() && !matches!(c, '\t' | '\r' | '\n'));
    match headers.iter().position(|header| header.contains(unreadable)) {
        None => Ok(()),
        Some(position) => {
            let place = shown_header("", position);
            Err(undecodable(format!("the header of {place} cannot be decoded")))
        }
    }
}

fn row_error(path: &Path, fault: RowFault) -> Error {
    let file = path.to_owned();
    let (what, why, remedy) = match fault {
        RowFault::Io(source) => return Error::Read { file, source },
        RowFault::Unclosed(line) => (
            format!("a quotation that begins in the record of line {line} is never closed"),
            "everything after it would be read as one cell",
            format!("add the missing quotation mark in or after line {line}"),
        ),
        RowFault::Swallowed(line) => (
            format!("a quotation that begins in the record of line {line} holds whole records"),
            "they would be read as one cell, and be lost",
            format!("take out the stray quotation mark in line {line}, or write it twice"),
        ),
    };
    Error::Refused { file, refusals: vec![Refusal { code: "F08", what, why, remedy }] }
}
