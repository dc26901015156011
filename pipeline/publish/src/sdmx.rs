//! SDMX: data as SDMX-CSV 2.0 and StructureSpecific 2.1, the structure in its three forms (publication 3).
//!
//! One [`structure::Structure`] in memory is written as ML 2.1, ML 3.0 and JSON 2.0. It deliberately lacks a reader of
//! foreign structures: a bundle carries all that its data refer to.

pub mod csv;
pub mod data;
pub mod json;
pub mod ml;
pub(crate) mod structure;
pub(crate) mod urn;
