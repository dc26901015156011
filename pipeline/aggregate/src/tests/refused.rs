//! Random statements with one fault in them: each is refused, by the code of the innermost offence, however it is wrapped.

use proptest::prelude::*;

use super::world::{declared, sources};
use crate::analyse::{Code, Verdict, analyse, refusal_of_plan};

/// Rows with the columns `p` and `region` that break a rule.
const FAULTS: &[(&str, &str)] = &[
    ("P01", "SELECT person_key AS p, region FROM assistance_service LIMIT 10"),
    ("P01", "SELECT person_key AS p, region FROM assistance_service ORDER BY event_date"),
    (
        "P02",
        "SELECT person_key AS p, region FROM (SELECT *, COUNT(*) OVER (PARTITION BY region) AS c FROM assistance_service) w WHERE c > 9",
    ),
    (
        "P02",
        "SELECT person_key AS p, region FROM (SELECT *, SUM(amount) OVER () AS c FROM assistance_service) w WHERE c > 9",
    ),
    ("P03", "SELECT x AS p, region FROM (SELECT DISTINCT record_id AS x, region FROM assistance_service) d"),
    (
        "P03",
        "SELECT person_key AS p, region FROM assistance_service UNION ALL SELECT record_id, region FROM training",
    ),
    (
        "P03",
        "SELECT person_key AS p, region FROM assistance_service EXCEPT SELECT person_key, region FROM vot_identification",
    ),
    (
        "P04",
        "SELECT record_id AS p, region FROM (SELECT record_id, region, COUNT(*) AS c FROM assistance_service GROUP BY record_id, region) g WHERE c > 2",
    ),
    (
        "P04",
        "SELECT person_key AS p, region FROM (SELECT person_key, region, COUNT(*) AS c FROM assistance_service GROUP BY CUBE (person_key, region)) g WHERE c > 2",
    ),
    (
        "P22",
        "SELECT a.person_key AS p, a.region FROM assistance_service a JOIN training t ON a.person_key = t.person_key LEFT JOIN assistance_service b ON b.person_key = a.person_key",
    ),
    (
        "P22",
        "SELECT p, region FROM (SELECT p, region, unnest(ids) AS y FROM (SELECT p, region, ids, unnest(ids) AS x FROM (SELECT person_key AS p, region, ARRAY_AGG(record_id ORDER BY record_id) AS ids FROM assistance_service GROUP BY person_key, region) a) b) c",
    ),
    (
        "P04",
        "SELECT k AS p, region FROM (SELECT COALESCE(t.person_key, a.record_id) AS k, a.region FROM assistance_service a LEFT JOIN training t ON a.person_key = t.person_key) g GROUP BY k, region",
    ),
    ("P05", "SELECT a.person_key AS p, t.region FROM assistance_service a JOIN training t ON a.sex = t.sex"),
    (
        "P05",
        "SELECT a.person_key AS p, t.region FROM assistance_service a JOIN training t ON a.person_key = t.record_id",
    ),
    (
        "P05",
        "SELECT a.person_key AS p, t.region FROM assistance_service a JOIN training t ON a.person_key <> t.person_key",
    ),
    (
        "P05",
        "SELECT a.person_key AS p, t.region FROM assistance_service a JOIN training t ON a.person_key = t.person_key OR a.region = t.region",
    ),
    (
        "P05",
        "SELECT a.person_key AS p, v.region FROM assistance_service a LEFT JOIN vot_identification v ON a.person_key = v.person_key",
    ),
    ("P05", "SELECT a.person_key AS p, t.region FROM assistance_service a CROSS JOIN training t"),
    (
        "P05",
        "SELECT a.person_key AS p, t.region FROM assistance_service a, training t WHERE a.person_key = t.person_key",
    ),
    (
        "P06",
        "SELECT a.person_key AS p, r.zone AS region FROM assistance_service a RIGHT JOIN ref_region r ON a.region = r.code",
    ),
    (
        "P06",
        "SELECT a.person_key AS p, r.zone AS region FROM assistance_service a JOIN ref_region r ON a.region = r.zone",
    ),
    (
        "P06",
        "SELECT a.person_key AS p, r.zone AS region FROM assistance_service a JOIN ref_region r ON r.code = r.zone",
    ),
    ("P06", "SELECT a.person_key AS p, r.zone AS region FROM assistance_service a CROSS JOIN ref_region r"),
    (
        "P07",
        "SELECT person_key AS p, region FROM assistance_service WHERE amount > (SELECT MAX(amount) FROM training JOIN assistance_service USING (person_key))",
    ),
    (
        "P07",
        "SELECT person_key AS p, region FROM assistance_service a WHERE EXISTS (SELECT 1 FROM training t WHERE t.region = a.region)",
    ),
    (
        "P07",
        "SELECT person_key AS p, region FROM assistance_service WHERE record_id NOT IN (SELECT record_id FROM training)",
    ),
    (
        "P07",
        "SELECT person_key AS p, region FROM assistance_service a WHERE EXISTS (SELECT 1 FROM vot_identification t WHERE t.person_key = a.person_key)",
    ),
    ("P13", "SELECT person_key AS p, region FROM assistance_service WHERE amount <> 0 AND 100 / amount > 3"),
    ("P13", "SELECT person_key AS p, region FROM assistance_service WHERE CAST(note AS INT) = 3"),
    (
        "P13",
        "SELECT person_key AS p, region FROM assistance_service WHERE CASE WHEN hours > 0 THEN hours * hours END > 2",
    ),
    (
        "P13",
        "SELECT person_key AS p, region FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY event_date) AS k FROM assistance_service) w WHERE k = 1",
    ),
    (
        "P13",
        "SELECT person_key AS p, region FROM (SELECT person_key, MIN(region) AS region, AVG(amount) AS m FROM assistance_service GROUP BY person_key) g WHERE m > 2",
    ),
    (
        "P13",
        "SELECT person_key AS p, region FROM (SELECT person_key, MIN(region) AS region, STDDEV(amount) AS m FROM assistance_service GROUP BY person_key) g WHERE m > 2",
    ),
    ("P14", "SELECT person_key AS p, region FROM assistance_service WHERE event_date < now()"),
    ("P17", "SELECT person_key AS p, region FROM assistance_service TABLESAMPLE SYSTEM (10)"),
    // What a statement gathers into one value, round after round, of a person with many records alone.
    (
        "P22",
        "SELECT t.person_key AS p, t.region FROM assistance_service t JOIN (SELECT person_key, STRING_AGG(s, '' ORDER BY record_id) AS s FROM (SELECT t.person_key, t.record_id, g.s FROM assistance_service t JOIN (SELECT person_key, STRING_AGG(note, '' ORDER BY record_id) AS s FROM assistance_service GROUP BY person_key) g ON t.person_key = g.person_key) u GROUP BY person_key, record_id) h ON t.person_key = h.person_key",
    ),
    (
        "P22",
        "SELECT t.person_key AS p, t.region FROM assistance_service t JOIN (SELECT person_key, STRING_AGG(s, '' ORDER BY record_id) AS s FROM (SELECT t.person_key, t.record_id, g.s FROM assistance_service t JOIN (SELECT person_key, STRING_AGG(s, '' ORDER BY record_id) AS s FROM (SELECT t.person_key, t.record_id, g.s FROM assistance_service t JOIN (SELECT person_key, STRING_AGG(note, '' ORDER BY record_id) AS s FROM assistance_service GROUP BY person_key) g ON t.person_key = g.person_key) u GROUP BY person_key) g ON t.person_key = g.person_key) v GROUP BY person_key) h ON t.person_key = h.person_key",
    ),
];

/// Names of the carried columns, however they are written: whoever takes one over says who the person is.
#[test]
fn names_of_the_carried_columns_are_nobodys() {
    let around = |b: &str| {
        format!(
            "SELECT a.quarter AS quarter, COUNT(DISTINCT a.person_key) AS persons FROM {b} RIGHT JOIN assistance_service a ON a.person_key = b.person_key GROUP BY a.quarter"
        )
    };
    let own = "record_id AS __marsad_person_key_3";
    for sql in [
        around(&format!("(SELECT person_key, {own} FROM assistance_service) b")),
        around(&format!("(SELECT person_key, {} FROM assistance_service) b", own.to_uppercase())),
        around("(SELECT person_key, record_id AS \"__marsad_person_key_3\" FROM assistance_service) b"),
        around("(SELECT person_key, record_id FROM assistance_service) b(person_key, __marsad_person_key_3)"),
        format!("WITH b AS (SELECT person_key, {own} FROM assistance_service) {}", around("b")),
        "SELECT quarter, COUNT(DISTINCT person_key) AS __marsad_event_month_1 FROM assistance_service GROUP BY quarter".to_owned(),
    ] {
        match analyse(&sql, &sources(), &declared()) {
            Verdict::Refused(refusals) => assert_eq!(refusals[0].code, "P17", "{sql}\n{refusals:?}"),
            other => panic!("{sql}\n{other:?}"),
        }
    }
}

/// And were the text let through: whichever number the carried column gets, a plan with two of that name is none.
#[test]
fn a_plan_in_which_two_columns_are_the_person_is_none() {
    let around = |b: &str| {
        format!(
            "SELECT a.quarter AS quarter, COUNT(DISTINCT a.person_key) AS persons FROM {b} b RIGHT JOIN assistance_service a ON a.person_key = b.person_key GROUP BY a.quarter"
        )
    };
    let judged = |b: &str| refusal_of_plan(&around(b), &sources(), &declared());
    assert_eq!(judged("(SELECT person_key FROM assistance_service)"), None);
    let refused = |n: usize| {
        let own =
            format!("(SELECT person_key, record_id AS __marsad_person_key_{n} FROM assistance_service)");
        judged(&own) == Some(Code::P17)
    };
    assert!((1..=4).any(refused), "one of them is the number");
}

#[test]
fn every_row_of_values_is_part_of_what_a_statement_is() {
    let digest = |last: &str| {
        let rows = "('FOOD'), ".repeat(5);
        let sql = format!(
            "SELECT region, COUNT(*) AS n FROM assistance_service WHERE region IN (SELECT v.column1 FROM (VALUES {rows}('{last}')) AS v) GROUP BY region"
        );
        match analyse(&sql, &sources(), &declared()) {
            Verdict::Accepted(analysis) => analysis.digest,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(digest("FOOD"), digest("FOOD"));
    assert_ne!(digest("FOOD"), digest("HEALTH"));
}

#[test]
fn a_statements_own_texts_are_short() {
    let judged = |n: usize| {
        let text = "x".repeat(n);
        let sql = format!(
            "SELECT region, COUNT(*) AS n FROM assistance_service WHERE note = '{text}' GROUP BY region"
        );
        analyse(&sql, &sources(), &declared())
    };
    assert!(matches!(judged(256), Verdict::Accepted(_)));
    assert!(matches!(judged(257), Verdict::Refused(refusals) if refusals[0].code == "P13"));
}

/// A query around a query, which breaks nothing itself.
fn wrapped(query: &str, wrapper: u8, depth: usize) -> String {
    match wrapper {
        0 => format!("SELECT p, region FROM ({query}) w{depth}"),
        1 => format!("SELECT p, region FROM ({query}) w{depth} WHERE region <> 'MA-02'"),
        2 => format!(
            "SELECT p, CASE WHEN region = 'MA-01' THEN '_U' ELSE region END AS region FROM ({query}) w{depth}"
        ),
        3 => format!(
            "SELECT p, region FROM ({query}) w{depth} UNION ALL SELECT person_key, region FROM training"
        ),
        _ => format!(
            "SELECT p, r.zone AS region FROM ({query}) w{depth} JOIN ref_region r ON w{depth}.region = r.code"
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fault_is_found_however_it_is_wrapped(
        fault in 0..FAULTS.len(), wrappers in proptest::collection::vec(0..5_u8, 0..3), named in any::<bool>(),
    ) {
        let (code, query) = FAULTS[fault];
        let inner = wrappers.iter().enumerate().fold(query.to_owned(), |q, (depth, w)| wrapped(&q, *w, depth));
        let sql = match named {
            true => format!("WITH q AS ({inner}) SELECT region, COUNT(*) AS n FROM q GROUP BY region"),
            false => format!("SELECT region, COUNT(*) AS n FROM ({inner}) q GROUP BY ROLLUP (region)"),
        };
        match analyse(&sql, &sources(), &declared()) {
            Verdict::Refused(refusals) => prop_assert_eq!(refusals[0].code, code, "{}\n{:?}", sql, refusals),
            other => prop_assert!(false, "{}\n{:?}", sql, other),
        }
    }
}

#[test]
fn each_fault_alone_is_refused_by_its_code() {
    for (code, query) in FAULTS {
        let sql = format!("SELECT region, COUNT(*) AS n FROM ({query}) q GROUP BY region");
        match analyse(&sql, &sources(), &declared()) {
            Verdict::Refused(refusals) => assert_eq!(refusals[0].code, *code, "{sql}\n{refusals:?}"),
            other => panic!("{sql}\n{other:?}"),
        }
    }
}
