//! The sample extracts against what is expected of every one of their records.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Field, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{CATALOG, LandedRow, Room, options, sample};
use crate::batch::Known;
use crate::erased::Erased;
use crate::judge::{Fate, judge};
use crate::landing::Reading;
use crate::pseudonym::{Identifier, Pseudonymiser};
use crate::read::read;
use crate::validate::{Dates, Plan};
use crate::{Reason, Rejected, check_without_keys};

pub(super) const CANARIES: [&str; 15] = [
    "661 23 45 67",
    "aminata.d@example",
    "34.6814",
    "EH123456",
    "m.diallo@example",
    "61 00 11 22",
    "A04512345",
    "AB1234567",
    "e.kouassi@example",
    "61 98 76 54",
    "P-00017",
    "751-00012345",
    "CPP-1001",
    "OUJ-0412",
    "ت-001",
];

/// A sample's file.
pub(super) fn extract(name: &str) -> PathBuf {
    let workbook = sample(&format!("{name}.xlsx"));
    if workbook.exists() { workbook } else { sample(&format!("{name}.csv")) }
}

type Line = BTreeMap<String, String>;

fn expected(name: &str) -> Vec<Line> {
    let mut reader = csv::Reader::from_path(sample(&format!("{name}.expected.csv"))).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// record, line, outcome, reason, column
type Outcome = (u64, u64, String, String, String);

fn expected_outcomes(lines: &[Line]) -> Vec<Outcome> {
    let outcome = |line: &Line| {
        let text = |column: &str| line[column].clone();
        (
            line["record"].parse().unwrap(),
            line["line"].parse().unwrap(),
            text("outcome"),
            text("reason"),
            text("column"),
        )
    };
    lines.iter().map(outcome).collect()
}

fn outcomes(room: &Room, name: &str, mapping: &str) -> Vec<Outcome> {
    let plan = Plan::new(&CATALOG, mapping).unwrap();
    let dates = Dates { first: options().programme_start, last: "2026-01-01".parse().unwrap() };
    let keys = room.desk.keys();
    let reading = Reading { keys: &keys, dates, every_refusal: true, bucket_bits: 2 };
    let findings = read(&plan, &extract(name), reading, &|_, _| {}).unwrap();
    let extracts = (0..findings.parts.len()).map(|part| findings.parts.extract(part).unwrap());
    let judged = extracts.flat_map(|extract| {
        let judged = judge(&extract, &Known::default(), &Erased::default());
        extract.records.into_iter().zip(judged.fates)
    });
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (record, fate) in judged {
        let (outcome, reason) = match fate {
            Fate::Landed => ("landed", ""),
            Fate::Duplicate => ("duplicate", ""),
            Fate::Withdraws | Fate::WithdrawsOther | Fate::Hides | Fate::Erased => {
                panic!("nothing landed before")
            }
            Fate::Contradicts => ("quarantined", Reason::Contradicts.code()),
            Fate::TooManyRows => ("quarantined", Reason::TooManyRows.code()),
        };
        outcomes.push((record.number, record.line, outcome.into(), reason.into(), String::new()));
    }
    for rejected in findings.rejected {
        let column = rejected.column.unwrap_or_default();
        outcomes.push((rejected.record, rejected.line, "quarantined".into(), rejected.reason, column));
    }
    outcomes.sort();
    outcomes
}

/// The rows that an expected line stands for, but for ids and what follows from other columns.
fn expected_rows(line: &Line, pseudonyms: &Pseudonymiser) -> Vec<LandedRow> {
    let identifier = Identifier(zeroize::Zeroizing::new(line["identifier"].clone()));
    let mut shared = LandedRow::from([
        ("person_key".to_owned(), hex::encode(pseudonyms.person(&identifier).0)),
        ("event_month".to_owned(), format!("{}-01", line["event_month"])),
        ("consent_reporting".to_owned(), line["consent"].clone()),
        ("legal_basis".to_owned(), "CONSENT".to_owned()),
    ]);
    for column in ["region", "sex", "age_group", "nationality_group", "beneficiary_category"] {
        shared.insert(column.to_owned(), line[column].clone());
    }
    for pair in line["measures"].split(' ') {
        let (name, value) = pair.split_once('=').unwrap();
        let hundredths = |value: &str| (value.parse::<f64>().unwrap() * 100.0).round().to_string();
        let decimal = matches!(name, "amount_mad" | "hours");
        shared.insert(name.to_owned(), if decimal { hundredths(value) } else { value.to_owned() });
    }
    let rows = line["codes"].split('|').map(|codes| {
        let own = codes.split(' ').map(|pair| pair.split_once('=').unwrap());
        let own = own.map(|(name, code)| (name.to_owned(), code.to_owned()));
        shared.clone().into_iter().chain(own).collect()
    });
    rows.collect()
}

/// Lands a sample and compares every outcome and every landed value.
async fn check(name: &str, mapping: &str) {
    let room = Room::new();
    let lines = expected(name);
    assert_eq!(outcomes(&room, name, mapping), expected_outcomes(&lines), "{name}");

    let report = room.land_file(mapping, &extract(name)).await.unwrap();
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count() as u64;
    assert_eq!(
        (report.landed, report.duplicate, report.quarantined),
        (count("landed"), count("duplicate"), count("quarantined")),
    );
    let pseudonyms = room.desk.keys().pseudonymiser(false);
    let landed = lines.iter().filter(|line| line["outcome"] == "landed");
    let mut rows: Vec<LandedRow> = landed.flat_map(|line| expected_rows(line, &pseudonyms)).collect();
    rows.sort();
    let mut found = room.rows(CATALOG.mappings[mapping].record_type.to_string().as_str()).await;
    for row in &mut found {
        row.retain(|column, _| !matches!(column.as_str(), "record_id" | "schema_version" | "snia_axis"));
    }
    found.sort();
    assert_eq!(found, rows, "{name}");
    assert_eq!(report.rows, rows.len() as u64);

    let again = room.land_file(mapping, &extract(name)).await.unwrap();
    assert!(again.already && again.batch == report.batch && again.landed == 0, "F05");
    quarantine_holds(&room, &report.rejected).await;
    holds_nothing_of(&room, &format!("{report:?}"), &CANARIES).await;
}

/// The quarantine holds what the report tells, and nothing else.
async fn quarantine_holds(room: &Room, rejected: &[Rejected]) {
    let names = room.store.list("_quarantine").await.unwrap();
    let batch = room.opened(&names[0]).await.next().unwrap().unwrap();
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let numbers = |name: &str| column(name).as_primitive::<UInt64Type>().values().to_vec();
    let texts =
        |name: &str| column(name).as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(batch.num_columns(), 4);
    assert_eq!(numbers("record"), rejected.iter().map(|record| record.record).collect::<Vec<_>>());
    assert_eq!(numbers("line"), rejected.iter().map(|record| record.line).collect::<Vec<_>>());
    assert_eq!(texts("column"), rejected.iter().map(|record| record.column.clone()).collect::<Vec<_>>());
    assert_eq!(
        texts("reason"),
        rejected.iter().map(|record| Some(record.reason.clone())).collect::<Vec<_>>()
    );
}

/// All names and values of a batch, one a line.
fn shown(batch: &RecordBatch) -> String {
    let options = FormatOptions::default();
    let column = |(field, array): (&Arc<Field>, &ArrayRef)| {
        let cells = ArrayFormatter::try_new(array, &options).unwrap();
        let rows = (0..array.len()).map(|row| cells.value(row).to_string());
        std::iter::once(field.name().clone()).chain(rows).collect::<Vec<_>>()
    };
    batch.schema_ref().fields().iter().zip(batch.columns()).flat_map(column).collect::<Vec<_>>().join("\n")
}

pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Looks through every byte of the store, as it lies and decrypted, and through what was told.
pub(super) async fn holds_nothing_of(room: &Room, told: &str, canaries: &[&str]) {
    let objects = room.store.object_store();
    let names: Vec<_> = objects.list(None).map_ok(|object| object.location).try_collect().await.unwrap();
    let mut places = vec![("report".to_owned(), told.as_bytes().to_vec())];
    for name in names {
        let bytes = objects.get(&name).await.unwrap().bytes().await.unwrap();
        places.push((name.to_string(), bytes.to_vec()));
        if name.as_ref().ends_with(".parquet") {
            let shown: String =
                room.opened(name.as_ref()).await.map(|batch| shown(&batch.unwrap())).collect();
            assert!(shown.lines().count() > 1, "{name}");
            places.push((format!("{name}, opened"), shown.into_bytes()));
        }
    }
    assert!(places.len() > 3);
    for (place, bytes) in places {
        for canary in canaries {
            assert!(!holds(&bytes, canary), "{canary} stands in {place}");
        }
    }
}

#[tokio::test]
async fn partner_assistance_lands_as_expected() {
    check("partner_assistance", "partner_assistance").await;
}

#[tokio::test]
async fn kobo_needs_assessment_lands_as_expected() {
    check("kobo_needs_assessment", "kobo_needs_assessment").await;
}

#[tokio::test]
async fn training_arabic_lands_as_expected() {
    check("training_arabic", "training_arabic").await;
}

#[tokio::test]
async fn dtm_flow_lands_as_expected() {
    check("dtm_flow", "dtm_flow").await;
}

#[tokio::test]
async fn progres_registration_lands_as_expected() {
    check("progres_registration", "progres_registration").await;
}

#[tokio::test]
async fn hostile_assistance_lands_as_expected() {
    check("hostile_assistance", "partner_assistance").await;
}

#[tokio::test]
async fn a_number_shared_by_two_persons_is_told() {
    let room = Room::new();
    let report = room.land_file("dtm_flow", &sample("dtm_flow.csv")).await.unwrap();
    assert_eq!(report.shared_identities, 1);
    // A day is shared by many.
    let report = room.land_file("progres_registration", &sample("progres_registration.xlsx")).await.unwrap();
    assert_eq!(report.shared_identities, 0);
}

#[tokio::test]
async fn a_derived_axis_follows_the_service() {
    let room = Room::new();
    room.land_file("partner_assistance", &sample("partner_assistance.csv")).await.unwrap();
    let rows = room.rows("assistance_service").await;
    let axis = |service: &str| {
        let row = rows.iter().find(|row| row["service_type"] == service).unwrap();
        row["snia_axis"].clone()
    };
    assert_eq!((axis("HEALTH"), axis("SHELTER"), axis("CASH")), ("3".into(), "4".into(), "5".into()));
}

#[test]
fn a_check_needs_no_keys_and_counts_alike() {
    let file = sample("partner_assistance.csv");
    let report =
        check_without_keys(&CATALOG, "partner_assistance", &file, options().programme_start, &|_, _| {})
            .unwrap();
    let lines = expected("partner_assistance");
    assert_eq!(report.landed + report.duplicate + report.quarantined, lines.len() as u64);
    assert_eq!(report.reasons.values().sum::<u64>(), report.quarantined);
    assert_eq!(report.batch, None);
}
