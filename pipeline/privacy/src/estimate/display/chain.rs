//! Rounding down a chain of nested tables by largest remainder (algorithms 8.3, V7).
//!
//! Every cell of the chain is the floor or ceiling of its fitted value, since Σ⌊·⌋ ≤ ⌊parent⌋ ≤ share ≤ ⌈parent⌉ ≤ Σ⌈·⌉
//! at every parent. It deliberately lacks a say over tables outside the chain.

use super::super::workload::{Axes, n_cells};
use super::{ONE, projection};

/// A whole base table from units of 2^−20; the last table of the chain has all axes.
pub(super) fn round(sizes: &[usize], chain: &[Axes], units: &[i128]) -> Vec<i128> {
    let total: i128 = units.iter().sum();
    let mut parents = Level { axes: 0, whole: vec![(2 * total + ONE).div_euclid(2 * ONE)] };
    for axes in chain.iter().filter(|axes| **axes != 0) {
        let places = projection(sizes, *axes);
        let above = projection(sizes, parents.axes);
        let mut sums = vec![0; n_cells(sizes, *axes)];
        let mut parent_of = vec![0; sums.len()];
        for ((place, above), units) in places.iter().zip(above).zip(units) {
            sums[*place as usize] += units;
            parent_of[*place as usize] = above as usize;
        }
        parents = Level { axes: *axes, whole: share(&parents.whole, &parent_of, &sums) };
    }
    if parents.whole.len() == units.len() {
        parents.whole
    } else {
        units.iter().map(|u| u.div_euclid(ONE)).collect()
    }
}

/// One table of the chain, in whole numbers.
struct Level {
    axes: Axes,
    whole: Vec<i128>,
}

/// Shares each parent among its children: floors, then one more by descending fraction, ties by lower place.
pub(super) fn share(parents: &[i128], parent_of: &[usize], units: &[i128]) -> Vec<i128> {
    let mut whole: Vec<i128> = units.iter().map(|units| units.div_euclid(ONE)).collect();
    let mut left = parents.to_vec();
    for (parent, whole) in parent_of.iter().zip(&whole) {
        left[*parent] -= whole;
    }
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|child| std::cmp::Reverse(units[*child].rem_euclid(ONE)));
    for child in order {
        let left = &mut left[parent_of[child]];
        if *left > 0 {
            whole[child] += 1;
            *left -= 1;
        }
    }
    whole
}
