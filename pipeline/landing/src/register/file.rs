//! The entries of steps that close together as one Parquet file: `person_key`, `step`, then `cell_0`, `cell_1`, … a table,
//! sorted by person; after them, with neither step nor cells, the persons who were erased.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::entries::Entries;
use crate::Result;
use crate::batch;
use crate::seal::{Seal, Sealed};

/// The file, encrypted.
pub(super) fn encode(entries: &Entries, seal: Seal) -> Result<Sealed> {
    let mut fields = vec![
        Field::new("person_key", DataType::FixedSizeBinary(16), false),
        Field::new("step", DataType::UInt32, true),
    ];
    let n_bare = entries.bare().len();
    let with_bare = |of: &mut dyn Iterator<Item = u32>| {
        Arc::new(of.map(Some).chain(std::iter::repeat_n(None, n_bare)).collect::<UInt32Array>()) as ArrayRef
    };
    let persons: Vec<[u8; 16]> = entries.persons().iter().chain(entries.bare()).copied().collect();
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(batch::keys(persons.into_iter())?), with_bare(&mut entries.steps().iter().copied())];
    for table in 0..entries.n_tables() {
        fields.push(Field::new(cell_column(table), DataType::UInt32, true));
        columns.push(with_bare(&mut entries.cells_of(table)));
    }
    let schema = Arc::new(Schema::new(fields));
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns);
    batch::encode(&schema, std::iter::once(rows.map_err(Into::into)), seal)
}

/// The entries of a file that closed these steps; `None` where it is no such file.
pub(super) fn decode(reader: ParquetRecordBatchReader, steps: RangeInclusive<u32>) -> Option<Entries> {
    let mut entries = Entries::default();
    for batch in reader {
        take(&batch.ok()?, &mut entries)?;
    }
    entries.steps().iter().all(|step| steps.contains(step)).then_some(entries)
}

fn take(batch: &RecordBatch, entries: &mut Entries) -> Option<()> {
    let persons = batch.column_by_name("person_key")?.as_fixed_size_binary_opt()?;
    let steps = batch.column_by_name("step")?.as_primitive_opt::<UInt32Type>()?;
    let n_tables = batch.num_columns() - 2;
    let column = |table| batch.column_by_name(&cell_column(table))?.as_primitive_opt::<UInt32Type>();
    let tables: Vec<&UInt32Array> = (0..n_tables).map(column).collect::<Option<_>>()?;
    let mut cells = vec![0; n_tables];
    for row in 0..batch.num_rows() {
        let person = persons.value(row).try_into().ok()?;
        if steps.is_null(row) {
            entries.push_bare(person);
            continue;
        }
        for (cell, table) in cells.iter_mut().zip(&tables) {
            *cell = table.value(row);
        }
        entries.push(person, steps.value(row), &cells).ok()?;
    }
    Some(())
}

fn cell_column(table: usize) -> String {
    format!("cell_{table}")
}
