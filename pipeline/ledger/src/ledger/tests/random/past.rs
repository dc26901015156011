//! A policy says what may come, never what was: whatever policies are signed into a random history, all that is charged,
//! decided, drawn and public by then stays as it was, in every scope; a cap can go down to what is used, which freezes the
//! scope, and not below.

use super::*;

const SCOPES: [&str; 4] =
    ["lifetime", "year:2027", "record_type:assistance_service", "record_type:person_registration"];

/// A cap, told by what is used: so that each side of it is tried, and the very edge.
#[derive(Clone, Copy, Debug)]
enum Cap {
    Below,
    Frozen,
    Above(u64),
    AboveCeiling,
    Absent,
}

/// A policy that somebody would like.
#[derive(Clone, Debug)]
struct Wanted {
    caps: [Cap; 4],
    approval_days: Option<u32>,
    two_approvers: bool,
    /// Signers that it no longer names: approvers among them.
    without: Option<&'static str>,
}

#[derive(Clone, Debug)]
enum Turn {
    Step(Box<Step>),
    Policy(Wanted),
    /// Days pass, so that approvals lapse under one policy and not under the next.
    Wait(u32),
}

fn cap() -> impl Strategy<Value = Cap> {
    prop_oneof![
        1 => Just(Cap::Below),
        3 => Just(Cap::Frozen),
        6 => (1_u64..60).prop_map(Cap::Above),
        1 => Just(Cap::AboveCeiling),
        4 => Just(Cap::Absent),
    ]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let days = prop_oneof![Just(None), (1_u32..40).prop_map(Some)];
    let without = prop_oneof![3 => Just(None), 1 => Just(Some("sam")), 1 => Just(Some("pat"))];
    ([cap(), cap(), cap(), cap()], days, any::<bool>(), without).prop_map(
        |(caps, approval_days, two_approvers, without)| Wanted {
            caps,
            approval_days,
            two_approvers,
            without,
        },
    )
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        8 => steps().prop_map(|steps| steps.into_iter().map(|step| Turn::Step(Box::new(step))).collect()),
        3 => wanted().prop_map(|wanted| vec![Turn::Policy(wanted)]),
        1 => (1_u32..20).prop_map(|days| vec![Turn::Wait(days)]),
    ];
    prop::collection::vec(turn, 40..90).prop_map(|turns: Vec<Vec<Turn>>| turns.concat())
}

/// What was charged by scope, counted anew from the entries.
fn charged(entries: &[Entry]) -> BTreeMap<String, u64> {
    let mut used = BTreeMap::new();
    for entry in entries.iter().filter(|entry| ["reserved", "series_opened"].contains(&entry.kind.as_str())) {
        for scope in entry.body.value()["scopes"].as_array().unwrap() {
            *used.entry(scope.as_str().unwrap().to_owned()).or_default() +=
                entry.body.value()["nano_rho"].as_u64().unwrap();
        }
    }
    used
}

impl Wanted {
    /// The policy, and whether its caps may be signed.
    fn policy(&self, used: &BTreeMap<String, u64>) -> (Policy, bool) {
        let used = |scope: usize| used.get(SCOPES[scope]).copied().unwrap_or(0);
        let amount = |scope: usize| match self.caps[scope] {
            Cap::Below => Some(used(scope).saturating_sub(1)),
            Cap::Frozen => Some(used(scope)),
            Cap::Above(by) => Some(used(scope) + by),
            Cap::AboveCeiling => Some(CEILING + 1),
            Cap::Absent => None,
        };
        let caps: Vec<Option<u64>> = (0..SCOPES.len()).map(amount).collect();
        let caps = [Some(caps[0].unwrap_or(CEILING)), caps[1], caps[2], caps[3]];
        let fits = caps
            .iter()
            .enumerate()
            .all(|(scope, cap)| cap.is_none_or(|cap| (used(scope)..=CEILING).contains(&cap)));
        let by_type = [2, 3].into_iter().filter_map(|scope| {
            Some((SCOPES[scope].split_once(':')?.1.parse().unwrap(), NanoRho::new(caps[scope]?)))
        });
        let two = if self.two_approvers { vec!["assistance_service".parse().unwrap()] } else { Vec::new() };
        let mut policy = Policy {
            year_nano_rho: caps[1].map(NanoRho::new),
            record_type_nano_rho: by_type.collect(),
            approval_days: self.approval_days,
            two_approvers: two.into_iter().collect(),
            ..cast().policy(caps[0].unwrap())
        };
        policy.signers.retain(|signer| Some(signer.name.as_str()) != self.without);
        (policy, fits)
    }
}

/// All that a state holds but the policy in force and the number of the last entry.
pub(in crate::ledger::tests) fn past(state: &State) -> String {
    format!(
        "{:?}",
        State { policy: None, counting: BTreeSet::new(), head: None, latest: String::new(), ..state.clone() }
    )
}

/// What happened can be added to, and never changes: decisions, charges, runs, results.
fn assert_grown(before: &State, after: &State) {
    for known in before.requests() {
        let now = after.request(&known.f).unwrap();
        if now.proposal_id == known.proposal_id {
            let made = |request: &RequestState| {
                request.decisions.iter().map(|d| (d.sequence, d.lapsed)).collect::<Vec<_>>()
            };
            let (were, are) = (made(known), made(now));
            let kept = were.iter().zip(&are).all(|(was, is)| was.0 == is.0 && was.1 <= is.1);
            assert!(are.len() >= were.len() && kept, "an approval went, or counts again: {were:?} {are:?}");
        }
        assert!(known.run.is_none() || (&known.run, known.charged) == (&now.run, now.charged));
        assert!(known.hash.is_none() || known.hash == now.hash);
        assert!(known.manifest.is_none() || known.manifest == now.manifest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_policy_cannot_raise_the_past(turns in turns()) {
        let mut real = Real::new();
        let mut prices: BTreeMap<usize, u64> = BTreeMap::new();
        let mut day = 0;
        for (number, turn) in turns.into_iter().enumerate() {
            let mut before = real.state.clone();
            match turn {
                Turn::Wait(days) => {
                    day += days;
                    let now = DateTime::parse_from_rfc3339("2027-01-01T00:00:00Z").unwrap() + TimeDelta::days(day.into());
                    real.time = now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                }
                Turn::Step(mut step) => {
                    if let Step::Propose { f, price, .. } = &mut *step {
                        *price = *prices.entry(*f).or_insert(*price);
                    }
                    real.take(&step, number);
                }
                Turn::Policy(wanted) => {
                    let (policy, fits) = wanted.policy(&charged(&real.entries));
                    let policy = Policy { replaces: real.state.policy_hash(), ..policy };
                    let event = Event::Policy(policy.clone());
                    let taken = real.apply(sign_named("opal", &event, sign::POLICY, &cast().opal).unwrap());
                    prop_assert_eq!(taken, fits, "{:?}", wanted);
                    before.settle(&real.time);
                    prop_assert_eq!(past(&before), past(&real.state), "{:?}", wanted);
                    prop_assert_eq!(real.state.policy() == Some(&policy), taken || before.policy() == Some(&policy));
                }
            }
            assert_grown(&before, &real.state);
            prop_assert_eq!(real.state.ceiling(), Some(NanoRho::new(CEILING)));
            let used = charged(&real.entries);
            for scope in real.state.scopes() {
                prop_assert_eq!(scope.used().get(), used.get(&scope.scope).copied().unwrap_or(0), "{}", scope.scope);
                // A frozen scope is one whose cap is what is used: this line keeps it so.
                prop_assert!(scope.cap.is_none_or(|cap| scope.used() <= cap), "{:?}", scope);
            }
        }
        let again = replay(&real.entries).unwrap();
        let mut settled = real.state.clone();
        settled.settle(&real.time);
        let mut again = again;
        again.settle(&real.time);
        prop_assert_eq!(past(&again), past(&settled));
    }
}
