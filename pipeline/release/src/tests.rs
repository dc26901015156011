//! What a plan decides from public facts: which statements pass, what they cost, which items turn red.

use std::path::Path;

use marsad_catalog::{Catalog, Price, builtin};
use marsad_ledger::checklist::Standing;
use marsad_ledger::proposal::Proposal;
use marsad_ledger::sign::SigningKey;
use marsad_ledger::{Ledger, Policy, State};
use marsad_log::Store;
use marsad_terms::NanoRho;
use serde_json::json;
use tempfile::TempDir;

use crate::plan::{Planner, definition};
use crate::{Error, check, prepare};

/// The definitions that the program carries, in a folder of their own.
fn definitions() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    builtin::write(folder.path()).unwrap();
    folder
}

fn load(folder: &Path) -> Catalog {
    Catalog::load(folder).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} lacks {from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

async fn state(folder: &Path) -> State {
    let key = SigningKey::generate(&folder.join("officer"), "officer").unwrap();
    let policy: Policy = serde_json::from_value(json!({
        "lifetime_nano_rho": 1_000_000_000, "ceiling_nano_rho": 1_000_000_000, "display_delta": "0.000001",
        "two_approvers": ["child_protection", "vot_identification"], "approval_days": 30,
        "signers": [{"name": "officer", "roles": ["privacy-officer"], "key": key.public_line().trim()}],
    }))
    .unwrap();
    let ledger = Ledger::open(Store::memory(), &folder.join("state"));
    ledger.set_policy(&policy, &key).await.unwrap();
    ledger.state().await.unwrap()
}

async fn plan(folder: &Path, wish: Option<Price>) -> Result<Proposal, Error> {
    let catalog = load(folder);
    let state = state(folder).await;
    let release = definition(&catalog, "2024-Q4")?;
    let planner =
        Planner { catalog: &catalog, state: &state, selection_key: "k".into(), author: "ana".into() };
    planner.plan(release, &wish)
}

fn standing(proposal: &Proposal, id: &str) -> Standing {
    proposal.checklist.iter().find(|item| item.id == id).unwrap().state
}

#[test]
fn every_statistic_that_the_program_carries_is_accepted() {
    let folder = definitions();
    let catalog = load(folder.path());
    for statistic in catalog.statistics.values().filter(|statistic| statistic.derived.is_none()) {
        let checked = check(&catalog, statistic, &Price::Rho(NanoRho::new(10_000_000)));
        let checked = checked.unwrap_or_else(|error| panic!("{}: {error}", statistic.id));
        assert_eq!(checked.tables.is_empty(), checked.joint.is_none(), "{}", statistic.id);
    }
}

#[tokio::test]
async fn the_demonstrations_plan_has_no_red_item_and_wants_two_approvers() {
    let folder = definitions();
    let proposal = plan(folder.path(), None).await.unwrap();
    assert_eq!(proposal.failed(), Vec::<String>::new());
    assert_eq!((proposal.checklist.len(), proposal.approvals_needed), (25, 2));
    assert_eq!(proposal.years, [2024]);
}

#[tokio::test]
async fn a_wished_margin_is_reached_and_nothing_more_is_paid() {
    let folder = definitions();
    let wish = Price::Margin([("assisted_persons/quarter,region".to_owned(), "15".to_owned())].into());
    let proposal = plan(folder.path(), Some(wish)).await.unwrap();
    let table = proposal.tables.iter().find(|t| t.dimensions == ["quarter", "region"]).unwrap();
    assert_eq!((table.dataflow.as_str(), table.margin.as_str()), ("DF_ASSISTED_PERSONS", "15.0"));
    let folder = definitions();
    let unknown = Price::Margin([("assisted_persons/region".to_owned(), "15".to_owned())].into());
    assert!(matches!(plan(folder.path(), Some(unknown)).await, Err(Error::Wish { .. })));
}

#[tokio::test]
async fn children_by_quarter_or_region_turn_the_list_red() {
    for columns in ["quarter, child_action", "year, region"] {
        let folder = definitions();
        let sql = format!(
            "SELECT {columns}, COUNT(DISTINCT person_key) AS persons FROM child_protection GROUP BY {columns}"
        );
        std::fs::write(folder.path().join("queries/first_time_reunified.sql"), sql).unwrap();
        let toml = "queries/first_time_reunified.toml";
        edit(folder.path(), toml, "mode = \"first\"", "mode = \"home_cell\"");
        let kept = |line: &&str| !line.starts_with("horizon") && !line.starts_with("start");
        let text = std::fs::read_to_string(folder.path().join(toml)).unwrap();
        let text: Vec<&str> = text.lines().filter(kept).collect();
        std::fs::write(folder.path().join(toml), text.join("\n")).unwrap();
        let proposal = plan(folder.path(), None).await.unwrap();
        assert_eq!(standing(&proposal, "C12"), Standing::Fail, "{columns}");
        assert!(proposal.failed().contains(&"C12".to_owned()));
    }
}

#[tokio::test]
async fn a_purpose_must_cover_columns_and_last() {
    let folder = definitions();
    edit(folder.path(), "purposes.toml", "\"service_type\"", "\"vulnerability\"");
    let proposal = plan(folder.path(), None).await.unwrap();
    assert_eq!(standing(&proposal, "C01"), Standing::Fail);
    let folder = definitions();
    edit(folder.path(), "purposes.toml", "valid_to = 2030-12-31", "valid_to = 2025-12-31");
    let proposal = plan(folder.path(), None).await.unwrap();
    assert_eq!(standing(&proposal, "C02"), Standing::Fail);
}

#[tokio::test]
async fn a_statement_over_two_record_types_charges_both_and_needs_a_listed_join() {
    let with_join = || {
        let folder = definitions();
        let release = "queries/releases/2024-Q4.toml";
        edit(folder.path(), release, "\"needs_by_type\",", "\"needs_by_type\", \"needs_to_service\",");
        folder
    };
    let folder = with_join();
    let proposal = plan(folder.path(), None).await.unwrap();
    assert_eq!(standing(&proposal, "C01"), Standing::Pass);
    let read = proposal.request.statistics.iter().find(|s| s.id.to_string() == "needs_to_service").unwrap();
    let types: Vec<String> = read.record_types.iter().map(ToString::to_string).collect();
    assert_eq!(types, ["assistance_service", "needs_assessment"]);
    assert!(read.record_types.iter().all(|record_type| proposal.record_types.contains(record_type)));
    let folder = with_join();
    edit(folder.path(), "purposes.toml", "[\"needs_assessment\", \"assistance_service\"]", "");
    let proposal = plan(folder.path(), None).await.unwrap();
    assert_eq!(standing(&proposal, "C01"), Standing::Fail);
    let item = proposal.checklist.iter().find(|item| item.id == "C01").unwrap();
    assert!(item.evidence.contains("needs_to_service: P-2025-01 does not allow"), "{}", item.evidence);
}

#[test]
fn f_changes_with_whatever_changes_the_output_and_with_nothing_else() {
    let digest = |folder: &Path, rho: u64, key: &str| {
        let catalog = load(folder);
        let prepared = prepare(&catalog, definition(&catalog, "2024-Q4").unwrap()).unwrap();
        marsad_terms::canonical::digest(&prepared.request(&catalog, NanoRho::new(rho), key)).unwrap()
    };
    let folder = definitions();
    let first = digest(folder.path(), 1, "k");
    assert_ne!(digest(folder.path(), 2, "k"), first);
    assert_ne!(digest(folder.path(), 1, "other"), first);
    edit(folder.path(), "queries/releases/2024-Q4.toml", "data@example.org", "else@example.org");
    edit(
        folder.path(),
        "queries/assisted_persons.toml",
        "en = \"Persons assisted\"",
        "en = \"Persons helped\"",
    );
    assert_eq!(digest(folder.path(), 1, "k"), first, "titles and contact are no part of F");
    edit(folder.path(), "queries/services_delivered.toml", "c_squared = 64", "c_squared = 63");
    assert_ne!(digest(folder.path(), 1, "k"), first);
}
