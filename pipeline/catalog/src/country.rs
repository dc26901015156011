//! Countries (`schemas/code_lists/country.csv`): names and codes, each leading to a nationality group. Countries never land.

use std::collections::BTreeMap;

use marsad_terms::Text;

use crate::mapping::NationalityScheme;

/// One country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub iso2: String,
    /// ISO 3166-1 alpha-3.
    pub iso3: String,
    /// The refugee agency's code.
    pub unhcr: String,
    /// Its names.
    pub label: Text,
    /// Code of NATIONALITY_GROUP.
    pub nationality_group: String,
}

/// All countries, and their folded names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Countries {
    /// In the file's order.
    pub all: Vec<Country>,
    pub(crate) iso: BTreeMap<String, String>,
    pub(crate) unhcr: BTreeMap<String, String>,
}

impl Countries {
    /// The nationality group of a folded spelling: a country's name or code of the scheme, else a group's own code or label.
    pub fn group(&self, folded: &str, scheme: NationalityScheme) -> Option<&str> {
        let names = match scheme {
            NationalityScheme::Iso => &self.iso,
            NationalityScheme::Unhcr => &self.unhcr,
        };
        names.get(folded).map(String::as_str)
    }
}
