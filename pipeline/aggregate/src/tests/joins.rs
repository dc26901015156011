//! Random accepted statements over several record types: with bounding off the operator equals plain DataFusion.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::shape::{Aggregate, Bound, Dimension, StatisticShape, TableSpec};
use marsad_terms::Grain;
use proptest::prelude::*;

use super::statements::{Statement, statement};
use super::world::{REGIONS, Record, SERVICES, SEXES, accepted, block_on, plain, records, tables};
use crate::analyse::Analysis;
use crate::carry;
use crate::operator::Work;
use crate::tabulate::{Tables, sums_by_run};

fn codes_of(list: &str) -> &'static [&'static str] {
    match list {
        "region" => &REGIONS,
        "service" => &SERVICES,
        "sex" => &SEXES,
        other => panic!("{other}"),
    }
}

/// A norm clip that nobody reaches, at weight 1: bounding is off.
fn unbounded(analysis: &Analysis) -> StatisticShape {
    let dimension = |d: &crate::analyse::Dimension| Dimension {
        name: d.name.clone(),
        code_list: d.list.clone(),
        codes: codes_of(&d.list).iter().map(|c| (*c).to_owned()).collect(),
        zeros: Vec::new(),
        home: None,
    };
    let aggregate = |a: &crate::analyse::Aggregate| match a.kind {
        crate::analyse::Kind::Persons => Aggregate::Persons,
        _ => Aggregate::Rows,
    };
    let tables = (0..analysis.aggregates.len()).flat_map(|aggregate| {
        analysis.sets.iter().map(move |set| TableSpec {
            aggregate,
            grain: set.grain.unwrap_or(Grain::ALL[0]),
            dimensions: set.dimensions.clone(),
            b: 1,
        })
    });
    StatisticShape {
        id: "differential".parse().unwrap(),
        bound: Bound::NormClip { c_squared: u64::MAX, left_out_cap: 20 },
        dimensions: analysis.dimensions.iter().map(dimension).collect(),
        periods: ["2024", "2024-Q1", "2024-Q2", "2024-Q3"].map(|p| p.parse().unwrap()).to_vec(),
        aggregates: analysis.aggregates.iter().map(aggregate).collect(),
        tables: tables.collect(),
        strategy: marsad_privacy::shape::Strategy::Tables,
        outputs: Vec::new(),
    }
}

/// Persons over as many runs as are asked for, the operator over each.
fn ours(analysis: &Analysis, shape: &StatisticShape, rows: &[Record], n_runs: u8) -> Vec<i128> {
    let of_run = |run: u8| {
        let own: Vec<Record> = rows.iter().filter(|r| r.person % n_runs == run).cloned().collect();
        tables(&own, 2)
    };
    let runs: Vec<Tables> = (0..n_runs).map(of_run).collect();
    let work = Work { shape: Arc::new(shape.clone()), f: 0, key: SelectionKey::new([7; 32]) };
    block_on(sums_by_run(carry::projected(analysis).unwrap(), runs, work)).unwrap()
}

/// DataFusion's own answer to one grouping set, as cell → value; a row without a period has no cell.
fn theirs(statement: &Statement, keys: &[String], rows: &[Record]) -> BTreeMap<Vec<String>, i64> {
    let sql = statement.of_one_set(keys);
    let batches = block_on(async { plain(rows).sql(&sql).await.unwrap().collect().await.unwrap() });
    let mut cells = BTreeMap::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let text = |i: usize| {
                let column = arrow::compute::cast(batch.column(i), &DataType::Utf8).unwrap();
                column.as_string::<i32>().value(row).to_owned()
            };
            let key: Vec<String> = (0..keys.len()).map(text).collect();
            if key[0] != "_U" && key[0] != "2024-Q4" {
                let value = batch.column(keys.len()).as_primitive::<Int64Type>().value(row);
                cells.insert(key, value);
            }
        }
    }
    cells
}

fn keys_of(shape: &StatisticShape, table: &TableSpec, cell: usize) -> Vec<String> {
    let mut rest = cell;
    let mut keys = Vec::new();
    for dimension in table.dimensions.iter().rev() {
        let codes = &shape.dimensions[*dimension].codes;
        keys.push(codes[rest % codes.len()].clone());
        rest /= codes.len();
    }
    keys.push(shape.periods_of(table.grain)[rest].to_string());
    keys.reverse();
    keys
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_bounding_off_any_accepted_statement_equals_plain_datafusion(
        statement in statement(), rows in records(), n_runs in 1..4_u8,
    ) {
        let sql = statement.sql();
        let analysis = accepted(&sql);
        let shape = unbounded(&analysis);
        let sums = ours(&analysis, &shape, &rows, n_runs);
        for (index, spec) in shape.tables.iter().enumerate() {
            let mut keys = vec![spec.grain.column().to_owned()];
            keys.extend(spec.dimensions.iter().map(|d| shape.dimensions[*d].name.clone()));
            let expected = theirs(&statement, &keys, &rows);
            let mut found = BTreeMap::new();
            for cell in 0..shape.n_cells(spec) {
                found.insert(keys_of(&shape, spec, cell), sums[shape.offset(index) + cell]);
            }
            found.retain(|_, value| *value != 0);
            let expected: BTreeMap<_, _> =
                expected.into_iter().filter(|(_, v)| *v != 0).map(|(k, v)| (k, i128::from(v))).collect();
            prop_assert_eq!(found, expected, "{}\n{:?}", sql, keys);
        }
    }
}
