//! The population written down as partners really write: files in their encodings, spellings, forms of date, with their faults.

mod arabic;
mod csv;
mod desk;
mod fault;
mod form;
mod french;
mod kobo;
mod spelling;

pub(crate) use desk::{Activity, Desk, Written};
pub(crate) use form::Form;
pub(crate) use french::{HEADER_OF_ASSISTANCE, assistance_spellings};
