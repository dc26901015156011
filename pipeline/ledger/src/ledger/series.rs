//! First-time series: opened once, then drawn step by step, each step once, at no further cost (algorithms 6, 10).
//!
//! The same way as a request's: reserve, draw, store, record. It deliberately lacks a way to draw a step twice: whoever
//! comes later takes what is stored.

use marsad_privacy::series::NoisyStep;
use marsad_terms::{Digest, RunId};

use super::{Done, Ledger};
use crate::error::{Error, Result};
use crate::event::{Event, StepReleased, StepReserved};
use crate::proposal::SeriesStep;
use crate::refusal::Refusal;
use crate::reservation::StepReservation;
use crate::series::{Draw, SeriesState, opening};
use crate::stage::Stage;
use crate::state::State;

/// What a request to draw a step finds.
#[derive(Debug)]
#[must_use]
pub enum ReserveStep {
    /// Nobody drew it before; draw, once.
    New(StepReservation),
    /// It was drawn before: the very figures, at no cost.
    Stored(Box<NoisyStep>),
}

impl Ledger {
    /// Opens and charges every series that an approved proposal opens and that nobody opened meanwhile. `proposal` is F or
    /// the id of its newest proposal. All open already: no new entry, so a call that failed may be made again.
    ///
    /// # Errors
    /// `Refused` where it is not approved, or all that the proposal has yet to pay, its joint vector included, does not fit a
    /// scope: then nothing more is charged.
    pub async fn open_series(&self, proposal: Digest) -> Result<()> {
        let opens = self.state().await?.by_id(proposal)?.proposal.series.clone();
        for terms in opens.into_iter().filter(|terms| terms.opens) {
            self.append(|state| {
                let request = state.by_id(proposal)?;
                if state.series.contains_key(&terms.series) {
                    return Ok(None);
                }
                let said = opening(&request.proposal, request.proposal_id, &terms.series);
                Ok(said.map(|said| Event::Opened(said).draft()))
            })
            .await?;
        }
        Ok(())
    }

    /// Reserves the next step of an open series, or a redraw that an approved release lists; gives what was drawn before,
    /// whichever revision of the step that is. `data` is the keyed commitment to what the run will read.
    ///
    /// # Errors
    /// `Refused` where the series is not open, the step is not the next one, it was forfeited, its redraw is not approved or
    /// does not fit a scope, or another run is in progress. After a failure of the store the reservation may stand:
    /// [`Ledger::recover`] ends it.
    pub async fn reserve_step(&self, step: SeriesStep, run: RunId, data: Digest) -> Result<ReserveStep> {
        self.installation().start(&run)?;
        let done = self
            .append(|state| {
                let open = open(state, &step.series)?;
                let stored = open.released(step.step).is_some_and(|draw| draw.revision >= step.revision);
                Ok((!stored).then(|| reserved(open, step, &run, data).draft()))
            })
            .await;
        let Done { state, written } = self.started(&run, done)?;
        let open = open(&state, &step.series)?;
        if written {
            let (charged, _) = open.charge_of(step);
            return Ok(ReserveStep::New(StepReservation {
                drawn: step,
                run,
                opened: open.nano_rho,
                charged,
            }));
        }
        let drawn = Refusal::StepDrawn { series: step.series, step: step.step };
        let draw = open.released(step.step).ok_or(drawn)?;
        Ok(ReserveStep::Stored(Box::new(self.read_step(draw).await?)))
    }

    /// Stores the result of a step, create-only, and records its hash. Only then may it be shown.
    ///
    /// # Errors
    /// `Result` where it is no result of this draw; `Refused` where the run was forfeited meanwhile: its bytes are deleted
    /// unseen.
    pub async fn complete_step(&self, reservation: StepReservation, result: &NoisyStep) -> Result<()> {
        let StepReservation { drawn, run, .. } = &reservation;
        let state = self.state().await?;
        if !open(&state, &drawn.series)?.holds(*drawn, result) {
            return Err(Error::Result { run: run.clone(), what: "it is not of the step that was reserved" });
        }
        let bytes = self.store_result(run, result).await?;
        let recorded = self.release_step(*drawn, run, Digest::of(&bytes)).await;
        self.ended(run, recorded).await
    }

    /// The stored results of all steps that are drawn, from step 0 up to the first one of which a run is in progress; `None`
    /// where a step was forfeited and not drawn again.
    ///
    /// # Errors
    /// `Refused` where the series is not open; `Result` where stored bytes are missing or not those of the ledger.
    pub async fn drawn_steps(&self, series: &Digest) -> Result<Vec<Option<NoisyStep>>> {
        let state = self.state().await?;
        let open = open(&state, series)?;
        let mut drawn = Vec::new();
        for draw in (0..open.next_step()).map_while(|step| open.newest(step)) {
            drawn.push(match draw.stage {
                Stage::Reserved => break,
                Stage::Released => Some(self.read_step(draw).await?),
                _ => None,
            });
        }
        Ok(drawn)
    }

    /// Records a step's result that is durable; refuses one that is not, or has other bytes. Recorded already: no new entry.
    pub(super) async fn release_step(&self, of: SeriesStep, run: &RunId, hash: Digest) -> Result<()> {
        self.read_result(run, hash).await?;
        let said = StepReleased { series: of.series, step: of.step, run: run.clone(), hash };
        let said = Event::StepReleased(said);
        self.append(|state| {
            let open = open(state, &of.series)?;
            let known =
                open.released(of.step).is_some_and(|draw| draw.run == *run && draw.hash == Some(hash));
            Ok((!known).then(|| said.draft()))
        })
        .await?;
        Ok(())
    }

    pub(super) async fn read_step(&self, draw: &Draw) -> Result<NoisyStep> {
        let run = &draw.run;
        let wrong = |what| Error::Result { run: run.clone(), what };
        let hash = draw.hash.ok_or_else(|| wrong("it is not stored"))?;
        let bytes = self.read_result(run, hash).await?;
        serde_json::from_slice(&bytes).map_err(|_| wrong("it does not read as a step of a series"))
    }
}

fn open<'a>(state: &'a State, series: &Digest) -> Result<&'a SeriesState, Refusal> {
    state.series(series).ok_or(Refusal::NotOpened { series: *series })
}

fn reserved(open: &SeriesState, step: SeriesStep, run: &RunId, data: Digest) -> Event {
    let (nano_rho, scopes) = open.charge_of(step);
    let SeriesStep { series, step, revision } = step;
    Event::StepReserved(StepReserved { series, step, revision, run: run.clone(), nano_rho, scopes, data })
}
