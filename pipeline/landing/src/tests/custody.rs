//! Crashes, races, keys, damage: a batch is whole or absent, and nothing lands under another key.

use std::sync::Arc;

use marsad_log::testing::{FailingStore, Failure};
use marsad_log::{Log, Store};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::{CATALOG, Desk, Room, landed_rows, options, services};
use crate::{Error, Landing};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

fn first_file() -> Vec<u8> {
    services(&[
        "A-1;12/07/2025;Oriental;HEALTH;1;oui",
        "A-2;12/07/2025;Oriental;FOOD;1;oui",
        ";12/07/2025;Oriental;FOOD;1;oui",
    ])
}

#[tokio::test]
async fn a_crash_at_any_call_leaves_the_batch_whole_or_absent() {
    let desk = Desk::new();
    let file = desk.file("extract.csv", first_file());
    for failure in [Failure::Before, Failure::After] {
        for fail_at in 0.. {
            let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let failing = FailingStore::new(Arc::clone(&memory), fail_at, failure);
            let crashing = desk.landing(&failing.store(), &Store::memory());
            let landed = crashing.land(&CATALOG, MAPPING, &file, &|_, _| {}).await;
            if landed.is_ok() {
                assert!(fail_at >= 5, "every call was cut off once");
                break;
            }
            let after = desk.landing(&Store::with(memory), &Store::memory());
            let n_rows = landed_rows(&after, TYPE).await.len();
            assert!(n_rows == 0 || n_rows == 2, "{n_rows} rows after {failure:?} at {fail_at}");
            let report = after.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
            assert_eq!(report.already, n_rows == 2);
            assert_eq!(landed_rows(&after, TYPE).await.len(), 2);
        }
    }
}

#[tokio::test]
async fn two_landings_at_once_land_each_record_once() {
    // A folder, since its calls wait and let the others go on.
    let folder = tempfile::tempdir().unwrap();
    let room = Room { store: Store::open("landing", folder.path()).unwrap(), ..Room::new() };
    let shared = "S-1;12/07/2025;Oriental;HEALTH;1;oui";
    let first = room.desk.file("1.csv", services(&[shared, "A-1;12/07/2025;Oriental;FOOD;1;oui"]));
    let second = room.desk.file("2.csv", services(&["B-1;12/07/2025;Oriental;FOOD;1;oui", shared]));
    let landings: [Landing; 4] = std::array::from_fn(|_| room.landing());
    let land = |at: usize, file| landings[at].land(&CATALOG, MAPPING, file, &|_, _| {});
    let (a, b, c, d) = futures::join!(land(0, &first), land(1, &second), land(2, &first), land(3, &second));
    let reports = [a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()];
    assert_eq!(reports.iter().map(|report| report.landed).sum::<u64>(), 3);
    assert_eq!(reports.iter().filter(|report| report.already).count(), 2);
    assert_eq!(room.rows(TYPE).await.len(), 3);
    assert_eq!(room.landing().snapshot().await.unwrap().batches().len(), 2);
}

#[tokio::test]
async fn another_key_stops_before_anything_is_written() {
    let room = Room::new();
    room.land(MAPPING, first_file()).await.unwrap();
    let before = room.store.list("").await.unwrap();
    let other = Desk::new();
    let file = other.file("extract.csv", services(&["Z-1;12/07/2025;Oriental;FOOD;1;oui"]));
    let landing = other.landing(&room.store, &room.restricted);
    let landed = landing.land(&CATALOG, MAPPING, &file, &|_, _| {}).await;
    assert!(matches!(landed, Err(Error::OtherKey { .. })));
    assert!(matches!(landing.snapshot().await, Err(Error::OtherKey { .. })));
    assert_eq!(room.store.list("").await.unwrap(), before);
}

#[tokio::test]
async fn other_bucket_bits_are_refused() {
    let room = Room::new();
    room.land(MAPPING, first_file()).await.unwrap();
    let options = crate::Options { bucket_bits: 5, ..options() };
    let landing = Landing::open(room.store.clone(), room.restricted.clone(), room.desk.keys(), options);
    assert!(matches!(landing.snapshot().await, Err(Error::Buckets { stored: 2, configured: 5 })));
}

#[tokio::test]
async fn a_changed_or_missing_file_is_noticed() {
    let room = Room::new();
    room.land(MAPPING, first_file()).await.unwrap();
    let next = services(&["A-9;12/07/2025;Oriental;FOOD;1;oui"]);
    let path = room.landing().snapshot().await.unwrap().files(&TYPE.parse().unwrap())[0].path.clone();
    room.store.put(&path, &bytes::Bytes::from_static(b"PAR1")).await.unwrap();
    assert!(matches!(room.land(MAPPING, &next).await, Err(Error::Damaged { how: "changed", .. })));
    room.store.delete(&path).await.unwrap();
    assert!(matches!(room.land(MAPPING, &next).await, Err(Error::Damaged { how: "missing", .. })));
}

#[tokio::test]
async fn trafficking_lands_apart_under_keys_of_its_own() {
    let room = Room::new();
    let header = "dossier;N° fiche;Date de l'identification;Region;Sexe;Année de naissance;Nationalité;\
                  Type d'exploitation;Consentement;Observations\n";
    let row = "A-1;7;12/07/2025;Oriental;F;1999;Mali;Travail;oui;\n";
    let report = room.land("partner_trafficking", format!("{header}{row}")).await.unwrap();
    assert_eq!((report.landed, report.reasons), (1, std::collections::BTreeMap::new()));
    assert!(room.store.list("").await.unwrap().is_empty());
    room.land(MAPPING, first_file()).await.unwrap();
    let apart = &room.rows("vot_identification").await[0]["person_key"];
    assert!(room.rows(TYPE).await.iter().all(|row| row["person_key"] != *apart));
    let snapshot = room.landing().snapshot().await.unwrap();
    assert_eq!(snapshot.n_buckets(), 4);
    assert!(snapshot.head.is_some());
}

#[tokio::test]
async fn the_log_tells_files_with_hashes_and_never_an_identifier() {
    let room = Room::new();
    let report = room.land(MAPPING, first_file()).await.unwrap();
    let entries = Log::open(room.store.clone(), "_log").read().await.unwrap();
    let body = entries[0].body.value();
    assert_eq!(entries[0].kind, "batch");
    assert_eq!(body["batch"], report.batch.unwrap().to_string());
    assert_eq!(body["keys"].as_object().unwrap().len(), 6);
    assert_eq!(body["records"], serde_json::json!({"landed": 2, "duplicate": 0, "quarantined": 1}));
    let quarantine = body["quarantine"]["path"].as_str().unwrap();
    assert!(quarantine.starts_with("_quarantine/"));
    let files = body["files"].as_array().unwrap();
    let rows: u64 = files.iter().map(|file| file["rows"].as_u64().unwrap()).sum();
    assert_eq!(rows, 2);
    assert!(!body.to_string().contains("A-1"));
}

#[test]
fn landing_may_move_between_threads() {
    fn is_send(_: &impl Send) {}
    let room = Room::new();
    let (landing, file) = (room.landing(), std::path::PathBuf::new());
    is_send(&landing.land(&CATALOG, MAPPING, &file, &|_, _| {}));
    is_send(&landing.check(&CATALOG, (MAPPING, &file), None, &|_, _| {}));
    is_send(&landing.snapshot());
}
