//! First-time series through the built binary: paid once, drawn once a step, closed quarters frozen for every release.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::readers::{python, root, run_in};
use crate::workspace::{SERVICES, Workspace, latin};

const SERIES: &str = "data/first_time_assisted.csv";

/// A release with other statistics, periods and price than a test's usual one.
fn define(workspace: &Workspace, id: &str, statistics: &str, period: &str) {
    workspace.define(id, "");
    let file = format!("queries/releases/{id}.toml");
    workspace.edit(&file, "statistics = [\"assisted_persons\"]", &format!("statistics = [{statistics}]"));
    workspace.edit(&file, "periods = [\"2024-Q4\"]", &format!("periods = [\"{period}\"]"));
    workspace.edit(&file, "rho = \"0.1\"", "rho = \"0.05\"");
}

/// Approves, runs, publishes and verifies; gives what the run said.
fn release(workspace: &Workspace, id: &str) -> Value {
    workspace.approved(id);
    let run = workspace.json(&["release", "run", id, "--yes"]).done();
    workspace.json(&["release", "publish", id]).done();
    let verified = workspace.json(&["verify", &format!("releases/{id}")]).done();
    assert_eq!(*verified.at("ok"), true);
    workspace.ledger_is_right();
    run.json
}

/// The rows of the series up to a period.
fn totals(workspace: &Workspace, id: &str, through: &str) -> Vec<String> {
    let table = workspace.read(&format!("releases/{id}/{SERIES}"));
    let rows =
        table.lines().skip(1).filter(|row| row.split(',').next().is_some_and(|period| period <= through));
    rows.map(str::to_owned).collect()
}

/// Lands another quarter with new people, and one who comes back.
fn land_later(workspace: &Workspace) {
    let row = |i: usize| {
        format!("P-{}{i:07};15/02/2025;TTA;Femme;1990;Sénégal;régulière;Santé;1;;oui;\r\n", 7 + i % 2)
    };
    let rows: Vec<String> = (0..20).map(row).collect();
    workspace.write("later.csv", latin(&(SERVICES.to_owned() + &rows.concat())));
    workspace.json(&["land", "later.csv", "--as", "partner_assistance"]).done();
}

#[test]
fn a_series_is_paid_once_and_its_closed_quarters_stay_as_they_were_drawn() {
    let workspace = Workspace::new();
    workspace.land_services(60);
    define(&workspace, "2024-Q4-S", "\"assisted_persons\", \"first_time_assisted\"", "2024-Q4");
    let plan = workspace.plan("2024-Q4-S");
    assert_eq!(*plan.at("nano_rho"), 60_000_000, "0.05 for the joint vector, 0.01 for the series");
    assert_eq!(plan.at("series")[0]["opens"], true);
    let run = release(&workspace, "2024-Q4-S");
    assert_eq!(run["charged"], 60_000_000);
    let first = totals(&workspace, "2024-Q4-S", "2024-Q4");
    // Eight quarters since 2023, each with the total, ten regions and four sexes.
    assert_eq!(first.len(), 8 * 15);
    let statement = workspace.read("releases/2024-Q4-S/privacy.yaml");
    assert!(statement.contains("mechanism: toeplitz_gaussian") && statement.contains("rho: 0.06\n"));

    land_later(&workspace);
    define(&workspace, "2025-Q1-S", "\"assisted_persons\", \"first_time_assisted\"", "2025-Q1");
    let plan = workspace.plan("2025-Q1-S");
    assert_eq!(
        (plan.at("nano_rho").as_u64(), &plan.at("series")[0]["opens"]),
        (Some(50_000_000), &Value::from(false))
    );
    assert_eq!(release(&workspace, "2025-Q1-S")["charged"], 50_000_000);
    assert_eq!(totals(&workspace, "2025-Q1-S", "2024-Q4"), first, "closed quarters are frozen");
    assert_eq!(totals(&workspace, "2025-Q1-S", "2025-Q1").len(), 9 * 15);
    let lifetime = workspace.lifetime();
    assert_eq!(lifetime["cap"] - lifetime["left"], 110_000_000);
}

#[test]
fn a_release_of_paid_series_costs_nothing_and_shows_the_same_figures() {
    let workspace = Workspace::new();
    workspace.land_services(40);
    define(&workspace, "2024-Q4-S", "\"first_time_assisted\"", "2024-Q4");
    assert_eq!(release(&workspace, "2024-Q4-S")["charged"], 10_000_000, "only the opening");
    define(&workspace, "2024-Q4-T", "\"first_time_assisted\", \"first_time_trained\"", "2024-Q4");
    assert_eq!(release(&workspace, "2024-Q4-T")["charged"], 10_000_000, "only the new series");
    assert_eq!(totals(&workspace, "2024-Q4-T", "2024-Q4"), totals(&workspace, "2024-Q4-S", "2024-Q4"));
    define(&workspace, "2024-Q3-S", "\"first_time_assisted\"", "2024-Q3");
    assert_eq!(release(&workspace, "2024-Q3-S")["charged"], 0);
    assert_eq!(totals(&workspace, "2024-Q3-S", "2024-Q3"), totals(&workspace, "2024-Q4-S", "2024-Q3"));
}

#[test]
fn a_release_beyond_the_horizon_is_refused_with_what_to_do() {
    let workspace = Workspace::new();
    for (period, what) in [("2028-Q1", "has ended"), ("2022-Q4", "begins after")] {
        let id = format!("{period}-S");
        define(&workspace, &id, "\"first_time_assisted\"", period);
        let refused = workspace.json(&["release", "plan", &id]);
        assert_eq!((refused.code, refused.error()), (1, "E09"));
        assert!(refused.json["error"]["what"].as_str().unwrap().contains(what), "{}", refused.json);
    }
    workspace.land_services(20);
    define(&workspace, "2024-Q4-S", "\"first_time_assisted\"", "2024-Q4");
    let more = "\n[statistic.first_time_assisted]\nredraw = [\"2024-Q3\"]\n";
    let file = "queries/releases/2024-Q4-S.toml";
    workspace.write(file, workspace.read(file) + more);
    let refused = workspace.json(&["release", "plan", "2024-Q4-S"]);
    assert_eq!((refused.code, refused.error()), (1, "E10"), "nothing was forfeited");
}

/// What R's rsdmx reads of a series: key, value and estimate of every observation.
const RSDMX: &str = r#"
suppressMessages(library(rsdmx))
figures <- as.data.frame(readSDMX("series.xml", isURL = FALSE))
columns <- c("FREQ", "REF_AREA", "SEX", "AGE_GROUP", "TIME_PERIOD", "OBS_VALUE", "OBS_STATUS", "ESTIMATE")
write.table(figures[columns], sep = ",", quote = FALSE, row.names = FALSE, col.names = FALSE)
"#;

#[test]
fn every_reader_finds_the_rows_of_all_releases_in_the_series_as_xml() {
    let workspace = Workspace::new();
    workspace.land_services(60);
    land_later(&workspace);
    define(&workspace, "2024-Q4-S", "\"assisted_persons\"", "2024-Q4");
    release(&workspace, "2024-Q4-S");
    // The newer release has a code more, and so another version.
    workspace.edit("schemas/code_lists/SEX.csv", "_O,Autre", "N,Intersexe,بيني الجنس,Intersex,3,,\n_O,Autre");
    define(&workspace, "2025-Q1-S", "\"assisted_persons\"", "2025-Q1");
    release(&workspace, "2025-Q1-S");
    let write =
        |to: &str| workspace.json(&["release", "publish", "--series", "assisted_persons", "--to", to]).done();
    let (table, told) = (write("series.csv"), write("series.xml"));
    assert_eq!(*told.at("dataflow"), "MARSAD:DF_ASSISTED_PERSONS(1.1.0)");
    assert_eq!(
        (told.at("releases"), told.at("structure")),
        (table.at("releases"), &"series.structure.xml".into())
    );
    assert_eq!(*table.at("structure"), Value::Null);
    assert_eq!(
        fs::read(workspace.path("series.structure.xml")).unwrap(),
        fs::read(workspace.path("releases/2025-Q1-S/sdmx/structure-2.1.xml")).unwrap()
    );

    let tool = root().join("tools/publication/check_series.py");
    let args = [tool.to_str().unwrap(), "series.xml", "series.csv"];
    let read: Value = serde_json::from_str(&run_in(&workspace.dir(), python(), &args)).unwrap();
    let rows = |place: usize| &told.at("releases")[place]["rows"];
    assert_eq!((&read["2024-Q4-S"], &read["2025-Q1-S"]), (rows(0), rows(1)));
    assert!(rows(1).as_u64() > rows(0).as_u64() && rows(0).as_u64() > Some(0), "{read}");

    let mut with_r: Vec<String> =
        run_in(&workspace.dir(), "Rscript", &["-e", RSDMX]).lines().map(str::to_owned).collect();
    let lines = workspace.read("series.csv");
    let mut ours: Vec<String> = lines
        .lines()
        .skip(1)
        .map(|row| row.split(',').skip(3).take(8).collect::<Vec<_>>().join(","))
        .collect();
    ours.sort();
    with_r.sort();
    assert_eq!(with_r, ours);

    // A figure, a release and a code that are not those of the table are noticed.
    let right = workspace.read("series.xml");
    for (from, to) in [
        ("ESTIMATE=\"", "ESTIMATE=\"1"),
        ("RELEASE_ID=\"2024", "RELEASE_ID=\"2023"),
        ("SEX=\"F\"", "SEX=\"Z\""),
    ] {
        assert!(right.contains(from));
        workspace.write("series.xml", right.replacen(from, to, 1));
        let checked = Command::new(python()).current_dir(workspace.dir()).args(args).output().unwrap();
        assert!(!checked.status.success(), "{to} was not noticed");
    }
}
