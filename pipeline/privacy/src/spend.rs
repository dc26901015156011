//! How the one price of a release is shared by what gets noise of its own: the vector of tables, and each residual
//! component (algorithms 3.5, 5.4).
//!
//! Shares are whole nano-ρ; it deliberately lacks floats in every decision. Without residuals all is one part, as if this
//! page did not exist.

use dashu::integer::UBig;
use marsad_terms::NanoRho;

use crate::error::Error;
use crate::joint::Joint;
use crate::sampler::Scale;
use crate::sensitivity;
use crate::shape::StatisticShape;

/// One vector with one noise scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Its squared sensitivity in integer units.
    pub delta_squared: u128,
    /// What it may cost.
    pub price: NanoRho,
    /// d_in and σ for both.
    pub scale: Scale,
}

/// What each part of a release pays.
///
/// Claim: noise of these scales on all parts together is ρ-zCDP of the release's price. Proof: each part is ρ-zCDP of its
/// own price by [`Scale::new`] and its Δ² ([`sensitivity::joint`] over the statistics measured as tables,
/// [`sensitivity::component`] for a component); parts have independent noise, so their costs add (Bun, Steinke 2016, lemma
/// 1.7); and [`divided`] makes prices that add up to the whole, never to more. Attack: `tests`,
/// `residual::tests::the_worst_person_reaches_each_claim_and_nobody_passes_it`, and the audit, whose worst person reaches
/// every part's Δ at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Spend {
    /// All statistics measured as tables, as one vector; `None` where there is none.
    pub tables: Option<Part>,
    /// By statistic: the parts of its components in their order; empty where its tables are measured.
    pub residuals: Vec<Vec<Part>>,
}

impl Spend {
    /// Shares the price: by statistic in proportion to the Δ² that its tables have, so that whoever stays with tables has
    /// the same noise beside residuals as beside tables; within a statistic by the components' declared shares.
    ///
    /// # Errors
    /// `ZeroPrice` where a part would get nothing.
    pub fn new(joint: &Joint, price: NanoRho) -> Result<Self, Error> {
        let shapes = joint.shapes();
        let deltas = shapes.iter().map(|shape| sensitivity::statistic(shape, joint.f()));
        let deltas: Vec<u128> = deltas.collect::<Result<_, _>>()?;
        let of_tables = |(shape, _): &(&StatisticShape, &u128)| shape.strategy.is_tables();
        let (tables, residuals): (Vec<_>, Vec<_>) = shapes.iter().zip(&deltas).partition(of_tables);
        let joint_delta: u128 = tables.iter().map(|(_, delta)| **delta).sum();
        let has_tables = !tables.is_empty();
        let weights = has_tables.then_some(joint_delta).into_iter();
        let weights: Vec<u128> = weights.chain(residuals.iter().map(|(_, delta)| **delta)).collect();
        let mut prices = divided(price, &weights).into_iter();
        let mut next = || prices.next().unwrap_or(NanoRho::ZERO);
        let tables = if has_tables { Some(Part::new(joint_delta, next())?) } else { None };
        let residuals = shapes.iter().map(|shape| match shape.strategy.is_tables() {
            true => Ok(Vec::new()),
            false => components(shape, joint.f(), next()),
        });
        Ok(Self { tables, residuals: residuals.collect::<Result<_, _>>()? })
    }

    /// What one statistic with residuals pays in all.
    pub fn of_residuals(&self, statistic: usize) -> NanoRho {
        NanoRho::new(self.residuals[statistic].iter().map(|part| part.price.get()).sum())
    }

    /// All parts.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.tables.iter().chain(self.residuals.iter().flatten())
    }
}

impl Part {
    fn new(delta_squared: u128, price: NanoRho) -> Result<Self, Error> {
        Ok(Self { delta_squared, price, scale: Scale::new(delta_squared, price)? })
    }
}

fn components(shape: &StatisticShape, f: u32, price: NanoRho) -> Result<Vec<Part>, Error> {
    let components = shape.strategy.components();
    let shares: Vec<u128> = components.iter().map(|component| u128::from(component.share)).collect();
    let prices = divided(price, &shares);
    let part = |(component, price)| Part::new(sensitivity::component(shape, component, f)?, price);
    components.iter().zip(prices).map(part).collect()
}

/// Shares a whole amount by weights: each gets its floor, the first also what floors leave. Adds up exactly.
fn divided(total: NanoRho, weights: &[u128]) -> Vec<NanoRho> {
    let sum: UBig = weights.iter().map(|weight| UBig::from(*weight)).fold(UBig::ZERO, |sum, w| sum + w);
    let floor = |weight: &u128| {
        let exact = UBig::from(total.get()) * UBig::from(*weight) / &sum;
        u64::try_from(exact).expect("no more than the total")
    };
    let mut shares: Vec<u64> =
        if sum == UBig::ZERO { vec![0; weights.len()] } else { weights.iter().map(floor).collect() };
    let rest = total.get() - shares.iter().sum::<u64>();
    if let Some(first) = shares.first_mut() {
        *first += rest;
    }
    shares.into_iter().map(NanoRho::new).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_add_up_to_the_whole_and_are_never_below_their_floor(
            total in any::<u64>(),
            weights in prop::collection::vec(any::<u128>(), 1..9),
        ) {
            let shares = divided(NanoRho::new(total), &weights);
            prop_assert_eq!(shares.iter().map(|share| u128::from(share.get())).sum::<u128>(), u128::from(total));
            let sum: f64 = weights.iter().map(|weight| *weight as f64).sum();
            for (share, weight) in shares.iter().zip(&weights) {
                let exact = total as f64 * (*weight as f64 / sum);
                prop_assert!(share.get() as f64 >= (exact * (1.0 - 1e-9) - 1.0).floor());
            }
        }
    }

    #[test]
    fn what_floors_leave_goes_to_the_first() {
        let of = |total, weights: &[u128]| {
            divided(NanoRho::new(total), weights).into_iter().map(NanoRho::get).collect::<Vec<_>>()
        };
        assert_eq!(of(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(of(7, &[u128::MAX, u128::MAX]), [4, 3]);
        assert_eq!(of(7, &[0, 0]), [7, 0]);
        assert_eq!(of(7, &[]), Vec::<u64>::new());
    }
}
