//! Which entry may follow: every rule of algorithms 5.2 and 10 and of the policy, on the state before it.
//!
//! Pure: reads neither store nor clock, and changes nothing. All rules that an entry breaks are found, not the first.

use std::collections::BTreeSet;

use marsad_log::Entry;
use marsad_terms::{Digest, NanoRho, RecordTypeId, ReleaseId, RunId, canonical};

use crate::event::{Event, Published, Reserved, Transferred, Withdrawn};
use crate::policy::{InForce, Policy, Role, Signer};
use crate::proposal::{Proposal, Request};
use crate::refusal::Refusal;
use crate::replay::Alone;
use crate::scope::{Budget, Scope, Shortfall};
use crate::sign::{self, PublicKey};
use crate::stage::{Act, Stage};
use crate::state::{RequestState, State};
use crate::statement::{Answer, Statement};

mod series;

/// Who may approve.
const APPROVERS: &[Role] = &[Role::Steward, Role::PrivacyOfficer];

/// Whose signature an entry bears, and the role that makes it count.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) key: PublicKey,
}

/// What the judge found.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) signed: Option<Signed>,
    /// What the entry alone tells; taken as it is asked for.
    alone: Alone,
}

impl Judgement {
    fn refuse_if(&mut self, broken: bool, refusal: impl FnOnce() -> Refusal) {
        if broken {
            self.refusals.push(refusal());
        }
    }

    /// Refuses what the table does not list; says whether it is listed.
    fn refuse_unlisted(&mut self, request: Option<&RequestState>, act: Act) -> bool {
        let stage = request.map(|request| request.state);
        let listed = act.is_allowed_at(stage);
        self.refuse_if(!listed, || Refusal::NotListed { stage, act: act.as_str() });
        listed
    }

    /// Refuses to charge a request that is not approved, or whose run has not ended.
    fn refuse_unready(&mut self, request: &RequestState) {
        let (valid, needed) = (request.n_approvals(), request.proposal.approvals_needed);
        match &request.run {
            Some(run) if Act::Release.is_allowed_at(Some(request.state)) => {
                self.refusals.push(Refusal::InProgress { run: run.clone() });
            }
            _ if request.decisions.iter().any(|made| made.lapsed) && valid < needed => {
                self.refusals.push(Refusal::Lapsed { valid, needed });
            }
            _ => {
                self.refuse_unlisted(Some(request), Act::Reserve);
            }
        }
    }

    fn refuse_beyond(&mut self, shortfalls: Vec<Shortfall>) {
        self.refuse_if(!shortfalls.is_empty(), || Refusal::Budget { shortfalls });
    }

    fn take<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.refusals.push(refusal)).ok()
    }

    /// Wants a signature of one of `roles` under a policy.
    fn sign(&mut self, policy: &InForce, entry: &Entry, namespace: &str, roles: &[Role]) {
        let key = std::mem::replace(&mut self.alone.key, Err(unsigned()));
        self.signed = self.take(signed(policy, (entry, key), namespace, roles));
    }
}

impl State {
    /// All rules that the entry breaks, were it the next.
    pub(crate) fn judge(&self, entry: &Entry, event: &Event, alone: Alone) -> Judgement {
        let mut found = Judgement { refusals: Vec::new(), signed: None, alone };
        if let Event::Genesis(policy) = event {
            self.judge_genesis(&mut found, entry, policy);
            return found;
        }
        let Some(in_force) = &self.policy else {
            found.refusals.push(Refusal::Beginning);
            return found;
        };
        match event {
            Event::Genesis(_) => {}
            Event::Policy(policy) => self.judge_policy(&mut found, entry, policy, in_force),
            Event::Proposed(proposal, id) => {
                self.judge_proposal(&mut found, proposal, *id, in_force);
                found.sign(in_force, entry, sign::PROPOSAL, &[Role::Analyst]);
                let other = found.signed.as_ref().filter(|signed| signed.name != proposal.author);
                let what =
                    other.map(|signed| format!("{} signed in the name of {}", signed.name, proposal.author));
                found.refusals.extend(what.map(|what| Refusal::Authority { what }));
            }
            Event::Decided(statement) => self.judge_decision(&mut found, entry, statement, in_force),
            Event::Opened(opened) => self.judge_opening(&mut found, opened),
            Event::Reserved(reserved) => self.judge_reservation(&mut found, reserved),
            Event::StepReserved(reserved) => self.judge_step(&mut found, reserved),
            Event::StepReleased(said) => {
                self.judge_step_end(&mut found, (said.series, said.step), &said.run, Act::Release);
            }
            Event::StepForfeited(said) => {
                self.judge_step_end(&mut found, (said.series, said.step), &said.run, Act::Forfeit);
            }
            Event::Released(said) => {
                self.judge_end(&mut found, said.f, &said.run, Act::Release);
            }
            Event::Forfeited(said) => {
                self.judge_end(&mut found, said.f, &said.run, Act::Forfeit);
            }
            Event::Published(said) => self.judge_publication(&mut found, entry, said, in_force),
            Event::Transferred(said) => self.judge_transfer(&mut found, entry, said, in_force),
            Event::Withdrawn(said) => self.judge_withdrawal(&mut found, entry, said, in_force),
        }
        found
    }

    fn judge_genesis(&self, found: &mut Judgement, entry: &Entry, policy: &Policy) {
        let begins = self.workspace.is_none() && entry.sequence == 0 && policy.replaces.is_none();
        found.refuse_if(!begins, || Refusal::Beginning);
        let what = policy.faults();
        found.refuse_if(!what.is_empty(), || Refusal::BadPolicy { what });
        found.sign(&InForce::new(entry.hash, policy.clone()), entry, sign::POLICY, &[Role::PrivacyOfficer]);
    }

    fn judge_policy(&self, found: &mut Judgement, entry: &Entry, policy: &Policy, in_force: &InForce) {
        // Without it whoever can write could append an earlier policy again, with the signature that it has.
        found.refuse_if(policy.replaces != Some(in_force.hash), || Refusal::OtherPolicy);
        let what = policy.faults();
        found.refuse_if(!what.is_empty(), || Refusal::BadPolicy { what });
        if let Some(ceiling) = self.ceiling {
            let other = policy.ceiling_nano_rho.is_some_and(|stated| stated != ceiling);
            found.refuse_if(other, || Refusal::CeilingFixed { fixed: ceiling });
            let above = policy.caps().into_iter().filter(|(_, cap)| *cap > ceiling);
            found.refusals.extend(above.map(|(scope, cap)| Refusal::Ceiling { scope, cap, ceiling }));
        }
        let shortfalls = below_used(&self.budget, policy);
        found.refuse_if(!shortfalls.is_empty(), || Refusal::CapBelowUsed { shortfalls });
        found.sign(in_force, entry, sign::POLICY, &[Role::PrivacyOfficer]);
    }

    fn judge_proposal(&self, found: &mut Judgement, proposal: &Proposal, id: Digest, in_force: &InForce) {
        found.refuse_if(self.proposals.contains_key(&id), || Refusal::Exists { proposal: id });
        let request = self.requests.get(&proposal.f);
        found.refuse_unlisted(request, Act::Propose);
        self.judge_release_id(found, proposal);
        found.refuse_if(Some(proposal.workspace) != self.workspace, || Refusal::OtherWorkspace);
        self.refuse_under_another_policy(found, proposal);
        found.refusals.append(&mut found.alone.contradictions);
        self.judge_series(found, proposal);
        let wanted = in_force.policy.approvals_for(all_record_types(proposal));
        let asked = proposal.approvals_needed;
        found.refuse_if(asked < wanted, || Refusal::TooFewApprovers { asked, wanted });
    }

    fn judge_decision(
        &self,
        found: &mut Judgement,
        entry: &Entry,
        statement: &Statement,
        in_force: &InForce,
    ) {
        let request = found.take(self.by_id(statement.proposal));
        // An id of F instead of a proposal's would let an approval outlive the proposal.
        let request = request.filter(|request| request.proposal_id == statement.proposal);
        found.refuse_if(Some(statement.workspace) != self.workspace, || Refusal::OtherWorkspace);
        found.refuse_if(Some(statement.policy) != self.policy_hash(), || Refusal::OtherPolicy);
        found.sign(in_force, entry, sign::APPROVAL, APPROVERS);
        let Some(request) = request else {
            found.refuse_if(found.refusals.is_empty(), || Refusal::Unknown { id: statement.proposal });
            return;
        };
        // The ledger holds earlier signatures: none of them makes an approval fresh again.
        let (signed, round) = (statement.round, request.round());
        found.refuse_if(signed != round, || Refusal::OtherRound { signed, round });
        if statement.decision == Answer::Reject {
            found.refuse_unlisted(Some(request), Act::Reject);
            found.refuse_if(statement.reason.trim().is_empty(), || Refusal::NoReason);
            return;
        }
        found.refuse_unlisted(Some(request), Act::Approve { enough: false });
        self.refuse_under_another_policy(found, &request.proposal);
        found.refusals.extend(found.signed.clone().and_then(|signed| cannot_approve(request, &signed)));
        let items = request.proposal.failed();
        found.refuse_if(!items.is_empty(), || Refusal::Failed { items });
        let items = request.proposal.unanswered(&statement.confirmed);
        found.refuse_if(!items.is_empty(), || Refusal::Unanswered { items });
    }

    /// Whether a key may approve a request, so that nobody answers a whole checklist in vain: the judge decides again.
    ///
    /// # Errors
    /// Why its approval would not count.
    pub fn may_approve(&self, request: &RequestState, key: &PublicKey) -> Result<(), Refusal> {
        let policy = self.policy.as_ref().ok_or(Refusal::Beginning)?;
        let (name, role) = holder(policy, key, APPROVERS)?;
        cannot_approve(request, &Signed { name, role, key: key.clone() }).map_or(Ok(()), Err)
    }

    fn judge_reservation(&self, found: &mut Judgement, reserved: &Reserved) {
        let Some(request) = self.requests.get(&reserved.f) else {
            found.refusals.push(Refusal::Unknown { id: reserved.f });
            return;
        };
        let proposal = &request.proposal;
        found.refuse_unready(request);
        self.refuse_overtaken(found, proposal);
        let other = reserved.proposal != request.proposal_id;
        found.refuse_if(other, || Refusal::Superseded { proposal: reserved.proposal });
        let closed = proposal.series.iter().map(|terms| terms.series);
        let closed = closed.filter(|series| !self.series.contains_key(series));
        found.refusals.extend(closed.map(|series| Refusal::NotOpened { series }));
        let (price, scopes) = (proposal.request.nano_rho, Scope::of(proposal));
        let derived = reserved.nano_rho == price && reserved.scopes == scopes;
        found.refuse_if(!derived, || Refusal::Charge);
        found.refuse_beyond(self.refusal_for(proposal));
        self.judge_run(found, &reserved.run);
        self.judge_release_id(found, proposal);
    }

    fn refuse_under_another_policy(&self, found: &mut Judgement, proposal: &Proposal) {
        found.refuse_if(Some(proposal.policy) != self.policy_hash(), || Refusal::OtherPolicy);
    }

    /// Approvals do not carry over when more than caps of the policy changes (governance 2).
    fn refuse_overtaken(&self, found: &mut Judgement, proposal: &Proposal) {
        found.refuse_if(!self.counting.contains(&proposal.policy), || Refusal::OtherPolicy);
    }

    fn judge_release_id(&self, found: &mut Judgement, proposal: &Proposal) {
        let taken = self.is_taken(proposal);
        found.refuse_if(taken, || Refusal::ReleaseTaken { release: proposal.release.clone() });
    }

    /// A run reserves once.
    fn judge_run(&self, found: &mut Judgement, run: &RunId) {
        found.refuse_if(self.runs.contains(run), || Refusal::OtherRun { run: run.clone() });
    }

    fn judge_end(&self, found: &mut Judgement, f: Digest, run: &RunId, act: Act) {
        let Some(request) = self.requests.get(&f) else {
            found.refusals.push(Refusal::Unknown { id: f });
            return;
        };
        let listed = found.refuse_unlisted(Some(request), act);
        let other = listed && request.run.as_ref() != Some(run);
        found.refuse_if(other, || Refusal::OtherRun { run: run.clone() });
    }

    fn judge_publication(&self, found: &mut Judgement, entry: &Entry, said: &Published, in_force: &InForce) {
        self.judge_public(found, said.f, &said.release, Act::Publish);
        found.sign(in_force, entry, sign::RELEASE, &[Role::Publisher]);
    }

    fn judge_transfer(&self, found: &mut Judgement, entry: &Entry, said: &Transferred, in_force: &InForce) {
        self.judge_public(found, said.f, &said.release, Act::Transfer);
        let request = self.requests.get(&said.f).filter(|request| request.state == Stage::Published);
        found.refusals.extend(request.into_iter().flat_map(|request| said.transfer().faults(request)));
        found.sign(in_force, entry, sign::RELEASE, &[Role::Publisher]);
    }

    fn judge_withdrawal(&self, found: &mut Judgement, entry: &Entry, said: &Withdrawn, in_force: &InForce) {
        self.judge_public(found, said.f, &said.release, Act::Withdraw);
        found.refuse_if(!said.reason.missing().is_empty(), || Refusal::NoReason);
        found.sign(in_force, entry, sign::RELEASE, &[Role::Publisher, Role::PrivacyOfficer]);
    }

    fn judge_public(&self, found: &mut Judgement, f: Digest, release: &ReleaseId, act: Act) {
        let Some(request) = self.requests.get(&f) else {
            found.refusals.push(Refusal::Unknown { id: f });
            return;
        };
        found.refuse_unlisted(Some(request), act);
        found.refuse_if(release != request.release(), || Refusal::Inconsistent {
            what: "it names another release than the one that was run",
        });
    }

    /// Whether another request holds the proposal's release id.
    fn is_taken(&self, proposal: &Proposal) -> bool {
        let holders = self.holders.get(&proposal.release);
        holders.is_some_and(|holders| holders.iter().any(|f| *f != proposal.f))
    }
}

/// The signature of an entry, if it is right, by a key of the policy in the name it gives, in one of `roles`.
fn signed(
    policy: &InForce,
    (entry, key): (&Entry, Result<PublicKey, Refusal>),
    namespace: &str,
    roles: &[Role],
) -> Result<Signed, Refusal> {
    let signature = entry.signature.as_ref().ok_or_else(unsigned)?;
    if signature.namespace != namespace {
        return Err(Refusal::Signature { what: format!("its namespace is not {namespace}") });
    }
    let key = key?;
    let (name, role) = holder(policy, &key, roles)?;
    if name != signature.signer {
        let what = format!("the key is {name}'s, and the entry names {}", signature.signer);
        return Err(Refusal::Authority { what });
    }
    Ok(Signed { name, role, key })
}

/// Whose key it is by the policy, and in which of `roles`.
fn holder(policy: &InForce, key: &PublicKey, roles: &[Role]) -> Result<(String, Role), Refusal> {
    let unfit = |what: String| Refusal::Authority { what };
    let Signer { name, roles: held, .. } =
        policy.signer_with(key).ok_or_else(|| unfit("the policy does not know its key".to_owned()))?;
    let role = roles.iter().copied().find(|role| held.contains(role)).ok_or_else(|| {
        let wanted = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" or ");
        unfit(format!("{name} is no {wanted}"))
    })?;
    Ok((name.clone(), role))
}

pub(crate) fn unsigned() -> Refusal {
    Refusal::Signature { what: "there is none".to_owned() }
}

/// Why this signer cannot approve this request: the author never, anybody else once.
fn cannot_approve(request: &RequestState, signed: &Signed) -> Option<Refusal> {
    let signer = signed.name.clone();
    if request.author == signed.name || request.author_key.as_ref() == Some(&signed.key) {
        return Some(Refusal::AuthorApproves { signer });
    }
    let same = request.approvals().any(|made| made.signer == signed.name || made.key == signed.key);
    same.then_some(Refusal::SameApprover { signer })
}

/// Scopes in which the policy's caps are below what is used.
fn below_used(budget: &Budget, policy: &Policy) -> Vec<Shortfall> {
    budget.exceeding(budget.charged().map(|scope| (scope, NanoRho::ZERO)), |scope| policy.cap(scope))
}

fn all_record_types(proposal: &Proposal) -> impl Iterator<Item = &RecordTypeId> {
    let scanned = proposal.request.statistics.iter().flat_map(|statistic| &statistic.record_types);
    proposal.record_types.iter().chain(scanned)
}

/// What in a proposal does not follow from its request: F, price and scopes are derived, never chosen.
pub(crate) fn contradictions(proposal: &Proposal) -> Vec<Refusal> {
    let request = &proposal.request;
    let record_types: BTreeSet<&RecordTypeId> = proposal.record_types.iter().collect();
    let years: BTreeSet<u16> = proposal.years.iter().copied().collect();
    let private = request.statistics.iter().any(|statistic| statistic.shape.is_some());
    let reads = private || request.series().next().is_some();
    let priced = request.nano_rho != NanoRho::ZERO;
    let broken = [
        (canonical::digest(request).ok() != Some(proposal.f), "`f` is not the hash of the request"),
        (
            request.price(&proposal.series) != Some(proposal.nano_rho),
            "its price is not that of its joint vector, of the series that it opens and of its redraws",
        ),
        (!scanned(request).is_subset(&record_types), "a record type that it reads is not charged"),
        (!years_of(request).is_subset(&years), "a year that its periods touch is not charged"),
        (priced && !private, "it has a price and reads no person's records"),
        (proposal.approvals_needed == 0, "it asks for no approval"),
    ];
    let broken = broken.into_iter().filter(|(is, _)| *is).map(|(_, what)| Refusal::Inconsistent { what });
    let free = private || !reads && !record_types.is_empty();
    let zero = (!priced && free).then_some(Refusal::Zero);
    zero.into_iter().chain(broken).collect()
}

/// Record types that private scans read, those of series included.
fn scanned(request: &Request) -> BTreeSet<&RecordTypeId> {
    let private = request.statistics.iter().filter(|s| s.shape.is_some() || s.series.is_some());
    private.flat_map(|statistic| &statistic.record_types).collect()
}

/// Years that the periods of the joint vector touch.
fn years_of(request: &Request) -> BTreeSet<u16> {
    let shapes = request.statistics.iter().filter_map(|statistic| statistic.shape.as_ref());
    shapes.flat_map(|shape| &shape.periods).map(|period| period.year()).collect()
}
