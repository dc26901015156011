//! What each table will look like, and the price of a wanted margin (algorithms 9): from shapes alone.

use std::collections::BTreeMap;

use marsad_ledger::proposal::{Forecast, SeriesTerms};
use marsad_privacy::accuracy::Wish;
use marsad_privacy::series::{self, SeriesShape};
use marsad_privacy::shape::{Expression, StatisticShape, TableSpec};
use marsad_privacy::{Joint, accuracy};
use marsad_terms::{Grain, NanoRho, flow_id};

use crate::error::Error;
use crate::prepare::Prepared;

/// Predicted accuracy of every published table of the joint vector.
pub(crate) fn forecast(joint: &Joint, price: NanoRho) -> Result<Vec<Forecast>, Error> {
    let tables = accuracy::forecast(joint, price)?;
    Ok(tables
        .into_iter()
        .map(|table| {
            let shape = &joint.shapes()[table.statistic];
            table_of(shape, (table.output, &shape.tables[table.table]), table.cells, table.margin)
        })
        .collect())
}

/// Predicted accuracy of every published table: those of the joint vector, then the series' at the release's last step.
pub(crate) fn of_release(
    prepared: &Prepared<'_>,
    price: NanoRho,
    series: &[SeriesTerms],
) -> Result<Vec<Forecast>, Error> {
    let mut tables = match &prepared.joint {
        Some(joint) => forecast(joint, price)?,
        None => Vec::new(),
    };
    for one in &prepared.statistics {
        let terms = series.iter().find(|terms| terms.statistic == one.statistic.id);
        if let (Some(own), Some(terms)) = (&one.series, terms) {
            tables.extend(of_series(&own.shape, terms.nano_rho, own.through)?);
        }
    }
    Ok(tables)
}

/// Predicted accuracy of a series' running totals at one step.
pub(crate) fn of_series(series: &SeriesShape, price: NanoRho, step: u32) -> Result<Vec<Forecast>, Error> {
    let shape = series.statistic();
    let tables = series::forecast(series, price, step)?.into_iter().map(|table| {
        let spec = &shape.tables[table.table];
        table_of(shape, (0, spec), table.cells, Some(table.margin))
    });
    Ok(tables.collect())
}

fn table_of(
    shape: &StatisticShape,
    (output, spec): (usize, &TableSpec),
    cells: u64,
    margin: Option<f64>,
) -> Forecast {
    let times = |factor: f64| margin.map(|m| format!("{:.0}", (factor * m).ceil())).unwrap_or_default();
    Forecast {
        dataflow: flow_id(&shape.id.dataflow(output, &shape.outputs[output].name)),
        dimensions: columns(shape, spec.grain, &spec.dimensions),
        cells,
        margin: margin.map(|m| format!("{m:.1}")).unwrap_or_default(),
        reliable_from: times(5.0),
        usable_from: times(2.0),
        expected: None,
    }
}

/// The columns of a table: its period, then its dimensions.
pub(crate) fn columns(shape: &StatisticShape, grain: Grain, dimensions: &[usize]) -> Vec<String> {
    let names = dimensions.iter().map(|d| shape.dimensions[*d].name.clone());
    std::iter::once(grain.column().to_owned()).chain(names).collect()
}

/// The least price at which every wanted margin is reached; keys are `statistic/grouping set`.
pub(crate) fn price(joint: &Joint, wishes: &BTreeMap<String, String>) -> Result<NanoRho, Error> {
    Ok(accuracy::price_of(joint, &self::wishes(joint, wishes)?)?)
}

/// The wanted margins by statistic and table.
pub(crate) fn wishes(joint: &Joint, wishes: &BTreeMap<String, String>) -> Result<Vec<Wish>, Error> {
    let wish = |(wish, margin): (&String, &String)| {
        let fault = |what| Error::Wish { wish: wish.clone(), what };
        let (id, set) = wish.split_once('/').ok_or_else(|| fault("has no `/`"))?;
        let margin: f64 = margin.parse().map_err(|_| fault("is no number"))?;
        let found = joint.shapes().iter().position(|shape| shape.id.to_string() == id);
        let statistic = found.ok_or_else(|| fault("names no private statistic of the release"))?;
        let table = wished(&joint.shapes()[statistic], set)
            .ok_or_else(|| fault("names no grouping set of the SQL, or one of a ratio alone"))?;
        Ok(Wish { statistic, table, margin })
    };
    wishes.iter().map(wish).collect()
}

/// The table of the first output that is no ratio.
fn wished(shape: &StatisticShape, set: &str) -> Option<usize> {
    let wanted: Vec<&str> = set.split(',').map(str::trim).collect();
    let shown = shape.outputs.iter().find_map(|output| match output.expression {
        Expression::Aggregate { aggregate } => Some(aggregate),
        Expression::Ratio { .. } => None,
    })?;
    let is_wanted = |table: &TableSpec| {
        table.aggregate == shown && columns(shape, table.grain, &table.dimensions) == wanted
    };
    shape.tables.iter().position(is_wanted)
}
