//! Case extracts become pseudonymised, whole batches of sorted Parquet.
//!
//! A record that fails a check is data ([`Rejected`]), a file that cannot be read as its mapping says is a [`Refusal`], and
//! [`Error`] is everything else. This room deliberately lacks any way back to an identifier, and no text that it writes
//! quotes a cell.

mod act;
mod act_error;
mod batch;
mod crew;
mod custody;
mod detect;
mod erased;
mod error;
mod export;
mod hash;
mod import;
mod intact;
mod judge;
mod key_space;
pub mod keys;
mod landing;
mod person;
mod preview;
mod pseudonym;
mod read;
mod reason;
mod refusal;
mod register;
mod report;
mod requests;
pub mod retention;
mod rewrite;
mod scaffold;
pub mod schema;
mod seal;
mod snapshot;
mod spill;
mod trail;
mod validate;
mod vault;

#[cfg(test)]
mod tests;

pub use act::{Rewritten, Swept};
pub use act_error::ActError;
pub use error::{Error, Result};
pub use export::PersonRow;
pub use intact::Damage;
pub use landing::{Landing, Options, check_without_keys};
pub use person::Persons;
pub use reason::Reason;
pub use refusal::Refusal;
pub use register::{Entry, Register};
pub use report::{ColumnReport, Normalised, Rejected, RejectedCells, Report, Spelling};
pub use requests::{Request, RequestKind, RequestState, Urgency, due};
pub use scaffold::{Draft, Guess, scaffold};
pub use snapshot::{BatchSummary, LandedFile, Snapshot};
pub use spill::{SealedFile, Segment};
pub use trail::{Act, trail};
