//! One statistic estimated from several releases that measured the same thing (algorithms 3.1).
//!
//! Two noisy tables of the same sums are one of less variance, weighed by inverse variances; all that follows is as for one
//! release, so totals add up as there. It deliberately lacks judgement: whether two releases measured the same thing is for
//! who knows their requests; and residuals (algorithms 3.5), whose releases are not combined.

use marsad_terms::Period;

use super::columns::Release;
use super::family::{Family, Member};
use super::reconcile::{Figures, Tables, display};
use super::slices::Slice;
use super::statistic::{EstimatedStatistic, columns, is_shown};
use super::workload::Workload;
use crate::error::Error;
use crate::noisy_table::NoisyTable;
use crate::shape::StatisticShape;

/// The least σ, in integers, from which the sum of two draws is as good as normal (algorithms 7.2).
const LEAST_SIGMA: f64 = 10.0;

/// One release that measured the statistic.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// Its noisy vector.
    pub noisy: &'a NoisyTable,
    /// Index of the statistic there.
    pub statistic: usize,
    /// The periods that count: those in which it measured what the others did.
    pub periods: Vec<Period>,
}

/// The estimates of all releases together.
#[derive(Clone, Debug)]
pub struct Combined {
    /// The statistic's shape over the periods that two releases or more hold.
    pub shape: StatisticShape,
    /// Its columns, tables and cells; none of them has `raw`.
    pub figures: EstimatedStatistic,
}

impl Measured<'_> {
    fn shape(&self) -> Option<&StatisticShape> {
        self.noisy.shapes().get(self.statistic).filter(|shape| shape.strategy.is_tables())
    }

    fn holds(&self, period: Period) -> bool {
        self.periods.contains(&period) && self.shape().is_some_and(|shape| shape.periods.contains(&period))
    }
}

/// Combines releases whose tables are equal but for b, f and σ; `None` where no period is held by two of them.
///
/// Claim: unbiased, of least variance among linear estimates, and free of cost. Proof: the noise of two releases is
/// independent and white, so the mean of a table's two measurements by inverse variances is sufficient for both (algorithms
/// 3.1, 3.2); it reads noisy integers and public facts alone. Attack: `tests::two_measurements_are_one_that_cost_both`.
///
/// # Errors
/// `Unknown` if a release has no such statistic as tables, or other tables than the first.
pub fn combine(all: &[Measured<'_>]) -> Result<Option<Combined>, Error> {
    let unlike = Error::Unknown { what: "statistic with the same tables" };
    let own = all.first().and_then(Measured::shape).ok_or(unlike.clone())?;
    if !all.iter().all(|other| other.shape().is_some_and(|shape| own.has_tables_of(shape))) {
        return Err(unlike);
    }
    let all: Vec<&Measured<'_>> =
        all.iter().filter(|measured| measured.noisy.sigma() >= LEAST_SIGMA).collect();
    let is_held = |period: &Period| all.iter().filter(|measured| measured.holds(*period)).count() > 1;
    let periods: Vec<Period> = own.periods.iter().copied().filter(is_held).collect();
    if periods.is_empty() {
        return Ok(None);
    }
    let grains: Vec<_> = periods.iter().map(|period| period.grain()).collect();
    let mut shape = StatisticShape { periods, ..own.clone() };
    // A grain without a period has no cells, and no table.
    shape.tables.retain(|table| grains.contains(&table.grain));
    let mut figures = Figures::new();
    for family in Family::all(&shape, 0) {
        figures.extend(pooled(&family, &shape, &all));
    }
    let figures = columns(&Release { measured: None, shape: &shape, figures: &figures });
    Ok(Some(Combined { shape, figures }))
}

/// A family of one release beside the others, in one period.
struct Source<'a> {
    measured: &'a Measured<'a>,
    family: Family,
    /// The first slice of the period.
    start: usize,
}

impl<'a> Source<'a> {
    fn new(measured: &'a Measured<'a>, own: &Family, period: Period) -> Option<Self> {
        let shape = measured.shape().filter(|_| measured.holds(period))?;
        let families = Family::all(shape, measured.noisy.f());
        let same = |family: &Family| {
            (family.aggregate, family.grain, &family.multi_valued)
                == (own.aggregate, own.grain, &own.multi_valued)
        };
        let family = families.into_iter().find(same)?;
        let periods = shape.periods_of(own.grain);
        let place = periods.iter().position(|held| *held == period)?;
        let start = place * family.n_slices() / periods.len();
        Some(Self { measured, family, start })
    }

    /// 1/s_A² of one table.
    fn precision(&self, table: usize) -> f64 {
        (self.measured.noisy.sigma() * self.family.members[table].unit).powi(-2)
    }

    /// The noisy cells of one table in the n-th slice of the period.
    fn observe(&self, table: usize, slice: usize) -> Vec<f64> {
        let Measured { noisy, statistic, .. } = self.measured;
        let member = &self.family.members[table];
        member.observe(noisy.cells(*statistic, member.index), self.start + slice)
    }
}

/// Reconciles one family, period by period: in each of them other releases may hold it.
fn pooled(family: &Family, shape: &StatisticShape, all: &[&Measured<'_>]) -> Figures {
    let periods = shape.periods_of(family.grain);
    let n_slices = family.n_slices() / periods.len();
    let mut tables = Tables::new(family, shape);
    for (place, period) in periods.iter().enumerate() {
        let sources: Vec<Source<'_>> =
            all.iter().filter_map(|measured| Source::new(measured, family, *period)).collect();
        let precision = |table: usize| sources.iter().map(|source| source.precision(table)).sum::<f64>();
        let precisions: Vec<f64> = (0..family.members.len()).map(precision).collect();
        let measured = family.members.iter().zip(&precisions);
        let measured = measured.map(|(member, precision): (&Member, &f64)| (member.axes, precision.recip()));
        let workload = Workload::new(family.sizes().to_vec(), measured.collect());
        let display = display(family, shape, &workload, is_shown(shape, family.aggregate));
        for slice in 0..n_slices {
            let observed: Vec<Vec<f64>> = precisions
                .iter()
                .enumerate()
                .map(|(table, sum)| mean(&sources, table, slice, *sum))
                .collect();
            let found = Slice { residuals: workload.residuals(&observed), observed };
            tables.fill(place * n_slices + slice, &workload, display.as_ref(), &found);
        }
    }
    tables.into_figures()
}

/// The mean of what the releases measured of one table, by their precisions.
fn mean(sources: &[Source<'_>], table: usize, slice: usize, precision: f64) -> Vec<f64> {
    let mut mean = Vec::new();
    for source in sources {
        let weight = source.precision(table) / precision;
        let cells = source.observe(table, slice);
        mean.resize(cells.len(), 0.0);
        mean.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += weight * cell);
    }
    mean
}

#[cfg(test)]
mod tests {
    use marsad_terms::{Grain, NanoRho};

    use super::super::estimate;
    use super::*;
    use crate::exact_table::ExactTable;
    use crate::joint::Joint;
    use crate::sampler::measure;
    use crate::shape::{Bound, HomeRule, TableSpec};
    use crate::testing;

    /// Two tables of persons by region and sex, with the given multipliers, over some of three quarters.
    fn shape(b: [u32; 3], quarters: std::ops::Range<usize>) -> StatisticShape {
        let mut shape = testing::plain(Bound::HomeCell);
        shape.dimensions.push(testing::dimension("sex", 2, Some(HomeRule::MostRecent)));
        let sets: [&[usize]; 3] = [&[], &[0], &[0, 1]];
        let table = |(set, b): (&[usize], u32)| TableSpec {
            aggregate: 0,
            grain: Grain::Quarter,
            dimensions: set.to_vec(),
            b,
        };
        shape.tables = sets.into_iter().zip(b).map(table).collect();
        shape.periods = shape.periods[quarters].to_vec();
        shape
    }

    /// Everybody stands in cells of 600 persons.
    fn draw(shape: StatisticShape, price: u64) -> NoisyTable {
        let joint = Joint::new(vec![shape]).unwrap();
        let shape = &joint.shapes()[0];
        let sums = shape.tables.iter().flat_map(|table| {
            let base = 6 * shape.n_periods(table.grain) / shape.n_cells(table);
            let sum = (600 * base as i128 * i128::from(table.b)) << joint.f();
            vec![sum; shape.n_cells(table)]
        });
        let mut sums: Vec<i128> = sums.collect();
        // What a bound left out: nothing.
        sums.resize(shape.n_coordinates(), 0);
        let exact = ExactTable::from_sums(joint.clone(), vec![sums]).unwrap();
        measure(exact, NanoRho::new(price)).unwrap()
    }

    fn measured(noisy: &NoisyTable) -> Measured<'_> {
        Measured { noisy, statistic: 0, periods: noisy.shapes()[0].periods.clone() }
    }

    #[test]
    fn two_measurements_are_one_that_cost_both() {
        let drawn = [draw(shape([1, 2, 3], 0..3), 20_000_000), draw(shape([1, 2, 3], 0..3), 60_000_000)];
        let found = combine(&drawn.each_ref().map(measured)).unwrap().unwrap();
        let alone = drawn.each_ref().map(|noisy| estimate(noisy, 0).unwrap());
        let at_both_prices = estimate(&draw(shape([1, 2, 3], 0..3), 80_000_000), 0).unwrap();
        for (table, combined) in found.figures.columns[0].tables.iter().enumerate() {
            for (place, cell) in combined.cells.iter().enumerate() {
                let own = alone.each_ref().map(|one| one.columns[0].tables[table].cells[place]);
                // Precisions are in the ratio of the prices: 1 to 3.
                assert!((cell.estimate - (own[0].estimate + 3.0 * own[1].estimate) / 4.0).abs() < 1e-5);
                let expected = at_both_prices.columns[0].tables[table].cells[place].variance;
                assert!((cell.variance / expected - 1.0).abs() < 1e-6);
                assert!(cell.margin < own[1].margin && cell.raw.is_none());
            }
        }
    }

    #[test]
    fn totals_add_up_whatever_the_multipliers() {
        let drawn = [draw(shape([1, 1, 1], 0..3), 20_000_000), draw(shape([3, 1, 2], 1..3), 30_000_000)];
        let found = combine(&drawn.each_ref().map(measured)).unwrap().unwrap();
        assert_eq!(found.shape.periods, drawn[1].shapes()[0].periods, "those that both hold");
        let [total, regions, crossed] = found.figures.columns[0].tables.as_slice() else { panic!() };
        for (quarter, whole) in total.cells.iter().enumerate() {
            for (table, n) in [(regions, 3), (crossed, 6)] {
                let cells = &table.cells[quarter * n..][..n];
                let sum: f64 = cells.iter().map(|cell| cell.estimate).sum();
                assert!((sum - whole.estimate).abs() < 1e-9);
                assert_eq!(cells.iter().filter_map(|cell| cell.value).sum::<i64>(), whole.value.unwrap());
            }
            assert!((whole.estimate - 3_600.0).abs() < 8.0 * whole.variance.sqrt());
        }
    }

    #[test]
    fn nothing_is_combined_without_a_second_measurement() {
        let drawn = [draw(shape([1, 2, 3], 0..2), 20_000_000), draw(shape([1, 2, 3], 2..3), 20_000_000)];
        assert!(combine(&drawn.each_ref().map(measured)).unwrap().is_none());
        let mut closed = drawn.each_ref().map(|_| measured(&drawn[0]));
        closed[1].periods.clear();
        assert!(combine(&closed).unwrap().is_none(), "only periods that count");
        let other = draw(
            StatisticShape {
                bound: Bound::NormClip { c_squared: 9, left_out_cap: 20 },
                ..shape([1; 3], 0..2)
            },
            20_000_000,
        );
        assert!(combine(&[measured(&drawn[0]), measured(&other)]).is_err(), "another bound");
    }
}
