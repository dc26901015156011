//! What the bound cost, as readers see it: persons clipped, contributions left out, their share (algorithms 2.2).
//!
//! From the two noisy figures at the end of a statistic's vector. It deliberately lacks any correction of estimates by them.

use marsad_terms::Grain;

use super::family::{Family, Member};
use super::interval::{Interval, Uncertain, Z, fieller};
use crate::error::Error;
use crate::noisy_table::NoisyTable;
use crate::sensitivity::FigureWeights;
use crate::shape::{Aggregate, Expression, StatisticShape};

/// The published loss of one statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounding {
    /// Λ: no person counts for more contributions left out than this, so `contributions` reads "at least".
    pub cap: u32,
    /// Persons who lost something.
    pub persons: Interval,
    /// Contributions left out: rows, or persons by base cell. Who lost something lost one at least, so neither end is below
    /// that of `persons`.
    pub contributions: Interval,
    /// Their part of all contributions, in per cent; `None` where the numerator or the denominator is too noisy, or where no
    /// measured table counts all contributions (sums alone, several filtered counts, multi-valued dimensions never crossed).
    pub share_percent: Option<Interval>,
}

/// The reader's figures of one statistic; `None` where its bound leaves nothing out.
///
/// # Errors
/// `Unknown` if the release has no statistic of that number.
pub fn bounding(noisy: &NoisyTable, statistic: usize) -> Result<Option<Bounding>, Error> {
    let shape = noisy.shapes().get(statistic).ok_or(Error::Unknown { what: "statistic of that number" })?;
    let (Some(cap), [.., clipped, left_out]) = (shape.left_out_cap(), noisy.raw()[statistic].as_slice())
    else {
        return Ok(None);
    };
    let FigureWeights { b_c, b_l } = FigureWeights::STANDARD;
    let one = f64::from(1_u32 << noisy.f());
    let figure = |raw: i64, unit: f64| Uncertain {
        estimate: raw as f64 * unit,
        variance: (noisy.sigma() * unit).powi(2),
    };
    let persons = figure(*clipped, 1.0 / (f64::from(b_c) * one));
    let lost = figure(*left_out, f64::from(cap) / (f64::from(b_l) * one));
    let interval = |figure: Uncertain| Interval::normal(figure.estimate, figure.variance, Z, true);
    let (persons, own) = (interval(persons), interval(lost));
    let share =
        kept(noisy, statistic).filter(|_| own.upper >= persons.lower).and_then(|kept| share(lost, kept));
    Ok(Some(Bounding { cap, persons, contributions: at_least(own, persons), share_percent: share }))
}

/// The interval of what is no less than something else: it holds the truth as often, for an end that is raised to one that is
/// right is right. Attack: `tests::nobody_is_touched_without_a_loss`.
fn at_least(own: Interval, least: Interval) -> Interval {
    Interval { lower: own.lower.max(least.lower), upper: own.upper.max(least.upper), ..own }
}

/// lost/(lost + kept) by Fieller; their noise is independent, so the numerator's variance is the covariance.
fn share(lost: Uncertain, kept: Uncertain) -> Option<Interval> {
    let all = Uncertain { estimate: lost.estimate + kept.estimate, variance: lost.variance + kept.variance };
    let (share, _) = fieller(lost, all, lost.variance, Z)?;
    Some(share.map(|end| (end * 100.0).clamp(0.0, 100.0)))
}

/// The contributions that were kept, over all periods: rows and pairs of one grain, each counted once.
///
/// With tables of both grains a person's loss is the larger of the two; the grain whose periods cover more months
/// stands for both, the quarters where they cover the same.
fn kept(noisy: &NoisyTable, statistic: usize) -> Option<Uncertain> {
    let shape = &noisy.shapes()[statistic];
    let months = |grain: Grain| shape.n_periods(grain) * if grain == Grain::Year { 12 } else { 3 };
    let measured = |grain: &Grain| shape.tables.iter().any(|table| table.grain == *grain);
    let grain = Grain::ALL.into_iter().filter(measured).max_by_key(|grain| months(*grain))?;
    let families: Vec<Family> =
        Family::all(shape, noisy.f()).into_iter().filter(|family| family.grain == grain).collect();
    let is_persons = |family: &&Family| shape.aggregates[family.aggregate] == Aggregate::Persons;
    let (persons, events): (Vec<&Family>, Vec<&Family>) = families.iter().partition(is_persons);
    let counts_events = !events.is_empty();
    let rows: Vec<&Family> =
        events.into_iter().filter(|family| shape.aggregates[family.aggregate] == Aggregate::Rows).collect();
    let mut kept = Uncertain { estimate: 0.0, variance: 0.0 };
    let pairs = crossing_all(shape, grain, &persons);
    for (needed, candidates) in [(!persons.is_empty(), pairs), (counts_events, rows)] {
        if needed {
            let total = total(widest(shape, &candidates)?, noisy, statistic);
            kept.estimate += total.estimate;
            kept.variance += total.variance;
        }
    }
    Some(kept)
}

/// Families of distinct persons that count one for each base cell: their M holds every multi-valued dimension of the grain.
fn crossing_all<'a>(shape: &StatisticShape, grain: Grain, persons: &[&'a Family]) -> Vec<&'a Family> {
    let tables = shape.tables.iter().filter(|table| table.grain == grain);
    let base: Vec<usize> = tables.flat_map(|table| shape.multi_valued_of(table)).collect();
    let crosses = |family: &&&Family| base.iter().all(|d| family.multi_valued.contains(d));
    persons.iter().filter(crosses).copied().collect()
}

/// The one aggregate that is no part of another; `None` where several are left, whose union was not measured.
fn widest<'a>(shape: &StatisticShape, candidates: &[&'a Family]) -> Option<&'a Family> {
    let is_part = |aggregate: usize| {
        shape.outputs.iter().any(|output| {
            matches!(output.expression, Expression::Ratio { numerator, share: true, .. } if numerator == aggregate)
        })
    };
    let mut wide = candidates.iter().filter(|family| !is_part(family.aggregate));
    wide.next().filter(|_| wide.next().is_none()).copied()
}

/// The sum of all slices of a family.
fn total(family: &Family, noisy: &NoisyTable, statistic: usize) -> Uncertain {
    let workload = family.workload(noisy.sigma());
    let of_slice = |slice: usize| -> f64 {
        let observe = |member: &Member| member.observe(noisy.cells(statistic, member.index), slice);
        let observed: Vec<Vec<f64>> = family.members.iter().map(observe).collect();
        workload.table(&workload.residuals(&observed), 0).iter().sum()
    };
    Uncertain {
        estimate: (0..family.n_slices()).map(of_slice).sum(),
        variance: family.n_slices() as f64 * workload.variance(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_touched_without_a_loss() {
        let of = |estimate, lower, upper| Interval { estimate, lower, upper };
        let persons = of(203.0, 142.0, 263.0);
        assert_eq!(at_least(of(-1617.0, 0.0, 0.0), persons), of(-1617.0, 142.0, 263.0));
        assert_eq!(at_least(of(300.0, 100.0, 500.0), persons), of(300.0, 142.0, 500.0));
        assert_eq!(at_least(of(700.0, 500.0, 900.0), persons), of(700.0, 500.0, 900.0));
    }
}
