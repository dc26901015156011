//! Combined estimates against what they are made of: the release's own figures, and those of the earlier bundles that
//! `release.json` names by hash, where these lie beside this one.
//!
//! Where the margins of all tables stand in one proportion, every table has the same weights and each figure is computed
//! again; else each must be as near to its sources as least squares bring it. What could not be looked at is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use marsad_terms::{Digest, Name, ReleaseId};

use super::Found;
use super::table::{Record, Table};
use crate::release_json::{self, ReleaseJson, SourceJson, StatisticJson};

/// z of the published intervals.
const Z: f64 = 1.959_963_984_540_054;
/// Standard deviations beyond which nothing comes by chance: 1e-15.
const FAR: f64 = 8.0;
/// What six decimals of estimates and margins leave open.
const TOLERANCE: f64 = 1e-5;

type Cells = BTreeMap<(String, Vec<String>), (f64, f64)>;

pub(super) fn check(dir: &Path, statement: &ReleaseJson, statistic: &StatisticJson, table: &Table) -> Found {
    let [own, earlier @ ..] = statistic.sources.as_slice() else {
        return Err("names no source".into());
    };
    if own.release != statement.release || own.manifest.is_some() || earlier.is_empty() {
        return Err("its sources must be this release, then earlier ones".into());
    }
    let mut sources = vec![cells(&source_table(dir, statement, own)?)];
    let mut absent = Vec::new();
    for source in earlier {
        match beside(dir, source)? {
            Some((folder, before)) => sources.push(cells(&source_table(&folder, &before, source)?)),
            None => absent.push(source.release.as_str()),
        }
    }
    let both = cells(table);
    if statistic.ratio == Some(true) {
        return Ok("a quotient of combined figures: not computed again".into());
    }
    nearness(&both, &sources)?;
    if !absent.is_empty() {
        let names = absent.join(", ");
        return Ok(format!(
            "sharper than its own figures; not computed again: the bundle of {names} is not beside this one"
        ));
    }
    again(&both, &sources)
}

/// The folder of an earlier bundle beside this one, and its statement; none where it is not there.
fn beside(dir: &Path, source: &SourceJson) -> Result<Option<(PathBuf, ReleaseJson)>, String> {
    let name = |fault: String| format!("source {}: {fault}", source.release);
    let release: ReleaseId = source.release.parse().map_err(|_| name("is no release id".into()))?;
    let manifest = source.manifest.as_ref().and_then(|manifest| manifest.parse::<Digest>().ok());
    let manifest = manifest.ok_or_else(|| name("must be named by the hash of its release.json".into()))?;
    let folder = dir.canonicalize().map_err(|error| name(error.to_string()))?;
    let Some(folder) = folder.parent().map(|parent| parent.join(release.as_str())) else { return Ok(None) };
    // Another bundle of that name, or its tombstone, is not what was combined.
    let bytes = fs::read(folder.join(release_json::PATH)).ok().filter(|bytes| Digest::of(bytes) == manifest);
    let Some(bytes) = bytes else { return Ok(None) };
    let statement = serde_json::from_slice(&bytes).map_err(|error| name(error.to_string()))?;
    Ok(Some((folder, statement)))
}

/// The plain table of a source, if it is the one that its bundle signs.
fn source_table(dir: &Path, statement: &ReleaseJson, source: &SourceJson) -> Result<Table, String> {
    let name = |fault: String| format!("source {}/{}: {fault}", source.release, source.dataflow);
    let statistic = statement.statistics.iter().find(|statistic| statistic.id == source.dataflow);
    let statistic = statistic.ok_or_else(|| name("its release.json has no such dataflow".into()))?;
    let path = format!("data/{}.csv", source.dataflow);
    let file = statement.files.iter().find(|file| file.path == path);
    let bytes = fs::read(dir.join(&path)).map_err(|error| name(error.to_string()))?;
    if file.is_none_or(|file| file.blake3 != Digest::of(&bytes).hex()) {
        return Err(name("is not the file that was signed".into()));
    }
    Table::read(dir, statement, statistic).map_err(name)
}

/// Estimate and margin by key; rows without numbers are left out.
fn cells(table: &Table) -> Cells {
    let codes = |row: &Record| {
        let named = row.codes.iter().zip(&table.dimensions);
        named.map(|(code, axis)| axis.list.codes[*code].id.clone()).collect()
    };
    let cell = |row: &Record| {
        let [estimate, _, _, margin] = row.numbers()?;
        Some(((row.period.to_string(), codes(row)), (estimate, margin)))
    };
    table.rows.iter().filter_map(cell).collect()
}

fn named((period, codes): &(String, Vec<String>)) -> String {
    format!("{period} {}", codes.join(" ")).trim_end().to_owned()
}

/// est_k − est has variance Var_k − Var, as est is the best of all: no figure is further from its source, nor less sharp.
fn nearness(both: &Cells, sources: &[Cells]) -> Result<(), String> {
    for (key, (estimate, margin)) in both {
        for (source, cells) in sources.iter().enumerate() {
            // An earlier release may lack a period that two others hold.
            let Some((other, wider)) = cells.get(key) else {
                if source == 0 {
                    return Err(format!("{}: this release has no such figure", named(key)));
                }
                continue;
            };
            if *margin > wider + TOLERANCE {
                return Err(format!("{}: a source is sharper", named(key)));
            }
            let deviation = (wider * wider - margin * margin).max(0.0).sqrt() / Z;
            if (estimate - other).abs() > FAR * deviation + TOLERANCE * (1.0 + estimate.abs()) {
                return Err(format!("{}: is too far from a source", named(key)));
            }
        }
    }
    Ok(())
}

/// Each figure from its sources by inverse squares of their margins, where all cells of a period have the same weights.
fn again(both: &Cells, sources: &[Cells]) -> Found {
    let mut shares: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut n = 0;
    for (key, (estimate, margin)) in both {
        let found: Vec<(f64, f64)> = sources.iter().filter_map(|cells| cells.get(key).copied()).collect();
        let sum: f64 = found.iter().map(|(_, margin)| margin.powi(-2)).sum();
        let own: Vec<f64> = found.iter().map(|(_, margin)| margin.powi(-2) / sum).collect();
        let first = shares.entry(&key.0).or_insert_with(|| own.clone());
        let alike =
            first.len() == own.len() && first.iter().zip(&own).all(|(a, b)| (a - b).abs() < TOLERANCE);
        if !alike {
            return Ok("as near to its sources as least squares bring it; weights differ by table".into());
        }
        let mean: f64 = found.iter().zip(&own).map(|((other, _), share)| share * other).sum();
        let spread = found.iter().map(|(other, _)| (other - estimate).abs()).fold(1.0, f64::max);
        if (mean - estimate).abs() > TOLERANCE * spread || (sum.sqrt().recip() - margin).abs() > TOLERANCE {
            return Err(format!("{}: is not the mean of its sources", named(key)));
        }
        n += 1;
    }
    Ok(format!("{n} figures computed again from {} releases", sources.len()))
}
