//! The checklist on a terminal: what a person judges, asked one by one, each answer in words of the approver's own.
//!
//! Nothing is signed or stored here; whoever stops half-way has decided nothing.

use std::io::{BufRead, Write};

use marsad_ledger::checklist::Item;
use marsad_ledger::proposal::Proposal;

use super::Answers;
use crate::report::Failure;

/// What stewards skip comes first (governance 3).
pub(super) const FIRST: [&str; 2] = ["C06", "C18"];

/// Asks every item that a person judges; an answer that must hold words is asked for until it does.
///
/// # Errors
/// The approver stops: end of input, or `stop`.
pub(super) fn ask(
    proposal: &Proposal,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<Answers, Failure> {
    let mut items: Vec<&Item> = proposal.checklist.iter().filter(|item| item.wants_an_answer()).collect();
    items.sort_by_key(|item| !FIRST.contains(&item.id.as_str()));
    let n = items.len();
    let _ = writeln!(
        out,
        "{n} items are yours to judge. Answer in words, `y` where none are needed; `stop` ends without a decision."
    );
    let mut answers = Answers::new();
    for (number, item) in items.into_iter().enumerate() {
        let _ = writeln!(out, "\n[{}/{n}] {}  {}", number + 1, item.id, item.evidence);
        let answer = one(proposal, item, input, out)?;
        answers.insert(item.id.clone(), answer);
    }
    Ok(answers)
}

/// A bare yes, in English or French.
pub(super) fn is_yes(said: &str) -> bool {
    ["y", "yes", "o", "oui"].contains(&said.trim().to_lowercase().as_str())
}

fn one(
    proposal: &Proposal,
    item: &Item,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<String, Failure> {
    loop {
        let _ = write!(out, "> ");
        let _ = out.flush();
        let mut line = String::new();
        let read = input.read_line(&mut line).unwrap_or(0);
        let said = line.trim();
        if read == 0 || said == "stop" {
            let remedy = "approve again when every item can be answered, or reject with a reason";
            return Err(Failure::usage("the checklist was left; nothing was signed", remedy));
        }
        let words = if is_yes(said) { "" } else { said };
        let given = [(item.id.clone(), words.to_owned())].into();
        let is_open = proposal.unanswered(&given).contains(&item.id);
        if !said.is_empty() && !is_open {
            return Ok(words.to_owned());
        }
        let _ = writeln!(out, "{}", if is_open { "this one wants a sentence" } else { "answer, or `stop`" });
    }
}
