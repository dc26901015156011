//! A small world for the attacks: the tables of V12 with rows that tie, lack values and reach the ends of their types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Int64Array, RecordBatch,
    StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use marsad_terms::{Digest, Month};
use proptest::prelude::*;
use serde_json::Value;

use crate::analyse::{Analysis, Declared, Verdict, analyse};
use crate::landed_rows::NO_DAY;
use crate::sources::{Source, Sources, Whose};
use crate::tabulate::{Table, Tables};

pub(super) const REGIONS: [&str; 4] = ["MA-01", "MA-02", "MA-06", "_U"];
pub(super) const SERVICES: [&str; 4] = ["SHELTER", "MEDICAL", "LEGAL", "_U"];
pub(super) const SEXES: [&str; 3] = ["F", "M", "_U"];
const NOTES: [&str; 10] =
    ["", "abc", "5", "-0.0", "x\u{e9}", "NaN", "1e308", "99999999999999999999999", "2026-02-30", "a.c"];

/// The vector of verdicts.
pub(super) fn vector() -> Value {
    serde_json::from_str(include_str!("../../testdata/V12_sql_verdicts.json")).unwrap()
}

fn data_type(text: &str) -> DataType {
    match text {
        "fixed_size_binary[16]" => DataType::FixedSizeBinary(16),
        "date32[day]" => DataType::Date32,
        "string" => DataType::Utf8,
        "decimal128(9, 2)" => DataType::Decimal128(9, 2),
        "int64" => DataType::Int64,
        other => panic!("{other}"),
    }
}

/// The tables of V12; records have an event month and a year as landed ones do, and periods are periods.
pub(super) fn sources() -> Sources {
    let vector = vector();
    let coded: BTreeSet<&str> =
        vector["columns_with_code_list"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    let mut sources = Sources::default();
    for (name, table) in vector["schema"].as_object().unwrap() {
        let of_records = table["kind"] == "records";
        let mut columns: BTreeMap<String, DataType> = table["columns"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, of)| (name.clone(), data_type(of.as_str().unwrap())))
            .collect();
        if of_records {
            columns.insert("event_month".to_owned(), DataType::Date32);
            columns.insert("year".to_owned(), DataType::Utf8);
        }
        let sure = ["person_key", "record_id", "event_month", "quarter", "year"];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, of)| Field::new(name, of.clone(), !sure.contains(&name.as_str())))
            .collect();
        let listed = columns.keys().filter(|c| coded.contains(c.as_str()) && *c != "quarter");
        let lists = listed.map(|c| (c.clone(), c.clone())).collect();
        let key =
            |key: &Value| key.as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
        let subject = match of_records {
            true => {
                Whose::Persons { key_space: table["key_space"].as_str().unwrap_or("programme").to_owned() }
            }
            false => Whose::Nobody { unique_key: key(&table["unique_key"]), content: Digest::of(b"") },
        };
        let schema = Arc::new(Schema::new(fields));
        sources.tables.insert(name.clone(), Source { schema, lists, subject });
    }
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    sources.codes.insert("region".to_owned(), codes(&REGIONS));
    sources.codes.insert("service".to_owned(), codes(&SERVICES));
    sources.codes.insert("sex".to_owned(), codes(&SEXES));
    sources
}

/// What V12 declares, and the measure of the generated statements.
pub(super) fn declared() -> Declared {
    Declared {
        codes: BTreeMap::from([("band".to_owned(), "BAND".to_owned())]),
        measures: vec!["hours".to_owned(), "x".to_owned()],
    }
}

/// The analysis of a statement that is accepted.
pub(super) fn accepted(sql: &str) -> Analysis {
    match analyse(sql, &sources(), &declared()) {
        Verdict::Accepted(analysis) => *analysis,
        Verdict::Refused(refusals) => panic!("{sql}: {refusals:?}"),
        Verdict::Invalid { what, .. } => panic!("{sql}: {what}"),
    }
}

/// A record of any record type.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) table: usize,
    pub(super) person: u8,
    pub(super) id: u8,
    month: u8,
    codes: [Option<usize>; 4],
    numbers: [Option<i64>; 2],
    note: Option<usize>,
    outermost: Option<bool>,
}

/// The record types of one key space, and the other one.
pub(super) const RECORDS: [&str; 3] = ["assistance_service", "training", "vot_identification"];

/// Rows of a few persons, in all record types; months and values tie often.
pub(super) fn records() -> impl Strategy<Value = Vec<Record>> {
    let number = prop_oneof![6 => -2..5_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => Just(0)];
    let code = || proptest::option::weighted(0.9, 0..4_usize);
    let record = (
        0..3_usize,
        0..6_u8,
        0..8_u8,
        [code(), code(), code(), code()],
        (proptest::option::weighted(0.8, number), proptest::option::weighted(0.8, 0..9_i64)),
        proptest::option::weighted(0.8, 0..NOTES.len()),
    );
    let record = record.prop_map(|(table, person, month, codes, (amount, hours), note)| Record {
        table,
        person,
        id: 0,
        month,
        codes,
        numbers: [amount, hours],
        note,
        outermost: None,
    });
    proptest::collection::vec(record, 0..40).prop_map(|mut records| {
        records.iter_mut().zip(0..).for_each(|(record, id)| record.id = id);
        records
    })
}

/// Rows at the ends of their types, beside each other within a person: zero, overflow, bad casts, NaN, the outermost dates.
pub(super) fn extremes() -> Vec<Record> {
    let amounts = [Some(i64::MIN), Some(i64::MAX), Some(0), Some(-1), None];
    let hours = [Some(3_999_999_999_i64 / 100), Some(-3_999_999), Some(0), None];
    let notes = (0..NOTES.len()).map(Some).chain([None]);
    let row = |(i, note): (usize, Option<usize>)| {
        let record = |amount: usize| Record {
            table: 0,
            person: u8::try_from(i % 3).unwrap(),
            id: u8::try_from(i * amounts.len() + amount).unwrap(),
            month: 0,
            codes: [note.map(|n| n % 4), Some(i % 4), None, None],
            numbers: [amounts[amount], hours[(i + amount) % hours.len()]],
            note,
            outermost: Some(amount.is_multiple_of(2)),
        };
        (0..amounts.len()).map(record).collect::<Vec<_>>()
    };
    notes.enumerate().flat_map(row).collect()
}

impl Record {
    /// A landed day: of its month, the last that lands, or that of a row which counts nowhere, just before the first.
    fn day(&self) -> i32 {
        match self.outermost {
            None => self.month().first_day(),
            Some(true) => NO_DAY,
            Some(false) => Month { year: 2101, month: 1 }.first_day() - 1,
        }
    }

    fn month(&self) -> Month {
        Month { year: 2024, month: self.month + 1 }
    }

    fn code(&self, column: &str) -> Option<&'static str> {
        let (list, place): (&[&str], usize) = match column {
            "region" | "category" => (&REGIONS, 0),
            "service" | "age_group" => (&SERVICES, 1),
            _ => (&SEXES, 2),
        };
        self.codes[place].map(|code| list[code % list.len()]).map(|code| {
            REGIONS.iter().chain(&SERVICES).chain(&SEXES).find(|known| **known == code).copied().unwrap()
        })
    }
}

/// Kinds of values that a record has, beside its person and its number.
pub(super) const KINDS: usize = 7;

/// Which of them a column shows; `None` where it shows none, or the year, which is one.
pub(super) fn kind_of(field: &Field) -> Option<usize> {
    match (field.name().as_str(), field.data_type()) {
        ("person_key" | "record_id" | "year", _) => None,
        ("quarter", _) | (_, DataType::Date32) => Some(0),
        ("note", _) => Some(1),
        (_, DataType::Int64) => Some(2),
        (_, DataType::Decimal128(..)) => Some(3),
        ("region" | "category", _) => Some(4),
        ("service" | "age_group", _) => Some(5),
        _ => Some(6),
    }
}

impl Record {
    /// The same record with another value of a kind.
    pub(super) fn changed(&self, kind: usize) -> Self {
        let mut other = self.clone();
        let next = |code: Option<usize>, n: usize| match code {
            None => Some(0),
            Some(code) => Some(code + 1).filter(|code| *code < n),
        };
        match kind {
            0 => other.month = (other.month + 3) % 8,
            1 => other.note = next(other.note, NOTES.len()),
            2 | 3 => {
                let number = &mut other.numbers[kind - 2];
                *number = number.map_or(Some(2), |n| (n != 0).then_some(0));
            }
            _ => other.codes[kind - 4] = next(other.codes[kind - 4], 4),
        }
        other
    }

    /// The same record, shelter and medical help read as legal help.
    pub(super) fn with_legal_help(&self) -> Self {
        let mut other = self.clone();
        other.codes[1] = other.codes[1].map(|code| if SERVICES[code] == "_U" { code } else { 2 });
        other
    }
}

fn column(field: &Field, records: &[&Record]) -> ArrayRef {
    let bytes = |of: fn(&Record) -> u8| {
        let keys = records.iter().map(|r| Some([of(r); 16]));
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(keys, 16).unwrap()) as ArrayRef
    };
    let text = |of: &dyn Fn(&Record) -> Option<String>| {
        Arc::new(records.iter().map(|r| of(r)).collect::<StringArray>()) as ArrayRef
    };
    match (field.name().as_str(), field.data_type()) {
        ("person_key", _) => bytes(|r| r.person),
        ("record_id", _) => bytes(|r| r.id),
        (_, DataType::Date32) => Arc::new(Date32Array::from_iter_values(records.iter().map(|r| r.day()))),
        ("quarter", _) => text(&|r| Some(r.month().quarter().to_string())),
        ("year", _) => text(&|r| Some(r.month().year.to_string())),
        ("note", _) => text(&|r| r.note.map(|note| NOTES[note].to_owned())),
        (_, DataType::Int64) => Arc::new(records.iter().map(|r| r.numbers[0]).collect::<Int64Array>()),
        (_, DataType::Decimal128(..)) => {
            let quarters = records.iter().map(|r| r.numbers[1].map(|n| i128::from(n) * 25));
            let decimals: Decimal128Array = quarters.collect();
            Arc::new(decimals.with_precision_and_scale(9, 2).unwrap())
        }
        (name, _) => text(&|r| r.code(name).map(str::to_owned)),
    }
}

/// Rows of one record type as a batch.
pub(super) fn batch(schema: &SchemaRef, records: &[&Record]) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| column(field, records)).collect();
    RecordBatch::try_new(schema.clone(), columns).unwrap()
}

fn reference(name: &str, schema: &SchemaRef) -> RecordBatch {
    let texts = |texts: &[Option<&str>]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let numbers = |numbers: [i64; 3]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
    let columns = match name {
        "ref_region" => [
            ("code", texts(&[Some("MA-01"), Some("MA-02"), Some("MA-09")])),
            ("zone", texts(&[Some("MA-01"), Some("_U"), None])),
            ("population", numbers([3, 1, 2])),
        ],
        _ => [
            ("service", texts(&[Some("SHELTER"), Some("SHELTER"), Some("LEGAL")])),
            ("version", numbers([1, 2, 1])),
            ("family", texts(&[Some("MA-01"), Some("MA-02"), Some("_U")])),
        ],
    };
    let columns = BTreeMap::from(columns);
    let in_order = schema.fields().iter().map(|field| columns[field.name().as_str()].clone()).collect();
    RecordBatch::try_new(schema.clone(), in_order).unwrap()
}

/// The rows of some persons in all tables, in `batches` pieces.
pub(super) fn tables(records: &[Record], batches: usize) -> Tables {
    let table = |(name, source): (&String, &Source)| {
        let schema = source.schema.clone();
        let parts = match RECORDS.iter().position(|known| known == name) {
            Some(index) => {
                let own: Vec<&Record> = records.iter().filter(|r| r.table == index).collect();
                let size = own.len().div_ceil(batches).max(1);
                own.chunks(size).map(|part| vec![batch(&schema, part)]).collect()
            }
            None => vec![vec![reference(name, &schema)]],
        };
        let parts = if parts.is_empty() { vec![vec![]] } else { parts };
        (name.clone(), Table::Public(Arc::new(MemTable::try_new(schema, parts).unwrap())))
    };
    sources().tables.iter().map(table).collect()
}

/// Plain DataFusion over the same rows.
pub(super) fn plain(records: &[Record]) -> SessionContext {
    let context = SessionContext::new();
    for (name, table) in tables(records, 1) {
        context.register_table(name.as_str(), table.provider()).unwrap();
    }
    context
}

/// Rows as texts, in an order of their own: a multiset.
pub(super) fn multiset(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        let texts: Vec<ArrayRef> = batch.columns().iter().map(shown).collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let cells = texts.iter().map(|column| column.as_string::<i32>().value(row).to_owned());
            cells.collect::<Vec<_>>().join("|")
        }));
    }
    rows.sort_unstable();
    rows
}

fn shown(column: &ArrayRef) -> ArrayRef {
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let formatter = arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
    let texts = (0..column.len()).map(|row| formatter.value(row).to_string());
    Arc::new(StringArray::from_iter_values(texts))
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
}
