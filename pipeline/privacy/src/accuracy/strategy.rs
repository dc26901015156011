//! Which strategy would serve stated wishes better: noisy tables (M1) or noisy residuals (M2), and why (algorithms 3.5).
//!
//! Prediction only: releases measure tables. It deliberately lacks a switch.

use std::fmt;

use super::{Wanted, all_unit_sds, choose_b, weights};
use crate::error::Error;
use crate::estimate::family::Family;
use crate::estimate::residual;
use crate::joint::Joint;
use crate::shape::Bound;

/// Below this gain the plain noisy tables, which anyone can check by hand, are preferred.
const WORTH_IT: f64 = 0.05;

/// How a release may be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// M1: the tables themselves, reconciled afterwards.
    Tables,
    /// M2: their residuals, each with the best noise.
    Residuals,
}

/// The better strategy with the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    /// Which.
    pub better: Strategy,
    /// Why.
    pub reason: Reason,
}

/// Why a strategy is preferred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// A person may stand in several cells of one period, and would pay for residuals up to four times.
    NotHomeCells,
    /// By what part residuals make the root of Σ Var/wanted² smaller, at equal ρ.
    Gain {
        /// Than tables with the multipliers as they stand.
        present: f64,
        /// Than tables with the multipliers of [`super::choose_b`]: what decides.
        chosen: f64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHomeCells => {
                f.write_str("residuals need one cell a person and period in every statistic")
            }
            Self::Gain { present, chosen } => write!(
                f,
                "residuals would make errors {:.1} % smaller than tables as they stand, {:.1} % than tables with the \
                 best multipliers; from 5 % on they are preferred",
                present * 100.0,
                chosen * 100.0
            ),
        }
    }
}

/// The strategy that serves the wishes better at equal ρ, by the root of Σ Var/wanted².
///
/// # Errors
/// As [`super::choose_b`].
pub fn prefer(joint: &Joint, wanted: Wanted<'_>) -> Result<Preference, Error> {
    let weights = weights(joint, wanted)?;
    let reason = match predict(joint, &weights, Strategy::Residuals) {
        None => Reason::NotHomeCells,
        Some(residuals) => {
            let tables = predict(joint, &weights, Strategy::Tables).unwrap_or_default();
            let residuals = criterion(&residuals, &weights);
            let gain = |tables: f64| 1.0 - (residuals / tables).sqrt();
            let chosen = gain(choose_b(joint.shapes(), wanted)?.after);
            Reason::Gain { present: gain(criterion(&tables, &weights)), chosen }
        }
    };
    let better = match reason {
        Reason::Gain { chosen, .. } if chosen >= WORTH_IT => Strategy::Residuals,
        _ => Strategy::Tables,
    };
    Ok(Preference { better, reason })
}

/// The variance of each table's cells at ρ = 1; `None` where the strategy would break the bound.
fn predict(joint: &Joint, weights: &[Vec<f64>], strategy: Strategy) -> Option<Vec<Vec<f64>>> {
    let of_noise =
        |sds: Vec<f64>| sds.iter().map(|sd| sd * sd * joint.delta_squared() as f64 / 2.0).collect();
    let mut variances: Vec<Vec<f64>> = all_unit_sds(joint).into_iter().map(of_noise).collect();
    if strategy == Strategy::Tables {
        return Some(variances);
    }
    if joint.shapes().iter().any(|shape| !matches!(shape.bound, Bound::HomeCell)) {
        return None;
    }
    let families = |(i, shape)| Family::all(shape, joint.f()).into_iter().map(move |family| (i, family));
    let families: Vec<(usize, Family)> = joint.shapes().iter().enumerate().flat_map(families).collect();
    let weighted: Vec<(&Family, &[f64])> =
        families.iter().map(|(i, family)| (family, weights[*i].as_slice())).collect();
    for ((statistic, family), components) in families.iter().zip(residual::optimal(&weighted)) {
        for member in &family.members {
            variances[*statistic][member.index] =
                residual::variance(family.sizes(), &components, member.axes);
        }
    }
    Some(variances)
}

fn criterion(variances: &[Vec<f64>], weights: &[Vec<f64>]) -> f64 {
    variances.iter().flatten().zip(weights.iter().flatten()).map(|(variance, weight)| variance * weight).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::accuracy::tests::{examples, shape};
    use crate::shape::StatisticShape;
    use crate::testing;

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_object().unwrap().values().map(|number| number.as_f64().unwrap()).collect()
    }

    #[test]
    fn noise_errors_and_gain_of_residuals_are_those_of_v2() {
        for case in examples() {
            let (shape, _) = shape(&case);
            let joint = Joint::new(vec![shape]).unwrap();
            // V2 weighs each table by what M1 gives.
            let wanted = vec![numbers(&case["table_cell_sd_m1"])];
            let weights = weights(&joint, &wanted).unwrap();
            let found = predict(&joint, &weights, Strategy::Residuals).unwrap();
            for (variance, expected) in found[0].iter().zip(numbers(&case["table_cell_sd_m2"])) {
                let sd = (variance / 0.02).sqrt();
                assert!((sd - expected).abs() < 1e-9 * expected, "{sd} for {expected}");
            }
            let family = &Family::all(&joint.shapes()[0], joint.f())[0];
            let mut noise: Vec<f64> =
                residual::optimal(&[(family, &weights[0])])[0].values().copied().collect();
            let mut expected = numbers(&case["m2_tau2"]);
            noise.sort_by(f64::total_cmp);
            expected.sort_by(f64::total_cmp);
            assert_eq!(noise.len(), expected.len());
            for (noise, expected) in noise.iter().zip(expected) {
                assert!((noise / 0.02 - expected).abs() < 1e-9 * expected);
            }
            let preference = prefer(&joint, &wanted).unwrap();
            let Reason::Gain { present: gain, chosen } = preference.reason else { panic!() };
            assert!(chosen <= gain && chosen > 0.0);
            assert!((gain - case["m2_rms_gain"].as_f64().unwrap()).abs() < 1e-9, "{gain}");
            assert_eq!(preference.better, Strategy::Tables);
        }
    }

    #[test]
    fn multipliers_reach_uneven_wishes_nearly_as_well_and_several_cells_a_person_forbid_them() {
        let (shape, _) = shape(&examples()[0]);
        let three = StatisticShape { periods: testing::plain(Bound::HomeCell).periods, ..shape.clone() };
        let wanted = [vec![1.0, 30.0, 30.0]];
        let one = prefer(&Joint::new(vec![shape]).unwrap(), &wanted).unwrap();
        assert_eq!(one.better, Strategy::Tables);
        // Both strategies pay for each period.
        let more = prefer(&Joint::new(vec![three]).unwrap(), &wanted).unwrap();
        let (Reason::Gain { present, chosen }, Reason::Gain { present: of_three, .. }) =
            (one.reason, more.reason)
        else {
            panic!()
        };
        assert!((present - of_three).abs() < 1e-9);
        assert!(present > 0.1 && chosen > 0.0 && chosen < 0.5 * present, "{present} {chosen}");
        let clipped = testing::plain(Bound::NormClip { c_squared: 4, left_out_cap: 20 });
        let found = prefer(&Joint::new(vec![clipped]).unwrap(), &[vec![1.0]]).unwrap();
        assert_eq!(found, Preference { better: Strategy::Tables, reason: Reason::NotHomeCells });
    }
}
