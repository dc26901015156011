//! From proposal to noisy result: the one place where exact meets noise.
