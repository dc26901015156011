//! Noise: its scale as exact rationals (algorithms 4.1) and the one call that adds it (4.2, 4.3).

mod measure;
mod scale;
#[cfg(test)]
mod tests;

pub(crate) use measure::integers;
#[cfg(test)]
pub(crate) use measure::with_noise;
pub use measure::{measure, measure_step};
pub use scale::Scale;
