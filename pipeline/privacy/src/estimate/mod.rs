//! From noisy integers to estimates with intervals, flags and display values (algorithms 3, 7, 8).

mod statistic;

pub use statistic::{Cell, EstimatedColumn, EstimatedStatistic, EstimatedTable, estimate};
