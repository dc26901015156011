//! `release run`: the cost is reserved, then the figures are added up and protected, once.

use marsad_catalog::Catalog;
use marsad_ledger::proposal::Proposal;
use marsad_ledger::{RequestState, Stage};
use marsad_release::{Outcome, Runner};
use marsad_terms::NanoRho;
use serde_json::json;

use super::super::Quiet;
use super::super::confirm::{SPENDS, confirm};
use super::is_authorised;
use super::watch::Watch;
use crate::progress::Bar;
use crate::report::{Failure, Report, decimal};
use crate::workspace::Workspace;

/// Runs an approved release, or finds the bytes that it has.
///
/// # Errors
/// What stops it; after the reserve the cost stays charged and nothing is drawn again.
pub(crate) async fn run(
    workspace: &Workspace,
    id: &str,
    yes: bool,
    stats: bool,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let ledger = workspace.ledger()?;
    let before = ledger.state().await?;
    let request = before.find(id)?;
    let catalog = workspace.catalog_for(&request.release().to_string())?;
    // Asked before the lock is taken: nobody else waits for the answer.
    let asked = if yes { None } else { ask_first(&catalog, request)? };
    let id = asked.as_deref().unwrap_or(id);
    let _lock = workspace.lock()?;
    // The lock is ours, so a run of this installation that never ended is dead.
    workspace.recover(&ledger).await?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    if asked.is_none() && request.state == Stage::Approved {
        ask(&catalog, &request.proposal, yes)?;
    }
    let (landing, keys) = (workspace.landing()?, workspace.keys()?);
    let bar = Bar::of_buckets("adding up person by person", quiet.0);
    let watch = Watch::new();
    let runner = Runner {
        catalog: &catalog,
        ledger: &ledger,
        landing: &landing,
        keys: &keys,
        limits: workspace.limits(),
        watch: &|step| watch.done(step),
    };
    let outcome = runner.run(&request.proposal, &|done, total| bar.at(done, total)).await;
    drop(bar);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let failure = Failure::from(error);
            return Err(match workspace.recover(&ledger).await {
                Ok(()) => failure,
                Err(more) => failure.and(more),
            });
        }
    };
    let state = ledger.state().await?;
    let request = state.find(id)?;
    let stats = stats.then(|| watch.table());
    Ok(describe(request, &outcome, stats))
}

/// Asks where running would spend, and gives the id of the proposal that the answer is about.
fn ask_first(catalog: &Catalog, request: &RequestState) -> Result<Option<String>, Failure> {
    if request.state != Stage::Approved {
        return Ok(None);
    }
    ask(catalog, &request.proposal, false)?;
    Ok(Some(request.proposal_id.to_string()))
}

/// Whether the budget may be spent.
fn ask(catalog: &Catalog, proposal: &Proposal, yes: bool) -> Result<(), Failure> {
    is_authorised(catalog, proposal)?;
    let Proposal { nano_rho, release, .. } = proposal;
    confirm(&SPENDS, &format!("spend ρ = {} on release {release}, for ever?", decimal(*nano_rho)), yes)
}

fn describe(request: &RequestState, outcome: &Outcome, stats: Option<String>) -> Report {
    let receipt = &outcome.receipt;
    let cost = match outcome.charged {
        NanoRho::ZERO if outcome.is_new => {
            "nothing more was charged: steps of series that were paid for before were drawn, once".to_owned()
        }
        NanoRho::ZERO => "nothing was charged: the same bytes as before".to_owned(),
        rho => format!("ρ = {} charged; the noise was drawn once and never will be again", decimal(rho)),
    };
    let stats = stats.map(|table| format!("\n{table}")).unwrap_or_default();
    let next = match request.state {
        Stage::Released => format!("\nnext: marsad release publish {}", receipt.release()),
        _ => String::new(),
    };
    let text = format!("release {} is {}: {cost}{stats}{next}", receipt.release(), request.state);
    let json = json!({
        "release": receipt.release(), "proposal": receipt.proposal(), "state": request.state.as_str(),
        "run": receipt.run(), "hash": receipt.hash(), "charged": outcome.charged,
    });
    Report::new(text, json)
}
