//! `release diff`: what two proposals say differently.
//!
//! JSON lists every place. The text says in a steward's words what decides, and leaves out what follows from it: hashes,
//! evidence of items that read the same, the other languages.

use std::collections::BTreeMap;

use marsad_ledger::RequestState;
use marsad_terms::NanoRho;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::report::{Report, decimal, table};

/// How much of a text is shown, and how much of what both begin with.
const SHOWN: usize = 60;
const BEFORE: usize = 24;

/// One place where two proposals differ: names from the root on.
struct Difference<'a> {
    path: Vec<String>,
    a: &'a Value,
    b: &'a Value,
}

/// Every place where two proposals differ.
pub(super) fn diff(a: &RequestState, b: &RequestState) -> Report {
    let (left, right) = (json!(a.proposal), json!(b.proposal));
    let mut found = Vec::new();
    differences(&[], &left, &right, &mut found);
    let rows = rows(&found);
    let text = match (found.is_empty(), rows.is_empty()) {
        (true, _) => "the two proposals are the same".to_owned(),
        (_, true) => {
            "they differ in nothing but hashes and wording of the checklist; --json has it".to_owned()
        }
        _ => table(&["what", &headed(a), &headed(b)], rows, 3),
    };
    let list: Vec<Value> =
        found.iter().map(|d| json!({"path": format!("/{}", d.path.join("/")), "a": d.a, "b": d.b})).collect();
    Report::new(text, json!({"a": a.proposal_id, "b": b.proposal_id, "differences": list}))
}

fn headed(request: &RequestState) -> String {
    format!("{} ({})", request.release(), &request.proposal_id.hex()[..8])
}

fn differences<'a>(path: &[String], a: &'a Value, b: &'a Value, found: &mut Vec<Difference<'a>>) {
    const NOTHING: &Value = &Value::Null;
    let whole = path.last().is_some_and(|name| name == "expected");
    match (members(a), members(b)) {
        (Some(x), Some(y)) if !whole => {
            let mut names: Vec<&String> = x.iter().chain(&y).map(|(name, _)| name).collect();
            names.sort();
            names.dedup();
            for name in names {
                let member = |of: &[(String, &'a Value)]| {
                    of.iter().find(|(other, _)| other == name).map_or(NOTHING, |(_, value)| *value)
                };
                differences(&[path, std::slice::from_ref(name)].concat(), member(&x), member(&y), found);
            }
        }
        _ if a == b => {}
        _ => found.push(Difference { path: path.to_vec(), a, b }),
    }
}

/// Members by name; of a list of things by what names each, so that one more does not shift all that follow.
fn members(value: &Value) -> Option<Vec<(String, &Value)>> {
    match value {
        Value::Object(members) => Some(members.iter().map(|(name, value)| (name.clone(), value)).collect()),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let named = items.iter().enumerate();
            let named = named.map(|(at, item)| {
                (item.as_object().and_then(named_by).unwrap_or_else(|| at.to_string()), item)
            });
            Some(named.collect())
        }
        _ => None,
    }
}

/// What names a statistic, a series, an item, a table.
fn named_by(item: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let whole = text("id").or_else(|| text("statistic")).map(str::to_owned);
    whole.or_else(|| {
        let by = item.get("dimensions")?.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>();
        let table = format!("{} by {}", text("dataflow")?, by.join(", "));
        Some([text("release"), Some(&table)].into_iter().flatten().collect::<Vec<_>>().join(" "))
    })
}

/// The differences in words; those that several statistics or tables have alike in one row.
fn rows(found: &[Difference<'_>]) -> Vec<Vec<String>> {
    let mut rows: Vec<(String, String, String)> = Vec::new();
    let mut whose: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for difference in found {
        let Some((what, name)) = told(difference) else { continue };
        let (a, b) = both(&what, difference.a, difference.b);
        let row = (what, a, b);
        let at = rows.iter().position(|other| *other == row).unwrap_or_else(|| {
            rows.push(row);
            rows.len() - 1
        });
        whose.entry(at).or_default().extend(name);
    }
    let named = |at: usize, what: String| match whose[&at].join(", ") {
        names if names.is_empty() => what,
        names => format!("{what}: {names}"),
    };
    let named = rows
        .into_iter()
        .enumerate()
        .map(|(at, (what, a, b))| (whose[&at].len(), vec![named(at, what), a, b]));
    let (of_all, of_some): (Vec<_>, Vec<_>) = named.partition(|(n_names, _)| *n_names == 0);
    of_all.into_iter().chain(of_some).map(|(_, row)| row).collect()
}

/// What a place is, and whose; `None` where it follows from another place, or one proposal had nothing to say it by.
fn told(difference: &Difference<'_>) -> Option<(String, Option<String>)> {
    let path: Vec<&str> = difference.path.iter().map(String::as_str).collect();
    let unknown = difference.a.is_null() || difference.b.is_null();
    let of = |what: &str, whose: &str| Some((what.to_owned(), Some(whose.to_owned())));
    match path.as_slice() {
        ["checklist", item, "state"] => of("checklist", item),
        ["release" | "f" | "format" | "workspace" | "overlap" | "checklist", ..]
        | [.., "ar" | "fr" | "plan"]
        | ["request", "statistics", _, "series", "series"]
        | ["tables", _, "reliable_from" | "usable_from"] => None,
        ["nano_rho"] => Some(("cost ρ".to_owned(), None)),
        ["request", "nano_rho"] => Some(("cost ρ of the joint vector".to_owned(), None)),
        ["request", "statistics", id] => of("statistic", id),
        ["request", "statistics", id, "shape" | "series", rest @ ..]
        | ["request", "statistics", id, rest @ ..] => of(&in_words(rest), id),
        ["tables", _, "expected"] if unknown => None,
        ["tables", table] => of("table", table),
        ["tables", table, rest @ ..] => of(&in_words(rest), table),
        ["series", id] => of("first-time series", id),
        ["series", id, rest @ ..] => of(&format!("series {}", in_words(rest)), id),
        ["differences", with, ..] => of("known together with", with),
        [rest @ .., "en"] | rest => Some((in_words(rest), None)),
    }
}

fn in_words(path: &[&str]) -> String {
    let word = |name: &&str| match *name {
        "sql" => "statement".to_owned(),
        "through" => "shown to step".to_owned(),
        "expected" => "expected cells".to_owned(),
        "nano_rho" => "cost ρ".to_owned(),
        other => other.replace('_', " "),
    };
    path.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Both values, long texts from shortly before they part.
fn both(what: &str, a: &Value, b: &Value) -> (String, String) {
    let (a, b) = (shown(what, a), shown(what, b));
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let skip = if a.chars().count().max(b.chars().count()) > SHOWN { same.saturating_sub(BEFORE) } else { 0 };
    (cut(&a, skip), cut(&b, skip))
}

fn cut(text: &str, skip: usize) -> String {
    let (before, rest) = (if skip > 0 { "…" } else { "" }, text.chars().skip(skip));
    let after = if rest.clone().count() > SHOWN { "…" } else { "" };
    format!("{before}{}{after}", rest.take(SHOWN).collect::<String>())
}

fn shown(what: &str, value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(price) if what.contains('ρ') => {
            NanoRho::deserialize(price).map_or_else(|_| price.to_string(), decimal)
        }
        Value::String(text) => match text.strip_prefix("b3:") {
            Some(hash) => hash.chars().take(8).collect(),
            None => text.split_whitespace().collect::<Vec<_>>().join(" "),
        },
        Value::Array(items) => items.iter().map(|item| shown(what, item)).collect::<Vec<_>>().join(", "),
        Value::Object(expected) if expected.contains_key("reliable") => {
            let n = |name: &str| shown(what, &expected[name]);
            format!("{} A, {} U, {} Q", n("reliable"), n("usable"), n("hidden"))
        }
        Value::Object(_) => "there".to_owned(),
        Value::Number(number) => number.to_string(),
    }
}
