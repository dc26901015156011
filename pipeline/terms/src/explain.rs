//! How a failure is told: what, where, why, what to do. Every room's error explains itself; the CLI renders it.

use serde::Serialize;

/// One failure in words. Never a value from a row, a pseudonym, an exact figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Stable code, such as `L12`.
    pub code: String,
    /// What happened, in one line.
    pub what: String,
    /// File, row, column, entry: as far as known.
    #[serde(rename = "where")]
    pub place: String,
    /// Why it is so.
    pub why: String,
    /// What the reader can do about it.
    #[serde(rename = "do")]
    pub remedy: String,
}

impl Explanation {
    /// An explanation without a place.
    pub fn new(
        code: &str,
        what: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            what: what.into(),
            place: String::new(),
            why: why.into(),
            remedy: remedy.into(),
        }
    }

    /// The same with a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }
}

/// An error that can tell its reader what to do.
pub trait Explain {
    /// The failure in words.
    fn explain(&self) -> Explanation;
}
