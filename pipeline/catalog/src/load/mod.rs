//! How the catalogue is read: one file a kind of definition, each checked against what was read before it.

pub(crate) mod code_lists;
pub(crate) mod countries;
mod csv_rows;
pub(crate) mod loading;
mod mapped_column;
pub(crate) mod mappings;
mod parts;
pub(crate) mod purposes;
pub(crate) mod record_types;
pub(crate) mod releases;
mod source;
pub(crate) mod sql;
mod statistic_checks;
pub(crate) mod statistics;
