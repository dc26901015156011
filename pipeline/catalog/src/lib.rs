//! `schemas/` and `queries/` as checked types: code lists, record types, mappings, statistics, releases, purposes.
//!
//! Whatever is wrong in those folders is found here, at load, with file and line. It deliberately lacks any data.

pub mod builtin;
pub mod catalog;
pub mod code_list;
pub mod country;
mod decimal;
mod error;
mod load;
pub mod mapping;
pub mod normalise;
mod page;
pub mod purpose;
pub mod record_type;
pub mod release;
pub mod statistic;
mod table;
#[cfg(test)]
mod tests;

pub use catalog::Catalog;
pub use code_list::{Code, CodeList, Names};
pub use country::{Countries, Country};
pub use error::{Fault, Place};
pub use mapping::{DateForm, FileFormat, MappedColumn, Mapping, NationalityScheme};
pub use normalise::{clean, fold};
pub use purpose::{Authorisation, Purpose};
pub use record_type::{Column, ColumnKind, RecordType, Subject};
pub use release::{Price, Release, Strategy};
pub use statistic::{Area, BoundMode, BoundSpec, ColumnSpec, MeasureSpec, Planning, SERIES_RHO, Statistic};
