//! Retraction, correction, compaction, purge: rows go wholly or not at all, whatever call fails; what remains is as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use marsad_catalog::RecordType;
use marsad_log::testing::{FailingStore, Failure};
use marsad_log::{Log, Store};
use marsad_terms::{BatchId, Month, RecordTypeId};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::{CATALOG, Desk, LandedRow, Room, landed_rows, services};
use crate::seal::key_path;
use crate::{ActError, Error, Landing, Result, Rewritten};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

fn record_type() -> RecordTypeId {
    TYPE.parse().unwrap()
}

fn of_type(id: &str) -> &'static RecordType {
    &CATALOG.record_types[&id.parse().unwrap()]
}

fn first() -> Vec<u8> {
    services(&[
        "A-1;12/07/2025;Oriental;HEALTH;1;oui",
        "A-2;12/08/2025;Oriental;FOOD;1;oui",
        "A-3;12/09/2025;Oriental;FOOD;1;oui",
        ";12/09/2025;Oriental;FOOD;1;oui",
    ])
}

/// The first person withdraws its consent, a fourth one comes.
fn second() -> Vec<u8> {
    services(&["A-1;12/07/2025;Oriental;HEALTH;1;non", "A-4;12/08/2025;Oriental;HEALTH;2;oui"])
}

async fn both(room: &Room) -> [BatchId; 2] {
    let one = room.land(MAPPING, first()).await.unwrap().batch.unwrap();
    [one, room.land(MAPPING, second()).await.unwrap().batch.unwrap()]
}

fn months(month: u8) -> BTreeMap<RecordTypeId, Month> {
    BTreeMap::from([(record_type(), Month { year: 2025, month })])
}

async fn batches(landing: &Landing) -> Vec<(&'static str, u64)> {
    let snapshot = landing.snapshot().await.unwrap();
    snapshot.batches().iter().map(|batch| (batch.state, batch.rows)).collect()
}

/// What the store holds of landed files and keys, and what the log says it should.
async fn assert_tidy(landing: &Landing, store: &Store) {
    let custody = landing.custody(landing.side(false)).await.unwrap();
    let mut live: Vec<String> = custody.live().flat_map(|path| [key_path(path), path.to_owned()]).collect();
    live.sort();
    let there = store.list("").await.unwrap();
    let there: Vec<String> = there.into_iter().filter(|path| !path.starts_with("_log/")).collect();
    assert_eq!(there, live);
}

async fn kinds(store: &Store) -> Vec<String> {
    let log = Log::open(store.clone(), "_log").read().await.unwrap();
    log.into_iter().map(|entry| entry.kind).collect()
}

#[tokio::test]
async fn a_retracted_batch_is_gone_with_its_keys_and_may_land_again() {
    let room = Room::new();
    let [one, two] = both(&room).await;
    let landing = room.landing();
    let before = room.rows(TYPE).await.len();
    let done = landing.retract(&one, "landed by mistake").await.unwrap();
    assert_eq!(done.entries, [("landing", 2)]);
    assert_eq!((before, room.rows(TYPE).await.len()), (5, 2));
    assert_eq!(batches(&landing).await, [("retracted", 0), ("landed", 2)]);
    assert_tidy(&landing, &room.store).await;
    let again = landing.retract(&one, "again").await;
    assert!(matches!(again, Err(Error::Act(ActError::Gone { .. }))));
    let other: BatchId = "0".repeat(32).parse().unwrap();
    assert!(matches!(landing.retract(&other, "").await, Err(Error::Act(ActError::UnknownBatch { .. }))));
    // Its content is landed no more; the person who withdrew meanwhile stays withdrawn.
    let report = room.land(MAPPING, first()).await.unwrap();
    assert_eq!((report.already, report.landed, report.duplicate), (false, 2, 1));
    assert!(room.land(MAPPING, second()).await.unwrap().already);
    assert_ne!(two, one);
}

#[tokio::test]
async fn a_corrected_extract_takes_the_place_of_a_batch() {
    let room = Room::new();
    let [one, _] = both(&room).await;
    let corrected = services(&[
        "A-1;12/07/2025;Oriental;HEALTH;3;oui",
        "A-2;12/08/2025;Oriental;FOOD;1;oui",
        "A-9;12/09/2025;Oriental;FOOD;1;oui",
    ]);
    let (landing, file) = (room.landing(), room.desk.file("corrected.csv", corrected));
    let refused = landing.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
    assert_eq!(refused.landed, 2, "A-2 is a duplicate; other units are another record of A-1");
    landing.retract(&refused.batch.unwrap(), "to be landed as a correction").await.unwrap();

    let report = landing.land_in_place(&CATALOG, (MAPPING, &file), Some(&one), &|_, _| {}).await.unwrap();
    assert_eq!((report.landed, report.duplicate), (3, 0));
    assert_eq!(batches(&landing).await[0], ("corrected", 0));
    let snapshot = landing.snapshot().await.unwrap();
    assert_eq!(snapshot.batches()[0].replaced_by, report.batch);
    assert_eq!(room.rows(TYPE).await.len(), 5);
    assert_tidy(&landing, &room.store).await;

    let again = landing.land_in_place(&CATALOG, (MAPPING, &file), Some(&one), &|_, _| {}).await.unwrap();
    assert!(again.already, "the same content is there");
    let more = room.desk.file("more.csv", services(&["A-7;12/09/2025;Oriental;FOOD;1;oui"]));
    let gone = landing.land_in_place(&CATALOG, (MAPPING, &more), Some(&one), &|_, _| {}).await;
    assert!(matches!(gone, Err(Error::Act(ActError::Gone { .. }))));
}

#[tokio::test]
async fn compacted_rows_are_the_same_with_withdrawals_settled() {
    let room = Room::new();
    let [one, _] = both(&room).await;
    let landing = room.landing();
    let visible = |rows: Vec<LandedRow>| {
        let withdrawn: Vec<String> = rows
            .iter()
            .filter(|row| row["consent_reporting"] == "false")
            .map(|row| row["record_id"].clone())
            .collect();
        let is_visible = move |row: &LandedRow| !withdrawn.contains(&row["record_id"]);
        rows.into_iter().filter(is_visible).collect::<Vec<_>>()
    };
    let before = room.rows(TYPE).await;
    let nothing = landing.compact(of_type(TYPE), std::slice::from_ref(&one), &|_, _| {}).await.unwrap();
    assert_eq!(nothing, Rewritten::default(), "one batch is compact");
    let done = landing.compact(of_type(TYPE), &[], &|_, _| {}).await.unwrap();
    assert_eq!(done.entries, [("landing", 2)]);
    let after = room.rows(TYPE).await;
    assert_eq!((before.len(), after.len()), (5, 4));
    assert_eq!(visible(before), visible(after.clone()));
    assert_eq!(after.iter().filter(|row| row["consent_reporting"] == "false").count(), 1);
    assert_eq!(batches(&landing).await, [("compacted", 0), ("compacted", 0), ("landed", 4)]);
    let snapshot = landing.snapshot().await.unwrap();
    let mut buckets: Vec<u32> = snapshot.files(&record_type()).iter().map(|file| file.bucket).collect();
    assert!(!buckets.is_empty());
    buckets.dedup();
    assert_eq!(buckets.len(), snapshot.files(&record_type()).len(), "one file a bucket");
    // Quarantines stay, and so does what is known of the extracts.
    assert_tidy(&landing, &room.store).await;
    assert!(room.land(MAPPING, first()).await.unwrap().already);
    assert!(matches!(landing.retract(&one, "").await, Err(Error::Act(ActError::Gone { .. }))));
    // Once the whole is retracted, the parts' extracts are landed no more.
    let whole = snapshot.batches()[2].batch.clone();
    landing.retract(&whole, "all of it").await.unwrap();
    assert!(!room.land(MAPPING, first()).await.unwrap().already);
}

#[tokio::test]
async fn batches_of_another_record_type_are_not_compacted_together() {
    let room = Room::new();
    let [one, two] = both(&room).await;
    let refused = room.landing().compact(of_type("training"), &[one, two], &|_, _| {}).await;
    assert!(matches!(refused, Err(Error::Act(ActError::OtherType { .. }))));
}

#[tokio::test]
async fn rows_older_than_their_retention_go_and_no_others() {
    let room = Room::new();
    both(&room).await;
    let landing = room.landing();
    let before = room.rows(TYPE).await;
    assert_eq!(landing.purge(&months(7), &|_, _| {}).await.unwrap(), Rewritten::default());
    let other = BTreeMap::from([("training".parse().unwrap(), Month { year: 2030, month: 1 })]);
    assert_eq!(landing.purge(&other, &|_, _| {}).await.unwrap(), Rewritten::default());
    assert_eq!(room.rows(TYPE).await, before);

    let done = landing.purge(&months(8), &|_, _| {}).await.unwrap();
    assert_eq!(done.entries, [("landing", 2)]);
    let left: Vec<_> =
        before.iter().filter(|row| row["event_month"].as_str() >= "2025-08-01").cloned().collect();
    assert_eq!((left.len(), room.rows(TYPE).await), (3, left));
    assert_tidy(&landing, &room.store).await;
    let log = Log::open(room.store.clone(), "_log").read().await.unwrap();
    assert_eq!(log[2].body.value()["kept_from"], serde_json::json!({"assistance_service": "2025-08"}));

    landing.purge(&months(12), &|_, _| {}).await.unwrap();
    assert_eq!(batches(&landing).await, [("landed", 0), ("landed", 0)]);
    assert_tidy(&landing, &room.store).await;
    let landed: Vec<String> = room.store.list("").await.unwrap();
    assert!(
        landed.iter().all(|path| path.starts_with("_log/")),
        "quarantines go with the last row: {landed:?}"
    );
}

/// What may be left after a crash: rows before and after the act.
async fn crash_everywhere(name: &str, n_rows: [usize; 2], act: impl AsyncFn(&Landing) -> Result<()>) {
    let desk = Desk::new();
    let files = [desk.file("1.csv", first()), desk.file("2.csv", second())];
    for failure in [Failure::Before, Failure::After] {
        for fail_at in 0.. {
            let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let store = Store::with(Arc::clone(&memory));
            let whole = desk.landing(&store, &Store::memory());
            for file in &files {
                whole.land(&CATALOG, MAPPING, file, &|_, _| {}).await.unwrap();
            }
            let failing = FailingStore::new(memory, fail_at, failure);
            if act(&desk.landing(&failing.store(), &Store::memory())).await.is_ok() {
                assert!(fail_at >= 8, "{name}: every call was cut off once");
                assert_tidy(&whole, &store).await;
                break;
            }
            let place = format!("{name} {failure:?} at {fail_at}");
            let n = landed_rows(&whole, TYPE).await.len();
            assert!(n_rows.contains(&n), "{n} rows, {place}");
            let is_done = kinds(&store).await.len() > 2;
            assert_eq!(is_done, n == n_rows[1], "{place}");
            // The next try does it, or says that it is done; either way a sweep leaves nothing that nobody names.
            match act(&whole).await {
                Ok(()) | Err(Error::Act(ActError::Gone { .. })) => {}
                Err(other) => panic!("{place}: {other}"),
            }
            whole.sweep().await.unwrap();
            assert_eq!(landed_rows(&whole, TYPE).await.len(), n_rows[1], "{place}");
            assert_tidy(&whole, &store).await;
        }
    }
}

async fn nth(landing: &Landing, n: usize) -> Result<BatchId> {
    Ok(landing.snapshot().await?.batches()[n].batch.clone())
}

#[tokio::test]
async fn a_crash_at_any_call_of_a_retraction_leaves_it_done_or_not() {
    crash_everywhere("retract", [5, 2], async |landing| {
        let batch = nth(landing, 0).await?;
        landing.retract(&batch, "a mistake").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_crash_at_any_call_of_a_correction_leaves_it_done_or_not() {
    let desk = Desk::new();
    let file = desk.file("3.csv", services(&["A-8;12/07/2025;Oriental;HEALTH;3;oui"]));
    crash_everywhere("correct", [5, 3], async |landing| {
        let batch = nth(landing, 0).await?;
        landing.land_in_place(&CATALOG, (MAPPING, &file), Some(&batch), &|_, _| {}).await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_crash_at_any_call_of_a_compaction_leaves_it_done_or_not() {
    crash_everywhere("compact", [5, 4], async |landing| {
        landing.compact(of_type(TYPE), &[], &|_, _| {}).await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_crash_at_any_call_of_a_purge_leaves_it_done_or_not() {
    crash_everywhere("purge", [5, 3], async |landing| landing.purge(&months(8), &|_, _| {}).await.map(drop))
        .await;
}

#[tokio::test]
async fn acts_and_a_landing_at_once_all_hold() {
    // A folder, since its calls wait and let the others go on.
    let folder = tempfile::tempdir().unwrap();
    let room = Room { store: Store::open("landing", folder.path()).unwrap(), ..Room::new() };
    let [one, _] = both(&room).await;
    let file = room.desk.file("next.csv", services(&["A-5;12/09/2025;Oriental;FOOD;1;oui"]));
    let landings: [Landing; 4] = std::array::from_fn(|_| room.landing());
    let kept = months(8);
    let (retracted, purged, landed, swept) = futures::join!(
        landings[0].retract(&one, "a mistake"),
        landings[1].purge(&kept, &|_, _| {}),
        landings[2].land(&CATALOG, MAPPING, &file, &|_, _| {}),
        landings[3].sweep(),
    );
    assert_eq!(landed.unwrap().landed, 1);
    retracted.unwrap();
    purged.unwrap();
    swept.unwrap();
    assert_eq!(room.rows(TYPE).await.len(), 2, "A-4 and A-5");
    room.landing().compact(of_type(TYPE), &[], &|_, _| {}).await.unwrap();
    room.landing().sweep().await.unwrap();
    assert_eq!(room.rows(TYPE).await.len(), 2);
    assert_tidy(&room.landing(), &room.store).await;
}

#[test]
fn acts_may_move_between_threads() {
    fn is_send(_: &impl Send) {}
    let (room, batch): (Room, BatchId) = (Room::new(), "0".repeat(32).parse().unwrap());
    let landing = room.landing();
    is_send(&landing.retract(&batch, ""));
    is_send(&landing.purge(&months(1), &|_, _| {}));
    is_send(&landing.sweep());
}
