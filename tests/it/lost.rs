//! What is lost on the way, through the built binary: the state of a machine, entries of a log, files; and what stands in a store
//! that nobody put there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::workspace::{Output, RELEASE, Workspace};

/// The files of a folder of a workspace, sorted.
fn files(workspace: &Workspace, folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(workspace.path(folder)).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files
}

/// A workspace whose release ran.
fn with_a_run() -> Workspace {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace
}

/// The same with entries and results taken away, so that the run is reserved and has not ended.
fn cut_off() -> Workspace {
    let workspace = with_a_run();
    let is_reserved =
        |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains("\"kind\":\"reserved\""));
    let entries: Vec<PathBuf> =
        files(&workspace, "ledger").into_iter().filter(|path| path.is_file()).collect();
    let reserved = entries.iter().rposition(is_reserved).unwrap();
    for path in entries[reserved + 1..].iter().chain(&files(&workspace, "ledger/runs")) {
        fs::remove_file(path).unwrap();
    }
    fs::remove_dir_all(workspace.path("state")).unwrap();
    workspace
}

fn remedy(output: &Output) -> &str {
    output.at("error.do").as_str().unwrap()
}

#[test]
fn a_run_whose_machine_is_gone_is_ended_by_whoever_says_so_and_nothing_waits_for_ever() {
    let workspace = cut_off();
    workspace.write("ids", "partner:P-70000003\n");
    fs::set_permissions(workspace.path("ids"), fs::Permissions::from_mode(0o600)).unwrap();
    let erase = ["person", "erase", "--id-file", "ids", "--yes"];
    for command in [&erase[..], &["release", "run", RELEASE, "--yes"]] {
        let refused = workspace.json(command);
        assert_eq!(
            (refused.code, remedy(&refused).contains("marsad release recover")),
            (1, true),
            "{refused:?}"
        );
    }
    let unasked = workspace.json(&["release", "recover"]);
    assert_eq!((unasked.code, unasked.error()), (2, "W00"));
    let ended = workspace.json(&["release", "recover", "--yes"]).done();
    let run = &ended.at("ended")[0];
    assert_eq!(
        (&run["release"], &run["state"], &run["step"]),
        (&RELEASE.into(), &"forfeited".into(), &().into())
    );
    assert_eq!(workspace.lifetime()["forfeited"], 100_000_000, "it stays charged");
    workspace.ledger_is_right();
    workspace.json(&erase).done();
    let nothing = workspace.json(&["release", "recover", "--yes"]).done();
    assert_eq!(nothing.at("ended").as_array().unwrap().len(), 0);
}

#[test]
fn a_run_that_was_cut_off_here_is_ended_and_told() {
    let workspace = cut_off();
    let entries = files(&workspace, "ledger");
    let last = entries.iter().rfind(|path| path.is_file()).unwrap();
    let entry: serde_json::Value = serde_json::from_slice(&fs::read(last).unwrap()).unwrap();
    // What the installation remembers of a run that it started.
    fs::create_dir_all(workspace.path("state/runs")).unwrap();
    workspace.write(&format!("state/runs/{}", entry["body"]["run"].as_str().unwrap()), "");
    let run = workspace.json(&["release", "run", RELEASE, "--yes"]);
    assert!(run.stderr.contains("was cut off; it is forfeited"), "{run:?}");
    assert_eq!((run.code, run.error()), (1, "B02"));
}

#[test]
fn a_custody_log_that_was_cut_back_pays_for_nothing_and_is_not_swept() {
    let workspace = with_a_run();
    let log = files(&workspace, "landing/_log");
    let entry = log.last().unwrap();
    let (kept, n_files) = (fs::read(entry).unwrap(), files(&workspace, "landing/_keys").len());
    fs::remove_file(entry).unwrap();
    workspace.define("2024-Q4-U", "");
    workspace.edit("queries/releases/2024-Q4-U.toml", "0.1", "0.05");
    workspace.approved("2024-Q4-U");
    let spent = workspace.lifetime();
    for command in
        [&["release", "run", "2024-Q4-U", "--yes"][..], &["batch", "gc"], &["retention", "run", "--yes"]]
    {
        let refused = workspace.json(command);
        assert_eq!((refused.code, refused.error()), (1, "D49"), "{command:?}");
    }
    assert_eq!((workspace.lifetime(), files(&workspace, "landing/_keys").len()), (spent, n_files));
    fs::write(entry, kept).unwrap();
    workspace.json(&["release", "run", "2024-Q4-U", "--yes"]).done();
    workspace.json(&["batch", "gc"]).done();
}

#[test]
fn a_landed_file_that_is_gone_is_named_before_anything_is_paid() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.approved(RELEASE);
    let batch = files(&workspace, "landing/assistance_service").pop().unwrap();
    let file = fs::read_dir(&batch).unwrap().next().unwrap().unwrap().path();
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let refused = workspace.json(&["release", "run", RELEASE, "--yes"]);
    let name = file.strip_prefix(workspace.path("landing")).unwrap().to_str().unwrap();
    assert_eq!((refused.error(), refused.at("error.where").as_str()), ("D08", Some(name)));
    assert_eq!(workspace.lifetime()["forfeited"], 0);
    let told = workspace.json(&["batch", "verify"]);
    let n_files = fs::read_dir(&batch).unwrap().count() as u64 + 1;
    assert_eq!(
        (told.code, told.at("ok").as_bool(), told.at("files").as_u64()),
        (1, Some(false), Some(n_files))
    );
    assert_eq!(told.at("damaged").as_array().unwrap().len(), 1);
    assert_eq!(
        (&told.at("damaged")[0]["path"], &told.at("damaged")[0]["how"]),
        (&name.into(), &"missing".into())
    );
    fs::write(&file, &kept[1..]).unwrap();
    assert_eq!(workspace.json(&["batch", "verify"]).at("damaged")[0]["how"], "changed");
    fs::write(&file, kept).unwrap();
    assert_eq!(*workspace.json(&["batch", "verify"]).done().at("ok"), true);
    assert_eq!(workspace.json(&["release", "run", RELEASE, "--yes"]).done().at("charged"), 100_000_000);
}

/// Kind and text of each fault that `ledger verify` tells.
fn faults(workspace: &Workspace) -> Vec<(String, String)> {
    let verdict = workspace.json(&["ledger", "verify"]);
    assert_eq!((verdict.code, verdict.at("ok").as_bool()), (1, Some(false)));
    let text = |fault: &serde_json::Value, key: &str| fault[key].as_str().unwrap().to_owned();
    verdict
        .at("faults")
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (text(fault, "kind"), text(fault, "what")))
        .collect()
}

#[test]
fn what_stands_in_a_store_and_nobody_put_there_is_a_fault_that_is_named() {
    let workspace = with_a_run();
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.ledger_is_right();
    let bundle = format!("releases/{RELEASE}");
    let (more, manifest) = (format!("{bundle}/exact.csv"), format!("{bundle}/release.json"));
    workspace.write(&more, "region,persons\n");
    assert_eq!(
        faults(&workspace),
        [("bundle-hash".to_owned(), format!("{RELEASE}/exact.csv is public and was not published"))]
    );
    fs::remove_file(workspace.path(&more)).unwrap();
    let kept = workspace.read(&manifest);
    workspace.edit(
        &manifest,
        "\"files\": [",
        "\"files\": [{\"path\":\"../x\",\"bytes\":1,\"blake3\":\"00\"},",
    );
    let told = faults(&workspace);
    assert_eq!(
        told,
        [(
            "bundle-hash".to_owned(),
            format!("{manifest} is not what was published").replace("releases/", "")
        )]
    );
    workspace.write(&manifest, kept);
    workspace.ledger_is_right();
    for stray in ["00000000000100000000", "18446744073709551615"] {
        workspace.write(&format!("ledger/{stray}.json"), "");
    }
    let told = faults(&workspace);
    assert!(told.len() == 4 && told[0].0 == "missing-entry", "{told:?}");
}
