//! The product, tried from its built binary as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "measured figures are worth a look")]

mod accessible;
mod aftermath;
mod approvals;
mod audit;
mod bad_input;
mod before_spending;
mod by_hand;
mod census;
mod combined;
mod commands;
mod crash;
mod custodian;
mod demo;
mod extracts;
mod joins;
mod lost;
mod pdf;
mod person;
mod plan;
mod readers;
mod release;
mod s3;
mod s3_crash;
mod series;
mod served;
mod sigkill;
mod tidy;
mod versions;
mod withdrawn;
mod workspace;
