//! `data/<id>.csv`: the plain table (publication 4). Codes only, six decimals, empty where there is no number.

use crate::dataflow::{Dataflow, Row};
use crate::error::{Error, Result};
use crate::form;

/// The columns after the dimensions.
pub const MEASURES: [&str; 7] = ["estimate", "lower", "upper", "margin", "raw", "value", "OBS_STATUS"];

/// The bytes of the table.
///
/// # Errors
/// `Write` where the CSV writer fails.
pub fn write(flow: &Dataflow) -> Result<Vec<u8>> {
    let rows = flow.rows.iter().map(|row| record(flow, row));
    lines(std::iter::once(header(flow)).chain(rows)).map_err(|source| Error::write(path(flow), source))
}

/// Records as lines: RFC 4180 with LF and minimal quotes.
pub(crate) fn lines<R: IntoIterator<Item: AsRef<[u8]>>>(
    records: impl IntoIterator<Item = R>,
) -> std::io::Result<Vec<u8>> {
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    for record in records {
        writer.write_record(record)?;
    }
    writer.into_inner().map_err(::csv::IntoInnerError::into_error)
}

/// Its place in the bundle.
pub fn path(flow: &Dataflow) -> String {
    format!("data/{}.csv", flow.id)
}

/// `TIME_PERIOD`, the dimensions, the measures.
pub fn header(flow: &Dataflow) -> Vec<String> {
    let dimensions = flow.dimensions.iter().map(|dimension| dimension.id.as_str());
    std::iter::once("TIME_PERIOD").chain(dimensions).chain(MEASURES).map(str::to_owned).collect()
}

fn record(flow: &Dataflow, row: &Row) -> Vec<String> {
    let mut record = vec![row.period.to_string()];
    record.extend(flow.dimensions.iter().zip(&row.codes).map(|(d, code)| d.codes[*code].id.clone()));
    record.extend(figures(row));
    record.push(row.status().to_owned());
    record
}

/// estimate, lower, upper, margin, raw, value as text; all empty at a structural zero and an unbounded ratio.
pub(crate) fn figures(row: &Row) -> [String; 6] {
    let Some(cell) = row.cell.filter(|cell| cell.estimate.is_finite()) else { return Default::default() };
    let whole = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    [
        form::six(cell.estimate),
        form::six(cell.lower),
        form::six(cell.upper),
        form::six(cell.margin),
        whole(cell.raw),
        whole(row.value()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn every_kind_of_row_has_its_form() {
        let edition = Fixture::shared().edition();
        let text = |id: &str| {
            let flow = edition.dataflows.iter().find(|flow| flow.id == id).unwrap();
            String::from_utf8(super::write(flow).unwrap()).unwrap()
        };
        let category = text("assisted_by_category");
        assert!(category.starts_with("TIME_PERIOD,REF_AREA,BENEFICIARY_CATEGORY,estimate,lower,upper,margin,raw,value,OBS_STATUS\n2024-Q4,MA,_T,"));
        assert!(category.contains("\n2024-Q4,MA,UASC,,,,,,,M\n"));
        assert!(
            text("org_activities").contains("\n2023-Q1,_T,CNDH,0.000000,0.000000,0.000000,0.000000,,0,A\n")
        );
        let suppressed = category.lines().find(|line| line.ends_with(",,Q")).unwrap();
        assert_eq!(suppressed.split(',').filter(|field| field.is_empty()).count(), 1);
        // A quotient without a bounded interval says nothing at all.
        assert!(text("urgent_needs_share").contains(",_U,,,,,,,Q\n"));
        // A running total was not measured itself.
        let first = text("first_time_direct");
        let raw = |line: &str| line.split(',').nth(6).map(str::to_owned).unwrap();
        assert!(first.lines().skip(1).all(|line| raw(line).is_empty()));
        assert!(first.lines().last().unwrap().starts_with("2024-Q4,"));
        for flow in &edition.dataflows {
            let text = text(&flow.id);
            assert!(
                !text.contains("-0.000000")
                    && !text.contains("NaN")
                    && !text.contains('\r')
                    && text.ends_with('\n')
            );
        }
    }
}
