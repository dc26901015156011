//! Whole files refused, and the ways in which the same table may be written.

use std::path::Path;

use encoding_rs::WINDOWS_1252;
use marsad_catalog::Catalog;

use super::{CATALOG, LandedRow, Room, options, sample};
use crate::{Error, Refusal, check_without_keys};

const HEADER: &str = "رقم الملف,التاريخ,الجهة,الجنس,العمر,الجنسية,نوع التكوين,عدد الساعات,مكتمل,الموافقة";
const ROW: &str = "ت-900,2025/09/01,الشرق,أنثى,22,مالي,اللغة,12,نعم,نعم";

fn refusals(file: &Path) -> Vec<Refusal> {
    match check_without_keys(&CATALOG, "training_arabic", file, options().programme_start, &|_, _| {}) {
        Err(Error::Refused { refusals, .. }) => refusals,
        Err(other) => panic!("{other}"),
        Ok(_) => Vec::new(),
    }
}

fn codes(bytes: impl AsRef<[u8]>) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("extract.csv");
    std::fs::write(&file, bytes).unwrap();
    refusals(&file).iter().map(|refusal| refusal.code).collect()
}

#[test]
fn a_column_without_a_name_is_refused_until_the_mapping_ignores_it() {
    let folder = tempfile::tempdir().unwrap();
    marsad_catalog::builtin::write(folder.path()).unwrap();
    let file = folder.path().join("extract.csv");
    std::fs::write(&file, format!("{HEADER},\n{ROW},\n")).unwrap();
    let mapping = folder.path().join("schemas/mappings/training_arabic.toml");
    let check = || {
        let catalog = Catalog::load(folder.path()).unwrap();
        check_without_keys(&catalog, "training_arabic", &file, options().programme_start, &|_, _| {})
    };
    let Err(Error::Refused { refusals, .. }) = check() else { panic!("accepted") };
    assert_eq!(refusals[0].code, "F04");
    let text = std::fs::read_to_string(&mapping).unwrap();
    std::fs::write(&mapping, text + "\n[ignore]\ncolumns = [\"\"]\n").unwrap();
    assert_eq!(check().unwrap().landed, 1);
}

#[test]
fn files_that_cannot_be_read_as_declared_are_refused() {
    let good = format!("{HEADER}\n{ROW}\n");
    assert_eq!(codes(&good), Vec::<&str>::new());
    assert_eq!(codes([b"\xFF\xFE".as_slice(), good.as_bytes()].concat()), ["F01"]);
    assert_eq!(codes(encoding_rs::WINDOWS_1256.encode(&good).0), ["F01"]);
    assert_eq!(codes(""), ["F02"]);
    assert_eq!(codes("\n\n"), ["F02"]);
    assert_eq!(codes(format!("{HEADER},الجنس\n")), ["F02"]);
    assert_eq!(codes(good.replace("العمر", "السن")), ["F03", "F04"]);
    assert_eq!(codes(format!("{ROW}\n{ROW}\n")), ["F02"]);
    assert_eq!(codes(format!("{HEADER},notes\n{ROW},\n")), ["F04"]);
    assert_eq!(codes(format!("{HEADER}{}\n", ",x".repeat(5000))), ["F07"]);
    assert_eq!(codes(format!("{HEADER},{}\n", "x".repeat(70_000))), ["F07"]);
    assert_eq!(codes(format!("{HEADER}\n{ROW}\n\"{ROW}\n{ROW}\n")), ["F08"]);
    // Two stray quotation marks of one person, records of others between them.
    let (begin, _) = ROW.rsplit_once(',').unwrap();
    assert_eq!(codes(format!("{HEADER}\n{begin},\"vue\n{ROW}\nsuite\"\n{ROW}\n")), ["F08"]);
    assert_eq!(codes(format!("{HEADER}\n{begin},\"vue\nsuite, et fin\"\n")), Vec::<&str>::new());
    assert_eq!(codes(format!("{HEADER}\n")), ["F09"]);
}

#[test]
fn two_synonyms_of_one_column_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("extract.csv");
    let text = "dossier;No dossier;Date du service;Region;Sexe;Année de naissance;Nationalité;Catégorie;Type de service;\
                Quantité;Montant (MAD);Consentement;Observations\n";
    std::fs::write(&file, WINDOWS_1252.encode(text).0).unwrap();
    let checked =
        check_without_keys(&CATALOG, "partner_assistance", &file, options().programme_start, &|_, _| {});
    let Err(Error::Refused { refusals, .. }) = checked else { panic!("refused") };
    assert_eq!(refusals.iter().map(|refusal| refusal.code).collect::<Vec<_>>(), ["F06"]);
}

#[test]
fn a_file_without_header_shows_none_of_its_cells() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("extract.csv");
    std::fs::write(&file, ROW).unwrap();
    let told = format!("{:?}", refusals(&file));
    for cell in ROW.split(',') {
        assert!(!told.contains(&format!("`{cell}`")), "{cell}");
    }
}

#[test]
fn a_missing_file_a_folder_and_an_unknown_encoding_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let check = |file: &Path| {
        check_without_keys(&CATALOG, "training_arabic", file, options().programme_start, &|_, _| {})
            .unwrap_err()
    };
    assert!(matches!(check(&folder.path().join("absent.csv")), Error::Read { .. }));
    assert!(matches!(check(folder.path()), Error::Read { .. }));
}

#[tokio::test]
async fn land_tells_the_first_refusal_and_check_all() {
    let room = Room::new();
    let file = room.desk.file("x.csv", format!("{HEADER},notes\n").replace("العمر", "السن"));
    let landing = room.landing();
    let first = landing.land(&CATALOG, "training_arabic", &file, &|_, _| {}).await;
    assert!(
        matches!(first, Err(Error::Refused { refusals, .. }) if refusals.len() == 1 && refusals[0].code == "F03")
    );
    let all = landing.check(&CATALOG, ("training_arabic", &file), None, &|_, _| {}).await;
    assert!(matches!(all, Err(Error::Refused { refusals, .. }) if refusals.len() == 2));
    assert!(room.store.list("").await.unwrap().is_empty());
}

/// The sample as a table, to be written in other ways.
fn table() -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).from_path(sample("training_arabic.csv"));
    reader.unwrap().records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn written(table: &[Vec<String>], delimiter: u8, line_end: &str) -> String {
    let mut writer = csv::WriterBuilder::new();
    writer.delimiter(delimiter).flexible(true);
    if line_end == "\r\n" {
        writer.terminator(csv::Terminator::CRLF);
    }
    let mut writer = writer.from_writer(Vec::new());
    for row in table {
        writer.write_record(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn utf_16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[tokio::test]
async fn the_same_table_lands_alike_however_it_is_written() {
    let table = table();
    let plain = written(&table, b',', "\n");
    let expected = landed(plain.as_bytes(), ',', "utf-8").await;
    assert_eq!(expected.len(), 9);
    let turned: Vec<Vec<String>> = table.iter().map(|row| row.iter().rev().cloned().collect()).collect();
    for (bytes, delimiter, encoding) in [
        ([b"\xEF\xBB\xBF", plain.as_bytes()].concat(), ',', "utf-8"),
        (format!("sep=;\r\n{}", written(&table, b';', "\r\n")).into_bytes(), ',', "utf-8"),
        (written(&table, b';', "\r\n").into_bytes(), ';', "utf-8"),
        (written(&table, b'\t', "\n").trim_end().as_bytes().to_vec(), '\t', "utf-8"),
        (utf_16(&written(&table, b'\t', "\r\n"), false), '\t', "utf-16"),
        (utf_16(&plain, true), ',', "utf-16"),
        (written(&turned, b',', "\n").into_bytes(), ',', "utf-8"),
    ] {
        assert_eq!(landed(&bytes, delimiter, encoding).await, expected, "{delimiter:?} {encoding}");
    }
}

/// The rows of a file in a new room, without keys.
async fn landed(bytes: &[u8], delimiter: char, encoding: &str) -> Vec<LandedRow> {
    let room = Room::new();
    let mut catalog = CATALOG.clone();
    let spec = &mut catalog.mappings.get_mut("training_arabic").unwrap().file;
    (spec.delimiter, spec.encoding) = (Some(delimiter), Some(encoding.to_owned()));
    let file = room.desk.file("x.csv", bytes);
    room.landing().land(&catalog, "training_arabic", &file, &|_, _| {}).await.unwrap();
    let mut rows = room.rows("training").await;
    for row in &mut rows {
        row.retain(|column, _| column != "person_key" && column != "record_id");
    }
    rows.sort();
    rows
}
