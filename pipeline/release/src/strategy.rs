//! What gets the noise of each statistic, its tables or their residuals: as the release says, else as its wishes cost less
//! (algorithms 3.5).
//!
//! From public facts alone, and once: what is decided stands in the proposal, and a run takes it from there. It
//! deliberately lacks a wish of its own: a release priced by `rho` measures tables unless it says otherwise.

use marsad_catalog::{Price, Strategy as Asked};
use marsad_ledger::proposal::{Choice, Request};
use marsad_privacy::Joint;
use marsad_privacy::accuracy::{self, Reason, Wish};
use marsad_privacy::shape::Strategy;
use marsad_terms::NanoRho;

use crate::error::Error;
use crate::forecast;
use crate::prepare::Prepared;

/// What was decided, and what the release costs then.
pub(crate) struct Decided {
    pub(crate) nano_rho: NanoRho,
    pub(crate) choices: Vec<Choice>,
}

impl Prepared<'_> {
    /// Decides the strategy of every private statistic and finds the price.
    pub(crate) fn decide(&mut self, price: &Price) -> Result<Decided, Error> {
        let Some(joint) = self.joint.clone() else {
            return Ok(Decided { nano_rho: NanoRho::ZERO, choices: Vec::new() });
        };
        let wishes = match price {
            Price::Rho(_) => Vec::new(),
            Price::Margin(wishes) => forecast::wishes(&joint, wishes)?,
        };
        let (joint, choices) = self.choose(joint, &wishes)?;
        let nano_rho = match price {
            Price::Rho(rho) => *rho,
            Price::Margin(_) => accuracy::price_of(&joint, &wishes)?,
        };
        self.adopt(joint);
        Ok(Decided { nano_rho, choices })
    }

    fn choose(&self, mut joint: Joint, wishes: &[Wish]) -> Result<(Joint, Vec<Choice>), Error> {
        let mut choices = Vec::new();
        for statistic in 0..joint.shapes().len() {
            let id = joint.shapes()[statistic].id.clone();
            let (residuals, why) = match self.release.strategies.get(&id) {
                Some(Asked::Residuals) => (true, "the release asks for residuals".to_owned()),
                Some(Asked::Tables) => (false, "the release asks for tables".to_owned()),
                None if wishes.is_empty() => continue,
                None => match accuracy::prefer(&joint, statistic, wishes)? {
                    // Where nothing was weighed, nothing is said.
                    found if !matches!(found.reason, Reason::Prices { .. }) => continue,
                    found => (found.residuals, found.reason.to_string()),
                },
            };
            if residuals {
                joint = accuracy::with_residuals(&joint, statistic, wishes)?;
            }
            let strategy = if residuals { "residuals" } else { "tables" }.to_owned();
            choices.push(Choice { statistic: id, strategy, why });
        }
        Ok((joint, choices))
    }

    /// Takes the strategies of a request that was decided before; whatever else differs shows in F.
    ///
    /// # Errors
    /// A shape that a strategy does not fit any more.
    pub(crate) fn as_in(&mut self, request: &Request) -> Result<(), Error> {
        let Some(joint) = &self.joint else { return Ok(()) };
        let decided = |id| {
            let shapes = request.statistics.iter().filter_map(|statistic| statistic.shape.as_ref());
            shapes.into_iter().find(|shape| shape.id == id).map(|shape| shape.strategy.clone())
        };
        let mut shapes = joint.shapes().to_vec();
        for shape in &mut shapes {
            let asked = self.release.strategies.get(&shape.id);
            let strategy = decided(shape.id.clone()).unwrap_or_default();
            let fits = asked.is_none_or(|asked| (*asked == Asked::Tables) == strategy.is_tables());
            shape.strategy = if fits { strategy } else { Strategy::Tables };
        }
        let joint = Joint::new(shapes)?;
        self.adopt(joint);
        Ok(())
    }

    fn adopt(&mut self, joint: Joint) {
        let private = self.statistics.iter_mut().filter_map(|statistic| statistic.shape.as_mut());
        for (own, shape) in private.zip(joint.shapes()) {
            own.clone_from(shape);
        }
        self.joint = Some(joint);
    }
}
