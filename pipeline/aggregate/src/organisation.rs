//! Exact tables of organisations: no person, so no bound and no noise (record-types.md, `org_activity`).
//!
//! The catalogue types such records apart, and nothing of a person's record can become one: the table's source decides.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::col;
use datafusion::physical_plan::collect;
use marsad_catalog::Statistic;
use marsad_privacy::noisy_table::{OrganisationCells, OrganisationColumn, OrganisationTable};
use marsad_privacy::shape::{Dimension, Expression};
use marsad_terms::{Grain, Period};

use crate::analyse::{Analysis, GroupingSet, Kind};
use crate::landed_table::months_of;
use crate::operator::{MONTH, counted_column, dimension_column, value_column};
use crate::session;
use crate::shape::measured_codes;
use crate::tabulate::{Landed, expressions, with_hidden};

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
    let mut columns = vec![col(MONTH)];
    columns.extend(expressions(analysis));
    let plan = with_hidden(&analysis.input, &[MONTH], columns)?;
    let context = session::session(1)?;
    let physical = landed.physical(&context.state(), analysis, plan).await?;
    for batch in collect(physical, context.task_ctx()).await? {
        add(&mut table, analysis, &batch)?;
    }
    Ok(table)
}

fn dimensions(landed: &Landed<'_>, analysis: &Analysis, statistic: &Statistic) -> Result<Vec<Dimension>> {
    let dimension = |dimension: &crate::analyse::Dimension| {
        let list = landed.catalog.code_lists.get(&dimension.list);
        let list = list.ok_or_else(|| DataFusionError::Plan(format!("no code list {}", dimension.list)))?;
        let zeros = statistic.zeros.get(&dimension.name).cloned().unwrap_or_default();
        Ok(Dimension {
            name: dimension.name.clone(),
            code_list: dimension.list.clone(),
            codes: measured_codes(list, &zeros),
            zeros,
            home: None,
        })
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
    let months: Vec<i32> = months_of(batch.column(0).as_primitive::<Date32Type>()).collect();
    let listed = table.periods.clone();
    let sizes: Vec<usize> = table.dimensions.iter().map(|d| d.codes.len()).collect();
    for (column, (_, expression)) in table.columns.iter_mut().zip(&analysis.outputs) {
        let Expression::Aggregate { aggregate } = expression else { continue };
        let amounts = amounts(analysis, *aggregate, batch)?;
        for cells in &mut column.tables {
            let periods: Vec<Option<usize>> =
                months.iter().map(|m| period_of(&listed, cells.grain, *m)).collect();
            for row in 0..batch.num_rows() {
                if let Some(cell) = cell(cells, periods[row], &codes, row, &sizes) {
                    cells.cells[cell] = cells.cells[cell].saturating_add(amounts[row]);
                }
            }
        }
    }
    Ok(())
}

/// By dimension and row: index of the code; unlisted codes are `_U`, or nowhere.
fn codes(table: &OrganisationTable, batch: &RecordBatch) -> Result<Vec<Vec<Option<usize>>>> {
    let of_dimension = |(i, dimension): (usize, &Dimension)| {
        let texts = batch.column_by_name(&dimension_column(i));
        let texts = texts.ok_or_else(|| DataFusionError::Internal("a dimension is missing".to_owned()))?;
        let texts = cast(texts, &DataType::Utf8)?;
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
    let values = batch.column_by_name(&value_column(aggregate));
    let values = values.ok_or_else(|| DataFusionError::Internal("a measure is missing".to_owned()))?;
    let values = cast(values, &DataType::Int64)?;
    let values = values.as_primitive::<Int64Type>();
    let amount = |row: usize| if counts[row] && values.is_valid(row) { values.value(row) } else { 0 };
    Ok((0..n).map(amount).collect())
}

fn period_of(listed: &[Period], grain: Grain, month: i32) -> Option<usize> {
    let mut of_grain = listed.iter().filter(|period| period.grain() == grain);
    of_grain.position(|period| {
        let (first, last) = period.months();
        let number = |month: marsad_terms::Month| i32::from(month.year) * 12 + i32::from(month.month) - 1;
        (number(first)..=number(last)).contains(&month)
    })
}

fn cell(
    cells: &OrganisationCells,
    period: Option<usize>,
    codes: &[Vec<Option<usize>>],
    row: usize,
    sizes: &[usize],
) -> Option<usize> {
    cells.dimensions.iter().try_fold(period?, |cell, d| Some(cell * sizes[*d] + codes[*d][row]?))
}
