//! A person's access to what landed (law 09-08, article 7): all its rows, as the record types hold them, with where each came
//! from and when, and what outlives its rows: what registers of first-time series hold of it, and that it is on the list of
//! erased persons. Neither the pseudonym nor a record id leaves; the custody entry says that there was an access, not
//! whose.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, UInt16Type};
use chrono::NaiveDate;
use marsad_log::Appended;
use marsad_terms::RecordTypeId;
use serde::Serialize;

use crate::act::{Rewritten, others, store_name};
use crate::custody::{ActEntry, Batch, Custody, EXPORTED};
use crate::erased::Erased;
use crate::register::Held;
use crate::schema::DECIMAL;
use crate::vault::Vault;
use crate::{Landing, Persons, Result, register, rewrite};

/// What an entry of a register comes from.
const REGISTER: &str = "register of a first-time series";
/// What tells that a pseudonym is kept of an erased person.
const LIST: &str = "list of erased persons";

/// One row of a person, or its entry in a register or on the list of erased persons; no `Debug`.
#[derive(Serialize)]
pub struct PersonRow {
    /// What it records; none on the list of erased persons.
    pub record_type: Option<RecordTypeId>,
    /// When it landed, RFC 3339 UTC; empty of an entry in a register or on the list.
    pub landed: String,
    /// Where the extract came from.
    pub source: String,
    /// Values by column, as codes where the column has a code list; the event as its month. Absent values are left out. Of an
    /// entry in a register its `series`, `step` and `cells`, or `erased` where the pseudonym alone is left.
    /// On the list `erased_on`, a day: records up to it are kept out.
    pub values: BTreeMap<String, String>,
}

impl Landing {
    /// All rows of these persons, in the order of landing, then their entries in registers and on lists, and the custody
    /// entries that tell of the access: written before the rows are given out, also where there are none.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], `Damaged`, or a store failed.
    pub async fn export(&self, persons: &Persons) -> Result<(Vec<PersonRow>, Rewritten)> {
        let (mut rows, mut exported) = (Vec::new(), Rewritten::default());
        for is_restricted in [false, true] {
            let pseudonyms = persons.pseudonyms(&self.keys().pseudonymiser(is_restricted));
            let vault = self.side(is_restricted);
            let entry = ActEntry { custodian: self.custodian().to_owned(), ..ActEntry::default() };
            loop {
                let custody = self.custody(vault).await?;
                if custody.head.is_none() {
                    break;
                }
                let found = match rows_of(vault, &custody, &pseudonyms).await {
                    Err(error) if self.has_moved(&error, vault, &custody).await? => continue,
                    found => found?,
                };
                if let Appended::Written(entry) = custody.append(EXPORTED, &entry, self.keys()).await? {
                    rows.extend(found);
                    exported.add(Rewritten {
                        files: 0,
                        entries: vec![(store_name(is_restricted), entry.sequence)],
                    });
                    break;
                }
            }
        }
        Ok((rows, exported))
    }
}

async fn rows_of(vault: &Vault, custody: &Custody, persons: &HashSet<[u8; 16]>) -> Result<Vec<PersonRow>> {
    let mut rows = Vec::new();
    for batch in &custody.batches {
        for file in batch.files_of(persons) {
            for landed in rewrite::rows(vault, file).await? {
                let others = others(&landed, persons).ok_or_else(|| rewrite::unreadable(file))?;
                let own = filter_record_batch(&landed, &not(&others)?)?;
                rows.extend((0..own.num_rows()).map(|row| person_row(batch, &own, row)));
            }
        }
    }
    rows.extend(register::held(vault, custody, persons).await?.iter().map(register_row));
    rows.extend(Erased::read(vault, custody).await?.days_of(persons).map(list_row));
    Ok(rows)
}

fn register_row(held: &Held<'_>) -> PersonRow {
    let mut values = BTreeMap::from([("series".to_owned(), held.steps.series.hex())]);
    match &held.entry {
        Some((step, cells)) => {
            let cells: Vec<String> = cells.iter().map(u32::to_string).collect();
            values.extend([("step".to_owned(), step.to_string()), ("cells".to_owned(), cells.join(" "))]);
        }
        None => drop(values.insert("erased".to_owned(), true.to_string())),
    }
    let (record_type, source) = (Some(held.steps.record_type.clone()), REGISTER.to_owned());
    PersonRow { record_type, landed: String::new(), source, values }
}

fn list_row(day: NaiveDate) -> PersonRow {
    let values = BTreeMap::from([("erased_on".to_owned(), day.to_string())]);
    PersonRow { record_type: None, landed: String::new(), source: LIST.to_owned(), values }
}

fn person_row(batch: &Batch, rows: &RecordBatch, row: usize) -> PersonRow {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let is_told = |name: &str| !["person_key", "record_id", "schema_version"].contains(&name);
    let values = columns
        .filter(|(field, _)| is_told(field.name()))
        .filter_map(|(field, array)| Some((field.name().clone(), text(array, row)?)));
    PersonRow {
        record_type: Some(batch.record_type.clone()),
        landed: batch.time.clone(),
        source: batch.source.clone(),
        values: values.collect(),
    }
}

/// A value as text; `None` where it is absent.
fn text(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    if let Some(codes) = array.as_dictionary_opt::<UInt16Type>() {
        let key = usize::from(codes.keys().value(row));
        return Some(codes.values().as_string_opt::<i32>()?.value(key).to_owned());
    }
    if let Some(values) = array.as_boolean_opt() {
        return Some(values.value(row).to_string());
    }
    if let Some(days) = array.as_primitive_opt::<Date32Type>() {
        return Some(Date32Type::to_naive_date_opt(days.value(row))?.format("%Y-%m").to_string());
    }
    if let Some(values) = array.as_primitive_opt::<Decimal128Type>() {
        let (value, scale) = (values.value(row), 10_i128.pow(u32::from(DECIMAL.1.unsigned_abs())));
        return Some(format!("{}.{:02}", value / scale, (value % scale).abs()));
    }
    Some(array.as_primitive_opt::<Int64Type>()?.value(row).to_string())
}
