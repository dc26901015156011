//! The five-year plan that the definitions carry (docs/budget-plan.md): it fits the policy that `init` writes, it is complete,
//! and each of its releases could be proposed today.

use std::collections::BTreeMap;
use std::path::Path;

use marsad_catalog::{BoundMode, Catalog, Price, Release};
use marsad_terms::NanoRho;
use toml::Table;

use crate::workspace::Workspace;

/// Releases of each quarter and of each year.
const QUARTERLY: [&str; 2] = ["plan-quarter", "plan-quarter-cash"];
const ANNUAL: [&str; 3] = ["plan-year", "plan-year-hours", "plan-year-trafficking"];
const YEARS: u64 = 5;

fn carried() -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Catalog::load(root).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn release<'a>(catalog: &'a Catalog, id: &str) -> &'a Release {
    &catalog.releases[&id.parse().unwrap()]
}

fn price(release: &Release) -> u64 {
    match &release.price {
        Price::Rho(rho) => rho.get(),
        Price::Margin(_) => panic!("the plan adds up prices, {} wishes margins", release.id),
    }
}

/// What all first-time series of the plan cost, once in the programme's life.
fn series(catalog: &Catalog) -> u64 {
    let named = QUARTERLY.iter().chain(&ANNUAL).flat_map(|id| &release(catalog, id).statistics);
    let bounds = named.map(|id| &catalog.statistics[id].bound);
    bounds.filter(|bound| bound.mode == BoundMode::First).map(|bound| bound.rho.get()).sum()
}

/// Caps of the policy that a new workspace drafts, in nano-ρ.
struct Caps {
    lifetime: u64,
    year: u64,
    record_types: BTreeMap<String, u64>,
}

impl Caps {
    fn drafted() -> Self {
        let settings: Table = Workspace::new().read("marsad.toml").parse().unwrap();
        let nano = |value: &toml::Value| value.as_str().unwrap().parse::<NanoRho>().unwrap().get();
        let policy = &settings["policy"];
        let of_types = policy["record_type_rho"].as_table().unwrap().iter();
        Self {
            lifetime: nano(&policy["lifetime_rho"]),
            year: nano(&policy["year_rho"]),
            record_types: of_types.map(|(name, cap)| (name.clone(), nano(cap))).collect(),
        }
    }
}

#[test]
fn five_years_fit_the_lifetime_every_year_and_every_record_type() {
    let (catalog, caps) = (carried(), Caps::drafted());
    let sum = |ids: &[&str]| ids.iter().map(|id| price(release(&catalog, id))).sum::<u64>();
    let year = 4 * sum(&QUARTERLY) + sum(&ANNUAL);
    let lifetime = YEARS * year + series(&catalog);
    assert!(lifetime <= caps.lifetime, "{lifetime} of {}", caps.lifetime);
    // One quarterly release can be revised.
    assert!(caps.lifetime - lifetime >= price(release(&catalog, "plan-quarter")) - 1_000_000, "{lifetime}");
    let first_year = year + series(&catalog);
    assert!(first_year <= caps.year, "all series open in the first year: {first_year} of {}", caps.year);
    for (record_type, cap) in &caps.record_types {
        let spent: u64 = QUARTERLY
            .iter()
            .map(|id| (4 * YEARS, id))
            .chain(ANNUAL.iter().map(|id| (YEARS, id)))
            .filter(|(_, id)| reads(&catalog, id, record_type))
            .map(|(times, id)| times * price(release(&catalog, id)))
            .sum();
        assert!((1..=*cap).contains(&spent), "{record_type}: {spent} of {cap}");
    }
}

/// A release is charged whole to each record type that it reads.
fn reads(catalog: &Catalog, id: &str, record_type: &str) -> bool {
    let prepared = marsad_release::prepare(catalog, release(catalog, id)).unwrap();
    prepared.record_types().iter().any(|read| read.to_string() == record_type)
}

#[test]
fn every_statistic_stands_in_one_release_of_the_plan() {
    let catalog = carried();
    for id in catalog.statistics.keys() {
        let named = |name: &&str| release(&catalog, name).statistics.contains(id);
        let homes: Vec<&str> = QUARTERLY.into_iter().chain(ANNUAL).filter(named).collect();
        assert_eq!(homes.len(), 1, "{id} stands in {homes:?}");
    }
}

#[test]
fn no_release_of_the_plan_has_a_red_item_and_sensitive_ones_want_two_approvers() {
    let workspace = Workspace::new();
    for (id, needed) in [
        ("plan-quarter", 2),
        ("plan-quarter-cash", 1),
        ("plan-year", 2),
        ("plan-year-hours", 1),
        ("plan-year-trafficking", 2),
    ] {
        let plan = workspace.json(&["release", "plan", id]).done();
        let items = plan.at("checklist").as_array().unwrap();
        assert_eq!(items.len(), 25);
        let red: Vec<_> = items.iter().filter(|item| item["state"] == "fail").collect();
        assert!(red.is_empty(), "{id}: {red:?}");
        assert_eq!(*plan.at("needed"), needed, "{id}");
    }
}

#[test]
fn the_next_release_is_moved_by_its_longest_period() {
    let workspace = Workspace::new();
    for (like, id, periods) in [
        ("plan-quarter", "2025-Q1", &["2025-Q1"][..]),
        ("plan-year", "2025-Y", &["2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4", "2025"]),
    ] {
        let made = workspace.json(&["release", "new", id, "--like", like]).done();
        assert_eq!(*made.at("periods"), serde_json::json!(periods), "{like}");
        workspace.json(&["release", "plan", id]).done();
    }
}
