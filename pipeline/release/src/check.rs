//! One statistic on its own, before any release names it: judged, shaped for one period of each grain, forecast.

use std::collections::BTreeMap;

use marsad_aggregate::Analysis;
use marsad_catalog::{BoundMode, Catalog, Price, Statistic};
use marsad_ledger::proposal::Forecast;
use marsad_privacy::Joint;
use marsad_privacy::series::SeriesShape;
use marsad_privacy::shape::StatisticShape;
use marsad_terms::{Grain, NanoRho, Period};

use crate::error::Error;
use crate::forecast;
use crate::prepare::accepted;

/// The year that stands for any.
const ANY_YEAR: u16 = 2024;

/// What a check finds.
pub struct Checked {
    /// How the statement keeps the person.
    pub analysis: Analysis,
    /// Its vector; `None` for organisations.
    pub vector: Option<Vector>,
    /// The price that the forecast holds for: a release's, or what a series costs once.
    pub price: NanoRho,
    /// Its tables; a series' at its last step, where they are widest.
    pub tables: Vec<Forecast>,
}

/// What a statistic measures of persons.
pub enum Vector {
    /// A part of a release's joint vector, for one period of each grain.
    Joint(Joint),
    /// A first-time series, all its steps.
    Series(SeriesShape),
}

impl Vector {
    /// The statistic's shape.
    pub fn shape(&self) -> &StatisticShape {
        match self {
            Self::Joint(joint) => &joint.shapes()[0],
            Self::Series(series) => series.statistic(),
        }
    }

    /// Squared L2 sensitivity in integer units.
    pub fn delta_squared(&self) -> u128 {
        match self {
            Self::Joint(joint) => joint.delta_squared(),
            Self::Series(series) => series.delta_squared(),
        }
    }
}

/// Judges a statistic and forecasts its tables at a price.
///
/// # Errors
/// Refusals, and what does not fit between SQL and TOML.
pub fn check(catalog: &Catalog, statistic: &Statistic, price: &Price) -> Result<Checked, Error> {
    let sources = marsad_aggregate::Sources::of(catalog);
    let analysis = accepted(statistic, &sources)?;
    if analysis.key_space.is_none() {
        return Ok(Checked { analysis, vector: None, price: NanoRho::ZERO, tables: Vec::new() });
    }
    let shape = analysis.shape(statistic, catalog, &any_periods(&analysis), 1)?;
    if statistic.bound.mode == BoundMode::First {
        let series = SeriesShape::new(shape)?;
        let price = statistic.bound.rho;
        let tables = forecast::of_series(&series, price, series.horizon() - 1)?;
        return Ok(Checked { analysis, vector: Some(Vector::Series(series)), price, tables });
    }
    let joint = Joint::new(vec![shape])?;
    let price = match price {
        Price::Rho(rho) => *rho,
        Price::Margin(wishes) => forecast::price(&joint, &of_statistic(statistic, wishes))?,
    };
    let tables = forecast::forecast(&joint, price)?;
    Ok(Checked { analysis, vector: Some(Vector::Joint(joint)), price, tables })
}

/// One period of each grain that the statement names; a statement without one is judged for a quarter.
pub(crate) fn any_periods(analysis: &Analysis) -> Vec<Period> {
    let period = |grain: Grain| match grain {
        Grain::Year => Period::Year(ANY_YEAR),
        Grain::Quarter => Period::Quarter(ANY_YEAR, 4),
    };
    let named = |grain: &Grain| analysis.sets.iter().any(|set| set.grain == Some(*grain));
    let periods: Vec<Period> = Grain::ALL.into_iter().filter(named).map(period).collect();
    if periods.is_empty() { vec![period(Grain::Quarter)] } else { periods }
}

/// A lone grouping set is meant for this statistic.
fn of_statistic(statistic: &Statistic, wishes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let full = |table: &String| match table.contains('/') {
        true => table.clone(),
        false => format!("{}/{table}", statistic.id),
    };
    wishes.iter().map(|(table, margin)| (full(table), margin.clone())).collect()
}
