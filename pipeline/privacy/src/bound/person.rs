//! The rows of the person at hand, in memory that the next person reuses.
//!
//! It deliberately lacks the bound: it knows rows, periods and home values, not what is made of them.

use super::home::Candidates;
use super::layout::{GrainPlan, Layout};
use super::selection::Selector;
use super::tally::Row;

const NO_PERIOD: u32 = u32::MAX;

/// One row, its codes and values apart.
struct Event {
    month: i32,
    periods: [u32; 2],
    mask: u64,
}

/// The rows of one person.
#[derive(Default)]
pub(super) struct Person {
    pub(super) key: [u8; 16],
    events: Vec<Event>,
    values: Vec<i64>,
    codes: Vec<u16>,
    /// Values and codes of one row.
    widths: [usize; 2],
    homed: [Vec<u16>; 2],
    order: [Vec<u32>; 2],
    candidates: Candidates,
}

impl Person {
    pub(super) fn begin(&mut self, key: &[u8; 16]) {
        self.key = *key;
        self.events.clear();
        self.values.clear();
        self.codes.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Takes a row that lies in a listed period and in the key domain; another row has no cell.
    pub(super) fn push(&mut self, row: &Row<'_>, layout: &Layout) {
        let periods = [0, 1].map(|grain: usize| {
            row.periods[grain]
                .filter(|p| (*p as usize) < layout.grains[grain].periods.len())
                .unwrap_or(NO_PERIOD)
        });
        let inside = row.codes.iter().zip(&layout.sizes).all(|(code, size)| usize::from(*code) < *size);
        if periods == [NO_PERIOD; 2] || !inside {
            return;
        }
        let mask =
            row.counted.iter().enumerate().fold(0, |mask, (i, counted)| mask | (u64::from(*counted) << i));
        self.events.push(Event { month: row.month, periods, mask });
        self.values.extend_from_slice(row.values);
        self.codes.extend_from_slice(row.codes);
        self.widths = [row.values.len(), row.codes.len()];
    }

    /// Orders the rows of one grain by period and gives each period its home values.
    pub(super) fn resolve(&mut self, grain: usize, layout: &Layout, selector: &Selector) {
        let plan = &layout.grains[grain];
        let events = &self.events;
        let period = |row: u32| events[row as usize].periods[grain];
        let order = &mut self.order[grain];
        order.clear();
        // At most 2^32 rows a person: landing caps them long before.
        for (row, event) in (0_u32..).zip(events) {
            if event.periods[grain] != NO_PERIOD {
                order.push(row);
            }
        }
        if order.len() > 1 {
            order.sort_unstable_by_key(|row| period(*row));
        }
        self.homed[grain].clone_from(&self.codes);
        for rows in order.chunk_by(|a, b| period(*a) == period(*b)).filter(|rows| rows.len() > 1) {
            let text = &plan.periods[period(rows[0]) as usize];
            for dimension in &plan.homes {
                let home = Home { layout, selector, key: &self.key, period: text, dimension: *dimension };
                home.settle(rows, events, &mut self.homed[grain], &mut self.candidates);
            }
        }
    }

    /// The rows that lie in a listed period of the grain, by period.
    pub(super) fn order(&self, grain: usize) -> &[u32] {
        &self.order[grain]
    }

    /// The rows of each listed period of the grain.
    pub(super) fn by_period(&self, grain: usize) -> impl Iterator<Item = &[u32]> {
        self.order[grain].chunk_by(move |a, b| self.period(grain, *a) == self.period(grain, *b))
    }

    /// The row's codes after home values of the grain.
    pub(super) fn codes(&self, grain: usize, row: u32) -> &[u16] {
        let width = self.widths[1];
        &self.homed[grain][row as usize * width..][..width]
    }

    pub(super) fn period(&self, grain: usize, row: u32) -> u32 {
        self.events[row as usize].periods[grain]
    }

    pub(super) fn mask(&self, row: u32) -> u64 {
        self.events[row as usize].mask
    }

    pub(super) fn value(&self, row: u32, aggregate: usize) -> i64 {
        self.values[row as usize * self.widths[0] + aggregate]
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
    fn settle(&self, rows: &[u32], events: &[Event], codes: &mut [u16], candidates: &mut Candidates) {
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
        let seen = rows.iter().map(|row| (events[*row as usize].month, codes[place(*row)]));
        let home = candidates.home(dimension.home, seen, tie).unwrap_or(first);
        for row in rows {
            codes[place(*row)] = home;
        }
    }
}
