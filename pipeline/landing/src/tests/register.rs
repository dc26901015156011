//! The register of a first-time series: what is closed stays, wholly, in order, each person once.

use std::ops::RangeInclusive;
use std::sync::Arc;

use marsad_catalog::RecordType;
use marsad_log::testing::{FailingStore, Failure};
use marsad_log::{Log, Store};
use marsad_terms::Digest;
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::{CATALOG, Desk, Room, services};
use crate::{Entry, Error, Landing, Register, Result};

const MAPPING: &str = "partner_assistance";

fn record_type(id: &str) -> &'static RecordType {
    &CATALOG.record_types[&id.parse().unwrap()]
}

fn assistance() -> &'static RecordType {
    record_type("assistance_service")
}

fn series() -> Digest {
    Digest::of(b"the definition of a series")
}

/// A person, a step, one cell in each of two tables.
fn entry((person, step, cell): (u8, u32, u32)) -> Entry {
    Entry { person: [person; 16], step, cells: vec![cell, 0] }
}

fn entries(of: &[(u8, u32, u32)]) -> Vec<Entry> {
    of.iter().copied().map(entry).collect()
}

/// What a register holds, as `entry` takes it.
fn shown(register: &Register) -> Vec<(u8, u32, u32)> {
    register.entries().map(|(person, step, cells)| (person[0], step, cells[0])).collect()
}

async fn close(landing: &Landing, steps: RangeInclusive<u32>, of: &[(u8, u32, u32)]) -> Result<Register> {
    let snapshot = landing.snapshot().await?;
    landing.close_steps(assistance(), series(), (steps, entries(of)), &snapshot).await
}

async fn stored(landing: &Landing) -> Register {
    landing.register(assistance(), series()).await.unwrap()
}

fn fault<T>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::Register { what }) => what,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted"),
    }
}

#[tokio::test]
async fn entries_are_written_once_and_read_back_sorted_by_person() {
    let room = Room::new();
    let landing = room.landing();
    assert_eq!(stored(&landing).await.closed(), 0);
    let first = close(&landing, 0..=1, &[(7, 1, 3), (2, 0, 5)]).await.unwrap();
    assert_eq!((first.closed(), shown(&first)), (2, vec![(2, 0, 5), (7, 1, 3)]));
    let second = close(&landing, 2..=2, &[(9, 2, 1), (1, 2, 4)]).await.unwrap();
    let all = vec![(1, 2, 4), (2, 0, 5), (7, 1, 3), (9, 2, 1)];
    assert_eq!((second.closed(), shown(&second)), (3, all.clone()));
    let read = stored(&room.landing()).await;
    assert_eq!((read.closed(), shown(&read)), (3, all));
    assert!(read.holds(&[7; 16]) && !read.holds(&[8; 16]));
    assert_eq!(read.place(&[9; 16]), Some(3));
}

#[tokio::test]
async fn a_step_that_is_closed_stays_as_it_is() {
    let room = Room::new();
    let landing = room.landing();
    close(&landing, 0..=2, &[(2, 0, 5)]).await.unwrap();
    let objects = room.store.list("").await.unwrap();
    // Another cell for the same person, others who enter, more steps: the first of them is closed, so nothing is taken.
    for (steps, of) in [(0..=2, (2, 1, 6)), (1..=1, (3, 1, 1)), (2..=5, (4, 5, 1))] {
        let register = close(&landing, steps, &[of]).await.unwrap();
        assert_eq!((register.closed(), shown(&register)), (3, vec![(2, 0, 5)]));
    }
    assert_eq!(room.store.list("").await.unwrap(), objects);
}

#[tokio::test]
async fn entries_that_do_not_fit_are_refused_and_nothing_is_written() {
    let room = Room::new();
    let landing = room.landing();
    close(&landing, 0..=0, &[(2, 0, 5)]).await.unwrap();
    let objects = room.store.list("").await.unwrap();
    assert!(fault(close(&landing, 2..=2, &[]).await).contains("in order"));
    assert!(fault(close(&landing, std::ops::RangeInclusive::new(1, 0), &[]).await).contains("in order"));
    assert!(fault(close(&landing, 1..=1, &[(3, 2, 0)]).await).contains("does not close now"));
    assert!(fault(close(&landing, 1..=1, &[(3, 1, 0), (3, 1, 1)]).await).contains("twice"));
    assert!(fault(close(&landing, 1..=1, &[(2, 1, 5)]).await).contains("twice"));
    let other = Entry { person: [4; 16], step: 1, cells: vec![1] };
    let snapshot = landing.snapshot().await.unwrap();
    let closed = landing.close_steps(assistance(), series(), (1..=1, vec![other]), &snapshot).await;
    assert!(fault(closed).contains("same tables"));
    assert!(fault(landing.register(record_type("needs_assessment"), series()).await).contains("another"));
    assert!(fault(landing.register(record_type("org_activity"), series()).await).contains("organisations"));
    assert_eq!(room.store.list("").await.unwrap(), objects);
    let register = stored(&landing).await;
    assert_eq!((register.closed(), shown(&register)), (1, vec![(2, 0, 5)]));
}

#[tokio::test]
async fn a_crash_at_any_call_leaves_the_steps_closed_wholly_or_not_at_all() {
    let desk = Desk::new();
    let file = desk.file("extract.csv", services(&["A-1;12/07/2025;Oriental;HEALTH;1;oui"]));
    let (old, new) = ([(5, 0, 1)], [(1, 1, 4), (6, 1, 2)]);
    for failure in [Failure::Before, Failure::After] {
        for fail_at in 0.. {
            let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let whole = desk.landing(&Store::with(Arc::clone(&memory)), &Store::memory());
            whole.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
            close(&whole, 0..=0, &old).await.unwrap();
            let failing = FailingStore::new(memory, fail_at, failure);
            let closed = close(&desk.landing(&failing.store(), &Store::memory()), 1..=1, &new).await;
            if closed.is_ok() {
                assert!(fail_at >= 5, "every call was cut off once");
                break;
            }
            let after = stored(&whole).await;
            let all = vec![(1, 1, 4), (5, 0, 1), (6, 1, 2)];
            match after.closed() {
                1 => assert_eq!(shown(&after), old),
                2 => assert_eq!(shown(&after), all),
                n => panic!("{n} steps after {failure:?} at {fail_at}"),
            }
            assert_eq!(shown(&close(&whole, 1..=1, &new).await.unwrap()), all);
        }
    }
}

#[tokio::test]
async fn two_writers_close_a_step_once_and_hold_the_same_register() {
    // A folder, since its calls wait and let the others go on.
    let folder = tempfile::tempdir().unwrap();
    let room = Room { store: Store::open("landing", folder.path()).unwrap(), ..Room::new() };
    let landings: [Landing; 4] = std::array::from_fn(|_| room.landing());
    let file = room.desk.file("1.csv", services(&["A-1;12/07/2025;Oriental;HEALTH;1;oui"]));
    let (of_first, of_second, of_third) = ([(1, 0, 1)], [(1, 0, 2), (2, 0, 2)], [(3, 1, 3)]);
    // As a run does: where a batch landed meanwhile, who enters is found anew.
    let closing =
        async |landing: &Landing, steps: RangeInclusive<u32>, of: &[(u8, u32, u32)]| -> Result<Register> {
            loop {
                let register = close(landing, steps.clone(), of).await?;
                if register.closed() > 0 {
                    return Ok(register);
                }
            }
        };
    let (first, second, third, batch) = futures::join!(
        closing(&landings[0], 0..=0, &of_first),
        closing(&landings[1], 0..=0, &of_second),
        closing(&landings[2], 0..=1, &of_third),
        landings[3].land(&CATALOG, MAPPING, &file, &|_, _| {}),
    );
    assert_eq!(batch.unwrap().landed, 1);
    let stored = stored(&landings[0]).await;
    for register in [first.unwrap(), second.unwrap(), third.unwrap()] {
        assert_eq!((register.closed(), shown(&register)), (stored.closed(), shown(&stored)));
    }
    let log = Log::open(room.store.clone(), "_log").read().await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.kind == "series_step").count(), 1);
    assert_eq!(room.store.list("_series").await.unwrap().len(), 1, "who lost took its file away");
}

#[tokio::test]
async fn a_changed_or_missing_file_of_the_register_is_noticed() {
    let room = Room::new();
    close(&room.landing(), 0..=0, &[(1, 0, 1)]).await.unwrap();
    let [path] = room.store.list("_series").await.unwrap().try_into().unwrap();
    let damaged = |how: &'static str| {
        let room = &room;
        async move {
            let read = room.landing().register(assistance(), series()).await;
            assert!(matches!(read, Err(Error::Damaged { how: found, .. }) if found == how), "{how}");
            let closed = close(&room.landing(), 1..=1, &[]).await;
            assert!(matches!(closed, Err(Error::Damaged { .. })));
        }
    };
    room.store.put(&path, &bytes::Bytes::from_static(b"PAR1")).await.unwrap();
    damaged("changed").await;
    room.store.delete(&path).await.unwrap();
    damaged("missing").await;
}

#[tokio::test]
async fn an_empty_landing_can_close_steps_and_holds_the_keys_then() {
    let room = Room::new();
    let register = close(&room.landing(), 0..=3, &[]).await.unwrap();
    assert_eq!((register.closed(), shown(&register)), (4, vec![]));
    let other = Desk::new().landing(&room.store, &room.restricted);
    assert!(matches!(other.register(assistance(), series()).await, Err(Error::OtherKey { .. })));
    assert!(matches!(other.snapshot().await, Err(Error::OtherKey { .. })));
    room.land(MAPPING, services(&["A-1;12/07/2025;Oriental;HEALTH;1;oui"])).await.unwrap();
    close(&room.landing(), 4..=4, &[(1, 4, 1)]).await.unwrap();
    let log = Log::open(room.store.clone(), "_log").read().await.unwrap();
    let holds_keys: Vec<bool> = log.iter().map(|entry| entry.body.value()["keys"].is_object()).collect();
    assert_eq!(holds_keys, [true, false, false]);
}

#[tokio::test]
async fn batches_are_listed_as_before_and_the_head_moves() {
    let room = Room::new();
    room.land(MAPPING, services(&["A-1;12/07/2025;Oriental;HEALTH;1;oui"])).await.unwrap();
    let before = room.landing().snapshot().await.unwrap();
    close(&room.landing(), 0..=0, &[(1, 0, 1)]).await.unwrap();
    let after = room.landing().snapshot().await.unwrap();
    assert_eq!(after.batches(), before.batches());
    let paths = |snapshot: &crate::Snapshot| -> Vec<String> {
        snapshot.files(&assistance().id).into_iter().map(|file| file.path).collect()
    };
    assert_eq!(paths(&after), paths(&before));
    assert_ne!(after.head, before.head);
    room.land(MAPPING, services(&["A-2;12/07/2025;Oriental;HEALTH;1;oui"])).await.unwrap();
    assert_eq!(room.landing().snapshot().await.unwrap().batches().len(), 2);
}

/// Somebody may have been erased since, or have another key: entrants are found anew.
#[tokio::test]
async fn nobody_enters_by_a_snapshot_that_was_overtaken() {
    let room = Room::new();
    let landing = room.landing();
    room.land(MAPPING, services(&["A-1;12/07/2025;Oriental;HEALTH;1;oui"])).await.unwrap();
    let before = landing.snapshot().await.unwrap();
    room.land(MAPPING, services(&["A-2;12/07/2025;Oriental;HEALTH;1;oui"])).await.unwrap();
    let objects = room.store.list("").await.unwrap();
    let closing = || (0..=0, entries(&[(1, 0, 1)]));
    let register = landing.close_steps(assistance(), series(), closing(), &before).await.unwrap();
    assert_eq!((register.closed(), stored(&landing).await.closed()), (0, 0));
    assert_eq!(room.store.list("").await.unwrap(), objects, "nothing is written");
    let now = landing.snapshot().await.unwrap();
    assert_eq!(landing.close_steps(assistance(), series(), closing(), &now).await.unwrap().closed(), 1);
}

#[tokio::test]
async fn series_of_trafficking_stand_in_the_restricted_store() {
    let room = Room::new();
    let apart = record_type("vot_identification");
    let (landing, first) = (room.landing(), (0..=0, entries(&[(1, 0, 1)])));
    let snapshot = landing.snapshot().await.unwrap();
    landing.close_steps(apart, series(), first, &snapshot).await.unwrap();
    assert!(room.store.list("").await.unwrap().is_empty());
    assert_eq!(shown(&room.landing().register(apart, series()).await.unwrap()), [(1, 0, 1)]);
    assert_eq!(stored(&room.landing()).await.closed(), 0);
}

#[tokio::test]
async fn the_log_tells_which_steps_closed_and_never_how_many_entered() {
    let room = Room::new();
    close(&room.landing(), 0..=1, &[(0xAB, 0, 1), (0xCD, 1, 1)]).await.unwrap();
    let log = Log::open(room.store.clone(), "_log").read().await.unwrap();
    let body = log[0].body.value();
    let mut names: Vec<&String> = body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["custodian", "first", "hash", "keys", "last", "path", "record_type", "series"]);
    assert!(!body.to_string().contains("abababab"));
}

#[tokio::test]
async fn an_entry_that_leaves_a_step_out_is_not_understood() {
    let room = Room::new();
    close(&room.landing(), 0..=0, &[(1, 0, 1)]).await.unwrap();
    let log = Log::open(room.store.clone(), "_log");
    let entries = log.read().await.unwrap();
    let mut body = entries[0].body.value();
    for (first, last) in [(2, 2), (0, 0), (1, 0)] {
        (body["first"], body["last"]) = (first.into(), last.into());
        let store = Store::memory();
        let forged = Log::open(store.clone(), "_log");
        let marsad_log::Appended::Written(head) = forged
            .append(None, marsad_log::Draft::new("series_step", entries[0].body.value()))
            .await
            .unwrap()
        else {
            panic!("nobody else writes")
        };
        let _ =
            forged.append(Some(&head), marsad_log::Draft::new("series_step", body.clone())).await.unwrap();
        let read = room.desk.landing(&store, &Store::memory()).snapshot().await;
        assert!(matches!(read, Err(Error::Custody { sequence: 1, .. })), "{first}–{last}");
    }
}
