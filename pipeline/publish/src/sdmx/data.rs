//! `sdmx/DF_….xml`: StructureSpecific 2.1 data (publication 3), for rsdmx and older clients. One `Series` a key, `Obs` by period.
//!
//! It deliberately lacks annotations in the data set: sdmx1 stops at them.

use std::collections::BTreeMap;
use std::io;

use marsad_terms::{Grain, flow_id};

use super::structure::dsd_id;
use super::urn::urn;
use crate::csv::figures;
use crate::dataflow::{Dataflow, Row};
use crate::edition::Edition;
use crate::error::{Error, Result};
use crate::form;
use crate::xml::{Attributes, Xml};

const MESSAGE: &str = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message";
const COMMON: &str = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common";
const SPECIFIC: &str = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Its place in the bundle.
pub fn path(flow: &Dataflow) -> String {
    format!("sdmx/{}.xml", flow.flow())
}

/// What a message says of itself and of the structure of its data.
pub(crate) struct About<'a> {
    /// Its id.
    pub(crate) id: String,
    /// SDMX agency.
    pub(crate) agency: &'a str,
    /// Id of the dataflow in the catalogue.
    pub(crate) dataflow: &'a str,
    /// Version of the dataflow.
    pub(crate) version: &'a str,
    /// RFC 3339.
    pub(crate) prepared: &'a str,
    /// Where the data come from.
    pub(crate) source: String,
}

impl About<'_> {
    /// The namespace of the dataflow's own types.
    fn own(&self) -> String {
        let flow = urn("Dataflow", self.agency, &flow_id(self.dataflow), self.version, None);
        format!("{flow}:ObsLevelDim:TIME_PERIOD")
    }
}

/// The bytes of the data file.
///
/// # Errors
/// `Write` where the XML writer fails.
pub fn write(flow: &Dataflow, edition: &Edition) -> Result<Vec<u8>> {
    let about = About {
        id: format!("DATA_{}", edition.release),
        agency: &flow.agency,
        dataflow: &flow.id,
        version: &flow.version,
        prepared: &edition.published,
        source: format!("Marsad, release {}", edition.release),
    };
    let (release, rho) = (edition.release.to_string(), flow.nano_rho.to_string());
    let attributes = [
        ("CONF_LEVEL", "95"),
        ("UNIT_MEASURE", flow.unit.as_str()),
        ("RELEASE_ID", &release),
        ("PRIVACY_RHO", &rho),
    ];
    let rows = |xml: &mut Xml| {
        series(flow).into_iter().try_for_each(|(key, rows)| one_series(xml, flow, key, &rows))
    };
    let written = message(&about, |xml| data_set(xml, &about, &attributes, rows));
    written.map_err(|source| Error::write(path(flow), source))
}

/// A message whose data sets `sets` writes.
pub(crate) fn message(
    about: &About<'_>,
    sets: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let own = about.own();
    let namespaces =
        [("xmlns:mes", MESSAGE), ("xmlns:com", COMMON), ("xmlns:ss", SPECIFIC), ("xmlns:ns1", &own)];
    let root = [namespaces.as_slice(), &[("xmlns:xsi", INSTANCE)]].concat();
    let mut xml = Xml::new()?;
    xml.within("mes:StructureSpecificData", &root, |xml| {
        header(xml, about, &own)?;
        sets(xml)
    })?;
    Ok(xml.finish())
}

fn header(xml: &mut Xml, about: &About<'_>, own: &str) -> io::Result<()> {
    let (structure, id) = (dsd_id(about.dataflow), flow_id(about.dataflow));
    xml.within("mes:Header", &[], |xml| {
        xml.text("mes:ID", &[], &about.id)?;
        xml.text("mes:Test", &[], "false")?;
        xml.text("mes:Prepared", &[], about.prepared)?;
        xml.empty("mes:Sender", &[("id", about.agency)])?;
        let used = [
            ("structureID", structure.as_str()),
            ("namespace", own),
            ("dimensionAtObservation", "TIME_PERIOD"),
        ];
        xml.within("mes:Structure", &used, |xml| {
            let named = [("agencyID", about.agency), ("id", &id), ("version", about.version)];
            let class = [("class", "Dataflow"), ("package", "datastructure")];
            xml.within("com:StructureUsage", &[], |xml| xml.empty("Ref", &[&named[..], &class].concat()))
        })?;
        xml.text("mes:DataSetAction", &[], "Information")?;
        xml.text("mes:Extracted", &[], about.prepared)?;
        xml.text("mes:Source", &[("xml:lang", "en")], &about.source)
    })
}

/// One data set with its attributes; `rows` writes what is in it.
pub(crate) fn data_set(
    xml: &mut Xml,
    about: &About<'_>,
    attributes: Attributes<'_>,
    rows: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let structure = dsd_id(about.dataflow);
    let fixed = [
        ("ss:structureRef", structure.as_str()),
        ("ss:dataScope", "Dataflow"),
        ("ss:action", "Information"),
        ("xsi:type", "ns1:DataSetType"),
    ];
    xml.within("mes:DataSet", &[&fixed, attributes].concat(), rows)
}

/// The rows of each key, by period: keys in their lists' order, then by frequency.
fn series(flow: &Dataflow) -> BTreeMap<(&[usize], Grain), Vec<&Row>> {
    let mut series: BTreeMap<(&[usize], Grain), Vec<&Row>> = BTreeMap::new();
    for row in &flow.rows {
        series.entry((&row.codes, row.period.grain())).or_default().push(row);
    }
    series
}

fn one_series(
    xml: &mut Xml,
    flow: &Dataflow,
    (codes, grain): (&[usize], Grain),
    rows: &[&Row],
) -> io::Result<()> {
    let mut key = vec![("FREQ", grain.freq())];
    key.extend(
        flow.dimensions.iter().zip(codes).map(|(d, code)| (d.id.as_str(), d.codes[*code].id.as_str())),
    );
    xml.within("Series", &key, |xml| rows.iter().try_for_each(|row| observation(xml, row)))
}

/// Empty attributes are absent; a value that is not shown is `NaN`.
fn observation(xml: &mut Xml, row: &Row) -> io::Result<()> {
    let [estimate, lower, upper, margin, raw, value] = figures(row);
    let unit = row.raw_unit.filter(|_| !raw.is_empty()).map_or_else(String::new, form::shortest);
    let period = row.period.to_string();
    let value = if value.is_empty() { "NaN" } else { &value };
    let numbers = [
        ("ESTIMATE", &estimate),
        ("CONF_LOWER", &lower),
        ("CONF_UPPER", &upper),
        ("MARGIN", &margin),
        ("RAW_VALUE", &raw),
        ("RAW_UNIT", &unit),
    ];
    let mut attributes =
        vec![("TIME_PERIOD", period.as_str()), ("OBS_VALUE", value), ("OBS_STATUS", row.status())];
    attributes
        .extend(numbers.iter().filter(|(_, text)| !text.is_empty()).map(|(id, text)| (*id, text.as_str())));
    xml.empty("Obs", &attributes)
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn an_observation_says_what_is_known_and_no_more() {
        let edition = Fixture::shared().edition();
        let text = |id: &str| {
            let flow = edition.dataflows.iter().find(|flow| flow.id == id).unwrap();
            String::from_utf8(super::write(flow, &edition).unwrap()).unwrap()
        };
        let category = text("assisted_by_category");
        assert!(category.contains("<Obs TIME_PERIOD=\"2024-Q4\" OBS_VALUE=\"NaN\" OBS_STATUS=\"M\"/>"));
        assert!(category.contains(" RAW_UNIT=\"0.00000762939453125\"/>"));
        assert!(category.contains(" structureID=\"DSD_ASSISTED_BY_CATEGORY\" "));
        let share = text("urgent_needs_share");
        assert!(!share.contains("RAW_VALUE") && share.contains(" UNIT_MEASURE=\"PERCENT\" "));
        // Both grains of one key are two series.
        assert!(
            share.contains("<Series FREQ=\"A\" REF_AREA=\"MA\">")
                && share.contains("<Series FREQ=\"Q\" REF_AREA=\"MA\">")
        );
    }
}
