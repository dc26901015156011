//! `sdmx/DF_….csv`: SDMX-CSV 2.0 data (publication 3). Ids only; data set attributes repeat on each row; `NaN` is written out.

use crate::csv::figures;
use crate::dataflow::{Dataflow, Row};
use crate::edition::Edition;
use crate::error::{Error, Result};
use crate::form;

/// The columns after the dimensions: measure, then attributes in the order of the structure.
pub const COMPONENTS: [&str; 12] = [
    "OBS_VALUE",
    "OBS_STATUS",
    "ESTIMATE",
    "CONF_LOWER",
    "CONF_UPPER",
    "MARGIN",
    "RAW_VALUE",
    "RAW_UNIT",
    "CONF_LEVEL",
    "UNIT_MEASURE",
    "RELEASE_ID",
    "PRIVACY_RHO",
];

/// The bytes of the data file.
///
/// # Errors
/// `Write` where the CSV writer fails.
pub fn write(flow: &Dataflow, edition: &Edition) -> Result<Vec<u8>> {
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let failed = |source: ::csv::Error| Error::write(path(flow), source);
    writer.write_record(header(flow)).map_err(failed)?;
    for row in &flow.rows {
        writer.write_record(record(flow, edition, row)).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Error::write(path(flow), error.into_error()))
}

/// Its place in the bundle.
pub fn path(flow: &Dataflow) -> String {
    format!("sdmx/{}.csv", flow.flow())
}

fn header(flow: &Dataflow) -> Vec<String> {
    let dimensions = flow.dimensions.iter().map(|dimension| dimension.id.as_str());
    let key = ["STRUCTURE", "STRUCTURE_ID", "ACTION", "FREQ"].into_iter().chain(dimensions);
    key.chain(["TIME_PERIOD"]).chain(COMPONENTS).map(str::to_owned).collect()
}

fn record(flow: &Dataflow, edition: &Edition, row: &Row) -> Vec<String> {
    let [estimate, lower, upper, margin, raw, value] = figures(row);
    let unit = row.raw_unit.filter(|_| !raw.is_empty()).map_or_else(String::new, form::shortest);
    let value = if value.is_empty() { "NaN".to_owned() } else { value };
    let mut record =
        vec!["dataflow".to_owned(), flow.reference(), "I".into(), row.period.grain().freq().into()];
    record.extend(flow.dimensions.iter().zip(&row.codes).map(|(d, code)| d.codes[*code].id.clone()));
    record.push(row.period.to_string());
    record.extend([value, row.status().to_owned(), estimate, lower, upper, margin, raw, unit]);
    record.extend([
        "95".to_owned(),
        flow.unit.clone(),
        edition.release.to_string(),
        flow.nano_rho.to_string(),
    ]);
    record
}
