//! `release diff`: where two proposals differ.

use marsad_ledger::RequestState;
use serde_json::{Value, json};

use crate::report::{Report, table};

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
