//! A release that is taken back: its place shows a tombstone, whole or not yet, however the command ends.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::readers::{python, root, run_in};
use crate::workspace::{RELEASE, Workspace};

/// The catalogue and the bundle that stands, as a portal harvests them: valid by the shapes of DCAT-AP, and what is said of
/// each release.
const HARVEST: &str = r#"
import sys, pyshacl, rdflib
DCAT, ADMS, DCT = (rdflib.Namespace(x) for x in ("http://www.w3.org/ns/dcat#", "http://www.w3.org/ns/adms#", "http://purl.org/dc/terms/"))
graph = rdflib.Graph()
for name in ("catalog.jsonld", "2024-Q4-U/dcat.jsonld"):
    graph.parse(name, format="json-ld", publicID="https://example.org/releases/" + name)
shapes = rdflib.Graph().parse(sys.argv[1], format="turtle")
fine, _, text = pyshacl.validate(graph, shacl_graph=shapes, advanced=True)
assert fine, text
tail = lambda x: "-" if x is None else str(x).removeprefix("https://example.org/releases").rsplit("authority", 1)[-1]
for release in sorted(graph.objects(rdflib.URIRef("https://example.org/#catalogue"), DCAT.dataset)):
    notes = {note.language: str(note) for note in graph.objects(release, ADMS.versionNotes)}
    print(*map(tail, (release, graph.value(release, ADMS.status), graph.value(release, DCT.isReplacedBy))), notes.get("ar", "-"), (release, DCAT.distribution, None) in graph)
for release in graph.subjects(DCT.identifier, None):
    graph.remove((release, DCT.title, None))
assert not pyshacl.validate(graph, shacl_graph=shapes, advanced=True)[0], "a data set without a title was accepted"
"#;

const WITHDRAW: [&str; 6] = ["release", "withdraw", RELEASE, "--reason-file", "why.toml", "--yes"];

/// What a portal is told: place, status, what replaces it, the reason in Arabic, whether it has distributions.
const TOLD: [&str; 2] = [
    "/2024-Q4-T/ /dataset-status/WITHDRAWN /2024-Q4-U/ خطأ False",
    "/2024-Q4-U/ /dataset-status/COMPLETED - - True",
];

fn harvested(workspace: &Workspace) -> Vec<String> {
    let shapes = root().join("tools/publication/dcat-ap-3-shapes.ttl");
    let told = run_in(&workspace.path("releases"), python(), &["-c", HARVEST, shapes.to_str().unwrap()]);
    told.lines().map(str::to_owned).collect()
}

/// A workspace with a published release, and the reason to withdraw it.
fn published() -> Workspace {
    let workspace = Workspace::new();
    workspace.land_services(30);
    publish(&workspace, RELEASE);
    workspace.write("why.toml", "fr = \"une erreur\"\nar = \"خطأ\"\nen = \"a fault\"\n");
    workspace
}

fn publish(workspace: &Workspace, id: &str) {
    workspace.approved(id);
    workspace.json(&["release", "run", id, "--yes"]).done();
    workspace.json(&["release", "publish", id]).done();
}

fn statement(workspace: &Workspace) -> Value {
    serde_json::from_str(&workspace.read(&format!("releases/{RELEASE}/release.json"))).unwrap()
}

/// The names in the release's public place.
fn place(workspace: &Workspace) -> Vec<String> {
    let entries = fs::read_dir(workspace.path("releases").join(RELEASE)).unwrap();
    let files = entries.map(Result::unwrap).filter(|entry| entry.path().is_file());
    let mut names: Vec<String> = files.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_place_of_a_withdrawn_release_tells_why_and_holds_nothing_else() {
    let workspace = published();
    let before = statement(&workspace);
    let manifest = workspace.json(&["release", "show", RELEASE]).done();
    workspace.define("2024-Q4-U", &format!("replaces = \"{RELEASE}\"\nrevision = 1"));
    publish(&workspace, "2024-Q4-U");
    let done = workspace.json(&WITHDRAW).done();
    assert_eq!((done.at("state").as_str(), done.at("release").as_str()), (Some("withdrawn"), Some(RELEASE)));

    let stone = statement(&workspace);
    assert_eq!(
        (stone["state"].as_str(), stone["replaced_by"].as_str()),
        (Some("withdrawn"), Some("2024-Q4-U"))
    );
    assert_eq!((&stone["reason"]["ar"], &stone["ledger_entry"]), (&Value::from("خطأ"), done.at("entry")));
    for kept in ["published", "files", "nano_rho", "statistics", "code_lists", "ledger_head", "citation"] {
        assert_eq!(stone[kept], before[kept], "{kept}");
    }
    assert_eq!(place(&workspace), ["release.json", "release.json.sig"]);
    let log = workspace.json(&["ledger", "log", "--kind", "withdrawn"]).done();
    let entry = &log.at("entries")[0];
    assert_eq!(
        (&entry["sequence"], &entry["time"].as_str().unwrap()[..10]),
        (&stone["ledger_entry"], &stone["withdrawn"].as_str().unwrap()[..10])
    );

    // OpenSSH reads the signature as it reads a bundle's.
    let folder = format!("releases/{RELEASE}");
    let verify = format!(
        "ssh-keygen -Y verify -n marsad-release -f allowed_signers -I publisher -s {folder}/release.json.sig < {folder}/release.json"
    );
    assert!(
        Command::new("sh").current_dir(workspace.dir()).args(["-c", &verify]).status().unwrap().success()
    );
    let verified = workspace.json(&["verify", &folder]).done();
    assert_eq!(*verified.at("state"), "withdrawn");
    let told = verified.at("withdrawn").as_str().unwrap();
    assert!(told.contains("a fault; see 2024-Q4-U instead"), "{told}");
    let shown = workspace.marsad(&["verify", &folder]).done();
    assert!(
        shown.stdout.contains("was withdrawn on") && !shown.stdout.contains("failed"),
        "{}",
        shown.stdout
    );
    assert_eq!(workspace.ledger_is_right().at("notes"), &Value::Array(vec![]));
    assert_eq!(manifest.at("release").as_str(), Some(RELEASE));

    assert_eq!(harvested(&workspace), TOLD);

    // Again: nothing changes, whatever the reason is now.
    workspace.write("why.toml", "fr = \"x\"\nar = \"x\"\nen = \"x\"\n");
    assert_eq!(workspace.json(&WITHDRAW).done().at("reason.en"), "a fault");
    assert_eq!(statement(&workspace), stone);
    assert_eq!(harvested(&workspace), TOLD);
    assert_eq!(workspace.json(&["release", "publish", RELEASE]).error(), "B45");
    assert_eq!(workspace.json(&["release", "pdf", &folder, "--to", "r.pdf"]).error(), "W54");
    assert_eq!(workspace.lifetime()["released"], 200_000_000, "nothing is refunded");

    // A forged tombstone is one, and so is a file that stayed.
    let text = workspace.read(&format!("{folder}/release.json"));
    workspace.write(&format!("{folder}/release.json"), text.replace("a fault", "no fault"));
    assert_eq!(workspace.json(&["verify", &folder]).code, 1);
    assert_eq!(workspace.json(&["ledger", "verify"]).code, 1);
    workspace.write(&format!("{folder}/release.json"), text);
    workspace.write(&format!("{folder}/report.html"), "old");
    assert_eq!(workspace.json(&["verify", &folder]).code, 1);
    workspace.json(&WITHDRAW).done();
    assert_eq!(place(&workspace), ["release.json", "release.json.sig"]);
}

#[test]
fn a_withdrawal_that_is_killed_is_completed_and_what_stands_is_one_or_the_other() {
    let timed = published();
    let start = Instant::now();
    timed.json(&WITHDRAW).done();
    let whole = start.elapsed();
    let mut outcomes = [0, 0];
    for step in 0..8_u32 {
        let workspace = published();
        let before = statement(&workspace);
        let mut child = workspace.start(&WITHDRAW);
        std::thread::sleep(whole * step / 8 + Duration::from_micros(300));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = statement(&workspace);
        let is_stone = left["state"] == "withdrawn";
        assert!(is_stone || left == before, "step {step}");
        assert!(is_stone || place(&workspace).contains(&"report.html".to_owned()), "step {step}");
        outcomes[usize::from(is_stone)] += 1;
        assert_eq!(workspace.json(&["ledger", "verify"]).code, 0, "step {step}: cut off is no fault");
        workspace.json(&WITHDRAW).done();
        let stone = statement(&workspace);
        assert!(!is_stone || stone == left, "step {step}: what is public never changes");
        workspace.json(&["verify", &format!("releases/{RELEASE}")]).done();
        let log = workspace.json(&["ledger", "log", "--kind", "withdrawn"]).done();
        assert_eq!(log.at("entries").as_array().unwrap().len(), 1, "step {step}");
        assert!(
            workspace.read("releases/catalog.jsonld").contains("/dataset-status/WITHDRAWN\""),
            "step {step}"
        );
        assert_eq!(workspace.ledger_is_right().at("notes"), &Value::Array(vec![]), "step {step}");
    }
    assert!(outcomes[0] > 0, "the first was killed at once: {outcomes:?}");
}

#[test]
fn where_no_whole_bundle_was_public_nothing_stays() {
    let workspace = published();
    let place = workspace.path("releases").join(RELEASE);
    fs::remove_file(place.join("release.json")).unwrap();
    let done = workspace.json(&WITHDRAW).done();
    assert_eq!(*done.at("tombstone"), Value::Null);
    assert!(!place.join("report.html").exists());
    workspace.ledger_is_right();
    workspace.json(&WITHDRAW).done();
}

#[test]
fn a_combined_release_is_completed_though_its_source_was_withdrawn() {
    let workspace = Workspace::new();
    workspace.land_services(60);
    for (id, revision) in [(RELEASE, 0), ("2024-Q4-U", 1)] {
        workspace.define(id, &format!("frozen = [\"2024-Q4\"]\nrevision = {revision}"));
        publish(&workspace, id);
    }
    let bundle = workspace.path("releases/2024-Q4-U");
    let table = fs::read(bundle.join("data/assisted_persons_combined.csv")).unwrap();
    workspace.write("why.toml", "fr = \"une erreur\"\nar = \"خطأ\"\nen = \"a fault\"\n");
    workspace.json(&WITHDRAW).done();
    fs::remove_dir_all(&bundle).unwrap();
    workspace.json(&["release", "publish", "2024-Q4-U"]).done();
    assert_eq!(fs::read(bundle.join("data/assisted_persons_combined.csv")).unwrap(), table);
    workspace.json(&["verify", "releases/2024-Q4-U"]).done();
    workspace.ledger_is_right();
}
