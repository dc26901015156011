//! What a change of definitions does to versions, from release to release.

use std::slice::from_ref;

use marsad_terms::Text;

use super::*;
use crate::bundle;
use crate::edition::Edition;
use crate::sdmx::ml::Version as Ml;
use crate::sdmx::structure::Structure;
use crate::sdmx::{json, ml};
use crate::testing::Fixture;

const FLOW: &str = "assisted_persons";

/// A release of the fixture after others, its definitions changed.
fn release(past: &[ReleaseJson], change: impl Fn(&mut Catalog)) -> Result<(Fixture, Edition)> {
    let mut fixture = Fixture::new();
    change(&mut fixture.catalog);
    fixture.context.past = past.to_vec();
    let Fixture { catalog, released, proposal, context } = &fixture;
    let edition = bundle::edition(catalog, released, proposal, context)?;
    Ok((fixture, edition))
}

fn statement(of: &(Fixture, Edition)) -> ReleaseJson {
    release_json::statement(&of.1, Vec::new())
}

/// The first release, as it stands.
fn first() -> ReleaseJson {
    statement(&release(&[], |_| {}).unwrap())
}

fn version<'a>(statement: &'a ReleaseJson, flow: &str) -> &'a str {
    statement.statistics.iter().find(|own| own.id == flow).unwrap().version()
}

fn sexes(catalog: &mut Catalog) -> &mut Vec<marsad_catalog::Code> {
    &mut catalog.code_lists.get_mut("SEX").unwrap().codes
}

fn with_a_new_code(catalog: &mut Catalog) {
    let mut new = sexes(catalog)[0].clone();
    new.id = "X".to_owned();
    sexes(catalog).push(new);
}

fn renamed(catalog: &mut Catalog) {
    sexes(catalog)[0].label = Text::new("Femmes et filles", "النساء والفتيات", "Women and girls");
}

#[test]
fn the_first_release_has_the_declared_versions() {
    let first = first();
    assert_eq!((version(&first, FLOW), first.concept_scheme.as_str()), ("1.0.0", "1.0.0"));
    assert!(first.code_lists.values().all(|list| list.version == FIRST && list.previous.is_none()));
    assert_eq!(first.component_lists.keys().collect::<Vec<_>>(), ["FREQ", "OBS_STATUS", "UNIT_MEASURE"]);
    let same = release(from_ref(&first), |_| {}).unwrap();
    assert_eq!((statement(&same), same.1.versions.told.len()), (first, 0));
}

#[test]
fn a_new_code_is_minor_and_a_label_a_patch_for_all_that_refer_to_the_list() {
    let first = first();
    let added = release(from_ref(&first), with_a_new_code).unwrap();
    let second = statement(&added);
    assert_eq!(second.code_lists["SEX"].version, "1.1.0");
    assert_eq!((version(&second, FLOW), second.concept_scheme.as_str()), ("1.1.0", "1.1.0"));
    // Who does not use the list stays.
    assert_eq!(version(&second, "assisted_by_category"), "1.0.0");
    assert_eq!(second.code_lists["REF_AREA"].version, "1.0.0");
    let told = &added.1.versions.told;
    assert!(told.contains(&"code list SEX is 1.1.0: with X".to_owned()), "{told:?}");
    assert!(told.contains(&"assisted_persons is 1.1.0: code list SEX is 1.1.0".to_owned()), "{told:?}");
    let previous = second.code_lists["SEX"].previous.as_ref().unwrap();
    assert_eq!(previous.version, "1.0.0");
    assert!(
        previous.codes.iter().all(|(old, new)| new == from_ref(old)) && !previous.codes.contains_key("X")
    );

    let both = |catalog: &mut Catalog| {
        with_a_new_code(catalog);
        renamed(catalog);
    };
    let third = statement(&release(&[first.clone(), second.clone()], both).unwrap());
    assert_eq!((third.code_lists["SEX"].version.as_str(), version(&third, FLOW)), ("1.1.1", "1.1.1"));
    // The same again: the same versions, and the mapping that belongs to the list's.
    let fourth = statement(&release(&[first, second, third.clone()], both).unwrap());
    assert_eq!(fourth.code_lists, third.code_lists);
    assert_eq!((version(&fourth, FLOW), &fourth.concept_scheme), ("1.1.1", &third.concept_scheme));
}

#[test]
fn a_title_is_a_patch_and_a_declared_version_the_least() {
    let first = first();
    let titled = |catalog: &mut Catalog| {
        let own = catalog.statistics.values_mut().find(|own| own.id.to_string() == FLOW).unwrap();
        own.title.en += ", again";
    };
    let second = statement(&release(from_ref(&first), titled).unwrap());
    assert_eq!((version(&second, FLOW), version(&second, "assisted_by_category")), ("1.0.1", "1.0.0"));
    let declared = |catalog: &mut Catalog| {
        let own = catalog.statistics.values_mut().find(|own| own.id.to_string() == FLOW).unwrap();
        own.version = "1.4.0".to_owned();
    };
    let raised = release(&[first], declared).unwrap();
    assert_eq!(version(&statement(&raised), FLOW), "1.4.0");
    let told = "assisted_persons is 1.4.0: its statistic declares it".to_owned();
    assert_eq!(raised.1.versions.told, [told]);
    // What was published stands, though the statistic declares less.
    assert_eq!(version(&statement(&release(&[statement(&raised)], |_| {}).unwrap()), FLOW), "1.4.0");
}

#[test]
fn a_code_that_goes_or_moves_must_be_declared() {
    let with = statement(&release(&[], with_a_new_code).unwrap());
    let Err(error @ Error::Breaks { .. }) = release(from_ref(&with), |_| {}) else {
        panic!("it went unnoticed")
    };
    let said = error.to_string();
    assert!(said.contains("`assisted_persons` must be 2.0.0: code list SEX is 2.0.0"), "{said}");
    let declared = |catalog: &mut Catalog| {
        for own in catalog.statistics.values_mut() {
            own.version = "2.0.0".to_owned();
        }
        // The code that stands for it now.
        sexes(catalog)[1].attributes.insert("was".to_owned(), "Y X".to_owned());
    };
    let after = statement(&release(&[with], declared).unwrap());
    assert_eq!((after.code_lists["SEX"].version.as_str(), version(&after, FLOW)), ("2.0.0", "2.0.0"));
    assert_eq!(after.concept_scheme, "2.0.0");
    let previous = after.code_lists["SEX"].previous.as_ref().unwrap();
    let stands_for = after.code_lists["SEX"].codes[2].id.clone();
    assert_eq!(previous.codes["X"], [stands_for]);

    let before = [code("A", None), code("B", None)];
    let now = [code("A", None), code("B", Some("A"))];
    assert_eq!(difference(&before, &now), (Change::Major, "B is a part of another code".to_owned()));
}

fn code(id: &str, parent: Option<&str>) -> CodeJson {
    CodeJson { id: id.to_owned(), parent: parent.map(str::to_owned), names: Text::same(id) }
}

#[test]
fn another_unit_or_other_dimensions_break_a_series() {
    let mut unit = first();
    unit.statistics.iter_mut().find(|own| own.id == FLOW).unwrap().unit = "HOURS".to_owned();
    let mut axes = first();
    axes.statistics.iter_mut().find(|own| own.id == FLOW).unwrap().dimensions.pop();
    let mut kind = first();
    kind.statistics.iter_mut().find(|own| own.id == FLOW).unwrap().ratio = Some(true);
    for (past, what) in [(unit, "unit"), (axes, "dimensions"), (kind, "figures")] {
        let Err(Error::Breaks { what: said }) = release(&[past], |_| {}) else { panic!("{what}") };
        assert!(said.contains("`assisted_persons` must be 2.0.0") && said.contains(what), "{said}");
        assert!(!said.contains("; "), "nobody else: {said}");
    }
}

#[test]
fn versions_never_fall_and_numbers_are_numbers() {
    let read = Version::read;
    assert!(read("1.10.0") > read("1.9.9"));
    assert_eq!(read("1.9.4").after(Change::Minor).text(), "1.10.0");
    assert_eq!(read("1.9.4").until(read("1.9.5")), Some(Change::Patch));
    assert_eq!(read("what"), read(FIRST));
}

#[test]
fn a_bundle_with_a_mapping_holds_and_a_changed_one_is_noticed() {
    let first = first();
    let (fixture, edition) = release(&[first], with_a_new_code).unwrap();
    let dir = tempfile::tempdir().unwrap();
    fixture.write(dir.path(), &edition);
    let path = dir.path().join(json::PATH);
    let text = std::fs::read_to_string(&path).unwrap();
    for part in
        ["structuremapping.RepresentationMap=MARSAD:CLM_SEX(1.1.0)", "codelist.Codelist=MARSAD:CL_SEX(1.1.0)"]
    {
        assert!(text.contains(part), "{part}");
    }
    let faults = || {
        let report = crate::verify::verify(dir.path(), &crate::verify::Allowed::default());
        let kinds = report.failed().map(|check| (check.name.clone(), check.what.clone()));
        kinds.filter(|(name, _)| name == "structure").collect::<Vec<_>>()
    };
    assert_eq!(faults(), []);
    std::fs::write(&path, text.replace("\"value\": \"_U\"", "\"value\": \"X\"")).unwrap();
    assert_eq!(faults()[0].1, "its mappings of code lists are not those of release.json");
    for version in [Ml::V21, Ml::V30] {
        let path = dir.path().join(version.path());
        let text = std::fs::read_to_string(&path).unwrap();
        let own = "codelist.Codelist=MARSAD:CL_SEX(1.1.0)\" agencyID=\"MARSAD\" version=\"1.";
        assert!(text.contains(own), "{version:?}");
        std::fs::write(&path, text.replace(own, &own.replace("version=\"1", "version=\"2"))).unwrap();
        let found = faults();
        let said = "CL_SEX is not the code list of SEX in release.json";
        assert!(found.iter().any(|(_, what)| what == said), "{found:?}");
        std::fs::write(&path, text).unwrap();
    }
}

#[test]
fn a_proposal_that_would_break_a_series_is_refused_before_it_costs_anything() {
    let fixture = Fixture::shared();
    let with = statement(&release(&[], with_a_new_code).unwrap());
    let Err(Error::Breaks { what }) = foresee(&fixture.catalog, &fixture.proposal, from_ref(&with)) else {
        panic!("it went unnoticed")
    };
    assert!(what.contains("`assisted_persons` must be 2.0.0: code list SEX is without X"), "{what}");
    // A later release of others moved the list: who still stands before it must say so too.
    let mut moved = first();
    moved.statistics.clear();
    moved.code_lists.get_mut("SEX").unwrap().version = "2.0.0".to_owned();
    let Err(Error::Breaks { what }) = foresee(&fixture.catalog, &fixture.proposal, &[first(), moved]) else {
        panic!("it went unnoticed")
    };
    assert!(what.contains("code list SEX is 2.0.0"), "{what}");
    for past in [vec![], vec![first()], vec![with.clone(), first()]] {
        foresee(&fixture.catalog, &fixture.proposal, &past).unwrap();
    }
    let mut declared = Fixture::new();
    for own in declared.catalog.statistics.values_mut() {
        own.version = "2.0.0".to_owned();
    }
    foresee(&declared.catalog, &declared.proposal, &[with]).unwrap();
}

/// The purpose of [`FLOW`].
fn purpose(catalog: &Catalog) -> String {
    catalog.statistics.values().find(|own| own.id.as_str() == FLOW).unwrap().purpose.clone()
}

#[test]
fn a_new_purpose_is_minor_another_title_a_patch_and_one_that_is_not_in_use_no_change() {
    let first = first();
    assert_eq!(first.category_scheme, "1.0.0");
    let own = purpose(&Fixture::shared().catalog);
    assert!(first.categories.contains_key(&own));
    let moved = |catalog: &mut Catalog| {
        let mut new = catalog.purposes[&own].clone();
        new.title.en = "Another purpose".to_owned();
        catalog.purposes.insert("new".to_owned(), new);
        for statistic in catalog.statistics.values_mut().filter(|statistic| statistic.purpose == own) {
            "new".clone_into(&mut statistic.purpose);
        }
    };
    let added = release(from_ref(&first), moved).unwrap();
    let second = statement(&added);
    assert_eq!(second.category_scheme, "1.1.0");
    assert!(second.categories.contains_key("new") && !second.categories.contains_key(&own));
    assert_eq!(added.1.versions.told, ["the category scheme is 1.1.0: with new"]);
    let structure = Structure::new(&added.0.catalog, &added.1).unwrap();
    for form in [Ml::V21, Ml::V30] {
        let text = String::from_utf8(ml::write(&structure, form).unwrap()).unwrap();
        assert!(text.contains("CAS_MARSAD(1.1.0).new\"") && !text.contains("CAS_MARSAD(1.0.0)"), "{form:?}");
    }
    let text = String::from_utf8(json::write(&structure).unwrap()).unwrap();
    assert!(text.contains("CAS_MARSAD(1.1.0).new\"") && !text.contains("CAS_MARSAD(1.0.0)"));

    // What the first release said of its purpose stands when it is used again.
    let third = statement(&release(&[first.clone(), second.clone()], |_| {}).unwrap());
    assert_eq!((third.category_scheme.as_str(), &third.categories), ("1.1.0", &first.categories));
    let retitled = |catalog: &mut Catalog| catalog.purposes.get_mut(&own).unwrap().title.fr += " (bis)";
    let fourth = statement(&release(&[first, second, third], retitled).unwrap());
    assert_eq!(fourth.category_scheme, "1.1.1");
}
