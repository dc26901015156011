//! Who asks: identifiers from a file that its owner alone may read. They become pseudonyms here, and are never printed.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use marsad_catalog::{Catalog, clean};
use zeroize::Zeroizing;

use crate::keys::mode_for_others;
use crate::pseudonym::{Identifier, Pseudonymiser};
use crate::validate::IdentifierRule;
use crate::{Error, Result};

/// Canonical identifiers of persons, `partner:P-00017`. Zeroed when dropped; no `Debug`.
pub struct Persons {
    /// Every form that a mapping of its scheme gives one.
    forms: Vec<Identifier>,
    n: usize,
}

impl Persons {
    /// Reads a file of one identifier a line that its owner alone may read; each as the mappings of its scheme read it in an
    /// extract, so that it may be copied from there as it is written.
    ///
    /// # Errors
    /// `PersonsMode` where others may read it; `Persons` for a line that no mapping of a known scheme reads as an identifier,
    /// by its number; `NoPersons` where none is; `Definition` where a mapping's rule is none.
    pub fn read(path: &Path, catalog: &Catalog) -> Result<Self> {
        let failed = |source| Error::Read { file: path.to_owned(), source };
        if let Some(mode) = mode_for_others(path).map_err(failed)? {
            return Err(Error::PersonsMode { file: path.to_owned(), mode });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let schemes = schemes(catalog)?;
        let mut persons = Self { forms: Vec::new(), n: 0 };
        for (line, text) in (1..).zip(text.lines()) {
            let text = Zeroizing::new(clean(text).into_owned());
            if text.is_empty() {
                continue;
            }
            let forms = forms(&text, &schemes);
            if forms.is_empty() {
                let of = |(scheme, rules): (&&str, &Vec<(&str, IdentifierRule)>)| {
                    let mappings: Vec<&str> = rules.iter().map(|(mapping, _)| *mapping).collect();
                    format!("{scheme} of {}", mappings.join(", "))
                };
                let schemes = schemes.iter().map(of).collect();
                return Err(Error::Persons { file: path.to_owned(), line, schemes });
            }
            persons.forms.extend(forms);
            persons.n += 1;
        }
        if persons.n == 0 {
            return Err(Error::NoPersons { file: path.to_owned() });
        }
        Ok(persons)
    }

    /// How many identifiers there are.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Under which keys they landed in one key space.
    pub(crate) fn pseudonyms(&self, pseudonymiser: &Pseudonymiser) -> HashSet<[u8; 16]> {
        self.forms.iter().map(|identifier| pseudonymiser.person(identifier).0).collect()
    }
}

/// How the mappings of each scheme read an identifier, by mapping.
type Schemes<'c> = BTreeMap<&'c str, Vec<(&'c str, IdentifierRule)>>;

fn schemes(catalog: &Catalog) -> Result<Schemes<'_>> {
    let mut schemes = Schemes::new();
    for (id, mapping) in &catalog.mappings {
        let Some(spec) = &mapping.identifier else { continue };
        let rule = IdentifierRule::new(spec);
        let rule = rule.map_err(|what| Error::Definition { mapping: id.clone(), what })?;
        schemes.entry(spec.scheme.as_str()).or_default().push((id, rule));
    }
    Ok(schemes)
}

/// Every form that a mapping gives this canonical line, each once; none where no mapping of its scheme takes it.
fn forms(line: &str, schemes: &Schemes<'_>) -> Vec<Identifier> {
    let Some((scheme, own)) = line.split_once(':') else { return Vec::new() };
    let mut forms: Vec<Identifier> = Vec::new();
    for (_, rule) in schemes.get(scheme.trim().to_ascii_lowercase().as_str()).into_iter().flatten() {
        let mut form = Identifier::default();
        let is_taken = rule.read(own.trim(), &mut form).is_ok();
        if is_taken && forms.iter().all(|other| other.0 != form.0) {
            forms.push(form);
        }
    }
    forms
}
