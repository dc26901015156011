//! `data/<id>.csv-metadata.json`: the plain table described as CSV on the Web (W3C, tabular metadata; publication 4).
//!
//! `titles` holds the head itself, so that validators find the column; names in three languages stand in `rdfs:label`.

use serde::Serialize;

use crate::columns::{Column, TIME};
use crate::csv::{self, MEASURES};
use crate::dataflow::{Dataflow, Dimension};
use crate::edition::Edition;
use crate::error::Result;
use crate::jsonld::{Id, Texts, Typed, texts};
use crate::{form, names};

/// Its place in the bundle.
pub fn path(flow: &Dataflow) -> String {
    format!("{}-metadata.json", csv::path(flow))
}

/// The bytes of the description.
///
/// # Errors
/// `Write` where the JSON writer fails.
pub fn write(flow: &Dataflow, edition: &Edition) -> Result<Vec<u8>> {
    form::json(&path(flow), &table(flow, edition))
}

/// The forms of a period: a year, a quarter, a month.
pub(crate) const PERIOD: &str = "[0-9]{4}(-Q[1-4]|-(0[1-9]|1[0-2]))?";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(rename = "@context")]
    context: (&'static str, Base),
    url: String,
    #[serde(rename = "dc:title")]
    title: Texts,
    #[serde(rename = "dc:description")]
    description: Texts,
    #[serde(rename = "dc:license")]
    license: Id,
    #[serde(rename = "dc:publisher")]
    publisher: String,
    #[serde(rename = "dc:issued")]
    issued: Typed,
    dialect: Dialect,
    table_schema: Schema,
}

#[derive(Serialize)]
struct Base {
    #[serde(rename = "@language")]
    language: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dialect {
    encoding: &'static str,
    delimiter: &'static str,
    line_terminators: [&'static str; 1],
    header: bool,
    header_row_count: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    columns: Vec<Described>,
    primary_key: Vec<String>,
    about_url: String,
}

#[derive(Serialize)]
struct Described {
    name: String,
    titles: String,
    required: bool,
    #[serde(rename = "rdfs:label")]
    label: Texts,
    #[serde(rename = "dc:description", skip_serializing_if = "Option::is_none")]
    description: Option<Texts>,
    datatype: Datatype,
    #[serde(skip_serializing_if = "Option::is_none")]
    null: Option<&'static str>,
}

#[derive(Serialize)]
struct Datatype {
    base: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<u8>,
}

fn table(flow: &Dataflow, edition: &Edition) -> Metadata {
    let key: Vec<String> = csv::header(flow).into_iter().take(1 + flow.dimensions.len()).collect();
    let about: Vec<String> = key.iter().map(|id| format!("{{{id}}}")).collect();
    let measures = MEASURES.into_iter().filter_map(Column::of_plain).map(measure);
    let columns = [period()].into_iter().chain(flow.dimensions.iter().map(dimension)).chain(measures);
    Metadata {
        context: ("http://www.w3.org/ns/csvw", Base { language: "en" }),
        url: format!("{}.csv", flow.id),
        title: texts(&flow.title),
        description: texts(&flow.description()),
        license: Id::new("https://creativecommons.org/licenses/by/4.0/"),
        publisher: edition.workspace.clone(),
        issued: Typed::new("xsd:date", edition.date()),
        dialect: Dialect {
            encoding: "utf-8",
            delimiter: ",",
            line_terminators: ["\n"],
            header: true,
            header_row_count: 1,
        },
        table_schema: Schema {
            columns: columns.collect(),
            primary_key: key,
            about_url: format!("#{}", about.join(".")),
        },
    }
}

fn period() -> Described {
    described(TIME, true, Datatype { base: "string", format: Some(PERIOD.into()), minimum: None })
}

fn dimension(dimension: &Dimension) -> Described {
    let codes = dimension.codes.iter().map(|code| code.id.as_str());
    Described {
        name: dimension.id.clone(),
        titles: dimension.id.clone(),
        required: true,
        label: texts(&names::dimension(&dimension.id)),
        description: None,
        datatype: one_of(codes),
        null: None,
    }
}

fn measure(column: &Column) -> Described {
    let number = |base, minimum| Datatype { base, format: None, minimum };
    match column.plain {
        "OBS_STATUS" => described(column, true, one_of(["A", "U", "Q", "M"])),
        "raw" => described(column, false, number("integer", None)),
        "value" => described(column, false, number("integer", Some(0))),
        "margin" => described(column, false, number("decimal", Some(0))),
        _ => described(column, false, number("decimal", None)),
    }
}

fn described(column: &Column, required: bool, datatype: Datatype) -> Described {
    Described {
        name: column.plain.into(),
        titles: column.plain.into(),
        required,
        label: texts(&column.name()),
        description: Some(texts(&column.meaning())),
        datatype,
        null: (!required).then_some(""),
    }
}

/// Codes as a pattern: they hold no character that a pattern reads.
fn one_of<'a>(codes: impl IntoIterator<Item = &'a str>) -> Datatype {
    let codes: Vec<&str> = codes.into_iter().collect();
    Datatype { base: "string", format: Some(format!("({})", codes.join("|"))), minimum: None }
}
