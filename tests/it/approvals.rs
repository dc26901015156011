//! Who may say yes, and what an attacker tries instead: each attempt is refused or found by its name.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use marsad_ledger::sign::{PROPOSAL, SigningKey};
use marsad_log::{Appended, Draft, EntrySignature, Log, Store};
use marsad_terms::canonical;
use serde_json::{Value, json};

use crate::workspace::{Output, RELEASE, Workspace, command};

/// Approves by a signature that the steward made over `statement`.
fn approve_by(workspace: &Workspace, sshsig: &str) -> Output {
    workspace.write("given.sig", sshsig);
    let given = ["--confirm-file", "answers.toml", "--signature", "given.sig"];
    workspace.json(&[&["release", "approve", RELEASE][..], &given].concat())
}

/// The statement that an approver signs, signed by the steward of a workspace with OpenSSH.
fn signed(workspace: &Workspace) -> String {
    signed_over(workspace, &["--confirm-file", "answers.toml"])
}

fn signed_over(workspace: &Workspace, args: &[&str]) -> String {
    let printed = workspace.marsad(&[&["release", "statement", RELEASE][..], args].concat()).done();
    workspace.write("statement", &printed.stdout);
    let _ = fs::remove_file(workspace.path("statement.sig"));
    let mut sign = Command::new("ssh-keygen");
    sign.current_dir(workspace.dir()).args([
        "-q",
        "-Y",
        "sign",
        "-n",
        "marsad-approval",
        "-f",
        "keys/steward",
    ]);
    assert!(sign.arg("statement").status().expect("ssh-keygen is installed").success());
    workspace.read("statement.sig")
}

/// The kinds of all faults that `ledger verify` finds.
fn faults(workspace: &Workspace) -> BTreeSet<String> {
    let verdict = workspace.json(&["ledger", "verify"]);
    assert_eq!(verdict.code, 1, "{}", verdict.json);
    let faults = verdict.at("faults").as_array().unwrap().iter();
    faults.map(|fault| fault["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_signature_is_for_one_proposal_of_one_workspace_and_counts_once() {
    let (here, there) = (Workspace::new(), Workspace::new());
    // The same steward serves both programmes.
    for name in ["keys/steward", "keys/steward.pub"] {
        let old = there.read("keys/steward.pub");
        fs::copy(here.path(name), there.path(name)).unwrap();
        if name == "keys/steward.pub" {
            there.edit("marsad.toml", old.trim(), there.read("keys/steward.pub").trim());
        }
    }
    there.marsad(&["policy", "set", "--key", "keys/officer"]).done();
    let policy = "two_approvers = [";
    here.edit("marsad.toml", policy, "two_approvers = [\"assistance_service\", ");
    here.marsad(&["policy", "set", "--key", "keys/officer"]).done();
    let plan = here.plan(RELEASE);
    assert_eq!(*plan.at("needed"), 2);
    there.plan(RELEASE);
    let elsewhere = approve_by(&here, &signed(&there));
    assert_eq!((elsewhere.code, elsewhere.error()), (1, "B71"), "made for another workspace");

    let sshsig = signed(&here);
    let first = approve_by(&here, &sshsig).done();
    assert_eq!((first.at("state"), first.at("needed")), (&Value::from("proposed"), &Value::from(1)));
    let replayed = approve_by(&here, &sshsig);
    assert_eq!((replayed.code, replayed.error()), (1, "B18"), "one person is not two approvers");
    assert_eq!(*here.approve(RELEASE, "officer").done().at("state"), "approved");
    here.edit(&format!("queries/releases/{RELEASE}.toml"), "\"0.1\"", "\"0.05\"");
    here.plan(RELEASE);
    let carried = approve_by(&here, &sshsig);
    assert_eq!((carried.code, carried.error()), (1, "B71"), "made for the proposal as it was");
    here.ledger_is_right();
}

#[test]
fn a_revoked_key_approves_nothing() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    let settings = workspace.read("marsad.toml");
    let steward = settings.find("\n[[policy.signer]]\nname = \"steward\"").unwrap();
    let next = settings[steward + 1..].find("\n[[policy.signer]]").unwrap() + steward + 1;
    workspace.write("marsad.toml", format!("{}{}", &settings[..steward], &settings[next..]));
    let early = signed(&workspace);
    workspace.marsad(&["policy", "set", "--key", "keys/officer"]).done();
    workspace.plan(RELEASE);
    let revoked = workspace.approve(RELEASE, "steward");
    assert_eq!((revoked.code, revoked.error()), (1, "B20"));
    let late = approve_by(&workspace, &early);
    assert_eq!((late.code, late.error()), (1, "B71"), "signed under the policy before, given after");
    assert_eq!(*workspace.approve(RELEASE, "officer").done().at("state"), "approved");
    workspace.ledger_is_right();
}

/// The files of the ledger's log, in order.
fn entries(workspace: &Workspace) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![workspace.path("ledger")];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.contains("\"sequence\":") && text.contains("\"previous\":")
    });
    found.sort();
    found
}

#[test]
fn a_changed_removed_or_reordered_entry_and_a_rolled_back_log_are_told_apart() {
    let workspace = Workspace::new();
    workspace.approved(RELEASE);
    let files = entries(&workspace);
    assert_eq!(files.len(), 3, "policy, proposal, approval: {files:?}");
    let bytes: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let restore = || {
        for (file, bytes) in files.iter().zip(&bytes) {
            fs::write(file, bytes).unwrap();
        }
        workspace.ledger_is_right();
    };
    fs::write(&files[1], bytes[1].replacen("Trial", "Tryal", 1)).unwrap();
    assert!(faults(&workspace).contains("hash"), "a changed proposal");
    restore();
    fs::remove_file(&files[1]).unwrap();
    assert!(faults(&workspace).contains("missing-entry"), "a removed proposal");
    restore();
    fs::write(&files[1], &bytes[2]).unwrap();
    fs::write(&files[2], &bytes[1]).unwrap();
    assert!(faults(&workspace).contains("chain"), "two entries that changed places");
    restore();
    fs::remove_file(&files[2]).unwrap();
    assert!(faults(&workspace).contains("rolled-back"), "an approval taken back by its storage");
    restore();
}

#[test]
fn a_log_rolled_back_to_before_a_publication_does_not_fit_the_published_head() {
    let workspace = Workspace::new();
    workspace.land_services(30);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.ledger_is_right();
    // What this machine remembers goes too: the published head alone speaks.
    fs::remove_dir_all(workspace.path("state")).unwrap();
    for file in &entries(&workspace)[3..] {
        fs::remove_file(file).unwrap();
    }
    assert!(faults(&workspace).contains("rolled-back"));
}

#[test]
fn a_rejection_may_be_signed_elsewhere() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    let sshsig = signed_over(&workspace, &["--reject", "the title misleads"]);
    workspace.write("given.sig", &sshsig);
    let reject = |reason: &str| {
        workspace.json(&["release", "reject", RELEASE, "--reason", reason, "--signature", "given.sig"])
    };
    assert_eq!(reject("another reason").error(), "B71");
    reject("the title misleads").done();
    assert_eq!(*workspace.json(&["release", "show", RELEASE]).done().at("state"), "rejected");
    workspace.ledger_is_right();
}

/// An ssh-agent of its own, ended with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Agent {
    fn with_key(socket: &Path, key: &Path) -> Self {
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(socket).stdout(Stdio::null());
        let agent = Self(command.spawn().expect("ssh-agent is installed: openssh-client"));
        let add = || {
            let mut add = Command::new("ssh-add");
            add.arg("-q").arg(key).env("SSH_AUTH_SOCK", socket).stderr(Stdio::null());
            add.status().expect("ssh-add is installed").success()
        };
        while !socket.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(add(), "the agent takes the key");
        agent
    }
}

#[test]
fn a_key_in_ssh_agent_approves_by_its_public_half() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    let socket = workspace.beside("agent");
    let _agent = Agent::with_key(&socket, &workspace.path("keys/steward"));
    fs::remove_file(workspace.path("keys/steward")).unwrap();
    let args = ["release", "approve", RELEASE, "--key", "keys/steward.pub", "--confirm-file", "answers.toml"];
    let alone = workspace.json(&args);
    assert_eq!((alone.code, alone.error()), (1, "B66"), "no agent");
    let mut approve = command(&workspace.dir(), &args);
    assert!(approve.env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
    assert_eq!(*workspace.json(&["release", "show", RELEASE]).done().at("state"), "approved");
    workspace.ledger_is_right();
}

#[test]
fn on_a_terminal_the_items_are_asked_one_by_one() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    let approve_by = |who: &str, language: &str, answers: &str| {
        let args = format!("release approve {RELEASE} --key keys/{who} --language {language}");
        let mut child = at_a_terminal(&workspace, &args);
        child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    };
    let approve = |language: &str, answers: &str| approve_by("steward", language, answers);
    let unasked = approve_by("analyst", "en", "");
    assert!(unasked.contains("[B17]") && !unasked.contains("[1/"), "{unasked}");
    let left = approve("en", "worth it\nstop\n");
    assert!(left.contains("C18") && left.contains("nothing was signed"), "{left}");
    let left = approve("ar", "نعم\nنعم\nstop\n");
    assert!(left.contains("أجب بكلمات") && left.contains("تحتاج إلى جملة"), "{left}");
    let said = approve("fr", &format!("worth it\no\nno: whole regions\n{}", "seen\n".repeat(20)));
    assert!(said.contains("celui-ci veut une phrase") && said.contains("Répondez en mots"), "{said}");
    let shown = workspace.json(&["release", "show", RELEASE]).done();
    assert_eq!(*shown.at("state"), "approved", "{said}");
    let confirmed = &shown.at("approvals")[0]["confirmed"];
    assert_eq!(
        (&confirmed["C06"], &confirmed["C18"]),
        (&Value::from("worth it"), &Value::from("no: whole regions"))
    );
}

fn at_a_terminal(workspace: &Workspace, args: &str) -> Child {
    let line = format!("{} {args}", env!("CARGO_BIN_EXE_marsad"));
    let mut script = Command::new("script");
    script.current_dir(workspace.dir()).args(["-qec", &line, "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    script.spawn().expect("script is installed: bsdutils")
}

#[test]
fn somebody_who_is_asked_keeps_nobody_waiting_and_spends_nothing_twice() {
    let workspace = Workspace::new();
    workspace.land_services(50);
    workspace.approved(RELEASE);
    let mut asked = at_a_terminal(&workspace, &format!("release run {RELEASE}"));
    let (mut output, mut seen) = (asked.stdout.take().unwrap(), Vec::new());
    while !String::from_utf8_lossy(&seen).contains("for ever? [y/N]") {
        let mut byte = [0];
        output.read_exact(&mut byte).expect("the question comes");
        seen.extend(byte);
    }
    workspace.marsad(&["release", "run", RELEASE, "--yes"]).done();
    let spent = workspace.lifetime();
    asked.stdin.take().unwrap().write_all(b"y\n").unwrap();
    output.read_to_end(&mut seen).unwrap();
    let said = String::from_utf8_lossy(&seen);
    assert!(asked.wait().unwrap().success() && said.contains("nothing was charged"), "{said}");
    assert_eq!(workspace.lifetime(), spent);
}

/// Appends the newest proposal again as somebody with the analyst's key and the right to write could: changed, and signed.
fn forged(workspace: &Workspace, change: impl Fn(&mut Value)) {
    let key = SigningKey::open(&workspace.path("keys/analyst")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = Log::open(Store::open("ledger", &workspace.dir()).unwrap(), "");
        let entries = log.read().await.unwrap();
        let last = entries.last().unwrap();
        let mut draft = Draft::new("proposed", last.body.value());
        change(&mut draft.body);
        let sshsig = key.sign(PROPOSAL, &canonical::of_value(&draft.body).unwrap()).unwrap();
        let (signer, namespace) = ("analyst".to_owned(), PROPOSAL.to_owned());
        let draft = draft.signed(EntrySignature { signer, namespace, sshsig });
        assert!(matches!(log.append(Some(last), draft).await.unwrap(), Appended::Written(_)));
    });
}

#[test]
fn a_proposal_that_its_definitions_do_not_give_is_not_approved() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("C11", |proposal| proposal["checklist"][10]["evidence"] = "national alone".into()),
        ("C17", |proposal| {
            proposal["checklist"].as_array_mut().unwrap().retain(|item| item["id"] != "C17");
        }),
        ("purposes", |proposal| proposal["purposes"] = json!(["P-2025-02"])),
        ("recipients", |proposal| proposal["recipients"] = json!(["public", "onm"])),
        ("tables", |proposal| proposal["tables"][0]["margin"] = "999".into()),
    ];
    for (what, change) in changes {
        let workspace = Workspace::new();
        workspace.plan(RELEASE);
        forged(&workspace, change);
        assert_eq!(*workspace.json(&["ledger", "verify"]).done().at("ok"), true, "its author signed it");
        let approve = workspace.approve(RELEASE, "steward");
        assert_eq!((approve.code, approve.error()), (1, "W23"), "{what}: {}", approve.json);
        assert!(approve.printed().contains(what), "{what}: {}", approve.printed());
        let statement = ["release", "statement", RELEASE, "--confirm-file", "answers.toml"];
        assert_eq!(workspace.json(&statement).error(), "W23", "{what}");
        let reject =
            ["release", "reject", RELEASE, "--reason", "not what was planned", "--key", "keys/steward"];
        workspace.json(&reject).done();
    }
}

#[test]
fn the_trail_is_filtered_and_leaves_without_the_custodians_entries() {
    let workspace = Workspace::new();
    workspace.land_services(30);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    let kinds = |args: &[&str]| -> Vec<String> {
        let log = workspace.json(&[&["ledger", "log"], args].concat()).done();
        let both = ["entries", "custody"].map(|key| log.at(key).as_array().unwrap().clone()).concat();
        both.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&[]), ["genesis", "proposed", "approved", "reserved", "released", "batch"]);
    assert_eq!(kinds(&["--person", "steward"]), ["approved"]);
    assert_eq!(kinds(&["--release", RELEASE]), ["proposed", "approved", "reserved", "released"]);
    assert_eq!(kinds(&["--kind", "reserved", "--kind", "batch"]), ["reserved", "batch"]);
    assert!(kinds(&["--period", "2001-Q1..2001-Q2"]).is_empty());
    let misspelt = workspace.marsad(&["ledger", "log", "--kind", "reservd"]).done().stdout;
    assert!(
        misspelt.contains("nothing is of kind reservd; kinds here: approved, batch, genesis"),
        "{misspelt}"
    );
    assert_eq!(workspace.json(&["ledger", "log", "--period", "soon"]).code, 2);
    let shown = workspace.marsad(&["ledger", "log"]).done().stdout;
    assert!(shown.contains("reads landed data") && shown.contains("landing 0"), "{shown}");
    workspace.marsad(&["ledger", "log", "--jsonl", "log.jsonl", "--html", "log.html"]).done();
    let lines: Vec<Value> =
        workspace.read("log.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5, "the ledger's alone");
    assert!(!workspace.read("log.html").contains("lot reçu"));
    workspace.marsad(&["ledger", "log", "--custody", "--jsonl", "log.jsonl", "--html", "log.html"]).done();
    let with = workspace.read("log.jsonl");
    assert!(
        with.lines().count() == 6 && !with.contains("\"rows\"") && !with.contains("\"landed\""),
        "{with}"
    );
    assert!(workspace.read("log.html").contains("lot reçu"));
}

#[test]
fn a_proposal_tells_what_it_and_an_earlier_release_say_together() {
    let workspace = Workspace::new();
    workspace.land_services(120);
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.define("again", "revision = 1");
    let plan = workspace.plan("again");
    let tables = plan.at("tables").as_array().unwrap();
    for table in tables {
        let expected = &table["expected"];
        let cells: u64 =
            ["reliable", "usable", "hidden"].iter().map(|key| expected[key].as_u64().unwrap()).sum();
        assert_eq!((cells, &expected["release"]), (table["cells"].as_u64().unwrap(), &Value::from(RELEASE)));
    }
    let same = &plan.at("differences")[0];
    assert_eq!((&same["attack"], &same["release"]), (&Value::from("same-cells"), &Value::from(RELEASE)));

    // Another statement over the same records: those whom only one of the two counts.
    let sql = workspace.read("queries/assisted_persons.sql");
    let only =
        sql.replacen("FROM assistance_service", "FROM assistance_service\nWHERE service_type = 'HEALTH'", 1);
    assert_ne!(only, sql);
    workspace.write("queries/assisted_persons.sql", only);
    workspace.define("health", "revision = 2");
    let plan = workspace.plan("health");
    assert_eq!(plan.at("differences")[0]["attack"], "two-statements");
    let shown = workspace.marsad(&["release", "show", "health", "--full"]).done().stdout;
    assert!(shown.contains("whom only one of") && shown.contains("A/U/Q"), "{shown}");
    workspace.marsad(&["release", "show", "health", "--html", "proposal.html"]).done();
    let page = workspace.read("proposal.html");
    for part in ["dir=\"rtl\"", "اقتراح", "C18", "CNDP"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("deux requêtes") && !page.contains("http"));
}

#[test]
fn the_questions_are_drafted_as_a_file_that_answers_nothing_until_somebody_does() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    let draft = ["release", "show", RELEASE, "--answers", "draft.toml", "--language", "fr"];
    let drafted = workspace.json(&draft).done();
    let text = workspace.read("draft.toml");
    let asked: Vec<&str> = text.lines().filter(|line| line.contains(" = \"\"")).collect();
    assert_eq!(asked.iter().filter(|line| line.ends_with("# en mots")).count(), 3, "C18, C22, C23");
    assert_eq!(drafted.at("items").as_u64(), u64::try_from(asked.len()).ok());
    assert!(
        text.contains("# Un tableau pourrait-il guider une action contre un groupe ou un lieu ?"),
        "{text}"
    );
    let again = workspace.json(&draft);
    assert_eq!((again.code, again.error()), (1, "W08"), "answers are not written over");
    let approve = ["release", "approve", RELEASE, "--key", "keys/steward", "--confirm-file", "draft.toml"];
    assert_eq!(workspace.json(&approve).error(), "W10");
    workspace.write(
        "draft.toml",
        text.replace("# C0", "C0").replace("# C1", "C1").replace("# C2", "C2").replace("\"\"", "\"vu\""),
    );
    assert_eq!(*workspace.json(&approve).done().at("state"), "approved");
}
