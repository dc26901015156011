//! Properties that hold for any extract (extracts 10): leaving one person out changes nobody else, order and halves do not
//! matter, all records are counted, no cell is told.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{LandedRow, Room, services};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

/// Records of few persons, few days, few values, some of them wrong: collisions of every kind are frequent.
fn records() -> impl Strategy<Value = Vec<(String, String)>> {
    let person = prop_oneof!["[1-4]".prop_map(|n| format!("N-{n}")), Just("inconnu".to_owned())];
    let date = prop_oneof![4 => "0[1-3]/0[67]/2025", 1 => Just("31/02/2025".to_owned())];
    let region = prop_oneof![4 => Just("Oriental"), 2 => Just("TTA"), 1 => Just("Agadir"), 1 => Just("06 61 00 11 22")];
    let service = prop_oneof![Just("HEALTH"), Just("santé"), Just("FOOD")];
    let units = prop_oneof![4 => "[12]", 1 => Just("deux".to_owned())];
    let consent = prop_oneof![4 => Just("oui"), 1 => Just("non")];
    let record = (person, date, region, service, units, consent).prop_map(
        |(person, date, region, service, units, consent)| {
            (person.clone(), format!("{person};{date};{region};{service};{units};{consent}"))
        },
    );
    proptest::collection::vec(record, 1..30)
}

fn latin(records: &[(String, String)]) -> Vec<u8> {
    let rows: Vec<&str> = records.iter().map(|(_, row)| row.as_str()).collect();
    services(&rows)
}

/// Landed rows after landing the parts one after another in one room; visible consent is the strictest of a record's rows.
fn landed(room: &Room, parts: &[&[(String, String)]]) -> Vec<LandedRow> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let fresh = Room {
            desk: super::Desk::new(),
            store: marsad_log::Store::memory(),
            restricted: marsad_log::Store::memory(),
        };
        let landing = super::Landing::open(
            fresh.store.clone(),
            fresh.restricted.clone(),
            room.desk.keys(),
            super::options(),
        );
        for (number, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
            let file = fresh.desk.file(&format!("{number}.csv"), latin(part));
            let report = landing.land(&super::CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
            assert!(
                report.already || report.landed + report.duplicate + report.quarantined == part.len() as u64
            );
        }
        strictest(super::landed_rows(&landing, TYPE).await)
    })
}

fn strictest(rows: Vec<LandedRow>) -> Vec<LandedRow> {
    let mut by_id: BTreeMap<String, LandedRow> = BTreeMap::new();
    for row in rows {
        let kept = by_id.entry(row["record_id"].clone()).or_insert_with(|| row.clone());
        if row["consent_reporting"] == "false" {
            *kept = row;
        }
    }
    by_id.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn leaving_one_person_out_changes_nobody_else(records in records()) {
        let room = Room::new();
        let all = landed(&room, &[&records]);
        let person = |row: &LandedRow| row["person_key"].clone();
        let mut others = all.clone();
        let without: Vec<_> = records.iter().filter(|(name, _)| name != "N-1").cloned().collect();
        let alone: Vec<_> = records.iter().filter(|(name, _)| name == "N-1").cloned().collect();
        let key = landed(&room, &[&alone]).first().map(person);
        others.retain(|row| Some(person(row)) != key);
        prop_assert_eq!(landed(&room, &[&without]), others);
    }

    #[test]
    fn order_and_halves_change_no_landed_row(records in records(), cut in 0_usize..30) {
        let room = Room::new();
        let all = landed(&room, &[&records]);
        let reversed: Vec<_> = records.iter().rev().cloned().collect();
        prop_assert_eq!(landed(&room, &[&reversed]), all.clone());
        let (left, right) = records.split_at(cut.min(records.len()));
        prop_assert_eq!(landed(&room, &[left, right]), all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is done to a file's bytes, each record has one outcome, or the whole file is refused.
    #[test]
    fn any_bytes_are_counted_or_refused(
        sample in 0_usize..4,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), prop_oneof![any::<u8>(), Just(b'"'), Just(b'\n'), Just(b';')]), 0..12),
        cut in any::<proptest::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let name = ["partner_assistance", "kobo_needs_assessment", "training_arabic", "dtm_flow"][sample];
        let mut bytes = std::fs::read(super::sample(&format!("{name}.csv"))).unwrap();
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        for (at, byte) in changes.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("extract.csv");
        std::fs::write(&file, &bytes).unwrap();
        let start = super::options().programme_start;
        match crate::check_without_keys(&super::CATALOG, name, &file, start, &|_, _| {}) {
            Ok(report) => {
                prop_assert!(report.landed + report.duplicate + report.quarantined > 0);
                prop_assert_eq!(report.rejected.len() as u64, report.quarantined);
                prop_assert_eq!(report.reasons.values().sum::<u64>(), report.quarantined);
                prop_assert!(report.rejected.is_sorted_by(|a, b| a.record < b.record));
            }
            Err(crate::Error::Refused { refusals, .. }) => prop_assert!(!refusals.is_empty()),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
