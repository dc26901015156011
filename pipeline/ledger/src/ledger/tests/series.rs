//! Rules of first-time series that V13 does not hold: what a proposal may say of one, what a result must hold, what it costs.

use marsad_privacy::series::StepDraw;
use marsad_privacy::shape::Bound;

use super::*;
use crate::reservation::Reservation;
use crate::scope::ScopeUse;

/// Opened for 9, with three steps.
fn series() -> SeriesWish {
    SeriesWish::new("S", 9, 3)
}

/// Draws a step, each of its figures `mark`.
async fn draw(ledger: &Ledger, series: &SeriesWish, step: SeriesStep, mark: i64) -> NoisyStep {
    match reserve_step(ledger, step).await.unwrap() {
        ReserveStep::Stored(step) => *step,
        ReserveStep::New(reservation) => {
            let step = drawn(series, &reservation, mark);
            ledger.complete_step(reservation, &step).await.unwrap();
            step
        }
    }
}

/// Reserves a step and loses it.
async fn forfeit(ledger: &Ledger, step: SeriesStep) {
    let ReserveStep::New(_) = reserve_step(ledger, step).await.unwrap() else { panic!("drawn before") };
    assert_eq!(ledger.recover_all().await.unwrap().len(), 1);
}

/// Approves a release and runs it to its result, with a mark of its own.
async fn release(ledger: &Ledger, wish: &Wish, mark: i64) -> (Receipt, NoisySeries) {
    let id = ready(ledger, wish).await;
    ledger.open_series(id).await.unwrap();
    let asked = &wish.series[0];
    for step in 0..=asked.through {
        let drawn = wish.redraws.iter().copied().find(|redraw| redraw.step == step);
        draw(ledger, asked, drawn.unwrap_or(asked.step(step, 0)), mark).await;
    }
    let series = shown(asked, drawn_through(ledger, asked).await.unwrap());
    let mut result = result(&ledger.state().await.unwrap().by_id(id).unwrap().proposal, mark);
    result.series = vec![series.clone()];
    let Reserve::New(reservation) = reserve(ledger, id).await.unwrap() else { panic!("drawn before") };
    (ledger.complete(reservation, &result).await.unwrap().0, series)
}

async fn used(ledger: &Ledger) -> u64 {
    ledger.state().await.unwrap().used().get()
}

fn marks(series: &NoisySeries) -> Vec<Option<i64>> {
    series.steps().iter().map(|step| step.as_ref().map(|cells| cells[0])).collect()
}

#[tokio::test]
async fn a_series_is_paid_once_and_every_later_release_shows_the_same_steps_at_no_cost() {
    let ledger = begun(100).await;
    let (first, shown) = release(&ledger, &Wish::of_series("A", series()), 1).await;
    assert_eq!((used(&ledger).await, first.nano_rho(), marks(&shown)), (9, NanoRho::ZERO, vec![Some(1)]));
    let (_, shown) = release(&ledger, &Wish::of_series("B", series().through(2)), 2).await;
    assert_eq!((used(&ledger).await, marks(&shown)), (9, vec![Some(1), Some(2), Some(2)]));
    // Another price is another wish, not another series: what it cost stays.
    let dearer = SeriesWish { nano_rho: 50, ..series() };
    assert_eq!(dearer.id(), series().id());
    let proposal = Wish::of_series("C", dearer).proposal(&ledger.state().await.unwrap());
    assert_eq!((proposal.nano_rho, proposal.series[0].nano_rho.get()), (NanoRho::ZERO, 9));
    let charged = |scope: &ScopeUse| (scope.reserved.get(), scope.released.get(), scope.forfeited.get());
    let scopes = ledger.state().await.unwrap().scopes();
    let scopes: Vec<_> = scopes.iter().map(|scope| (scope.scope.as_str(), charged(scope))).collect();
    let expected =
        ["lifetime", "year:2027", "record_type:person_registration"].map(|scope| (scope, (9, 0, 0)));
    assert_eq!(scopes, expected, "an open series stays reserved");
    assert!(ledger.verify(None).await.unwrap().ok);
}

#[tokio::test]
async fn a_series_that_another_release_opened_meanwhile_is_not_charged_again() {
    let ledger = begun(100).await;
    let cheap = ready(&ledger, &Wish::of_series("A", series())).await;
    let dear = ready(&ledger, &Wish::of_series("B", SeriesWish { nano_rho: 50, ..series() })).await;
    assert!(
        matches!(refusal(reserve(&ledger, dear).await), Refusal::NotOpened { .. }),
        "opening comes first"
    );
    ledger.open_series(cheap).await.unwrap();
    for _ in 0..2 {
        ledger.open_series(dear).await.unwrap();
        ledger.open_series(cheap).await.unwrap();
    }
    assert_eq!(used(&ledger).await, 9);
    let state = ledger.state().await.unwrap();
    let open = state.series(&series().id()).unwrap();
    assert_eq!((open.nano_rho.get(), open.proposal, open.horizon()), (9, cheap, 3));
    assert!(state.refusal_for(&state.by_id(dear).unwrap().proposal).is_empty());
    let ReserveStep::New(reservation) = reserve_step(&ledger, series().step(0, 0)).await.unwrap() else {
        panic!()
    };
    assert_eq!((reservation.draw().nano_rho.get(), reservation.charged()), (9, NanoRho::ZERO));
    // A result of the other price is not of this series.
    let mut wrong = reservation.draw();
    wrong.nano_rho = NanoRho::new(50);
    let wrong = noisy_step(&wrong, &series().shape(), 0, vec![1; series().shape().n_coordinates()]);
    assert!(matches!(ledger.complete_step(reservation, &wrong).await, Err(Error::Result { .. })));
}

#[tokio::test]
async fn nothing_is_opened_for_a_release_that_does_not_fit_as_a_whole() {
    let other = SeriesWish {
        record_types: vec!["return_reintegration".parse().unwrap()],
        ..SeriesWish::new("T", 4, 2)
    };
    let wish = Wish { series: vec![series(), other], ..Wish::new("A", 40) };
    for (lifetime, missing) in [(53, 0), (52, 1), (41, 12), (8, 45)] {
        let ledger = begun(lifetime).await;
        let id = ready(&ledger, &wish).await;
        let before = ledger.history().await.unwrap().0.len();
        let opened = ledger.open_series(id).await;
        if missing == 0 {
            opened.unwrap();
            assert_eq!(used(&ledger).await, 13);
            let Reserve::New(_) = reserve(&ledger, id).await.unwrap() else { panic!() };
            assert_eq!(used(&ledger).await, 53);
            continue;
        }
        let Refusal::Budget { shortfalls } = refusal(opened) else { panic!() };
        let shortfalls: Vec<(&str, u64)> =
            shortfalls.iter().map(|s| (s.scope.as_str(), s.shortfall.get())).collect();
        assert_eq!(shortfalls, [("lifetime", missing)]);
        assert_eq!((ledger.history().await.unwrap().0.len(), used(&ledger).await), (before, 0));
    }
}

#[tokio::test]
async fn each_price_is_charged_where_it_belongs() {
    let ledger = begun(100).await;
    // Step 4 lies in 2028, and the release in 2029.
    let long = SeriesWish::new("S", 90, 5).through(4);
    let wish = Wish { years: vec![2029], series: vec![long.clone()], ..Wish::new("A", 1) };
    let state = ledger.state().await.unwrap();
    let after = |state: &State, wish: &Wish| -> Vec<(String, u64)> {
        let scopes = state.would_use(&wish.proposal(state));
        scopes.into_iter().map(|s| (s.scope, s.after.get() - s.used.get())).collect()
    };
    let scope = |scope: &str, price: u64| (scope.to_owned(), price);
    let expected = [
        scope("lifetime", 91),
        scope("year:2027", 90),
        scope("year:2029", 1),
        scope("record_type:assistance_service", 1),
        scope("record_type:person_registration", 90),
    ];
    assert_eq!(after(&state, &wish), expected);
    assert_eq!(wish.proposal(&state).nano_rho.get(), 91);
    let id = ready(&ledger, &wish).await;
    ledger.open_series(id).await.unwrap();
    for step in 0..4 {
        draw(&ledger, &long, long.step(step, 0), 1).await;
    }
    forfeit(&ledger, long.step(4, 0)).await;
    // 90 / (1 + 1/4 + 9/64 + 25/256 + 1225/16384), rounded up.
    let again = Wish { redraws: vec![long.step(4, 1)], ..Wish::of_series("B", long.clone()) };
    let again = Wish { years: vec![2029], ..again };
    let expected = [
        scope("lifetime", 58),
        scope("year:2028", 58),
        scope("year:2029", 0),
        scope("record_type:person_registration", 58),
    ];
    let state = ledger.state().await.unwrap();
    assert_eq!(after(&state, &again), expected);
    let shortfalls = state.refusal_for(&again.proposal(&state));
    assert_eq!(shortfalls.iter().map(|s| s.shortfall.get()).collect::<Vec<_>>(), [48]);
}

#[tokio::test]
async fn a_forfeited_step_is_redrawn_once_approved_and_charged() {
    let ledger = begun(100).await;
    let s = series().through(1);
    let id = ready(&ledger, &Wish::of_series("A", s.clone())).await;
    ledger.open_series(id).await.unwrap();
    forfeit(&ledger, s.step(0, 0)).await;
    draw(&ledger, &s, s.step(1, 0), 1).await;
    let redraw = Wish { redraws: vec![s.step(0, 1)], ..Wish::of_series("B", s.clone()) };
    assert!(matches!(
        refusal(reserve_step(&ledger, s.step(0, 1)).await),
        Refusal::NotListed { stage: None, .. }
    ));
    let asked = propose(&ledger, &redraw).await.unwrap();
    let early = refusal(reserve_step(&ledger, s.step(0, 1)).await);
    assert!(matches!(early, Refusal::NotListed { stage: Some(Stage::Proposed), .. }));
    assert_eq!(used(&ledger).await, 9);
    decide(&ledger, asked, "sam", Answer::Approve).await.unwrap();
    // Approved, it may be drawn before its release is reserved or after.
    let Reserve::New(_) = reserve(&ledger, asked).await.unwrap() else { panic!() };
    let ReserveStep::New(reservation) = reserve_step(&ledger, s.step(0, 1)).await.unwrap() else { panic!() };
    assert_eq!((reservation.charged().get(), used(&ledger).await), (7, 16));
    let step = drawn(&s, &reservation, 2);
    assert_eq!(step.revision(), 1);
    ledger.complete_step(reservation, &step).await.unwrap();
    // Whatever revision is asked for, what was drawn is given.
    for revision in [0, 1] {
        let ReserveStep::Stored(same) = reserve_step(&ledger, s.step(0, revision)).await.unwrap() else {
            panic!()
        };
        assert_eq!(*same, step);
    }
    let more = Wish { redraws: vec![s.step(0, 2)], ..Wish::of_series("C", s.clone()) };
    assert!(matches!(refusal(propose(&ledger, &more).await), Refusal::NotForfeited { .. }));
    assert!(matches!(refusal(reserve_step(&ledger, s.step(0, 2)).await), Refusal::StepDrawn { .. }));
    let scopes = ledger.state().await.unwrap().scopes();
    assert_eq!((scopes[0].reserved.get(), scopes[0].released.get()), (9, 7));
    assert!(ledger.verify(None).await.unwrap().ok);
}

#[tokio::test]
async fn a_redraw_that_does_not_fit_is_refused_and_a_lost_one_stays_charged() {
    let ledger = begun(17).await;
    let s = series().through(0);
    let id = ready(&ledger, &Wish::of_series("A", s.clone())).await;
    ledger.open_series(id).await.unwrap();
    forfeit(&ledger, s.step(0, 0)).await;
    ready(&ledger, &Wish { redraws: vec![s.step(0, 1)], ..Wish::of_series("B", s.clone()) }).await;
    forfeit(&ledger, s.step(0, 1)).await;
    assert_eq!(ledger.state().await.unwrap().scopes()[0].forfeited.get(), 7);
    let id = ready(&ledger, &Wish { redraws: vec![s.step(0, 2)], ..Wish::of_series("C", s.clone()) }).await;
    for refused in [refusal(reserve_step(&ledger, s.step(0, 2)).await), refusal(reserve(&ledger, id).await)] {
        let Refusal::Budget { shortfalls } = refused else { panic!("{refused}") };
        assert_eq!(shortfalls[0].shortfall.get(), 6);
    }
    assert_eq!(used(&ledger).await, 16);
}

#[tokio::test]
async fn steps_are_drawn_in_order_within_an_open_series() {
    let ledger = begun(100).await;
    assert!(matches!(refusal(reserve_step(&ledger, series().step(0, 0)).await), Refusal::NotOpened { .. }));
    assert!(matches!(refusal(ledger.drawn_steps(&series().id()).await), Refusal::NotOpened { .. }));
    let id = ready(&ledger, &Wish::of_series("A", series())).await;
    ledger.open_series(id).await.unwrap();
    let (s, number) = (series(), |step| SeriesStep { step, ..series().step(0, 0) });
    let early = refusal(reserve_step(&ledger, number(1)).await);
    assert_eq!(early, Refusal::StepOrder { series: s.id(), step: 1, next: 0 });
    let never = refusal(reserve_step(&ledger, number(3)).await);
    assert_eq!(never, Refusal::BeyondHorizon { series: s.id(), step: 3, horizon: 3 });
    assert!(matches!(refusal(reserve_step(&ledger, s.step(0, 1)).await), Refusal::NotForfeited { .. }));
    draw(&ledger, &s, number(0), 1).await;
    assert_eq!(ledger.drawn_steps(&s.id()).await.unwrap().len(), 1);
    forfeit(&ledger, number(1)).await;
    let again = refusal(reserve_step(&ledger, number(1)).await);
    assert_eq!(again, Refusal::StepDrawn { series: s.id(), step: 1 });
    draw(&ledger, &s, number(2), 1).await;
    assert_eq!(ledger.state().await.unwrap().series(&s.id()).unwrap().next_step(), 3);
}

type Change = fn(&mut Proposal);

#[tokio::test]
async fn what_a_proposal_says_of_its_series_follows_from_its_request() {
    let ledger = begun(100).await;
    let state = ledger.state().await.unwrap();
    let changes: [(&str, Change); 13] = [
        ("no part of the joint vector", |p| {
            let series = p.request.statistics[1].series.clone().unwrap();
            p.request.statistics[1].shape = Some(series.shape.into());
        }),
        ("no part of the joint vector", |p| {
            let start = p.series[0].start;
            p.request.statistics[0].shape.as_mut().unwrap().bound = Bound::First { start };
        }),
        ("not the one that its statistic defines", |p| p.request.selection_key = "K2".to_owned()),
        ("not the one that its statistic defines", |p| p.request.statistics[1].plan = None),
        ("not the one that its statistic defines", |p| {
            p.request.statistics[1].id = "another".parse().unwrap();
        }),
        ("not the one that its statistic defines", |p| {
            p.request.statistics[1].series.as_mut().unwrap().through = 3;
        }),
        ("twice", |p| {
            p.request.statistics.push(p.request.statistics[1].clone());
            p.series.push(p.series[0].clone());
        }),
        ("not what its request holds", |p| p.series[0].horizon = 4),
        ("not what its request holds", |p| p.series[0].statistic = "another".parse().unwrap()),
        ("not what its request holds", |p| p.series[0].start = p.series[0].start.next()),
        ("not what its request holds", |p| p.series.clear()),
        ("does not show", |p| {
            let series = p.series[0].series;
            p.request.redraws = vec![SeriesStep { series, step: 1, revision: 1 }];
        }),
        ("a record type that it reads", |p| p.record_types.truncate(1)),
    ];
    for (n, (what, change)) in changes.into_iter().enumerate() {
        let mut proposal = Wish { series: vec![series()], ..Wish::new("A", 40) }.proposal(&state);
        change(&mut proposal);
        proposal.f = marsad_terms::canonical::digest(&proposal.request).unwrap();
        proposal.nano_rho = proposal.request.price(&proposal.series).unwrap_or(proposal.nano_rho);
        let refused = refusal(ledger.propose(&proposal, &cast().ana).await);
        assert!(refused.to_string().contains(what), "change {n}: {refused}");
    }
    let mut cheaper = Wish { series: vec![series()], ..Wish::new("A", 40) }.proposal(&state);
    cheaper.nano_rho = NanoRho::new(40);
    assert!(matches!(refusal(ledger.propose(&cheaper, &cast().ana).await), Refusal::Inconsistent { .. }));
    let mut free = Wish::of_series("A", series()).proposal(&state);
    free.series[0].opens = false;
    free.nano_rho = NanoRho::ZERO;
    assert!(matches!(refusal(ledger.propose(&free, &cast().ana).await), Refusal::NotOpened { .. }));
}

#[tokio::test]
async fn a_price_of_zero_is_refused_for_a_series_and_for_a_vector_beside_one() {
    let ledger = begun(100).await;
    let free = Wish::of_series("A", SeriesWish { nano_rho: 0, ..series() });
    assert_eq!(refusal(propose(&ledger, &free).await), Refusal::Zero);
    let beside = Wish { series: vec![series()], ..Wish::new("B", 0) };
    assert_eq!(refusal(propose(&ledger, &beside).await), Refusal::Zero);
    release(&ledger, &Wish::of_series("C", series()), 1).await;
    assert_eq!(
        refusal(propose(&ledger, &beside).await),
        Refusal::Zero,
        "though the series costs nothing more"
    );
}

#[tokio::test]
async fn a_series_counts_for_the_approvers_that_its_record_type_wants() {
    let ledger = ledger(&Store::memory());
    let mut policy = cast().policy(100);
    policy.two_approvers = ["person_registration".parse().unwrap()].into();
    ledger.set_policy(&policy, &cast().opal).await.unwrap();
    let wish = Wish::of_series("A", series());
    let refused = refusal(propose(&ledger, &wish).await);
    assert_eq!(refused, Refusal::TooFewApprovers { asked: 1, wanted: 2 });
    let id = propose(&ledger, &Wish { needed: 2, ..wish }).await.unwrap();
    decide(&ledger, id, "sam", Answer::Approve).await.unwrap();
    assert!(matches!(refusal(ledger.open_series(id).await), Refusal::NotListed { .. }));
    decide(&ledger, id, "zoe", Answer::Approve).await.unwrap();
    ledger.open_series(id).await.unwrap();
}

#[tokio::test]
async fn a_result_holds_the_very_steps_that_are_stored() {
    let ledger = begun(100).await;
    let s = series().through(1);
    let id = ready(&ledger, &Wish::of_series("A", s.clone())).await;
    ledger.open_series(id).await.unwrap();
    forfeit(&ledger, s.step(0, 0)).await;
    let one = draw(&ledger, &s, s.step(1, 0), 5).await;
    let two = draw(&ledger, &s, s.step(2, 0), 5).await;
    let shown = |steps: &[&Option<NoisyStep>]| shown(&s, steps.iter().copied().cloned().collect());
    let proposal = ledger.state().await.unwrap().by_id(id).unwrap().proposal.clone();
    let Reserve::New(reservation) = reserve(&ledger, id).await.unwrap() else { panic!() };
    let draw = StepDraw { series: s.id(), nano_rho: NanoRho::new(9), revision: 0 };
    let cells = vec![6; s.shape().n_coordinates()];
    let made_up = |step| Some(noisy_step(&draw, &s.shape(), step, cells.clone()));
    let (one, two) = (Some(one), Some(two));
    let right = vec![shown(&[&None, &one])];
    let wrong = [
        Vec::new(),
        vec![right[0].clone(), right[0].clone()],
        vec![shown(&[&None, &made_up(1)])],
        vec![shown(&[&made_up(0), &one])],
        vec![shown(&[&None, &one, &two])],
    ];
    let mut result = result(&proposal, 5);
    for (n, series) in wrong.into_iter().enumerate() {
        result.series = series;
        // A second use of one reservation, which only this room can make.
        let Reservation { f, proposal, nano_rho, .. } = reservation;
        let (release, run) = (reservation.release.clone(), reservation.run.clone());
        let again = Reservation { release, f, proposal, run, nano_rho, scopes: reservation.scopes.clone() };
        let refused = ledger.complete(again, &result).await;
        assert!(matches!(refused, Err(Error::Result { .. })), "wrong {n}: {refused:?}");
    }
    result.series = right;
    ledger.complete(reservation, &result).await.unwrap();
    assert!(ledger.verify(None).await.unwrap().ok);
}

#[test]
fn a_proposal_without_a_series_reads_and_hashes_as_before_there_were_any() {
    let state = State {
        workspace: Some(Digest::of(b"w")),
        policy: Some(crate::policy::InForce::new(Digest::of(b"p"), cast().policy(1))),
        ..State::default()
    };
    let proposal = Wish::new("A", 40).proposal(&state);
    let text = serde_json::to_string(&proposal).unwrap();
    assert!(!text.contains("series") && !text.contains("redraws"), "{text}");
    assert_eq!(serde_json::from_str::<Proposal>(&text).unwrap(), proposal);
}

static_assertions::assert_not_impl_any!(crate::StepReservation: Clone);
