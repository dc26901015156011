//! The same records in every container, and containers at their worst.

use std::path::Path;

use proptest::prelude::*;

use super::written::{Table, every_container, json_lines, parquet, services_table, zipped};
use super::{CATALOG, Desk, Room, options, sample, windows_1252};
use crate::{Error, check_without_keys};

fn table() -> Table {
    let record = |id: &str, date: &str, region: &str, service: &str| {
        [id, date, region, "F", "1999", "Mali", "REG", service, "2", "", "oui", ""].map(str::to_owned)
    };
    services_table([
        record("A-1", "12/07/2025", "TTA", "Santé"),
        record("A-2", "2025-08-01", "Souss-Massa", "hébergement"),
        // Arabic digits in it are the same identifier; Windows-1252 has none.
        record("É-03", "01/09/2025", "inconnu", "FOOD"),
    ])
}

#[tokio::test]
async fn the_same_records_land_alike_from_every_container() {
    let room = Room::new();
    let mut first = true;
    for (name, bytes) in every_container(&table()) {
        let is_text = name.ends_with("csv");
        let bytes = if is_text { windows_1252(std::str::from_utf8(&bytes).unwrap()) } else { bytes };
        let file = room.desk.file(name, bytes);
        let report = room.land_file("partner_assistance", &file).await.unwrap();
        let expected = if first { (3, 0, 0) } else { (0, 3, 0) };
        assert_eq!((report.landed, report.duplicate, report.quarantined), expected, "{name}: {report:?}");
        first = false;
    }
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
    let bytes = json_lines(&table()) + "\n[1]\n{\"dossier\":1,\"dossier\":2}\n";
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
            1 => ("a.parquet", parquet(&table())),
            _ => ("a.jsonl", json_lines(&table()).into_bytes()),
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // Whatever becomes of it, it is a report or an error.
        if let Err(error) = check(&desk.file(name, bytes)) {
            prop_assert!(!error.to_string().contains("751-00012345"));
        }
    }
}
