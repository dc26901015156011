//! The same records in every container, and containers at their worst.

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{CATALOG, Desk, Room, options, sample};
use crate::{Error, check_without_keys};

const HEADERS: [&str; 12] = [
    "dossier",
    "Date du service",
    "Region",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Type de service",
    "Quantité",
    "Montant (MAD)",
    "Consentement",
    "Observations",
];

fn records() -> Vec<Vec<&'static str>> {
    let record = |id, date, region, service| {
        vec![id, date, region, "F", "1999", "Mali", "REG", service, "2", "", "oui", ""]
    };
    vec![
        record("A-1", "12/07/2025", "TTA", "Santé"),
        record("A-2", "2025-08-01", "Souss-Massa", "hébergement"),
        record("É-٠٣", "01/09/2025", "inconnu", "FOOD"),
    ]
}

fn csv() -> Vec<u8> {
    let rows = std::iter::once(HEADERS.to_vec()).chain(records());
    let text: String = rows.map(|row| row.join(";") + "\n").collect();
    text.into_bytes()
}

fn json_lines() -> Vec<u8> {
    let line = |row: Vec<&str>| {
        let pairs = HEADERS.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let object: serde_json::Map<_, _> = pairs.map(|(key, cell)| ((*key).into(), cell.into())).collect();
        serde_json::Value::Object(object).to_string() + "\n"
    };
    let mut text: String = records().into_iter().map(line).collect();
    // Keys that no record fills.
    text.insert(0, '\n');
    text.replacen('{', "{\"Observations\":null,\"Montant (MAD)\":null,", 1).into_bytes()
}

fn parquet_file() -> Vec<u8> {
    let column = |index: usize| {
        let cells = records().into_iter().map(move |row| Some(row[index]).filter(|cell| !cell.is_empty()));
        Arc::new(cells.collect::<StringArray>()) as ArrayRef
    };
    let columns = HEADERS.iter().enumerate().map(|(index, header)| (*header, column(index), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// A workbook of one sheet with inline strings.
fn workbook() -> Vec<u8> {
    let cell = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let row = |row: Vec<&str>| format!("<row>{}</row>", row.into_iter().map(cell).collect::<String>());
    let rows: String = std::iter::once(HEADERS.to_vec()).chain(records()).map(row).collect();
    zipped(&format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"))
}

fn zipped(sheet: &str) -> Vec<u8> {
    const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let parts = [
        (
            "_rels/.rels",
            format!(
                "<Relationships><Relationship Id=\"r\" Type=\"{RELATION}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns:r=\"{RELATION}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships><Relationship Id=\"r\" Type=\"{RELATION}/worksheet\" Target=\"worksheets/s.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/s.xml", sheet.to_owned()),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn the_same_records_land_alike_from_every_container() {
    let room = Room::new();
    let first = room.desk.file("extract.csv", encoding_rs::WINDOWS_1252.encode(&workbook_free_csv()).0);
    let report = room.land_file("partner_assistance", &first).await.unwrap();
    assert_eq!((report.landed, report.quarantined), (3, 0), "{report:?}");
    for (name, bytes) in
        [("extract.jsonl", json_lines()), ("extract.parquet", parquet_file()), ("extract.xlsx", workbook())]
    {
        let file = room.desk.file(name, bytes);
        let report = room.land_file("partner_assistance", &file).await.unwrap();
        assert_eq!((report.landed, report.duplicate, report.quarantined), (0, 3, 0), "{name}: {report:?}");
    }
}

/// Windows-1252 has no Arabic digits: written in ASCII, they are the same identifier.
fn workbook_free_csv() -> String {
    String::from_utf8(csv()).unwrap().replace("٠٣", "03")
}

fn refusal(desk: &Desk, name: &str, bytes: &[u8]) -> Option<&'static str> {
    let file = desk.file(name, bytes);
    match check(&file) {
        Err(Error::Refused { refusals, .. }) => Some(refusals[0].code),
        _ => None,
    }
}

fn check(file: &Path) -> crate::Result<crate::Report> {
    check_without_keys(&CATALOG, "partner_assistance", file, options().programme_start, &|_, _| {})
}

#[test]
fn a_workbook_that_unpacks_too_far_is_refused() {
    let desk = Desk::new();
    let bomb = zipped(&" ".repeat(20 << 20));
    assert!(bomb.len() < 100_000);
    assert_eq!(refusal(&desk, "bomb.xlsx", &bomb), Some("F07"));
    assert_eq!(refusal(&desk, "old.xls", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), Some("F08"));
}

#[test]
fn a_line_that_is_no_object_is_a_record_kept_out() {
    let desk = Desk::new();
    let mut bytes = json_lines();
    bytes.extend_from_slice(b"[1]\n{\"dossier\":1,\"dossier\":2}\n");
    let report = check(&desk.file("extract.jsonl", bytes)).unwrap();
    assert_eq!((report.landed, report.reasons.get("R08")), (3, Some(&2)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_containers_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), kind in 0..3) {
        let desk = Desk::new();
        let (name, mut bytes) = match kind {
            0 => ("a.xlsx", std::fs::read(sample("progres_registration.xlsx")).unwrap()),
            1 => ("a.parquet", parquet_file()),
            _ => ("a.jsonl", json_lines()),
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // Whatever becomes of it, it is a report or an error.
        if let Err(error) = check(&desk.file(name, bytes)) {
            prop_assert!(!error.to_string().contains("751-00012345"));
        }
    }
}
