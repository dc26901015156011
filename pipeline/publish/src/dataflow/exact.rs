//! Dataflows of organisations' activities: exact, no person in them, no part of ρ (publication 2).

use marsad_privacy::estimate::Cell;
use marsad_privacy::flag::Flag;
use marsad_privacy::noisy_table::{OrganisationCells, OrganisationTable};
use marsad_terms::Period;

use super::measured::{places, product, spread, structural_zeros};
use super::{Dataflow, Dimension, Heading, Measure, Protection, Row};
use crate::error::{Error, Result};

/// One dataflow for each output column.
pub(super) fn dataflows(heading: &Heading<'_>, table: &OrganisationTable) -> Result<Vec<Dataflow>> {
    let dimensions: Result<Vec<Dimension>> =
        table.dimensions.iter().map(|d| heading.dimension(&d.name, &d.code_list)).collect();
    let dimensions = dimensions?;
    let columns = table.columns.iter().enumerate();
    columns
        .map(|(index, column)| {
            let spec = |cells: &OrganisationCells| {
                let ids = cells.dimensions.iter().filter_map(|d| dimensions.get(*d)).map(|d| d.id.clone());
                (cells.grain, ids.collect())
            };
            let protection = Protection::Exact(column.tables.iter().map(spec).collect());
            let mut flow = heading.dataflow(index, &column.name, Measure::Sum, protection)?;
            flow.additive_over = dimensions.iter().map(|d| d.id.clone()).collect();
            flow.dimensions.clone_from(&dimensions);
            for cells in &column.tables {
                flow.rows.extend(rows(table, &dimensions, cells)?);
            }
            flow.sort();
            Ok(flow)
        })
        .collect()
}

fn rows(table: &OrganisationTable, dimensions: &[Dimension], cells: &OrganisationCells) -> Result<Vec<Row>> {
    let misfit = || Error::DoesNotFit { statistic: table.id.clone() };
    let mut axes = Vec::new();
    let mut zeros = Vec::new();
    for d in &cells.dimensions {
        let declared = table.dimensions.get(*d).ok_or_else(misfit)?;
        axes.push(places(&dimensions[*d], &declared.codes)?);
        zeros.push(places(&dimensions[*d], &declared.zeros)?);
    }
    let of_grain = |period: &Period| period.grain() == cells.grain;
    let periods: Vec<Period> = table.periods.iter().copied().filter(of_grain).collect();
    let keys = product(&axes);
    if cells.cells.len() != periods.len() * keys.len() {
        return Err(misfit());
    }
    let place = |key: &[usize]| spread(dimensions.len(), &cells.dimensions, key);
    let measured = periods.iter().flat_map(|period| keys.iter().map(move |key| (*period, key)));
    let mut rows: Vec<Row> = measured
        .zip(&cells.cells)
        .map(|((period, key), figure)| Row {
            period,
            codes: place(key),
            cell: Some(exact(*figure)),
            raw_unit: None,
        })
        .collect();
    let empty = structural_zeros(&periods, &axes, &zeros);
    rows.extend(empty.map(|(period, key)| Row { period, codes: place(&key), cell: None, raw_unit: None }));
    Ok(rows)
}

/// An exact figure as a cell: no interval, no noise, always A.
fn exact(figure: i64) -> Cell {
    let estimate = figure as f64;
    Cell {
        raw: None,
        estimate,
        variance: 0.0,
        lower: estimate,
        upper: estimate,
        margin: 0.0,
        flag: Flag::A,
        value: Some(figure),
    }
}
