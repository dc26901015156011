//! Does the StructureSpecific file say what the SDMX-CSV says, attribute by attribute?

use std::collections::BTreeMap;
use std::path::Path;

use quick_xml::events::{BytesStart, Event};

use super::{Found, same};
use crate::release_json::StatisticJson;

/// What one observation says: component → text; empty ones are absent.
type Said = BTreeMap<String, String>;

/// `sdmx/DF_….xml` of a dataflow.
pub(super) fn path(statistic: &StatisticJson) -> String {
    format!("sdmx/{}.xml", marsad_terms::flow_id(&statistic.id))
}

/// Compares the file with the SDMX-CSV of the same dataflow.
pub(super) fn check(dir: &Path, statistic: &StatisticJson) -> Found {
    let text = std::fs::read_to_string(dir.join(path(statistic)))
        .map_err(|error| format!("cannot be read: {error}"))?;
    let flow = statistic.dataflow.as_str();
    if !text.contains(&format!("Dataflow={flow}:ObsLevelDim:TIME_PERIOD\"")) {
        return Err(format!("is not of {flow}"));
    }
    let mut expected = expected(dir, statistic)?;
    let n = expected.len();
    observations(&text, |said| match expected.remove(&key(&said)) {
        Some(row) if row == said => Ok(()),
        Some(_) => Err(format!("{}: says something else than the SDMX-CSV", key(&said).join(" "))),
        None => Err(format!("{}: not in the SDMX-CSV, or twice", key(&said).join(" "))),
    })?;
    match expected.into_keys().next() {
        None => Ok(format!("{n} observations, same as the SDMX-CSV")),
        Some(key) => Err(format!("{}: is missing", key.join(" "))),
    }
}

/// What tells observations apart: all components up to the period, by name.
fn key(said: &Said) -> Vec<String> {
    let is_key = |id: &str| !crate::sdmx::csv::COMPONENTS.contains(&id);
    said.iter().filter(|(id, _)| is_key(id)).map(|(_, code)| code.clone()).collect()
}

fn expected(dir: &Path, statistic: &StatisticJson) -> Result<BTreeMap<Vec<String>, Said>, String> {
    let mut reader = ::csv::Reader::from_path(dir.join(same::sdmx_path(statistic)))
        .map_err(|error| format!("the SDMX-CSV cannot be read: {error}"))?;
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut rows = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let said = header.iter().zip(&record).skip(3).filter(|(_, text)| !text.is_empty());
        let said: Said = said.map(|(id, text)| (id.to_owned(), text.to_owned())).collect();
        rows.insert(key(&said), said);
    }
    Ok(rows)
}

/// Reads all observations with what their series and data set say.
fn observations(text: &str, mut seen: impl FnMut(Said) -> Result<(), String>) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut set, mut series) = (Said::new(), Said::new());
    loop {
        match reader.read_event().map_err(|error| format!("is no XML: {error}"))? {
            Event::Eof => return Ok(()),
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                "DataSet" => set = attributes(&element)?,
                "Series" => series = attributes(&element)?,
                "Obs" => {
                    let mut said = attributes(&element)?;
                    said.extend(set.iter().chain(&series).map(|(id, text)| (id.clone(), text.clone())));
                    seen(said)?;
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// The attributes of an element that have no prefix.
fn attributes(element: &BytesStart<'_>) -> Result<Said, String> {
    let mut said = Said::new();
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| format!("is no XML: {error}"))?;
        if attribute.key.prefix().is_none() {
            let id = attribute.key.as_ref().to_owned();
            said.insert(id, super::structure::value(&attribute)?);
        }
    }
    Ok(said)
}
