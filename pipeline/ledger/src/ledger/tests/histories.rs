//! V13: each entry of each history gets the stated verdict and leaves the stated budget and stages.
//!
//! V13 tells of a series as a proposal of its own. Here a release opens it, so its entries translate:
//! - a proposal of a series: a release that holds that series alone, shown through its first step, and opens it;
//! - its `reserved` by F, which V13 refuses by kind: that release's, refused since its series is not open;
//! - `published` of a step: a step is public with a release that shows it, so one that shows the series through that step
//!   is proposed, approved, run and published, all at no charge; of a redraw: the release that asked for it;
//! - a proposal of a redraw: a release that shows the series through its last drawn step and lists the redraw;
//! - the states of S, S/t and S/t#r: the opening release's until S is open; the draw's, `published` as above; the asking
//!   release's until the redraw is drawn.

use std::collections::BTreeMap;

use marsad_terms::RunId;
use serde_json::Value;

use super::*;
use crate::event::{Forfeited, Released, Reserved};
use crate::refusal::Refusal;
use crate::scope::Scope;

mod series;

use series::Told;

struct History {
    name: String,
    ledger: Ledger,
    /// Digest of F by its label.
    labels: BTreeMap<String, Digest>,
    /// Proposal ids by their labels.
    proposals: BTreeMap<String, Digest>,
    /// Its first-time series.
    series: Told,
}

fn digest_of(label: &Value) -> Digest {
    Digest::of(label.as_str().unwrap_or("").as_bytes())
}

fn run_id(entry: &Value) -> RunId {
    let number: u64 = entry["run"].as_str().unwrap()[1..].parse().unwrap();
    format!("{number:032x}").parse().unwrap()
}

fn amount(value: &Value) -> NanoRho {
    NanoRho::new(value.as_u64().unwrap())
}

fn policy(entry: &Value) -> Policy {
    let mut policy = cast().policy(0);
    policy.ceiling_nano_rho = entry.get("ceiling_rho").map(amount);
    for (scope, cap) in entry["caps"].as_object().unwrap() {
        match scope.parse().unwrap() {
            Scope::Lifetime => policy.lifetime_nano_rho = amount(cap),
            Scope::Year(_) => policy.year_nano_rho = Some(amount(cap)),
            Scope::RecordType(id) => {
                policy.record_type_nano_rho.insert(id, amount(cap));
            }
        }
    }
    policy
}

/// The words of V13 for our refusals.
fn words(error: &Error) -> &'static str {
    let Error::Refused(refusal) = error else {
        return match error {
            Error::Result { .. } => "result",
            Error::Withdrawn { .. } => "tombstone",
            other => panic!("{other}"),
        };
    };
    match refusal {
        Refusal::Unknown { .. } => "unknown",
        Refusal::Exists { .. } => "exists",
        Refusal::Superseded { .. } => "lapsed",
        Refusal::NotListed { .. }
        | Refusal::Beginning
        | Refusal::AlreadyOpen { .. }
        | Refusal::NotForfeited { .. } => "state",
        Refusal::NotOpened { .. } => "not opened",
        Refusal::StepOrder { .. } => "order",
        Refusal::StepDrawn { .. } => "drawn",
        Refusal::BeyondHorizon { .. } => "horizon",
        Refusal::Unreadable { what, .. } if what.contains("unknown field `f`") => "names more than (S, t)",
        Refusal::Inconsistent { what } if what.starts_with("its price") => "charge",
        Refusal::InProgress { .. } => "in progress",
        Refusal::OtherRun { .. } => "run",
        Refusal::Budget { .. } => "budget",
        Refusal::Zero => "zero",
        Refusal::Ceiling { .. } => "ceiling",
        Refusal::CapBelowUsed { .. } => "cap below used",
        Refusal::AuthorApproves { .. } => "author",
        Refusal::SameApprover { .. } => "same approver",
        other => panic!("{other}"),
    }
}

fn verdict(done: Result<()>) -> (String, Option<Refusal>) {
    match done {
        Ok(()) => ("accepted".to_owned(), None),
        Err(error) => {
            let verdict = format!("refused: {}", words(&error));
            (verdict, if let Error::Refused(refusal) = error { Some(refusal) } else { None })
        }
    }
}

impl History {
    async fn state(&self) -> State {
        self.ledger.state().await.unwrap()
    }

    fn f(&self, entry: &Value) -> Digest {
        let label = entry["f"].as_str().unwrap();
        let known = self.labels.get(label).copied().or_else(|| self.series.opening_release(label));
        known.unwrap_or(Digest::of(label.as_bytes()))
    }

    async fn request(&self, entry: &Value) -> RequestState {
        self.state().await.request(&self.f(entry)).unwrap().clone()
    }

    /// Appends an event as it is, judged like any other.
    async fn entry(&self, event: Event, by: Option<(&str, &SigningKey)>) -> Result<Stage> {
        self.ledger
            .append(|state| match by {
                Some((namespace, key)) => sign_as(state, &event, namespace, key).map(Some),
                None => Ok(Some(event.draft())),
            })
            .await
            .map(|_| Stage::Proposed)
    }

    async fn propose(&mut self, entry: &Value) -> Result<()> {
        let label = entry["f"].as_str().unwrap();
        let wish = Wish {
            id: entry["id"].as_str().unwrap().to_owned(),
            record_types: serde_json::from_value(entry["record_types"].clone()).unwrap(),
            years: serde_json::from_value(entry["years"].clone()).unwrap(),
            needed: u32::try_from(entry["need"].as_u64().unwrap()).unwrap(),
            ..Wish::new(label, entry["nano_rho"].as_u64().unwrap())
        };
        let proposal = wish.proposal(&self.state().await);
        assert_eq!(entry["author"], proposal.author.as_str());
        let id = self.ledger.propose(&proposal, &cast().ana).await?;
        self.labels.insert(label.to_owned(), proposal.f);
        self.proposals.insert(wish.id, id);
        Ok(())
    }

    async fn decide(&self, entry: &Value, answer: Answer) -> Result<()> {
        let label = entry["proposal"].as_str().unwrap();
        let id = self.proposals.get(label).copied().unwrap_or(Digest::of(label.as_bytes()));
        decide(&self.ledger, id, entry["by"].as_str().unwrap(), answer).await.map(|_| ())
    }

    async fn reserved(&self, entry: &Value) -> Reserved {
        let state = self.state().await;
        let known = state.request(&self.f(entry));
        Reserved {
            f: self.f(entry),
            proposal: known.map_or(Digest::of(b""), |request| request.proposal_id),
            run: run_id(entry),
            nano_rho: known.map_or(NanoRho::ZERO, |request| request.proposal.request.nano_rho),
            scopes: known.map(|request| Scope::of(&request.proposal)).unwrap_or_default(),
            data: Digest::of(b"custody"),
        }
    }

    /// The bytes of a result: the right ones for `h-r…`, others for any other word.
    async fn result(&self, entry: &Value) -> Bytes {
        let mark = if entry["hash"] == "h-other" { -1 } else { 1 };
        let proposal = self.request(entry).await.proposal;
        Bytes::from(serde_json::to_vec(&result(&proposal, mark)).unwrap())
    }

    async fn store_result(&self, entry: &Value) -> String {
        let request = self.request(entry).await;
        let (path, bytes) = (format!("runs/{}", run_id(entry)), self.result(entry).await);
        if request.state != Stage::Forfeited {
            let stored = self.ledger.store().create(&path, &bytes).await.unwrap();
            return if stored == marsad_log::Created::New { "stored" } else { "refused: exists" }.to_owned();
        }
        let late = crate::reservation::Reservation {
            release: request.release().clone(),
            f: request.f,
            proposal: request.proposal_id,
            run: run_id(entry),
            nano_rho: request.charged,
            scopes: request.scopes.clone(),
        };
        let refused = self.ledger.complete(late, &result(&request.proposal, 1)).await;
        assert!(refused.is_err());
        assert_eq!(self.ledger.store().get(&path).await.unwrap(), None);
        "deleted unseen".to_owned()
    }

    async fn released(&self, entry: &Value) -> Result<()> {
        let known = self.state().await.request(&self.f(entry)).is_some();
        let hash = if known { Digest::of(&self.result(entry).await) } else { digest_of(&entry["hash"]) };
        let said = Released { f: self.f(entry), run: run_id(entry), hash };
        // The rules first: a late result may be gone.
        let reserved = self.state().await.request(&said.f).is_some_and(|r| r.run.as_ref() == Some(&said.run));
        if reserved && self.request(entry).await.state == Stage::Reserved {
            return self.ledger.release(said.f, &said.run, said.hash).await;
        }
        self.entry(Event::Released(said), None).await.map(|_| ())
    }

    async fn asked(&self, entry: &Value) -> String {
        let state = self.state().await;
        let request = state.request(&self.f(entry)).unwrap();
        if request.state == Stage::Approved {
            assert!(state.refusal_for(&request.proposal).is_empty());
            return "may reserve".to_owned();
        }
        match reserve(&self.ledger, request.f).await {
            Ok(Reserve::Stored(receipt, bytes)) => {
                assert_eq!(Some(receipt.hash()), request.hash);
                assert_eq!(Digest::of(&bytes), receipt.hash());
                "same bytes".to_owned()
            }
            Err(Error::Refused(Refusal::NotListed { stage: Some(Stage::Forfeited), .. })) => {
                "refused: forfeited".to_owned()
            }
            Err(Error::Refused(Refusal::NotListed { .. })) => "refused: not approved".to_owned(),
            Err(error) => words(&error).to_owned(),
            Ok(Reserve::New(_)) => panic!("reserved without approval"),
        }
    }

    async fn recovery(&self, entry: &Value) -> String {
        let ended = self.ledger.recover_all().await.unwrap();
        let f = self.f(entry);
        let of = |run: &&Recovered| matches!(run.of, RunOf::Request { f: of, .. } if of == f);
        ended.iter().find(of).map_or("nothing to do".to_owned(), |run| run.state.to_string())
    }

    async fn take(&mut self, entry: &Value) -> (String, Option<Refusal>) {
        let kind = entry["kind"].as_str().unwrap();
        if self.is_of_a_series(entry) {
            return self.take_of_series(kind, entry).await;
        }
        let done = match kind {
            "asked" => return (self.asked(entry).await, None),
            "result" => return (self.store_result(entry).await, None),
            "recovery" => return (self.recovery(entry).await, None),
            "genesis" if self.state().await.workspace().is_none() => {
                self.ledger.set_policy(&policy(entry), &cast().opal).await.map(|_| ())
            }
            "genesis" => {
                let event = Event::Genesis(policy(entry));
                self.entry(event, Some((sign::POLICY, &cast().opal))).await.map(|_| ())
            }
            "policy" => self.ledger.set_policy(&policy(entry), &cast().opal).await.map(|_| ()),
            "proposed" => self.propose(entry).await,
            "approved" => self.decide(entry, Answer::Approve).await,
            "rejected" => self.decide(entry, Answer::Reject).await,
            "reserved" => self.entry(Event::Reserved(self.reserved(entry).await), None).await.map(|_| ()),
            "released" => self.released(entry).await,
            "forfeited" => {
                let said = Forfeited { f: self.f(entry), run: run_id(entry) };
                self.entry(Event::Forfeited(said), None).await.map(|_| ())
            }
            "published" => {
                let request = self.request(entry).await;
                let said = Published {
                    release: request.release().clone(),
                    f: request.f,
                    manifest: Digest::of(b"release.json"),
                    time: "2027-11-15T09:00:00Z".to_owned(),
                    ledger_head: Digest::of(b"head"),
                    sshsig: String::new(),
                };
                self.entry(Event::Published(said), Some((sign::RELEASE, &cast().pat))).await.map(|_| ())
            }
            "withdrawn" => {
                let request = self.request(entry).await;
                self.ledger.withdraw(request.f, &text("a mistake"), None, &cast().pat).await
            }
            other => panic!("{other}"),
        };
        verdict(done)
    }

    async fn check(&mut self, step: &Value, year_cap: bool) {
        let entry = &step["entry"];
        let place = format!("{}: {entry}", self.name);
        let before = self.state().await.used();
        let (verdict, refusal) = self.take(entry).await;
        assert_eq!(verdict, step["verdict"].as_str().unwrap(), "{place}");
        let state = self.state().await;
        if let Some(charged) = step.get("charged") {
            assert_eq!(charged.as_u64(), Some(state.used().get() - before.get()), "{place}");
        }
        if let Some(shortfall) = step.get("shortfall") {
            let Some(Refusal::Budget { shortfalls }) = refusal else { panic!("{place}: {refusal:?}") };
            // The vectors cap single years, a policy all of them: years that a history leaves free say nothing.
            let stated = |scope: &str| year_cap && scope == "year:2027" || !scope.starts_with("year:");
            let found: BTreeMap<String, u64> = shortfalls
                .into_iter()
                .filter(|s| stated(&s.scope))
                .map(|s| (s.scope, s.shortfall.get()))
                .collect();
            assert_eq!(*shortfall, serde_json::json!(found), "{place}");
        }
        let used = state.scopes().into_iter().map(|scope| (scope.scope.clone(), scope.used().get()));
        let used: BTreeMap<String, u64> = used.filter(|(_, used)| *used > 0).collect();
        assert_eq!(step["used"], serde_json::json!(used), "{place}");
        let stage = |f: &Digest| state.request(f).unwrap().state.to_string();
        let mut stages: BTreeMap<String, String> =
            self.labels.iter().map(|(label, f)| (label.clone(), stage(f))).collect();
        stages.extend(self.series.stages(&state));
        assert_eq!(step["state"], serde_json::json!(stages), "{place}");
    }
}

#[tokio::test]
async fn histories_are_those_of_v13() {
    let vectors: Value = serde_json::from_str(include_str!("../../../testdata/V13_ledger.json")).unwrap();
    assert_eq!(vectors["histories"].as_array().unwrap().len(), 19);
    for history in vectors["histories"].as_array().unwrap() {
        let mut told = History {
            name: history["name"].as_str().unwrap().to_owned(),
            ledger: ledger(&Store::memory()),
            labels: BTreeMap::new(),
            proposals: BTreeMap::new(),
            series: Told::default(),
        };
        let steps = history["steps"].as_array().unwrap();
        let year_cap = steps[0]["entry"]["caps"].get("year:2027").is_some();
        for step in steps {
            told.check(step, year_cap).await;
        }
        let verdict = told.ledger.verify(None).await.unwrap();
        assert!(verdict.ok, "{}: {:?}", told.name, verdict.faults);
    }
}
