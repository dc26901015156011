//! Random accepted statements over several record types: with bounding off the operator equals plain DataFusion.

use std::sync::Arc;

use marsad_privacy::bound::SelectionKey;
use marsad_privacy::shape::StatisticShape;
use proptest::prelude::*;

use super::cells::{self, Cells};
use super::statements::{Statement, statement};
use super::world::{REGIONS, Record, SERVICES, SEXES, accepted, block_on, plain, records, tables};
use crate::analyse::{Analysis, Dimension};
use crate::carry;
use crate::operator::Work;
use crate::session::Limits;
use crate::tabulate::{Tables, sums_by_run};

const PERIODS: [&str; 4] = ["2024", "2024-Q1", "2024-Q2", "2024-Q3"];

fn codes_of(dimension: &Dimension) -> &'static [&'static str] {
    match dimension.list.as_str() {
        "region" => &REGIONS,
        "service" => &SERVICES,
        "sex" => &SEXES,
        other => panic!("{other}"),
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
    block_on(sums_by_run(carry::projected(analysis).unwrap(), runs, work, &Limits::default())).unwrap()
}

/// DataFusion's own answer to one aggregate over one grouping set; a row without a period, or in one that is not asked for, has no cell.
fn theirs(statement: &Statement, aggregate: usize, keys: &[String], rows: &[Record]) -> Cells {
    let sql = statement.of_one_set(aggregate, keys);
    let batches = block_on(async { plain(rows).sql(&sql).await.unwrap().collect().await.unwrap() });
    let mut cells = cells::of_rows(&batches, keys.len());
    cells.retain(|key, _| key[0] != "_U" && key[0] != "2024-Q4");
    cells
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1200, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_bounding_off_any_accepted_statement_equals_plain_datafusion(
        statement in statement(), rows in records(), n_runs in 1..4_u8,
    ) {
        let sql = statement.sql();
        let analysis = accepted(&sql);
        prop_assert_eq!(analysis.aggregates.len(), statement.n_aggregates(), "{}", sql);
        let shape = cells::unbounded(&analysis, codes_of, &PERIODS);
        let sums = ours(&analysis, &shape, &rows, n_runs);
        for (index, spec) in shape.tables.iter().enumerate() {
            let keys = cells::columns_of(&shape, spec);
            let expected = theirs(&statement, spec.aggregate, &keys, &rows);
            let found = cells::of_sums(&shape, index, &sums);
            prop_assert_eq!(found, expected, "{}\n{:?}", sql, keys);
        }
    }
}
