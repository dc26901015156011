//! Do the descriptions of open data hold: Data Package and DCAT (each file's size and SHA-256), CSVW (columns and codes)?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::Found;
use super::table::Table;
use crate::csv::MEASURES;
use crate::files::sha256;
use crate::release_json::{ReleaseJson, StatisticJson};
use crate::{datapackage, dcat};

/// Size, where it is told, and SHA-256 of each described file.
type Told = BTreeMap<String, (Option<u64>, String)>;

/// `data/<id>.csv-metadata.json` of a dataflow.
pub(super) fn csvw_path(statistic: &StatisticJson) -> String {
    format!("data/{}.csv-metadata.json", statistic.id)
}

fn read(dir: &Path, path: &str) -> Result<Value, String> {
    let text = std::fs::read_to_string(dir.join(path)).map_err(|error| format!("cannot be read: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("is no JSON: {error}"))
}

/// The Data Package.
pub(super) fn package(dir: &Path, statement: &ReleaseJson) -> Found {
    let package = read(dir, datapackage::PATH)?;
    let resource = |own: &Value| {
        let hash = own["hash"].as_str()?.strip_prefix("sha256:")?;
        Some((own["path"].as_str()?.to_owned(), (own["bytes"].as_u64(), hash.to_owned())))
    };
    let resources = package["resources"].as_array().ok_or("lists no resource")?;
    let told: Option<Told> = resources.iter().map(resource).collect();
    compare(dir, statement, &told.ok_or("a resource lacks its path or SHA-256")?)
}

/// DCAT.
pub(super) fn catalogue(dir: &Path, statement: &ReleaseJson) -> Found {
    let document = read(dir, dcat::PATH)?;
    let graph = document["@graph"].as_array().ok_or("has no graph")?;
    let of = |kind: &'static str| graph.iter().filter(move |node| node["@type"] == kind);
    if !of("dcat:Dataset").map(|node| &node["dct:identifier"]).eq([&statement.release]) {
        return Err("its data set is not this release".into());
    }
    let distribution = |own: &Value| {
        let size = own["dcat:byteSize"]["@value"].as_str()?.parse().ok()?;
        let hash = own["spdx:checksum"]["spdx:checksumValue"]["@value"].as_str()?;
        Some((own["@id"].as_str()?.to_owned(), (Some(size), hash.to_owned())))
    };
    let told: Option<Told> = of("dcat:Distribution").map(distribution).collect();
    compare(dir, statement, &told.ok_or("a distribution lacks its size or SHA-256")?)
}

/// All files of data are described, as they are.
fn compare(dir: &Path, statement: &ReleaseJson, told: &Told) -> Found {
    let is_data = |path: &&str| {
        (path.starts_with("data/") || path.starts_with("sdmx/")) && !path.ends_with(".csv-metadata.json")
    };
    let data: BTreeSet<&str> =
        statement.files.iter().map(|file| file.path.as_str()).filter(is_data).collect();
    if !told.keys().map(String::as_str).eq(data.iter().copied()) {
        return Err("describes other files than the data of this release".into());
    }
    for (path, (size, hash)) in told {
        let bytes =
            std::fs::read(dir.join(path)).map_err(|error| format!("{path} cannot be read: {error}"))?;
        if size.is_some_and(|size| size != bytes.len() as u64) || *hash != sha256(&bytes) {
            return Err(format!("{path} has another size or SHA-256"));
        }
    }
    Ok(format!("{} files, size and SHA-256", told.len()))
}

/// CSVW: the columns of the plain table, and the codes of their lists.
pub(super) fn csvw(dir: &Path, statistic: &StatisticJson, table: &Table) -> Found {
    let description = read(dir, &csvw_path(statistic))?;
    if description["url"] != format!("{}.csv", statistic.id) {
        return Err("describes another table".into());
    }
    let columns = description["tableSchema"]["columns"].as_array().ok_or("lists no column")?;
    let names = ["TIME_PERIOD"].into_iter().chain(table.dimensions.iter().map(|axis| axis.id.as_str()));
    if !columns.iter().map(|column| column["name"].as_str()).eq(names.chain(MEASURES).map(Some)) {
        return Err("its columns are not those of the table".into());
    }
    for (column, axis) in columns.iter().skip(1).zip(&table.dimensions) {
        let codes: Vec<&str> = axis.list.codes.iter().map(|code| code.id.as_str()).collect();
        if column["datatype"]["format"] != format!("({})", codes.join("|")) {
            return Err(format!("its codes of {} are not those of the list", axis.id));
        }
    }
    Ok(format!("{} columns, as in the table", columns.len()))
}
