//! Stores of clouds in the process of a test, on a port of this machine, with faults at will: S3 by `s3s`, and small stand-ins
//! of our own for Azure and Google, which hold what those clouds promise as far as Marsad relies on it. Deliberately for tests
//! alone: no crate of the product depends on it.

mod azure;
mod fault;
mod google;
mod memory;
mod s3;
mod server;

pub use azure::azure;
pub use fault::{Call, Fault};
pub use google::google;
pub use s3::{ACCESS_KEY, S3};
pub use server::{SECRET_KEY, Server};
