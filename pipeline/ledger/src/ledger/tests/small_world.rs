//! Every order in which two writers' calls can reach one store, with a crash before and after each call that writes
//! (a crash at a read leaves what a crash after the write before it leaves). After each way to the end: recovery, and then
//! what must hold holds.
//!
//! Two ways that lead to the same objects and the same knowledge of each writer are followed once. Reading an entry that is
//! there is no step of its own: entries never change and never go, so no order of such a read and any other call matters.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use marsad_log::testing::{SteppedStore, Waiting};
use marsad_terms::RunId;

use super::random::past::past;
use super::*;
use crate::replay::replay;

/// What a writer does, and what it makes of it: a word.
type Program = fn(Ledger, Vec<Digest>) -> Pin<Box<dyn Future<Output = &'static str>>>;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Choice {
    /// The writer's next call.
    Go(usize),
    /// The writer dies before its next call.
    DieBefore(usize),
    /// The writer's next call is its last.
    DieAfter(usize),
}

struct World {
    /// What stands in the store at first.
    objects: Vec<(String, Bytes)>,
    requests: Vec<Digest>,
    programs: [Program; 2],
    cap: u64,
}

/// Two writers at work.
struct Run {
    folder: TempDir,
    store: Store,
    gates: [Arc<SteppedStore>; 2],
    writers: [Writer; 2],
}

enum Writer {
    Alive(Pin<Box<dyn Future<Output = &'static str>>>),
    Done(&'static str),
    Dead,
}

/// In memory where the system has such a folder: thousands of runs remember heads and runs durably.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempdir()).unwrap()
}

/// A future that needs no runtime, to its end.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for something"),
    }
}

fn objects(store: &Store) -> Vec<(String, Bytes)> {
    let names = at_once(store.list("")).unwrap();
    names.into_iter().map(|name| (name.clone(), at_once(store.get(&name)).unwrap().unwrap())).collect()
}

fn at_a_fixed_time(ledger: Ledger) -> Ledger {
    ledger.with_clock(Arc::new(|| "2027-01-01T00:00:00Z".to_owned()))
}

impl Run {
    fn new(world: &World) -> Self {
        let (folder, store) = (folder(), Store::memory());
        for (name, bytes) in &world.objects {
            at_once(store.put(name, bytes)).unwrap();
        }
        let gates = [SteppedStore::new(store.object_store()), SteppedStore::new(store.object_store())];
        let start = |w: usize| {
            let ledger = at_a_fixed_time(Ledger::open(gates[w].store(), &folder.path().join(w.to_string())));
            Writer::Alive(world.programs[w](ledger, world.requests.clone()))
        };
        let writers = [start(0), start(1)];
        let mut run = Self { folder, store, gates, writers };
        (0..2).for_each(|w| run.poll(w));
        run
    }

    /// Lets a writer get on until its next call matters.
    fn poll(&mut self, w: usize) {
        while let Writer::Alive(program) = &mut self.writers[w] {
            if let Poll::Ready(word) = program.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                self.writers[w] = Writer::Done(word);
            } else if self.gates[w].waits().is_some_and(|waiting| self.commutes(&waiting)) {
                self.gates[w].grant();
            } else {
                return;
            }
        }
    }

    /// Whether a call finds the same whenever it happens: an entry that is there, and segments, of which there are none.
    fn commutes(&self, waiting: &Waiting) -> bool {
        match waiting.call.split_once(' ') {
            Some(("list", "_segments")) => true,
            Some(("get", name)) if name.strip_suffix(".json").is_some() => {
                at_once(self.store.get(name)).unwrap().is_some()
            }
            _ => false,
        }
    }

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        for w in 0..2 {
            if let (Writer::Alive(_), Some(waiting)) = (&self.writers[w], self.gates[w].waits()) {
                choices.push(Choice::Go(w));
                if waiting.writes {
                    choices.extend([Choice::DieBefore(w), Choice::DieAfter(w)]);
                }
            }
        }
        choices
    }

    fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Go(w) => {
                self.gates[w].grant();
                self.poll(w);
            }
            Choice::DieBefore(w) => self.writers[w] = Writer::Dead,
            Choice::DieAfter(w) => {
                self.gates[w].grant_last();
                self.poll(w);
                self.writers[w] = Writer::Dead;
            }
        }
    }

    fn words(&self) -> [&'static str; 2] {
        [0, 1].map(|w| match &self.writers[w] {
            Writer::Alive(_) => "at work",
            Writer::Done(word) => word,
            Writer::Dead => "dead",
        })
    }

    /// All that decides what can follow.
    fn key(&self) -> Digest {
        let mut text = format!("{:?}", self.words());
        for (name, bytes) in objects(&self.store) {
            text += &format!("{name} {}\n", Digest::of(&bytes));
        }
        for gate in &self.gates {
            text += &gate.transcript();
            text += "--\n";
        }
        Digest::of(text.as_bytes())
    }
}

/// What was found at the ends of all ways.
#[derive(Debug, Default)]
struct Explored {
    /// Situations, each followed once.
    situations: usize,
    /// What the writers said and where the requests stand in the end, and how often.
    ends: BTreeMap<String, usize>,
}

fn explore(world: &World) -> Explored {
    let (mut seen, mut found) = (HashSet::new(), Explored::default());
    let mut ways: Vec<Vec<Choice>> = vec![Vec::new()];
    while let Some(mut way) = ways.pop() {
        let mut run = Run::new(world);
        for choice in &way {
            run.take(*choice);
        }
        while seen.insert(run.key()) {
            let mut choices = run.choices();
            let Some(next) = choices.pop() else {
                *found.ends.entry(end(world, &run, &way)).or_default() += 1;
                break;
            };
            ways.extend(choices.into_iter().map(|choice| [way.as_slice(), &[choice]].concat()));
            run.take(next);
            way.push(next);
        }
    }
    found.situations = seen.len();
    found
}

/// Each installation recovers what it left; then everything must be in order. Gives what was said and what stands.
fn end(world: &World, run: &Run, way: &[Choice]) -> String {
    for w in 0..2 {
        let ledger = at_a_fixed_time(Ledger::open(run.store.clone(), &run.folder.path().join(w.to_string())));
        at_once(ledger.recover()).unwrap();
    }
    let ledger = at_a_fixed_time(Ledger::open(run.store.clone(), &run.folder.path().join("auditor")));
    let verdict = at_once(ledger.verify(None)).unwrap();
    assert!(verdict.ok && verdict.notes.is_empty(), "{way:?}: {verdict:?}");
    let entries = at_once(ledger.history()).unwrap().0;
    let mut before = State::default();
    for until in 1..=entries.len() {
        let state = replay(&entries[..until]).unwrap();
        if entries[until - 1].kind == "policy" {
            assert_eq!(past(&before), past(&state), "{way:?}: a policy changed what was");
        }
        before = state.clone();
        assert!(state.used().get() <= world.cap, "{way:?}");
        assert!(state.scopes().iter().all(|scope| scope.cap.is_none() || scope.left().is_some()), "{way:?}");
    }
    let (state, stored) = (at_once(ledger.state()).unwrap(), at_once(run.store.list("runs")).unwrap());
    let mut charged = 0;
    let mut stages = Vec::new();
    for f in &world.requests {
        let request = state.by_id(*f).unwrap();
        let times = |kind: &str| {
            entries
                .iter()
                .filter(|entry| entry.kind == kind && entry.body.value()["f"] == request.f.to_string())
                .count()
        };
        let (reserved, released, forfeited) = (times("reserved"), times("released"), times("forfeited"));
        assert!(reserved <= 1 && released + forfeited == reserved, "{way:?}: {request:?}");
        let own = request.run.as_ref().map(|run| format!("runs/{run}"));
        let is_stored = own.is_some_and(|own| stored.contains(&own));
        assert_eq!(
            is_stored,
            released == 1,
            "{way:?}: a result stands where one was released, and only there"
        );
        charged += if reserved == 1 { request.proposal.request.nano_rho.get() } else { 0 };
        stages.push(request.state.as_str());
    }
    assert_eq!(state.used().get(), charged, "{way:?}: what was reserved is charged, and nothing else");
    assert_eq!(stored.len(), entries.iter().filter(|entry| entry.kind == "released").count(), "{way:?}");
    format!("{} | {}", run.words().join(", "), stages.join(", "))
}

/// Draws a request under a run of its own; the figures tell the writers apart.
async fn draw(ledger: Ledger, id: Digest, mark: u8) -> &'static str {
    let run: RunId = format!("{mark:032x}").parse().unwrap();
    let reservation = match ledger.reserve(id, run, Digest::of(b"custody")).await {
        Ok(Reserve::New(reservation)) => reservation,
        Ok(Reserve::Stored(..)) => return "stored",
        Err(Error::Refused(Refusal::Budget { .. })) => return "no budget",
        Err(Error::Refused(Refusal::InProgress { .. })) => return "in progress",
        Err(Error::Refused(Refusal::OtherPolicy)) => return "another policy",
        Err(Error::Refused(Refusal::NotListed { stage: Some(Stage::Forfeited), .. })) => return "forfeited",
        Err(other) => panic!("{other:?}"),
    };
    let proposal = ledger.state().await.unwrap().by_id(id).unwrap().proposal.clone();
    match ledger.complete(reservation, &result(&proposal, i64::from(mark))).await {
        Ok((receipt, bytes)) => {
            assert_eq!(receipt.hash(), Digest::of(&bytes));
            "drawn"
        }
        Err(
            Error::Refused(Refusal::NotListed { stage: Some(Stage::Forfeited), .. }) | Error::Result { .. },
        ) => "late",
        Err(other) => panic!("{other:?}"),
    }
}

fn first_draws_the_first(ledger: Ledger, ids: Vec<Digest>) -> Pin<Box<dyn Future<Output = &'static str>>> {
    Box::pin(draw(ledger, ids[0], 1))
}

fn second_draws_the_first(ledger: Ledger, ids: Vec<Digest>) -> Pin<Box<dyn Future<Output = &'static str>>> {
    Box::pin(draw(ledger, ids[0], 2))
}

fn second_draws_the_last(ledger: Ledger, ids: Vec<Digest>) -> Pin<Box<dyn Future<Output = &'static str>>> {
    Box::pin(draw(ledger, ids[1], 2))
}

fn a_steward_ends_all_runs(ledger: Ledger, _: Vec<Digest>) -> Pin<Box<dyn Future<Output = &'static str>>> {
    Box::pin(async move {
        match ledger.recover_all().await {
            Ok(ended) if ended.is_empty() => "nothing to end",
            Ok(_) => "ended",
            Err(Error::Refused(Refusal::NotListed { .. })) => "too late to end",
            Err(other) => panic!("{other:?}"),
        }
    })
}

fn an_officer_lowers_the_cap(ledger: Ledger, _: Vec<Digest>) -> Pin<Box<dyn Future<Output = &'static str>>> {
    Box::pin(async move {
        match ledger.set_policy(&cast().policy(39), &cast().opal).await {
            Ok(_) => "lowered",
            Err(Error::Refused(Refusal::CapBelowUsed { .. })) => "below what is used",
            Err(other) => panic!("{other:?}"),
        }
    })
}

fn an_officer_wants_more_approvers(
    ledger: Ledger,
    _: Vec<Digest>,
) -> Pin<Box<dyn Future<Output = &'static str>>> {
    Box::pin(async move {
        let mut policy = cast().policy(60);
        policy.two_approvers = ["assistance_service".parse().unwrap()].into();
        policy.signers.retain(|signer| signer.name != "sam");
        ledger.set_policy(&policy, &cast().opal).await.unwrap();
        "changed"
    })
}

/// A world with approved requests of 40 and a cap of 60: one of them fits.
fn world(names: &[&str], programs: [Program; 2]) -> World {
    let (folder, store) = (folder(), Store::memory());
    let ledger = at_a_fixed_time(Ledger::open(store.clone(), folder.path()));
    at_once(ledger.set_policy(&cast().policy(60), &cast().opal)).unwrap();
    let requests = names.iter().map(|name| at_once(ready(&ledger, &Wish::new(name, 40)))).collect();
    World { objects: objects(&store), requests, programs, cap: 60 }
}

/// Explores a world; these are all the ends that it has.
fn check(world: &World, expected: &[&str]) {
    let found = explore(world);
    let ends: BTreeSet<&str> = found.ends.keys().map(String::as_str).collect();
    assert_eq!(ends, expected.iter().copied().collect(), "{found:#?}");
    assert!(found.situations > 100, "{found:#?}");
}

#[test]
fn of_two_requests_one_fits() {
    let ends = [
        "dead, dead | approved, approved",
        "dead, dead | approved, forfeited",
        "dead, dead | approved, released",
        "dead, dead | forfeited, approved",
        "dead, dead | released, approved",
        "dead, drawn | approved, released",
        "dead, no budget | forfeited, approved",
        "dead, no budget | released, approved",
        "drawn, dead | released, approved",
        "drawn, no budget | released, approved",
        "no budget, dead | approved, forfeited",
        "no budget, dead | approved, released",
        "no budget, drawn | approved, released",
    ];
    check(&world(&["A", "B"], [first_draws_the_first, second_draws_the_last]), &ends);
}

#[test]
fn one_request_is_drawn_by_one_of_two() {
    let ends = [
        "dead, dead | approved",
        "dead, dead | forfeited",
        "dead, dead | released",
        "dead, drawn | released",
        "dead, in progress | forfeited",
        "dead, in progress | released",
        "dead, stored | released",
        "drawn, dead | released",
        "drawn, in progress | released",
        "drawn, stored | released",
        "in progress, dead | forfeited",
        "in progress, dead | released",
        "in progress, drawn | released",
        "stored, dead | released",
        "stored, drawn | released",
    ];
    check(&world(&["A"], [first_draws_the_first, second_draws_the_first]), &ends);
}

#[test]
fn a_steward_who_ends_a_run_and_the_run_agree() {
    let ends = [
        "dead, dead | forfeited",
        "dead, dead | released",
        "dead, ended | forfeited",
        "dead, ended | released",
        "dead, nothing to end | approved",
        "dead, nothing to end | forfeited",
        "dead, nothing to end | released",
        "dead, too late to end | released",
        "drawn, dead | released",
        "drawn, ended | released",
        "drawn, nothing to end | released",
        "drawn, too late to end | released",
        "late, dead | forfeited",
        "late, ended | forfeited",
    ];
    check(&world(&["A"], [first_draws_the_first, a_steward_ends_all_runs]), &ends);
}

#[test]
fn a_cap_is_lowered_before_a_charge_or_not_below_it() {
    let ends = [
        "dead, below what is used | forfeited",
        "dead, below what is used | released",
        "dead, dead | approved",
        "dead, dead | forfeited",
        "dead, dead | released",
        "dead, lowered | approved",
        "drawn, below what is used | released",
        "drawn, dead | released",
        "no budget, dead | approved",
        "no budget, lowered | approved",
    ];
    check(&world(&["A"], [first_draws_the_first, an_officer_lowers_the_cap]), &ends);
}

#[test]
fn what_was_approved_before_a_stricter_policy_is_drawn_before_it_or_not_at_all() {
    let ends = [
        "another policy, changed | approved",
        "another policy, dead | approved",
        "dead, changed | approved",
        "dead, changed | forfeited",
        "dead, changed | released",
        "dead, dead | approved",
        "dead, dead | forfeited",
        "dead, dead | released",
        "drawn, changed | released",
        "drawn, dead | released",
    ];
    check(&world(&["A"], [first_draws_the_first, an_officer_wants_more_approvers]), &ends);
}
