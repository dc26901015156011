//! What a person may ask for, through the built binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::workspace::{RELEASE, Workspace, services};

fn identifiers(workspace: &Workspace, text: &str, mode: u32) {
    workspace.write("ids", text);
    fs::set_permissions(workspace.path("ids"), fs::Permissions::from_mode(mode)).unwrap();
}

fn rows(workspace: &Workspace) -> u64 {
    let list = workspace.json(&["batch", "list"]).done();
    list.at("batches").as_array().unwrap().iter().map(|batch| batch["rows"].as_u64().unwrap()).sum()
}

/// Partners send everything again and again.
#[test]
fn what_was_erased_stays_out_of_the_next_extract_and_access_tells_of_it() {
    let workspace = Workspace::new();
    workspace.land_services(20);
    // Nobody waits for an erasure until somebody has mended a statistic.
    workspace.write("queries/draft.sql", "SELECT 1");
    identifiers(&workspace, "partner:P-70000003\npartner:P-70000022\n", 0o600);
    let erased = workspace.marsad(&["person", "erase", "--id-file", "ids", "--yes"]).done().stdout;
    let both = "proof: entry 1 of the custody log of landing, entry 0 of the custody log of restricted";
    assert!(erased.contains("1 file(s) written anew") && erased.contains(both), "{erased}");
    assert!(erased.contains("land no more (R15)") && !erased.contains("70000003"), "{erased}");
    workspace.write("more.csv", services(25));
    for command in [&["extract", "check"][..], &["land"]] {
        let told = workspace.json(&[command, &["more.csv", "--as", "partner_assistance"]].concat()).done();
        let records =
            ["landed", "duplicate", "quarantined"].map(|of| told.at("records")[of].as_u64().unwrap());
        assert_eq!((records, told.at("reasons")["R15"].as_u64()), ([4, 19, 2], Some(2)), "{command:?}");
    }
    assert_eq!(rows(&workspace), 23);
    let export = ["person", "export", "--id-file", "ids", "--out"];
    assert_eq!(workspace.json(&[&export[..], &["kept.json"]].concat()).done().at("found"), true);
    let kept: serde_json::Value = serde_json::from_str(&workspace.read("kept.json")).unwrap();
    let kept = kept["rows"].as_array().unwrap();
    assert_eq!(kept.len(), 4, "two persons on two lists: {kept:?}");
    let is_listed =
        |row: &serde_json::Value| row["source"] == "list of erased persons" && row["record_type"].is_null();
    assert!(kept.iter().all(|row| is_listed(row) && row["values"]["erased_on"].is_string()), "{kept:?}");
    workspace.json(&[&export[..], &["kept.csv"]].concat()).done();
    assert!(
        workspace.read("kept.csv").starts_with("record_type,landed,source,erased_on\r\n,,list of erased")
    );
    // Who was never here is told to be looked at, and is kept out all the same.
    identifiers(&workspace, "partner:P-70000099\n", 0o600);
    let unknown = workspace.marsad(&["person", "erase", "--id-file", "ids", "--yes"]).done().stdout;
    assert!(
        unknown.starts_with("0 file(s) held them") && unknown.contains("check the identifiers"),
        "{unknown}"
    );
}

#[test]
fn an_erased_person_is_out_of_all_rows_and_releases_go_on() {
    let workspace = Workspace::new();
    workspace.land_services(50);
    workspace.approved(RELEASE);
    let erase = ["person", "erase", "--id-file", "ids", "--yes"];
    identifiers(&workspace, "partner:p–٧٠000003\npartner:P-70000099\n", 0o600);
    let erased = workspace.json(&erase).done();
    erased.has(&["files", "entry", "entries", "until"]);
    assert_eq!((erased.at("files").as_u64(), erased.at("entry").as_u64()), (Some(1), Some(1)));
    assert_eq!(rows(&workspace), 49);
    let again = workspace.json(&erase).done();
    assert_eq!((again.at("files").as_u64(), again.at("entry").is_null()), (Some(0), true));
    assert!(workspace.marsad(&erase).done().stdout.contains("nothing was changed"));
    assert_eq!(workspace.json(&["release", "run", RELEASE, "--yes"]).done().at("charged"), 100_000_000);
    workspace.ledger_is_right();

    let (unasked, before) = (workspace.json(&erase[..4]), rows(&workspace));
    assert_eq!((unasked.code, unasked.error()), (2, "W00"), "nobody confirmed");
    assert_eq!(before, 49);
    let unknown = ["person", "export", "--id-file", "ids", "--out"];
    identifiers(&workspace, "partner:P-1", 0o600);
    let exported = workspace.json(&[&unknown[..], &["none.json"]].concat()).done();
    assert_eq!(exported.at("found"), false);
    let words = workspace.marsad(&[&unknown[..], &["none.csv"]].concat()).done().stdout;
    assert!(words.contains("no record of theirs was found"), "{words}");
    identifiers(&workspace, "\n\n", 0o600);
    assert_eq!(workspace.json(&erase).error(), "D15");
    assert_eq!(workspace.json(&[&unknown[..], &["empty.json"]].concat()).error(), "D15");

    identifiers(&workspace, "partner:P-70000004", 0o640);
    assert_eq!(workspace.json(&erase).error(), "D12");
    identifiers(&workspace, "partner:P-70000004\nP-70000005 of somebody", 0o600);
    let refused = workspace.json(&erase);
    assert_eq!(refused.error(), "D13");
    assert!(!refused.printed().contains("70000005"), "{refused:?}");
    assert_eq!(rows(&workspace), 49, "what is refused changes nothing");
}
