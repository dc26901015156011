//! Attacks on the key space of a batch: definitions that change after it landed, entries that name what is not theirs.

use marsad_catalog::{Catalog, RecordType, Subject};
use marsad_log::{Appended, Draft, Log, Store};
use serde_json::{Value, json};

use super::{CATALOG, Room, services};
use crate::{Error, Result, Snapshot};

const TYPE: &str = "assistance_service";
const APART: &str = "vot_identification";

fn service() -> Vec<u8> {
    services(&["A-1;12/07/2025;Oriental;HEALTH;1;oui"])
}

fn identification() -> Vec<u8> {
    let header = "dossier;N° fiche;Date de l'identification;Region;Sexe;Année de naissance;Nationalité;\
                  Type d'exploitation;Consentement;Observations\n";
    format!("{header}A-1;7;12/07/2025;Oriental;F;1999;Mali;Travail;oui;\n").into_bytes()
}

/// Both have landed, each in its store.
async fn room() -> Room {
    let room = Room::new();
    room.land("partner_assistance", service()).await.unwrap();
    room.land("partner_trafficking", identification()).await.unwrap();
    room
}

/// The definitions with another subject of one record type.
fn changed(record_type: &str, subject: Subject) -> Catalog {
    let mut catalog = CATALOG.clone();
    let changed: &mut RecordType = catalog.record_types.get_mut(&record_type.parse().unwrap()).unwrap();
    changed.subject = subject;
    catalog
}

fn person(key_space: &str) -> Subject {
    Subject::Person { key_space: key_space.to_owned() }
}

async fn counted(room: &Room, catalog: &Catalog) -> Result<Snapshot> {
    room.landing().snapshot().await?.as_defined(catalog)
}

/// The batch entry of a store, and a room with the same keys and files whose logs hold what `forge` makes of it alone.
async fn forged(room: Room, is_restricted: bool, forge: impl Fn(&mut Value)) -> Room {
    let store = if is_restricted { &room.restricted } else { &room.store };
    let mut body = Log::open(store.clone(), "_log").read().await.unwrap().remove(0).body.value();
    forge(&mut body);
    let fresh = Store::memory();
    for path in store.list("").await.unwrap().iter().filter(|path| !path.starts_with("_log")) {
        fresh.put(path, &store.get(path).await.unwrap().unwrap()).await.unwrap();
    }
    let appended = Log::open(fresh.clone(), "_log").append(None, Draft::new("batch", body)).await.unwrap();
    assert!(matches!(appended, Appended::Written(_)));
    match is_restricted {
        true => Room { restricted: fresh, ..room },
        false => Room { store: fresh, ..room },
    }
}

#[tokio::test]
async fn what_landed_is_never_counted_by_another_key_space() {
    let room = room().await;
    assert!(counted(&room, &CATALOG).await.is_ok());
    for (record_type, subject) in [
        (APART, person("programme")),
        (APART, Subject::Organisation),
        (TYPE, person("trafficking")),
        (TYPE, person("border")),
        (TYPE, Subject::Organisation),
    ] {
        let read = counted(&room, &changed(record_type, subject.clone())).await;
        let Err(Error::KeySpace { record_type: told, .. }) = read else {
            panic!("{record_type} as {subject:?}")
        };
        assert_eq!(told.to_string(), record_type);
    }
    let mut forgotten = CATALOG.clone();
    forgotten.record_types.clear();
    assert!(counted(&room, &forgotten).await.is_ok(), "what is not defined is not counted");
}

#[tokio::test]
async fn nothing_lands_beside_what_landed_in_another_key_space() {
    let room = room().await;
    let more = identification().into_iter().chain(*b"A-2;8;12/07/2025;Oriental;F;1999;Mali;Travail;oui;\n");
    let file = room.desk.file("more.csv", more.collect::<Vec<u8>>());
    let catalog = changed(APART, person("programme"));
    let objects = || async { [room.store.list("").await.unwrap(), room.restricted.list("").await.unwrap()] };
    let before = objects().await;
    let (landing, extract) = (room.landing(), ("partner_trafficking", file.as_path()));
    let landed = landing.land(&catalog, extract.0, extract.1, &|_, _| {}).await;
    assert!(matches!(landed, Err(Error::KeySpace { .. })));
    assert!(matches!(landing.check(&catalog, extract, None, &|_, _| {}).await, Err(Error::KeySpace { .. })));
    assert_eq!(objects().await, before, "nothing was written");
    // Taken back, it no longer stands in the way.
    let batch = landing.snapshot().await.unwrap().batches()[1].batch.clone();
    landing.retract(&batch, "").await.unwrap();
    assert_eq!(landing.land(&catalog, extract.0, extract.1, &|_, _| {}).await.unwrap().landed, 2);
    assert!(counted(&room, &catalog).await.is_ok());
}

#[tokio::test]
async fn an_entry_gives_no_file_to_another_record_type_or_store() {
    // The same columns under another name would be read without a fault.
    let room = forged(room().await, false, |body| body["record_type"] = json!("needs_assessment")).await;
    let read = counted(&room, &CATALOG).await;
    assert!(matches!(read, Err(Error::Damaged { how: "named as part of another batch", .. })));
    let room = forged(self::room().await, true, |body| body["key_space"] = json!("programme")).await;
    for subject in ["programme", "trafficking"] {
        let read = counted(&room, &changed(APART, person(subject))).await;
        assert!(matches!(read, Err(Error::Damaged { how: "named in the log of another store", .. })));
    }
}

#[tokio::test]
async fn of_batches_from_before_key_spaces_were_recorded_the_store_tells() {
    let forget = |body: &mut Value| drop(body.as_object_mut().unwrap().remove("key_space").unwrap());
    let room = forged(forged(room().await, true, forget).await, false, forget).await;
    assert!(counted(&room, &CATALOG).await.is_ok());
    for (record_type, key_space) in [(APART, "programme"), (TYPE, "trafficking")] {
        let read = counted(&room, &changed(record_type, person(key_space))).await;
        assert!(matches!(read, Err(Error::KeySpace { .. })));
    }
}

#[tokio::test]
async fn a_compacted_batch_keeps_its_key_space() {
    let room = room().await;
    room.land(
        "partner_trafficking",
        [identification(), b"A-2;8;12/07/2025;Oriental;F;1999;Mali;Travail;oui;\n".to_vec()].concat(),
    )
    .await
    .unwrap();
    let landing = room.landing();
    let done =
        landing.compact(&CATALOG.record_types[&APART.parse().unwrap()], &[], &|_, _| {}).await.unwrap();
    assert!(done.files > 0);
    assert!(counted(&room, &CATALOG).await.is_ok());
    assert!(matches!(
        counted(&room, &changed(APART, Subject::Organisation)).await,
        Err(Error::KeySpace { landed: "in the key space `trafficking`", .. })
    ));
}
