//! Reads `schemas/mappings/*.toml`: the file, the identifier, consent; the columns are read beside it.

use std::collections::BTreeMap;
use std::path::Path;

use super::loading::Loading;
use super::mapped_column;
use super::parts::choice;
use super::source;
use crate::error::{Kind, Place};
use crate::mapping::{ConsentSpec, DateForm, FileFormat, FileSpec, IdentifierSpec, IdentitySpec, Mapping};
use crate::normalise::fold;
use crate::page::Page;
use crate::record_type::RecordType;
use crate::table::{Table, Value};

const FORMATS: [(&str, FileFormat); 4] = [
    ("csv", FileFormat::Csv),
    ("xlsx", FileFormat::Xlsx),
    ("parquet", FileFormat::Parquet),
    ("jsonl", FileFormat::JsonLines),
];

/// Where mappings lie.
pub(crate) const FOLDER: &str = "schemas/mappings";

pub(crate) fn load(dir: &Path, loading: &mut Loading<'_>) {
    for source in source::files(dir, FOLDER, "toml", loading.faults) {
        let Some(page) = Page::open(&source.file, &source.bytes, loading.faults) else { continue };
        if let Some(mapping) = Table::parse(page).and_then(|table| read(loading, table)) {
            pads_as_others(loading, page, &mapping);
            has_forms_of_its_container(page, &mapping);
            loading.catalog.mappings.insert(mapping.id.clone(), mapping);
        }
    }
}

fn read(loading: &Loading<'_>, mut table: Table<'_>) -> Option<Mapping> {
    let page = table.page;
    let record_type = table.required("record_type", Value::text)?;
    let record_type = loading.record_type(page, &record_type)?;
    let source = table.required("source", Value::text);
    let note = table.optional("note", Value::text).map(|note| note.value);
    let file = table.optional("file", file).unwrap_or_else(plain_file);
    let (identifier, identity) = person(&mut table, &record_type);
    let consent = if record_type.is_personal() { table.required("consent", consent) } else { None };
    let columns = table.required("columns", |value| mapped_column::all(loading, &record_type, value));
    let one_person = table.optional("one_person", one_person).unwrap_or_default();
    let [scan, ignore] =
        ["scan", "ignore"].map(|key| table.optional(key, listed_columns).unwrap_or_default());
    table.finish();
    Some(Mapping {
        id: page.stem().to_owned(),
        record_type: record_type.id,
        source: source?.value,
        note,
        file,
        identifier,
        identity: identity?,
        columns: columns?,
        consent,
        one_person,
        scan,
        ignore,
    })
}

/// One person would land under two keys where two mappings of a scheme pad its identifiers differently.
fn pads_as_others(loading: &Loading<'_>, page: Page<'_>, mapping: &Mapping) {
    let Some(own) = &mapping.identifier else { return };
    let of_scheme = |other: &Mapping| {
        Some((other.id.clone(), other.identifier.as_ref().filter(|o| o.scheme == own.scheme)?.pad))
    };
    let Some((other, pad)) = loading.catalog.mappings.values().find_map(of_scheme) else { return };
    if pad == own.pad {
        return;
    }
    let said = |pad: Option<u32>| pad.map_or("no `pad`".to_owned(), |pad| format!("`pad = {pad}`"));
    let what = format!(
        "{} for the scheme `{}`, and {} in mapping `{other}`: one person would be two",
        said(own.pad),
        own.scheme,
        said(pad)
    );
    let remedy = "give all mappings of a scheme the same `pad`, or this one a scheme of its own";
    let at = page.text.find("[identifier]").map_or(Place::top(), |offset| page.place(offset));
    page.fault(at, Kind::WrongValue, what, remedy);
}

/// Cells of delimited text and JSON are texts: none is formatted as a date, or a number of a workbook's days.
fn has_forms_of_its_container(page: Page<'_>, mapping: &Mapping) {
    if !matches!(mapping.file.format, Some(FileFormat::Csv | FileFormat::JsonLines)) {
        return;
    }
    let mut forms = mapping.columns.values().flat_map(|column| &column.dates);
    let word = match forms.find(|form| matches!(form, DateForm::Excel | DateForm::Serial)) {
        Some(DateForm::Excel) => "\"excel\"",
        Some(_) => "\"serial\"",
        None => return,
    };
    let at = page.text.find(word).map_or(Place::top(), |offset| page.place(offset));
    let what = "only cells of workbooks have this form of a date";
    page.fault(
        at,
        Kind::WrongValue,
        what,
        "write the pattern of the text, such as \"%d/%m/%Y\", or `format = \"xlsx\"`",
    );
}

fn plain_file() -> FileSpec {
    FileSpec { format: None, delimiter: None, encoding: None, sheet: None, header_rows: vec![1] }
}

fn file(value: Value<'_>) -> Option<FileSpec> {
    let mut table = value.table()?;
    let format = table.optional("format", |value| choice(value, &FORMATS));
    let delimiter = table.optional("delimiter", one_character);
    let encoding = table.optional("encoding", Value::text).map(|label| label.value);
    let sheet = table.optional("sheet", Value::text).map(|name| name.value);
    let header_rows = if table.has("header_rows") {
        table.optional("header_rows", header_rows)
    } else {
        Some(vec![table.optional("header_row", |value| value.count(1..=1_000_000)).unwrap_or(1)])
    };
    table.finish();
    Some(FileSpec { format, delimiter, encoding, sheet, header_rows: header_rows? })
}

fn header_rows(value: Value<'_>) -> Option<Vec<u32>> {
    let (page, at) = (value.page, value.at);
    let rows: Vec<u32> = value.list()?.into_iter().filter_map(|row| row.count(1..=1_000_000)).collect();
    if rows.is_empty() || !rows.is_sorted_by(|a, b| a < b) {
        page.fault(
            at,
            Kind::WrongValue,
            "the header's rows do not ascend",
            "write them in order, such as [3, 4]",
        );
    }
    Some(rows)
}

fn one_character(value: Value<'_>) -> Option<char> {
    let page = value.page;
    let text = value.text()?;
    let mut characters = text.value.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return Some(character);
    }
    page.fault(text.at, Kind::WrongValue, "this is not one character", "write one, such as \";\"");
    None
}

/// Identifier and identity of persons; of organisations' activities the identity alone, which stands on top.
fn person(table: &mut Table<'_>, record_type: &RecordType) -> (Option<IdentifierSpec>, Option<IdentitySpec>) {
    if !record_type.is_personal() {
        return (None, Some(identity(table)));
    }
    table.required("identifier", identifier).unzip()
}

fn identifier(value: Value<'_>) -> Option<(IdentifierSpec, IdentitySpec)> {
    let mut table = value.table()?;
    let scheme = table.required("scheme", scheme);
    let from = table.required("from", headers);
    let pattern = table.optional("pattern", pattern);
    let pad = table.optional("pad", |value| value.count(1..=64));
    let placeholders = table.optional("placeholders", Value::plain_texts).unwrap_or_default();
    let identity = identity(&mut table);
    table.finish();
    Some((IdentifierSpec { scheme: scheme?, from: from?, pattern, pad, placeholders }, identity))
}

fn identity(table: &mut Table<'_>) -> IdentitySpec {
    let page = table.page;
    let columns = table.optional("identity", Value::plain_texts).unwrap_or_default();
    let otherwise = table.optional("identity_else", Value::texts).unwrap_or_default();
    let prefix = table.optional("identity_prefix", Value::text).map(|prefix| prefix.value);
    if let Some(surplus) = otherwise.get(columns.len()) {
        let remedy = "name as many columns under `identity`";
        page.fault(surplus.at, Kind::WrongValue, "this column stands in for no column of `identity`", remedy);
    }
    let otherwise = otherwise.into_iter().map(|column| column.value).collect();
    IdentitySpec { columns, otherwise, prefix }
}

fn scheme(value: Value<'_>) -> Option<String> {
    let page = value.page;
    let scheme = value.text()?;
    if !scheme.value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-') {
        let remedy = "write lower-case letters, without `:`";
        page.fault(scheme.at, Kind::WrongValue, "this is no scheme of identifiers", remedy);
    }
    Some(scheme.value)
}

fn pattern(value: Value<'_>) -> Option<String> {
    let page = value.page;
    let pattern = value.text()?;
    if regex::Regex::new(&pattern.value).is_err() {
        let remedy = "write one such as '[A-Z]-\\d{5}', in single quotes";
        page.fault(pattern.at, Kind::WrongValue, "this is no regular expression", remedy);
    }
    Some(pattern.value)
}

/// Synonyms of one header: at least one.
pub(crate) fn headers(value: Value<'_>) -> Option<Vec<String>> {
    Some(value.some_texts()?.into_iter().map(|header| header.value).collect())
}

fn consent(value: Value<'_>) -> Option<ConsentSpec> {
    let mut table = value.table()?;
    let from = table.required("from", headers);
    let yes = table.required("yes", headers);
    table.finish();
    Some(ConsentSpec { from: from?, yes: yes? })
}

fn one_person(value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let entries = value.table()?.into_entries();
    Some(
        entries
            .filter_map(|(header, value)| Some((header.value, fold(&value.text_or_number()?.value))))
            .collect(),
    )
}

fn listed_columns(value: Value<'_>) -> Option<Vec<String>> {
    let mut table = value.table()?;
    let columns = table.required("columns", Value::headers);
    table.finish();
    columns
}

/// The page's own name of a mapping's column, for messages.
pub(crate) fn section(name: &str) -> String {
    format!("[columns.{name}]")
}
