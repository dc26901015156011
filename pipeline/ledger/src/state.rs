//! What the entries so far add up to: policy in force, budget, and where each request stands.
//!
//! A value of the past: only the judge and the replay beside it change one. Deliberately without a clock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use marsad_terms::{Digest, Name, NanoRho, RecordTypeId, ReleaseId, RunId, Text, nearest};

use crate::error::{Error, Result};
use crate::policy::{InForce, Policy, Role};
use crate::proposal::Proposal;
use crate::refusal::Refusal;
use crate::scope::{self, Budget, Charges, Scope, ScopeAfter, ScopeUse, Shortfall};
use crate::series::{self, SeriesState};
use crate::sign::PublicKey;
use crate::stage::Stage;
use crate::statement::Answer;
use crate::transfer::Transfer;

/// One person's decision on the proposal in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The signer's name in the policy.
    pub signer: String,
    /// The role that made it count.
    pub role: Role,
    /// Yes or no.
    pub decision: Answer,
    /// Answers by checklist item.
    pub confirmed: BTreeMap<String, String>,
    /// Why.
    pub reason: String,
    /// When it was appended.
    pub time: String,
    /// Its entry.
    pub sequence: u64,
    /// Whether `approval_days` have passed: it no longer counts.
    pub lapsed: bool,
    pub(crate) key: PublicKey,
}

/// A request F and all that happened to it.
#[derive(Clone, Debug)]
pub struct RequestState {
    /// The request's digest.
    pub f: Digest,
    /// The id of the newest proposal for it.
    pub proposal_id: Digest,
    /// That proposal.
    pub proposal: Proposal,
    /// Who proposed.
    pub author: String,
    /// Where it stands.
    pub state: Stage,
    /// Decisions on the newest proposal, in order.
    pub decisions: Vec<Decision>,
    /// The run that reserved.
    pub run: Option<RunId>,
    /// Lifetime budget used before this request was reserved.
    pub used_before: Option<NanoRho>,
    /// Hash of the run's result.
    pub hash: Option<Digest>,
    /// Hash of `release.json`.
    pub manifest: Option<Digest>,
    /// The bundle's time.
    pub published: Option<String>,
    /// The head that the bundle names.
    pub ledger_head: Option<Digest>,
    /// The signature of `release.json`.
    pub sshsig: Option<String>,
    /// Why it was withdrawn.
    pub reason: Option<Text>,
    /// When it was withdrawn.
    pub withdrawn: Option<String>,
    /// Hash of the `release.json` that stands in its place since.
    pub tombstone: Option<Digest>,
    /// The signature of that `release.json`.
    pub tombstone_sshsig: Option<String>,
    /// Who was served with the bundle, in order.
    pub transfers: Vec<Transfer>,
    /// The entry of the newest proposal.
    pub proposed_at: u64,
    /// When that was, RFC 3339.
    pub proposed: String,
    /// The calendar rule of the policy that was in force then.
    pub period_closes_after_months: Option<u32>,
    /// The newest entry about it.
    pub sequence: u64,
    pub(crate) author_key: Option<PublicKey>,
    pub(crate) publisher_key: Option<PublicKey>,
    pub(crate) withdrawer_key: Option<PublicKey>,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) charged: NanoRho,
}

impl RequestState {
    /// The release's public id.
    pub fn release(&self) -> &ReleaseId {
        &self.proposal.release
    }

    /// Approvals that count.
    pub fn approvals(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().filter(|made| made.decision == Answer::Approve && !made.lapsed)
    }

    pub(crate) fn n_approvals(&self) -> u32 {
        u32::try_from(self.approvals().count()).unwrap_or(u32::MAX)
    }

    /// How many approvals have lapsed: what an approver signs names it, so that no earlier signature counts once more.
    pub fn round(&self) -> u32 {
        u32::try_from(self.decisions.iter().filter(|made| made.lapsed).count()).unwrap_or(u32::MAX)
    }

    /// Marks approvals that are older than `days` at `time`; too few, and the request is merely proposed.
    fn lapse(&mut self, days: u32, time: &str) {
        if !matches!(self.state, Stage::Proposed | Stage::Approved) {
            return;
        }
        for decision in &mut self.decisions {
            decision.lapsed |= has_passed(&decision.time, days, time);
        }
        if self.n_approvals() < self.proposal.approvals_needed {
            self.state = Stage::Proposed;
        }
    }
}

/// Whether more than `days` lie between two times; times that cannot be read count as passed.
fn has_passed(since: &str, days: u32, now: &str) -> bool {
    match (DateTime::parse_from_rfc3339(since), DateTime::parse_from_rfc3339(now)) {
        (Ok(since), Ok(now)) => now - since > TimeDelta::days(i64::from(days)),
        _ => true,
    }
}

/// The ledger at one entry.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(crate) workspace: Option<Digest>,
    pub(crate) policy: Option<InForce>,
    /// Entries of policies under which approvals count: the one in force, and those before it that differ in caps alone.
    pub(crate) counting: BTreeSet<Digest>,
    pub(crate) ceiling: Option<NanoRho>,
    pub(crate) head: Option<(u64, Digest)>,
    /// The latest time of any entry, RFC 3339 UTC.
    pub(crate) latest: String,
    pub(crate) requests: BTreeMap<Digest, RequestState>,
    /// F of every proposal that was ever made.
    pub(crate) proposals: BTreeMap<Digest, Digest>,
    pub(crate) series: BTreeMap<Digest, SeriesState>,
    pub(crate) runs: BTreeSet<RunId>,
    /// The run that was reserved last, and its commitment to the custody head that it read.
    pub(crate) last_read: Option<(RunId, Digest)>,
    pub(crate) budget: Budget,
    /// Requests whose approvals may lapse: of those that are proposed or approved.
    pub(crate) undecided: BTreeSet<Digest>,
    /// Requests that hold a release id: those under which a result exists or existed.
    pub(crate) holders: BTreeMap<ReleaseId, BTreeSet<Digest>>,
}

impl State {
    /// The workspace's id, the hash of the first entry; none before the first policy.
    pub fn workspace(&self) -> Option<Digest> {
        self.workspace
    }

    /// The policy in force.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref().map(|in_force| &in_force.policy)
    }

    /// The hash of the entry that holds the policy in force.
    pub fn policy_hash(&self) -> Option<Digest> {
        self.policy.as_ref().map(|in_force| in_force.hash)
    }

    /// What no cap can pass.
    pub fn ceiling(&self) -> Option<NanoRho> {
        self.ceiling
    }

    /// Number and hash of the last entry.
    pub fn head(&self) -> Option<(u64, Digest)> {
        self.head
    }

    /// The number that the next entry will have.
    pub fn next(&self) -> u64 {
        self.head.map_or(0, |(sequence, _)| sequence + 1)
    }

    /// Lifetime budget used so far.
    pub fn used(&self) -> NanoRho {
        self.budget.used(&Scope::Lifetime)
    }

    /// All scopes that are used or capped: lifetime, years, record types.
    pub fn scopes(&self) -> Vec<ScopeUse> {
        let record_types = self.policy().into_iter().flat_map(|policy| policy.record_type_nano_rho.keys());
        let capped = record_types.cloned().map(Scope::RecordType);
        self.budget.uses(std::iter::once(Scope::Lifetime).chain(capped).collect(), |scope| self.cap(scope))
    }

    /// All requests, in the order of their newest proposals.
    pub fn requests(&self) -> Vec<&RequestState> {
        let mut requests: Vec<&RequestState> = self.requests.values().collect();
        requests.sort_by_key(|request| request.proposed_at);
        requests
    }

    /// The request of a digest F.
    pub fn request(&self, f: &Digest) -> Option<&RequestState> {
        self.requests.get(f)
    }

    /// The request that a person means: a release id, or the first four or more digits of a proposal id.
    ///
    /// A release id means the request that holds it, or else the one proposed last under it.
    ///
    /// # Errors
    /// `NotFound` with the nearest release id; `Ambiguous`; `Refused` for a proposal that a newer one replaced.
    pub fn find(&self, text: &str) -> Result<&RequestState> {
        let named = self.requests().into_iter().filter(|request| request.release().as_str() == text);
        let named = named.max_by_key(|request| (request.state.holds_the_release_id(), request.proposed_at));
        if let Some(request) = named {
            return Ok(request);
        }
        let digits = text.strip_prefix("b3:").unwrap_or(text);
        let found: Vec<&RequestState> = self
            .requests
            .values()
            .filter(|request| digits.len() >= 4 && request.proposal_id.hex().starts_with(digits))
            .collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(self.not_found(text, digits)),
            _ => Err(Error::Ambiguous { text: text.to_owned() }),
        }
    }

    fn not_found(&self, text: &str, digits: &str) -> Error {
        let replaced = self.proposals.keys().find(|id| digits.len() >= 4 && id.hex().starts_with(digits));
        if let Some(proposal) = replaced {
            return Refusal::Superseded { proposal: *proposal }.into();
        }
        let releases = self.requests.values().map(|request| request.release().as_str());
        Error::NotFound { text: text.to_owned(), nearest: nearest(text, releases).map(str::to_owned) }
    }

    /// The request of F, or the one whose newest proposal has this id.
    pub(crate) fn by_id(&self, id: Digest) -> Result<&RequestState, Refusal> {
        if let Some(request) = self.requests.get(&id) {
            return Ok(request);
        }
        let f = self.proposals.get(&id).ok_or(Refusal::Unknown { id })?;
        let request = self.requests.get(f).ok_or(Refusal::Unknown { id })?;
        if request.proposal_id == id { Ok(request) } else { Err(Refusal::Superseded { proposal: id }) }
    }

    /// A series that was opened.
    pub fn series(&self, id: &Digest) -> Option<&SeriesState> {
        self.series.get(id)
    }

    /// What is reserved and has not ended: the releases, then the statistics of the series, that a run somewhere works on.
    pub fn running(&self) -> Vec<String> {
        let requests = self.requests().into_iter().filter(|request| request.state == Stage::Reserved);
        let drawn = |series: &&SeriesState| series.all_draws().any(|(_, draw)| draw.stage == Stage::Reserved);
        let series = self.all_series().filter(drawn).map(|series| series.shape.statistic().id.to_string());
        requests.map(|request| request.release().to_string()).chain(series).collect()
    }

    /// The run that was reserved last, and its keyed commitment to the custody head that it read: what landed then must be there
    /// still, or have been followed by what the custody log tells.
    pub fn last_read(&self) -> Option<&(RunId, Digest)> {
        self.last_read.as_ref()
    }

    /// All open series, in the order of their digests.
    pub fn all_series(&self) -> impl Iterator<Item = &SeriesState> {
        self.series.values()
    }

    /// Every scope that the proposal's cost would exceed; nothing where it fits. Series that are open and redraws that
    /// were reserved cost nothing more.
    pub fn refusal_for(&self, proposal: &Proposal) -> Vec<Shortfall> {
        self.budget.exceeding(self.charges(proposal).iter(), |scope| self.cap(scope))
    }

    /// The proposal's scopes, before and after its cost: the joint vector in the release's years, each series that it opens
    /// in that of its first step, each redraw in that of its step.
    pub fn would_use(&self, proposal: &Proposal) -> Vec<ScopeAfter> {
        let describe = |(scope, price): (&Scope, NanoRho)| {
            let used = self.budget.used(scope);
            let after = scope::after(used, price);
            ScopeAfter { cap: self.cap(scope), scope: scope.to_string(), used, after }
        };
        self.charges(proposal).iter().map(describe).collect()
    }

    /// What a proposal has yet to pay before its result stands.
    pub(crate) fn charges(&self, proposal: &Proposal) -> Charges {
        let request = &proposal.request;
        let mut charges = Charges::default();
        charges.add(Scope::of(proposal), request.nano_rho);
        let missing = proposal.series.iter().filter(|terms| !self.series.contains_key(&terms.series));
        for (price, scopes) in missing.filter_map(|terms| series::opening_charge(proposal, &terms.series)) {
            charges.add(scopes, price);
        }
        for redraw in &request.redraws {
            if let Some(series) = self.series.get(&redraw.series).filter(|series| series.lacks(*redraw)) {
                let (price, scopes) = series.charge_of(*redraw);
                charges.add(scopes, price);
            }
        }
        charges
    }

    /// How many distinct approvers the policy wants for these record types.
    pub fn approvals_for<'a>(&self, record_types: impl IntoIterator<Item = &'a RecordTypeId>) -> u32 {
        self.policy().map_or(1, |policy| policy.approvals_for(record_types))
    }

    pub(crate) fn cap(&self, scope: &Scope) -> Option<NanoRho> {
        self.policy().and_then(|policy| policy.cap(scope))
    }

    /// The state as it is at `time`, or at the latest time that any entry has where that is later, so that a clock that is
    /// set back revives nothing: approvals that the policy lets lapse count no more.
    pub(crate) fn settle(&mut self, time: &str) {
        if time > self.latest.as_str() {
            time.clone_into(&mut self.latest);
        }
        let Some(days) = self.policy().and_then(|policy| policy.approval_days) else { return };
        for f in &self.undecided {
            if let Some(request) = self.requests.get_mut(f) {
                request.lapse(days, &self.latest);
            }
        }
    }

    /// Keeps the two lists by stage true after a request has changed.
    pub(crate) fn file(&mut self, f: Digest) {
        let Some(request) = self.requests.get(&f) else { return };
        if matches!(request.state, Stage::Proposed | Stage::Approved) {
            self.undecided.insert(f);
        } else {
            self.undecided.remove(&f);
        }
        let holders = self.holders.entry(request.release().clone()).or_default();
        if request.state.holds_the_release_id() {
            holders.insert(f);
        } else {
            holders.remove(&f);
        }
    }
}
