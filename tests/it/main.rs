//! The product, tried from its built binary as a user would.

mod census;
mod demo;
mod workspace;
