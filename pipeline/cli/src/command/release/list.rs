//! `release list`: what is defined, proposed and published.

use marsad_terms::Language;
use serde_json::{Value, json};

use crate::report::{Failure, Report, decimal, table};
use crate::workspace::Workspace;

/// All releases of the ledger, then the definitions that were never proposed, where the definitions can be read.
///
/// # Errors
/// A ledger that cannot be read.
pub(super) async fn list(workspace: &Workspace) -> Result<Report, Failure> {
    let catalog = workspace.catalog().ok();
    let state = workspace.ledger()?.state().await?;
    let mut rows = Vec::new();
    let mut releases: Vec<Value> = Vec::new();
    for request in state.requests() {
        let published = request.published.clone().unwrap_or_default();
        rows.push(vec![
            request.release().to_string(),
            request.proposal_id.hex()[..8].to_owned(),
            request.state.as_str().to_owned(),
            published,
            request.proposal.title.get(Language::En).to_owned(),
            decimal(request.proposal.nano_rho),
        ]);
        releases.push(json!({
            "release": request.release(), "proposal": request.proposal_id, "state": request.state.as_str(),
            "nano_rho": request.proposal.nano_rho, "published": request.published,
        }));
    }
    for release in catalog.iter().flat_map(|catalog| catalog.releases.values()) {
        if state.requests().iter().all(|request| request.release() != &release.id) {
            let title = release.title.get(Language::En).to_owned();
            let none = String::new;
            rows.push(vec![release.id.to_string(), none(), "draft".to_owned(), none(), title, none()]);
            releases.push(json!({
                "release": release.id, "proposal": null, "state": "draft", "nano_rho": null, "published": null,
            }));
        }
    }
    let header = ["release", "proposal", "state", "published", "title", "ρ"];
    let mut text = table(&header, rows, 5);
    if catalog.is_none() {
        text += "\nnote: drafts are not listed, as some definition has a fault: see `marsad query list`";
    }
    Ok(Report::new(text, json!({"releases": releases, "drafts": catalog.is_some()})))
}
