//! The records of one extract, packed by part and unpacked part by part, and batches of landed files: written, read back.

pub(crate) mod content;
mod extract;
mod pack;
mod parts;
mod read;
mod write;

pub(crate) use extract::Extract;
pub(crate) use pack::Packer;
pub(crate) use parts::{Parts, Slots};
pub(crate) use read::{Known, known, open};
pub(crate) use write::{Bucket, buckets, encode, keys, quarantine};
