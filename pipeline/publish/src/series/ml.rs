//! A series as StructureSpecific 2.1: one data set a release, written as a bundle's own data file is.
//!
//! RELEASE_ID and PRIVACY_RHO are attributes of a data set (publication 3), so one data set cannot hold two releases. All refer
//! to the structure of the newest release: within a major version later ones only add. It deliberately lacks that structure.

use std::collections::BTreeMap;
use std::io;

use csv::StringRecord;
use marsad_terms::Name;

use super::{Codes, Series, UNLISTED};
use crate::columns::{COLUMNS, FREQUENCY, Place};
use crate::error::{Error, Result};
use crate::sdmx::data::{About, data_set, message};
use crate::xml::Xml;

/// The bytes of the message.
pub(super) fn write(series: &Series) -> Result<Vec<u8>> {
    let unlisted = series.records.keys().flat_map(|(_, codes)| codes).find(|(place, _)| *place == UNLISTED);
    if let Some((_, code)) = unlisted {
        let what = format!("{code} is in no code list of its newest release");
        return Err(Error::NotTheSeries { dataflow: series.dataflow.clone(), what });
    }
    let about = about(series);
    let sets = |xml: &mut Xml| (0..series.rows.len()).try_for_each(|n| release(xml, series, &about, n));
    message(&about, sets).map_err(|source| Error::write(&series.dataflow, source))
}

fn about(series: &Series) -> About<'_> {
    let giving = series.rows.iter().filter(|(_, n_rows)| *n_rows > 0);
    let releases: Vec<&str> = giving.map(|(release, _)| release.as_str()).collect();
    let (agency, rest) = series.reference.split_once(':').unwrap_or_default();
    About {
        id: format!("SERIES_{}", releases.last().copied().unwrap_or_default()),
        agency,
        dataflow: &series.dataflow,
        version: rest.split_once('(').map_or("", |(_, version)| version.trim_end_matches(')')),
        prepared: &series.published,
        source: format!("Marsad, releases {}", releases.join(", ")),
    }
}

/// The rows of one key by period: keys in their lists' order, then by frequency, as in a bundle.
type Keys<'a> = BTreeMap<(&'a Codes, &'a str), Vec<&'a StringRecord>>;

/// The data set of a release; none where newer ones replaced all its rows.
fn release(xml: &mut Xml, series: &Series, about: &About<'_>, n: usize) -> io::Result<()> {
    let columns = Columns(&series.columns);
    let mut keys = Keys::new();
    for ((_, codes), (_, record)) in series.records.iter().filter(|(_, (of, _))| *of == n) {
        keys.entry((codes, columns.frequency(record))).or_default().push(record);
    }
    let Some(first) = keys.values().next().and_then(|rows| rows.first()) else { return Ok(()) };
    let attributes = columns.of(first, |place| place == Some(Place::DataSet));
    data_set(xml, about, &attributes, |xml| {
        keys.values().try_for_each(|rows| {
            let key = columns.of(rows[0], |place| matches!(place, None | Some(Place::Frequency)));
            xml.within("Series", &key, |xml| {
                rows.iter().try_for_each(|row| xml.empty("Obs", &columns.of(row, is_observed)))
            })
        })
    })
}

fn is_observed(place: Option<Place>) -> bool {
    matches!(place, Some(Place::Time | Place::Measure | Place::Observation | Place::Optional))
}

/// The columns of the series' SDMX-CSV.
struct Columns<'a>(&'a StringRecord);

impl Columns<'_> {
    /// The components of a record whose place is asked for, in order: a dimension has no fixed place; empty ones are absent.
    fn of<'a>(
        &'a self,
        record: &'a StringRecord,
        asked: impl Fn(Option<Place>) -> bool,
    ) -> Vec<(&'a str, &'a str)> {
        let place = |id: &str| COLUMNS.iter().find(|column| column.id == id).map(|column| column.place);
        let components = self.0.iter().zip(record).skip(3);
        components.filter(|(id, text)| asked(place(id)) && !text.is_empty()).collect()
    }

    fn frequency<'a>(&self, record: &'a StringRecord) -> &'a str {
        let column = self.0.iter().position(|id| id == FREQUENCY.id);
        column.and_then(|column| record.get(column)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{FLOW, of_period, vintage};
    use crate::sdmx;
    use crate::series::merge;
    use crate::testing::Fixture;

    fn sets(text: &str) -> &str {
        &text[text.find(" <mes:DataSet ").unwrap()..]
    }

    #[test]
    fn the_series_of_one_release_has_the_data_set_of_its_bundle() {
        for flow in &Fixture::shared().edition().dataflows {
            let mut edition = Fixture::shared().edition();
            edition.release = "A".parse().unwrap();
            let own = String::from_utf8(sdmx::data::write(flow, &edition).unwrap()).unwrap();
            let series = merge(&[vintage(&flow.id, "A", |text| text)], &flow.id).unwrap();
            let xml = String::from_utf8(series.xml().unwrap()).unwrap();
            assert_eq!(sets(&xml), sets(&own), "{}", flow.id);
            let head = |text: &str| text[..text.find(" <mes:DataSet ").unwrap()].to_owned();
            let renamed = head(&own).replace("DATA_A", "SERIES_A").replace("release A", "releases A");
            assert_eq!(head(&xml), renamed);
        }
    }

    #[test]
    fn each_release_has_a_data_set_of_the_rows_that_stand() {
        let old = vintage(FLOW, "A", |text| text);
        let new = vintage(FLOW, "B", of_period(",2024-Q4,"));
        let text = |vintages: &[_]| String::from_utf8(merge(vintages, FLOW).unwrap().xml().unwrap()).unwrap();
        let both = text(&[old.clone(), new.clone()]);
        let (head, first) = both.split_once("<mes:DataSet ").unwrap();
        let (first, second) = first.split_once("<mes:DataSet ").unwrap();
        assert!(head.contains("<mes:ID>SERIES_B<") && head.contains(">Marsad, releases A, B<"));
        assert!(first.contains(" RELEASE_ID=\"A\"") && !first.contains("\"2024-Q4\""));
        assert!(second.contains(" RELEASE_ID=\"B\"") && !second.contains("\"2024-Q3\""));
        // What was replaced whole gives none.
        let replaced = text(&[vintage(FLOW, "A", of_period(",2024-Q4,")), new]);
        assert_eq!(replaced.matches("<mes:DataSet ").count(), 1);
        assert!(replaced.contains(">Marsad, releases B<"));
    }

    #[test]
    fn a_code_that_no_list_holds_is_refused() {
        let (old, mut new) = (vintage(FLOW, "A", |text| text), vintage(FLOW, "B", of_period("nothing")));
        new.statement.code_lists.get_mut("REF_AREA").unwrap().codes.retain(|code| code.id != "MA-01");
        let fault = merge(&[old, new], FLOW).unwrap().xml().unwrap_err().to_string();
        assert!(fault.ends_with("MA-01 is in no code list of its newest release"), "{fault}");
    }
}
