//! `sdmx/DF_….csv`: SDMX-CSV 2.0 data (publication 3). Ids only; data set attributes repeat on each row; `NaN` is written out.

use crate::csv::{figures, lines};
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
    let rows = flow.rows.iter().map(|row| record(flow, edition, row));
    lines(std::iter::once(header(flow)).chain(rows)).map_err(|source| Error::write(path(flow), source))
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

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn rows_are_those_of_sdmx_csv_2() {
        let edition = Fixture::shared().edition();
        let flow = edition.dataflows.iter().find(|flow| flow.id == "assisted_by_category").unwrap();
        let text = String::from_utf8(super::write(flow, &edition).unwrap()).unwrap();
        let header = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,BENEFICIARY_CATEGORY,TIME_PERIOD,OBS_VALUE,OBS_STATUS,\
                      ESTIMATE,CONF_LOWER,CONF_UPPER,MARGIN,RAW_VALUE,RAW_UNIT,CONF_LEVEL,UNIT_MEASURE,RELEASE_ID,PRIVACY_RHO";
        assert_eq!(text.lines().next(), Some(header));
        let total = text.lines().nth(1).unwrap();
        assert!(total.starts_with("dataflow,MARSAD:DF_ASSISTED_BY_CATEGORY(1.0.0),I,Q,MA,_T,2024-Q4,"));
        // Measured with b = 2 at f = 16.
        assert!(total.ends_with(&format!(",0.00000762939453125,95,PERSONS,2024-Q4,{}", flow.nano_rho)));
        let zero = format!(",Q,MA,UASC,2024-Q4,NaN,M,,,,,,,95,PERSONS,2024-Q4,{}", flow.nano_rho);
        assert!(text.lines().any(|line| line.ends_with(&zero)));
    }
}
