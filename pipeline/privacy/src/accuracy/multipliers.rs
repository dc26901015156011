//! Choice of the precision multipliers b: which table deserves how much of the noise budget (algorithms 3.4).
//!
//! It deliberately leaves a clip's b as they are: there b decides whom the clip touches, which no variance shows
//! (algorithms 2.5); and those of a statistic with residuals, whose tables get no noise of their own. From sizes and wishes alone, so it costs nothing.

use super::{Wanted, weights};
use crate::error::Error;
use crate::estimate::family::{Family, unit};
use crate::joint::Joint;
use crate::residual::unit_variances;
use crate::sensitivity;
use crate::shape::{Bound, StatisticShape};

/// The search starts with multipliers up to this.
const FIRST_BORDER: u32 = 4;
/// Up to so many tables every combination is tried.
const EXHAUSTIVE: usize = 4;
/// A wider border has to gain this much.
const WORTH_WIDENING: f64 = 1e-3;
/// No multiplier is larger.
const MOST: u32 = 1000;

/// Precision multipliers with what they gain.
#[derive(Clone, Debug, PartialEq)]
pub struct Multipliers {
    /// b by statistic and table.
    pub b: Vec<Vec<u32>>,
    /// Σ Var/wanted² over all tables at ρ = 1 with the multipliers as they stand.
    pub before: f64,
    /// The same with the chosen ones: never more. Their quotient is also that of the prices for equal accuracy.
    pub after: f64,
}

/// The multipliers that make Σ Var/wanted² over all tables least, at any price: variances are proportional to 1/ρ.
///
/// Up to four tables every combination of 1 to 4 is tried, beyond that coordinate descent, and while the best lies on the
/// border the border is doubled. Multipliers that stand already stay unless others are better.
///
/// # Errors
/// What makes a shape unfit to be measured; `Unknown` if `wanted` has another form than the tables; `Unreachable` for a
/// wish that is no positive number.
pub fn choose_b(shapes: &[StatisticShape], wanted: Wanted<'_>) -> Result<Multipliers, Error> {
    let joint = Joint::new(shapes.to_vec())?;
    let mut search = Search::new(&joint, weights(&joint, wanted)?);
    let present = search.present();
    let before = search.criterion(&present);
    let (found, after) = search.run();
    let (b, after) = if after < before * (1.0 - f64::EPSILON) { (found, after) } else { (present, before) };
    Ok(Multipliers { b: search.by_table(&b), before, after })
}

/// The tables whose b may move, with all that the criterion needs.
struct Search {
    shapes: Vec<StatisticShape>,
    families: Vec<Vec<Family>>,
    weights: Vec<Vec<f64>>,
    /// What statistics with residuals add, whatever the others' multipliers.
    fixed: f64,
    f: u32,
    free: Vec<(usize, usize)>,
}

impl Search {
    fn new(joint: &Joint, weights: Vec<Vec<f64>>) -> Self {
        let is_free = |shape: &StatisticShape| {
            shape.strategy.is_tables() && !matches!(shape.bound, Bound::NormClip { .. })
        };
        let statistics = joint.shapes().iter().enumerate().filter(|(_, shape)| is_free(shape));
        let free =
            statistics.flat_map(|(i, shape)| (0..shape.tables.len()).map(move |table| (i, table))).collect();
        let families = |shape: &StatisticShape| match shape.strategy.is_tables() {
            true => Family::all(shape, joint.f()),
            false => Vec::new(),
        };
        let residuals = joint.shapes().iter().zip(&weights).filter(|(shape, _)| !shape.strategy.is_tables());
        let variances =
            residuals.flat_map(|(shape, weights)| unit_variances(shape, joint.f()).into_iter().zip(weights));
        let fixed = variances.map(|(variance, weight)| variance * weight).sum();
        let families = joint.shapes().iter().map(families).collect();
        Self { shapes: joint.shapes().to_vec(), families, weights, fixed, f: joint.f(), free }
    }

    /// The free multipliers as they stand.
    fn present(&self) -> Vec<u32> {
        self.free.iter().map(|(statistic, table)| self.shapes[*statistic].tables[*table].b).collect()
    }

    /// Σ Var/wanted² at ρ = 1: half of Δ² times what noise of variance 1 gives; infinite where Δ² has no 128 bits.
    fn criterion(&mut self, b: &[u32]) -> f64 {
        for ((statistic, table), b) in self.free.iter().zip(b) {
            self.shapes[*statistic].tables[*table].b = *b;
        }
        let Ok(delta_squared) = sensitivity::joint(&self.shapes, self.f) else { return f64::INFINITY };
        let mut sum = self.fixed;
        for ((shape, families), weights) in self.shapes.iter().zip(&mut self.families).zip(&self.weights) {
            for family in families {
                for member in &mut family.members {
                    member.unit = unit(shape, &shape.tables[member.index], self.f);
                }
                sum +=
                    family.unit_variances().map(|(table, variance)| weights[table] * variance).sum::<f64>();
            }
        }
        delta_squared as f64 * sum / 2.0
    }

    fn run(&mut self) -> (Vec<u32>, f64) {
        let mut border = FIRST_BORDER;
        let mut best = self.first(border);
        while best.0.contains(&border) && border < MOST {
            border = (2 * border).min(MOST);
            let wider = self.descend(best.0.clone(), border);
            if wider.1 > best.1 * (1.0 - WORTH_WIDENING) {
                break;
            }
            best = wider;
        }
        best
    }

    /// The best below the first border. A descent starts from each uniform choice: equal in accuracy, they leave one
    /// multiplier different room to move in whole numbers.
    fn first(&mut self, border: u32) -> (Vec<u32>, f64) {
        let n = self.free.len();
        if n <= EXHAUSTIVE {
            return self.all(vec![1; n], border);
        }
        let starts = (1..=border).map(|b| self.descend(vec![b; n], border));
        starts.reduce(|best, found| if is_better(found.1, best.1) { found } else { best }).unwrap_or_default()
    }

    /// Every combination, small ones first, so that equal ratios come in their lowest terms.
    fn all(&mut self, ones: Vec<u32>, border: u32) -> (Vec<u32>, f64) {
        let mut b = ones;
        let mut best = (b.clone(), self.criterion(&b));
        while let Some(place) = b.iter().rposition(|b| *b < border) {
            b[place] += 1;
            b[place + 1..].fill(1);
            let found = self.criterion(&b);
            if is_better(found, best.1) {
                best = (b.clone(), found);
            }
        }
        best
    }

    /// The best value of one multiplier after another, until none moves.
    fn descend(&mut self, start: Vec<u32>, border: u32) -> (Vec<u32>, f64) {
        let mut best = (start.clone(), self.criterion(&start));
        loop {
            let before = best.1;
            for place in 0..start.len() {
                best = self.along(place, best, border);
            }
            if !is_better(best.1, before) {
                return best;
            }
        }
    }

    /// The best value of one multiplier.
    fn along(&mut self, place: usize, mut best: (Vec<u32>, f64), border: u32) -> (Vec<u32>, f64) {
        let mut b = best.0.clone();
        for candidate in 1..=border {
            b[place] = candidate;
            let found = self.criterion(&b);
            if is_better(found, best.1) {
                best = (b.clone(), found);
            }
        }
        best
    }

    fn by_table(&self, free: &[u32]) -> Vec<Vec<u32>> {
        let mut b: Vec<Vec<u32>> =
            self.shapes.iter().map(|shape| shape.tables.iter().map(|table| table.b).collect()).collect();
        self.free.iter().zip(free).for_each(|((statistic, table), free)| b[*statistic][*table] = *free);
        b
    }
}

/// By more than rounding.
fn is_better(found: f64, best: f64) -> bool {
    found < best * (1.0 - 1e-12)
}

#[cfg(test)]
mod tests {
    use marsad_terms::NanoRho;
    use serde_json::Value;

    use super::*;
    use crate::accuracy::forecast;
    use crate::accuracy::tests::{examples, shape};
    use crate::testing;

    fn equal(shape: &StatisticShape) -> Vec<Vec<f64>> {
        vec![vec![1.0; shape.tables.len()]]
    }

    #[test]
    fn the_examples_of_algorithms_3_3_are_forecast_and_improved() {
        for (case, best) in examples().iter().zip([vec![1, 1, 1], vec![3, 3, 3, 2, 3]]) {
            let (mut shape, _) = shape(case);
            let price = NanoRho::new(20_000_000);
            let tables = forecast(&Joint::new(vec![shape.clone()]).unwrap(), price).unwrap();
            let expected: Vec<f64> = case["table_cell_sd_m1"]
                .as_object()
                .unwrap()
                .values()
                .map(|sd: &Value| sd.as_f64().unwrap())
                .collect();
            // Sets are in alphabetical order in both.
            for (table, expected) in tables.iter().zip(&expected) {
                assert!((table.sd.unwrap() - expected).abs() < 1e-9 * expected, "{case}");
            }
            let wanted = equal(&shape);
            let found = choose_b(&[shape.clone()], &wanted).unwrap();
            let sum: f64 = expected.iter().map(|sd| sd * sd * 0.02).sum();
            assert!((found.before - sum).abs() < 1e-9 * sum);
            // Least among all combinations of 1 to 4, none on the border.
            assert_eq!(found.b, vec![best]);
            assert!(found.after <= found.before);
            // What is chosen is what a release of it would have.
            for (table, b) in shape.tables.iter_mut().zip(&found.b[0]) {
                table.b = *b;
            }
            let tables = forecast(&Joint::new(vec![shape]).unwrap(), price).unwrap();
            let sum: f64 = tables.iter().map(|table| table.sd.unwrap().powi(2) * 0.02).sum();
            assert!((found.after - sum).abs() < 1e-6 * sum, "{} {sum}", found.after);
        }
    }

    #[test]
    fn a_table_that_is_wanted_more_precisely_gets_a_larger_multiplier() {
        let (shape, _) = shape(&examples()[0]);
        let found = choose_b(&[shape], &[vec![1.0, 30.0, 30.0]]).unwrap();
        // The border of 4 was too narrow.
        assert!(found.b[0][0] > 4 && found.b[0][0] > 4 * found.b[0][1], "{found:?}");
        assert!(found.after < 0.5 * found.before);
    }

    #[test]
    fn multipliers_under_a_clip_and_good_ones_stay() {
        let mut clipped = testing::plain(Bound::NormClip { c_squared: 400, left_out_cap: 20 });
        clipped.tables[0].b = 7;
        let found = choose_b(&[clipped.clone()], &equal(&clipped)).unwrap();
        assert_eq!(found.b, vec![vec![7]]);
        assert!((found.before - found.after).abs() < 1e-12);
        let mut alone = testing::plain(Bound::HomeCell);
        alone.tables[0].b = 9;
        assert_eq!(choose_b(&[alone.clone()], &equal(&alone)).unwrap().b, vec![vec![9]]);
    }

    #[test]
    fn wishes_that_are_none_are_refused() {
        let shape = testing::plain(Bound::HomeCell);
        for wish in [0.0, -3.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(choose_b(std::slice::from_ref(&shape), &[vec![wish]]), Err(Error::Unreachable));
        }
        for form in [vec![], vec![vec![]], vec![vec![1.0], vec![1.0]]] {
            let found = choose_b(std::slice::from_ref(&shape), &form);
            assert!(matches!(found, Err(Error::Unknown { .. })));
        }
    }
}
