//! The words all rooms share: nano-ρ, digests, periods, languages, names, canonical JSON, explanations.
//!
//! Pure values; it deliberately lacks I/O and anything about people.

pub mod canonical;
pub mod clock;
mod digest;
mod explain;
mod language;
mod name;
mod nano_rho;
mod nearest;
mod period;

pub use digest::Digest;
pub use explain::{Explain, Explanation};
pub use language::{Language, Text};
pub use name::{BatchId, Name, NameError, RecordTypeId, ReleaseId, RunId, StatisticId, flow_id};
pub use nano_rho::{NanoRho, NanoRhoError};
pub use nearest::nearest;
pub use period::{Grain, Month, Period, PeriodError};

/// Told how much of how much is done, perhaps from several threads; a total of 0 is not known.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);
