//! Contribution bounding: the rows of one person become one integer vector of bounded norm (algorithms 2).
//!
//! Nothing here sees two persons at once, a clock, an order of rows or a draw; and nothing here computes with floats.
#![deny(clippy::float_arithmetic)]

mod block;
pub mod clip;
mod entrants;
mod home;
mod layout;
mod person;
pub mod quantise;
mod selection;
mod tally;
mod truncate;

pub use block::{Block, NO_PERIOD};
pub use entrants::{Entrants, Entry};
pub use quantise::Quantiser;
pub use selection::{SelectionKey, Selector, Tag};
pub use tally::{Row, Tally};

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
