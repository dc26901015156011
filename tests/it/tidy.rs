//! Rules about the code that no compiler checks: walls between the rooms, sizes, words that must not stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's own account of what is built on this machine, without the network.
fn metadata() -> Value {
    let version = Command::new("rustc").arg("-vV").current_dir(root()).output().expect("rustc starts");
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host])
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Everything that a package needs when it is built for use: normal and build dependencies, of these too.
fn reached(metadata: &Value, package: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<&str, &str> =
        packages.iter().map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap())).collect();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let nodes: BTreeMap<&str, &Value> =
        nodes.iter().map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let start = names.iter().find(|(_, name)| **name == package).unwrap_or_else(|| panic!("no {package}")).0;
    let (mut found, mut waiting) = (BTreeSet::new(), vec![*start]);
    while let Some(id) = waiting.pop() {
        let dependencies = nodes[id]["deps"].as_array().unwrap();
        let needed = |d: &&Value| d["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev");
        for dependency in dependencies.iter().filter(needed) {
            let id = dependency["pkg"].as_str().unwrap();
            if found.insert(names[id].to_owned()) {
                waiting.push(id);
            }
        }
    }
    found
}

#[test]
fn walls_between_the_rooms_stand() {
    let metadata = metadata();
    let walls: [(&str, &[&str]); 8] = [
        ("marsad-publish", &["marsad-landing", "marsad-aggregate", "marsad-release", "datafusion"]),
        ("marsad-terms", &["marsad-log", "tokio", "object_store"]),
        ("marsad-log", &["marsad-catalog", "datafusion"]),
        ("marsad-catalog", &["marsad-log", "marsad-landing", "marsad-privacy", "datafusion"]),
        ("marsad-landing", &["marsad-ledger", "marsad-privacy", "datafusion"]),
        (
            "marsad-privacy",
            &["marsad-log", "marsad-catalog", "marsad-landing", "tokio", "object_store", "datafusion"],
        ),
        ("marsad-ledger", &["marsad-landing", "marsad-aggregate", "datafusion"]),
        ("marsad-simulate", &["marsad-landing", "marsad-privacy", "marsad-ledger", "datafusion"]),
    ];
    for (room, forbidden) in walls {
        let reached = reached(&metadata, room);
        let through: Vec<&&str> = forbidden.iter().filter(|name| reached.contains(**name)).collect();
        assert!(through.is_empty(), "{room} reaches {through:?}");
    }
}

#[test]
fn noise_comes_from_a_secure_source() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let opendp = nodes.iter().find(|node| node["id"].as_str().unwrap().contains("#opendp@")).expect("opendp");
    let features: Vec<&str> =
        opendp["features"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    assert!(features.contains(&"use-openssl"), "without it the sampler is not secure: {features:?}");
    assert!(!features.contains(&"polars"), "{features:?}");
}

/// The files that git knows, or would take.
fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()
        .expect("git starts");
    assert!(listed.status.success(), "this test needs the repository");
    let names = String::from_utf8(listed.stdout).unwrap();
    names.split('\0').map(|name| root().join(name)).filter(|path| path.is_file()).collect()
}

/// Every Rust file of the project with its text.
fn sources() -> Vec<(String, String)> {
    let rust = tracked().into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let name = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    rust.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn is_test(file: &str) -> bool {
    file.starts_with("tests/")
        || file.contains("/tests/")
        || file.ends_with("/tests.rs")
        || file.starts_with("benches/")
}

/// The text above its own tests.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod ").map_or(text, |at| &text[..at])
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let sources = sources();
    assert!(sources.len() > 150, "{}", sources.len());
    for (file, text) in sources {
        assert!(text.starts_with("//! "), "{file} does not begin with what it is for");
        let lines = without_tests(&text).lines().count();
        assert!(is_test(&file) || lines <= 500, "{file} has {lines} lines");
    }
}

#[test]
fn nothing_is_left_undone() {
    // Written apart, so that this file does not find itself.
    let undone = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    for (file, text) in sources() {
        for word in &undone {
            assert!(!text.contains(word), "{file} holds {word}…)");
        }
    }
}

#[test]
fn an_exact_table_is_measured_in_one_place() {
    let sources = sources();
    let uses = |text: &str| text.contains("sampler");
    let product = sources
        .iter()
        .filter(|(file, text)| !is_test(file) && !file.starts_with("pipeline/privacy/") && uses(text));
    let calls = |text: &str, name: &str| {
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let is_call = |line: &str, at: usize| {
            let before = &line[..at];
            !before.ends_with("fn ")
                && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
        };
        let on = |line: &str| line.match_indices(name).filter(|(at, _)| is_call(line, *at)).count();
        without_tests(text).lines().filter(is_code).map(on).sum::<usize>()
    };
    let found = |name: &str| -> Vec<(&str, usize)> {
        let product = product.clone().map(|(file, text)| (file.as_str(), calls(text, name)));
        product.filter(|(_, n)| *n > 0).collect()
    };
    assert_eq!(found("measure("), [("pipeline/release/src/run.rs", 1)]);
    assert_eq!(found("measure_step("), [("pipeline/release/src/series.rs", 1)]);
}

#[test]
fn nothing_names_a_place_on_one_machine() {
    let places = ["/work", "/home", "/root", "/Users"].map(|place| format!("{place}/"));
    for path in tracked() {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for place in &places {
            let named = text.match_indices(place.as_str()).find(|(at, _)| {
                let before = text[..*at].chars().next_back();
                before.is_none_or(|c| c.is_whitespace() || "\"'`(=:".contains(c))
            });
            assert!(named.is_none(), "{} names {place}", path.display());
        }
    }
}

#[test]
fn every_test_file_is_one_of_the_tests() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for file in fs::read_dir(root().join("tests/it")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || main.contains(&format!("mod {module};")), "{name} is never run");
    }
}

#[test]
fn the_map_names_what_is_there() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for room in fs::read_dir(root().join("pipeline")).unwrap() {
        let room = room.unwrap().file_name().into_string().unwrap();
        assert!(
            map.contains(&format!("`pipeline/{room}`")),
            "ARCHITECTURE.md does not say what pipeline/{room} is"
        );
    }
    for page in ["README.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for (at, _) in text.match_indices("](") {
            let link = text[at + 2..].split([')', '#', ' ']).next().unwrap();
            let outside = link.is_empty() || link.contains("://");
            assert!(outside || root().join(link).exists(), "{page} links to {link}, which is not there");
        }
    }
}
