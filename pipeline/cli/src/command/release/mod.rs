//! `release`: from a definition to a bundle, one file a step.

mod bundle;
mod catalogue;
mod decide;
mod define;
mod diff;
mod list;
mod outlook;
mod pdf;
mod plan;
mod public;
mod publish;
mod question;
mod recover;
mod reworded;
mod run;
mod series;
mod sheet;
mod show;
mod summary;
mod transfer;
mod watch;
mod withdraw;

use marsad_catalog::Catalog;
use marsad_ledger::proposal::Proposal;
use marsad_ledger::{RequestState, State};
use marsad_terms::{Explanation, clock};
use serde_json::json;

use super::Quiet;
use crate::args::ReleaseCommand;
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

pub(super) use decide::{Answers, approve_with};
pub(super) use pdf::print;
pub(super) use plan::{plan, price};
pub(super) use publish::publish;
pub(super) use question::is_yes;
pub(super) use run::run as run_release;

/// Runs one of them.
///
/// # Errors
/// Whatever stops it, explained.
pub(super) async fn run(
    workspace: &Workspace,
    command: &ReleaseCommand,
    quiet: Quiet,
) -> Result<Report, Failure> {
    match command {
        ReleaseCommand::New { id, like } => define::new(workspace, id, like),
        ReleaseCommand::Plan { id, wish, key } => plan(workspace, id, wish, key.key.as_deref()).await,
        ReleaseCommand::List => list::list(workspace).await,
        ReleaseCommand::Show { id, html, answers, full, statistic, language } => {
            let ledger = workspace.ledger()?;
            let state = ledger.state().await?;
            let request = state.find(id)?;
            let then = show::before_charge(&ledger, request).await?;
            let state = then.as_ref().unwrap_or(&state);
            let public = public::Public::of(workspace);
            if let Some(path) = html {
                return sheet::write(state, request, &public, path);
            }
            public::asks_for(request, statistic.as_deref())?;
            let view = show::View { full: *full, statistic: statistic.clone(), language: *language };
            if let Some(path) = answers {
                return decide::draft_answers(&request.proposal, view.language(&public), path);
            }
            Ok(show::viewed(state, request, &public, &view))
        }
        ReleaseCommand::Diff { a, b } => {
            let state = workspace.ledger()?.state().await?;
            Ok(diff::diff(state.find(a)?, state.find(b)?))
        }
        ReleaseCommand::Statement { id, confirm, reject } => {
            decide::statement(workspace, id, confirm, reject.as_deref()).await
        }
        ReleaseCommand::Approve { id, confirm, key, signature, language } => {
            let means = (key.key.as_deref(), signature.as_deref());
            decide::approve(workspace, id, confirm, means, *language).await
        }
        ReleaseCommand::Reject { id, reason, key, signature } => {
            decide::reject(workspace, id, reason, key.key.as_deref(), signature.as_deref()).await
        }
        ReleaseCommand::Run { id, yes, stats } => run_release(workspace, id, *yes, *stats, quiet).await,
        ReleaseCommand::Publish { series: Some(dataflow), to: Some(to), .. } => {
            series::write(workspace, dataflow, to).await
        }
        ReleaseCommand::Publish { id, key, .. } => {
            publish(workspace, id.as_deref().unwrap_or_default(), key.key.as_deref()).await
        }
        ReleaseCommand::Pdf(args) => print(Some(&workspace.dir), args).await,
        ReleaseCommand::Transfer { id, to, channel, date, key } => {
            let served = transfer::Served { to, channel: channel.as_deref(), date: *date };
            transfer::transfer(workspace, id, served, key.key.as_deref()).await
        }
        ReleaseCommand::Recover { yes } => recover::recover(workspace, *yes).await,
        ReleaseCommand::Withdraw { id, reason_file, key, yes } => {
            withdraw::withdraw(workspace, id, reason_file, (key.key.as_deref(), *yes)).await
        }
    }
}

/// Refuses what no purpose covers any longer: rows are read, and figures published, while its authorisation is in force only.
fn is_authorised(catalog: &Catalog, proposal: &Proposal) -> Result<(), Failure> {
    let today = clock::today();
    let covers = |id: &&String| {
        catalog.purposes.get(*id).is_some_and(|purpose| purpose.is_authorised(today, &proposal.recipients))
    };
    let lacking: Vec<&str> = proposal.purposes.iter().filter(|id| !covers(id)).map(String::as_str).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Explanation::new(
        "W42",
        format!("on {today} no authorisation in force covers release {}: {}", proposal.release, lacking.join(", ")),
        "a purpose's authorisation has a last day and recipients, and binds reading and publishing alike (law 09-08, article 12)",
        "have it renewed, enter it in purposes.toml, and run this again; this command read and charged nothing",
    ).at("purposes.toml")))
}

/// Where a request stands now, with what a reader needs to go on.
fn standing(state: &State, request: &RequestState) -> Report {
    let n = request.approvals().count();
    let needed = usize::try_from(request.proposal.approvals_needed).unwrap_or(usize::MAX);
    let text = format!("release {} is {}: {n} of {needed} approval(s)", request.release(), request.state);
    let json = json!({
        "release": request.release(), "proposal": request.proposal_id, "state": request.state.as_str(),
        "approvals": show::approvals(request), "needed": needed.saturating_sub(n), "head": state.head().map(|h| h.1),
    });
    Report::new(text, json)
}
