//! The exact side of a series: entries of the register, added up by step and cell, until `measure_step` takes them.
//!
//! Like [`crate::exact_table`]: no `Debug`, `Clone`, `Serialize`, equality or getter. It deliberately lacks persons.

use std::ops::RangeInclusive;

use super::shape::SeriesShape;
use super::toeplitz;
use crate::error::Error;

/// x_k by step and cell: those entries of the register whose persons count.
pub struct Counts {
    series: SeriesShape,
    by_step: Vec<Vec<i128>>,
}

/// The exact part of one y_t. Only [`crate::sampler::measure_step`] can read it, once.
pub struct ExactStep {
    series: SeriesShape,
    step: u32,
    sums: Vec<i128>,
}

impl Counts {
    /// Nobody yet.
    pub fn new(series: SeriesShape) -> Self {
        let by_step = vec![vec![0; series.n_coordinates()]; series.steps().len()];
        Self { series, by_step }
    }

    /// Adds one entry: one unit in one cell of each table of one step, and no other.
    ///
    /// # Errors
    /// `Damaged` where the entry does not fit the series: a register that was written for another one.
    pub fn enter(&mut self, step: u32, cells: &[u32]) -> Result<(), Error> {
        let damaged = Error::Damaged { what: "an entry of the register does not fit its series" };
        let tables = &self.series.statistic().tables;
        let sums = self.by_step.get_mut(step as usize).ok_or(damaged.clone())?;
        let sizes: Vec<usize> = tables.iter().map(|table| self.series.n_cells(table)).collect();
        if cells.len() != sizes.len() || cells.iter().zip(&sizes).any(|(cell, size)| *cell as usize >= *size)
        {
            return Err(damaged);
        }
        let mut start = 0;
        for (cell, size) in cells.iter().zip(sizes) {
            sums[start + *cell as usize] += 1;
            start += size;
        }
        Ok(())
    }

    /// The exact parts of some steps, each once: `b_A·Σ_{k≤t} r_{t−k}·x_{A,k}` by cell.
    pub fn into_steps(self, steps: RangeInclusive<u32>) -> Vec<ExactStep> {
        let factors = toeplitz::factors(self.series.horizon());
        let multipliers: Vec<i128> = self
            .series
            .statistic()
            .tables
            .iter()
            .flat_map(|table| std::iter::repeat_n(i128::from(table.b), self.series.n_cells(table)))
            .collect();
        let steps = steps.take_while(|step| *step < self.series.horizon());
        steps
            .map(|step| {
                let mut sums = vec![0_i128; multipliers.len()];
                for (counts, factor) in self.by_step[..=step as usize].iter().rev().zip(&factors) {
                    // Below 2^40 persons·2^20·1000 in each of 200 steps.
                    for ((sum, count), b) in sums.iter_mut().zip(counts).zip(&multipliers) {
                        *sum += b * i128::from(*factor) * count;
                    }
                }
                ExactStep { series: self.series.clone(), step, sums }
            })
            .collect()
    }
}

impl ExactStep {
    pub(crate) fn into_parts(self) -> (SeriesShape, u32, Vec<i128>) {
        (self.series, self.step, self.sums)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(ExactStep: Debug, Display, Clone, Copy, serde::Serialize, PartialEq, Default);
    assert_not_impl_any!(Counts: Debug, Display, Clone, Copy, serde::Serialize, PartialEq, Default);
}
