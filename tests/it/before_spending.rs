//! What a steward sees before anything is spent, and a release whose residuals are measured, from plan to verification.

use std::fs;

use crate::workspace::{RELEASE, Workspace};

#[test]
fn a_plan_shows_half_and_twice_the_price_and_what_it_means_in_three_languages() {
    let workspace = Workspace::new();
    let plan = workspace.plan(RELEASE);
    let number = |path: &str| plan.at(path).as_f64().expect(path);
    for table in plan.at("tables").as_array().unwrap() {
        let margin = |name: &str| table[name].as_f64().unwrap();
        assert!((margin("margin_at_half") / margin("margin_at_double") - 2.0).abs() < 1e-6, "{table}");
        assert!((margin("margin") / margin("margin_at_double") - 2.0_f64.sqrt()).abs() < 0.02, "{table}");
    }
    let curve = plan.at("curve").as_array().unwrap();
    assert_eq!(curve.len(), 9);
    assert_eq!(curve[4]["nano_rho"], *plan.at("nano_rho"));
    assert_eq!(curve[0]["margins"].as_array().unwrap().len(), plan.at("tables").as_array().unwrap().len());
    assert_eq!(plan.at("epsilon").as_array().unwrap().len(), 3);
    assert!(number("guess.membership") < number("guess.attribute"));
    let shown = workspace.marsad(&["release", "show", RELEASE, "--full"]).done().stdout;
    for language in ["fr", "ar", "en"] {
        let words = plan.at(&format!("guess_words.{language}")).as_str().unwrap();
        assert!(words.contains("61") && shown.contains(words), "{language}");
    }
    workspace.edit("marsad.toml", "languages = [\"fr\", \"ar\", \"en\"]", "languages = [\"ar\"]");
    let shown = workspace.marsad(&["release", "show", RELEASE]).done().stdout;
    assert!(shown.contains("من يخمن") && !shown.contains("From even odds"), "{shown}");
}

#[test]
fn residuals_go_from_plan_to_a_bundle_that_verifies_and_has_no_raw() {
    let workspace = Workspace::new();
    workspace.land_services(200);
    workspace.define(RELEASE, "[statistic.assisted_persons]\nstrategy = \"residuals\"");
    let plan = workspace.approved(RELEASE);
    assert_eq!(plan.at("strategies").as_array().unwrap().len(), 1);
    let run = workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    assert_eq!(run.at("charged"), 100_000_000);
    let same = workspace.json(&["release", "run", RELEASE]).done();
    assert_eq!((same.at("hash"), same.at("charged").as_u64()), (run.at("hash"), Some(0)));
    workspace.json(&["release", "publish", RELEASE]).done();
    let bundle = workspace.path("releases").join(RELEASE);
    let verified = workspace.json(&["verify", &bundle.display().to_string()]).done();
    assert_eq!(*verified.at("ok"), true);
    let statement = fs::read_to_string(bundle.join("privacy.yaml")).unwrap();
    assert!(statement.contains("mechanism: discrete_gaussian_on_residuals"), "{statement}");
    let table = fs::read_to_string(bundle.join("data/assisted_persons.csv")).unwrap();
    let header: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert!(cells[place("raw")].is_empty() && !cells[place("estimate")].is_empty(), "{line}");
    }
    workspace.ledger_is_right();
}

#[test]
fn bounds_are_rehearsed_on_invented_people_and_nothing_of_the_workspace_is_touched() {
    let workspace = Workspace::new();
    let check = ["query", "check", "services_delivered", "--bounds", "--scale", "0.02", "--rho", "0.05"];
    let found = workspace.json(&check).done();
    assert_eq!(*found.at("simulated"), true);
    found.has(&["key", "declared", "suggested", "ladder", "published", "source"]);
    // Ties of home values fall by keys of the moment; who is clipped does not.
    let again = workspace.json(&check).done();
    assert_eq!(again.at("persons"), found.at("persons"), "the same seed, the same people");
    let clipped = |output: &crate::workspace::Output| output.at("ladder")[0]["clipped_percent"].clone();
    assert_eq!(clipped(&again), clipped(&found));
    assert!(workspace.marsad(&check).done().stdout.starts_with("SIMULATED"));
    assert!(!workspace.path("landing").exists() && !workspace.path("restricted").exists());
    let other = workspace.json(&["query", "check", "assisted_persons", "--bounds"]);
    assert_eq!((other.code, other.error()), (1, "E11"));
}

/// What is drawn stands for ever; the release of a typing error would too.
#[test]
fn a_period_that_is_not_over_is_not_read_and_costs_nothing() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.define("later", "");
    workspace.edit("queries/releases/later.toml", "2024-Q4", "2199-Q4");
    workspace.approved("later");
    let refused = workspace.json(&["release", "run", "later", "--yes"]);
    assert_eq!((refused.code, refused.error()), (1, "E16"));
    assert!(refused.at("error.what").as_str().unwrap().contains("2199-12-31"), "{refused:?}");
    assert_eq!(workspace.lifetime()["left"], workspace.lifetime()["cap"]);
}

/// A colleague's draft keeps no release from its instant.
#[test]
fn another_draft_hinders_no_release() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.write("queries/draft.sql", "SELECT 1");
    workspace.write("queries/releases/draft.toml", "id = 3");
    workspace.approved(RELEASE);
    let ran = workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    assert!(ran.stderr.contains("queries/draft.sql, queries/releases/draft.toml"), "{ran:?}");
    workspace.json(&["release", "publish", RELEASE]).done();
    assert_eq!(workspace.json(&["query", "list"]).error(), "K19");
}
