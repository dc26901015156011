//! Who asks: identifiers from a file that its owner alone may read. They become pseudonyms here, and are never printed.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use marsad_catalog::Catalog;
use zeroize::Zeroizing;

use crate::keys::mode_for_others;
use crate::pseudonym::{Identifier, Pseudonymiser};
use crate::{Error, Result};

/// Canonical identifiers of persons, `partner:P-00017`. Zeroed when dropped; no `Debug`.
pub struct Persons(Vec<Identifier>);

impl Persons {
    /// Reads a file of one identifier a line that its owner alone may read.
    ///
    /// # Errors
    /// `PersonsMode` where others may read it; `Persons` for a line that is no identifier of a known scheme, by its number; `NoPersons`
    /// where none is.
    pub fn read(path: &Path, catalog: &Catalog) -> Result<Self> {
        let failed = |source| Error::Read { file: path.to_owned(), source };
        if let Some(mode) = mode_for_others(path).map_err(failed)? {
            return Err(Error::PersonsMode { file: path.to_owned(), mode });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let mut schemes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, mapping) in &catalog.mappings {
            let scheme = mapping.identifier.as_ref().map(|identifier| identifier.scheme.as_str());
            scheme.map(|scheme| schemes.entry(scheme).or_default().push(id.as_str()));
        }
        let mut persons = Vec::new();
        for (line, text) in text.lines().map(str::trim).enumerate().filter(|(_, text)| !text.is_empty()) {
            let known = text
                .split_once(':')
                .is_some_and(|(scheme, own)| schemes.contains_key(scheme) && !own.is_empty());
            if !known {
                let of =
                    |(scheme, mappings): (&&str, &Vec<&str>)| format!("{scheme} of {}", mappings.join(", "));
                let schemes = schemes.iter().map(of).collect();
                return Err(Error::Persons { file: path.to_owned(), line: line + 1, schemes });
            }
            persons.push(Identifier(Zeroizing::new(text.to_owned())));
        }
        if persons.is_empty() {
            return Err(Error::NoPersons { file: path.to_owned() });
        }
        Ok(Self(persons))
    }

    /// How many identifiers there are.
    pub fn n(&self) -> usize {
        self.0.len()
    }

    /// Under which keys they landed in one key space.
    pub(crate) fn pseudonyms(&self, pseudonymiser: &Pseudonymiser) -> HashSet<[u8; 16]> {
        self.0.iter().map(|identifier| pseudonymiser.person(identifier).0).collect()
    }
}
