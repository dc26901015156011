//! Rules that V13 does not hold: who may sign what, what approvals bind to, when they lapse, names, roll-back.

use std::sync::Mutex;

use super::*;

/// What a test does to a record before it is signed.
type Change = fn(&mut Transfer);

/// A clock that a test sets forward.
fn clock(days: &Arc<Mutex<i64>>) -> Clock {
    let days = Arc::clone(days);
    Arc::new(move || {
        let start = DateTime::parse_from_rfc3339("2027-01-01T12:00:00Z").unwrap().to_utc();
        marsad_terms::clock::text(start + TimeDelta::days(*days.lock().unwrap()))
    })
}

#[tokio::test]
async fn only_the_right_key_signs_each_kind() {
    let ledger = ledger(&Store::memory());
    let policy = cast().policy(100);
    assert!(matches!(refusal(ledger.set_policy(&policy, &cast().sam).await), Refusal::Authority { .. }));
    ledger.set_policy(&policy, &cast().opal).await.unwrap();
    let state = ledger.state().await.unwrap();
    let proposal = Wish::new("A", 40).proposal(&state);
    for key in [&cast().sam, &cast().pat] {
        assert!(matches!(refusal(ledger.propose(&proposal, key).await), Refusal::Authority { .. }));
    }
    let id = ledger.propose(&proposal, &cast().ana).await.unwrap();
    assert_eq!(ledger.propose(&proposal, &cast().ana).await.unwrap(), id, "the same again is the same");
    assert_eq!(ledger.history().await.unwrap().0.len(), 2);
    assert!(matches!(refusal(decide(&ledger, id, "pat", Answer::Approve).await), Refusal::Authority { .. }));
    assert!(matches!(
        refusal(decide(&ledger, id, "ana", Answer::Approve).await),
        Refusal::AuthorApproves { .. }
    ));
    let yes = statement(&state, id, Answer::Approve);
    let named = ledger.decide(&yes, Some("zoe"), &signature(&yes, &cast().sam)).await;
    assert!(matches!(refusal(named), Refusal::Authority { .. }));
    assert_eq!(decide(&ledger, id, "opal", Answer::Approve).await.unwrap(), Stage::Approved);
    let (receipt, _) = run(&ledger, id, 1).await.unwrap();
    let bundle = Publication {
        manifest: Digest::of(b"{}"),
        sshsig: cast().pat.sign(sign::RELEASE, b"{}").unwrap(),
        published: "2027-01-02T00:00:00Z".to_owned(),
        ledger_head: ledger.state().await.unwrap().head().unwrap().1,
    };
    let refused = ledger.published(&receipt, &bundle, &cast().opal).await;
    assert!(matches!(refusal(refused), Refusal::Authority { .. }));
    ledger.published(&receipt, &bundle, &cast().pat).await.unwrap();
    ledger.published(&receipt, &bundle, &cast().pat).await.unwrap();
    let other = Publication { manifest: Digest::of(b"other"), ..bundle.clone() };
    assert!(matches!(
        refusal(ledger.published(&receipt, &other, &cast().pat).await),
        Refusal::NotListed { .. }
    ));
    let state = ledger.state().await.unwrap();
    let request = state.find("R-A").unwrap();
    assert_eq!(
        (request.manifest, request.published.as_ref()),
        (Some(bundle.manifest), Some(&bundle.published))
    );
    assert_eq!(
        ledger.state_at(bundle.ledger_head).await.unwrap().find("R-A").unwrap().state,
        Stage::Released
    );
    let no_reason = ledger.withdraw(receipt.f(), &text(" "), None, &cast().pat).await;
    assert!(matches!(refusal(no_reason), Refusal::NoReason));
    ledger.withdraw(receipt.f(), &text("a mistake"), None, &cast().opal).await.unwrap();
    assert!(matches!(ledger.receipt(receipt.f()).await, Err(Error::Withdrawn { .. })));
    assert_eq!(ledger.state().await.unwrap().scopes()[0].released, NanoRho::new(40));
}

#[tokio::test]
async fn an_approval_answers_every_question_and_no_failed_item_passes() {
    let ledger = begun(100).await;
    let state = ledger.state().await.unwrap();
    let id = propose(&ledger, &Wish::new("A", 1)).await.unwrap();
    let open = |change: fn(&mut Statement)| {
        let mut statement = statement(&state, id, Answer::Approve);
        change(&mut statement);
        statement
    };
    for (said, expected) in [
        (open(|said| said.confirmed.clear()), vec!["C06", "C18"]),
        (open(|said| drop(said.confirmed.insert("C18".to_owned(), " ".to_owned()))), vec!["C18"]),
    ] {
        let refused = refusal(ledger.decide(&said, None, &signature(&said, &cast().sam)).await);
        assert_eq!(refused, Refusal::Unanswered { items: expected.into_iter().map(str::to_owned).collect() });
    }
    let mut failing = Wish::new("B", 1).proposal(&state);
    failing.checklist.push(crate::checklist::Item::machine(
        "C11",
        false,
        text("region, where national is the smallest"),
    ));
    let id = ledger.propose(&failing, &cast().ana).await.unwrap();
    let refused = refusal(decide(&ledger, id, "sam", Answer::Approve).await);
    assert_eq!(refused, Refusal::Failed { items: vec!["C11".to_owned()] });
    let mut silent = statement(&state, id, Answer::Reject);
    silent.reason.clear();
    assert_eq!(
        refusal(ledger.decide(&silent, None, &signature(&silent, &cast().sam)).await),
        Refusal::NoReason
    );
    assert_eq!(decide(&ledger, id, "sam", Answer::Reject).await.unwrap(), Stage::Rejected);
}

#[tokio::test]
async fn a_decision_binds_to_its_workspace_policy_and_proposal() {
    let ledger = begun(100).await;
    let old = ledger.state().await.unwrap();
    let id = propose(&ledger, &Wish::new("A", 1)).await.unwrap();
    let elsewhere = Statement { workspace: Digest::of(b"other"), ..statement(&old, id, Answer::Approve) };
    let refused = refusal(ledger.decide(&elsewhere, None, &signature(&elsewhere, &cast().sam)).await);
    assert_eq!(refused, Refusal::OtherWorkspace);
    // Another policy: the old statement no longer counts, nor does any approval of a proposal made before.
    let mut stricter = cast().policy(90);
    stricter.signers.retain(|signer| signer.name != "zoe");
    ledger.set_policy(&stricter, &cast().opal).await.unwrap();
    let stale = statement(&old, id, Answer::Approve);
    let refused = refusal(ledger.decide(&stale, None, &signature(&stale, &cast().sam)).await);
    assert_eq!(refused, Refusal::OtherPolicy);
    assert_eq!(refusal(decide(&ledger, id, "sam", Answer::Approve).await), Refusal::OtherPolicy);
    let anew = propose(&ledger, &Wish::new("A", 1)).await.unwrap();
    assert_ne!(anew, id);
    assert!(matches!(
        refusal(decide(&ledger, anew, "zoe", Answer::Approve).await),
        Refusal::Authority { .. }
    ));
    // F instead of the proposal's id would outlive the proposal.
    let f = ledger.state().await.unwrap().by_id(anew).unwrap().f;
    assert!(matches!(refusal(decide(&ledger, f, "sam", Answer::Approve).await), Refusal::Unknown { .. }));
    assert_eq!(decide(&ledger, anew, "sam", Answer::Approve).await.unwrap(), Stage::Approved);
}

#[tokio::test]
async fn an_approval_lapses_after_the_policy_s_days_and_may_be_given_again() {
    let days = Arc::new(Mutex::new(0));
    let ledger = ledger(&Store::memory()).with_clock(clock(&days));
    ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = ready(&ledger, &Wish::new("A", 40)).await;
    *days.lock().unwrap() = 30;
    assert_eq!(stage(&ledger.state().await.unwrap(), id), Stage::Approved);
    *days.lock().unwrap() = 31;
    assert_eq!(stage(&ledger.state().await.unwrap(), id), Stage::Proposed);
    assert_eq!(refusal(reserve(&ledger, id).await), Refusal::Lapsed { valid: 0, needed: 1 });
    assert_eq!(decide(&ledger, id, "sam", Answer::Approve).await.unwrap(), Stage::Approved);
    run(&ledger, id, 1).await.unwrap();
    // Years later the replay, whatever the clock, finds what was right then.
    *days.lock().unwrap() = 3000;
    assert!(ledger.verify(None).await.unwrap().ok);
    assert_eq!(stage(&ledger.state().await.unwrap(), id), Stage::Released);
}

#[tokio::test]
async fn a_lapsed_approval_is_not_renewed_by_its_old_signature_nor_by_a_clock_that_is_set_back() {
    let days = Arc::new(Mutex::new(0));
    let ledger = ledger(&Store::memory()).with_clock(clock(&days));
    ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = propose(&ledger, &Wish::new("A", 40)).await.unwrap();
    let first = statement(&ledger.state().await.unwrap(), id, Answer::Approve);
    let sshsig = signature(&first, &cast().sam);
    ledger.decide(&first, None, &sshsig).await.unwrap();
    *days.lock().unwrap() = 40;
    assert_eq!(
        refusal(ledger.decide(&first, None, &sshsig).await),
        Refusal::OtherRound { signed: 0, round: 1 }
    );
    // Any later entry tells that time has passed, whatever the clock says then.
    propose(&ledger, &Wish::new("B", 1)).await.unwrap();
    *days.lock().unwrap() = 1;
    assert_eq!(refusal(reserve(&ledger, id).await), Refusal::Lapsed { valid: 0, needed: 1 });
    assert_eq!(decide(&ledger, id, "sam", Answer::Approve).await.unwrap(), Stage::Approved);
    let again = statement(&ledger.state().await.unwrap(), id, Answer::Approve);
    assert_eq!(again.round, 1);
}

#[tokio::test]
async fn what_was_approved_under_another_policy_is_not_drawn() {
    let ledger = begun(100).await;
    let id = ready(&ledger, &Wish::new("A", 1)).await;
    let other = Policy { approval_days: Some(31), ..cast().policy(100) };
    ledger.set_policy(&other, &cast().opal).await.unwrap();
    assert_eq!(refusal(reserve(&ledger, id).await), Refusal::OtherPolicy);
    let anew = ready(&ledger, &Wish::new("A", 1)).await;
    // Caps are judged at each charge.
    ledger.set_policy(&Policy { approval_days: Some(31), ..cast().policy(99) }, &cast().opal).await.unwrap();
    run(&ledger, anew, 1).await.unwrap();
    let opening = propose(&ledger, &Wish::of_series("B", SeriesWish::new("S", 9, 3))).await.unwrap();
    decide(&ledger, opening, "sam", Answer::Approve).await.unwrap();
    ledger.set_policy(&cast().policy(99), &cast().opal).await.unwrap();
    assert_eq!(refusal(ledger.open_series(opening).await), Refusal::OtherPolicy);
}

#[tokio::test]
async fn an_earlier_policy_does_not_come_back_by_its_signature() {
    let ledger = begun(100).await;
    let mut stricter = cast().policy(90);
    stricter.signers.retain(|signer| signer.name != "zoe");
    ledger.set_policy(&stricter, &cast().opal).await.unwrap();
    let mut looser = cast().policy(95);
    looser.signers.retain(|signer| signer.name != "zoe");
    ledger.set_policy(&looser, &cast().opal).await.unwrap();
    let (entries, state) = ledger.history().await.unwrap();
    for earlier in &entries {
        let draft =
            Draft { signature: earlier.signature.clone(), ..Draft::new("policy", earlier.body.value()) };
        let replayed = Entry::following(entries.last(), earlier.time.clone(), draft).unwrap();
        assert_eq!(state.clone().apply(&replayed), Err(Refusal::OtherPolicy), "entry {}", earlier.sequence);
    }
    // Nor does a later one begin a ledger.
    let mut draft = Draft::new("genesis", entries[1].body.value());
    draft.signature = entries[1].signature.clone();
    let begins = Entry::following(None, entries[1].time.clone(), draft).unwrap();
    assert_eq!(State::default().apply(&begins), Err(Refusal::Beginning));
}

#[tokio::test]
async fn a_proposal_that_contradicts_itself_or_the_policy_is_refused() {
    let ledger = ledger(&Store::memory());
    let mut policy = cast().policy(100);
    policy.two_approvers = ["child_protection".parse().unwrap()].into();
    ledger.set_policy(&policy, &cast().opal).await.unwrap();
    let state = ledger.state().await.unwrap();
    let changes: [fn(&mut Proposal); 9] = [
        |p| p.nano_rho = NanoRho::new(1),
        |p| p.f = Digest::of(b"other"),
        |p| p.request.revision = 1,
        |p| p.record_types.clear(),
        |p| p.years.clear(),
        |p| p.approvals_needed = 0,
        |p| p.workspace = Digest::of(b"other"),
        |p| p.policy = Digest::of(b"other"),
        |p| p.author = "sam".to_owned(),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut proposal = Wish::new("A", 40).proposal(&state);
        change(&mut proposal);
        assert!(ledger.propose(&proposal, &cast().ana).await.is_err(), "change {n}");
    }
    let child = Wish { record_types: vec!["child_protection".parse().unwrap()], ..Wish::new("B", 1) };
    let refused = refusal(propose(&ledger, &child).await);
    assert_eq!(refused, Refusal::TooFewApprovers { asked: 1, wanted: 2 });
    propose(&ledger, &Wish { needed: 2, ..child }).await.unwrap();
    // Organisations only: no price, and still an approval.
    let organisations = Wish { record_types: Vec::new(), ..Wish::new("C", 0) };
    let id = ready(&ledger, &organisations).await;
    let (receipt, _) = run(&ledger, id, 1).await.unwrap();
    assert_eq!((receipt.nano_rho(), ledger.state().await.unwrap().used()), (NanoRho::ZERO, NanoRho::ZERO));
}

#[tokio::test]
async fn a_policy_that_cannot_be_used_is_refused() {
    let ledger = ledger(&Store::memory());
    let changes: [fn(&mut Policy); 8] = [
        |p| p.signers.retain(|signer| !signer.roles.contains(&Role::PrivacyOfficer)),
        |p| p.signers[0].name = p.signers[1].name.clone(),
        |p| p.signers[0].key = p.signers[1].key.clone(),
        |p| p.signers[0].key = "ssh-ed25519 no".to_owned(),
        |p| p.signers[0].name = "a b".to_owned(),
        |p| p.display_delta = "1".to_owned(),
        |p| p.approval_days = Some(0),
        |p| p.ceiling_nano_rho = Some(NanoRho::new(99)),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut policy = cast().policy(100);
        change(&mut policy);
        let refused = refusal(ledger.set_policy(&policy, &cast().opal).await);
        assert!(
            matches!(refused, Refusal::BadPolicy { .. } | Refusal::Authority { .. }),
            "change {n}: {refused}"
        );
    }
    let first = ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    assert_eq!(ledger.state().await.unwrap().workspace(), Some(first));
    assert_eq!(ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap(), first, "no new entry");
    let other = Policy { ceiling_nano_rho: Some(NanoRho::new(101)), ..cast().policy(90) };
    assert!(matches!(refusal(ledger.set_policy(&other, &cast().opal).await), Refusal::CeilingFixed { .. }));
}

#[tokio::test]
async fn a_release_id_is_never_used_twice() {
    let ledger = begun(100).await;
    let state = ledger.state().await.unwrap();
    let first = Wish::new("A", 1).proposal(&state);
    let mut second = Wish::new("B", 1).proposal(&state);
    second.release = first.release.clone();
    let id = approved(&ledger, cast(), &first).await;
    let other = approved(&ledger, cast(), &second).await;
    assert_eq!(
        ledger.state().await.unwrap().find("R-A").unwrap().proposal_id,
        other,
        "the one proposed last"
    );
    run(&ledger, id, 1).await.unwrap();
    assert_eq!(ledger.state().await.unwrap().find("R-A").unwrap().proposal_id, id, "the one that was run");
    assert!(matches!(refusal(reserve(&ledger, other).await), Refusal::ReleaseTaken { .. }));
    let third = Proposal { release: first.release.clone(), ..Wish::new("C", 1).proposal(&state) };
    assert!(matches!(refusal(ledger.propose(&third, &cast().ana).await), Refusal::ReleaseTaken { .. }));
}

#[tokio::test]
async fn a_request_is_found_by_release_or_digits_and_a_slip_is_understood() {
    let ledger = begun(100).await;
    let id = propose(&ledger, &Wish::new("2026-Q3", 40)).await.unwrap();
    let state = ledger.state().await.unwrap();
    for text in ["R-2026-Q3", &id.hex()[..4], &id.hex(), &id.to_string()] {
        assert_eq!(state.find(text).unwrap().proposal_id, id, "{text}");
    }
    for text in ["", "R", &id.hex()[..3]] {
        assert!(matches!(state.find(text), Err(Error::NotFound { .. })), "{text}");
    }
    let newer = Wish { id: "second".to_owned(), ..Wish::new("2026-Q3", 40) };
    let newer = propose(&ledger, &newer).await.unwrap();
    let state = ledger.state().await.unwrap();
    assert_eq!(state.find("R-2026-Q3").unwrap().proposal_id, newer);
    assert!(matches!(state.find(&id.hex()), Err(Error::Refused(Refusal::Superseded { .. }))));
    let Err(Error::NotFound { nearest, .. }) = state.find("R-2026-Q4") else { panic!() };
    assert_eq!(nearest.as_deref(), Some("R-2026-Q3"));
    let after = state.would_use(&state.find("R-2026-Q3").unwrap().proposal);
    let after: Vec<(&str, u64, u64)> =
        after.iter().map(|s| (s.scope.as_str(), s.used.get(), s.after.get())).collect();
    assert_eq!(after, [("lifetime", 0, 40), ("year:2027", 0, 40), ("record_type:assistance_service", 0, 40)]);
}

#[tokio::test]
async fn a_ledger_that_was_rolled_back_is_not_used() {
    let (store, folder) = (Store::memory(), state_dir());
    let ledger = Ledger::open(store.clone(), &folder);
    ledger.set_policy(&cast().policy(100), &cast().opal).await.unwrap();
    let id = ready(&ledger, &Wish::new("A", 40)).await;
    run(&ledger, id, 1).await.unwrap();
    let last = ledger.history().await.unwrap().0.len() - 1;
    store.delete(&format!("{last:020}.json")).await.unwrap();
    assert!(matches!(ledger.state().await, Err(Error::RolledBack { sequence }) if sequence == last as u64));
    assert!(matches!(reserve(&ledger, id).await, Err(Error::RolledBack { .. })));
    let verdict = ledger.verify(None).await.unwrap();
    assert_eq!(verdict.faults.iter().map(|f| f.kind.as_str()).collect::<Vec<_>>(), ["rolled-back"]);
    // An installation that never saw the entry cannot know.
    assert!(Ledger::open(store, &state_dir()).state().await.is_ok());
}

#[tokio::test]
async fn nothing_is_done_before_the_first_policy() {
    let ledger = ledger(&Store::memory());
    assert!(ledger.state().await.unwrap().head().is_none());
    let stage = begun(1).await;
    let proposal = Wish::new("A", 1).proposal(&stage.state().await.unwrap());
    assert!(matches!(ledger.propose(&proposal, &cast().ana).await, Err(Error::NoPolicy)));
    assert!(matches!(ledger.checkpoint(&cast().pat).await, Err(Error::NoPolicy)));
    assert!(ledger.verify(None).await.unwrap().ok);
}

static_assertions::assert_not_impl_any!(crate::Receipt: Clone);
static_assertions::assert_not_impl_any!(crate::Reservation: Clone);

#[tokio::test]
async fn who_was_served_is_recorded_once_the_bundle_is_public() {
    let ledger = begun(100).await;
    let wish = Wish { recipients: vec!["ONM".to_owned()], ..Wish::new("A", 10) };
    let id = ready(&ledger, &wish).await;
    let (receipt, _) = run(&ledger, id, 1).await.unwrap();
    let proposal = ledger.state().await.unwrap().by_id(id).unwrap().proposal.clone();
    let bundle = Publication {
        manifest: Digest::of(b"{}"),
        sshsig: cast().pat.sign(sign::RELEASE, b"{}").unwrap(),
        published: "2027-01-02T00:00:00Z".to_owned(),
        ledger_head: Digest::of(b"head"),
    };
    let transfer = served(&proposal, bundle.manifest);
    let serve = async |transfer: &Transfer, key| ledger.transferred(receipt.f(), transfer, key).await;
    let early = refusal(serve(&transfer, &cast().pat).await);
    assert!(
        matches!(early, Refusal::NotListed { stage: Some(Stage::Released), act: "transferred" }),
        "{early:?}"
    );
    ledger.published(&receipt, &bundle, &cast().pat).await.unwrap();
    assert!(matches!(refusal(serve(&transfer, &cast().sam).await), Refusal::Authority { .. }));
    let wrong: [(&str, Change); 7] = [
        ("not for", |t| t.to.name = "press".to_owned()),
        ("legal entity", |t| t.to.legal_entity = " ".to_owned()),
        ("country", |t| t.to.country = "Morocco".to_owned()),
        ("country", |t| t.to.country = crate::transfer::WORLD.to_owned()),
        ("date", |t| t.date = "2027-02-30".to_owned()),
        ("purposes", |t| t.purposes.clear()),
        ("bundle", |t| t.manifest = Digest::of(b"another")),
    ];
    for (said, change) in wrong {
        let mut changed = transfer.clone();
        change(&mut changed);
        let refused = refusal(serve(&changed, &cast().pat).await);
        assert!(refused.to_string().contains(said), "{refused}");
    }
    let before = ledger.history().await.unwrap().0.len();
    for _ in 0..2 {
        serve(&transfer, &cast().pat).await.unwrap();
    }
    let (entries, state) = ledger.history().await.unwrap();
    assert_eq!(entries.len(), before + 1, "the same record again is none");
    assert_eq!(state.by_id(id).unwrap().transfers, std::slice::from_ref(&transfer));
    ledger.withdraw(receipt.f(), &text("a mistake"), None, &cast().pat).await.unwrap();
    let later = Transfer { date: "2027-03-01".to_owned(), ..transfer };
    assert!(matches!(refusal(serve(&later, &cast().pat).await), Refusal::NotListed { .. }));
    assert!(ledger.verify(None).await.unwrap().ok);
}
