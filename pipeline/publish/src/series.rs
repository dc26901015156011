//! A dataflow over releases (publication 6): for each key the row of the newest published release that holds it, with that
//! release's id and cost.
//!
//! No key goes because a later release lacks it; a major version begins another series. It reads published bundles alone. It
//! deliberately lacks a new figure: rows stand as they were published.

mod ml;

use std::collections::BTreeMap;

use marsad_terms::{ReleaseId, flow_id};

use crate::csv::lines;
use crate::error::{Error, Result};
use crate::release_json::{ReleaseJson, StatisticJson};

/// A published release with its table of one dataflow.
#[derive(Clone, Debug)]
pub struct Vintage {
    /// Which.
    pub release: ReleaseId,
    /// Its statement.
    pub statement: ReleaseJson,
    /// The bytes of the dataflow's SDMX-CSV.
    pub table: Vec<u8>,
}

/// The whole series.
#[derive(Clone, Debug)]
pub struct Series {
    /// Id of the dataflow in the catalogue.
    pub dataflow: String,
    /// `MARSAD:DF_…(1.0.0)` of its newest release, whose structure all rows fit.
    pub reference: String,
    /// How many rows each release gave, oldest first; what a newer one replaced is not counted.
    pub rows: Vec<(ReleaseId, usize)>,
    /// When the newest release was published.
    published: String,
    columns: ::csv::StringRecord,
    /// Each row with the number of its release in `rows`.
    records: BTreeMap<Place, (usize, ::csv::StringRecord)>,
}

/// Where a dataflow's SDMX-CSV lies in its bundle; none where the release lacks the dataflow.
pub fn path(statement: &ReleaseJson, dataflow: &str) -> Option<String> {
    own(statement, dataflow).map(|own| format!("sdmx/{}.csv", flow_id(&own.id)))
}

fn own<'a>(statement: &'a ReleaseJson, dataflow: &str) -> Option<&'a StatisticJson> {
    statement.statistics.iter().find(|statistic| statistic.id == dataflow)
}

/// `1` of `MARSAD:DF_…(1.0.0)`.
fn major(reference: &str) -> &str {
    let version = reference.rsplit_once('(').map_or("", |(_, version)| version);
    version.split('.').next().unwrap_or_default()
}

/// Place of the period's text, which tells the frequency, then of each code in its list; codes that the newest list lacks
/// come last.
type Place = (String, Codes);

/// The codes of a key with their places.
type Codes = Vec<(usize, String)>;

/// The place of a code that its list lacks.
const UNLISTED: usize = usize::MAX;

impl Series {
    /// The series as SDMX-CSV 2.0.
    ///
    /// # Errors
    /// `Write` where the CSV writer fails.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let records = self.records.values().map(|(_, record)| record);
        let bytes = lines(std::iter::once(&self.columns).chain(records));
        bytes.map_err(|source| Error::write(&self.dataflow, source))
    }

    /// The series as StructureSpecific 2.1, a data set a release: their attributes are the release's.
    ///
    /// # Errors
    /// `NotTheSeries` where a row has a code that the newest release's lists lack; `Write` where the XML writer fails.
    pub fn xml(&self) -> Result<Vec<u8>> {
        ml::write(self)
    }
}

/// Puts releases together, which stand oldest first.
///
/// # Errors
/// `NotTheSeries` where none holds the dataflow, a table is not the one that its release signed, or two of one major version
/// have different columns.
pub fn merge(vintages: &[Vintage], dataflow: &str) -> Result<Series> {
    let wrong = |release: &ReleaseId, what: &str| Error::NotTheSeries {
        dataflow: dataflow.to_owned(),
        what: format!("release {release}: {what}"),
    };
    let holding = vintages.iter().filter_map(|vintage| Some((vintage, own(&vintage.statement, dataflow)?)));
    let holding: Vec<(&Vintage, &StatisticJson)> = holding.collect();
    let Some((newest, reference)) = holding.last().map(|(vintage, own)| (*vintage, own.dataflow.clone()))
    else {
        let what = "no published release holds it".to_owned();
        return Err(Error::NotTheSeries { dataflow: dataflow.to_owned(), what });
    };
    let mut header = None;
    let mut records: BTreeMap<Place, (usize, ::csv::StringRecord)> = BTreeMap::new();
    let same = holding.iter().filter(|(_, own)| major(&own.dataflow) == major(&reference));
    let same: Vec<&Vintage> = same.map(|(vintage, _)| *vintage).collect();
    for (n, vintage) in same.iter().enumerate() {
        if !is_signed(vintage, dataflow) {
            return Err(wrong(&vintage.release, "its table is not the one that was signed"));
        }
        let mut reader = ::csv::Reader::from_reader(vintage.table.as_slice());
        let unread = |error: ::csv::Error| wrong(&vintage.release, &error.to_string());
        let columns = reader.headers().map_err(unread)?.clone();
        if *header.get_or_insert_with(|| columns.clone()) != columns {
            return Err(wrong(&vintage.release, "its columns are not those of the others"));
        }
        for record in reader.records() {
            let record = record.map_err(unread)?;
            records.insert(place(&newest.statement, &columns, &record), (n, record));
        }
    }
    let count = |n: usize| records.values().filter(|(of, _)| *of == n).count();
    let rows = same.iter().enumerate().map(|(n, vintage)| (vintage.release.clone(), count(n))).collect();
    Ok(Series {
        dataflow: dataflow.to_owned(),
        reference,
        rows,
        published: newest.statement.published.clone(),
        columns: header.unwrap_or_default(),
        records,
    })
}

fn is_signed(vintage: &Vintage, dataflow: &str) -> bool {
    let path = path(&vintage.statement, dataflow);
    path.is_some_and(|path| vintage.statement.names(&path, &vintage.table))
}

/// The key of a row: what stands between FREQ and OBS_VALUE, in the order of a bundle's rows.
fn place(newest: &ReleaseJson, columns: &::csv::StringRecord, record: &::csv::StringRecord) -> Place {
    let key = columns.iter().zip(record).skip(4).take_while(|(column, _)| *column != "OBS_VALUE");
    let mut period = String::new();
    let mut codes = Vec::new();
    for (column, code) in key {
        if column == "TIME_PERIOD" {
            code.clone_into(&mut period);
            continue;
        }
        let list = newest.code_lists.get(column);
        let known = list.and_then(|list| list.codes.iter().position(|known| known.id == code));
        codes.push((known.unwrap_or(UNLISTED), code.to_owned()));
    }
    (period, codes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release_json::CodeListJson;
    use crate::testing::Fixture;
    use crate::{files, release_json, sdmx};

    pub(super) const FLOW: &str = "assisted_persons";

    pub(super) fn vintage(id: &str, release: &str, change: impl Fn(String) -> String) -> Vintage {
        let fixture = Fixture::shared();
        let mut edition = fixture.edition();
        edition.release = release.parse().unwrap();
        let flow = edition.dataflows.iter().find(|flow| flow.id == id).unwrap();
        let table = change(String::from_utf8(sdmx::csv::write(flow, &edition).unwrap()).unwrap());
        let dir = tempfile::tempdir().unwrap();
        let written = files::put(dir.path(), sdmx::csv::path(flow), table.as_bytes()).unwrap();
        let statement = release_json::statement(&edition, vec![written.file]);
        Vintage { release: edition.release, statement, table: table.into_bytes() }
    }

    pub(super) fn of_period(quarter: &'static str) -> impl Fn(String) -> String {
        move |text| {
            let kept = |line: &&str| line.starts_with("STRUCTURE") || line.contains(quarter);
            text.lines().filter(kept).flat_map(|line| [line, "\n"]).collect()
        }
    }

    #[test]
    fn each_key_is_of_the_newest_release_that_holds_it() {
        let old = vintage(FLOW, "A", |text| text);
        let new = vintage(FLOW, "B", of_period(",2024-Q4,"));
        let n = |vintage: &Vintage| String::from_utf8_lossy(&vintage.table).lines().count() - 1;
        let series = merge(&[old.clone(), new.clone()], FLOW).unwrap();
        assert_eq!(series.rows, [(old.release.clone(), n(&old) - n(&new)), (new.release.clone(), n(&new))]);
        let text = String::from_utf8(series.csv().unwrap()).unwrap();
        assert_eq!(text.lines().count(), n(&old) + 1);
        let all = |quarter: &str, release: &str| {
            let mut lines = text.lines().filter(|line| line.contains(quarter));
            lines.all(|line| line.contains(&format!(",PERSONS,{release},")))
        };
        assert!(all(",2024-Q3,", "A") && all(",2024-Q4,", "B"));
        // The same order as in a bundle: the release's own table, if it holds all keys.
        assert_eq!(merge(&[new, old.clone()], FLOW).unwrap().csv().unwrap(), old.table);
    }

    #[test]
    fn what_is_no_series_is_said() {
        let (old, new) = (vintage(FLOW, "A", |text| text), vintage(FLOW, "B", of_period(",2024-Q4,")));
        let fault = |vintages: &[Vintage]| merge(vintages, FLOW).unwrap_err().to_string();
        assert!(fault(&[]).ends_with("no published release holds it"));
        let mut forged = new.clone();
        forged.table.push(b'\n');
        assert!(
            fault(&[old.clone(), forged]).ends_with("release B: its table is not the one that was signed")
        );
        let renamed = vintage(FLOW, "B", |text| text.replacen("REF_AREA", "AREA", 1));
        assert!(fault(&[old.clone(), renamed]).ends_with("its columns are not those of the others"));
        // A major version is another series.
        let mut major = new;
        for own in &mut major.statement.statistics {
            own.dataflow = own.dataflow.replace("(1.0.0)", "(2.0.0)");
        }
        assert_eq!(merge(&[old, major], FLOW).unwrap().rows.len(), 1);
    }

    #[test]
    fn a_code_that_went_stands_behind_those_that_stayed() {
        let (old, mut new) = (vintage(FLOW, "A", |text| text), vintage(FLOW, "B", of_period("nothing")));
        let lists = &mut new.statement.code_lists;
        let CodeListJson { codes, .. } = lists.get_mut("REF_AREA").unwrap();
        codes.retain(|code| code.id != "MA-01");
        let text = String::from_utf8(merge(&[old, new], FLOW).unwrap().csv().unwrap()).unwrap();
        let last = text.lines().rfind(|line| line.contains(",2024-Q3,")).unwrap();
        assert!(last.contains(",MA-01,"), "{last}");
    }
}
