//! What a plan decides from public facts: which statements pass, what they cost, which items turn red.

use std::path::Path;

use marsad_catalog::{Catalog, Price, builtin};
use marsad_ledger::checklist::Standing;
use marsad_ledger::proposal::Proposal;
use marsad_ledger::sign::SigningKey;
use marsad_ledger::{Ledger, Policy, State};
use marsad_log::Store;
use marsad_privacy::shape::Aggregate;
use marsad_terms::{NanoRho, StatisticId};
use serde_json::json;
use tempfile::TempDir;

use crate::plan::{Planner, definition};
use crate::{Error, bounds, check, prepare};

mod reads;

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
    plan_of(folder, "2024-Q4", wish).await
}

async fn plan_of(folder: &Path, release: &str, wish: Option<Price>) -> Result<Proposal, Error> {
    let catalog = load(folder);
    let state = state(folder).await;
    let release = definition(&catalog, release)?;
    let planner = Planner {
        catalog: &catalog,
        state: &state,
        selection_key: "k".into(),
        author: "ana".into(),
        audit: None,
        released: &[],
    };
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
        assert_eq!(checked.tables.is_empty(), checked.vector.is_none(), "{}", statistic.id);
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
        let kept = |line: &&str| !["horizon", "start", "rho"].iter().any(|key| line.starts_with(key));
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

/// Algorithms 2.5: with b = 1 the average of payments would have a denominator of noise.
#[test]
fn a_count_beside_a_sum_weighs_as_much_as_a_typical_row_of_it() {
    let folder = definitions();
    let catalog = load(folder.path());
    for (release, typical) in [("plan-quarter-cash", 30), ("plan-year-hours", 60)] {
        let prepared = prepare(&catalog, definition(&catalog, release).unwrap()).unwrap();
        let shape = &prepared.joint.as_ref().unwrap().shapes()[0];
        let b = |counts: bool| {
            let is_sum = |aggregate: usize| matches!(shape.aggregates[aggregate], Aggregate::Sum(_));
            let tables = shape.tables.iter().filter(move |table| is_sum(table.aggregate) != counts);
            tables.map(|table| table.b).collect::<Vec<u32>>()
        };
        assert!(b(true).iter().all(|b| *b == typical) && b(false).iter().all(|b| *b == 1), "{release}");
        assert_eq!(b(true).len(), b(false).len(), "an average needs both");
    }
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
        let request = prepared.request(&catalog, NanoRho::new(rho), key, Vec::new()).unwrap();
        marsad_terms::canonical::digest(&request).unwrap()
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

/// What a request says gets the noise of a statistic.
fn strategy_of(proposal: &Proposal, id: &str) -> marsad_privacy::shape::Strategy {
    let statistics = proposal.request.statistics.iter();
    let own = statistics.into_iter().find(|statistic| statistic.id.to_string() == id).unwrap();
    own.shape.as_ref().unwrap().strategy.clone()
}

const RELEASE: &str = "queries/releases/2024-Q4.toml";

/// Writes a strategy for a statistic into the release.
fn ask(folder: &Path, id: &str, strategy: &str) {
    let path = folder.join(RELEASE);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, line) = (format!("[statistic.{id}]\n"), format!("strategy = \"{strategy}\"\n"));
    let text = match text.contains(&head) {
        true => text.replace(&head, &format!("{head}{line}")),
        false => format!("{text}\n{head}{line}"),
    };
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn residuals_are_measured_where_the_release_asks_for_them_and_are_another_request() {
    let folder = definitions();
    let tables = plan(folder.path(), None).await.unwrap();
    assert!(tables.strategies.is_empty() && strategy_of(&tables, "assisted_persons").is_tables());
    assert!(!serde_json::to_string(&tables).unwrap().contains("strateg"));
    let asked = |id: &str| {
        let folder = definitions();
        ask(folder.path(), id, "residuals");
        folder
    };
    let residuals = plan(asked("assisted_persons").path(), None).await.unwrap();
    assert_ne!(residuals.f, tables.f);
    assert_eq!(residuals.nano_rho, tables.nano_rho);
    // None, region, sex, age, and the three pairs of them that are crossed.
    assert_eq!(strategy_of(&residuals, "assisted_persons").components().len(), 7);
    assert!(
        residuals.checklist.iter().any(|item| item.evidence.contains("on the residuals of assisted_persons"))
    );
    let [choice] = residuals.strategies.as_slice() else { panic!("{:?}", residuals.strategies) };
    assert_eq!(
        (choice.statistic.to_string().as_str(), choice.strategy.as_str()),
        ("assisted_persons", "residuals")
    );
    // Neighbours keep their margins; its own tables are a little better on the whole.
    let margins = |proposal: &Proposal, own: bool| -> Vec<f64> {
        let tables = proposal.tables.iter().filter(|t| (t.dataflow == "DF_ASSISTED_PERSONS") == own);
        tables.filter_map(|table| table.margin.parse().ok()).collect()
    };
    assert_eq!(margins(&residuals, false), margins(&tables, false));
    let ratios =
        margins(&residuals, true).into_iter().zip(margins(&tables, true)).map(|(r, t)| (r / t).powi(2));
    // Five tables, margins to one digit.
    assert!(ratios.sum::<f64>() < 5.05);
    let refused = plan(asked("services_delivered").path(), None).await;
    assert!(matches!(refused, Err(Error::Privacy(marsad_privacy::Error::Shape { .. }))));
}

#[tokio::test]
async fn a_wish_is_priced_under_both_strategies_and_the_proposal_says_so() {
    let folder = definitions();
    let wish = Price::Margin([("assisted_persons/quarter,region".to_owned(), "15".to_owned())].into());
    let proposal = plan(folder.path(), Some(wish.clone())).await.unwrap();
    let [choice] = proposal.strategies.as_slice() else { panic!("{:?}", proposal.strategies) };
    assert_eq!(choice.strategy, "tables");
    assert!(choice.why.contains("with residuals") && choice.why.contains("multipliers"), "{}", choice.why);
    let folder = definitions();
    ask(folder.path(), "assisted_persons", "residuals");
    let asked = plan(folder.path(), Some(wish)).await.unwrap();
    let table = asked.tables.iter().find(|t| t.dimensions == ["quarter", "region"]).unwrap();
    assert_eq!(table.margin, "15.0");
    assert!(asked.nano_rho.get() <= proposal.nano_rho.get() + proposal.nano_rho.get() / 1_000);
}

#[tokio::test]
async fn a_run_takes_the_strategy_from_the_proposal_and_sees_a_change_of_mind() {
    let folder = definitions();
    ask(folder.path(), "assisted_persons", "residuals");
    let wish = Price::Margin([("assisted_persons/quarter,region".to_owned(), "15".to_owned())].into());
    let proposal = plan(folder.path(), Some(wish)).await.unwrap();
    let again = |folder: &Path| {
        let catalog = load(folder);
        let mut prepared = prepare(&catalog, definition(&catalog, "2024-Q4").unwrap()).unwrap();
        prepared.as_in(&proposal.request).unwrap();
        let nano_rho = proposal.request.nano_rho;
        let request = prepared.request(&catalog, nano_rho, "k", Vec::new()).unwrap();
        marsad_terms::canonical::digest(&request).unwrap()
    };
    assert_eq!(again(folder.path()), proposal.f);
    edit(folder.path(), RELEASE, "strategy = \"residuals\"", "strategy = \"tables\"");
    assert_ne!(again(folder.path()), proposal.f);
}

#[tokio::test]
async fn a_ladder_of_constants_falls_in_losses_and_rises_in_noise() {
    let folder = definitions();
    let catalog = load(folder.path());
    let price = NanoRho::new(10_000_000);
    let stage = bounds::Stage { catalog: &catalog, release: None, price, programme: (7, 0.02) };
    let statistic = |id: &str| &catalog.statistics[&id.parse::<StatisticId>().unwrap()];
    for (id, key, declared) in [("services_delivered", "c_squared", 64), ("youth_participants", "k", 2)] {
        let ladder = stage.ladder(statistic(id), &|_, _| {}).await.unwrap();
        assert_eq!((ladder.key, ladder.declared), (key, declared));
        assert!(ladder.persons > 10 && ladder.rungs.len() > 3);
        assert!(ladder.rungs.iter().any(|rung| rung.constant == ladder.suggested));
        for pair in ladder.rungs.windows(2) {
            let [less, more] = pair else { panic!() };
            assert!(less.constant < more.constant);
            assert!(less.clipped_percent >= more.clipped_percent && less.clipped_percent <= 100.0);
            assert!(less.left_out_percent >= more.left_out_percent && less.left_out_percent <= 100.0);
            for (less, more) in less.tables.iter().zip(&more.tables) {
                assert!(less.noise <= more.noise * 1.000_001 && less.total >= less.noise);
            }
        }
        assert!(ladder.rungs[0].clipped_percent > ladder.rungs.last().unwrap().clipped_percent);
    }
    let refused = stage.ladder(statistic("assisted_persons"), &|_, _| {}).await;
    assert!(matches!(refused, Err(Error::NoConstant(_))));
}
