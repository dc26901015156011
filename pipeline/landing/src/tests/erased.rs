//! What was erased stays out: of every extract, by whatever key, whatever else is done to the store; what is of later lands.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use chrono::NaiveDate;
use marsad_catalog::{Catalog, DateForm};
use marsad_log::{Log, Store};
use marsad_terms::Month;

use super::person::{persons, pseudonym, today};
use super::{CATALOG, LandedRow, Room, services};
use crate::erased::{Erased, FOLDER};
use crate::keys::{Keys, WRAPPING};
use crate::pseudonym::Pseudonym;
use crate::seal::key_path;
use crate::{Error, Report, Rewritten};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

/// Erased at the end of September 2025: the last record alone is of later.
const OF_THE_ERASED: [&str; 4] = [
    "E-1;12/07/2025;Oriental;HEALTH;1;oui",
    "E-1;12/08/2025;Oriental;FOOD;1;non",
    "E-1;30/09/2025;Oriental;FOOD;1;oui",
    "E-1;01/10/2025;Oriental;FOOD;1;oui",
];
const OF_OTHERS: [&str; 2] = ["E-2;12/07/2025;Oriental;HEALTH;1;oui", "E-3;12/08/2025;Oriental;FOOD;1;oui"];

async fn erase(room: &Room, ids: &str) -> Rewritten {
    room.landing().erase(&persons(&room.desk, ids), today()).await.unwrap()
}

/// A room whose first extract was of E-1 and E-2, of whom the first was erased.
async fn erased() -> Room {
    let room = Room::new();
    room.land(MAPPING, services(&[OF_THE_ERASED[0], OF_OTHERS[0]])).await.unwrap();
    assert_eq!(erase(&room, "partner:E-1").await.files, 1);
    room
}

fn all() -> Vec<u8> {
    services(&[&OF_THE_ERASED[..], &OF_OTHERS[..]].concat())
}

async fn lists(store: &Store) -> Vec<String> {
    store.list(FOLDER).await.unwrap()
}

fn of_person(rows: &[LandedRow], person: [u8; 16]) -> Vec<&str> {
    let own = rows.iter().filter(|row| row["person_key"] == hex::encode(person));
    own.map(|row| row["event_month"].as_str()).collect()
}

fn outcome(report: &Report) -> (u64, u64, u64, &BTreeMap<String, u64>) {
    (report.landed, report.duplicate, report.withdrawn, &report.reasons)
}

#[tokio::test]
async fn a_cumulative_extract_lands_what_is_of_later_and_all_of_others() {
    let room = erased().await;
    let (landing, file) = (room.landing(), room.desk.file("all.csv", all()));
    let checked = landing.check(&CATALOG, (MAPPING, &file), None, &|_, _| {}).await.unwrap();
    let report = room.land_file(MAPPING, &file).await.unwrap();
    let reasons = BTreeMap::from([("R15".to_owned(), 3)]);
    assert_eq!(outcome(&report), (2, 1, 0, &reasons), "E-1 of October and E-3; E-2 is there already");
    assert_eq!(outcome(&checked), outcome(&report));
    let places = report.rejected.iter().map(|r| (r.record, r.line, r.column.as_deref(), r.reason.as_str()));
    assert_eq!(places.collect::<Vec<_>>(), [(1, 2, None, "R15"), (2, 3, None, "R15"), (3, 4, None, "R15")]);
    let gone = pseudonym(&room.desk, "partner:E-1");
    assert_eq!(of_person(&room.rows(TYPE).await, gone), ["2025-10-01"]);

    // Nor does it come in the place of a batch, or as a withdrawal of the consent of what it has now.
    let batch = report.batch.unwrap();
    let corrected = room.desk.file("corrected.csv", services(&OF_THE_ERASED[..3]));
    let of_batch = Some(&batch);
    let report = landing.land_in_place(&CATALOG, (MAPPING, &corrected), of_batch, &|_, _| {}).await.unwrap();
    assert_eq!(outcome(&report), (0, 0, 0, &reasons));
    assert_eq!(of_person(&room.rows(TYPE).await, gone), [""; 0]);
}

/// The month of the erasure may lie before or after it.
#[tokio::test]
async fn a_record_that_is_dated_by_its_month_counts_as_of_the_first() {
    let mut catalog = Catalog::clone(&CATALOG);
    let event = catalog.mappings.get_mut(MAPPING).unwrap().columns.get_mut("event_month").unwrap();
    event.dates.push(DateForm::Pattern("%m/%Y".to_owned()));
    let room = erased().await;
    let ids = persons(&room.desk, "partner:E-1");
    room.landing().erase(&ids, NaiveDate::from_ymd_opt(2025, 10, 15).unwrap()).await.unwrap();
    let dated = ["10/2025", "15/10/2025", "16/10/2025", "11/2025"];
    let rows = dated.map(|date| format!("E-1;{date};Oriental;FOOD;1;oui"));
    let file = room.desk.file("months.csv", services(&rows.each_ref().map(String::as_str)));
    let report = room.landing().land(&catalog, MAPPING, &file, &|_, _| {}).await.unwrap();
    assert_eq!((report.landed, report.reasons["R15"]), (2, 2));
    assert_eq!(report.rejected.iter().map(|rejected| rejected.record).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn who_has_no_rows_is_kept_out_of_both_stores_and_again_changes_nothing_that_day() {
    let room = Room::new();
    let done = erase(&room, "partner:E-1\nvot:A-1").await;
    assert_eq!(done, Rewritten { files: 0, entries: vec![("landing", 0), ("restricted", 0)] });
    assert_eq!(erase(&room, "vot:A-1").await, Rewritten::default());
    let before = [lists(&room.store).await, lists(&room.restricted).await];
    let next_day = today().succ_opt().unwrap();
    let later = room.landing().erase(&persons(&room.desk, "vot:A-1"), next_day).await.unwrap();
    assert_eq!(later, Rewritten { files: 0, entries: vec![("landing", 1), ("restricted", 1)] });
    for (store, before) in [&room.store, &room.restricted].into_iter().zip(before) {
        let now = lists(store).await;
        assert!(before.len() == 1 && now.len() == 1 && before != now, "one takes the other's place");
        assert!(store.get(&key_path(&before[0])).await.unwrap().is_none(), "its key is gone");
        let log = Log::open(store.clone(), "_log").read().await.unwrap();
        assert_eq!(log[1].body.value()["replaces"], serde_json::json!(before));
        assert_eq!(log[1].body.value()["list"].as_object().unwrap().len(), 2, "a path and a hash");
    }

    let report = room.land(MAPPING, all()).await.unwrap();
    assert_eq!((report.landed, report.reasons["R15"]), (3, 3));
    let header = "dossier;N° fiche;Date de l'identification;Region;Sexe;Année de naissance;Nationalité;\
                  Type d'exploitation;Consentement;Observations\n";
    let row =
        |person: &str, day: &str| format!("{person};{day};{day}/10/2025;Oriental;F;1999;Mali;Travail;oui;\n");
    let apart = [row("A-1", "01"), row("A-1", "02"), row("A-2", "03")].concat();
    let report = room.land("partner_trafficking", format!("{header}{apart}")).await.unwrap();
    assert_eq!((report.landed, report.reasons["R15"]), (2, 1), "the day has moved on by one");
}

/// Everybody is on both lists, under pseudonyms that nothing links.
#[tokio::test]
async fn each_store_lists_the_pseudonyms_of_its_own_key_space() {
    let room = erased().await;
    let landing = room.landing();
    let ids = persons(&room.desk, "partner:E-1");
    let own = [false, true].map(|side| ids.pseudonyms(&room.desk.keys().pseudonymiser(side)));
    assert!(own[0].is_disjoint(&own[1]));
    for side in [false, true] {
        let vault = landing.side(side);
        let list = Erased::read(vault, &landing.custody(vault).await.unwrap()).await.unwrap();
        let days = |persons: &HashSet<[u8; 16]>| list.days_of(persons).collect::<Vec<_>>();
        assert_eq!(days(&own[usize::from(side)]), [today()]);
        assert_eq!(days(&own[usize::from(!side)]), []);
        assert_eq!(list.until(Pseudonym([0; 16])), None, "records of organisations are nobody's");
    }
}

#[tokio::test]
async fn the_size_of_a_list_tells_whole_blocks_alone() {
    let room = Room::new();
    let landing = room.landing();
    let vault = landing.side(false);
    let mut sizes = Vec::new();
    for n in [1_u32, 2, 700, 1024, 1025, 2048] {
        let mut list = Erased::default();
        for person in 0..n {
            // As different as hashes are; some on the same day, some not.
            let person_key = *blake3::hash(&person.to_be_bytes()).as_bytes().first_chunk().unwrap();
            let day = today() - chrono::Days::new(u64::from(person % n.min(40)));
            list = list.with(&[person_key].into(), day).unwrap();
        }
        let put = list.put(vault).await.unwrap();
        sizes.push(room.store.get(&put.path).await.unwrap().unwrap().len());
    }
    assert!(sizes[..4].iter().all(|size| *size == sizes[0]), "{sizes:?}");
    assert!(sizes[4] == sizes[5] && sizes[4] > sizes[0] + 20_000, "{sizes:?}");
}

#[tokio::test]
async fn no_other_act_touches_the_list_and_a_new_landing_key_opens_it() {
    let room = erased().await;
    let landing = room.landing();
    let next = services(&[OF_OTHERS[1], "E-4;12/07/2024;Oriental;FOOD;1;oui"]);
    let batch = room.land(MAPPING, next).await.unwrap().batch.unwrap();
    let before = lists(&room.store).await;
    room.store
        .put(&format!("{FOLDER}/{}.parquet", "ab".repeat(16)), &Bytes::from_static(b"x"))
        .await
        .unwrap();
    assert_eq!(landing.sweep().await.unwrap().orphans, 1, "a list that no entry names");
    let kept = BTreeMap::from([(TYPE.parse().unwrap(), Month { year: 2025, month: 1 })]);
    assert_eq!(landing.purge(&kept, &|_, _| {}).await.unwrap().files, 1);
    landing.compact(&CATALOG.record_types[&TYPE.parse().unwrap()], &[], &|_, _| {}).await.unwrap();
    assert!(landing.retract(&batch, "it is in another").await.is_err());
    let whole = landing.snapshot().await.unwrap().batches().last().unwrap().batch.clone();
    landing.retract(&whole, "all of it").await.unwrap();
    let folder = room.desk.0.path().join("keys");
    Keys::draw_next(&folder, WRAPPING[0]).unwrap();
    room.landing().rotate(false, &|_, _| {}).await.unwrap();
    Keys::settle_next(&folder, WRAPPING[0]).unwrap();
    room.landing().sweep().await.unwrap();
    assert_eq!(lists(&room.store).await, before);
    assert_eq!(room.land(MAPPING, all()).await.unwrap().reasons["R15"], 3);
}

#[tokio::test]
async fn nothing_lands_by_a_list_that_is_not_the_one_that_was_put() {
    let room = erased().await;
    let path = lists(&room.store).await.remove(0);
    let (file, key) = (
        room.store.get(&path).await.unwrap().unwrap(),
        room.store.get(&key_path(&path)).await.unwrap().unwrap(),
    );
    // Another list, of another landing: it opens under its own key.
    let other = erased().await;
    let other = other.store.get(&lists(&other.store).await[0]).await.unwrap().unwrap();
    let mut flipped = file.to_vec();
    flipped[file.len() / 2] ^= 1;
    let mut wrong_key = key.to_vec();
    wrong_key[20] ^= 1;
    let damages: [(&str, Option<Bytes>, &str); 5] = [
        (&path, Some(flipped.into()), "changed"),
        (&path, Some(other), "changed"),
        (&path, None, "missing"),
        (&key_path(&path), Some(wrong_key.into()), "under another key"),
        (&key_path(&path), None, "without its key"),
    ];
    let before = room.rows(TYPE).await;
    for (at, bytes, found) in damages {
        match bytes {
            Some(bytes) => room.store.put(at, &bytes).await.unwrap(),
            None => room.store.delete(at).await.unwrap(),
        }
        let told = |result: Result<(), Error>| match result {
            Err(Error::Damaged { how, path: at }) => assert_eq!((how, &at), (found, &path)),
            other => panic!("{found}: {other:?}"),
        };
        let ids = persons(&room.desk, "partner:E-2");
        let extract = room.desk.file("all.csv", all());
        told(room.land_file(MAPPING, &extract).await.map(drop));
        told(room.landing().check(&CATALOG, (MAPPING, &extract), None, &|_, _| {}).await.map(drop));
        told(room.landing().export(&ids).await.map(drop));
        told(room.landing().erase(&ids, today()).await.map(drop));
        assert_eq!(room.rows(TYPE).await, before, "{found}");
        room.store.put(&path, &file).await.unwrap();
        room.store.put(&key_path(&path), &key).await.unwrap();
    }
    assert_eq!(room.land(MAPPING, all()).await.unwrap().reasons["R15"], 3);
}

#[tokio::test]
async fn no_byte_of_the_store_shows_who_is_on_the_list() {
    let room = erased().await;
    let gone = pseudonym(&room.desk, "partner:E-1");
    for path in room.store.list("").await.unwrap() {
        let bytes = room.store.get(&path).await.unwrap().unwrap();
        for needle in [&gone[..], hex::encode(gone).as_bytes(), b"E-1", b"person_key"] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{path}");
        }
    }
}

/// Whoever is first: what landed before the erasure is erased, what comes after it is kept out.
#[tokio::test]
async fn an_erasure_and_a_landing_of_the_same_person_at_once_leave_nothing_of_it() {
    for turns in (0..60).step_by(4) {
        // A folder, since its calls wait and let the others go on.
        let folder = tempfile::tempdir().unwrap();
        let room = Room { store: Store::open("landing", folder.path()).unwrap(), ..Room::new() };
        room.land(MAPPING, services(&[OF_THE_ERASED[0], OF_OTHERS[0]])).await.unwrap();
        let (ids, file) = (persons(&room.desk, "partner:E-1"), room.desk.file("all.csv", all()));
        let (erasing, landing) = (room.landing(), room.landing());
        let erase = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            erasing.erase(&ids, today()).await
        };
        let (done, landed) = futures::join!(erase, landing.land(&CATALOG, MAPPING, &file, &|_, _| {}));
        done.unwrap();
        landed.unwrap();
        let rows = room.rows(TYPE).await;
        let gone = of_person(&rows, pseudonym(&room.desk, "partner:E-1"));
        // A landing that was first brought the record of October too, which was erased with the others.
        assert!(gone.iter().all(|month| *month == "2025-10-01"), "{gone:?} after {turns}");
        assert_eq!(rows.len() - gone.len(), 2, "{turns}");
    }
}
