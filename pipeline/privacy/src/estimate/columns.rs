//! Output columns from reconciled tables: intervals, margins, flags (algorithms 7).
//!
//! It deliberately lacks arithmetic on estimates but the quotient of two.

use marsad_terms::Grain;

use super::discrete;
use super::family::{is_non_negative, unit};
use super::interval::{Form, Interval, LEVEL, Uncertain, Z, fieller};
use super::reconcile::{Figures, TableFigures};
use super::simultaneous::Basis;
use super::statistic::{Cell, EstimatedColumn, EstimatedTable};
use crate::flag::Flag;
use crate::noisy_table::NoisyTable;
use crate::shape::{Expression, Output, StatisticShape, TableSpec};

/// One statistic with its reconciled tables.
pub(crate) struct Release<'a> {
    /// The one release that measured it, and its place there; none where several did.
    pub(crate) measured: Option<(&'a NoisyTable, usize)>,
    pub(crate) shape: &'a StatisticShape,
    pub(crate) figures: &'a Figures,
}

impl Release<'_> {
    /// One table for each measured grouping set of the output's aggregate, or of its numerator.
    pub(crate) fn column(&self, output: &Output) -> EstimatedColumn {
        let aggregate = output.expression.leading();
        let of_aggregate = |(_, table): &(usize, &TableSpec)| table.aggregate == aggregate;
        let tables = self.shape.tables.iter().enumerate().filter(of_aggregate);
        let tables = tables.map(|(index, table)| {
            let (cells, basis) = match output.expression {
                Expression::Aggregate { .. } => self.counts(index),
                Expression::Ratio { denominator, share, percent, .. } => {
                    self.ratios(index, denominator, Form::of(share, percent))
                }
            };
            let measured = self.measured.filter(|_| self.has_raw(output));
            let raw_unit = measured.map(|(noisy, _)| unit(self.shape, table, noisy.f()));
            EstimatedTable {
                grain: table.grain,
                dimensions: table.dimensions.clone(),
                raw_unit,
                cells,
                basis,
            }
        });
        EstimatedColumn { name: output.name.clone(), tables: tables.collect() }
    }

    /// Ratios, tables made of residuals and of several releases were not measured themselves.
    fn has_raw(&self, output: &Output) -> bool {
        self.shape.strategy.is_tables() && matches!(output.expression, Expression::Aggregate { .. })
    }

    fn counts(&self, index: usize) -> (Vec<Cell>, Basis) {
        let table = &self.shape.tables[index];
        let figures = &self.figures[&index];
        let non_negative = is_non_negative(&self.shape.aggregates[table.aggregate]);
        // Without fixed-point digits every table stands alone, and is a whole count (`joint::choose_f`).
        let whole = self.measured.filter(|(noisy, _)| noisy.f() == 0).map(|(noisy, _)| noisy.sigma().powi(2));
        let half_width = whole.map(|sigma_squared| discrete::half_width(sigma_squared, LEVEL));
        let raws = self.measured.map_or(&[][..], |(noisy, statistic)| noisy.cells(statistic, index));
        let cell = |place: usize| {
            let (estimate, variance) = figures.at(place);
            let raw = raws.get(place).copied();
            let (interval, margin) = match half_width.zip(raw) {
                Some((h, raw)) => (Interval::raw_count(raw, table.b, h), h as f64 / f64::from(table.b)),
                None => (Interval::normal(estimate, variance, Z, non_negative), Z * variance.sqrt()),
            };
            let flag = Flag::of(estimate, margin);
            let (lower, upper) = (interval.lower, interval.upper);
            let value = (flag != Flag::Q).then(|| figures.values[place]);
            Cell { raw, estimate, variance, lower, upper, margin, flag, value }
        };
        let basis = match whole {
            Some(sigma_squared) => Basis::Exact { sigma_squared, b: table.b },
            None => Basis::Normal { non_negative },
        };
        ((0..figures.estimates.len()).map(cell).collect(), basis)
    }

    /// Cell by cell, over the denominator's table of the same set, which a joint holds.
    fn ratios(&self, index: usize, denominator: usize, form: Form) -> (Vec<Cell>, Basis) {
        let parts = self.parts(index, denominator);
        let cell = |(above, below, covariance): &(Uncertain, Uncertain, f64)| {
            fieller(*above, *below, *covariance, Z)
                .map_or(Cell::NONE, |(interval, margin)| ratio(interval, margin, form))
        };
        (parts.iter().map(cell).collect(), Basis::Ratio { parts, form })
    }

    /// Numerator, denominator and their covariance, by cell.
    fn parts(&self, index: usize, denominator: usize) -> Vec<(Uncertain, Uncertain, f64)> {
        let table = &self.shape.tables[index];
        let below = self
            .table_of(denominator, table.grain, &table.dimensions)
            .expect("a joint's ratios are divided over the same set");
        let (above, below, same) = (&self.figures[&index], &self.figures[&below], below == index);
        let part = |place: usize| {
            let (numerator, denominator) = (above.uncertain(place), below.uncertain(place));
            // Two aggregates are two families, whose noise is independent; one aggregate over itself is one figure.
            let covariance = if same { numerator.variance } else { 0.0 };
            (numerator, denominator, covariance)
        };
        (0..above.estimates.len()).map(part).collect()
    }

    fn table_of(&self, aggregate: usize, grain: Grain, dimensions: &[usize]) -> Option<usize> {
        self.shape
            .tables
            .iter()
            .position(|o| o.aggregate == aggregate && o.grain == grain && o.dimensions == dimensions)
    }
}

impl TableFigures {
    fn at(&self, place: usize) -> (f64, f64) {
        let per_period = self.estimates.len() / self.variances.len();
        (self.estimates[place], self.variances[place / per_period])
    }

    fn uncertain(&self, place: usize) -> Uncertain {
        let (estimate, variance) = self.at(place);
        Uncertain { estimate, variance }
    }
}

/// A share is in per cent, cut to 0–100; its flag reads the cut estimate and the uncut margin.
fn ratio(interval: Interval, margin: f64, form: Form) -> Cell {
    let margin = if form == Form::Plain { margin } else { margin * 100.0 };
    let Interval { estimate, lower, upper } = interval.shown(form);
    let flag = Flag::of(estimate, margin);
    let value = (flag != Flag::Q).then(|| round_half_up(estimate));
    Cell { raw: None, estimate, variance: f64::NAN, lower, upper, margin, flag, value }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "casts of doubles saturate, which no published figure reaches"
)]
fn round_half_up(estimate: f64) -> i64 {
    (estimate + 0.5).floor() as i64
}
