//! Exact tables of organisations: no person, so no bound and no noise (record-types.md, `org_activity`).
//!
//! The catalogue types such records apart, and nothing of a person's record can become one: the table's source decides.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::collect;
use marsad_catalog::Statistic;
use marsad_privacy::bound::NO_PERIOD;
use marsad_privacy::noisy_table::{OrganisationCells, OrganisationColumn, OrganisationTable};
use marsad_privacy::shape::{Dimension, Expression};
use marsad_terms::{Grain, Period};

use crate::analyse::{Analysis, GroupingSet, Kind};
use crate::calendar::Calendar;
use crate::operator::{MONTH, column, counted_column, dimension_column, value_column};
use crate::session;
use crate::shape::measured;
use crate::tabulate::Landed;

/// Adds up one statistic exactly.
pub(crate) async fn tabulate(
    landed: &Landed<'_>,
    analysis: &Analysis,
    statistic: &Statistic,
    periods: &[Period],
) -> Result<OrganisationTable> {
    if analysis.key_space.is_some() {
        return Err(DataFusionError::Plan("records of persons have no exact table".to_owned()));
    }
    let dimensions = dimensions(landed, analysis, statistic)?;
    let mut table = empty(analysis, statistic, periods, dimensions)?;
    let context = session::session(1, &landed.limits)?;
    let physical = landed.physical(&context.state(), analysis).await?;
    for batch in collect(physical, context.task_ctx()).await? {
        add(&mut table, analysis, &batch)?;
    }
    Ok(table)
}

fn dimensions(landed: &Landed<'_>, analysis: &Analysis, statistic: &Statistic) -> Result<Vec<Dimension>> {
    let dimension = |dimension: &crate::analyse::Dimension| {
        let missing = || DataFusionError::Plan(format!("no code list {}", dimension.list));
        measured(dimension, statistic, landed.catalog, None).ok_or_else(missing)
    };
    analysis.dimensions.iter().map(dimension).collect()
}

fn empty(
    analysis: &Analysis,
    statistic: &Statistic,
    periods: &[Period],
    dimensions: Vec<Dimension>,
) -> Result<OrganisationTable> {
    let mut used: Vec<Period> = periods
        .iter()
        .copied()
        .filter(|p| analysis.sets.iter().any(|s| s.grain == Some(p.grain())))
        .collect();
    used.sort_by_key(ToString::to_string);
    let cells = |set: &GroupingSet| {
        let grain =
            set.grain.ok_or_else(|| DataFusionError::Plan("a grouping set names no period".to_owned()))?;
        let n_periods = used.iter().filter(|period| period.grain() == grain).count();
        let n: usize = set.dimensions.iter().map(|d| dimensions[*d].codes.len()).product();
        Ok(OrganisationCells { grain, dimensions: set.dimensions.clone(), cells: vec![0; n * n_periods] })
    };
    let tables: Vec<OrganisationCells> = analysis.sets.iter().map(cells).collect::<Result<_>>()?;
    let column = |(name, expression): &(String, Expression)| match expression {
        Expression::Aggregate { .. } => Ok(OrganisationColumn { name: name.clone(), tables: tables.clone() }),
        Expression::Ratio { .. } => {
            Err(DataFusionError::Plan("organisation statistics hold counts and sums only".to_owned()))
        }
    };
    let columns = analysis.outputs.iter().map(column).collect::<Result<_>>()?;
    Ok(OrganisationTable { id: statistic.id.clone(), dimensions, periods: used, columns })
}

fn add(table: &mut OrganisationTable, analysis: &Analysis, batch: &RecordBatch) -> Result<()> {
    let codes = codes(table, batch)?;
    let of_grain = |grain: Grain| table.periods.iter().copied().filter(|p| p.grain() == grain).collect();
    let calendar = Calendar::new(Grain::ALL.map(of_grain));
    let days = column(batch, MONTH)?.as_primitive::<Date32Type>();
    let sizes: Vec<usize> = table.dimensions.iter().map(|d| d.codes.len()).collect();
    for (column, (_, expression)) in table.columns.iter_mut().zip(&analysis.outputs) {
        let Expression::Aggregate { aggregate } = expression else { continue };
        let amounts = amounts(analysis, *aggregate, batch)?;
        for cells in &mut column.tables {
            let grain = usize::from(cells.grain == Grain::ALL[1]);
            for (row, (amount, day)) in amounts.iter().zip(days.values()).enumerate() {
                let period = calendar.period(grain, *day);
                if let Some(cell) = cell(cells, period, &codes, row, &sizes) {
                    cells.cells[cell] = cells.cells[cell].saturating_add(*amount);
                }
            }
        }
    }
    Ok(())
}

/// By dimension and row: index of the code; unlisted codes are `_U`, or nowhere.
fn codes(table: &OrganisationTable, batch: &RecordBatch) -> Result<Vec<Vec<Option<usize>>>> {
    let of_dimension = |(i, dimension): (usize, &Dimension)| {
        let texts = cast(column(batch, &dimension_column(i))?, &DataType::Utf8)?;
        let place = |code: &str| dimension.codes.iter().position(|known| known == code);
        let index = |text: Option<&str>| text.and_then(place).or_else(|| place("_U"));
        Ok(texts.as_string::<i32>().iter().map(index).collect())
    };
    table.dimensions.iter().enumerate().map(of_dimension).collect()
}

fn amounts(analysis: &Analysis, aggregate: usize, batch: &RecordBatch) -> Result<Vec<i64>> {
    let n = batch.num_rows();
    let counts: Vec<bool> = match batch.column_by_name(&counted_column(aggregate)) {
        Some(flags) => flags.as_boolean().iter().map(|flag| flag == Some(true)).collect(),
        None => vec![true; n],
    };
    if analysis.aggregates[aggregate].kind == Kind::Rows {
        return Ok(counts.into_iter().map(i64::from).collect());
    }
    let values = cast(column(batch, &value_column(aggregate))?, &DataType::Int64)?;
    let values = values.as_primitive::<Int64Type>();
    let amount = |row: usize| if counts[row] && values.is_valid(row) { values.value(row) } else { 0 };
    Ok((0..n).map(amount).collect())
}

fn cell(
    cells: &OrganisationCells,
    period: u32,
    codes: &[Vec<Option<usize>>],
    row: usize,
    sizes: &[usize],
) -> Option<usize> {
    let period = (period != NO_PERIOD).then_some(period as usize)?;
    cells.dimensions.iter().try_fold(period, |cell, d| Some(cell * sizes[*d] + codes[*d][row]?))
}
