//! What a custodian does with landed batches and persons' requests, through the built binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::workspace::{RELEASE, SERVICES, Workspace, assert_keys, latin, services};

fn batches(workspace: &Workspace) -> Vec<(String, String, u64)> {
    let list = workspace.json(&["batch", "list"]).done();
    let text = |batch: &serde_json::Value, key: &str| batch[key].as_str().unwrap().to_owned();
    let batches = list.at("batches").as_array().unwrap().iter();
    batches.map(|b| (text(b, "batch"), text(b, "state"), b["rows"].as_u64().unwrap())).collect()
}

fn states(workspace: &Workspace) -> Vec<(String, u64)> {
    batches(workspace).into_iter().map(|(_, state, rows)| (state, rows)).collect()
}

/// Kinds of custody entries, as `ledger log` shows them.
fn kinds(workspace: &Workspace) -> Vec<String> {
    let log = workspace.json(&["ledger", "log"]).done();
    let acts = log.at("custody").as_array().unwrap().iter();
    acts.map(|act| act["kind"].as_str().unwrap().to_owned()).collect()
}

fn landed(state: &str, rows: u64) -> (String, u64) {
    (state.to_owned(), rows)
}

#[test]
fn batches_are_corrected_compacted_and_retracted_and_releases_go_on() {
    let workspace = Workspace::new();
    workspace.land_services(50);
    let land = |name: &str, n, more: &[&str]| {
        workspace.write(name, services(n));
        workspace.json(&[&["land", name, "--as", "partner_assistance"], more].concat())
    };
    let first = batches(&workspace)[0].0.clone();
    workspace.write("corrected.csv", services(40));
    let check = ["extract", "check", "corrected.csv", "--as", "partner_assistance"];
    assert_eq!(*workspace.json(&check).done().at("records.duplicate"), 40);
    let checked = workspace.json(&[&check[..], &["--corrects", &first[..6]]].concat()).done();
    assert_eq!((checked.at("records.landed").as_u64(), batches(&workspace).len()), (Some(40), 1));
    let corrected = land("corrected.csv", 40, &["--corrects", &first[..6]]).done();
    assert_eq!(*corrected.at("records.landed"), 40);
    assert_eq!(states(&workspace), [landed("corrected", 0), landed("landed", 40)]);
    assert_eq!(land("again.csv", 30, &["--corrects", &first]).error(), "D41");
    let two = ["land", "corrected.csv", "again.csv", "--as", "partner_assistance", "--corrects", &first];
    assert_eq!(workspace.json(&two).error(), "W00");

    assert_eq!(*land("more.csv", 60, &[]).done().at("records.landed"), 20);
    let compacted = workspace.json(&["batch", "compact", "assistance_service"]).done();
    assert!(compacted.at("files").as_u64().unwrap() > 16);
    assert_eq!(states(&workspace)[3], landed("landed", 60));
    assert_eq!(*workspace.json(&["batch", "compact", "assistance_service"]).done().at("files"), 0);
    assert_eq!(workspace.json(&["batch", "compact", "assistance"]).error(), "W41");
    workspace.approved(RELEASE);
    assert_eq!(*workspace.json(&["release", "run", RELEASE, "--yes"]).done().at("charged"), 100_000_000);

    let whole = batches(&workspace)[3].0.clone();
    let shown = workspace.json(&["batch", "show", &whole[..8]]).done();
    shown.has(&["batch", "state", "rows", "files", "quarantined", "source", "mapping", "time", "custodian"]);
    assert_eq!(workspace.json(&["batch", "retract", "beef", "--reason", "x"]).error(), "W14");
    workspace.json(&["batch", "retract", &whole, "--reason", "the wrong year", "--yes"]).done();
    assert_eq!(states(&workspace)[3], landed("retracted", 0));
    assert_eq!(kinds(&workspace), ["batch", "batch", "batch", "replaced", "retracted"]);
    assert_eq!(*land("more.csv", 60, &[]).done().at("records.landed"), 60, "it may land again");
    workspace.ledger_is_right();
}

#[test]
fn a_correction_that_landed_beside_is_told_and_a_batch_goes_for_a_reason() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let wrong = batches(&workspace)[0].0.clone();
    workspace.write("better.csv", services(18));
    let land = ["land", "better.csv", "--as", "partner_assistance"];
    workspace.json(&land).done();
    for command in [&land[..], &["extract", "check", "better.csv", "--as", "partner_assistance"]] {
        let beside = workspace.json(&[command, &["--corrects", &wrong]].concat());
        assert_eq!((beside.code, beside.error()), (1, "D50"), "{command:?}");
    }
    let blank = workspace.json(&["batch", "retract", &wrong, "--reason", " ", "--yes"]);
    assert_eq!((blank.code, blank.error()), (2, "W00"));
    workspace.json(&["batch", "retract", &wrong, "--reason", "corrected", "--yes"]).done();
    let stands = workspace.json(&land).done();
    assert_eq!(*stands.at("already"), true);
}

#[test]
fn what_a_killed_command_left_is_removed_and_nothing_else() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let before = states(&workspace);
    assert!(workspace.marsad(&["batch", "gc"]).done().stdout.contains("nothing was changed"));
    let orphan = "ab".repeat(16);
    for name in
        [format!("landing/assistance_service/{orphan}/1.parquet"), format!("landing/_keys/{orphan}/1")]
    {
        fs::create_dir_all(workspace.path(&name).parent().unwrap()).unwrap();
        workspace.write(&name, "x");
    }
    fs::create_dir_all(workspace.path("ledger/runs")).unwrap();
    workspace.write("ledger/runs/0123#77000001", "half");
    workspace.write("landing/_log/00000000000000000001.json#77000002", "half");
    let swept = workspace.json(&["batch", "gc"]).done();
    assert_eq!((swept.at("orphans").as_u64(), swept.at("aside").as_u64()), (Some(2), Some(2)));
    assert!(!workspace.path("ledger/runs/0123#77000001").exists());
    assert_eq!(
        (states(&workspace), kinds(&workspace)),
        (before, vec!["batch".to_owned(), "swept".to_owned()])
    );
    workspace.ledger_is_right();
}

#[test]
fn a_landing_that_is_killed_at_any_time_is_whole_or_absent_and_leaves_nothing_after_gc() {
    let first = Workspace::new();
    first.write("services.csv", services(3000));
    let land = ["land", "services.csv", "--as", "partner_assistance"];
    let start = std::time::Instant::now();
    first.copy_without(&[]).json(&land).done();
    let whole = start.elapsed();
    for n in 0..8 {
        let copy = first.copy_without(&[]);
        let mut child = copy.start(&land);
        std::thread::sleep(whole.mul_f64(f64::from(n) / 7.0));
        child.kill().unwrap();
        child.wait().unwrap();
        let after = states(&copy);
        assert!(after.is_empty() || after == [landed("landed", 3000)], "{after:?}");
        copy.json(&["batch", "gc"]).done();
        let again = copy.json(&["batch", "gc"]).done();
        assert_eq!((again.at("orphans").as_u64(), again.at("aside").as_u64()), (Some(0), Some(0)));
        assert_eq!(*copy.json(&land).done().at("already"), !after.is_empty());
        assert_eq!(states(&copy).iter().map(|(_, rows)| rows).sum::<u64>(), 3000);
    }
}

#[test]
fn rows_whose_time_is_over_are_purged() {
    let workspace = Workspace::new();
    let old = "P-1;03/11/2024;TTA;Femme;1990;Mali;régulière;Santé;1;;oui;\r\n";
    workspace.write("old.csv", latin(&(SERVICES.to_owned() + old)));
    workspace.json(&["land", "old.csv", "--as", "partner_assistance"]).done();
    let terms = workspace.json(&["retention", "list"]).done();
    assert_keys(&terms.at("terms")[0], &["record_type", "months", "from", "kept_from"]);
    let kept = workspace.json(&["retention", "run", "--yes"]).done();
    assert_eq!((kept.at("files").as_u64(), kept.at("entry").is_null()), (Some(0), true));
    workspace.edit("marsad.toml", "[landing]", "[retention]\nassistance_service = 1\n\n[landing]");
    let unasked = workspace.json(&["retention", "run"]);
    assert_eq!((unasked.code, unasked.error()), (2, "W00"), "nobody confirmed");
    let landed_rows = Some(states(&workspace)[0].1);
    assert!(landed_rows > Some(0));
    let purged = workspace.json(&["retention", "run", "--yes"]).done();
    assert_eq!((purged.at("files").as_u64(), purged.at("entry").as_u64()), (Some(1), Some(1)));
    assert_eq!(purged.at("rows")["assistance_service"].as_u64(), landed_rows);
    assert_eq!(states(&workspace), [landed("landed", 0)]);
    assert_eq!(kinds(&workspace), ["batch", "purged"]);
}

#[test]
fn acts_wait_for_a_release_that_another_installation_runs() {
    let workspace = Workspace::new();
    workspace.land_services(20_000);
    workspace.approved(RELEASE);
    // The same stores without this installation's memory: what it reserved is another one's.
    let mut child = workspace.start(&["release", "run", RELEASE, "--yes"]);
    let reserved = |n: usize| workspace.path(&format!("ledger/{n:020}.json")).exists();
    let n = (0..1_000).find(|n| !reserved(*n)).unwrap();
    while !reserved(n) && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let other = workspace.copy_without(&["state"]);
    let state = other.json(&["release", "show", RELEASE]).done().at("state").clone();
    let batch = batches(&other)[0].0.clone();
    let compacted = other.json(&["batch", "retract", &batch, "--reason", "x", "--yes"]);
    if state == "reserved" {
        assert_eq!(compacted.error(), "W40");
        assert_eq!(other.json(&["retention", "run", "--yes"]).error(), "W40");
        assert_eq!(other.json(&["keys", "rotate", "landing"]).error(), "W40");
        assert!(!other.path("keys/landing.next.key").exists());
        assert_eq!(states(&other), [landed("landed", 20_000)]);
    } else {
        assert_eq!(compacted.code, 0, "{state}: it ended before it was killed");
    }
    // Here the run is known to be dead, is ended, and the act goes on.
    workspace.json(&["batch", "retract", &batch, "--reason", "x", "--yes"]).done();
}

#[test]
fn a_key_is_rotated_and_its_predecessor_opens_nothing() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let old = workspace.copy_without(&["landing", "restricted", "ledger"]);
    let rotated = workspace.json(&["keys", "rotate", "landing"]).done();
    assert_eq!(
        (rotated.at("key").as_str(), rotated.at("entries")[0]["entry"].as_u64()),
        (Some("landing"), Some(1))
    );
    assert_ne!(old.read("keys/landing.key"), workspace.read("keys/landing.key"));
    assert!(!workspace.path("keys/landing.next.key").exists());
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.write("keys/landing.key", old.read("keys/landing.key"));
    assert_eq!(workspace.json(&["batch", "list"]).error(), "D26");
}

#[test]
fn a_key_of_pseudonyms_is_rotated_and_new_extracts_meet_what_landed() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    let old = workspace.read("keys/pseudonym.key");
    let rotated = workspace.json(&["keys", "rotate", "pseudonym"]).done();
    assert_eq!(
        (rotated.at("key").as_str(), rotated.at("entries")[0]["entry"].as_u64()),
        (Some("pseudonym"), Some(1))
    );
    assert!(workspace.read("keys/pseudonym.key").starts_with(&old));
    assert_eq!(
        (states(&workspace), kinds(&workspace)),
        (vec![landed("landed", 20)], vec!["batch".to_owned(), "rotated".to_owned()])
    );
    workspace.write("more.csv", services(30));
    let more = workspace.json(&["land", "more.csv", "--as", "partner_assistance"]).done();
    assert_eq!(
        (more.at("records.landed").as_u64(), more.at("records.duplicate").as_u64()),
        (Some(10), Some(20))
    );
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.write("keys/pseudonym.key", &old);
    assert_eq!(workspace.json(&["batch", "list"]).error(), "D26");
}

#[test]
fn a_person_gets_its_rows_in_a_file_of_its_own_and_requests_raise_the_alarm() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    workspace.write("ids", "partner:P-70000003\n");
    fs::set_permissions(workspace.path("ids"), fs::Permissions::from_mode(0o600)).unwrap();
    for name in ["rows.json", "rows.csv"] {
        let export = ["person", "export", "--id-file", "ids", "--out", name];
        let exported = workspace.json(&export).done();
        exported.has(&["file", "entries"]);
        let mode = fs::metadata(workspace.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let text = workspace.read(name);
        assert!(text.contains("HEALTH") && text.contains("2024-1") && !text.contains("70000003"), "{text}");
        assert_eq!(workspace.json(&export).error(), "D45", "a file that is there is not overwritten");
    }
    assert_eq!(workspace.read("rows.csv").lines().count(), 2);
    assert_eq!(kinds(&workspace), ["batch", "exported", "exported"]);

    assert_eq!(*workspace.json(&["person", "requests"]).done().at("worst"), "done");
    let asked =
        workspace.json(&["person", "request", "erasure", "--record-type", "assistance_service"]).done();
    asked.has(&["request", "kind", "received", "due", "state", "record_types", "done", "proof"]);
    let number = asked.at("request").as_str().unwrap().to_owned();
    assert_eq!(*workspace.json(&["person", "requests"]).done().at("worst"), "open");
    workspace.json(&["person", "request", "access", "--received", "2025-01-25"]).done();
    let late = workspace.json(&["person", "requests"]);
    assert_eq!((late.code, late.at("worst").as_str()), (1, Some("overdue")));
    assert_eq!(late.at("requests")[0]["due"], "2025-02-05");
    workspace.json(&["person", "answer", "R-2025-0001", "--proof", "landing 2"]).done();
    workspace.json(&["person", "answer", &number]).done();
    assert!(workspace.marsad(&["person", "requests"]).done().stdout.contains("no request is open"));
    assert_eq!(workspace.json(&["person", "answer", &number]).error(), "D47");
    assert_eq!(workspace.json(&["person", "request", "access", "--received", "2999-01-01"]).error(), "W00");
}

#[test]
fn an_authorisation_that_has_ended_stops_reading_and_publishing_and_costs_nothing() {
    let workspace = Workspace::new();
    workspace.land_services(50);
    workspace.approved(RELEASE);
    let registry = workspace.read("purposes.toml");
    let expired = registry.replace("valid_to = 2030-12-31", "valid_to = 2025-12-31");
    let run = ["release", "run", RELEASE, "--yes"];
    let before = workspace.lifetime();
    workspace.write("purposes.toml", &expired);
    assert_eq!(workspace.json(&run).error(), "W42");
    assert_eq!(workspace.lifetime(), before);
    workspace.write("purposes.toml", &registry);
    workspace.json(&run).done();
    workspace.write("purposes.toml", &expired);
    let publish = ["release", "publish", RELEASE];
    assert_eq!(workspace.json(&publish).error(), "W42");
    workspace.write("purposes.toml", &registry);
    workspace.json(&publish).done();
    // What is public stays so, and is completed byte for byte where a crash cut it off.
    workspace.write("purposes.toml", &expired);
    workspace.json(&publish).done();
    assert_eq!(*workspace.json(&run).done().at("charged"), 0);
}

#[test]
fn what_persons_are_told_quotes_the_purpose_in_every_language() {
    let workspace = Workspace::new();
    let notices = workspace.json(&["person", "notice"]).done();
    let notices = notices.at("notices").as_array().unwrap();
    assert_eq!(notices.len(), 6, "one purpose has no persons");
    for notice in notices {
        for language in ["fr", "ar", "en"] {
            let text = notice["text"][language].as_str().unwrap();
            assert!(text.contains(notice["purpose"].as_str().unwrap()) && text.contains("09-08"), "{text}");
        }
    }
    let one = workspace.marsad(&["person", "notice", "P-2025-05"]).done().stdout;
    assert!(one.contains("24 mois") && one.contains("24 months") && one.contains("الاتجار بالبشر"), "{one}");
    assert_eq!(workspace.json(&["person", "notice", "P-1"]).error(), "W43");
}

#[test]
fn landing_tells_late_records_and_faults_elsewhere_and_refuses_another_key_space() {
    let workspace = Workspace::new();
    let landed = workspace.land_services(6);
    assert_eq!((landed.at("records.landed"), landed.at("records.late")), (&6.into(), &6.into()));
    workspace.write("more.csv", services(9));
    let land = ["land", "more.csv", "--as", "partner_assistance"];

    // A definition that this mapping has no need of cannot be read.
    let youth = "schemas/record_types/youth_action.toml";
    let whole = workspace.read(youth);
    workspace.write(youth, "id = ");
    let checked = workspace.marsad(&["extract", "check", "more.csv", "--as", "partner_assistance"]).done();
    assert!(
        checked.printed().contains("3 record(s) are of quarters already closed"),
        "{}",
        checked.printed()
    );
    assert!(checked.printed().contains(&format!("{youth}:1")), "{}", checked.printed());
    let told = workspace.json(&land).done();
    assert_eq!((told.at("records.landed"), told.at("records.late")), (&3.into(), &3.into()));
    assert_keys(&told.at("faults")[0], &["code", "what", "where"]);
    assert_eq!(workspace.json(&["land", "more.csv", "--as", "partner_youth"]).error(), "K02");
    assert_eq!(workspace.json(&["release", "plan", RELEASE]).error(), "K02");
    workspace.write(youth, whole);

    // What landed in one key space is never counted in another, and costs nothing.
    workspace.edit("schemas/record_types/assistance_service.toml", "\"programme\"", "\"trafficking\"");
    workspace.write("next.csv", services(12));
    assert_eq!(workspace.json(&["land", "next.csv", "--as", "partner_assistance"]).error(), "D16");
    workspace.approved(RELEASE);
    assert_eq!(workspace.json(&["release", "run", RELEASE, "--yes"]).error(), "D16");
    assert_eq!(workspace.lifetime()["reserved"] + workspace.lifetime()["released"], 0);
}
