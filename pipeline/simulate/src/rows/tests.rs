//! Rows: the file is what was promised, the truth adds up.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn sum(batch: &RecordBatch, statistic: &str, by: [bool; 3]) -> i64 {
    let column = |name: &str| batch.column_by_name(name).unwrap().clone();
    let values = column("value");
    let values = values.as_primitive::<Int64Type>();
    let matches = |row: usize| {
        column("statistic").as_string::<i32>().value(row) == statistic
            && ["quarter", "region", "service_type"]
                .iter()
                .zip(by)
                .all(|(name, by)| column(name).is_valid(row) == by)
    };
    (0..batch.num_rows()).filter(|row| matches(*row)).map(|row| values.value(row)).sum()
}

#[test]
fn rows_and_truth_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let written = write(20_000, dir.path(), 7, &|_, _| {}).unwrap();
    let bytes = fs::read(&written.file).unwrap();
    assert_eq!(written.bytes, bytes.len() as u64);
    let text = encoding_rs::WINDOWS_1252.decode(&bytes).0.into_owned();
    let lines: Vec<&str> = text.split_terminator("\r\n").skip(1).collect();
    assert_eq!(lines.len(), 20_000);
    assert!(lines.iter().all(|line| line.split(';').count() == 12));
    let persons: BTreeSet<&str> = lines.iter().map(|line| line.split(';').next().unwrap()).collect();
    assert_eq!(persons.len() as u64, written.persons);
    let yes: Vec<&&str> = lines.iter().filter(|line| line.ends_with("oui;")).collect();
    assert_eq!(yes.len() as u64, written.consented_records);
    let days: BTreeSet<(String, String)> = lines
        .iter()
        .map(|line| line.split(';').collect::<Vec<_>>())
        .map(|cells| (cells[0].to_owned(), cells[1].to_owned()))
        .collect();
    assert_eq!(days.len(), 20_000, "one person has one service a day");

    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&written.truth).unwrap()).unwrap();
    let batch = reader.with_batch_size(1 << 16).build().unwrap().next().unwrap().unwrap();
    let (records, persons) =
        (written.consented_records.cast_signed(), written.consented_persons.cast_signed());
    assert_eq!(sum(&batch, "records", [false; 3]), records);
    assert_eq!(sum(&batch, "services", [true; 3]), records);
    assert_eq!(sum(&batch, "persons", [false; 3]), persons);
    assert!(sum(&batch, "persons", [true, false, false]) > persons);
    assert!(sum(&batch, "persons", [true, true, false]) > sum(&batch, "persons", [true, false, false]));
    assert!(sum(&batch, "persons", [false, true, false]) > persons);
}

#[test]
fn the_seed_decides_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = |seed| fs::read(write(500, dir.path(), seed, &|_, _| {}).unwrap().file).unwrap();
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn no_rows_and_too_many_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for n in [0, 1_000_000_001] {
        assert!(matches!(write(n, dir.path(), 1, &|_, _| {}), Err(Error::Rows(_))));
    }
}
