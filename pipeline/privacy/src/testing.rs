//! Shapes and rows that the tests of several modules draw from; compiled for tests alone.

use marsad_terms::{Grain, Period};
use proptest::prelude::*;

use crate::bound::{Row, SelectionKey};
use crate::shape;
use crate::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Measure, Output, StatisticShape, TableSpec,
};

/// A row that owns its lists.
#[derive(Clone, Debug)]
pub(crate) struct OwnedRow {
    pub(crate) month: i32,
    pub(crate) periods: [Option<u32>; 2],
    pub(crate) codes: Vec<u16>,
    pub(crate) values: Vec<i64>,
    pub(crate) counted: Vec<bool>,
}

impl OwnedRow {
    pub(crate) fn lend(&self) -> Row<'_> {
        Row {
            month: self.month,
            periods: self.periods,
            codes: &self.codes,
            values: &self.values,
            counted: &self.counted,
        }
    }
}

pub(crate) fn key() -> SelectionKey {
    SelectionKey::new([42; 32])
}

pub(crate) fn measure(lower: &str, upper: &str, step: &str) -> Measure {
    Measure { lower: lower.into(), upper: upper.into(), step: step.into() }
}

pub(crate) fn norm_squared(vector: &[i128]) -> u128 {
    vector.iter().map(|value| value.unsigned_abs().pow(2)).sum()
}

pub(crate) fn dimension(name: &str, n_codes: usize, home: Option<HomeRule>) -> Dimension {
    Dimension {
        name: name.into(),
        code_list: name.to_uppercase(),
        codes: (0..n_codes).map(|code| format!("C{code}")).collect(),
        zeros: Vec::new(),
        home,
    }
}

pub(crate) fn shows(aggregate: usize) -> Output {
    Output { name: format!("n{aggregate}"), expression: Expression::Aggregate { aggregate } }
}

/// Solves a singular but consistent system by elimination; free unknowns are zero.
pub(crate) fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    let mut pivots: Vec<(usize, usize)> = Vec::new();
    for column in 0..n {
        let start = pivots.len();
        let Some(row) =
            (start..n).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))
        else {
            break;
        };
        if matrix[row][column].abs() < 1e-9 {
            continue;
        }
        matrix.swap(start, row);
        right.swap(start, row);
        let (pivot, value) = (matrix[start].clone(), right[start]);
        for row in (0..n).filter(|row| *row != start) {
            let factor = matrix[row][column] / pivot[column];
            matrix[row].iter_mut().zip(&pivot).for_each(|(entry, pivot)| *entry -= factor * pivot);
            right[row] -= factor * value;
        }
        pivots.push((start, column));
    }
    let mut solution = vec![0.0; n];
    for (row, column) in pivots {
        solution[column] = right[row] / matrix[row][column];
    }
    solution
}

/// One aggregate of persons over (quarter, region) with three quarters and three regions.
pub(crate) fn plain(bound: Bound) -> StatisticShape {
    StatisticShape {
        id: "plain".parse().unwrap(),
        bound,
        dimensions: vec![dimension("region", 3, Some(HomeRule::MostFrequent))],
        periods: (1..=3).map(|quarter| Period::Quarter(2026, quarter)).collect(),
        aggregates: vec![Aggregate::Persons],
        tables: vec![TableSpec { aggregate: 0, grain: Grain::Quarter, dimensions: vec![0], b: 1 }],
        outputs: vec![shows(0)],
        strategy: shape::Strategy::Tables,
    }
}

pub(crate) fn plain_row() -> OwnedRow {
    OwnedRow { month: 1, periods: [None, Some(0)], codes: vec![0], values: vec![1], counted: vec![true] }
}

/// Any shape: 1 to 3 dimensions with or without home rule, both grains, several aggregates over the same sets.
pub(crate) fn shape() -> impl Strategy<Value = StatisticShape> {
    let home = prop_oneof![
        Just(None),
        Just(Some(HomeRule::MostRecent)),
        Just(Some(HomeRule::MostFrequent)),
        Just(Some(HomeRule::Priority)),
    ];
    let dimensions = prop::collection::vec((1_usize..5, home), 1..4);
    let tables = prop::collection::vec((0_usize..3, any::<bool>(), 0_usize..8, 1_u32..4), 1..6);
    let bound = (0_u8..3, 1_u64..200, 1_u32..5, 1_u32..30);
    (dimensions, tables, bound, 1_u8..5, any::<bool>()).prop_map(
        |(dimensions, tables, bound, quarters, sums)| build(&dimensions, &tables, bound, quarters, sums),
    )
}

pub(crate) fn build(
    dimensions: &[(usize, Option<HomeRule>)],
    tables: &[(usize, bool, usize, u32)],
    (mode, c_squared, k, left_out_cap): (u8, u64, u32, u32),
    quarters: u8,
    sums: bool,
) -> StatisticShape {
    let bound = match mode {
        0 => Bound::HomeCell,
        1 => Bound::NormClip { c_squared, left_out_cap },
        _ => Bound::Truncate { k, left_out_cap },
    };
    let persons_only = matches!(bound, Bound::HomeCell);
    let third = if sums && mode == 1 { Aggregate::Sum(measure("-10", "10", "1")) } else { Aggregate::Rows };
    let others =
        if persons_only { [Aggregate::Persons, Aggregate::Persons] } else { [Aggregate::Rows, third] };
    let mut specs: Vec<TableSpec> = Vec::new();
    for (aggregate, year, subset, b) in tables {
        let used = (0..dimensions.len()).filter(|d| subset >> d & 1 == 1).collect();
        let grain = if *year { Grain::Year } else { Grain::Quarter };
        let spec = TableSpec { aggregate: *aggregate, grain, dimensions: used, b: *b };
        let same =
            |o: &TableSpec| (o.aggregate, o.grain, &o.dimensions) == (*aggregate, grain, &spec.dimensions);
        if !specs.iter().any(same) {
            specs.push(spec);
        }
    }
    let quarters = (1..=quarters).map(|quarter| Period::Quarter(2026, quarter));
    StatisticShape {
        id: "any_shape".parse().unwrap(),
        bound,
        dimensions: dimensions
            .iter()
            .enumerate()
            .map(|(i, (n, home))| dimension(&format!("d{i}"), *n, *home))
            .collect(),
        periods: [Period::Year(2025), Period::Year(2026)].into_iter().chain(quarters).collect(),
        aggregates: std::iter::once(Aggregate::Persons).chain(others).collect(),
        outputs: vec![shows(specs[0].aggregate)],
        tables: specs,
        strategy: shape::Strategy::Tables,
    }
}

/// Any row for the shape, now and then outside its periods, codes or sense.
pub(crate) fn row(shape: &StatisticShape) -> impl Strategy<Value = OwnedRow> + use<> {
    let year = prop::option::weighted(0.9, 0_u32..2);
    let quarters = u32::try_from(shape.n_periods(Grain::Quarter)).unwrap();
    let quarter = prop::option::weighted(0.9, 0..=quarters);
    let codes: Vec<_> = shape
        .dimensions
        .iter()
        .map(|d| prop_oneof![30 => 0..u16::try_from(d.codes.len()).unwrap(), 1 => Just(u16::MAX)])
        .collect();
    let value = prop_oneof![10 => -5_i64..6, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    let n = shape.aggregates.len();
    let values = prop::collection::vec(value, n);
    let counted = prop::collection::vec(prop::bool::weighted(0.8), n);
    (0..4, year, quarter, codes, values, counted).prop_map(
        |(month, year, quarter, codes, values, counted)| OwnedRow {
            month,
            periods: [year, quarter],
            codes,
            values,
            counted,
        },
    )
}

/// One entry of Ξ_B over base cells: n − 1 where codes agree, −1 where they differ, dimension by dimension.
pub(crate) fn residual(
    row: usize,
    dimensions: &[usize],
    sizes: &[usize],
    code: impl Fn(usize) -> usize,
) -> f64 {
    let (mut left, mut entry) = (row, 1.0);
    for d in dimensions.iter().rev() {
        entry *= if left % sizes[*d] == code(*d) { sizes[*d] as f64 - 1.0 } else { -1.0 };
        left /= sizes[*d];
    }
    entry
}
