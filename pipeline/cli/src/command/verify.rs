//! `verify`: a bundle, a public key, and nothing else.

use std::path::Path;

use console::{StyledObject, style};
use marsad_publish::release_json;
use marsad_publish::verify::{Allowed, Check, verify};
use marsad_terms::Explanation;
use serde_json::json;

use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Checks a bundle.
///
/// # Errors
/// No folder, no bundle in it, no key at hand; a bundle that fails is a result.
pub(super) fn run(workspace: Option<&Path>, dir: &Path, key: Option<&Path>) -> Result<Report, Failure> {
    if let Err(error) = std::fs::read_dir(dir) {
        return Err(Failure::file(dir, "be read", &error));
    }
    if !dir.join(release_json::PATH).is_file() {
        return Err(no_bundle(dir));
    }
    let path = match key {
        Some(path) => path.to_path_buf(),
        None => Workspace::open(workspace).map(|w| w.dir.join("allowed_signers")).map_err(|_| {
            Failure::usage(
                "no key to check the signature with",
                "give --key FILE: a public key or allowed_signers",
            )
        })?,
    };
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, "be read", &error))?;
    let report = verify(dir, &Allowed::read(&text));
    let (n, failed) = (report.checks.len(), report.failed().count());
    let verdict = match (report.ok, &report.withdrawn) {
        (true, Some(told)) => format!("{}: {told}", dir.display()),
        (true, None) => format!("{}: {n} checks, all right", dir.display()),
        (false, _) => format!("{}: {failed} of {n} checks failed", dir.display()),
    };
    let shown = format!("{verdict}\n{}", listed(&report.checks));
    let ok = report.ok;
    let state = if report.withdrawn.is_some() { release_json::WITHDRAWN } else { release_json::PUBLISHED };
    let json = json!({"ok": ok, "state": state, "withdrawn": report.withdrawn, "checks": report.checks});
    Ok(Report::new(shown, json).with_verdict(ok))
}

fn no_bundle(dir: &Path) -> Failure {
    let what = format!("{} is no bundle: it holds no {}", dir.display(), release_json::PATH);
    let why = "release.json names all files of a bundle with their hashes, and is what was signed";
    let remedy = "give the folder of one release, such as releases/2024-Q4";
    Failure::new(Explanation::new("W19", what, why, remedy).at(dir.display().to_string()))
}

/// Good checks in green, one line a kind; each fault in red with its file.
fn listed(checks: &[Check]) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for check in checks {
        if !kinds.contains(&check.name.as_str()) {
            kinds.push(&check.name);
        }
    }
    let lines = kinds.into_iter().flat_map(|kind| {
        let all: Vec<&Check> = checks.iter().filter(|check| check.name == kind).collect();
        let (good, faults): (Vec<&Check>, Vec<&Check>) = all.iter().partition(|check| check.ok);
        let good = match good.as_slice() {
            [] => None,
            [one] if all.len() == 1 => Some(format!("{}: {}", one.file, one.what)),
            good => Some(format!("{} of {}", good.len(), all.len())),
        };
        let good = good.map(|found| line(style("✓").green(), kind, &found));
        let fault = |check: &Check| line(style("✗").red(), kind, &format!("{}: {}", check.file, check.what));
        good.into_iter().chain(faults.into_iter().map(fault)).collect::<Vec<_>>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(mark: StyledObject<&str>, kind: &str, found: &str) -> String {
    format!(" {mark} {kind:<10} {found}")
}
