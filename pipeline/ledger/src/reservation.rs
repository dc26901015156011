//! The two proofs that only the ledger makes: a charge was taken, and a result was recorded.

use std::collections::BTreeSet;

use marsad_terms::{Digest, NanoRho, ReleaseId, RunId};

use crate::error::{Error, Result};
use crate::scope::Scope;

/// The cost of a run is charged, durably: rows may be read. Used up by [`crate::Ledger::complete`].
#[derive(Debug)]
#[must_use = "the cost is charged; a run that does not complete is forfeited"]
pub struct Reservation {
    pub(crate) release: ReleaseId,
    pub(crate) f: Digest,
    pub(crate) proposal: Digest,
    pub(crate) run: RunId,
    pub(crate) nano_rho: NanoRho,
    pub(crate) scopes: BTreeSet<Scope>,
}

impl Reservation {
    /// The release's public id.
    pub fn release(&self) -> &ReleaseId {
        &self.release
    }

    /// The request.
    pub fn f(&self) -> Digest {
        self.f
    }

    /// The proposal that was approved.
    pub fn proposal(&self) -> Digest {
        self.proposal
    }

    /// The run that reserved.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// What was charged to each scope.
    pub fn nano_rho(&self) -> NanoRho {
        self.nano_rho
    }

    /// The scopes that were charged.
    pub fn scopes(&self) -> &BTreeSet<Scope> {
        &self.scopes
    }
}

/// The result of a run is stored and recorded: it may be published.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    pub(crate) release: ReleaseId,
    pub(crate) f: Digest,
    pub(crate) run: RunId,
    pub(crate) hash: Digest,
    pub(crate) proposal: Digest,
    pub(crate) nano_rho: NanoRho,
}

impl Receipt {
    /// The release's public id.
    pub fn release(&self) -> &ReleaseId {
        &self.release
    }

    /// The request.
    pub fn f(&self) -> Digest {
        self.f
    }

    /// The run that drew it.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Hash of the result's bytes.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The proposal that was approved.
    pub fn proposal(&self) -> Digest {
        self.proposal
    }

    /// What it cost.
    pub fn nano_rho(&self) -> NanoRho {
        self.nano_rho
    }
}

/// A new run's id, drawn at random.
///
/// # Errors
/// `Randomness` where the system's source fails.
pub fn new_run() -> Result<RunId> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(hex::encode(bytes).parse().expect("16 bytes are 32 hexadecimal digits"))
}
