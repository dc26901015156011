//! Landing agrees with the truth: every record of the extracts becomes what the truth says, and what lands adds up to its tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type};
use marsad_catalog::Catalog;
use marsad_landing::keys::Keys;
use marsad_landing::{Landing, Options, Report};
use marsad_log::Store;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::calendar::{Day, QUARTERS};
use crate::truth::Table;
use crate::{Outcomes, Programme, Truth, rows};

struct Room {
    catalog: Catalog,
    landing: Landing,
    dir: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let catalog = Catalog::load(&root).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        Keys::generate(&keys).unwrap();
        let options = Options {
            bucket_bits: 2,
            custodian: "test".to_owned(),
            programme_start: chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap(),
        };
        let landing = Landing::open(Store::memory(), Store::memory(), Keys::load(&keys).unwrap(), options);
        Self { catalog, landing, dir }
    }

    async fn land(&self, mapping: &str, file: &Path) -> Report {
        self.landing.land(&self.catalog, mapping, file, &|_, _| {}).await.unwrap()
    }

    /// The landed rows of a record type that statistics see: by column, codes as text, the month as its quarter.
    async fn rows(&self, record_type: &str) -> Vec<BTreeMap<String, String>> {
        let snapshot = self.landing.snapshot().await.unwrap();
        let mut rows = Vec::new();
        for file in snapshot.files(&record_type.parse().unwrap()) {
            let bytes = file.store().get(&file.path).await.unwrap().unwrap();
            let reading = file.reading().await.unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, reading).unwrap();
            for batch in reader.build().unwrap() {
                let batch = batch.unwrap();
                rows.extend((0..batch.num_rows()).filter_map(|row| visible(&batch, row)));
            }
        }
        rows
    }
}

fn visible(batch: &RecordBatch, row: usize) -> Option<BTreeMap<String, String>> {
    if !batch.column_by_name("consent_reporting")?.as_boolean().value(row) {
        return None;
    }
    let mut cells = BTreeMap::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let text = match column.data_type() {
            DataType::Dictionary(..) => {
                let codes = arrow::compute::cast(column, &DataType::Utf8).unwrap();
                codes.as_string::<i32>().value(row).to_owned()
            }
            DataType::FixedSizeBinary(_) => format!("{:?}", column.as_fixed_size_binary().value(row)),
            DataType::Date32 => {
                // The programme begins 19 358 days after 1970.
                let day = Day::new(column.as_primitive::<Date32Type>().value(row) - 19_358);
                cells.insert("quarter".to_owned(), QUARTERS[day.quarter()].to_owned());
                day.year().to_string()
            }
            _ => continue,
        };
        cells.insert(field.name().clone(), text);
    }
    let year = cells.get("event_month").cloned();
    cells.extend(year.map(|year| ("year".to_owned(), year)));
    Some(cells)
}

fn outcomes_of(report: &Report) -> Outcomes {
    let mut outcomes = Outcomes { landed: report.landed, rows: report.rows, ..Outcomes::default() };
    outcomes.duplicate = report.duplicate;
    for (reason, n) in &report.reasons {
        outcomes.quarantined.insert(reason.clone().leak(), *n);
    }
    outcomes
}

/// Distinct persons by the dimensions of a table, from landed rows.
fn persons(rows: &[BTreeMap<String, String>], table: &Table) -> BTreeMap<Vec<String>, u64> {
    let mut seen = BTreeSet::new();
    for row in rows {
        let key: Vec<String> = table.dimensions.iter().map(|dimension| row[*dimension].clone()).collect();
        seen.insert((key, row["person_key"].clone()));
    }
    let mut cells = BTreeMap::new();
    for (key, _) in seen {
        *cells.entry(key).or_default() += 1;
    }
    cells
}

async fn check_tables(
    room: &Room,
    truth: &Truth,
    record_type: &str,
    statistic: &str,
    dimensions: &[&[&str]],
) {
    let rows = room.rows(record_type).await;
    for dimensions in dimensions {
        let table = truth.table(statistic, dimensions).unwrap();
        let expected: BTreeMap<Vec<String>, u64> =
            table.cells.iter().map(|(key, n)| (key.iter().map(ToString::to_string).collect(), *n)).collect();
        assert_eq!(persons(&rows, table), expected, "{statistic} {dimensions:?}");
    }
}

#[tokio::test]
async fn landing_finds_what_was_planted_and_nothing_else() {
    let room = Room::new();
    let programme = Programme::new(9, 0.1, &room.catalog).unwrap();
    let extracts = programme.write_extracts(&room.dir.path().join("extracts"), &|_, _| {}).unwrap();
    let truth = programme.truth();
    for extract in &extracts {
        let report = room.land(&extract.mapping, &extract.file).await;
        let name = extract.file.file_name().unwrap().to_str().unwrap();
        assert_eq!(outcomes_of(&report), truth.outcomes[name], "{name}");
    }
    let by_region: &[&[&str]] = &[
        &["quarter"],
        &["quarter", "region"],
        &["quarter", "region", "sex"],
        &["quarter", "sex", "age_group"],
    ];
    check_tables(&room, &truth, "assistance_service", "assisted_persons", by_region).await;
    let by_group: &[&[&str]] = &[&["year", "nationality_group"]];
    check_tables(&room, &truth, "assistance_service", "assisted_by_nationality", by_group).await;
    let by_need: &[&[&str]] = &[&["quarter", "region", "need_type"]];
    check_tables(&room, &truth, "needs_assessment", "needs_by_type", by_need).await;
    let by_vulnerability: &[&[&str]] = &[&["year", "sex", "vulnerability"]];
    check_tables(&room, &truth, "needs_assessment", "vulnerability_profile", by_vulnerability).await;
    let by_course: &[&[&str]] = &[&["year", "region"], &["year", "training_type"]];
    check_tables(&room, &truth, "training", "trained_persons", by_course).await;
    let by_action: &[&[&str]] = &[&["quarter", "youth_action_type"]];
    check_tables(&room, &truth, "youth_action", "youth_participants", by_action).await;
    let by_stage: &[&[&str]] =
        &[&["quarter", "return_stage"], &["year", "return_stage", "destination_group"]];
    check_tables(&room, &truth, "return_reintegration", "returns", by_stage).await;
    let by_child: &[&[&str]] = &[&["year", "child_action"], &["year", "age_child"]];
    check_tables(&room, &truth, "child_protection", "uasc_actions", by_child).await;
    let by_status: &[&[&str]] = &[&["year", "migration_status", "sex"]];
    check_tables(&room, &truth, "person_registration", "registered_status", by_status).await;
    check_tables(
        &room,
        &truth,
        "vot_identification",
        "vot_identified",
        &[&["year"], &["year", "exploitation_type"]],
    )
    .await;
}

#[tokio::test]
async fn all_rows_of_a_long_extract_land() {
    let room = Room::new();
    let written = rows::write(5_000, room.dir.path(), 9, &|_, _| {}).unwrap();
    let report = room.land("partner_assistance", &written.file).await;
    assert_eq!((report.landed, report.rows, report.quarantined, report.duplicate), (5_000, 5_000, 0, 0));
    let rows = room.rows("assistance_service").await;
    assert_eq!(rows.len() as u64, written.consented_records);
    let persons: BTreeSet<&String> = rows.iter().map(|row| &row["person_key"]).collect();
    assert_eq!(persons.len() as u64, written.consented_persons);
}
