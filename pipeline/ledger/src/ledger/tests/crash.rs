//! Races and faults of the store: never under-counted, never drawn twice (T8).

use std::path::PathBuf;

use marsad_log::testing::{FailingStore, Failure};

use super::*;

/// Eight writers want one unit each of a budget of three.
async fn race(store: Store) {
    let first = ledger(&store);
    first.set_policy(&cast().policy(3), &cast().opal).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..8 {
        ids.push(ready(&first, &Wish::new(&format!("F{n}"), 1)).await);
    }
    let writers: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let writer = ledger(&store);
            tokio::spawn(async move { reserve(&writer, id).await })
        })
        .collect();
    let (mut won, mut lost) = (0, 0);
    for writer in writers {
        match writer.await.unwrap() {
            Ok(Reserve::New(_)) => won += 1,
            Err(Error::Refused(Refusal::Budget { .. })) => lost += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((won, lost), (3, 5));
    let state = first.state().await.unwrap();
    assert_eq!(state.used(), NanoRho::new(3));
    assert_eq!(state.scopes()[0].left(), Some(NanoRho::ZERO));
    assert!(first.verify(None).await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_for_a_budget_of_three_in_memory() {
    race(Store::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_for_a_budget_of_three_on_disk() {
    let folder = tempdir().unwrap();
    race(Store::open("ledger", folder.path()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_runs_of_one_request_draw_once() {
    let store = Store::memory();
    let first = ledger(&store);
    first.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = ready(&first, &Wish::new("A", 40)).await;
    let runs: Vec<_> = (0..8)
        .map(|mark| {
            let runner = ledger(&store);
            tokio::spawn(async move { run(&runner, id, mark).await })
        })
        .collect();
    let mut seen = Vec::new();
    for run in runs {
        match run.await.unwrap() {
            Ok((_, bytes)) => seen.push(bytes),
            Err(Error::Refused(Refusal::InProgress { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(!seen.is_empty() && seen.iter().all(|bytes| *bytes == seen[0]));
    assert_eq!(first.state().await.unwrap().used(), NanoRho::new(40));
}

/// What stands before the fault: an approved request of 40.
async fn approved_request() -> (Store, PathBuf, Digest) {
    let (store, folder) = (Store::memory(), state_dir());
    let ledger = Ledger::open(store.clone(), &folder);
    ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = ready(&ledger, &Wish::new("A", 40)).await;
    (store, folder, id)
}

/// Lets the `n`-th call of a run fail, restarts, recovers, runs again. Says whether the fault was reached.
async fn cut_off_at(n: u64, failure: Failure, once: bool) -> bool {
    let (store, folder, id) = approved_request().await;
    let failing = FailingStore::new(store.object_store(), n, failure);
    let failing = if once { failing.once() } else { failing };
    let first = run(&Ledger::open(failing.store(), &folder), id, 1).await;
    let reached = failing.calls() > n;

    let ledger = Ledger::open(store.clone(), &folder);
    ledger.recover().await.unwrap();
    let state = ledger.state().await.unwrap();
    let left = stage(&state, id);
    assert!(matches!(left, Stage::Approved | Stage::Released | Stage::Forfeited), "{left} after call {n}");
    assert_eq!(left == Stage::Approved, state.used() == NanoRho::ZERO, "after call {n}");
    let second = run(&ledger, id, 2).await;
    match (&first, &second, left) {
        (Ok(first), Ok(second), _) => assert_eq!(first, second, "drawn twice after call {n}"),
        (Err(_), Ok((receipt, bytes)), Stage::Released) => {
            assert_eq!(*bytes, serde_json::to_vec(&result(&state.by_id(id).unwrap().proposal, 1)).unwrap());
            assert_eq!(receipt.hash(), Digest::of(bytes));
        }
        (Err(_), Ok(_), Stage::Approved) => {}
        (Err(_), Err(Error::Refused(Refusal::NotListed { .. })), Stage::Forfeited) => {
            assert!(store.list("runs").await.unwrap().is_empty(), "a late result stands after call {n}");
        }
        other => panic!("after call {n}: {other:?}"),
    }
    assert_eq!(ledger.state().await.unwrap().used(), NanoRho::new(40), "after call {n}");
    assert!(ledger.verify(None).await.unwrap().ok, "after call {n}");
    reached
}

#[tokio::test]
async fn a_fault_at_any_call_of_a_run_neither_forgets_a_charge_nor_draws_twice() {
    for failure in [Failure::Before, Failure::After] {
        for once in [false, true] {
            let mut n = 0;
            while cut_off_at(n, failure, once).await {
                n += 1;
            }
            assert!(n > 8, "only {n} calls were cut off");
        }
    }
}

#[tokio::test]
async fn a_glitch_after_the_reservation_was_written_does_not_cost_it() {
    let (store, folder, id) = approved_request().await;
    let counting = FailingStore::counting(store.object_store());
    Ledger::open(counting.store(), &folder).state().await.unwrap();
    // Reading, then one get of the head, then the put of the entry.
    let failing = FailingStore::new(store.object_store(), counting.calls() + 1, Failure::After).once();
    let reserved = reserve(&Ledger::open(failing.store(), &folder), id).await;
    assert!(matches!(reserved, Ok(Reserve::New(_))), "{reserved:?}");
}

#[tokio::test]
async fn a_recovery_leaves_other_installations_runs_alone() {
    let (store, folder, id) = approved_request().await;
    let here = Ledger::open(store.clone(), &folder);
    let Reserve::New(reservation) = reserve(&here, id).await.unwrap() else { panic!() };
    let elsewhere = ledger(&store);
    assert_eq!(elsewhere.recover().await.unwrap(), []);
    assert!(matches!(refusal(reserve(&elsewhere, id).await), Refusal::InProgress { .. }));
    // A steward who knows better ends it; the late result is deleted unseen.
    let ended = elsewhere.recover_all().await.unwrap();
    assert_eq!(ended.iter().map(|run| run.state).collect::<Vec<_>>(), [Stage::Forfeited]);
    let state = here.state().await.unwrap();
    let late = here.complete(reservation, &result(&state.by_id(id).unwrap().proposal, 1)).await;
    assert!(matches!(refusal(late), Refusal::NotListed { stage: Some(Stage::Forfeited), .. }));
    assert!(store.list("runs").await.unwrap().is_empty());
    assert_eq!(here.state().await.unwrap().scopes()[0].forfeited, NanoRho::new(40));
}

#[tokio::test]
async fn a_result_that_recovery_recorded_first_is_completed_not_deleted() {
    let (store, folder, id) = approved_request().await;
    let here = Ledger::open(store.clone(), &folder);
    let Reserve::New(reservation) = reserve(&here, id).await.unwrap() else { panic!() };
    let result = result(&here.state().await.unwrap().by_id(id).unwrap().proposal, 7);
    let bytes = Bytes::from(serde_json::to_vec(&result).unwrap());
    let path = format!("runs/{}", reservation.run());
    assert_eq!(store.create(&path, &bytes).await.unwrap(), marsad_log::Created::New);
    here.recover().await.unwrap();
    let (receipt, same) = here.complete(reservation, &result).await.unwrap();
    assert_eq!((receipt.hash(), &same), (Digest::of(&bytes), &bytes));
    assert_eq!(here.receipt(receipt.f()).await.unwrap(), Some((receipt, bytes)));
}

#[tokio::test]
async fn a_damaged_result_is_neither_given_out_nor_drawn_again() {
    let (store, folder, id) = approved_request().await;
    let ledger = Ledger::open(store.clone(), &folder);
    let (receipt, _) = run(&ledger, id, 1).await.unwrap();
    store.put(&format!("runs/{}", receipt.run()), &Bytes::from_static(b"{}")).await.unwrap();
    assert!(matches!(ledger.receipt(receipt.f()).await, Err(Error::Result { .. })));
    assert!(matches!(run(&ledger, id, 2).await, Err(Error::Result { .. })));
    let verdict = ledger.verify(None).await.unwrap();
    assert_eq!(verdict.faults.iter().map(|fault| fault.kind.as_str()).collect::<Vec<_>>(), ["hash"]);
}
