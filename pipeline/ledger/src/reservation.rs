//! The proofs that only the ledger makes: a charge was taken, and a result was recorded.

use std::collections::BTreeSet;

use marsad_privacy::series::StepDraw;
use marsad_terms::{Digest, NanoRho, ReleaseId, RunId};

use crate::error::{Error, Result};
use crate::proposal::SeriesStep;
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

    /// What was charged to each scope: the price of the joint vector.
    pub fn nano_rho(&self) -> NanoRho {
        self.nano_rho
    }

    /// The scopes that were charged.
    pub fn scopes(&self) -> &BTreeSet<Scope> {
        &self.scopes
    }
}

/// A step of an open series may be drawn, once. Used up by [`crate::Ledger::complete_step`].
#[derive(Debug)]
#[must_use = "the step counts as drawn; a run that does not complete it is forfeited"]
pub struct StepReservation {
    pub(crate) drawn: SeriesStep,
    pub(crate) run: RunId,
    /// What the series cost when it was opened.
    pub(crate) opened: NanoRho,
    pub(crate) charged: NanoRho,
}

impl StepReservation {
    /// Which step of which series, and which draw of it.
    pub fn step(&self) -> SeriesStep {
        self.drawn
    }

    /// What the draw belongs to, as the sampler asks for it.
    pub fn draw(&self) -> StepDraw {
        StepDraw { series: self.drawn.series, nano_rho: self.opened, revision: self.drawn.revision }
    }

    /// The run that reserved.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// What was charged now: nothing, or the price of a redraw.
    pub fn charged(&self) -> NanoRho {
        self.charged
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

    /// What its joint vector cost.
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
