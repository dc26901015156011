//! What a statistic's definition may name: the record types of its statement, their columns, lists, units, answers.

use std::collections::{BTreeMap, BTreeSet};

use marsad_terms::{Grain, Name, nearest};

use super::loading::Loading;
use super::sql;
use crate::error::{Kind, Place};
use crate::mapping::Mapping;
use crate::page::{At, Page};
use crate::record_type::{ColumnKind, RecordType};
use crate::statistic::BoundMode;
use crate::table::{Table, Value};

/// The names in reach of one definition.
pub(crate) struct Scope<'a> {
    loading: &'a Loading<'a>,
    words: BTreeSet<String>,
    record_types: Vec<&'a RecordType>,
    /// `[codes]`: code list of columns that the SQL derives.
    pub(crate) codes: BTreeMap<String, String>,
    derived: bool,
    /// A record type of the statement could not be read: what is missing then is no fault of the statistic.
    incomplete: bool,
}

/// Whether the name is a period's column.
pub(crate) fn is_period(name: &str) -> bool {
    Grain::ALL.iter().any(|grain| grain.column() == name)
}

/// Reads the statement's words and `[codes]`; a fault where it mentions no record type.
pub(crate) fn scope<'a>(
    loading: &'a Loading<'a>,
    page: Page<'_>,
    sql: &str,
    table: &mut Table<'_>,
) -> Scope<'a> {
    let words = sql::words(sql);
    let all = loading.catalog.record_types.values();
    let record_types: Vec<&RecordType> = all.filter(|known| words.contains(&known.id.to_string())).collect();
    let derived = sql.is_empty();
    let mut incomplete = words.iter().any(|word| loading.failed.contains(word));
    if record_types.is_empty() && !derived && !incomplete {
        let what = "the statement names no record type";
        page.fault(Place::top(), Kind::Sql, what, like_a_record_type(loading, &words));
        // Nothing else of it can be judged.
        incomplete = true;
    }
    let mut scope = Scope { loading, words, record_types, codes: BTreeMap::new(), derived, incomplete };
    scope.codes = table.optional("codes", |value| codes(&scope, value)).unwrap_or_default();
    scope
}

/// What to write where a statement names no record type.
fn like_a_record_type(loading: &Loading<'_>, words: &BTreeSet<String>) -> String {
    let known: Vec<&str> = loading.catalog.record_types.keys().map(Name::as_str).collect();
    let near = words.iter().find_map(|word| Some((word, nearest(word, known.iter().copied())?)));
    match near.filter(|(word, _)| word.len() > 3) {
        Some((word, near)) => format!("it says `{word}`: did you mean `{near}`?"),
        None => format!("write FROM and one of: {}", known.join(", ")),
    }
}

fn codes(scope: &Scope<'_>, value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let mut codes = BTreeMap::new();
    for (column, value) in value.table()?.into_entries() {
        let page = value.page;
        scope.must_be_mentioned(page, &column);
        let Some(list) = value.text() else { continue };
        scope.loading.has_code_list(page, &list);
        codes.insert(column.value, list.value);
    }
    Some(codes)
}

impl Scope<'_> {
    /// Whether the statement has that name in it.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.words.contains(name)
    }

    /// Keeps a fault where the statement lacks the name.
    pub(crate) fn must_be_mentioned(&self, page: Page<'_>, name: &At<String>) {
        if !self.mentions(&name.value) {
            let known = self.words.iter().map(String::as_str);
            page.unknown(name, Kind::Column, "column of the statement", known);
        }
    }

    /// The code list of a dimension; a fault where the name is none.
    pub(crate) fn list_of(&self, page: Page<'_>, name: &At<String>) -> Option<&str> {
        let dimensions = self.dimensions();
        let list = dimensions.get(name.value.as_str()).copied();
        if list.is_none() && !self.incomplete {
            match self.misspelt(&name.value) {
                Some(word) => {
                    let what = format!("the statement does not name `{}`", name.value);
                    let remedy = format!("it says `{word}`: did you mean `{}`?", name.value);
                    page.fault(name.at, Kind::Column, what, remedy);
                }
                None => {
                    page.unknown(
                        name,
                        Kind::Column,
                        "dimension of the statement",
                        dimensions.keys().copied(),
                    );
                }
            }
        }
        list
    }

    /// The word of the statement that is nearly this column of its record types.
    fn misspelt(&self, column: &str) -> Option<&str> {
        let is_column = |name: &str| self.record_types.iter().any(|known| known.column(name).is_some());
        if !is_column(column) || self.mentions(column) {
            return None;
        }
        nearest(column, self.words.iter().map(String::as_str).filter(|word| !is_column(word)))
    }

    fn dimensions(&self) -> BTreeMap<&str, &str> {
        let columns = self.record_types.iter().flat_map(|known| &known.columns);
        let coded = columns.filter_map(|column| match &column.kind {
            ColumnKind::Code { list } => Some((column.name.as_str(), list.as_str())),
            _ => None,
        });
        let derived = self.codes.iter().map(|(column, list)| (column.as_str(), list.as_str()));
        coded.chain(derived).filter(|(column, _)| self.mentions(column)).collect()
    }

    /// Keeps a fault where the code is none of that list.
    pub(crate) fn must_be_code(&self, page: Page<'_>, list: Option<&str>, code: &At<String>) {
        if let Some(list) = list {
            self.loading.must_be_code(page, list, code);
        }
    }

    /// Keeps a fault where the column holds no number, or where a mapping copies it to several rows.
    pub(crate) fn must_be_summable(&self, page: Page<'_>, name: &At<String>) {
        let number =
            |kind: &ColumnKind| matches!(kind, ColumnKind::Integer { .. } | ColumnKind::Decimal { .. });
        let numbers = self.record_types.iter().flat_map(|known| &known.columns);
        let numbers: Vec<&str> =
            numbers.filter(|column| number(&column.kind)).map(|column| column.name.as_str()).collect();
        if !numbers.contains(&name.value.as_str()) && !self.incomplete {
            page.unknown(name, Kind::Column, "column of numbers in the statement's record types", numbers);
        }
        for known in self.record_types.iter().filter(|known| known.column(&name.value).is_some()) {
            if let Some(mapping) =
                self.loading.catalog.mappings.values().find(|mapping| copies(known, mapping))
            {
                let what =
                    format!("mapping `{}` copies `{}` to each row of a multi-select", mapping.id, name.value);
                page.fault(
                    name.at,
                    Kind::Copied,
                    what,
                    "count rows or persons instead of summing this column",
                );
            }
        }
    }

    /// The unit, a code of UNIT_MEASURE.
    pub(crate) fn unit(&self, value: Value<'_>) -> Option<String> {
        let page = value.page;
        let unit = value.text()?;
        let known = self.codes_of("UNIT_MEASURE");
        if !known.contains(&unit.value.as_str()) {
            page.unknown(&unit, Kind::Unit, "unit", known);
        }
        Some(unit.value)
    }

    /// Indicators and, as `axis:N`, axes of the strategy.
    pub(crate) fn answers(&self, value: Value<'_>) -> Option<Vec<String>> {
        let page = value.page;
        let axes = self.codes_of("SNIA_AXIS").into_iter().filter(|axis| *axis != "_U");
        let axes: Vec<String> = axes.map(|axis| format!("axis:{axis}")).collect();
        let mut known = self.codes_of("INDICATOR");
        known.extend(axes.iter().map(String::as_str));
        let answers = value.texts()?;
        for answer in answers.iter().filter(|answer| !known.contains(&answer.value.as_str())) {
            page.unknown(answer, Kind::Answer, "indicator or axis", known.iter().copied());
        }
        Some(answers.into_iter().map(|answer| answer.value).collect())
    }

    fn codes_of(&self, list: &str) -> Vec<&str> {
        let list = self.loading.catalog.code_lists.get(list);
        list.map(|list| list.codes.iter().map(|code| code.id.as_str()).collect()).unwrap_or_default()
    }

    /// The bound of a statistic that declares none: persons at their home cell, organisations unbounded.
    pub(crate) fn default_mode(&self) -> BoundMode {
        if self.is_personal() { BoundMode::HomeCell } else { BoundMode::None }
    }

    /// Persons are bounded; organisations and derived statistics are not.
    pub(crate) fn check_mode(&self, table: &Table<'_>, mode: Option<BoundMode>) {
        let Some(mode) = mode else { return };
        let (what, remedy) = match (mode, self.is_personal()) {
            (BoundMode::None, true) => {
                ("persons are counted without a bound", "choose a bound: home_cell, norm_clip…")
            }
            (BoundMode::None, false) | (_, true) => return,
            (_, false) if self.incomplete => return,
            (_, false) => ("there is no person to bound", "write mode = \"none\""),
        };
        table.page.fault(Place::top(), Kind::Bound, what, remedy);
    }

    fn is_personal(&self) -> bool {
        !self.derived && self.record_types.iter().any(|known| known.is_personal())
    }
}

/// Whether the mapping gives one record several rows of that type.
fn copies(record_type: &RecordType, mapping: &Mapping) -> bool {
    let several = record_type.columns.iter().filter(|column| column.row_per_code);
    mapping.record_type == record_type.id
        && several
            .filter_map(|column| mapping.columns.get(&column.name))
            .any(|mapped| mapped.split.is_some() || mapped.one_hot.is_some())
}
