//! A Parquet file as rows of text: one cell a column, a list as a multi-select. What has no text (nested values, bytes)
//! becomes a cell that cannot be read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{Days, NaiveDate};
use marsad_catalog::Mapping;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::delimited::{LONGEST_HEADER, opened};
use super::rows::{MOST_CELLS, Mark, Row};
use super::several::{Joiner, UNREADABLE};
use crate::refusal::too_large;
use crate::{Error, Refusal, Result};

/// Rows decoded at once.
const BATCH_ROWS: usize = 1024;

/// An open Parquet file.
pub(crate) struct ParquetRows {
    reader: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    at: usize,
    n_read: u64,
    n_rows: u64,
    joiners: Vec<Joiner>,
}

impl ParquetRows {
    /// Opens a file; the schema's top-level names are its headers. Refusals: F07, F08.
    pub(crate) fn open(path: &Path, mapping: &Mapping) -> Result<(Self, Vec<String>)> {
        let file = opened(path).map_err(|source| Error::Read { file: path.to_owned(), source })?;
        let builder =
            guarded(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(|refusal| refusal.of(path))?;
        let fields = builder.schema().fields();
        let headers: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        if headers.len() > MOST_CELLS || headers.iter().any(|header| header.len() > LONGEST_HEADER) {
            return Err(too_large("the file has more than 4096 columns, or a name above 64 KiB").of(path));
        }
        let n_rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let joiners = headers.iter().map(|header| Joiner::new(mapping, header)).collect();
        let reader =
            guarded(|| builder.with_batch_size(BATCH_ROWS).build()).map_err(|refusal| refusal.of(path))?;
        Ok((Self { reader, batch: None, at: 0, n_read: 0, n_rows, joiners }, headers))
    }

    /// Reads the next row; false at the end.
    pub(crate) fn next(&mut self, path: &Path, row: &mut Row) -> Result<bool> {
        while self.batch.as_ref().is_none_or(|batch| self.at >= batch.num_rows()) {
            let batch = guarded(|| self.reader.next().transpose()).map_err(|refusal| refusal.of(path))?;
            let Some(batch) = batch else { return Ok(false) };
            self.batch = Some(batch);
            self.at = 0;
        }
        let Some(batch) = &self.batch else { return Ok(false) };
        self.n_read += 1;
        row.begin(self.n_read);
        for (array, joiner) in batch.columns().iter().zip(&self.joiners) {
            let (text, mark) = cell(array, self.at, joiner);
            row.push(&text, mark);
        }
        self.at += 1;
        Ok(true)
    }

    /// The part of `whole` that corresponds to the rows read.
    pub(crate) fn share_of(&self, whole: u64) -> u64 {
        let share = u128::from(whole) * u128::from(self.n_read) / u128::from(self.n_rows.max(1));
        u64::try_from(share).unwrap_or(whole)
    }
}

/// A fault without the library's text, which may quote a value.
fn broken() -> Refusal {
    Refusal::damaged("the Parquet file is damaged, encrypted or of a kind that is not read")
}

/// One step of the library, which panics on some damaged files; nothing of the file is read after a fault.
fn guarded<T, E>(step: impl FnOnce() -> Result<T, E>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(step)).ok().and_then(Result::ok).ok_or_else(broken)
}

fn cell(array: &ArrayRef, row: usize, joiner: &Joiner) -> (String, Option<Mark>) {
    if array.is_null(row) {
        return (String::new(), None);
    }
    let items = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => return (plain(array, row), date(array, row).map(Mark::Date)),
    };
    let texts = (0..items.len()).filter(|item| !items.is_null(*item)).map(|item| plain(&items, item));
    (joiner.join(texts), None)
}

/// A value that is no list; numbers without exponent.
fn plain(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).to_string(),
        kind if kind.is_nested() || is_bytes(kind) => UNREADABLE.to_owned(),
        _ => {
            let formatter = ArrayFormatter::try_new(array, &FormatOptions::default());
            let text = formatter.ok().and_then(|formatter| formatter.value(row).try_to_string().ok());
            text.unwrap_or_else(|| UNREADABLE.to_owned())
        }
    }
}

fn is_bytes(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    )
}

/// The calendar date of a date or a timestamp, as written.
fn date(array: &ArrayRef, row: usize) -> Option<NaiveDate> {
    if !matches!(array.data_type(), DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None)) {
        return None;
    }
    let days = cast(&array.slice(row, 1), &DataType::Date32).ok()?;
    let since_1970 = days.as_primitive::<Date32Type>().value(0);
    NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_days(Days::new(u64::try_from(since_1970).ok()?))
}
