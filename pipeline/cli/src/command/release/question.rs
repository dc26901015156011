//! The checklist on a terminal: what a person judges, asked one by one, each answer in words of the approver's own.
//!
//! Nothing is signed or stored here; whoever stops half-way has decided nothing.

use std::io::{BufRead, Write};

use marsad_ledger::checklist::Item;
use marsad_ledger::proposal::Proposal;
use marsad_terms::{Explanation, Language, Text};

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
    language: Language,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<Answers, Failure> {
    let mut items: Vec<&Item> = proposal.checklist.iter().filter(|item| item.wants_an_answer()).collect();
    items.sort_by_key(|item| !FIRST.contains(&item.id.as_str()));
    let n = items.len();
    let _ = writeln!(out, "{}", beginning(n).get(language));
    let mut answers = Answers::new();
    for (number, item) in items.into_iter().enumerate() {
        let _ = writeln!(out, "\n[{}/{n}] {}  {}", number + 1, item.id, item.text().get(language));
        let answer = one(proposal, (item, language), input, out)?;
        answers.insert(item.id.clone(), answer);
    }
    Ok(answers)
}

fn beginning(n: usize) -> Text {
    Text::new(
        format!(
            "{n} points sont à juger par vous. Répondez en mots, `o` où il n'en faut pas ; `stop` termine sans décision."
        ),
        format!(
            "عدد النقاط التي تحكم فيها أنت: {n}. أجب بكلمات، أو اكتب «نعم» حيث لا حاجة إلى كلمات؛ وتنهي كلمة stop الأمر دون أي قرار."
        ),
        format!(
            "{n} items are yours to judge. Answer in words, `y` where none are needed; `stop` ends without a decision."
        ),
    )
}

/// What to say where an answer does not do.
fn again(wants_words: bool) -> Text {
    if wants_words {
        return Text::new(
            "celui-ci veut une phrase",
            "هذه النقطة تحتاج إلى جملة",
            "this one wants a sentence",
        );
    }
    Text::new("répondez, ou `stop`", "أجب، أو اكتب stop", "answer, or `stop`")
}

/// A bare yes, in English, French or Arabic.
pub(in crate::command) fn is_yes(said: &str) -> bool {
    ["y", "yes", "o", "oui", "نعم"].contains(&said.trim().to_lowercase().as_str())
}

fn one(
    proposal: &Proposal,
    (item, language): (&Item, Language),
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
            return Err(Failure::new(Explanation::new(
                "W22",
                "the checklist was left; nothing was signed",
                format!("`stop` or the end of the input, at item {}", item.id),
                "approve again when every item can be answered, or reject with a reason",
            )));
        }
        let words = if is_yes(said) { "" } else { said };
        let given = [(item.id.clone(), words.to_owned())].into();
        let is_open = proposal.unanswered(&given).contains(&item.id);
        if !said.is_empty() && !is_open {
            return Ok(words.to_owned());
        }
        let _ = writeln!(out, "{}", again(is_open).get(language));
    }
}
