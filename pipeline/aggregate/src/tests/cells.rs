//! What the comparisons with plain DataFusion share: a shape that bounds nobody, and the cells of a table by their codes.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use marsad_privacy::shape::{Aggregate, Bound, Dimension, Measure, StatisticShape, TableSpec};

use crate::analyse::{self, Analysis, Kind};

/// What stands in the cells that are not zero, by their period and codes.
pub(super) type Cells = BTreeMap<Vec<String>, i128>;

/// A norm clip that nobody reaches, at weight 1: bounding is off.
pub(super) fn unbounded(
    analysis: &Analysis,
    codes_of: fn(&analyse::Dimension) -> &'static [&'static str],
    periods: &[&str],
) -> StatisticShape {
    let dimension = |d: &analyse::Dimension| Dimension {
        name: d.name.clone(),
        code_list: d.list.clone(),
        codes: codes_of(d).iter().map(|c| (*c).to_owned()).collect(),
        zeros: Vec::new(),
        home: None,
    };
    let measure = || Measure { lower: "0".into(), upper: "30".into(), step: "1".into() };
    let aggregate = |a: &analyse::Aggregate| match a.kind {
        Kind::Persons => Aggregate::Persons,
        Kind::Rows => Aggregate::Rows,
        Kind::Sum => Aggregate::Sum(measure()),
    };
    let tables = (0..analysis.aggregates.len()).flat_map(|aggregate| {
        analysis.sets.iter().map(move |set| TableSpec {
            aggregate,
            grain: set.grain.unwrap(),
            dimensions: set.dimensions.clone(),
            b: 1,
        })
    });
    StatisticShape {
        id: "differential".parse().unwrap(),
        bound: Bound::NormClip { c_squared: u64::MAX, left_out_cap: 20 },
        dimensions: analysis.dimensions.iter().map(dimension).collect(),
        periods: periods.iter().map(|p| p.parse().unwrap()).collect(),
        aggregates: analysis.aggregates.iter().map(aggregate).collect(),
        tables: tables.collect(),
        outputs: Vec::new(),
        strategy: marsad_privacy::shape::Strategy::Tables,
    }
}

/// The columns of a table, the period's first.
pub(super) fn columns_of(shape: &StatisticShape, table: &TableSpec) -> Vec<String> {
    let dimensions = table.dimensions.iter().map(|d| shape.dimensions[*d].name.clone());
    std::iter::once(table.grain.column().to_owned()).chain(dimensions).collect()
}

/// The cells of one table of the operator's sums.
pub(super) fn of_sums(shape: &StatisticShape, table: usize, sums: &[i128]) -> Cells {
    let spec = &shape.tables[table];
    let own = &sums[shape.offset(table)..][..shape.n_cells(spec)];
    let cells = own.iter().enumerate().filter(|(_, sum)| **sum != 0);
    cells.map(|(cell, sum)| (keys_of(shape, spec, cell), *sum)).collect()
}

/// The rows of DataFusion's answer, `n_keys` columns and then the figure; no figure is zero.
pub(super) fn of_rows(batches: &[RecordBatch], n_keys: usize) -> Cells {
    let mut cells = Cells::new();
    for batch in batches {
        let texts: Vec<_> = batch.columns()[..n_keys]
            .iter()
            .map(|c| arrow::compute::cast(c, &DataType::Utf8).unwrap())
            .collect();
        let values = batch.column(n_keys).as_primitive::<Int64Type>();
        for row in (0..batch.num_rows()).filter(|row| values.is_valid(*row) && values.value(*row) != 0) {
            let key = texts.iter().map(|column| column.as_string::<i32>().value(row).to_owned()).collect();
            cells.insert(key, i128::from(values.value(row)));
        }
    }
    cells
}

fn keys_of(shape: &StatisticShape, table: &TableSpec, cell: usize) -> Vec<String> {
    let mut rest = cell;
    let mut keys = Vec::new();
    for dimension in table.dimensions.iter().rev() {
        let codes = &shape.dimensions[*dimension].codes;
        keys.push(codes[rest % codes.len()].clone());
        rest /= codes.len();
    }
    keys.push(shape.periods_of(table.grain)[rest].to_string());
    keys.reverse();
    keys
}
