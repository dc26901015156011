//! Races and faults on the way of a series: never paid twice, never forgotten, no step drawn twice (T8).

use std::collections::BTreeSet;
use std::path::PathBuf;

use marsad_log::testing::{FailingStore, Failure};

use super::*;
use crate::series::SeriesState;

/// Opened for 9, with four steps of which releases show two.
fn series() -> SeriesWish {
    SeriesWish::new("S", 9, 4).through(1)
}

async fn opened(store: &Store) -> Ledger {
    let first = ledger(store);
    first.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = ready(&first, &Wish::of_series("A", series())).await;
    first.open_series(id).await.unwrap();
    first
}

async fn race_for_a_step(store: Store) {
    let first = opened(&store).await;
    let writers: Vec<_> = (0..8)
        .map(|mark| {
            let writer = ledger(&store);
            tokio::spawn(async move {
                match reserve_step(&writer, series().step(0, 0)).await? {
                    ReserveStep::Stored(step) => Ok((false, *step)),
                    ReserveStep::New(reservation) => {
                        let step = drawn(&series(), &reservation, mark);
                        writer.complete_step(reservation, &step).await.map(|()| (true, step))
                    }
                }
            })
        })
        .collect();
    let (mut won, mut seen) = (0, Vec::new());
    for writer in writers {
        match writer.await.unwrap() {
            Ok((drew, step)) => {
                won += i32::from(drew);
                seen.push(step);
            }
            Err(Error::Refused(Refusal::InProgress { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won, 1);
    assert!(seen.iter().all(|step| *step == seen[0]));
    let state = first.state().await.unwrap();
    assert_eq!((state.used(), state.series(&series().id()).unwrap().draws(0).len()), (NanoRho::new(9), 1));
    assert_eq!(first.drawn_steps(&series().id()).await.unwrap(), [Some(seen[0].clone())]);
    assert!(first.verify(None).await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_writers_for_one_step_one_draws_in_memory() {
    race_for_a_step(Store::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_writers_for_one_step_one_draws_on_disk() {
    let folder = tempdir().unwrap();
    race_for_a_step(Store::open("ledger", folder.path()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_releases_that_open_one_series_at_once_pay_it_once() {
    let store = Store::memory();
    let first = ledger(&store);
    first.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..8 {
        ids.push(ready(&first, &Wish::of_series(&format!("F{n}"), series())).await);
    }
    let writers = ids.into_iter().map(|id| {
        let writer = ledger(&store);
        tokio::spawn(async move { writer.open_series(id).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(first.state().await.unwrap().used(), NanoRho::new(9));
    assert!(first.verify(None).await.unwrap().ok);
}

/// The way of a release: opened, reserved, each step that it shows drawn or taken, completed. Every step that is drawn
/// here is put into `drew`.
async fn whole_run(ledger: &Ledger, id: Digest, mark: i64, drew: &mut BTreeSet<u32>) -> Result<()> {
    ledger.open_series(id).await?;
    let Reserve::New(reservation) = reserve(ledger, id).await? else { return Ok(()) };
    for step in 0..=series().through {
        match reserve_step(ledger, series().step(step, 0)).await {
            Ok(ReserveStep::New(reservation)) => {
                assert!(drew.insert(step), "step {step} is drawn twice");
                let step = drawn(&series(), &reservation, mark);
                ledger.complete_step(reservation, &step).await?;
            }
            Ok(ReserveStep::Stored(_)) | Err(Error::Refused(Refusal::StepDrawn { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    let steps = drawn_through(ledger, &series()).await?;
    let mut result = result(&ledger.state().await?.by_id(id)?.proposal, mark);
    result.series = vec![shown(&series(), steps)];
    ledger.complete(reservation, &result).await.map(|_| ())
}

/// What stands before the fault: an approved release of 40 that opens a series of 9.
async fn approved_release() -> (Store, PathBuf, Digest) {
    let (store, folder) = (Store::memory(), state_dir());
    let ledger = Ledger::open(store.clone(), &folder);
    ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = ready(&ledger, &Wish { series: vec![series()], ..Wish::new("A", 40) }).await;
    (store, folder, id)
}

/// The operation that the fault meets; what comes before it goes well.
#[derive(Clone, Copy, Debug)]
enum Met {
    Opening,
    Reserving,
    Completing,
    /// All of a run, one after the other.
    Run,
}

/// One operation with a store that fails, after the others with one that does not.
async fn run_into(met: Met, whole: &Ledger, failing: &Ledger, id: Digest, drew: &mut BTreeSet<u32>) {
    let first = series().step(0, 0);
    match met {
        Met::Opening => drop(failing.open_series(id).await),
        Met::Run => drop(whole_run(failing, id, 1, drew).await),
        Met::Reserving | Met::Completing => {
            whole.open_series(id).await.unwrap();
            let (reserving, completing) = match met {
                Met::Reserving => (failing, whole),
                _ => (whole, failing),
            };
            if let Ok(ReserveStep::New(reservation)) = reserve_step(reserving, first).await {
                drew.insert(0);
                let step = drawn(&series(), &reservation, 1);
                drop(completing.complete_step(reservation, &step).await);
            }
        }
    }
}

fn lost(open: &SeriesState) -> usize {
    (0..open.next_step()).filter(|step| open.released(*step).is_none()).count()
}

fn hashes(open: &SeriesState) -> Vec<Option<Digest>> {
    open.all_draws().map(|(_, draw)| draw.hash).collect()
}

/// Lets the `n`-th call fail, restarts, recovers, goes on: with the same release, or the next one where its run was lost.
/// Says whether the fault was reached.
async fn cut_off_at(met: Met, n: u64, failure: Failure, once: bool) -> bool {
    let (store, folder, id) = approved_release().await;
    let failing = FailingStore::new(store.object_store(), n, failure);
    let failing = if once { failing.once() } else { failing };
    let ledger = Ledger::open(store.clone(), &folder);
    let mut drew = BTreeSet::new();
    run_into(met, &ledger, &Ledger::open(failing.store(), &folder), id, &mut drew).await;
    let reached = failing.calls() > n;
    let place = format!("after call {n} of {met:?}");

    ledger.recover().await.unwrap();
    let state = ledger.state().await.unwrap();
    let (left, open) = (stage(&state, id), state.series(&series().id()));
    let paid = open.map_or(0, |_| 9) + if left == Stage::Approved { 0 } else { 40 };
    assert_eq!(state.used(), NanoRho::new(paid), "{place}");
    assert!(open.map_or(0, lost) <= 1, "more than one step is lost {place}");
    let kept = open.map_or(Vec::new(), hashes);

    let next = match left {
        Stage::Approved | Stage::Released => id,
        _ => ready(&ledger, &Wish::of_series("B", series())).await,
    };
    let second = whole_run(&ledger, next, 2, &mut drew).await;
    assert!(second.is_ok(), "{place}: {second:?}");
    let state = ledger.state().await.unwrap();
    let open = state.series(&series().id()).unwrap();
    let draws = hashes(open);
    assert_eq!((draws.len(), &draws[..kept.len()]), (2, &kept[..]), "drawn twice {place}");
    assert!(lost(open) <= 1, "{place}");
    assert_eq!(state.used(), NanoRho::new(49), "{place}");
    let results = draws.iter().flatten().count();
    let results = results + state.requests().iter().filter(|request| request.hash.is_some()).count();
    assert_eq!(store.list("runs").await.unwrap().len(), results, "a late result stands {place}");
    assert!(ledger.verify(None).await.unwrap().ok, "{place}");
    reached
}

async fn cut_off_everywhere(met: Met, at_least: u64) {
    for failure in [Failure::Before, Failure::After] {
        for once in [false, true] {
            let mut n = 0;
            while cut_off_at(met, n, failure, once).await {
                n += 1;
            }
            assert!(n >= at_least, "only {n} calls of {met:?} were cut off");
        }
    }
}

#[tokio::test]
async fn a_fault_at_any_call_of_an_opening_neither_forgets_nor_doubles_its_charge() {
    cut_off_everywhere(Met::Opening, 6).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_reserving_a_step_draws_it_once_at_most() {
    cut_off_everywhere(Met::Reserving, 6).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_completing_a_step_draws_it_once_at_most() {
    cut_off_everywhere(Met::Completing, 8).await;
}

#[tokio::test]
async fn a_killed_run_loses_one_step_at_most() {
    // Every call of the operations is cut off above; here a run dies at some calls from its first to its last.
    let mut n = 0;
    while cut_off_at(Met::Run, n, Failure::Before, false).await {
        n += 11;
    }
    assert!(n > 50, "the run had {n} calls at most");
}

#[tokio::test]
async fn a_recovery_ends_a_step_like_a_run() {
    let store = Store::memory();
    let here = opened(&store).await;
    let ReserveStep::New(reservation) = reserve_step(&here, series().step(0, 0)).await.unwrap() else {
        panic!()
    };
    let elsewhere = ledger(&store);
    assert_eq!(elsewhere.recover().await.unwrap(), []);
    let again = reserve_step(&elsewhere, series().step(0, 0)).await;
    assert!(matches!(refusal(again), Refusal::InProgress { .. }));
    assert_eq!(elsewhere.drawn_steps(&series().id()).await.unwrap(), [], "in progress");
    let ended = elsewhere.recover_all().await.unwrap();
    let of = RunOf::Step(series().step(0, 0));
    assert_eq!(ended, [Recovered { of, run: reservation.run().clone(), state: Stage::Forfeited }]);
    // The late result is deleted unseen, also by the next recovery.
    let step = drawn(&series(), &reservation, 1);
    let path = format!("runs/{}", reservation.run());
    let late = here.complete_step(reservation, &step).await;
    assert!(matches!(refusal(late), Refusal::NotListed { stage: Some(Stage::Forfeited), .. }));
    assert_eq!(store.get(&path).await.unwrap(), None);
    store.put(&path, &Bytes::from_static(b"late")).await.unwrap();
    elsewhere.recover_all().await.unwrap();
    assert_eq!(store.get(&path).await.unwrap(), None);
    assert_eq!(here.drawn_steps(&series().id()).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_whole_result_of_a_step_is_recorded_by_recovery_and_any_other_is_not() {
    for whole in [true, false] {
        let store = Store::memory();
        let here = opened(&store).await;
        let ReserveStep::New(reservation) = reserve_step(&here, series().step(0, 0)).await.unwrap() else {
            panic!()
        };
        let step = drawn(&series(), &reservation, 7);
        let stored = if whole { serde_json::to_vec(&step).unwrap() } else { b"{\"series\":".to_vec() };
        store.put(&format!("runs/{}", reservation.run()), &stored.into()).await.unwrap();
        let ended = here.recover_all().await.unwrap();
        let state = if whole { Stage::Released } else { Stage::Forfeited };
        assert_eq!(ended.iter().map(|run| run.state).collect::<Vec<_>>(), [state]);
        if whole {
            here.complete_step(reservation, &step).await.unwrap();
        }
        assert_eq!(here.drawn_steps(&series().id()).await.unwrap(), [whole.then_some(step)]);
        assert!(here.verify(None).await.unwrap().ok);
    }
}

#[tokio::test]
async fn a_damaged_step_is_neither_given_out_nor_drawn_again() {
    let store = Store::memory();
    let here = opened(&store).await;
    let ReserveStep::New(reservation) = reserve_step(&here, series().step(0, 0)).await.unwrap() else {
        panic!()
    };
    let path = format!("runs/{}", reservation.run());
    let step = drawn(&series(), &reservation, 7);
    here.complete_step(reservation, &step).await.unwrap();
    store.put(&path, &Bytes::from_static(b"{}")).await.unwrap();
    assert!(matches!(here.drawn_steps(&series().id()).await, Err(Error::Result { .. })));
    assert!(matches!(reserve_step(&here, series().step(0, 0)).await, Err(Error::Result { .. })));
    let verdict = here.verify(None).await.unwrap();
    assert_eq!(verdict.faults.iter().map(|fault| fault.kind.as_str()).collect::<Vec<_>>(), ["hash"]);
}
