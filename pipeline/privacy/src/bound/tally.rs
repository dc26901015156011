//! The state machine that turns the rows of one person into one bounded vector and adds it to dense sums.
//!
//! Claim: whatever rows a person has, [`Tally::end`] adds a vector of squared norm ≤ [`crate::sensitivity::statistic`],
//! and that vector depends on this person's rows only, not on their order. Proof: algorithms 2.1–2.3; the cases stand
//! beside the arms of `gather`, and at `add_home_cells`. Attack: `bound::tests` (T1, T2, T6). It deliberately lacks `Debug`, `Clone`, `Serialize`.

use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, Spared};
use super::clip;
use super::layout::{Counting, Layout};
use super::person::Person;
use super::selection::{SelectionKey, Selector};
use super::truncate::{Kept, Truncation};
use crate::sensitivity::FigureWeights;
use crate::shape::{Bound, StatisticShape};

/// Sums of whole steps are clamped to ± this (algorithms 2.5).
pub(super) const LARGEST_SUM: i128 = 1 << 62;

/// One row of a person, after WHERE, in terms of the shape.
pub struct Row<'a> {
    /// Month of the event, in months since year 0: orders `most_recent`.
    pub month: i32,
    /// Index into `periods_of(Year)` and `periods_of(Quarter)`; `None` where the period is not listed.
    pub periods: [Option<u32>; 2],
    /// For each dimension the index into its codes; a row with an index outside has no cell and is ignored.
    pub codes: &'a [u16],
    /// For each aggregate the quantised step count of a sum; ignored by counts.
    pub values: &'a [i64],
    /// For each aggregate whether the row passes its FILTER and its argument is not null.
    pub counted: &'a [bool],
}

/// Sums of bounded vectors of the persons seen so far.
///
/// Rows of one person stand between one [`Tally::begin`] and [`Tally::end`], in any order; a person split over two
/// tallies would be bounded twice.
pub struct Tally {
    layout: Layout,
    f: u32,
    weights: FigureWeights,
    selector: Selector,
    sums: Vec<i128>,
    person: Person,
    open: bool,
    entries: Vec<(usize, i128)>,
    kept: Kept,
    spared: Option<Spared>,
}

impl Tally {
    /// An empty tally of one statistic, with the release's f.
    ///
    /// # Panics
    /// For a first-time statistic, which no joint holds: never for a reason in the data.
    pub fn new(shape: Arc<StatisticShape>, f: u32, key: SelectionKey) -> Self {
        Self::with_weights(shape, f, &key, FigureWeights::STANDARD)
    }

    pub(crate) fn with_weights(
        shape: Arc<StatisticShape>,
        f: u32,
        key: &SelectionKey,
        weights: FigureWeights,
    ) -> Self {
        let is_series = matches!(shape.bound, Bound::First { .. });
        assert!(!is_series, "a first-time statistic has entries, not a tally");
        let selector = Selector::new(key, &shape.id);
        let layout = Layout::new(shape);
        let sums = vec![0; layout.n_coordinates];
        let (person, kept) = (Person::default(), Kept::default());
        let (spared, entries) = (Spared::new(&layout), Vec::new());
        Self { layout, f, weights, selector, sums, person, open: false, entries, kept, spared }
    }

    /// Starts the next person; ends the one at hand.
    pub fn begin(&mut self, key: &[u8; 16]) {
        self.end();
        self.person.begin(key);
        self.open = true;
    }

    /// Takes one row of the person at hand.
    ///
    /// # Panics
    /// If the row's lists are shorter or longer than the shape says: never for a reason in the data.
    pub fn row(&mut self, row: &Row<'_>) {
        assert!(self.open, "a row needs a person");
        assert_eq!(row.codes.len(), self.layout.shape.dimensions.len(), "one code a dimension");
        assert_eq!(row.values.len(), self.layout.shape.aggregates.len(), "one value an aggregate");
        assert_eq!(row.counted.len(), self.layout.shape.aggregates.len(), "one flag an aggregate");
        self.person.push(row, &self.layout);
    }

    /// Takes all rows of those persons of a block at once whom no bound touches, of those in `offered`. Who is left, by number of
    /// the person, is to be given row by row; who is not offered always is.
    ///
    /// # Panics
    /// If the block's columns are shorter than the shape says: never for a reason in the data.
    pub fn take_all(&mut self, block: &Block, offered: Range<usize>) -> Vec<bool> {
        let mut left = vec![true; block.persons.last().map_or(0, |last| *last as usize + 1)];
        if let Some(spared) = &mut self.spared {
            spared.look(block, &self.layout);
            spared.take_all(block, (offered, &mut left), (&self.layout, self.f), &mut self.sums);
        }
        left
    }

    /// Bounds the person at hand and adds its vector; without one it does nothing.
    pub fn end(&mut self) {
        if !std::mem::take(&mut self.open) || self.person.is_empty() {
            return;
        }
        if matches!(self.layout.shape.bound, Bound::HomeCell) {
            self.add_home_cells();
            return;
        }
        self.entries.clear();
        // Losses of a truncation, in units of the grain that loses most: each contribution once.
        let mut lost = 0;
        for grain in 0..2 {
            if self.layout.grains[grain].tables.is_empty() {
                continue;
            }
            self.person.resolve(grain, &self.layout, &self.selector);
            if let Bound::Truncate { k, .. } = self.layout.shape.bound {
                let truncation = Truncation { layout: &self.layout, selector: &self.selector, grain, k };
                truncation.select(&self.person, &mut self.kept);
                lost = lost.max(self.kept.lost);
            }
            for table in 0..self.layout.grains[grain].tables.len() {
                self.gather(grain, table);
            }
        }
        let weight = self.weight();
        for (cell, amount) in &self.entries {
            add(&mut self.sums[*cell], weight * amount);
        }
        self.add_figures(weight, lost);
    }

    /// Adds the sums of another tally of the same statistic: partitions and their order cannot matter.
    ///
    /// # Panics
    /// If the other tally is of another shape.
    pub fn merge(&mut self, other: Self) {
        let more = other.into_sums();
        assert_eq!(self.sums.len(), more.len(), "tallies of one statistic have one length");
        for (sum, more) in self.sums.iter_mut().zip(more) {
            add(sum, more);
        }
    }

    /// The sums, in the layout of [`StatisticShape::n_coordinates`]; the person at hand is ended first.
    pub fn into_sums(mut self) -> Vec<i128> {
        self.end();
        if let Some(spared) = &mut self.spared {
            spared.pour((&self.layout, self.f), &mut self.sums);
        }
        self.sums
    }

    /// Under `home_cell` the rows of a period share one cell of every table, since all its dimensions have home values:
    /// each table gets b once a period, hence at most P_A cells of one unit.
    fn add_home_cells(&mut self) {
        let whole = 1_i128 << self.f;
        for (grain, plan) in self.layout.grains.iter().enumerate().filter(|(_, plan)| !plan.tables.is_empty())
        {
            self.person.resolve(grain, &self.layout, &self.selector);
            let person = &self.person;
            for rows in person.by_period(grain) {
                let (period, codes) = (person.period(grain, rows[0]), person.codes(grain, rows[0]));
                let mask = rows.iter().fold(0, |mask, row| mask | person.mask(*row));
                for table in plan.tables.iter().filter(|table| mask & table.bit() != 0) {
                    add(&mut self.sums[table.cell(period, codes)], whole * table.b);
                }
            }
        }
    }

    /// Appends (coordinate, b·count) of one table, each coordinate once.
    fn gather(&mut self, grain: usize, table: usize) {
        let table = &self.layout.grains[grain].tables[table];
        let person = &self.person;
        let start = self.entries.len();
        let rows = match self.layout.shape.bound {
            // Any counts: the weight bounds the norm afterwards. One cell a period: added before, by `add_home_cells`.
            // A first-time statistic has no tally.
            Bound::NormClip { .. } | Bound::HomeCell | Bound::First { .. } => person.order(grain),
            // At most k units a period: κ_A in each.
            Bound::Truncate { .. } if table.counting == Counting::Persons => self.kept.persons.as_slice(),
            Bound::Truncate { .. } => self.kept.events.as_slice(),
        };
        let counted = rows.iter().filter(|row| person.mask(**row) & table.bit() != 0);
        self.entries.extend(counted.map(|row| {
            let cell = table.cell(person.period(grain, *row), person.codes(grain, *row));
            let amount =
                if table.counting == Counting::Sum { person.value(*row, table.aggregate) } else { 1 };
            (cell, i128::from(amount))
        }));
        self.entries[start..].sort_unstable_by_key(|(cell, _)| *cell);
        merge_cells(&mut self.entries, start, table.counting, table.b);
    }

    fn weight(&self) -> i128 {
        match self.layout.shape.bound {
            Bound::NormClip { c_squared, .. } => {
                clip::weight(clip::cost(self.entries.iter().map(|(_, amount)| *amount)), c_squared, self.f)
            }
            _ => 1 << self.f,
        }
    }

    /// The two bounding figures, outside the clip: ≤ 2^f·b_c and ≤ 2^f·b_l (algorithms 2.2).
    fn add_figures(&mut self, weight: i128, lost: u64) {
        let Some(cap) = self.layout.shape.left_out_cap() else { return };
        let whole = 1_i128 << self.f;
        let lost_units = match self.layout.shape.bound {
            Bound::NormClip { .. } if weight < whole => i128::from(self.contributions()) * (whole - weight),
            Bound::NormClip { .. } => 0,
            _ => i128::from(lost) * whole,
        };
        if lost_units == 0 {
            return;
        }
        let cap = i128::from(cap.max(1));
        let left_out = lost_units.min(cap * whole) / cap;
        let [.., clipped_sum, left_out_sum] = self.sums.as_mut_slice() else { return };
        add(clipped_sum, i128::from(self.weights.b_c) * whole);
        add(left_out_sum, i128::from(self.weights.b_l) * left_out);
    }

    /// Contributions of the person on base cells, each once: its rows, and its distinct base cells for persons.
    fn contributions(&self) -> u64 {
        let of_grain = |grain: usize| {
            let plan = &self.layout.grains[grain];
            let person = &self.person;
            if plan.tables.is_empty() {
                return 0;
            }
            let events =
                person.order(grain).iter().filter(|row| person.mask(**row) & plan.events != 0).count();
            let mut pairs: Vec<u32> = person.order(grain).to_vec();
            pairs.retain(|row| person.mask(*row) & plan.persons != 0);
            let compare = |a: u32, b: u32| {
                let by_period = person.period(grain, a).cmp(&person.period(grain, b));
                by_period.then_with(|| person.compare_base(grain, plan, a, b))
            };
            pairs.sort_unstable_by(|a, b| compare(*a, *b));
            (events + pairs.chunk_by(|a, b| compare(*a, *b).is_eq()).count()) as u64
        };
        of_grain(0).max(of_grain(1))
    }
}

/// Merges equal coordinates of the sorted tail and multiplies by b.
fn merge_cells(entries: &mut Vec<(usize, i128)>, start: usize, counting: Counting, b: i128) {
    let mut end = start;
    for i in start..entries.len() {
        let (cell, amount) = entries[i];
        if end > start && entries[end - 1].0 == cell {
            entries[end - 1].1 += amount;
        } else {
            entries[end] = (cell, amount);
            end += 1;
        }
    }
    entries.truncate(end);
    for (_, amount) in &mut entries[start..] {
        let count =
            if counting == Counting::Persons { 1 } else { (*amount).clamp(-LARGEST_SUM, LARGEST_SUM) };
        *amount = count * b;
    }
}

/// Adds without wrapping. One vector is below 2^93, so 2^34 persons of the largest kind fit before anything saturates.
pub(super) fn add(sum: &mut i128, more: i128) {
    *sum = sum.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Tally: Debug, Display, Clone, serde::Serialize, PartialEq);
}
