//! `datapackage.json`: data and SDMX files as a Data Package 2.0, every table with its schema (publication 4).
//!
//! English only: the standard has no texts by language. Hashes are SHA-256, since readers do not check others.

use serde::Serialize;

use crate::columns::{COLUMNS, Column, FREQUENCY, Kind, Place, TIME};
use crate::csv::{self, MEASURES};
use crate::csvw::PERIOD;
use crate::dataflow::{Dataflow, Dimension, PublishedCode};
use crate::edition::Edition;
use crate::error::Result;
use crate::files::Written;
use crate::{form, names, parquet, privacy_yaml, sdmx};

/// Its place in the bundle.
pub const PATH: &str = "datapackage.json";

/// The bytes of the package's description.
///
/// # Errors
/// `Write` where the JSON writer fails.
pub(crate) fn write(edition: &Edition, files: &[Written]) -> Result<Vec<u8>> {
    form::json(PATH, &package(edition, files))
}

#[derive(Serialize)]
struct Package<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    name: String,
    version: &'static str,
    created: &'a str,
    title: &'a str,
    description: String,
    licenses: [Licence; 1],
    contributors: [Contributor<'a>; 1],
    keywords: [&'static str; 4],
    resources: Vec<Resource<'a>>,
}

#[derive(Serialize)]
struct Licence {
    name: &'static str,
    path: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct Contributor<'a> {
    title: &'a str,
    roles: [&'static str; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    name: String,
    path: &'a str,
    mediatype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    #[serde(flatten)]
    table: Option<Table<'a>>,
}

#[derive(Serialize)]
struct Table<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    title: &'a str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    schema: TableSchema<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dialect {
    delimiter: &'static str,
    line_terminator: &'static str,
    quote_char: &'static str,
    double_quote: bool,
    header: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TableSchema<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    fields: Vec<Field<'a>>,
    missing_values: [&'static str; 1],
    primary_key: Vec<&'a str>,
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    r#type: &'static str,
    constraints: Constraints<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Category<'a>>,
}

#[derive(Default, Serialize)]
struct Constraints<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", rename = "enum")]
    one_of: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<u8>,
}

#[derive(Serialize)]
struct Category<'a> {
    value: &'a str,
    label: &'a str,
}

fn package<'a>(edition: &'a Edition, files: &'a [Written]) -> Package<'a> {
    Package {
        schema: "https://datapackage.org/profiles/2.0/datapackage.json",
        name: privacy_yaml::slug(edition),
        version: Edition::VERSION,
        created: &edition.published,
        title: &edition.title.en,
        description: edition.citation().en,
        licenses: [Licence {
            name: "CC-BY-4.0",
            path: "https://creativecommons.org/licenses/by/4.0/",
            title: "Creative Commons Attribution 4.0",
        }],
        contributors: [Contributor { title: &edition.workspace, roles: ["publisher"] }],
        keywords: ["migration", "protection", "Morocco", "differential privacy"],
        resources: files.iter().map(|written| resource(edition, written)).collect(),
    }
}

fn resource<'a>(edition: &'a Edition, written: &'a Written) -> Resource<'a> {
    let file = &written.file;
    let table = edition.dataflows.iter().find_map(|flow| table(flow, &file.path));
    let is_parquet = file.path.ends_with(".parquet");
    Resource {
        name: file.path.to_ascii_lowercase().replace(['/', '_', '.'], "-"),
        path: &file.path,
        mediatype: &file.media_type,
        // Readers count no bytes of a Parquet file, and take another number for a fault.
        bytes: (!is_parquet).then_some(file.bytes),
        hash: format!("sha256:{}", written.sha256),
        format: format(&file.path),
        table,
    }
}

/// Without it, readers take a JSON file for the description of a resource.
fn format(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "csv" => Some("csv"),
        "parquet" => Some("parquet"),
        _ => (path == sdmx::json::PATH).then_some("sdmx-json"),
    }
}

/// The schema of a table of a dataflow: without one, readers guess types from the first rows and stumble over later ones.
fn table<'a>(flow: &'a Dataflow, path: &str) -> Option<Table<'a>> {
    let (fields, is_text) = if path == csv::path(flow) {
        (plain(flow, measure), true)
    } else if path == parquet::path(flow) {
        (plain(flow, as_numbers), false)
    } else if path == sdmx::csv::path(flow) {
        (components(flow), true)
    } else {
        return None;
    };
    let key = ["TIME_PERIOD"].into_iter().chain(flow.dimensions.iter().map(|own| own.id.as_str()));
    Some(Table {
        r#type: "table",
        encoding: is_text.then_some("utf-8"),
        title: &flow.title.en,
        description: flow.description().en,
        dialect: is_text.then_some(DIALECT),
        schema: TableSchema {
            schema: "https://datapackage.org/profiles/2.0/tableschema.json",
            fields,
            missing_values: [""],
            primary_key: key.collect(),
        },
    })
}

const DIALECT: Dialect =
    Dialect { delimiter: ",", line_terminator: "\n", quote_char: "\"", double_quote: true, header: true };

/// The fields of the plain table.
fn plain<'a>(flow: &'a Dataflow, measure: fn(&'static Column) -> Field<'a>) -> Vec<Field<'a>> {
    let mut fields = vec![fixed(TIME)];
    fields.extend(flow.dimensions.iter().map(dimension));
    fields.extend(MEASURES.into_iter().filter_map(Column::of_plain).map(measure));
    fields
}

/// The fields of SDMX-CSV: three of its own, then the components in the structure's order.
fn components(flow: &Dataflow) -> Vec<Field<'_>> {
    let own = ["STRUCTURE", "STRUCTURE_ID", "ACTION"].map(|name| Field {
        name,
        title: name.to_owned(),
        description: None,
        r#type: "string",
        constraints: Constraints { required: Some(true), ..Constraints::default() },
        categories: Vec::new(),
    });
    let mut fields = Vec::from(own);
    fields.push(fixed(FREQUENCY));
    fields.extend(flow.dimensions.iter().map(dimension));
    fields.extend(COLUMNS[1..].iter().map(fixed));
    fields
}

/// A component of every dataflow as SDMX has it.
fn fixed<'a>(column: &'static Column) -> Field<'a> {
    let kind = match column.kind {
        Kind::Typed("Double") => "number",
        Kind::Typed("Long") => "integer",
        _ => "string",
    };
    let pattern = (column.place == Place::Time).then(|| format!("^{PERIOD}$"));
    let required = (column.place != Place::Optional).then_some(true);
    Field {
        name: column.id,
        ..field(column, kind, Constraints { required, pattern, ..Constraints::default() })
    }
}

fn dimension(dimension: &Dimension) -> Field<'_> {
    let one_of = dimension.codes.iter().map(|code| code.id.as_str()).collect();
    Field {
        name: &dimension.id,
        title: names::dimension(&dimension.id).en,
        description: None,
        r#type: "string",
        constraints: Constraints { required: Some(true), one_of, ..Constraints::default() },
        categories: dimension.codes.iter().map(category).collect(),
    }
}

fn category(code: &PublishedCode) -> Category<'_> {
    Category { value: &code.id, label: &code.label.en }
}

fn measure<'a>(column: &'static Column) -> Field<'a> {
    let from_zero = || Constraints { minimum: Some(0), ..Constraints::default() };
    match column.plain {
        "OBS_STATUS" => {
            let one_of = vec!["A", "U", "Q", "M"];
            field(column, "string", Constraints { required: Some(true), one_of, ..Constraints::default() })
        }
        "raw" => field(column, "integer", Constraints::default()),
        "value" => field(column, "integer", from_zero()),
        "margin" => field(column, "number", from_zero()),
        _ => field(column, "number", Constraints::default()),
    }
}

/// Of Parquet, readers hand over numbers among empty ones as floating-point numbers, and the empty ones as NaN.
fn as_numbers<'a>(column: &'static Column) -> Field<'a> {
    let own = measure(column);
    let constraints = Constraints { minimum: None, ..own.constraints };
    Field { r#type: if own.r#type == "integer" { "number" } else { own.r#type }, constraints, ..own }
}

fn field<'a>(column: &'static Column, kind: &'static str, constraints: Constraints<'a>) -> Field<'a> {
    Field {
        name: column.plain,
        title: column.name().en,
        description: Some(column.meaning().en),
        r#type: kind,
        constraints,
        categories: Vec::new(),
    }
}
