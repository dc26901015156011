//! The components of a statistic: every subset of every table's dimensions, once for each aggregate and grain.
//!
//! From the shape alone. It deliberately lacks figures and prices.

use std::collections::BTreeMap;

use marsad_terms::Grain;

use crate::error::Error;
use crate::estimate::family::Family;
use crate::estimate::workload::{Axes, members, n_cells, subsets};
use crate::shape::{Bound, Component, StatisticShape, Strategy};

/// Aggregate, grain and dimensions of a component: what orders them.
type Key = (usize, Grain, Vec<usize>);

/// All components of a statistic with what they weigh in each table's cells.
#[derive(Clone, Debug)]
pub(crate) struct Components {
    keys: Vec<Key>,
    /// P·g_B: the price of a component is this over 2τ_B².
    pub(super) prices: Vec<f64>,
    /// By table: the components of its subsets, each with what a unit of τ_B² adds to the variance of a cell.
    pub(super) tables: Vec<Vec<(usize, f64)>>,
}

impl Components {
    /// Those that the tables of a shape need.
    pub(crate) fn of(shape: &StatisticShape) -> Self {
        let families = Family::all(shape, 0);
        let key = |family: &Family, subset: Axes| -> Key {
            let dimensions = members(subset).map(|axis| family.dimensions()[axis]).collect();
            (family.aggregate, family.grain, dimensions)
        };
        let mut gains: BTreeMap<Key, f64> = BTreeMap::new();
        for family in &families {
            let all = family.members.iter().flat_map(|member| subsets(member.axes));
            let periods = shape.n_periods(family.grain) as f64;
            gains.extend(
                all.map(|subset| (key(family, subset), periods * centred_part(family.sizes(), subset))),
            );
        }
        let keys: Vec<Key> = gains.keys().cloned().collect();
        let place = |key: &Key| keys.binary_search(key).expect("each subset of a table is a component");
        let mut tables = vec![Vec::new(); shape.tables.len()];
        for family in &families {
            for member in &family.members {
                let weigh = |subset: Axes| {
                    let spread = n_cells(family.sizes(), member.axes & !subset) as f64;
                    let weight = centred_part(family.sizes(), subset) / (spread * spread);
                    (place(&key(family, subset)), weight)
                };
                tables[member.index] = subsets(member.axes).map(weigh).collect();
            }
        }
        Self { prices: gains.into_values().collect(), keys, tables }
    }

    /// The strategy that measures them with these shares.
    pub(super) fn with_shares(&self, shares: impl Iterator<Item = u32>) -> Strategy {
        let component = |((aggregate, grain, dimensions), share): (&Key, u32)| Component {
            aggregate: *aggregate,
            grain: *grain,
            dimensions: dimensions.clone(),
            share,
        };
        Strategy::Residuals { components: self.keys.iter().zip(shares).map(component).collect() }
    }

    /// Refuses what the proof of [`crate::sensitivity::component`] does not cover, and a list that is not all components.
    pub(crate) fn check(shape: &StatisticShape) -> Result<(), Error> {
        let fault = |what| Err(Error::Shape { statistic: shape.id.clone(), what });
        let Strategy::Residuals { components } = &shape.strategy else { return Ok(()) };
        if !matches!(shape.bound, Bound::HomeCell) {
            return fault("residuals need one cell a person and period, as `home_cell` gives");
        }
        let key = |c: &Component| -> Key { (c.aggregate, c.grain, c.dimensions.clone()) };
        if !components.iter().map(key).eq(Self::of(shape).keys) {
            return fault("its residual components are not those of its tables");
        }
        if components.iter().any(|component| component.share == 0) {
            return fault("a residual component has no share of the price");
        }
        Ok(())
    }
}

/// g_B: the product of 1 − 1/n over the axes, all of two codes or more.
fn centred_part(sizes: &[usize], subset: Axes) -> f64 {
    members(subset).map(|axis| 1.0 - 1.0 / sizes[axis] as f64).product()
}
