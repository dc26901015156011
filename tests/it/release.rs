//! A release from plan to publication, its refusals, and one of a user's own making.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::workspace::{RELEASE, SERVICES, Workspace, latin};

/// All files below a folder with their bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_release_is_planned_approved_drawn_once_and_published_once() {
    let workspace = Workspace::new();
    workspace.land_services(60);
    let plan = workspace.plan(RELEASE);
    assert_eq!((plan.at("state").as_str(), plan.at("needed").as_u64()), (Some("proposed"), Some(1)));
    let again = workspace.plan(RELEASE);
    assert_eq!(again.at("proposal"), plan.at("proposal"));
    assert_eq!(workspace.ledger_is_right().at("entries"), 2, "the same plan is proposed once");
    let early = workspace.json(&["release", "run", RELEASE, "--yes"]);
    assert_eq!((early.code, early.error()), (1, "B02"), "nothing runs before it is approved");
    assert_eq!(*workspace.approve(RELEASE, "steward").done().at("state"), "approved");
    let nobody = workspace.json(&["release", "run", RELEASE]);
    assert_eq!((nobody.code, nobody.error()), (2, "W00"), "nobody is there to confirm");
    assert_eq!(workspace.lifetime()["left"], 1_000_000_000);

    let run = workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    run.has(&["release", "proposal", "state", "run", "hash", "charged"]);
    assert_eq!((run.at("charged").as_u64(), run.at("state").as_str()), (Some(100_000_000), Some("released")));
    let same = workspace.json(&["release", "run", RELEASE]).done();
    assert_eq!((same.at("hash"), same.at("run")), (run.at("hash"), run.at("run")));
    assert_eq!(same.at("charged"), 0);
    assert_eq!(workspace.lifetime()["released"], 100_000_000);

    let published = workspace.json(&["release", "publish", RELEASE]).done();
    published.has(&["release", "bundle", "checkpoint"]);
    let bundle = workspace.path("releases").join(RELEASE);
    let bytes = files(&bundle);
    workspace.json(&["release", "publish", RELEASE]).done();
    assert_eq!(files(&bundle), bytes);
    fs::remove_file(bundle.join("report.html")).unwrap();
    workspace.json(&["release", "publish", RELEASE]).done();
    assert!(files(&bundle) == bytes, "what is missing comes back byte for byte");
    assert_eq!(workspace.json(&["release", "run", RELEASE]).done().at("hash"), run.at("hash"));

    let folder = bundle.display().to_string();
    let verified = workspace.json(&["verify", &folder]).done();
    assert_eq!(*verified.at("ok"), true);
    let key = ["verify", &folder, "--key", "keys/publisher.pub"];
    assert_eq!(workspace.json(&key).done().at("ok"), true);
    assert_eq!(
        workspace.json(&["verify", &folder, "--key", "keys/analyst.pub"]).code,
        1,
        "not the publisher's"
    );
    assert_eq!(workspace.ledger_is_right().at("entries"), 7, "published, and whom it served");
    let state = &workspace.json(&["release", "list"]).done().json["releases"][0];
    assert_eq!((&state["state"], &state["proposal"]), (&Value::from("published"), plan.at("proposal")));
}

#[test]
fn a_changed_bundle_does_not_verify() {
    let workspace = Workspace::new();
    workspace.land_services(40);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    let folder = workspace.path("releases").join(RELEASE).display().to_string();
    let table = format!("releases/{RELEASE}/data/assisted_persons.csv");
    let original = workspace.read(&table);
    workspace.write(&table, original.replacen('1', "2", 1));
    let verdict = workspace.json(&["verify", &folder]);
    assert_eq!((verdict.code, verdict.at("ok")), (1, &Value::Bool(false)));
    let failed = verdict.at("checks").as_array().unwrap().iter().find(|check| check["ok"] == false).unwrap();
    assert_eq!(failed["file"], "data/assisted_persons.csv");
    workspace.write(&table, original);
    workspace.write(&format!("releases/{RELEASE}/data/more.csv"), "a\n1\n");
    assert_eq!(workspace.json(&["verify", &folder]).code, 1, "a file that nobody signed");
}

#[test]
fn only_an_answered_approval_of_another_person_counts() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let plan = workspace.plan(RELEASE);
    let own = workspace.approve(RELEASE, "analyst");
    assert_eq!((own.code, own.error()), (1, "B17"), "the author has a steward's role, and may not");
    let publisher = workspace.approve(RELEASE, "publisher");
    assert_eq!((publisher.code, publisher.error()), (1, "B20"));
    let short = ["release", "approve", RELEASE, "--key", "keys/steward", "--confirm", "C05=none needed"];
    let short = workspace.json(&short);
    assert_eq!((short.code, short.error()), (1, "W10"));
    let items = plan.at("checklist").as_array().unwrap().iter().filter(|item| item["who"] != "M");
    for id in items.map(|item| item["id"].as_str().unwrap()).filter(|id| *id != "C05") {
        assert!(short.at("error.what").as_str().unwrap().contains(id), "{id}");
    }
    workspace.marsad(&["keys", "generate", "--signing", "stranger"]).done();
    assert_eq!(workspace.approve(RELEASE, "stranger").code, 1);
    let neither = workspace.json(&["release", "approve", RELEASE, "--confirm-file", "answers.toml"]);
    assert_eq!((neither.code, neither.error()), (2, "W00"));
    assert_eq!(*workspace.json(&["release", "show", RELEASE]).done().at("approvals"), Value::Array(vec![]));
    assert_eq!(workspace.approve(RELEASE, "officer").done().at("state"), "approved");
}

/// Signs a file by OpenSSH; gives the signature's path.
fn ssh_sign(workspace: &Workspace, who: &str, namespace: &str, bytes: &[u8]) -> String {
    workspace.write("statement", bytes);
    let _ = fs::remove_file(workspace.path("statement.sig"));
    let signed = Command::new("ssh-keygen")
        .current_dir(workspace.dir())
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(format!("keys/{who}"))
        .arg("statement")
        .status()
        .expect("ssh-keygen is needed for this test: install openssh-client");
    assert!(signed.success());
    "statement.sig".to_owned()
}

#[test]
fn a_statement_signed_by_openssh_approves() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let plan = workspace.plan(RELEASE);
    let printed =
        workspace.marsad(&["release", "statement", RELEASE, "--confirm-file", "answers.toml"]).done();
    let statement: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(statement["proposal"], *plan.at("proposal"));
    assert!(printed.stdout.ends_with('}'), "byte for byte, without a line end");
    let approve = |signature: &str| {
        let given = ["--confirm-file", "answers.toml", "--signature", signature];
        workspace.json(&[&["release", "approve", RELEASE][..], &given].concat())
    };
    let other = ssh_sign(&workspace, "steward", "file", printed.stdout.as_bytes());
    assert_eq!((approve(&other).code, approve(&other).error()), (1, "B71"), "another namespace");
    let author = ssh_sign(&workspace, "analyst", "marsad-approval", printed.stdout.as_bytes());
    assert_eq!(approve(&author).error(), "B17");
    let changed = printed.stdout.replace("seen in a test", "not seen");
    let changed = ssh_sign(&workspace, "steward", "marsad-approval", changed.as_bytes());
    assert_eq!(approve(&changed).code, 1);
    let right = ssh_sign(&workspace, "steward", "marsad-approval", printed.stdout.as_bytes());
    assert_eq!(*approve(&right).done().at("state"), "approved");
    workspace.ledger_is_right();
}

#[test]
fn nothing_is_public_before_the_embargo_ends() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let file = format!("queries/releases/{RELEASE}.toml");
    workspace.edit(&file, "2025-01-15T09:00:00Z", "2999-01-15T09:00:00Z");
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    let early = workspace.json(&["release", "publish", RELEASE]);
    assert_eq!((early.code, early.error()), (1, "W24"));
    assert!(early.printed().contains("2999-01-15T09:00:00Z"), "{}", early.printed());
    assert!(!workspace.path("releases").join(RELEASE).exists());
    assert_eq!(*workspace.json(&["release", "show", RELEASE]).done().at("state"), "released");
    workspace.ledger_is_right();
}

#[test]
fn a_rejected_release_does_not_run_and_costs_nothing() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.plan(RELEASE);
    let reject = ["release", "reject", RELEASE, "--key", "keys/steward", "--reason"];
    let wordless = workspace.json(&[&reject[..], &[""]].concat());
    assert_eq!((wordless.code, wordless.error()), (1, "B27"));
    let rejected = workspace.json(&[&reject[..], &["too fine for so few"]].concat()).done();
    assert_eq!(*rejected.at("state"), "rejected");
    assert_eq!(workspace.approve(RELEASE, "officer").code, 1);
    assert_eq!(workspace.json(&["release", "run", RELEASE, "--yes"]).error(), "B02");
    assert_eq!(workspace.lifetime()["left"], 1_000_000_000);
    let shown = workspace.marsad(&["release", "show", RELEASE]).done();
    assert!(shown.stdout.contains("too fine for so few"));
}

#[test]
fn a_cost_above_a_cap_names_every_scope() {
    let workspace =
        Workspace::with_policy(|policy| policy.replace("lifetime_rho = \"1.0\"", "lifetime_rho = \"0.2\""));
    workspace.land_services(20);
    workspace.define("dear", "revision = 1");
    workspace.edit("queries/releases/dear.toml", "rho = \"0.1\"", "rho = \"0.5\"");
    workspace.approved("dear");
    let shown = workspace.marsad(&["release", "show", "dear"]).done();
    assert!(
        shown.stdout.contains("cannot run: the cost does not fit into lifetime, year:2024"),
        "{}",
        shown.stdout
    );
    let refused = workspace.json(&["release", "run", "dear", "--yes"]);
    assert_eq!((refused.code, refused.error()), (1, "B10"));
    for scope in ["lifetime lacks 0.3", "year:2024 lacks 0.2"] {
        assert!(refused.at("error.what").as_str().unwrap().contains(scope), "{refused:?}");
    }
    assert_eq!(workspace.lifetime()["left"], 200_000_000, "nothing was reserved");
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    assert_eq!(workspace.lifetime()["left"], 100_000_000);
    workspace.ledger_is_right();
}

#[test]
fn approvals_hold_for_exactly_what_was_proposed() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.approved(RELEASE);
    let sql = workspace.read("queries/assisted_persons.sql");
    workspace.write("queries/assisted_persons.sql", sql.replace("  (quarter, region, sex),\n", ""));
    let refused = workspace.json(&["release", "run", RELEASE, "--yes"]);
    assert_eq!((refused.code, refused.error()), (1, "E07"));
    assert_eq!(workspace.lifetime()["left"], 1_000_000_000);
    workspace.write("queries/assisted_persons.sql", sql);
    assert_eq!(workspace.json(&["release", "run", RELEASE, "--yes"]).done().at("charged"), 100_000_000);
}

#[test]
fn a_withdrawn_release_leaves_its_reason_and_refunds_nothing() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    let withdraw = ["release", "withdraw", RELEASE, "--reason-file", "reason.toml", "--yes"];
    workspace.write("reason.toml", "fr = \"une erreur\"\nen = \"a fault\"\n");
    assert_eq!(workspace.json(&withdraw).code, 2, "a language is missing");
    workspace.write("reason.toml", "fr = \"une erreur\"\nar = \"خطأ\"\nen = \"a fault\"\n");
    assert_eq!(*workspace.json(&withdraw).done().at("state"), "withdrawn");
    assert_ne!(workspace.json(&["release", "run", RELEASE, "--yes"]).code, 0);
    assert_ne!(workspace.json(&["release", "publish", RELEASE]).code, 0);
    assert_eq!(workspace.lifetime()["released"], 100_000_000);
    workspace.ledger_is_right();
}

/// A mapping for an extract that nobody foresaw: commas, UTF-8, other headers, other words.
const MAPPING: &str = r#"
record_type = "assistance_service"
source = "partner"

[file]
format = "csv"
delimiter = ","
encoding = "utf-8"
header_row = 1

[identifier]
scheme = "partner"
from = ["case"]

[columns]
event_month = { from = ["day"], dates = ["%Y-%m-%d"] }
region = { from = ["place"], codes = { "tangier" = "MA-01", "rabat" = "MA-04" } }
sex = { from = ["sex"], codes = { "woman" = "F", "man" = "M" } }
age_group = { from_birth_year = ["born"] }
nationality_group = { constant = "_U" }
beneficiary_category = { constant = "_U" }
service_type = { from = ["what"], codes = { "doctor" = "HEALTH", "food" = "FOOD" } }
units = { from = ["n"] }
amount_mad = { from = ["dirham"] }
legal_basis = { constant = "CONSENT" }

[consent]
from = ["agrees"]
yes = ["y"]
"#;

#[test]
fn a_new_user_releases_an_own_statistic_of_an_own_extract() {
    let workspace = Workspace::new();
    workspace.write("schemas/mappings/clinic.toml", MAPPING);
    let row = |i: usize| {
        let (place, sex, what) =
            (["tangier", "rabat"][i % 2], ["woman", "man"][i % 2], ["doctor", "food"][i % 2]);
        format!("C-{i:05},2024-11-{:02},{place},{sex},19{:02},{what},1,,y\n", i % 28 + 1, 50 + i % 50)
    };
    let mut extract = "case,day,place,sex,born,what,n,dirham,agrees\n".to_owned();
    extract.extend((0..300).map(row));
    extract += "C-09999,2024-11-02,atlantis,woman,1980,doctor,1,,y\n";
    workspace.write("clinic.csv", extract);
    let check = workspace.json(&["extract", "check", "clinic.csv", "--as", "clinic"]).done();
    assert_eq!((check.at("records.landed"), check.at("reasons.R07")), (&300.into(), &1.into()));
    assert_eq!(
        workspace.json(&["batch", "list"]).done().at("batches"),
        &Value::Array(vec![]),
        "only checked"
    );
    let landed = workspace.json(&["land", "clinic.csv", "--as", "clinic"]).done();
    assert_eq!((landed.at("records.landed"), landed.at("records.quarantined")), (&300.into(), &1.into()));

    workspace.marsad(&["query", "new", "my_figure"]).done();
    assert_eq!(workspace.json(&["query", "new", "my_figure"]).error(), "W16");
    let sql = "SELECT quarter, region, sex, COUNT(DISTINCT person_key) AS persons\nFROM assistance_service\n\
        WHERE service_type = 'HEALTH'\nGROUP BY GROUPING SETS ((quarter), (quarter, region), (quarter, sex))\n";
    workspace.write("queries/my_figure.sql", sql);
    let judged = workspace.json(&["query", "check", "my_figure", "--rho", "0.1"]).done();
    assert_eq!(*judged.at("accepted"), true);
    assert_eq!(judged.at("tables").as_array().unwrap().len(), 3);
    workspace.define("mine", "");
    workspace.edit("queries/releases/mine.toml", "assisted_persons", "my_figure");
    workspace.approved("mine");
    workspace.json(&["release", "run", "mine", "--yes"]).done();
    workspace.json(&["release", "publish", "mine"]).done();
    let bundle = workspace.path("releases/mine");
    workspace.json(&["verify", &bundle.display().to_string()]).done();
    let total = national(&bundle.join("data/my_figure.csv"));
    assert!((total - 150.0).abs() < 60.0, "{total} of 150 persons; a miss has odds below 1e-9");
}

/// The estimate of the table's total.
fn national(table: &Path) -> f64 {
    let mut reader = csv::Reader::from_path(table).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (estimate, area, sex) = (column("estimate"), column("REF_AREA"), column("SEX"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let total = rows.iter().find(|row| &row[area] == "MA" && &row[sex] == "_T");
    total.unwrap_or_else(|| panic!("{rows:?}"))[estimate].parse().unwrap()
}

#[test]
fn the_same_file_lands_once_and_its_rows_once() {
    let workspace = Workspace::new();
    let first = workspace.land_services(30);
    let again = workspace.json(&["land", "services.csv", "--as", "partner_assistance"]).done();
    assert_eq!((again.at("already"), again.at("records.landed")), (&Value::Bool(true), &0.into()));
    assert_eq!(again.at("batch"), first.at("batch"));
    let told = workspace.marsad(&["land", "services.csv", "--as", "partner_assistance"]).done();
    assert!(told.stdout.contains("nothing to do"));
    workspace.write("copy.csv", [latin(SERVICES), workspace_rows(&workspace)].concat());
    let copy = workspace.json(&["land", "copy.csv", "--as", "partner_assistance"]).done();
    assert_eq!((copy.at("records.duplicate"), copy.at("records.landed")), (&29.into(), &0.into()));
}

/// The rows of `services.csv` but the last.
fn workspace_rows(workspace: &Workspace) -> Vec<u8> {
    let bytes = fs::read(workspace.path("services.csv")).unwrap();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    lines[1..lines.len() - 1].concat()
}
