//! No data-dependent failure: every allowed form over the extreme values of each type; one abort removes the form (12.3).

use datafusion::physical_plan::collect;
use proptest::prelude::*;

use super::world::{Record, block_on, declared, extremes, sources, tables};
use crate::analyse::{Verdict, analyse};
use crate::carry;
use crate::session::{Limits, session};
use crate::tabulate::over;

/// Runs the plan that a statement's final aggregate reads, over rows at the ends of their types.
fn runs(sql: &str, rows: &[Record]) {
    let analysis = match analyse(sql, &sources(), &declared()) {
        Verdict::Accepted(analysis) => *analysis,
        // A region that is compared with a text that is none: it is refused, and what is refused does not run.
        Verdict::Refused(refusals) if refusals.iter().all(|refusal| refusal.code == "P21") => return,
        verdict => panic!("{sql}: {verdict:?}"),
    };
    let plan = carry::projected(&analysis).unwrap();
    let done = block_on(async {
        let context = session(1, &Limits::default()).unwrap();
        let physical = over(&context.state(), plan, &tables(rows, 1)).await.unwrap();
        collect(physical, context.task_ctx()).await
    });
    assert!(done.is_ok(), "{sql}: {:?}", done.err());
}

fn whole(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("amount".to_owned()),
        Just("-7".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("TRY_CAST(note AS BIGINT)".to_owned()),
        Just("TRY_CAST(note AS SMALLINT)".to_owned()),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let (a, b) = (|| whole(depth - 1), || whole(depth - 1));
    prop_oneof![
        1 => leaf,
        3 => (a(), prop_oneof![Just("+"), Just("-"), Just("*")], b()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        2 => (a(), prop_oneof![Just("/ 3"), Just("% 10"), Just("/ 1")]).prop_map(|(a, op)| format!("({a} {op})")),
        1 => text(depth - 1).prop_map(|t| format!("character_length({t})")),
        1 => date(depth - 1).prop_map(|d| format!("date_part('month', {d})")),
        1 => (condition(depth - 1), a(), b()).prop_map(|(c, a, b)| format!("CASE WHEN {c} THEN {a} ELSE {b} END")),
        1 => (a(), b()).prop_map(|(a, b)| format!("COALESCE({a}, {b})")),
        1 => (a(), b()).prop_map(|(a, b)| format!("NULLIF({a}, {b})")),
    ]
    .boxed()
}

fn float(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("CAST(hours AS DOUBLE)".to_owned()),
        Just("TRY_CAST(note AS DOUBLE)".to_owned()),
        Just("1e308".to_owned()),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let operator = prop_oneof![Just("+"), Just("-"), Just("*"), Just("/")];
    prop_oneof![
        leaf,
        whole(depth - 1).prop_map(|a| format!("CAST({a} AS DOUBLE)")),
        (float(depth - 1), operator, float(depth - 1)).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
    ]
    .boxed()
}

fn text(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![Just("note".to_owned()), Just("region".to_owned()), Just("'a%'".to_owned())];
    if depth == 0 {
        return leaf.boxed();
    }
    let function = prop_oneof![
        Just("lower({})"),
        Just("upper({})"),
        Just("btrim({})"),
        Just("substr({}, 0)"),
        Just("substr({}, 2, 1000000)"),
        Just("left({}, 1)"),
        Just("right({}, 0)"),
        Just("COALESCE({}, 'x')"),
    ];
    prop_oneof![leaf, (text(depth - 1), function).prop_map(|(t, f)| f.replace("{}", &t))].boxed()
}

/// At most 50 years from a landed date or a literal.
fn date(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![Just("event_date".to_owned()), Just("DATE '2100-12-31'".to_owned())];
    if depth == 0 {
        return leaf.boxed();
    }
    let moved = prop_oneof![
        Just("({} + INTERVAL '50 years')"),
        Just("({} - INTERVAL '600 months')"),
        Just("({} + INTERVAL '18000 days')"),
        Just("COALESCE({}, DATE '1900-01-01')"),
    ];
    (leaf, moved).prop_map(|(d, m)| m.replace("{}", &d)).boxed()
}

fn condition(depth: u32) -> BoxedStrategy<String> {
    let d = depth.saturating_sub(1);
    let compare = || prop_oneof![Just("="), Just("<>"), Just("<"), Just(">=")];
    let leaf = prop_oneof![
        (whole(d), compare(), whole(d)).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (float(d), compare(), float(d)).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (whole(d), compare(), float(d)).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text(d), compare(), text(d)).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (date(d), compare(), date(d)).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (date(d), date(d))
            .prop_map(|(a, b)| format!("date_trunc('quarter', {a}) <= date_trunc('year', {b})")),
        date(d).prop_map(|a| format!("date_trunc('week', {a}) < TIMESTAMP '1900-01-01 00:00:00'")),
        (whole(d), whole(d), whole(d)).prop_map(|(a, b, c)| format!("{a} BETWEEN {b} AND {c}")),
        (whole(d), whole(d)).prop_map(|(a, b)| format!("{a} IN (1, 2, {b})")),
        text(d).prop_map(|t| format!("{t} LIKE 'a_%'")),
        text(d).prop_map(|t| format!("{t} ~ '^(a|\\d+)$'")),
        text(d).prop_map(|t| format!("regexp_like({t}, 'a.?c')")),
        text(d).prop_map(|t| format!("starts_with({t}, 'MA')")),
        text(d).prop_map(|t| format!("{t} IS NULL")),
        (whole(d), compare()).prop_map(|(a, op)| format!("hours {op} {a}")),
        compare().prop_map(|op| format!("TRY_CAST(note AS DECIMAL(18, 6)) {op} hours")),
    ];
    if depth < 2 {
        return leaf.boxed();
    }
    prop_oneof![
        3 => leaf,
        1 => (condition(d), condition(d)).prop_map(|(a, b)| format!("({a} AND NOT ({b}))")),
        1 => (condition(d), condition(d)).prop_map(|(a, b)| format!("({a} OR {b} IS TRUE)")),
    ]
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_allowed_expression_fails_at_any_extreme(condition in condition(3)) {
        runs(&format!("SELECT region, COUNT(*) AS n FROM assistance_service WHERE {condition} GROUP BY region"), &extremes());
    }
}

/// Aggregates within the person and windows, one of each allowed form and type.
const VALUES: [&str; 28] = [
    "SUM(amount)",
    "SUM(hours)",
    "AVG(hours)",
    "AVG(TRY_CAST(note AS DECIMAL(18, 6)))",
    "SUM(TRY_CAST(note AS DECIMAL(18, 6)))",
    "AVG(TRY_CAST(note AS INT))",
    "COUNT(amount)",
    "COUNT(DISTINCT TRY_CAST(note AS DOUBLE))",
    "MIN(amount)",
    "MAX(hours)",
    "MIN(note)",
    "MAX(event_date)",
    "BIT_AND(amount)",
    "BIT_OR(amount)",
    "BIT_XOR(amount)",
    "BOOL_AND(amount > 0)",
    "BOOL_OR(note IS NULL)",
    "MIN(amount) FILTER (WHERE hours > 0)",
    "FIRST_VALUE(amount ORDER BY event_date, record_id)",
    "LAST_VALUE(note ORDER BY note DESC, record_id)",
    "NTH_VALUE(amount, 1000000 ORDER BY record_id)",
    "STRING_AGG(note, ',' ORDER BY record_id)",
    "ARRAY_AGG(amount ORDER BY record_id)",
    "MAX(date_part('year', event_date) * 12 + amount)",
    "MIN(event_date - DATE '1900-01-01')",
    "MIN(event_date + INTERVAL '100 years')",
    "MAX(amount % 2)",
    "SUM(character_length(note))",
];

const WINDOWS: [&str; 19] = [
    "ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY record_id)",
    "SUM(amount) OVER (PARTITION BY person_key ORDER BY record_id DESC, amount)",
    "ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY amount, record_id)",
    "RANK() OVER (PARTITION BY person_key ORDER BY amount)",
    "DENSE_RANK() OVER (PARTITION BY person_key ORDER BY hours DESC NULLS LAST)",
    "PERCENT_RANK() OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
    "CUME_DIST() OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
    "NTILE(1000000) OVER (PARTITION BY person_key ORDER BY note, record_id)",
    "LAG(amount, 1000000, 5) OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
    "LEAD(note) OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
    "FIRST_VALUE(amount) IGNORE NULLS OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
    "LAST_VALUE(hours) OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
    "NTH_VALUE(amount, 2) OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
    "COUNT(*) OVER (PARTITION BY person_key)",
    "SUM(amount) OVER (PARTITION BY person_key)",
    "SUM(amount) OVER (PARTITION BY person_key ORDER BY event_date, record_id ROWS BETWEEN 1000000 PRECEDING AND 1 FOLLOWING)",
    "SUM(hours) OVER (PARTITION BY person_key ORDER BY event_date, record_id ROWS 2 PRECEDING)",
    "MIN(amount) OVER (PARTITION BY person_key, region)",
    "MAX(event_date) OVER (PARTITION BY person_key ORDER BY event_date, record_id)",
];

#[test]
fn no_allowed_aggregate_or_window_fails_at_any_extreme() {
    for value in VALUES {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM (SELECT person_key, {value} AS v FROM assistance_service GROUP BY person_key) x WHERE v IS NOT NULL"
        );
        runs(&sql, &extremes());
    }
    for value in WINDOWS {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM (SELECT {value} AS v FROM assistance_service) x WHERE v IS NOT NULL"
        );
        runs(&sql, &extremes());
    }
}

/// What is compiled where a row is met first must compile, and soon: whether it is met would be an exact answer.
#[test]
fn patterns_that_cannot_compile_or_are_long_are_refused() {
    let long = "_".repeat(20_000);
    let refused = [
        format!("note LIKE 'x{long}%y'"),
        format!("note NOT ILIKE 'x{}y'", "_".repeat(300)),
        format!("note ~ '{}'", "a".repeat(300)),
        "note ~ '(a{1000}){1000}'".to_owned(),
        "regexp_like(note, '[[:alpha:]]{900}{900}')".to_owned(),
        "regexp_like(note, '(')".to_owned(),
    ];
    for condition in refused {
        let sql = format!(
            "SELECT quarter, COUNT(DISTINCT person_key) AS n FROM assistance_service WHERE {condition} GROUP BY quarter"
        );
        match analyse(&sql, &sources(), &declared()) {
            Verdict::Refused(refusals) => assert_eq!(refusals[0].code, "P13", "{sql}"),
            verdict => panic!("{sql}: {verdict:?}"),
        }
    }
    runs(
        "SELECT quarter, COUNT(DISTINCT person_key) AS n FROM assistance_service WHERE note LIKE 'a_%b' GROUP BY quarter",
        &extremes(),
    );
}
