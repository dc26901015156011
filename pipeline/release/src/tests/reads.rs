//! C11, C12 and the number of approvers are decided on what a statement reads, in whatever form it reads it.

use std::path::Path;

use marsad_ledger::checklist::Standing;
use marsad_ledger::proposal::Proposal;
use tempfile::TempDir;

use super::{definitions, load, plan_of, standing};

const SHOWN: &str =
    "CASE WHEN beneficiary_category IN ('UASC', 'VOT') THEN '_O' ELSE beneficiary_category END";
const CLIP: &str = "[bound]\nmode = \"norm_clip\"\nc_squared = 9\nsource = \"a test\"\n";

/// A release of one statistic.
fn with(sql: &str, area: &str, rest: &str) -> TempDir {
    let folder = definitions();
    let texts = |key: &str| ["fr", "ar", "en"].map(|language| format!("{key}.{language} = \"x\"\n")).concat();
    let (title, note, coverage) = (texts("title"), texts("note"), texts("coverage"));
    let toml = format!(
        "id = \"probe\"\nversion = \"1.0.0\"\n{title}{note}unit = \"PERSONS\"\npurpose = \"P-2025-01\"\n\
         smallest_area = \"{area}\"\nanswers = []\n{rest}"
    );
    let release = format!(
        "id = \"probe\"\n{title}statistics = [\"probe\"]\nperiods = [\"2024-Q4\", \"2024\"]\nrho = \"0.1\"\n\
         recipients = [\"public\"]\nembargo = 2025-01-15T09:00:00Z\ncontact = \"data@example.org\"\n{coverage}frozen = []\n"
    );
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
    write("queries/probe.sql", sql);
    write("queries/probe.toml", &toml);
    write("queries/releases/probe.toml", &release);
    folder
}

async fn planned(folder: &Path) -> Proposal {
    plan_of(folder, "probe", None).await.unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

fn red(proposal: &Proposal) -> Vec<&'static str> {
    ["C11", "C12"].into_iter().filter(|id| standing(proposal, id) == Standing::Fail).collect()
}

/// Which of C11 and C12 are red over a statement, and how many must approve.
#[track_caller]
fn check(sql: &str, wanted: &[&str], approvals: u32) {
    let codes = if sql.contains(" AS sex") { "[codes]\nsex = \"SEX\"\n" } else { "" };
    let folder = with(sql, "region", &format!("{CLIP}{codes}"));
    let proposal = runtime().block_on(planned(folder.path()));
    assert_eq!((red(&proposal).as_slice(), proposal.approvals_needed), (wanted, approvals), "{sql}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Counts persons by keys.
fn count(keys: &str, from: &str) -> String {
    format!("SELECT {keys}, COUNT(DISTINCT person_key) AS persons FROM {from} GROUP BY {keys}")
}

#[test]
fn children_among_the_assisted_are_children_in_a_condition_too() {
    check(
        "SELECT quarter, region, sex, COUNT(DISTINCT person_key) AS persons FROM assistance_service \
         WHERE beneficiary_category = 'UASC' \
         GROUP BY GROUPING SETS ((quarter), (quarter, region), (quarter, region, sex))",
        &["C12"],
        2,
    );
    for condition in [
        "beneficiary_category = 'VOT'",
        "beneficiary_category NOT IN ('UASC')",
        "beneficiary_category LIKE 'UAS%'",
        "beneficiary_category < 'UASD' AND beneficiary_category > 'SEASONAL'",
        "sex = 'F' OR beneficiary_category = 'UASC'",
        &format!("{SHOWN} = '_O' AND beneficiary_category <> '_O'"),
        "CASE WHEN beneficiary_category IN ('UASC', 'VOT') THEN 'GOV' ELSE beneficiary_category END = 'GOV'",
        "person_key IN (SELECT person_key FROM needs_assessment WHERE beneficiary_category = 'UASC')",
        "EXISTS (SELECT 1 FROM needs_assessment n WHERE n.person_key = assistance_service.person_key \
         AND n.beneficiary_category = 'UASC')",
    ] {
        check(&count("year, region", &format!("assistance_service WHERE {condition}")), &["C12"], 2);
    }
    check(
        &count("year, nationality_group", "assistance_service WHERE beneficiary_category = 'VOT'"),
        &["C12"],
        2,
    );
    check(
        &count("year", "assistance_service WHERE beneficiary_category = 'VOT' AND region = 'MA-01'"),
        &["C12"],
        2,
    );
    check(&count("quarter", "assistance_service WHERE beneficiary_category = 'UASC'"), &["C12"], 2);
    // Nationally and by year they are shown, as those of their own record types: by two approvals.
    check(&count("year, sex", "assistance_service WHERE beneficiary_category = 'UASC'"), &[], 2);
}

#[test]
fn children_are_found_in_filters_derived_columns_inner_aggregates_and_joins() {
    let filtered = "SELECT year, region, COUNT(DISTINCT person_key) FILTER (WHERE beneficiary_category = 'UASC') AS persons \
         FROM assistance_service GROUP BY year, region";
    check(filtered, &["C12"], 2);
    let derived = "CASE WHEN beneficiary_category = 'UASC' THEN 'F' ELSE 'M' END";
    check(
        &format!(
            "SELECT year, region, {derived} AS sex, COUNT(DISTINCT person_key) AS persons \
             FROM assistance_service GROUP BY year, region, {derived}"
        ),
        &["C12"],
        2,
    );
    for from in [
        &format!(
            "(SELECT person_key, year, region, {derived} AS told FROM assistance_service) WHERE told = 'F'"
        ),
        "(SELECT person_key, year, region, beneficiary_category AS told FROM assistance_service) WHERE told = 'UASC'",
        &format!(
            "(SELECT person_key, year, region, CASE WHEN beneficiary_category = 'UASC' THEN 'REG' ELSE '_O' END \
             AS beneficiary_category FROM assistance_service) WHERE {SHOWN} = 'REG'"
        ),
        "(SELECT person_key, year, region, MAX(beneficiary_category) AS told FROM assistance_service \
         GROUP BY person_key, year, region) WHERE told = 'UASC'",
        "(SELECT person_key, year, region, beneficiary_category AS told FROM assistance_service \
         UNION ALL SELECT person_key, year, region, beneficiary_category FROM needs_assessment) WHERE told = 'UASC'",
        "(SELECT person_key, year, region, ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY beneficiary_category, record_id) \
         AS place FROM assistance_service) WHERE place = 1",
        "(SELECT a.person_key, a.year, a.region FROM assistance_service a JOIN (SELECT person_key FROM needs_assessment \
         WHERE beneficiary_category = 'VOT' GROUP BY person_key) v ON a.person_key = v.person_key)",
        "(SELECT a.person_key, a.year, a.region FROM assistance_service a \
         JOIN beneficiary_category c ON a.beneficiary_category = c.code WHERE c.code = 'UASC')",
    ] {
        check(&count("year, region", from), &["C12"], 2);
    }
}

#[test]
fn whoever_reads_them_as_other_does_not_tell_them() {
    for condition in [
        "beneficiary_category = 'IRREG'",
        "beneficiary_category IN ('IRREG', 'REG', 'HOST')",
        &format!("{SHOWN} = '_O'"),
        &format!("{SHOWN} <> 'IRREG' AND sex = 'F'"),
        "beneficiary_category = 'SEASONAL' OR region = 'MA-01'",
    ] {
        check(&count("quarter, region", &format!("assistance_service WHERE {condition}")), &[], 1);
    }
    for from in [
        &format!(
            "(SELECT person_key, quarter, region, {SHOWN} AS told FROM assistance_service) WHERE told = '_O'"
        ),
        "(SELECT person_key, quarter, region, beneficiary_category AS told FROM assistance_service) WHERE told = 'REG'",
        "(SELECT * FROM assistance_service) WHERE sex = 'F'",
    ] {
        check(&count("quarter, region", from), &[], 1);
    }
}

/// What is declared a structural zero is dropped from the table; that leaves them to be found by subtraction.
#[test]
fn a_declared_zero_does_not_hide_what_the_statement_tells() {
    let rest = "[bound]\nmode = \"home_cell\"\n[zeros]\nbeneficiary_category = [\"UASC\", \"VOT\", \"GOV\", \"LOCAL\"]\n";
    let sql = count("quarter, region, beneficiary_category", "assistance_service");
    let folder = with(&sql, "region", rest);
    assert_eq!(red(&runtime().block_on(planned(folder.path()))), ["C12"]);
}

#[test]
fn a_child_protection_table_reads_no_region_nationality_quarter_or_month() {
    check(
        &count(
            "year",
            "child_protection WHERE region = 'MA-02' AND event_month = DATE '2024-03-01' AND nationality_group = 'MAF'",
        ),
        &["C11", "C12"],
        2,
    );
    let both = ["C11", "C12"];
    let folder = with(
        &count("year", "child_protection WHERE region = 'MA-02' AND event_month = DATE '2024-03-01'"),
        "national",
        CLIP,
    );
    let proposal = runtime().block_on(planned(folder.path()));
    let item = proposal.checklist.iter().find(|item| item.id == "C11").unwrap();
    assert!(item.evidence.contains("region") && item.evidence.contains("month"), "{}", item.evidence);
    for condition in ["region = 'MA-02'", "quarter = '2024-Q1'", "date_part('month', event_month) = 3"] {
        check(&count("year", &format!("child_protection WHERE {condition}")), &both, 2);
    }
    for condition in ["moroccan", "nationality_group = 'MAF'"] {
        check(&count("year", &format!("child_protection WHERE {condition}")), &["C12"], 2);
    }
    check(&count("year, child_action", "child_protection WHERE sex = 'F' AND year = '2024'"), &[], 2);
    check(
        "SELECT year, COUNT(DISTINCT person_key) FILTER (WHERE region = 'MA-02') AS persons FROM child_protection GROUP BY year",
        &both,
        2,
    );
    let elsewhere = "(SELECT c.person_key, c.year FROM child_protection c JOIN (SELECT person_key, MAX(region) AS place \
         FROM assistance_service GROUP BY person_key) a ON c.person_key = a.person_key WHERE a.place = 'MA-02')";
    check(&count("year", elsewhere), &both, 2);
}

#[test]
fn each_table_is_judged_by_what_it_reads_itself() {
    let sets = |keys: &str, condition: &str, sets: &str| {
        format!(
            "SELECT {keys}, COUNT(DISTINCT person_key) AS persons FROM training WHERE {condition} \
             GROUP BY GROUPING SETS ({sets})"
        )
    };
    check(&sets("quarter, year, region", "completed", "(quarter), (year, region)"), &[], 1);
    check(&sets("quarter, region", "completed", "(quarter), (quarter, region)"), &["C11"], 1);
    check(&sets("quarter", "region = 'MA-02'", "(quarter)"), &["C11"], 1);
    check(&sets("year", "region = 'MA-02'", "(year)"), &[], 1);
    check(&sets("year, region", "quarter = '2024-Q4'", "(year, region)"), &["C11"], 1);
    check(&sets("year", "quarter = '2024-Q4'", "(year)"), &[], 1);
}

#[tokio::test]
async fn what_is_national_only_reads_no_region_and_no_table_is_of_a_month() {
    let place = "region = 'MA-02'";
    let by = |condition: &str| count("quarter", &format!("assistance_service WHERE {condition}"));
    let exact = format!("SELECT quarter, COUNT(*) AS n FROM org_activity WHERE {place} GROUP BY quarter");
    let none = "[bound]\nmode = \"none\"\n";
    for (sql, area, rest, wanted) in [
        (by(place), "national", CLIP, &["C11"][..]),
        (by(place), "region", CLIP, &[]),
        (by("event_month = DATE '2024-11-01'"), "region", CLIP, &["C11"]),
        (exact, "national", none, &["C11"]),
    ] {
        let folder = with(&sql, area, rest);
        assert_eq!(red(&planned(folder.path()).await), wanted, "{sql}");
    }
}

#[tokio::test]
async fn releases_that_the_program_carries_keep_their_verdicts() {
    let folder = definitions();
    let catalog = load(folder.path());
    let mut needed = Vec::new();
    for id in catalog.releases.keys() {
        let proposal = plan_of(definitions().path(), &id.to_string(), None).await.unwrap();
        assert_eq!(red(&proposal), Vec::<&str>::new(), "{id}");
        needed.push((id.to_string(), proposal.approvals_needed));
    }
    let needed: Vec<(&str, u32)> = needed.iter().map(|(id, n)| (id.as_str(), *n)).collect();
    let wanted = [
        ("2024-Q4", 2),
        ("plan-quarter", 2),
        ("plan-quarter-cash", 1),
        ("plan-year", 2),
        ("plan-year-hours", 1),
        ("plan-year-trafficking", 2),
    ];
    assert_eq!(needed, wanted);
    // Alone, the one that reads categories by region and quarter wants one approver.
    let read = |end: &str| {
        std::fs::read_to_string(folder.path().join(format!("queries/assisted_by_category.{end}"))).unwrap()
    };
    let (sql, toml) = (read("sql"), read("toml"));
    let rest = toml.find("[bound]").map(|at| toml[at..].to_owned()).unwrap();
    let alone = with(&sql, "region", &rest);
    let proposal = planned(alone.path()).await;
    assert_eq!((red(&proposal), proposal.approvals_needed), (Vec::new(), 1));
}
