//! `sdmx/DF_….xml`: StructureSpecific 2.1 data (publication 3), for rsdmx and older clients. One `Series` a key, `Obs` by period.
//!
//! It deliberately lacks annotations in the data set: sdmx1 stops at them.

use std::collections::BTreeMap;
use std::io;

use marsad_terms::Grain;

use super::structure::dsd_id;
use crate::csv::figures;
use crate::dataflow::{Dataflow, Row};
use crate::edition::Edition;
use crate::error::{Error, Result};
use crate::form;
use crate::xml::Xml;

const MESSAGE: &str = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message";
const COMMON: &str = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common";
const SPECIFIC: &str = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Its place in the bundle.
pub fn path(flow: &Dataflow) -> String {
    format!("sdmx/{}.xml", flow.flow())
}

/// The bytes of the data file.
///
/// # Errors
/// `Write` where the XML writer fails.
pub fn write(flow: &Dataflow, edition: &Edition) -> Result<Vec<u8>> {
    message(flow, edition).map_err(|source| Error::write(path(flow), source))
}

fn message(flow: &Dataflow, edition: &Edition) -> io::Result<Vec<u8>> {
    let own = format!(
        "urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow={}:ObsLevelDim:TIME_PERIOD",
        flow.reference()
    );
    let namespaces =
        [("xmlns:mes", MESSAGE), ("xmlns:com", COMMON), ("xmlns:ss", SPECIFIC), ("xmlns:ns1", &own)];
    let root = [namespaces.as_slice(), &[("xmlns:xsi", INSTANCE)]].concat();
    let mut xml = Xml::new()?;
    xml.within("mes:StructureSpecificData", &root, |xml| {
        header(xml, flow, edition, &own)?;
        data_set(xml, flow, edition)
    })?;
    Ok(xml.finish())
}

fn header(xml: &mut Xml, flow: &Dataflow, edition: &Edition, own: &str) -> io::Result<()> {
    let (structure, id) = (dsd_id(&flow.id), flow.flow());
    xml.within("mes:Header", &[], |xml| {
        xml.text("mes:ID", &[], &format!("DATA_{}", edition.release))?;
        xml.text("mes:Test", &[], "false")?;
        xml.text("mes:Prepared", &[], &edition.published)?;
        xml.empty("mes:Sender", &[("id", &flow.agency)])?;
        let used = [
            ("structureID", structure.as_str()),
            ("namespace", own),
            ("dimensionAtObservation", "TIME_PERIOD"),
        ];
        xml.within("mes:Structure", &used, |xml| {
            let named = [("agencyID", flow.agency.as_str()), ("id", &id), ("version", &flow.version)];
            let class = [("class", "Dataflow"), ("package", "datastructure")];
            xml.within("com:StructureUsage", &[], |xml| xml.empty("Ref", &[&named[..], &class].concat()))
        })?;
        xml.text("mes:DataSetAction", &[], "Information")?;
        xml.text("mes:Extracted", &[], &edition.published)?;
        xml.text("mes:Source", &[("xml:lang", "en")], &format!("Marsad, release {}", edition.release))
    })
}

fn data_set(xml: &mut Xml, flow: &Dataflow, edition: &Edition) -> io::Result<()> {
    let (structure, release, rho) =
        (dsd_id(&flow.id), edition.release.to_string(), flow.nano_rho.to_string());
    let attributes = [
        ("ss:structureRef", structure.as_str()),
        ("ss:dataScope", "Dataflow"),
        ("ss:action", "Information"),
        ("xsi:type", "ns1:DataSetType"),
        ("CONF_LEVEL", "95"),
        ("UNIT_MEASURE", &flow.unit),
        ("RELEASE_ID", &release),
        ("PRIVACY_RHO", &rho),
    ];
    xml.within("mes:DataSet", &attributes, |xml| {
        for ((codes, grain), rows) in series(flow) {
            one_series(xml, flow, (codes, grain), &rows)?;
        }
        Ok(())
    })
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
