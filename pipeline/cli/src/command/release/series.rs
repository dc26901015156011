//! `release publish --series`: a dataflow of all published releases as one data set.

use std::fs;
use std::path::Path;

use marsad_ledger::{RequestState, Stage};
use marsad_log::Store;
use marsad_publish::release_json::{self, ReleaseJson};
use marsad_publish::series::{self, Vintage};
use marsad_terms::{Digest, Explanation};
use serde_json::json;

use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Writes the series. Releases that were withdrawn give no row; they are named with their reason.
///
/// # Errors
/// A bundle that is not the one that was published; no release with the dataflow.
pub(super) async fn write(workspace: &Workspace, dataflow: &str, to: &Path) -> Result<Report, Failure> {
    let state = workspace.ledger()?.state().await?;
    let store = workspace.releases()?;
    let mut published: Vec<&RequestState> =
        state.requests().into_iter().filter(|request| request.state == Stage::Published).collect();
    published.sort_by_key(|request| (request.published.clone(), request.sequence));
    let mut vintages = Vec::new();
    for request in &published {
        vintages.extend(vintage(&store, request, dataflow).await?);
    }
    let series = series::merge(&vintages, dataflow)?;
    fs::write(to, &series.bytes).map_err(|error| Failure::file(to, "be written", &error))?;

    let replaces = |release: &str| {
        let request = published.iter().find(|request| request.release().to_string() == release);
        request.and_then(|request| request.proposal.replaces.as_ref().map(ToString::to_string))
    };
    let releases = series.rows.iter().map(|(release, rows)| {
        json!({"release": release, "rows": rows, "replaces": replaces(&release.to_string())})
    });
    let withdrawn = state.requests().into_iter().filter(|request| request.state == Stage::Withdrawn);
    let withdrawn = withdrawn.map(|request| {
        json!({"release": request.release(), "withdrawn": request.withdrawn, "reason": request.reason})
    });
    let lines = series.rows.iter().map(|(release, rows)| match replaces(&release.to_string()) {
        Some(other) => format!("\n  {release}  {rows} rows, replaces {other}"),
        None => format!("\n  {release}  {rows} rows"),
    });
    let text = format!("{} is in {}{}", series.reference, to.display(), lines.collect::<String>());
    Ok(Report::new(
        text,
        json!({
            "dataflow": series.reference,
            "file": to.display().to_string(),
            "releases": releases.collect::<Vec<_>>(),
            "withdrawn": withdrawn.collect::<Vec<_>>(),
        }),
    ))
}

/// The release's statement, if it is the one that the ledger names, with its table; none where it lacks the dataflow.
async fn vintage(store: &Store, request: &RequestState, dataflow: &str) -> Result<Option<Vintage>, Failure> {
    let release = request.release();
    let damaged = |what: &str| {
        Failure::new(Explanation::new(
            "W21",
            format!("the bundle of {release} {what}"),
            "a series is made of bundles as they were published",
            format!("restore it: marsad release publish {release}"),
        ))
    };
    let bytes = store.get(&format!("{release}/{}", release_json::PATH)).await?;
    let bytes = bytes.ok_or_else(|| damaged("is not in the public store"))?;
    if Some(Digest::of(&bytes)) != request.manifest {
        return Err(damaged("is not the one that was published"));
    }
    let statement: ReleaseJson =
        serde_json::from_slice(&bytes).map_err(|_| damaged("has a release.json of another version"))?;
    let Some(path) = series::path(&statement, dataflow) else { return Ok(None) };
    let table = store.get(&format!("{release}/{path}")).await?;
    let table = table.ok_or_else(|| damaged(&format!("lacks {path}")))?.to_vec();
    Ok(Some(Vintage { release: release.clone(), statement, table }))
}
