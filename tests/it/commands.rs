//! Every command: its help teaches, its document has the keys that others rely on, its files can be used.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::workspace::{RELEASE, Workspace, assert_keys, marsad_in};

/// The subcommands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let after = help.split_once("Commands:\n").map_or("", |(_, after)| after);
    let lines = after.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Checks the help of one command and of all below it; counts them.
fn check_help(path: &[String]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
    args.push("--help");
    let help = marsad_in(folder.path(), &args).done();
    let text = help.stdout;
    let about = text.lines().next().unwrap_or_default();
    assert!(about.len() >= 12 && !about.starts_with("Usage"), "{path:?} says nothing: {text}");
    assert!(text.contains("Usage: marsad") && text.contains("--json"), "{path:?}: {text}");
    for line in text.lines().filter(|line| line.trim_start().starts_with("--") || line.starts_with("  <")) {
        let told = line.split_whitespace().count() > 2 || !line.contains("  <");
        assert!(told, "{path:?}: `{line}` is not explained");
    }
    let below = listed(&text).into_iter().map(|name| [path, &[name]].concat());
    1 + below.map(|path| check_help(&path)).sum::<usize>()
}

#[test]
fn every_command_has_help_that_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let top = marsad_in(folder.path(), &["--help"]).done();
    let expected = [
        "demo",
        "init",
        "keys",
        "policy",
        "config",
        "extract",
        "land",
        "batch",
        "person",
        "retention",
        "query",
        "release",
        "budget",
        "ledger",
        "verify",
        "simulate",
        "audit",
        "completions",
        "man",
    ];
    assert_eq!(listed(&top.stdout), expected);
    assert!(top.stdout.contains("marsad demo"), "where to begin");
    assert!(check_help(&[]) >= 40);
    let version = marsad_in(folder.path(), &["--version"]).done();
    assert!(version.stdout.starts_with("marsad "));
}

#[test]
fn completions_and_manual_pages_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, mark) in [("bash", "complete -F"), ("zsh", "#compdef marsad"), ("fish", "complete -c marsad")]
    {
        let script = marsad_in(folder.path(), &["completions", shell]).done().stdout;
        assert!(
            script.contains(mark) && script.contains("completions") && script.contains("publish"),
            "{shell}"
        );
        let document = marsad_in(folder.path(), &["completions", shell, "--json"]).done();
        assert_eq!(document.at("shell"), shell);
    }
    let script = marsad_in(folder.path(), &["completions", "bash"]).stdout;
    fs::write(folder.path().join("marsad.bash"), script).unwrap();
    let parsed =
        Command::new("bash").arg("-n").arg(folder.path().join("marsad.bash")).status().expect("bash");
    assert!(parsed.success());
    marsad_in(folder.path(), &["man", "man"]).done();
    let pages: Vec<_> =
        fs::read_dir(folder.path().join("man")).unwrap().map(|page| page.unwrap().path()).collect();
    assert!(pages.len() >= 40, "one page a command: {}", pages.len());
    for page in pages {
        assert!(fs::read_to_string(&page).unwrap().contains(".SH"), "{page:?}");
    }
}

#[test]
fn statistics_are_listed_shown_and_judged() {
    let workspace = Workspace::new();
    let list = workspace.json(&["query", "list"]).done();
    let statistics = list.at("statistics").as_array().unwrap();
    assert!(statistics.len() >= 8);
    assert_keys(&statistics[0], &["id", "title", "bound", "unit", "answers"]);
    for statistic in statistics {
        let id = statistic["id"].as_str().unwrap();
        let shown = workspace.json(&["query", "show", id, "--plan"]).done();
        shown.has(&["id", "title", "note", "bound", "unit", "purpose", "sql"]);
        if statistic["bound"] == "derived" {
            continue;
        }
        let judged = workspace.json(&["query", "check", id, "--rho", "0.02"]).done();
        judged.has(&["accepted", "refusals", "unit_path", "tables"]);
        assert_eq!(
            (judged.at("accepted"), judged.at("refusals")),
            (&Value::Bool(true), &Value::Array(vec![]))
        );
        for table in judged.at("tables").as_array().unwrap() {
            assert_keys(table, &["dataflow", "dimensions", "cells", "delta_squared", "margin"]);
        }
    }
    let wished = ["query", "check", "assisted_persons", "--margin", "assisted_persons/quarter,region=17"];
    let wished = workspace.json(&wished).done();
    let tables = wished.at("tables").as_array().unwrap();
    let table =
        tables.iter().find(|table| table["dimensions"] == serde_json::json!(["quarter", "region"])).unwrap();
    assert!(table["margin"].as_f64().unwrap() <= 17.0, "{table}");
    let text = workspace.marsad(&["query", "check", "assisted_persons"]).done();
    assert!(text.stdout.contains("accepted") && text.stdout.contains("± "));
    let shown = workspace.marsad(&["query", "show", "cash_assistance"]).done().stdout;
    assert!(shown.contains("amount_mad from 0 to 5000 in steps of 50") && shown.contains("C² = "), "{shown}");
}

#[test]
fn a_statement_without_a_definition_is_judged_under_a_norm_clip() {
    let workspace = Workspace::new();
    let sql = "SELECT quarter, region, COUNT(DISTINCT person_key) AS n FROM (\
               SELECT person_key, quarter, region, ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY record_id) AS place \
               FROM assistance_service) x WHERE place = 1 GROUP BY GROUPING SETS ((quarter), (quarter, region))";
    workspace.write("First draft.sql", sql);
    let judged = workspace.json(&["query", "check", "First draft.sql"]).done();
    let cells: Vec<_> = judged.at("tables").as_array().unwrap().iter().map(|t| t["cells"].clone()).collect();
    assert_eq!(cells, [1, 10]);
    assert!(judged.at("tables")[0]["delta_squared"].as_u64().is_some());
    let text = workspace.marsad(&["query", "check", "First draft.sql"]).done().stdout;
    assert!(text.contains("place = 1:") && text.contains("no TOML beside it"), "{text}");
    workspace.write(
        "hours.sql",
        "SELECT quarter, SUM(amount_mad) AS mad FROM assistance_service GROUP BY quarter",
    );
    let refused = workspace.json(&["query", "check", "hours.sql"]);
    assert_eq!((refused.code, refused.at("refusals")[0]["code"].as_str()), (1, Some("P12")));
}

#[test]
fn batches_settings_policy_and_keys_are_shown() {
    let workspace = Workspace::new();
    workspace.land_services(12);
    let list = workspace.json(&["batch", "list"]).done();
    let batch = &list.at("batches").as_array().unwrap()[0];
    assert_keys(batch, &["batch", "record_type", "rows", "bytes", "replaced_by"]);
    assert_eq!(
        (&batch["record_type"], &batch["rows"]),
        (&Value::from("assistance_service"), &Value::from(12))
    );
    let id = batch["batch"].as_str().unwrap();
    assert_eq!(workspace.json(&["batch", "show", &id[..6]]).done().at("batch"), id);
    assert_eq!(workspace.json(&["batch", "show", "zzzz"]).error(), "W14");
    let settings = workspace.json(&["config", "show"]).done();
    assert_eq!(settings.at("settings")["workspace.name"], "ws");
    assert!(workspace.marsad(&["config", "show"]).done().stdout.contains("default"));
    let policy = workspace.json(&["policy", "show"]).done();
    assert_eq!(
        (policy.at("same"), policy.at("in_force.lifetime_nano_rho")),
        (&true.into(), &1_000_000_000.into())
    );
    workspace.edit("marsad.toml", "year_rho = \"0.3\"", "year_rho = \"0.25\"");
    assert_eq!(*workspace.json(&["policy", "show"]).done().at("same"), false);
    workspace.json(&["policy", "set", "--key", "keys/officer"]).done();
    let budget = workspace.json(&["budget", "--svg", "budget.svg"]).done();
    budget.has(&["scopes", "ceiling"]);
    for scope in budget.at("scopes").as_array().unwrap() {
        assert_keys(scope, &["scope", "cap", "reserved", "released", "forfeited", "left"]);
    }
    assert!(workspace.read("budget.svg").starts_with("<svg"));
    let keys = workspace.json(&["keys", "list"]).done();
    assert!(keys.at("keys").as_array().unwrap().iter().all(|key| key["state"] == "file"));
    let signing = keys.at("signing").as_array().unwrap();
    assert!(signing.iter().any(|name| name == "officer"), "{signing:?}");
    for key in ["pseudonym", "restricted-landing"] {
        assert!(!keys.printed().contains(workspace.read(&format!("keys/{key}.key")).trim()));
    }
    let nowhere = marsad_in(&workspace.beside(""), &["--workspace", "ws", "keys", "list", "--json"]).done();
    assert_eq!(nowhere.at("keys"), keys.at("keys"), "--workspace names it from anywhere");
}

/// Every place for programs, words for people.
fn diff_tells_of_periods(workspace: &Workspace) {
    let differences = workspace.json(&["release", "diff", RELEASE, "2025-Q1"]).done();
    let paths = differences.at("differences").as_array().unwrap();
    assert!(paths.iter().any(|d| d["path"].as_str().unwrap().ends_with("/shape/periods")), "{paths:?}");
    let told = workspace.marsad(&["release", "diff", RELEASE, "2025-Q1"]).done().stdout;
    let row = told.lines().find(|line| line.trim_start().starts_with("periods: ")).unwrap_or(&told);
    assert!(row.contains("2024-Q4") && row.contains("2025-Q1"), "{told}");
}

#[test]
fn the_ledger_and_releases_are_listed_and_compared() {
    let workspace = Workspace::new();
    workspace.land_services(12);
    let plan = workspace.plan(RELEASE);
    plan.has(&[
        "release",
        "proposal",
        "f",
        "state",
        "author",
        "nano_rho",
        "epsilon",
        "guess",
        "scopes",
        "tables",
        "overlap",
        "approvals",
        "needed",
        "checklist",
    ]);
    assert_keys(&plan.at("epsilon")[0], &["delta", "epsilon"]);
    assert_keys(plan.at("guess"), &["membership", "attribute"]);
    assert_keys(&plan.at("scopes")[0], &["scope", "cap", "used", "after"]);
    let table = ["dataflow", "dimensions", "cells", "margin", "reliable_from", "usable_from"];
    assert_keys(&plan.at("tables")[0], &table);
    for item in plan.at("checklist").as_array().unwrap() {
        assert!(["M", "P", "M+P"].contains(&item["who"].as_str().unwrap()), "{item}");
        assert!(["pass", "fail", "open", "after-run"].contains(&item["state"].as_str().unwrap()), "{item}");
        assert_keys(item, &["id", "evidence"]);
    }
    let proposal = plan.at("proposal").as_str().unwrap();
    let shown = workspace.json(&["release", "show", &proposal["b3:".len()..][..8]]).done();
    assert_eq!(shown.json, plan.json, "by the first digits of its proposal");
    workspace.json(&["release", "new", "2025-Q1", "--like", RELEASE]).done();
    assert!(workspace.read("queries/releases/2025-Q1.toml").contains("periods = [\"2025-Q1\"]"));
    assert_eq!(workspace.json(&["release", "new", "2025-Q1", "--like", RELEASE]).error(), "W08");
    workspace.plan("2025-Q1");
    diff_tells_of_periods(&workspace);
    let list = workspace.json(&["release", "list"]).done();
    let releases = list.at("releases").as_array().unwrap();
    assert_keys(&releases[0], &["release", "proposal", "state", "nano_rho", "published"]);
    assert!(
        releases.iter().any(|release| release["state"] == "draft"),
        "definitions that were never planned"
    );
    let statement =
        workspace.json(&["release", "statement", RELEASE, "--confirm-file", "answers.toml"]).done();
    let signed: Value = serde_json::from_str(statement.at("statement").as_str().unwrap()).unwrap();
    assert_keys(&signed, &["workspace", "policy", "proposal", "decision", "confirmed", "reason"]);
    let log = workspace.json(&["ledger", "log"]).done();
    for entry in log.at("entries").as_array().unwrap() {
        assert_keys(entry, &["sequence", "time", "previous", "kind", "body", "signature", "hash"]);
    }
    let stated = workspace.json(&["ledger", "checkpoint"]).done();
    assert_keys(stated.at("checkpoint"), &["workspace", "sequence", "head", "time"]);
    assert!(workspace.path("releases/checkpoint.json").is_file());
    let verdict = workspace.ledger_is_right();
    verdict.has(&["ok", "entries", "head", "faults", "notes"]);
    assert_eq!(verdict.at("head"), stated.at("checkpoint.head"));
}

#[test]
fn how_a_statistic_is_added_up_is_shown_and_kept_within_limits() {
    let workspace = Workspace::new();
    workspace.land_services(12);
    workspace.approved(RELEASE);
    workspace.edit("marsad.toml", "[engine]", "[engine]\nmemory_mib = 64\nspill = \"put-down\"");
    let settings = workspace.json(&["config", "show"]).done();
    assert_eq!(settings.at("settings")["engine.memory_mib"], "64");
    assert!(settings.at("settings")["engine.spill"].as_str().unwrap().ends_with("put-down"));
    let shown = workspace.json(&["query", "show", "assisted_persons", "--plan"]).done();
    let plan = shown.at("plan").as_str().unwrap();
    for told in
        ["PersonBoundedAggregateExec: assisted_persons", "home_cell", "sorted by person_key", "buckets in"]
    {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    let run = workspace.marsad(&["release", "run", RELEASE, "--yes", "--stats"]).done();
    let added = run.stdout.lines().find(|line| line.trim_start().starts_with("add up")).unwrap();
    assert_eq!(added.split_whitespace().count(), 4, "seconds and memory, and no row is counted: {added}");
    fs::rename(workspace.path("keys/landing.key"), workspace.path("landing.key")).unwrap();
    let shown = workspace.marsad(&["query", "show", "assisted_persons", "--plan"]).done();
    assert!(shown.stdout.contains("an empty landing: its keys are not here"), "{}", shown.stdout);
    workspace.edit("marsad.toml", "memory_mib = 64", "memory_mib = 0");
    let refused = workspace.json(&["config", "show"]);
    assert!(refused.code == 1 && refused.printed().contains("nonzero"), "{}", refused.printed());
}

#[test]
fn a_forged_ledger_does_not_verify() {
    let workspace = Workspace::new();
    workspace.land_services(12);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    let entry = "ledger/00000000000000000003.json";
    let right = workspace.read(entry);
    workspace.write(entry, right.replace("100000000", "10000000"));
    let verdict = workspace.json(&["ledger", "verify"]);
    assert_eq!((verdict.code, verdict.at("ok")), (1, &Value::Bool(false)));
    let fault = &verdict.at("faults")[0];
    assert_keys(fault, &["sequence", "kind", "what"]);
    assert_eq!(fault["kind"], "hash");
    assert_eq!(workspace.json(&["budget"]).code, 1, "nothing is built on it");
    workspace.write(entry, right);
    workspace.ledger_is_right();
    fs::remove_file(workspace.path("ledger/00000000000000000004.json")).unwrap();
    let cut = workspace.json(&["ledger", "verify"]);
    let kinds: Vec<&Value> =
        cut.at("faults").as_array().unwrap().iter().map(|fault| &fault["kind"]).collect();
    assert!(cut.code == 1 && kinds.contains(&&"rolled-back".into()), "{kinds:?}");
}

#[test]
fn a_simulated_extract_lands_whole() {
    let workspace = Workspace::new();
    let written = workspace.json(&["simulate", "--rows", "5000", "--out", "big", "--seed", "3"]).done();
    assert_eq!(*written.at("rows"), 5000);
    assert!(workspace.dir().join(written.at("truth").as_str().unwrap()).is_file());
    let extract = written.at("extract").as_str().unwrap();
    let landed = workspace.json(&["land", extract, "--as", "partner_assistance"]).done();
    let records =
        ["landed", "duplicate", "quarantined"].map(|kind| landed.at("records")[kind].as_u64().unwrap());
    assert_eq!(records.iter().sum::<u64>(), 5000);
    let first = fs::read(workspace.path("big").join(extract.rsplit('/').next().unwrap())).unwrap();
    let again = workspace.json(&["simulate", "--rows", "5000", "--out", "same", "--seed", "3"]).done();
    assert_eq!(
        fs::read(workspace.dir().join(again.at("extract").as_str().unwrap())).unwrap(),
        first,
        "by its seed"
    );
}
