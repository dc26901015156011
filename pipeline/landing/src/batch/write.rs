//! Rows to Parquet: one file a bucket, sorted by person and record id, zstd where it gains. Written into memory; the store sees whole files.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeBinaryArray, Int64Array,
    StringArray, UInt16Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt16Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::extract::Extract;
use crate::judge::{Judged, LandingRow};
use crate::report::Rejected;
use crate::schema::{self, DECIMAL};
use crate::seal::{Seal, Sealed, Sealer};
use crate::validate::{NULL, Target, Value};
use crate::{Result, erased};

/// Rows of one Parquet row group: what a reader holds at once of a file, however long it is, and what it may skip by statistics.
const ROW_GROUP: usize = 1 << 16;

/// Columns that are laid down byte by byte: hashes of which each stands once, and a list whose size is to tell nothing of it.
const AS_THEY_ARE: [&str; 2] = ["record_id", erased::COLUMN];

/// One file to be put.
pub(crate) struct Bucket {
    pub(crate) path: String,
    pub(crate) n_rows: u64,
    /// Whether it holds what a withdrawal of consent put there.
    pub(crate) withdraws: bool,
    pub(crate) file: Sealed,
}

/// The files of one part of a batch in its folder, one a bucket that has rows, in the order of buckets.
pub(crate) fn buckets(
    extract: &Extract<'_>,
    judged: &Judged,
    bits: u8,
    (folder, sealer): (&str, &Sealer),
) -> Result<Vec<Bucket>> {
    let schema = schema::landed(extract.plan.record_type);
    let is_personal = extract.plan.identifier.is_some();
    let person = |row: &LandingRow| extract.records[row.record].person;
    let bucket_of = |row: &LandingRow| if is_personal { person(row).bucket(bits) } else { 0 };
    let rows = judged.rows(extract);
    let bucket = |rows: &[LandingRow]| {
        let path = format!("{folder}/{}.parquet", bucket_of(&rows[0]));
        let batches = rows.chunks(ROW_GROUP).map(|rows| arrow_batch(extract, &schema, rows));
        let file = encode(&schema, batches, sealer.seal(&path)?)?;
        let withdraws = rows.iter().any(|row| judged.withdraws(row));
        Ok(Bucket { path, n_rows: rows.len() as u64, withdraws, file })
    };
    rows.chunk_by(|one, next| bucket_of(one) == bucket_of(next)).map(bucket).collect()
}

/// The quarantine's file: places and reasons, no values.
pub(crate) fn quarantine(rejected: &[Rejected], seal: Seal) -> Result<Sealed> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("record", DataType::UInt64, false),
        Field::new("line", DataType::UInt64, false),
        Field::new("column", DataType::Utf8, true),
        Field::new("reason", DataType::Utf8, false),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rejected.iter().map(|record| record.record))),
        Arc::new(UInt64Array::from_iter_values(rejected.iter().map(|record| record.line))),
        Arc::new(rejected.iter().map(|record| record.column.as_deref()).collect::<StringArray>()),
        Arc::new(StringArray::from_iter_values(rejected.iter().map(|record| &record.reason))),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
    encode(&schema, std::iter::once(batch.map_err(Into::into)), seal)
}

/// One file of these Arrow batches, encrypted.
pub(crate) fn encode(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    seal: Seal,
) -> Result<Sealed> {
    // A dictionary of records' keys is as long as the keys; a person has several rows, one after the other.
    let mut properties = WriterProperties::builder();
    for name in AS_THEY_ARE {
        properties = properties.set_column_dictionary_enabled(name.into(), false);
    }
    // Row groups are skipped by these; of all other columns every group holds about all values.
    for name in ["person_key", "event_month"] {
        properties = properties.set_column_statistics_enabled(name.into(), EnabledStatistics::Chunk);
    }
    for field in schema.fields().iter().filter(|field| is_compressed(field)) {
        let zstd = Compression::ZSTD(ZstdLevel::default());
        properties = properties.set_column_compression(field.name().as_str().into(), zstd);
    }
    let properties = properties
        .set_statistics_enabled(EnabledStatistics::None)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .with_file_encryption_properties(seal.encryption.clone())
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(seal.of(writer.into_inner()?.into()))
}

/// Whether zstd gains more than it costs: codes take a few bits a row as they are, and in hashes of which each stands once there
/// is nothing to find.
fn is_compressed(field: &Field) -> bool {
    match field.data_type() {
        DataType::Dictionary(..) | DataType::Boolean | DataType::Date32 | DataType::UInt16 => false,
        _ => !AS_THEY_ARE.contains(&field.name().as_str()),
    }
}

fn arrow_batch(extract: &Extract<'_>, schema: &SchemaRef, rows: &[LandingRow]) -> Result<RecordBatch> {
    let record_type = extract.plan.record_type;
    let record = |row: &LandingRow| &extract.records[row.record];
    let n_own = record_type.columns.len();
    let mut columns: Vec<ArrayRef> = Vec::new();
    if record_type.is_personal() {
        columns.push(Arc::new(keys(rows.iter().map(|row| record(row).person.0))?));
    }
    columns.push(Arc::new(keys(rows.iter().map(|row| extract.id(row.row)))?));
    columns.push(Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| record(row).month))));
    for (at, (target, values)) in extract.plan.targets.iter().zip(by_target(extract, rows)).enumerate() {
        // Persons have a legal basis after the record type's own columns.
        if at == n_own {
            columns.push(Arc::new(rows.iter().map(|row| Some(row.consent)).collect::<BooleanArray>()));
        }
        columns.push(column(target, &values)?);
    }
    columns.push(Arc::new(UInt16Array::from_value(record_type.schema_version, rows.len())));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// A column of keys of 16 bytes.
pub(crate) fn keys(keys: impl ExactSizeIterator<Item = [u8; 16]>) -> Result<FixedSizeBinaryArray> {
    let mut bytes = Vec::with_capacity(16 * keys.len());
    keys.for_each(|key| bytes.extend_from_slice(&key));
    Ok(FixedSizeBinaryArray::try_new(16, bytes.into(), None)?)
}

/// The rows' values, turned so that each target has its own: rows are looked up once, since they lie in the file's order.
fn by_target(extract: &Extract<'_>, rows: &[LandingRow]) -> Vec<Vec<i64>> {
    let empty = || Vec::with_capacity(rows.len());
    let mut columns: Vec<Vec<i64>> = std::iter::repeat_with(empty).take(extract.plan.targets.len()).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(extract.row(row.row)) {
            column.push(*value);
        }
    }
    columns
}

fn column(target: &Target<'_>, values: &[i64]) -> Result<ArrayRef> {
    let values = values.iter().copied();
    let present = values.clone().map(|value| Some(value).filter(|value| *value != NULL));
    Ok(match &target.value {
        Value::Code(codes) => {
            let names = StringArray::from_iter_values(codes.list.codes.iter().map(|code| &code.id));
            let keys =
                UInt16Array::from_iter_values(values.map(|value| u16::try_from(value).unwrap_or(u16::MAX)));
            Arc::new(DictionaryArray::<UInt16Type>::try_new(keys, Arc::new(names))?)
        }
        Value::Boolean => {
            Arc::new(present.map(|value| value.map(|value| value != 0)).collect::<BooleanArray>())
        }
        Value::Integer { .. } => Arc::new(present.collect::<Int64Array>()),
        Value::Decimal { .. } => {
            let decimals: Decimal128Array = present.map(|value| value.map(i128::from)).collect();
            Arc::new(decimals.with_precision_and_scale(DECIMAL.0, DECIMAL.1)?)
        }
    })
}
