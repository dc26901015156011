//! Killed at any moment: a batch is whole or absent, what was reserved is charged and never drawn again.
//!
//! Delays are spread over the time that the whole command takes here, from none on; others begin where the ledger
//! shows the reserve. What must hold holds wherever the signal falls.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::workspace::{RELEASE, Workspace, services};

/// Starts a command and kills it after a while as the system would (SIGKILL).
fn kill(workspace: &Workspace, args: &[&str], after: Duration) {
    let mut child = workspace.start(args);
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Starts a command and kills it a while after it has made a file, or when it ends.
fn kill_once_there(workspace: &Workspace, args: &[&str], file: &str, after: Duration) {
    let file = workspace.path(file);
    let mut child = workspace.start(args);
    while !file.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The landed rows of all batches.
fn landed(workspace: &Workspace) -> Vec<u64> {
    let list = workspace.json(&["batch", "list"]).done();
    let batches = list.at("batches").as_array().unwrap();
    batches.iter().map(|batch| batch["rows"].as_u64().unwrap()).collect()
}

#[test]
fn a_batch_is_whole_or_absent_and_lands_again() {
    const ROWS: usize = 1500;
    let land = ["land", "services.csv", "--as", "partner_assistance"];
    let timed = Workspace::new();
    timed.write("services.csv", services(ROWS));
    let start = Instant::now();
    timed.json(&land).done();
    let whole = start.elapsed();
    let mut outcomes = [0, 0];
    let workspace = Workspace::new();
    for step in 0..10_u32 {
        for folder in ["landing", "restricted"] {
            let _ = fs::remove_dir_all(workspace.path(folder));
        }
        workspace.write("services.csv", services(ROWS));
        kill(&workspace, &land, whole * step / 9);
        let found = landed(&workspace);
        assert!(found.is_empty() || found == [ROWS as u64], "step {step}: {found:?}");
        outcomes[found.len()] += 1;
        let again = workspace.json(&land).done();
        assert_eq!(*again.at("already"), !found.is_empty(), "step {step}");
        assert_eq!(again.at("records.quarantined"), 0);
        assert_eq!(landed(&workspace), [ROWS as u64], "step {step}: every record once");
    }
    assert!(outcomes[0] > 0, "the first was killed at once: {outcomes:?}");
}

/// A workspace with an approved release of more work than a moment's.
fn ready() -> Workspace {
    let workspace = Workspace::new();
    workspace.land_services(300);
    workspace.approved(RELEASE);
    workspace
}

/// The request's stage as its list tells it.
fn stage(workspace: &Workspace) -> String {
    let shown = workspace.json(&["release", "show", RELEASE]).done();
    shown.at("state").as_str().unwrap().to_owned()
}

/// How often each kind stands in the ledger.
fn entries(workspace: &Workspace) -> BTreeMap<String, usize> {
    let log = workspace.json(&["ledger", "log"]).done();
    let mut kinds = BTreeMap::new();
    for entry in log.at("entries").as_array().unwrap() {
        *kinds.entry(entry["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    kinds
}

/// How many results are stored; a name with `#` was written aside and never put in its place.
fn results(workspace: &Workspace) -> usize {
    let Ok(files) = fs::read_dir(workspace.path("ledger/runs")) else { return 0 };
    files.filter(|file| !file.as_ref().unwrap().file_name().to_string_lossy().contains('#')).count()
}

#[test]
fn a_run_that_is_killed_is_charged_and_never_drawn_again() {
    const COST: u64 = 100_000_000;
    /// After genesis, proposed and approved.
    const RESERVED: &str = "ledger/00000000000000000003.json";
    let run = ["release", "run", RELEASE, "--yes"];
    let timed = ready();
    let start = Instant::now();
    timed.json(&run).done();
    let whole = start.elapsed();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for step in 0..8_u32 {
        let workspace = ready();
        match step {
            0..4 => kill(&workspace, &run, whole * step / 4),
            _ => kill_once_there(&workspace, &run, RESERVED, whole * (step - 4) / 20),
        }
        let left = stage(&workspace);
        let charged = workspace.lifetime();
        let expected = if left == "approved" { 0 } else { COST };
        assert_eq!(charged["cap"] - charged["left"], expected, "step {step}: {left}");
        let results = results(&workspace);
        assert!(results <= 1, "step {step}");
        let again = workspace.json(&run);
        let then = stage(&workspace);
        match left.as_str() {
            "approved" => {
                assert_eq!((again.code, again.at("charged").as_u64()), (0, Some(COST)), "step {step}");
            }
            "released" => assert_eq!((again.code, again.at("charged").as_u64()), (0, Some(0)), "step {step}"),
            "reserved" if then == "forfeited" => {
                assert_eq!((again.code, again.error()), (1, "B02"), "step {step}");
                assert_eq!(results, 0, "a whole result is never thrown away");
            }
            "reserved" => {
                assert_eq!(
                    (then.as_str(), again.code, again.at("charged")),
                    ("released", 0, &Value::from(0))
                );
                assert_eq!(results, 1, "what was not stored cannot be recovered");
            }
            other => panic!("step {step}: {other}"),
        }
        assert_eq!(workspace.lifetime()["left"], 1_000_000_000 - COST, "charged once");
        let kinds = entries(&workspace);
        assert_eq!(kinds["reserved"], 1, "drawn once: {kinds:?}");
        workspace.ledger_is_right();
        *outcomes.entry(format!("{left}, then {then}")).or_default() += 1;
    }
    assert!(outcomes.len() > 1, "the first was killed at once, the last after the reserve: {outcomes:?}");
}

#[test]
fn a_forfeited_release_is_drawn_anew_only_as_a_revision() {
    let workspace = ready();
    let whole = workspace.lifetime()["left"];
    let run = ["release", "run", RELEASE, "--yes"];
    let (file, bytes) = damage_landing(&workspace);
    let failed = workspace.json(&run);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert_eq!(stage(&workspace), "forfeited", "it was reserved before a row was read");
    fs::write(file, bytes).unwrap();
    assert_eq!(workspace.json(&run).error(), "B02");
    assert_eq!(workspace.lifetime()["forfeited"], whole - workspace.lifetime()["left"]);
    workspace.define(RELEASE, "revision = 1");
    workspace.approved(RELEASE);
    assert_eq!(workspace.json(&run).done().at("charged"), 100_000_000);
    assert_eq!(workspace.lifetime()["left"], whole - 200_000_000);
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.ledger_is_right();
}

/// Cuts a landed file short; gives its path and its bytes.
fn damage_landing(workspace: &Workspace) -> (PathBuf, Vec<u8>) {
    let folder = workspace.path("landing/assistance_service");
    let batch = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let file = fs::read_dir(batch).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    (file, bytes)
}

#[test]
fn a_publication_that_is_killed_is_completed_byte_for_byte() {
    let publish = ["release", "publish", RELEASE];
    let timed = ready();
    timed.json(&["release", "run", RELEASE, "--yes"]).done();
    let start = Instant::now();
    timed.json(&publish).done();
    let whole = start.elapsed();
    for step in 0..6_u32 {
        let workspace = ready();
        let hash = workspace.json(&["release", "run", RELEASE, "--yes"]).done().at("hash").clone();
        kill(&workspace, &publish, whole * (step + 1) / 6);
        let stated = fs::read(workspace.path("releases").join(RELEASE).join("release.json")).ok();
        workspace.json(&publish).done();
        let bundle = workspace.path("releases").join(RELEASE);
        let now = fs::read(bundle.join("release.json")).unwrap();
        assert!(stated.is_none_or(|stated| stated == now), "step {step}: what is public never changes");
        workspace.json(&["verify", &bundle.display().to_string()]).done();
        let same = workspace.json(&["release", "run", RELEASE]).done();
        assert_eq!((same.at("hash"), same.at("charged")), (&hash, &Value::from(0)));
        assert_eq!(entries(&workspace)["published"], 1);
        workspace.ledger_is_right();
    }
}

#[test]
fn two_commands_at_once_draw_once() {
    let workspace = ready();
    let run = ["release", "run", RELEASE, "--yes"];
    let mut children: Vec<_> = (0..4).map(|_| workspace.start(&run)).collect();
    let done = children
        .iter_mut()
        .filter_map(|child| child.wait().unwrap().code())
        .filter(|code| *code == 0)
        .count();
    assert!(done >= 1, "one of them has the lock");
    assert_eq!(workspace.json(&run).done().at("charged"), 0);
    assert_eq!(workspace.lifetime()["released"], 100_000_000);
    assert_eq!(entries(&workspace)["reserved"], 1);
    workspace.ledger_is_right();
}
