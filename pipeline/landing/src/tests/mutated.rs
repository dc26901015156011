//! A thousand damaged extracts, the same at every run: no panic, no half batch, always an explanation, never a cell.

use std::path::Path;

use marsad_catalog::Catalog;
use marsad_log::Store;
use marsad_terms::Explain;
use proptest::prelude::*;

use super::samples::{CANARIES, holds};
use super::written::{HEADERS, every_container, services_table};
use super::{CATALOG, Desk, options, sample};
use crate::{Report, Result, check_without_keys, scaffold};

/// Sample or container, and the mapping that reads it.
fn originals() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let samples = [
        ("partner_assistance.csv", "partner_assistance"),
        ("kobo_needs_assessment.csv", "kobo_needs_assessment"),
        ("training_arabic.csv", "training_arabic"),
        ("progres_registration.xlsx", "progres_registration"),
        ("dtm_flow.csv", "dtm_flow"),
    ];
    let samples = samples.map(|(name, mapping)| (name, mapping, std::fs::read(sample(name)).unwrap()));
    let row = |id: &str, note: &str| {
        let row = [id, "12/07/2025", "TTA", "F", "1999", "Mali", "REG", "Santé", "2", "", "oui", note];
        row.map(str::to_owned)
    };
    let table = services_table([row("P-00017", ""), row("B-2", "06 61 00 11 22"), row("B-3", "EH123456")]);
    let containers = every_container(&table).into_iter().skip(1);
    samples.into_iter().chain(containers.map(|(name, bytes)| (name, "partner_assistance", bytes))).collect()
}

/// Xorshift (Marsaglia 2003): the corpus must not depend on a library's version.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

const SNIPPETS: [&[u8]; 14] = [
    b"\"",
    b";",
    b",",
    b"\n",
    b"\r",
    b"\0",
    b"\xFF\xFE",
    b"\xEF\xBB\xBF",
    b"=CMD()",
    b"9999999999999999999999",
    b"NaN",
    b"<!ENTITY x \"x\">",
    b"{\"a\":[[[[",
    "\u{202e}".as_bytes(),
];

/// One to four damages.
fn damaged(mut bytes: Vec<u8>, numbers: &mut Numbers) -> Vec<u8> {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        let end = (at + numbers.below(200)).min(bytes.len());
        match numbers.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => bytes[at..end].reverse(),
            4 | 5 => {
                let snippet = SNIPPETS[numbers.below(SNIPPETS.len())];
                bytes.splice(at..at, snippet.iter().copied());
            }
            _ => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[tokio::test]
async fn a_thousand_damaged_extracts_are_whole_or_absent_and_explained() {
    let desk = Desk::new();
    let originals = originals();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut landed, mut refused) = (0, 0);
    for number in 0..1000 {
        let (name, mapping, bytes) = &originals[number % originals.len()];
        let file = desk.file(name, damaged(bytes.clone(), &mut numbers));
        let store = Store::memory();
        let result = desk.landing(&store, &Store::memory()).land(&CATALOG, mapping, &file, &|_, _| {}).await;
        if let Ok(report) = &result {
            landed += 1;
            is_whole(&desk, &store, report).await;
        } else {
            refused += 1;
            assert!(store.list("").await.unwrap().is_empty(), "file {number} left something behind");
        }
        is_explained(number, &result);
    }
    assert!(landed > 300 && refused > 100, "{landed} landed, {refused} were refused");
}

/// One batch of as many rows as the report tells.
async fn is_whole(desk: &Desk, store: &Store, report: &Report) {
    let snapshot = desk.landing(store, &Store::memory()).snapshot().await.unwrap();
    let batches = snapshot.batches();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].rows, report.rows);
    assert!(report.landed + report.duplicate + report.quarantined > 0);
    assert_eq!(report.reasons.values().sum::<u64>(), report.quarantined);
}

/// Every record kept out has a place and a reason, every refusal its four parts; no cell is told.
fn is_explained(number: usize, result: &Result<Report>) {
    let told = match result {
        Ok(report) => {
            assert!(report.rejected.iter().all(|record| record.line > 0 && record.reason.len() == 3));
            assert_eq!(report.rejected.len() as u64, report.quarantined, "file {number}");
            format!("{report:?}")
        }
        Err(error) => {
            let explanation = error.explain();
            let parts = [&explanation.what, &explanation.why, &explanation.remedy, &explanation.place];
            assert!(parts.iter().all(|part| !part.is_empty()), "file {number}: {explanation:?}");
            assert!(explanation.code.starts_with('F'), "file {number}: {explanation:?}");
            format!("{error:?} {explanation:?}")
        }
    };
    for canary in CANARIES {
        assert!(!holds(told.as_bytes(), canary), "file {number}: {canary} in {told}");
    }
}

#[test]
fn a_draft_of_a_damaged_extract_loads_or_is_explained() {
    let desk = Desk::new();
    let originals = originals();
    let mut numbers = Numbers(0xA076_1D64_78BD_642F);
    let folder = tempfile::tempdir().unwrap();
    marsad_catalog::builtin::write(folder.path()).unwrap();
    let (mut drafted, mut refused) = (0, 0);
    for number in 0..80 {
        let (name, _, bytes) = &originals[number % originals.len()];
        let file = desk.file(name, damaged(bytes.clone(), &mut numbers));
        let told = match scaffold(&CATALOG, &file, "draft") {
            Ok(draft) => {
                drafted += 1;
                std::fs::write(folder.path().join("schemas/mappings/draft.toml"), &draft.toml).unwrap();
                let loaded = Catalog::load(folder.path());
                assert!(loaded.is_ok(), "file {number}: {:?}\n{}", loaded.err(), draft.toml);
                format!("{draft:?}")
            }
            Err(error) => {
                refused += 1;
                assert!(error.explain().code.starts_with('F'), "file {number}: {error:?}");
                format!("{error:?} {:?}", error.explain())
            }
        };
        for canary in CANARIES {
            assert!(!holds(told.as_bytes(), canary), "file {number}: {canary} in {told}");
        }
    }
    assert!(drafted > 30 && refused > 5, "{drafted} drafted, {refused} refused");
}

fn check(file: &Path, mapping: &str) -> Result<Report> {
    check_without_keys(&CATALOG, mapping, file, options().programme_start, &|_, _| {})
}

/// A report or an explained error: that it comes back at all is the test.
fn never_panics(name: &str, mapping: &str, bytes: &[u8]) -> std::result::Result<(), TestCaseError> {
    let desk = Desk::new();
    match check(&desk.file(name, bytes), mapping) {
        Ok(report) => prop_assert!(report.landed + report.duplicate + report.quarantined > 0),
        Err(error) => prop_assert!(error.explain().code.starts_with('F'), "{error:?}"),
    }
    Ok(())
}

const MAPPINGS: [&str; 5] =
    ["partner_assistance", "kobo_needs_assessment", "training_arabic", "progres_registration", "dtm_flow"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_bytes_break_an_importer(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        ending in prop::sample::select(vec!["csv", "jsonl", "xlsx", "parquet"]),
        magic in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"PAR1", b"\xFF\xFE", b"\xEF\xBB\xBF", b"{\"a\":"]),
        mapping in prop::sample::select(MAPPINGS.to_vec()),
    ) {
        never_panics(&format!("x.{ending}"), mapping, &[magic, &bytes].concat())?;
    }

    #[test]
    fn no_cells_break_a_check(
        rows in prop::collection::vec(prop::collection::vec("[0-9a-zé/.,:;\" \u{660}\u{641}-]{0,8}|\\PC{0,5}", 12), 1..4),
        container in 0..4_usize,
    ) {
        let mut table = services_table([]);
        table.extend(rows);
        let (name, bytes) = every_container(&table).into_iter().nth(container).unwrap();
        prop_assert_eq!(HEADERS.len(), 12);
        never_panics(name, "partner_assistance", &bytes)?;
    }
}

/// The objects of a store in which a small batch landed.
fn landed_objects(desk: &Desk, runtime: &tokio::runtime::Runtime) -> Vec<(String, bytes::Bytes)> {
    let store = Store::memory();
    let file = desk
        .file("extract.csv", super::services(&["A-1;12/07/2025;TTA;HEALTH;1;oui", "A-2;;TTA;FOOD;1;oui"]));
    runtime.block_on(async {
        let landing = desk.landing(&store, &Store::memory());
        landing.land(&CATALOG, "partner_assistance", &file, &|_, _| {}).await.unwrap();
        let mut objects = Vec::new();
        for path in store.list("").await.unwrap() {
            let bytes = store.get(&path).await.unwrap().unwrap();
            objects.push((path, bytes));
        }
        objects
    })
}

/// Damages the custody log's entries, which are the manifests of batches.
#[test]
fn a_damaged_manifest_is_an_error_and_never_panics() {
    let desk = Desk::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let objects = landed_objects(&desk, &runtime);
    let mut numbers = Numbers(0xD1B5_4A32_D192_ED03);
    let (mut noticed, mut n_other) = (0, 0);
    for number in 0..300 {
        let store = Store::memory();
        let told = runtime.block_on(async {
            for (path, bytes) in &objects {
                let is_entry = path.contains("_log/");
                let put = if is_entry { damaged(bytes.to_vec(), &mut numbers).into() } else { bytes.clone() };
                // A damage may leave the bytes as they are.
                n_other += usize::from(put != *bytes);
                store.put(path, &put).await.unwrap();
            }
            desk.landing(&store, &Store::memory()).snapshot().await.err().map(|error| error.explain())
        });
        if let Some(explanation) = told {
            noticed += 1;
            let parts = [&explanation.what, &explanation.why, &explanation.remedy];
            assert!(parts.iter().all(|part| !part.is_empty()), "entry {number}: {explanation:?}");
        }
    }
    assert_eq!(noticed, n_other, "an entry is its own hash: no damage passes");
    assert!(noticed > 290);
}
