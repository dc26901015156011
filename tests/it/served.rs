//! Who was served with a release, and what a steward sees of a proposal before: on one screen, and in three languages.

use serde_json::Value;

use crate::workspace::{RELEASE, Workspace, services};

/// A release for the observatory and the public, whose purposes name both.
fn for_two(workspace: &Workspace) {
    workspace.edit("purposes.toml", "recipients = [\"public\"]", "recipients = [\"public\", \"ONM\"]");
    workspace.define(RELEASE, "");
    let file = format!("queries/releases/{RELEASE}.toml");
    workspace.edit(&file, "recipients = [\"public\"]", "recipients = [\"ONM\", \"public\"]");
}

fn add(workspace: &Workspace, name: &str, country: &str) {
    let settings = workspace.read("marsad.toml");
    let told = format!(
        "[recipients.{name}]\nlegal_entity = \"Observatoire {name}\"\ncountry = \"{country}\"\ncontact = \"{name}@example.org\"\n\n[policy]"
    );
    workspace.write("marsad.toml", settings.replacen("[policy]", &told, 1));
}

fn named(transfers: &Value) -> Vec<(&str, &str, &str)> {
    let text = |one: &'_ Value, key: &str| one[key].as_str().unwrap().to_owned();
    let all = transfers.as_array().unwrap().iter();
    all.map(|one| {
        assert!(text(one, "manifest").starts_with("b3:") && text(one, "date").len() == 10, "{one}");
        let [name, country, channel] =
            ["recipient", "country", "channel"].map(|key| one[key].as_str().unwrap());
        (name, country, channel)
    })
    .collect()
}

#[test]
fn nothing_is_published_without_the_record_of_whom_it_serves() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    for_two(&workspace);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    let early = workspace.json(&["release", "transfer", RELEASE, "--to", "public"]);
    assert_eq!((early.code, early.error()), (1, "B02"));
    let unknown = workspace.json(&["release", "publish", RELEASE]);
    assert_eq!((unknown.code, unknown.error()), (1, "W20"));
    assert!(unknown.at("error.do").as_str().unwrap().contains("[recipients.ONM]"), "{unknown:?}");
    assert!(!workspace.path("releases").join(RELEASE).exists());
    assert_eq!(*workspace.json(&["release", "show", RELEASE]).done().at("state"), "released");

    add(&workspace, "ONM", "MA");
    workspace.json(&["release", "publish", RELEASE]).done();
    let shown = workspace.json(&["release", "show", RELEASE]).done();
    let first = [("ONM", "MA", "the published bundle"), ("public", "001", "the published bundle")];
    assert_eq!(named(shown.at("transfers")), first);
    let entries = workspace.json(&["ledger", "verify"]).done().at("entries").clone();
    workspace.json(&["release", "publish", RELEASE]).done();
    assert_eq!(
        *workspace.json(&["ledger", "verify"]).done().at("entries"),
        entries,
        "the same again is none"
    );

    // The release is for everybody, so whoever is described may be served with it.
    let day = shown.at("transfers")[0]["date"].as_str().unwrap().to_owned();
    let on = |day: &str| {
        let args = ["release", "transfer", RELEASE, "--to", "press", "--channel", "letter", "--date", day];
        args.map(str::to_owned)
    };
    let press = on(&day);
    let press: Vec<&str> = press.iter().map(String::as_str).collect();
    assert_eq!(workspace.json(&press).error(), "W20");
    add(&workspace, "press", "Morocco");
    let refused = workspace.json(&press);
    assert_eq!((refused.code, refused.error()), (1, "B36"));
    workspace.edit("marsad.toml", "country = \"Morocco\"", "country = \"MA\"");
    for (wrong, words) in [("2999-01-01", "nobody was served"), ("2001-01-01", "was not public")] {
        let args = on(wrong);
        let refused = workspace.json(&args.each_ref().map(String::as_str));
        assert_eq!((refused.code, refused.error()), (2, "W00"));
        assert!(refused.at("error.what").as_str().unwrap().contains(words), "{refused:?}");
    }
    let served = workspace.json(&press).done();
    assert_eq!(named(served.at("transfers"))[2], ("press", "MA", "letter"));
    let full = workspace.marsad(&["release", "show", RELEASE, "--full"]).done().stdout;
    assert!(full.contains("Observatoire press") && full.contains(&day), "{full}");
    let log = workspace.marsad(&["ledger", "log", "--kind", "transferred"]).done().stdout;
    assert_eq!(log.matches("transferred").count(), 3, "{log}");
    workspace.ledger_is_right();
}

#[test]
fn a_release_for_one_recipient_serves_no_other() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    for_two(&workspace);
    workspace.edit(&format!("queries/releases/{RELEASE}.toml"), "[\"ONM\", \"public\"]", "[\"ONM\"]");
    add(&workspace, "ONM", "MA");
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    let other = workspace.json(&["release", "transfer", RELEASE, "--to", "public"]);
    assert_eq!((other.code, other.error()), (1, "B35"));
    workspace.ledger_is_right();
}

#[test]
fn a_proposal_stands_on_one_screen_with_its_price_and_its_harm_first() {
    let workspace = Workspace::new();
    workspace.define(RELEASE, "");
    workspace.plan(RELEASE);
    let shown = workspace.marsad(&["release", "show", RELEASE]).done().stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.len() <= 40, "{shown}");
    let at = |part: &str| {
        lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {shown}"))
    };
    assert!(at("From even odds") < at("assisted_persons") && at("C18") < at("assisted_persons"), "{shown}");
    assert!(at("C06") < at("C18") && at("checklist: ") > at("assisted_persons"), "{shown}");
    assert!(lines.iter().any(|line| line.contains("C07") && line.contains("open")), "{shown}");
    let one =
        workspace.marsad(&["release", "show", RELEASE, "--statistic", "assisted_persons"]).done().stdout;
    assert!(one.contains("quarter, region") && !one.contains("C18"), "{one}");
    let full = workspace.marsad(&["release", "show", RELEASE, "--full"]).done().stdout;
    assert!(full.contains("what more or less ρ would buy") && full.contains("C25"), "{full}");
    let wrong = workspace.json(&["release", "show", RELEASE, "--statistic", "assisted_person"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.at("error.do").as_str().unwrap().contains("assisted_persons"), "{wrong:?}");
}

#[test]
fn the_checklist_speaks_three_languages() {
    let workspace = Workspace::new();
    workspace.define(RELEASE, "");
    let plan = workspace.plan(RELEASE);
    let is_arabic = |text: &str| text.chars().any(|c| ('\u{0600}'..='\u{06ff}').contains(&c));
    for item in plan.at("checklist").as_array().unwrap() {
        let [en, fr, ar] = ["evidence", "evidence_fr", "evidence_ar"].map(|key| item[key].as_str().unwrap());
        assert!(is_arabic(ar) && !is_arabic(en) && fr != en, "{item}");
    }
    let arabic = workspace.marsad(&["release", "show", RELEASE, "--full", "--language", "ar"]).done().stdout;
    assert!(arabic.contains("عدد الخانات") && !arabic.contains("the product of declared"), "{arabic}");
    workspace.marsad(&["release", "show", RELEASE, "--html", "proposal.html"]).done();
    let page = workspace.read("proposal.html");
    assert!(page.contains("produit des nomenclatures déclarées") && page.contains("من يقرر السحب"));
    assert!(!page.contains("<bdi lang=\"en\"") && !page.contains("style="), "nothing is in English alone");
    assert!(page.contains("<bdi class=\"whole\" dir=\"ltr\">2025-01-15T09:00:00Z</bdi>"));
}

#[test]
fn planning_figures_tell_what_no_release_has_shown_yet() {
    let workspace = Workspace::new();
    workspace.write("services.csv", services(20));
    workspace.define(RELEASE, "");
    let definition = workspace.read("queries/assisted_persons.toml");
    let planned = |figures: &str| {
        let text = format!("{definition}\n[planning]\nsource = \"programme document, table 4\"\n{figures}\n");
        workspace.write("queries/assisted_persons.toml", text);
    };
    planned("\"quarter,region\" = [5000, 4000, 30]");
    let (as_it_is, many) = (workspace.read("queries/assisted_persons.toml"), ["1"; 200].join(", "));
    planned(&format!("\"quarter,region\" = [{many}]"));
    assert_eq!(workspace.json(&["release", "plan", RELEASE]).error(), "E15");
    workspace.write("queries/assisted_persons.toml", as_it_is);
    let plan = workspace.plan(RELEASE);
    let tables = plan.at("tables").as_array().unwrap();
    let of = |set: &[&str]| {
        let dimensions = serde_json::json!(set);
        tables.iter().find(|table| table["dimensions"] == dimensions).unwrap()
    };
    let told = &of(&["quarter", "region"])["expected"];
    let cells = of(&["quarter", "region"])["cells"].as_u64().unwrap();
    assert_eq!(
        (told["reliable"].as_u64(), told["planning"].as_str()),
        (Some(2), Some("programme document, table 4"))
    );
    let known = ["reliable", "usable", "hidden"].map(|key| told[key].as_u64().unwrap());
    assert_eq!(known.iter().sum::<u64>(), cells, "cells that are not named are empty: {told}");
    assert!(told["release"].is_null() && tables.iter().any(|table| table["expected"].is_null()));
    let evidence = plan.at("checklist").as_array().unwrap().iter().find(|item| item["id"] == "C09").unwrap();
    assert!(evidence["evidence"].as_str().unwrap().contains("will read Q"), "{evidence}");

    // What is public comes first.
    workspace.json(&["land", "services.csv", "--as", "partner_assistance"]).done();
    workspace.approve(RELEASE, "steward").done();
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.define("again", "revision = 1");
    let again = workspace.plan("again");
    for table in again.at("tables").as_array().unwrap() {
        assert_eq!(
            (&table["expected"]["release"], table["expected"].get("planning")),
            (&Value::from(RELEASE), None)
        );
    }
    workspace.define("other", "revision = 2");
    planned("\"quarter,sexe\" = [1]");
    assert_eq!(workspace.json(&["release", "plan", "other"]).error(), "K09");
    planned("\"year,sex\" = [1]");
    assert_eq!(workspace.json(&["release", "plan", "other"]).error(), "E15");
}

#[test]
fn a_release_is_shown_as_its_steward_saw_it_whatever_was_spent_since() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let approved = workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    let standing = |id: &str| {
        let shown = workspace.json(&["release", "show", id]).done();
        let items = shown.at("checklist").as_array().unwrap().clone();
        let of = |item: &str| items.iter().find(|one| one["id"] == item).unwrap()["state"].clone();
        ["C14", "C15", "C24"].map(of)
    };
    assert!(standing(RELEASE).iter().all(|state| state == "after-run"));
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.define("again", "revision = 1");
    workspace.approved("again");
    workspace.json(&["release", "run", "again", "--yes"]).done();
    let shown = workspace.json(&["release", "show", RELEASE]).done();
    assert_eq!(shown.at("scopes"), approved.at("scopes"));
    assert_eq!(approved.at("scopes").as_array().unwrap().len(), 3, "lifetime, year, record type");
    assert_eq!(shown.at("scopes")[0]["after"], 100_000_000);
    let again = workspace.json(&["release", "show", "again"]).done();
    assert_eq!(
        (&again.at("scopes")[0]["used"], &again.at("scopes")[0]["after"]),
        (&Value::from(100_000_000), &Value::from(200_000_000))
    );
    assert!(standing(RELEASE).iter().all(|state| state == "pass"));
    let text = workspace.marsad(&["release", "show", RELEASE]).done().stdout;
    assert!(text.contains("lifetime 0 → 0.1") && text.contains(" 0 after the run"), "{text}");
}
