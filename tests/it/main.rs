//! The product, tried from its built binary as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "measured figures are worth a look")]

mod approvals;
mod audit;
mod bad_input;
mod before_spending;
mod census;
mod commands;
mod crash;
mod demo;
mod joins;
mod person;
mod plan;
mod release;
mod series;
mod tidy;
mod workspace;
