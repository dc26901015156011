//! A released table in every public form, and the verification of a bundle.
//!
//! The way: [`released::ReleasedTable::open`] (bytes and receipt) → [`dataflow::Dataflow`] (one for each output column) →
//! [`edition::Edition`] (the release as all writers see it) → one writer a format, each a function of one file →
//! [`bundle::build`] → [`verify::verify`] → [`bundle::put`]. Another format is one more file with one more function.
//! It deliberately lacks access to `landing` and `aggregate`, even transitively: it cannot read a case record.

pub mod bundle;
mod columns;
pub mod combined;
pub mod csv;
pub mod csvw;
pub mod dataflow;
pub mod datapackage;
pub mod day;
pub mod dcat;
pub mod edition;
pub mod error;
mod files;
pub mod form;
mod indicators;
mod jsonld;
pub mod names;
pub mod parquet;
pub mod privacy_yaml;
pub mod release_json;
pub mod released;
pub mod report;
pub mod sdmx;
pub mod series;
pub mod sheet;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tombstone;
pub mod verify;
pub mod versions;
pub mod xlsx;
mod xml;

pub use bundle::{Built, Context};
pub use dataflow::Dataflow;
pub use edition::Edition;
pub use error::{Error, Result};
pub use released::ReleasedTable;
