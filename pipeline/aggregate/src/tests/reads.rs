//! What a table is said not to depend on is changed in every record, and the table's rows stay as they are: whatever the
//! statement, each kind of value in turn, and codes that are shown as another one.

use std::collections::BTreeSet;

use proptest::test_runner::{Config, TestRunner};

use super::neighbours::{run, statements};
use super::world::{KINDS, Record, accepted, block_on, kind_of, multiset, records, sources};
use crate::analyse::{Analysis, GroupingSet, Veiled};

/// Statements that do not tell shelter and medical help from legal help.
const BLIND: &[&str] = &[
    "SELECT region, COUNT(*) AS n FROM assistance_service WHERE service <> '_U' AND sex = 'F' GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM assistance_service WHERE service IS NULL OR amount > 1 GROUP BY region",
    "SELECT region, COUNT(*) FILTER (WHERE service = '_U') AS n FROM assistance_service GROUP BY region",
    "SELECT region, CASE WHEN service IN ('SHELTER', 'MEDICAL') THEN 'LEGAL' ELSE service END AS service, COUNT(*) AS n FROM assistance_service GROUP BY 1, 2",
    "SELECT region, COUNT(*) AS n FROM (SELECT region, CASE WHEN s IN ('SHELTER', 'MEDICAL') THEN 'LEGAL' ELSE s END AS t FROM (SELECT region, service AS s FROM assistance_service) x) y WHERE t = 'LEGAL' GROUP BY region",
    "SELECT a.region, COUNT(*) AS n FROM assistance_service a LEFT JOIN training t ON a.person_key = t.person_key WHERE a.service <> '_U' OR t.sex = 'F' GROUP BY a.region",
    "SELECT region, COUNT(*) AS n FROM (SELECT t.region, a.service <> '_U' AS known FROM training t LEFT JOIN assistance_service a ON a.person_key = t.person_key) x WHERE known GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, COUNT(*) AS k FROM (SELECT person_key, region, service = '_U' AS u FROM assistance_service) x WHERE u GROUP BY person_key, region) y WHERE k > 1 GROUP BY region",
];

/// Statements that do, some in roundabout ways.
const TELLING: &[&str] = &[
    "SELECT region, COUNT(*) AS n FROM assistance_service WHERE service = 'LEGAL' GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM assistance_service WHERE service <> '_U' AND service <> 'SHELTER' GROUP BY region",
    "SELECT region, service, COUNT(*) AS n FROM assistance_service GROUP BY region, service",
    "SELECT region, COUNT(*) AS n FROM (SELECT region, CASE WHEN service = 'SHELTER' THEN 'a' ELSE 'b' END AS service FROM assistance_service) x WHERE service <> 'a' GROUP BY region",
    "SELECT a.region, COUNT(*) AS n FROM assistance_service a WHERE EXISTS (SELECT 1 FROM assistance_service b WHERE b.person_key = a.person_key AND b.service = 'SHELTER') GROUP BY a.region",
    "SELECT region, COUNT(*) AS n FROM (SELECT person_key, region, MIN(service) AS s FROM assistance_service GROUP BY person_key, region) x WHERE s = '_U' GROUP BY region",
    "SELECT region, COUNT(*) AS n FROM (SELECT DISTINCT person_key, region, service FROM assistance_service) x GROUP BY region",
];

fn holds(table: &str, column: &str) -> bool {
    table == "assistance_service" && ["service", "age_group"].contains(&column)
}

fn veiled() -> Veiled<'static> {
    Veiled { holds: &holds, codes: &["SHELTER", "MEDICAL"], shown_as: "LEGAL" }
}

fn rows(analysis: &Analysis, set: &GroupingSet, records: &[Record]) -> Vec<String> {
    block_on(async { multiset(&run(&analysis.table(set).unwrap(), records, 1).await) })
}

/// The kinds of value that a table reads.
fn kinds(analysis: &Analysis, set: &GroupingSet) -> BTreeSet<usize> {
    let sources = sources();
    let reads = analysis.reads(set);
    let columns = reads.iter().flat_map(|(table, names)| names.iter().map(move |name| (table, name)));
    let fields = columns.map(|(table, name)| sources.tables[table].schema.field_with_name(name).unwrap());
    fields.filter_map(kind_of).collect()
}

fn over_worlds(attack: impl Fn(&[Record])) {
    let config = Config { cases: 2, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&records(), |records| {
        attack(&records);
        Ok(())
    });
    run.unwrap();
}

#[test]
fn a_value_that_is_not_read_changes_no_row() {
    let analysed: Vec<(String, Analysis)> =
        statements().into_iter().map(|sql| (sql.clone(), accepted(&sql))).collect();
    let tables =
        analysed.iter().flat_map(|(sql, analysis)| analysis.sets.iter().map(move |set| (sql, analysis, set)));
    let tables: Vec<_> =
        tables.map(|(sql, analysis, set)| (sql, analysis, set, kinds(analysis, set))).collect();
    let unread: usize = tables.iter().map(|(.., read)| KINDS - read.len()).sum();
    assert!(unread > 3 * tables.len(), "{unread} of {}", tables.len());
    over_worlds(|records| {
        for (sql, analysis, set, read) in &tables {
            let before = rows(analysis, set, records);
            for kind in (0..KINDS).filter(|kind| !read.contains(kind)) {
                let changed: Vec<Record> = records.iter().map(|record| record.changed(kind)).collect();
                assert_eq!(before, rows(analysis, set, &changed), "kind {kind}: {sql}");
            }
        }
    });
}

#[test]
fn codes_that_are_not_told_apart_change_no_row() {
    let tells = |sql: &str| {
        let analysis = accepted(sql);
        analysis.sets.iter().any(|set| analysis.tells_apart(set, &veiled()))
    };
    for (statements, telling) in [(BLIND, false), (TELLING, true)] {
        for sql in statements {
            assert_eq!(tells(sql), telling, "{sql}");
        }
    }
    let all = statements().into_iter().chain(BLIND.iter().map(|sql| (*sql).to_owned()));
    let blind: Vec<String> = all.filter(|sql| !tells(sql)).collect();
    over_worlds(|records| {
        let veiled: Vec<Record> = records.iter().map(Record::with_legal_help).collect();
        for sql in &blind {
            let analysis = accepted(sql);
            for set in &analysis.sets {
                assert_eq!(rows(&analysis, set, records), rows(&analysis, set, &veiled), "{sql}");
            }
        }
    });
}
