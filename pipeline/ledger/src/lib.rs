//! What was decided and spent: policy, budget, proposals, approvals, receipts (algorithms 5 and 10).
//!
//! The way of a request: [`Ledger::propose`] → [`Ledger::decide`] → [`Ledger::reserve`] → [`Ledger::complete`] →
//! [`Ledger::published`]. A first-time series is opened once ([`Ledger::open_series`]) and drawn step by step
//! ([`Ledger::reserve_step`], [`Ledger::complete_step`]) by the runs of releases that show it. One pure state machine judges each entry, before it is appended and again at each replay.
//! This room deliberately lacks access to landed data: it sees prices, hashes and signatures, never a row.

pub mod checklist;
pub mod checkpoint;
mod error;
mod event;
mod installation;
mod judge;
mod ledger;
pub mod policy;
pub mod proposal;
mod refusal;
mod replay;
mod reservation;
pub mod scope;
mod series;
pub mod sign;
mod stage;
mod state;
mod statement;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transfer;
mod verify;

pub use error::{Error, Result};
pub use ledger::{Ledger, Publication, Recovered, Reserve, ReserveStep, RunOf, Tombstone};
pub use policy::{Policy, Role, Signer};
pub use refusal::Refusal;
pub use reservation::{Receipt, Reservation, StepReservation, new_run};
pub use scope::{Scope, ScopeAfter, ScopeUse, Shortfall};
pub use series::{Draw, SeriesState};
pub use stage::Stage;
pub use state::{Decision, RequestState, State};
pub use statement::{Answer, Statement};
pub use transfer::{Recipient, Transfer};
pub use verify::{Fault, FaultKind, Verdict, Verification};
