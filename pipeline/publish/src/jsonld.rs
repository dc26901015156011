//! The few forms of JSON-LD 1.1 that CSVW and DCAT share: references, texts by language, typed values.

use marsad_terms::{Language, Text};
use serde::Serialize;

/// A reference to a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Id {
    #[serde(rename = "@id")]
    id: String,
}

impl Id {
    pub(crate) fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }

    pub(crate) fn into_text(self) -> String {
        self.id
    }
}

/// A text in one language.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Localised {
    #[serde(rename = "@value")]
    value: String,
    #[serde(rename = "@language")]
    language: &'static str,
}

/// A text in all three languages.
pub(crate) type Texts = [Localised; 3];

/// The text in all three languages.
pub(crate) fn texts(text: &Text) -> Texts {
    Language::ALL.map(|language| Localised { value: text.get(language).to_owned(), language: language.tag() })
}

/// A value with its type.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Typed {
    #[serde(rename = "@value")]
    value: String,
    #[serde(rename = "@type")]
    kind: &'static str,
}

impl Typed {
    pub(crate) fn new(kind: &'static str, value: impl Into<String>) -> Self {
        Self { value: value.into(), kind }
    }
}
