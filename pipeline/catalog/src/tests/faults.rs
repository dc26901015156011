//! One fault of each kind: an edit of one carried file is told with code, file, line and what to write.

use std::fs;
use std::path::Path;

use crate::{Catalog, Fault, builtin};

/// An edit of one file and the one fault that it makes.
struct Case {
    file: &'static str,
    find: &'static str,
    replace: &'static str,
    code: &'static str,
    /// The text whose line the fault names, after the edit; empty: the first line.
    at: &'static str,
    /// Part of what the fault says to write.
    remedy: &'static str,
}

const AREA: &str = "schemas/code_lists/REF_AREA.csv";
const COUNTRY: &str = "schemas/code_lists/country.csv";
const SERVICE: &str = "schemas/record_types/assistance_service.toml";
const PARTNER: &str = "schemas/mappings/partner_assistance.toml";
const CHILD: &str = "schemas/mappings/partner_child.toml";
const ORGANISATION: &str = "schemas/mappings/partner_org_activity.toml";
const PERSONS: &str = "queries/assisted_persons.toml";
const CATEGORY: &str = "queries/assisted_by_category.toml";
const DELIVERED: &str = "queries/services_delivered.toml";
const CASH: &str = "queries/cash_assistance.toml";
const FIRST: &str = "queries/first_time_assisted.toml";
const RELEASE: &str = "queries/releases/2024-Q4.toml";
const PURPOSES: &str = "purposes.toml";

macro_rules! cases {
    ($($file:ident: $find:literal => $replace:literal, $code:literal at $at:literal, $remedy:literal;)+) => {
        &[$(Case { file: $file, find: $find, replace: $replace, code: $code, at: $at, remedy: $remedy }),+]
    };
}

const CASES: &[Case] = cases! {
    // code lists
    AREA: "MA-02,Oriental" => "MA-01,Oriental", "K07" at "MA-01,Oriental", "one of the two";
    AREA: ",فاس - مكناس," => ",,", "K11" at "MA-03", "label";
    AREA: "Fès-Meknès,فاس" => "ORIENTAL,فاس", "K12" at "MA-03", "another label";
    AREA: "Souss-Massa,9,MA," => "Souss-Massa,9,MB,", "K10" at "MA-09", "`MA`";
    AREA: ",9,MA," => ",nine,MA,", "K05" at "MA-09", "1, 2, 3";
    AREA: "MA-09,Souss-Massa,سوس - ماسة," => "MA-09,Souss-Massa,", "K02" at "MA-09", "one field";
    COUNTRY: "Mali,WAF" => "Mali,WAX", "K10" at "ML,MLI", "`WAF`";
    COUNTRY: "Mali,مالي,Mali,WAF" => "Ghana,مالي,Mali,MAF", "K12" at "GH,GHA", "another name";
    COUNTRY: "ML,MLI,MLI" => "SN,MLI,MLI", "K07" at "SN,MLI", "one of the two";
    // record types
    SERVICE: "max_rows_a_quarter = 40" => "max_rows_quarter = 40", "K03" at "max_rows_quarter", "max_rows_a_quarter";
    SERVICE: "list = \"SEX\"" => "list = \"SEXE\"", "K08" at "SEXE", "`SEX`";
    SERVICE: "column = \"service_type\", codes" => "column = \"servic_type\", codes", "K09" at "servic_type", "`service_type`";
    SERVICE: "codes = [\"CASH\"]" => "codes = [\"CASHH\"]", "K10" at "CASHH", "`CASH`";
    SERVICE: "attribute = \"snia_axis\"" => "attribute = \"snia_axes\"", "K09" at "snia_axes", "`snia_axis`";
    SERVICE: "min = 1, max = 30" => "min = 31, max = 30", "K05" at "units", "exchange";
    SERVICE: "name = \"units\"" => "name = \"record_id\"", "K07" at "record_id", "leave it out";
    SERVICE: "smallest_area = \"region\"" => "smallest_area = \"city\"", "K05" at "city", "`region`, `national`";
    // mappings
    CHILD: "scheme = \"partner\"" => "scheme = \"partner\"\npad = 5", "K05" at "[identifier]", "the same `pad`";
    PARTNER: "record_type = \"assistance_service\"" => "record_type = \"assistence_service\"", "K18" at "assistence", "`assistance_service`";
    PARTNER: "\"TTA\" = \"MA-01\"" => "\"TTA\" = \"MA\"", "K10" at "TTA", "MA-01";
    PARTNER: "\"RSK\" = \"MA-04\"" => "\"Souss Massa\" = \"MA-04\"", "K12" at "Souss Massa", "one of the two";
    PARTNER: "\"RDC\" = \"MAF\"" => "\"Mali\" = \"MAF\"", "K12" at "Mali", "one of the two";
    PARTNER: "[columns.units]" => "[columns.unit]", "K09" at "[columns.unit]", "`units`";
    PARTNER: "constant = \"CONSENT\"" => "constant = \"CONCENT\"", "K10" at "[columns.legal_basis]", "`CONSENT`";
    PARTNER: "dates = [\"%d/%m/%Y\", \"%Y-%m-%d\"]" => "dates = [\"%d/%m/%y\"]", "K05" at "%d/%m/%y", "%Y";
    PARTNER: "dates = [\"%d/%m/%Y\", \"%Y-%m-%d\"]" => "dates = [\"serial\"]", "K05" at "\"serial\"", "xlsx";
    PARTNER: "from = [\"Quantité\"]" => "split = \",\"", "K03" at "split", "from";
    PARTNER: "yes = [\"oui\"" => "yess = [\"oui\"", "K03" at "yess", "`yes`";
    PARTNER: "scheme = \"partner\"" => "scheme = \"Partner:1\"", "K05" at "Partner:1", "lower-case";
    PARTNER: "[columns.event_month]" => "pattern = '('\n[columns.event_month]", "K05" at "pattern = '('", "single quotes";
    ORGANISATION: "[scan]" => "[consent]\nfrom = [\"x\"]\nyes = [\"y\"]\n[scan]", "K03" at "[consent]", "choose one of";
    // statistics
    PERSONS: "unit = \"PERSONS\"" => "unti = \"PERSONS\"", "K03" at "unti", "`unit`";
    PERSONS: "unit = \"PERSONS\"" => "unit = \"PERSON\"", "K15" at "unit", "`PERSONS`";
    PERSONS: "id = \"assisted_persons\"" => "id = \"assisted_people\"", "K06" at "assisted_people", "rename";
    PERSONS: "version = \"1.0.0\"" => "version = \"1.0\"", "K05" at "version", "1.0.0";
    PERSONS: "title.ar = \"الأشخاص المستفيدون من المساعدة\"\n" => "", "K11" at "title.fr", "`ar`";
    PERSONS: "title.en = \"Persons assisted\"" => "title.en = \" \"", "K11" at "title.en", "text";
    PERSONS: "purpose = \"P-2025-01\"" => "purpose = \"P-2025-10\"", "K17" at "purpose", "P-2025-0";
    PERSONS: "\"axis:5\"" => "\"axis:6\"", "K16" at "axis:6", "axis:";
    PERSONS: "region = \"most_frequent\"" => "regoin = \"most_frequent\"", "K09" at "regoin", "`region`";
    PERSONS: "mode = \"home_cell\"" => "mode = \"none\"", "K13" at "", "choose a bound";
    PERSONS: "mode = \"home_cell\"" => "mode = \"home\"", "K05" at "mode", "home_cell";
    PERSONS: "mode = \"home_cell\"" => "mode = \"home_cell\"\nk = 2", "K03" at "k = 2", "mode";
    PERSONS: "[bound]" => "[weights]\n\"quarter,regio\" = 2\n[bound]", "K09" at "quarter,regio", "`region`";
    PERSONS: "[bound]" => "id = \"again\"\n[bound]", "K07" at "again", "one of the two";
    PERSONS: "[bound]" => "[bound", "K02" at "[bound", "TOML";
    CATEGORY: "\"LOCAL\"]" => "\"LOCALS\"]", "K10" at "LOCALS", "`LOCAL`";
    CATEGORY: "\"BENEFICIARY_CATEGORY\"" => "\"BENEFICIARY_CATEGORIES\"", "K08" at "BENEFICIARY_CATEGORIES", "`BENEFICIARY_CATEGORY`";
    DELIVERED: "c_squared = 64" => "c_square = 64", "K13" at "[bound]", "instead of `c_square`";
    DELIVERED: "c_squared = 64" => "c_squared = 0", "K05" at "c_squared", "from 1";
    CASH: "[measures.amount_mad]" => "[measures.amont_mad]", "K09" at "amont_mad", "`amount_mad`";
    CASH: "step = 50" => "step = 300", "K14" at "[measures.amount_mad]", "divides both";
    CASH: "lower = 0" => "lower = \"x\"", "K05" at "lower", "0.5";
    CASH: "typical = 1500" => "typical = 20", "K14" at "[measures.amount_mad]", "one row has";
    CASH: "[columns.average]" => "[columns.averages]", "K09" at "averages", "`average`";
    FIRST: "start = \"2023-Q1\"" => "start = \"2023-Q5\"", "K21" at "start", "2024-Q3";
    FIRST: "start = \"2023-Q1\"" => "start = \"2023\"", "K21" at "start", "grain";
    // purposes
    PURPOSES: "record_types = [\"training\"" => "record_types = [\"trainings\"", "K18" at "trainings", "`training`";
    PURPOSES: "sensitive = [\"child_action\"]" => "sensitive = [\"age_child\"]", "K09" at "age_child", "child_action";
    PURPOSES: "valid_from = 2023-01-01" => "valid_from = 2031-01-01", "K05" at "2031-01-01", "exchange";
    // releases
    RELEASE: "\"assisted_persons\",\n" => "\"assisted_person\",\n", "K18" at "assisted_person", "`assisted_persons`";
    RELEASE: "rho = \"0.1\"" => "rho = \"0.1\"\nmargin = { \"returns/year\" = 17 }", "K20" at "", "one of the two";
    RELEASE: "rho = \"0.1\"\n" => "", "K20" at "", "rho";
    RELEASE: "rho = \"0.1\"" => "rho = \"0,1\"", "K20" at "rho", "0.04";
    RELEASE: "[\"2024-Q4\", \"2024\"]" => "[\"2024-Q4\", \"2024-13\"]", "K21" at "periods", "2024-Q3";
    RELEASE: "[\"2024-Q4\", \"2024\"]" => "[\"2024-Q4\", \"2024-Q4\"]", "K07" at "periods", "once";
    RELEASE: "2025-01-15T09:00:00Z" => "2025-01-15T09:00:00", "K05" at "embargo", "Z";
    RELEASE: "[statistic.urgent_needs_share]" => "[statistic.urgent_needs_share]\nstrategy = \"residual\"", "K05" at "residual", "`residuals`";
    RELEASE: "[statistic.urgent_needs_share]" => "[statistic.urgent_need_share]", "K18" at "urgent_need_share", "`urgent_needs_share`";
};

#[test]
fn each_fault_is_told_with_its_place_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let missed: Vec<String> = CASES.iter().filter_map(|case| missed(dir.path(), case)).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

/// What is told instead of the fault that the edit makes.
fn missed(dir: &Path, case: &Case) -> Option<String> {
    let path = dir.join(case.file);
    let whole = fs::read_to_string(&path).unwrap();
    assert!(whole.contains(case.find), "{} lacks {}", case.file, case.find);
    let edited = whole.replacen(case.find, case.replace, 1);
    fs::write(&path, &edited).unwrap();
    let faults = Catalog::load(dir).err().unwrap_or_default();
    fs::write(&path, whole).unwrap();

    let told: Vec<String> = faults.iter().map(|fault| format!("{fault}; {}", fault.remedy)).collect();
    let line = edited.lines().position(|line| line.contains(case.at)).map_or(0, |index| index + 1);
    let expected = |fault: &Fault| {
        (fault.code, fault.file.as_str(), fault.line) == (case.code, case.file, line)
            && fault.remedy.contains(case.remedy)
    };
    let found = faults.iter().any(expected);
    (!found).then(|| format!("{} at line {line} of {}, not:\n{}", case.code, case.file, told.join("\n")))
}

#[test]
fn all_faults_of_all_files_are_told_in_order() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let edit = |file: &str, find: &str, replace: &str| {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replacen(find, replace, 1)).unwrap();
    };
    edit(CASH, "unit = \"MAD\"", "unit = \"MADD\"");
    edit(CASH, "step = 50", "");
    edit(PURPOSES, "title.en = \"Monitoring of direct assistance\"\n", "");
    edit(AREA, "MA-02", "MA 02");
    edit("schemas/record_types/training.toml", "type = \"decimal\"", "type = \"decimals\"");
    let faults = Catalog::load(dir.path()).unwrap_err();
    let told: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.file.as_str(), fault.code)).collect();
    assert!(faults.is_sorted());
    for expected in [(PURPOSES, "K11"), (CASH, "K15"), (CASH, "K14"), (AREA, "K05")] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    // What names a broken definition is not told again.
    let again = |(file, code): &(&str, &str)| {
        *code == "K17" || file.contains("training") && file.starts_with("queries")
    };
    assert!(!told.iter().any(again), "{told:?}");
}

#[test]
fn files_that_are_missing_unpaired_or_unreadable_are_told() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let path = |file: &str| dir.path().join(file);
    fs::remove_file(path("queries/returns.sql")).unwrap();
    fs::remove_file(path("queries/trained_persons.toml")).unwrap();
    fs::write(path("queries/indicators.sql"), "SELECT 1").unwrap();
    fs::write(path("queries/training_hours.sql"), "SELECT 1").unwrap();
    fs::write(path("schemas/mappings/latin.toml"), b"source = \"x\"\n# caf\xe9").unwrap();
    fs::rename(path(AREA), path("schemas/code_lists/ref_area.csv")).unwrap();
    let faults = Catalog::load(dir.path()).unwrap_err();
    let told: Vec<String> =
        faults.iter().map(|fault| format!("{} {}", fault.location(), fault.code)).collect();
    for expected in [
        "queries/returns.toml:1 K19",
        "queries/trained_persons.sql:1 K19",
        "queries/indicators.sql:1 K19",
        "queries/training_hours.toml:1 K19",
        "schemas/mappings/latin.toml:2 K01",
        "schemas/code_lists/ref_area.csv:1 K06",
        "schemas/code_lists:1 K08",
    ] {
        assert!(told.iter().any(|fault| fault == expected), "{expected} in {told:#?}");
    }
    let nowhere = Catalog::load(&dir.path().join("nowhere")).unwrap_err();
    assert!(nowhere.iter().all(|fault| fault.code == "K01"), "{nowhere:?}");
}

#[test]
fn a_sum_over_what_a_multi_select_copies_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let path = dir.path().join(PARTNER);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("[columns.units]", "split = \" \"\n[columns.units]")).unwrap();
    let faults = Catalog::load(dir.path()).unwrap_err();
    let told: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.file.as_str(), fault.code)).collect();
    assert_eq!(told, [(CASH, "K22")]);
}

fn files<T>(read: Result<T, Vec<Fault>>) -> Vec<String> {
    read.err().into_iter().flatten().map(|fault| fault.file).collect()
}

#[test]
fn landing_by_one_mapping_needs_neither_the_queries_nor_the_other_mappings() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    fs::write(dir.path().join("queries/draft.sql"), "SELECT 1").unwrap();
    fs::write(dir.path().join(ORGANISATION), "record_type = 3").unwrap();
    let all = files(Catalog::load(dir.path()));
    assert!(
        all.contains(&"queries/draft.toml".to_owned()) || all.contains(&"queries/draft.sql".to_owned()),
        "{all:?}"
    );
    assert!(Catalog::for_mapping(dir.path(), "partner_assistance").is_ok());
    let own = files(Catalog::for_mapping(dir.path(), "partner_org_activity"));
    assert!(!own.is_empty() && own.iter().all(|file| file == ORGANISATION), "{own:?}");
    fs::write(dir.path().join(SERVICE), "").unwrap();
    assert!(files(Catalog::for_mapping(dir.path(), "partner_assistance")).contains(&SERVICE.to_owned()));
}

#[test]
fn what_is_done_to_rows_needs_no_query_and_all_else() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    fs::write(dir.path().join("queries/draft.sql"), "SELECT 1").unwrap();
    assert!(Catalog::load(dir.path()).is_err());
    let catalog = Catalog::without_queries(dir.path()).unwrap();
    assert!(catalog.statistics.is_empty() && !catalog.purposes.is_empty() && !catalog.mappings.is_empty());
    for file in ["purposes.toml", ORGANISATION, SERVICE] {
        let whole = fs::read(dir.path().join(file)).unwrap();
        fs::write(dir.path().join(file), "= 3").unwrap();
        assert!(files(Catalog::without_queries(dir.path())).contains(&file.to_owned()), "{file}");
        fs::write(dir.path().join(file), whole).unwrap();
    }
}

#[test]
fn a_release_is_made_although_another_one_or_its_statistic_is_half_written() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let whole = Catalog::load(dir.path()).unwrap();
    let release = &whole.releases[&"2024-Q4".parse().unwrap()];
    fs::write(dir.path().join("queries/draft.sql"), "SELECT 1").unwrap();
    fs::write(dir.path().join("queries/releases/draft.toml"), "id = \"draft\"").unwrap();
    let (catalog, others) = Catalog::for_release(dir.path(), "2024-Q4").unwrap();
    assert_eq!(format!("{:?}", catalog.releases[&release.id]), format!("{release:?}"));
    let mut told: Vec<String> = others.into_iter().map(|fault| fault.file).collect();
    told.dedup();
    assert_eq!(told, ["queries/draft.sql", "queries/releases/draft.toml"]);
    // What it names, stands in its place, or cannot be told is needed.
    let needed = |file: &str, text: &str| {
        let path = dir.path().join(file);
        let before = fs::read(&path).ok();
        fs::write(&path, text).unwrap();
        let found = files(Catalog::for_release(dir.path(), "2024-Q4"));
        assert!(found.contains(&file.to_owned()), "{file}: {found:?}");
        before.map_or_else(|| fs::remove_file(&path), |bytes| fs::write(&path, bytes)).unwrap();
    };
    for statistic in &release.statistics {
        needed(&format!("queries/{statistic}.toml"), "= 3");
    }
    needed("queries/releases/2024-Q4.toml", "= 3");
    needed("purposes.toml", "= 3");
    let text = fs::read_to_string(dir.path().join("queries/releases/2024-Q4.toml")).unwrap();
    needed("queries/releases/stray.toml", &text);
}

#[test]
fn a_misspelt_table_or_column_is_told_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let sql = dir.path().join("queries/assisted_persons.sql");
    let text = fs::read_to_string(&sql).unwrap();
    let told = |from: &str, to: &str| {
        fs::write(&sql, text.replace(from, to)).unwrap();
        let faults = Catalog::load(dir.path()).unwrap_err();
        let own = faults.into_iter().filter(|fault| fault.file == "queries/assisted_persons.toml");
        own.map(|fault| format!("{} {}", fault.code, fault.remedy)).collect::<Vec<_>>()
    };
    assert_eq!(
        told("assistance_service", "assistance_servce"),
        ["K19 it says `assistance_servce`: did you mean `assistance_service`?"]
    );
    let column = told("region", "regon");
    assert!(
        !column.is_empty() && column.iter().all(|one| one == "K09 it says `regon`: did you mean `region`?"),
        "{column:?}"
    );
}

/// All that landing reads by one mapping.
fn read_by(catalog: &Catalog, mapping: &str) -> String {
    let mapping = &catalog.mappings[mapping];
    let record_type = &catalog.record_types[&mapping.record_type];
    let columns = record_type.columns.iter();
    let own = columns.filter_map(|column| catalog.code_list_of(&record_type.id, &column.name));
    let lists: Vec<_> =
        own.chain(["LEGAL_BASIS"]).map(|list| (&catalog.code_lists[list], &catalog.names[list])).collect();
    format!("{mapping:?}\n{record_type:?}\n{lists:?}\n{:?}", catalog.countries)
}

/// Each file of `schemas/` broken or gone: who lands by another one lands by the very definitions of the whole set, and is
/// told; nobody lands by less.
#[test]
fn what_a_mapping_has_no_need_of_keeps_nobody_from_landing_by_it() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let whole = Catalog::load(dir.path()).unwrap();
    let mut outcomes = [0, 0];
    for folder in ["record_types", "code_lists", "mappings"] {
        for entry in fs::read_dir(dir.path().join("schemas").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            // Names outside a list may be absent, and are then no part of the whole.
            if !path.ends_with("REF_AREA_OTHER.csv") {
                fs::remove_file(&path).unwrap();
                lands_by_the_whole_or_not(dir.path(), &whole, &mut outcomes);
            }
            fs::write(&path, "= \" ,").unwrap();
            lands_by_the_whole_or_not(dir.path(), &whole, &mut outcomes);
            fs::write(&path, bytes).unwrap();
        }
    }
    assert!(outcomes.iter().all(|n| *n > 30), "{outcomes:?}");
}

/// Counts how often a mapping could be landed by although there is a fault, and how often not.
fn lands_by_the_whole_or_not(dir: &Path, whole: &Catalog, [landed, refused]: &mut [u32; 2]) {
    for mapping in ["partner_assistance", "partner_trafficking"] {
        match Catalog::for_mapping(dir, mapping) {
            Ok((catalog, faults)) if catalog.mappings.contains_key(mapping) => {
                assert!(read_by(&catalog, mapping) == read_by(whole, mapping), "{faults:?}");
                *landed += u32::from(!faults.is_empty());
            }
            // Where its own file is gone, landing says that there is no such mapping.
            Ok(_) => assert!(!dir.join(format!("schemas/mappings/{mapping}.toml")).exists()),
            Err(_) => *refused += 1,
        }
    }
}

#[test]
fn a_file_named_otherwise_than_its_id_stands_in_nobodys_place() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let text = fs::read_to_string(dir.path().join(SERVICE)).unwrap();
    let stray = "schemas/record_types/stray.toml";
    fs::write(dir.path().join(stray), text.replace("max_rows_a_quarter = 40", "max_rows_a_quarter = 1000"))
        .unwrap();
    assert_eq!(files(Catalog::for_mapping(dir.path(), "partner_assistance")), [stray]);
}

#[test]
fn a_period_that_is_none_is_told_as_that_alone() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(dir.path()).unwrap();
    let release = dir.path().join(RELEASE);
    let text = fs::read_to_string(&release).unwrap();
    let line = text.lines().find(|line| line.starts_with("periods")).unwrap();
    for (periods, what) in [("[\"2025-Q5\"]", "2025-Q5"), ("[]", "lists no period")] {
        fs::write(&release, text.replace(line, &format!("periods = {periods}"))).unwrap();
        let told = Catalog::load(dir.path()).unwrap_err();
        assert!(told.len() == 1 && told[0].what.contains(what), "{told:?}");
    }
}
