//! Rows of many persons at once, column by column: persons whom no bound touches are added without being taken apart.
//!
//! Claim: where [`Block`]'s rows of one person are taken by [`Spared::take`], the sums grow by what [`super::Tally::end`] adds
//! for the same rows; where it answers false, nothing was added. Proof: it takes them only where (a) within each period all
//! rows have one home value in every home dimension, so that settling them changes nothing; (b) a period has at most k rows,
//! hence at most k units, so that truncation loses nothing; (c) the vector's cost is at most C², so that the weight is 2^f.
//! Then the vector is 2^f·b for each distinct cell of persons, and 2^f·b times rows or sum for the others; under
//! `home_cell` all rows of a period share the cells of the first. Both are decided before the first addition, person by person
//! as for all of a block at once ([`Spared::take_all`]): there a first pass over its rows finds who has two home values in a
//! period, a second one counts everybody else. Attack: `bound::tests::a_block_adds_what_its_rows_add`. It deliberately lacks
//! ties, draws and keys.

use std::ops::Range;

use super::clip;
use super::layout::{Counting, Layout, TablePlan};
use super::tally::{LARGEST_SUM, add};
use crate::shape::Bound;

/// In [`Block::periods`]: the row lies in no listed period.
pub const NO_PERIOD: u32 = u32::MAX;

/// A row with a code outside the key domain.
const OUTSIDE: u16 = u16::MAX;
/// Combinations of codes at most, and of periods, codes and masks: beyond that rows are taken one by one.
const MOST_UNITS: usize = OUTSIDE as usize;
const MOST_COUNTS: usize = 1 << 21;

/// Rows of one batch, in terms of the shape. All columns that are not empty have one length.
#[derive(Default)]
pub struct Block {
    /// How many rows.
    pub n_rows: usize,
    /// By row: the number of its person in the block. They begin with 0, and all rows of one stand together.
    pub persons: Vec<u32>,
    /// By grain, years first, and row: index of the period, or [`NO_PERIOD`]; empty where no row lies in a listed one.
    pub periods: [Vec<u32>; 2],
    /// By dimension and row: index of the code; outside its codes the row has no cell.
    pub codes: Vec<Vec<u16>>,
    /// By aggregate and row: whole steps of a sum; empty for counts.
    pub values: Vec<Vec<i64>>,
    /// By row: bit a says whether aggregate a counts it; empty where all aggregates count all rows.
    pub masks: Vec<u64>,
}

impl Block {
    /// The mask of a row, of aggregates `all` together.
    fn mask(&self, row: usize, all: u64) -> u64 {
        if self.masks.is_empty() { all } else { self.masks[row] }
    }
}

/// The fast way of one tally.
pub(super) struct Spared {
    /// Of each dimension in the number of a row's unit.
    strides: Vec<u16>,
    grains: Vec<GrainUnits>,
    limit: Limit,
    /// By row of the block at hand.
    units: Vec<u16>,
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
    n_periods: usize,
    /// By period, and one for rows without a cell.
    slots: Vec<Slot>,
    touched: Vec<u32>,
    /// The first rows in the block at hand, so many of these.
    firsts: Vec<First>,
    n_firsts: usize,
    n_masks: usize,
    /// The mask of all aggregates.
    all: u64,
    /// Persons by (period, unit, mask), under `home_cell`.
    counts: Vec<u64>,
}

/// What is known of one period of the person at hand.
#[derive(Clone, Copy, Default)]
struct Slot {
    person: u64,
    mask: u64,
    rows: u32,
    unit: u16,
}

/// The first row that some person of the block has in a period.
#[derive(Clone, Copy, Default)]
struct First {
    /// Number of its period and unit together.
    place: u32,
    person: u32,
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
        if n_units == 0 || n_units > MOST_UNITS {
            return None;
        }
        let is_counted = limit == Limit::HomeCell;
        let used = (0..2).filter(|grain| !layout.grains[*grain].tables.is_empty());
        let strides = strides(&layout.sizes);
        let of_grain = |grain| GrainUnits::new(layout, grain, &strides, (n_units, n_masks, is_counted));
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
        self.units.resize(block.n_rows, 0);
        for ((codes, size), stride) in block.codes.iter().zip(&layout.sizes).zip(&self.strides) {
            let size = u16::try_from(*size).expect("no more codes than units");
            for (unit, code) in self.units.iter_mut().zip(codes) {
                // A code below its size gives a number of a unit; another product is not looked at.
                let place = if *code < size { code.wrapping_mul(*stride) } else { OUTSIDE };
                // All units are below what is outside, and what is outside stays so.
                *unit = unit.saturating_add(place);
            }
        }
    }

    /// Adds the rows of those persons in `offered` whom no bound touches; who is not taken stays in `left`, by person.
    pub(super) fn take_all(
        &mut self,
        block: &Block,
        (offered, left): (Range<usize>, &mut [bool]),
        (layout, f): (&Layout, u32),
        sums: &mut [i128],
    ) {
        if self.limit == Limit::HomeCell && block.masks.is_empty() {
            left.get_mut(offered).unwrap_or_default().fill(false);
            let before = self.person + 1;
            self.person += left.len() as u64;
            for grain in &mut self.grains {
                grain.find_firsts(block, &self.units, (before, &mut *left));
            }
            self.grains.iter_mut().for_each(|grain| grain.count_firsts(left));
            return;
        }
        let mut start = 0;
        for rows in block.persons.chunk_by(|a, b| a == b) {
            let (person, end) = (rows[0] as usize, start + rows.len());
            if offered.contains(&person) {
                left[person] = !self.take(block, start..end, (layout, f), sums);
            }
            start = end;
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
        if block.mask(row, u64::MAX) & table.bit() == 0 {
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
    fn new(
        layout: &Layout,
        grain: usize,
        strides: &[u16],
        (n_units, n_masks, is_counted): (usize, usize, bool),
    ) -> Self {
        let plan = &layout.grains[grain];
        let code = |unit: usize, d: usize| unit / usize::from(strides[d]) % layout.sizes[d];
        let number = |unit: usize, places: &[(usize, usize)]| -> u32 {
            let all = places.iter().map(|(d, stride)| code(unit, *d) * stride).sum::<usize>();
            u32::try_from(all).expect("fewer cells than units")
        };
        let homes: Vec<(usize, usize)> = plan.homes.iter().map(|d| (*d, usize::from(strides[*d]))).collect();
        let of_units = |places: &[(usize, usize)]| (0..n_units).map(|unit| number(unit, places)).collect();
        Self {
            grain,
            homes: of_units(&homes),
            cells: plan.tables.iter().map(|table| of_units(&table.strides)).collect(),
            n_periods: plan.periods.len(),
            slots: vec![Slot::default(); plan.periods.len() + 1],
            touched: Vec::new(),
            firsts: Vec::new(),
            n_firsts: 0,
            n_masks,
            all: (n_masks - 1) as u64,
            counts: vec![0; if is_counted { plan.periods.len() * n_units * n_masks } else { 0 }],
        }
    }

    /// The period and the unit of a row that has a cell.
    fn place(&self, block: &Block, units: &[u16], row: usize) -> Option<(usize, usize)> {
        let (period, unit) = (*block.periods[self.grain].get(row)? as usize, units[row]);
        (period < self.n_periods && unit != OUTSIDE).then_some((period, unit.into()))
    }

    /// Whether the person's rows have one home value a period in each dimension, and at most so many rows.
    fn agrees(
        &mut self,
        block: &Block,
        units: &[u16],
        rows: Range<usize>,
        (person, most): (u64, u32),
    ) -> bool {
        self.touched.clear();
        let periods = block.periods[self.grain].get(rows.clone()).unwrap_or_default();
        for (row, (period, unit)) in rows.clone().zip(periods.iter().zip(&units[rows])) {
            if *period as usize >= self.n_periods || *unit == OUTSIDE {
                continue;
            }
            let mask = block.mask(row, self.all);
            let slot = &mut self.slots[*period as usize];
            if slot.person != person {
                *slot = Slot { person, mask, unit: *unit, rows: 1 };
                self.touched.push(*period);
                continue;
            }
            let home = |unit: u16| self.homes[usize::from(unit)];
            if slot.rows == most || (slot.unit != *unit && home(slot.unit) != home(*unit)) {
                return false;
            }
            slot.mask |= mask;
            slot.rows += 1;
        }
        true
    }

    /// Finds the first row of each person in each period, and leaves who has two home values in one. It has no branches: in which
    /// rows a person or a period begins cannot be foreseen.
    fn find_firsts(&mut self, block: &Block, units: &[u16], (before, left): (u64, &mut [bool])) {
        self.firsts.resize(block.n_rows.max(self.firsts.len()), First::default());
        let Self { n_periods, homes, slots, firsts, .. } = self;
        let (n_periods, homes, slots) = (*n_periods, homes.as_slice(), slots.as_mut_slice());
        let (n_units, firsts) = (homes.len(), firsts.as_mut_slice());
        let mut n = 0;
        let rows = block.periods[self.grain].iter().zip(units).zip(&block.persons);
        for ((period, unit), number) in rows {
            let has_cell = (*period as usize) < n_periods && *unit != OUTSIDE;
            let period = if has_cell { *period as usize } else { n_periods };
            let unit = if has_cell { *unit } else { 0 };
            let person = before + u64::from(*number);
            let slot = &mut slots[period];
            let is_known = slot.person == person;
            let differs = homes[usize::from(slot.unit)] != homes[usize::from(unit)];
            left[*number as usize] |= has_cell & is_known & differs;
            (slot.person, slot.unit) = (person, unit);
            // At most 2^22 places, with those of the rows that have no cell.
            let place = u32::try_from(period * n_units + usize::from(unit)).unwrap_or(u32::MAX);
            firsts[n] = First { place, person: *number };
            n += usize::from(has_cell) & usize::from(!is_known);
        }
        self.n_firsts = n;
    }

    /// Counts who is not left in the unit of each of its first rows.
    fn count_firsts(&mut self, left: &[bool]) {
        // One of the masks, of which there are at most 2^21.
        let all = usize::try_from(self.all).unwrap_or(0);
        for first in &self.firsts[..self.n_firsts] {
            self.counts[first.place as usize * self.n_masks + all] += u64::from(!left[first.person as usize]);
        }
    }

    /// Counts the person at hand in one unit of each of its periods.
    fn count(&mut self) {
        for period in &self.touched {
            let slot = &self.slots[*period as usize];
            let unit = *period as usize * self.homes.len() + usize::from(slot.unit);
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

/// Mixed radix, the last dimension fastest. None is above the number of units, unless some dimension has no code at all.
fn strides(sizes: &[usize]) -> Vec<u16> {
    let mut stride = 1_usize;
    let mut strides: Vec<u16> = sizes
        .iter()
        .rev()
        .map(|size| {
            let own = stride;
            stride = stride.saturating_mul(*size);
            u16::try_from(own).unwrap_or(1)
        })
        .collect();
    strides.reverse();
    strides
}
