//! Code lists in three languages (`schemas/code_lists/*.csv`), as SDMX has them.

use std::collections::BTreeMap;

use marsad_terms::{Digest, Text, canonical};

/// One code with its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code itself, such as `MA-01`.
    pub id: String,
    /// Its labels.
    pub label: Text,
    /// The code that it is a part of.
    pub parent: Option<String>,
    /// Further columns of the list, such as `snia_axis`, by header.
    pub attributes: BTreeMap<String, String>,
}

/// A code list in its declared order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeList {
    /// The list's id, such as `REF_AREA`; `CL_REF_AREA` in SDMX.
    pub id: String,
    /// All codes, totals included, in order.
    pub codes: Vec<Code>,
}

impl CodeList {
    /// The code of that id.
    pub fn code(&self, id: &str) -> Option<&Code> {
        self.codes.iter().find(|code| code.id == id)
    }

    /// The one code that others name as parent and that has none itself: the published total of such a list.
    pub fn root(&self) -> Option<&Code> {
        let mut parents = self.codes.iter().filter(|code| code.parent.is_none() && self.is_parent(&code.id));
        parents.next().filter(|_| parents.next().is_none())
    }

    /// The codes that a record may carry, in order: all that are nobody's parent.
    pub fn domain(&self) -> Vec<&Code> {
        self.codes.iter().filter(|code| !self.is_parent(&code.id)).collect()
    }

    /// The digest of id, codes in order, labels and parents: what figures by this list mean. Notes and other columns are no part.
    pub fn digest(&self) -> Digest {
        let codes: Vec<(&str, &Text, Option<&str>)> =
            self.codes.iter().map(|code| (code.id.as_str(), &code.label, code.parent.as_deref())).collect();
        canonical::digest(&(&self.id, codes)).expect("texts have a canonical form")
    }

    fn is_parent(&self, id: &str) -> bool {
        self.codes.iter().any(|code| code.parent.as_deref() == Some(id))
    }
}

/// The folded spellings of a code list: codes and labels in three languages (extracts 5). Codes that begin with `_`, totals and
/// labels of `_U` are not spellings (a mapping declares its unknowns); of a list `X`, the names in `X_OTHER` lead to `_O`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub(crate) BTreeMap<String, String>);

impl Names {
    /// The code of a spelling that [`crate::fold`] made.
    pub fn code(&self, folded: &str) -> Option<&str> {
        self.0.get(folded).map(String::as_str)
    }
}
