//! What a person may ask for besides erasure, and the rotation of the key that its rows lie under.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use marsad_log::testing::{FailingStore, Failure};
use marsad_log::{Log, Store};
use marsad_terms::{Month, RecordTypeId};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::person::{close, persons, series, today};
use super::{CATALOG, Desk, Room, landed_rows, services};
use crate::keys::{Keys, WRAPPING};
use crate::{ActError, Error, Landing, RequestKind, RequestState};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

fn extract() -> Vec<u8> {
    services(&[
        "E-1;12/07/2025;Oriental;HEALTH;1;oui",
        "E-1;12/09/2025;Oriental;FOOD;2;non",
        "E-2;12/07/2025;Oriental;FOOD;1;oui",
    ])
}

async fn last(store: &Store) -> marsad_log::Entry {
    Log::open(store.clone(), "_log").read().await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_person_gets_its_rows_and_nobody_elses_without_a_pseudonym() {
    let room = Room::new();
    let ids = persons(&room.desk, "partner:E-1");
    let nothing = room.landing().export(&ids).await.unwrap();
    assert_eq!((nothing.0.len(), nothing.1.entries), (0, vec![]), "an empty log stays empty");
    room.land(MAPPING, extract()).await.unwrap();
    let (rows, exported) = room.landing().export(&ids).await.unwrap();
    assert_eq!(exported.entries, [("landing", 1)]);
    assert_eq!(rows.len(), 2, "consent or not: they are the person's");
    let services: BTreeSet<&str> = rows.iter().map(|row| row.values["service_type"].as_str()).collect();
    assert_eq!(services, BTreeSet::from(["FOOD", "HEALTH"]));
    let months: BTreeSet<&str> = rows.iter().map(|row| row.values["event_month"].as_str()).collect();
    assert_eq!(months, BTreeSet::from(["2025-07", "2025-09"]));
    let told = serde_json::to_string(&rows).unwrap();
    for landed in room.rows(TYPE).await {
        assert!(!told.contains(&landed["person_key"]) && !told.contains(&landed["record_id"]));
    }
    // The entry is the same for whoever asks, known or not, but for the custodian.
    let known = last(&room.store).await;
    let (none, _) = room.landing().export(&persons(&room.desk, "partner:NOBODY")).await.unwrap();
    assert!(none.is_empty());
    let unknown = last(&room.store).await;
    assert_eq!((known.kind.as_str(), &known.body), (unknown.kind.as_str(), &unknown.body));
    assert_eq!(known.body.value(), serde_json::json!({"custodian": "tester"}));
}

/// The entry outlives the rows, and its pseudonym the entry.
#[tokio::test]
async fn what_a_register_holds_of_a_person_is_told_whatever_became_of_its_rows() {
    let room = Room::new();
    let landing = room.landing();
    room.land(MAPPING, extract()).await.unwrap();
    close(&landing, &room.desk).await;
    let kept_from = [(TYPE.parse().unwrap(), Month { year: 2026, month: 1 })].into();
    landing.purge(&kept_from, &|_, _| {}).await.unwrap();
    let told = async |id| {
        let (rows, _) = room.landing().export(&persons(&room.desk, id)).await.unwrap();
        let record_type = |of: Option<RecordTypeId>| of.map_or(String::new(), |id| id.to_string());
        rows.into_iter().map(|row| (record_type(row.record_type), row.values)).collect::<Vec<_>>()
    };
    let held = |values: &[(&str, &str)]| {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        vec![(TYPE.to_owned(), values.chain([("series".to_owned(), series().hex())]).collect())]
    };
    assert_eq!(told("partner:E-2").await, held(&[("step", "0"), ("cells", "2")]));
    assert_eq!(told("partner:E-3").await, []);
    landing.erase(&persons(&room.desk, "partner:E-2"), today()).await.unwrap();
    // A pseudonym stays on the list of each store, and the day.
    let listed = (String::new(), [("erased_on".to_owned(), "2025-09-30".to_owned())].into());
    assert_eq!(
        told("partner:E-2").await,
        [held(&[("erased", "true")]), vec![listed.clone(), listed]].concat()
    );
    assert_eq!(told("partner:E-3").await, []);
}

#[tokio::test]
async fn an_export_whose_entry_cannot_be_written_gives_nothing_out() {
    let desk = Desk::new();
    let file = desk.file("extract.csv", extract());
    let ids = persons(&desk, "partner:E-1");
    for fail_at in 0.. {
        let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = Store::with(Arc::clone(&memory));
        let whole = desk.landing(&store, &Store::memory());
        whole.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
        let failing = FailingStore::new(memory, fail_at, Failure::Before);
        let exported = desk.landing(&failing.store(), &Store::memory()).export(&ids).await;
        if exported.is_ok() {
            assert_eq!(last(&store).await.kind, "exported");
            assert!(fail_at >= 5);
            break;
        }
        assert_eq!(last(&store).await.kind, "batch", "at {fail_at}");
    }
}

#[tokio::test]
async fn requests_are_numbered_answered_and_never_lost_to_each_other() {
    let room = Room::new();
    let landing = room.landing();
    assert!(landing.requests().await.unwrap().is_empty());
    let day = |text: &str| text.parse().unwrap();
    let types: BTreeSet<RecordTypeId> = [TYPE.parse().unwrap()].into();
    let ask = |kind, received| landing.request(kind, day(received), types.clone());
    let (one, two) =
        futures::join!(ask(RequestKind::Erasure, "2025-09-01"), ask(RequestKind::Access, "2025-09-02"));
    let mut numbers = [one.unwrap().request, two.unwrap().request];
    numbers.sort();
    assert_eq!(numbers, ["R-2025-0001", "R-2025-0002"]);
    assert_eq!(ask(RequestKind::Objection, "2026-01-01").await.unwrap().request, "R-2026-0001");
    let proof = Some("landing 7".to_owned());
    let done = landing.answer("R-2025-0001", day("2025-09-05"), proof.clone()).await.unwrap();
    assert_eq!((done.state, done.proof, done.done), (RequestState::Done, proof, Some(day("2025-09-05"))));
    for number in ["R-2025-0001", "R-2025-0009", "../_log/00000000000000000000"] {
        let answered = landing.answer(number, day("2025-09-06"), None).await;
        assert!(matches!(answered, Err(Error::Act(ActError::NoRequest { .. }))), "{number}");
    }
    let open = landing.requests().await.unwrap();
    assert_eq!(open.iter().filter(|request| request.state == RequestState::Open).count(), 2);

    // By hand, as the officers may: what is none is told by its place.
    room.store.put("requests/R-2025-0003.json", &Bytes::from_static(b"{}")).await.unwrap();
    let faulty = landing.requests().await.unwrap_err();
    assert!(matches!(&faulty, Error::Act(ActError::Request { path, .. }) if path.contains("0003")));
    // A landing goes on beside them, and a sweep leaves them.
    room.land(MAPPING, extract()).await.unwrap();
    landing.sweep().await.unwrap();
    assert_eq!(room.store.list("requests").await.unwrap().len(), 4);
}

fn landing_of(desk: &Desk, store: &Store, restricted: &Store) -> Landing {
    desk.landing(store, restricted)
}

#[tokio::test]
async fn a_rotated_key_opens_everything_and_the_old_one_nothing() {
    let room = Room::new();
    let folder = room.desk.0.path().join("keys");
    room.land(MAPPING, extract()).await.unwrap();
    let header = "dossier;N° fiche;Date de l'identification;Region;Sexe;Année de naissance;Nationalité;\
                  Type d'exploitation;Consentement;Observations\n";
    let row = "A-1;7;12/07/2025;Oriental;F;1999;Mali;Travail;oui;\n";
    room.land("partner_trafficking", format!("{header}{row}")).await.unwrap();
    let (before, old) = (room.rows(TYPE).await, room.landing());
    let data = |store: Store| async move {
        let paths = store.list("").await.unwrap();
        let mut bytes = Vec::new();
        for path in paths.into_iter().filter(|path| path.starts_with(TYPE)) {
            bytes.push(store.get(&path).await.unwrap());
        }
        bytes
    };
    let files = data(room.store.clone()).await;

    Keys::draw_next(&folder, WRAPPING[0]).unwrap();
    Keys::draw_next(&folder, WRAPPING[0]).unwrap();
    let rotated = room.landing().rotate(false, &|_, _| {}).await.unwrap();
    assert_eq!(rotated.entries, [("landing", 1), ("restricted", 1)]);
    assert_eq!(room.rows(TYPE).await, before, "before the new key is settled");
    Keys::settle_next(&folder, WRAPPING[0]).unwrap();
    assert_eq!(room.rows(TYPE).await, before);
    assert_eq!(room.rows("vot_identification").await.len(), 1);
    assert_eq!(data(room.store.clone()).await, files, "no row was read, no file written");
    assert!(matches!(old.snapshot().await, Err(Error::OtherKey { .. })));
    assert!(room.land(MAPPING, extract()).await.unwrap().already);
    let next = services(&["E-9;12/07/2025;Oriental;FOOD;1;oui"]);
    assert_eq!(room.land(MAPPING, next).await.unwrap().landed, 1);
    assert_eq!(room.rows(TYPE).await.len(), 4);

    // The restricted store's own key, and again.
    Keys::draw_next(&folder, WRAPPING[1]).unwrap();
    room.landing().rotate(true, &|_, _| {}).await.unwrap();
    Keys::settle_next(&folder, WRAPPING[1]).unwrap();
    assert_eq!(room.rows("vot_identification").await.len(), 1);
    assert_eq!(room.rows(TYPE).await.len(), 4);
}

#[tokio::test]
async fn a_crash_at_any_call_of_a_rotation_leaves_all_readable_and_the_next_try_ends_it() {
    // The same keys each time, so that persons stand in the same buckets and the calls are the same.
    let desk = Desk::new();
    let folder = desk.0.path().join("keys");
    let first = std::fs::read(folder.join("landing.key")).unwrap();
    let file = desk.file("extract.csv", extract());
    for failure in [Failure::Before, Failure::After] {
        for fail_at in 0.. {
            std::fs::write(folder.join("landing.key"), &first).unwrap();
            std::fs::remove_file(folder.join("landing.next.key")).ok();
            let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let (store, restricted) = (Store::with(Arc::clone(&memory)), Store::memory());
            let whole = landing_of(&desk, &store, &restricted);
            whole.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
            Keys::draw_next(&folder, WRAPPING[0]).unwrap();
            let failing = FailingStore::new(memory, fail_at, failure);
            let rotating = landing_of(&desk, &failing.store(), &restricted);
            if rotating.rotate(false, &|_, _| {}).await.is_ok() {
                assert!(fail_at >= 7, "every call was cut off once");
                break;
            }
            let between = landing_of(&desk, &store, &restricted);
            assert_eq!(landed_rows(&between, TYPE).await.len(), 3, "{failure:?} at {fail_at}");
            // Somebody lands in between: under the new key already.
            let next = desk.file("next.csv", services(&["E-9;12/07/2025;Oriental;FOOD;1;oui"]));
            between.land(&CATALOG, MAPPING, &next, &|_, _| {}).await.unwrap();
            Keys::draw_next(&folder, WRAPPING[0]).unwrap();
            landing_of(&desk, &store, &restricted).rotate(false, &|_, _| {}).await.unwrap();
            Keys::settle_next(&folder, WRAPPING[0]).unwrap();
            assert_eq!(landed_rows(&landing_of(&desk, &store, &restricted), TYPE).await.len(), 4);
            let log = Log::open(store, "_log").read().await.unwrap();
            assert_eq!(log.iter().filter(|entry| entry.kind == "rotated").count(), 1, "at {fail_at}");
        }
    }
}

#[tokio::test]
async fn a_landing_under_the_old_key_and_a_rotation_at_once_both_hold() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room { store: Store::open("landing", folder.path()).unwrap(), ..Room::new() };
    room.land(MAPPING, extract()).await.unwrap();
    let old = room.landing();
    let keys = room.desk.0.path().join("keys");
    Keys::draw_next(&keys, WRAPPING[0]).unwrap();
    let rotating = room.landing();
    let next = room.desk.file("next.csv", services(&["E-9;12/07/2025;Oriental;FOOD;1;oui"]));
    let (landed, rotated) =
        futures::join!(old.land(&CATALOG, MAPPING, &next, &|_, _| {}), rotating.rotate(false, &|_, _| {}));
    rotated.unwrap();
    Keys::settle_next(&keys, WRAPPING[0]).unwrap();
    // Either it landed before the key changed, or it was told that its key is another one.
    let n = room.rows(TYPE).await.len();
    match landed {
        Ok(_) => assert_eq!(n, 4),
        Err(Error::OtherKey { .. } | Error::Damaged { .. }) => assert_eq!(n, 3),
        Err(other) => panic!("{other}"),
    }
}
