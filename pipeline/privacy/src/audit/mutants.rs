//! Faults planted on purpose (T5), each caught by the audit that every build can make of itself.
//!
//! One command: `cargo test -p marsad-privacy mutant`. Less is drawn than in a whole audit, and six standard errors are
//! granted to chance: a false alarm about once in 10⁹ runs of a test, a missed mutant less than once in 10⁷.

use std::sync::Arc;

use marsad_terms::NanoRho;

use super::case::Contributor;
use super::{Audit, Effort, Installed, LEAST_P, Mechanism, audit, tally};
use crate::error::Error;
use crate::exact_table::ExactTable;
use crate::joint::Joint;
use crate::noisy_table::NoisyTable;
use crate::sampler::{Scale, integers, with_noise};
use crate::sensitivity;
use crate::shape::{Bound, StatisticShape};
use crate::spend::{Part, Spend};

const SMALL: Effort = Effort { runs: 2_000, draws: 20_000, slack: 6.0, least_p: 1e-9 };
/// To miss 0.85 of the claim by chance takes more than six standard errors.
const LARGER: Effort = Effort { runs: 4_000, ..SMALL };

fn audited(mechanism: &dyn Mechanism) -> Audit {
    audit(mechanism, SMALL, &|_, _| {}).unwrap()
}

#[track_caller]
fn assert_tells_too_much(audit: &Audit) {
    assert!(audit.mu_estimated - audit.slack * audit.standard_error > audit.mu_claimed, "{audit:?}");
    assert!(!audit.passed && !audit.is_as_private_as_claimed());
}

#[test]
fn neighbours_look_alike_and_no_more_alike_than_paid_for() {
    let audit = audit(&Installed, LARGER, &|_, _| {}).unwrap();
    assert!(audit.passed, "{audit:?}");
    assert!(audit.mu_proven < audit.mu_claimed && audit.mu_proven > 0.5, "{audit:?}");
}

/// Each row counts whole, however many there are.
struct NoClip;

impl Mechanism for NoClip {
    fn sums(&self, shape: &Arc<StatisticShape>, f: u32, people: &[Contributor]) -> Vec<i128> {
        let mut wrong = StatisticShape::clone(shape);
        if let Bound::NormClip { c_squared, .. } = &mut wrong.bound {
            *c_squared = u64::MAX >> (2 * f);
        }
        Installed.sums(&Arc::new(wrong), f, people)
    }
}

#[test]
fn mutant_without_clip() {
    assert_tells_too_much(&audited(&NoClip));
}

/// The keyed order sees where a person stands in the file instead of who it is.
struct OrderAsKey;

impl Mechanism for OrderAsKey {
    fn sums(&self, shape: &Arc<StatisticShape>, f: u32, people: &[Contributor]) -> Vec<i128> {
        let mut rows_before = 0_u128;
        let placed = people.iter().map(|person| {
            let place = rows_before.to_le_bytes();
            rows_before += person.rows.len() as u128;
            (place, person.rows.as_slice())
        });
        tally(shape, f, placed)
    }
}

#[test]
fn mutant_with_selection_by_row_order() {
    let audit = audited(&OrderAsKey);
    assert!(!audit.order_free);
    // One person more moves the choices of all others.
    assert_tells_too_much(&audit);
}

/// Another Δ², or another width of the noise than the one that is published.
struct WrongNoise {
    /// Spoils one part of a release; its scale follows.
    wrong: fn(&mut Part, &Joint, NanoRho),
    factor: f64,
}

impl Mechanism for WrongNoise {
    fn measure(&self, exact: ExactTable, price: NanoRho) -> Result<NoisyTable, Error> {
        let (joint, sums) = exact.into_parts();
        let mut spend = Spend::new(&joint, price)?;
        for part in spend.tables.iter_mut().chain(spend.residuals.iter_mut().flatten()) {
            (self.wrong)(part, &joint, price);
            part.scale = Scale::new(part.delta_squared, part.price)?;
        }
        let mut drawn = spend.clone();
        for part in drawn.tables.iter_mut().chain(drawn.residuals.iter_mut().flatten()) {
            part.scale.sigma *= self.factor;
        }
        let cells = integers(joint.shapes(), sums);
        let raw = with_noise(&joint, &drawn, cells)?;
        Ok(NoisyTable::new(joint, price, spend, raw))
    }
}

fn as_it_is(_: &mut Part, _: &Joint, _: NanoRho) {}

#[test]
fn mutant_with_half_the_sensitivity() {
    let audit = audited(&WrongNoise { wrong: |part, _, _| part.delta_squared /= 4, factor: 1.0 });
    assert_tells_too_much(&audit);
    assert!((audit.mu_estimated - 2.0).abs() < 0.2, "{audit:?}");
}

fn without_a_table(part: &mut Part, joint: &Joint, _: NanoRho) {
    let tables = joint.shapes().iter().filter(|shape| shape.strategy.is_tables());
    let mut shapes: Vec<StatisticShape> = tables.cloned().collect();
    if part.delta_squared == sensitivity::joint(&shapes, joint.f()).unwrap() && shapes[0].tables.len() > 1 {
        shapes[0].tables.pop();
        part.delta_squared = sensitivity::joint(&shapes, joint.f()).unwrap();
    }
}

#[test]
fn mutant_with_a_table_left_out_of_the_sensitivity() {
    assert_tells_too_much(&audited(&WrongNoise { wrong: without_a_table, factor: 1.0 }));
}

/// Each residual component spends what the whole statistic, here the whole release, may spend.
fn each_component_pays_alone(part: &mut Part, joint: &Joint, price: NanoRho) {
    let of_components = [1_u128, 6].map(|units| units << (2 * joint.f()));
    if of_components.contains(&part.delta_squared) {
        part.price = price;
    }
}

#[test]
fn mutant_with_residual_components_that_do_not_share_the_price() {
    let audit = audited(&WrongNoise { wrong: each_component_pays_alone, factor: 1.0 });
    assert_tells_too_much(&audit);
    assert!((audit.mu_estimated - f64::sqrt(3.0)).abs() < 0.3, "{audit:?}");
}

#[test]
fn mutant_with_nine_tenths_of_the_noise() {
    let audit = audited(&WrongNoise { wrong: as_it_is, factor: 0.9 });
    // Intervals hold too often, and the draws are not those that the price names.
    assert!(!audit.passed && !audit.covers() && audit.coverage > 0.95, "{audit:?}");
    assert!(audit.sampler_p < LEAST_P, "{audit:?}");
}

#[test]
fn mutant_with_a_third_more_noise() {
    let audit = audited(&WrongNoise { wrong: as_it_is, factor: 1.3 });
    assert!(!audit.passed && !audit.covers() && audit.coverage < 0.95, "{audit:?}");
    assert!(audit.sampler_p < LEAST_P, "{audit:?}");
}

/// Noise on a coarse grid: the exact sum shows through its low bits.
struct EvenNoise;

impl Mechanism for EvenNoise {
    fn measure(&self, exact: ExactTable, price: NanoRho) -> Result<NoisyTable, Error> {
        let noisy = Installed.measure(exact, price)?;
        let raw = noisy.raw().iter().map(|cells| cells.iter().map(|y| y & !1).collect()).collect();
        Ok(NoisyTable::new(noisy.joint().clone(), price, noisy.spend().clone(), raw))
    }
}

#[test]
fn mutant_with_noise_on_even_numbers() {
    let audit = audited(&EvenNoise);
    assert!(!audit.passed && audit.parity_p < LEAST_P, "{audit:?}");
}
