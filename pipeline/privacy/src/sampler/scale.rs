//! The noise scale of a price, by exact rationals and never rounded the wrong way (algorithms 4.1, V10).
//!
//! It deliberately lacks a decision by float: floats are only candidates that exact comparison accepts or moves.

use dashu::integer::IBig;
use dashu::rational::RBig;
use marsad_terms::NanoRho;

use crate::error::Error;

/// The two doubles that the mechanism is built from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Least double whose square is at least Δ².
    pub d_in: f64,
    /// Least double for which the exact cost of `d_in` is within the price.
    pub sigma: f64,
}

impl Scale {
    /// The scale for Δ² at a price.
    ///
    /// Claim: d_in²/(2σ²) ≤ R·10⁻⁹ exactly, hence ρ-zCDP of R. Proof: `sigma` passes `d_in²·10⁹ ≤ 2R·σ²` in exact
    /// rationals, and Δ ≤ d_in likewise. Attack: V10 and `tests::one_ulp_less_would_cost_too_much`.
    ///
    /// # Errors
    /// `ZeroPrice`.
    pub fn new(delta_squared: u128, price: NanoRho) -> Result<Self, Error> {
        if price.get() == 0 {
            return Err(Error::ZeroPrice);
        }
        let delta_squared = RBig::from(IBig::from(delta_squared));
        let d_in = least_root(&delta_squared);
        let twice_rho = RBig::from(2 * u128::from(price.get())) / RBig::from(1_000_000_000_u64);
        let sigma = least_root(&(square(d_in) / twice_rho));
        Ok(Self { d_in, sigma })
    }
}

/// The least double x ≥ 0 with x² ≥ `square_wanted` exactly.
fn least_root(square_wanted: &RBig) -> f64 {
    let mut root = square_wanted.to_f64().value().sqrt();
    while square(root) < *square_wanted {
        root = root.next_up();
    }
    while root > 0.0 && square(root.next_down()) >= *square_wanted {
        root = root.next_down();
    }
    root
}

fn square(value: f64) -> RBig {
    // Finite by construction: roots of 128-bit integers over prices of at least 1e-9.
    let exact = RBig::try_from(value).unwrap_or(RBig::ZERO);
    &exact * &exact
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn hexadecimal_float(text: &str) -> f64 {
        let (mantissa, exponent) = text.strip_prefix("0x1.").unwrap().split_once('p').unwrap();
        let fraction = u64::from_str_radix(mantissa, 16).unwrap();
        let exponent: i64 = exponent.parse().unwrap();
        f64::from_bits((u64::try_from(exponent + 1023).unwrap() << 52) | fraction)
    }

    #[test]
    fn scales_are_the_doubles_of_v10() {
        let vector: Value = serde_json::from_str(include_str!("../../testdata/V10_budget.json")).unwrap();
        for case in vector["sigma"].as_array().unwrap() {
            let delta_squared = u128::from(case["delta_squared"].as_u64().unwrap());
            let scale = Scale::new(delta_squared, NanoRho::new(case["nano_rho"].as_u64().unwrap())).unwrap();
            assert_eq!(scale.d_in.to_bits(), hexadecimal_float(case["d_in_hex"].as_str().unwrap()).to_bits());
            assert_eq!(
                scale.sigma.to_bits(),
                hexadecimal_float(case["sigma_hex"].as_str().unwrap()).to_bits()
            );
        }
    }

    #[test]
    fn prices_round_up_as_v10_says() {
        let vector: Value = serde_json::from_str(include_str!("../../testdata/V10_budget.json")).unwrap();
        for case in vector["nano"].as_array().unwrap() {
            // Exponents are refused at the edge; the vector's one is written out.
            let text = case["rho"].as_str().unwrap().replace("1e-9", "0.000000001");
            assert_eq!(text.parse(), Ok(NanoRho::new(case["nano_rho"].as_u64().unwrap())));
        }
    }

    #[test]
    fn one_ulp_less_would_cost_too_much() {
        for (delta_squared, nano) in
            [(1, 1), (3, 20_000_000), (1 << 70, 7), (u128::MAX, u64::MAX >> 11), (5, 999)]
        {
            let scale = Scale::new(delta_squared, NanoRho::new(nano)).unwrap();
            let within = |d_in: f64, sigma: f64| {
                square(d_in) * RBig::from(1_000_000_000_u64)
                    <= RBig::from(2 * u128::from(nano)) * square(sigma)
            };
            assert!(square(scale.d_in) >= RBig::from(IBig::from(delta_squared)));
            assert!(square(scale.d_in.next_down()) < RBig::from(IBig::from(delta_squared)));
            assert!(within(scale.d_in, scale.sigma) && !within(scale.d_in, scale.sigma.next_down()));
        }
        assert_eq!(Scale::new(1, NanoRho::ZERO), Err(Error::ZeroPrice));
    }
}
