//! The rules of first-time series (algorithms 6, 10): opened once, paid once, drawn step by step, each step once.
//!
//! Like the judge above it: pure, and every rule that an entry breaks is found.

use std::collections::BTreeSet;

use marsad_privacy::shape::Bound;
use marsad_terms::{Digest, NanoRho, RunId};

use super::Judgement;
use crate::event::{Opened, StepReserved};
use crate::proposal::{Proposal, SeriesDefinition, SeriesRequest, SeriesStep, SeriesTerms, StatisticRequest};
use crate::refusal::Refusal;
use crate::series::{SeriesState, opening};
use crate::stage::{Act, Stage};
use crate::state::{RequestState, State};

impl State {
    /// What a proposal says of its series follows from its request and from what is open.
    pub(super) fn judge_series(&self, found: &mut Judgement, proposal: &Proposal) {
        let broken = contradictions(proposal);
        found.refusals.extend(broken.into_iter().map(|what| Refusal::Inconsistent { what }));
        for terms in &proposal.series {
            self.judge_terms(found, terms);
        }
        for redraw in &proposal.request.redraws {
            self.judge_redraw(found, *redraw);
        }
    }

    fn judge_terms(&self, found: &mut Judgement, terms: &SeriesTerms) {
        let series = terms.series;
        match self.series.get(&series) {
            Some(_) if terms.opens => found.refusals.push(Refusal::AlreadyOpen { series }),
            Some(open) => {
                let what = "the price of a series is not what it cost";
                found.refuse_if(terms.nano_rho != open.nano_rho, || Refusal::Inconsistent { what });
            }
            None if !terms.opens => found.refusals.push(Refusal::NotOpened { series }),
            None => found.refuse_if(terms.nano_rho == NanoRho::ZERO, || Refusal::Zero),
        }
    }

    /// Only a forfeited step is drawn again, each time under the next revision.
    fn judge_redraw(&self, found: &mut Judgement, redraw: SeriesStep) {
        let SeriesStep { series, step, revision } = redraw;
        let next = self.series.get(&series).and_then(|open| open.next_revision(step));
        let right = next == Some(revision);
        found.refuse_if(!right, || Refusal::NotForfeited { series, step, revision });
    }

    pub(super) fn judge_opening(&self, found: &mut Judgement, said: &Opened) {
        let request = found.take(self.by_id(said.proposal));
        let Some(request) = request.filter(|request| request.proposal_id == said.proposal) else {
            found.refuse_if(found.refusals.is_empty(), || Refusal::Unknown { id: said.proposal });
            return;
        };
        found.refuse_unready(request);
        self.refuse_overtaken(found, &request.proposal);
        let series = said.series;
        found.refuse_if(self.series.contains_key(&series), || Refusal::AlreadyOpen { series });
        let derived = opening(&request.proposal, request.proposal_id, &series);
        found.refuse_if(derived.as_ref() != Some(said), || Refusal::Charge);
        // Nothing is spent on a release that cannot be finished.
        found.refuse_beyond(self.refusal_for(&request.proposal));
        self.judge_release_id(found, &request.proposal);
    }

    pub(super) fn judge_step(&self, found: &mut Judgement, said: &StepReserved) {
        let Some(open) = self.series.get(&said.series) else {
            found.refusals.push(Refusal::NotOpened { series: said.series });
            return;
        };
        let drawn = SeriesStep { series: said.series, step: said.step, revision: said.revision };
        found.refusals.extend(out_of_turn(open, drawn));
        if drawn.revision > 0 && found.refusals.is_empty() {
            self.judge_approval_of(found, drawn);
        }
        let (price, scopes) = open.charge_of(drawn);
        found.refuse_if((said.nano_rho, &said.scopes) != (price, &scopes), || Refusal::Charge);
        let charges = scopes.iter().map(|scope| (scope, price));
        found.refuse_beyond(self.budget.exceeding(charges, |scope| self.cap(scope)));
        self.judge_run(found, &said.run);
    }

    /// A redraw belongs to a release that lists it, is approved under the policy in force, and has not ended.
    fn judge_approval_of(&self, found: &mut Judgement, redraw: SeriesStep) {
        let requests = self.requests.values();
        let listing = requests.filter(|request| request.proposal.request.redraws.contains(&redraw));
        let counts = |request: &&RequestState| {
            request.state != Stage::Approved || self.counting.contains(&request.proposal.policy)
        };
        let listing = listing.filter(counts);
        let stages: BTreeSet<Stage> = listing.map(|request| request.state).collect();
        let ready = stages.contains(&Stage::Approved) || stages.contains(&Stage::Reserved);
        let stage = stages.first().copied();
        found.refuse_if(!ready, || Refusal::NotListed { stage, act: Act::Reserve.as_str() });
    }

    pub(super) fn judge_step_end(
        &self,
        found: &mut Judgement,
        (series, step): (Digest, u32),
        run: &RunId,
        act: Act,
    ) {
        let Some(open) = self.series.get(&series) else {
            found.refusals.push(Refusal::NotOpened { series });
            return;
        };
        let Some(draw) = open.draws(step).iter().find(|draw| draw.run == *run) else {
            found.refusals.push(Refusal::OtherRun { run: run.clone() });
            return;
        };
        let stage = Some(draw.stage);
        found.refuse_if(!act.is_allowed_at(stage), || Refusal::NotListed { stage, act: act.as_str() });
    }
}

/// Why this draw is not the next one: steps in order, each once; again only after it was forfeited.
fn out_of_turn(open: &SeriesState, drawn: SeriesStep) -> Option<Refusal> {
    let SeriesStep { series, step, revision } = drawn;
    let (horizon, next) = (open.horizon(), open.next_step());
    match open.newest(step) {
        _ if step >= horizon => Some(Refusal::BeyondHorizon { series, step, horizon }),
        None if step != next => Some(Refusal::StepOrder { series, step, next }),
        None if revision != 0 => Some(Refusal::NotForfeited { series, step, revision }),
        None => None,
        Some(draw) if draw.stage == Stage::Reserved => Some(Refusal::InProgress { run: draw.run.clone() }),
        Some(_) if open.next_revision(step) == Some(revision) => None,
        Some(_) => Some(Refusal::StepDrawn { series, step }),
    }
}

/// What in the series of a proposal does not follow from its request.
fn contradictions(proposal: &Proposal) -> Vec<&'static str> {
    let request = &proposal.request;
    let distinct: BTreeSet<Digest> = request.series().map(|(_, asked)| asked.series).collect();
    let redrawn: BTreeSet<(Digest, u32)> = request.redraws.iter().map(|r| (r.series, r.step)).collect();
    let shown = |redraw: &SeriesStep| {
        request.series().any(|(_, asked)| asked.series == redraw.series && redraw.step <= asked.through)
    };
    let in_the_vector = |statistic: &StatisticRequest| {
        let bound = statistic.shape.as_ref().map(|shape| &shape.bound);
        matches!(bound, Some(Bound::First { .. })) || bound.is_some() && statistic.series.is_some()
    };
    let named = proposal.series.len() == request.series().count()
        && request.series().zip(&proposal.series).all(|(asked, terms)| names(terms, asked));
    let defined = |asked| is_defined(&request.selection_key, asked);
    let broken = [
        (request.statistics.iter().any(in_the_vector), "a first-time series is no part of the joint vector"),
        (!request.series().all(defined), "a series is not the one that its statistic defines"),
        (distinct.len() != request.series().count(), "it names a series twice"),
        (!named, "what it says of its series is not what its request holds"),
        (!request.redraws.iter().all(shown), "it draws a step again that it does not show"),
        (redrawn.len() != request.redraws.len(), "it draws a step again twice"),
    ];
    broken.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect()
}

/// Whether S is the digest of what the request asks for, and the step that it shows exists.
fn is_defined(selection_key: &str, (statistic, asked): (&StatisticRequest, &SeriesRequest)) -> bool {
    let StatisticRequest { id, record_types, plan, .. } = statistic;
    let shape = asked.shape.clone();
    let defined = SeriesDefinition::new(selection_key, id.clone(), record_types.clone(), *plan, shape);
    let same = asked.shape.statistic().id == *id && defined.id().ok() == Some(asked.series);
    same && asked.through < asked.shape.horizon()
}

fn names(terms: &SeriesTerms, (statistic, asked): (&StatisticRequest, &SeriesRequest)) -> bool {
    let said = (&terms.statistic, terms.series, terms.horizon, terms.start);
    said == (&statistic.id, asked.series, asked.shape.horizon(), asked.shape.start())
}
