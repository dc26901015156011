//! Reads `schemas/code_lists/country.csv`: by which names and codes a country leads to its nationality group.

use std::collections::BTreeMap;
use std::path::Path;

use super::csv_rows::{self, Row};
use super::loading::Loading;
use super::{code_lists, source};
use crate::country::{Countries, Country};
use crate::error::Kind;
use crate::normalise::fold;
use crate::page::{At, Page};

const FILE: &str = "schemas/code_lists/country.csv";
const GROUPS: &str = "NATIONALITY_GROUP";
const LABELS: [&str; 3] = ["label_fr", "label_ar", "label_en"];
const COLUMNS: [&str; 7] = ["iso2", "iso3", "unhcr", "label_fr", "label_ar", "label_en", "nationality_group"];

pub(crate) fn load(dir: &Path, loading: &mut Loading<'_>) {
    let Some(source) = source::file(dir, FILE, loading.faults) else { return };
    let Some(page) = Page::open(&source.file, &source.bytes, loading.faults) else { return };
    if let Some(countries) = read(page, loading) {
        loading.catalog.countries = countries;
    }
}

fn read(page: Page<'_>, loading: &Loading<'_>) -> Option<Countries> {
    let (header, rows) = csv_rows::read(page)?;
    for column in header.iter().filter(|column| !COLUMNS.contains(&column.value.as_str())) {
        page.unknown(column, Kind::UnknownKey, "column of this file", COLUMNS);
    }
    code_lists::check_header(page, &header, &COLUMNS)?;
    let mut countries = Countries::default();
    for row in &rows {
        check(page, loading, row, &countries);
        add(page, &mut countries.iso, row, &["iso2", "iso3"]);
        add(page, &mut countries.unhcr, row, &["unhcr"]);
        countries.all.push(country(page, row));
    }
    // A group's own names come last: a country of that name counts first.
    for (name, group) in loading.catalog.names.get(GROUPS).iter().flat_map(|names| &names.0) {
        for names in [&mut countries.iso, &mut countries.unhcr] {
            names.entry(name.clone()).or_insert_with(|| group.clone());
        }
    }
    Some(countries)
}

fn check(page: Page<'_>, loading: &Loading<'_>, row: &Row, before: &Countries) {
    loading.must_be_code(page, GROUPS, &row["nationality_group"]);
    let (iso2, iso3) = (&row["iso2"], &row["iso3"]);
    for (code, length) in [(iso2, 2), (iso3, 3)] {
        if code.value.len() != length || !code.value.bytes().all(|b| b.is_ascii_uppercase()) {
            let what = format!("this is no ISO code of {length} letters");
            page.fault(code.at, Kind::WrongValue, what, "write the code of ISO 3166-1");
        }
    }
    if before.all.iter().any(|country| country.iso2 == iso2.value || country.iso3 == iso3.value) {
        let what = format!("the country `{}` stands here twice", iso2.value);
        page.fault(iso2.at, Kind::Duplicate, what, "keep one of the two rows");
    }
}

fn add(page: Page<'_>, names: &mut BTreeMap<String, String>, row: &Row, codes: &[&str]) {
    let group = &row["nationality_group"].value;
    let fields: Vec<&At<String>> = codes.iter().chain(&LABELS).map(|column| &row[*column]).collect();
    for field in fields.into_iter().filter(|field| !field.value.is_empty()) {
        let before = names.entry(fold(&field.value)).or_insert_with(|| group.clone());
        if before != group {
            let what = format!("`{}` leads to `{before}` and to `{group}`", field.value);
            page.fault(field.at, Kind::TwoMeanings, what, "give one of the two countries another name");
        }
    }
}

fn country(page: Page<'_>, row: &Row) -> Country {
    let text = |column: &str| row[column].value.clone();
    Country {
        iso2: text("iso2"),
        iso3: text("iso3"),
        unhcr: text("unhcr"),
        label: code_lists::label(page, row),
        nationality_group: text("nationality_group"),
    }
}
