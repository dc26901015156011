//! Are the files of a bundle those that its statement names, byte for byte? And the two that carry words: report, privacy.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use marsad_terms::Digest;

use super::{Check, Found, check};
use crate::bundle::files_below;
use crate::release_json::{self, FileJson, ReleaseJson};
use crate::{privacy_yaml, report};

/// What a page that stands alone does not hold.
const REFERENCES: [&str; 8] =
    ["<script", "<link", "<iframe", "src=", "@import", "url(http", "url(\"", "href=\"http"];

pub(super) fn checks(dir: &Path, statement: &ReleaseJson) -> Vec<Check> {
    let mut checks = vec![check("files", release_json::PATH, listed(dir, statement))];
    checks.extend(statement.files.iter().map(|file| check("hash", &file.path, hash(dir, file))));
    checks.push(check("privacy", privacy_yaml::PATH, privacy(dir, statement)));
    checks.push(check("report", report::PATH, report(dir)));
    checks
}

/// Listed and found files are the same.
fn listed(dir: &Path, statement: &ReleaseJson) -> Found {
    let listed: BTreeSet<String> = statement.files.iter().map(|file| file.path.clone()).collect();
    let mut found: BTreeSet<String> =
        files_below(dir).map_err(|error| error.to_string())?.into_iter().collect();
    found.remove(release_json::PATH);
    found.remove(release_json::SIGNATURE);
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let missing = names(listed.difference(&found).collect());
    let more = names(found.difference(&listed).collect());
    match (missing.as_str(), more.as_str()) {
        ("", "") => Ok(format!("{} files, all listed", found.len())),
        (missing, "") => Err(format!("missing: {missing}")),
        ("", more) => Err(format!("not listed: {more}")),
        (missing, more) => Err(format!("missing: {missing}; not listed: {more}")),
    }
}

/// A tombstone stands alone: what is left of the bundle is no longer published.
pub(super) fn alone(dir: &Path) -> Found {
    let mut left = files_below(dir).map_err(|error| error.to_string())?;
    left.retain(|path| path != release_json::PATH && path != release_json::SIGNATURE);
    match left.as_slice() {
        [] => Ok("nothing is left of the bundle".into()),
        left => {
            Err(format!("{} files of the withdrawn bundle are still there, such as {}", left.len(), left[0]))
        }
    }
}

fn hash(dir: &Path, file: &FileJson) -> Found {
    if file.path.split('/').any(|part| part.is_empty() || part == "..") {
        return Err("the path leads out of the bundle".into());
    }
    let bytes = fs::read(dir.join(&file.path)).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 != file.bytes {
        return Err(format!("has {} bytes, {} were signed", bytes.len(), file.bytes));
    }
    let found = Digest::of(&bytes).hex();
    if found == file.blake3 {
        Ok("size and BLAKE3".into())
    } else {
        Err("is not the file that was signed".into())
    }
}

/// The privacy statement speaks of this release and its cost.
fn privacy(dir: &Path, statement: &ReleaseJson) -> Found {
    let text = fs::read_to_string(dir.join(privacy_yaml::PATH))
        .map_err(|error| format!("cannot be read: {error}"))?;
    let (_, own) = text.split_once("\nmarsad:\n").ok_or("lacks the block `marsad`")?;
    let (own, statistics) = own.split_once("\n  statistics:\n").ok_or("lists no statistic")?;
    let cost = format!("  nano_rho: {}", statement.nano_rho);
    if !own.lines().any(|line| line == cost) {
        return Err(format!("names another cost than {} nano-rho", statement.nano_rho));
    }
    let listed = statistics.lines().filter(|line| line.starts_with("  - id: ")).map(|line| &line[8..]);
    if !listed.eq(statement.statistics.iter().map(|statistic| statistic.id.as_str())) {
        return Err("lists other dataflows than release.json".into());
    }
    Ok("same release, cost and dataflows".into())
}

/// The report stands alone: it fetches nothing and runs nothing.
fn report(dir: &Path) -> Found {
    let text =
        fs::read_to_string(dir.join(report::PATH)).map_err(|error| format!("cannot be read: {error}"))?;
    match REFERENCES.iter().find(|reference| text.contains(**reference)) {
        None => Ok("stands alone".into()),
        Some(reference) => Err(format!("refers to something outside by `{reference}`")),
    }
}
