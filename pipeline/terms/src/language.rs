//! The three languages of every public text, in their fixed order: fr, ar, en.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language that Marsad publishes in (BCP 47).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French.
    Fr,
    /// Arabic, written from right to left.
    Ar,
    /// English.
    En,
}

impl Language {
    /// All three, in the order of publication.
    pub const ALL: [Self; 3] = [Self::Fr, Self::Ar, Self::En];

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::Ar => "ar",
            Self::En => "en",
        }
    }

    /// The value of HTML's `dir`.
    pub fn direction(self) -> &'static str {
        if self == Self::Ar { "rtl" } else { "ltr" }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|language| language.tag() == text)
            .ok_or_else(|| format!("`{text}` is no language of Marsad; choose fr, ar or en"))
    }
}

/// A text in all three languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// French.
    pub fr: String,
    /// Arabic.
    pub ar: String,
    /// English.
    pub en: String,
}

impl Text {
    /// In French, Arabic and English.
    pub fn new(fr: impl Into<String>, ar: impl Into<String>, en: impl Into<String>) -> Self {
        Self { fr: fr.into(), ar: ar.into(), en: en.into() }
    }

    /// What reads the same in all, such as a formula.
    pub fn same(text: &str) -> Self {
        Self::new(text, text, text)
    }

    /// The text in one language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::Ar => &self.ar,
            Language::En => &self.en,
        }
    }

    /// Languages whose text is empty.
    pub fn missing(&self) -> Vec<Language> {
        Language::ALL.into_iter().filter(|language| self.get(*language).trim().is_empty()).collect()
    }
}
