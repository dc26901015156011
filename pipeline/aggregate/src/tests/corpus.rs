//! A corpus of analytical statements, and what becomes of them when their words are dropped, doubled and exchanged: the
//! analyser never panics, and what it still accepts keeps persons apart.

use proptest::prelude::*;

use super::neighbours::attack;
use super::world::{declared, records, sources};
use crate::analyse::{Verdict, analyse};

/// Each statement of the corpus with the verdict above it.
fn corpus() -> Vec<(&'static str, String)> {
    let text = include_str!("../../testdata/corpus.sql");
    let pieces = text
        .split(";\n")
        .filter(|piece| piece.lines().any(|line| !line.is_empty() && !line.starts_with("--")));
    let read = |piece: &'static str| {
        let comments = piece.lines().filter_map(|line| line.strip_prefix("-- "));
        let mut verdict =
            comments.filter(|line| *line == "accepted" || line.len() == 3 && line.starts_with('P'));
        let sql: Vec<&str> = piece.lines().filter(|line| !line.starts_with("--")).collect();
        (verdict.next_back().expect("a verdict"), sql.join("\n").trim().to_owned())
    };
    pieces.map(read).collect()
}

#[test]
fn every_statement_of_the_corpus_has_its_verdict() {
    let corpus = corpus();
    assert!(corpus.len() >= 30, "{}", corpus.len());
    let mut faults = Vec::new();
    for (verdict, sql) in corpus {
        let found = match analyse(&sql, &sources(), &declared()) {
            Verdict::Accepted(_) => "accepted".to_owned(),
            Verdict::Refused(refusals) => refusals[0].code.to_owned(),
            Verdict::Invalid { what, .. } => what,
        };
        if found != verdict {
            faults.push(format!("{verdict}, but {found}: {sql}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A change to the words of a statement.
#[derive(Clone, Debug)]
enum Change {
    Drop(usize),
    Double(usize),
    Exchange(usize, usize),
    Borrow(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = || 0..1000_usize;
    prop_oneof![
        place().prop_map(Change::Drop),
        place().prop_map(Change::Double),
        (place(), place()).prop_map(|(a, b)| Change::Exchange(a, b)),
        (place(), place()).prop_map(|(a, b)| Change::Borrow(a, b)),
    ]
}

fn words(sql: &str) -> Vec<String> {
    let spaced: String =
        sql.chars().flat_map(|c| if "(),".contains(c) { vec![' ', c, ' '] } else { vec![c] }).collect();
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn changed(sql: &str, changes: &[Change], all: &[String]) -> String {
    let mut words = words(sql);
    for change in changes {
        let n = words.len().max(1);
        match change {
            Change::Drop(at) if words.len() > 1 => drop(words.remove(at % n)),
            Change::Double(at) => words.insert(at % n, words[at % n].clone()),
            Change::Exchange(a, b) => words.swap(a % n, b % n),
            Change::Borrow(at, from) => words[at % n] = all[from % all.len()].clone(),
            Change::Drop(_) => {}
        }
    }
    words.join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_statements_never_panic_nor_mix_persons(
        at in 0..1000_usize, changes in proptest::collection::vec(change(), 1..4), rows in records(),
    ) {
        let corpus = corpus();
        let all: Vec<String> = corpus.iter().flat_map(|(_, sql)| words(sql)).collect();
        let sql = changed(&corpus[at % corpus.len()].1, &changes, &all);
        if let Verdict::Accepted(_) = analyse(&sql, &sources(), &declared()) {
            attack(&[sql], &rows);
        }
    }
}
