//! M2: noise chosen for each residual, not for each table; prediction only (algorithms 3.5, V2).
//!
//! Claim: among strategies that measure each component B once with noise of covariance `τ_B²·C_B`, the returned τ_B² make
//! Σ ω·Var least at the given ρ. Proof: Var of A is `Σ_B τ_B²·g_B/N²`, its price `Σ_B P·g_B/(2τ_B²)`; Cauchy–Schwarz. It
//! deliberately lacks the measurement: releases measure tables (M1), and these figures tell what that costs in accuracy.

use std::collections::BTreeMap;

use super::family::Family;
use super::workload::{Axes, members, n_cells, subsets};

/// The noise of each component of one family: τ_B² by B.
pub(crate) type Components = BTreeMap<Axes, f64>;

/// τ_B² of each family of a release whose every person stands in one cell of each period, at ρ = 1, with their ω by table.
///
/// P of a family is its number of periods: a person may pay for each.
pub(crate) fn optimal(families: &[(&Family, &[f64])]) -> Vec<Components> {
    let wanted: Vec<Components> = families.iter().map(|(family, weights)| wishes(family, weights)).collect();
    let price = |family: &Family, subset: Axes| gain(family.sizes(), subset) * family.n_slices() as f64;
    let mut root = 0.0;
    for ((family, _), wanted) in families.iter().zip(&wanted) {
        root += wanted.iter().map(|(subset, v)| (price(family, *subset) * v).sqrt()).sum::<f64>();
    }
    let noise = |(family, wanted): (&Family, &Components)| {
        let component =
            |(subset, v): (&Axes, &f64)| (*subset, (price(family, *subset) / v).sqrt() * root / 2.0);
        wanted.iter().map(component).collect()
    };
    families.iter().map(|(family, _)| *family).zip(&wanted).map(noise).collect()
}

/// Var of each cell of the table over `axes`, by the same synthesis as M1's.
pub(crate) fn variance(sizes: &[usize], components: &Components, axes: Axes) -> f64 {
    let term = |subset: Axes| {
        components[&subset] * gain(sizes, subset) / (n_cells(sizes, axes & !subset) as f64).powi(2)
    };
    subsets(axes).map(term).sum()
}

/// v_B over the downward closure: what Σ ω·Var gains from a unit of τ_B².
fn wishes(family: &Family, weights: &[f64]) -> Components {
    let mut wishes = Components::new();
    for member in &family.members {
        for subset in subsets(member.axes) {
            let cells = n_cells(family.sizes(), member.axes & !subset) as f64;
            *wishes.entry(subset).or_insert(0.0) +=
                weights[member.index] * gain(family.sizes(), subset) / (cells * cells);
        }
    }
    wishes
}

/// g_B: the product of 1 − 1/n over the axes, all of two codes or more.
fn gain(sizes: &[usize], subset: Axes) -> f64 {
    members(subset).map(|axis| 1.0 - 1.0 / sizes[axis] as f64).product()
}
