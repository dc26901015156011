//! Attacks on the analyser and the operator.

mod cells;
mod corpus;
mod differential;
mod extremes;
mod joins;
mod neighbours;
mod reads;
mod refused;
mod scans;
mod series;
mod statements;
mod unsorted;
mod verdicts;
mod world;
