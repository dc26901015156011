//! A mapping drafted from a file: container, header, record type and roles by evidence. It tells headers and shares, never a
//! value but for frequent short spellings of a code column, and nothing that it drafts lands before a person completed it.

mod look;
mod roles;
mod words;
mod write;

use std::path::Path;

use marsad_catalog::Catalog;
use serde::Serialize;

use crate::Result;

/// A drafted mapping.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The mapping's file, as `schemas/mappings/NAME.toml` holds it.
    pub toml: String,
    /// The record type whose columns the file fills best.
    pub record_type: String,
    /// How many records were looked at.
    pub n_records: u64,
    /// What each column of the file seems to be.
    pub columns: Vec<Guess>,
    /// Landed columns that nothing in the file seems to fill.
    pub missing: Vec<String>,
}

/// What a column of the file seems to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// Its header.
    pub column: String,
    /// What it fills: a landed column, `identifier`, `consent`, `scan`, `ignore`.
    pub fills: String,
    /// The share of its filled cells that can be read so, in hundredths.
    pub percent: Option<u64>,
}

/// Drafts a mapping under this name.
///
/// # Errors
/// `Refused`: no row is recognised as a header, or a header is content; `Read`.
pub fn scaffold(catalog: &Catalog, file: &Path, name: &str) -> Result<Draft> {
    let seen = look::look(catalog, file)?;
    let roles = roles::assign(catalog, &seen);
    Ok(Draft {
        toml: write::toml(catalog, &seen, &roles, name),
        record_type: roles.record_type.id.to_string(),
        n_records: seen.n_records,
        columns: roles.guesses(&seen),
        missing: roles.missing(),
    })
}
