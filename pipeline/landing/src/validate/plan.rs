//! A mapping made ready against its record type: every landed column with its source, every spelling folded. What does
//! not fit is found here, before a row is read.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use marsad_catalog::mapping::IdentifierSpec;
use marsad_catalog::{Catalog, Column, ColumnKind, DateForm, MappedColumn, Mapping, RecordType, clean, fold};
use marsad_terms::Digest;
use regex::Regex;

use super::age::Bands;
use super::codes::Codes;
use super::number::Number;
use super::{NULL, date};
use crate::key_space::KeySpace;
use crate::{Error, Result};

/// Spellings that stand for no identifier (R01).
const PLACEHOLDERS: [&str; 15] = [
    "inconnu",
    "inconnue",
    "unknown",
    "n/a",
    "na",
    "none",
    "aucun",
    "sans",
    "test",
    "x",
    "?",
    "0",
    "999",
    "غير معروف",
    "لا يوجد",
];

/// How the cells of a column are read.
pub(crate) enum Value<'a> {
    Code(Box<Codes<'a>>),
    Boolean,
    Integer {
        min: i64,
        max: i64,
    },
    /// In hundredths.
    Decimal {
        min: i64,
        max: i64,
        step: Option<i64>,
    },
}

/// Where a column's values come from.
pub(crate) enum Source {
    Constant(i64),
    /// One cell, or the one-hot columns of that prefix alone.
    Cell,
    Age(Bands),
    /// By the index of another column's code.
    Derived {
        from: usize,
        table: Vec<i64>,
    },
}

/// One landed column.
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Value<'a>,
    pub(crate) source: Source,
    pub(crate) decimal: char,
    pub(crate) row_per_code: bool,
    /// Required with, forbidden without these codes of another column.
    pub(crate) only_with: Option<(usize, Vec<i64>)>,
}

impl<'a> Target<'a> {
    /// The codes, of a code column.
    pub(crate) fn codes(&self) -> Option<&Codes<'a>> {
        match &self.value {
            Value::Code(codes) => Some(codes),
            _ => None,
        }
    }

    /// Whether the column follows from another one.
    pub(crate) fn is_derived(&self) -> bool {
        matches!(self.source, Source::Derived { .. })
    }
}

/// How identifiers are read.
pub(crate) struct IdentifierRule {
    pub(crate) scheme: String,
    pub(crate) pattern: Option<Regex>,
    pub(crate) pad: Option<usize>,
    pub(crate) placeholders: BTreeSet<String>,
    /// ASCII digits of the placeholder that has most.
    pub(crate) most_digits: usize,
}

impl IdentifierRule {
    /// The rule of a mapping.
    ///
    /// # Errors
    /// What is wrong with its pattern.
    pub(crate) fn new(spec: &IdentifierSpec) -> Result<Self, String> {
        let anchored = |pattern: &String| Regex::new(&format!("^(?:{pattern})$"));
        let pattern = spec.pattern.as_ref().map(anchored).transpose();
        let own = spec.placeholders.iter().map(String::as_str);
        let placeholders: BTreeSet<String> = PLACEHOLDERS.into_iter().chain(own).map(fold).collect();
        let n_digits = |text: &String| text.bytes().filter(u8::is_ascii_digit).count();
        Ok(Self {
            scheme: spec.scheme.clone(),
            pattern: pattern.map_err(|_| "the identifier's pattern is no regular expression")?,
            pad: spec.pad.and_then(|pad| usize::try_from(pad).ok()),
            most_digits: placeholders.iter().map(n_digits).max().unwrap_or(0),
            placeholders,
        })
    }
}

/// A mapping against its record type.
pub(crate) struct Plan<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) record_type: &'a RecordType,
    /// The record type's columns in order, then `legal_basis` of persons.
    pub(crate) targets: Vec<Target<'a>>,
    pub(crate) identifier: Option<IdentifierRule>,
    /// The forms that dates are read in.
    pub(crate) dates: &'a [DateForm],
    /// The one day of all records, where the mapping says so.
    pub(crate) day: Option<NaiveDate>,
    pub(crate) consent: BTreeSet<String>,
    pub(crate) key_space: KeySpace,
}

impl<'a> Plan<'a> {
    /// The plan of a mapping.
    ///
    /// # Errors
    /// `UnknownMapping`, `Definition`.
    pub(crate) fn new(catalog: &'a Catalog, mapping: &str) -> Result<Self> {
        let mapping = known_mapping(catalog, mapping)?;
        build(catalog, mapping).map_err(|what| Error::Definition { mapping: mapping.id.clone(), what })
    }
}

impl Plan<'_> {
    /// A hash of all definitions that decide how a file is read. Another version may hash otherwise; then a file that
    /// landed is read again and gives duplicates only.
    pub(crate) fn definitions(&self) -> Digest {
        let mut text = format!("{:?}\n{:?}\n", self.mapping, self.record_type);
        for codes in self.targets.iter().filter_map(Target::codes) {
            text.push_str(&codes.definitions());
        }
        Digest::of(text.as_bytes())
    }
}

fn known_mapping<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Mapping> {
    catalog.mappings.get(name).ok_or_else(|| {
        let known = catalog.mappings.keys().map(String::as_str);
        let remedy = match marsad_terms::nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("name one of: {}", known.collect::<Vec<_>>().join(", ")),
        };
        Error::UnknownMapping { name: name.chars().take(80).collect(), remedy }
    })
}

fn build<'a>(catalog: &'a Catalog, mapping: &'a Mapping) -> Result<Plan<'a>, String> {
    let record_type = catalog.record_types.get(&mapping.record_type);
    let record_type =
        record_type.ok_or_else(|| format!("there is no record type `{}`", mapping.record_type))?;
    if mapping.file.delimiter.is_some_and(|delimiter| !delimiter.is_ascii()) {
        return Err("the delimiter is no ASCII character".to_owned());
    }
    let event = mapping.columns.get("event_month").ok_or("nothing fills `event_month`")?;
    let mut targets = Vec::new();
    for column in &record_type.columns {
        targets.push(target(catalog, mapping, record_type, column)?);
    }
    for (index, column) in record_type.columns.iter().enumerate() {
        targets[index].only_with = only_with(&targets, record_type, column)?;
    }
    if record_type.is_personal() {
        targets.push(legal_basis(catalog, mapping)?);
    }
    Ok(Plan {
        mapping,
        record_type,
        targets,
        identifier: identifier(mapping, record_type)?,
        dates: &event.dates,
        day: constant_day(event)?,
        consent: mapping.consent.iter().flat_map(|consent| &consent.yes).map(|yes| fold(yes)).collect(),
        key_space: KeySpace::of(record_type)?,
    })
}

fn constant_day(event: &MappedColumn) -> Result<Option<NaiveDate>, String> {
    let Some(constant) = &event.constant else { return Ok(None) };
    let day = date::parse(&clean(constant), &event.dates);
    day.map(Some).ok_or_else(|| "the constant of `event_month` is no date in a declared form".to_owned())
}

fn target<'a>(
    catalog: &'a Catalog,
    mapping: &'a Mapping,
    record_type: &'a RecordType,
    column: &'a Column,
) -> Result<Target<'a>, String> {
    let absent = MappedColumn::default();
    let mapped = mapping.columns.get(&column.name);
    let value = value(catalog, &column.kind, mapped.unwrap_or(&absent))?;
    let source = match (&column.derived, mapped) {
        (Some(derived), _) => derive(catalog, record_type, derived, &value)?,
        (None, Some(mapped)) => source(column, mapped, &value)?,
        (None, None) => return Err(format!("nothing fills `{}`", column.name)),
    };
    let decimal = mapped.and_then(|mapped| mapped.decimal).unwrap_or('.');
    let row_per_code = column.row_per_code;
    Ok(Target { name: &column.name, value, source, decimal, row_per_code, only_with: None })
}

fn legal_basis<'a>(catalog: &'a Catalog, mapping: &'a Mapping) -> Result<Target<'a>, String> {
    let mapped = mapping.columns.get("legal_basis").ok_or("nothing fills `legal_basis`")?;
    let value = Value::Code(Box::new(Codes::new(catalog, "LEGAL_BASIS", mapped)?));
    let source = match &mapped.constant {
        Some(constant) => Source::Constant(constant_of("legal_basis", constant, &value)?),
        None => Source::Cell,
    };
    Ok(Target { name: "legal_basis", value, source, decimal: '.', row_per_code: false, only_with: None })
}

fn value<'a>(catalog: &'a Catalog, kind: &ColumnKind, mapped: &MappedColumn) -> Result<Value<'a>, String> {
    let hundredths = |text: &str| {
        let number = Number::parse(text, '.').and_then(Number::hundredths);
        number.ok_or_else(|| format!("`{text}` is no decimal with two places"))
    };
    Ok(match kind {
        ColumnKind::Code { list } => Value::Code(Box::new(Codes::new(catalog, list, mapped)?)),
        ColumnKind::Boolean => Value::Boolean,
        ColumnKind::Integer { min, max } => Value::Integer { min: *min, max: *max },
        ColumnKind::Decimal { min, max, step } => Value::Decimal {
            min: hundredths(min)?,
            max: hundredths(max)?,
            step: step.as_deref().map(hundredths).transpose()?.filter(|step| *step > 0),
        },
    })
}

fn source(column: &Column, mapped: &MappedColumn, value: &Value<'_>) -> Result<Source, String> {
    if let Some(constant) = &mapped.constant {
        return constant_of(&column.name, constant, value).map(Source::Constant);
    }
    if mapped.from_age.is_empty() && mapped.from_birth_year.is_empty() {
        let has_cell = !mapped.from.is_empty() || mapped.one_hot.is_some();
        return if has_cell { Ok(Source::Cell) } else { Err(format!("nothing fills `{}`", column.name)) };
    }
    match value {
        Value::Code(codes) => Ok(Source::Age(Bands::of(codes.list))),
        _ => Err(format!("`{}` is no code column, so no age can fill it", column.name)),
    }
}

fn constant_of(name: &str, constant: &str, value: &Value<'_>) -> Result<i64, String> {
    let number = || Number::parse(&clean(constant), '.');
    let found = match value {
        Value::Code(codes) => codes.index(constant),
        Value::Boolean => boolean(constant).map(i64::from),
        Value::Integer { min, max } => number().and_then(Number::whole).filter(|n| (min..=max).contains(&n)),
        Value::Decimal { min, max, .. } => {
            number().and_then(Number::hundredths).filter(|n| (min..=max).contains(&n))
        }
    };
    found.ok_or_else(|| format!("the constant of `{name}` is none of its values"))
}

fn derive(
    catalog: &Catalog,
    record_type: &RecordType,
    (from, attribute): &(String, String),
    value: &Value<'_>,
) -> Result<Source, String> {
    let position = record_type.columns.iter().position(|column| column.name == *from);
    let from_list = catalog.code_list_of(&record_type.id, from).and_then(|list| catalog.code_lists.get(list));
    let (Some(position), Some(list), Value::Code(codes)) = (position, from_list, value) else {
        return Err(format!("`{from}` is no code column to derive from"));
    };
    let table = list.codes.iter().map(|code| {
        let text = code.attributes.get(attribute).map_or("", String::as_str);
        let code = if text.is_empty() { "_U" } else { text };
        codes
            .index(code)
            .ok_or_else(|| format!("`{attribute}` of `{}` leads to no code of `{}`", list.id, codes.list.id))
    });
    Ok(Source::Derived { from: position, table: table.collect::<Result<_, _>>()? })
}

fn only_with(
    targets: &[Target<'_>],
    record_type: &RecordType,
    column: &Column,
) -> Result<Option<(usize, Vec<i64>)>, String> {
    let Some((other, wanted)) = &column.only_with else { return Ok(None) };
    let position = record_type.columns.iter().position(|column| column.name == *other);
    let position = position.ok_or_else(|| format!("there is no column `{other}`"))?;
    let codes = targets[position].codes().ok_or_else(|| format!("`{other}` is no code column"))?;
    let indices = wanted.iter().map(|code| codes.index(code)).collect::<Option<Vec<_>>>();
    Ok(Some((position, indices.ok_or_else(|| format!("`{other}` lacks a code of `{}`", column.name))?)))
}

fn identifier(mapping: &Mapping, record_type: &RecordType) -> Result<Option<IdentifierRule>, String> {
    match (&mapping.identifier, record_type.is_personal()) {
        (Some(spec), true) => IdentifierRule::new(spec).map(Some),
        (None, false) => Ok(None),
        (None, true) => Err("a record about a person needs [identifier]".to_owned()),
        (Some(_), false) => Err("a record about an organisation has no [identifier]".to_owned()),
    }
}

/// Yes or no in the three languages, `true`, `false`, `1`, `0`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match fold(text).as_str() {
        "yes" | "oui" | "نعم" | "true" | "1" => Some(true),
        "no" | "non" | "لا" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// A value in words that do not depend on the order of a code list: part of record ids and identities.
pub(crate) fn value_text(target: &Target<'_>, value: i64) -> String {
    match target.codes() {
        Some(codes) => codes.code(value).to_owned(),
        None if value == NULL => String::new(),
        None => value.to_string(),
    }
}
