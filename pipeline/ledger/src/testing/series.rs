//! Made-up first-time series: what a release asks for, and steps as runs would store them.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;

use marsad_privacy::sampler::Scale;
use marsad_privacy::series::{NoisySeries, NoisyStep, SeriesShape, StepDraw};
use marsad_privacy::shape::{Bound, TableSpec};
use marsad_terms::{Digest, NanoRho, Period, RecordTypeId};
use serde_json::json;

use super::{KEY, bits, shape};
use crate::ledger::{Ledger, ReserveStep};
use crate::proposal::{SeriesDefinition, SeriesRequest, SeriesStep, SeriesTerms, StatisticRequest};
use crate::reservation::new_run;
use crate::state::State;

/// The first step of every series.
const START: Period = Period::Quarter(2027, 1);

/// A first-time series that a test wants shown: persons by region and in total, in quarters from 2027 on.
#[derive(Clone, Debug)]
pub struct SeriesWish {
    /// Tells series apart.
    pub name: String,
    /// What opening it costs.
    pub nano_rho: u64,
    /// How many steps it has.
    pub horizon: u32,
    /// The last step that the release shows.
    pub through: u32,
    /// Record types that it reads.
    pub record_types: Vec<RecordTypeId>,
}

impl SeriesWish {
    /// One series of a price, shown through its first step.
    pub fn new(name: &str, nano_rho: u64, horizon: u32) -> Self {
        let record_types = vec!["person_registration".parse().unwrap()];
        Self { name: name.to_owned(), nano_rho, horizon, through: 0, record_types }
    }

    /// The same, shown through another step.
    #[must_use]
    pub fn through(self, through: u32) -> Self {
        Self { through, ..self }
    }

    /// S.
    pub fn id(&self) -> Digest {
        self.request().series.unwrap().series
    }

    /// One draw of one of its steps.
    pub fn step(&self, step: u32, revision: u32) -> SeriesStep {
        SeriesStep { series: self.id(), step, revision }
    }

    /// What it measures.
    pub fn shape(&self) -> SeriesShape {
        let mut shape = shape(&[]);
        shape.id = format!("first_time_{}", self.name.to_lowercase()).parse().unwrap();
        let periods = successors(Some(START), |period| Some(period.next()));
        shape.periods = periods.take(self.horizon as usize).collect();
        shape.bound = Bound::First { start: START };
        shape.tables.push(TableSpec { dimensions: Vec::new(), ..shape.tables[0].clone() });
        SeriesShape::new(shape).unwrap()
    }

    pub(super) fn request(&self) -> StatisticRequest {
        let (id, shape) = (self.shape().statistic().id.clone(), self.shape());
        let record_types: BTreeSet<RecordTypeId> = self.record_types.iter().cloned().collect();
        let plan = Some(Digest::of(self.name.as_bytes()));
        let defined = SeriesDefinition::new(KEY, id.clone(), record_types.clone(), plan, shape.clone());
        StatisticRequest {
            id,
            sql: "SELECT quarter, region, COUNT(DISTINCT person_key) AS persons".to_owned(),
            record_types,
            plan,
            code_lists: BTreeMap::new(),
            shape: None,
            series: Some(SeriesRequest { series: defined.id().unwrap(), shape, through: self.through }),
            derived: None,
            periods: Vec::new(),
        }
    }

    pub(super) fn terms(&self, state: &State) -> SeriesTerms {
        let shape = self.shape();
        let open = state.series(&self.id());
        SeriesTerms {
            statistic: shape.statistic().id.clone(),
            series: self.id(),
            nano_rho: open.map_or(NanoRho::new(self.nano_rho), |open| open.nano_rho),
            horizon: shape.horizon(),
            start: shape.start(),
            opens: open.is_none(),
        }
    }
}

/// A made-up result of one step, as a run would store it.
pub fn noisy_step(draw: &StepDraw, shape: &SeriesShape, step: u32, cells: Vec<i64>) -> NoisyStep {
    let scale = Scale::new(shape.delta_squared(), draw.nano_rho).unwrap();
    let stored = json!({
        "series": draw.series, "shape": shape, "nano_rho": draw.nano_rho, "step": step, "revision": draw.revision,
        "d_in": bits(scale.d_in), "sigma": bits(scale.sigma), "cells": cells,
    });
    serde_json::from_value(stored).unwrap()
}

/// Draws all steps of an open series, in order, as `series` holds them; a missing one is forfeited.
pub async fn draw_steps(ledger: &Ledger, series: &NoisySeries) {
    for (step, cells) in (0..).zip(series.steps()) {
        let step = SeriesStep { series: series.series(), step, revision: 0 };
        let data = Digest::of(b"custody");
        let ReserveStep::New(reservation) =
            ledger.reserve_step(step, new_run().unwrap(), data).await.unwrap()
        else {
            continue;
        };
        match cells {
            Some(cells) => {
                let drawn = noisy_step(&reservation.draw(), series.shape(), step.step, cells.clone());
                ledger.complete_step(reservation, &drawn).await.unwrap();
            }
            None => drop(ledger.recover_all().await.unwrap()),
        }
    }
}
