//! A fictitious programme with known truth, and its dirty extracts: for the demo, for tests, for benchmarks.
//!
//! [`Programme`] is a population of the programme document's size, drawn person by person from a seed; [`rows`] is one very long
//! extract of services. Everything is invented: shares, numbers, notes. Identifiers lie in ranges of their own (`P-5…`,
//! `CPP-5…`, `TNG-5…`), phone numbers and addresses are obviously no one's.
//!
//! A person has one identifier under one scheme, since the pseudonym depends on both. Partners' sheets share the scheme
//! `partner`: there the same person is registered, assessed, assisted, trained and returns. The survey tool (`cpp`) and the
//! training centre (`takwin`) number people themselves, so the assessed who are also assisted arrive by `partner_needs`, those
//! only assessed by `kobo_needs_assessment`; those trained at the centre are not registered.
//!
//! It deliberately lacks any knowledge of landing: what must become of each record is written down in [`Truth`], and a test
//! compares.

mod calendar;
mod error;
mod extract;
#[cfg(test)]
mod landed;
mod life;
mod model;
mod population;
mod programme;
mod random;
mod record;
pub mod rows;
mod truth;

pub use error::Error;
pub use population::Counts;
pub use programme::{Extract, Programme};
pub use truth::{Outcomes, Table, Truth, Unit};
