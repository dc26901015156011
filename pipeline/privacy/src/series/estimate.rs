//! Running totals from the noisy steps: unbiased, reconciled step by step, with exact variances (algorithms 6, 3.2, 7.2).
//!
//! `ŝ_t = (1/b)·Σ l_{t−k}·y_k`. Steps are not reconciled with each other: a total may fall from one to the next where noise
//! outweighs who came. It deliberately lacks totals from the first missing step on.

use marsad_terms::NanoRho;

use super::noisy::NoisySeries;
use super::shape::SeriesShape;
use super::toeplitz;
use crate::error::Error;
use crate::estimate::display::Display;
use crate::estimate::family::{Family, Member};
use crate::estimate::interval::Z;
use crate::estimate::workload::Workload;
use crate::estimate::{Cell, EstimatedColumn, EstimatedStatistic, EstimatedTable};
use crate::sampler::Scale;
use crate::shape::StatisticShape;

/// What one table's running totals will be like at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepAccuracy {
    /// Index into the shape's tables.
    pub table: usize,
    /// Number of cells of the step.
    pub cells: u64,
    /// Half the 95 % interval of each cell, in persons.
    pub margin: f64,
}

/// The running totals of a series, one table for each grouping set, row-major over (period, dimensions).
///
/// Post-processing of noisy integers and public facts: free of cost. Cells from the first missing step on are not a number
/// and Q.
pub fn estimate(noisy: &NoisySeries) -> EstimatedStatistic {
    let series = noisy.shape();
    let step = Step::new(series, noisy.scale().sigma);
    let factors = toeplitz::variance_factors(series.horizon());
    let display = Display::new(&step.workload, true);
    let mut tables: Vec<EstimatedTable> = step.empty_tables();
    for (t, factor) in factors.iter().enumerate().take(noisy.steps().len()) {
        let Some(totals) = running_totals(noisy, t) else {
            step.family.members.iter().for_each(|member| {
                let n = step.n_cells(member);
                tables[member.index].cells.extend(std::iter::repeat_n(Cell::NONE, n));
            });
            continue;
        };
        let observe = |member: &Member| step.observe(member, &totals);
        let observed: Vec<Vec<f64>> = step.family.members.iter().map(observe).collect();
        let residuals = step.workload.residuals(&observed);
        let values = display.values(&step.workload, &residuals, &observed);
        for (member, values) in step.family.members.iter().zip(values) {
            let variance = factor * step.workload.variance(member.axes);
            let estimates = step.workload.table(&residuals, member.axes);
            let mut cells = vec![Cell::NONE; estimates.len()];
            for ((place, estimate), value) in member.places(0).zip(estimates).zip(values) {
                cells[place] = Cell::of_total(estimate, variance, value);
            }
            tables[member.index].cells.extend(cells);
        }
    }
    let id = series.statistic().id.clone();
    let name = series.statistic().outputs[0].name.clone();
    EstimatedStatistic { id, columns: vec![EstimatedColumn { name, tables }] }
}

/// The accuracy of every table at one step, from sizes and the price alone.
///
/// # Errors
/// `ZeroPrice`; `Unknown` for a step that the series does not have.
pub fn forecast(series: &SeriesShape, price: NanoRho, step: u32) -> Result<Vec<StepAccuracy>, Error> {
    let sigma = Scale::new(series.delta_squared(), price)?.sigma;
    let factors = toeplitz::variance_factors(series.horizon());
    let factor = factors.get(step as usize).ok_or(Error::Unknown { what: "step of that number" })?;
    let one = Step::new(series, sigma);
    let mut tables: Vec<StepAccuracy> = one
        .family
        .members
        .iter()
        .map(|member| StepAccuracy {
            table: member.index,
            cells: one.n_cells(member) as u64,
            margin: Z * (factor * one.workload.variance(member.axes)).sqrt(),
        })
        .collect();
    tables.sort_by_key(|table| table.table);
    Ok(tables)
}

/// The tables of one step: one family, since every dimension has a home value.
struct Step {
    shape: StatisticShape,
    family: Family,
    /// With noise of the series' σ on each y; times Σ l² it is that of the running totals.
    workload: Workload,
}

impl Step {
    fn new(series: &SeriesShape, sigma: f64) -> Self {
        let mut shape = series.statistic().clone();
        shape.periods.truncate(1);
        let family = Family::all(&shape, 0).pop().expect("a series has tables of one aggregate and grain");
        let workload = family.workload(sigma);
        Self { shape, family, workload }
    }

    fn n_cells(&self, member: &Member) -> usize {
        self.shape.n_cells(&self.shape.tables[member.index])
    }

    fn observe(&self, member: &Member, totals: &[f64]) -> Vec<f64> {
        let start = self.shape.offset(member.index);
        member.places(0).map(|place| totals[start + place] * member.unit).collect()
    }

    fn empty_tables(&self) -> Vec<EstimatedTable> {
        let tables = self.shape.tables.iter();
        tables.map(|table| EstimatedTable::of_totals(table.grain, table.dimensions.clone())).collect()
    }
}

/// `Σ_{k≤t} l_{t−k}·y_k` by coordinate; `None` where one of them is missing.
fn running_totals(noisy: &NoisySeries, t: usize) -> Option<Vec<f64>> {
    let steps: Option<Vec<&Vec<i64>>> = noisy.steps()[..=t].iter().map(Option::as_ref).collect();
    let weights = toeplitz::inverse(noisy.shape().horizon());
    let mut totals = vec![0.0; noisy.shape().n_coordinates()];
    for (cells, weight) in steps?.into_iter().rev().zip(&weights) {
        totals.iter_mut().zip(cells).for_each(|(total, cell)| *total += weight * *cell as f64);
    }
    Some(totals)
}
