//! The rows of the person at hand, in memory that the next person reuses.
//!
//! It deliberately lacks the bound: it knows rows, periods and home values, not what is made of them.

use super::home::Candidates;
use super::layout::{GrainPlan, Layout};
use super::selection::Selector;
use super::tally::Row;

const NO_PERIOD: u32 = u32::MAX;

/// The rows of one person.
#[derive(Default)]
pub(super) struct Person {
    pub(super) key: [u8; 16],
    months: Vec<i32>,
    masks: Vec<u64>,
    values: Vec<i64>,
    codes: Vec<u16>,
    periods: [Vec<u32>; 2],
    homed: [Vec<u16>; 2],
    order: [Vec<u32>; 2],
    candidates: Candidates,
}

impl Person {
    pub(super) fn begin(&mut self, key: &[u8; 16]) {
        self.key = *key;
        self.months.clear();
        self.masks.clear();
        self.values.clear();
        self.codes.clear();
        self.periods.iter_mut().for_each(Vec::clear);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.months.is_empty()
    }

    /// Takes a row that lies in a listed period and in the key domain; another row has no cell.
    pub(super) fn push(&mut self, row: &Row<'_>, layout: &Layout) {
        let dimensions = &layout.shape.dimensions;
        let inside = |(code, d): (&u16, &crate::shape::Dimension)| usize::from(*code) < d.codes.len();
        let periods = [0, 1].map(|grain: usize| {
            row.periods[grain]
                .filter(|p| (*p as usize) < layout.grains[grain].periods.len())
                .unwrap_or(NO_PERIOD)
        });
        if periods == [NO_PERIOD; 2] || !row.codes.iter().zip(dimensions).all(inside) {
            return;
        }
        let mask =
            row.counted.iter().enumerate().fold(0, |mask, (i, counted)| mask | (u64::from(*counted) << i));
        self.months.push(row.month);
        self.masks.push(mask);
        self.values.extend_from_slice(row.values);
        self.codes.extend_from_slice(row.codes);
        for (list, period) in self.periods.iter_mut().zip(periods) {
            list.push(period);
        }
    }

    /// Orders the rows of one grain by period and gives each period its home values.
    pub(super) fn resolve(&mut self, grain: usize, layout: &Layout, selector: &Selector) {
        let plan = &layout.grains[grain];
        let periods = &self.periods[grain];
        let order = &mut self.order[grain];
        order.clear();
        // At most 2^32 rows a person: landing caps them long before.
        let listed = (0_u32..).zip(periods).filter(|(_, period)| **period != NO_PERIOD);
        order.extend(listed.map(|(row, _)| row));
        order.sort_unstable_by_key(|row| periods[*row as usize]);
        self.homed[grain].clone_from(&self.codes);
        for rows in order.chunk_by(|a, b| periods[*a as usize] == periods[*b as usize]) {
            let period = &plan.periods[periods[rows[0] as usize] as usize];
            for dimension in &plan.homes {
                let home = Home { layout, selector, key: &self.key, period, dimension: *dimension };
                home.settle(rows, &self.months, &mut self.homed[grain], &mut self.candidates);
            }
        }
    }

    /// The rows that lie in a listed period of the grain, by period.
    pub(super) fn order(&self, grain: usize) -> &[u32] {
        &self.order[grain]
    }

    /// The row's codes after home values of the grain.
    pub(super) fn codes(&self, grain: usize, row: u32) -> &[u16] {
        let width = self.codes.len() / self.months.len();
        &self.homed[grain][row as usize * width..][..width]
    }

    pub(super) fn period(&self, grain: usize, row: u32) -> u32 {
        self.periods[grain][row as usize]
    }

    pub(super) fn mask(&self, row: u32) -> u64 {
        self.masks[row as usize]
    }

    pub(super) fn value(&self, row: u32, aggregate: usize) -> i64 {
        let width = self.values.len() / self.months.len();
        self.values[row as usize * width + aggregate]
    }

    /// Orders two rows by their base cells.
    pub(super) fn compare_base(&self, grain: usize, plan: &GrainPlan, a: u32, b: u32) -> std::cmp::Ordering {
        let (a, b) = (self.codes(grain, a), self.codes(grain, b));
        plan.base
            .iter()
            .map(|d| a[*d].cmp(&b[*d]))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    }
}

struct Home<'a> {
    layout: &'a Layout,
    selector: &'a Selector,
    key: &'a [u8; 16],
    period: &'a str,
    dimension: usize,
}

impl Home<'_> {
    fn settle(&self, rows: &[u32], months: &[i32], codes: &mut [u16], candidates: &mut Candidates) {
        let width = self.layout.shape.dimensions.len();
        let place = |row: u32| row as usize * width + self.dimension;
        let first = codes[place(rows[0])];
        if rows.iter().all(|row| codes[place(*row)] == first) {
            return;
        }
        let dimension = &self.layout.shape.dimensions[self.dimension];
        let tie = |code: u16| {
            let text = dimension.codes[usize::from(code)].as_str();
            (self.selector.tag(&dimension.name, self.period, self.key, [text]), text)
        };
        let seen = rows.iter().map(|row| (months[*row as usize], codes[place(*row)]));
        let home = candidates.home(dimension.home, seen, tie).unwrap_or(first);
        for row in rows {
            codes[place(*row)] = home;
        }
    }
}
