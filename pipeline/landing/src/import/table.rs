//! An extract of any container: told by its first bytes, then by the mapping, then by its name; row after row.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use marsad_catalog::Mapping;
use marsad_catalog::mapping::{FileFormat, FileSpec};

use crate::import::delimited::{Delimited, opened};
use crate::import::evidence;
use crate::import::json_lines::JsonLines;
use crate::import::parquet::ParquetRows;
use crate::import::rows::Row;
use crate::import::workbook::Workbook;
use crate::{Error, Refusal, Result};

/// An open file after its header.
pub(crate) struct Table {
    pub(crate) headers: Vec<String>,
    pub(crate) n_bytes: u64,
    container: Container,
    /// Hashes the file again at its end, where the container is not read from front to back.
    hasher: blake3::Hasher,
}

enum Container {
    Delimited(Box<Delimited>),
    Workbook(Workbook),
    Parquet(Box<ParquetRows>),
    JsonLines(Box<JsonLines>),
}

impl Table {
    /// Opens a file and reads its header. Refusals: F01, F02, F07, F08.
    pub(crate) fn open(path: &Path, mapping: &Mapping, hasher: blake3::Hasher) -> Result<Self> {
        let format = container_of(path, mapping)?;
        let (headers, container) = match format {
            FileFormat::Csv => {
                let spec = with_encoding(path, mapping)?;
                let mut table = Delimited::open(path, &spec, hasher.clone())?;
                (std::mem::take(&mut table.headers), Container::Delimited(Box::new(table)))
            }
            FileFormat::Xlsx => {
                let (workbook, headers) = Workbook::open(path, &mapping.file)?;
                (headers, Container::Workbook(workbook))
            }
            FileFormat::Parquet => {
                let (rows, headers) = ParquetRows::open(path, mapping)?;
                (headers, Container::Parquet(Box::new(rows)))
            }
            FileFormat::JsonLines => {
                let (rows, headers) = JsonLines::open(path, mapping)?;
                (headers, Container::JsonLines(Box::new(rows)))
            }
        };
        let n_bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Self { headers, n_bytes, container, hasher })
    }

    /// Reads the next row; false at the end.
    pub(crate) fn next(&mut self, path: &Path, row: &mut Row) -> Result<bool> {
        match &mut self.container {
            Container::Delimited(table) => table.next(path, row),
            Container::Workbook(table) => table.next(path, row),
            Container::Parquet(table) => table.next(path, row),
            Container::JsonLines(table) => table.next(path, row),
        }
    }

    /// Bytes read so far, or what corresponds to them.
    pub(crate) fn n_read(&self) -> u64 {
        match &self.container {
            Container::Delimited(table) => table.n_read(),
            Container::Workbook(table) => table.share_of(self.n_bytes),
            Container::Parquet(table) => table.share_of(self.n_bytes),
            Container::JsonLines(table) => table.n_read(),
        }
    }

    /// The hash of all that was read.
    pub(crate) fn content(&self, path: &Path) -> Result<blake3::Hash> {
        match &self.container {
            Container::Delimited(table) => Ok(table.content()),
            _ => content_of(path, self.hasher.clone()),
        }
    }
}

/// The mapping's `[file]`, its encoding by the file's own evidence where the mapping says so.
fn with_encoding(path: &Path, mapping: &Mapping) -> Result<FileSpec> {
    let mut spec = mapping.file.clone();
    if spec.encoding.as_deref() == Some(evidence::DETECT) {
        let reading = |source| Error::Read { file: path.to_owned(), source };
        let encoding = evidence::encoding(path, &mapping.headers()).map_err(reading)?;
        spec.encoding = Some(encoding.name().to_ascii_lowercase());
    }
    Ok(spec)
}

/// The encoding that a delimited text is in by its bytes, where its mapping declares another.
pub(crate) fn other_encoding(path: &Path, mapping: &Mapping) -> Option<String> {
    let declared = mapping.file.encoding.as_deref().unwrap_or("utf-8");
    if declared == evidence::DETECT || !matches!(container_of(path, mapping), Ok(FileFormat::Csv)) {
        return None;
    }
    let found = evidence::encoding(path, &mapping.headers()).ok()?;
    let is_declared = encoding_rs::Encoding::for_label(declared.as_bytes()) == Some(found);
    (!is_declared).then(|| found.name().to_ascii_lowercase())
}

/// The container: its first bytes decide, so that one mapping reads what a partner saved in several ways.
pub(crate) fn container_of(path: &Path, mapping: &Mapping) -> Result<FileFormat> {
    let reading = |source| Error::Read { file: path.to_owned(), source };
    let mut start = Vec::new();
    opened(path).map_err(reading)?.take(8).read_to_end(&mut start).map_err(reading)?;
    let declared = mapping.file.format;
    match start.as_slice() {
        [b'P', b'K', 3, 4, ..] => return Ok(FileFormat::Xlsx),
        [b'P', b'A', b'R', b'1', ..] => return Ok(FileFormat::Parquet),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => return Err(Refusal::encrypted().of(path)),
        _ => {}
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match (ending.as_str(), declared) {
        ("jsonl" | "ndjson", _) => Ok(FileFormat::JsonLines),
        ("xlsx" | "xlsm", _) | (_, Some(FileFormat::Xlsx)) => Err(Refusal::not_a("workbook").of(path)),
        ("parquet", _) | (_, Some(FileFormat::Parquet)) => Err(Refusal::not_a("Parquet file").of(path)),
        _ => Ok(declared.unwrap_or(FileFormat::Csv)),
    }
}

/// The keyed hash of a whole file.
pub(crate) fn content_of(path: &Path, mut hasher: blake3::Hasher) -> Result<blake3::Hash> {
    let reading = |source: io::Error| Error::Read { file: path.to_owned(), source };
    let file: File = opened(path).map_err(reading)?;
    hasher.update_reader(file).map_err(reading)?;
    Ok(hasher.finalize())
}
