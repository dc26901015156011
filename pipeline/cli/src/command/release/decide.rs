//! `release statement|approve|reject`: a decision is a signature over one canonical statement.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use marsad_ledger::proposal::Proposal;
use marsad_ledger::sign::{APPROVAL, SigningKey};
use marsad_ledger::{Answer, Error as LedgerError, RequestState, State, Statement};
use marsad_terms::{Explanation, Language};
use serde_json::json;

use super::plan::is_as_defined;
use super::public::Public;
use super::{question, show, standing};
use crate::args::ConfirmArgs;
use crate::command::write_new;
use crate::report::{Failure, Report};
use crate::workspace::{Workspace, open_key};

/// Answers by checklist item.
pub(crate) type Answers = BTreeMap<String, String>;

/// The bytes that an approver signs, or who rejects.
///
/// # Errors
/// An unknown release, answers that are missing.
pub(super) async fn statement(
    workspace: &Workspace,
    id: &str,
    confirm: &ConfirmArgs,
    reject: Option<&str>,
) -> Result<Report, Failure> {
    let ledger = workspace.ledger()?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    let statement = if let Some(reason) = reject {
        rejection(&state, request, reason)?
    } else {
        is_as_defined(workspace, &ledger, request).await?;
        approval(&state, request, answers(confirm)?)?
    };
    let text = String::from_utf8_lossy(&statement.bytes()).into_owned();
    // The bytes themselves, without a line end: what is signed is exactly what is printed.
    let json = json!({"statement": text, "namespace": APPROVAL, "proposal": request.proposal_id});
    Ok(Report::new(text, json).exact())
}

/// Approves with a key, or with a signature that was made elsewhere.
///
/// # Errors
/// A key or signature that does not count, answers that are missing.
pub(super) async fn approve(
    workspace: &Workspace,
    id: &str,
    confirm: &ConfirmArgs,
    (key, signature): (Option<&Path>, Option<&Path>),
    language: Option<Language>,
) -> Result<Report, Failure> {
    let asks = confirm.confirm.is_empty() && confirm.confirm_file.is_none() && io::stdin().is_terminal();
    match (key, signature) {
        (Some(path), _) => {
            let key = open_key(path)?;
            let answers = if asks { ask(workspace, id, &key, language).await? } else { answers(confirm)? };
            approve_with(workspace, id, answers, &key).await
        }
        (None, Some(path)) => {
            let (sshsig, answers) = (made_elsewhere(path)?, answers(confirm)?);
            decide(workspace, id, Answer::Approve, |state, request| {
                Ok((approval(state, request, answers)?, sshsig))
            })
            .await
        }
        (None, None) => Err(Failure::usage(
            "an approval needs a key or a signature",
            "give --key FILE, or --signature FILE made over `marsad release statement`",
        )),
    }
}

/// Shows the proposal and goes through what a person judges, item by item; not where the key could not approve it anyway.
async fn ask(
    workspace: &Workspace,
    id: &str,
    key: &SigningKey,
    language: Option<Language>,
) -> Result<Answers, Failure> {
    let ledger = workspace.ledger()?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    state.may_approve(request, &key.public_key())?;
    is_as_defined(workspace, &ledger, request).await?;
    let mut out = io::stderr();
    let (public, view) = (Public::of(workspace), show::View { language, ..show::View::default() });
    let _ = writeln!(out, "{}\n", show::viewed(&state, request, &public, &view).text);
    question::ask(&request.proposal, view.language(&public), &mut io::stdin().lock(), &mut out)
}

/// Approves with a key at hand.
///
/// # Errors
/// A key that does not count, answers that are missing.
pub(crate) async fn approve_with(
    workspace: &Workspace,
    id: &str,
    answers: Answers,
    key: &SigningKey,
) -> Result<Report, Failure> {
    decide(workspace, id, Answer::Approve, |state, request| {
        state.may_approve(request, &key.public_key())?;
        sign(approval(state, request, answers)?, key)
    })
    .await
}

/// Rejects with a reason, with a key or with a signature that was made elsewhere.
///
/// # Errors
/// A key or signature that does not count.
pub(super) async fn reject(
    workspace: &Workspace,
    id: &str,
    reason: &str,
    key: Option<&Path>,
    signature: Option<&Path>,
) -> Result<Report, Failure> {
    match (key, signature) {
        (Some(path), _) => {
            let key = open_key(path)?;
            decide(workspace, id, Answer::Reject, |state, request| {
                sign(rejection(state, request, reason)?, &key)
            })
            .await
        }
        (None, Some(path)) => {
            let sshsig = made_elsewhere(path)?;
            decide(workspace, id, Answer::Reject, |state, request| {
                Ok((rejection(state, request, reason)?, sshsig))
            })
            .await
        }
        (None, None) => Err(Failure::usage(
            "a rejection needs a key or a signature",
            "give --key FILE, or --signature FILE made over `marsad release statement --reject REASON`",
        )),
    }
}

/// A signature that `ssh-keygen -Y sign` wrote.
fn made_elsewhere(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, "be read", &error))
}

fn sign(statement: Statement, key: &SigningKey) -> Result<(Statement, String), Failure> {
    let sshsig = key.sign(APPROVAL, &statement.bytes())?;
    Ok((statement, sshsig))
}

/// Appends a decision; an approval only of what the definitions give.
async fn decide(
    workspace: &Workspace,
    id: &str,
    answer: Answer,
    make: impl FnOnce(&State, &RequestState) -> Result<(Statement, String), Failure>,
) -> Result<Report, Failure> {
    let _lock = workspace.lock()?;
    let ledger = workspace.ledger()?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    if answer == Answer::Approve {
        is_as_defined(workspace, &ledger, request).await?;
    }
    let (statement, sshsig) = make(&state, request)?;
    ledger.decide(&statement, None, &sshsig).await?;
    let state = ledger.state().await?;
    Ok(standing(&state, state.find(id)?))
}

fn approval(state: &State, request: &RequestState, answers: Answers) -> Result<Statement, Failure> {
    are_asked(request, &answers)?;
    let missing = request.proposal.unanswered(&answers);
    if !missing.is_empty() {
        let explanation = Explanation::new(
            "W10",
            format!("the checklist is not answered: {}", missing.join(", ")),
            "each item has an answer, those that a person alone can judge in words, and what is written is signed",
            "run it on a terminal, which asks one by one; or give --confirm ITEM=TEXT for each, or --confirm-file F.toml, which `marsad release show ID --answers F.toml` drafts",
        );
        return Err(Failure::new(explanation));
    }
    decision(state, request, Answer::Approve, answers, "")
}

/// Refuses an answer to what the proposal does not ask: it would be signed, and mean nothing.
fn are_asked(request: &RequestState, answers: &Answers) -> Result<(), Failure> {
    let strange = request.proposal.not_on_the_checklist(answers);
    let Some((first, nearest)) = strange.first() else { return Ok(()) };
    let list = format!("`marsad release show {} --full` lists the items", request.release());
    let remedy = nearest.map_or_else(|| list.clone(), |near| format!("did you mean `{near}`? {list}"));
    let what = format!("the checklist has no item `{first}`");
    Err(Failure::new(Explanation::new("W10", what, "what is answered is signed, item by item", remedy)))
}

fn rejection(state: &State, request: &RequestState, reason: &str) -> Result<Statement, Failure> {
    decision(state, request, Answer::Reject, Answers::new(), reason)
}

fn decision(
    state: &State,
    request: &RequestState,
    decision: Answer,
    confirmed: Answers,
    reason: &str,
) -> Result<Statement, Failure> {
    let (workspace, policy) = state.workspace().zip(state.policy_hash()).ok_or(LedgerError::NoPolicy)?;
    let proposal = request.proposal_id;
    let (round, reason) = (request.round(), reason.to_owned());
    Ok(Statement { workspace, policy, proposal, decision, confirmed, reason, round })
}

/// Writes the questions as a file to fill in; one that is there may hold answers, and stays.
pub(super) fn draft_answers(proposal: &Proposal, language: Language, path: &Path) -> Result<Report, Failure> {
    write_new(path, &question::template(proposal, language), ("name", "it may hold answers already"))?;
    let json = json!({"release": proposal.release, "answers": path, "items": question::all(proposal).len()});
    let text = format!(
        "{} holds the questions\n  next: answer them in it, then  marsad release approve {} --key FILE --confirm-file {}",
        path.display(),
        proposal.release,
        path.display()
    );
    Ok(Report::new(text, json))
}

fn answers(confirm: &ConfirmArgs) -> Result<Answers, Failure> {
    let mut answers = match &confirm.confirm_file {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| Failure::file(path, "be read", &error))?;
            toml::from_str(&text).map_err(|error: toml::de::Error| {
                let remedy = "write one line an item, such as C05 = \"constants from the simulator\"";
                Failure::toml(path, &text, &error, remedy)
            })?
        }
        None => Answers::new(),
    };
    for answer in &confirm.confirm {
        let (item, text) = answer
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--confirm {answer} has no `=`"), "write C05=TEXT"))?;
        answers.insert(item.trim().to_owned(), text.to_owned());
    }
    Ok(answers)
}
