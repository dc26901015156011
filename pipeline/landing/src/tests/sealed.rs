//! Encryption at rest: what lies in the store tells nothing, and opens only whole, at its own place, under its own key.

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use marsad_log::Store;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Desk, Room, landed_rows, services};
use crate::{Error, LandedFile};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

fn extract() -> Vec<u8> {
    let rows: Vec<String> = (0..40).map(|i| format!("CANARY-{i};12/07/2025;Oriental;HEALTH;1;oui")).collect();
    services(&rows.iter().map(String::as_str).chain(["CANARY-X;;Oriental;FOOD;1;oui"]).collect::<Vec<_>>())
}

async fn landed() -> (Room, Vec<LandedFile>) {
    let room = Room::new();
    room.land(MAPPING, extract()).await.unwrap();
    let files = room.landing().snapshot().await.unwrap().files(&TYPE.parse().unwrap());
    assert!(files.len() >= 2);
    (room, files)
}

fn key_of(file: &LandedFile) -> String {
    crate::seal::key_path(&file.path)
}

async fn bytes(store: &Store, path: &str) -> Bytes {
    store.get(path).await.unwrap().unwrap()
}

/// Reads all rows of a file as a query does: without a look at the log's hash.
async fn read(file: &LandedFile) -> Result<Vec<RecordBatch>, String> {
    let reading = file.reading().await.map_err(|error| error.to_string())?;
    let bytes = bytes(file.store(), &file.path).await;
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, reading);
    let batches =
        reader.and_then(ParquetRecordBatchReaderBuilder::build).map_err(|error| error.to_string())?;
    batches.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[tokio::test]
async fn no_byte_of_the_store_shows_a_row_a_schema_or_a_pseudonym() {
    let (room, files) = landed().await;
    let pseudonyms: Vec<Vec<u8>> =
        room.rows(TYPE).await.iter().map(|row| hex::decode(&row["person_key"]).unwrap()).collect();
    assert!(pseudonyms.len() >= 40);
    let in_clear: [&[u8]; 6] = [b"CANARY", b"HEALTH", b"person_key", b"region", b"MA-02", b"PAR1"];
    for path in room.store.list("").await.unwrap() {
        let bytes = bytes(&room.store, &path).await;
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!pseudonyms.iter().any(|pseudonym| holds(pseudonym)), "{path}");
        let told = in_clear.iter().find(|needle| holds(needle));
        assert!(path.starts_with("_log/") || told.is_none(), "{path} holds {told:?}");
        assert!(!holds(b"CANARY"), "{path}");
    }
    assert!(files.iter().all(|file| !file.path.contains("CANARY")));
}

#[tokio::test]
async fn two_files_or_keys_that_change_places_do_not_open() {
    let (room, files) = landed().await;
    let [a, b] = [&files[0], &files[1]];
    let store = &room.store;
    for (x, y) in [(a.path.clone(), b.path.clone()), (key_of(a), key_of(b))] {
        let (first, second) = (bytes(store, &x).await, bytes(store, &y).await);
        store.put(&x, &second).await.unwrap();
        store.put(&y, &first).await.unwrap();
        assert!(read(a).await.is_err() && read(b).await.is_err(), "{x}");
        store.put(&x, &first).await.unwrap();
        store.put(&y, &second).await.unwrap();
    }
    // With its key a file still belongs to its place.
    let (file, key) = (bytes(store, &b.path).await, bytes(store, &key_of(b)).await);
    store.put(&a.path, &file).await.unwrap();
    store.put(&key_of(a), &key).await.unwrap();
    assert!(read(a).await.unwrap_err().contains(&a.path), "the error names record type, batch and bucket");
    assert!(read(b).await.is_ok());
}

#[tokio::test]
async fn a_flipped_bit_is_noticed_or_changes_nothing() {
    let (room, files) = landed().await;
    let file = &files[0];
    let whole = bytes(&room.store, &file.path).await;
    let rows = read(file).await.unwrap();
    let mut noticed = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 0x10;
        room.store.put(&file.path, &flipped.into()).await.unwrap();
        // Page indexes are not read, nor lengths that the footer repeats.
        match read(file).await {
            Ok(same) => assert_eq!(same, rows, "byte {at} of {}", whole.len()),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > whole.len() / 14, "{noticed} of {}", whole.len() / 7);
    // Landing compares the hash too.
    let next = room.land(MAPPING, services(&["N-1;12/07/2025;Oriental;FOOD;1;oui"])).await;
    assert!(matches!(next, Err(Error::Damaged { how: "changed", .. })), "{next:?}");
}

#[tokio::test]
async fn a_foreign_key_opens_nothing_and_a_destroyed_key_destroys_its_file_alone() {
    let (room, files) = landed().await;
    let (own, other) = (room.desk.keys().sealer(false), Desk::new().keys().sealer(false));
    let wrapped = bytes(&room.store, &key_of(&files[0])).await;
    assert!(own.reading(&files[0].path, &wrapped).unwrap().is_some());
    assert!(other.reading(&files[0].path, &wrapped).unwrap().is_none());
    assert!(room.desk.keys().sealer(true).reading(&files[0].path, &wrapped).unwrap().is_none());
    room.store.delete(&key_of(&files[0])).await.unwrap();
    let told = files[0].reading().await.unwrap_err();
    assert!(matches!(&told, Error::Damaged { how: "without its key", path } if *path == files[0].path));
    assert!(read(&files[1]).await.is_ok());
    let next = room.land(MAPPING, services(&["N-1;12/07/2025;Oriental;FOOD;1;oui"])).await;
    assert!(matches!(next, Err(Error::Damaged { how: "without its key", .. })), "{next:?}");
}

#[tokio::test]
async fn a_file_of_an_earlier_landing_of_the_same_rows_does_not_open_in_its_place() {
    let (old, old_files) = landed().await;
    let (new, new_files) = landed().await;
    let earlier = bytes(&old.store, &old_files[0].path).await;
    new.store.put(&new_files[0].path, &earlier).await.unwrap();
    assert!(read(&new_files[0]).await.is_err());
    assert!(landed_rows(&old.landing(), TYPE).await.len() >= 40);
}
