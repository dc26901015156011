//! Single cells and pairs of cells that the samples do not show.

use marsad_catalog::{Catalog, Mapping, clean};

use super::{CATALOG, options, windows_1252};
use crate::validate::Plan;
use crate::{Report, check_without_keys};

const SERVICES: &str = "dossier;Date du service;Region;Sexe;Année de naissance;Nationalité;Catégorie;Type de service;\
                        Quantité;Montant (MAD);Consentement;Observations";
const GOOD: [&str; 12] =
    ["C-1", "12/07/2025", "Oriental", "F", "1999", "Mali", "REG", "HEALTH", "1", "", "oui", ""];

/// Reason and column of the one record of a file, empty where it lands.
fn outcome(catalog: &Catalog, mapping: &str, bytes: &[u8]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("extract.csv");
    std::fs::write(&file, bytes).unwrap();
    let report = check_without_keys(catalog, mapping, &file, options().programme_start, &|_, _| {}).unwrap();
    reason(&report)
}

fn reason(report: &Report) -> (String, String) {
    assert_eq!(report.landed + report.quarantined, 1);
    let found = report.rejected.first();
    found.map_or_else(Default::default, |rejected| {
        (rejected.reason.clone(), rejected.column.clone().unwrap_or_default())
    })
}

/// The outcome of a good service with one cell changed.
fn service(catalog: &Catalog, column: &str, cell: &str) -> String {
    let at = SERVICES.split(';').position(|header| header == column).unwrap();
    let mut cells = GOOD;
    cells[at] = cell;
    let bytes = windows_1252(&format!("{SERVICES}\n{}\n", cells.join(";")));
    let (reason, found) = outcome(catalog, "partner_assistance", &bytes);
    assert!(reason.is_empty() || found == column, "{reason} at {found}");
    reason
}

fn with(mapping: &str, change: impl FnOnce(&mut Mapping)) -> Catalog {
    let mut catalog = CATALOG.clone();
    change(catalog.mappings.get_mut(mapping).unwrap());
    catalog
}

#[test]
fn cells_land_or_fail_for_their_own_reason() {
    let long = "x".repeat((1 << 20) + 1);
    for (column, cell, expected) in [
        ("Region", "", ""),
        ("Region", "ORIENTAL", ""),
        ("Region", "Drâa-Tafilalet", ""),
        ("Region", "MA", "R07"),
        ("Region", "Maroc", "R07"),
        ("Region", "_U", "R07"),
        ("Region", "inconnu", ""),
        ("Region", "#N/A", "R10"),
        ("Region", "Orien\ttal", "R07"),
        ("Region", "Oriental\t", ""),
        ("Region", "Orient\u{81}al", "R10"),
        ("Region", &long, "R10"),
        ("Observations", &long, "R10"),
        ("Observations", "#N/A", "R10"),
        ("Observations", "CIN 4821", "R02"),
        ("Consentement", "#N/A", "R10"),
        ("Consentement", "0661001122", ""),
        ("dossier", "999", "R01"),
        ("dossier", "N/A", "R01"),
        ("dossier", "-", "R01"),
        ("dossier", "7,51E+10", "R01"),
        ("dossier", "4.212e+12", "R01"),
        ("dossier", "E+12", ""),
        ("dossier", "EH123456", ""),
        ("dossier", "+212661234567", "R02"),
        ("Date du service", "1/7/2025", ""),
        ("Date du service", "", "R03"),
        ("Date du service", "31/12/2022", "R04"),
        ("Date du service", "01/01/2023", ""),
        ("Date du service", "0661001122", "R02"),
        ("Année de naissance", "1910", ""),
        ("Année de naissance", "1909", "R05"),
        ("Année de naissance", "12/07/1999", "R06"),
        ("Année de naissance", "99999999999999999999", "R06"),
        ("Quantité", "30", ""),
        ("Quantité", "31", "R06"),
        ("Quantité", "0", "R06"),
        ("Quantité", "-1", "R06"),
        ("Montant (MAD)", "abc", "R06"),
    ] {
        let shown: String = cell.chars().take(30).collect();
        assert_eq!(service(&CATALOG, column, cell), expected, "{column}: {shown}");
    }
}

#[test]
fn a_cell_too_long_is_none_that_was_empty() {
    let record = |identifier: &str, amount: &str| {
        let mut cells = GOOD;
        (cells[0], cells[9]) = (identifier, amount);
        cells.join(";")
    };
    let long = "1".repeat((1 << 20) + 1);
    let rows = [record("C-1", ""), record("C-2", &long), record("C-3", ""), record("C-3", &long)];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("extract.csv");
    std::fs::write(&file, windows_1252(&format!("{SERVICES}\n{}\n", rows.join("\n")))).unwrap();
    let start = options().programme_start;
    let report = check_without_keys(&CATALOG, "partner_assistance", &file, start, &|_, _| {}).unwrap();
    let rejected: Vec<_> = report.rejected.iter().map(|r| (r.record, r.reason.as_str())).collect();
    assert_eq!((report.landed, rejected), (2, vec![(2, "R10"), (4, "R10")]));
}

#[test]
fn identifiers_follow_pattern_and_padding() {
    let catalog = with("partner_assistance", |mapping| {
        let identifier = mapping.identifier.as_mut().unwrap();
        identifier.pattern = Some(r"\d{5}".to_owned());
        identifier.pad = Some(5);
        identifier.placeholders = vec!["00000".to_owned()];
    });
    for (cell, expected) in
        [("38", ""), ("00038", ""), ("٣٨", ""), ("123456", "R01"), ("P-00017", "R01"), ("00", "R01")]
    {
        let bytes = format!("{SERVICES}\n{cell};{}\n", GOOD[1..].join(";"));
        let utf8 = with("partner_assistance", |mapping| {
            *mapping = {
                let mut mapping = catalog.mappings["partner_assistance"].clone();
                mapping.file.encoding = None;
                mapping
            }
        });
        assert_eq!(outcome(&utf8, "partner_assistance", bytes.as_bytes()).0, expected, "{cell}");
    }
}

#[test]
fn age_and_birth_year_may_differ_by_one_year() {
    let catalog = with("dtm_flow", |mapping| {
        mapping.columns.get_mut("age_group").unwrap().from_birth_year = vec!["flow_point".to_owned()];
        mapping.ignore.retain(|header| header != "flow_point");
    });
    let row = |birth: &str, age: &str| {
        let header = "survey_id,instrument,survey_date,admin1,flow_point,gps_lat,gps_lon,respondent_code,sex,age,\
                      nationality_iso3,legal_status,priority_needs,urgent,n_people,consent,comments";
        format!("{header}\nS-1,FMS,2025-11-03,Oriental,{birth},,,R-1,Male,{age},GIN,Regular,Food,No,1,Yes,\n")
    };
    for (birth, age, reason, column) in [
        ("1998", "27", "", ""),
        ("1998", "26", "", ""),
        ("1998", "28", "", ""),
        ("1998", "25", "R05", "flow_point"),
        ("1998", "", "", ""),
        ("", "27", "", ""),
        ("", "", "", ""),
        ("1899", "27", "R05", "flow_point"),
        ("2026", "", "R05", "flow_point"),
        ("98", "-", "R05", "flow_point"),
        ("1998", "116", "R05", "age"),
    ] {
        let found = outcome(&catalog, "dtm_flow", row(birth, age).as_bytes());
        assert_eq!((found.0.as_str(), found.1.as_str()), (reason, column), "{birth}, {age}");
    }
}

fn kobo(needs: &str, one_hot: &str, vulnerability: &str) -> String {
    let header = "start;group_id/beneficiary_code;group_id/region;group_profile/sex;group_profile/age;\
                  group_profile/nationality;group_profile/category;group_profile/vulnerability;group_needs/needs;\
                  group_needs/needs/health;group_needs/needs/food;group_needs/urgent;group_needs/round;consent;\
                  _uuid;meta/rootUuid";
    format!(
        "{header}\n2025-08-03T09:12:44Z;CPP-9;oriental;female;24;CMR;irregular;{vulnerability};{needs};{one_hot};no;1;yes;u;\n"
    )
}

#[test]
fn one_hot_columns_must_agree_in_whatever_spelling() {
    for (needs, one_hot, expected) in [
        ("health food", "1;1", ""),
        ("food health", "True;TRUE", ""),
        ("Santé", "1;0", ""),
        ("HEALTH", "1.0;0.0", ""),
        ("", ";", ""),
        ("", "0;0", ""),
        ("health", "0;0", "R13"),
        ("", "0;1", "R13"),
        ("health", "1;maybe", "R07"),
    ] {
        assert_eq!(
            outcome(&CATALOG, "kobo_needs_assessment", kobo(needs, one_hot, "none").as_bytes()).0,
            expected,
            "{needs} {one_hot}"
        );
    }
}

#[test]
fn one_hot_columns_alone_are_read() {
    let catalog = with("kobo_needs_assessment", |mapping| {
        mapping.columns.get_mut("need_type").unwrap().from.clear();
        mapping.ignore.push("group_needs/needs".to_owned());
    });
    let plan = Plan::new(&catalog, "kobo_needs_assessment").unwrap();
    let need = plan.targets.iter().position(|target| target.name == "need_type").unwrap();
    for (one_hot, expected) in [("1;1", vec!["HEALTH", "FOOD"]), ("0;1", vec!["FOOD"]), ("0;0", vec!["_U"])] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("extract.csv");
        std::fs::write(&file, kobo("", one_hot, "none")).unwrap();
        let keys = crate::keys::Keys::draw().unwrap();
        let dates =
            crate::validate::Dates { first: options().programme_start, last: "2026-01-01".parse().unwrap() };
        let reading = crate::landing::Reading { keys: &keys, dates, every_refusal: true, bucket_bits: 0 };
        let findings = crate::read::read(&plan, &file, reading, &|_, _| {}).unwrap();
        let extract = findings.parts.extract(0).unwrap();
        let record = &extract.records[0];
        let codes = plan.targets[need].codes().unwrap();
        let found: Vec<&str> = record.rows.clone().map(|row| codes.code(extract.row(row)[need])).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn that_nothing_applies_stands_alone() {
    let catalog = with("kobo_needs_assessment", |mapping| {
        mapping.columns.get_mut("vulnerability").unwrap().split = Some(" ".to_owned());
    });
    for (vulnerability, expected) in [
        ("pregnant single_parent", ""),
        ("none", ""),
        ("", ""),
        ("none pregnant", "R13"),
        ("pregnant teleport", "R07"),
    ] {
        let found = outcome(&catalog, "kobo_needs_assessment", kobo("", ";", vulnerability).as_bytes());
        assert_eq!(found.0, expected, "{vulnerability}");
    }
}

/// A label in the styles that people write it in.
fn styles(label: &str) -> [String; 6] {
    [
        label.to_owned(),
        label.to_uppercase(),
        label.to_lowercase(),
        label.replace('-', "–"),
        label.replace(' ', "\u{a0} "),
        format!("\u{200f}{label}"),
    ]
}

#[test]
fn every_label_in_any_style_is_its_code() {
    let plans = CATALOG.mappings.keys().filter_map(|mapping| Plan::new(&CATALOG, mapping).ok());
    for plan in plans {
        for codes in plan.targets.iter().filter_map(|target| target.codes()) {
            let domain = codes.list.domain();
            let real = domain.into_iter().filter(|code| !code.id.starts_with('_'));
            let labels = real.flat_map(|code| {
                [&code.id, &code.label.fr, &code.label.ar, &code.label.en].map(|label| (&code.id, label))
            });
            for (code, text) in labels.flat_map(|(code, label)| styles(label).map(|style| (code, style))) {
                let found = codes.one(&clean(&text)).map(|index| codes.code(index));
                assert_eq!(found, Ok(code.as_str()), "{}: {text}", codes.list.id);
            }
        }
    }
}

#[test]
fn a_constant_month_dates_every_record() {
    let catalog = |constant: &str| {
        with("partner_assistance", |mapping| {
            let event = mapping.columns.get_mut("event_month").unwrap();
            event.from.clear();
            event.constant = Some(constant.to_owned());
            event.dates = vec![marsad_catalog::DateForm::Pattern("%Y-%m".to_owned())];
            mapping.ignore.push("Date du service".to_owned());
        })
    };
    assert_eq!(service(&catalog("2025-07"), "Date du service", "never"), "");
    let bytes = windows_1252(&format!("{SERVICES}\n{}\n", GOOD.join(";")));
    assert_eq!(outcome(&catalog("2022-07"), "partner_assistance", &bytes), ("R04".to_owned(), String::new()));
    assert!(matches!(
        Plan::new(&catalog("July"), "partner_assistance"),
        Err(crate::Error::Definition { .. })
    ));
}
