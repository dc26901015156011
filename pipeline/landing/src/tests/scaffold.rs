//! Drafts of mappings: they load in the catalogue, read their own file as far as it tells, and tell nobody.

use std::path::Path;

use marsad_catalog::Catalog;

use super::samples::{CANARIES, extract, holds};
use super::written::{every_container, services_table};
use super::{CATALOG, Desk, options, windows_1252};
use crate::{Draft, Error, Report, Result, check_without_keys, scaffold};

const SAMPLES: [(&str, &str); 5] = [
    ("partner_assistance", "assistance_service"),
    ("kobo_needs_assessment", "needs_assessment"),
    ("training_arabic", "training"),
    ("progres_registration", "person_registration"),
    ("dtm_flow", "needs_assessment"),
];

/// The catalogue with the draft as mapping `draft`: every fault of it would be an error.
fn with(draft: &Draft) -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    marsad_catalog::builtin::write(folder.path()).unwrap();
    std::fs::write(folder.path().join("schemas/mappings/draft.toml"), &draft.toml).unwrap();
    Catalog::load(folder.path()).unwrap_or_else(|faults| panic!("{faults:#?}\n{}", draft.toml))
}

fn read_by(draft: &Draft, file: &Path) -> Result<Report> {
    check_without_keys(&with(draft), "draft", file, options().programme_start, &|_, _| {})
}

/// The catalogue as a new programme has it: no mapping whose headers could be copied.
fn without_mappings() -> Catalog {
    Catalog { mappings: std::collections::BTreeMap::new(), ..CATALOG.clone() }
}

fn fills<'d>(draft: &'d Draft, header: &str) -> &'d str {
    &draft.columns.iter().find(|guess| guess.column == header).unwrap().fills
}

#[test]
fn a_draft_of_each_sample_loads_and_tells_nobody() {
    for catalog in [&CATALOG.clone(), &without_mappings()] {
        for (name, record_type) in SAMPLES {
            let draft = scaffold(catalog, &extract(name), "new_partner").unwrap();
            assert_eq!(draft.record_type, record_type, "{name}\n{}", draft.toml);
            for canary in CANARIES {
                assert!(!holds(draft.toml.as_bytes(), canary), "{canary} in {}", draft.toml);
            }
            match read_by(&draft, &extract(name)) {
                Ok(report) => {
                    assert!(report.landed + report.quarantined > 0);
                    assert!(draft.missing.is_empty(), "{name}\n{}", draft.toml);
                }
                // What was not found is asked for, and nothing lands before.
                Err(Error::Refused { refusals, .. }) => {
                    assert!(!draft.missing.is_empty(), "{name}: {refusals:?}\n{}", draft.toml);
                    let asked = |what: &str| what.contains("(which column tells");
                    assert!(
                        refusals.iter().all(|r| r.code == "F03" && asked(&r.what)),
                        "{name}: {refusals:?}"
                    );
                }
                Err(other) => panic!("{name}: {other}"),
            }
        }
    }
}

#[test]
fn known_headers_are_drafted_as_their_mappings_have_them() {
    for (name, least) in [
        ("partner_assistance", 10),
        ("kobo_needs_assessment", 10),
        ("training_arabic", 1),
        ("progres_registration", 5),
    ] {
        let draft = scaffold(&CATALOG, &extract(name), "new_partner").unwrap();
        // What their mappings take from nowhere is not in the file either.
        let constant = |target: &String| target == "beneficiary_category";
        assert!(draft.missing.iter().all(constant), "{name}: {:?}\n{}", draft.missing, draft.toml);
        let complete = draft
            .toml
            .replace("from = [\"(which column tells beneficiary_category?)\"]", "constant = \"_U\"");
        let report = read_by(&Draft { toml: complete, ..draft.clone() }, &extract(name)).unwrap();
        assert!(report.landed >= least, "{name}: {report:?}\n{}", draft.toml);
    }
}

#[test]
fn what_identifies_is_dropped_and_notes_are_only_scanned() {
    let draft = scaffold(&without_mappings(), &extract("dtm_flow"), "dtm").unwrap();
    assert_eq!((fills(&draft, "gps_lat"), fills(&draft, "comments")), ("ignore", "scan"));
    let draft = scaffold(&without_mappings(), &extract("kobo_needs_assessment"), "kobo").unwrap();
    assert_eq!(fills(&draft, "_geolocation"), "ignore");
    assert_eq!(fills(&draft, "group_needs/needs/food"), "one-hot");
    assert!(draft.toml.contains("one_hot = \"group_needs/needs/\"\n"), "{}", draft.toml);
    let desk = Desk::new();
    let text = "Prénom;Téléphone;Date de naissance;dossier;Région;Contact;Date du service\n\
                Aminata;0661234567;12/04/1999;A-1;Oriental;0661001122;03/11/2025\n";
    let draft = scaffold(&CATALOG, &desk.file("x.csv", text), "x").unwrap();
    for header in ["Prénom", "Téléphone", "Date de naissance", "Contact"] {
        assert_eq!(fills(&draft, header), "ignore", "{}", draft.toml);
    }
    with(&draft);
    for cell in ["Aminata", "0661", "12/04/1999", "A-1"] {
        assert!(!draft.toml.contains(cell), "{cell}");
    }
}

#[test]
fn only_frequent_short_codes_are_told() {
    let desk = Desk::new();
    let row = |number: usize, region: &str| {
        let row = [
            &format!("A-{number}"),
            "12/07/2025",
            region,
            "F",
            "1999",
            "Mali",
            "REG",
            "Santé",
            "2",
            "",
            "oui",
            "",
        ];
        row.map(str::to_owned)
    };
    let regions = ["Oriental", "Oriental", "Oriental", "ZONE-7", "Aminata Diallo", "Fès-Meknès"];
    let rows = (0..90).map(|number| match number {
        3 => row(number, "quartier rare"),
        4..15 => row(number, "vit chez sa tante à Oujda depuis"),
        _ => row(number, regions[if number % 6 == 4 { 0 } else { number % 6 }]),
    });
    let file = desk.file("x.csv", windows_1252(&super::written::delimited(&services_table(rows), ';')));
    let draft = scaffold(&CATALOG, &file, "x").unwrap();
    assert!(draft.toml.contains("#   \"ZONE-7\" = \"…\""), "{}", draft.toml);
    for text in ["quartier", "tante", "Aminata", "A-8"] {
        assert!(!draft.toml.contains(text), "{text} in {}", draft.toml);
    }
    with(&draft);
}

#[test]
fn every_container_gives_a_draft_that_reads_it() {
    let row = |id: &str, day: &str| {
        [id, day, "TTA", "F", "1999", "Mali", "REG", "Santé", "2", "", "oui", ""].map(str::to_owned)
    };
    let table =
        services_table([row("A-1", "12/07/2025"), row("A-2", "25/08/2025"), row("A-3", "01/09/2025")]);
    let desk = Desk::new();
    for (name, bytes) in every_container(&table) {
        let file = desk.file(name, bytes);
        let draft = scaffold(&CATALOG, &file, "x").unwrap();
        let report =
            read_by(&draft, &file).unwrap_or_else(|error| panic!("{name}: {error:?}\n{}", draft.toml));
        // TTA is this partner's own abbreviation, known from its mapping alone.
        assert_eq!(report.landed, 3, "{name}: {report:?}\n{}", draft.toml);
    }
}

#[test]
fn the_delimiter_is_what_excel_names_and_equal_headers_are_told() {
    let desk = Desk::new();
    let row = "dossier;Région;Date du service;Sexe\nA-1;Oriental;2025-12-31 14:22:05;F\n";
    let draft = scaffold(&CATALOG, &desk.file("x.csv", format!("sep=;\n{row}")), "x").unwrap();
    assert!(draft.toml.contains("delimiter = \";\""), "{}", draft.toml);
    assert!(draft.toml.contains("%Y-%m-%d %H:%M:%S"), "{}", draft.toml);
    with(&draft);
    let twice = row.replace("Sexe", "REGION");
    let error = scaffold(&CATALOG, &desk.file("x.csv", twice), "x").unwrap_err();
    assert!(error.to_string().contains("columns 2 and 4 have one header"), "{error}");
}

#[test]
fn a_record_is_never_taken_for_the_header() {
    let desk = Desk::new();
    for text in [
        "A-1;Aminata;Diallo;0661234567\nA-2;Moussa;Traoré;0661234568\n",
        "",
        "x\n",
        "dossier\nA-1\n",
        "Date;dossier 0661234567;Région\n",
    ] {
        let error = scaffold(&CATALOG, &desk.file("x.csv", text), "x").unwrap_err();
        let told = format!("{error:?}");
        assert!(matches!(error, Error::Refused { .. }), "{told}");
        assert!(!told.contains("Aminata") && !told.contains("0661"), "{told}");
    }
}
