//! Sums, differences and quotients of published cells, with exact variances (algorithms 3.2, 7.3).
//!
//! Cells of one family share noise, so their margins neither add nor add in squares. It deliberately starts from estimates:
//! display values and clamped ends have no variance, and adding them up adds up their bias.

use super::family::Family;
use super::interval::{Interval, Uncertain, Z, fieller};
use super::slices::Slices;
use super::workload::{Axes, Workload};
use crate::error::Error;
use crate::noisy_table::NoisyTable;
use crate::shape::StatisticShape;

/// A cell of a measured table times a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// What the cell is multiplied by.
    pub coefficient: f64,
    /// Index of the statistic in the release.
    pub statistic: usize,
    /// Index into [`StatisticShape::tables`].
    pub table: usize,
    /// Its place in the table, row-major over (period, dimensions).
    pub cell: usize,
}

/// All reconciled cells of one release, ready to be combined.
pub struct Combiner<'a> {
    noisy: &'a NoisyTable,
    /// By statistic.
    families: Vec<Vec<Reconciled>>,
}

/// One family with the r_B of all its slices.
struct Reconciled {
    family: Family,
    workload: Workload,
    /// By member, then by cell of the table.
    estimates: Vec<Vec<f64>>,
}

/// Where a cell stands in its family.
struct Place<'a> {
    family: usize,
    reconciled: &'a Reconciled,
    axes: Axes,
    slice: usize,
    /// Code by axis; those outside the table are 0 and not looked at.
    codes: Vec<usize>,
    estimate: f64,
}

impl<'a> Combiner<'a> {
    /// Reconciles a whole release once.
    pub fn new(noisy: &'a NoisyTable) -> Self {
        let of_statistic = |(statistic, shape): (usize, &StatisticShape)| {
            let families = Family::all(shape, noisy.f()).into_iter();
            families.map(|family| Reconciled::new(family, noisy, statistic)).collect()
        };
        Self { noisy, families: noisy.shapes().iter().enumerate().map(of_statistic).collect() }
    }

    /// Σ c·est with its variance cᵀ·Cov·c as a 95 % interval; neither end is cut at 0.
    ///
    /// # Errors
    /// `Unknown` for a cell that the release does not hold.
    pub fn sum(&self, terms: &[Term]) -> Result<Interval, Error> {
        let total = self.total(terms)?;
        Ok(Interval::normal(total.estimate, total.variance, Z, false))
    }

    /// cᵀ·Cov·d of two combinations; with itself the variance of one.
    ///
    /// Claim: exact for the noise that was drawn. Proof: within one slice of a family Cov of algorithms 3.2, whether its
    /// tables or its residuals were measured; slices, families and statistics have independent noise. Attack: V2,
    /// `tests::covariances_are_those_of_dense_least_squares`.
    ///
    /// # Errors
    /// `Unknown` for a cell that the release does not hold.
    pub fn covariance(&self, one: &[Term], other: &[Term]) -> Result<f64, Error> {
        let others: Vec<(&Term, Place<'_>)> =
            other.iter().map(|term| Ok((term, self.place(term)?))).collect::<Result<_, Error>>()?;
        let mut sum = 0.0;
        for term in one {
            let place = self.place(term)?;
            for (other, elsewhere) in others.iter().filter(|(other, _)| other.statistic == term.statistic) {
                sum += term.coefficient * other.coefficient * place.covariance(elsewhere);
            }
        }
        Ok(sum)
    }

    /// One combination over another, by Fieller; `None` where the denominator is too noisy for a bounded interval.
    ///
    /// # Errors
    /// `Unknown` for a cell that the release does not hold.
    pub fn ratio(&self, above: &[Term], below: &[Term]) -> Result<Option<Interval>, Error> {
        let (numerator, denominator) = (self.total(above)?, self.total(below)?);
        let covariance = self.covariance(above, below)?;
        Ok(fieller(numerator, denominator, covariance, Z).map(|(interval, _)| interval))
    }

    fn total(&self, terms: &[Term]) -> Result<Uncertain, Error> {
        let mut estimate = 0.0;
        for term in terms {
            estimate += term.coefficient * self.place(term)?.estimate;
        }
        // What cancels out leaves rounding, of either sign.
        Ok(Uncertain { estimate, variance: self.covariance(terms, terms)?.max(0.0) })
    }

    fn place(&self, term: &Term) -> Result<Place<'_>, Error> {
        let unknown = || Error::Unknown { what: "cell of that place" };
        let shape = self.noisy.shapes().get(term.statistic).ok_or_else(unknown)?;
        let families = self.families.get(term.statistic).into_iter().flatten().enumerate();
        let found = families.filter_map(|(i, reconciled)| {
            let member = reconciled.family.members.iter().position(|member| member.index == term.table)?;
            Some((i, reconciled, member))
        });
        let (family, reconciled, member) = found.into_iter().next().ok_or_else(unknown)?;
        let estimate = *reconciled.estimates[member].get(term.cell).ok_or_else(unknown)?;
        let axes = reconciled.family.members[member].axes;
        let (slice, codes) = split(shape, &reconciled.family, term);
        Ok(Place { family, reconciled, axes, slice, codes, estimate })
    }
}

impl Reconciled {
    fn new(family: Family, noisy: &NoisyTable, statistic: usize) -> Self {
        let shape = &noisy.shapes()[statistic];
        let n_cells = |index: usize| shape.n_cells(&shape.tables[index]);
        let mut estimates: Vec<Vec<f64>> =
            family.members.iter().map(|member| vec![0.0; n_cells(member.index)]).collect();
        let slices = Slices::new(&family, noisy, statistic);
        for slice in 0..family.n_slices() {
            let cells = slices.slice(slice).estimates(&family, &slices.workload);
            for ((member, estimates), cells) in family.members.iter().zip(&mut estimates).zip(cells) {
                member.places(slice).zip(cells).for_each(|(place, cell)| estimates[place] = cell);
            }
        }
        let workload = slices.workload;
        Self { family, workload, estimates }
    }
}

impl Place<'_> {
    fn covariance(&self, other: &Self) -> f64 {
        if self.family != other.family || self.slice != other.slice {
            return 0.0;
        }
        self.reconciled.workload.covariance((self.axes, &self.codes), (other.axes, &other.codes))
    }
}

/// The slice of a cell and its codes by axis.
fn split(shape: &StatisticShape, family: &Family, term: &Term) -> (usize, Vec<usize>) {
    let table = &shape.tables[term.table];
    let mut left = term.cell;
    let mut codes = vec![0; family.dimensions().len()];
    let (mut slice, mut stride) = (0, 1);
    let sizes = shape.sizes(table);
    let attributes = std::iter::once(None).chain(table.dimensions.iter().map(Some));
    for (dimension, size) in attributes.zip(sizes).collect::<Vec<_>>().into_iter().rev() {
        let code = left % size;
        left /= size;
        let axis = dimension.and_then(|d| family.dimensions().iter().position(|axis| axis == d));
        if dimension.is_none_or(|d| family.multi_valued.contains(d)) {
            slice += code * stride;
            stride *= size;
        } else if let Some(axis) = axis {
            codes[axis] = code;
        }
    }
    (slice, codes)
}

#[cfg(test)]
mod tests;
