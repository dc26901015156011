//! First-time series: running totals of persons who each count once in the life of the series (algorithms 6, V5).
//!
//! A series is a vector of its own beside the joint one, paid once for all its steps: `y_t = b·Σ r_{t−k}·x_k + Z_t`, whose
//! weights make the running totals 1.6 to 2.8 times as precise as adding up independent quarters (Fichtenberger, Henzinger,
//! Upadhyay 2023). The way of a figure: rows of one person → [`Entrants`] → the register of the landing → [`Counts`] →
//! [`ExactStep`] → [`crate::sampler::measure_step`] → [`NoisyStep`] → [`NoisySeries`] → [`estimate()`]. It deliberately lacks
//! the register itself: who entered when is written once, by landing, and never computed again from rows.

mod estimate;
mod exact;
mod noisy;
mod shape;
#[cfg(test)]
mod tests;
mod toeplitz;

pub use crate::bound::{Entrants, Entry};
pub use estimate::{StepAccuracy, estimate, forecast};
pub use exact::{Counts, ExactStep};
pub use noisy::{NoisySeries, NoisyStep, StepDraw};
pub use shape::{MOST_STEPS, SeriesShape};
