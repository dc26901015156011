//! From noisy integers to estimates with intervals, flags and display values (algorithms 3, 7, 8).

mod bounding;
mod columns;
mod combination;
mod combined;
pub(crate) mod discrete;
pub(crate) mod display;
pub(crate) mod family;
pub(crate) mod interval;
mod reconcile;
mod simultaneous;
mod slices;
mod statistic;
pub(crate) mod workload;

pub use bounding::{Bounding, bounding};
pub use combination::{Combiner, Term};
pub use combined::{Combined, Measured, combine};
pub use display::rounds_along_the_order;
pub use interval::Interval;
pub use statistic::{Cell, EstimatedColumn, EstimatedStatistic, EstimatedTable, estimate, estimate_all};

#[cfg(test)]
mod tests;
