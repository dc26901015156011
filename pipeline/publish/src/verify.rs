//! `verify`: is this bundle whole, signed, and true to itself? From the folder and public keys alone.
//!
//! Checked: the statement's form, its signature, every file's size and hash, and for each dataflow its table's form, order
//! and codes (against the code lists in `release.json`), flags recomputed, totals (estimates within 1e-6 a cell, display
//! values exactly), SDMX-CSV, StructureSpecific, Parquet, the workbook and CSVW against the plain table, the three structure
//! files against `release.json`, Data Package and DCAT against the files. Every check is reported, the good ones too; it deliberately
//! lacks the ledger: whether the release was approved is `ledger verify`'s question.

mod allowed;
mod combined;
mod data_xml;
mod described;
mod files;
mod flags;
mod same;
mod structure;
mod table;
mod totals;
mod workbook;

use std::path::Path;

use marsad_terms::Digest;
use serde::Serialize;

use crate::release_json::{self, ReleaseJson, StatisticJson};
use crate::sdmx::json;
use crate::sdmx::ml::Version;
use crate::{datapackage, dcat, xlsx};
use table::Table;

pub use allowed::Allowed;

/// One check and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What kind of check: `statement`, `signature`, `withdrawn`, `files`, `hash`, `table`, `flags`, `totals`, `combined`, `sdmx`, `parquet`,
    /// `workbook`, `csvw`, `structure`, `package`, `dcat`, `privacy`, `report`.
    pub name: String,
    /// Whether it held.
    pub ok: bool,
    /// The file of the bundle.
    pub file: String,
    /// What was found.
    pub what: String,
}

/// All checks of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all held.
    pub ok: bool,
    /// In the order in which they were made.
    pub checks: Vec<Check>,
    /// Of a tombstone: when the release was withdrawn, why, and what stands in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
}

impl Report {
    fn new(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.ok), checks, withdrawn: None }
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.ok)
    }
}

/// What a check found: words of praise, or the fault.
type Found = Result<String, String>;

fn check(name: &str, file: &str, found: Found) -> Check {
    let (ok, what) = match found {
        Ok(what) => (true, what),
        Err(what) => (false, what),
    };
    Check { name: name.into(), ok, file: file.into(), what }
}

/// Checks a bundle with nothing but its folder and the keys that may sign a release.
pub fn verify(dir: &Path, allowed: &Allowed) -> Report {
    let bytes = match std::fs::read(dir.join(release_json::PATH)) {
        Ok(bytes) => bytes,
        Err(error) => {
            let found = Err(format!("cannot be read: {error}"));
            return Report::new(vec![check("statement", release_json::PATH, found)]);
        }
    };
    let mut checks = vec![check("signature", release_json::SIGNATURE, signature(dir, &bytes, allowed))];
    let statement: ReleaseJson = match serde_json::from_slice(&bytes) {
        Ok(statement) => statement,
        Err(error) => {
            checks.push(check(
                "statement",
                release_json::PATH,
                Err(format!("is no statement of a release: {error}")),
            ));
            return Report::new(checks);
        }
    };
    if statement.state == release_json::WITHDRAWN {
        checks.push(check("withdrawn", release_json::PATH, tombstone(&statement)));
        checks.push(check("files", release_json::PATH, files::alone(dir)));
        return Report { withdrawn: Some(told(&statement)), ..Report::new(checks) };
    }
    checks.push(check("statement", release_json::PATH, form(&statement)));
    checks.extend(files::checks(dir, &statement));
    checks.extend(contents(dir, &statement, &checks));
    Report::new(checks)
}

/// What the files say, each against the plain tables and the statement.
fn contents(dir: &Path, statement: &ReleaseJson, before: &[Check]) -> Vec<Check> {
    let signed =
        |path: &str| before.iter().any(|check| check.name == "hash" && check.file == path && check.ok);
    let mut bundle = Bundle { dir, statement, book: None };
    let mut checks = Vec::new();
    // A reader of a binary format is not fed with bytes that nobody signed.
    if signed(xlsx::PATH) {
        match workbook::open(dir, statement) {
            Ok(book) => bundle.book = Some(book),
            Err(fault) => checks.push(check("workbook", xlsx::PATH, Err(fault))),
        }
    }
    let mut charged = Some(0_u64);
    let mut axes = structure::Axes::new();
    for statistic in &statement.statistics {
        let parquet = format!("data/{}.parquet", statistic.id);
        let (found, nano_rho) = bundle.dataflow(statistic, signed(&parquet).then_some(&parquet), &mut axes);
        checks.extend(found);
        charged = charged.zip(nano_rho).map(|(sum, own)| sum.saturating_add(own));
    }
    for path in [Version::V21.path(), Version::V30.path(), json::PATH] {
        checks.push(check("structure", path, structure::check(dir, path, statement, &axes)));
    }
    checks.push(check("package", datapackage::PATH, described::package(dir, statement)));
    checks.push(check("dcat", dcat::PATH, described::catalogue(dir, statement)));
    // Where a table cannot be read, that is the fault, and its cost is not known to be wrong.
    checks.extend(charged.map(|charged| check("privacy", release_json::PATH, cost(statement, charged))));
    checks
}

fn signature(dir: &Path, bytes: &[u8], allowed: &Allowed) -> Found {
    let path = dir.join(release_json::SIGNATURE);
    let sshsig = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    allowed.verify(bytes, &sshsig)
}

fn form(statement: &ReleaseJson) -> Found {
    need(statement.format == release_json::FORMAT, "the format is not marsad-release/1")?;
    need(statement.state == release_json::PUBLISHED, "the release is not in state `published`")?;
    need(!statement.statistics.is_empty(), "it holds no statistic")?;
    for text in [&statement.proposal, &statement.ledger_head] {
        need(text.parse::<Digest>().is_ok(), "proposal and ledger head must be hashes b3:<64 hex>")?;
    }
    need(is_time(&statement.published), "`published` is no time in UTC")?;
    need(statement.files.is_sorted_by(|a, b| a.path < b.path), "the files are not sorted")?;
    let ids: std::collections::BTreeSet<&str> = statement.statistics.iter().map(|s| s.id.as_str()).collect();
    need(ids.len() == statement.statistics.len(), "a dataflow stands twice")?;
    Ok(format!("release {}, {} dataflows", statement.release, statement.statistics.len()))
}

/// What a tombstone must say.
fn tombstone(statement: &ReleaseJson) -> Found {
    need(statement.format == release_json::FORMAT, "the format is not marsad-release/1")?;
    need(statement.withdrawn.as_deref().is_some_and(is_time), "`withdrawn` is no time in UTC")?;
    let reason = statement.reason.as_ref().map(|reason| reason.missing().is_empty());
    need(reason == Some(true), "the reason is not given in three languages")?;
    need(statement.ledger_entry.is_some(), "it does not name its entry in the ledger")?;
    let manifest = statement.manifest.as_ref().is_some_and(|hash| hash.parse::<Digest>().is_ok());
    need(manifest, "it does not name the release.json that was published, by b3:<64 hex>")?;
    Ok(told(statement))
}

fn told(statement: &ReleaseJson) -> String {
    let day = statement.withdrawn.as_deref().and_then(|time| time.get(..10)).unwrap_or("an unknown day");
    let reason = statement.reason.as_ref().map_or("no reason given", |reason| reason.en.as_str());
    let instead =
        statement.replaced_by.as_ref().map_or_else(String::new, |other| format!("; see {other} instead"));
    format!("release {} was withdrawn on {day}: {reason}{instead}", statement.release)
}

fn need(ok: bool, what: &str) -> Result<(), String> {
    if ok { Ok(()) } else { Err(what.to_owned()) }
}

/// `2024-11-15T08:59:12Z`
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 20 && bytes[19] == b'Z' && bytes[10] == b'T'
}

/// A bundle whose dataflows are looked at one by one.
struct Bundle<'a> {
    dir: &'a Path,
    statement: &'a ReleaseJson,
    book: Option<workbook::Book>,
}

impl Bundle<'_> {
    /// The checks of one dataflow, and the nano-ρ that its SDMX file names. Its dimensions go to `axes`.
    fn dataflow(
        &mut self,
        statistic: &StatisticJson,
        parquet: Option<&String>,
        axes: &mut structure::Axes,
    ) -> (Vec<Check>, Option<u64>) {
        let (dir, statement) = (self.dir, self.statement);
        let plain = format!("data/{}.csv", statistic.id);
        let table = match Table::read(dir, statement, statistic) {
            Ok(table) => table,
            Err(fault) => return (vec![check("table", &plain, Err(fault))], None),
        };
        axes.insert(statistic.id.clone(), table.dimensions.iter().map(|axis| axis.id.clone()).collect());
        let mut checks = vec![check("table", &plain, table.order(statistic))];
        checks.push(check("flags", &plain, flags::check(&table, statistic)));
        checks.push(check("totals", &plain, totals::check(&table, statistic)));
        if !statistic.sources.is_empty() {
            checks.push(check("combined", &plain, combined::check(dir, statement, statistic, &table)));
        }
        let sdmx = same::sdmx(dir, statement, statistic, &table);
        let nano_rho = sdmx.as_ref().ok().map(|(_, nano_rho)| *nano_rho);
        checks.push(check("sdmx", &same::sdmx_path(statistic), sdmx.map(|(what, _)| what)));
        checks.push(check("sdmx", &data_xml::path(statistic), data_xml::check(dir, statistic)));
        let csvw = described::csvw(dir, statistic, &table);
        checks.push(check("csvw", &described::csvw_path(statistic), csvw));
        if let Some(path) = parquet {
            let found = same::parquet(&dir.join(path), statement, statistic, &table);
            checks.push(check("parquet", path, found));
        }
        if let Some(book) = &mut self.book {
            let found = workbook::check(book, statement, statistic, &table);
            checks.push(check("workbook", xlsx::PATH, found));
        }
        (checks, nano_rho)
    }
}

fn cost(statement: &ReleaseJson, charged: u64) -> Found {
    let found = format!("the dataflows' costs add up to {charged} nano-rho");
    if charged == statement.nano_rho {
        Ok(found)
    } else {
        Err(format!("{found}, not {}", statement.nano_rho))
    }
}

#[cfg(test)]
mod tests;
