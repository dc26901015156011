//! What a release measured of one family, slice by slice: noisy tables, or noisy residuals (algorithms 3.2, 3.5).
//!
//! Both give the same: reconciled components with exact covariances. It deliberately lacks intervals and display values.

use std::collections::BTreeMap;

use super::family::{Family, Member};
use super::workload::{Axes, Residuals, Workload, centred, n_cells};
use crate::noisy_table::NoisyTable;
use crate::shape::{Component, StatisticShape};

/// One family of one statistic of a release.
pub(crate) struct Slices<'a> {
    pub(crate) family: &'a Family,
    pub(crate) workload: Workload,
    noisy: &'a NoisyTable,
    statistic: usize,
}

/// One slice, reconciled.
pub(crate) struct Slice {
    /// r_B by B.
    pub(crate) residuals: Residuals,
    /// The tables as they were measured, or, where residuals were, as these give them.
    pub(crate) observed: Vec<Vec<f64>>,
}

impl Slice {
    /// The tables' estimates. A lone noisy table is its own estimate, to the last bit.
    pub(crate) fn estimates(&self, family: &Family, workload: &Workload) -> Vec<Vec<f64>> {
        if let [alone] = self.observed.as_slice() {
            return vec![alone.clone()];
        }
        let table = |member: &Member| workload.table(&self.residuals, member.axes);
        family.members.iter().map(table).collect()
    }
}

impl<'a> Slices<'a> {
    pub(crate) fn new(family: &'a Family, noisy: &'a NoisyTable, statistic: usize) -> Self {
        let shape = &noisy.shapes()[statistic];
        let workload = if shape.strategy.is_tables() {
            family.workload(noisy.sigma())
        } else {
            let tables: Vec<Axes> = family.members.iter().map(|member| member.axes).collect();
            let noise = own(family, shape, noisy, statistic)
                .map(|(axes, _, sigma)| (axes, (sigma * unit(family, noisy, axes)).powi(2)));
            Workload::of_components(family.sizes().to_vec(), &tables, &noise.collect())
        };
        Self { family, workload, noisy, statistic }
    }

    /// Reconciles one slice.
    pub(crate) fn slice(&self, slice: usize) -> Slice {
        if self.noisy.shapes()[self.statistic].strategy.is_tables() {
            let cells = |member: &Member| self.noisy.cells(self.statistic, member.index);
            let observe = |member: &Member| member.observe(cells(member), slice);
            let observed: Vec<Vec<f64>> = self.family.members.iter().map(observe).collect();
            return Slice { residuals: self.workload.residuals(&observed), observed };
        }
        let residuals = self.measured(slice);
        let table = |member: &Member| self.workload.table(&residuals, member.axes);
        let observed = self.family.members.iter().map(table).collect();
        Slice { residuals, observed }
    }

    /// r_B = center_B(y)/Π n, of what was measured itself.
    fn measured(&self, slice: usize) -> Residuals {
        let shape = &self.noisy.shapes()[self.statistic];
        let mut residuals = BTreeMap::new();
        for (axes, cells, _) in own(self.family, shape, self.noisy, self.statistic) {
            let unit = unit(self.family, self.noisy, axes);
            let n = n_cells(self.family.sizes(), axes);
            let own = cells[slice * n..][..n].iter().map(|cell| *cell as f64 * unit).collect();
            residuals.insert(axes, centred(self.family.sizes(), axes, own));
        }
        residuals
    }
}

/// What one unit of a component's integers is worth after the division by Π n.
fn unit(family: &Family, noisy: &NoisyTable, axes: Axes) -> f64 {
    1.0 / (n_cells(family.sizes(), axes) as f64 * f64::from(1_u32 << noisy.f()))
}

/// The components of a family: axes, noisy cells of all periods, σ of their integers.
fn own<'a>(
    family: &'a Family,
    shape: &'a StatisticShape,
    noisy: &'a NoisyTable,
    statistic: usize,
) -> impl Iterator<Item = (Axes, &'a [i64], f64)> {
    let parts = &noisy.spend().residuals[statistic];
    let all = shape.strategy.components().iter().zip(noisy.residuals(statistic)).zip(parts);
    let is_own = |c: &Component| (c.aggregate, c.grain) == (family.aggregate, family.grain);
    all.filter(move |((component, _), _)| is_own(component)).map(move |((component, cells), part)| {
        let place = |d: &usize| family.dimensions().iter().position(|axis| axis == d);
        let axes = component.dimensions.iter().filter_map(place).map(|axis| 1 << axis).sum();
        (axes, cells, part.scale.sigma)
    })
}
