//! Random histories against a model that knows nothing but the table: same verdicts, same stages, same charges.

use std::collections::{BTreeMap, BTreeSet};

use marsad_terms::RunId;
use proptest::prelude::*;

use super::*;
use crate::event::{Forfeited, Released, Reserved};
use crate::replay::replay;
use crate::scope::Scope;

const CEILING: u64 = 100;
const REQUESTS: [&str; 3] = ["A", "B", "C"];
const PEOPLE: [&str; 4] = ["ana", "sam", "zoe", "pat"];

#[derive(Clone, Debug)]
enum Step {
    Propose { f: usize, price: u64, needed: u32 },
    Decide { f: usize, by: usize, answer: Answer },
    Reserve { f: usize },
    Release { f: usize },
    Forfeit { f: usize },
    Publish { f: usize },
    Withdraw { f: usize },
    Cap { lifetime: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let f = 0..REQUESTS.len();
    let answer = prop_oneof![8 => Just(Answer::Approve), 1 => Just(Answer::Reject)];
    prop_oneof![
        3 => (f.clone(), 1_u64..70, 1_u32..3).prop_map(|(f, price, needed)| Step::Propose { f, price, needed }),
        8 => (f.clone(), 0..PEOPLE.len(), answer).prop_map(|(f, by, answer)| Step::Decide { f, by, answer }),
        4 => f.clone().prop_map(|f| Step::Reserve { f }),
        2 => f.clone().prop_map(|f| Step::Release { f }),
        1 => f.clone().prop_map(|f| Step::Forfeit { f }),
        1 => f.clone().prop_map(|f| Step::Publish { f }),
        1 => f.prop_map(|f| Step::Withdraw { f }),
        1 => (1_u64..130).prop_map(|lifetime| Step::Cap { lifetime }),
    ]
}

/// What the table says of one request.
#[derive(Clone, Debug, Default)]
struct Life {
    stage: &'static str,
    price: u64,
    needed: u32,
    approvers: BTreeSet<usize>,
    policy: u32,
}

#[derive(Default)]
struct Model {
    lives: BTreeMap<usize, Life>,
    used: u64,
    cap: u64,
    policy: u32,
}

impl Model {
    /// Takes the step if the table lists it; says whether it does.
    fn take(&mut self, step: &Step) -> bool {
        let (Step::Propose { f, .. }
        | Step::Decide { f, .. }
        | Step::Reserve { f }
        | Step::Release { f }
        | Step::Forfeit { f }
        | Step::Publish { f }
        | Step::Withdraw { f }) = step
        else {
            let Step::Cap { lifetime } = step else { unreachable!() };
            let allowed = (self.used..=CEILING).contains(lifetime);
            if allowed {
                (self.cap, self.policy) = (*lifetime, self.policy + 1);
            }
            return allowed;
        };
        let life = self.lives.entry(*f).or_default();
        let next = match (step, life.stage) {
            (Step::Propose { price, needed, .. }, "" | "proposed" | "approved" | "rejected") => {
                *life = Life { price: *price, needed: *needed, policy: self.policy, ..Life::default() };
                "proposed"
            }
            (Step::Decide { by, answer: Answer::Approve, .. }, "proposed") => {
                let counts = [1, 2].contains(by) && life.policy == self.policy;
                if !counts || !life.approvers.insert(*by) {
                    return false;
                }
                if life.approvers.len() >= life.needed as usize { "approved" } else { "proposed" }
            }
            (Step::Decide { by, answer: Answer::Reject, .. }, "proposed" | "approved") if *by != 3 => {
                "rejected"
            }
            (Step::Reserve { .. }, "approved") if self.used + life.price <= self.cap => {
                self.used += life.price;
                "reserved"
            }
            (Step::Release { .. }, "reserved") => "released",
            (Step::Forfeit { .. }, "reserved") => "forfeited",
            (Step::Publish { .. }, "released") => "published",
            (Step::Withdraw { .. }, "released" | "published") => "withdrawn",
            _ => return false,
        };
        life.stage = next;
        true
    }
}

/// The real thing: entries and their state.
struct Real {
    entries: Vec<Entry>,
    state: State,
}

impl Real {
    fn apply(&mut self, draft: Draft) -> bool {
        let time = "2027-01-01T00:00:00Z".to_owned();
        let entry = Entry::following(self.entries.last(), time, draft).unwrap();
        let (before, taken) = (self.state.used(), self.state.apply(&entry).is_ok());
        if taken {
            self.entries.push(entry);
        } else {
            assert_eq!(self.state.used(), before);
        }
        taken
    }

    fn take(&mut self, step: &Step, number: usize) -> bool {
        let draft = self.draft(step, number);
        draft.is_some_and(|draft| self.apply(draft))
    }

    /// The entry that somebody would write; nothing for a request that was never proposed.
    fn draft(&self, step: &Step, number: usize) -> Option<Draft> {
        let request = |f: &usize| {
            self.state
                .requests()
                .into_iter()
                .find(|r| r.release().to_string() == format!("R-{}", REQUESTS[*f]))
        };
        let run: RunId = format!("{number:032x}").parse().unwrap();
        let publisher = |event: &Event| sign_named("pat", event, sign::RELEASE, &cast().pat).unwrap();
        Some(match step {
            Step::Propose { f, price, needed } => {
                // One F has one price: the price stands in the request. A proposal that differs is told by its number.
                let price = request(f).map_or(*price, |known| known.proposal.nano_rho.get());
                let wish = Wish { id: number.to_string(), needed: *needed, ..Wish::new(REQUESTS[*f], price) };
                let proposal = wish.proposal(&self.state);
                let event = Event::Proposed(Box::new(proposal.clone()), proposal.id().unwrap());
                sign_named("ana", &event, sign::PROPOSAL, &cast().ana).unwrap()
            }
            Step::Decide { f, by, answer } => {
                let said = statement(&self.state, request(f)?.proposal_id, *answer);
                let event = Event::Decided(said);
                sign_named(PEOPLE[*by], &event, sign::APPROVAL, cast().key(PEOPLE[*by])).unwrap()
            }
            Step::Reserve { f } => {
                let known = request(f)?;
                let (nano_rho, scopes) = (known.proposal.nano_rho, Scope::of(&known.proposal));
                let (proposal, data) = (known.proposal_id, Digest::of(b"custody"));
                Event::Reserved(Reserved { f: known.f, proposal, run, nano_rho, scopes, data }).draft()
            }
            Step::Release { f } => {
                let known = request(f)?;
                let run = known.run.clone().unwrap_or(run);
                Event::Released(Released { f: known.f, run, hash: Digest::of(&[1]) }).draft()
            }
            Step::Forfeit { f } => {
                let known = request(f)?;
                Event::Forfeited(Forfeited { f: known.f, run: known.run.clone().unwrap_or(run) }).draft()
            }
            Step::Publish { f } => {
                let known = request(f)?;
                publisher(&Event::Published(Published {
                    release: known.release().clone(),
                    f: known.f,
                    manifest: Digest::of(b"manifest"),
                    time: "2027-01-01T00:00:00Z".to_owned(),
                    ledger_head: Digest::of(b"head"),
                    sshsig: String::new(),
                }))
            }
            Step::Withdraw { f } => {
                let known = request(f)?;
                let (release, reason) = (known.release().clone(), text("a mistake"));
                publisher(&Event::Withdrawn(Withdrawn { release, f: known.f, manifest: None, reason }))
            }
            Step::Cap { lifetime } => {
                let event = Event::Policy(cast().policy(*lifetime));
                sign_named("opal", &event, sign::POLICY, &cast().opal).unwrap()
            }
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_are_those_of_the_model(steps in prop::collection::vec(step(), 20..60)) {
        let mut real = Real { entries: Vec::new(), state: State::default() };
        let genesis = Event::Genesis(cast().policy(CEILING));
        prop_assert!(real.apply(sign_named("opal", &genesis, sign::POLICY, &cast().opal).unwrap()));
        let mut model = Model { cap: CEILING, ..Model::default() };
        let mut prices: BTreeMap<usize, u64> = BTreeMap::new();
        for (number, mut step) in steps.into_iter().enumerate() {
            if let Step::Propose { f, price, .. } = &mut step {
                *price = *prices.entry(*f).or_insert(*price);
            }
            prop_assert_eq!(real.take(&step, number), model.take(&step), "{:?}", step);
            prop_assert_eq!(real.state.used().get(), model.used);
            prop_assert!(model.used <= model.cap && model.cap <= CEILING);
            for request in real.state.requests() {
                let f = REQUESTS.iter().position(|f| format!("R-{f}") == request.release().to_string()).unwrap();
                prop_assert_eq!(request.state.as_str(), model.lives[&f].stage);
                prop_assert_eq!(request.hash.is_some(), matches!(request.state, Stage::Released | Stage::Published | Stage::Withdrawn));
            }
        }
        let again = replay(&real.entries).unwrap();
        prop_assert_eq!(again.scopes(), real.state.scopes());
        prop_assert_eq!(again.head(), real.state.head());
    }
}
