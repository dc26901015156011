//! M2: noise on the residuals of tables instead of on the tables (algorithms 3.5, V2).
//!
//! A residual component of a set B is what B's table says beyond its subsets. Its integers are Ξ_B x_B, Ξ_B = ⊗(n·I −
//! 11ᵀ); each B has noise of its own, so precision goes where it is wanted. Sound for one cell a person and period only:
//! two units of one person would cost up to four times the claim, so [`Components::check`] refuses every bound but
//! `home_cell`. It deliberately lacks the noise, which [`crate::sampler::measure`] alone adds.

mod components;
mod integers;
mod shares;
#[cfg(test)]
mod tests;

pub(crate) use components::Components;
pub(crate) use integers::integers;
pub(crate) use shares::{by_weight, for_targets, unit_variances};
