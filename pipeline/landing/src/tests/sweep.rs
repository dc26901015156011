//! Files that nobody names are removed, and a writer that lives loses nothing by it, whatever the order of their calls.

use std::sync::Arc;

use bytes::Bytes;
use marsad_log::testing::{FailingStore, Failure};
use marsad_log::{Log, Store};
use marsad_terms::Digest;
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::{CATALOG, Desk, Room, landed_rows, services};
use crate::seal::key_path;
use crate::{Entry, Swept};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

fn extract(person: &str) -> Vec<u8> {
    services(&[&format!("{person};12/07/2025;Oriental;HEALTH;1;oui"), ";12/07/2025;Oriental;FOOD;1;oui"])
}

async fn others(store: &Store) -> Vec<String> {
    let there = store.list("").await.unwrap();
    there.into_iter().filter(|path| !path.starts_with("_log/")).collect()
}

#[tokio::test]
async fn only_what_has_our_form_and_no_name_goes() {
    let room = Room::new();
    assert_eq!(room.landing().sweep().await.unwrap(), Swept::default());
    room.land(MAPPING, extract("A-1")).await.unwrap();
    let landed = others(&room.store).await;
    let batch = "ab".repeat(16);
    let orphans = [
        format!("{TYPE}/{batch}/3.parquet"),
        format!("_keys/{batch}/3"),
        format!("_keys/{batch}/4"),
        format!("_quarantine/{batch}.parquet"),
        format!("_series/{batch}/0-0-{batch}.parquet"),
    ];
    let foreign = ["notes.txt", "requests/R-2025-0001.json", "assistance_service/readme/1.parquet"];
    for path in orphans.iter().map(String::as_str).chain(foreign) {
        room.store.put(path, &Bytes::from_static(b"x")).await.unwrap();
    }
    let swept = room.landing().sweep().await.unwrap();
    assert_eq!(swept, Swept { orphans: 5, entries: vec![("landing", 1)] });
    let mut left = [landed, foreign.map(str::to_owned).to_vec()].concat();
    left.sort();
    assert_eq!(others(&room.store).await, left);
    assert_eq!(room.landing().sweep().await.unwrap(), Swept::default());
    let log = Log::open(room.store.clone(), "_log").read().await.unwrap();
    assert_eq!((log[1].kind.as_str(), &log[1].body.value()["orphans"]), ("swept", &5.into()));
}

#[tokio::test]
async fn what_a_first_landing_left_goes_and_the_log_begins_with_the_keys() {
    let room = Room::new();
    room.store.put(&format!("_keys/{}/0", "ab".repeat(16)), &Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(room.landing().sweep().await.unwrap().orphans, 1);
    assert!(room.land(MAPPING, extract("A-1")).await.unwrap().landed == 1);
    let other = Desk::new().landing(&room.store, &room.restricted);
    assert!(other.snapshot().await.is_err(), "another key is refused from the first entry on");
}

/// A sweep at every moment of a landing: between any two calls that the writer makes.
#[tokio::test]
async fn a_sweep_between_any_two_calls_of_a_writer_harms_nothing() {
    let desk = Desk::new();
    let file = desk.file("extract.csv", extract("A-1"));
    let record_type = &CATALOG.record_types[&TYPE.parse().unwrap()];
    for turns in (0..60).step_by(3) {
        // A folder, since its calls wait and let the other go on.
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("landing", folder.path()).unwrap();
        let [writer, closer, sweeper] = std::array::from_fn(|_| desk.landing(&store, &Store::memory()));
        let sweep = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let mut n = 0;
            for _ in 0..4 {
                n += sweeper.sweep().await.unwrap().orphans;
                tokio::task::yield_now().await;
            }
            n
        };
        // As a run does: again where the store has changed meanwhile.
        let close = async {
            let mut closed = 0;
            while closed == 0 {
                let entry = Entry { person: [7; 16], step: 0, cells: vec![1] };
                let (series, snapshot) = (Digest::of(b"series"), closer.snapshot().await.unwrap());
                let register = closer.close_steps(record_type, series, (0..=0, vec![entry]), &snapshot).await;
                closed = register.unwrap().closed();
            }
        };
        let (landed, (), _) = futures::join!(writer.land(&CATALOG, MAPPING, &file, &|_, _| {}), close, sweep);
        assert_eq!(landed.unwrap().landed, 1);
        assert_eq!(landed_rows(&sweeper, TYPE).await.len(), 1, "{turns}");
        let register = sweeper.register(record_type, Digest::of(b"series")).await.unwrap();
        assert!(register.holds(&[7; 16]));
        assert_whole(&sweeper, &store).await;
    }
}

/// Every file that the log names is there, with its key.
async fn assert_whole(landing: &crate::Landing, store: &Store) {
    let custody = landing.custody(landing.side(false)).await.unwrap();
    let there = others(store).await;
    for path in custody.live() {
        assert!(there.iter().any(|other| other == path) && there.contains(&key_path(path)), "{path}");
    }
}

/// The writer's files are listed, then it wants its number: it must lose it.
#[tokio::test]
async fn a_writer_whose_files_were_swept_away_puts_them_anew() {
    let desk = Desk::new();
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = Store::with(Arc::clone(&memory));
    let landing = desk.landing(&store, &Store::memory());
    let file = desk.file("extract.csv", extract("A-1"));
    // How many calls a landing makes until its entry is written: with one less it stops with all its files put.
    let mut calls = 0;
    loop {
        let failing = FailingStore::new(Arc::new(InMemory::new()), calls, Failure::Before);
        let writer = desk.landing(&failing.store(), &Store::memory());
        if writer.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.is_ok() {
            break;
        }
        calls += 1;
    }
    let failing = FailingStore::new(Arc::clone(&memory), calls - 1, Failure::Before);
    let writer = desk.landing(&failing.store(), &Store::memory());
    writer.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap_err();
    let put = others(&store).await;
    assert_eq!(put.len(), 4, "a file, a quarantine and their keys: {put:?}");
    let swept = landing.sweep().await.unwrap();
    assert_eq!(swept.orphans, 4);
    // The number that the writer knew is taken: its conditional put, late as it may come, cannot name what went.
    let first = Log::open(store.clone(), "_log").read().await.unwrap();
    assert_eq!((first.len(), first[0].kind.as_str()), (1, "swept"));
    landing.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
    assert_whole(&landing, &store).await;
}

#[tokio::test]
async fn a_crash_at_any_call_of_a_sweep_is_made_good_by_the_next() {
    let desk = Desk::new();
    let file = desk.file("extract.csv", extract("A-1"));
    for failure in [Failure::Before, Failure::After] {
        for fail_at in 0.. {
            let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let store = Store::with(Arc::clone(&memory));
            let whole = desk.landing(&store, &Store::memory());
            whole.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
            let landed = others(&store).await;
            for n in 0..2 {
                let path = format!("_keys/{}/{n}", "ab".repeat(16));
                store.put(&path, &Bytes::from_static(b"x")).await.unwrap();
            }
            let failing = FailingStore::new(memory, fail_at, failure);
            if desk.landing(&failing.store(), &Store::memory()).sweep().await.is_ok() {
                assert!(fail_at >= 6, "every call was cut off once");
                break;
            }
            whole.sweep().await.unwrap();
            assert_eq!(others(&store).await, landed, "{failure:?} at {fail_at}");
            assert_eq!(landed_rows(&whole, TYPE).await.len(), 1);
        }
    }
}
