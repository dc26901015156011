//! The non-negative base table whose sums fit the noisy tables best (algorithms 8.1, V7).
//!
//! Minimises ½·Σ_A (1/s_A²)·‖sum_A x − y_A‖² over x ≥ 0 by FISTA with restarts. The fitted tables are unique, the base
//! table need not be. It deliberately lacks rounding.

use super::Marginal;

/// Steps that are always allowed; far more than any family needs.
const MOST_STEPS: usize = 20_000;
/// Bound of steps × cells × tables, so that the largest families end too: their tables are then near the best fit.
const MOST_WORK: usize = 20_000_000_000;
/// The gradient is looked at once in so many steps.
const LOOK: usize = 8;
/// Largest entry of the projected gradient at the end, in units of the largest 1/s_A.
const TOLERANCE: f64 = 1e-7;

/// Fits, starting from a table that fits best without the sign.
pub(super) fn non_negative(tables: &[Marginal], observed: &[Vec<f64>], best: Vec<f64>) -> Vec<f64> {
    let n_cells = best.len();
    // The largest eigenvalue of the Hessian, exactly: all its blocks share the constant vector.
    let largest: f64 = tables.iter().map(|t| (n_cells / t.n_cells) as f64 / t.variance).sum();
    let wanted = TOLERANCE * tables.iter().map(|t| t.variance.sqrt().recip()).fold(0.0, f64::max);
    let n_steps = (MOST_WORK / (n_cells * tables.len())).clamp(LOOK, MOST_STEPS);
    let mut x: Vec<f64> = best.into_iter().map(|cell| cell.max(0.0)).collect();
    let mut ahead = x.clone();
    let mut momentum = 1.0_f64;
    for step in 0..n_steps {
        if step % LOOK == 0 && largest_entry(&x, &gradient(tables, observed, &x)) < wanted {
            break;
        }
        let slope = gradient(tables, observed, &ahead);
        let next: Vec<f64> =
            ahead.iter().zip(&slope).map(|(cell, slope)| (cell - slope / largest).max(0.0)).collect();
        let opposes: f64 =
            ahead.iter().zip(&next).zip(&x).map(|((v, next), x)| (v - next) * (next - x)).sum();
        let grown =
            if opposes > 0.0 { 1.0 } else { f64::midpoint(1.0, (1.0 + 4.0 * momentum * momentum).sqrt()) };
        let carry = if opposes > 0.0 { 0.0 } else { (momentum - 1.0) / grown };
        for ((ahead, next), x) in ahead.iter_mut().zip(&next).zip(&x) {
            *ahead = next + carry * (next - x);
        }
        x = next;
        momentum = grown;
    }
    x
}

/// Σ_A (1/s_A²)·broadcast(sum_A x − y_A).
fn gradient(tables: &[Marginal], observed: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len()];
    for (table, observed) in tables.iter().zip(observed) {
        let mut misfit: Vec<f64> = observed.iter().map(|y| -y).collect();
        for (place, cell) in table.places.iter().zip(x) {
            misfit[*place as usize] += cell;
        }
        for (place, gradient) in table.places.iter().zip(&mut gradient) {
            *gradient += misfit[*place as usize] / table.variance;
        }
    }
    gradient
}

/// What still pulls: on the border only what pulls inwards.
fn largest_entry(x: &[f64], gradient: &[f64]) -> f64 {
    let pull = |(cell, slope): (&f64, &f64)| if *cell > 0.0 { slope.abs() } else { (-slope).max(0.0) };
    x.iter().zip(gradient).map(pull).fold(0.0, f64::max)
}
