//! What does privacy cost? The bounded aggregate beside plain DataFusion on the same landed files, in one run.
//!
//! Each figure is the best of several rounds in which all take turns, so that a busy machine slows all alike. It prints
//! ratios and deliberately asserts none: times differ from machine to machine. `MARSAD_BENCH_ROWS` sets the size.
//! The last line is one JSON object (interfaces 3).

#![allow(clippy::print_stdout, reason = "a benchmark is read on the terminal")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::common::config::{EncryptionFactoryOptions, TableParquetOptions};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::ListingOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::parquet_encryption::EncryptionFactory;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use marsad_aggregate::analyse::Declared;
use marsad_aggregate::tabulate::Landed;
use marsad_aggregate::{Analysis, Sources, Verdict, analyse};
use marsad_catalog::{Catalog, builtin};
use marsad_landing::keys::Keys;
use marsad_landing::{LandedFile, Landing, Options, Snapshot};
use marsad_log::Store;
use marsad_privacy::Joint;
use marsad_privacy::bound::SelectionKey;
use marsad_simulate::rows;
use marsad_terms::Period;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;

/// Rows where nothing is said.
const ROWS: u64 = 2_000_000;
/// Rounds, the first of which only warms up.
const ROUNDS: u32 = 8;
/// The rows that statistics may see: all figures are of these.
const VISIBLE: &str = "consent_reporting AND legal_basis <> '_U'";
/// The keys of the one grouping, as plain SQL finds them in a landed file.
const KEYS: &str = "date_trunc('quarter', event_month), region, sex, age_group";

const HOME: &str = "[bound]\nmode = \"home_cell\"\n[home]\nregion = \"most_frequent\"\n";
const CLIP: &str = "[bound]\nmode = \"norm_clip\"\nc_squared = 9\nsource = \"benchmark\"\n";
const ONE: &str = "(quarter, region, sex, age_group)";
const FIVE: &str = "(quarter), (quarter, region), (quarter, region, sex), (quarter, region, age_group), \
    (quarter, region, sex, age_group)";

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let rows = std::env::var("MARSAD_BENCH_ROWS").map_or(Ok(ROWS), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let bench = Bench::new(folder.path(), rows).await?;
    let ours = [
        Private::new(&bench, "bench_one")?,
        Private::new(&bench, "bench_five")?,
        Private::new(&bench, "bench_clip")?,
    ];
    let count_star = format!("SELECT {KEYS}, count(*) FROM landed WHERE {VISIBLE} GROUP BY {KEYS}");
    let distinct =
        format!("SELECT {KEYS}, count(DISTINCT person_key) FROM landed WHERE {VISIBLE} GROUP BY {KEYS}");
    let mut best = [Duration::MAX; 5];
    for round in 0..ROUNDS {
        let mut times = [Duration::ZERO; 5];
        for (time, private) in times.iter_mut().zip(&ours) {
            *time = private.time(&bench).await?;
        }
        times[3] = bench.time_plain(&count_star).await?;
        times[4] = bench.time_plain(&distinct).await?;
        if round > 0 {
            best.iter_mut().zip(times).for_each(|(best, time)| *best = time.min(*best));
        }
    }
    report(rows, best.map(|time| time.as_secs_f64()));
    Ok(())
}

/// Landed rows, ready for both engines.
struct Bench {
    catalog: Catalog,
    snapshot: Snapshot,
    key: SelectionKey,
    plain: SessionContext,
}

impl Bench {
    async fn new(dir: &Path, rows: u64) -> Result<Self, Failure> {
        builtin::write(dir)?;
        define(dir, "bench_one", ONE, HOME)?;
        define(dir, "bench_five", FIVE, HOME)?;
        define(dir, "bench_clip", ONE, CLIP)?;
        let catalog = Catalog::load(dir).map_err(|faults| format!("{faults:?}"))?;
        let started = Instant::now();
        let written = rows::write(rows, &dir.join("simulated"), 7, &|_, _| ())?;
        println!("simulated {rows} rows of {} persons, {:.1?}", written.persons, started.elapsed());
        let started = Instant::now();
        Keys::generate(&dir.join("keys"))?;
        let keys = Keys::load(&dir.join("keys"))?;
        let key = SelectionKey::new(*keys.selection());
        let [programme, restricted] = [Store::open("landing", dir)?, Store::open("restricted", dir)?];
        let programme_start = NaiveDate::from_ymd_opt(2023, 1, 1).ok_or("no such day")?;
        let options = Options { bucket_bits: 4, custodian: "bench".to_owned(), programme_start };
        let landing = Landing::open(programme, restricted, keys, options);
        let landed = landing.land(&catalog, "partner_assistance", &written.file, &|_, _| ()).await?;
        println!("landed {} of them, {:.1?}\n", landed.landed, started.elapsed());
        fs::remove_file(&written.file)?;
        let snapshot = landing.snapshot().await?;
        let plain = plain(&dir.join("landing/assistance_service"), &snapshot).await?;
        Ok(Self { catalog, snapshot, key, plain })
    }

    async fn time_plain(&self, sql: &str) -> Result<Duration, Failure> {
        let started = Instant::now();
        let batches = self.plain.sql(sql).await?.collect().await?;
        let time = started.elapsed();
        if batches.iter().all(|batch| batch.num_rows() == 0) {
            return Err("the plain statement found nothing".into());
        }
        Ok(time)
    }
}

/// DataFusion as it comes, over the encrypted files of the one batch.
async fn plain(record_type: &Path, snapshot: &Snapshot) -> Result<SessionContext, Failure> {
    let batches: Vec<PathBuf> =
        fs::read_dir(record_type)?.map(|e| Ok(e?.path())).collect::<Result<_, Failure>>()?;
    let [batch] = batches.as_slice() else { return Err("one batch is expected".into()) };
    let runtime = RuntimeEnv::default();
    let landed = LandedKeys { files: snapshot.files(&"assistance_service".parse()?) };
    runtime.register_parquet_encryption_factory(KEYS_OF_LANDING, Arc::new(landed));
    let context = SessionContext::new_with_config_rt(SessionConfig::new(), runtime.into());
    let mut options = TableParquetOptions::default();
    options.crypto.factory_id = Some(KEYS_OF_LANDING.to_owned());
    let format = ParquetFormat::default().with_options(options);
    let listing = ListingOptions::new(Arc::new(format)).with_file_extension(".parquet");
    let folder = batch.to_str().ok_or("a folder that is no text")?;
    context.register_listing_table("landed", folder, listing, None, None).await?;
    Ok(context)
}

/// The name under which DataFusion finds the data keys.
const KEYS_OF_LANDING: &str = "landing";

/// Gives DataFusion the data keys of landed files.
#[derive(Debug)]
struct LandedKeys {
    files: Vec<LandedFile>,
}

#[async_trait::async_trait]
impl EncryptionFactory for LandedKeys {
    async fn get_file_encryption_properties(
        &self,
        _options: &EncryptionFactoryOptions,
        _schema: &SchemaRef,
        path: &object_store::path::Path,
    ) -> datafusion::error::Result<Option<Arc<FileEncryptionProperties>>> {
        Err(DataFusionError::Execution(format!("{path} is only read")))
    }

    async fn get_file_decryption_properties(
        &self,
        _options: &EncryptionFactoryOptions,
        path: &object_store::path::Path,
    ) -> datafusion::error::Result<Option<Arc<FileDecryptionProperties>>> {
        let file = self.files.iter().find(|file| path.as_ref().ends_with(&file.path));
        let file = file.ok_or_else(|| DataFusionError::Execution(format!("{path} has not landed")))?;
        let reading = file.reading().await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(reading.file_decryption_properties().cloned())
    }
}

/// A statistic of persons by quarter and the same attributes.
fn define(dir: &Path, id: &str, sets: &str, bound: &str) -> std::io::Result<()> {
    let sql = format!(
        "SELECT quarter, region, sex, age_group, COUNT(DISTINCT person_key) AS persons\n\
         FROM assistance_service\nGROUP BY GROUPING SETS ({sets})\n"
    );
    let text = "{ fr = \"Mesure\", ar = \"قياس\", en = \"Benchmark\" }";
    let toml = format!(
        "id = \"{id}\"\nversion = \"1.0.0\"\ntitle = {text}\nnote = {text}\nunit = \"PERSONS\"\n\
         purpose = \"P-2025-01\"\nsmallest_area = \"region\"\nanswers = []\n{bound}"
    );
    fs::write(dir.join("queries").join(format!("{id}.sql")), sql)?;
    fs::write(dir.join("queries").join(format!("{id}.toml")), toml)
}

/// A statistic, judged and shaped for the eight simulated quarters.
struct Private {
    analysis: Analysis,
    joint: Joint,
}

impl Private {
    fn new(bench: &Bench, id: &str) -> Result<Self, Failure> {
        let statistic = bench.catalog.statistics.get(&id.parse()?).ok_or("no such statistic")?;
        let sources = Sources::of(&bench.catalog);
        let Verdict::Accepted(analysis) = analyse(&statistic.sql, &sources, &Declared::of(statistic)) else {
            return Err("the statement is refused".into());
        };
        let periods: Vec<Period> = [2023, 2024]
            .into_iter()
            .flat_map(|year| (1..=4).map(move |q| Period::Quarter(year, q)))
            .collect();
        let joint = Joint::new(vec![analysis.shape(statistic, &bench.catalog, &periods, 1)?])?;
        Ok(Self { analysis: *analysis, joint })
    }

    async fn time(&self, bench: &Bench) -> Result<Duration, Failure> {
        let landed = Landed { catalog: &bench.catalog, snapshot: &bench.snapshot };
        let joint = self.joint.clone();
        let started = Instant::now();
        landed.tabulate(joint, &[&self.analysis], &bench.key, &|_, _| ()).await?;
        Ok(started.elapsed())
    }
}

fn report(rows: u64, [one, five, clip, count_star, distinct]: [f64; 5]) {
    let line =
        |what: &str, seconds: f64| println!("{what:<44} {seconds:>8.3} s {:>8.2}", seconds / count_star);
    println!("{:<44} {:>10} {:>8}", "persons by quarter × region × sex × age", "best of 7", "ratio");
    line("DataFusion, count(*): rows, no privacy", count_star);
    line("DataFusion, count(distinct): no privacy", distinct);
    line("Marsad, one grouping", one);
    line("Marsad, five groupings", five);
    line("Marsad, one grouping, norm clip", clip);
    let ratios = serde_json::json!({
        "rows": rows,
        "over_count_star": rounded(one / count_star),
        "count_distinct_over": rounded(distinct / one),
        "five_groupings_over_one": rounded(five / one),
        "norm_clip_over": rounded(clip / one),
    });
    println!("\n{ratios}");
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}
