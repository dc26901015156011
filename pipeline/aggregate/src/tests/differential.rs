//! With bounding and noise off the operator equals plain DataFusion on the same SQL; and no order of anything matters.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt16Type};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::col;
use datafusion::prelude::SessionContext;
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::shape::{Bound, StatisticShape};
use marsad_terms::{Grain, Month, Period};
use proptest::prelude::*;

use super::cells::{self, Cells};
use super::world::block_on;
use crate::analyse::{Analysis, Declared, Dimension, Verdict, analyse};
use crate::carry;
use crate::operator::Work;
use crate::session::{Limits, session};
use crate::sources::{Source, Sources, Whose};
use crate::tabulate::{Table, bounded_sums, over};

pub(super) const REGIONS: [&str; 4] = ["MA-01", "MA-02", "MA-03", "_U"];
const SEXES: [&str; 3] = ["F", "M", "_U"];
const SERVICES: [&str; 4] = ["FOOD", "HEALTH", "LEGAL", "_U"];

/// One landed row: person, month since 2024-01, codes, a measure.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) person: u8,
    month: u8,
    codes: [usize; 3],
    units: Option<i64>,
}

pub(super) fn records() -> impl Strategy<Value = Vec<Record>> {
    let record = (0..12_u8, 0..15_u8, (0..4_usize, 0..3_usize, 0..4_usize), proptest::option::of(-2..40_i64));
    let record = record.prop_map(|(person, month, (r, s, v), units)| Record {
        person,
        month,
        codes: [r, s, v],
        units,
    });
    proptest::collection::vec(record, 0..120)
}

fn schema() -> SchemaRef {
    let code = || DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("person_key", DataType::FixedSizeBinary(16), false),
        Field::new("record_id", DataType::FixedSizeBinary(16), false),
        Field::new("event_month", DataType::Date32, false),
        Field::new("region", code(), false),
        Field::new("sex", code(), false),
        Field::new("service_type", code(), false),
        Field::new("units", DataType::Int64, true),
        Field::new("quarter", DataType::Utf8, false),
        Field::new("year", DataType::Utf8, false),
    ]))
}

fn month_of(record: &Record) -> Month {
    Month { year: 2024 + u16::from(record.month / 12), month: record.month % 12 + 1 }
}

/// The nth of many rows in no order of persons.
pub(super) fn numbered(n: usize) -> Record {
    let digit = |by: usize, of: usize| n / by % of;
    let small = |n: usize| u8::try_from(n).unwrap();
    Record {
        person: small(n * 37 % 251),
        month: small(digit(7, 15)),
        codes: [digit(3, 4), digit(11, 3), digit(5, 4)],
        units: Some(1),
    }
}

pub(super) fn batch(records: &[Record]) -> RecordBatch {
    let key = |n: u8| [n; 16];
    let keys = FixedSizeBinaryArray::try_from_iter(records.iter().map(|r| key(r.person)));
    let coded = |which: usize, list: &[&str]| {
        let codes: Vec<&str> = records.iter().map(|r| list[r.codes[which]]).collect();
        Arc::new(codes.into_iter().collect::<DictionaryArray<UInt16Type>>()) as ArrayRef
    };
    let empty =
        || FixedSizeBinaryArray::try_from_sparse_iter_with_size(std::iter::empty::<Option<[u8; 16]>>(), 16);
    let keys = if records.is_empty() { empty().unwrap() } else { keys.unwrap() };
    let texts = |text: fn(Month) -> String| {
        Arc::new(StringArray::from_iter_values(records.iter().map(|r| text(month_of(r))))) as ArrayRef
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys.clone()),
        Arc::new(keys),
        Arc::new(Date32Array::from_iter_values(records.iter().map(|r| month_of(r).first_day()))),
        coded(0, &REGIONS),
        coded(1, &SEXES),
        coded(2, &SERVICES),
        Arc::new(records.iter().map(|r| r.units).collect::<Int64Array>()),
        texts(|month| month.quarter().to_string()),
        texts(|month| month.year.to_string()),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// Persons by the remainder of their key, each partition sorted by person.
pub(super) fn table(records: &[Record], partitions: usize) -> Arc<MemTable> {
    let part = |i: usize| {
        let mut part: Vec<Record> =
            records.iter().filter(|r| usize::from(r.person) % partitions == i).cloned().collect();
        part.sort_by_key(|r| r.person);
        // Batches cut persons in two.
        part.chunks(7).map(batch).collect::<Vec<_>>()
    };
    let parts: Vec<Vec<RecordBatch>> = (0..partitions).map(part).collect();
    let order = vec![col("person_key").sort(true, false)];
    Arc::new(MemTable::try_new(schema(), parts).unwrap().with_sort_order(vec![order]))
}

fn sources() -> Sources {
    let lists = [("region", "REF_AREA"), ("sex", "SEX"), ("service_type", "SERVICE_TYPE")];
    let lists: BTreeMap<String, String> = lists.map(|(c, l)| (c.to_owned(), l.to_owned())).into();
    let source =
        Source { schema: schema(), lists, subject: Whose::Persons { key_space: "programme".to_owned() } };
    Sources { tables: BTreeMap::from([("assistance_service".to_owned(), source)]), codes: BTreeMap::new() }
}

pub(super) fn accepted(sql: &str) -> Analysis {
    let declared = Declared { codes: BTreeMap::new(), measures: vec!["units".to_owned()] };
    match analyse(sql, &sources(), &declared) {
        Verdict::Accepted(analysis) => *analysis,
        Verdict::Refused(refusals) => panic!("{sql}: {refusals:?}"),
        Verdict::Invalid { what, .. } => panic!("{sql}: {what}"),
    }
}

pub(super) const PERIODS: [&str; 7] = ["2024", "2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4", "2025", "2025-Q1"];

pub(super) fn codes_of(dimension: &Dimension) -> &'static [&'static str] {
    match dimension.name.as_str() {
        "region" => &REGIONS,
        "sex" => &SEXES,
        _ => &SERVICES,
    }
}

async fn ours(
    analysis: &Analysis,
    shape: &StatisticShape,
    table: Arc<MemTable>,
    partitions: usize,
) -> Vec<i128> {
    let context = session(partitions, &Limits::default()).unwrap();
    let plan = carry::projected(analysis).unwrap();
    let tables = BTreeMap::from([("assistance_service".to_owned(), Table::Public(table))]);
    let input = over(&context.state(), plan, &tables).await.unwrap();
    let work = Work { shape: Arc::new(shape.clone()), f: 0, key: SelectionKey::new([7; 32]) };
    bounded_sums(Arc::new(work), input, &context.task_ctx()).await.unwrap()
}

/// DataFusion's own answer to one grouping set.
async fn theirs(table: Arc<MemTable>, keys: &[String], aggregate: &str, clause: &str) -> Cells {
    let context = SessionContext::new();
    context.register_table("assistance_service", table).unwrap();
    let list = keys.join(", ");
    let texts: Vec<String> = keys.iter().map(|key| format!("CAST({key} AS VARCHAR)")).collect();
    let sql = format!(
        "SELECT {}, CAST({aggregate} AS BIGINT) FROM assistance_service {clause} GROUP BY {list}",
        texts.join(", ")
    );
    cells::of_rows(&context.sql(&sql).await.unwrap().collect().await.unwrap(), keys.len())
}

const AGGREGATES: [(&str, &str); 5] = [
    ("COUNT(DISTINCT person_key)", "COUNT(DISTINCT person_key)"),
    ("COUNT(*)", "COUNT(*)"),
    ("COUNT(units)", "COUNT(units)"),
    ("SUM(units)", "SUM(CASE WHEN units < 0 THEN 0 WHEN units > 30 THEN 30 ELSE units END)"),
    ("COUNT(*) FILTER (WHERE sex = 'F')", "COUNT(*) FILTER (WHERE sex = 'F')"),
];
const SETS: [&str; 4] = [
    "(quarter), (quarter, region)",
    "(quarter, sex), (quarter, service_type, region)",
    "(year), (year, region, sex)",
    "(quarter, region), (year, service_type)",
];
const CLAUSES: [&str; 4] = [
    "",
    "WHERE region <> 'MA-02'",
    "WHERE units > 3 OR sex IN ('F', '_U')",
    "WHERE CASE WHEN service_type = 'FOOD' THEN units ELSE 1 END >= 1 AND quarter <> '2024-Q2'",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn with_bounding_off_it_equals_plain_datafusion(
        records in records(), aggregate in 0..5_usize, sets in 0..4_usize, clause in 0..4_usize, partitions in 1..4_usize,
    ) {
        let (own, plain) = AGGREGATES[aggregate];
        let clause = CLAUSES[clause];
        let sql = format!("SELECT quarter, year, region, sex, service_type, {own} AS n FROM assistance_service {clause} GROUP BY GROUPING SETS ({})", SETS[sets]);
        let used: Vec<&str> = ["quarter", "year", "region", "sex", "service_type"].into_iter().filter(|c| SETS[sets].contains(c)).collect();
        let sql = sql.replace("quarter, year, region, sex, service_type", &used.join(", "));
        let analysis = accepted(&sql);
        let shape = cells::unbounded(&analysis, codes_of, &PERIODS);
        block_on(async {
            let sums = ours(&analysis, &shape, table(&records, partitions), partitions).await;
            for (index, spec) in shape.tables.iter().enumerate() {
                let keys = cells::columns_of(&shape, spec);
                let expected = theirs(table(&records, 1), &keys, plain, clause).await;
                assert_eq!(cells::of_sums(&shape, index, &sums), expected, "{sql}: {keys:?}");
            }
        });
    }

    #[test]
    fn partitions_batches_and_order_do_not_matter(mut records in records(), seed in 0..1000_usize) {
        let sql = "SELECT quarter, region, sex, COUNT(DISTINCT person_key) AS n FROM assistance_service GROUP BY GROUPING SETS ((quarter), (quarter, region), (quarter, region, sex))";
        let analysis = accepted(sql);
        let mut shape = cells::unbounded(&analysis, codes_of, &PERIODS);
        for bound in [Bound::HomeCell, Bound::NormClip { c_squared: 3, left_out_cap: 20 }, Bound::Truncate { k: 1, left_out_cap: 20 }] {
            shape.bound = bound;
            block_on(async {
                let one = ours(&analysis, &shape, table(&records, 1), 1).await;
                let n = records.len().max(1);
                records.rotate_left(seed % n);
                let rotated = ours(&analysis, &shape, table(&records, 3), 3).await;
                assert_eq!(one, rotated);
            });
        }
    }
}

#[test]
fn periods_are_those_of_the_calendar() {
    let days: Vec<i32> = (0..24)
        .map(|m| Month { year: 2023 + m / 12, month: u8::try_from(m % 12 + 1).unwrap() }.first_day())
        .collect();
    let months: Vec<i32> = crate::landed_rows::months_of(&Date32Array::from(days)).collect();
    assert_eq!(months, (2023 * 12..2025 * 12).collect::<Vec<_>>());
    let period: Period = "2024-Q3".parse().unwrap();
    assert_eq!(period.grain(), Grain::Quarter);
}
