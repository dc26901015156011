//! The mathematics of the privacy core (algorithms): bounding, sensitivity, noise, estimates, intervals, accounting.
//!
//! The way of a figure: rows of one person → [`bound::Tally`] → [`exact_table::ExactTable`] → [`sampler::measure`] →
//! [`noisy_table::NoisyTable`] → [`estimate::estimate`]. Pure: no I/O, no DataFusion, no clock.

pub mod accounting;
pub mod accuracy;
pub mod audit;
pub mod bound;
pub mod error;
pub mod estimate;
pub mod exact_table;
pub mod flag;
pub mod joint;
pub mod noisy_table;
mod residual;
pub mod sampler;
pub mod sensitivity;
pub mod series;
pub mod shape;
pub mod spend;
#[cfg(test)]
mod testing;

pub use error::Error;
pub use joint::Joint;
