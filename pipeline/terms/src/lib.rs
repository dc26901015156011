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
pub use name::{BatchId, Name, NameError, RecordTypeId, ReleaseId, RunId, StatisticId};
pub use nano_rho::{NanoRho, NanoRhoError};
pub use nearest::nearest;
pub use period::{Grain, Month, Period, PeriodError};
