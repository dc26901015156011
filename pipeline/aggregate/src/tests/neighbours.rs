//! Adversarial neighbours: at every node of an accepted plan only the changed person's rows differ (algorithms 12.1, 14).
//!
//! f(D) = ⊎_u f(D_u) is run, not argued: each sub-plan over all rows, over all but one person's, over that person's alone,
//! in different orders and numbers of partitions, so that a tie shows as well as a mixture.

use arrow::array::RecordBatch;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use proptest::test_runner::{Config, TestRunner};

use super::world::{Record, accepted, block_on, multiset, records, tables, vector};
use crate::session::{Limits, session};
use crate::tabulate::over;

/// Statements that V12 lacks, for each accepted construct.
const FURTHER: &[&str] = &[
    "SELECT region, COUNT(*) AS n FROM (SELECT region, ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY record_id) AS k FROM assistance_service) x WHERE k = 1 GROUP BY region",
    "SELECT r, COUNT(*) AS n FROM (SELECT FIRST_VALUE(region) OVER (PARTITION BY person_key ORDER BY record_id DESC) AS r, SUM(amount) OVER (PARTITION BY person_key, region ORDER BY record_id) AS s FROM assistance_service) x WHERE s > 1 GROUP BY r",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, COUNT(*) AS c FROM assistance_service GROUP BY person_key, region HAVING COUNT(*) > 1) x GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region FROM assistance_service QUALIFY ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY event_date, record_id) = 1) x GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, LAG(service, 1) OVER (PARTITION BY person_key ORDER BY event_date, record_id) AS before, service FROM assistance_service) x WHERE before <> service GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, SUM(amount) OVER (PARTITION BY person_key ORDER BY event_date, record_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM assistance_service) x WHERE s > 1 GROUP BY region",
    "SELECT COALESCE(a.region, t.region) AS region, COUNT(*) AS n FROM assistance_service a FULL JOIN training t ON a.person_key = t.person_key AND a.amount > 1 GROUP BY 1",
    "SELECT r, COUNT(*) AS n FROM (SELECT r, ROW_NUMBER() OVER (PARTITION BY p ORDER BY r, i, j) AS k FROM (SELECT COALESCE(a.person_key, t.person_key) AS p, COALESCE(a.region, t.region) AS r, a.record_id AS i, t.record_id AS j FROM assistance_service a FULL JOIN training t ON a.person_key = t.person_key AND a.amount > 1) f) x WHERE k = 2 GROUP BY r",
    "SELECT a.region, COUNT(*) AS n FROM assistance_service a LEFT ANTI JOIN training t ON a.person_key = t.person_key AND a.region = t.region GROUP BY a.region",
    "SELECT a.region, COUNT(*) AS n FROM assistance_service a WHERE EXISTS (SELECT 1 FROM training t WHERE t.person_key = a.person_key AND t.region = a.region) OR a.sex = 'F' GROUP BY a.region",
    "SELECT a.region, COUNT(*) AS n FROM assistance_service a WHERE (SELECT MAX(t.event_date) FROM training t WHERE t.person_key = a.person_key) > a.event_date GROUP BY a.region",
    "SELECT a.region, COUNT(*) AS n FROM assistance_service a WHERE a.region IN (SELECT code FROM ref_region WHERE population > 1) AND a.service NOT IN (SELECT zone FROM ref_region WHERE zone IS NOT NULL) GROUP BY a.region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, note FROM assistance_service UNION SELECT person_key, region, NULL AS note FROM training) u GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY region, sex) AS k FROM (SELECT DISTINCT person_key, region, sex FROM assistance_service) d) x WHERE k = 1 GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY b, record_id) AS k FROM (SELECT 'a' AS b, person_key, record_id, region FROM assistance_service UNION ALL SELECT 'b' AS b, person_key, record_id, region FROM training UNION ALL SELECT 'c' AS b, person_key, record_id, region FROM assistance_service) u) x WHERE k = 3 GROUP BY region",
    "SELECT COUNT(*) AS n FROM (SELECT person_key, UNNEST(l) AS s FROM (SELECT person_key, ARRAY_AGG(service ORDER BY record_id) AS l FROM assistance_service GROUP BY person_key) g) x WHERE s = 'LEGAL'",
    "SELECT COUNT(*) AS n FROM (SELECT person_key, BIT_XOR(amount) AS x, BOOL_AND(amount > 0) AS b, NTH_VALUE(region, 2 ORDER BY event_date, record_id) AS r FROM assistance_service GROUP BY person_key) g WHERE x > 0 AND b AND r = 'MA-01'",
    "SELECT c.region, COUNT(*) AS n FROM assistance_service c CROSS JOIN (SELECT MAX(population) AS m FROM ref_region) r WHERE c.amount > r.m GROUP BY c.region",
    "SELECT quarter, COUNT(*) AS n FROM (SELECT person_key, MIN(quarter) AS quarter FROM assistance_service GROUP BY person_key) x GROUP BY quarter",
];

pub(super) fn statements() -> Vec<String> {
    let vector = vector();
    let cases = vector["cases"].as_array().unwrap().iter().filter(|case| case["verdict"] == "accepted");
    let of_vector = cases.map(|case| case["sql"].as_str().unwrap().to_owned());
    of_vector.chain(FURTHER.iter().map(|sql| (*sql).to_owned())).collect()
}

/// Every node of the plan that scans a record type in its inputs.
fn nodes(plan: &LogicalPlan) -> Vec<LogicalPlan> {
    let scans = |plan: &LogicalPlan| {
        let text = plan.display_indent().to_string();
        ["assistance_service", "training"].iter().any(|table| text.contains(&format!("TableScan: {table}")))
    };
    let mut found: Vec<LogicalPlan> = plan.inputs().into_iter().flat_map(nodes).collect();
    if scans(plan) {
        found.push(plan.clone());
    }
    found
}

pub(super) async fn run(plan: &LogicalPlan, rows: &[Record], partitions: usize) -> Vec<RecordBatch> {
    let context = session(partitions, &Limits::default()).unwrap();
    let physical = over(&context.state(), plan.clone(), &tables(rows, partitions)).await.unwrap();
    collect(physical, context.task_ctx()).await.unwrap_or_else(|error| panic!("{plan}: {error}"))
}

/// Runs every node of every statement over rows with and without one person.
pub(super) fn attack(statements: &[String], rows: &[Record]) {
    let reversed: Vec<Record> = rows.iter().rev().cloned().collect();
    for sql in statements {
        let analysis = accepted(sql);
        for node in nodes(&analysis.input) {
            block_on(async {
                let all = multiset(&run(&node, rows, 1).await);
                let (own, others): (Vec<Record>, Vec<Record>) =
                    reversed.iter().cloned().partition(|r| r.person == 3);
                let mut parts = multiset(&run(&node, &others, 3).await);
                parts.extend(multiset(&run(&node, &own, 2).await));
                parts.sort_unstable();
                assert_eq!(all, parts, "{sql}\n{node}");
            });
        }
    }
}

#[test]
fn at_every_node_only_the_changed_persons_rows_differ() {
    let statements = statements();
    assert!(statements.len() > 70);
    let config = Config { cases: 2, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let attacked = TestRunner::new(config).run(&records(), |rows| {
        attack(&statements, &rows);
        Ok(())
    });
    attacked.unwrap();
}
