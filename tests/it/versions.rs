//! A code list that changes between releases: its version moves, and the trade's readers find what became of each code.

use crate::readers::{python, root, run_in};
use crate::workspace::{Output, RELEASE, Workspace};

/// Version and mapping as pysdmx and sdmx1 read them, and what the dataflow refers to.
const READ: &str = r#"
import warnings; warnings.filterwarnings("ignore")
import sdmx
from pysdmx.io import read_sdmx
for message in (read_sdmx("sdmx/structure.json", validate=True), read_sdmx("sdmx/structure-2.1.xml", validate=True)):
    lists = {l.id: l.version for l in message.get_codelists()}
    print("pysdmx", lists["CL_SEX"], lists["CL_REF_AREA"])
    for mapping in message.get_representation_maps():
        pairs = ",".join(f"{m.source}>{m.target}" for m in mapping.maps)
        print("map", mapping.id, mapping.version, mapping.source.split("=")[1], mapping.target.split("=")[1], pairs)
for name in ("sdmx/structure-2.1.xml", "sdmx/structure-3.0.xml"):
    message = sdmx.read_sdmx(name)
    flow = message.dataflow["DF_ASSISTED_PERSONS"]
    print("sdmx1", message.codelist["CL_SEX"].version, flow.version, flow.structure.version)
"#;

const LIST: &str = "schemas/code_lists/SEX.csv";
const NEW: &str = "N,Intersexe,بيني الجنس,Intersex,3,,\n";
const IDENTITY: &str = "_O>_O,_T>_T,_U>_U";

/// Takes a release of `assisted_persons` all the way.
fn publish(workspace: &Workspace, id: &str, revision: u32) -> Output {
    run(workspace, id, revision);
    workspace.json(&["release", "publish", id]).done()
}

fn run(workspace: &Workspace, id: &str, revision: u32) {
    define(workspace, id, revision);
    workspace.approved(id);
    workspace.json(&["release", "run", id, "--yes"]).done();
}

fn define(workspace: &Workspace, id: &str, revision: u32) {
    workspace.define(id, &format!("revision = {revision}"));
    workspace.edit(&format!("queries/releases/{id}.toml"), "rho = \"0.1\"", "rho = \"0.05\"");
}

/// A release, and another one after a code was added to a list.
fn grown() -> (Workspace, String) {
    let workspace = Workspace::new();
    workspace.land_services(60);
    assert_eq!(publish(&workspace, RELEASE, 0).at("versions").as_array().unwrap().len(), 0);
    workspace.edit(LIST, "_O,Autre", &format!("{NEW}_O,Autre"));
    let told = publish(&workspace, "2024-Q4-N", 1).at("versions").to_string();
    (workspace, told)
}

#[test]
fn a_changed_code_list_is_a_new_version_with_a_mapping_that_readers_find() {
    let (workspace, told) = grown();
    assert!(
        told.contains("code list SEX is 1.1.0: with N") && told.contains("assisted_persons is 1.1.0"),
        "{told}"
    );
    let bundle = workspace.path("releases/2024-Q4-N");
    let printed = run_in(&bundle, python(), &["-c", READ]);
    let map = format!("map CLM_SEX 1.1.0 MARSAD:CL_SEX(1.0.0) MARSAD:CL_SEX(1.1.0) F>F,M>M,{IDENTITY}");
    for (line, n) in [("pysdmx 1.1.0 1.0.0", 2), (map.as_str(), 1), ("sdmx1 1.1.0 1.1.0 1.1.0", 2)] {
        assert_eq!(printed.lines().filter(|own| *own == line).count(), n, "{line} in\n{printed}");
    }
    let tool = root().join("tools/publication/check_bundle.py");
    let checked = run_in(&bundle, python(), &[tool.to_str().unwrap(), ".", "--complete"]);
    assert!(checked.ends_with("all passed\n"), "{checked}");
    workspace.json(&["verify", "releases/2024-Q4-N"]).done();
}

/// Takes the code out again, and says in a column of its own that another one stands for it.
fn shrink(workspace: &Workspace) {
    workspace.edit(LIST, NEW, "");
    workspace.edit(LIST, "label_en,order", "label_en,was,order");
    let columns = |line: &str| match line.split(',').collect::<Vec<_>>().as_slice() {
        [code, fr, ar, en, rest @ ..] if *en != "label_en" => {
            let was = if *code == "_O" { "N" } else { "" };
            format!("{code},{fr},{ar},{en},{was},{}\n", rest.join(","))
        }
        _ => format!("{line}\n"),
    };
    workspace.write(LIST, workspace.read(LIST).lines().map(columns).collect::<String>());
}

/// Refused, with the version that the statistic must declare.
fn refused(output: &Output, why: &str) {
    assert_eq!((output.code, output.error()), (1, "B51"));
    let what = output.at("error.what").as_str().unwrap();
    assert!(what.contains(&format!("`assisted_persons` must be 2.0.0: code list SEX is {why}")), "{what}");
}

#[test]
fn a_code_that_goes_ends_a_series_and_somebody_must_have_meant_it() {
    let (workspace, _) = grown();
    shrink(&workspace);
    let left = workspace.lifetime()["left"];
    define(&workspace, "2024-Q4-M", 2);
    refused(&workspace.json(&["release", "plan", "2024-Q4-M"]), "without N");
    // Declared, approved, paid for; then somebody takes the declaration back.
    let declare = |from: &str, to: &str| {
        let version = |number: &str| format!("version = \"{number}\"");
        workspace.edit("queries/assisted_persons.toml", &version(from), &version(to));
    };
    declare("1.0.0", "2.0.0");
    run(&workspace, "2024-Q4-M", 2);
    declare("2.0.0", "1.0.0");
    refused(&workspace.json(&["release", "publish", "2024-Q4-M"]), "2.0.0");
    assert!(!workspace.path("releases/2024-Q4-M").exists());
    declare("1.0.0", "2.0.0");
    let told = workspace.json(&["release", "publish", "2024-Q4-M"]).done().at("versions").to_string();
    assert_eq!(left - workspace.lifetime()["left"], 50_000_000, "paid once");
    assert!(told.contains("code list SEX is 2.0.0: without N"), "{told}");
    let printed = run_in(&workspace.path("releases/2024-Q4-M"), python(), &["-c", READ]);
    let map = format!("map CLM_SEX 2.0.0 MARSAD:CL_SEX(1.1.0) MARSAD:CL_SEX(2.0.0) F>F,M>M,N>_O,{IDENTITY}");
    assert!(printed.lines().any(|line| line == map), "{printed}");

    // A withdrawn release keeps its versions: they are never used twice.
    workspace.write("why.toml", "fr = \"essai\"\nar = \"تجربة\"\nen = \"trial\"\n");
    workspace.json(&["release", "withdraw", "2024-Q4-M", "--reason-file", "why.toml", "--yes"]).done();
    assert_eq!(publish(&workspace, "2024-Q4-L", 3).at("versions").as_array().unwrap().len(), 0);
    let text = workspace.read("releases/2024-Q4-L/release.json");
    let statement: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(statement["code_lists"]["SEX"]["version"], "2.0.0");
    assert_eq!(statement["statistics"][0]["dataflow"], "MARSAD:DF_ASSISTED_PERSONS(2.0.0)");
    workspace.ledger_is_right();
}
