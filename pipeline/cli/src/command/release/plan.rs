//! `release plan`: cost, margins, overlap and checklist, signed by the author and appended to the ledger.

use std::collections::BTreeMap;
use std::path::Path;

use marsad_catalog::Price;
use marsad_ledger::sign::SigningKey;
use marsad_ledger::{Ledger, Policy, RequestState, Stage, State};
use marsad_publish::versions;
use marsad_release::plan::definition;
use marsad_release::{Figures, Planner, not_over};
use marsad_terms::{Explanation, Name, Period};

use super::bundle;
use super::public::Public;
use super::show;
use crate::args::WishArgs;
use crate::command::audit;
use crate::report::{Failure, Report, note};
use crate::workspace::Workspace;

/// Plans and proposes.
///
/// # Errors
/// A statement that is refused, a key that may not propose, definitions with faults.
pub(crate) async fn plan(
    workspace: &Workspace,
    id: &str,
    wish: &WishArgs,
    key: Option<&Path>,
) -> Result<Report, Failure> {
    let catalog = workspace.catalog_for(id)?;
    let release = definition(&catalog, id)?;
    let wish = price(wish)?;
    let key = workspace.author(key)?;
    let _lock = workspace.lock()?;
    let ledger = workspace.ledger()?;
    let state = ledger.state().await?;
    let author = state.policy().map_or_else(|| Ok(String::new()), |policy| name_of(policy, &key))?;
    let selection_key = workspace.keys()?.selection_id();
    let audit = audit::recorded(workspace)?;
    let released = released(&ledger, &state).await?;
    let planner =
        Planner { catalog: &catalog, state: &state, selection_key, author, audit, released: &released };
    let proposal = planner.plan(release, &wish)?;
    // An author who cannot read the public store hears of it from the publisher.
    if let Ok(past) = bundle::past(&workspace.releases()?, None, &state, &state).await {
        versions::foresee(&catalog, &proposal, &past)?;
    }
    if let Ok(named) = release.id.as_str().parse::<Period>()
        && !release.periods.contains(&named)
    {
        note(&format!(
            "the id names {named}, which is none of the release's periods; an id is used once, for ever"
        ));
    }
    for (period, last) in not_over(&release.periods) {
        note(&format!("{period} ends on {last}: `marsad release run {}` refuses it until then", release.id));
    }
    ledger.propose(&proposal, &key).await?;
    let state = ledger.state().await?;
    let request = state.find(&release.id.to_string())?;
    let then = show::before_charge(&ledger, request).await?;
    Ok(show::show(then.as_ref().unwrap_or(&state), request, &Public::of(workspace)))
}

/// Refuses a proposal that the definitions of this workspace do not give: what is approved is what they say, not what
/// somebody wrote beside them.
///
/// # Errors
/// What differs, by its names; definitions with faults.
pub(super) async fn is_as_defined(
    workspace: &Workspace,
    ledger: &Ledger,
    request: &RequestState,
) -> Result<(), Failure> {
    let state = ledger.state_before(request.proposed_at).await?;
    let proposal = &request.proposal;
    let planner = Planner {
        catalog: &workspace.catalog_for(&proposal.release.to_string())?,
        state: &state,
        selection_key: proposal.request.selection_key.clone(),
        author: proposal.author.clone(),
        audit: audit::recorded(workspace)?,
        released: &released(ledger, &state).await?,
    };
    let departures = planner.departures(proposal)?;
    if departures.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Explanation::new(
        "W23",
        format!("the proposal is not what the definitions here give: {}", departures.join(", ")),
        "whoever approves signs what was planned from the definitions, with the checklist that they give",
        "take the definitions that it was planned from; where these are right, reject it and have it planned again",
    )))
}

/// The figures of published releases, oldest first.
///
/// # Errors
/// A stored result that cannot be read.
async fn released(ledger: &Ledger, state: &State) -> Result<Vec<Figures>, Failure> {
    let mut found = Vec::new();
    for request in state.requests().into_iter().filter(|request| request.state == Stage::Published) {
        if let Some((receipt, bytes)) = ledger.receipt_then(request).await? {
            found.push(Figures::read(&receipt, &bytes)?);
        }
    }
    Ok(found)
}

/// The policy's name of a key.
///
/// # Errors
/// A key that the policy does not know.
pub(super) fn name_of(policy: &Policy, key: &SigningKey) -> Result<String, Failure> {
    let signer = policy.signer_with(&key.public_key());
    signer.map(|signer| signer.name.clone()).ok_or_else(|| {
        Failure::new(Explanation::new(
            "W09",
            "this key belongs to nobody whom the policy names",
            "what is signed must be traceable to a person",
            "add its public line under [[policy.signer]] and run `marsad policy set`, or use another key",
        ))
    })
}

/// `--rho` or `--margin`.
///
/// # Errors
/// A number that is none.
pub(crate) fn price(wish: &WishArgs) -> Result<Option<Price>, Failure> {
    if let Some(rho) = &wish.rho {
        let parsed = rho.parse();
        return parsed.map(|rho| Some(Price::Rho(rho))).map_err(|error: marsad_terms::NanoRhoError| {
            Failure::usage(format!("--rho {rho}: {error}"), "write a decimal such as 0.04")
        });
    }
    let mut margins = BTreeMap::new();
    for wish in &wish.margin {
        let (table, margin) = wish.rsplit_once('=').ok_or_else(|| {
            Failure::usage(format!("--margin {wish} has no `=`"), "write assisted_persons/quarter,region=17")
        })?;
        margins.insert(table.to_owned(), margin.to_owned());
    }
    Ok((!margins.is_empty()).then_some(Price::Margin(margins)))
}
