//! Real census records, which nobody of this project wrote, go the same way as any extract: do the figures err as much as
//! the plan said, no more and no less? Simulated people share the simulator's assumptions; these do not.
//!
//! Each person has one row, so that this says nothing about bounding. Exact counts come from the file itself. No sampler is
//! seeded, so each bound below states how many standard errors away it lies: six are passed once in 5·10⁸ runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use marsad_aggregate::Analysis;
use marsad_aggregate::tabulate::Landed;
use marsad_catalog::Catalog;
use marsad_landing::keys::Keys;
use marsad_landing::{Landing, Options, Snapshot};
use marsad_log::Store;
use marsad_privacy::accuracy::{TableAccuracy, forecast};
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::estimate::{EstimatedTable, estimate};
use marsad_privacy::sampler::measure;
use marsad_privacy::shape::StatisticShape;
use marsad_release::Prepared;
use marsad_terms::NanoRho;

use crate::workspace::Workspace;

/// Releases of the repeated test.
const RELEASES: u32 = 120;
/// ρ of the release's definition.
const PRICE: u64 = 50_000_000;
/// The quantile of a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

#[test]
fn real_people_become_a_release_that_verifies() {
    let workspace = landed();
    let plan = workspace.approved("census");
    assert_eq!(plan.at("tables").as_array().unwrap().len(), 6);
    let run = workspace.json(&["release", "run", "census", "--yes"]).done();
    assert_eq!(*run.at("charged"), PRICE);
    workspace.json(&["release", "publish", "census"]).done();
    assert_eq!(*workspace.json(&["verify", "releases/census"]).done().at("ok"), true);
    workspace.ledger_is_right();
    published_figures_are_near(&workspace.path("releases/census/data/census_persons.csv"));
}

/// Seven standard deviations, which 183 cells pass once in 2·10⁹ releases.
fn published_figures_are_near(table: &Path) {
    let people = people();
    let mut measured = 0;
    for row in csv::Reader::from_path(table).unwrap().deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        let Ok(estimate) = row["estimate"].parse::<f64>() else {
            assert_eq!(row["OBS_STATUS"], "M", "only structural zeros are empty");
            continue;
        };
        let shown = |column: &str| column.to_ascii_uppercase();
        let is_in = |person: &&BTreeMap<&str, String>| {
            person.iter().all(|(column, code)| row[&shown(column)] == "_T" || row[&shown(column)] == *code)
        };
        let exact = people.iter().filter(is_in).count() as f64;
        let sd = row["margin"].parse::<f64>().unwrap() / Z;
        assert!((estimate - exact).abs() < 7.0 * sd, "{row:?}");
        measured += 1;
    }
    assert_eq!(measured, 183);
}

/// The correlation of two cells is at most 1, and that of their being covered at most its square: Σr² over all pairs is 1.24
/// times the number of cells here (from `Workload::covariance`), so that one release's coverage has a standard deviation
/// below 1.8 % and the mean of 120 below 0.17 %. The band of 2 % is 12 standard errors wide.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_over_many_releases_are_those_that_the_plan_predicted() {
    let workspace = landed();
    let planned = margins(&workspace);
    let catalog = Catalog::load(&workspace.dir()).unwrap();
    let (snapshot, key) = snapshot(&workspace.dir()).await;
    let release = catalog.releases.values().find(|release| release.id.to_string() == "census").unwrap();
    let prepared = marsad_release::prepare(&catalog, release).unwrap();
    let shape = &prepared.joint.as_ref().unwrap().shapes()[0];
    let predicted = forecast(prepared.joint.as_ref().unwrap(), NanoRho::new(PRICE)).unwrap();
    let shown: Vec<String> = predicted.iter().map(|table| format!("{:.1}", table.margin.unwrap())).collect();
    assert_eq!(shown, planned, "the plan shows what is forecast");

    let landed = Landed::new(&catalog, &snapshot);
    let people = people();
    let mut tables: Vec<Errors> =
        (0..shape.tables.len()).map(|table| Errors::of(exact(&people, shape, table))).collect();
    for _ in 0..RELEASES {
        for (errors, table) in tables.iter_mut().zip(release_once(&landed, &prepared, &key).await) {
            errors.add(&table);
        }
    }
    assert_coverage(&tables);
    assert_margins(&tables, &predicted);
    // Four tables split an area, so that its reconciled total has 0.39 times the variance of the raw one: half of the
    // difference of mean squares, 0.61, is 6.8 standard errors (0.487 a release).
    let areas = &tables[1];
    assert!(areas.mean_square() < 0.7 * areas.mean_square_raw(), "areas gain from their parts");
    assert!(tables.iter().skip(1).all(|table| table.mean_square() < table.mean_square_raw()));
}

/// One release, drawn anew; its tables in the shape's order.
async fn release_once(
    landed: &Landed<'_>,
    prepared: &Prepared<'_>,
    key: &SelectionKey,
) -> Vec<EstimatedTable> {
    let analyses: Vec<&Analysis> = prepared.statistics.iter().filter_map(|s| s.analysis.as_ref()).collect();
    let joint = prepared.joint.clone().unwrap();
    let exact = landed.tabulate(joint, &analyses, key, &|_, _| ()).await.unwrap();
    let noisy = measure(exact, NanoRho::new(PRICE)).unwrap();
    estimate(&noisy, 0).unwrap().columns.remove(0).tables
}

/// A table's exact counts, and what many releases made of them.
struct Errors {
    exact: Vec<f64>,
    releases: f64,
    covered: f64,
    squares: f64,
    squares_raw: f64,
}

impl Errors {
    fn of(exact: Vec<f64>) -> Self {
        assert!(exact.iter().all(|count| *count > 0.0), "intervals around 0 are cut, and cover too often");
        Self { exact, releases: 0.0, covered: 0.0, squares: 0.0, squares_raw: 0.0 }
    }

    fn add(&mut self, table: &EstimatedTable) {
        assert_eq!(table.cells.len(), self.exact.len());
        self.releases += 1.0;
        for (cell, exact) in table.cells.iter().zip(&self.exact) {
            let raw = cell.raw.unwrap() as f64 * table.raw_unit.unwrap();
            self.covered += f64::from(u8::from((cell.lower..=cell.upper).contains(exact)));
            self.squares += (cell.estimate - exact).powi(2);
            self.squares_raw += (raw - exact).powi(2);
        }
    }

    /// Cells of all releases.
    fn n(&self) -> f64 {
        self.exact.len() as f64 * self.releases
    }

    fn mean_square(&self) -> f64 {
        self.squares / self.n()
    }

    fn mean_square_raw(&self) -> f64 {
        self.squares_raw / self.n()
    }
}

fn assert_coverage(tables: &[Errors]) {
    let n: f64 = tables.iter().map(Errors::n).sum();
    let coverage = tables.iter().map(|table| table.covered).sum::<f64>() / n;
    println!("coverage of 95 % intervals: {:.2} % of {n} cells", 100.0 * coverage);
    assert!((0.93..=0.97).contains(&coverage), "{coverage}");
}

/// Root mean squares against margin/1.96. Of k cells of a table at least 0.68·k err independently (from
/// `Workload::covariance`: 1, 6.4, 9.6, 29.1, 105.3, 9.6), and a root mean square of d such has a relative standard error of 1/√(2d):
/// six of them are from 4.4 % (112 cells) to 47 % (the one total). Together 147 of 183 do: 3.2 %.
fn assert_margins(tables: &[Errors], predicted: &[TableAccuracy]) {
    assert_eq!(tables.len(), predicted.len());
    let mut pooled = (0.0, 0.0);
    for (table, predicted) in tables.iter().zip(predicted) {
        let sd = predicted.margin.unwrap() / Z;
        let ratio = table.mean_square().sqrt() / sd;
        let tolerance = 6.0 / (2.0 * 0.68 * table.n()).sqrt();
        println!("{} cells: error {:.2}, predicted {sd:.2}", table.exact.len(), ratio * sd);
        assert!(
            (ratio - 1.0).abs() < tolerance,
            "{ratio} of the predicted error, over {} cells",
            table.exact.len()
        );
        pooled = (pooled.0 + table.squares / (sd * sd), pooled.1 + table.n());
    }
    let ratio = (pooled.0 / pooled.1).sqrt();
    assert!((ratio - 1.0).abs() < 0.032, "{ratio} of the predicted error, over all tables");
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pums")
}

/// A workspace with the census's definitions beside its own, and all its records.
fn landed() -> Workspace {
    let workspace = Workspace::new();
    for folder in
        ["schemas/code_lists", "schemas/record_types", "schemas/mappings", "queries", "queries/releases"]
    {
        let from = fixtures().join("definitions").join(folder);
        for file in
            fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
        {
            fs::copy(&file, workspace.path(folder).join(file.file_name().unwrap())).unwrap();
        }
    }
    let purpose = fs::read_to_string(fixtures().join("definitions/purpose.toml")).unwrap();
    workspace.write("purposes.toml", workspace.read("purposes.toml") + &purpose);
    let extract = fixtures().join("pums_fulton_ga.csv");
    let report = workspace.json(&["land", extract.to_str().unwrap(), "--as", "census"]).done();
    let records =
        ["landed", "duplicate", "quarantined"].map(|fate| report.at("records")[fate].as_u64().unwrap());
    assert_eq!(records, [25_766, 0, 0]);
    workspace
}

/// The margins of the plan's tables, as it shows them.
fn margins(workspace: &Workspace) -> Vec<String> {
    let plan = workspace.json(&["release", "plan", "census"]).done();
    let tables = plan.at("tables").as_array().unwrap().iter();
    tables.map(|table| format!("{:.1}", table["margin"].as_f64().unwrap())).collect()
}

/// The landing as a run sees it, and the key that selects.
pub(crate) async fn snapshot(dir: &Path) -> (Snapshot, SelectionKey) {
    let [programme, restricted] = ["landing", "restricted"].map(|name| Store::open(name, dir).unwrap());
    let keys = Keys::load(&dir.join("keys")).unwrap();
    let key = SelectionKey::new(*keys.selection());
    let start = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    let options = Options { bucket_bits: 4, custodian: String::new(), programme_start: start };
    (Landing::open(programme, restricted, keys, options).snapshot().await.unwrap(), key)
}

/// The file's own people: code by dimension.
fn people() -> Vec<BTreeMap<&'static str, String>> {
    let rows = csv::Reader::from_path(fixtures().join("pums_fulton_ga.csv")).unwrap().into_deserialize();
    let person = |row: BTreeMap<String, String>| {
        let age = match row["age"].parse::<u32>().unwrap() {
            18..30 => "Y18T29",
            30..45 => "Y30T44",
            45..60 => "Y45T59",
            60..75 => "Y60T74",
            _ => "Y_GE75",
        };
        let copied = [("area", "puma"), ("sex", "sex"), ("education", "educ"), ("married", "married")];
        let mut person: BTreeMap<&str, String> =
            copied.into_iter().map(|(dimension, column)| (dimension, row[column].clone())).collect();
        person.insert("age_group", age.to_owned());
        person
    };
    rows.map(|row| person(row.unwrap())).collect()
}

/// Exact counts of one table, row-major over its dimensions.
fn exact(people: &[BTreeMap<&str, String>], shape: &StatisticShape, table: usize) -> Vec<f64> {
    let table = &shape.tables[table];
    let mut counts = vec![0.0; shape.n_cells(table)];
    for person in people {
        let cell = table.dimensions.iter().fold(0, |cell, dimension| {
            let dimension = &shape.dimensions[*dimension];
            let code = &person[dimension.name.as_str()];
            cell * dimension.codes.len() + dimension.codes.iter().position(|known| known == code).unwrap()
        });
        counts[cell] += 1.0;
    }
    counts
}
