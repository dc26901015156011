//! What must hold after a command was cut off, wherever that was, and when it is given again.

use std::collections::BTreeMap;

use crate::workspace::{RELEASE, Workspace};

/// What the release of these tests costs.
const COST: u64 = 100_000_000;

/// How often each kind of entry stands in the ledger, which must be right.
fn kinds(workspace: &Workspace) -> BTreeMap<String, usize> {
    workspace.ledger_is_right();
    let log = workspace.json(&["ledger", "log"]).done();
    let mut kinds = BTreeMap::new();
    for entry in log.at("entries").as_array().unwrap() {
        *kinds.entry(entry["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    kinds
}

/// Where the release stands by the entries of the ledger: untouched, reserved, released, forfeited or published.
fn standing(kinds: &BTreeMap<String, usize>) -> &'static str {
    let n = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
    match (n("reserved"), n("released"), n("forfeited"), n("published")) {
        (0, 0, 0, 0) => "untouched",
        (1, 0, 0, 0) => "reserved",
        (1, 1, 0, 0) => "released",
        (1, 0, 1, 0) => "forfeited",
        (1, 1, 0, 1) => "published",
        other => panic!("reserved, released, forfeited, published: {other:?}"),
    }
}

/// Checks what a cut-off command left, gives it again, and checks that: the ledger is right, the release is untouched, or
/// drawn once and paid once. Gives where it stood and where it stands.
pub(crate) fn check(workspace: &Workspace, again: &[&str], results: impl Fn() -> usize) -> String {
    let left = standing(&kinds(workspace));
    let used = |workspace: &Workspace| {
        let lifetime = workspace.lifetime();
        lifetime["cap"] - lifetime["left"]
    };
    assert_eq!(used(workspace), if left == "untouched" { 0 } else { COST }, "{left}");
    let stored = results();
    assert!(stored <= 1, "{left}: drawn once at most");
    let done = workspace.json(again);
    let then = standing(&kinds(workspace));
    match (left, then) {
        ("untouched" | "released", "released") | ("released" | "published", "published") => {
            assert_eq!(done.code, 0, "{done:?}");
        }
        ("reserved", "released") => {
            assert_eq!((done.code, stored), (0, 1), "what was not stored is not recovered");
        }
        ("reserved", "forfeited") => assert_eq!((done.code, stored), (1, 0), "a whole result is kept"),
        other => panic!("{other:?}: {done:?}"),
    }
    assert_eq!(used(workspace), COST, "{left}, then {then}: charged once");
    assert_eq!(results(), usize::from(then != "forfeited"), "{left}, then {then}");
    if then == "published" {
        workspace.json(&["release", "show", RELEASE]).done();
    }
    format!("{left}, then {then}")
}
