//! What a cost means in words: (ε, δ), and how well the best guess can do (algorithms 5.3, V1).
//!
//! For reading only. It deliberately lacks decisions: budgets are compared as whole nano-ρ, in the ledger.

use marsad_terms::NanoRho;

/// Where e^ε passes this, plain words say "beyond any bound".
const LARGEST_FACTOR: f64 = 1e300;
/// ln(α − 1) is searched between these: enough for every ρ from 1 to 2^53 nano-ρ and δ from 1e-300.
const LEAST_ORDER: f64 = -30.0;
const LARGEST_ORDER: f64 = 40.0;

/// Bounds on the best guess from even odds, in per cent, rounded up to one decimal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// Whether a person is in the data at all.
    pub membership_percent: f64,
    /// Which of two values an attribute of a person has, from counts and non-negative sums (at 2ρ).
    pub attribute_percent: f64,
    /// The same where a sum may be negative (at 4ρ).
    pub signed_attribute_percent: f64,
}

/// The least ε for δ that ρ-zCDP is known to imply, rounded up to three decimals.
///
/// Claim: ρ-zCDP implies (ε, δ)-DP for what is returned. Proof: every order α > 1 gives a valid ε (Canonne, Kamath,
/// Steinke 2020, arXiv 2004.00010, proposition 12), so a search that misses the best α errs upwards only. Attack: V1.
/// A δ of 1 or more asks for nothing: 0; a δ of 0 cannot be had: infinite.
pub fn epsilon(rho: NanoRho, delta: f64) -> f64 {
    (least_epsilon(rho.rho(), delta) * 1e3).ceil() / 1e3
}

/// e^ε, the factor by which odds can change; `None` beyond 10^300.
pub fn e_to(epsilon: f64) -> Option<f64> {
    Some(epsilon.exp()).filter(|factor| *factor <= LARGEST_FACTOR)
}

/// Success of the best guess from even odds: (1 + TV)/2 with TV ≤ min(√(ρ/2), √(1 − e^−ρ)) (algorithms 5.3).
pub fn guess(rho: NanoRho) -> Guess {
    let percent = |rho: f64| (success(rho) * 100.0 * 10.0).ceil() / 10.0;
    let rho = rho.rho();
    Guess {
        membership_percent: percent(rho),
        attribute_percent: percent(2.0 * rho),
        signed_attribute_percent: percent(4.0 * rho),
    }
}

fn success(rho: f64) -> f64 {
    let by_pinsker = (rho / 2.0).sqrt();
    let by_bretagnolle_huber = (-(-rho).exp_m1()).sqrt();
    f64::midpoint(1.0, by_pinsker.min(by_bretagnolle_huber))
}

fn least_epsilon(rho: f64, delta: f64) -> f64 {
    if rho <= 0.0 || delta >= 1.0 {
        return 0.0;
    }
    if delta <= 0.0 {
        return f64::INFINITY;
    }
    let at = |order: f64| epsilon_at(rho, delta, order);
    let coarse = (0..=700).map(|step| LEAST_ORDER + f64::from(step) * 0.1);
    let near = coarse.fold(LEAST_ORDER, |best, order| if at(order) < at(best) { order } else { best });
    let (mut left, mut right) = ((near - 0.1).max(LEAST_ORDER), (near + 0.1).min(LARGEST_ORDER));
    for _ in 0..100 {
        let third = (right - left) / 3.0;
        if at(left + third) < at(right - third) { right -= third } else { left += third }
    }
    at(f64::midpoint(left, right)).max(0.0)
}

/// ε of one order, with u = α − 1 = e^t: (1+u)ρ + t + (ln(1/δ) − (1+u)·ln(1+u))/u.
fn epsilon_at(rho: f64, delta: f64, order: f64) -> f64 {
    let u = order.exp();
    (1.0 + u) * rho + order + (-delta.ln() - (1.0 + u) * u.ln_1p()) / u
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vector() -> Value {
        serde_json::from_str(include_str!("../testdata/V01_zcdp_conversion.json")).unwrap()
    }

    fn nano(rho: &Value) -> NanoRho {
        rho.to_string().parse().unwrap()
    }

    #[test]
    fn epsilons_are_those_of_v1_and_never_below() {
        for case in vector()["epsilon"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64().unwrap();
            let exact = least_epsilon(number("rho"), number("delta"));
            let above = exact - number("epsilon");
            assert!((-1e-9..1e-6).contains(&above), "{case}: {exact}");
            let printed = epsilon(nano(&case["rho"]), number("delta"));
            assert!((0.0..=0.001).contains(&(printed - exact)), "{case}: {printed}");
        }
        assert!((epsilon(NanoRho::new(100_000_000), 1e-6) - 2.142).abs() < 1e-12);
    }

    #[test]
    fn guesses_are_those_of_v1() {
        for case in vector()["membership_guess"].as_array().unwrap() {
            let rho = nano(&case["rho"]);
            let close = |name: &str, rho: f64| {
                assert!((success(rho) - case[name].as_f64().unwrap()).abs() < 1e-9, "{case}");
            };
            close("guess_bound", rho.rho());
            close("attribute_guess_bound_counts", 2.0 * rho.rho());
            close("attribute_guess_bound_signed_sums", 4.0 * rho.rho());
            let guess = guess(rho);
            let printed = [guess.membership_percent, guess.attribute_percent, guess.signed_attribute_percent];
            let expected = ["membership", "attribute_counts", "attribute_signed_sums"]
                .map(|name| case["printed_per_cent"][name].as_f64().unwrap());
            for (printed, expected) in printed.iter().zip(expected) {
                assert!((printed - expected).abs() < 1e-9, "{case}: {printed}");
            }
        }
    }

    #[test]
    fn the_ends_of_the_scale_are_finite_words() {
        assert!(epsilon(NanoRho::ZERO, 1e-6).abs() < 1e-12);
        assert!(epsilon(NanoRho::new(1), 1e-6) > 0.0 && epsilon(NanoRho::new(1), 1e-6) < 0.01);
        let most = NanoRho::new((1 << 53) - 1);
        assert!(epsilon(most, 1e-6).is_finite() && e_to(epsilon(most, 1e-6)).is_none());
        assert!(guess(most).signed_attribute_percent <= 100.0);
        assert!((guess(NanoRho::ZERO).membership_percent - 50.0).abs() < 1e-12);
        assert!((e_to(1.0).unwrap() - std::f64::consts::E).abs() < 1e-12);
    }
}
