//! Attacks on the analyser and the operator.

mod differential;
mod neighbours;
mod verdicts;
mod world;
