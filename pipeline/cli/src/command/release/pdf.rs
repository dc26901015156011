//! `release pdf`: the report of a bundle on paper. Beside the bundle and never in it: no two browsers write the same bytes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use marsad_ledger::{RequestState, Stage};
use marsad_publish::release_json::{self, ReleaseJson};
use marsad_publish::report;
use marsad_terms::Explanation;
use serde_json::json;

use super::bundle;
use crate::args::PdfArgs;
use crate::browser;
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Prints the report of a release, or of a bundle in a folder, which needs no workspace.
///
/// # Errors
/// No such release or bundle, one that was withdrawn or damaged; a browser that is missing or fails.
pub(crate) async fn print(workspace: Option<&Path>, args: &PdfArgs) -> Result<Report, Failure> {
    let folder = Path::new(&args.of);
    let (release, page) = match folder.join(release_json::PATH).is_file() {
        true => of_folder(folder)?,
        false => of_release(&Workspace::open(workspace)?, &args.of).await?,
    };
    let page = String::from_utf8(page).map_err(|_| unsigned(folder, "is no text"))?;
    let language = args.language.tag();
    let page = page.replacen("<html lang=\"fr\"", &format!("<html lang=\"{language}\""), 1);
    let page = titled(&page, language).unwrap_or(page);
    browser::print(&page, language, &args.to, Duration::from_secs(args.timeout)).await?;
    let file = args.to.display().to_string();
    let text = format!("the report of {release} ({language}) is in {file}");
    Ok(Report::new(text, json!({"release": release, "language": language, "file": file})))
}

/// The page under the title of its part in this language, which the printed document bears.
fn titled(page: &str, language: &str) -> Option<String> {
    let between = |text: &'static str, end: &str, from: &str| -> Option<(usize, usize)> {
        let start = from.find(text)? + text.len();
        Some((start, start + from[start..].find(end)?))
    };
    let (start, end) = between("<title>", "</title>", page)?;
    let part = page.find(&format!("id=\"{language}\""))?;
    let (first, last) = between("<h1>", "</h1>", &page[part..])?;
    let (before, _) = page[start..end].rsplit_once(" · ")?;
    Some(format!("{}{before} · {}{}", &page[..start], &page[part + first..part + last], &page[end..]))
}

/// The page as the ledger knows it was published.
async fn of_release(workspace: &Workspace, id: &str) -> Result<(String, Vec<u8>), Failure> {
    let state = workspace.ledger()?.state().await?;
    let request = state.find(id)?;
    if request.state != Stage::Published {
        return Err(not_public(request));
    }
    let store = workspace.releases()?;
    let statement = bundle::statement(&store, request).await?;
    let page = bundle::file(&store, request.release(), &statement, report::PATH).await?;
    Ok((request.release().to_string(), page))
}

fn not_public(request: &RequestState) -> Failure {
    let remedy = match request.state {
        Stage::Released => format!("publish it: marsad release publish {}", request.release()),
        _ => format!("see marsad release show {}", request.release()),
    };
    Failure::new(Explanation::new(
        "W54",
        format!("release {} is {}, not published", request.release(), request.state),
        "the report is a file of the published bundle",
        remedy,
    ))
}

/// The page that the folder's statement names; who signed that is `verify`'s question.
fn of_folder(folder: &Path) -> Result<(String, Vec<u8>), Failure> {
    let path = folder.join(release_json::PATH);
    let bytes = fs::read(&path).map_err(|error| Failure::file(&path, "be read", &error))?;
    let statement: ReleaseJson =
        serde_json::from_slice(&bytes).map_err(|_| unsigned(folder, "has no release.json that reads"))?;
    if statement.state != release_json::PUBLISHED {
        return Err(withdrawn(&statement));
    }
    let path = folder.join(report::PATH);
    let page = fs::read(&path).map_err(|error| Failure::file(&path, "be read", &error))?;
    if statement.names(report::PATH, &page) {
        return Ok((statement.release, page));
    }
    Err(unsigned(folder, "holds another report.html than its release.json names"))
}

fn withdrawn(tombstone: &ReleaseJson) -> Failure {
    let place = tombstone.replaced_by.as_ref();
    Failure::new(Explanation::new(
        "W54",
        format!("release {} was withdrawn", tombstone.release),
        tombstone
            .reason
            .as_ref()
            .map_or_else(|| "its tombstone gives no reason".to_owned(), |why| why.en.clone()),
        place.map_or_else(|| "see its tombstone".to_owned(), |other| format!("print {other} instead")),
    ))
}

fn unsigned(folder: &Path, what: &str) -> Failure {
    let place = folder.display().to_string();
    let remedy = format!("see what else differs: marsad verify {place}");
    let why = "only what a bundle's statement names is printed";
    Failure::new(Explanation::new("W55", format!("the bundle {what}"), why, remedy).at(place))
}
