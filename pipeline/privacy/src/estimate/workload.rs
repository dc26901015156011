//! M1: tables over subsets of some axes, reconciled by weighted least squares over residual subspaces (3.2, V2).
//!
//! The space of tables splits orthogonally into one component for each set B of axes; each table sees the components of
//! its subsets, and all see the same one, so inverse-variance weights are the Gauss–Markov estimate component by
//! component. It deliberately lacks periods, persons and privacy: numbers in, numbers out.

use std::collections::BTreeMap;

/// A set of axes, one bit each: of two codes or more, so that the 2^22 cells of a joint hold at most 22. Cells are
/// row-major over ascending axes.
pub(crate) type Axes = u32;

/// r_B by B: the reconciled components of all tables of one slice.
pub(crate) type Residuals = BTreeMap<Axes, Vec<f64>>;

/// Which tables are measured, and how precisely.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    sizes: Vec<usize>,
    tables: Vec<(Axes, f64)>,
    /// p_B over the downward closure.
    precisions: BTreeMap<Axes, f64>,
}

impl Workload {
    /// Axes of the given lengths; each table with the variance of one of its cells.
    pub(crate) fn new(sizes: Vec<usize>, tables: Vec<(Axes, f64)>) -> Self {
        let mut precisions = BTreeMap::new();
        for (axes, variance) in &tables {
            for subset in subsets(*axes) {
                *precisions.entry(subset).or_insert(0.0) += precision(&sizes, *axes, subset, *variance);
            }
        }
        Self { sizes, tables, precisions }
    }

    /// Axes of the given lengths; tables whose components were measured themselves, each with noise of covariance τ_B²·C_B.
    ///
    /// Each table then stands with the variance of its estimate: what a fit of display values weighs it by.
    pub(crate) fn of_components(sizes: Vec<usize>, tables: &[Axes], noise: &BTreeMap<Axes, f64>) -> Self {
        let precisions = noise.iter().map(|(subset, variance)| (*subset, variance.recip())).collect();
        let mut workload = Self { sizes, tables: Vec::new(), precisions };
        workload.tables = tables.iter().map(|axes| (*axes, workload.variance(*axes))).collect();
        workload
    }

    /// The lengths of the axes.
    pub(crate) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The measured tables.
    pub(crate) fn tables(&self) -> &[(Axes, f64)] {
        &self.tables
    }

    /// All axes together.
    pub(crate) fn all_axes(&self) -> Axes {
        (1 << self.sizes.len()) - 1
    }

    /// Reconciles one slice: the cells of each table, in the workload's order.
    ///
    /// Claim: [`Self::table`] of these is the unbiased linear estimate of least variance. Proof: the noise of a table is
    /// white, so its components are uncorrelated; each table sees r_B with a covariance proportional to the same
    /// projection, so inverse variances weigh best (Gauss–Markov, algorithms 3.2). Attack: V2, and
    /// `tests::m1_is_dense_generalised_least_squares`.
    pub(crate) fn residuals(&self, observed: &[Vec<f64>]) -> Residuals {
        let mut residuals = Residuals::new();
        for ((axes, variance), cells) in self.tables.iter().zip(observed) {
            for (subset, part) in decompose(&self.sizes, *axes, cells) {
                let weight = precision(&self.sizes, *axes, subset, *variance) / self.precisions[&subset];
                let sum = residuals.entry(subset).or_insert_with(|| vec![0.0; part.len()]);
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += weight * part);
            }
        }
        residuals
    }

    /// est_A. Components outside the closure count as zero: over more axes this is one of the tables that fit best.
    pub(crate) fn table(&self, residuals: &Residuals, axes: Axes) -> Vec<f64> {
        let mut parts: BTreeMap<Axes, Vec<f64>> = residuals
            .iter()
            .filter(|(subset, _)| *subset & !axes == 0)
            .map(|(subset, part)| (*subset, part.clone()))
            .collect();
        for axis in members(axes) {
            parts = self.merge_axis(parts, axes, axis);
        }
        parts.remove(&0).unwrap_or_else(|| vec![0.0; n_cells(&self.sizes, axes)])
    }

    /// Var of each cell of est_A.
    pub(crate) fn variance(&self, axes: Axes) -> f64 {
        let first = vec![0; self.sizes.len()];
        self.covariance((axes, &first), (axes, &first))
    }

    /// Cov of two cells of reconciled tables; a cell's codes are indexed by axis, those outside its table ignored.
    pub(crate) fn covariance(&self, (a, at): (Axes, &[usize]), (other, elsewhere): (Axes, &[usize])) -> f64 {
        let term = |(subset, precision): (&Axes, &f64)| {
            let agreement: f64 = members(*subset)
                .map(|axis| f64::from(u8::from(at[axis] == elsewhere[axis])) - 1.0 / self.sizes[axis] as f64)
                .product();
            let cells =
                n_cells(&self.sizes, a & !subset) as f64 * n_cells(&self.sizes, other & !subset) as f64;
            agreement / (precision * cells)
        };
        self.precisions.iter().filter(|(subset, _)| *subset & !(a & other) == 0).map(term).sum()
    }

    /// Undoes one step of [`decompose`]: keys hold the axes after `axis` only, arrays all of `axes` up to it.
    fn merge_axis(
        &self,
        mut parts: BTreeMap<Axes, Vec<f64>>,
        axes: Axes,
        axis: usize,
    ) -> BTreeMap<Axes, Vec<f64>> {
        let bit = 1 << axis;
        let n = self.sizes[axis];
        let mut keys: Vec<Axes> = parts.keys().map(|key| key & !bit).collect();
        keys.dedup();
        let outer = n_cells(&self.sizes, axes & (bit - 1));
        let mut merged = BTreeMap::new();
        for key in keys {
            let inner = n_cells(&self.sizes, key);
            let mut cells = parts.remove(&(key | bit)).unwrap_or_else(|| vec![0.0; outer * n * inner]);
            if let Some(sums) = parts.remove(&key) {
                spread(&mut cells, &sums, n, inner);
            }
            merged.insert(key, cells);
        }
        merged
    }
}

/// The number of cells of a table.
pub(crate) fn n_cells(sizes: &[usize], axes: Axes) -> usize {
    members(axes).map(|axis| sizes[axis]).product()
}

/// The axes of a set, ascending.
pub(crate) fn members(axes: Axes) -> impl DoubleEndedIterator<Item = usize> {
    (0..Axes::BITS as usize).filter(move |axis| axes >> axis & 1 == 1)
}

/// All subsets of a set, itself and the empty one included.
pub(crate) fn subsets(axes: Axes) -> impl Iterator<Item = Axes> {
    std::iter::successors(Some(axes), move |subset| subset.checked_sub(1).map(|less| less & axes))
}

/// w_{A,B}
fn precision(sizes: &[usize], axes: Axes, subset: Axes, variance: f64) -> f64 {
    1.0 / (variance * n_cells(sizes, axes & !subset) as f64)
}

/// center_B(sum_{A→B} y) for every B ⊆ A: axis by axis, each part splits into its centred rows and their sum.
fn decompose(sizes: &[usize], axes: Axes, cells: &[f64]) -> Vec<(Axes, Vec<f64>)> {
    let mut parts = vec![(0, cells.to_vec())];
    for axis in members(axes).rev() {
        let split = parts.into_iter().flat_map(|(subset, mut part)| {
            let inner = n_cells(sizes, subset);
            let sums = centre(&mut part, sizes[axis], inner);
            [(subset | 1 << axis, part), (subset, sums)]
        });
        parts = split.collect();
    }
    parts
}

/// center_B(y) of a table over B itself.
pub(crate) fn centred(sizes: &[usize], axes: Axes, mut cells: Vec<f64>) -> Vec<f64> {
    let mut inner = 1;
    for axis in members(axes).rev() {
        centre(&mut cells, sizes[axis], inner);
        inner *= sizes[axis];
    }
    cells
}

/// Subtracts the mean along the middle axis of (outer, n, inner) and returns the sums along it.
fn centre(part: &mut [f64], n: usize, inner: usize) -> Vec<f64> {
    let mut all_sums = Vec::with_capacity(part.len() / n);
    for block in part.chunks_mut(n * inner) {
        let mut sums = vec![0.0; inner];
        for row in block.chunks(inner) {
            sums.iter_mut().zip(row).for_each(|(sum, cell)| *sum += cell);
        }
        for row in block.chunks_mut(inner) {
            row.iter_mut().zip(&sums).for_each(|(cell, sum)| *cell -= sum / n as f64);
        }
        all_sums.extend(sums);
    }
    all_sums
}

/// Adds each sum, in equal parts, to what it is the sum of along the middle axis of (outer, n, inner).
fn spread(cells: &mut [f64], sums: &[f64], n: usize, inner: usize) {
    for (block, sums) in cells.chunks_mut(n * inner).zip(sums.chunks(inner)) {
        for row in block.chunks_mut(inner) {
            row.iter_mut().zip(sums).for_each(|(cell, sum)| *cell += sum / n as f64);
        }
    }
}

#[cfg(test)]
mod tests;
