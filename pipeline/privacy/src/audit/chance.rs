//! Normal tails and quantiles, and the Clopper–Pearson limit of a share: what chance alone would do.
//!
//! It deliberately lacks tables: series and continued fraction to full precision, inverses by bisection.

use std::f64::consts::PI;

/// P(Z > x) of the standard normal.
pub(super) fn tail(x: f64) -> f64 {
    if x < 0.0 {
        return 1.0 - tail(-x);
    }
    let density = (-x * x / 2.0).exp() / (2.0 * PI).sqrt();
    if x > 2.0 {
        // x + 1/(x + 2/(x + 3/…)), from far inside.
        return density / (1..=300).rev().fold(x, |inner, k| x + f64::from(k) / inner);
    }
    // x + x³/3 + x⁵/(3·5) + …
    let (mut term, mut sum) = (x, x);
    for odd in (3..=99).step_by(2) {
        term *= x * x / f64::from(odd);
        sum += term;
    }
    0.5 - density * sum
}

/// The x with P(Z ≤ x) = p.
pub(super) fn quantile(p: f64) -> f64 {
    bisect(-38.0, 38.0, |x| tail(x) > 1.0 - p)
}

/// The largest share that `hits` of `n` are compatible with: P(Bin(n, share) ≤ hits) = α (Clopper, Pearson 1934).
pub(super) fn upper_limit(hits: u32, n: u32, alpha: f64) -> f64 {
    if hits >= n {
        return 1.0;
    }
    let choose: f64 = (1..=hits).map(|i| (f64::from(n - hits + i) / f64::from(i)).ln()).sum();
    bisect(f64::from(hits) / f64::from(n), 1.0, |share| at_most(hits, n, share, choose) > alpha)
}

/// P(Bin(n, share) ≤ hits), summed downwards from its largest term; `choose` is ln C(n, hits).
fn at_most(hits: u32, n: u32, share: f64, choose: f64) -> f64 {
    if share >= 1.0 {
        return 0.0;
    }
    let odds = (1.0 - share) / share.max(f64::MIN_POSITIVE);
    let largest =
        choose + f64::from(hits) * share.max(f64::MIN_POSITIVE).ln() + f64::from(n - hits) * (-share).ln_1p();
    let mut term = largest.exp();
    let mut sum = term;
    for i in (1..=hits).rev() {
        term *= f64::from(i) / f64::from(n - i + 1) * odds;
        sum += term;
        if term < sum * f64::EPSILON / 16.0 {
            break;
        }
    }
    sum
}

/// Where `is_below` changes from true to false.
fn bisect(mut lower: f64, mut upper: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..80 {
        let middle = f64::midpoint(lower, upper);
        if is_below(middle) {
            lower = middle;
        } else {
            upper = middle;
        }
    }
    f64::midpoint(lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} for {expected}");
    }

    #[test]
    fn tails_and_quantiles_are_those_of_the_books() {
        assert_near(tail(1.0), 0.158_655_253_931_457_05);
        assert_near(tail(1.999_999_999), tail(2.000_000_001) + 2e-9 * 0.053_990_966_513_188_06);
        assert_near(tail(3.0), 0.001_349_898_031_630_094_5);
        assert_near(tail(6.0), 9.865_876_450_376_98e-10);
        assert_near(tail(-1.0), 0.841_344_746_068_542_9);
        assert_near(quantile(0.975), 1.959_963_984_540_054);
        assert_near(quantile(0.025), -1.959_963_984_540_054);
    }

    #[test]
    fn limits_are_those_of_clopper_and_pearson() {
        // 1 − α^(1/n) where nothing hit; the books' 44.5 % for 2 of 10 falls at α = 5 %: 50.69 %.
        assert_near(upper_limit(0, 10, 0.05), 1.0 - 0.05_f64.powf(0.1));
        assert!((upper_limit(2, 10, 0.05) - 0.506_901).abs() < 1e-5);
        assert_near(upper_limit(10, 10, 0.05), 1.0);
        let wide = upper_limit(6_000, 20_000, tail(3.0));
        assert!((wide - 0.3 - 3.0 * (0.3 * 0.7 / 20_000.0_f64).sqrt()).abs() < 1e-3);
    }
}
