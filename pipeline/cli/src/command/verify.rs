//! `verify`: a bundle, a public key, and nothing else.

use std::path::Path;

use marsad_publish::verify::{Allowed, verify};
use serde_json::json;

use crate::report::{Failure, Report, table};
use crate::workspace::Workspace;

/// Checks a bundle.
///
/// # Errors
/// No folder, no key at hand; a bundle that fails is a result.
pub(super) fn run(workspace: Option<&Path>, dir: &Path, key: Option<&Path>) -> Result<Report, Failure> {
    if let Err(error) = std::fs::read_dir(dir) {
        return Err(Failure::file(dir, "be read", &error));
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
    let mut shown = match report.ok {
        true => format!("{}: {n} checks, all right", dir.display()),
        false => format!("{}: {failed} of {n} checks failed", dir.display()),
    };
    if !report.ok {
        let rows = report.failed().map(|c| vec![c.name.clone(), c.file.clone(), c.what.clone()]);
        shown = format!("{shown}\n{}", table(&["check", "file", "found"], rows, 3));
    }
    let ok = report.ok;
    Ok(Report::new(shown, json!({"ok": ok, "checks": report.checks})).with_verdict(ok))
}
