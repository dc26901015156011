//! Reads `schemas/record_types/*.toml`.

use std::path::Path;

use marsad_terms::{Grain, RecordTypeId};

use super::loading::Loading;
use super::parts::{choice, is_column_name, parsed};
use super::source;
use crate::decimal::Decimal;
use crate::error::Kind;
use crate::page::{At, Page};
use crate::record_type::{Column, ColumnKind, RecordType, Subject};
use crate::table::{Table, Value};

/// Columns that landing makes itself, of every record type.
const RESERVED: [&str; 8] = [
    "person_key",
    "record_id",
    "event_month",
    "quarter",
    "year",
    "consent_reporting",
    "legal_basis",
    "schema_version",
];
const GRAINS: [(&str, Grain); 2] = [("quarter", Grain::Quarter), ("year", Grain::Year)];
const AREAS: [(&str, &str); 2] = [("region", "region"), ("national", "national")];

/// Where record types lie.
pub(crate) const FOLDER: &str = "schemas/record_types";

pub(crate) fn load(dir: &Path, loading: &mut Loading<'_>) {
    for source in source::files(dir, FOLDER, "toml", loading.faults) {
        let Some(page) = Page::open(&source.file, &source.bytes, loading.faults) else { continue };
        match Table::parse(page).and_then(|table| read(loading, table)) {
            Some(record_type) => {
                loading.catalog.record_types.insert(record_type.id.clone(), record_type);
            }
            None => {
                loading.failed.insert(page.stem().to_owned());
            }
        }
    }
}

fn read(loading: &Loading<'_>, mut table: Table<'_>) -> Option<RecordType> {
    let page = table.page;
    let id = table.required("id", parsed::<RecordTypeId>);
    let title = table.required("title", Value::translated);
    let subject = subject(&mut table);
    let personal = !matches!(subject, Some(Subject::Organisation));
    let max_rows_a_quarter =
        if personal { table.required("max_rows_a_quarter", |value| value.count(1..=1000)) } else { None };
    let retention_months = table.required("retention_months", |value| value.count(1..=1200));
    let smallest_area = table.required("smallest_area", |value| choice(value, &AREAS));
    let shortest_period = table.required("shortest_period", |value| choice(value, &GRAINS));
    let shortest_period_national = table.required("shortest_period_national", |value| choice(value, &GRAINS));
    let schema_version = table.required("schema_version", |value| value.count(1..=65_535));
    let columns = table.required("columns", |value| columns(loading, value));
    table.finish();
    if let Some(id) = &id {
        page.must_be_named(&At { value: id.value.to_string(), at: id.at });
    }
    Some(RecordType {
        id: id?.value,
        title: title?,
        subject: subject?,
        columns: columns?,
        max_rows_a_quarter,
        retention_months: retention_months?,
        smallest_area: smallest_area?.to_owned(),
        shortest_period: shortest_period?,
        shortest_period_national: shortest_period_national?,
        schema_version: u16::try_from(schema_version?).ok()?,
    })
}

fn subject(table: &mut Table<'_>) -> Option<Subject> {
    let personal =
        table.required("subject", |value| choice(value, &[("person", true), ("organisation", false)]))?;
    if !personal {
        return Some(Subject::Organisation);
    }
    let key_space = table.required("key_space", Value::text)?;
    if !is_column_name(&key_space.value) {
        table.page.fault(key_space.at, Kind::WrongValue, "this is no key space", "write lower-case letters");
    }
    Some(Subject::Person { key_space: key_space.value })
}

fn columns(loading: &Loading<'_>, value: Value<'_>) -> Option<Vec<Column>> {
    let page = value.page;
    let mut columns: Vec<Column> = Vec::new();
    let mut complete = true;
    for member in value.list()? {
        let at = member.at;
        match member.table().and_then(|table| column(loading, table, &columns)) {
            Some(column) if columns.iter().any(|before| before.name == column.name) => {
                let what = format!("the column `{}` stands here twice", column.name);
                page.fault(at, Kind::Duplicate, what, "keep it once");
            }
            Some(column) => columns.push(column),
            None => complete = false,
        }
    }
    complete.then_some(columns)
}

fn column(loading: &Loading<'_>, mut table: Table<'_>, before: &[Column]) -> Option<Column> {
    let page = table.page;
    let name = table.required("name", Value::text);
    let word = table.required("type", |value| {
        choice(
            value,
            &[("code", "code"), ("boolean", "boolean"), ("integer", "integer"), ("decimal", "decimal")],
        )
    });
    let kind = word.and_then(|word| kind(loading, &mut table, word));
    let sensitive = table.optional("sensitive", Value::boolean).unwrap_or(false);
    let quasi_identifier = table.optional("quasi_identifier", Value::boolean).unwrap_or(false);
    let is_code = word == Some("code");
    let row_per_code = is_code && table.optional("row_per_code", Value::boolean).unwrap_or(false);
    let list = match &kind {
        Some(ColumnKind::Code { list }) => Some(list.as_str()),
        _ => None,
    };
    let derived =
        if is_code { table.optional("derived", |value| derived(loading, value, list, before)) } else { None };
    let only_with = table.optional("only_with", |value| only_with(loading, value, before));
    table.finish();
    let name = name?;
    check_name(page, &name);
    Some(Column {
        name: name.value,
        kind: kind?,
        sensitive,
        quasi_identifier,
        row_per_code,
        derived,
        only_with,
    })
}

fn check_name(page: Page<'_>, name: &At<String>) {
    if RESERVED.contains(&name.value.as_str()) {
        let what = format!("`{}` is a column of every record type", name.value);
        page.fault(name.at, Kind::Duplicate, what, "leave it out");
    } else if !is_column_name(&name.value) {
        let remedy = "write lower-case letters, digits and `_`, a letter first";
        page.fault(name.at, Kind::WrongValue, "this is no name of a column", remedy);
    }
}

fn kind(loading: &Loading<'_>, table: &mut Table<'_>, word: &str) -> Option<ColumnKind> {
    match word {
        "code" => {
            let page = table.page;
            let list = table.required("list", Value::text)?;
            if loading.has_code_list(page, &list) {
                must_have_unknown(loading, page, &list);
            }
            Some(ColumnKind::Code { list: list.value })
        }
        "integer" => {
            let [min, max] =
                ["min", "max"].map(|key| table.required(key, |value| value.whole(i64::MIN..=i64::MAX)));
            let (min, max) = (min?, max?);
            ordered(table, min <= max)?;
            Some(ColumnKind::Integer { min, max })
        }
        "decimal" => {
            let [min, max] = ["min", "max"].map(|key| table.required(key, Value::decimal));
            let step = table.optional("step", Value::decimal).map(|step| step.value);
            let (min, max) = (min?.value, max?.value);
            ordered(table, min.micro <= max.micro)?;
            check_step(table, &[&min, &max], step.as_ref());
            Some(ColumnKind::Decimal { min: min.text, max: max.text, step: step.map(|step| step.text) })
        }
        _ => Some(ColumnKind::Boolean),
    }
}

fn must_have_unknown(loading: &Loading<'_>, page: Page<'_>, list: &At<String>) {
    if loading.catalog.code_lists[&list.value].code("_U").is_none() {
        let what = format!("the code list `{}` has no code `_U`", list.value);
        page.fault(list.at, Kind::CodeList, what, "add `_U` (unknown): empty cells land as it");
    }
}

fn ordered(table: &Table<'_>, ordered: bool) -> Option<()> {
    if !ordered {
        table.page.fault(table.at, Kind::WrongValue, "`min` is above `max`", "exchange them");
    }
    ordered.then_some(())
}

fn check_step(table: &Table<'_>, bounds: &[&Decimal], step: Option<&Decimal>) {
    let Some(step) = step else { return };
    if step.micro <= 0 || !bounds.iter().all(|bound| bound.is_multiple_of(step)) {
        let what = "`min` and `max` are not whole steps";
        table.page.fault(table.at, Kind::WrongValue, what, "choose a positive step that divides both");
    }
}

fn derived(
    loading: &Loading<'_>,
    value: Value<'_>,
    list: Option<&str>,
    before: &[Column],
) -> Option<(String, String)> {
    let mut table = value.table()?;
    let page = table.page;
    let column = table.required("column", Value::text);
    let attribute = table.required("attribute", Value::text);
    table.finish();
    let (column, attribute) = (column?, attribute?);
    if let Some(source) = code_list_of(page, &column, before) {
        check_attribute(loading, page, source, &attribute, list);
    }
    Some((column.value, attribute.value))
}

/// The list of a column that stands before; a fault where there is none.
fn code_list_of<'b>(page: Page<'_>, name: &At<String>, before: &'b [Column]) -> Option<&'b str> {
    let codes = before.iter().filter_map(|column| match &column.kind {
        ColumnKind::Code { list } => Some((column.name.as_str(), list.as_str())),
        _ => None,
    });
    let codes: Vec<(&str, &str)> = codes.collect();
    let found = codes.iter().find(|(column, _)| *column == name.value).map(|(_, list)| *list);
    if found.is_none() {
        page.unknown(
            name,
            Kind::Column,
            "code column that stands before",
            codes.iter().map(|(column, _)| *column),
        );
    }
    found
}

fn check_attribute(
    loading: &Loading<'_>,
    page: Page<'_>,
    source: &str,
    attribute: &At<String>,
    list: Option<&str>,
) {
    let lists = &loading.catalog.code_lists;
    let (Some(source), Some(list)) = (lists.get(source), list.and_then(|list| lists.get(list))) else {
        return;
    };
    let known = source.codes.iter().flat_map(|code| code.attributes.keys()).map(String::as_str);
    if !known.clone().any(|name| name == attribute.value) {
        let known: std::collections::BTreeSet<&str> = known.collect();
        page.unknown(attribute, Kind::Column, &format!("column of {}", source.id), known);
        return;
    }
    for code in &source.codes {
        let value = &code.attributes[&attribute.value];
        if !value.is_empty() && list.code(value).is_none() {
            let what = format!("`{}` of {} is no code of {}: `{value}`", code.id, source.id, list.id);
            page.fault(attribute.at, Kind::Code, what, format!("correct {}.csv", source.id));
        }
    }
}

fn only_with(loading: &Loading<'_>, value: Value<'_>, before: &[Column]) -> Option<(String, Vec<String>)> {
    let mut table = value.table()?;
    let page = table.page;
    let column = table.required("column", Value::text);
    let codes = table.required("codes", Value::some_texts);
    table.finish();
    let (column, codes) = (column?, codes?);
    if let Some(list) = code_list_of(page, &column, before) {
        for code in &codes {
            loading.must_be_code(page, list, code);
        }
    }
    Some((column.value, codes.into_iter().map(|code| code.value).collect()))
}
