//! What entries about first-time series leave in the state; facts are counted even where they break a rule.

use marsad_log::Entry;
use marsad_terms::{Digest, NanoRho, RunId};

use crate::event::{Opened, StepReserved};
use crate::proposal::SeriesStep;
use crate::scope::{Outcome, Scope};
use crate::series::{Charge, Draw, SeriesState, nothing, opened_by, opening_charge};
use crate::stage::Stage;
use crate::state::State;

impl State {
    /// Charges what was approved; where an entry states more, that.
    pub(super) fn open(&mut self, entry: &Entry, said: Opened) {
        let request = self.proposals.get(&said.proposal).and_then(|f| self.requests.get(f));
        let proposal = request.map(|request| &request.proposal);
        let derived = proposal.and_then(|proposal| opening_charge(proposal, &said.series));
        let (price, scopes) = at_least((said.nano_rho, said.scopes), derived.unwrap_or_else(nothing));
        let shape = proposal.and_then(|proposal| opened_by(proposal, &said.series));
        let shape = shape.map(|(_, _, asked)| asked.shape.clone());
        self.budget.reserve(&scopes, price);
        if let Some(shape) = shape {
            self.series.entry(said.series).or_insert(SeriesState {
                series: said.series,
                proposal: said.proposal,
                shape,
                nano_rho: price,
                record_types: said.record_types,
                sequence: entry.sequence,
                steps: Vec::new(),
            });
        }
    }

    pub(super) fn charge_step(&mut self, entry: &Entry, said: StepReserved) {
        let drawn = SeriesStep { series: said.series, step: said.step, revision: said.revision };
        let open = self.series.get_mut(&said.series);
        let derived = open.as_ref().map_or_else(nothing, |open| open.charge_of(drawn));
        let (price, scopes) = at_least((said.nano_rho, said.scopes), derived);
        self.budget.reserve(&scopes, price);
        self.runs.insert(said.run.clone());
        self.last_read = Some((said.run.clone(), said.data));
        let Some(open) = open else { return };
        let draw = Draw {
            revision: said.revision,
            run: said.run,
            stage: Stage::Reserved,
            hash: None,
            nano_rho: price,
            sequence: entry.sequence,
            scopes,
        };
        let next = open.next_step();
        match open.steps.get_mut(said.step as usize) {
            Some(draws) => draws.push(draw),
            None if said.step == next => open.steps.push(vec![draw]),
            None => {}
        }
    }

    pub(super) fn end_step(
        &mut self,
        entry: &Entry,
        (series, step): (Digest, u32),
        run: &RunId,
        hash: Option<Digest>,
    ) {
        let draws = self.series.get_mut(&series).and_then(|open| open.steps.get_mut(step as usize));
        let Some(draw) = draws.and_then(|draws| draws.iter_mut().find(|draw| draw.run == *run)) else {
            return;
        };
        (draw.stage, draw.hash, draw.sequence) = match hash {
            Some(_) => (Stage::Released, hash, entry.sequence),
            None => (Stage::Forfeited, None, entry.sequence),
        };
        let outcome = if hash.is_some() { Outcome::Released } else { Outcome::Forfeited };
        self.budget.settle(&draw.scopes, draw.nano_rho, outcome);
    }
}

/// The greater price in all scopes of both: never under-counted.
fn at_least((stated, mut scopes): Charge, (derived, of): Charge) -> Charge {
    let price = stated.max(derived);
    scopes.extend(of);
    if price > NanoRho::ZERO {
        scopes.insert(Scope::Lifetime);
    }
    (price, scopes)
}
