//! What each table will look like, and the price of a wanted margin (algorithms 9): from shapes alone.

use std::collections::BTreeMap;

use marsad_ledger::proposal::Forecast;
use marsad_privacy::shape::{Expression, StatisticShape};
use marsad_privacy::{Joint, accuracy};
use marsad_terms::{Grain, NanoRho, flow_id};

use crate::error::Error;

/// Predicted accuracy of every published table of the joint vector.
pub(crate) fn forecast(joint: &Joint, price: NanoRho) -> Result<Vec<Forecast>, Error> {
    let tables = accuracy::forecast(joint, price)?;
    Ok(tables
        .into_iter()
        .map(|table| {
            let shape = &joint.shapes()[table.statistic];
            let spec = &shape.tables[table.table];
            Forecast {
                dataflow: flow_id(&shape.id.dataflow(table.output, &shape.outputs[table.output].name)),
                dimensions: columns(shape, spec.grain, &spec.dimensions),
                cells: table.cells,
                margin: table.margin.map(|m| format!("{m:.1}")).unwrap_or_default(),
                reliable_from: table.margin.map(|m| format!("{:.0}", (5.0 * m).ceil())).unwrap_or_default(),
                usable_from: table.margin.map(|m| format!("{:.0}", (2.0 * m).ceil())).unwrap_or_default(),
            }
        })
        .collect())
}

/// The columns of a table: its period, then its dimensions.
pub(crate) fn columns(shape: &StatisticShape, grain: Grain, dimensions: &[usize]) -> Vec<String> {
    let names = dimensions.iter().map(|d| shape.dimensions[*d].name.clone());
    std::iter::once(grain.column().to_owned()).chain(names).collect()
}

/// The least price at which every wanted margin is reached; keys are `statistic/grouping set`.
pub(crate) fn price(joint: &Joint, wishes: &BTreeMap<String, String>) -> Result<NanoRho, Error> {
    let mut price = NanoRho::ZERO;
    for (wish, margin) in wishes {
        let fault = |what| Error::Wish { wish: wish.clone(), what };
        let (id, set) = wish.split_once('/').ok_or_else(|| fault("has no `/`"))?;
        let margin: f64 = margin.parse().map_err(|_| fault("is no number"))?;
        let found = joint.shapes().iter().position(|shape| shape.id.to_string() == id);
        let statistic = found.ok_or_else(|| fault("names no private statistic of the release"))?;
        let table = table_of(&joint.shapes()[statistic], set)
            .ok_or_else(|| fault("names no grouping set of the SQL"))?;
        let (output, grain, dimensions) = table;
        price = price.max(accuracy::price_for(joint, statistic, output, grain, &dimensions, margin)?);
    }
    Ok(price)
}

fn table_of(shape: &StatisticShape, set: &str) -> Option<(usize, Grain, Vec<usize>)> {
    let wanted: Vec<&str> = set.split(',').map(str::trim).collect();
    let output = shape.outputs.iter().position(|o| matches!(o.expression, Expression::Aggregate { .. }))?;
    let table = shape.tables.iter().find(|table| columns(shape, table.grain, &table.dimensions) == wanted)?;
    Some((output, table.grain, table.dimensions.clone()))
}
