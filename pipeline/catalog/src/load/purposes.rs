//! Reads `purposes.toml`, the purpose registry.

use std::path::Path;

use chrono::NaiveDate;
use marsad_terms::{Name, RecordTypeId};

use super::loading::Loading;
use super::source;
use crate::error::Kind;
use crate::page::{At, Page};
use crate::purpose::{Authorisation, Purpose};
use crate::table::{Table, Value};

const FILE: &str = "purposes.toml";

pub(crate) fn load(dir: &Path, loading: &mut Loading<'_>) {
    let Some(source) = source::file(dir, FILE, loading.faults) else { return };
    let Some(page) = Page::open(&source.file, &source.bytes, loading.faults) else { return };
    let Some(mut table) = Table::parse(page) else { return };
    let purposes = table.required("purpose", Value::table);
    table.finish();
    for (id, value) in purposes.into_iter().flat_map(Table::into_entries) {
        check_id(page, &id);
        match value.table().and_then(|table| read(loading, table, &id.value)) {
            Some(purpose) => {
                loading.catalog.purposes.insert(id.value, purpose);
            }
            None => {
                loading.failed.insert(id.value);
            }
        }
    }
}

fn check_id(page: Page<'_>, id: &At<String>) {
    if id.value.is_empty() || !id.value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        let remedy = "write letters, digits and `-`, such as P-2025-01";
        page.fault(id.at, Kind::WrongValue, "this is no id of a purpose", remedy);
    }
}

fn read(loading: &Loading<'_>, mut table: Table<'_>, id: &str) -> Option<Purpose> {
    let title = table.required("title", Value::translated);
    let record_types = table.required("record_types", |value| record_types(loading, value));
    let own = record_types.clone().unwrap_or_default();
    let joins = table.optional("joins", |value| joins(&own, value)).unwrap_or_default();
    let sensitive = table.optional("sensitive", |value| sensitive(loading, &own, value)).unwrap_or_default();
    let authorisation = table.required("authorisation", authorisation);
    let recipients = table.required("recipients", Value::some_texts);
    let retention_months = table.required("retention_months", |value| value.count(1..=1200));
    table.finish();
    Some(Purpose {
        id: id.to_owned(),
        title: title?,
        record_types: record_types?,
        joins,
        sensitive,
        authorisation: authorisation?,
        recipients: recipients?.into_iter().map(|recipient| recipient.value).collect(),
        retention_months: retention_months?,
    })
}

fn record_types(loading: &Loading<'_>, value: Value<'_>) -> Option<Vec<RecordTypeId>> {
    let page = value.page;
    let names = value.some_texts()?;
    Some(names.iter().filter_map(|name| loading.record_type(page, name)).map(|found| found.id).collect())
}

fn joins(own: &[RecordTypeId], value: Value<'_>) -> Option<Vec<(RecordTypeId, RecordTypeId)>> {
    let page = value.page;
    let mut joins = Vec::new();
    for pair in value.list()? {
        let at = pair.at;
        let Some(names) = pair.texts() else { continue };
        let found: Vec<RecordTypeId> = names.iter().filter_map(|name| member(page, own, name)).collect();
        match (names.len(), <[RecordTypeId; 2]>::try_from(found)) {
            (2, Ok([left, right])) => joins.push((left, right)),
            (2, Err(_)) => {}
            _ => {
                page.fault(at, Kind::WrongValue, "a join is not between two record types", "write two names");
            }
        }
    }
    Some(joins)
}

fn member(page: Page<'_>, own: &[RecordTypeId], name: &At<String>) -> Option<RecordTypeId> {
    let found = own.iter().find(|id| id.as_str() == name.value).cloned();
    if found.is_none() {
        page.unknown(name, Kind::Reference, "record type of this purpose", own.iter().map(Name::as_str));
    }
    found
}

fn sensitive(loading: &Loading<'_>, own: &[RecordTypeId], value: Value<'_>) -> Option<Vec<String>> {
    let page = value.page;
    let columns =
        own.iter().filter_map(|id| loading.catalog.record_types.get(id)).flat_map(|found| &found.columns);
    let known: std::collections::BTreeSet<&str> =
        columns.filter(|column| column.sensitive).map(|column| column.name.as_str()).collect();
    let names = value.texts()?;
    for name in names.iter().filter(|name| !known.contains(name.value.as_str())) {
        page.unknown(name, Kind::Column, "sensitive column of its record types", known.iter().copied());
    }
    Some(names.into_iter().map(|name| name.value).collect())
}

fn authorisation(value: Value<'_>) -> Option<Authorisation> {
    let mut table = value.table()?;
    let authority = table.required("authority", Value::text);
    let reference = table.required("reference", Value::text);
    let valid_from = table.required("valid_from", date);
    let valid_to = table.required("valid_to", date);
    let (page, at) = (table.page, table.at);
    table.finish();
    if valid_from > valid_to && valid_to.is_some() {
        page.fault(at, Kind::WrongValue, "`valid_from` is after `valid_to`", "exchange them");
    }
    Some(Authorisation {
        authority: authority?.value,
        reference: reference?.value,
        valid_from: valid_from?,
        valid_to: valid_to?,
    })
}

fn date(value: Value<'_>) -> Option<NaiveDate> {
    let page = value.page;
    let text = value.date_text()?;
    let date = text.value.parse().ok();
    if date.is_none() {
        page.fault(text.at, Kind::WrongValue, "this is no calendar date", "write one such as 2025-01-31");
    }
    date
}
