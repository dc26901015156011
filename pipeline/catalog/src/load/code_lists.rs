//! Reads `schemas/code_lists/*.csv` and the spellings by which landing knows each code.

use std::collections::BTreeMap;
use std::path::Path;

use marsad_terms::{Language, Text};

use super::csv_rows::{self, Row};
use super::loading::Loading;
use super::source;
use crate::code_list::Names;
use crate::error::{Faults, Kind};
use crate::normalise::fold;
use crate::page::{At, Page};
use crate::{Code, CodeList, Place};

/// Where code lists lie.
pub(crate) const FOLDER: &str = "schemas/code_lists";
/// Lists that definitions of every workspace use by name.
const ALWAYS: [&str; 8] = [
    "FREQ",
    "INDICATOR",
    "LEGAL_BASIS",
    "NATIONALITY_GROUP",
    "OBS_STATUS",
    "REF_AREA",
    "SNIA_AXIS",
    "UNIT_MEASURE",
];
const REQUIRED: [&str; 5] = ["code", "label_fr", "label_ar", "label_en", "order"];

/// A spelling of a code and where it stands.
struct Spelling {
    file: String,
    at: Place,
    text: String,
    code: String,
}

pub(crate) fn load(dir: &Path, loading: &mut Loading<'_>) {
    let mut spellings = BTreeMap::new();
    for source in source::files(dir, FOLDER, "csv", loading.faults) {
        let Some(page) = Page::open(&source.file, &source.bytes, loading.faults) else { continue };
        if page.stem() == "country" {
            continue;
        }
        match read(page) {
            Some((list, rows)) => {
                spellings.insert(list.id.clone(), spelled(page, &list, &rows));
                loading.catalog.code_lists.insert(list.id.clone(), list);
            }
            None => {
                loading.failed.insert(page.stem().to_owned());
            }
        }
    }
    check_always(loading);
    loading.catalog.names = names(&spellings, loading.faults);
}

fn check_always(loading: &Loading<'_>) {
    let lists = &loading.catalog.code_lists;
    let absent =
        |id: &&&str| !lists.is_empty() && !lists.contains_key(**id) && !loading.failed.contains(**id);
    for id in ALWAYS.iter().filter(absent) {
        let what = format!("the code list `{id}` is missing");
        let remedy = format!("add {id}.csv; `marsad init` writes it");
        loading.faults.add(FOLDER, Place::top(), Kind::CodeList, (what, remedy));
    }
}

fn read(page: Page<'_>) -> Option<(CodeList, Vec<Row>)> {
    let id = page.stem();
    if !id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
        let what = format!("`{id}` is no id of a code list");
        page.fault(Place::top(), Kind::FileName, what, "name the file in capitals, such as REF_AREA.csv");
    }
    let (header, mut rows) = csv_rows::read(page)?;
    check_header(page, &header, &REQUIRED)?;
    // Where an order is faulty the row stays, so that its codes are known to what names them.
    rows.sort_by_key(|row| order(page, row));
    let mut codes: Vec<Code> = Vec::new();
    for row in &rows {
        check_code(page, row, &codes);
        codes.push(code(page, row));
    }
    Some((CodeList { id: id.to_owned(), codes }, rows))
}

/// Keeps a fault for each required column that is absent; none of them may be.
pub(crate) fn check_header(page: Page<'_>, header: &[At<String>], required: &[&str]) -> Option<()> {
    let has = |name: &str| header.iter().any(|column| column.value == name);
    let strangers = header.iter().map(|column| column.value.as_str()).filter(|name| !required.contains(name));
    let strangers: Vec<&str> = strangers.collect();
    for name in required.iter().filter(|name| !has(name)) {
        let remedy = match marsad_terms::nearest(name, strangers.iter().copied()) {
            Some(near) => format!("write `{name}` instead of `{near}`"),
            None => format!("add the column `{name}`"),
        };
        page.fault(Place::top(), Kind::MissingKey, format!("the column `{name}` is missing"), remedy);
    }
    required.iter().all(|name| has(name)).then_some(())
}

fn order(page: Page<'_>, row: &Row) -> u32 {
    row["order"].value.parse().unwrap_or_else(|_| {
        page.fault(row["order"].at, Kind::WrongValue, "the order is no whole number", "write 1, 2, 3…");
        u32::MAX
    })
}

fn check_code(page: Page<'_>, row: &Row, before: &[Code]) {
    let id = &row["code"];
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if id.value.is_empty() || !id.value.bytes().all(plain) {
        page.fault(id.at, Kind::WrongValue, "this is no code", "write letters, digits, `_` and `-`");
    }
    if before.iter().any(|code| code.id == id.value) {
        let what = format!("the code `{}` stands here twice", id.value);
        page.fault(id.at, Kind::Duplicate, what, "keep one of the two rows");
    }
    if let Some(parent) = row.get("parent").filter(|parent| !parent.value.is_empty())
        && !before.iter().any(|code| code.id == parent.value)
    {
        let known = before.iter().map(|code| code.id.as_str());
        page.unknown(parent, Kind::Code, "code that stands before this one", known);
    }
}

fn code(page: Page<'_>, row: &Row) -> Code {
    let parent = row.get("parent").map(|parent| parent.value.clone()).filter(|parent| !parent.is_empty());
    let own = |name: &str| !REQUIRED.contains(&name) && name != "parent";
    let attributes = row.iter().filter(|(name, _)| own(name));
    Code {
        id: row["code"].value.clone(),
        label: label(page, row),
        parent,
        attributes: attributes.map(|(name, field)| (name.clone(), field.value.clone())).collect(),
    }
}

/// The labels of a row; a fault for each that is empty.
pub(crate) fn label(page: Page<'_>, row: &Row) -> Text {
    let [fr, ar, en] = Language::ALL.map(|language| {
        let field = &row[&format!("label_{language}")];
        if field.value.trim().is_empty() {
            let what = format!("the label in `{language}` is missing");
            page.fault(field.at, Kind::Translation, what, "write the label");
        }
        field.value.clone()
    });
    Text { fr, ar, en }
}

/// Codes and labels by which records name a code: no totals, no codes with `_`, no labels of `_U`, which a mapping must declare.
fn spelled(page: Page<'_>, list: &CodeList, rows: &[Row]) -> Vec<Spelling> {
    let domain: Vec<&str> = list.domain().iter().map(|code| code.id.as_str()).collect();
    let mut spellings = Vec::new();
    for row in rows.iter().filter(|row| domain.contains(&row["code"].value.as_str())) {
        let code = &row["code"].value;
        let columns: &[&str] = match code.as_str() {
            "_U" => &[],
            code if code.starts_with('_') => &["label_fr", "label_ar", "label_en"],
            _ => &["code", "label_fr", "label_ar", "label_en"],
        };
        spellings.extend(columns.iter().map(|column| Spelling {
            file: page.file.to_owned(),
            at: row[*column].at,
            text: row[*column].value.clone(),
            code: code.clone(),
        }));
    }
    spellings
}

fn names(spellings: &BTreeMap<String, Vec<Spelling>>, faults: &Faults) -> BTreeMap<String, Names> {
    let mut all = BTreeMap::new();
    for (list, own) in spellings {
        let mut names = Names::default();
        for spelling in own {
            add(&mut names, spelling, &spelling.code, faults);
        }
        for outside in spellings.get(&format!("{list}_OTHER")).into_iter().flatten() {
            add(&mut names, outside, "_O", faults);
        }
        all.insert(list.clone(), names);
    }
    all
}

fn add(names: &mut Names, spelling: &Spelling, code: &str, faults: &Faults) {
    let before = names.0.entry(fold(&spelling.text)).or_insert_with(|| code.to_owned());
    if before != code {
        let what = format!("`{}` stands for `{before}` and for `{code}`", spelling.text);
        let remedy = "give one of the two codes another label".to_owned();
        faults.add(&spelling.file, spelling.at, Kind::TwoMeanings, (what, remedy));
    }
}
