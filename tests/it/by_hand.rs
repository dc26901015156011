//! docs/verify-by-hand.md, word for word: its commands accept what was published and refuse what was changed.
//!
//! Where `b3sum` is not installed, only the commands that need it are left out; the proof is always checked here as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use marsad_terms::Digest;

use crate::workspace::{RELEASE, Workspace};

/// The commands of the page that hold these words.
fn commands(words: &str) -> String {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-by-hand.md")).unwrap();
    let fenced = page.split("```").skip(1).step_by(2);
    let found: Vec<&str> = fenced.filter(|commands| commands.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words}: {found:?}");
    found[0].to_owned()
}

/// Runs them in a folder as a reader would paste them; says whether they succeed, and what they print.
fn paste(dir: &Path, commands: &str) -> (bool, String) {
    let mut bash = Command::new("bash");
    bash.current_dir(dir).args(["-e", "-o", "pipefail", "-c", commands]).stdin(Stdio::null());
    let output = bash.output().expect("bash starts");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

fn has_b3sum() -> bool {
    Command::new("b3sum").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A published release, and a reader's folder beside it.
fn published() -> (Workspace, PathBuf) {
    let workspace = Workspace::new();
    workspace.land_services(30);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    let reader = workspace.beside("reader");
    fs::create_dir(&reader).unwrap();
    (workspace, reader)
}

#[test]
fn a_bundle_is_checked_by_the_commands_of_the_page() {
    let (workspace, _) = published();
    let bundle = workspace.path("releases").join(RELEASE);
    fs::copy(workspace.path("allowed_signers"), bundle.join("allowed_signers")).unwrap();
    let signature = commands("-n marsad-release");
    assert!(paste(&bundle, &signature).0);
    if has_b3sum() {
        let (ok, printed) = paste(&bundle, &commands("b3sum --check"));
        assert!(ok && printed.contains("privacy.yaml: OK") && printed.lines().count() > 4, "{printed}");
        fs::write(bundle.join("privacy.yaml"), "unit: nobody\n").unwrap();
        assert!(!paste(&bundle, &commands("b3sum --check")).0);
    }
    let statement = fs::read_to_string(bundle.join("release.json")).unwrap();
    assert!(statement.contains("\"ledger_sequence\": 4,"), "{statement}");
    fs::write(bundle.join("release.json"), statement.replacen("\"nano_rho\": 1", "\"nano_rho\": 2", 1))
        .unwrap();
    assert!(!paste(&bundle, &signature).0, "the signature is over the bytes");
}

/// The checks of the page, by other means: gives the heads of the first and the last entry.
fn ends_of(proof: &str) -> Option<(String, String)> {
    let (mut first, mut previous) = (None, None::<String>);
    for entry in proof.lines() {
        let (before, rest) = entry.rsplit_once(",\"hash\":\"")?;
        let (stated, after) = rest.split_once('"')?;
        let follows = previous.is_none_or(|hash| after.contains(&format!(",\"previous\":\"{hash}\",")));
        if !follows || Digest::of(format!("{before}{after}").as_bytes()).to_string() != stated {
            return None;
        }
        first.get_or_insert_with(|| stated.to_owned());
        previous = Some(stated.to_owned());
    }
    first.zip(previous)
}

#[test]
fn a_later_checkpoint_is_proved_to_extend_an_earlier_one() {
    let (workspace, reader) = published();
    let keep = |name: &str| {
        for (from, to) in
            [("checkpoint.json", name.to_owned()), ("checkpoint.json.sig", format!("{name}.sig"))]
        {
            fs::copy(workspace.path("releases").join(from), reader.join(to)).unwrap();
        }
    };
    keep("old.json");
    workspace.define("2024-Q4-U", "revision = 1");
    workspace.approved("2024-Q4-U");
    let (old, proof) = (reader.join("old.json"), reader.join("proof.jsonl"));
    let (old, proof) = (old.display().to_string(), proof.display().to_string());
    workspace.json(&["ledger", "checkpoint", "--since", &old, "--proof", &proof]).done();
    keep("new.json");
    fs::copy(workspace.path("allowed_signers"), reader.join("allowed_signers")).unwrap();
    let signatures = commands("-n marsad-checkpoint");
    assert!(paste(&reader, &signatures).0);

    let head = |name: &str| {
        let stated: serde_json::Value =
            serde_json::from_slice(&fs::read(reader.join(name)).unwrap()).unwrap();
        stated["head"].as_str().unwrap().to_owned()
    };
    let whole = fs::read_to_string(&proof).unwrap();
    assert_eq!(ends_of(&whole), Some((head("old.json"), head("new.json"))));
    let chain = commands("extends old.json");
    let accepts = |text: &str| {
        fs::write(&proof, text).unwrap();
        !has_b3sum() || {
            let (ok, printed) = paste(&reader, &chain);
            ok && printed.contains("extends")
        }
    };
    assert!(accepts(&whole));
    let lines: Vec<&str> = whole.lines().collect();
    let gap = [&lines[..1], &lines[2..]].concat().join("\n") + "\n";
    for changed in [whole.replacen("2024-Q4-U", "2024-Q4-V", 1), gap, lines[1..].join("\n") + "\n"] {
        let ends = ends_of(&changed);
        assert_ne!(ends, Some((head("old.json"), head("new.json"))));
        assert!(!has_b3sum() || !accepts(&changed));
    }
    workspace.json(&["ledger", "verify", "--from", &old]).done();
}

#[test]
fn a_ledger_that_does_not_extend_a_kept_checkpoint_is_rolled_back() {
    let (workspace, reader) = published();
    let kept = reader.join("checkpoint.json");
    for name in ["checkpoint.json", "checkpoint.json.sig"] {
        fs::copy(workspace.path("releases").join(name), reader.join(name)).unwrap();
    }
    let path = kept.display().to_string();
    let other = Workspace::new();
    let verdict = other.json(&["ledger", "verify", "--from", &path]);
    assert_eq!(verdict.code, 1);
    let faults = verdict.at("faults").as_array().unwrap();
    assert_eq!(faults.iter().map(|fault| &fault["kind"]).collect::<Vec<_>>(), ["rolled-back", "authority"]);
    let proof = ["ledger", "checkpoint", "--since", &path, "--proof", "proof.jsonl"];
    assert_eq!(other.json(&proof).error(), "B50");
    assert!(!other.path("proof.jsonl").exists());
    fs::write(&kept, "{}").unwrap();
    assert_eq!(workspace.json(&proof).error(), "W32");
    fs::remove_file(reader.join("checkpoint.json.sig")).unwrap();
    assert_eq!(workspace.json(&["ledger", "verify", "--from", &path]).error(), "W03");
}
