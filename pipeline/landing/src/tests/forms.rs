//! The forms of the custody log: entries that this version writes look like those kept in `testdata/custody.jsonl`, and those
//! are read for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use bytes::Bytes;
use marsad_log::{Entry, Log};
use marsad_terms::Month;
use serde_json::Value;

use super::person::{close, persons, today};
use super::{CATALOG, Room, services};
use crate::custody::State;
use crate::keys::{Keys, NAMES, PSEUDONYMS};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

const NOW: &str = include_str!("../../testdata/custody.jsonl");
/// As written before erasures named a list, and files said whether they withdraw.
const WITHOUT_LISTS: &str = include_str!("../../testdata/custody_without_lists.jsonl");
/// As written before batches named their key space.
const WITHOUT_KEY_SPACES: &str = include_str!("../../testdata/custody_without_key_spaces.jsonl");

fn kept(lines: &str) -> Vec<Entry> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One landing in which everything happens.
async fn all_acts() -> Vec<Entry> {
    let room = Room::new();
    // Always the same keys, so that persons share their buckets with the same others.
    for (at, name) in (1..).zip(NAMES) {
        fs::write(room.desk.0.path().join(format!("keys/{name}.key")), hex::encode([at; 32])).unwrap();
    }
    let landing = room.landing();
    let land = |rows: &[&str]| room.land(MAPPING, services(rows));
    let one = land(&[
        "E-1;12/01/2024;Oriental;FOOD;1;oui",
        "E-2;12/07/2025;Oriental;FOOD;1;oui",
        ";12/07/2025;Oriental;FOOD;1;oui",
    ]);
    let one = one.await.unwrap().batch.unwrap();
    close(&landing, &room.desk).await;
    let corrected = room.desk.file(
        "next.csv",
        services(&["E-1;12/01/2024;Oriental;HEALTH;1;oui", "E-2;12/07/2025;Oriental;FOOD;1;oui"]),
    );
    landing.land_in_place(&CATALOG, (MAPPING, &corrected), Some(&one), &|_, _| {}).await.unwrap();
    land(&["E-3;12/07/2025;Oriental;FOOD;1;oui"]).await.unwrap();
    let record_type = &CATALOG.record_types[&TYPE.parse().unwrap()];
    landing.compact(record_type, &[], &|_, _| {}).await.unwrap();
    landing
        .purge(&BTreeMap::from([(record_type.id.clone(), Month { year: 2025, month: 1 })]), &|_, _| {})
        .await
        .unwrap();
    landing.erase(&persons(&room.desk, "partner:E-2"), today()).await.unwrap();
    landing.export(&persons(&room.desk, "partner:E-3")).await.unwrap();
    let gone = land(&["E-4;12/07/2025;Oriental;FOOD;1;oui"]).await.unwrap().batch.unwrap();
    landing.retract(&gone, "sent for another partner").await.unwrap();
    room.store
        .put(&format!("{TYPE}/{}/1.parquet", "ab".repeat(16)), &Bytes::from_static(b"x"))
        .await
        .unwrap();
    landing.sweep().await.unwrap();
    Keys::draw_next(&room.desk.0.path().join("keys"), PSEUDONYMS[0]).unwrap();
    room.landing().rekey(false, &|_, _| {}).await.unwrap();
    Log::open(room.store.clone(), "_log").read().await.unwrap()
}

/// Paths of all fields of a body; of a list those of its first element. Names of record types are values.
fn fields(value: &Value, at: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields_of) => {
            for (name, value) in fields_of {
                let name = if name == TYPE { "*" } else { name };
                fields(value, &format!("{at}.{name}"), all);
            }
        }
        Value::Array(values) => match values.first() {
            Some(first) => fields(first, &format!("{at}[]"), all),
            None => drop(all.insert(format!("{at}[]"))),
        },
        _ => drop(all.insert(at.to_owned())),
    }
}

fn forms(entries: &[Entry]) -> Vec<(String, BTreeSet<String>)> {
    let form = |entry: &Entry| {
        let mut all = BTreeSet::new();
        fields(&entry.body.value(), "", &mut all);
        (entry.kind.clone(), all)
    };
    entries.iter().map(form).collect()
}

#[tokio::test]
async fn entries_are_written_as_they_were_and_every_kind_among_them() {
    let written = all_acts().await;
    if std::env::var_os("MARSAD_BLESS").is_some() {
        let lines: Vec<String> = written.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/custody.jsonl"), lines.join("\n") + "\n")
            .unwrap();
    }
    assert_eq!(forms(&written), forms(&kept(NOW)));
    let kinds: BTreeSet<String> = kept(NOW).into_iter().map(|entry| entry.kind).collect();
    let all =
        ["batch", "erased", "exported", "purged", "replaced", "retracted", "rotated", "series_step", "swept"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn kept_entries_are_read_and_hold_together() {
    for (lines, n_lists) in [(NOW, 1), (WITHOUT_LISTS, 0), (WITHOUT_KEY_SPACES, 0)] {
        holds_together(lines, n_lists);
    }
}

fn holds_together(lines: &str, n_lists: usize) {
    let mut state = State::default();
    let mut previous = None;
    for entry in kept(lines) {
        assert_eq!(entry.previous, previous);
        previous = Some(entry.hash);
        state.take(&entry).unwrap();
    }
    assert_eq!(
        state
            .batches
            .iter()
            .map(|batch| batch.files.iter().map(|file| file.rows).sum())
            .collect::<Vec<u64>>(),
        [0, 0, 0, 1, 0]
    );
    assert_eq!(state.n_closed(&super::person::series()), 1);
    assert_eq!(state.erased.iter().count(), n_lists);
    assert_eq!(state.live().count(), 2 + n_lists);
}

/// Nobody may take the list away, nor put another in its place beside it.
#[test]
fn a_list_that_goes_without_a_new_one_or_stays_beside_it_is_no_entry() {
    let kept = kept(NOW);
    let rotated = kept.iter().position(|entry| entry.kind == "rotated").unwrap();
    let list = kept.iter().find(|entry| entry.kind == "erased").unwrap().body.value()["list"]["path"].clone();
    let after = |change: fn(&mut Value, &Value)| {
        let mut state = State::default();
        kept[..rotated].iter().try_for_each(|entry| state.take(entry)).unwrap();
        let mut entry = serde_json::to_value(&kept[rotated]).unwrap();
        change(&mut entry["body"], &list);
        state.take(&serde_json::from_str(&entry.to_string()).unwrap())
    };
    after(|_, _| {}).unwrap();
    let without = |body: &mut Value, _: &Value| drop(body.as_object_mut().unwrap().remove("list"));
    after(without).unwrap_err();
    after(|body, list| body["replaces"].as_array_mut().unwrap().retain(|path| path != list)).unwrap_err();
}
