//! A release made by hand, for the tests of all writers and the bench: the real catalogue, fictitious counts, repeatable "noise".
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod revised;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use marsad_catalog::{Catalog, builtin};
use marsad_ledger::proposal::{MECHANISM, Proposal, Request, SeriesRequest, StatisticRequest};
use marsad_privacy::joint::Joint;
use marsad_privacy::noisy_table::{OrganisationCells, OrganisationColumn, OrganisationTable, RunResult};
use marsad_privacy::sampler::Scale;
use marsad_privacy::series::{NoisySeries, SeriesShape};
use marsad_privacy::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Measure, Output, StatisticShape, Strategy, TableSpec,
};
use marsad_terms::{Digest, Grain, NanoRho, Period, Text, canonical};
use serde_json::json;

use crate::bundle::{self, Context};
use crate::combined::Rule;
use crate::dataflow::{Dataflow, Row};
use crate::edition::Edition;
use crate::released::ReleasedTable;

/// Cost of the release.
pub(crate) const PRICE: NanoRho = NanoRho::new(600_000_001);
/// Cost of each first-time series, paid before.
pub(crate) const SERIES_PRICE: NanoRho = NanoRho::new(10_000_000);

/// All that a bundle is built from.
#[derive(Debug)]
pub struct Fixture {
    pub(crate) catalog: Catalog,
    pub(crate) released: ReleasedTable,
    pub(crate) proposal: Proposal,
    pub(crate) context: Context,
}

impl Fixture {
    /// From the built-in catalogue.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        builtin::write(dir.path()).unwrap();
        let catalog = Catalog::load(dir.path()).unwrap();
        let shapes = shapes(&catalog);
        let organisations = vec![organisations(&catalog)];
        let series = series(&catalog);
        let proposal = proposal(&shapes, &series, &organisations);
        let bytes = result(shapes, series, organisations, &proposal);
        let released = ReleasedTable::read(&bytes).unwrap();
        Self { catalog, released, proposal, context: context() }
    }

    /// The same for all tests that change nothing.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Fixture> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    pub(crate) fn edition(&self) -> Edition {
        bundle::edition(&self.catalog, &self.released, &self.proposal, &self.context).unwrap()
    }

    /// A release of many dataflows over many quarters, each with the figures of one.
    pub fn wide(&self, n_dataflows: usize, n_quarters: u16) -> Edition {
        let mut edition = self.edition();
        let one = edition.dataflows.iter().find(|flow| flow.id == "assisted_persons").unwrap().clone();
        let last = one.periods().pop().unwrap();
        let rows: Vec<Row> = one.rows.iter().filter(|row| row.period == last).cloned().collect();
        let quarter = |n: u16| Period::Quarter(2000 + n / 4, u8::try_from(n % 4 + 1).unwrap());
        let of_quarter = |n| rows.iter().map(move |row| Row { period: quarter(n), ..row.clone() });
        let rows: Vec<Row> = (0..n_quarters).flat_map(of_quarter).collect();
        let flow = |n| Dataflow { id: format!("assisted_{n}"), rows: rows.clone(), ..one.clone() };
        edition.dataflows = (0..n_dataflows).map(flow).collect();
        edition
    }

    /// Writes the files of an edition; gives the hash of its statement.
    pub fn write(&self, dir: &Path, edition: &Edition) -> Digest {
        bundle::assemble(dir, &self.catalog, edition).unwrap().manifest
    }
}

fn context() -> Context {
    Context {
        published: "2025-02-15T09:00:00Z".into(),
        ledger_head: Digest::of(b"head"),
        ledger_sequence: 7,
        used_before: NanoRho::new(300_000_000),
        lifetime: NanoRho::new(1_000_000_000),
        ceiling: NanoRho::new(1_000_000_000),
        display_delta: "0.000001".into(),
        agency: "MARSAD".into(),
        workspace_name: "Programme fictif".into(),
        served_at: None,
        rule: rule(),
        earlier: Vec::new(),
        past: Vec::new(),
    }
}

/// Periods close nine months after their end: in July 2025 the third quarter of 2024, not the fourth.
fn rule() -> Rule {
    Rule { months: Some(9), proposed: "2025-07-15T09:00:00Z".into() }
}

fn quarters(n: u8) -> Vec<Period> {
    let quarters = (0..n).map(|i| Period::Quarter(2023 + u16::from(i / 4), i % 4 + 1));
    quarters.collect()
}

fn dimension(catalog: &Catalog, name: &str, zeros: &[&str]) -> Dimension {
    let list = catalog.dimension_id(name);
    let codes = catalog.code_lists[&list].domain();
    let codes = codes.iter().map(|code| code.id.clone()).filter(|code| !zeros.contains(&code.as_str()));
    Dimension {
        name: name.into(),
        code_list: list.clone(),
        codes: codes.collect(),
        zeros: zeros.iter().map(|code| (*code).to_owned()).collect(),
        home: Some(HomeRule::MostRecent),
    }
}

fn table(aggregate: usize, grain: Grain, dimensions: &[usize], b: u32) -> TableSpec {
    TableSpec { aggregate, grain, dimensions: dimensions.to_vec(), b }
}

fn shape(id: &str, bound: Bound, dimensions: Vec<Dimension>, periods: Vec<Period>) -> StatisticShape {
    StatisticShape {
        id: id.parse().unwrap(),
        bound,
        dimensions,
        periods,
        aggregates: vec![Aggregate::Persons],
        tables: vec![table(0, Grain::Quarter, &[], 1)],
        outputs: vec![Output { name: "persons".into(), expression: Expression::Aggregate { aggregate: 0 } }],
        strategy: Strategy::Tables,
    }
}

fn first(catalog: &Catalog, id: &str, dimensions: &[&str]) -> StatisticShape {
    let dimensions: Vec<Dimension> = dimensions.iter().map(|name| dimension(catalog, name, &[])).collect();
    let sets = (0..dimensions.len()).map(|d| table(0, Grain::Quarter, &[d], 1));
    let tables = std::iter::once(table(0, Grain::Quarter, &[], 1)).chain(sets).collect();
    let bound = Bound::First { start: Period::Quarter(2023, 1) };
    StatisticShape { tables, ..shape(id, bound, dimensions, quarters(20)) }
}

fn shapes(catalog: &Catalog) -> Vec<StatisticShape> {
    vec![
        assisted(catalog),
        by_category(catalog),
        urgent(catalog),
        services(catalog),
        cash(catalog),
        training(catalog),
    ]
}

/// First-time series of five years, of which the release shows two.
fn series(catalog: &Catalog) -> Vec<SeriesRequest> {
    let mut shapes = vec![
        first(catalog, "first_time_direct", &["region"]),
        first(catalog, "first_time_assisted", &["region", "sex"]),
        first(catalog, "first_time_assessed", &["region"]),
    ];
    let others = ["first_time_trained", "first_time_youth", "first_time_returned", "first_time_reintegrated"];
    shapes.extend(others.map(|id| first(catalog, id, &[])));
    let start = Bound::First { start: Period::Year(2023) };
    shapes.push(StatisticShape {
        tables: vec![table(0, Grain::Year, &[], 1)],
        ..shape("first_time_reunified", start, Vec::new(), (2023..2028).map(Period::Year).collect())
    });
    let request = |shape: StatisticShape| {
        let series = Digest::of(shape.id.to_string().as_bytes());
        let through = if shape.tables[0].grain == Grain::Year { 1 } else { 7 };
        SeriesRequest { series, shape: SeriesShape::new(shape).unwrap(), through }
    };
    shapes.into_iter().map(request).collect()
}

fn last() -> Vec<Period> {
    vec![Period::Quarter(2024, 4)]
}

fn assisted(catalog: &Catalog) -> StatisticShape {
    let dimensions = ["region", "sex", "age_group"].map(|name| dimension(catalog, name, &[])).into();
    StatisticShape {
        tables: [&[][..], &[0], &[0, 1], &[0, 2], &[1, 2]].map(|d| table(0, Grain::Quarter, d, 3)).into(),
        ..shape("assisted_persons", Bound::HomeCell, dimensions, quarters(8).split_off(6))
    }
}

fn by_category(catalog: &Catalog) -> StatisticShape {
    let category = dimension(catalog, "beneficiary_category", &["UASC", "VOT", "GOV", "LOCAL"]);
    let dimensions = vec![dimension(catalog, "region", &[]), category];
    StatisticShape {
        tables: [&[][..], &[1], &[0, 1]].map(|d| table(0, Grain::Quarter, d, 2)).into(),
        ..shape("assisted_by_category", Bound::HomeCell, dimensions, last())
    }
}

/// Two aggregates, each by quarter and by quarter and region.
fn two_aggregates(b: u32) -> Vec<TableSpec> {
    let sets = [(0, vec![]), (0, vec![0]), (1, vec![]), (1, vec![0])];
    sets.map(|(aggregate, d)| table(aggregate, Grain::Quarter, &d, b)).into()
}

fn ratio(name: &str, share: bool) -> Output {
    Output {
        name: name.into(),
        expression: Expression::Ratio { numerator: 0, denominator: 1, share, percent: false },
    }
}

/// Both grains: a year and its last quarter.
fn urgent(catalog: &Catalog) -> StatisticShape {
    let years = [0, 1].map(|aggregate| table(aggregate, Grain::Year, &[], 2));
    let periods = vec![Period::Year(2024), Period::Quarter(2024, 4)];
    StatisticShape {
        aggregates: vec![Aggregate::Persons, Aggregate::Persons],
        tables: [two_aggregates(2), years.into()].concat(),
        outputs: vec![ratio("share", true)],
        ..shape("urgent_needs_share", Bound::HomeCell, vec![dimension(catalog, "region", &[])], periods)
    }
}

fn services(catalog: &Catalog) -> StatisticShape {
    let service = Dimension { home: None, ..dimension(catalog, "service_type", &[]) };
    let bound = Bound::NormClip { c_squared: 64, left_out_cap: 20 };
    StatisticShape {
        aggregates: vec![Aggregate::Rows],
        tables: [&[][..], &[1], &[0], &[0, 1]].map(|d| table(0, Grain::Quarter, d, 1)).into(),
        ..shape("services_delivered", bound, vec![dimension(catalog, "region", &[]), service], last())
    }
}

fn cash(catalog: &Catalog) -> StatisticShape {
    let money = Measure { lower: "0".into(), upper: "5000".into(), step: "50".into() };
    let bound = Bound::NormClip { c_squared: 100, left_out_cap: 20 };
    let amount = Output { name: "amount".into(), expression: Expression::Aggregate { aggregate: 0 } };
    StatisticShape {
        aggregates: vec![Aggregate::Sum(money), Aggregate::Rows],
        tables: two_aggregates(1),
        outputs: vec![amount, ratio("average", false)],
        ..shape("cash_assistance", bound, vec![dimension(catalog, "region", &[])], last())
    }
}

fn training(catalog: &Catalog) -> StatisticShape {
    let bound = Bound::Truncate { k: 2, left_out_cap: 20 };
    let years = vec![Period::Year(2023), Period::Year(2024)];
    StatisticShape {
        tables: [&[][..], &[0]].map(|d| table(0, Grain::Year, d, 1)).into(),
        ..shape("trained_persons", bound, vec![dimension(catalog, "training_type", &[])], years)
    }
}

/// A repeatable number in 0..1 for a name.
fn chance(name: &str) -> f64 {
    let bytes = Digest::of(name.as_bytes());
    let word: [u8; 4] = bytes.as_bytes()[..4].try_into().unwrap();
    f64::from(u32::from_le_bytes(word)) / f64::from(u32::MAX)
}

/// A repeatable standard normal number.
fn normal(name: &str) -> f64 {
    let (radius, angle) = (chance(name).max(1e-9), chance(&format!("{name} angle")));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// Fictitious size of a statistic a period.
fn size(id: &str) -> f64 {
    match id {
        "assisted_persons" | "assisted_by_category" => 2100.0,
        "urgent_needs_share" | "first_time_assessed" => 5900.0,
        "services_delivered" => 5200.0,
        "cash_assistance" => 610.0,
        "first_time_direct" => 2300.0,
        "first_time_assisted" => 1760.0,
        "first_time_youth" => 395.0,
        "first_time_returned" => 110.0,
        "trained_persons" => 160.0,
        "first_time_reunified" => 17.0,
        _ => 42.0,
    }
}

const SHARES: [f64; 10] = [0.22, 0.20, 0.08, 0.18, 0.03, 0.17, 0.05, 0.07, 0.004, 0.001];

fn part(dimension: &Dimension, code: usize) -> f64 {
    if dimension.name == "region" {
        return SHARES[code] / SHARES.iter().sum::<f64>();
    }
    let weight = |code: usize| 0.5_f64.powi(i32::try_from(code).unwrap()) + 0.02;
    weight(code) / (0..dimension.codes.len()).map(weight).sum::<f64>()
}

/// Expected counts with repeatable noise: additive before the noise, since every cell is a product of shares.
fn vector(shape: &StatisticShape, f: u32, sigma: f64, revision: u32) -> Vec<i64> {
    let mut raw = Vec::new();
    for (index, table) in shape.tables.iter().enumerate() {
        let axes: Vec<Vec<usize>> =
            table.dimensions.iter().map(|d| (0..shape.dimensions[*d].codes.len()).collect()).collect();
        let mut keys = vec![Vec::new()];
        for axis in &axes {
            keys = keys
                .iter()
                .flat_map(|key: &Vec<usize>| axis.iter().map(move |c| [key.as_slice(), &[*c]].concat()))
                .collect();
        }
        let aggregate = match &shape.aggregates[table.aggregate] {
            Aggregate::Sum(_) => 24.0,
            _ if shape.id.to_string() == "urgent_needs_share" && table.aggregate == 0 => 0.29,
            _ => 1.0,
        };
        for period in shape.periods_of(table.grain) {
            let season = 1.0 + 0.15 * (chance(&period.to_string()) - 0.5);
            for key in &keys {
                let share: f64 =
                    table.dimensions.iter().zip(key).map(|(d, c)| part(&shape.dimensions[*d], *c)).product();
                let count = size(&shape.id.to_string()) * season * share * aggregate;
                let unit = f64::from(table.b) * 2_f64.powi(f.cast_signed());
                let draw = if revision == 0 { String::new() } else { format!(" {revision}") };
                let noise = sigma * normal(&format!("{} {index} {period} {key:?}{draw}", shape.id));
                #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
                raw.push((count * unit + noise) as i64);
            }
        }
    }
    if shape.left_out_cap().is_some() {
        let one = 2_f64.powi(f.cast_signed());
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        raw.extend([(35.0 * one) as i64, (4.5 * one) as i64]);
    }
    raw
}

/// The stored form of a series: y_t = b·Σ r_{t−k}·x_k and repeatable noise.
fn noisy_series(asked: &SeriesRequest) -> NoisySeries {
    let shape = asked.shape.statistic();
    let sigma = Scale::new(asked.shape.delta_squared(), SERIES_PRICE).unwrap().sigma;
    let n = asked.through as usize + 1;
    let c = |k: usize| (1..=k).fold(1.0, |c, k| c * (2 * k - 1) as f64 / (2 * k) as f64);
    let increments =
        vector(&StatisticShape { periods: shape.periods[..n].to_vec(), ..shape.clone() }, 0, 0.0, 0);
    let mut steps = vec![Vec::new(); n];
    let mut start = 0;
    for table in &shape.tables {
        let size = asked.shape.n_cells(table);
        for (t, step) in steps.iter_mut().enumerate() {
            for cell in 0..size {
                let entered = |k: usize| increments[start + k * size + cell] as f64 * c(t - k);
                let exact: f64 = (0..=t).map(entered).sum();
                let noise = sigma * normal(&format!("{} {start} {t} {cell}", shape.id));
                #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
                step.push((exact * 2_f64.powi(20) + noise) as i64);
            }
        }
        start += n * size;
    }
    let stored =
        json!({ "series": asked.series, "shape": asked.shape, "nano_rho": SERIES_PRICE, "steps": steps });
    serde_json::from_value(stored).unwrap()
}

fn organisations(catalog: &Catalog) -> OrganisationTable {
    let dimensions = vec![dimension(catalog, "activity_type", &[]), dimension(catalog, "org_type", &[])];
    let periods = quarters(8);
    let n = |d: usize| dimensions[d].codes.len();
    let total = [15, 44, 12, 0];
    let activity: Vec<i64> = periods.iter().flat_map(|_| total.iter().take(n(0)).copied()).collect();
    let organisation: Vec<i64> =
        periods.iter().flat_map(|_| (0..n(1)).map(|code| [20, 0, 3, 22, 15, 1, 0, 10, 0, 0][code])).collect();
    let cells =
        |d: usize, cells: Vec<i64>| OrganisationCells { grain: Grain::Quarter, dimensions: vec![d], cells };
    let column = |name: &str, by: i64| OrganisationColumn {
        name: name.into(),
        tables: vec![
            cells(0, activity.iter().map(|n| n / by).collect()),
            cells(1, organisation.iter().map(|n| n / by).collect()),
        ],
    };
    let columns = vec![column("participants", 1)];
    OrganisationTable {
        id: "org_activities".parse().unwrap(),
        dimensions: dimensions.clone(),
        periods,
        columns,
    }
}

fn proposal(
    shapes: &[StatisticShape],
    series: &[SeriesRequest],
    organisations: &[OrganisationTable],
) -> Proposal {
    let text = |fr: &str, ar: &str, en: &str| Text { fr: fr.into(), ar: ar.into(), en: en.into() };
    let request = |id: &str, shape: Option<&StatisticShape>, derived: Option<&str>| StatisticRequest {
        id: id.parse().unwrap(),
        sql: String::new(),
        record_types: BTreeSet::new(),
        plan: None,
        code_lists: BTreeMap::new(),
        shape: shape.cloned(),
        series: None,
        derived: derived.map(str::to_owned),
        periods: if derived.is_some() { quarters(8).split_off(7) } else { Vec::new() },
    };
    let mut statistics: Vec<StatisticRequest> = vec![request("indicators", None, Some("indicators"))];
    statistics.extend(shapes.iter().map(|shape| request(&shape.id.to_string(), Some(shape), None)));
    statistics.extend(series.iter().map(|asked| StatisticRequest {
        series: Some(asked.clone()),
        ..request(&asked.shape.statistic().id.to_string(), None, None)
    }));
    statistics.extend(organisations.iter().map(|table| request(&table.id.to_string(), None, None)));
    let request = Request {
        mechanism: MECHANISM.into(),
        selection_key: "0123456789abcdef".into(),
        f: 16,
        nano_rho: PRICE,
        revision: 0,
        statistics,
        redraws: Vec::new(),
    };
    Proposal {
        format: "marsad-proposal/1".into(),
        workspace: Digest::of(b"workspace"),
        policy: Digest::of(b"policy"),
        release: "2024-Q4".parse().unwrap(),
        title: text("Quatrième trimestre 2024", "الفصل الرابع 2024", "Fourth quarter of 2024"),
        author: "nadia".into(),
        f: canonical::digest(&request).unwrap(),
        nano_rho: PRICE,
        record_types: Vec::new(),
        years: vec![2023, 2024],
        approvals_needed: 1,
        request,
        series: Vec::new(),
        purposes: Vec::new(),
        recipients: vec!["public".into()],
        embargo: "2025-02-15T09:00:00Z".into(),
        contact: "data@example.org".into(),
        coverage: text(
            "données fictives, 8 partenaires sur 9",
            "بيانات افتراضية، 8 شركاء من 9",
            "fictitious data, 8 of 9 partners",
        ),
        frozen: Vec::new(),
        replaces: None,
        tables: Vec::new(),
        strategies: Vec::new(),
        overlap: Vec::new(),
        differences: Vec::new(),
        checklist: Vec::new(),
    }
}

/// The stored bytes of a run whose noise anyone can repeat.
fn result(
    shapes: Vec<StatisticShape>,
    series: Vec<SeriesRequest>,
    organisations: Vec<OrganisationTable>,
    proposal: &Proposal,
) -> Vec<u8> {
    let joint = Joint::new(shapes).unwrap();
    let scale = Scale::new(joint.delta_squared(), PRICE).unwrap();
    let raw: Vec<Vec<i64>> = joint
        .shapes()
        .iter()
        .map(|shape| vector(shape, joint.f(), scale.sigma, proposal.request.revision))
        .collect();
    let noisy = json!({
        "statistics": joint.shapes(),
        "f": joint.f(),
        "delta_squared": joint.delta_squared().to_string(),
        "nano_rho": PRICE,
        "d_in": format!("{:016x}", scale.d_in.to_bits()),
        "sigma": format!("{:016x}", scale.sigma.to_bits()),
        "raw": raw,
    });
    let result = RunResult {
        release: proposal.release.clone(),
        proposal: canonical::digest(proposal).unwrap(),
        f: proposal.f,
        noisy: Some(serde_json::from_value(noisy).unwrap()),
        series: series.iter().map(noisy_series).collect(),
        organisations,
    };
    serde_json::to_vec(&result).unwrap()
}
