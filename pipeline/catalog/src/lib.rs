//! `schemas/` and `queries/` as checked types: code lists, record types, mappings, statistics, releases, purposes.
//!
//! Whatever is wrong in those folders is found here, at load, with file and line. It deliberately lacks any data.

pub mod code_list;
pub mod record_type;
pub mod release;
pub mod statistic;

pub use code_list::{Code, CodeList};
pub use record_type::{Column, ColumnKind, RecordType, Subject};
pub use release::Release;
pub use statistic::{BoundMode, Statistic};
