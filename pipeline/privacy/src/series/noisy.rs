//! What leaves `measure_step`: the noisy integers of one step, and those of a series as a release holds them.
//!
//! Both read back bit for bit, and refuse noise that is not of the price. They deliberately lack anything exact.

use marsad_terms::{Digest, NanoRho, Period, StatisticId};
use serde::{Deserialize, Serialize};

use super::shape::SeriesShape;
use crate::error::Error;
use crate::noisy_table::{bits, double};
use crate::sampler::Scale;

/// The result of one step, as it is stored under `runs/<run_id>`: y_t, drawn once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredStep", into = "StoredStep")]
pub struct NoisyStep {
    series: Digest,
    shape: SeriesShape,
    nano_rho: NanoRho,
    step: u32,
    revision: u32,
    cells: Vec<i64>,
}

/// The stored form of a step; doubles as the 16 hexadecimal digits of their bits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredStep {
    series: Digest,
    shape: SeriesShape,
    nano_rho: NanoRho,
    step: u32,
    revision: u32,
    d_in: String,
    sigma: String,
    cells: Vec<i64>,
}

impl NoisyStep {
    pub(crate) fn new(of: &StepDraw, shape: SeriesShape, step: u32, cells: Vec<i64>) -> Self {
        Self { series: of.series, shape, nano_rho: of.nano_rho, step, revision: of.revision, cells }
    }

    /// S: the digest of the series' definition.
    pub fn series(&self) -> Digest {
        self.series
    }

    /// What the series measures.
    pub fn shape(&self) -> &SeriesShape {
        &self.shape
    }

    /// What the whole series cost when it was opened.
    pub fn nano_rho(&self) -> NanoRho {
        self.nano_rho
    }

    /// Which step.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// 0 for the step's own draw, else the number of the approved redraw.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// y_t over all tables, in units of 1/(b·2^20).
    pub fn cells(&self) -> &[i64] {
        &self.cells
    }
}

/// What the draw of a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepDraw {
    /// S: the digest of the series' definition.
    pub series: Digest,
    /// What the whole series cost when it was opened; σ follows from it.
    pub nano_rho: NanoRho,
    /// 0 for the step's own draw, else the number of the approved redraw.
    pub revision: u32,
}

impl From<NoisyStep> for StoredStep {
    fn from(step: NoisyStep) -> Self {
        // A step was drawn at this scale, so it has one.
        let scale = Scale::new(step.shape.delta_squared(), step.nano_rho).ok();
        let text = |value: Option<f64>| value.map(bits).unwrap_or_default();
        Self {
            d_in: text(scale.map(|scale| scale.d_in)),
            sigma: text(scale.map(|scale| scale.sigma)),
            series: step.series,
            shape: step.shape,
            nano_rho: step.nano_rho,
            step: step.step,
            revision: step.revision,
            cells: step.cells,
        }
    }
}

impl TryFrom<StoredStep> for NoisyStep {
    type Error = Error;

    fn try_from(stored: StoredStep) -> Result<Self, Error> {
        let damaged = |what| Error::Damaged { what };
        let scale = Scale { d_in: double(&stored.d_in)?, sigma: double(&stored.sigma)? };
        if Scale::new(stored.shape.delta_squared(), stored.nano_rho) != Ok(scale) {
            return Err(damaged("its noise scale is not that of the series' price"));
        }
        if stored.step >= stored.shape.horizon() || stored.cells.len() != stored.shape.n_coordinates() {
            return Err(damaged("its figures do not fit its series"));
        }
        Ok(Self {
            series: stored.series,
            shape: stored.shape,
            nano_rho: stored.nano_rho,
            step: stored.step,
            revision: stored.revision,
            cells: stored.cells,
        })
    }
}

/// A series as one release shows it: y_0 to y_t; a step that was forfeited is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredSeries", into = "StoredSeries")]
pub struct NoisySeries {
    series: Digest,
    shape: SeriesShape,
    nano_rho: NanoRho,
    scale: Scale,
    steps: Vec<Option<Vec<i64>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSeries {
    series: Digest,
    shape: SeriesShape,
    nano_rho: NanoRho,
    steps: Vec<Option<Vec<i64>>>,
}

impl NoisySeries {
    /// Puts the results of the steps 0 to t of a series together; `None` stands for one that was forfeited.
    ///
    /// # Errors
    /// `Damaged` where a step belongs to another series, another place or another price, or there is none at all.
    pub fn new(
        series: Digest,
        shape: SeriesShape,
        nano_rho: NanoRho,
        steps: Vec<Option<NoisyStep>>,
    ) -> Result<Self, Error> {
        let fits = |(place, step): (usize, &Option<NoisyStep>)| {
            step.as_ref().is_none_or(|step| {
                let same = (step.series, step.nano_rho) == (series, nano_rho) && step.shape == shape;
                same && step.step as usize == place
            })
        };
        if !steps.iter().enumerate().all(fits) {
            return Err(Error::Damaged { what: "a step is not one of its series" });
        }
        let steps = steps.into_iter().map(|step| step.map(|step| step.cells)).collect();
        StoredSeries { series, shape, nano_rho, steps }.try_into()
    }

    /// S: the digest of the series' definition.
    pub fn series(&self) -> Digest {
        self.series
    }

    /// What the series measures.
    pub fn shape(&self) -> &SeriesShape {
        &self.shape
    }

    /// Which statistic.
    pub fn id(&self) -> &StatisticId {
        &self.shape.statistic().id
    }

    /// What the whole series cost, once, for all its steps.
    pub fn nano_rho(&self) -> NanoRho {
        self.nano_rho
    }

    /// d_in and σ of every step.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The periods that the release shows, from the start on.
    pub fn periods(&self) -> &[Period] {
        &self.shape.steps()[..self.steps.len()]
    }

    /// y_t by step; `None` where it was forfeited.
    pub fn steps(&self) -> &[Option<Vec<i64>>] {
        &self.steps
    }

    /// Number of steps before the first one that is missing: only these have running totals.
    pub fn n_whole(&self) -> usize {
        self.steps.iter().take_while(|step| step.is_some()).count()
    }
}

impl From<NoisySeries> for StoredSeries {
    fn from(series: NoisySeries) -> Self {
        Self { series: series.series, shape: series.shape, nano_rho: series.nano_rho, steps: series.steps }
    }
}

impl TryFrom<StoredSeries> for NoisySeries {
    type Error = Error;

    fn try_from(stored: StoredSeries) -> Result<Self, Error> {
        let scale = Scale::new(stored.shape.delta_squared(), stored.nano_rho)?;
        let length = stored.shape.n_coordinates();
        let fits = |step: &Option<Vec<i64>>| step.as_ref().is_none_or(|cells| cells.len() == length);
        let n_steps = stored.steps.len();
        if n_steps == 0 || n_steps > stored.shape.steps().len() || !stored.steps.iter().all(fits) {
            return Err(Error::Damaged { what: "the figures of a series do not fit its shape" });
        }
        Ok(Self {
            series: stored.series,
            shape: stored.shape,
            nano_rho: stored.nano_rho,
            scale,
            steps: stored.steps,
        })
    }
}
