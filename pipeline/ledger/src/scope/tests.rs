//! The filter against V10: all scopes or none, exact shortfalls, no refund.

use serde_json::Value;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../testdata/V10_budget.json")).unwrap()
}

fn amounts(value: &Value) -> BTreeMap<String, u64> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn scopes(step: &Value) -> BTreeSet<Scope> {
    let years = step["years"]
        .as_array()
        .unwrap()
        .iter()
        .map(|y| Scope::Year(y.as_u64().unwrap().try_into().unwrap()));
    let types = step["record_types"].as_array().unwrap().iter();
    let types = types.map(|id| Scope::RecordType(id.as_str().unwrap().parse().unwrap()));
    std::iter::once(Scope::Lifetime).chain(years).chain(types).collect()
}

fn check(name: &str, caps: &BTreeMap<String, u64>, steps: &[Value]) {
    let mut budget = Budget::default();
    let cap = |scope: &Scope| caps.get(&scope.to_string()).copied().map(NanoRho::new);
    for step in steps {
        let (scopes, price) = (scopes(step), NanoRho::new(step["nano_rho"].as_u64().unwrap()));
        if step["op"] == "reserve" {
            let listed: BTreeSet<Scope> = serde_json::from_value(step["scopes"].clone()).unwrap();
            assert_eq!(scopes, listed, "{name}");
            let exceeding = budget.exceeding(scopes.iter().map(|scope| (scope, price)), cap);
            let fits = exceeding.is_empty() && price != NanoRho::ZERO;
            assert_eq!(Value::Bool(fits), step["accepted"], "{name}: {step}");
            if step.get("shortfall").is_some() {
                let found = exceeding.into_iter().map(|s| (s.scope, s.shortfall.get())).collect();
                assert_eq!(amounts(&step["shortfall"]), found, "{name}: {step}");
            }
            if fits {
                budget.reserve(&scopes, price);
            }
        } else if step["op"] == "forfeit" {
            budget.settle(&scopes, price, Outcome::Forfeited);
        } else if step["op"] == "release" {
            budget.settle(&scopes, price, Outcome::Released);
        }
        let used = budget.uses(BTreeSet::new(), cap).into_iter().map(|u| (u.scope.clone(), u.used().get()));
        assert_eq!(amounts(&step["used"]), used.filter(|(_, used)| *used > 0).collect(), "{name}: {step}");
    }
}

#[test]
fn the_filter_is_that_of_v10() {
    for filter in vectors()["filters"].as_array().unwrap() {
        let steps = filter["steps"].as_array().unwrap();
        check(filter["name"].as_str().unwrap(), &amounts(&filter["caps"]), steps);
    }
}

#[test]
fn a_cap_is_what_is_used_and_what_is_left() {
    let mut budget = Budget::default();
    let all = BTreeSet::from([Scope::Lifetime, Scope::Year(2027)]);
    for (price, outcome) in [(5, None), (7, Some(Outcome::Released)), (11, Some(Outcome::Forfeited))] {
        budget.reserve(&all, NanoRho::new(price));
        if let Some(outcome) = outcome {
            budget.settle(&all, NanoRho::new(price), outcome);
        }
    }
    let cap = |scope: &Scope| (*scope == Scope::Lifetime).then_some(NanoRho::new(100));
    let uses = budget.uses(BTreeSet::new(), cap);
    let numbers =
        |u: &ScopeUse| (u.reserved.get(), u.released.get(), u.forfeited.get(), u.left().map(NanoRho::get));
    assert_eq!(uses.iter().map(numbers).collect::<Vec<_>>(), [(5, 7, 11, Some(77)), (5, 7, 11, None)]);
}

#[test]
fn scopes_read_back_and_other_texts_are_none() {
    for text in ["lifetime", "year:2027", "record_type:assistance_service"] {
        assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
    }
    for text in ["", "life", "year:27", "year:+202", "year:", "record_type:", "record_type:A b", "lifetime:1"]
    {
        assert!(text.parse::<Scope>().is_err(), "{text}");
    }
}
