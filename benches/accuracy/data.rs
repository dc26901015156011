//! The data of the accuracy bench: two public populations, landed like any extract and read back as a statistic sees them.
//!
//! Both may be shown exactly: one is simulated, the other is published census microdata. It deliberately lacks noise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;
use marsad_aggregate::analyse::Declared;
use marsad_aggregate::{Analysis, LandedTable, Sources, Verdict, analyse};
use marsad_catalog::{Catalog, builtin};
use marsad_landing::keys::Keys;
use marsad_landing::{Landing, Options, Snapshot};
use marsad_log::Store;
use marsad_privacy::shape::{Aggregate, StatisticShape, TableSpec};
use marsad_simulate::Programme;
use marsad_terms::{Grain, Period};

use crate::Failure;

/// The three tables of algorithms 3.3: no table of regions, so that their totals are derived.
const DERIVED: &str = "SELECT quarter, region, sex, age_group, nationality_group, COUNT(DISTINCT person_key) AS persons
FROM assistance_service
GROUP BY GROUPING SETS ((quarter, region, nationality_group), (quarter, region, sex), (quarter, region, age_group))
";

/// A workspace with landed rows.
pub(crate) struct Room {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    catalog: Catalog,
    snapshot: Snapshot,
    _dir: tempfile::TempDir,
}

/// A statistic for some periods with the rows it reads.
pub(crate) struct Case {
    /// The name of the data.
    pub(crate) data: &'static str,
    /// As declared in the catalogue.
    pub(crate) shape: StatisticShape,
    /// Those who consent and have a row in the periods.
    pub(crate) persons: Vec<Person>,
    /// By table: plain counts without any bound.
    pub(crate) exact: Vec<Vec<f64>>,
}

/// One person's rows in the periods.
pub(crate) struct Person {
    pub(crate) key: [u8; 16],
    pub(crate) rows: Vec<Row>,
}

/// One row: its month as a day number, the index of its year and quarter, and of its code in each dimension.
pub(crate) struct Row {
    pub(crate) day: i32,
    pub(crate) periods: [Option<u32>; 2],
    pub(crate) codes: Vec<u16>,
}

impl Room {
    /// The simulated programme of the demonstration, and the statistic [`DERIVED`].
    pub(crate) async fn simulated(scale: f64) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        builtin::write(dir.path())?;
        fs::write(dir.path().join("queries/bench_derived.sql"), DERIVED)?;
        let toml = fs::read_to_string(dir.path().join("queries/assisted_persons.toml"))?;
        let toml = toml.replace("id = \"assisted_persons\"", "id = \"bench_derived\"");
        fs::write(dir.path().join("queries/bench_derived.toml"), toml)?;
        let catalog = load(dir.path())?;
        let programme = Programme::new(7, scale, &catalog)?;
        let extracts = programme.write_extracts(&dir.path().join("extracts"), &|_, _| ())?;
        let extracts = extracts.into_iter().map(|extract| (extract.file, extract.mapping)).collect();
        Self::land("simulated", dir, catalog, extracts).await
    }

    /// The census file of `tests/fixtures`: one row a person.
    pub(crate) async fn census() -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        builtin::write(dir.path())?;
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pums");
        let definitions = fixtures.join("definitions");
        for folder in ["schemas/code_lists", "schemas/record_types", "schemas/mappings", "queries"] {
            for entry in fs::read_dir(definitions.join(folder))? {
                let from = entry?.path();
                let name = from.file_name().ok_or("a file without a name")?;
                if from.is_file() {
                    fs::copy(&from, dir.path().join(folder).join(name))?;
                }
            }
        }
        let purposes = dir.path().join("purposes.toml");
        let purpose = fs::read_to_string(definitions.join("purpose.toml"))?;
        fs::write(&purposes, fs::read_to_string(&purposes)? + &purpose)?;
        let catalog = load(dir.path())?;
        let extract = (fixtures.join("pums_fulton_ga.csv"), "census".to_owned());
        Self::land("census", dir, catalog, vec![extract]).await
    }

    async fn land(
        name: &'static str,
        dir: tempfile::TempDir,
        catalog: Catalog,
        extracts: Vec<(PathBuf, String)>,
    ) -> Result<Self, Failure> {
        Keys::generate(&dir.path().join("keys"))?;
        let keys = Keys::load(&dir.path().join("keys"))?;
        let stores = [Store::open("landing", dir.path())?, Store::open("restricted", dir.path())?];
        let [programme, restricted] = stores;
        let programme_start = NaiveDate::from_ymd_opt(2023, 1, 1).ok_or("no such day")?;
        let options = Options { bucket_bits: 4, custodian: "bench".to_owned(), programme_start };
        let landing = Landing::open(programme, restricted, keys, options);
        for (file, mapping) in extracts {
            landing.land(&catalog, &mapping, &file, &|_, _| ()).await?;
        }
        let snapshot = landing.snapshot().await?;
        Ok(Self { name, catalog, snapshot, _dir: dir })
    }

    /// A statistic of the catalogue in some periods, judged and shaped as a release would.
    pub(crate) async fn case(&self, statistic: &str, periods: &[&str]) -> Result<Case, Failure> {
        let statistic = self.catalog.statistics.get(&statistic.parse()?).ok_or("no such statistic")?;
        let sources = Sources::of(&self.catalog);
        let Verdict::Accepted(analysis) = analyse(&statistic.sql, &sources, &Declared::of(statistic)) else {
            return Err("the statement is refused".into());
        };
        let periods: Vec<Period> = periods.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let shape = analysis.shape(statistic, &self.catalog, &periods, 1)?;
        if shape.aggregates.len() != 1 || matches!(shape.aggregates[0], Aggregate::Sum(_)) {
            return Err("the bench compares one count a statistic".into());
        }
        let persons = self.persons(&analysis, &shape).await?;
        let exact = shape.tables.iter().map(|table| exact(&shape, table, &persons)).collect();
        Ok(Case { data: self.name, shape, persons, exact })
    }

    async fn persons(&self, analysis: &Analysis, shape: &StatisticShape) -> Result<Vec<Person>, Failure> {
        let listed = Grain::ALL.map(|grain| texts(&shape.periods_of(grain)));
        let lists: Vec<&[String]> =
            listed.iter().chain(shape.dimensions.iter().map(|d| &d.codes)).map(Vec::as_slice).collect();
        let names = Grain::ALL.map(Grain::column).into_iter();
        let names = names.chain(shape.dimensions.iter().map(|dimension| dimension.name.as_str()));
        let columns: Vec<String> = names.map(|name| format!(", CAST({name} AS VARCHAR)")).collect();
        let columns = columns.concat();
        let sql = format!("SELECT person_key, CAST(event_month AS INT){columns} FROM landed");
        let table = analysis.record_types.keys().next().ok_or("no records")?;
        let record_type = self.catalog.record_types.get(&table.parse()?).ok_or("no such records")?;
        let context = SessionContext::new();
        context.register_table("landed", Arc::new(LandedTable::new(record_type, &self.snapshot)))?;
        let mut persons: BTreeMap<[u8; 16], Vec<Row>> = BTreeMap::new();
        for batch in context.sql(&sql).await?.collect().await? {
            let keys = batch.column(0).as_fixed_size_binary();
            let days = batch.column(1).as_primitive::<Int32Type>();
            let columns = batch.columns()[2..].iter().map(|column| cast(column, &DataType::Utf8));
            let columns: Vec<_> = columns.collect::<Result<_, _>>()?;
            for row in 0..batch.num_rows() {
                let text = |column: usize| columns[column].as_string::<i32>().value(row);
                let period = |column: usize| index(lists[column], text(column)).map(u32::from);
                let periods = [period(0), period(1)];
                if periods == [None; 2] {
                    continue;
                }
                let codes = (2..columns.len()).map(|column| place(lists[column], text(column))).collect();
                let person = persons.entry(keys.value(row).try_into()?).or_default();
                person.push(Row { day: days.value(row), periods, codes });
            }
        }
        Ok(persons.into_iter().map(|(key, rows)| Person { key, rows }).collect())
    }

    /// How many pairs of (quarter, region, service) each assisted person has over the whole programme.
    pub(crate) async fn pairs_over_all_time(&self) -> Result<Vec<usize>, Failure> {
        let services = "assistance_service".parse()?;
        let record_type = self.catalog.record_types.get(&services).ok_or("no such records")?;
        let context = SessionContext::new();
        context.register_table("landed", Arc::new(LandedTable::new(record_type, &self.snapshot)))?;
        let sql = "SELECT CAST(COUNT(*) AS INT) FROM (SELECT DISTINCT person_key, quarter, region, service_type FROM landed)
            GROUP BY person_key";
        let mut pairs = Vec::new();
        for batch in context.sql(sql).await?.collect().await? {
            let counts = batch.column(0).as_primitive::<Int32Type>().values();
            pairs.extend(counts.iter().filter_map(|n| usize::try_from(*n).ok()));
        }
        Ok(pairs)
    }
}

fn load(dir: &Path) -> Result<Catalog, Failure> {
    Catalog::load(dir).map_err(|faults| format!("{faults:?}").into())
}

fn texts(periods: &[Period]) -> Vec<String> {
    periods.iter().map(ToString::to_string).collect()
}

fn index(list: &[String], text: &str) -> Option<u16> {
    list.iter().position(|known| known == text).and_then(|at| u16::try_from(at).ok())
}

/// What the list does not know is `_U`, or has no cell.
fn place(codes: &[String], code: &str) -> u16 {
    index(codes, code).or_else(|| index(codes, "_U")).unwrap_or(u16::MAX)
}

/// A person's cells of one table with the number of rows in each, ascending.
pub(crate) fn cells_of(shape: &StatisticShape, table: &TableSpec, person: &Person) -> Vec<(usize, u32)> {
    let mut counts = BTreeMap::new();
    let inside =
        |row: &&Row| row.codes.iter().zip(&shape.dimensions).all(|(c, d)| usize::from(*c) < d.codes.len());
    for row in person.rows.iter().filter(inside) {
        let [year, quarter] = row.periods;
        let Some(period) = (if table.grain == Grain::Year { year } else { quarter }) else { continue };
        let cell = table.dimensions.iter().fold(period as usize, |cell, dimension| {
            cell * shape.dimensions[*dimension].codes.len() + usize::from(row.codes[*dimension])
        });
        *counts.entry(cell).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn exact(shape: &StatisticShape, table: &TableSpec, persons: &[Person]) -> Vec<f64> {
    let mut cells = vec![0.0; shape.n_cells(table)];
    for (cell, rows) in persons.iter().flat_map(|person| cells_of(shape, table, person)) {
        cells[cell] +=
            if shape.aggregates[table.aggregate] == Aggregate::Persons { 1.0 } else { f64::from(rows) };
    }
    cells
}
