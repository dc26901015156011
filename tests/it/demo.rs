//! The demonstration: the whole way by one command, and the places that others rely on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use marsad_catalog::Catalog;
use marsad_simulate::Programme;
use serde_json::Value;

use crate::workspace::{assert_keys, marsad_in};

#[test]
fn one_command_goes_the_whole_way() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["demo", "--dir", "d", "--scale", "0.02", "--seed", "11", "--json"];
    let demo = marsad_in(folder.path(), &args).done();
    assert_eq!(demo.stdout.lines().count(), 1, "one document alone");
    demo.has(&["schema", "workspace", "release", "proposal", "bundle", "report", "records", "reasons"]);
    assert_keys(demo.at("records"), &["landed", "duplicate", "quarantined"]);
    let dir = folder.path().join("d");
    places_are_kept(&dir, demo.at("release").as_str().unwrap());
    let bundle = folder.path().join(demo.at("bundle").as_str().unwrap());
    assert!(folder.path().join(demo.at("report").as_str().unwrap()).is_file());
    headers_are_right(&bundle.join("data"));
    openssh_accepts_the_signature(&dir, &bundle);
    landing_is_the_simulators_truth(&dir, &demo.json);
    a_second_demonstration_asks_for_force(folder.path());
}

fn places_are_kept(dir: &Path, release: &str) {
    for file in ["marsad.toml", "allowed_signers", "purposes.toml", "ledger/00000000000000000000.json"] {
        assert!(dir.join(file).is_file(), "{file}");
    }
    for folder in ["landing", "ledger", "schemas", "queries", "extracts"] {
        assert!(dir.join(folder).is_dir(), "{folder}");
    }
    for file in
        ["release.json", "release.json.sig", "privacy.yaml", "report.html", "sdmx/DF_ASSISTED_PERSONS.csv"]
    {
        assert!(dir.join("releases").join(release).join(file).is_file(), "{file}");
    }
    let mode = fs::metadata(dir.join("keys")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// Dimensions first, then the seven columns of every table.
fn headers_are_right(data: &Path) {
    let files = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let tables: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "csv")).collect();
    assert!(tables.len() >= 15, "{tables:?}");
    for table in tables {
        let mut reader = csv::Reader::from_path(&table).unwrap();
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let (dimensions, measures) = header.split_at(header.len() - 7);
        assert_eq!(
            measures,
            ["estimate", "lower", "upper", "margin", "raw", "value", "OBS_STATUS"],
            "{}",
            table.display()
        );
        assert!(
            !dimensions.is_empty() && dimensions.iter().any(|d| d == "TIME_PERIOD"),
            "{} {dimensions:?}",
            table.display()
        );
        for record in reader.records() {
            let record = record.unwrap();
            let status = record.get(header.len() - 1).unwrap();
            assert!(["A", "U", "Q", "M", "E", "L", "O"].contains(&status), "{} {status}", table.display());
        }
    }
}

fn openssh_accepts_the_signature(dir: &Path, bundle: &Path) {
    let check = |statement: Vec<u8>| {
        let mut child = Command::new("ssh-keygen")
            .args(["-Y", "verify", "-I", "publisher", "-n", "marsad-release", "-f"])
            .arg(dir.join("allowed_signers"))
            .arg("-s")
            .arg(bundle.join("release.json.sig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh-keygen is needed for this test: install openssh-client");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &statement).unwrap();
        child.wait().unwrap().success()
    };
    let mut statement = fs::read(bundle.join("release.json")).unwrap();
    assert!(check(statement.clone()));
    statement[10] ^= 1;
    assert!(!check(statement), "a changed statement has no signature");
}

/// Every planted fault is found for its reason, every copy is a duplicate, everything else lands.
fn landing_is_the_simulators_truth(dir: &Path, demo: &Value) {
    let catalog = Catalog::load(dir).unwrap_or_else(|faults| panic!("{faults:?}"));
    let truth = Programme::new(11, 0.02, &catalog).unwrap().truth().total();
    let planted: BTreeMap<String, u64> =
        truth.quarantined.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect();
    let found: BTreeMap<String, u64> = serde_json::from_value(demo["reasons"].clone()).unwrap();
    assert_eq!(found, planted);
    assert_eq!(demo["records"]["landed"], truth.landed);
    assert_eq!(demo["records"]["duplicate"], truth.duplicate);
    assert_eq!(demo["records"]["quarantined"], planted.values().sum::<u64>());
}

fn a_second_demonstration_asks_for_force(folder: &Path) {
    let before = fs::read(folder.join("d/ledger/00000000000000000001.json")).unwrap();
    let again = marsad_in(folder, &["demo", "--dir", "d", "--scale", "0.02", "--json"]);
    assert_eq!((again.code, again.error()), (1, "W17"));
    assert!(again.json["error"]["do"].as_str().unwrap().contains("--force"));
    assert_eq!(
        fs::read(folder.join("d/ledger/00000000000000000001.json")).unwrap(),
        before,
        "nothing was touched"
    );
    let forced = marsad_in(folder, &["demo", "--dir", "d", "--scale", "0.01", "--force"]).done();
    for shown in ["quarantined for", "before", "persons assisted", "20\u{202f}720", "what to try next"] {
        assert!(forced.stdout.contains(shown), "{shown}");
    }
    assert_ne!(fs::read(folder.join("d/ledger/00000000000000000001.json")).unwrap(), before, "it began anew");
}

#[test]
fn a_folder_that_is_no_demonstration_is_never_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("d/thesis.txt");
    fs::create_dir(folder.path().join("d")).unwrap();
    fs::write(&file, "ten years of work").unwrap();
    let refused = marsad_in(folder.path(), &["demo", "--dir", "d", "--scale", "0.01", "--force", "--json"]);
    assert_eq!((refused.code, refused.error()), (1, "W17"));
    assert_eq!(fs::read_to_string(file).unwrap(), "ten years of work");
    // A workspace of that name is somebody's, and so is a demonstration whose settings somebody changed.
    marsad_in(folder.path(), &["init", "marsad-demo"]).done();
    let settings = folder.path().join("marsad-demo/marsad.toml");
    assert!(fs::read_to_string(&settings).unwrap().contains("name = \"marsad-demo\""));
    let forced = || marsad_in(folder.path(), &["demo", "--scale", "0.01", "--force", "--json"]);
    assert_eq!(forced().error(), "W17");
    fs::write(folder.path().join("marsad-demo/.demonstration"), "b3:0").unwrap();
    assert_eq!(forced().error(), "W17");
    assert!(settings.exists());
    let nonsense = marsad_in(folder.path(), &["demo", "--dir", "e", "--scale", "0", "--json"]);
    assert_eq!((nonsense.code, nonsense.error()), (2, "W00"));
    assert!(!folder.path().join("e").exists());
}
