//! One reading for several statistics: each gets what a reading of its own would give it, and no row that it may not see.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use chrono::NaiveDate;
use futures::StreamExt;
use marsad_catalog::{BoundMode, Catalog};
use marsad_landing::keys::Keys;
use marsad_landing::{Landing, Options, Snapshot};
use marsad_log::{Appended, Draft, Entry, Log, Store};
use marsad_privacy::Joint;
use marsad_privacy::bound::SelectionKey;
use marsad_simulate::Programme;
use marsad_terms::{Digest, Period};
use serde_json::json;
use tokio::sync::mpsc;

use super::world::block_on;
use crate::analyse::{Analysis, Declared, Verdict, analyse};
use crate::carry;
use crate::error::Error;
use crate::landed_table::LandedTable;
use crate::operator::Work;
use crate::scan::fed;
use crate::session::{Limits, session};
use crate::sources::Sources;
use crate::tabulate::{Landed, Table, bounded_sums, over};

/// A simulated programme with its traps, each extract a batch of its own, landed in several buckets.
async fn landed(catalog: &Catalog, folder: &Path) -> Snapshot {
    land(catalog, folder, &Store::memory()).await.snapshot().await.unwrap()
}

async fn land(catalog: &Catalog, folder: &Path, store: &Store) -> Landing {
    let programme = Programme::new(3, 0.02, catalog).unwrap();
    let extracts = programme.write_extracts(&folder.join("extracts"), &|_, _| ()).unwrap();
    Keys::generate(&folder.join("keys")).unwrap();
    let programme_start = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    let options = Options { bucket_bits: 2, custodian: "tester".to_owned(), programme_start };
    let keys = Keys::load(&folder.join("keys")).unwrap();
    let landing = Landing::open(store.clone(), Store::memory(), keys, options);
    for extract in &extracts {
        landing.land(catalog, &extract.mapping, &extract.file, &|_, _| ()).await.unwrap();
    }
    landing
}

/// Appends a batch to the custody log whose files are nowhere, a billion rows of them.
async fn claim_a_billion(store: &Store) {
    let log = Log::open(store.clone(), "_log");
    let entries = log.read().await.unwrap();
    let is_of_services =
        |entry: &&Entry| entry.kind == "batch" && entry.body.value()["record_type"] == "assistance_service";
    let mut body = entries.iter().find(is_of_services).unwrap().body.value();
    let batch = "0123456789abcdef0123456789abcdef";
    let file = |bucket: u32| {
        let path = format!("assistance_service/{batch}/{bucket}.parquet");
        json!({"path": path, "hash": Digest::of(b"nowhere"), "rows": 250_000_000, "bytes": 4_000_000_000_u64})
    };
    body["batch"] = batch.into();
    body["content"] = json!(Digest::of(b"an extract of a billion"));
    body["files"] = (0..4).map(file).collect();
    let written = log.append(entries.last(), Draft::new("batch", body)).await.unwrap();
    assert!(matches!(written, Appended::Written(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_billion_rows_are_planned_without_a_look_at_one() {
    let folder = tempfile::tempdir().unwrap();
    marsad_catalog::builtin::write(folder.path()).unwrap();
    let (catalog, store) = (Catalog::load(folder.path()).unwrap(), Store::memory());
    let landing = land(&catalog, folder.path(), &store).await;
    claim_a_billion(&store).await;
    let snapshot = landing.snapshot().await.unwrap();
    assert!(snapshot.batches().iter().map(|batch| batch.rows).sum::<u64>() > 1_000_000_000);
    let landed = Landed::new(&catalog, &snapshot);
    let of_services =
        |(analysis, _): &(Analysis, Work)| analysis.record_types.contains_key("assistance_service");
    let statistics: Vec<(Analysis, Work)> = statistics(&catalog).into_iter().filter(of_services).collect();
    for (analysis, work) in &statistics {
        let plan = landed.explain(analysis, Some(&work.shape)).await.unwrap();
        assert!(plan.contains("4 buckets in"), "{plan}");
    }
    let joint = Joint::new(statistics.iter().map(|(_, work)| (*work.shape).clone()).collect()).unwrap();
    let analyses: Vec<&Analysis> = statistics.iter().map(|(analysis, _)| analysis).collect();
    landed.limits.has_room(&joint, &analyses).unwrap();
    // Only a run looks for the files.
    let borrowed: Vec<(&Analysis, Work)> = statistics.iter().map(|(a, work)| (a, work.clone())).collect();
    assert!(landed.all_sums(&borrowed).await.is_err());
}

/// Every private statistic that scans records, in the quarters and years of the programme.
fn statistics(catalog: &Catalog) -> Vec<(Analysis, Work)> {
    let sources = Sources::of(catalog);
    let years = [2023, 2024, 2025];
    let quarters = years.into_iter().flat_map(|year| (1..=4).map(move |q| Period::Quarter(year, q)));
    let periods: Vec<Period> = quarters.chain(years.map(Period::Year)).collect();
    let wanted =
        catalog.statistics.values().filter(|s| !matches!(s.bound.mode, BoundMode::First | BoundMode::None));
    let judged = wanted.filter_map(|statistic| {
        let Verdict::Accepted(analysis) = analyse(&statistic.sql, &sources, &Declared::of(statistic)) else {
            panic!("{} is refused", statistic.id)
        };
        let shape = analysis.shape(statistic, catalog, &periods, 1).unwrap();
        let work = Work { shape: Arc::new(shape), f: 4, key: SelectionKey::new([7; 32]) };
        analysis.is_scan.then_some((*analysis, work))
    });
    judged.collect()
}

/// The sums over a table from which invisible rows were left out, with nobody beside.
async fn alone(catalog: &Catalog, snapshot: &Snapshot, analysis: &Analysis, work: &Work) -> Vec<i128> {
    let context = session(1, &Limits::default()).unwrap();
    let name = analysis.record_types.keys().next().unwrap();
    let table = LandedTable::new(&catalog.record_types[&name.parse().unwrap()], snapshot);
    let tables = BTreeMap::from([(name.clone(), Table::Public(Arc::new(table)))]);
    let input = over(&context.state(), carry::projected(analysis).unwrap(), &tables).await.unwrap();
    bounded_sums(Arc::new(work.clone()), input, &context.task_ctx()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_share_a_reading_get_what_each_gets_alone() {
    let folder = tempfile::tempdir().unwrap();
    marsad_catalog::builtin::write(folder.path()).unwrap();
    let catalog = Catalog::load(folder.path()).unwrap();
    let snapshot = landed(&catalog, folder.path()).await;
    let statistics = statistics(&catalog);
    let landed = Landed::new(&catalog, &snapshot);
    let borrowed: Vec<(&Analysis, Work)> = statistics.iter().map(|(a, work)| (a, work.clone())).collect();
    let together = landed.all_sums(&borrowed).await.unwrap();
    let mut shared = 0;
    for ((analysis, work), together) in statistics.iter().zip(together) {
        assert_eq!(together, alone(&catalog, &snapshot, analysis, work).await, "{}", work.shape.id);
        assert!(together.iter().any(|sum| *sum > 0), "{}", work.shape.id);
        shared += usize::from(analysis.record_types.contains_key("assistance_service"));
    }
    assert!(shared > 2, "several statistics read one record type");
    let reads = landed.read.buckets();
    assert_eq!(reads, landed.n_buckets(&borrowed).unwrap(), "every bucket is told of once");
    assert!(reads < statistics.len() as u64 * 4, "readings are shared");
    let joint = Joint::new(statistics.iter().map(|(_, work)| (*work.shape).clone()).collect()).unwrap();
    let analyses: Vec<&Analysis> = statistics.iter().map(|(analysis, _)| analysis).collect();
    landed.limits.has_room(&joint, &analyses).unwrap();
    let tight = Limits { memory: 1000, ..Limits::default() };
    assert!(matches!(tight.has_room(&joint, &analyses), Err(Error::Room { limit: 1, .. })));
}

#[test]
fn a_reading_that_breaks_off_is_no_end() {
    let batch = || RecordBatch::new_empty(Arc::new(Schema::empty()));
    let read = |whole: bool| {
        block_on(async {
            let (sender, receiver) = mpsc::channel(4);
            sender.send(Some(Ok(batch()))).await.unwrap();
            if whole {
                sender.send(None).await.unwrap();
            }
            drop(sender);
            fed(receiver).map(|batch| batch.is_ok()).collect::<Vec<_>>().await
        })
    };
    assert_eq!(read(true), [true]);
    assert_eq!(read(false), [true, false]);
}
