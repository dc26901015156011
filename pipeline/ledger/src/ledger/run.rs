//! Reserve and complete: one draw a request, charged before a row is read (algorithms 10).

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use marsad_log::Created;
use marsad_privacy::noisy_table::RunResult;
use marsad_privacy::series::NoisySeries;
use marsad_terms::{Digest, Name, RunId};
use serde::Serialize;

use super::{Done, Ledger};
use crate::error::{Error, Result};
use crate::event::{Event, Released, Reserved};
use crate::proposal::SeriesRequest;
use crate::refusal::Refusal;
use crate::reservation::{Receipt, Reservation};
use crate::scope::Scope;
use crate::stage::Stage;
use crate::state::{RequestState, State};

/// The folder of results in the ledger's store.
pub(super) const RUNS: &str = "runs";

/// What a request to run finds.
#[derive(Debug)]
#[must_use]
pub enum Reserve {
    /// The cost is charged; draw, once.
    New(Reservation),
    /// It was drawn before: the same bytes, at no cost.
    Stored(Receipt, Bytes),
}

impl Ledger {
    /// Charges the joint vector of an approved request to all its scopes at once, or gives what was drawn before. `id` is F
    /// or the id of its newest proposal; `data` the keyed commitment to what the run will read.
    ///
    /// # Errors
    /// `Refused` where it is not approved, one of its series is not open, what it has yet to pay does not fit a scope (all of
    /// them are named), or another run is in progress; `Withdrawn`. After a failure of the store the charge may stand:
    /// [`Ledger::recover`] ends it.
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
        let Done { state, written } = self.started(&run, done)?;
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

    /// Forgets a run that certainly reserved nothing. Any other failure may have left the charge: `recover` looks for it.
    pub(super) fn started(&self, run: &RunId, done: Result<Done>) -> Result<Done> {
        if matches!(done, Ok(Done { written: false, .. }) | Err(Error::Refused(_) | Error::Withdrawn { .. }))
        {
            self.installation().end(run)?;
        }
        done
    }

    /// Stores the result of a run, create-only, and records its hash. Only then may it be shown.
    ///
    /// # Errors
    /// `Result` where it is not what was approved and charged, or its series are not those that are stored; `Refused` where
    /// the run was forfeited meanwhile: its bytes are deleted unseen.
    pub async fn complete(&self, reservation: Reservation, result: &RunResult) -> Result<(Receipt, Bytes)> {
        let Reservation { f, run, .. } = &reservation;
        let state = self.state().await?;
        let right = match state.request(f) {
            Some(request) => self.is_of(result, request, &state).await?,
            None => false,
        };
        if !right {
            return Err(Error::Result { run: run.clone(), what: "it is not what was approved and charged" });
        }
        let bytes = self.store_result(run, result).await?;
        let hash = Digest::of(&bytes);
        let recorded = self.release(*f, run, hash).await;
        self.ended(run, recorded).await?;
        let Reservation { release, f, proposal, run, nano_rho, .. } = reservation;
        Ok((Receipt { release, f, run, hash, proposal, nano_rho }, bytes))
    }

    pub(super) async fn store_result(&self, run: &RunId, result: &impl Serialize) -> Result<Bytes> {
        let bytes = serde_json::to_vec(result);
        let bytes =
            Bytes::from(bytes.map_err(|_| Error::Result { run: run.clone(), what: "it has no JSON" })?);
        if self.store().create(&path(run), &bytes).await? == Created::Exists {
            // A store that retries by itself may find its own object; recording it compares them.
            self.store().sync(&path(run)).await?;
        }
        Ok(bytes)
    }

    /// Ends a run whose result was recorded, or whose result came too late: that is deleted unseen.
    pub(super) async fn ended(&self, run: &RunId, recorded: Result<()>) -> Result<()> {
        if let Err(error) = &recorded {
            let late =
                matches!(error, Error::Refused(Refusal::NotListed { stage: Some(Stage::Forfeited), .. }));
            if !late {
                return recorded;
            }
            self.store().delete(&path(run)).await?;
        }
        self.installation().end(run)?;
        recorded
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

    /// The same of a request in an earlier state of the ledger, such as [`Ledger::state_at`] gives: a bundle that was published
    /// then comes out again byte for byte, though a release that it was made of has been withdrawn since.
    ///
    /// # Errors
    /// `Result` as above.
    pub async fn receipt_then(&self, request: &RequestState) -> Result<Option<(Receipt, Bytes)>> {
        match request.state {
            Stage::Released | Stage::Published => self.stored(request).await.map(Some),
            _ => Ok(None),
        }
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
        checked(run, hash, self.store().get(&path(run)).await?)
    }

    /// The same of many, in their order.
    pub(crate) fn read_results<'a>(
        &'a self,
        results: Vec<(&'a RunId, Digest)>,
    ) -> impl Stream<Item = Result<Bytes>> {
        let paths: Vec<String> = results.iter().map(|(run, _)| path(run)).collect();
        let read = stream::iter(results).zip(self.store().get_each(&paths));
        read.map(|((run, hash), bytes)| checked(run, hash, bytes?))
    }

    /// Whether a result is this request's: the same shapes, noise of the price that was charged, and of each series the
    /// very figures that its steps hold.
    pub(super) async fn is_of(
        &self,
        result: &RunResult,
        request: &RequestState,
        state: &State,
    ) -> Result<bool> {
        let asked: Vec<&SeriesRequest> = request.proposal.request.series().map(|(_, asked)| asked).collect();
        if !is_joint_of(result, request) || asked.len() != result.series.len() {
            return Ok(false);
        }
        for (asked, shown) in asked.into_iter().zip(&result.series) {
            if !self.shows(shown, asked, state).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A step may be missing where a draw of it was forfeited: another release may have had it drawn again since.
    async fn shows(&self, shown: &NoisySeries, asked: &SeriesRequest, state: &State) -> Result<bool> {
        let Some(open) = state.series(&asked.series) else { return Ok(false) };
        let is = (shown.series(), shown.shape(), shown.nano_rho());
        let length = (0..=asked.through).count();
        if is != (open.series, &open.shape, open.nano_rho) || shown.steps().len() != length {
            return Ok(false);
        }
        for (step, cells) in (0..).zip(shown.steps()) {
            let same = match (cells, open.released(step)) {
                (None, _) => open.draws(step).iter().any(|draw| draw.stage == Stage::Forfeited),
                (Some(_), None) => false,
                (Some(cells), Some(draw)) => self.read_step(draw).await?.cells() == cells,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is stored of a run, where it is what its entry states.
fn checked(run: &RunId, hash: Digest, stored: Option<Bytes>) -> Result<Bytes> {
    let wrong = |what| Error::Result { run: run.clone(), what };
    let bytes = stored.ok_or_else(|| wrong("it is not stored"))?;
    if Digest::of(&bytes) == hash { Ok(bytes) } else { Err(wrong("its bytes are not those of the ledger")) }
}

pub(super) fn path(run: &RunId) -> String {
    format!("{RUNS}/{}", run.as_str())
}

fn reserved(request: &RequestState, run: &RunId, data: Digest) -> Event {
    Event::Reserved(Reserved {
        f: request.f,
        proposal: request.proposal_id,
        run: run.clone(),
        nano_rho: request.proposal.request.nano_rho,
        scopes: Scope::of(&request.proposal),
        data,
    })
}

/// Whether the joint vector of a result is this request's.
fn is_joint_of(result: &RunResult, request: &RequestState) -> bool {
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
