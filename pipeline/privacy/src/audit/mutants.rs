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
use crate::sampler::{Scale, add_noise};
use crate::sensitivity;
use crate::shape::{Bound, StatisticShape};

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
    delta_squared: fn(&Joint) -> u128,
    factor: f64,
}

impl Mechanism for WrongNoise {
    fn measure(&self, exact: ExactTable, price: NanoRho) -> Result<NoisyTable, Error> {
        let (joint, sums) = exact.into_parts();
        let scale = Scale::new((self.delta_squared)(&joint), price)?;
        let noisy = |cells: Vec<i128>| {
            let cells = cells.into_iter().map(|cell| i64::try_from(cell).unwrap()).collect();
            add_noise(cells, scale.sigma * self.factor)
        };
        let raw = sums.into_iter().map(noisy).collect::<Result<_, _>>()?;
        Ok(NoisyTable::new(joint, price, scale, raw))
    }
}

#[test]
fn mutant_with_half_the_sensitivity() {
    let audit = audited(&WrongNoise { delta_squared: |joint| joint.delta_squared() / 4, factor: 1.0 });
    assert_tells_too_much(&audit);
    assert!((audit.mu_estimated - 2.0).abs() < 0.2, "{audit:?}");
}

fn without_a_table(joint: &Joint) -> u128 {
    let mut shapes = joint.shapes().to_vec();
    if shapes[0].tables.len() > 1 {
        shapes[0].tables.pop();
    }
    sensitivity::joint(&shapes, joint.f()).unwrap()
}

#[test]
fn mutant_with_a_table_left_out_of_the_sensitivity() {
    assert_tells_too_much(&audited(&WrongNoise { delta_squared: without_a_table, factor: 1.0 }));
}

#[test]
fn mutant_with_nine_tenths_of_the_noise() {
    let audit = audited(&WrongNoise { delta_squared: Joint::delta_squared, factor: 0.9 });
    // Intervals hold too often, and the draws are not those that the price names.
    assert!(!audit.passed && !audit.covers() && audit.coverage > 0.95, "{audit:?}");
    assert!(audit.sampler_p < LEAST_P, "{audit:?}");
}

#[test]
fn mutant_with_a_third_more_noise() {
    let audit = audited(&WrongNoise { delta_squared: Joint::delta_squared, factor: 1.3 });
    assert!(!audit.passed && !audit.covers() && audit.coverage < 0.95, "{audit:?}");
    assert!(audit.sampler_p < LEAST_P, "{audit:?}");
}

/// Noise on a coarse grid: the exact sum shows through its low bits.
struct EvenNoise;

impl Mechanism for EvenNoise {
    fn measure(&self, exact: ExactTable, price: NanoRho) -> Result<NoisyTable, Error> {
        let noisy = Installed.measure(exact, price)?;
        let raw = noisy.raw().iter().map(|cells| cells.iter().map(|y| y & !1).collect()).collect();
        Ok(NoisyTable::new(noisy.joint().clone(), price, noisy.scale(), raw))
    }
}

#[test]
fn mutant_with_noise_on_even_numbers() {
    let audit = audited(&EvenNoise);
    assert!(!audit.passed && audit.parity_p < LEAST_P, "{audit:?}");
}
