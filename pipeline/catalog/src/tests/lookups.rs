//! The carried definitions answer as the papers say.

use std::collections::BTreeSet;
use std::fs;

use marsad_terms::{NanoRho, Period};

use crate::load::sql;
use crate::{Catalog, NationalityScheme, Price, builtin, fold};

fn carried() -> Catalog {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    Catalog::load(dir.path()).unwrap()
}

#[test]
fn spellings_lead_to_codes_and_totals_to_none() {
    let catalog = carried();
    let code = |list: &str, spelling: &str| catalog.names[list].code(&fold(spelling)).map(str::to_owned);
    for (list, spelling, expected) in [
        ("REF_AREA", "tanger_tetouan_al_hoceima", "MA-01"),
        ("REF_AREA", "RABAT SALE KENITRA", "MA-04"),
        ("REF_AREA", "الدار البيضاء – سطات", "MA-06"),
        ("REF_AREA", "Drâa-Tafilalet", "_O"),
        ("REF_AREA", "ma-12", "_O"),
        ("SERVICE_TYPE", "hébergement", "SHELTER"),
        ("SERVICE_TYPE", "Référencement", "REFERRAL"),
        ("SEX", "other", "_O"),
        ("SEX", "m", "M"),
        ("TRAINING_TYPE", "أخرى", "_O"),
    ] {
        assert_eq!(code(list, spelling).as_deref(), Some(expected), "{spelling}");
    }
    // Totals, codes with `_`, undeclared unknowns, cities, strangers.
    for (list, spelling) in [
        ("REF_AREA", "MA"),
        ("REF_AREA", "Maroc"),
        ("REF_AREA", "_O"),
        ("REF_AREA", "Oujda"),
        ("SEX", "_U"),
        ("SEX", "Unknown"),
        ("NEED_TYPE", "teleport"),
    ] {
        assert_eq!(code(list, spelling), None, "{spelling}");
    }
}

#[test]
fn countries_lead_to_groups_by_the_declared_scheme_alone() {
    let catalog = carried();
    let group = |spelling: &str, scheme| catalog.countries.group(&fold(spelling), scheme).map(str::to_owned);
    let (iso, unhcr) = (NationalityScheme::Iso, NationalityScheme::Unhcr);
    for (spelling, scheme, expected) in [
        ("cote_d_ivoire", iso, "WAF"),
        ("CÔTE D’IVOIRE", unhcr, "WAF"),
        ("sudan", iso, "NAF"),
        ("CMR", iso, "MAF"),
        ("ML", iso, "WAF"),
        ("مالي", iso, "WAF"),
        ("Niger", iso, "WAF"),
        ("GUI", unhcr, "WAF"),
        ("ARE", unhcr, "NAF"),
        ("NIG", unhcr, "WAF"),
        ("MAF", iso, "MAF"),
        ("Apatrides", iso, "STL"),
    ] {
        assert_eq!(group(spelling, scheme).as_deref(), Some(expected), "{spelling}");
    }
    assert_eq!(group("GUI", iso), None);
    assert_eq!(group("CI", unhcr), None);
    // `RDC` is no code and no name: the partner's mapping says what it means.
    assert_eq!(group("RDC", iso), None);
    assert_eq!(catalog.mappings["partner_assistance"].columns["nationality_group"].codes["RDC"], "MAF");
}

#[test]
fn the_demonstrations_release_fits_its_statistics() {
    let catalog = carried();
    let release = &catalog.releases[&"2024-Q4".parse().unwrap()];
    assert_eq!(release.price, Price::Rho(NanoRho::new(100_000_000)));
    assert_eq!(release.periods, [Period::Quarter(2024, 4), Period::Year(2024)]);
    assert_eq!(release.embargo, "2025-01-15T09:00:00Z");
    for id in &release.statistics {
        let sql = &catalog.statistics[id].sql;
        assert!(sql.is_empty() || sql.contains("quarter") || sql.contains("year"), "{id}");
        assert!(!sql.contains("vot_identification"), "{id}");
    }
    assert_eq!(catalog.statistics.len(), 29);
}

#[test]
fn every_target_and_every_axis_of_the_strategy_is_answered() {
    let catalog = carried();
    let measured = catalog.statistics.values().filter(|statistic| statistic.derived.is_none());
    let answered: BTreeSet<String> = measured.flat_map(|statistic| statistic.answers.clone()).collect();
    let targets = catalog.code_lists["INDICATOR"].codes.iter().map(|code| code.id.clone());
    let axes = ["3", "4", "5", "9", "11"];
    let known = |axis: &&str| catalog.code_lists["SNIA_AXIS"].code(axis).is_some();
    assert!(axes.iter().all(known));
    for wanted in targets.chain(axes.map(|axis| format!("axis:{axis}"))) {
        assert!(answered.contains(&wanted), "no statistic answers {wanted}");
    }
}

#[test]
fn every_constant_of_a_bound_says_where_it_comes_from() {
    let catalog = carried();
    for statistic in catalog.statistics.values() {
        let has_constant = statistic.bound.c_squared.is_some() || statistic.bound.k.is_some();
        let source = statistic.bound.source.as_deref().unwrap_or_default();
        assert!(!has_constant || source.len() > 20, "{}: {source}", statistic.id);
        for text in [&statistic.title, &statistic.note] {
            assert!(text.missing().is_empty(), "{}", statistic.id);
        }
    }
}

#[test]
fn each_purpose_covers_what_its_statistics_read() {
    let catalog = carried();
    for statistic in catalog.statistics.values() {
        let purpose = &catalog.purposes[&statistic.purpose];
        assert!(purpose.authorisation.valid_to.to_string().as_str() >= "2030-01-01", "{}", purpose.id);
        let words = sql::words(&statistic.sql);
        let read = catalog.record_types.values().filter(|known| words.contains(&known.id.to_string()));
        for record_type in read {
            assert!(purpose.record_types.contains(&record_type.id), "{}", statistic.id);
            let sensitive =
                record_type.columns.iter().filter(|column| column.sensitive && words.contains(&column.name));
            for column in sensitive {
                assert!(purpose.sensitive.contains(&column.name), "{}: {}", statistic.id, column.name);
            }
        }
    }
}

#[test]
fn a_digest_is_of_codes_and_labels_alone() {
    let catalog = carried();
    let digests: BTreeSet<_> = catalog.code_lists.values().map(crate::CodeList::digest).collect();
    assert_eq!(digests.len(), catalog.code_lists.len());
    let list = &catalog.code_lists["SERVICE_TYPE"];
    let mut other = list.clone();
    other.codes[0].attributes.insert("note".to_owned(), "another remark".to_owned());
    assert_eq!(other.digest(), list.digest());
    other.codes[0].label.ar.push('.');
    assert_ne!(other.digest(), list.digest());
    let mut shorter = list.clone();
    shorter.codes.pop();
    assert_ne!(shorter.digest(), list.digest());
}

#[test]
fn a_users_own_definitions_join_the_carried_ones() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
    write(
        "schemas/code_lists/SHIFT.csv",
        "code,label_fr,label_ar,label_en,order,parent\nDAY,Jour,نهار,Day,1,\n_U,?,?,Unknown,2,\n",
    );
    write(
        "schemas/record_types/night_shelter.toml",
        "id = \"night_shelter\"\ntitle = { fr = \"Nuitées\", ar = \"مبيت\", en = \"Nights\" }\nsubject = \"person\"\n\
         key_space = \"programme\"\nmax_rows_a_quarter = 92\nretention_months = 12\nsmallest_area = \"region\"\n\
         shortest_period = \"quarter\"\nshortest_period_national = \"quarter\"\nschema_version = 1\n\
         columns = [{ name = \"shift\", type = \"code\", list = \"SHIFT\" }]\n",
    );
    let catalog = Catalog::load(dir.path()).unwrap();
    let night_shelter = "night_shelter".parse().unwrap();
    assert_eq!(catalog.code_list_of(&night_shelter, "shift"), Some("SHIFT"));
    assert_eq!(catalog.dimension_id("shift"), "SHIFT");
    assert_eq!(catalog.dimension_id("region"), "REF_AREA");
}
