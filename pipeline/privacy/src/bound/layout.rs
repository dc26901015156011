//! Where a row's figures go: the tables of a statistic as strides, fixed before any row is seen.
//!
//! It deliberately lacks rows and figures.

use std::sync::Arc;

use marsad_terms::Grain;

use crate::shape::{Aggregate, StatisticShape};

/// What one table does with the rows of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// One, however many rows.
    Persons,
    /// As many as there are rows.
    Rows,
    /// The sum of the rows' whole steps.
    Sum,
}

/// One table of the vector.
pub(super) struct TablePlan {
    pub(super) start: usize,
    pub(super) period_stride: usize,
    pub(super) strides: Vec<(usize, usize)>,
    pub(super) aggregate: usize,
    pub(super) counting: Counting,
    pub(super) b: i128,
}

impl TablePlan {
    /// The coordinate of a cell.
    pub(super) fn cell(&self, period: u32, codes: &[u16]) -> usize {
        let inside: usize = self.strides.iter().map(|(d, stride)| usize::from(codes[*d]) * stride).sum();
        self.start_of(period as usize) + inside
    }

    /// The coordinate of a period's first cell.
    pub(super) fn start_of(&self, period: usize) -> usize {
        self.start + period * self.period_stride
    }

    /// The bit of a row's mask that says whether it counts here.
    pub(super) fn bit(&self) -> u64 {
        1 << self.aggregate
    }
}

/// All tables of one grain.
pub(super) struct GrainPlan {
    pub(super) tables: Vec<TablePlan>,
    /// The texts of its periods, as tags hold them.
    pub(super) periods: Vec<String>,
    /// Dimensions of its tables together, ascending: the attributes of a base cell.
    pub(super) base: Vec<usize>,
    /// Dimensions of a base cell of which a person has one value a period.
    pub(super) homes: Vec<usize>,
    /// Aggregates of distinct persons, as bits of a row's mask.
    pub(super) persons: u64,
    /// Aggregates of rows, as bits of a row's mask.
    pub(super) events: u64,
}

/// The plans of both grains: years, then quarters.
pub(super) struct Layout {
    pub(super) shape: Arc<StatisticShape>,
    /// Codes of each dimension.
    pub(super) sizes: Vec<usize>,
    pub(super) grains: [GrainPlan; 2],
    pub(super) n_coordinates: usize,
}

impl Layout {
    pub(super) fn new(shape: Arc<StatisticShape>) -> Self {
        let grains = Grain::ALL.map(|grain| grain_plan(&shape, grain));
        let n_coordinates = shape.n_coordinates();
        let sizes = shape.dimensions.iter().map(|dimension| dimension.codes.len()).collect();
        Self { shape, sizes, grains, n_coordinates }
    }
}

fn grain_plan(shape: &StatisticShape, grain: Grain) -> GrainPlan {
    let indices: Vec<usize> = (0..shape.tables.len()).filter(|i| shape.tables[*i].grain == grain).collect();
    let tables: Vec<TablePlan> = indices.iter().map(|index| table_plan(shape, *index)).collect();
    let mut base: Vec<usize> =
        indices.iter().flat_map(|i| shape.tables[*i].dimensions.iter().copied()).collect();
    base.sort_unstable();
    base.dedup();
    let bits = |persons: bool| {
        let of_kind = tables.iter().filter(|table| (table.counting == Counting::Persons) == persons);
        of_kind.fold(0, |bits, table| bits | table.bit())
    };
    GrainPlan {
        periods: shape.periods_of(grain).iter().map(ToString::to_string).collect(),
        homes: base.iter().copied().filter(|d| !shape.is_multi_valued(*d)).collect(),
        persons: bits(true),
        events: bits(false),
        base,
        tables,
    }
}

fn table_plan(shape: &StatisticShape, index: usize) -> TablePlan {
    let table = &shape.tables[index];
    let mut strides = Vec::with_capacity(table.dimensions.len());
    let mut stride = 1;
    for dimension in table.dimensions.iter().rev() {
        strides.push((*dimension, stride));
        stride *= shape.dimensions[*dimension].codes.len();
    }
    TablePlan {
        start: shape.offset(index),
        period_stride: stride,
        strides,
        aggregate: table.aggregate,
        counting: match shape.aggregates[table.aggregate] {
            Aggregate::Persons => Counting::Persons,
            Aggregate::Rows => Counting::Rows,
            Aggregate::Sum(_) => Counting::Sum,
        },
        b: i128::from(table.b),
    }
}
