//! The records of one extract in memory, and batches of landed files: written, read back.

pub(crate) mod content;
mod extract;
mod read;
mod write;

pub(crate) use extract::{Extract, Record};
pub(crate) use read::{Known, known};
pub(crate) use write::{Bucket, buckets, encode, keys, quarantine};
