//! The mathematics of the privacy core (algorithms): bounding, sensitivity, noise, estimates, intervals, accounting.
//!
//! Pure: no I/O, no DataFusion, no clock.

pub mod shape;
