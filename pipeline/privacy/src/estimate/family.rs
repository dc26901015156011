//! Families: the tables of a statistic that are marginals of one base table, slice by slice (algorithms 2.6).
//!
//! A slice is one period with one code of each multi-valued dimension: a person may stand in several slices, so nothing
//! is reconciled across them. It deliberately lacks estimates.

use std::collections::BTreeMap;

use marsad_terms::Grain;

use super::workload::{Axes, Workload};
use crate::shape::{Aggregate, StatisticShape, TableSpec};

/// The tables of one aggregate, one grain and equal multi-valued dimensions M.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) aggregate: usize,
    pub(crate) grain: Grain,
    /// M, the period apart.
    pub(crate) multi_valued: Vec<usize>,
    /// Its tables.
    pub(crate) members: Vec<Member>,
    /// Its axes: single-valued dimensions of two codes or more, as indices into the shape's.
    dimensions: Vec<usize>,
    /// Their lengths.
    sizes: Vec<usize>,
    n_periods: usize,
    n_slices: usize,
}

/// One table of a family.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Index into [`StatisticShape::tables`].
    pub(crate) index: usize,
    /// Its axes in the family.
    pub(crate) axes: Axes,
    /// What one unit of its integers is worth: step/(b·2^f).
    pub(crate) unit: f64,
    /// Where each slice starts in the table.
    starts: Vec<usize>,
    /// Where each cell of a slice lies from there.
    offsets: Vec<usize>,
}

impl Family {
    /// The families of a statistic, for figures of f fixed-point digits.
    pub(crate) fn all(shape: &StatisticShape, f: u32) -> Vec<Self> {
        groups(shape).into_iter().map(|(key, tables)| Self::new(shape, f, key, &tables)).collect()
    }

    fn new(shape: &StatisticShape, f: u32, (aggregate, grain, multi_valued): Key, tables: &[usize]) -> Self {
        let n_codes = |d: &usize| shape.dimensions[*d].codes.len();
        let axes = axes(shape, &multi_valued, tables);
        let n_periods = shape.n_periods(grain);
        let members = tables.iter().map(|index| member(shape, f, *index, &multi_valued, &axes)).collect();
        Self {
            aggregate,
            grain,
            members,
            sizes: axes.iter().map(n_codes).collect(),
            dimensions: axes,
            n_periods,
            n_slices: n_periods * multi_valued.iter().map(n_codes).product::<usize>(),
            multi_valued,
        }
    }

    /// What is measured in each slice, with noise of standard deviation `sigma` on the integers.
    pub(crate) fn workload(&self, sigma: f64) -> Workload {
        let table = |member: &Member| (member.axes, (sigma * member.unit).powi(2));
        Workload::new(self.sizes.clone(), self.members.iter().map(table).collect())
    }

    /// The variance of each member's cells for noise of variance 1 on the integers, by table.
    pub(crate) fn unit_variances(&self) -> impl Iterator<Item = (usize, f64)> {
        let workload = self.workload(1.0);
        self.members.iter().map(move |member| (member.index, workload.variance(member.axes)))
    }

    /// Its axes, as indices into the shape's dimensions.
    pub(crate) fn dimensions(&self) -> &[usize] {
        &self.dimensions
    }

    /// The lengths of its axes.
    pub(crate) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// How many slices there are: all periods times all codes of M.
    pub(crate) fn n_slices(&self) -> usize {
        self.n_slices
    }

    /// The period of a slice.
    pub(crate) fn period(&self, slice: usize) -> usize {
        slice * self.n_periods / self.n_slices
    }
}

impl Member {
    /// The noisy cells of one slice, in units of the statistic.
    pub(crate) fn observe(&self, cells: &[i64], slice: usize) -> Vec<f64> {
        self.places(slice).map(|place| cells[place] as f64 * self.unit).collect()
    }

    /// The coordinates of a slice's cells in the table.
    pub(crate) fn places(&self, slice: usize) -> impl Iterator<Item = usize> {
        let start = self.starts[slice];
        self.offsets.iter().map(move |offset| start + offset)
    }
}

/// Aggregate, grain and M of a family.
type Key = (usize, Grain, Vec<usize>);

fn groups(shape: &StatisticShape) -> BTreeMap<Key, Vec<usize>> {
    let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (index, table) in shape.tables.iter().enumerate() {
        let key = (table.aggregate, table.grain, multi_valued(shape, table));
        groups.entry(key).or_default().push(index);
    }
    groups
}

/// The dimensions of each family's slices, as a joint's check needs them.
pub(crate) fn base_axes(shape: &StatisticShape) -> Vec<Vec<usize>> {
    groups(shape)
        .into_iter()
        .map(|((_, _, multi_valued), tables)| axes(shape, &multi_valued, &tables))
        .collect()
}

/// The single-valued dimensions of some tables, ascending. One of a single code is left out: it changes nothing.
fn axes(shape: &StatisticShape, multi_valued: &[usize], tables: &[usize]) -> Vec<usize> {
    let dimensions = tables.iter().flat_map(|index| &shape.tables[*index].dimensions);
    let varies = |d: &&usize| !multi_valued.contains(d) && shape.dimensions[**d].codes.len() > 1;
    let mut axes: Vec<usize> = dimensions.filter(varies).copied().collect();
    axes.sort_unstable();
    axes.dedup();
    axes
}

/// M of one table. Rows and sums are additive over everything but the period (algorithms 2.6).
fn multi_valued(shape: &StatisticShape, table: &TableSpec) -> Vec<usize> {
    match shape.aggregates[table.aggregate] {
        Aggregate::Persons => shape.multi_valued_of(table),
        Aggregate::Rows | Aggregate::Sum(_) => Vec::new(),
    }
}

/// Whether an aggregate cannot be negative, so that its intervals and display values are cut at 0.
pub(crate) fn is_non_negative(aggregate: &Aggregate) -> bool {
    match aggregate {
        Aggregate::Persons | Aggregate::Rows => true,
        Aggregate::Sum(measure) => measure.lower.parse::<f64>().is_ok_and(|lower| lower >= 0.0),
    }
}

/// What one unit of a table's integers is worth: step/(b·2^f).
pub(crate) fn unit(shape: &StatisticShape, table: &TableSpec, f: u32) -> f64 {
    let step = match &shape.aggregates[table.aggregate] {
        Aggregate::Persons | Aggregate::Rows => 1.0,
        // A joint's measures are plain decimals.
        Aggregate::Sum(measure) => measure.step.parse().unwrap_or(1.0),
    };
    step / (f64::from(table.b) * f64::from(1_u32 << f))
}

fn member(shape: &StatisticShape, f: u32, index: usize, multi_valued: &[usize], axes: &[usize]) -> Member {
    let table = &shape.tables[index];
    let sizes = shape.sizes(table);
    let mut stride = shape.n_cells(table);
    let mut outer = Vec::new();
    let mut inner = Vec::new();
    let mut mask = 0;
    let attributes = std::iter::once(None).chain(table.dimensions.iter().map(Some));
    for (dimension, size) in attributes.zip(sizes) {
        stride /= size;
        let axis = dimension.and_then(|d| axes.iter().position(|axis| axis == d));
        if dimension.is_none_or(|d| multi_valued.contains(d)) {
            outer.push((size, stride));
        } else if let Some(axis) = axis {
            inner.push((size, stride));
            mask |= 1 << axis;
        }
    }
    let unit = unit(shape, table, f);
    Member { index, axes: mask, unit, starts: places(&outer), offsets: places(&inner) }
}

/// Row-major places of all cells over attributes of (length, stride).
fn places(attributes: &[(usize, usize)]) -> Vec<usize> {
    attributes.iter().fold(vec![0], |starts, (size, stride)| {
        starts.iter().flat_map(|start| (0..*size).map(move |code| start + code * stride)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Bound, HomeRule};
    use crate::testing;

    #[test]
    fn persons_split_by_their_multi_valued_dimensions_and_rows_do_not() {
        let mut shape = testing::plain(Bound::NormClip { c_squared: 9, left_out_cap: 20 });
        shape.dimensions.push(testing::dimension("service", 2, None));
        shape.dimensions.push(testing::dimension("sex", 4, Some(HomeRule::MostRecent)));
        shape.aggregates.push(Aggregate::Rows);
        let table = |aggregate, dimensions: &[usize]| TableSpec {
            aggregate,
            grain: Grain::Quarter,
            dimensions: dimensions.to_vec(),
            b: 1,
        };
        let sets: [&[usize]; 4] = [&[], &[0], &[1], &[0, 1, 2]];
        shape.tables = (0..2).flat_map(|a| sets.map(|set| table(a, set))).collect();
        let families = Family::all(&shape, 16);
        let found: Vec<(usize, Vec<usize>, usize, Vec<usize>)> = families
            .iter()
            .map(|f| {
                let tables = f.members.iter().map(|m| m.index).collect();
                (f.aggregate, f.multi_valued.clone(), f.n_slices(), tables)
            })
            .collect();
        assert_eq!(
            found,
            [(0, vec![], 3, vec![0, 1]), (0, vec![1], 6, vec![2, 3]), (1, vec![], 3, vec![4, 5, 6, 7])]
        );
        // Cells of (quarter, region, service, sex) in the slice of quarter 2 and service 1.
        let split = &families[1].members[1];
        let slice = 2 * 2 + 1;
        assert_eq!(families[1].period(slice), 2);
        let expected: Vec<usize> =
            (0..3).flat_map(|region| (0..4).map(move |sex| ((2 * 3 + region) * 2 + 1) * 4 + sex)).collect();
        assert_eq!(split.places(slice).collect::<Vec<_>>(), expected);
    }
}
