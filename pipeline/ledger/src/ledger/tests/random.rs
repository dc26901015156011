//! Random histories against a model that knows nothing but the table: same verdicts, same stages, same charges.

use std::collections::{BTreeMap, BTreeSet};

use marsad_terms::RunId;
use proptest::prelude::*;

use super::*;
use crate::event::{Forfeited, Released, Reserved, StepForfeited, StepReleased, StepReserved, Transferred};
use crate::replay::replay;
use crate::scope::Scope;
use crate::series::{SeriesState, nothing, opening};

pub(super) mod past;

const CEILING: u64 = 100;
const PEOPLE: [&str; 4] = ["ana", "sam", "zoe", "pat"];

/// Requests: whether there is a joint vector, series, and redraws as (series, step, revision).
type Asked = (&'static str, bool, &'static [usize], &'static [(usize, u32, u32)]);
const REQUESTS: [Asked; 6] = [
    ("A", true, &[], &[]),
    ("B", true, &[0], &[]),
    ("C", false, &[1, 0], &[]),
    ("D", false, &[0], &[(0, 0, 1)]),
    ("E", true, &[1, 0], &[(0, 0, 2), (0, 1, 1)]),
    ("F", false, &[1], &[(1, 0, 1)]),
];
/// Series: name, price of opening it, number of steps, price of a redraw: 9/1.390625 and 4/1.25, rounded up.
const SERIES: [(&str, u64, u32, u64); 2] = [("S", 9, 3, 7), ("T", 4, 2, 4)];

#[derive(Clone, Debug)]
enum Step {
    Propose { f: usize, price: u64, needed: u32, lies: bool },
    Decide { f: usize, by: usize, answer: Answer },
    Open { f: usize, s: usize },
    Reserve { f: usize },
    Release { f: usize },
    Forfeit { f: usize },
    Publish { f: usize },
    Serve { f: usize, known: bool, right: bool },
    Withdraw { f: usize },
    Draw { s: usize, step: u32, revision: u32 },
    EndDraw { s: usize, step: u32, whole: bool },
    Cap { lifetime: u64 },
}

/// Any step, most of which somebody would refuse.
fn any_step() -> impl Strategy<Value = Step> {
    let f = 0..REQUESTS.len();
    let s = 0..SERIES.len();
    let answer = prop_oneof![8 => Just(Answer::Approve), 1 => Just(Answer::Reject)];
    let propose = (f.clone(), 1_u64..25, 1_u32..3, prop::bool::weighted(0.3));
    prop_oneof![
        3 => propose.prop_map(|(f, price, needed, lies)| Step::Propose { f, price, needed, lies }),
        8 => (f.clone(), 0..PEOPLE.len(), answer).prop_map(|(f, by, answer)| Step::Decide { f, by, answer }),
        3 => (f.clone(), s.clone()).prop_map(|(f, s)| Step::Open { f, s }),
        3 => f.clone().prop_map(|f| Step::Reserve { f }),
        2 => f.clone().prop_map(|f| Step::Release { f }),
        1 => f.clone().prop_map(|f| Step::Forfeit { f }),
        1 => f.clone().prop_map(|f| Step::Publish { f }),
        2 => (f.clone(), any::<bool>(), any::<bool>()).prop_map(|(f, known, right)| Step::Serve { f, known, right }),
        1 => f.prop_map(|f| Step::Withdraw { f }),
        4 => (s.clone(), 0_u32..4, 0_u32..3).prop_map(|(s, step, revision)| Step::Draw { s, step, revision }),
        4 => (s, 0_u32..4, any::<bool>()).prop_map(|(s, step, whole)| Step::EndDraw { s, step, whole }),
        1 => (60_u64..130).prop_map(|lifetime| Step::Cap { lifetime }),
    ]
}

/// Steps that follow from each other, so that histories get on: a request that is brought to where it may draw, a series
/// that it opens, a draw with its end, and a redraw that its release asks for.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ready = |f: usize, price: u64| {
        let propose = Step::Propose { f, price, needed: 1, lies: false };
        vec![propose, Step::Decide { f, by: 1, answer: Answer::Approve }]
    };
    let opened = move |(f, price): (usize, u64)| {
        let open = REQUESTS[f].2.iter().map(|s| Step::Open { f, s: *s });
        ready(f, price).into_iter().chain(open).collect::<Vec<Step>>()
    };
    let drawn = |(s, step, whole): (usize, u32, bool)| {
        vec![Step::Draw { s, step, revision: 0 }, Step::EndDraw { s, step, whole }]
    };
    let redrawn = move |(f, whole): (usize, bool)| {
        let draws = REQUESTS[f].3.iter().flat_map(|(s, step, revision)| {
            let (s, step, revision) = (*s, *step, *revision);
            [Step::Draw { s, step, revision }, Step::EndDraw { s, step, whole }]
        });
        ready(f, 1).into_iter().chain(draws).collect::<Vec<Step>>()
    };
    let price = 1_u64..25;
    prop_oneof![
        12 => any_step().prop_map(|step| vec![step]),
        2 => (0..REQUESTS.len(), price).prop_map(opened),
        3 => (0..SERIES.len(), 0_u32..3, prop::bool::weighted(0.3)).prop_map(drawn),
        2 => (3..REQUESTS.len(), prop::bool::weighted(0.3)).prop_map(redrawn),
    ]
}

/// What the table says of one request.
#[derive(Clone, Debug, Default)]
struct Life {
    stage: &'static str,
    price: u64,
    needed: u32,
    opens: BTreeSet<usize>,
    approvers: BTreeSet<usize>,
    policy: u32,
}

#[derive(Default)]
struct Model {
    lives: BTreeMap<usize, Life>,
    /// Open series, by step the stages of its draws: the revision is the place.
    series: BTreeMap<usize, Vec<Vec<&'static str>>>,
    used: u64,
    cap: u64,
    policy: u32,
}

impl Model {
    /// Takes the step if the rules list it; says whether they do.
    fn take(&mut self, step: &Step) -> bool {
        match *step {
            Step::Cap { lifetime } => {
                let allowed = (self.used..=CEILING).contains(&lifetime);
                if allowed {
                    (self.cap, self.policy) = (lifetime, self.policy + 1);
                }
                allowed
            }
            Step::Open { f, s } => self.open(f, s),
            Step::Draw { s, step, revision } => self.draw(s, step as usize, revision as usize),
            Step::EndDraw { s, step, whole } => {
                let draws = self.series.get_mut(&s).and_then(|steps| steps.get_mut(step as usize));
                let Some(newest) = draws.and_then(|draws| draws.last_mut()) else { return false };
                let open = *newest == "reserved";
                if open {
                    *newest = if whole { "released" } else { "forfeited" };
                }
                open
            }
            Step::Propose { f, .. }
            | Step::Decide { f, .. }
            | Step::Reserve { f }
            | Step::Release { f }
            | Step::Forfeit { f }
            | Step::Publish { f }
            | Step::Serve { f, .. }
            | Step::Withdraw { f } => self.take_request(f, step),
        }
    }

    fn newest(&self, s: usize, step: usize) -> Option<(usize, &'static str)> {
        let draws = self.series.get(&s)?.get(step)?;
        Some((draws.len() - 1, draws.last()?))
    }

    /// What a request has yet to pay.
    fn left_to_pay(&self, f: usize) -> u64 {
        let life = &self.lives[&f];
        let opens = life.opens.iter().filter(|s| !self.series.contains_key(*s)).map(|s| SERIES[*s].1);
        let redraws = REQUESTS[f].3.iter().filter(|(s, step, revision)| {
            self.newest(*s, *step as usize).is_none_or(|(newest, _)| newest < *revision as usize)
        });
        life.price + opens.sum::<u64>() + redraws.map(|(s, _, _)| SERIES[*s].3).sum::<u64>()
    }

    fn fits(&self, f: usize) -> bool {
        self.used + self.left_to_pay(f) <= self.cap
    }

    fn open(&mut self, f: usize, s: usize) -> bool {
        let ready =
            self.lives.get(&f).is_some_and(|life| life.stage == "approved" && life.opens.contains(&s));
        let allowed = ready && !self.series.contains_key(&s) && self.fits(f);
        if allowed {
            self.used += SERIES[s].1;
            self.series.insert(s, Vec::new());
        }
        allowed
    }

    fn draw(&mut self, s: usize, step: usize, revision: usize) -> bool {
        let Some(steps) = self.series.get(&s) else { return false };
        let next = steps.len();
        match self.newest(s, step) {
            None if step == next && revision == 0 && next < SERIES[s].2 as usize => {
                self.series.get_mut(&s).unwrap().push(vec!["reserved"]);
                true
            }
            Some((last, "forfeited")) if revision == last + 1 => {
                let listed = |f: usize| {
                    REQUESTS[f]
                        .3
                        .iter()
                        .any(|(of, at, r)| (*of, *at as usize, *r as usize) == (s, step, revision))
                };
                let mut lives = self.lives.iter();
                let approved =
                    lives.any(|(f, life)| listed(*f) && ["approved", "reserved"].contains(&life.stage));
                let allowed = approved && self.used + SERIES[s].3 <= self.cap;
                if allowed {
                    self.used += SERIES[s].3;
                    self.series.get_mut(&s).unwrap()[step].push("reserved");
                }
                allowed
            }
            _ => false,
        }
    }

    fn may_propose(&self, f: usize, lies: bool) -> bool {
        let right = |(s, step, revision): &(usize, u32, u32)| {
            let newest = self.newest(*s, *step as usize);
            newest.is_some_and(|(last, stage)| stage == "forfeited" && last + 1 == *revision as usize)
        };
        (!lies || REQUESTS[f].2.is_empty()) && REQUESTS[f].3.iter().all(right)
    }

    fn take_request(&mut self, f: usize, step: &Step) -> bool {
        let (may_propose, closed) = match step {
            Step::Propose { lies, .. } => (self.may_propose(f, *lies), BTreeSet::new()),
            _ => (true, REQUESTS[f].2.iter().filter(|s| !self.series.contains_key(*s)).copied().collect()),
        };
        let fits = self.lives.contains_key(&f) && self.fits(f);
        let opens = REQUESTS[f].2.iter().filter(|s| !self.series.contains_key(*s)).copied().collect();
        let life = self.lives.entry(f).or_default();
        let next = match (step, life.stage) {
            (Step::Propose { price, needed, .. }, "" | "proposed" | "approved" | "rejected")
                if may_propose =>
            {
                let price = if REQUESTS[f].1 { *price } else { 0 };
                *life = Life { price, needed: *needed, opens, policy: self.policy, ..Life::default() };
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
            (Step::Reserve { .. }, "approved") if closed.is_empty() && fits => {
                self.used += life.price;
                "reserved"
            }
            (Step::Release { .. }, "reserved") => "released",
            (Step::Forfeit { .. }, "reserved") => "forfeited",
            (Step::Publish { .. }, "released")
            | (Step::Serve { known: true, right: true, .. }, "published") => "published",
            (Step::Withdraw { .. }, "released" | "published") => "withdrawn",
            _ => return false,
        };
        life.stage = next;
        true
    }
}

fn wish(f: usize, price: u64) -> Wish {
    let (name, joint, series, redraws) = REQUESTS[f];
    let plain = Wish::new(name, price);
    let record_types = if joint { plain.record_types.clone() } else { Vec::new() };
    let shown = |s: &usize| series_wish(*s).through(SERIES[*s].2 - 1);
    Wish {
        recipients: vec!["ONM".to_owned()],
        nano_rho: if joint { price } else { 0 },
        record_types,
        series: series.iter().map(shown).collect(),
        redraws: redraws.iter().map(|(s, step, revision)| series_wish(*s).step(*step, *revision)).collect(),
        ..plain
    }
}

/// The record of a transfer: to somebody whom the release knows, and of its own bundle, or not.
fn transferred(asked: &RequestState, known: bool, right: bool) -> Event {
    let manifest = Digest::of(if right { &b"manifest"[..] } else { b"another" });
    let mut transfer = served(&asked.proposal, manifest);
    if !known {
        transfer.to.name = "nobody".to_owned();
    }
    Event::Transferred(Transferred::new(asked.release().clone(), asked.f, transfer))
}

fn series_wish(s: usize) -> SeriesWish {
    SeriesWish::new(SERIES[s].0, SERIES[s].1, SERIES[s].2)
}

/// The real thing: entries and their state.
struct Real {
    entries: Vec<Entry>,
    state: State,
    time: String,
}

impl Real {
    /// A ledger that has a policy.
    fn new() -> Self {
        let time = "2027-01-01T00:00:00Z".to_owned();
        let mut begun = Self { entries: Vec::new(), state: State::default(), time };
        let genesis = Event::Genesis(cast().policy(CEILING));
        assert!(begun.apply(sign_named("opal", &genesis, sign::POLICY, &cast().opal).unwrap()));
        begun
    }

    fn apply(&mut self, draft: Draft) -> bool {
        let entry = Entry::following(self.entries.last(), self.time.clone(), draft).unwrap();
        let (before, taken) = (self.state.scopes(), self.state.apply(&entry).is_ok());
        if taken {
            self.entries.push(entry);
        } else {
            assert_eq!(self.state.scopes(), before);
        }
        taken
    }

    fn take(&mut self, step: &Step, number: usize) -> bool {
        let draft = self.draft(step, number);
        draft.is_some_and(|draft| self.apply(draft))
    }

    fn request(&self, f: usize) -> Option<&RequestState> {
        let release = format!("R-{}", REQUESTS[f].0);
        self.state.requests().into_iter().find(|request| request.release().to_string() == release)
    }

    fn series(&self, s: usize) -> Option<&SeriesState> {
        self.state.series(&series_wish(s).id())
    }

    /// The entry that somebody would write; nothing for a request that was never proposed.
    fn draft(&self, step: &Step, number: usize) -> Option<Draft> {
        let run: RunId = format!("{number:032x}").parse().unwrap();
        let publisher = |event: &Event| sign_named("pat", event, sign::RELEASE, &cast().pat).unwrap();
        Some(match step {
            Step::Propose { f, price, needed, lies } => {
                self.proposal(&Wish { id: number.to_string(), needed: *needed, ..wish(*f, *price) }, *lies)
            }
            Step::Decide { f, by, answer } => {
                let said = statement(&self.state, self.request(*f)?.proposal_id, *answer);
                let event = Event::Decided(said);
                sign_named(PEOPLE[*by], &event, sign::APPROVAL, cast().key(PEOPLE[*by])).unwrap()
            }
            Step::Open { f, s } => {
                let known = self.request(*f)?;
                let said = opening(&known.proposal, known.proposal_id, &series_wish(*s).id())?;
                Event::Opened(said).draft()
            }
            Step::Reserve { f } => {
                let known = self.request(*f)?;
                let (nano_rho, scopes) = (known.proposal.request.nano_rho, Scope::of(&known.proposal));
                let (proposal, data) = (known.proposal_id, Digest::of(b"custody"));
                Event::Reserved(Reserved { f: known.f, proposal, run, nano_rho, scopes, data }).draft()
            }
            Step::Release { f } => {
                let known = self.request(*f)?;
                let run = known.run.clone().unwrap_or(run);
                Event::Released(Released { f: known.f, run, hash: Digest::of(&[1]) }).draft()
            }
            Step::Forfeit { f } => {
                let known = self.request(*f)?;
                Event::Forfeited(Forfeited { f: known.f, run: known.run.clone().unwrap_or(run) }).draft()
            }
            Step::Publish { f } => {
                let known = self.request(*f)?;
                publisher(&Event::Published(Published {
                    release: known.release().clone(),
                    f: known.f,
                    manifest: Digest::of(b"manifest"),
                    time: "2027-01-01T00:00:00Z".to_owned(),
                    ledger_head: Digest::of(b"head"),
                    sshsig: String::new(),
                }))
            }
            Step::Serve { f, known, right } => publisher(&transferred(self.request(*f)?, *known, *right)),
            Step::Withdraw { f } => {
                let known = self.request(*f)?;
                let (release, reason) = (known.release().clone(), text("a mistake"));
                let said =
                    Withdrawn { release, f: known.f, manifest: None, reason, time: None, sshsig: None };
                publisher(&Event::Withdrawn(said))
            }
            Step::Draw { s, step, revision } => self.draw(series_wish(*s).step(*step, *revision), run),
            Step::EndDraw { s, step, whole } => self.end_draw(*s, *step, *whole, run),
            Step::Cap { lifetime } => {
                let policy = Policy { replaces: self.state.policy_hash(), ..cast().policy(*lifetime) };
                let event = Event::Policy(policy);
                sign_named("opal", &event, sign::POLICY, &cast().opal).unwrap()
            }
        })
    }

    /// A proposal; one that lies says that it opens what is open, or does not open what is not.
    fn proposal(&self, wish: &Wish, lies: bool) -> Draft {
        let mut proposal = wish.proposal(&self.state);
        if let Some(terms) = proposal.series.first_mut().filter(|_| lies) {
            terms.opens = !terms.opens;
            proposal.nano_rho = proposal.request.price(&proposal.series).unwrap();
        }
        let event = Event::Proposed(Box::new(proposal.clone()), proposal.id().unwrap());
        sign_named("ana", &event, sign::PROPOSAL, &cast().ana).unwrap()
    }

    /// The end of the newest draw of a step.
    fn end_draw(&self, s: usize, step: u32, whole: bool, other: RunId) -> Draft {
        let draw = self.series(s).and_then(|open| open.newest(step));
        let run = draw.map_or(other, |draw| draw.run.clone());
        let (series, hash) = (series_wish(s).id(), Digest::of(&[1]));
        if whole {
            Event::StepReleased(StepReleased { series, step, run, hash }).draft()
        } else {
            Event::StepForfeited(StepForfeited { series, step, run }).draft()
        }
    }

    fn draw(&self, of: SeriesStep, run: RunId) -> Draft {
        let charge = self.state.series(&of.series).map(|open| open.charge_of(of));
        let (nano_rho, scopes) = charge.unwrap_or_else(nothing);
        let (SeriesStep { series, step, revision }, data) = (of, Digest::of(b"custody"));
        Event::StepReserved(StepReserved { series, step, revision, run, nano_rho, scopes, data }).draft()
    }

    /// Stages of all draws, by step.
    fn draws(&self, s: usize) -> Option<Vec<Vec<&'static str>>> {
        let stages = |draws: &Vec<crate::Draw>| draws.iter().map(|draw| draw.stage.as_str()).collect();
        self.series(s).map(|open| open.steps.iter().map(stages).collect())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_are_those_of_the_model(steps in prop::collection::vec(steps(), 40..120)) {
        let mut real = Real::new();
        let mut model = Model { cap: CEILING, ..Model::default() };
        let mut prices: BTreeMap<usize, u64> = BTreeMap::new();
        for (number, mut step) in steps.into_iter().flatten().enumerate() {
            // One F has one price: the price stands in the request. A proposal that differs is told by its number.
            if let Step::Propose { f, price, .. } = &mut step {
                *price = *prices.entry(*f).or_insert(*price);
            }
            prop_assert_eq!(real.take(&step, number), model.take(&step), "{:?}", step);
            prop_assert!(model.used <= model.cap && model.cap <= CEILING);
            // All periods lie in one year.
            for scope in real.state.scopes().iter().take(2) {
                prop_assert_eq!(scope.used().get(), model.used, "{}", scope.scope);
            }
            for request in real.state.requests() {
                let named = |asked: &Asked| format!("R-{}", asked.0) == request.release().to_string();
                let f = REQUESTS.iter().position(named).unwrap();
                prop_assert_eq!(request.state.as_str(), model.lives[&f].stage);
                prop_assert_eq!(request.hash.is_some(), matches!(request.state, Stage::Released | Stage::Published | Stage::Withdrawn));
            }
            for s in 0..SERIES.len() {
                prop_assert_eq!(real.draws(s), model.series.get(&s).cloned());
            }
        }
        let again = replay(&real.entries).unwrap();
        prop_assert_eq!(again.scopes(), real.state.scopes());
        prop_assert_eq!(again.head(), real.state.head());
    }
}
