//! Attacks on the analyser and the operator.

mod differential;
mod joins;
mod neighbours;
mod statements;
mod verdicts;
mod world;
