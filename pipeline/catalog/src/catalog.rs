//! The whole catalogue: what `schemas/`, `queries/` and `purposes.toml` of one workspace declare, read and checked together.

use std::collections::BTreeMap;
use std::path::Path;

use marsad_terms::{RecordTypeId, ReleaseId, StatisticId};

use crate::{
    CodeList, ColumnKind, Countries, Fault, Mapping, Names, Purpose, RecordType, Release, Statistic,
};

/// Everything that a workspace declares; public by construction.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Code lists by id, such as `REF_AREA`.
    pub code_lists: BTreeMap<String, CodeList>,
    /// Spellings of each code list, folded; landing looks codes up here.
    pub names: BTreeMap<String, Names>,
    /// Record types.
    pub record_types: BTreeMap<RecordTypeId, RecordType>,
    /// Mappings by the stem of their file.
    pub mappings: BTreeMap<String, Mapping>,
    /// Statistics.
    pub statistics: BTreeMap<StatisticId, Statistic>,
    /// Release definitions.
    pub releases: BTreeMap<ReleaseId, Release>,
    /// Purposes by id.
    pub purposes: BTreeMap<String, Purpose>,
    /// Countries and their nationality groups.
    pub countries: Countries,
}

impl Catalog {
    /// Reads `schemas/`, `queries/` and `purposes.toml` of a workspace.
    ///
    /// # Errors
    /// All faults of all files, sorted by file and line.
    pub fn load(dir: &Path) -> Result<Self, Vec<Fault>> {
        crate::load::loading::load(dir)
    }

    /// Reads `schemas/` and `purposes.toml`: what rows are kept, corrected and erased by. No statistic or release, half written,
    /// stands in the way of that; there is none in it.
    ///
    /// # Errors
    /// All faults of those files, sorted by file and line.
    pub fn without_queries(dir: &Path) -> Result<Self, Vec<Fault>> {
        crate::load::loading::without_queries(dir)
    }

    /// Reads what a release is made by: all of `schemas/` and `purposes.toml`, and of `queries/` its definition and the
    /// statistics that it names, so that no other one, half written, keeps a release from its instant. Gives the faults of the
    /// others too, sorted by file and line: what they would declare is not in the catalogue.
    ///
    /// # Errors
    /// All faults of those files; of all statistics where the release cannot be read.
    pub fn for_release(dir: &Path, release: &str) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        crate::load::loading::for_release(dir, release)
    }

    /// Reads what an extract is landed by: of `schemas/` the mapping, its record type and the code lists of that, so that no
    /// other definition, half written, keeps anybody from landing by `mapping`. Gives the faults of the others too, sorted by
    /// file and line: what they would declare is incomplete here, and good for nothing but landing by that mapping.
    ///
    /// # Errors
    /// All faults of those files, and of what cannot be told from them; of all of `schemas/` but other mappings where the
    /// mapping itself cannot be read.
    pub fn for_mapping(dir: &Path, mapping: &str) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        crate::load::loading::for_mapping(dir, mapping)
    }

    /// Reads one statistic outside the catalogue's folder, checked against this catalogue; its SQL stands beside it.
    ///
    /// That its purpose is registered is not checked: the plan of a release does.
    ///
    /// # Errors
    /// All faults of the two files, sorted by file and line.
    pub fn statistic_from(&self, toml: &Path) -> Result<Statistic, Vec<Fault>> {
        crate::load::statistics::outside(self, toml)
    }

    /// The SDMX dimension of a column: `region` → `REF_AREA`, else the name in upper case (publication 2).
    pub fn dimension_id(&self, column: &str) -> String {
        if column == "region" { "REF_AREA".to_owned() } else { column.to_ascii_uppercase() }
    }

    /// The id of the code list that a column of a record type has; periods and measures have none.
    pub fn code_list_of(&self, record_type: &RecordTypeId, column: &str) -> Option<&str> {
        let record_type = self.record_types.get(record_type)?;
        match &record_type.column(column)?.kind {
            ColumnKind::Code { list } => Some(list),
            _ => None,
        }
    }
}
