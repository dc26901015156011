//! Do SDMX-CSV and Parquet say the same as the plain table?

use std::fs::File;
use std::path::Path;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use marsad_terms::NanoRho;

use super::Found;
use super::table::{Record, Table};
use crate::csv::MEASURES;
use crate::release_json::{ReleaseJson, StatisticJson};
use crate::sdmx::csv::COMPONENTS;

/// `sdmx/DF_….csv` of a dataflow.
pub(super) fn sdmx_path(statistic: &StatisticJson) -> String {
    format!("sdmx/{}.csv", marsad_terms::flow_id(&statistic.id))
}

/// Compares the SDMX file row by row; also gives the nano-ρ that it names.
pub(super) fn sdmx(
    dir: &Path,
    statement: &ReleaseJson,
    statistic: &StatisticJson,
    table: &Table,
) -> Result<(String, u64), String> {
    let mut reader = ::csv::Reader::from_path(dir.join(sdmx_path(statistic)))
        .map_err(|e| format!("cannot be read: {e}"))?;
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    if !header.iter().eq(columns(table)) {
        return Err("its columns are not those of the structure".into());
    }
    let records: Result<Vec<::csv::StringRecord>, _> = reader.into_records().collect();
    let records = records.map_err(|error| error.to_string())?;
    if records.len() != table.rows.len() {
        return Err(format!("has {} rows, the plain table {}", records.len(), table.rows.len()));
    }
    let rho = records.first().and_then(|record| record.get(header.len() - 1)).unwrap_or_default().to_owned();
    for (record, row) in records.iter().zip(&table.rows) {
        let unit = &record[header.len() - 5];
        let measured = !row.texts[4].is_empty();
        let unit_fits =
            if measured { unit.parse::<f64>().is_ok_and(|unit| unit > 0.0) } else { unit.is_empty() };
        if !unit_fits || !record.iter().eq(expected(statement, statistic, table, row, (unit, &rho))) {
            return Err(format!("{}: says something else than the plain table", row.key(table)));
        }
    }
    Ok((format!("{} rows, same as the plain table", records.len()), nano(&rho)?))
}

fn columns(table: &Table) -> Vec<&str> {
    let key = ["STRUCTURE", "STRUCTURE_ID", "ACTION", "FREQ"];
    let dimensions = table.dimensions.iter().map(|axis| axis.id.as_str());
    key.into_iter().chain(dimensions).chain(["TIME_PERIOD"]).chain(COMPONENTS).collect()
}

fn expected(
    statement: &ReleaseJson,
    statistic: &StatisticJson,
    table: &Table,
    row: &Record,
    (unit, rho): (&str, &str),
) -> Vec<String> {
    let mut record = vec!["dataflow".to_owned(), statistic.dataflow.clone(), "I".into()];
    record.push(row.period.grain().freq().into());
    record.extend(
        row.codes.iter().zip(&table.dimensions).map(|(code, axis)| axis.list.codes[*code].id.clone()),
    );
    let [estimate, lower, upper, margin, raw, value] = row.texts.clone();
    let value = if value.is_empty() { "NaN".to_owned() } else { value };
    record.extend([row.period.to_string(), value, row.status.clone(), estimate, lower, upper, margin, raw]);
    record.extend([unit, "95", &statistic.unit, &statement.release, rho].map(str::to_owned));
    record
}

fn nano(rho: &str) -> Result<u64, String> {
    if rho == NanoRho::ZERO.to_string() {
        return Ok(0);
    }
    let nano: NanoRho = rho.parse().map_err(|_| format!("PRIVACY_RHO `{rho}` is no cost"))?;
    if nano.to_string() == rho {
        Ok(nano.get())
    } else {
        Err(format!("PRIVACY_RHO `{rho}` has not nine decimals"))
    }
}

/// Compares the Parquet file column by column. The reader panics at some damaged files: that is a fault like any other.
pub(super) fn parquet(
    path: &Path,
    statement: &ReleaseJson,
    statistic: &StatisticJson,
    table: &Table,
) -> Found {
    let read = std::panic::catch_unwind(|| read_parquet(path, statement, statistic, table));
    read.unwrap_or_else(|_| Err("is damaged".into()))
}

fn read_parquet(path: &Path, statement: &ReleaseJson, statistic: &StatisticJson, table: &Table) -> Found {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let metadata = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let says =
        |key: &str, value: &str| metadata.iter().any(|m| m.key == key && m.value.as_deref() == Some(value));
    if !says("marsad.release", &statement.release) || !says("marsad.statistic", &statistic.id) {
        return Err("its metadata names another release or statistic".into());
    }
    let batches: Result<Vec<RecordBatch>, _> = reader.build().map_err(|error| error.to_string())?.collect();
    let batches = batches.map_err(|error| error.to_string())?;
    let found: Result<Vec<Vec<Vec<String>>>, String> = batches.iter().map(texts).collect();
    let found: Vec<Vec<String>> = found?.concat();
    let names =
        batches.first().map(|batch| batch.schema().fields().iter().map(|f| f.name().clone()).collect());
    let names: Vec<String> = names.unwrap_or_default();
    let dimensions = table.dimensions.iter().map(|axis| axis.id.as_str());
    if !names.iter().eq(["TIME_PERIOD"].into_iter().chain(dimensions).chain(MEASURES)) {
        return Err("its columns are not those of the plain table".into());
    }
    if found.len() != table.rows.len() {
        return Err(format!("has {} rows, the plain table {}", found.len(), table.rows.len()));
    }
    for (found, row) in found.iter().zip(&table.rows) {
        if *found != plain(table, row) {
            return Err(format!("{}: says something else than the plain table", row.key(table)));
        }
    }
    Ok(format!("{} rows, same as the plain table", found.len()))
}

/// A row of the plain table in a form that both can be brought to.
fn plain(table: &Table, row: &Record) -> Vec<String> {
    let codes = row.codes.iter().zip(&table.dimensions).map(|(code, axis)| axis.list.codes[*code].id.clone());
    let number =
        |text: &String| text.parse::<f64>().map_or_else(|_| String::new(), |number| number.to_string());
    let mut plain: Vec<String> = std::iter::once(row.period.to_string()).chain(codes).collect();
    plain.extend(row.texts[..4].iter().map(number));
    plain.extend(row.texts[4..].iter().cloned());
    plain.push(row.status.clone());
    plain
}

fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>, String> {
    let columns: Result<Vec<Vec<String>>, String> =
        batch.columns().iter().map(|column| column_texts(column)).collect();
    let columns = columns?;
    Ok((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect())
}

fn column_texts(column: &dyn Array) -> Result<Vec<String>, String> {
    let or_empty = |text: Option<String>| text.unwrap_or_default();
    match column.data_type() {
        DataType::Utf8 => {
            Ok(column.as_string::<i32>().iter().map(|t| or_empty(t.map(str::to_owned))).collect())
        }
        DataType::Float64 => Ok(column
            .as_primitive::<Float64Type>()
            .iter()
            .map(|n| or_empty(n.map(|n| n.to_string())))
            .collect()),
        DataType::Int64 => Ok(column
            .as_primitive::<Int64Type>()
            .iter()
            .map(|n| or_empty(n.map(|n| n.to_string())))
            .collect()),
        other => Err(format!("has a column of type {other}")),
    }
}
