//! The dataflow of a first-time series: its running totals from the start to the release's last step.
//!
//! Paid when the series was opened, so that a step costs nothing; one that was forfeited and drawn again has its price. It
//! deliberately lacks `raw`: a running total is made from all noisy steps, none is measured itself (publication 3).

use marsad_ledger::proposal::{Request, SeriesStep};
use marsad_privacy::series::NoisySeries;
use marsad_terms::NanoRho;

use super::measured::{additive_over, rows};
use super::{Dataflow, Dimension, Heading, Measure, MeasuredTable, Noise, Protection, Reduced, Series};
use crate::error::Result;
use crate::released::Estimated;

/// Fixed-point digits of the noisy steps.
const DIGITS: u32 = 20;

/// The one dataflow of a series.
pub(super) fn dataflow(
    heading: &Heading<'_>,
    noisy: &NoisySeries,
    estimated: &Estimated,
    request: &Request,
) -> Result<Dataflow> {
    let shape = noisy.shape().statistic();
    let dimensions: Result<Vec<Dimension>> =
        shape.dimensions.iter().map(|d| heading.dimension(&d.name, &d.code_list)).collect();
    let dimensions = dimensions?;
    let column = &estimated.figures.columns[0];
    let protection = Protection::Noise(Box::new(noise(heading, noisy)));
    let mut flow = heading.dataflow(0, &column.name, Measure::Running, protection)?;
    flow.additive_over = additive_over(shape, &shape.outputs[0], &dimensions);
    flow.nano_rho = redrawn(noisy, &request.redraws);
    for table in &column.tables {
        flow.rows.extend(rows((shape, noisy.periods()), &dimensions, table)?);
    }
    flow.dimensions = dimensions;
    flow.sort();
    Ok(flow)
}

/// What this release paid for steps that were forfeited before.
fn redrawn(noisy: &NoisySeries, redraws: &[SeriesStep]) -> NanoRho {
    let n = redraws.iter().filter(|redraw| redraw.series == noisy.series()).count() as u64;
    NanoRho::new(n * noisy.shape().redraw_price(noisy.nano_rho()).get())
}

fn noise(heading: &Heading<'_>, noisy: &NoisySeries) -> Noise {
    let shape = noisy.shape().statistic();
    let tables = shape.tables.iter().map(|table| MeasuredTable {
        aggregate: None,
        grain: table.grain,
        dimensions: table
            .dimensions
            .iter()
            .map(|d| heading.catalog.dimension_id(&shape.dimensions[*d].name))
            .collect(),
        b: table.b,
        step: None,
        raw_unit: None,
    });
    Noise {
        bound: shape.bound.clone(),
        source: None,
        left_out: None,
        reduced: Reduced::None,
        sigma: noisy.scale().sigma,
        f: DIGITS,
        negative: false,
        series: Some(Series {
            id: noisy.series(),
            nano_rho: noisy.nano_rho(),
            start: noisy.shape().start(),
            horizon: noisy.shape().horizon(),
            steps: (0_u32..).zip(noisy.steps()).filter(|(_, step)| step.is_some()).map(|(t, _)| t).collect(),
        }),
        tables: tables.collect(),
        residuals: Vec::new(),
    }
}
