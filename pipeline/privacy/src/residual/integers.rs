//! From exact tables to the integers that get noise: Ξ_B x_B, component by component.
//!
//! Integer arithmetic throughout; it deliberately lacks floats, noise and any way out but [`crate::sampler::measure`].

use crate::shape::{Component, StatisticShape, TableSpec};

/// Cells are saturated to ± this first, as before any noise (algorithms 2.7): one person moves what is left by no more.
const LARGEST: i128 = 1 << 62;

/// The cells of all components of one statistic, component by component, each row-major over (period, dimensions).
///
/// Claim: what one person moves in a component has squared norm at most [`crate::sensitivity::component`]. Proof: x_B is the
/// marginal of one table, of which a person moves one cell by b·2^f in each period; b divides every sum of such, so 2^f is
/// left, and saturation shortens distances. Ξ_B is linear, and no step of it can overflow: below 2^62 cells, times 2^22
/// codes for sums, times 2^22 for the products of n. Attack: `tests::the_worst_person_reaches_each_claim_and_nobody_passes_it`.
pub(crate) fn integers(shape: &StatisticShape, sums: &[i128]) -> Vec<i128> {
    let components = shape.strategy.components().iter();
    components.flat_map(|component| residual(shape, component, marginal(shape, component, sums))).collect()
}

/// x_B by period, from the smallest table that holds B.
fn marginal(shape: &StatisticShape, component: &Component, sums: &[i128]) -> Vec<i128> {
    let holds = |table: &TableSpec| {
        (table.aggregate, table.grain) == (component.aggregate, component.grain)
            && component.dimensions.iter().all(|d| table.dimensions.contains(d))
    };
    let candidates = shape.tables.iter().enumerate().filter(|(_, table)| holds(table));
    let (index, table) = candidates
        .min_by_key(|(_, table)| shape.n_cells(table))
        .expect("a joint's components are subsets of its tables");
    let b = i128::from(table.b);
    let mut cells = vec![0; shape.n_component_cells(component)];
    let measured = &sums[shape.offset(index)..][..shape.n_cells(table)];
    for (place, sum) in projection(shape, table, component).into_iter().zip(measured) {
        cells[place] += sum.div_euclid(b).clamp(-LARGEST, LARGEST);
    }
    cells
}

/// For each cell of the table the cell of the component that it adds to.
fn projection(shape: &StatisticShape, table: &TableSpec, component: &Component) -> Vec<usize> {
    let mut stride = shape.n_component_cells(component) / shape.n_periods(table.grain);
    let mut places: Vec<usize> = (0..shape.n_periods(table.grain)).map(|period| period * stride).collect();
    for d in &table.dimensions {
        let size = shape.dimensions[*d].codes.len();
        let step = if component.dimensions.contains(d) {
            stride /= size;
            stride
        } else {
            0
        };
        places = places.iter().flat_map(|place| (0..size).map(move |code| place + code * step)).collect();
    }
    places
}

/// n·x less the sum along each axis in turn.
fn residual(shape: &StatisticShape, component: &Component, mut cells: Vec<i128>) -> Vec<i128> {
    let mut inner = 1;
    for d in component.dimensions.iter().rev() {
        let n = shape.dimensions[*d].codes.len();
        for block in cells.chunks_mut(n * inner) {
            let mut sums = vec![0; inner];
            for row in block.chunks(inner) {
                sums.iter_mut().zip(row).for_each(|(sum, cell)| *sum += cell);
            }
            for row in block.chunks_mut(inner) {
                row.iter_mut().zip(&sums).for_each(|(cell, sum)| *cell = *cell * n as i128 - sum);
            }
        }
        inner *= n;
    }
    cells
}
