//! First-time series over landed files: who enters, once and for all, and whose entries count. With the registers of V05.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use marsad_catalog::{Catalog, RecordType};
use marsad_landing::keys::Keys;
use marsad_landing::{Entry, Landing, Options, Register, Snapshot};
use marsad_log::Store;
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::series::SeriesShape;
use marsad_privacy::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Output, StatisticShape, TableSpec,
};
use marsad_terms::{Digest, Grain};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use super::differential::{REGIONS, Record, accepted, records, table};
use super::world::{block_on, multiset};
use crate::analyse::{Analysis, Declared, Verdict, analyse};
use crate::calendar::Calendar;
use crate::carry;
use crate::landed_table::LandedTable;
use crate::operator::Work;
use crate::series::{Closing, Newcomers, joined, poured};
use crate::session::{Limits, session};
use crate::sources::Sources;
use crate::tabulate::{Landed, Table, over};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    marsad_catalog::builtin::write(folder.path()).unwrap();
    Catalog::load(folder.path()).unwrap()
});

/// The keys of all tests.
static DESK: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    Keys::generate(&folder.path().join("keys")).unwrap();
    folder
});

fn landing(store: &Store, bucket_bits: u8) -> Landing {
    let programme_start = chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    let options = Options { bucket_bits, custodian: "tester".to_owned(), programme_start };
    let keys = Keys::load(&DESK.path().join("keys")).unwrap();
    Landing::open(store.clone(), Store::memory(), keys, options)
}

fn assistance() -> &'static RecordType {
    &CATALOG.record_types[&"assistance_service".parse().unwrap()]
}

fn series() -> Digest {
    Digest::of(b"the definition of a series")
}

/// Persons by quarter, in all and by the first of these regions that a list holds.
fn shape(start: &str, n_steps: usize, regions: &[&str]) -> SeriesShape {
    let region = Dimension {
        name: "region".to_owned(),
        code_list: "REF_AREA".to_owned(),
        codes: regions.iter().map(|code| (*code).to_owned()).collect(),
        zeros: Vec::new(),
        home: Some(HomeRule::MostRecent),
    };
    let table = |dimensions: Vec<usize>, b| TableSpec { aggregate: 0, grain: Grain::Quarter, dimensions, b };
    let start = start.parse().unwrap();
    SeriesShape::new(StatisticShape {
        id: "first_time".parse().unwrap(),
        bound: Bound::First { start },
        dimensions: vec![region],
        periods: std::iter::successors(Some(start), |period| Some(period.next())).take(n_steps).collect(),
        aggregates: vec![Aggregate::Persons],
        tables: vec![table(vec![], 2), table(vec![0], 1)],
        outputs: vec![Output { name: "n".to_owned(), expression: Expression::Aggregate { aggregate: 0 } }],
        strategy: marsad_privacy::shape::Strategy::Tables,
    })
    .unwrap()
}

fn sql(clause: &str) -> String {
    format!(
        "SELECT quarter, region, COUNT(DISTINCT person_key) AS n FROM assistance_service {clause} \
         GROUP BY GROUPING SETS ((quarter), (quarter, region))"
    )
}

/// A statement over the catalogue's own table.
fn statement(clause: &str) -> Analysis {
    match analyse(&sql(clause), &Sources::of(&CATALOG), &Declared::default()) {
        Verdict::Accepted(analysis) => *analysis,
        refused => panic!("{clause}: {refused:?}"),
    }
}

fn key() -> SelectionKey {
    SelectionKey::new([7; 32])
}

/// One row of an extract.
#[derive(Clone)]
struct Visit {
    person: String,
    /// Of 2025, from 0.
    quarter: u64,
    region: &'static str,
    service: &'static str,
    units: u64,
    consent: bool,
}

fn visit(person: &str, quarter: u64, region: &'static str) -> Visit {
    Visit { person: person.to_owned(), quarter, region, service: "HEALTH", units: 1, consent: true }
}

fn withdrawn(visit: Visit) -> Visit {
    Visit { consent: false, ..visit }
}

fn extract(visits: &[Visit]) -> Vec<u8> {
    let mut text =
        "dossier;Date du service;Region;Sexe;Année de naissance;Nationalité;Catégorie;Type de service;\
                    Quantité;Montant (MAD);Consentement;Observations\n"
            .to_owned();
    for Visit { person, quarter, region, service, units, consent } in visits {
        let (month, consent) = (quarter * 3 + 2, if *consent { "oui" } else { "non" });
        writeln!(text, "{person};12/{month:02}/2025;{region};F;1999;Mali;REG;{service};{units};;{consent};")
            .unwrap();
    }
    // Latin-1 is what Windows-1252 is for these letters.
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect()
}

/// A programme with a series over its records, in four quarters.
struct Programme {
    rows: Store,
    register: Store,
    bucket_bits: u8,
    analysis: Analysis,
    shape: SeriesShape,
}

impl Programme {
    fn new(bucket_bits: u8) -> Self {
        let shape = shape("2025-Q1", 4, &["MA-01", "MA-06", "_U"]);
        let (rows, register) = (Store::memory(), Store::memory());
        Self { rows, register, bucket_bits, analysis: statement(""), shape }
    }

    async fn land(&self, visits: &[Visit]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("extract.csv");
        std::fs::write(&file, extract(visits)).unwrap();
        let landing = landing(&self.rows, self.bucket_bits);
        let report = landing.land(&CATALOG, "partner_assistance", &file, &|_, _| {}).await.unwrap();
        assert_eq!(report.quarantined, 0, "{:?}", report.reasons);
    }

    async fn snapshot(&self) -> Snapshot {
        landing(&self.rows, self.bucket_bits).snapshot().await.unwrap()
    }

    async fn register(&self) -> Register {
        landing(&self.register, self.bucket_bits).register(assistance(), series()).await.unwrap()
    }

    async fn entrants(&self, open: RangeInclusive<u32>) -> Vec<Entry> {
        let snapshot = self.snapshot().await;
        let landed = Landed::new(&CATALOG, &snapshot);
        let register = self.register().await;
        let closing = Closing { register: &register, open, key: &key() };
        landed.entrants(&self.analysis, &self.shape, &closing).await.unwrap()
    }

    /// Closes steps as a run does.
    async fn close(&self, open: RangeInclusive<u32>) -> Register {
        let entries = self.entrants(open.clone()).await;
        let landing = landing(&self.register, self.bucket_bits);
        let snapshot = landing.snapshot().await.unwrap();
        landing.close_steps(assistance(), series(), (open, entries), &snapshot).await.unwrap()
    }

    /// Step and region of those whose entries count, by the person's key.
    async fn counting(&self) -> BTreeMap<[u8; 16], (u32, u32)> {
        let snapshot = self.snapshot().await;
        let landed = Landed::new(&CATALOG, &snapshot);
        let register = self.register().await;
        landed.counts(&self.analysis, &self.shape, &register).await.unwrap();
        let withdrawn = landed.withdrawn(&self.analysis, &self.shape, &register).await.unwrap();
        let entries = register.entries().zip(withdrawn).filter(|(_, withdrawn)| !withdrawn);
        entries.map(|((person, step, cells), _)| (*person, (step, cells[1]))).collect()
    }
}

/// The key of a person, found by landing it alone.
async fn key_of(person: &str) -> [u8; 16] {
    let alone = Programme::new(0);
    alone.land(&[visit(person, 0, "TTA")]).await;
    let [entry] = alone.entrants(0..=3).await.try_into().ok().unwrap();
    entry.person
}

#[tokio::test]
async fn the_first_event_decides_and_several_files_of_a_bucket_are_one() {
    for bucket_bits in [0, 3] {
        let programme = Programme::new(bucket_bits);
        programme.land(&[visit("A", 2, "TTA"), visit("B", 1, "Casablanca-Settat")]).await;
        programme.land(&[visit("A", 1, "Casablanca-Settat"), visit("C", 3, "TTA")]).await;
        programme.land(&[visit("D", 0, "Marrakech-Safi"), visit("B", 2, "TTA")]).await;
        let register = programme.close(0..=2).await;
        assert_eq!(register.closed(), 3);
        let [a, b, d] = [key_of("A").await, key_of("B").await, key_of("D").await];
        let expected = BTreeMap::from([(a, (1, 1)), (b, (1, 1)), (d, (0, 2))]);
        assert_eq!(programme.counting().await, expected, "C has no event before step 3");
        assert_eq!(programme.close(3..=3).await.entries().len(), 4);
    }
}

#[tokio::test]
async fn an_entry_is_never_computed_again() {
    let programme = Programme::new(1);
    programme.land(&[visit("A", 1, "TTA")]).await;
    programme.close(0..=1).await;
    // An earlier event elsewhere lands late: A has entered.
    programme.land(&[visit("A", 0, "Casablanca-Settat"), visit("A", 2, "Casablanca-Settat")]).await;
    assert!(programme.entrants(2..=3).await.is_empty());
    programme.close(2..=3).await;
    assert_eq!(programme.counting().await, BTreeMap::from([(key_of("A").await, (1, 0))]));
}

#[tokio::test]
async fn rows_of_a_closed_step_that_land_late_enter_at_the_open_one() {
    let programme = Programme::new(1);
    programme.land(&[visit("A", 0, "TTA")]).await;
    programme.close(0..=1).await;
    programme.land(&[visit("B", 0, "Casablanca-Settat"), visit("B", 2, "TTA"), visit("C", 3, "TTA")]).await;
    programme.close(2..=2).await;
    let [a, b] = [key_of("A").await, key_of("B").await];
    assert_eq!(programme.counting().await, BTreeMap::from([(a, (0, 0)), (b, (2, 1))]));
}

#[tokio::test]
async fn consent_that_comes_late_enters_late_and_a_correction_moves_nobody() {
    let programme = Programme::new(1);
    programme.land(&[withdrawn(visit("A", 0, "TTA")), visit("B", 0, "TTA")]).await;
    programme.close(0..=0).await;
    let [a, b] = [key_of("A").await, key_of("B").await];
    assert_eq!(programme.counting().await, BTreeMap::from([(b, (0, 0))]));
    // A consents with its next visit; B's visit comes again with another region.
    programme.land(&[visit("A", 1, "Casablanca-Settat"), visit("B", 0, "Casablanca-Settat")]).await;
    programme.close(1..=1).await;
    assert_eq!(programme.counting().await, BTreeMap::from([(a, (1, 1)), (b, (0, 0))]));
}

#[tokio::test]
async fn who_withdraws_all_its_rows_stops_counting_until_it_consents_again() {
    let programme = Programme::new(1);
    let visits = [visit("A", 0, "TTA"), visit("A", 1, "TTA"), visit("B", 0, "TTA")];
    programme.land(&visits).await;
    programme.close(0..=1).await;
    let [a, b] = [key_of("A").await, key_of("B").await];
    let all = BTreeMap::from([(a, (0, 0)), (b, (0, 0))]);
    programme.land(&[withdrawn(visits[0].clone())]).await;
    assert_eq!(programme.counting().await, all, "one of A's visits is left");
    programme.land(&[withdrawn(visits[1].clone())]).await;
    assert_eq!(programme.counting().await, BTreeMap::from([(b, (0, 0))]));
    programme.close(2..=2).await;
    programme.land(&[visit("A", 3, "Casablanca-Settat")]).await;
    programme.close(3..=3).await;
    assert_eq!(programme.counting().await, all, "in the cell where it entered");
}

#[tokio::test]
async fn rows_that_are_none_of_the_statistic_neither_enter_nor_keep_an_entry() {
    let mut programme = Programme::new(1);
    programme.analysis = statement("WHERE service_type = 'HEALTH'");
    let food = |person| Visit { service: "FOOD", ..visit(person, 0, "TTA") };
    programme.land(&[visit("A", 0, "TTA"), food("A"), food("B"), visit("C", 0, "TTA")]).await;
    programme.close(0..=0).await;
    let [a, c] = [key_of("A").await, key_of("C").await];
    assert_eq!(programme.counting().await, BTreeMap::from([(a, (0, 0)), (c, (0, 0))]));
    programme.land(&[withdrawn(visit("A", 0, "TTA")), withdrawn(food("C"))]).await;
    assert_eq!(programme.counting().await, BTreeMap::from([(c, (0, 0))]));
}

#[tokio::test]
async fn who_has_no_rows_left_keeps_counting() {
    let programme = Programme::new(1);
    programme.land(&[visit("A", 0, "TTA"), visit("B", 0, "TTA")]).await;
    programme.close(0..=0).await;
    let purged = Programme { rows: Store::memory(), ..programme };
    assert_eq!(purged.counting().await.len(), 2, "nothing is landed at all");
    purged.land(&[visit("B", 0, "TTA")]).await;
    assert_eq!(purged.counting().await.len(), 2, "A has no rows");
    purged.land(&[withdrawn(visit("A", 2, "TTA"))]).await;
    assert_eq!(purged.counting().await, BTreeMap::from([(key_of("B").await, (0, 0))]));
}

#[tokio::test]
async fn an_empty_landing_closes_steps_that_nobody_enters() {
    let programme = Programme::new(1);
    let register = programme.close(0..=2).await;
    assert_eq!((register.closed(), register.entries().len()), (3, 0));
    assert!(programme.counting().await.is_empty());
}

#[tokio::test]
async fn a_register_of_another_series_is_refused() {
    let programme = Programme::new(0);
    let entry = Entry { person: [1; 16], step: 0, cells: vec![0, 9] };
    let landing = landing(&programme.register, 0);
    let (first, empty) = ((0..=0, vec![entry]), landing.snapshot().await.unwrap());
    let register = landing.close_steps(assistance(), series(), first, &empty).await.unwrap();
    let snapshot = programme.snapshot().await;
    let landed = Landed::new(&CATALOG, &snapshot);
    let counts = landed.counts(&programme.analysis, &programme.shape, &register).await;
    assert!(matches!(counts, Err(crate::Error::Privacy(marsad_privacy::Error::Damaged { .. }))));
}

#[tokio::test]
async fn the_registers_of_v05_come_out_of_landed_rows() {
    let vectors = include_str!("../../../privacy/testdata/V05_toeplitz.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let histories = vectors["register"].as_array().unwrap();
    assert!(histories.len() >= 2);
    for history in histories {
        follow(history).await;
    }
}

/// Lands and closes step by step what a history of V05 tells, and compares entries and who counts.
async fn follow(history: &Value) {
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let persons = history["persons"].as_object().unwrap();
    let mut keys = BTreeMap::new();
    for (at, person) in persons.keys().enumerate() {
        keys.insert(person.as_str(), key_of(&format!("P-{at}")).await);
    }
    let mut programme = Programme::new(1);
    let opened_at = number(&history["steps_closed_at_opening"]) - 1;
    for step in opened_at..number(&history["horizon"]) {
        programme.rows = Store::memory();
        programme.land(&visits(persons, step)).await;
        let register = programme.close(if step == opened_at { 0..=step } else { step..=step }).await;
        let counting = programme.counting().await;
        for (person, told) in persons {
            let erased = told["erased_before"].as_u64().is_some_and(|before| u64::from(step) >= before);
            let counts = history["in_register_at_step"][person][step as usize].as_bool().unwrap();
            // Erasure is not built: an erased person stays in the register, and registers anew in vain.
            let found = counting.contains_key(&keys[person.as_str()]);
            assert!(found == counts || erased, "{person} at step {step}");
            assert!(!counts || register.holds(&keys[person.as_str()]));
        }
    }
    let entries = programme.register().await;
    let entries: BTreeMap<_, _> =
        entries.entries().map(|(person, step, cells)| (*person, (step, cells[1]))).collect();
    let region = |told: &Value| u32::from(told["region"] == "MA-06");
    let expected = history["register"].as_object().unwrap();
    let expected: BTreeMap<_, _> = expected
        .iter()
        .map(|(person, told)| (keys[person.as_str()], (number(&told["step"]), region(told))))
        .collect();
    assert_eq!(entries, expected);
}

/// All rows of a history, with consent where they are visible at this step.
fn visits(persons: &serde_json::Map<String, Value>, step: u32) -> Vec<Visit> {
    let rows = persons
        .values()
        .enumerate()
        .flat_map(|(at, told)| told["rows"].as_array().unwrap().iter().map(move |row| (at, row)));
    rows.map(|(at, row)| Visit {
        consent: row["visible"][step as usize] == 1,
        ..visit(
            &format!("P-{at}"),
            row["event"].as_u64().unwrap(),
            if row["region"] == "MA-06" { "Casablanca-Settat" } else { "TTA" },
        )
    })
    .collect()
}

/// Who enters at `open`, from records in so many partitions, where `entered` are in the register.
async fn entering(
    records: &[Record],
    partitions: usize,
    open: RangeInclusive<u32>,
    entered: &[u8],
) -> BTreeMap<[u8; 16], (u32, Vec<u32>)> {
    let shape = shape("2024-Q1", 5, &REGIONS);
    let entries = entered.iter().map(|n| Entry { person: [*n; 16], step: 0, cells: vec![0, 0] }).collect();
    let landing = landing(&Store::memory(), 0);
    let empty = landing.snapshot().await.unwrap();
    let register = landing.close_steps(assistance(), series(), (0..=0, entries), &empty).await.unwrap();
    let context = session(partitions, &Limits::default()).unwrap();
    let plan = carry::projected(&accepted(&sql(""))).unwrap();
    let tables =
        BTreeMap::from([("assistance_service".to_owned(), Table::Public(table(records, partitions)))]);
    let input = over(&context.state(), plan, &tables).await.unwrap();
    let newcomers = || Newcomers::new(&shape, open.clone(), &register, &key());
    let entries = joined(poured(input, &context.task_ctx(), &shape, newcomers).await.unwrap());
    assert!(entries.is_sorted_by(|a, b| a.person < b.person));
    entries.into_iter().map(|entry| (entry.person, (entry.step, entry.cells))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Leaving one person out, with its rows and its entry, changes no other's entry; nor do partitions and order.
    #[test]
    fn nobody_moves_anothers_entry(
        records in records(), entered in proptest::collection::btree_set(0..12_u8, 0..5), gone in 0..12_u8,
        first in 1..4_u32, more in 0..2_u32, partitions in 1..5_usize, seed in 0..1000_usize,
    ) {
        let entered: Vec<u8> = entered.into_iter().collect();
        let without = |n: &u8| *n != gone;
        block_on(async {
            let mut all = entering(&records, 1, first..=first + more, &entered).await;
            for n in &entered {
                assert!(!all.contains_key(&[*n; 16]), "a person would enter twice");
            }
            let mut others: Vec<Record> = records.iter().filter(|r| without(&r.person)).cloned().collect();
            let n = others.len().max(1);
            others.rotate_left(seed % n);
            let in_register: Vec<u8> = entered.iter().copied().filter(without).collect();
            all.remove(&[gone; 16]);
            assert_eq!(entering(&others, partitions, first..=first + more, &in_register).await, all);
        });
    }
}

#[tokio::test]
async fn row_groups_without_a_listed_day_are_not_read_and_no_sum_changes() {
    let programme = Programme::new(1);
    for quarter in 0..4 {
        programme.land(&["A", "B", "C", "D"].map(|person| visit(person, quarter, "TTA"))).await;
    }
    // The withdrawal stands in a file of its own, and binds a row of the second quarter.
    programme.land(&[withdrawn(visit("C", 1, "TTA"))]).await;
    programme.land(&[visit("E", 2, "TTA")]).await;
    let snapshot = programme.snapshot().await;
    let read = |table: LandedTable| async move {
        let context = datafusion::prelude::SessionContext::new();
        context.register_table("landed", Arc::new(table)).unwrap();
        let sql = "SELECT quarter, COUNT(*) AS n FROM landed GROUP BY quarter ORDER BY quarter";
        multiset(&context.sql(sql).await.unwrap().collect().await.unwrap())
    };
    let all = read(LandedTable::new(assistance(), &snapshot)).await;
    assert_eq!(all.len(), 4);
    let of = |start: &str, n| shape(start, n, &["MA-01", "_U"]).statistic().clone();
    let days = |shape: &StatisticShape| Calendar::of(shape).span();
    let second = read(LandedTable::new(assistance(), &snapshot).of_days(days(&of("2025-Q2", 1)))).await;
    assert_eq!(second, all[1..2], "one batch a quarter: no other row is read");
    let landed = Landed::new(&CATALOG, &snapshot);
    // Three persons, then five; each weighs b = 2.
    for (start, n, counts) in
        [("2025-Q2", 1, vec![6]), ("2025-Q2", 2, vec![6, 10]), ("2024-Q1", 4, vec![0; 4])]
    {
        let persons = StatisticShape {
            bound: Bound::HomeCell,
            tables: of(start, n).tables[..1].to_vec(),
            ..of(start, n)
        };
        let work = Work { shape: Arc::new(persons), f: 0, key: key() };
        assert_eq!(landed.sums(&programme.analysis, work).await.unwrap(), counts, "{start}");
    }
}
