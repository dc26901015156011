//! Rotation of a key of pseudonyms: every row and register is as it was under keys that nobody linked, whatever call fails;
//! what comes in later meets them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use marsad_log::testing::{FailingStore, Failure};
use marsad_log::{Log, Store};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::person::{close, persons, pseudonym, series, today};
use super::{CATALOG, Desk, LandedRow, Room, landed_rows, services};
use crate::keys::{Keys, PSEUDONYMS};
use crate::seal::key_path;
use crate::{ActError, Error, Landing};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";

const FIRST: [&str; 4] = [
    "E-1;12/07/2025;Oriental;HEALTH;1;oui",
    "E-1;12/09/2025;Oriental;FOOD;2;oui",
    "E-2;12/07/2025;Oriental;FOOD;1;oui",
    "E-3;12/08/2025;Oriental;FOOD;1;oui",
];

fn first() -> Vec<u8> {
    services(&FIRST)
}

fn folder(desk: &Desk) -> PathBuf {
    desk.0.path().join("keys")
}

/// Keys aside: who they are of stands in no other column.
fn values(rows: &[LandedRow]) -> Vec<LandedRow> {
    let mut rows = rows.to_vec();
    for row in &mut rows {
        row.retain(|name, _| !["person_key", "record_id"].contains(&name.as_str()));
    }
    rows.sort();
    rows
}

/// How many rows each person has, whoever it is.
fn sizes(rows: &[LandedRow]) -> Vec<usize> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *sizes.entry(&row["person_key"]).or_default() += 1;
    }
    let mut sizes: Vec<usize> = sizes.into_values().collect();
    sizes.sort_unstable();
    sizes
}

async fn rotate(room: &Room) -> Vec<(&'static str, u64)> {
    Keys::draw_next(&folder(&room.desk), PSEUDONYMS[0]).unwrap();
    let rotated = room.landing().rekey(false, &|_, _| {}).await.unwrap();
    Keys::settle_next(&folder(&room.desk), PSEUDONYMS[0]).unwrap();
    rotated.entries
}

async fn batches(landing: &Landing) -> Vec<(&'static str, u64)> {
    let snapshot = landing.snapshot().await.unwrap();
    snapshot.batches().iter().map(|batch| (batch.state, batch.rows)).collect()
}

#[tokio::test]
async fn all_rows_and_registers_go_on_under_keys_that_nothing_links_and_new_extracts_meet_them() {
    let room = Room::new();
    room.land(MAPPING, first()).await.unwrap();
    room.land(MAPPING, services(&["E-1;12/07/2025;Oriental;HEALTH;1;non"])).await.unwrap();
    close(&room.landing(), &room.desk).await;
    let erased = room.landing().erase(&persons(&room.desk, "partner:E-2"), today()).await.unwrap();
    assert_eq!(erased.entries, [("landing", 3), ("restricted", 0)]);
    let (before, old) = (room.rows(TYPE).await, room.landing());
    let old_key = std::fs::read(folder(&room.desk).join("pseudonym.key")).unwrap();
    let old_persons = ["partner:E-1", "partner:E-2"].map(|person| pseudonym(&room.desk, person));
    for n in 1..=3 {
        assert_eq!(rotate(&room).await, [("landing", 3 + n), ("restricted", n)], "check values of all keys");
        let after = room.rows(TYPE).await;
        assert_eq!((values(&after), sizes(&after)), (values(&before), sizes(&before)));
        assert_eq!(batches(&room.landing()).await, [("landed", 3), ("landed", 1)], "they stay apart");
    }
    let key = |rows: &[LandedRow], name: &str| -> BTreeSet<String> {
        rows.iter().map(|row| row[name].clone()).collect()
    };
    let after = room.rows(TYPE).await;
    for name in ["person_key", "record_id"] {
        assert!(key(&before, name).is_disjoint(&key(&after, name)), "{name}");
    }
    assert!(matches!(old.snapshot().await, Err(Error::OtherKey { .. })));

    // Registers hold the same persons, erased ones too, who never enter again.
    let record_type = &CATALOG.record_types[&TYPE.parse().unwrap()];
    let register = room.landing().register(record_type, series()).await.unwrap();
    let [one, two] = ["partner:E-1", "partner:E-2"].map(|person| pseudonym(&room.desk, person));
    assert!(
        register.holds(&one) && register.holds(&two) && !old_persons.iter().any(|old| register.holds(old))
    );
    assert_eq!(
        register.entries().map(|(person, _, cells)| (*person, cells[0])).collect::<Vec<_>>(),
        [(one, 1)]
    );

    // What landed once is known again, row by row; a withdrawal finds its record.
    assert!(room.land(MAPPING, first()).await.unwrap().already);
    let again = room.land(MAPPING, services(&["E-3;12/08/2025;Oriental;FOOD;1;oui"])).await.unwrap();
    assert_eq!((again.landed, again.duplicate), (0, 1));
    let withdrawn = room.land(MAPPING, services(&["E-3;12/08/2025;Oriental;FOOD;1;non"])).await.unwrap();
    assert_eq!(withdrawn.withdrawn, 1);
    let erased = services(&["E-2;12/07/2025;Oriental;FOOD;1;oui", "E-2;12/10/2025;Oriental;FOOD;1;oui"]);
    let erased = room.land(MAPPING, erased).await.unwrap();
    assert_eq!((erased.landed, erased.reasons["R15"]), (1, 1), "whoever was erased stays out");
    let exported = room.landing().export(&persons(&room.desk, "partner:E-1")).await.unwrap();
    assert_eq!(exported.0.len(), 4, "three rows and the entry in the register");
    assert_eq!(room.landing().erase(&persons(&room.desk, "partner:E-1"), today()).await.unwrap().files, 3);

    // The file keeps the keys that a pseudonym goes through; without them extracts would meet nobody.
    let file = std::fs::read_to_string(folder(&room.desk).join("pseudonym.key")).unwrap();
    assert_eq!((file.lines().count(), file.as_bytes().starts_with(&old_key)), (4, true));
}

/// The first entry of a store that nothing landed in takes the keys as they are then.
#[tokio::test]
async fn a_store_that_is_begun_after_a_rotation_is_rotated_with_the_other() {
    let room = Room::new();
    room.land(MAPPING, first()).await.unwrap();
    assert_eq!(rotate(&room).await, [("landing", 1)], "nothing ever landed in the restricted store");
    let header = "dossier;N° fiche;Date de l'identification;Region;Sexe;Année de naissance;Nationalité;\
                  Type d'exploitation;Consentement;Observations\n";
    room.land("partner_trafficking", format!("{header}A-1;7;12/07/2025;Oriental;F;1999;Mali;Travail;oui;\n"))
        .await
        .unwrap();
    assert_eq!(rotate(&room).await.len(), 2, "both logs hold check values of all keys");
    assert_eq!(room.rows("vot_identification").await.len(), 1);
}

#[tokio::test]
async fn a_crash_at_any_call_leaves_all_under_one_key_and_the_next_try_ends_it() {
    let desk = Desk::new();
    let key = folder(&desk).join("pseudonym.key");
    let kept = std::fs::read(&key).unwrap();
    let file = desk.file("extract.csv", first());
    let all = [&FIRST[..], &["E-4;12/08/2025;Oriental;FOOD;1;oui"]].concat();
    let again = desk.file("again.csv", services(&all));
    let ids = persons(&desk, "partner:E-2");
    let (mut untouched, mut unsettled) = (0, 0);
    for failure in [Failure::Before, Failure::After] {
        for fail_at in 0.. {
            std::fs::write(&key, &kept).unwrap();
            std::fs::remove_file(folder(&desk).join("pseudonym.next.key")).ok();
            let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let (store, restricted) = (Store::with(Arc::clone(&memory)), Store::memory());
            let landing = |store: &Store| desk.landing(store, &restricted);
            landing(&store).land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
            close(&landing(&store), &desk).await;
            landing(&store).erase(&ids, today()).await.unwrap();
            let before = landed_rows(&landing(&store), TYPE).await;
            Keys::draw_next(&folder(&desk), PSEUDONYMS[0]).unwrap();
            let failing = FailingStore::new(memory, fail_at, failure);
            if landing(&failing.store()).rekey(false, &|_, _| {}).await.is_ok() {
                assert!(fail_at >= 20, "every call was cut off once");
                break;
            }
            match landing(&store).snapshot().await {
                Ok(_) => {
                    untouched += 1;
                    assert_eq!(landed_rows(&landing(&store), TYPE).await, before, "{failure:?} at {fail_at}");
                }
                Err(Error::Act(ActError::Unsettled { name: "pseudonym" })) => unsettled += 1,
                Err(other) => panic!("{failure:?} at {fail_at}: {other}"),
            }
            landing(&store).rekey(false, &|_, _| {}).await.unwrap();
            Keys::settle_next(&folder(&desk), PSEUDONYMS[0]).unwrap();
            let after = landed_rows(&landing(&store), TYPE).await;
            assert_eq!(values(&after), values(&before));
            let log = Log::open(store.clone(), "_log").read().await.unwrap();
            assert_eq!(log.iter().filter(|entry| entry.kind == "rotated").count(), 1, "at {fail_at}");
            landing(&store).sweep().await.unwrap();
            let custody = landing(&store).custody(landing(&store).side(false)).await.unwrap();
            let mut live: Vec<String> =
                custody.live().flat_map(|path| [key_path(path), path.to_owned()]).collect();
            live.sort();
            let there = store.list("").await.unwrap().into_iter().filter(|path| !path.starts_with("_log/"));
            assert_eq!(there.collect::<Vec<_>>(), live, "at {fail_at}");
            let all = landing(&store).land(&CATALOG, MAPPING, &again, &|_, _| {}).await.unwrap();
            assert_eq!((all.landed, all.duplicate, all.reasons["R15"]), (1, 3, 1), "at {fail_at}");
        }
    }
    assert!(untouched > 0 && unsettled > 0);
}

#[tokio::test]
async fn a_landing_and_a_rotation_at_once_both_hold() {
    let place = tempfile::tempdir().unwrap();
    let room = Room { store: Store::open("landing", place.path()).unwrap(), ..Room::new() };
    room.land(MAPPING, first()).await.unwrap();
    let old = room.landing();
    Keys::draw_next(&folder(&room.desk), PSEUDONYMS[0]).unwrap();
    let rotating = room.landing();
    let next = room.desk.file(
        "next.csv",
        services(&["E-1;12/07/2025;Oriental;HEALTH;1;oui", "E-9;12/07/2025;Oriental;FOOD;1;oui"]),
    );
    let (landed, rotated) =
        futures::join!(old.land(&CATALOG, MAPPING, &next, &|_, _| {}), rotating.rekey(false, &|_, _| {}));
    rotated.unwrap();
    Keys::settle_next(&folder(&room.desk), PSEUDONYMS[0]).unwrap();
    // Either it landed before the key changed, or it was told that its key is another one, and lands anew.
    match landed {
        Ok(report) => assert_eq!((report.landed, report.duplicate), (1, 1)),
        Err(Error::OtherKey { .. } | Error::Damaged { .. }) => {
            let again = room.landing().land(&CATALOG, MAPPING, &next, &|_, _| {}).await.unwrap();
            assert_eq!((again.landed, again.duplicate), (1, 1));
        }
        Err(other) => panic!("{other}"),
    }
    assert_eq!(room.rows(TYPE).await.len(), 5);
}
