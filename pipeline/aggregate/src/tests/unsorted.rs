//! Rows that come in any order are sorted by DataFusion within a limit, spilled encrypted, and add up to the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::physical_plan::displayable;
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::shape::{Bound, StatisticShape};

use super::cells;
use super::differential::{PERIODS, accepted, batch, codes_of, numbered, table};
use super::world::block_on;
use crate::analyse::Analysis;
use crate::carry;
use crate::operator::Work;
use crate::session::{Limits, session};
use crate::tabulate::{Table, bounded_sums, over, sorted_by_person};

const SQL: &str = "SELECT quarter, region, sex, COUNT(DISTINCT person_key) AS n FROM assistance_service \
    GROUP BY GROUPING SETS ((quarter), (quarter, region, sex))";

/// The sums, the plan, and how often its sort spilled.
async fn sums(
    table: Arc<MemTable>,
    (analysis, shape): (&Analysis, &StatisticShape),
    limits: &Limits,
) -> (Vec<i128>, String, usize) {
    let context = session(1, limits).unwrap();
    let plan = carry::projected(analysis).unwrap();
    let tables = BTreeMap::from([("assistance_service".to_owned(), Table::Public(table))]);
    let input = sorted_by_person(over(&context.state(), plan, &tables).await.unwrap()).unwrap();
    let work = Work { shape: Arc::new(shape.clone()), f: 2, key: SelectionKey::new([7; 32]) };
    let sums = bounded_sums(Arc::new(work), input.clone(), &context.task_ctx()).await.unwrap();
    let spills = input.metrics().and_then(|metrics| metrics.spill_count()).unwrap_or(0);
    (sums, displayable(input.as_ref()).indent(false).to_string(), spills)
}

#[test]
fn foreign_rows_are_sorted_within_their_memory_and_add_up_to_the_same() {
    let records: Vec<_> = (0..200_000).map(numbered).collect();
    let batches: Vec<_> = records.chunks(8000).map(batch).collect();
    let foreign = Arc::new(MemTable::try_new(batches[0].schema(), vec![batches]).unwrap());
    let analysis = accepted(SQL);
    let folder = tempfile::tempdir().unwrap();
    let tight = Limits { memory: 8 << 20, spill: folder.path().to_owned() };
    for bound in [Bound::HomeCell, Bound::NormClip { c_squared: 3, left_out_cap: 20 }] {
        let shape = StatisticShape { bound, ..cells::unbounded(&analysis, codes_of, &PERIODS) };
        block_on(async {
            let statistic = (&analysis, &shape);
            let (own, plan, _) = sums(table(&records, 1), statistic, &Limits::default()).await;
            assert!(!plan.contains("SortExec"), "{plan}");
            let (sorted, plan, spills) = sums(foreign.clone(), statistic, &tight).await;
            assert!(plan.contains("SortExec: expr=[person_key"), "{plan}");
            assert!(spills > 0, "it fits into memory");
            assert_eq!(own, sorted);
        });
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file of the sort is left");
}

#[test]
fn sums_beyond_the_limit_are_refused() {
    let analysis = accepted(SQL);
    let shape = cells::unbounded(&analysis, codes_of, &PERIODS);
    let context = session(1, &Limits { memory: 1024, ..Limits::default() }).unwrap();
    let refused = block_on(async {
        let plan = carry::projected(&analysis).unwrap();
        let tables = BTreeMap::from([("assistance_service".to_owned(), Table::Public(table(&[], 1)))]);
        let input = over(&context.state(), plan, &tables).await.unwrap();
        let work = Work { shape: Arc::new(shape), f: 0, key: SelectionKey::new([7; 32]) };
        bounded_sums(Arc::new(work), input, &context.task_ctx()).await
    });
    assert!(refused.unwrap_err().to_string().contains("the sums of"));
}

#[test]
fn one_person_with_a_million_rows_is_one_person() {
    let records = vec![numbered(0); 1_000_000];
    let analysis = accepted(SQL);
    let shape = StatisticShape { bound: Bound::HomeCell, ..cells::unbounded(&analysis, codes_of, &PERIODS) };
    let (sums, ..) = block_on(sums(table(&records, 1), (&analysis, &shape), &Limits::default()));
    assert_eq!(sums.into_iter().filter(|sum| *sum != 0).collect::<Vec<_>>(), [4, 4]);
}
