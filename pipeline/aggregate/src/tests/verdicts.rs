//! V12: what is proven is accepted, what is refused is refused by the right code, at the right place.

use super::world::{declared, sources, vector};
use crate::analyse::{Verdict, analyse};

fn cases(verdict: &str) -> Vec<(String, String)> {
    let vector = vector();
    let cases = vector["cases"].as_array().unwrap().iter().filter(|case| case["verdict"] == verdict);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    cases.map(|case| (text(&case["sql"]), text(&case["code"]))).collect()
}

#[test]
fn every_statement_that_v12_refuses_is_refused_by_its_code() {
    let cases = cases("refused");
    assert_eq!(cases.len(), 91);
    let mut faults = Vec::new();
    for (sql, code) in cases {
        match analyse(&sql, &sources(), &declared()) {
            Verdict::Accepted(_) => faults.push(format!("accepted: {sql}")),
            Verdict::Invalid { what, .. } => faults.push(format!("{what}: {sql}")),
            Verdict::Refused(refusals) if refusals[0].code != code => {
                faults.push(format!("not {code}: {sql}\n    {refusals:?}"));
            }
            Verdict::Refused(_) => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_statement_that_v12_accepts_is_accepted() {
    let cases = cases("accepted");
    assert_eq!(cases.len(), 56);
    let mut faults = Vec::new();
    for (sql, _) in cases {
        match analyse(&sql, &sources(), &declared()) {
            Verdict::Accepted(_) => {}
            Verdict::Invalid { what, .. } => faults.push(format!("{what}: {sql}")),
            Verdict::Refused(refusals) => faults.push(format!("{sql}\n    {refusals:?}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[track_caller]
fn refused_at(sql: &str, code: &str, place: (u64, u64), text: &str) {
    let Verdict::Refused(refusals) = analyse(sql, &sources(), &declared()) else { panic!("{sql}") };
    let first = &refusals[0];
    assert_eq!((first.code, (first.line, first.column), first.text.as_str()), (code, place, text), "{sql}");
}

#[test]
fn refusals_say_where_they_are_in_the_words_of_the_statement() {
    let refused = refused_at;
    refused(
        "SELECT region, COUNT(*) AS n\nFROM assistance_service\nGROUP BY region\nHAVING COUNT(*) > 10",
        "P08",
        (4, 8),
        "HAVING COUNT(*) > 10",
    );
    refused(
        "SELECT note,\n  COUNT(*) AS n FROM assistance_service GROUP BY note",
        "P09",
        (2, 50),
        "assistance_service.note",
    );
    refused(
        "SELECT a.region, COUNT(*) AS n\nFROM assistance_service a\nJOIN training t ON a.region = t.region\nGROUP BY a.region",
        "P05",
        (3, 6),
        "JOIN training t ON a.region = t.region",
    );
    refused(
        "SELECT region, COUNT(*) AS n FROM assistance_service\nWHERE sex = 'F' AND 10 / amount > 1\nGROUP BY region",
        "P13",
        (2, 21),
        "10 / amount",
    );
    refused(
        "SELECT region, COUNT(*) AS n FROM (\n  SELECT region,\n    ROW_NUMBER() OVER (ORDER BY event_date) AS k FROM assistance_service\n) x WHERE k = 1 GROUP BY region",
        "P02",
        (3, 5),
        "ROW_NUMBER() OVER (ORDER BY event_date)",
    );
    refused(
        "SELECT region, COUNT(*) AS n FROM assistance_service\nWHERE hours > 1 AND EXISTS (SELECT 1 FROM training t WHERE t.hours > 100) GROUP BY region",
        "P07",
        (2, 29),
        "EXISTS (SELECT 1 FROM training t WHERE t.hours > 100)",
    );
    refused(
        "SELECT region, COUNT(*) AS n FROM (\n  SELECT region, COUNT(*) AS c FROM assistance_service\n  GROUP BY region, sex) x GROUP BY region",
        "P04",
        (3, 12),
        "GROUP BY region, sex",
    );
    refused(
        "SELECT region, COUNT(*) AS n FROM (SELECT DISTINCT region,\n note FROM assistance_service) x GROUP BY region",
        "P03",
        (1, 36),
        "SELECT DISTINCT",
    );
    refused(
        "SELECT region, COUNT(*) AS n FROM assistance_service WHERE RANDOM() < 0.5 GROUP BY region",
        "P14",
        (1, 60),
        "RANDOM()",
    );
}

#[test]
fn a_total_of_counted_persons_is_its_own_refusal() {
    for sql in [
        "SELECT SUM(n) AS total FROM (SELECT region, COUNT(DISTINCT person_key) AS n FROM assistance_service GROUP BY region) x",
        "SELECT region, COUNT(DISTINCT person_key) AS n, SUM(COUNT(DISTINCT person_key)) OVER () AS total FROM assistance_service GROUP BY region",
    ] {
        let Verdict::Refused(refusals) = analyse(sql, &sources(), &declared()) else { panic!("{sql}") };
        assert_eq!(refusals[0].code, "P18", "{sql}");
    }
}

#[test]
fn what_does_not_parse_or_exist_has_a_place_and_no_code() {
    for (sql, line) in [
        ("SELECT\nFROM", 2),
        ("SELECT nothing FROM assistance_service", 1),
        ("SELECT 1 FROM no_table", 1),
        ("", 1),
    ] {
        match analyse(sql, &sources(), &declared()) {
            Verdict::Invalid { line: found, what, .. } => {
                assert!(found >= 1 && found <= line && !what.is_empty(), "{sql}");
            }
            Verdict::Refused(refusals) => panic!("{sql}: {refusals:?}"),
            Verdict::Accepted(_) => panic!("{sql}"),
        }
    }
}

#[test]
fn a_statement_over_which_the_engine_panics_is_invalid() {
    let sql = "SELECT region, COUNT(*) AS n FROM assistance_service WHERE -(SELECT FROM ref_region) > 1 GROUP BY region";
    let Verdict::Invalid { what, .. } = analyse(sql, &sources(), &declared()) else {
        panic!("it has a meaning")
    };
    assert!(what.contains("breaks off"), "{what}");
}

#[test]
fn a_text_that_is_no_code_of_its_column_is_refused_with_the_nearest() {
    let counted = |condition: &str| {
        format!("SELECT region, COUNT(*) AS n\nFROM assistance_service\nWHERE {condition} GROUP BY region")
    };
    for condition in [
        "service = 'shelte'",
        "'shelte' <> service",
        "hours > 1 AND service IN ('MEDICAL', 'shelte')",
        "CASE service WHEN 'shelte' THEN 1 ELSE 0 END = 1",
        "CASE WHEN service = 'shelte' THEN 1 ELSE 0 END = 1",
        "COALESCE(service, '_U') = 'shelte'",
        "EXISTS (SELECT 1 FROM assistance_service b WHERE b.person_key = assistance_service.person_key AND b.service = 'shelte')",
    ] {
        let Verdict::Refused(refusals) = analyse(&counted(condition), &sources(), &declared()) else {
            panic!("{condition}")
        };
        let first = &refusals[0];
        assert_eq!((first.code, first.line), ("P21", 3), "{condition}");
        let near = "`shelte` is no code of service that a record has; did you mean `SHELTER`?";
        assert_eq!(first.why, near, "{condition}");
        assert_eq!(first.write, "a code of service: SHELTER, MEDICAL, LEGAL, _U", "{condition}");
    }
    let filtered =
        "SELECT region, COUNT(*) FILTER (WHERE sex = 'Femme') AS n FROM assistance_service GROUP BY region";
    refused_at(filtered, "P21", (1, 39), "sex = 'Femme'");
    for condition in ["service = '_U'", "service NOT IN ('_U', 'LEGAL')", "note = 'shelte'", "category = 'X'"]
    {
        let verdict = analyse(&counted(condition), &sources(), &declared());
        assert!(matches!(verdict, Verdict::Accepted(_)), "{condition}: {verdict:?}");
    }
}

#[test]
fn a_table_that_is_none_is_told_with_those_that_are() {
    let what = |table: &str| match analyse(&format!("SELECT 1 FROM {table}"), &sources(), &declared()) {
        Verdict::Invalid { what, .. } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        what("assistance_servic"),
        "there is no table `assistance_servic`; did you mean `assistance_service`?"
    );
    assert_eq!(
        what("nothing_like_it"),
        "there is no table `nothing_like_it`; the record types are assistance_service, training, vot_identification"
    );
}
