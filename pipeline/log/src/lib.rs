//! What is appended is never changed: an append-only, hash-chained log over object storage.
//!
//! One entry is one object, written by a conditional put of the next sequence number; each entry holds the hash of the
//! one before. The ledger and landing's custody log are both such logs. This room deliberately lacks any rule about
//! what an entry may say, and any signature check: it carries signatures, the rooms above judge them.

mod append;
mod chain;
mod checkpoint;
mod cloud;
mod entry;
mod error;
mod local;
mod remote;
mod segment;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use append::{Appended, Clock, Log};
pub use chain::{Fault, FaultKind, Scan};
pub use checkpoint::Checkpoint;
pub use entry::{Body, Draft, Entry, EntrySignature, VERSION};
pub use error::{Error, Result};
pub use remote::Access;
pub use segment::SEGMENT_LENGTH;
pub use store::{Created, Store};
