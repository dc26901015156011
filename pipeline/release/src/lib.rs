//! From proposal to noisy result: the one place where exact meets noise.
//!
//! [`plan`] decides from public facts what a release would measure, cost and show; [`run`](run::Runner::run) reserves the
//! cost, adds up, draws the noise once and stores the result.

pub mod bounds;
mod check;
mod checklist;
mod difference;
mod error;
mod figures;
mod forecast;
mod overlap;
pub mod plan;
mod prepare;
mod reads;
pub mod run;
mod series;
mod strategy;
#[cfg(test)]
mod tests;

pub use check::{Checked, Vector, check};
pub use error::Error;
pub use figures::Figures;
pub use plan::{Planner, SelfAudit, Wish};
pub use prepare::{Prepared, PreparedStatistic, prepare};
pub use run::{Outcome, Runner, Step, not_over};
pub use series::PreparedSeries;
