//! `release publish --series`: a dataflow of all published releases in one file, SDMX-CSV or SDMX-ML.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use marsad_ledger::{RequestState, Stage};
use marsad_log::Store;
use marsad_publish::Error;
use marsad_publish::release_json::ReleaseJson;
use marsad_publish::sdmx::ml::Version;
use marsad_publish::series::{self, Series, Vintage};
use marsad_terms::nearest;
use serde_json::json;

use super::bundle;
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
    let mut known = BTreeSet::new();
    for request in &published {
        let statement = bundle::statement(&store, request).await?;
        known.extend(statement.statistics.iter().map(|statistic| statistic.id.clone()));
        vintages.extend(vintage(&store, request, statement, dataflow).await?);
    }
    if vintages.is_empty() {
        return Err(unknown(dataflow, &known).into());
    }
    let series = series::merge(&vintages, dataflow)?;
    let structure = match is_xml(to) {
        true => Some(write_xml(&store, &series, &vintages, to).await?),
        false => put(to, &series.csv()?).map(|()| None)?,
    };

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
    let structure = structure.map(|path| path.display().to_string());
    let beside = structure.as_ref().map_or_else(String::new, |path| format!(", its structure in {path}"));
    let text = format!("{} is in {}{beside}{}", series.reference, to.display(), lines.collect::<String>());
    Ok(Report::new(
        text,
        json!({
            "dataflow": series.reference,
            "file": to.display().to_string(),
            "structure": structure,
            "releases": releases.collect::<Vec<_>>(),
            "withdrawn": withdrawn.collect::<Vec<_>>(),
        }),
    ))
}

fn is_xml(to: &Path) -> bool {
    to.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

/// Writes SDMX-ML, after the structure that it refers to, as the newest release's bundle holds it: `a.xml` and
/// `a.structure.xml`, whose path is given.
async fn write_xml(
    store: &Store,
    series: &Series,
    vintages: &[Vintage],
    to: &Path,
) -> Result<PathBuf, Failure> {
    let data = series.xml()?;
    let newest = vintages.last().ok_or_else(|| unknown(&series.dataflow, &BTreeSet::new()))?;
    let structure = bundle::file(store, &newest.release, &newest.statement, Version::V21.path()).await?;
    let beside = to.with_extension("structure.xml");
    put(&beside, &structure)?;
    put(to, &data)?;
    Ok(beside)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::file(path, "be written", &error))
}

/// No published release has it; the nearest that one has, also where its SDMX id was written.
fn unknown(dataflow: &str, known: &BTreeSet<String>) -> Error {
    let written = dataflow.to_lowercase();
    let written = written.strip_prefix("df_").unwrap_or(&written);
    let right = nearest(written, known.iter().map(String::as_str));
    let right = right.map_or_else(String::new, |right| format!("; did you mean `{right}`?"));
    Error::NotTheSeries {
        dataflow: dataflow.to_owned(),
        what: format!("no published release holds it{right}"),
    }
}

/// The release's table; none where it lacks the dataflow.
async fn vintage(
    store: &Store,
    request: &RequestState,
    statement: ReleaseJson,
    dataflow: &str,
) -> Result<Option<Vintage>, Failure> {
    let release = request.release();
    let Some(path) = series::path(&statement, dataflow) else { return Ok(None) };
    let table = bundle::file(store, release, &statement, &path).await?;
    Ok(Some(Vintage { release: release.clone(), statement, table }))
}
