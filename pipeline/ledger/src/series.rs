//! Where a first-time series stands: what it cost, and every draw of each of its steps (algorithms 6, 10).
//!
//! A value of the past, like [`crate::State`]. It deliberately lacks figures: it knows runs and hashes of results.

use std::collections::BTreeSet;

use marsad_privacy::series::{NoisyStep, SeriesShape};
use marsad_terms::{Digest, NanoRho, Period, RecordTypeId, RunId};

use crate::event::Opened;
use crate::proposal::{Proposal, SeriesRequest, SeriesStep, SeriesTerms, StatisticRequest};
use crate::scope::Scope;
use crate::stage::Stage;

/// A price and the scopes that it is charged to.
pub(crate) type Charge = (NanoRho, BTreeSet<Scope>);

/// No price, and so no scope.
pub(crate) fn nothing() -> Charge {
    (NanoRho::ZERO, BTreeSet::new())
}

/// One draw of one step: its own, or a redraw after the one before was forfeited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// 0 for the step's own draw.
    pub revision: u32,
    /// The run that reserved it.
    pub run: RunId,
    /// `Reserved`, `Released` or `Forfeited`.
    pub stage: Stage,
    /// Hash of its result.
    pub hash: Option<Digest>,
    /// What it was charged: nothing for the step's own draw.
    pub nano_rho: NanoRho,
    /// The newest entry about it.
    pub sequence: u64,
    pub(crate) scopes: BTreeSet<Scope>,
}

/// A series that was opened: paid, once, for all its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesState {
    /// S.
    pub series: Digest,
    /// The proposal that opened it.
    pub proposal: Digest,
    /// What it measures in all its steps.
    pub shape: SeriesShape,
    /// What it cost, whatever a later proposal says.
    pub nano_rho: NanoRho,
    /// Record types that it reads.
    pub record_types: BTreeSet<RecordTypeId>,
    /// The entry that opened it.
    pub sequence: u64,
    /// Draws by step, none of them empty, the newest draw last.
    pub(crate) steps: Vec<Vec<Draw>>,
}

impl SeriesState {
    /// Number of steps.
    pub fn horizon(&self) -> u32 {
        self.shape.horizon()
    }

    /// Step 0.
    pub fn start(&self) -> Period {
        self.shape.start()
    }

    /// The least step that was never reserved; the horizon where all were.
    pub fn next_step(&self) -> u32 {
        // No step beyond the horizon is ever taken.
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// All draws of a step, the newest last; none where it was never reserved.
    pub fn draws(&self, step: u32) -> &[Draw] {
        self.steps.get(step as usize).map_or(&[], Vec::as_slice)
    }

    /// The draw of a step that counts now.
    pub fn newest(&self, step: u32) -> Option<&Draw> {
        self.draws(step).last()
    }

    /// The one draw of a step that has a result: nothing is drawn again after it.
    pub fn released(&self, step: u32) -> Option<&Draw> {
        self.newest(step).filter(|draw| draw.stage == Stage::Released)
    }

    /// The revision under which a forfeited step may be drawn again; `None` for any other step.
    pub fn next_revision(&self, step: u32) -> Option<u32> {
        let forfeited = self.newest(step).filter(|draw| draw.stage == Stage::Forfeited);
        forfeited.and_then(|draw| draw.revision.checked_add(1))
    }

    /// What a draw is charged, and where: nothing for a step's own draw, since the opening paid for it; the price of a
    /// redraw in the scopes of the step's period.
    pub(crate) fn charge_of(&self, drawn: SeriesStep) -> Charge {
        let period = self.shape.steps().get(drawn.step as usize);
        match period.filter(|_| drawn.revision > 0) {
            None => nothing(),
            Some(period) => {
                (self.shape.redraw_price(self.nano_rho), Scope::of_period(*period, &self.record_types))
            }
        }
    }

    /// Whether a redraw that a request asks for was not reserved by anybody so far.
    pub(crate) fn lacks(&self, redraw: SeriesStep) -> bool {
        self.newest(redraw.step).is_none_or(|draw| draw.revision < redraw.revision)
    }

    /// Whether a result is that of a draw: of this series, at its price.
    pub(crate) fn holds(&self, drawn: SeriesStep, result: &NoisyStep) -> bool {
        let SeriesStep { series, step, revision } = drawn;
        let same = (result.series(), result.step(), result.revision()) == (series, step, revision);
        same && series == self.series && result.shape() == &self.shape && result.nano_rho() == self.nano_rho
    }

    /// Every draw of every step.
    pub(crate) fn all_draws(&self) -> impl Iterator<Item = (SeriesStep, &Draw)> {
        (0..self.next_step()).flat_map(move |step| {
            let of = move |draw: &Draw| SeriesStep { series: self.series, step, revision: draw.revision };
            self.draws(step).iter().map(move |draw| (of(draw), draw))
        })
    }
}

/// A series as a proposal opens it: its terms, and the statistic that shows it.
pub(crate) fn opened_by<'a>(
    proposal: &'a Proposal,
    series: &Digest,
) -> Option<(&'a SeriesTerms, &'a StatisticRequest, &'a SeriesRequest)> {
    let terms = proposal.series.iter().find(|terms| terms.opens && terms.series == *series)?;
    let (statistic, asked) = proposal.request.series().find(|(_, asked)| asked.series == *series)?;
    Some((terms, statistic, asked))
}

/// What opening a series costs, and where: its price in the scopes of its first period.
pub(crate) fn opening_charge(proposal: &Proposal, series: &Digest) -> Option<Charge> {
    let (terms, statistic, asked) = opened_by(proposal, series)?;
    Some((terms.nano_rho, Scope::of_period(asked.shape.start(), &statistic.record_types)))
}

/// The entry that opens a series for a proposal, all of it derived; `None` where the proposal does not open it.
pub(crate) fn opening(proposal: &Proposal, id: Digest, series: &Digest) -> Option<Opened> {
    let (_, statistic, asked) = opened_by(proposal, series)?;
    let (nano_rho, scopes) = opening_charge(proposal, series)?;
    Some(Opened {
        series: *series,
        proposal: id,
        nano_rho,
        horizon: asked.shape.horizon(),
        start: asked.shape.start(),
        record_types: statistic.record_types.clone(),
        scopes,
    })
}
