//! Erasure: the person is out of every file, everybody else is as before, and no crash leaves it half done.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use marsad_catalog::{Catalog, Mapping};
use marsad_log::testing::{FailingStore, Failure};
use marsad_log::{Log, Store};
use marsad_terms::{Digest, Month};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::{CATALOG, Desk, Room, landed_rows, services};
use crate::pseudonym::Identifier;
use crate::{Entry, Error, Landing, Persons, Result, Rewritten};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

fn rows(n: std::ops::Range<u32>) -> Vec<u8> {
    let rows: Vec<String> = n.map(|i| format!("E-{i};12/07/2025;Oriental;HEALTH;1;oui")).collect();
    services(&rows.iter().map(String::as_str).collect::<Vec<_>>())
}

fn id_file(desk: &Desk, text: &str) -> PathBuf {
    let path = desk.file("ids", text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

pub(super) fn persons(desk: &Desk, text: &str) -> Persons {
    Persons::read(&id_file(desk, text), &CATALOG).unwrap()
}

/// The day of all erasures here; records lie before and after it.
pub(super) fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 9, 30).unwrap()
}

/// The pseudonym that an identifier lands under.
pub(super) fn pseudonym(desk: &Desk, identifier: &str) -> [u8; 16] {
    let identifier = Identifier(zeroize::Zeroizing::new(identifier.to_owned()));
    desk.keys().pseudonymiser(false).person(&identifier).0
}

pub(super) fn series() -> Digest {
    Digest::of(b"a series")
}

/// Persons E-1 and E-2 in a closed step.
pub(super) async fn close(landing: &Landing, desk: &Desk) {
    let record_type = &CATALOG.record_types[&TYPE.parse().unwrap()];
    let entries =
        [1, 2].map(|i| Entry { person: pseudonym(desk, &format!("partner:E-{i}")), step: 0, cells: vec![i] });
    let snapshot = landing.snapshot().await.unwrap();
    landing.close_steps(record_type, series(), (0..=0, entries.into()), &snapshot).await.unwrap();
}

async fn keys_of_rows(landing: &Landing) -> Vec<String> {
    landed_rows(landing, TYPE).await.into_iter().map(|row| row["person_key"].clone()).collect()
}

#[tokio::test]
async fn a_person_leaves_every_batch_and_register_and_nobody_else_moves() {
    let room = Room::new();
    room.land(MAPPING, rows(0..30)).await.unwrap();
    room.land(
        MAPPING,
        services(&["E-1;12/09/2025;Oriental;FOOD;1;oui", "E-40;12/09/2025;Oriental;FOOD;1;oui"]),
    )
    .await
    .unwrap();
    let landing = room.landing();
    close(&landing, &room.desk).await;
    let before = room.rows(TYPE).await;
    let objects = room.store.list("").await.unwrap();
    let ids = persons(&room.desk, "partner:E-1\n\npartner:E-999\n");
    let erased = landing.erase(&ids, today()).await.unwrap();
    let entries = vec![("landing", 3), ("restricted", 0)];
    assert_eq!(erased, Rewritten { files: 3, entries }, "two batches and a register");

    let gone = pseudonym(&room.desk, "partner:E-1");
    let left: Vec<_> = before.into_iter().filter(|row| row["person_key"] != hex::encode(gone)).collect();
    assert_eq!(room.rows(TYPE).await, left);
    assert_eq!(left.len(), 30);
    let register = landing.register(&CATALOG.record_types[&TYPE.parse().unwrap()], series()).await.unwrap();
    assert!(register.holds(&gone), "it never enters again");
    let counted: Vec<_> = register.entries().map(|(person, step, cells)| (*person, step, cells[0])).collect();
    assert_eq!(counted, [(pseudonym(&room.desk, "partner:E-2"), 0, 2)]);

    // What held the person is gone with its keys; what proves it names nobody.
    let now = room.store.list("").await.unwrap();
    let log = Log::open(room.store.clone(), "_log").read().await.unwrap();
    let proof = log.last().unwrap().body.value();
    let replaced: Vec<&str> =
        proof["replaces"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    assert_eq!(replaced.len(), 3);
    for path in replaced {
        assert!(objects.iter().any(|object| object == path) && !now.iter().any(|object| object == path));
        let key = crate::seal::key_path(path);
        assert!(objects.contains(&key) && !now.contains(&key), "{key}");
    }
    assert!(!proof.to_string().contains(&hex::encode(gone)) && !proof.to_string().contains("E-1"));
    assert_eq!(log.last().unwrap().kind, "erased");

    let again = landing.erase(&persons(&room.desk, "partner:E-1"), today()).await.unwrap();
    assert_eq!(again, Rewritten::default(), "whoever has no rows and is listed changes nothing");
    assert_eq!(room.store.list("").await.unwrap(), now);
    // The file that brought the person is known; a later record registers it anew, and the register keeps it from counting.
    assert!(room.land(MAPPING, rows(0..30)).await.unwrap().already);
    assert_eq!(
        room.land(MAPPING, services(&["E-1;12/10/2025;Oriental;FOOD;1;oui"])).await.unwrap().landed,
        1
    );
}

#[tokio::test]
async fn an_identifier_is_found_as_any_extract_writes_it() {
    for written in ["partner:e-21", "\u{feff}partner: E–٢١ ", "partner:\u{200f}E−21", "Partner：Ｅ-21"]
    {
        let room = Room::new();
        room.land(MAPPING, services(&["E–21;12/07/2025;Oriental;FOOD;1;oui"])).await.unwrap();
        let ids = persons(&room.desk, written);
        assert_eq!(room.landing().export(&ids).await.unwrap().0.len(), 1, "{written}");
        assert_eq!(room.landing().erase(&ids, today()).await.unwrap().files, 1, "{written}");
        assert!(keys_of_rows(&room.landing()).await.is_empty());
    }
}

#[test]
fn a_line_becomes_every_form_that_a_mapping_of_its_scheme_gives() {
    let mut catalog = Catalog::clone(&CATALOG);
    let pad = |mapping: &mut Mapping| mapping.identifier.as_mut().unwrap().pad = Some(5);
    catalog.mappings.get_mut(MAPPING).map(pad).unwrap();
    let desk = Desk::new();
    let persons = Persons::read(&id_file(&desk, "partner:38\npartner:E-1"), &catalog).unwrap();
    let wanted = ["partner:00038", "partner:38", "partner:E-1"].map(|form| pseudonym(&desk, form));
    assert_eq!(persons.pseudonyms(&desk.keys().pseudonymiser(false)), wanted.into());
    assert_eq!(persons.n(), 2);
}

/// A landing that was cut off leaves files with their keys, which no entry names.
#[tokio::test]
async fn what_is_said_to_be_gone_is_in_no_file_that_a_landing_left_either() {
    for act in 0..3 {
        let desk = Desk::new();
        let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = Store::with(Arc::clone(&memory));
        let landing = desk.landing(&store, &Store::memory());
        let first = desk.file("first.csv", rows(0..3));
        let batch = landing.land(&CATALOG, MAPPING, &first, &|_, _| {}).await.unwrap().batch.unwrap();
        let named = store.list("").await.unwrap();
        let file = desk.file("extract.csv", services(&["E-1;12/09/2025;Oriental;FOOD;1;oui"]));
        let (mut left, mut fail_at) = (Vec::new(), 0);
        let is_file = |path: &&String| path.ends_with(".parquet");
        while !left.iter().any(|path| is_file(&path)) {
            let failing = FailingStore::new(Arc::clone(&memory), fail_at, Failure::Before);
            let cut_off = desk.landing(&failing.store(), &Store::memory());
            cut_off.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap_err();
            let there = store.list("").await.unwrap();
            left = there.into_iter().filter(|path| !named.contains(path)).collect();
            fail_at += 1;
        }
        let file = left.iter().find(is_file).unwrap();
        assert!(landing.side(false).reading(file).await.is_ok(), "its key is there too");
        let types = BTreeMap::from([(TYPE.parse().unwrap(), Month { year: 2025, month: 1 })]);
        match act {
            0 => drop(landing.erase(&persons(&desk, "partner:E-1"), today()).await.unwrap()),
            1 => drop(landing.purge(&types, &|_, _| {}).await.unwrap()),
            _ => drop(landing.retract(&batch, "wrong").await.unwrap()),
        }
        let there = store.list("").await.unwrap();
        assert!(left.iter().all(|path| !there.contains(path)), "act {act}: {left:?}");
    }
}

#[tokio::test]
async fn a_file_of_nobody_else_goes_without_a_rest() {
    let room = Room::new();
    room.land(MAPPING, rows(7..8)).await.unwrap();
    room.land(MAPPING, rows(1..2)).await.unwrap();
    let erased = room.landing().erase(&persons(&room.desk, "partner:E-7"), today()).await.unwrap();
    assert_eq!(erased.files, 1);
    assert_eq!(keys_of_rows(&room.landing()).await, [hex::encode(pseudonym(&room.desk, "partner:E-1"))]);
    let snapshot = room.landing().snapshot().await.unwrap();
    assert_eq!(snapshot.batches().iter().map(|batch| batch.rows).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn a_crash_at_any_call_erases_wholly_or_not_at_all_and_the_next_try_finishes() {
    let desk = Desk::new();
    let file = desk.file("extract.csv", rows(0..6));
    let again = desk.file("again.csv", rows(0..7));
    let ids = persons(&desk, "partner:E-1");
    let gone = hex::encode(pseudonym(&desk, "partner:E-1"));
    for failure in [Failure::Before, Failure::After] {
        for fail_at in 0.. {
            let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let whole = desk.landing(&Store::with(Arc::clone(&memory)), &Store::memory());
            whole.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
            close(&whole, &desk).await;
            let failing = FailingStore::new(Arc::clone(&memory), fail_at, failure);
            let erased = desk.landing(&failing.store(), &Store::memory()).erase(&ids, today()).await;
            if erased.is_ok() {
                assert!(fail_at >= 10, "every call was cut off once");
                break;
            }
            let keys = keys_of_rows(&whole).await;
            assert!(
                [5, 6].contains(&keys.len()) && (keys.len() == 6) == keys.contains(&gone),
                "at {fail_at}"
            );
            let is_listed = whole.custody(whole.side(false)).await.unwrap().erased.is_some();
            assert_eq!(is_listed, keys.len() == 5, "{failure:?} at {fail_at}");
            whole.erase(&ids, today()).await.unwrap();
            assert_eq!(keys_of_rows(&whole).await.len(), 5);
            let all = whole.land(&CATALOG, MAPPING, &again, &|_, _| {}).await.unwrap();
            assert_eq!((all.landed, all.reasons["R15"]), (1, 1), "{failure:?} at {fail_at}");
            let store = Store::with(memory);
            let log = Log::open(store.clone(), "_log").read().await.unwrap();
            let proofs = log.iter().filter(|entry| entry.kind == "erased");
            for path in proofs.flat_map(|entry| entry.body.value()["replaces"].as_array().unwrap().clone()) {
                let path = path.as_str().unwrap();
                assert!(store.get(path).await.unwrap().is_none(), "{path} at {fail_at}");
                assert!(store.get(&crate::seal::key_path(path)).await.unwrap().is_none());
            }
        }
    }
}

#[tokio::test]
async fn an_erasure_and_a_landing_at_once_both_hold() {
    // A folder, since its calls wait and let the others go on.
    let folder = tempfile::tempdir().unwrap();
    let room = Room { store: Store::open("landing", folder.path()).unwrap(), ..Room::new() };
    room.land(MAPPING, rows(0..6)).await.unwrap();
    let (ids, file) = (persons(&room.desk, "partner:E-1"), room.desk.file("next.csv", rows(10..13)));
    let (erasing, landing) = (room.landing(), room.landing());
    let (erased, landed) =
        futures::join!(erasing.erase(&ids, today()), landing.land(&CATALOG, MAPPING, &file, &|_, _| {}));
    assert_eq!((erased.unwrap().files, landed.unwrap().landed), (1, 3));
    assert_eq!(keys_of_rows(&room.landing()).await.len(), 8);
}

#[test]
fn a_file_of_identifiers_is_private_and_its_faults_are_told_by_line() {
    let desk = Desk::new();
    let fault = |text: &str| Persons::read(&id_file(&desk, text), &CATALOG).err().unwrap();
    for text in [
        "partner:E-1\nsecret-17",
        "partner:E-1\nnobody:secret-17",
        "partner:E-1\npartner:",
        "partner:E-1\ncpp:secret-17",
        "partner:E-1\npartner:inconnu",
    ] {
        let error = fault(text);
        assert!(matches!(error, Error::Persons { line: 2, .. }));
        let told = format!("{:?} {error} {:?}", marsad_terms::Explain::explain(&error), error);
        assert!(!told.contains("secret-17"), "{told}");
    }
    let path = desk.file("open", "partner:E-1");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let read: Result<Persons> = Persons::read(&path, &CATALOG);
    assert!(matches!(read.err(), Some(Error::PersonsMode { mode: 0o644, .. })));
}
