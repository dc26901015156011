//! What a series measures in each of its steps, its sensitivity, and the price of drawing a step again.
//!
//! All of it is fixed when the series is opened. It deliberately lacks figures and a price.

use marsad_terms::{Grain, NanoRho, Period};
use serde::{Deserialize, Serialize};

use super::toeplitz;
use crate::error::Error;
use crate::sensitivity;
use crate::shape::{Aggregate, Bound, Expression, StatisticShape, TableSpec};

/// No series is longer: 50 years of quarters.
pub const MOST_STEPS: usize = 200;

/// A checked shape with bound `first`, whose periods are all the steps of the series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StatisticShape", into = "StatisticShape")]
pub struct SeriesShape(StatisticShape);

impl SeriesShape {
    /// Checks a shape: distinct persons in one output column without a part, every period from the start on.
    ///
    /// # Errors
    /// `Unbounded`, `Shape`, `TooManyCells`: what makes it no series.
    pub fn new(shape: StatisticShape) -> Result<Self, Error> {
        let fault = |what| Err(Error::Shape { statistic: shape.id.clone(), what });
        let Bound::First { start } = shape.bound else {
            return fault("only the bound `first` makes a series");
        };
        if !shape.strategy.is_tables() {
            return fault("a first-time series measures its tables, never their residuals");
        }
        if shape.aggregates != [Aggregate::Persons] {
            return fault(
                "a first-time series counts persons, COUNT(DISTINCT person_key), and nothing beside them",
            );
        }
        if shape.outputs.len() != 1 || shape.outputs[0].expression != (Expression::Aggregate { aggregate: 0 })
        {
            return fault("a first-time series has one output column");
        }
        if shape.tables.iter().any(|table| table.grain != start.grain()) {
            return fault("a table of a first-time series has another grain than its start");
        }
        let follows = |pair: &[Period]| pair[0].next() == pair[1];
        if shape.periods.first() != Some(&start) || !shape.periods.windows(2).all(follows) {
            return fault("a first-time series does not hold every period from its start");
        }
        if shape.periods.len() > MOST_STEPS {
            return fault("a first-time series has more than 200 steps");
        }
        crate::joint::check_tables(&shape)?;
        crate::joint::check_families(&shape)?;
        Ok(Self(shape))
    }

    /// The statistic, with all steps as its periods.
    pub fn statistic(&self) -> &StatisticShape {
        &self.0
    }

    /// The length of a step.
    pub fn grain(&self) -> Grain {
        self.start().grain()
    }

    /// Step 0.
    pub fn start(&self) -> Period {
        self.0.periods[0]
    }

    /// Number of steps n, fixed for the life of the series.
    pub fn horizon(&self) -> u32 {
        // At most `MOST_STEPS`.
        u32::try_from(self.0.periods.len()).unwrap_or(u32::MAX)
    }

    /// The steps, ascending.
    pub fn steps(&self) -> &[Period] {
        &self.0.periods
    }

    /// The step of a period.
    pub fn step_of(&self, period: Period) -> Option<u32> {
        self.0.periods.iter().position(|step| *step == period).and_then(|step| u32::try_from(step).ok())
    }

    /// The last step that lies within the periods of a release, by months; `None` before the start.
    pub fn last_step_within(&self, periods: &[Period]) -> Option<u32> {
        let end = periods.iter().map(|period| period.months().1).max()?;
        let within = self.0.periods.iter().filter(|step| step.months().1 <= end).count();
        u32::try_from(within).ok()?.checked_sub(1)
    }

    /// Cells of one table in one step.
    pub fn n_cells(&self, table: &TableSpec) -> usize {
        table.dimensions.iter().map(|d| self.0.dimensions[*d].codes.len()).product()
    }

    /// Cells of all tables in one step: the length of one y_t.
    pub fn n_coordinates(&self) -> usize {
        self.0.tables.iter().map(|table| self.n_cells(table)).sum()
    }

    /// Squared L2 norm of one person over all tables and all steps, in integer units.
    ///
    /// Claim: whatever rows a person has, and whenever they are seen, its part of all y_t together has at most this squared
    /// norm. Proof: it has one entry, at one step j and in one cell of each table ([`super::Entry`], written once), so its part of
    /// `y_{A,t}` is `b_A·r_{t−j}` in one cell or 0: at most `Σ_A b_A²·Σ_{k<n} r_k²`. Attack: `series::tests`, V5's register.
    pub fn delta_squared(&self) -> u128 {
        let squares: u128 = toeplitz::factors(self.horizon()).iter().map(|r| u128::from(r * r)).sum();
        // 200 steps of 2^40, 2^22 tables at most, b ≤ 1000: below 2^90.
        sensitivity::statistic(&self.0, 0).expect("squares of at most 2^22 tables") * squares
    }

    /// What a forfeited step costs when it is drawn again: ρ·r_0²/Σ r_k², rounded up.
    pub fn redraw_price(&self, opened: NanoRho) -> NanoRho {
        redraw_price(self.horizon(), opened)
    }
}

/// ρ·r_0²/Σ_{k<n} r_k², rounded up to whole nano-ρ (algorithms 6).
pub(super) fn redraw_price(horizon: u32, opened: NanoRho) -> NanoRho {
    let factors = toeplitz::factors(horizon);
    let squares: u128 = factors.iter().map(|r| u128::from(r * r)).sum();
    let first = u128::from(factors.first().copied().unwrap_or_default());
    // Below 2^64·2^40, and never more than what was paid for all steps.
    let price = (u128::from(opened.get()) * first * first).div_ceil(squares.max(1));
    NanoRho::new(u64::try_from(price).unwrap_or(u64::MAX))
}

impl TryFrom<StatisticShape> for SeriesShape {
    type Error = Error;

    fn try_from(shape: StatisticShape) -> Result<Self, Error> {
        Self::new(shape)
    }
}

impl From<SeriesShape> for StatisticShape {
    fn from(series: SeriesShape) -> Self {
        series.0
    }
}
