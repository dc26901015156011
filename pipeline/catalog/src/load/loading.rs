//! What has been read so far while a catalogue loads.

use std::collections::BTreeSet;
use std::path::Path;

use marsad_terms::RecordTypeId;

use crate::error::{Faults, Kind};
use crate::page::{At, Page, stem};
use crate::{Catalog, Fault, RecordType};

/// A catalogue half read.
pub(crate) struct Loading<'a> {
    pub(crate) catalog: Catalog,
    pub(crate) faults: &'a Faults,
    /// Stems of files that were there and could not be read: naming them is no further fault.
    pub(crate) failed: BTreeSet<String>,
}

/// Reads everything, each kind after those that it names.
pub(crate) fn load(dir: &Path) -> Result<Catalog, Vec<Fault>> {
    let faults = Faults::default();
    let catalog = everything(dir, &faults);
    faultless(catalog, faults)
}

fn everything(dir: &Path, faults: &Faults) -> Catalog {
    let mut loading = schemas(dir, faults);
    super::purposes::load(dir, &mut loading);
    super::statistics::load(dir, &mut loading);
    super::releases::load(dir, &mut loading);
    loading.catalog
}

/// Reads everything, and tells the faults apart of statistics and releases that the release has no need of.
pub(crate) fn for_release(dir: &Path, release: &str) -> Result<(Catalog, Vec<Fault>), Vec<Fault>> {
    let faults = Faults::default();
    let catalog = everything(dir, &faults);
    let own = format!("{}/{release}.toml", super::releases::FOLDER);
    let statistics = super::releases::named_statistics(&dir.join(&own));
    let unneeded = |fault: &Fault| {
        // A file that is named otherwise than its id may stand in the place of one that is needed.
        if fault.code == Kind::FileName.code() {
            return false;
        }
        if fault.file.starts_with(&format!("{}/", super::releases::FOLDER)) {
            return fault.file != own;
        }
        let of_queries = fault.file.starts_with(&format!("{}/", super::statistics::FOLDER));
        of_queries && statistics.as_ref().is_some_and(|named| !named.contains(stem(&fault.file)))
    };
    let (others, own) = faults.into_sorted().into_iter().partition::<Vec<_>, _>(unneeded);
    if own.is_empty() { Ok((catalog, others)) } else { Err(own) }
}

/// Reads everything but `queries/`.
pub(crate) fn without_queries(dir: &Path) -> Result<Catalog, Vec<Fault>> {
    let faults = Faults::default();
    let mut loading = schemas(dir, &faults);
    super::purposes::load(dir, &mut loading);
    faultless(loading.catalog, faults)
}

fn faultless(catalog: Catalog, faults: Faults) -> Result<Catalog, Vec<Fault>> {
    let faults = faults.into_sorted();
    if faults.is_empty() { Ok(catalog) } else { Err(faults) }
}

/// Reads `schemas/`, and tells the faults apart of what the mapping has no need of.
pub(crate) fn for_mapping(dir: &Path, mapping: &str) -> Result<(Catalog, Vec<Fault>), Vec<Fault>> {
    let faults = Faults::default();
    let catalog = schemas(dir, &faults).catalog;
    let unneeded = unneeded(&catalog, mapping);
    let (others, own) = faults.into_sorted().into_iter().partition::<Vec<_>, _>(unneeded);
    if own.is_empty() { Ok((catalog, others)) } else { Err(own) }
}

/// Whether a fault is of a file that the mapping has no need of.
fn unneeded(catalog: &Catalog, mapping: &str) -> impl Fn(&Fault) -> bool {
    let own = format!("{}/{mapping}.toml", super::mappings::FOLDER);
    let needed = catalog.mappings.get(mapping).and_then(|mapping| needed(catalog, &mapping.record_type));
    move |fault| {
        let of_folder = |folder| fault.file.starts_with(&format!("{folder}/"));
        if of_folder(super::mappings::FOLDER) {
            return fault.file != own;
        }
        // A file that is named otherwise than its id may stand in the place of one that is needed.
        let is_known = of_folder(super::code_lists::FOLDER)
            || (of_folder(super::record_types::FOLDER) && fault.code != Kind::FileName.code());
        needed.as_ref().is_some_and(|needed| is_known && !needed.contains(&fault.file))
    }
}

/// The files of a record type, of the lists of its columns with what leads to their codes, and of the legal basis.
fn needed(catalog: &Catalog, record_type: &RecordTypeId) -> Option<BTreeSet<String>> {
    let (folder, lists) = (super::record_types::FOLDER, super::code_lists::FOLDER);
    let mut files = BTreeSet::from([format!("{folder}/{record_type}.toml"), format!("{lists}/country.csv")]);
    let columns = &catalog.record_types.get(record_type)?.columns;
    let own = columns.iter().filter_map(|column| catalog.code_list_of(record_type, &column.name));
    for list in own.chain(["LEGAL_BASIS"]) {
        files.extend([format!("{lists}/{list}.csv"), format!("{lists}/{list}_OTHER.csv")]);
    }
    Some(files)
}

fn schemas<'a>(dir: &Path, faults: &'a Faults) -> Loading<'a> {
    let mut loading = Loading { catalog: Catalog::default(), faults, failed: BTreeSet::new() };
    super::code_lists::load(dir, &mut loading);
    super::countries::load(dir, &mut loading);
    super::record_types::load(dir, &mut loading);
    super::mappings::load(dir, &mut loading);
    loading
}

impl Loading<'_> {
    /// The record type of that name; a fault of `page` where there is none.
    pub(crate) fn record_type(&self, page: Page<'_>, name: &At<String>) -> Option<RecordType> {
        let found =
            name.value.parse().ok().and_then(|id: RecordTypeId| self.catalog.record_types.get(&id).cloned());
        if found.is_none() && !self.failed.contains(&name.value) {
            let known = self.catalog.record_types.keys().map(marsad_terms::Name::as_str);
            page.unknown(name, Kind::Reference, "record type", known);
        }
        found
    }

    /// Whether there is a code list of that name; a fault of `page` where there is none.
    pub(crate) fn has_code_list(&self, page: Page<'_>, name: &At<String>) -> bool {
        let found = self.catalog.code_lists.contains_key(&name.value);
        if !found && !self.failed.contains(&name.value) {
            page.unknown(
                name,
                Kind::CodeList,
                "code list",
                self.catalog.code_lists.keys().map(String::as_str),
            );
        }
        found
    }

    /// Keeps a fault where the code is none that a record may carry, of a list that exists.
    pub(crate) fn must_be_code(&self, page: Page<'_>, list: &str, code: &At<String>) {
        let Some(list) = self.catalog.code_lists.get(list) else { return };
        let domain: Vec<&str> = list.domain().iter().map(|code| code.id.as_str()).collect();
        if domain.contains(&code.value.as_str()) {
            return;
        }
        if list.code(&code.value).is_some() {
            let what = format!("`{}` of {} is a total, which no record carries", code.value, list.id);
            page.fault(code.at, Kind::Code, what, format!("choose one of: {}", domain.join(", ")));
        } else {
            page.unknown(code, Kind::Code, &format!("code of {}", list.id), domain);
        }
    }
}
