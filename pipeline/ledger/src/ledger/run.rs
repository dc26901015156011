//! Reserve, complete, recover: one draw a request, charged before a row is read (algorithms 10).

use std::collections::BTreeSet;

use bytes::Bytes;
use marsad_log::Created;
use marsad_privacy::noisy_table::RunResult;
use marsad_terms::{Digest, Name, ReleaseId, RunId};

use super::{Done, Ledger};
use crate::error::{Error, Result};
use crate::event::{Event, Forfeited, Released, Reserved};
use crate::refusal::Refusal;
use crate::reservation::{Receipt, Reservation};
use crate::scope::Scope;
use crate::stage::Stage;
use crate::state::{RequestState, State};

/// The folder of results in the ledger's store.
const RUNS: &str = "runs";

/// What a request to run finds.
#[derive(Debug)]
#[must_use]
pub enum Reserve {
    /// The cost is charged; draw, once.
    New(Reservation),
    /// It was drawn before: the same bytes, at no cost.
    Stored(Receipt, Bytes),
}

/// What became of a run that had not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The release's public id.
    pub release: ReleaseId,
    /// The request.
    pub f: Digest,
    /// The run.
    pub run: RunId,
    /// `Released` where its result was whole, else `Forfeited`.
    pub state: Stage,
}

impl Ledger {
    /// Charges an approved request to all its scopes at once, or gives what was drawn before. `id` is F or the id of its
    /// newest proposal; `data` the keyed commitment to what the run will read.
    ///
    /// # Errors
    /// `Refused` where it is not approved, does not fit a scope (all of them are named), or another run is in progress;
    /// `Withdrawn`. After a failure of the store the charge may stand: [`Ledger::recover`] ends it.
    pub async fn reserve(&self, id: Digest, run: RunId, data: Digest) -> Result<Reserve> {
        self.installation().start(&run)?;
        let done = self
            .append(|state| {
                let request = state.by_id(id)?;
                match request.state {
                    Stage::Released | Stage::Published => Ok(None),
                    Stage::Withdrawn => Err(Error::Withdrawn { release: request.release().clone() }),
                    _ => Ok(Some(reserved(request, &run, data).draft())),
                }
            })
            .await;
        // Any other failure may have left the charge: `recover` looks for it.
        if matches!(done, Ok(Done { written: false, .. }) | Err(Error::Refused(_) | Error::Withdrawn { .. }))
        {
            self.installation().end(&run)?;
        }
        let Done { state, written } = done?;
        let request = state.by_id(id)?;
        if written {
            return Ok(Reserve::New(Reservation {
                release: request.release().clone(),
                f: request.f,
                proposal: request.proposal_id,
                run,
                nano_rho: request.charged,
                scopes: request.scopes.clone(),
            }));
        }
        let (receipt, bytes) = self.stored(request).await?;
        Ok(Reserve::Stored(receipt, bytes))
    }

    /// Stores the result of a run, create-only, and records its hash. Only then may it be shown.
    ///
    /// # Errors
    /// `Result` where it is not what was approved and charged; `Refused` where the run was forfeited meanwhile: its bytes are deleted unseen.
    pub async fn complete(&self, reservation: Reservation, result: &RunResult) -> Result<(Receipt, Bytes)> {
        let Reservation { f, run, .. } = &reservation;
        let state = self.state().await?;
        if !state.request(f).is_some_and(|request| is_of(result, request)) {
            return Err(Error::Result { run: run.clone(), what: "it is not what was approved and charged" });
        }
        let bytes = serde_json::to_vec(result);
        let bytes =
            Bytes::from(bytes.map_err(|_| Error::Result { run: run.clone(), what: "it has no JSON" })?);
        if self.store().create(&path(run), &bytes).await? == Created::Exists {
            // A store that retries by itself may find its own object; `release` compares it.
            self.store().sync(&path(run)).await?;
        }
        let hash = Digest::of(&bytes);
        match self.release(*f, run, hash).await {
            Ok(()) => {}
            Err(Error::Refused(Refusal::NotListed { stage: Some(Stage::Forfeited), act })) => {
                self.store().delete(&path(run)).await?;
                self.installation().end(run)?;
                return Err(Refusal::NotListed { stage: Some(Stage::Forfeited), act }.into());
            }
            Err(error) => return Err(error),
        }
        let Reservation { release, f, proposal, run, nano_rho, .. } = reservation;
        self.installation().end(&run)?;
        Ok((Receipt { release, f, run, hash, proposal, nano_rho }, bytes))
    }

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

    /// The same for every run, whoever started it: for a steward who knows that none is alive.
    ///
    /// # Errors
    /// As [`Ledger::recover`].
    pub async fn recover_all(&self) -> Result<Vec<Recovered>> {
        self.end_runs(|_| true).await
    }

    /// The result of F, if it is released: the very bytes that were drawn.
    ///
    /// # Errors
    /// `Withdrawn`; `Result` where the stored bytes are missing or not those of the ledger.
    pub async fn receipt(&self, f: Digest) -> Result<Option<(Receipt, Bytes)>> {
        let state = self.state().await?;
        match state.request(&f).map(|request| (request.state, request)) {
            Some((Stage::Released | Stage::Published, request)) => self.stored(request).await.map(Some),
            Some((Stage::Withdrawn, request)) => Err(Error::Withdrawn { release: request.release().clone() }),
            _ => Ok(None),
        }
    }

    async fn end_runs(&self, mine: impl Fn(&RunId) -> bool) -> Result<Vec<Recovered>> {
        let state = self.state().await?;
        let mut ended = Vec::new();
        for request in state.requests() {
            let Some(run) = request.run.clone().filter(|run| request.state == Stage::Reserved && mine(run))
            else {
                continue;
            };
            let state = self.end_run(request, &run).await?;
            ended.push(Recovered { release: request.release().clone(), f: request.f, run, state });
        }
        self.delete_late(&self.state().await?).await?;
        Ok(ended)
    }

    async fn end_run(&self, request: &RequestState, run: &RunId) -> Result<Stage> {
        let stored = self.store().get(&path(run)).await?;
        if let Some(bytes) = stored.filter(|bytes| is_whole(bytes, request)) {
            self.store().sync(&path(run)).await?;
            self.release(request.f, run, Digest::of(&bytes)).await?;
            return Ok(Stage::Released);
        }
        let said = Event::Forfeited(Forfeited { f: request.f, run: run.clone() });
        self.append(|_| Ok(Some(said.draft()))).await?;
        Ok(Stage::Forfeited)
    }

    /// Deletes, unseen, what runs stored that were forfeited before.
    async fn delete_late(&self, state: &State) -> Result<()> {
        let forfeited: BTreeSet<String> = state
            .requests()
            .into_iter()
            .filter(|request| request.state == Stage::Forfeited)
            .filter_map(|request| request.run.as_ref().map(path))
            .collect();
        if forfeited.is_empty() {
            return Ok(());
        }
        for late in self.store().list(RUNS).await?.iter().filter(|stored| forfeited.contains(*stored)) {
            self.store().delete(late).await?;
        }
        Ok(())
    }

    /// Records a result that is durable; refuses one that is not, or has other bytes. Recorded already: no new entry.
    pub(super) async fn release(&self, f: Digest, run: &RunId, hash: Digest) -> Result<()> {
        self.read_result(run, hash).await?;
        let said = Event::Released(Released { f, run: run.clone(), hash });
        self.append(|state| {
            let known =
                state.request(&f).is_some_and(|r| r.run.as_ref() == Some(run) && r.hash == Some(hash));
            Ok((!known).then(|| said.draft()))
        })
        .await?;
        Ok(())
    }

    async fn stored(&self, request: &RequestState) -> Result<(Receipt, Bytes)> {
        let (Some(run), Some(hash)) = (request.run.clone(), request.hash) else {
            return Err(Refusal::Unknown { id: request.f }.into());
        };
        let bytes = self.read_result(&run, hash).await?;
        let receipt = Receipt {
            release: request.release().clone(),
            f: request.f,
            run,
            hash,
            proposal: request.proposal_id,
            nano_rho: request.charged,
        };
        Ok((receipt, bytes))
    }

    pub(crate) async fn read_result(&self, run: &RunId, hash: Digest) -> Result<Bytes> {
        let wrong = |what| Error::Result { run: run.clone(), what };
        let bytes = self.store().get(&path(run)).await?.ok_or_else(|| wrong("it is not stored"))?;
        if Digest::of(&bytes) == hash {
            Ok(bytes)
        } else {
            Err(wrong("its bytes are not those of the ledger"))
        }
    }
}

fn path(run: &RunId) -> String {
    format!("{RUNS}/{}", run.as_str())
}

fn reserved(request: &RequestState, run: &RunId, data: Digest) -> Event {
    Event::Reserved(Reserved {
        f: request.f,
        proposal: request.proposal_id,
        run: run.clone(),
        nano_rho: request.proposal.nano_rho,
        scopes: Scope::of(&request.proposal),
        data,
    })
}

/// Whether stored bytes are the whole result of this request.
fn is_whole(bytes: &[u8], request: &RequestState) -> bool {
    serde_json::from_slice::<RunResult>(bytes).is_ok_and(|result| is_of(&result, request))
}

/// Whether a result is this request's: the same shapes, and noise of the price that was charged.
fn is_of(result: &RunResult, request: &RequestState) -> bool {
    let asked = &request.proposal.request;
    let shapes = asked.statistics.iter().filter_map(|statistic| statistic.shape.as_ref());
    let drawn = match &result.noisy {
        None => shapes.count() == 0,
        Some(noisy) => {
            shapes.eq(noisy.shapes()) && noisy.f() == asked.f && noisy.nano_rho() == request.charged
        }
    };
    let names = (&result.release, result.f, result.proposal);
    drawn && names == (request.release(), request.f, request.proposal_id)
}
