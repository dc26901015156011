//! What statistics may see of the landed rows of one batch, and how it is shown.
//!
//! It deliberately lacks files: it knows one batch, and which records another one withdrew.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Date32Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Date32Type, SchemaRef, UInt16Type};
use chrono::{Datelike, NaiveDate};
use datafusion::error::{DataFusionError, Result};

/// The day of a row that counts nowhere: 1899-12-31, the day before the first that lands, with which allowed expressions are
/// tried as well.
pub(crate) const NO_DAY: i32 = -25_568;

/// A column of a landed file.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Arc<dyn Array>> {
    let missing = || DataFusionError::Execution(format!("a landed file lacks the column {name}"));
    batch.column_by_name(name).ok_or_else(missing)
}

/// The rows that statistics may see: consent, a known legal basis, not withdrawn by another batch.
pub(crate) fn visible(batch: &RecordBatch, withdrawn: &HashSet<[u8; 16]>) -> Result<BooleanBuffer> {
    let consent = column(batch, "consent_reporting")?.as_boolean();
    let basis = column(batch, "legal_basis")?;
    let basis = basis
        .as_dictionary_opt::<UInt16Type>()
        .ok_or_else(|| DataFusionError::Execution("a landed legal basis has another type".to_owned()))?;
    let mut visible = consent.values().clone();
    if let Some(nulls) = consent.nulls() {
        visible = &visible & nulls.inner();
    }
    let known: Vec<bool> =
        basis.values().as_string::<i32>().iter().map(|code| code.is_some_and(|c| c != "_U")).collect();
    // Where every basis of the batch is known, no row is looked at.
    if basis.null_count() > 0 || known.contains(&false) {
        let lawful = |row| basis.key(row).is_some_and(|key| known[key]);
        visible = &visible & &BooleanBuffer::collect_bool(batch.num_rows(), lawful);
    }
    if !withdrawn.is_empty() {
        let records = column(batch, "record_id")?.as_fixed_size_binary();
        let standing = |row| !withdrawn.contains(records.value(row));
        visible = &visible & &BooleanBuffer::collect_bool(batch.num_rows(), standing);
    }
    Ok(visible)
}

/// The visible rows.
pub(crate) fn keep(batch: RecordBatch, visible: BooleanBuffer) -> Result<RecordBatch> {
    if visible.count_set_bits() == batch.num_rows() {
        return Ok(batch);
    }
    Ok(filter_record_batch(&batch, &BooleanArray::new(visible, None))?)
}

/// Takes the day of every row that is not visible.
pub(crate) fn mark(batch: RecordBatch, visible: &BooleanBuffer) -> Result<RecordBatch> {
    if visible.count_set_bits() == batch.num_rows() {
        return Ok(batch);
    }
    let Ok(index) = batch.schema_ref().index_of("event_month") else {
        return Err(DataFusionError::Plan("a reading with marks lacks the month".to_owned()));
    };
    let mut days = batch.column(index).as_primitive::<Date32Type>().values().to_vec();
    for unseen in (!visible).set_indices() {
        days[unseen] = NO_DAY;
    }
    let (schema, mut columns, _) = batch.into_parts();
    columns[index] = Arc::new(Date32Array::from(days));
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The shown columns in their order, `quarter` and `year` computed.
pub(crate) fn show(batch: &RecordBatch, shown: &SchemaRef) -> Result<RecordBatch> {
    let mut columns: Vec<Arc<dyn Array>> = Vec::with_capacity(shown.fields().len());
    for field in shown.fields() {
        columns.push(match field.name().as_str() {
            "quarter" => period_texts(batch, |months| {
                format!("{}-Q{}", months.div_euclid(12), months.rem_euclid(12) / 3 + 1)
            })?,
            "year" => period_texts(batch, |months| months.div_euclid(12).to_string())?,
            name => column(batch, name)?.clone(),
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(shown.clone(), columns, &options)?)
}

fn period_texts(batch: &RecordBatch, text: impl Fn(i32) -> String) -> Result<Arc<dyn Array>> {
    let months = column(batch, "event_month")?.as_primitive::<Date32Type>();
    let mut last = None;
    let texts = months_of(months).map(|month| match &last {
        Some((known, text)) if *known == month => Arc::clone(text),
        _ => {
            let new: Arc<str> = text(month).into();
            last = Some((month, new.clone()));
            new
        }
    });
    Ok(Arc::new(StringArray::from_iter_values(texts)))
}

/// Months since year 0 of landed days.
pub(crate) fn months_of(days: &Date32Array) -> impl Iterator<Item = i32> {
    let mut last = (i32::MIN, 0);
    days.values().iter().map(move |day| {
        if last.0 != *day {
            last = (*day, month_of(*day));
        }
        last.1
    })
}

pub(crate) fn date_of(day: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(day)
}

/// Months since year 0 of a day counted from 1970-01-01.
pub(crate) fn month_of(day: i32) -> i32 {
    let date = date_of(day).unwrap_or_default();
    date.year() * 12 + i32::try_from(date.month0()).unwrap_or(0)
}
