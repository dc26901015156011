//! Tests of the whole room: the sample extracts, files at their worst, crashes, races, neighbours.

mod access;
mod acts;
mod canary;
mod cells;
mod containers;
mod custody;
mod erased;
mod files;
mod forms;
mod key_space;
mod mutated;
mod neighbours;
mod person;
mod register;
mod rekey;
mod rows;
mod samples;
mod scaffold;
mod sealed;
mod sweep;
mod written;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, UInt16Type};
use chrono::NaiveDate;
use marsad_catalog::Catalog;
use marsad_log::Store;
use marsad_terms::RecordTypeId;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use tempfile::TempDir;

use crate::keys::Keys;
use crate::{Landing, Options, Report, Result};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    marsad_catalog::builtin::write(folder.path()).unwrap();
    Catalog::load(folder.path()).unwrap()
});

/// A landed row by column name, ids left out, absent values left out, decimals in hundredths.
type LandedRow = BTreeMap<String, String>;

fn options() -> Options {
    let programme_start = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    Options { bucket_bits: 2, custodian: "tester".to_owned(), programme_start }
}

/// Keys in a folder, and extracts beside them.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Keys::generate(&folder.path().join("keys")).unwrap();
        Self(folder)
    }

    fn keys(&self) -> Keys {
        Keys::load(&self.0.path().join("keys")).unwrap()
    }

    fn landing(&self, landing: &Store, restricted: &Store) -> Landing {
        Landing::open(landing.clone(), restricted.clone(), self.keys(), options())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// A desk with two stores in memory.
struct Room {
    desk: Desk,
    store: Store,
    restricted: Store,
}

impl Room {
    fn new() -> Self {
        Self { desk: Desk::new(), store: Store::memory(), restricted: Store::memory() }
    }

    fn landing(&self) -> Landing {
        self.desk.landing(&self.store, &self.restricted)
    }

    async fn land(&self, mapping: &str, bytes: impl AsRef<[u8]>) -> Result<Report> {
        let file = self.desk.file("extract.csv", bytes);
        self.land_file(mapping, &file).await
    }

    async fn land_file(&self, mapping: &str, file: &Path) -> Result<Report> {
        self.landing().land(&CATALOG, mapping, file, &|_, _| {}).await
    }

    /// A file of the store, decrypted.
    async fn opened(&self, path: &str) -> ParquetRecordBatchReader {
        let landing = self.landing();
        let bytes = self.store.get(path).await.unwrap().unwrap();
        let reading = landing.side(false).reading(path).await.unwrap();
        ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, reading).unwrap().build().unwrap()
    }

    async fn rows(&self, record_type: &str) -> Vec<LandedRow> {
        landed_rows(&self.landing(), record_type).await
    }
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/extracts").join(name)
}

/// Rows of the partner's file of services: `identifier;date;region;service;units;consent`.
fn services(rows: &[&str]) -> Vec<u8> {
    let mut text =
        "dossier;Date du service;Region;Sexe;Année de naissance;Nationalité;Catégorie;Type de service;\
                    Quantité;Montant (MAD);Consentement;Observations\n"
            .to_owned();
    for row in rows {
        let cells: Vec<&str> = row.split(';').collect();
        let [identifier, date, region, service, units, consent] = cells[..] else {
            panic!("six cells: {row}")
        };
        writeln!(text, "{identifier};{date};{region};F;1999;Mali;REG;{service};{units};;{consent};").unwrap();
    }
    windows_1252(&text)
}

fn windows_1252(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

async fn landed_rows(landing: &Landing, record_type: &str) -> Vec<LandedRow> {
    let record_type: RecordTypeId = record_type.parse().unwrap();
    let (mut rows, mut refused, mut given) = (Vec::new(), Vec::new(), HashSet::new());
    for file in landing.snapshot().await.unwrap().files(&record_type) {
        let bytes = file.store().get(&file.path).await.unwrap().unwrap();
        let mut n_rows = 0;
        let mut keys: Vec<(String, String)> = Vec::new();
        let reading = file.reading().await.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, reading).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            n_rows += batch.num_rows() as u64;
            for row in 0..batch.num_rows() {
                let key = |name| {
                    batch.column_by_name(name).map_or(String::new(), |array| text(array, row).unwrap())
                };
                keys.push((key("person_key"), key("record_id")));
                match key("consent_reporting").as_str() {
                    "false" if !file.withdraws => refused.push(key("record_id")),
                    "true" => drop(given.insert(key("record_id"))),
                    _ => {}
                }
                rows.push(landed_row(&batch, row));
            }
        }
        assert!(keys.is_sorted(), "{} is sorted", file.path);
        assert_eq!(n_rows, file.rows);
    }
    // Who reads the rows looks for withdrawals in no other file.
    assert!(refused.iter().all(|id| !given.contains(id)), "a file hides another's row and does not say so");
    rows.sort();
    rows
}

fn landed_row(batch: &arrow::record_batch::RecordBatch, row: usize) -> LandedRow {
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    fields.filter_map(|(field, array)| Some((field.name().clone(), text(array, row)?))).collect()
}

fn text(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    if let Some(codes) = array.as_dictionary_opt::<UInt16Type>() {
        let key = usize::from(codes.keys().value(row));
        return Some(codes.values().as_string::<i32>().value(key).to_owned());
    }
    if let Some(bytes) = array.as_fixed_size_binary_opt() {
        return Some(hex::encode(bytes.value(row)));
    }
    if let Some(values) = array.as_boolean_opt() {
        return Some(values.value(row).to_string());
    }
    if let Some(days) = array.as_primitive_opt::<Date32Type>() {
        return Some(Date32Type::to_naive_date_opt(days.value(row)).unwrap().format("%Y-%m-%d").to_string());
    }
    if let Some(values) = array.as_primitive_opt::<Decimal128Type>() {
        return Some(values.value(row).to_string());
    }
    if let Some(values) = array.as_primitive_opt::<UInt16Type>() {
        return Some(values.value(row).to_string());
    }
    Some(array.as_primitive::<Int64Type>().value(row).to_string())
}
