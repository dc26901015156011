//! The sample extracts through the built binary: every record ends as its table says, and a check tells columns, not cells.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::workspace::{Output, Workspace};

/// Sample, its file's ending, the mapping that reads it.
const SAMPLES: [(&str, &str, &str); 6] = [
    ("partner_assistance", "csv", "partner_assistance"),
    ("kobo_needs_assessment", "csv", "kobo_needs_assessment"),
    ("training_arabic", "csv", "training_arabic"),
    ("progres_registration", "xlsx", "progres_registration"),
    ("dtm_flow", "csv", "dtm_flow"),
    ("hostile_assistance", "csv", "partner_assistance"),
];

/// What identifies somebody in the samples.
const CANARIES: [&str; 18] = [
    "661 23 45 67",
    "aminata",
    "34.6814",
    "34.68139",
    "EH123456",
    "m.diallo@example",
    "61 00 11 22",
    "A04512345",
    "AB1234567",
    "e.kouassi@example",
    "61 98 76 54",
    "P-00017",
    "751-00012345",
    "CPP-1001",
    "OUJ-0412",
    "ت-001",
    "ت-٠٠١",
    "1e309",
];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pipeline/landing/testdata/extracts").join(name)
}

/// One line of a table of expectations: record, line, outcome, reason, column.
type Expected = (u64, u64, String, String, String);

fn expected(name: &str) -> Vec<Expected> {
    let mut reader = csv::Reader::from_path(sample(&format!("{name}.expected.csv"))).unwrap();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let text = |at: usize| row[at].to_owned();
        (row[0].parse().unwrap(), row[1].parse().unwrap(), text(2), text(3), text(4))
    });
    rows.collect()
}

fn tells_nobody(output: &Output) {
    for canary in CANARIES {
        assert!(!output.printed().contains(canary), "{canary}");
    }
}

#[test]
fn every_record_of_the_samples_ends_as_its_table_says() {
    let workspace = Workspace::new();
    for (name, ending, mapping) in SAMPLES {
        let file = sample(&format!("{name}.{ending}"));
        let output = workspace.json(&["land", file.to_str().unwrap(), "--as", mapping]).done();
        let expected = expected(name);
        for outcome in ["landed", "duplicate", "quarantined"] {
            let n = expected.iter().filter(|record| record.2 == outcome).count();
            assert_eq!(*output.at(&format!("records.{outcome}")), n, "{name} {outcome}");
        }
        let quarantined = expected.into_iter().filter(|record| record.2 == "quarantined");
        let told: Vec<Expected> = output
            .at("rejected")
            .as_array()
            .unwrap()
            .iter()
            .map(|record| {
                let number = |key: &str| record[key].as_u64().unwrap();
                let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
                (number("record"), number("line"), "quarantined".to_owned(), text("reason"), text("column"))
            })
            .collect();
        assert_eq!(told, quarantined.collect::<Vec<_>>(), "{name}");
        tells_nobody(&output);
        let again = workspace.json(&["land", file.to_str().unwrap(), "--as", mapping]).done();
        assert_eq!(*again.at("already"), true, "{name} (F05)");
    }
    let files = files_below(&workspace.dir());
    assert!(
        files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).count() > 10
    );
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        // The definitions are written by people, before any extract.
        let is_definition =
            ["schemas", "queries"].iter().any(|folder| path.starts_with(workspace.path(folder)));
        for canary in CANARIES.iter().filter(|_| !is_definition) {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found && !path.to_string_lossy().contains(canary), "{canary} in {}", path.display());
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn column<'o>(output: &'o Output, header: &str) -> &'o Value {
    let columns = output.at("columns").as_array().unwrap();
    columns.iter().find(|column| column["column"] == header).unwrap_or_else(|| panic!("{header}"))
}

#[test]
fn a_check_tells_every_column_and_no_cell() {
    let workspace = Workspace::new();
    for (name, ending, mapping) in SAMPLES {
        let file = sample(&format!("{name}.{ending}"));
        let args = ["extract", "check", file.to_str().unwrap(), "--as", mapping];
        let output = workspace.json(&args).done();
        let text = workspace.marsad(&args).done();
        tells_nobody(&output);
        tells_nobody(&text);
        let of_width = expected(name).iter().filter(|record| record.3 != "R08").count() as u64;
        for column in output.at("columns").as_array().unwrap() {
            let rejected = column["rejected"].as_array().unwrap();
            let n_rejected: u64 = rejected.iter().map(|cells| cells["records"].as_u64().unwrap()).sum();
            assert_eq!(column["accepted"].as_u64().unwrap() + n_rejected, of_width, "{name} {column}");
            assert!(text.stdout.contains(column["column"].as_str().unwrap()), "{column}");
        }
        // Each record's own reason is among its column's.
        for (_, line, _, reason, header) in expected(name).into_iter().filter(|record| !record.4.is_empty()) {
            let rejected = column(&output, &header)["rejected"].as_array().unwrap();
            let told = rejected.iter().filter(|cells| cells["reason"] == *reason);
            let lines: Vec<u64> = told
                .flat_map(|cells| cells["lines"].as_array().unwrap())
                .map(|n| n.as_u64().unwrap())
                .collect();
            assert!(lines.contains(&line), "{name} line {line} {reason} {header}: {lines:?}");
        }
    }
}

#[test]
fn a_check_tells_what_spellings_become() {
    let workspace = Workspace::new();
    let file = sample("partner_assistance.csv");
    let args = ["extract", "check", file.to_str().unwrap(), "--as", "partner_assistance"];
    let output = workspace.json(&args).done();
    let region = column(&output, "Région");
    let becomes = |from: &str| {
        let all = region["normalised"].as_array().unwrap();
        all.iter().find(|row| row["from"] == from).map(|row| row["to"].clone())
    };
    assert_eq!(becomes("TTA"), Some("MA-01".into()), "{region}");
    let nationality = column(&output, "Nationalité")["normalised"].as_array().unwrap();
    // The mapping's own translation, and a label of the group's list; no other country.
    let is_public =
        |row: &Value| ["(a country)", "(empty)", "RDC", "Maroc"].contains(&row["from"].as_str().unwrap());
    assert!(nationality.iter().all(is_public), "{nationality:?}");
    let text = workspace.marsad(&args).done().stdout;
    for word in ["fills", "lands as", "TTA", "MA-01", "(a birth year)", "R07 value not in the code list"] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
}

#[test]
fn a_drafted_mapping_is_read_at_once_and_never_overwritten() {
    let workspace = Workspace::new();
    let file = sample("partner_assistance.csv");
    let args = ["extract", "scaffold", file.to_str().unwrap()];
    let printed = workspace.marsad(&args).done();
    tells_nobody(&printed);
    assert!(printed.stdout.contains("[columns.region]\nfrom = [\"Région\"]"), "{}", printed.stdout);
    let written = workspace.json(&[&args[..], &["--as", "tanger"]].concat()).done();
    tells_nobody(&written);
    assert_eq!(*written.at("record_type"), "assistance_service");
    assert_eq!(*written.at("toml"), workspace.read("schemas/mappings/tanger.toml"));
    // The programme's own mapping reads the same file: the draft lands what it lands.
    let land = ["extract", "check", file.to_str().unwrap(), "--as"];
    let own = workspace.json(&[&land[..], &["partner_assistance"]].concat()).done();
    let drafted = workspace.json(&[&land[..], &["tanger"]].concat()).done();
    let landed = |output: &Output| output.at("records.landed").as_u64().unwrap();
    assert!(landed(&drafted) >= landed(&own) - 2, "{} of {}", landed(&drafted), landed(&own));
    let again = workspace.json(&[&args[..], &["--as", "tanger"]].concat());
    assert_eq!((again.code, again.error()), (1, "W08"));
    let misnamed = workspace.json(&[&args[..], &["--as", "../tanger"]].concat());
    assert_eq!((misnamed.code, misnamed.error()), (2, "W00"));
    workspace.write("none.csv", "Aminata;0661234567\nMoussa;0661234568\n");
    let refused = workspace.json(&["extract", "scaffold", "none.csv"]);
    assert_eq!((refused.code, refused.error()), (1, "F02"));
    tells_nobody(&refused);
}

#[test]
fn an_encoding_is_told_by_its_bytes_and_detected_where_the_mapping_says_so() {
    let workspace = Workspace::new();
    let all = std::fs::read_to_string(sample("training_arabic.csv")).unwrap();
    // Windows-1256 lacks Arabic digits and Maghrebi letters.
    let lines = all.lines().filter(|line| !encoding_rs::WINDOWS_1256.encode(line).2);
    let text: String = lines.map(|line| line.to_owned() + "\n").collect();
    assert!(text.lines().count() > 8, "{text}");
    workspace.write("training.csv", encoding_rs::WINDOWS_1256.encode(&text).0);
    let args = ["extract", "check", "training.csv", "--as", "training_arabic"];
    let refused = workspace.json(&args);
    assert_eq!((refused.code, refused.error()), (1, "F01"));
    assert!(refused.at("error.do").as_str().unwrap().contains("windows-1256"), "{}", refused.json);
    workspace.write("plain.csv", text);
    let plain = workspace.json(&["extract", "check", "plain.csv", "--as", "training_arabic"]).done();
    workspace.edit("schemas/mappings/training_arabic.toml", "encoding = \"utf-8\"", "encoding = \"detect\"");
    for name in ["training.csv", "plain.csv"] {
        let output = workspace.json(&["extract", "check", name, "--as", "training_arabic"]).done();
        assert_eq!(output.at("records.landed"), plain.at("records.landed"), "{name}");
        assert_eq!(output.at("reasons"), plain.at("reasons"), "{name}");
    }
}
