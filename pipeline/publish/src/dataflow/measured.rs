//! Dataflows of a statistic of persons: estimates of the joint vector become rows.
//!
//! It deliberately lacks arithmetic on figures: every number was made by the estimator.

use marsad_privacy::estimate::{EstimatedStatistic, EstimatedTable};
use marsad_privacy::noisy_table::NoisyTable;
use marsad_privacy::shape::{Aggregate, Bound, Expression, Output, StatisticShape, TableSpec};
use marsad_terms::{Period, Text};

use super::{
    Dataflow, Dimension, Heading, Measure, MeasuredResidual, MeasuredTable, Noise, Protection, Reduced, Row,
    cost,
};
use crate::error::{Error, Result};
use crate::privacy_yaml::words;
use crate::released::Estimated;

/// One dataflow for each output column.
pub(super) fn dataflows(
    heading: &Heading<'_>,
    noisy: &NoisyTable,
    statistic: usize,
    estimated: &Estimated,
) -> Result<Vec<Dataflow>> {
    let shape = &noisy.shapes()[statistic];
    let costs = cost::of_columns(noisy, statistic)?;
    let mut flows = of_figures(heading, shape, &estimated.figures)?;
    for ((flow, output), nano_rho) in flows.iter_mut().zip(&shape.outputs).zip(costs) {
        let noise = noise(heading, noisy, shape, output, estimated);
        if let Some(told) = words::reduced(&noise) {
            flow.note = Text::new(
                format!("{} {}", flow.note.fr, told.fr),
                format!("{} {}", flow.note.ar, told.ar),
                format!("{} {}", flow.note.en, told.en),
            );
        }
        flow.protection = Protection::Noise(Box::new(noise));
        flow.nano_rho = nano_rho;
    }
    Ok(flows)
}

/// One dataflow for each output column, without cost or protection yet.
pub(crate) fn of_figures(
    heading: &Heading<'_>,
    shape: &StatisticShape,
    figures: &EstimatedStatistic,
) -> Result<Vec<Dataflow>> {
    let dimensions: Result<Vec<Dimension>> =
        shape.dimensions.iter().map(|d| heading.dimension(&d.name, &d.code_list)).collect();
    let dimensions = dimensions?;
    let columns = shape.outputs.iter().zip(&figures.columns).enumerate();
    columns
        .map(|(index, (output, column))| {
            let nothing = Protection::Derived(Vec::new());
            let mut flow = heading.dataflow(index, &output.name, measure(output), nothing)?;
            flow.additive_over = additive_over(shape, output, &dimensions);
            flow.dimensions.clone_from(&dimensions);
            for table in &column.tables {
                let periods = shape.periods_of(table.grain);
                flow.rows.extend(rows((shape, &periods), &dimensions, table)?);
            }
            flow.sort();
            Ok(flow)
        })
        .collect()
}

/// step/(b·2^f)
fn raw_unit(noisy: &NoisyTable, table: &TableSpec, step: Option<f64>) -> f64 {
    step.unwrap_or(1.0) / (f64::from(table.b) * 2_f64.powi(noisy.f().cast_signed()))
}

fn measure(output: &Output) -> Measure {
    match output.expression {
        Expression::Ratio { share: true, .. } => Measure::Share,
        Expression::Ratio { share: false, .. } => Measure::Average,
        Expression::Aggregate { .. } => Measure::Sum,
    }
}

/// Distinct persons add up over single-valued dimensions only (algorithms 2.6); a quotient over none.
pub(super) fn additive_over(
    shape: &StatisticShape,
    output: &Output,
    dimensions: &[Dimension],
) -> Vec<String> {
    let Expression::Aggregate { aggregate } = output.expression else { return Vec::new() };
    let persons = matches!(shape.aggregates[aggregate], Aggregate::Persons);
    let adds_up = |d: &usize| !(persons && shape.is_multi_valued(*d));
    (0..dimensions.len()).filter(adds_up).map(|d| dimensions[d].id.clone()).collect()
}

fn noise(
    heading: &Heading<'_>,
    noisy: &NoisyTable,
    shape: &StatisticShape,
    output: &Output,
    estimated: &Estimated,
) -> Noise {
    let used = |aggregate: usize| cost::uses(&output.expression, aggregate);
    let negative = shape.aggregates.iter().enumerate().any(|(index, aggregate)| {
        used(index) && matches!(aggregate, Aggregate::Sum(measure) if measure.lower.starts_with('-'))
    });
    Noise {
        bound: shape.bound.clone(),
        source: heading.statistic.bound.source.clone(),
        left_out: estimated.bounding,
        reduced: reduced(shape, output),
        sigma: noisy.sigma(),
        f: noisy.f(),
        negative,
        series: None,
        tables: tables(heading, noisy, shape, output),
        residuals: residuals(heading, noisy, shape, output),
    }
}

/// A norm clip scales all of a person's contributions down. Truncation leaves out rows; of persons it leaves out further codes, and
/// one at least stays, so that totals lose nobody (algorithms 2.4).
fn reduced(shape: &StatisticShape, output: &Output) -> Reduced {
    let Expression::Aggregate { aggregate } = output.expression else { return Reduced::None };
    let persons = matches!(shape.aggregates[aggregate], Aggregate::Persons);
    match shape.bound {
        Bound::HomeCell | Bound::First { .. } => Reduced::None,
        Bound::Truncate { .. } if persons => {
            Reduced::By((0..shape.dimensions.len()).filter(|d| shape.is_multi_valued(*d)).collect())
        }
        Bound::NormClip { .. } | Bound::Truncate { .. } => Reduced::All,
    }
}

/// The components of the output's aggregates with their noise; none where its tables were measured.
fn residuals(
    heading: &Heading<'_>,
    noisy: &NoisyTable,
    shape: &StatisticShape,
    output: &Output,
) -> Vec<MeasuredResidual> {
    let place = noisy.shapes().iter().position(|own| own.id == shape.id);
    let parts = place.map_or(&[][..], |place| &noisy.spend().residuals[place]);
    let own = shape.strategy.components().iter().zip(parts);
    let used = own.filter(|(component, _)| cost::uses(&output.expression, component.aggregate));
    let name = |d: &usize| heading.catalog.dimension_id(&shape.dimensions[*d].name);
    used.map(|(component, noise)| MeasuredResidual {
        aggregate: part(output, component.aggregate),
        grain: component.grain,
        dimensions: component.dimensions.iter().map(name).collect(),
        nano_rho: noise.price,
        sigma: noise.scale.sigma,
    })
    .collect()
}

fn tables(
    heading: &Heading<'_>,
    noisy: &NoisyTable,
    shape: &StatisticShape,
    output: &Output,
) -> Vec<MeasuredTable> {
    let used = shape.tables.iter().filter(|table| cost::uses(&output.expression, table.aggregate));
    used.map(|table| {
        let step = match &shape.aggregates[table.aggregate] {
            Aggregate::Sum(measure) => measure.step.parse::<f64>().ok(),
            Aggregate::Persons | Aggregate::Rows => None,
        };
        let ids = table.dimensions.iter().map(|d| heading.catalog.dimension_id(&shape.dimensions[*d].name));
        MeasuredTable {
            aggregate: part(output, table.aggregate),
            grain: table.grain,
            dimensions: ids.collect(),
            b: table.b,
            step,
            raw_unit: Some(raw_unit(noisy, table, step)),
        }
    })
    .collect()
}

/// Names the two aggregates of a quotient.
fn part(output: &Output, aggregate: usize) -> Option<String> {
    match output.expression {
        Expression::Aggregate { .. } => None,
        Expression::Ratio { numerator, .. } if numerator == aggregate => {
            Some(format!("numerator of {}", output.name))
        }
        Expression::Ratio { .. } => Some(format!("denominator of {}", output.name)),
    }
}

/// The measured cells of a table, and the structural zeros around them.
pub(super) fn rows(
    (shape, periods): (&StatisticShape, &[Period]),
    dimensions: &[Dimension],
    table: &EstimatedTable,
) -> Result<Vec<Row>> {
    let misfit = || Error::DoesNotFit { statistic: shape.id.clone() };
    let mut axes = Vec::new();
    let mut zeros = Vec::new();
    for d in &table.dimensions {
        let (declared, published) = (shape.dimensions.get(*d).ok_or_else(misfit)?, &dimensions[*d]);
        axes.push(places(published, &declared.codes)?);
        zeros.push(places(published, &declared.zeros)?);
    }
    let keys = product(&axes);
    if table.cells.len() != periods.len() * keys.len() {
        return Err(misfit());
    }
    let place = |key: &[usize]| spread(dimensions.len(), &table.dimensions, key);
    let mut cells = table.cells.iter();
    let mut rows = Vec::with_capacity(table.cells.len());
    for period in periods {
        for (key, cell) in keys.iter().zip(cells.by_ref()) {
            rows.push(Row {
                period: *period,
                codes: place(key),
                cell: Some(*cell),
                raw_unit: table.raw_unit,
            });
        }
    }
    rows.extend(structural_zeros(periods, &axes, &zeros).map(|(period, key)| empty(period, place(&key))));
    Ok(rows)
}

fn empty(period: Period, codes: Vec<usize>) -> Row {
    Row { period, codes, cell: None, raw_unit: None }
}

/// All keys with at least one code that is ruled out.
pub(super) fn structural_zeros(
    periods: &[Period],
    axes: &[Vec<usize>],
    zeros: &[Vec<usize>],
) -> impl Iterator<Item = (Period, Vec<usize>)> {
    let whole: Vec<Vec<usize>> =
        axes.iter().zip(zeros).map(|(axis, zeros)| [axis.as_slice(), zeros].concat()).collect();
    let ruled_out = |key: &Vec<usize>| key.iter().zip(zeros).any(|(code, zeros)| zeros.contains(code));
    let keys: Vec<Vec<usize>> = product(&whole).into_iter().filter(ruled_out).collect();
    let periods = periods.to_vec();
    periods.into_iter().flat_map(move |period| keys.clone().into_iter().map(move |key| (period, key)))
}

/// The places of codes in a published list.
pub(super) fn places(dimension: &Dimension, codes: &[String]) -> Result<Vec<usize>> {
    let place = |code: &String| {
        let id = || format!("{code} of {}", dimension.id);
        dimension.index(code).ok_or_else(|| Error::NotInCatalogue { what: "code", id: id() })
    };
    codes.iter().map(place).collect()
}

/// All keys over some axes, row-major.
pub(super) fn product(axes: &[Vec<usize>]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![Vec::new()], |keys, axis| {
        keys.iter().flat_map(|key| axis.iter().map(move |code| [key.as_slice(), &[*code]].concat())).collect()
    })
}

/// A key over some dimensions as a key over all: the others are totals.
pub(super) fn spread(n: usize, dimensions: &[usize], key: &[usize]) -> Vec<usize> {
    let mut codes = vec![0; n];
    for (d, code) in dimensions.iter().zip(key) {
        codes[*d] = *code;
    }
    codes
}
