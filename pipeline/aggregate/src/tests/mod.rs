//! Attacks on the analyser and the operator.

mod differential;
mod verdicts;
