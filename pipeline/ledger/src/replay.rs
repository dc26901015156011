//! Entries become a state: each is judged and then recorded. The same function serves an append and a replay.
//!
//! Deliberately without I/O. [`replay`] stops at the first broken rule; [`replay_all`] lists every one and goes on, with
//! facts (what was drawn, charged, published) taken as they happened and decisions (policy, approvals) only where right.

use std::collections::BTreeSet;
use std::convert::Infallible;

use marsad_log::Entry;
use marsad_terms::{Digest, NanoRho};

use crate::error::{Error, Result};
use crate::event::{Event, Published, Released, Reserved, Withdrawn};
use crate::judge::{Judgement, Signed};
use crate::policy::{InForce, Policy};
use crate::proposal::Proposal;
use crate::refusal::Refusal;
use crate::scope::{Outcome, Scope};
use crate::stage::{Act, Stage};
use crate::state::{Decision, RequestState, State};
use crate::statement::{Answer, Statement};
use crate::verify::Fault;

mod reading;
mod series;

pub(crate) use reading::Alone;
use reading::Reading;

/// The state after all entries.
///
/// # Errors
/// `NotRight` where an entry breaks a rule: nothing is built on such a ledger.
pub(crate) fn replay(entries: &[Entry]) -> Result<State> {
    let mut state = State::default();
    reading::try_each(entries, |entry, reading| {
        let taken = state.apply_read(entry, reading);
        taken.map_err(|refusal| Error::NotRight { fault: Fault::of(entry.sequence, &refusal) })
    })?;
    Ok(state)
}

/// The state after all entries, and every rule that any of them breaks.
pub(crate) fn replay_all(entries: &[Entry]) -> (State, Vec<Fault>) {
    let mut state = State::default();
    let mut faults = Vec::new();
    let Ok(()) = reading::try_each(entries, |entry, Reading { event, alone }| {
        state.settle(&entry.time);
        match event {
            Err(refusal) => faults.push(Fault::of(entry.sequence, &refusal)),
            Ok(event) => {
                let judgement = state.judge(entry, &event, alone);
                faults.extend(judgement.refusals.iter().map(|refusal| Fault::of(entry.sequence, refusal)));
                if stands_anyway(&event, &judgement.refusals) {
                    state.record(entry, event, judgement.signed);
                }
            }
        }
        state.head = Some((entry.sequence, entry.hash));
        Ok::<(), Infallible>(())
    });
    (state, faults)
}

/// Whether an entry that breaks rules says what happened nevertheless.
fn stands_anyway(event: &Event, refusals: &[Refusal]) -> bool {
    let impossible = |refusal: &Refusal| {
        matches!(refusal, Refusal::NotListed { .. } | Refusal::Unknown { .. } | Refusal::Exists { .. })
    };
    match event {
        Event::Genesis(_) => !refusals.contains(&Refusal::Beginning),
        Event::Policy(_) | Event::Decided(_) => refusals.is_empty(),
        Event::Opened(_) | Event::Reserved(_) | Event::StepReserved(_) => true,
        _ => !refusals.iter().any(impossible),
    }
}

impl State {
    /// Takes the next entry, or refuses it and stays as it is but for lapsed approvals.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<(), Refusal> {
        self.apply_read(entry, Reading::of(entry))
    }

    fn apply_read(&mut self, entry: &Entry, Reading { event, alone }: Reading) -> Result<(), Refusal> {
        self.settle(&entry.time);
        let event = event?;
        let Judgement { refusals, signed, .. } = self.judge(entry, &event, alone);
        if let Some(refusal) = refusals.into_iter().next() {
            return Err(refusal);
        }
        self.record(entry, event, signed);
        self.head = Some((entry.sequence, entry.hash));
        Ok(())
    }

    fn record(&mut self, entry: &Entry, event: Event, signed: Option<Signed>) {
        match event {
            Event::Genesis(policy) => self.begin(entry, policy),
            Event::Policy(policy) => self.replace(entry, policy),
            Event::Proposed(proposal, id) => {
                let f = proposal.f;
                self.proposals.insert(id, f);
                let request = proposed(entry, *proposal, id, signed, self.policy());
                self.requests.insert(f, request);
                self.file(f);
            }
            Event::Decided(statement) => self.decide(entry, statement, signed),
            Event::Reserved(reserved) => self.charge(entry, reserved),
            Event::Released(Released { f, hash, .. }) => {
                self.end(entry, f, Act::Release);
                self.change(entry, f, |request| request.hash = Some(hash));
            }
            Event::Forfeited(said) => self.end(entry, said.f, Act::Forfeit),
            Event::Opened(said) => self.open(entry, said),
            Event::StepReserved(said) => self.charge_step(entry, said),
            Event::StepReleased(said) => {
                self.end_step(entry, (said.series, said.step), &said.run, Some(said.hash));
            }
            Event::StepForfeited(said) => self.end_step(entry, (said.series, said.step), &said.run, None),
            Event::Published(said) => self.publish(entry, said, signed),
            Event::Transferred(said) => {
                self.change(entry, said.f, |request| request.transfers.push(said.transfer()));
            }
            Event::Withdrawn(said) => self.withdraw(entry, said, signed),
        }
    }

    fn begin(&mut self, entry: &Entry, policy: Policy) {
        self.workspace = Some(entry.hash);
        self.ceiling = Some(policy.ceiling_nano_rho.unwrap_or(policy.lifetime_nano_rho));
        self.replace(entry, policy);
    }

    fn replace(&mut self, entry: &Entry, policy: Policy) {
        if !self.policy().is_some_and(|before| policy.differs_in_caps_alone(before)) {
            self.counting.clear();
        }
        self.counting.insert(entry.hash);
        self.policy = Some(InForce::new(entry.hash, policy));
    }

    fn decide(&mut self, entry: &Entry, statement: Statement, signed: Option<Signed>) {
        let (Some(f), Some(signed)) = (self.proposals.get(&statement.proposal).copied(), signed) else {
            return;
        };
        let decision = Decision {
            signer: signed.name,
            role: signed.role,
            decision: statement.decision,
            confirmed: statement.confirmed,
            reason: statement.reason,
            time: self.latest.clone(),
            sequence: entry.sequence,
            lapsed: false,
            key: signed.key,
        };
        self.change(entry, f, |request| {
            request.decisions.push(decision);
            let enough = request.n_approvals() >= request.proposal.approvals_needed;
            let act =
                if statement.decision == Answer::Approve { Act::Approve { enough } } else { Act::Reject };
            request.state = act.goal();
        });
    }

    /// Charges what was approved; where an entry states more, that.
    fn charge(&mut self, entry: &Entry, reserved: Reserved) {
        let used_before = self.used();
        let mut scopes = reserved.scopes;
        let mut price: NanoRho = reserved.nano_rho;
        scopes.insert(Scope::Lifetime);
        if let Some(request) = self.requests.get(&reserved.f) {
            scopes.extend(Scope::of(&request.proposal));
            price = price.max(request.proposal.request.nano_rho);
        }
        self.budget.reserve(&scopes, price);
        self.runs.insert(reserved.run.clone());
        self.last_read = Some((reserved.run.clone(), reserved.data));
        self.change(entry, reserved.f, |request| {
            if request.run.is_none() {
                request.state = Stage::Reserved;
                request.run = Some(reserved.run);
                request.used_before = Some(used_before);
                request.scopes = scopes;
                request.charged = price;
            }
        });
    }

    fn end(&mut self, entry: &Entry, f: Digest, act: Act) {
        let outcome = if act == Act::Release { Outcome::Released } else { Outcome::Forfeited };
        if let Some(request) = self.requests.get(&f) {
            self.budget.settle(&request.scopes, request.charged, outcome);
        }
        self.change(entry, f, |request| request.state = act.goal());
    }

    fn publish(&mut self, entry: &Entry, said: Published, signed: Option<Signed>) {
        self.change(entry, said.f, |request| {
            request.state = Stage::Published;
            request.manifest = Some(said.manifest);
            request.published = Some(said.time);
            request.publisher_key = signed.map(|signed| signed.key);
            request.ledger_head = Some(said.ledger_head);
            request.sshsig = Some(said.sshsig);
        });
    }

    fn withdraw(&mut self, entry: &Entry, said: Withdrawn, signed: Option<Signed>) {
        self.change(entry, said.f, |request| {
            request.state = Stage::Withdrawn;
            request.withdrawn = Some(said.time.unwrap_or_else(|| entry.time.clone()));
            request.reason = Some(said.reason);
            request.tombstone = said.manifest;
            request.tombstone_sshsig = said.sshsig;
            request.withdrawer_key = signed.map(|signed| signed.key);
        });
    }

    fn change(&mut self, entry: &Entry, f: Digest, change: impl FnOnce(&mut RequestState)) {
        if let Some(request) = self.requests.get_mut(&f) {
            change(request);
            request.sequence = entry.sequence;
        }
        self.file(f);
    }
}

fn proposed(
    entry: &Entry,
    proposal: Proposal,
    id: Digest,
    signed: Option<Signed>,
    policy: Option<&Policy>,
) -> RequestState {
    RequestState {
        f: proposal.f,
        proposal_id: id,
        author: proposal.author.clone(),
        state: Stage::Proposed,
        decisions: Vec::new(),
        run: None,
        used_before: None,
        hash: None,
        manifest: None,
        published: None,
        ledger_head: None,
        sshsig: None,
        reason: None,
        withdrawn: None,
        tombstone: None,
        tombstone_sshsig: None,
        transfers: Vec::new(),
        proposed_at: entry.sequence,
        proposed: entry.time.clone(),
        period_closes_after_months: policy.and_then(|policy| policy.period_closes_after_months),
        sequence: entry.sequence,
        publisher_key: None,
        withdrawer_key: None,
        author_key: signed.map(|signed| signed.key),
        scopes: BTreeSet::new(),
        charged: NanoRho::ZERO,
        proposal,
    }
}
