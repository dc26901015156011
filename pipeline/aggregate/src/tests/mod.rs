//! Attacks on the analyser and the operator.

mod differential;
mod series;
mod verdicts;
