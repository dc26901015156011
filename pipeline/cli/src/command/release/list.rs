//! `release list`: what is defined, proposed and published.

use marsad_terms::Language;
use serde_json::{Value, json};

use crate::report::{Failure, Report, decimal, table};
use crate::workspace::Workspace;

/// All releases of the ledger, then the definitions that were never proposed.
///
/// # Errors
/// Definitions with faults, a ledger that cannot be read.
pub(super) async fn list(workspace: &Workspace) -> Result<Report, Failure> {
    let catalog = workspace.catalog()?;
    let state = workspace.ledger()?.state().await?;
    let mut rows = Vec::new();
    let mut releases: Vec<Value> = Vec::new();
    for request in state.requests() {
        let published = request.published.clone().unwrap_or_default();
        rows.push(vec![
            request.release().to_string(),
            request.proposal_id.hex()[..8].to_owned(),
            request.state.as_str().to_owned(),
            decimal(request.proposal.nano_rho),
            published,
            request.proposal.title.get(Language::En).to_owned(),
        ]);
        releases.push(json!({
            "release": request.release(), "proposal": request.proposal_id, "state": request.state.as_str(),
            "nano_rho": request.proposal.nano_rho, "published": request.published,
        }));
    }
    for release in catalog.releases.values() {
        if state.requests().iter().all(|request| request.release() != &release.id) {
            let title = release.title.get(Language::En).to_owned();
            let none = String::new;
            rows.push(vec![release.id.to_string(), none(), "draft".to_owned(), none(), none(), title]);
            releases.push(json!({
                "release": release.id, "proposal": null, "state": "draft", "nano_rho": null, "published": null,
            }));
        }
    }
    let header = ["release", "proposal", "state", "ρ", "published", "title"];
    Ok(Report::new(table(&header, rows, 3), json!({"releases": releases})))
}
