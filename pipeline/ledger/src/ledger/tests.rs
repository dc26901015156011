//! The ledger against V13, races, crashes and forgers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use marsad_log::Store;
use marsad_privacy::series::{NoisySeries, NoisyStep};
use marsad_terms::NanoRho;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::policy::Role;
use crate::proposal::SeriesStep;
use crate::reservation::{StepReservation, new_run};
use crate::state::RequestState;
use crate::statement::Answer;
use crate::testing::{
    Cast, SeriesWish, Wish, approved, noisy_step, result, served, signature, statement, text,
};

mod crash;
mod golden;
mod histories;
mod random;
mod rules;
mod series;
mod series_crash;
mod small_world;
mod verify;

/// Keys and a folder for state, kept as long as the tests run.
static PLACE: LazyLock<(TempDir, Cast)> = LazyLock::new(|| {
    let folder = tempdir().unwrap();
    let cast = Cast::new(folder.path());
    (folder, cast)
});

fn cast() -> &'static Cast {
    &PLACE.1
}

/// A fresh `state/`.
fn state_dir() -> std::path::PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    PLACE.0.path().join(format!("state-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn ledger(store: &Store) -> Ledger {
    Ledger::open(store.clone(), &state_dir())
}

/// A ledger in memory that has a policy with this lifetime cap.
async fn begun(lifetime: u64) -> Ledger {
    let ledger = ledger(&Store::memory());
    ledger.set_policy(&cast().policy(lifetime), &cast().opal).await.unwrap();
    ledger
}

async fn propose(ledger: &Ledger, wish: &Wish) -> Result<Digest> {
    let proposal = wish.proposal(&ledger.state().await.unwrap());
    ledger.propose(&proposal, &cast().ana).await
}

async fn decide(ledger: &Ledger, proposal: Digest, by: &str, answer: Answer) -> Result<Stage> {
    let statement = statement(&ledger.state().await.unwrap(), proposal, answer);
    ledger.decide(&statement, None, &signature(&statement, cast().key(by))).await
}

/// Proposed and approved.
async fn ready(ledger: &Ledger, wish: &Wish) -> Digest {
    let proposal = wish.proposal(&ledger.state().await.unwrap());
    approved(ledger, cast(), &proposal).await
}

async fn reserve(ledger: &Ledger, id: Digest) -> Result<Reserve> {
    ledger.reserve(id, new_run().unwrap(), Digest::of(b"custody")).await
}

/// Drawn and recorded; the result carries `mark`, so that a second draw would show.
async fn run(ledger: &Ledger, id: Digest, mark: i64) -> Result<(Receipt, Bytes)> {
    match reserve(ledger, id).await? {
        Reserve::Stored(receipt, bytes) => Ok((receipt, bytes)),
        Reserve::New(reservation) => {
            let state = ledger.state().await?;
            let result = result(&state.by_id(id)?.proposal, mark);
            ledger.complete(reservation, &result).await
        }
    }
}

async fn reserve_step(ledger: &Ledger, step: SeriesStep) -> Result<ReserveStep> {
    ledger.reserve_step(step, new_run().unwrap(), Digest::of(b"custody")).await
}

/// The result of a reserved step, every figure of which is `mark`.
fn drawn(series: &SeriesWish, reservation: &StepReservation, mark: i64) -> NoisyStep {
    let shape = series.shape();
    let cells = vec![mark; shape.n_coordinates()];
    noisy_step(&reservation.draw(), &shape, reservation.step().step, cells)
}

/// The stored steps that a release shows.
async fn drawn_through(ledger: &Ledger, series: &SeriesWish) -> Result<Vec<Option<NoisyStep>>> {
    let mut steps = ledger.drawn_steps(&series.id()).await?;
    steps.truncate(series.through as usize + 1);
    Ok(steps)
}

/// A series as a release shows it.
fn shown(series: &SeriesWish, steps: Vec<Option<NoisyStep>>) -> NoisySeries {
    NoisySeries::new(series.id(), series.shape(), NanoRho::new(series.nano_rho), steps).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused but {other:?}"),
    }
}

fn stage(state: &State, id: Digest) -> Stage {
    state.by_id(id).unwrap().state
}
