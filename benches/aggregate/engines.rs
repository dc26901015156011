//! Landed rows, and the two engines that read them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::common::config::{EncryptionFactoryOptions, TableParquetOptions};
use datafusion::dataframe::DataFrameWriteOptions;
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
use tokio::sync::OnceCell;

use crate::{Contender, Failure};

/// The rows that statistics may see: all figures are of these.
const VISIBLE: &str = "consent_reporting AND legal_basis <> '_U'";
/// The keys of the one grouping, as plain SQL finds them in a landed file.
const KEYS: &str = "date_trunc('quarter', event_month), region, beneficiary_category";

const HOME: &str = "[bound]\nmode = \"home_cell\"\n[home]\nregion = \"most_frequent\"\n";
const CLIP: &str = "[bound]\nmode = \"norm_clip\"\nc_squared = 9\nsource = \"benchmark\"\n";
const ONE: &str = "(quarter, region, beneficiary_category)";
const FIVE: &str = "(quarter), (quarter, sex), (quarter, region), (quarter, beneficiary_category), \
    (quarter, region, beneficiary_category)";

/// Leading bits of a person's key that name a bucket: 16 buckets up to 20 million rows, 256 beyond.
fn bucket_bits(rows: u64) -> u8 {
    if rows > 20_000_000 { 8 } else { 4 }
}

/// Simulates and lands rows in a folder.
pub(crate) async fn land(rows: u64, batches: usize, dir: &Path) -> Result<(), Failure> {
    builtin::write(dir)?;
    define(dir, "bench_one", ONE, HOME)?;
    define(dir, "bench_five", FIVE, HOME)?;
    define(dir, "bench_clip", ONE, CLIP)?;
    let started = Instant::now();
    let written = rows::write(rows, &dir.join("simulated"), 7, &|_, _| ())?;
    println!("simulated {rows} rows of {} persons, {:.1?}", written.persons, started.elapsed());
    let started = Instant::now();
    Keys::generate(&dir.join("keys"))?;
    let catalog = catalog(dir)?;
    let (landing, mut landed) = (landing(dir, rows)?, 0);
    for file in dealt(&written.file, batches)? {
        landed += landing.land(&catalog, "partner_assistance", &file, &|_, _| ()).await?.landed;
        fs::remove_file(&file)?;
    }
    println!("landed {landed} of them in {batches} batches, {:.1?}\n", started.elapsed());
    Ok(())
}

/// The rows of a file dealt in turn into so many, each under the same header.
fn dealt(file: &Path, n: usize) -> Result<Vec<PathBuf>, Failure> {
    if n == 1 {
        return Ok(vec![file.to_owned()]);
    }
    let mut lines = BufReader::new(File::open(file)?).split(b'\n');
    let header = lines.next().ok_or("an extract without a header")??;
    let files: Vec<PathBuf> = (0..n).map(|at| file.with_extension(format!("{at}.csv"))).collect();
    let open = |file: &PathBuf| File::create(file).map(BufWriter::new);
    let mut hands: Vec<BufWriter<File>> = files.iter().map(open).collect::<Result<_, _>>()?;
    let deal =
        |hand: &mut BufWriter<File>, line: &[u8]| hand.write_all(line).and_then(|()| hand.write_all(b"\n"));
    hands.iter_mut().try_for_each(|hand| deal(hand, &header))?;
    for (at, line) in lines.enumerate() {
        deal(&mut hands[at % n], &line?)?;
    }
    fs::remove_file(file)?;
    Ok(files)
}

fn catalog(dir: &Path) -> Result<Catalog, Failure> {
    Ok(Catalog::load(dir).map_err(|faults| format!("{faults:?}"))?)
}

fn landing(dir: &Path, rows: u64) -> Result<Landing, Failure> {
    let [programme, restricted] = [Store::open("landing", dir)?, Store::open("restricted", dir)?];
    let programme_start = NaiveDate::from_ymd_opt(2023, 1, 1).ok_or("no such day")?;
    let options = Options { bucket_bits: bucket_bits(rows), custodian: "bench".to_owned(), programme_start };
    Ok(Landing::open(programme, restricted, Keys::load(&dir.join("keys"))?, options))
}

/// Landed rows, ready for both engines.
pub(crate) struct Bench {
    catalog: Catalog,
    snapshot: Snapshot,
    key: SelectionKey,
    record_type: PathBuf,
    /// Only where it reads: what it holds for each file is not Marsad's.
    plain: OnceCell<SessionContext>,
}

impl Bench {
    pub(crate) async fn open(dir: &Path, rows: u64) -> Result<Self, Failure> {
        let catalog = catalog(dir)?;
        let landing = landing(dir, rows)?;
        let key = SelectionKey::new(*landing.keys().selection());
        let snapshot = landing.snapshot().await?;
        let record_type = dir.join("landing/assistance_service");
        Ok(Self { catalog, snapshot, key, record_type, plain: OnceCell::new() })
    }

    async fn plain(&self) -> Result<&SessionContext, Failure> {
        self.plain.get_or_try_init(|| plain(&self.record_type, &self.snapshot)).await
    }

    /// How long a contender takes from the files to all its figures.
    pub(crate) async fn time(&self, contender: Contender) -> Result<Duration, Failure> {
        let sql = match contender {
            Contender::CountStar => {
                format!("SELECT {KEYS}, count(*) FROM landed WHERE {VISIBLE} GROUP BY {KEYS}")
            }
            Contender::CountDistinct => {
                format!(
                    "SELECT {KEYS}, count(DISTINCT person_key) FROM landed WHERE {VISIBLE} GROUP BY {KEYS}"
                )
            }
            Contender::One => return self.private("bench_one").await,
            Contender::Five => return self.private("bench_five").await,
            Contender::Clip => return self.private("bench_clip").await,
        };
        let plain = self.plain().await?;
        let started = Instant::now();
        let batches = plain.sql(&sql).await?.collect().await?;
        let time = started.elapsed();
        if batches.iter().all(|batch| batch.num_rows() == 0) {
            return Err("the plain statement found nothing".into());
        }
        Ok(time)
    }

    async fn private(&self, id: &str) -> Result<Duration, Failure> {
        let private = Private::new(self, id)?;
        let landed = Landed::new(&self.catalog, &self.snapshot);
        let started = Instant::now();
        landed.tabulate(private.joint, &[&private.analysis], &self.key, &|_, _| ()).await?;
        Ok(started.elapsed())
    }

    /// Writes what statistics may see, in clear, for other engines.
    pub(crate) async fn export(&self, file: &str) -> Result<(), Failure> {
        let sql = format!(
            "SELECT encode(person_key, 'hex') AS person, date_trunc('quarter', event_month) AS quarter, \
             CAST(region AS VARCHAR) AS region, CAST(beneficiary_category AS VARCHAR) AS beneficiary_category \
             FROM landed WHERE {VISIBLE}"
        );
        let options = DataFrameWriteOptions::new().with_single_file_output(true);
        self.plain().await?.sql(&sql).await?.write_parquet(file, options, None).await?;
        Ok(())
    }
}

/// DataFusion as it comes, over the encrypted files of all batches.
async fn plain(record_type: &Path, snapshot: &Snapshot) -> Result<SessionContext, Failure> {
    let runtime = RuntimeEnv::default();
    let landed = LandedKeys { files: snapshot.files(&"assistance_service".parse()?) };
    runtime.register_parquet_encryption_factory(KEYS_OF_LANDING, Arc::new(landed));
    let config =
        SessionConfig::new().set_bool("datafusion.execution.listing_table_ignore_subdirectory", false);
    let context = SessionContext::new_with_config_rt(config, runtime.into());
    let mut options = TableParquetOptions::default();
    options.crypto.factory_id = Some(KEYS_OF_LANDING.to_owned());
    let format = ParquetFormat::default().with_options(options);
    let listing = ListingOptions::new(Arc::new(format)).with_file_extension(".parquet");
    let folder = record_type.to_str().ok_or("a folder that is no text")?;
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

/// A statistic of persons by quarter, region and category.
fn define(dir: &Path, id: &str, sets: &str, bound: &str) -> std::io::Result<()> {
    let sex = if sets.contains("sex") { ", sex" } else { "" };
    let sql = format!(
        "SELECT quarter, region, beneficiary_category{sex}, COUNT(DISTINCT person_key) AS persons\n\
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
}
