//! A fictitious programme with known truth.
