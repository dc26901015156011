//! Made-up signers and proposals.
