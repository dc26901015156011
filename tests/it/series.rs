//! First-time series through the built binary: paid once, drawn once a step, closed quarters frozen for every release.

use serde_json::Value;

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

    // Another quarter with new people, and one who comes back.
    let row = |i: usize| {
        format!("P-{}{i:07};15/02/2025;TTA;Femme;1990;Sénégal;régulière;Santé;1;;oui;\r\n", 7 + i % 2)
    };
    let rows: Vec<String> = (0..20).map(row).collect();
    workspace.write("later.csv", latin(&(SERVICES.to_owned() + &rows.concat())));
    workspace.json(&["land", "later.csv", "--as", "partner_assistance"]).done();
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
