//! The two factors of the prefix sum: weights r_k before the noise, l_k after it (algorithms 6).
//!
//! The matrix of running sums is M·M with M lower triangular and constant along its diagonals, c_k = C(2k, k)/4^k. Before the
//! noise c is rounded to integers r, so that sums stay exact; afterwards l undoes just these integers. It deliberately lacks
//! persons and noise.

/// Fixed-point digits of r.
const DIGITS: u32 = 20;

/// r_k = round(2^20·c_k) for k < n, exactly: c_k = c_{k−1}·(2k−1)/(2k).
pub(crate) fn factors(n: u32) -> Vec<u64> {
    // c_k as a fraction grows, but its first 120 binary digits decide a rounding to 20: c_k is no dyadic half.
    let mut c = 1_u128 << 100;
    let mut factors = Vec::with_capacity(n as usize);
    for k in 0..u128::from(n) {
        if k > 0 {
            c = c * (2 * k - 1) / (2 * k);
        }
        let rounded = (c + (1 << (99 - DIGITS))) >> (100 - DIGITS);
        factors.push(u64::try_from(rounded).unwrap_or(u64::MAX));
    }
    factors
}

/// l: the power series of (1−q)^{-1}/R(q), first n coefficients; `ŝ_t = (1/b)·Σ l_{t−k}·y_k`.
pub(crate) fn inverse(n: u32) -> Vec<f64> {
    let r: Vec<f64> = factors(n).into_iter().map(|r| r as f64).collect();
    let mut inverse: Vec<f64> = Vec::with_capacity(r.len());
    for t in 0..r.len() {
        // R·l = 1/(1−q): every coefficient of the product is 1.
        let before: f64 = (0..t).map(|k| inverse[k] * r[t - k]).sum();
        inverse.push((1.0 - before) / r[0]);
    }
    inverse
}

/// Σ_{k≤t} l_k² for each t: the variance of a running total for noise of variance 1 on the integers of a table with b = 1.
pub(crate) fn variance_factors(n: u32) -> Vec<f64> {
    let squares = inverse(n).into_iter().scan(0.0, |sum, l| {
        *sum += l * l;
        Some(*sum)
    });
    squares.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }

    #[test]
    fn factors_and_variances_are_those_of_v5() {
        let vector: Value = serde_json::from_str(include_str!("../../testdata/V05_toeplitz.json")).unwrap();
        for case in vector["horizons"].as_array().unwrap() {
            let n = u32::try_from(case["horizon"].as_u64().unwrap()).unwrap();
            let expected: Vec<u64> =
                case["r"].as_array().unwrap().iter().map(|r| r.as_u64().unwrap()).collect();
            let found = factors(n);
            assert_eq!(found, expected);
            let delta_squared: u128 = found.iter().map(|r| u128::from(r * r)).sum();
            assert_eq!(delta_squared.to_string(), case["delta_squared"].as_str().unwrap());
            // At ρ = 1: σ² = Δ²/2.
            let variances = variance_factors(n);
            for (factor, expected) in variances.iter().zip(numbers(&case["cumulative_variance_at_rho_1"])) {
                let found = factor * delta_squared as f64 / 2.0;
                assert!((found - expected).abs() <= 1e-9 * expected, "{n}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn the_second_factor_undoes_the_first() {
        let (r, l) = (factors(40), inverse(40));
        for t in 0..40 {
            let product: f64 = (0..=t).map(|k| l[t - k] * r[k] as f64).sum();
            assert!((product - 1.0).abs() < 1e-12, "{t}");
        }
    }
}
