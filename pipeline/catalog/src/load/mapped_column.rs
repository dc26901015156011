//! Reads `[columns.NAME]` of a mapping: each kind of column has keys of its own.

use std::collections::BTreeMap;

use super::loading::Loading;
use super::mappings::{headers, section};
use super::parts::choice;
use crate::error::Kind;
use crate::mapping::{DateForm, MappedColumn, NationalityScheme};
use crate::normalise::fold;
use crate::page::{At, Page};
use crate::record_type::{ColumnKind, RecordType};
use crate::table::{Table, Value};

const GROUPS: &str = "NATIONALITY_GROUP";
const SCHEMES: [(&str, NationalityScheme); 2] =
    [("iso", NationalityScheme::Iso), ("unhcr", NationalityScheme::Unhcr)];
const MARKS: [(&str, char); 2] = [(",", ','), (".", '.')];

/// All mapped columns of a record type: none missing, none strange.
pub(crate) fn all(
    loading: &Loading<'_>,
    record_type: &RecordType,
    value: Value<'_>,
) -> Option<BTreeMap<String, MappedColumn>> {
    let (page, at) = (value.page, value.at);
    let wanted = wanted(record_type);
    let mut columns = BTreeMap::new();
    for (name, value) in value.table()?.into_entries() {
        if let Some(kind) = wanted.get(name.value.as_str()) {
            columns.insert(name.value, value.table().map(|table| column(loading, table, kind)));
        } else {
            let thing = format!("column that a mapping of {} fills", record_type.id);
            page.unknown(&name, Kind::Column, &thing, wanted.keys().copied());
        }
    }
    for name in wanted.keys().filter(|name| !columns.contains_key(**name)) {
        let what = format!("{} is missing", section(name));
        page.fault(at, Kind::MissingKey, what, format!("say where `{name}` comes from, or a constant"));
    }
    columns.into_iter().map(|(name, column)| Some((name, column?))).collect()
}

/// The columns that a mapping fills: own ones but for derived, the event's date and, of persons, the legal basis.
fn wanted(record_type: &RecordType) -> BTreeMap<&str, Wanted<'_>> {
    let own = record_type.columns.iter().filter(|column| column.derived.is_none());
    let mut wanted: BTreeMap<&str, Wanted<'_>> = own
        .map(|column| {
            let kind = match &column.kind {
                ColumnKind::Code { list } => Wanted::Code(list),
                ColumnKind::Boolean => Wanted::Boolean,
                ColumnKind::Integer { .. } | ColumnKind::Decimal { .. } => Wanted::Number,
            };
            (column.name.as_str(), kind)
        })
        .collect();
    wanted.insert("event_month", Wanted::Date);
    if record_type.is_personal() {
        wanted.insert("legal_basis", Wanted::Code("LEGAL_BASIS"));
    }
    wanted
}

enum Wanted<'a> {
    Code(&'a str),
    Boolean,
    Number,
    Date,
}

fn column(loading: &Loading<'_>, mut table: Table<'_>, wanted: &Wanted<'_>) -> MappedColumn {
    check_origin(&table);
    let mut column = MappedColumn {
        from: table.optional("from", headers).unwrap_or_default(),
        constant: table.optional("constant", Value::text_or_number).map(|text| text.value),
        ..MappedColumn::default()
    };
    match wanted {
        Wanted::Code(list) => code(loading, &mut table, list, &mut column),
        Wanted::Boolean => {}
        Wanted::Number => column.decimal = table.optional("decimal", |value| choice(value, &MARKS)),
        Wanted::Date => column.dates = table.required("dates", dates).unwrap_or_default(),
    }
    table.finish();
    column
}

/// Values come from somewhere, and a constant from nowhere else.
fn check_origin(table: &Table<'_>) {
    let read = ["from", "from_age", "from_birth_year", "one_hot"].iter().filter(|key| table.has(key)).count();
    let fault = |what, remedy| table.page.fault(table.at, Kind::MissingKey, what, remedy);
    match (read, table.has("constant")) {
        (0, false) => fault("nothing says where the values come from", "add `from` or `constant`"),
        (0, true) | (1.., false) => {}
        (1.., true) => fault("a constant needs no column", "keep `from` or `constant`"),
    }
}

fn code(loading: &Loading<'_>, table: &mut Table<'_>, list: &str, column: &mut MappedColumn) {
    let page = table.page;
    column.scheme =
        if list == GROUPS { table.optional("scheme", |value| choice(value, &SCHEMES)) } else { None };
    if list.starts_with("AGE_") {
        column.from_age = table.optional("from_age", headers).unwrap_or_default();
        column.from_birth_year = table.optional("from_birth_year", headers).unwrap_or_default();
    }
    column.unknown = table.optional("unknown", Value::plain_texts).unwrap_or_default();
    column.split = table.optional("split", Value::text).map(|text| text.value);
    column.one_hot = table.optional("one_hot", Value::text).map(|text| text.value);
    column.drop_prefix = table.optional("drop_prefix", Value::plain_texts).unwrap_or_default();
    let scheme = column.scheme.unwrap_or(NationalityScheme::Iso);
    let read = |value| codes(loading, list, scheme, value);
    column.codes = table.optional("codes", read).unwrap_or_default();
    if let Some(constant) = &column.constant {
        loading.must_be_code(page, list, &At { value: constant.clone(), at: table.at });
    }
}

/// Translations: codes that exist, and no spelling that means something else already.
fn codes(
    loading: &Loading<'_>,
    list: &str,
    scheme: NationalityScheme,
    value: Value<'_>,
) -> Option<BTreeMap<String, String>> {
    let mut codes = BTreeMap::new();
    let mut meanings: BTreeMap<String, String> = BTreeMap::new();
    for (spelling, value) in value.table()?.into_entries() {
        let page = value.page;
        let Some(code) = value.text() else { continue };
        loading.must_be_code(page, list, &code);
        let folded = fold(&spelling.value);
        let declared = match list {
            GROUPS => loading.catalog.countries.group(&folded, scheme),
            list => loading.catalog.names.get(list).and_then(|names| names.code(&folded)),
        };
        let before = declared.or_else(|| meanings.get(&folded).map(String::as_str));
        check_meaning(page, &spelling, &code.value, before);
        meanings.insert(folded, code.value.clone());
        codes.insert(spelling.value, code.value);
    }
    Some(codes)
}

fn check_meaning(page: Page<'_>, spelling: &At<String>, code: &str, before: Option<&str>) {
    if let Some(before) = before.filter(|before| *before != code) {
        let what = format!("`{}` stands for `{before}` already, not only for `{code}`", spelling.value);
        page.fault(spelling.at, Kind::TwoMeanings, what, "keep one of the two meanings");
    }
}

fn dates(value: Value<'_>) -> Option<Vec<DateForm>> {
    let page = value.page;
    let forms = value.some_texts()?.into_iter().filter_map(|form| match form.value.as_str() {
        "rfc3339" => Some(DateForm::Rfc3339),
        "excel" => Some(DateForm::Excel),
        "serial" => Some(DateForm::Serial),
        pattern if is_date_pattern(pattern) => Some(DateForm::Pattern(form.value)),
        _ => {
            let remedy = "write `rfc3339`, `excel`, `serial` (both of workbooks) or a pattern of %Y, %m or %b, and %d, with %H, %M and %S where a time of day stands";
            page.fault(form.at, Kind::WrongValue, "this is no form of a date", remedy);
            None
        }
    });
    Some(forms.collect())
}

/// A year and a month, at most a day, with it at most a time of day, each once, and plain characters.
fn is_date_pattern(pattern: &str) -> bool {
    let mut found = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == '%' {
            match characters.next() {
                Some(part @ ('Y' | 'm' | 'b' | 'd' | 'H' | 'M' | 'S')) => found.push(part),
                _ => return false,
            }
        }
    }
    let count = |parts: &[char]| found.iter().filter(|part| parts.contains(part)).count();
    let time = ['H', 'M', 'S'].map(|part| count(&[part]));
    let is_date = count(&['Y']) == 1 && count(&['m', 'b']) == 1 && count(&['d']) <= 1;
    is_date && time.iter().all(|n| *n <= count(&['d']))
}
