//! Releases that measured the same closed quarter: the combined estimate stands beside the later one's own, at no cost.

use std::fs;

use crate::workspace::Workspace;

/// Estimate and margin of all persons in a plain table.
fn total(workspace: &Workspace, path: &str) -> (f64, f64) {
    let table = workspace.read(path);
    let row = table.lines().find(|row| row.starts_with("2024-Q4,MA,_T,_T,")).expect("a row of all totals");
    let fields: Vec<f64> = row.split(',').skip(4).take(4).map(|field| field.parse().unwrap()).collect();
    (fields[0], fields[3])
}

/// What `verify` says of the combined table.
fn verdict(workspace: &Workspace, folder: &str) -> String {
    let verified = workspace.json(&["verify", folder]).done();
    let checks = verified.at("checks").as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "combined");
    check.map_or_else(String::new, |check| check["what"].as_str().unwrap().to_owned())
}

#[test]
fn a_closed_quarter_that_was_measured_twice_is_also_published_combined() {
    let workspace = Workspace::new();
    workspace.land_services(90);
    let releases = [("2024-Q4-A", "frozen"), ("2024-Q4-B", "frozen"), ("2024-Q4-C", "# frozen")];
    for ((id, frozen), revision) in releases.into_iter().zip(0..) {
        workspace.define(id, &format!("{frozen} = [\"2024-Q4\"]\nrevision = {revision}"));
        workspace.edit(&format!("queries/releases/{id}.toml"), "rho = \"0.1\"", "rho = \"0.05\"");
        workspace.approved(id);
        workspace.json(&["release", "run", id, "--yes"]).done();
        workspace.json(&["release", "publish", id]).done();
    }
    let file = |id: &str, flow: &str| format!("releases/{id}/data/{flow}.csv");
    let combined = |id: &str| file(id, "assisted_persons_combined");
    let [a, b] = ["2024-Q4-A", "2024-Q4-B"].map(|id| total(&workspace, &file(id, "assisted_persons")));
    let both = total(&workspace, &combined("2024-Q4-B"));
    // The same price twice: the mean of both, and a margin smaller by the root of two.
    assert!(
        (both.0 - f64::midpoint(a.0, b.0)).abs() < 1e-5 && (both.1 - b.1 / 2_f64.sqrt()).abs() < 1e-5,
        "{a:?} {b:?} {both:?}"
    );
    for id in ["2024-Q4-A", "2024-Q4-C"] {
        assert!(!workspace.path(&combined(id)).exists(), "{id}: nothing before it, or not declared frozen");
    }
    assert_eq!(workspace.lifetime()["released"], 150_000_000, "the combined estimate cost nothing");
    let privacy = workspace.read("releases/2024-Q4-B/privacy.yaml");
    assert!(
        privacy.contains("    - \"2024-Q4-A/assisted_persons\"\n")
            || privacy.contains("    - 2024-Q4-A/assisted_persons\n")
    );

    assert!(verdict(&workspace, "releases/2024-Q4-B").ends_with("computed again from 2 releases"));
    assert_eq!(verdict(&workspace, "releases/2024-Q4-A"), "");
    // The series holds the newest estimate of each cell, with its release's id; a withdrawn release gives none.
    let series = |flow: &str| workspace.json(&["release", "publish", "--series", flow, "--to", "series.csv"]);
    let all = series("assisted_persons").done();
    let rows = |place: usize| all.at("releases")[place]["rows"].as_u64().unwrap();
    let newest = workspace.read("releases/2024-Q4-C/sdmx/DF_ASSISTED_PERSONS.csv");
    assert_eq!((rows(0), rows(1), rows(2)), (0, 0, newest.lines().count() as u64 - 1));
    assert_eq!(workspace.read("series.csv"), newest);
    workspace.write("why.toml", "fr = \"essai\"\nar = \"تجربة\"\nen = \"trial\"\n");
    workspace.json(&["release", "withdraw", "2024-Q4-C", "--reason-file", "why.toml", "--yes"]).done();
    let all = series("assisted_persons").done();
    assert_eq!(all.at("withdrawn")[0]["reason"]["en"], "trial");
    assert_eq!(
        workspace.read("series.csv"),
        workspace.read("releases/2024-Q4-B/sdmx/DF_ASSISTED_PERSONS.csv")
    );
    for written in ["assisted_person", "DF_ASSISTED_PERSONS"] {
        let unknown = series(written);
        assert_eq!(unknown.error(), "B14");
        let what = unknown.at("error.what").as_str().unwrap();
        assert!(what.ends_with("; did you mean `assisted_persons`?"), "{what}");
    }
    assert!(series("grants").at("error.what").as_str().unwrap().ends_with("no published release holds it"));
    let usage = workspace.json(&["release", "publish", "--series", "assisted_persons"]);
    assert_eq!(usage.code, 2, "where the file goes must be said");

    // Alone it says what it could not do, and holds.
    fs::rename(workspace.path("releases/2024-Q4-B"), workspace.beside("alone")).unwrap();
    assert!(verdict(&workspace, "../alone").contains("the bundle of 2024-Q4-A is not beside this one"));
    // What is lost comes back byte for byte, though more was published since.
    let lost = fs::read(workspace.beside("alone/release.json")).unwrap();
    workspace.json(&["release", "publish", "2024-Q4-B"]).done();
    assert_eq!(fs::read(workspace.path("releases/2024-Q4-B/release.json")).unwrap(), lost);
}
