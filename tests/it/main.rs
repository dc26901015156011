//! The product, tried from its built binary as a user would.
