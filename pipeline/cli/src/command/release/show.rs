//! `release show`, `release diff`: a proposal as its steward reads it.

use marsad_ledger::proposal::Forecast;
use marsad_ledger::{Answer, RequestState, ScopeAfter, State};
use marsad_privacy::accounting;
use marsad_privacy::shape::StatisticShape;
use marsad_terms::{Language, NanoRho};
use serde_json::{Value, json};

use super::outlook::{DELTAS, Outlook, in_languages};
use crate::report::{Report, decimal, table};

/// One proposal with where it stands.
pub(super) fn show(state: &State, request: &RequestState, languages: &[Language]) -> Report {
    let proposal = &request.proposal;
    let id = request.proposal_id.hex();
    let head = format!(
        "release {}: {}\nproposal {} by {}, {}; {} approval(s) needed\n{}",
        proposal.release,
        proposal.title.get(Language::En),
        &id[..8],
        proposal.author,
        request.state,
        proposal.approvals_needed,
        cost(proposal.nano_rho),
    );
    let scopes = scopes(state, request);
    let outlook = Outlook::of(request);
    let parts = [
        head,
        meaning(outlook.as_ref(), &scopes, languages),
        scope_table(&scopes),
        tables(request, outlook.as_ref()),
        series(request),
        strategies(request),
        outlook.as_ref().map(|outlook| outlook.curve(left(&scopes))).unwrap_or_default(),
        rehearsals(request),
        checklist(request),
        decisions(request),
        next(request, &scopes),
    ];
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    Report::new(text, document(request, &scopes, outlook.as_ref()))
}

/// Scopes before and after the cost; once it is charged, both are what is used.
fn scopes(state: &State, request: &RequestState) -> Vec<ScopeAfter> {
    let mut scopes = state.would_use(&request.proposal);
    if request.run.is_some() {
        for scope in &mut scopes {
            scope.after = scope.used;
        }
    }
    scopes
}

fn cost(rho: NanoRho) -> String {
    if rho == NanoRho::ZERO {
        return "no cost: figures of organisations only".to_owned();
    }
    let epsilons = DELTAS.map(|delta| accounting::epsilon(rho, delta));
    format!(
        "cost ρ = {}: ε = {} at δ = 10⁻⁶, {} at 10⁻⁸, {} at 10⁻¹⁰",
        decimal(rho),
        epsilons[0],
        epsilons[1],
        epsilons[2]
    )
}

/// The guess bounds in plain words.
fn meaning(outlook: Option<&Outlook>, scopes: &[ScopeAfter], languages: &[Language]) -> String {
    let Some(outlook) = outlook else { return String::new() };
    in_languages(&outlook.words(lifetime(scopes).map_or(NanoRho::ZERO, |scope| scope.after)), languages)
}

fn lifetime(scopes: &[ScopeAfter]) -> Option<&ScopeAfter> {
    scopes.iter().find(|scope| scope.scope == "lifetime")
}

/// What the lifetime's cap leaves for this release.
fn left(scopes: &[ScopeAfter]) -> Option<NanoRho> {
    let scope = lifetime(scopes)?;
    scope.cap.map(|cap| cap.checked_sub(scope.used).unwrap_or(NanoRho::ZERO))
}

fn scope_table(scopes: &[ScopeAfter]) -> String {
    let cap = |cap: Option<NanoRho>| cap.map_or_else(|| "–".to_owned(), decimal);
    let rows = scopes.iter().map(|s| vec![s.scope.clone(), decimal(s.used), decimal(s.after), cap(s.cap)]);
    table(&["scope", "used", "after", "cap"], rows, 1)
}

fn tables(request: &RequestState, outlook: Option<&Outlook>) -> String {
    let sides = outlook.map(Outlook::half_and_double).unwrap_or_default();
    let rows = request.proposal.tables.iter().enumerate().map(|(index, t)| {
        let margin = if t.margin.is_empty() { "by cell".to_owned() } else { format!("± {}", t.margin) };
        let side = |side: usize| {
            let margin = sides.get(index).and_then(|sides| sides[side]);
            margin.map_or_else(String::new, |margin| format!("± {margin:.1}"))
        };
        vec![
            t.dataflow.clone(),
            t.dimensions.join(", "),
            t.cells.to_string(),
            side(0),
            margin,
            side(1),
            t.reliable_from.clone(),
            t.usable_from.clone(),
        ]
    });
    table(&["dataflow", "table", "cells", "at ½ρ", "margin", "at 2ρ", "A from", "U from"], rows, 2)
}

/// What gets the noise of each statistic where that was weighed, and why.
fn strategies(request: &RequestState) -> String {
    let choices = request.proposal.strategies.iter();
    let rows = choices.map(|c| vec![c.statistic.to_string(), c.strategy.clone(), c.why.clone()]);
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() { String::new() } else { table(&["statistic", "noise on", "why"], rows, 3) }
}

/// How the constants of bounds are weighed before anyone confirms C05.
fn rehearsals(request: &RequestState) -> String {
    if request.run.is_some() {
        return String::new();
    }
    let shapes = request.proposal.request.statistics.iter().filter_map(|one| one.shape.as_ref());
    let bounded = shapes.filter(|shape| shape.left_out_cap().is_some());
    let line = |shape: &StatisticShape| {
        format!("  marsad query check {} --bounds --release {}", shape.id, request.proposal.release)
    };
    let lines: Vec<String> = bounded.map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("C² and k of these statistics, rehearsed on a simulated programme (C05):\n{}", lines.join("\n"))
}

/// First-time series: opened by this release, or continued at no cost.
fn series(request: &RequestState) -> String {
    let rows = request.proposal.series.iter().map(|terms| {
        let paid = if terms.opens { "by this release, which opens it" } else { "before" };
        let steps = format!("{} from {}", terms.horizon, terms.start);
        vec![terms.statistic.to_string(), steps, decimal(terms.nano_rho), paid.to_owned()]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    match rows.is_empty() {
        true => String::new(),
        false => table(&["first-time series", "steps", "ρ for all steps", "paid"], rows, 2),
    }
}

fn checklist(request: &RequestState) -> String {
    let items = request.proposal.checklist.iter();
    let rows = items.map(|item| {
        let who = json!(item.who).as_str().unwrap_or_default().to_owned();
        let state = json!(item.state).as_str().unwrap_or_default().to_owned();
        vec![item.id.clone(), who, state, item.evidence.clone()]
    });
    table(&["item", "who", "state", "evidence"], rows, 4)
}

fn decisions(request: &RequestState) -> String {
    let lines = request.decisions.iter().map(|d| {
        let word = if d.decision == Answer::Approve { "approved" } else { "rejected" };
        let lapsed = if d.lapsed { ", lapsed" } else { "" };
        let reason = if d.reason.is_empty() { String::new() } else { format!(": {}", d.reason) };
        format!("{word} by {} ({}{lapsed}) {}{reason}", d.signer, d.role.as_str(), d.time)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn next(request: &RequestState, scopes: &[ScopeAfter]) -> String {
    use marsad_ledger::Stage;
    let id = &request.proposal.release;
    let failed = request.proposal.failed();
    match request.state {
        Stage::Proposed if !failed.is_empty() => {
            format!("cannot be approved: {} failed; mend the definitions and plan again", failed.join(", "))
        }
        Stage::Proposed | Stage::Approved if !exceeded(scopes).is_empty() => {
            format!(
                "cannot run: the cost does not fit into {}; plan with a smaller `rho`",
                exceeded(scopes).join(", ")
            )
        }
        Stage::Proposed => {
            format!("next: marsad release approve {id} --key FILE --confirm-file ANSWERS.toml")
        }
        Stage::Approved => format!("next: marsad release run {id}"),
        Stage::Released => format!("next: marsad release publish {id}"),
        _ => String::new(),
    }
}

/// The scopes whose cap the cost would pass.
fn exceeded(scopes: &[ScopeAfter]) -> Vec<&str> {
    let over = scopes.iter().filter(|s| s.cap.is_some_and(|cap| s.after > cap));
    over.map(|s| s.scope.as_str()).collect()
}

/// Decisions as interfaces 3 lists them.
pub(super) fn approvals(request: &RequestState) -> Vec<Value> {
    let one = |d: &marsad_ledger::Decision| {
        json!({
            "signer": d.signer, "role": d.role.as_str(), "decision": d.decision, "time": d.time, "lapsed": d.lapsed,
            "confirmed": d.confirmed, "reason": d.reason,
        })
    };
    request.decisions.iter().map(one).collect()
}

fn document(request: &RequestState, scopes: &[ScopeAfter], outlook: Option<&Outlook>) -> Value {
    let proposal = &request.proposal;
    let rho = proposal.nano_rho;
    let after = lifetime(scopes).map_or(NanoRho::ZERO, |scope| scope.after);
    let words = outlook.map(|outlook| outlook.words(after));
    let curve = outlook.map(Outlook::document).unwrap_or_default();
    let epsilon = DELTAS.map(|delta| json!({"delta": delta, "epsilon": accounting::epsilon(rho, delta)}));
    let guess = accounting::guess(rho);
    let scopes: Vec<Value> = scopes
        .iter()
        .map(|s| json!({"scope": s.scope, "cap": s.cap, "used": s.used, "after": s.after}))
        .collect();
    let needed = usize::try_from(proposal.approvals_needed).unwrap_or(0);
    json!({
        "release": proposal.release, "proposal": request.proposal_id, "f": request.f,
        "state": request.state.as_str(), "author": proposal.author, "nano_rho": rho, "epsilon": epsilon,
        "guess": {"membership": guess.membership_percent, "attribute": guess.attribute_percent},
        "guess_words": words, "scopes": scopes, "tables": tables_as_numbers(request, outlook), "curve": curve,
        "series": proposal.series, "strategies": proposal.strategies, "overlap": proposal.overlap,
        "approvals": approvals(request), "needed": needed.saturating_sub(request.approvals().count()),
        "checklist": proposal.checklist,
    })
}

/// The forecasts, figures as numbers; none where a ratio's margin depends on its denominator.
fn tables_as_numbers(request: &RequestState, outlook: Option<&Outlook>) -> Vec<Value> {
    let number = |text: &str| text.parse::<f64>().ok();
    let sides = outlook.map(Outlook::half_and_double).unwrap_or_default();
    let one = |(index, t): (usize, &Forecast)| {
        let [half, double] = sides.get(index).copied().unwrap_or_default();
        json!({
            "dataflow": t.dataflow, "dimensions": t.dimensions, "cells": t.cells, "margin": number(&t.margin),
            "margin_at_half": half, "margin_at_double": double,
            "reliable_from": number(&t.reliable_from), "usable_from": number(&t.usable_from),
        })
    };
    request.proposal.tables.iter().enumerate().map(one).collect()
}

/// Every place where two proposals differ.
pub(super) fn diff(a: &RequestState, b: &RequestState) -> Report {
    let mut found = Vec::new();
    differences("", &json!(a.proposal), &json!(b.proposal), &mut found);
    let rows = found.iter().map(|(path, a, b)| vec![path.clone(), short(a), short(b)]);
    let (left, right) = (a.proposal_id.hex(), b.proposal_id.hex());
    let text = match found.is_empty() {
        true => "the two proposals are the same".to_owned(),
        false => table(&["where", &left[..8], &right[..8]], rows, 3),
    };
    let list: Vec<Value> = found.iter().map(|(path, a, b)| json!({"path": path, "a": a, "b": b})).collect();
    Report::new(text, json!({"a": a.proposal_id, "b": b.proposal_id, "differences": list}))
}

fn differences(path: &str, a: &Value, b: &Value, found: &mut Vec<(String, Value, Value)>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let mut keys: Vec<&String> = x.keys().chain(y.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let null = Value::Null;
                let (x, y) = (x.get(key).unwrap_or(&null), y.get(key).unwrap_or(&null));
                differences(&format!("{path}/{key}"), x, y, found);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (i, (x, y)) in x.iter().zip(y).enumerate() {
                differences(&format!("{path}/{i}"), x, y, found);
            }
        }
        _ if a == b => {}
        _ => found.push((path.to_owned(), a.clone(), b.clone())),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() > 60 { text.chars().take(59).chain(['…']).collect() } else { text }
}
