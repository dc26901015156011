//! What became of runs that were cut off: released where the whole result is stored, else forfeited (algorithms 10).
//!
//! Started by the installation that started them, or by a steward. Deliberately without a clock.

use std::collections::BTreeSet;

use bytes::Bytes;
use marsad_privacy::noisy_table::RunResult;
use marsad_terms::{Digest, ReleaseId, RunId};

use super::Ledger;
use super::run::{RUNS, path};
use crate::error::Result;
use crate::event::{Event, Forfeited, StepForfeited};
use crate::proposal::SeriesStep;
use crate::series::{Draw, SeriesState};
use crate::stage::Stage;
use crate::state::{RequestState, State};

/// What a run was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOf {
    /// The joint vector of a request.
    Request {
        /// The release's public id.
        release: ReleaseId,
        /// The request.
        f: Digest,
    },
    /// One step of a series.
    Step(SeriesStep),
}

/// What became of a run that had not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// What it was for.
    pub of: RunOf,
    /// The run.
    pub run: RunId,
    /// `Released` where its result was whole, else `Forfeited`.
    pub state: Stage,
}

impl Ledger {
    /// Ends the runs that this installation started and that have not ended: released where the whole result is
    /// stored, else forfeited, charged, never drawn again. The caller holds the installation's lock.
    ///
    /// # Errors
    /// Where the store fails; a later call goes on.
    pub async fn recover(&self) -> Result<Vec<Recovered>> {
        let started = self.installation().runs()?;
        if started.is_empty() {
            return Ok(Vec::new());
        }
        let ended = self.end_runs(|run| started.contains(run)).await?;
        for run in &started {
            self.installation().end(run)?;
        }
        Ok(ended)
    }

    /// The same for every run, whoever started it: for a steward who knows that none is alive. One that is finds itself
    /// forfeited and shows nothing.
    ///
    /// # Errors
    /// As [`Ledger::recover`].
    pub async fn recover_all(&self) -> Result<Vec<Recovered>> {
        let ended = self.end_runs(|_| true).await?;
        for run in self.installation().runs()? {
            self.installation().end(&run)?;
        }
        Ok(ended)
    }

    /// Steps first: a release's result holds them.
    async fn end_runs(&self, mine: impl Fn(&RunId) -> bool) -> Result<Vec<Recovered>> {
        let state = self.state().await?;
        let mut ended = Vec::new();
        for open in state.all_series() {
            for (of, draw) in open.all_draws().filter(|(_, draw)| is_open(draw.stage) && mine(&draw.run)) {
                let state = self.end_step(open, of, draw).await?;
                ended.push(Recovered { of: RunOf::Step(of), run: draw.run.clone(), state });
            }
        }
        let state = self.state().await?;
        for request in state.requests().into_iter().filter(|request| is_open(request.state)) {
            let Some(run) = request.run.clone().filter(&mine) else { continue };
            let of = RunOf::Request { release: request.release().clone(), f: request.f };
            let state = self.end_run(request, &run, &state).await?;
            ended.push(Recovered { of, run, state });
        }
        self.delete_late(&self.state().await?).await?;
        Ok(ended)
    }

    async fn end_run(&self, request: &RequestState, run: &RunId, state: &State) -> Result<Stage> {
        if let Some(bytes) = self.store().get(&path(run)).await? {
            let whole = match serde_json::from_slice::<RunResult>(&bytes) {
                Ok(result) => self.is_of(&result, request, state).await?,
                Err(_) => false,
            };
            if whole {
                self.store().sync(&path(run)).await?;
                self.release(request.f, run, Digest::of(&bytes)).await?;
                return Ok(Stage::Released);
            }
        }
        let said = Event::Forfeited(Forfeited { f: request.f, run: run.clone() });
        self.append(|_| Ok(Some(said.draft()))).await?;
        Ok(Stage::Forfeited)
    }

    async fn end_step(&self, open: &SeriesState, of: SeriesStep, draw: &Draw) -> Result<Stage> {
        let stored = self.store().get(&path(&draw.run)).await?;
        let whole = |bytes: &Bytes| serde_json::from_slice(bytes).is_ok_and(|result| open.holds(of, &result));
        if let Some(bytes) = stored.filter(whole) {
            self.store().sync(&path(&draw.run)).await?;
            self.release_step(of, &draw.run, Digest::of(&bytes)).await?;
            return Ok(Stage::Released);
        }
        let said = StepForfeited { series: of.series, step: of.step, run: draw.run.clone() };
        let said = Event::StepForfeited(said);
        self.append(|_| Ok(Some(said.draft()))).await?;
        Ok(Stage::Forfeited)
    }

    /// Deletes, unseen, what runs stored that were forfeited before.
    async fn delete_late(&self, state: &State) -> Result<()> {
        let requests = state.requests().into_iter().map(|request| (request.state, request.run.as_ref()));
        let draws = state.all_series().flat_map(SeriesState::all_draws);
        let draws = draws.map(|(_, draw)| (draw.stage, Some(&draw.run)));
        let forfeited = requests.chain(draws).filter(|(stage, _)| *stage == Stage::Forfeited);
        let forfeited: BTreeSet<String> = forfeited.filter_map(|(_, run)| run.map(path)).collect();
        if forfeited.is_empty() {
            return Ok(());
        }
        for late in self.store().list(RUNS).await?.iter().filter(|stored| forfeited.contains(*stored)) {
            self.store().delete(late).await?;
        }
        Ok(())
    }
}

fn is_open(stage: Stage) -> bool {
    stage == Stage::Reserved
}
