//! Rows of many persons at once, column by column: persons whom no bound touches are added without being taken apart.
//!
//! Claim: where [`Block`]'s rows of one person are taken by [`Spared::take`], the sums grow by what [`super::Tally::end`] adds
//! for the same rows; where it answers false, nothing was added. Proof: it takes them only where (a) within each period all
//! rows have one home value in every home dimension, so that settling them changes nothing; (b) a period has at most k rows,
//! hence at most k units, so that truncation loses nothing; (c) the vector's cost is at most C², so that the weight is 2^f.
//! Then the vector is 2^f·b for each distinct cell of persons, and 2^f·b times rows or sum for the others; under
//! `home_cell` all rows of a period share the cells of the first. Both are decided before the first addition. Attack:
//! `bound::tests::a_block_adds_what_its_rows_add`. It deliberately lacks ties, draws and keys.

use std::ops::Range;

use super::clip;
use super::layout::{Counting, Layout, TablePlan};
use super::tally::{LARGEST_SUM, add};
use crate::shape::Bound;

/// In [`Block::periods`]: the row lies in no listed period.
pub const NO_PERIOD: u32 = u32::MAX;

/// A row with a code outside the key domain.
const OUTSIDE: u32 = u32::MAX;
/// Combinations of codes at most, and of periods, codes and masks: beyond that rows are taken one by one.
const MOST_UNITS: usize = 1 << 16;
const MOST_COUNTS: usize = 1 << 21;

/// Rows of one batch, in terms of the shape. All columns have one length.
#[derive(Default)]
pub struct Block {
    /// By grain, years first, and row: index of the period, or [`NO_PERIOD`].
    pub periods: [Vec<u32>; 2],
    /// By dimension and row: index of the code; outside its codes the row has no cell.
    pub codes: Vec<Vec<u16>>,
    /// By aggregate and row: whole steps of a sum; empty for counts.
    pub values: Vec<Vec<i64>>,
    /// By row: bit a says whether aggregate a counts it.
    pub masks: Vec<u64>,
}

/// The fast way of one tally.
pub(super) struct Spared {
    /// Of each dimension in the number of a row's unit.
    strides: Vec<u32>,
    grains: Vec<GrainUnits>,
    limit: Limit,
    /// By row of the block at hand.
    units: Vec<u32>,
    /// Persons seen so far: marks what belongs to the one at hand.
    person: u64,
    /// By coordinate.
    seen: Vec<Seen>,
    entries: Vec<Entry>,
}

/// Up to where nothing is bounded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// One unit a period: persons are counted by unit and spread over the tables at the end.
    HomeCell,
    /// So many rows a period.
    Rows(u32),
    /// This cost.
    Cost(u64),
}

/// The units of one grain that has tables.
struct GrainUnits {
    grain: usize,
    /// By unit: the number of its home values.
    homes: Vec<u32>,
    /// By table and unit: the cell within one period.
    cells: Vec<Vec<u32>>,
    /// By period.
    slots: Vec<Slot>,
    touched: Vec<u32>,
    n_masks: usize,
    /// Persons by (period, unit, mask), under `home_cell`.
    counts: Vec<u64>,
}

/// What is known of one period of the person at hand.
#[derive(Clone, Copy, Default)]
struct Slot {
    person: u64,
    mask: u64,
    home: u32,
    unit: u32,
    rows: u32,
}

/// Which entry of the person at hand a coordinate has.
#[derive(Clone, Copy, Default)]
struct Seen {
    person: u64,
    entry: usize,
}

/// What the person at hand adds to one coordinate, before b.
struct Entry {
    coordinate: usize,
    amount: i128,
    b: i128,
}

impl Entry {
    fn weighed(&self) -> i128 {
        self.amount.clamp(-LARGEST_SUM, LARGEST_SUM) * self.b
    }
}

impl Spared {
    /// `None` where there are too many units for tables by unit.
    pub(super) fn new(layout: &Layout) -> Option<Self> {
        let n_units = layout.sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size))?;
        let n_masks = n_masks(layout)?;
        let n_periods = layout.grains.iter().map(|plan| plan.periods.len()).max()?;
        let n_counts = n_periods.checked_mul(n_units)?.checked_mul(n_masks)?;
        let limit = match layout.shape.bound {
            Bound::HomeCell if n_counts <= MOST_COUNTS => Limit::HomeCell,
            Bound::Truncate { k, .. } if k > 0 => Limit::Rows(k),
            Bound::NormClip { c_squared, .. } => Limit::Cost(c_squared),
            _ => return None,
        };
        if n_units > MOST_UNITS {
            return None;
        }
        let is_counted = limit == Limit::HomeCell;
        let used = (0..2).filter(|grain| !layout.grains[*grain].tables.is_empty());
        let n_masks = if is_counted { n_masks } else { 0 };
        let strides = strides(&layout.sizes);
        let of_grain = |grain| GrainUnits::new(layout, grain, &strides, (n_units, n_masks));
        Some(Self {
            grains: used.map(of_grain).collect(),
            strides,
            limit,
            units: Vec::new(),
            person: 0,
            seen: vec![Seen::default(); if is_counted { 0 } else { layout.n_coordinates }],
            entries: Vec::new(),
        })
    }

    /// Numbers the units of a block's rows.
    pub(super) fn look(&mut self, block: &Block, layout: &Layout) {
        self.units.clear();
        self.units.resize(block.masks.len(), 0);
        for ((codes, size), stride) in block.codes.iter().zip(&layout.sizes).zip(&self.strides) {
            for (unit, code) in self.units.iter_mut().zip(codes) {
                let place = if usize::from(*code) < *size { u32::from(*code) * stride } else { OUTSIDE };
                // What is outside stays so.
                *unit = unit.saturating_add(place);
            }
        }
    }

    /// Adds the rows of one person of the block looked at, if no bound touches them.
    pub(super) fn take(
        &mut self,
        block: &Block,
        rows: Range<usize>,
        (layout, f): (&Layout, u32),
        sums: &mut [i128],
    ) -> bool {
        self.person += 1;
        let most = if let Limit::Rows(k) = self.limit { k } else { u32::MAX };
        let mut grains = self.grains.iter_mut();
        if !grains.all(|grain| grain.agrees(block, &self.units, rows.clone(), (self.person, most))) {
            return false;
        }
        if self.limit == Limit::HomeCell {
            self.grains.iter_mut().for_each(GrainUnits::count);
            return true;
        }
        self.gather(block, rows, layout);
        if let Limit::Cost(most) = self.limit {
            let cost = clip::cost(self.entries.iter().map(Entry::weighed));
            if cost.is_none_or(|cost| cost > u128::from(most)) {
                return false;
            }
        }
        let whole = 1_i128 << f;
        self.entries.iter().for_each(|entry| add(&mut sums[entry.coordinate], whole * entry.weighed()));
        true
    }

    /// One entry for each coordinate of the person at hand.
    fn gather(&mut self, block: &Block, rows: Range<usize>, layout: &Layout) {
        self.entries.clear();
        let Self { grains, units, seen, entries, person, .. } = self;
        let mut entries = Entries { all: entries, seen, person: *person };
        for of_grain in grains.iter() {
            let tables = &layout.grains[of_grain.grain].tables;
            for row in rows.clone() {
                let Some((period, unit)) = of_grain.place(block, units, row) else { continue };
                for (table, cells) in tables.iter().zip(&of_grain.cells) {
                    entries.take(block, row, (table, table.start_of(period) + cells[unit] as usize));
                }
            }
        }
    }

    /// Spreads what was counted by unit over the tables, once.
    pub(super) fn pour(&mut self, (layout, f): (&Layout, u32), sums: &mut [i128]) {
        let whole = 1_i128 << f;
        for units in &mut self.grains {
            let tables = &layout.grains[units.grain].tables;
            let counts = std::mem::take(&mut units.counts);
            for (place, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                let (rest, mask) = (place / units.n_masks, place % units.n_masks);
                let (period, unit) = (rest / units.homes.len(), rest % units.homes.len());
                let counting = tables.iter().zip(&units.cells);
                for (table, cells) in counting.filter(|(table, _)| mask as u64 & table.bit() != 0) {
                    let sum = &mut sums[table.start_of(period) + cells[unit] as usize];
                    add(sum, i128::from(count) * whole * table.b);
                }
            }
        }
    }
}

/// The entries of the person at hand while they grow.
struct Entries<'a> {
    all: &'a mut Vec<Entry>,
    seen: &'a mut [Seen],
    person: u64,
}

impl Entries<'_> {
    /// Takes what a row adds to one coordinate of a table.
    fn take(&mut self, block: &Block, row: usize, (table, coordinate): (&TablePlan, usize)) {
        if block.masks[row] & table.bit() == 0 {
            return;
        }
        let is_sum = table.counting == Counting::Sum;
        let amount = if is_sum { i128::from(block.values[table.aggregate][row]) } else { 1 };
        let seen = &mut self.seen[coordinate];
        if seen.person != self.person {
            *seen = Seen { person: self.person, entry: self.all.len() };
            self.all.push(Entry { coordinate, amount, b: table.b });
        } else if table.counting != Counting::Persons {
            // A block has fewer than 2^64 rows, a value is below 2^63.
            self.all[seen.entry].amount += amount;
        }
    }
}

impl GrainUnits {
    fn new(layout: &Layout, grain: usize, strides: &[u32], (n_units, n_masks): (usize, usize)) -> Self {
        let plan = &layout.grains[grain];
        let code = |unit: usize, d: usize| unit / strides[d] as usize % layout.sizes[d];
        let number = |unit: usize, places: &[(usize, usize)]| -> u32 {
            let all = places.iter().map(|(d, stride)| code(unit, *d) * stride).sum::<usize>();
            u32::try_from(all).expect("fewer cells than units")
        };
        let homes: Vec<(usize, usize)> = plan.homes.iter().map(|d| (*d, strides[*d] as usize)).collect();
        let of_units = |places: &[(usize, usize)]| (0..n_units).map(|unit| number(unit, places)).collect();
        Self {
            grain,
            homes: of_units(&homes),
            cells: plan.tables.iter().map(|table| of_units(&table.strides)).collect(),
            slots: vec![Slot::default(); plan.periods.len()],
            touched: Vec::new(),
            n_masks,
            counts: vec![0; plan.periods.len() * n_units * n_masks],
        }
    }

    /// The period and the unit of a row that has a cell.
    fn place(&self, block: &Block, units: &[u32], row: usize) -> Option<(usize, usize)> {
        let (period, unit) = (block.periods[self.grain][row] as usize, units[row]);
        (period < self.slots.len() && unit != OUTSIDE).then_some((period, unit as usize))
    }

    /// Whether the person's rows have one home value a period in each dimension, and at most so many rows.
    fn agrees(
        &mut self,
        block: &Block,
        units: &[u32],
        rows: Range<usize>,
        (person, most): (u64, u32),
    ) -> bool {
        self.touched.clear();
        for row in rows {
            let Some((period, unit)) = self.place(block, units, row) else { continue };
            let (home, mask) = (self.homes[unit], block.masks[row]);
            let slot = &mut self.slots[period];
            if slot.person != person {
                *slot = Slot { person, mask, home, unit: units[row], rows: 1 };
                self.touched.push(block.periods[self.grain][row]);
            } else if slot.home != home || slot.rows == most {
                return false;
            } else {
                slot.mask |= mask;
                slot.rows += 1;
            }
        }
        true
    }

    /// Counts the person at hand in one unit of each of its periods.
    fn count(&mut self) {
        for period in &self.touched {
            let slot = &self.slots[*period as usize];
            let unit = *period as usize * self.homes.len() + slot.unit as usize;
            // One of the masks, of which there are at most 2^21.
            let mask = usize::try_from(slot.mask).unwrap_or(0);
            self.counts[unit * self.n_masks + mask] += 1;
        }
    }
}

/// How many masks rows may have.
fn n_masks(layout: &Layout) -> Option<usize> {
    1_usize.checked_shl(u32::try_from(layout.shape.aggregates.len()).ok()?)
}

/// Mixed radix, the last dimension fastest.
fn strides(sizes: &[usize]) -> Vec<u32> {
    let mut stride = 1_u32;
    let mut strides: Vec<u32> = sizes
        .iter()
        .rev()
        .map(|size| {
            let own = stride;
            stride = stride.saturating_mul(u32::try_from(*size).unwrap_or(u32::MAX));
            own
        })
        .collect();
    strides.reverse();
    strides
}
