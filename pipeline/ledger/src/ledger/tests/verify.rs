//! What a forger can do to the store, and the name that `ledger verify` gives it.

use serde_json::json;

use super::*;
use crate::checkpoint;
use crate::event::{Opened, Released, Reserved, StepForfeited, StepReserved, Withdrawn};
use crate::scope::Scope;
use crate::series::opening;
use crate::verify::Verification;

/// A ledger with one published release of 40 and its bundle.
struct Scene {
    store: Store,
    releases: Store,
    ledger: Ledger,
    id: Digest,
}

async fn published() -> Scene {
    let (store, releases) = (Store::memory(), Store::memory());
    let ledger = ledger(&store);
    ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = ready(&ledger, &Wish::new("A", 40)).await;
    let (receipt, _) = run(&ledger, id, 1).await.unwrap();
    let head = ledger.state().await.unwrap().head().unwrap().1;
    let csv = Bytes::from_static(b"region,persons\n");
    let files = json!([{ "path": "data/a.csv", "bytes": 15, "blake3": Digest::of(&csv).hex() }]);
    let manifest = Bytes::from(json!({ "release": "R-A", "ledger_head": head, "files": files }).to_string());
    let bundle = Publication {
        manifest: Digest::of(&manifest),
        sshsig: cast().pat.sign(sign::RELEASE, &manifest).unwrap(),
        published: ledger.log().now(),
        ledger_head: head,
    };
    ledger.published(&receipt, &bundle, &cast().pat).await.unwrap();
    releases.put("R-A/data/a.csv", &csv).await.unwrap();
    releases.put("R-A/release.json", &manifest).await.unwrap();
    let (stated, sshsig) = ledger.checkpoint(&cast().pat).await.unwrap();
    checkpoint::put(&releases, &stated, &sshsig).await.unwrap();
    Scene { store, releases, ledger, id }
}

impl Scene {
    /// Faults as (entry, kind), found by an installation that remembers nothing.
    async fn faults(&self) -> Vec<(Option<u64>, &'static str)> {
        let fresh = Ledger::open(self.store.clone(), &state_dir());
        let verdict = fresh.verify(Some(&self.releases)).await.unwrap();
        assert_eq!(verdict.ok, verdict.faults.is_empty());
        let each = fresh
            .verify_with(&Verification { each: true, releases: Some(&self.releases), kept: &[] })
            .await
            .unwrap();
        assert_eq!(each.faults, verdict.faults);
        verdict.faults.into_iter().map(|fault| (fault.sequence, fault.kind.as_str())).collect()
    }

    async fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<&str> = self.faults().await.into_iter().map(|(_, kind)| kind).collect();
        kinds.dedup();
        kinds
    }

    /// Appends whatever a writer of the store may append.
    async fn forge(&self, draft: Draft) -> u64 {
        let entries = self.ledger.log().scan().await.unwrap().entries;
        match self.ledger.log().append(entries.last(), draft).await.unwrap() {
            Appended::Written(entry) => entry.sequence,
            Appended::Lost => panic!(),
        }
    }

    async fn state(&self) -> State {
        crate::replay::replay_all(&self.ledger.log().scan().await.unwrap().entries).0
    }

    /// Proposes rightly; forged approvals follow.
    async fn proposed(&self, wish: &Wish) -> (Proposal, Digest) {
        let proposal = wish.proposal(&self.state().await);
        let id = proposal.id().unwrap();
        let event = Event::Proposed(Box::new(proposal.clone()), id);
        self.forge(signed("ana", &event, sign::PROPOSAL, &cast().ana)).await;
        (proposal, id)
    }

    async fn approve(&self, id: Digest, name: &str, key: &SigningKey) -> u64 {
        let event = Event::Decided(statement(&self.state().await, id, Answer::Approve));
        self.forge(signed(name, &event, sign::APPROVAL, key)).await
    }

    async fn reserve(&self, proposal: &Proposal, nano_rho: u64) -> u64 {
        let said = Reserved {
            f: proposal.f,
            proposal: proposal.id().unwrap(),
            run: new_run().unwrap(),
            nano_rho: NanoRho::new(nano_rho),
            scopes: Scope::of(proposal),
            data: Digest::of(b"custody"),
        };
        self.forge(Event::Reserved(said).draft()).await
    }
}

fn signed(name: &str, event: &Event, namespace: &str, key: &SigningKey) -> Draft {
    sign_named(name, event, namespace, key).unwrap()
}

#[tokio::test]
async fn a_tombstone_stands_alone_and_is_signed_by_whoever_withdrew() {
    let scene = published().await;
    let f = scene.state().await.by_id(scene.id).unwrap().f;
    let stone = |who: &SigningKey, entry| Tombstone {
        manifest: Digest::of(b"stone"),
        sshsig: who.sign(sign::RELEASE, b"stone").unwrap(),
        withdrawn: "2027-01-03T00:00:00Z".to_owned(),
        entry,
    };
    let next = scene.state().await.next();
    let late = scene
        .ledger
        .withdraw(f, &text("a mistake"), Some(&stone(&cast().opal, next - 1)), &cast().opal)
        .await;
    assert!(matches!(late, Err(Error::Contended { .. })), "it would name another entry");
    scene
        .ledger
        .withdraw(f, &text("a mistake"), Some(&stone(&cast().opal, next)), &cast().opal)
        .await
        .unwrap();
    let state = scene.state().await;
    let request = state.by_id(scene.id).unwrap();
    assert_eq!((request.sequence, request.withdrawn.as_deref()), (next, Some("2027-01-03T00:00:00Z")));

    let notes = async || scene.ledger.verify(Some(&scene.releases)).await.unwrap().notes;
    assert_eq!(scene.faults().await, [], "cut off: the published statement still stands there");
    assert_eq!(
        notes().await,
        ["release R-A: its tombstone is not there yet; `marsad release withdraw` puts it"]
    );
    scene.releases.put("R-A/release.json", &Bytes::from_static(b"stone")).await.unwrap();
    assert_eq!(scene.faults().await, []);
    let left =
        "release R-A is withdrawn and 1 of its files are still there; `marsad release withdraw` removes them";
    assert_eq!(notes().await, [left]);
    scene.releases.delete("R-A/data/a.csv").await.unwrap();
    assert_eq!((scene.faults().await, notes().await), (vec![], vec![]));
    scene.releases.put("R-A/release.json", &Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(scene.kinds().await, ["bundle-hash"]);
}

#[tokio::test]
async fn a_tombstone_signed_by_another_than_its_entry_is_a_fault() {
    let scene = published().await;
    let f = scene.state().await.by_id(scene.id).unwrap().f;
    let stone = Tombstone {
        manifest: Digest::of(b"stone"),
        sshsig: cast().pat.sign(sign::RELEASE, b"stone").unwrap(),
        withdrawn: "2027-01-03T00:00:00Z".to_owned(),
        entry: scene.state().await.next(),
    };
    scene.ledger.withdraw(f, &text("a mistake"), Some(&stone), &cast().opal).await.unwrap();
    scene.releases.put("R-A/release.json", &Bytes::from_static(b"stone")).await.unwrap();
    assert_eq!(scene.kinds().await, ["authority"]);
}

#[tokio::test]
async fn a_withdrawal_of_before_tombstones_were_signed_still_reads() {
    let scene = published().await;
    let said = Withdrawn {
        release: "R-A".parse().unwrap(),
        f: scene.state().await.by_id(scene.id).unwrap().f,
        manifest: None,
        reason: text("a mistake"),
        time: None,
        sshsig: None,
    };
    let draft = signed("pat", &Event::Withdrawn(said), sign::RELEASE, &cast().pat);
    assert_eq!(draft.body.as_object().unwrap().len(), 4);
    let sequence = scene.forge(draft).await;
    let state = scene.state().await;
    let request = state.by_id(scene.id).unwrap();
    assert_eq!((request.sequence, request.tombstone, request.state), (sequence, None, Stage::Withdrawn));
    assert!(request.withdrawn.is_some() && scene.faults().await.is_empty());
}

#[tokio::test]
async fn a_right_ledger_has_no_fault() {
    let scene = published().await;
    assert_eq!(scene.faults().await, []);
    let verdict = scene.ledger.verify(Some(&scene.releases)).await.unwrap();
    assert_eq!(
        (verdict.entries, verdict.head),
        (6, scene.ledger.state().await.unwrap().head().map(|head| head.1))
    );
    assert_eq!(verdict.notes, Vec::<String>::new());
    scene.releases.delete("R-A/release.json").await.unwrap();
    scene.releases.delete("R-A/data/a.csv").await.unwrap();
    let verdict = scene.ledger.verify(Some(&scene.releases)).await.unwrap();
    assert_eq!((verdict.ok, verdict.notes.len()), (true, 1), "an entry without its bundle is a note");
}

#[tokio::test]
async fn a_flipped_byte_anywhere_shows() {
    let scene = published().await;
    for entry in scene.ledger.history().await.unwrap().0 {
        let path = format!("{:020}.json", entry.sequence);
        let right = scene.store.get(&path).await.unwrap().unwrap();
        for at in (0..right.len()).step_by(97).chain([right.len() - 1]) {
            let mut wrong = right.to_vec();
            wrong[at] ^= 1;
            scene.store.put(&path, &Bytes::from(wrong)).await.unwrap();
            let faults = scene.faults().await;
            let named = faults.iter().any(|(at, kind)| *at == Some(entry.sequence) && *kind == "hash");
            assert!(named, "byte {at} of entry {}: {faults:?}", entry.sequence);
        }
        scene.store.put(&path, &right).await.unwrap();
    }
    assert_eq!(scene.faults().await, []);
}

#[tokio::test]
async fn a_removed_entry_a_replaced_one_and_a_cut_off_end_are_told_apart() {
    let scene = published().await;
    let entries = scene.ledger.history().await.unwrap().0;
    scene.store.delete(&format!("{:020}.json", 3)).await.unwrap();
    assert!(scene.faults().await.contains(&(Some(3), "missing-entry")));

    // Another entry with a hash of its own.
    let said = Draft { body: entries[3].body.value(), ..Draft::new("reserved", json!({})) };
    let other = Entry::following(Some(&entries[2]), "2020-01-01T00:00:00Z".to_owned(), said).unwrap();
    scene.store.put(&format!("{:020}.json", 3), &other.bytes().unwrap().into()).await.unwrap();
    assert!(scene.faults().await.contains(&(Some(4), "chain")));

    let scene = published().await;
    scene.store.delete(&format!("{:020}.json", 5)).await.unwrap();
    scene.store.delete(&format!("{:020}.json", 4)).await.unwrap();
    let faults = scene.faults().await;
    assert!(faults.contains(&(Some(5), "rolled-back")), "the checkpoint: {faults:?}");
    assert!(faults.contains(&(None, "rolled-back")), "the bundle's head: {faults:?}");
    assert!(faults.contains(&(None, "unknown-bundle")), "{faults:?}");
}

#[tokio::test]
async fn forged_decisions_are_named() {
    let scene = published().await;
    let (_, id) = scene.proposed(&Wish::new("B", 1)).await;
    let at = scene.approve(id, "ana", &cast().ana).await;
    assert_eq!(scene.faults().await, [(Some(at), "author-approves")]);

    let scene = published().await;
    let (_, id) = scene.proposed(&Wish::new("B", 1)).await;
    let stranger = SigningKey::generate(&state_dir().with_extension("key"), "sam").unwrap();
    let at = scene.approve(id, "sam", &stranger).await;
    assert_eq!(scene.faults().await, [(Some(at), "authority")]);
    let at = scene.approve(id, "pat", &cast().pat).await;
    assert_eq!(scene.faults().await.last(), Some(&(Some(at), "authority")));
    let unsigned = Event::Decided(statement(&scene.state().await, id, Answer::Approve)).draft();
    let at = scene.forge(unsigned).await;
    assert_eq!(scene.faults().await.last(), Some(&(Some(at), "signature")));

    // A true signature moved to another statement.
    let scene = published().await;
    let (_, id) = scene.proposed(&Wish::new("B", 1)).await;
    let right = Event::Decided(statement(&scene.state().await, id, Answer::Reject));
    let signature = signed("sam", &right, sign::APPROVAL, &cast().sam).signature.unwrap();
    let turned = Event::Decided(statement(&scene.state().await, id, Answer::Approve)).draft();
    let at = scene.forge(turned.signed(signature)).await;
    assert_eq!(scene.faults().await, [(Some(at), "signature")]);
}

#[tokio::test]
async fn entries_that_the_table_does_not_list_are_named() {
    let scene = published().await;
    let (proposal, _) = scene.proposed(&Wish::new("B", 1)).await;
    let at = scene.reserve(&proposal, 1).await;
    assert_eq!(scene.faults().await, [(Some(at), "state")], "reserved without approval");

    let scene = published().await;
    let f = scene.state().await.by_id(scene.id).unwrap().f;
    let said = Released { f, run: new_run().unwrap(), hash: Digest::of(b"other") };
    let at = scene.forge(Event::Released(said).draft()).await;
    assert_eq!(scene.faults().await, [(Some(at), "state")], "released twice");
    let at = scene.forge(Draft::new("invented", json!({ "release": "R-A" }))).await;
    assert_eq!(scene.faults().await.last(), Some(&(Some(at), "state")), "a kind of a later version");
    let state = Ledger::open(scene.store.clone(), &state_dir()).state().await;
    assert!(matches!(state, Err(Error::NotRight { .. })), "nothing is built on it");
}

#[tokio::test]
async fn overspending_is_named_and_counted() {
    let scene = published().await;
    let (proposal, id) = scene.proposed(&Wish::new("B", 61)).await;
    scene.approve(id, "sam", &cast().sam).await;
    let at = scene.reserve(&proposal, 61).await;
    assert_eq!(scene.faults().await, [(Some(at), "budget")]);
    assert_eq!(scene.state().await.used(), NanoRho::new(101));

    let scene = published().await;
    let (proposal, id) = scene.proposed(&Wish::new("B", 61)).await;
    scene.approve(id, "sam", &cast().sam).await;
    scene.reserve(&proposal, 1).await;
    assert_eq!(scene.kinds().await, ["budget"], "charged less than was approved");
    assert_eq!(scene.state().await.used(), NanoRho::new(101), "never under-counted");

    let scene = published().await;
    let replaces = scene.state().await.policy_hash();
    let raised = Event::Policy(Policy { replaces, ..cast().policy(1000) });
    let at = scene.forge(signed("opal", &raised, sign::POLICY, &cast().opal)).await;
    assert_eq!(scene.faults().await, [(Some(at), "budget")], "above the ceiling");
    let raised = Event::Policy(Policy { replaces, ..cast().policy(99) });
    let at = scene.forge(signed("sam", &raised, sign::POLICY, &cast().sam)).await;
    assert_eq!(scene.faults().await.last(), Some(&(Some(at), "authority")));
}

#[tokio::test]
async fn forged_series_and_steps_are_named_and_counted() {
    let scene = published().await;
    let series = SeriesWish::new("S", 9, 3);
    let (proposal, id) = scene.proposed(&Wish::of_series("B", series.clone())).await;
    let opened = opening(&proposal, id, &series.id()).unwrap();
    let at = scene.forge(Event::Opened(opened.clone()).draft()).await;
    assert_eq!(scene.faults().await, [(Some(at), "state")], "opened without approval");
    assert_eq!(scene.state().await.used(), NanoRho::new(49));

    let scene = published().await;
    let (_, id) = scene.proposed(&Wish::of_series("B", series.clone())).await;
    scene.approve(id, "sam", &cast().sam).await;
    let opened = Opened { proposal: id, ..opened };
    let cheap = Opened { nano_rho: NanoRho::new(1), scopes: [Scope::Lifetime].into(), ..opened.clone() };
    let at = scene.forge(Event::Opened(cheap).draft()).await;
    assert_eq!(scene.faults().await, [(Some(at), "budget")], "opened for less than was approved");
    assert_eq!(scene.state().await.used(), NanoRho::new(49), "never under-counted");
    let at = scene.forge(Event::Opened(opened).draft()).await;
    assert_eq!(scene.faults().await.last(), Some(&(Some(at), "state")), "opened twice");
    assert_eq!(scene.state().await.used(), NanoRho::new(58));

    let draw = |step: u32, revision: u32| StepReserved {
        series: series.id(),
        step,
        revision,
        run: new_run().unwrap(),
        nano_rho: NanoRho::ZERO,
        scopes: std::collections::BTreeSet::new(),
        data: Digest::of(b"custody"),
    };
    let before = scene.faults().await.len();
    let right = draw(0, 0);
    scene.forge(Event::StepReserved(right.clone()).draft()).await;
    assert_eq!(scene.faults().await.len(), before, "a right step is no fault");
    let SeriesStep { series, step, .. } = series.step(0, 0);
    let lost = Event::StepForfeited(StepForfeited { series, step, run: right.run });
    scene.forge(lost.draft()).await;
    for (forged, what) in [(draw(0, 0), "drawn twice"), (draw(2, 0), "out of order")] {
        let at = scene.forge(Event::StepReserved(forged).draft()).await;
        assert_eq!(scene.faults().await.last(), Some(&(Some(at), "state")), "{what}");
    }
    let at = scene.forge(Event::StepReserved(draw(0, 1)).draft()).await;
    let faults = scene.faults().await;
    assert!(faults.contains(&(Some(at), "budget")), "redrawn at no charge: {faults:?}");
    assert_eq!(scene.state().await.used(), NanoRho::new(65), "never under-counted");
}

#[tokio::test]
async fn public_bundles_and_checkpoints_are_compared() {
    let scene = published().await;
    scene.releases.put("R-A/data/a.csv", &Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(scene.faults().await, [(Some(5), "bundle-hash")]);
    scene.releases.put("R-A/release.json", &Bytes::from_static(b"{}")).await.unwrap();
    assert_eq!(scene.kinds().await, ["bundle-hash"]);

    let scene = published().await;
    scene.releases.put("R-Z/data/a.csv", &Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(scene.faults().await, [(None, "unknown-bundle")]);

    let scene = published().await;
    let (mut stated, _) = scene.ledger.checkpoint(&cast().pat).await.unwrap();
    stated.head = Digest::of(b"a fork");
    let sshsig = cast().pat.sign(sign::CHECKPOINT, &checkpoint::bytes(&stated)).unwrap();
    scene.releases.put("checkpoint.json", &checkpoint::bytes(&stated).into()).await.unwrap();
    assert_eq!(scene.kinds().await, ["rolled-back", "signature"]);
    scene.releases.put("checkpoint.json.sig", &sshsig.into()).await.unwrap();
    assert_eq!(scene.kinds().await, ["rolled-back"]);
}

#[tokio::test]
async fn a_checkpoint_pointer_cut_off_between_its_two_objects_is_a_note() {
    let scene = published().await;
    let stands = scene.releases.get("checkpoint.json.sig").await.unwrap().unwrap();
    ready(&scene.ledger, &Wish::new("B", 1)).await;
    let (stated, sshsig) = scene.ledger.checkpoint(&cast().pat).await.unwrap();
    let again = scene.ledger.checkpoint(&cast().pat).await.unwrap();
    assert_eq!((&again.0, &again.1), (&stated, &sshsig), "whoever states an entry states the same bytes");
    checkpoint::put(&scene.releases, &stated, &sshsig).await.unwrap();
    scene.releases.put("checkpoint.json.sig", &stands).await.unwrap();
    let verdict = scene.ledger.verify(Some(&scene.releases)).await.unwrap();
    assert!(
        verdict.ok && verdict.notes.iter().any(|note| note.contains("checkpoint.json.sig")),
        "{verdict:?}"
    );
    let numbered = format!("_checkpoints/{:020}.json.sig", stated.sequence);
    scene.releases.put(&numbered, &stands).await.unwrap();
    let kinds: Vec<&str> = scene.faults().await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["signature", "signature"]);
}

#[tokio::test]
async fn an_earlier_checkpoint_never_replaces_a_later_one() {
    let scene = published().await;
    let (early, sshsig) = scene.ledger.checkpoint(&cast().pat).await.unwrap();
    ready(&scene.ledger, &Wish::new("B", 1)).await;
    let (late, later) = scene.ledger.checkpoint(&cast().pat).await.unwrap();
    checkpoint::put(&scene.releases, &late, &later).await.unwrap();
    checkpoint::put(&scene.releases, &early, &sshsig).await.unwrap();
    let newest = scene.releases.get("checkpoint.json").await.unwrap().unwrap();
    assert_eq!(newest, checkpoint::bytes(&late));
    assert_eq!(scene.faults().await, []);
}
