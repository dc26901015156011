//! What identifies somebody is planted into every column of every container, and looked for in every byte that landing
//! writes or says: stored as it lies and decrypted, reports, checks, errors and their explanations.

use marsad_terms::Explain;

use super::samples::{holds, holds_nothing_of};
use super::written::{HEADERS, Table, delimited, every_container, services_table};
use super::{CATALOG, Room, windows_1252};
use crate::Error;

/// Name, phones, e-mail, document numbers, places, full date of birth, free text, an identifier.
const CANARIES: [&str; 12] = [
    "Aminata Diallo",
    "0661234567",
    "+212 661 23 45 67",
    "aminata.d@example.org",
    "EH123456",
    "751-00012345",
    "34.6814, -1.9086",
    "12 rue Lazaret, Oujda",
    "1999-04-12",
    "née le 12 avril 1999 à Conakry",
    "dort près de la gare",
    "P-00017",
];

/// Good records; the first carries the identifier's canary, then one canary a column.
fn planted() -> Table {
    let good = |number: usize| {
        let id = format!("A-{number}");
        [&id, "12/07/2025", "TTA", "F", "1999", "Mali", "REG", "Santé", "2", "", "oui", ""].map(str::to_owned)
    };
    let places = (0..HEADERS.len()).flat_map(|column| CANARIES.map(|canary| (column, canary)));
    services_table(places.enumerate().map(|(number, (column, canary))| {
        let mut row = good(number);
        canary.clone_into(&mut row[column]);
        row
    }))
}

#[tokio::test]
async fn nothing_that_identifies_lands_from_any_container() {
    for (name, bytes) in every_container(&planted()) {
        let room = Room::new();
        let bytes =
            if name.ends_with("csv") { windows_1252(std::str::from_utf8(&bytes).unwrap()) } else { bytes };
        assert!(name.ends_with("parquet") || name.ends_with("xlsx") || holds(&bytes, "0661234567"));
        let file = room.desk.file(name, bytes);
        let checked =
            room.landing().check(&CATALOG, ("partner_assistance", &file), None, &|_, _| {}).await.unwrap();
        let report = room.land_file("partner_assistance", &file).await.unwrap();
        assert_eq!(report.landed + report.duplicate + report.quarantined, 144, "{name}");
        // Phones, e-mail, coordinates and documents' numbers wherever a check of their own fails or the detectors read.
        assert!(report.reasons["R02"] >= 50, "{name}: {:?}", report.reasons);
        assert!(report.landed >= 12 && !checked.columns.is_empty(), "{name}");
        let told = format!("{report:?}\n{checked:?}\n{}", serde_json::to_string(&checked.columns).unwrap());
        holds_nothing_of(&room, &told, &CANARIES).await;
    }
}

#[tokio::test]
async fn a_file_without_its_header_and_headers_that_identify_are_told_by_place() {
    let table = planted();
    let mut headless = table.clone();
    headless.remove(0);
    let mut merged = table.clone();
    // The line end between header and first record is lost.
    let first = merged.remove(1);
    merged[0].last_mut().unwrap().push_str(&first[0]);
    merged[0].extend(first[1..].iter().map(|cell| format!("{cell} Aminata Diallo")));
    let mut named = table.clone();
    for row in &mut named {
        row.push(String::new());
    }
    let last = named[0].len() - 1;
    for (case, header) in [("phone", "0661234567"), ("mail", "aminata.d@example.org"), ("card", "EH123456")] {
        header.clone_into(&mut named[0][last]);
        refused(case, &named).await;
    }
    refused("headless", &headless).await;
    refused("merged", &merged).await;
}

/// Every container of the table is refused or lands nothing, and nobody is told of it.
async fn refused(case: &str, table: &Table) {
    let room = Room::new();
    let csv = windows_1252(&delimited(table, ';'));
    let unique = table[0].iter().collect::<std::collections::BTreeSet<_>>().len() == table[0].len();
    let others = if unique { every_container(table)[1..].to_vec() } else { Vec::new() };
    for (name, bytes) in std::iter::once(("extract.csv", csv)).chain(others) {
        let file = room.desk.file(name, bytes);
        let landing = room.landing();
        let checked = landing.check(&CATALOG, ("partner_assistance", &file), None, &|_, _| {}).await;
        let landed = landing.land(&CATALOG, "partner_assistance", &file, &|_, _| {}).await;
        let told = [checked, landed].map(|result| match result {
            Err(error @ Error::Refused { .. }) => format!("{error}\n{error:?}\n{:?}", error.explain()),
            other => panic!("{case} {name}: {other:?}"),
        });
        for canary in CANARIES {
            assert!(!holds(told.concat().as_bytes(), canary), "{case} {name}: {canary} in {told:?}");
        }
    }
    assert!(room.store.list("").await.unwrap().is_empty(), "{case}");
}
