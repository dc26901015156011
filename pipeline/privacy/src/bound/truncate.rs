//! Truncation: of each period the first k units in keyed order, over the base cells of a grain (algorithms 2.3).
//!
//! Units are distinct base cells for persons and rows for events. It deliberately lacks per-table truncation, after
//! which tables would no longer be marginals of one base.

use super::layout::{GrainPlan, Layout};
use super::person::Person;
use super::selection::{Selector, Tag};

/// Reusable memory: the rows that survive, by kind of unit.
#[derive(Default)]
pub(super) struct Kept {
    /// Rows whose base cell is kept.
    pub(super) persons: Vec<u32>,
    /// Rows kept as events.
    pub(super) events: Vec<u32>,
    /// Units that did not fit.
    pub(super) lost: u64,
    ranked: Vec<(Tag, u32)>,
}

/// What the selection of one grain depends on.
pub(super) struct Truncation<'a> {
    pub(super) layout: &'a Layout,
    pub(super) selector: &'a Selector,
    pub(super) grain: usize,
    pub(super) k: u32,
}

impl Truncation<'_> {
    fn plan(&self) -> &GrainPlan {
        &self.layout.grains[self.grain]
    }

    /// Fills `kept` with the rows of the first k units of each period.
    pub(super) fn select(&self, person: &Person, kept: &mut Kept) {
        kept.persons.clear();
        kept.events.clear();
        kept.lost = 0;
        let same_period = |a: &u32, b: &u32| person.period(self.grain, *a) == person.period(self.grain, *b);
        for rows in person.order(self.grain).chunk_by(same_period) {
            self.select_persons(person, rows, kept);
            self.select_events(person, rows, kept);
        }
    }

    fn select_persons(&self, person: &Person, rows: &[u32], kept: &mut Kept) {
        let start = kept.persons.len();
        kept.persons.extend(rows.iter().copied().filter(|row| person.mask(*row) & self.plan().persons != 0));
        let compare = |a: u32, b: u32| person.compare_base(self.grain, self.plan(), a, b);
        kept.persons[start..].sort_unstable_by(|a, b| compare(*a, *b));
        kept.ranked.clear();
        for cell in kept.persons[start..].chunk_by(|a, b| compare(*a, *b).is_eq()) {
            kept.ranked.push((Tag::default(), cell[0]));
        }
        let n_cells = kept.ranked.len();
        if n_cells <= self.k as usize {
            return;
        }
        kept.ranked.iter_mut().for_each(|(tag, row)| *tag = self.tag(person, *row));
        kept.ranked.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| compare(*x, *y)));
        kept.ranked.truncate(self.k as usize);
        kept.lost += (n_cells - kept.ranked.len()) as u64;
        let ranked = &kept.ranked;
        let mut seen = start;
        for i in start..kept.persons.len() {
            if ranked.iter().any(|(_, row)| compare(*row, kept.persons[i]).is_eq()) {
                kept.persons[seen] = kept.persons[i];
                seen += 1;
            }
        }
        kept.persons.truncate(seen);
    }

    fn select_events(&self, person: &Person, rows: &[u32], kept: &mut Kept) {
        let counts = |row: &u32| person.mask(*row) & self.plan().events != 0;
        let n_rows = rows.iter().filter(|row| counts(row)).count();
        if n_rows <= self.k as usize {
            kept.events.extend(rows.iter().copied().filter(counts));
            return;
        }
        kept.ranked.clear();
        kept.ranked.extend(rows.iter().copied().filter(counts).map(|row| (self.tag(person, row), row)));
        // The code bytes of an event end with one bit an aggregate, the first aggregate's first.
        let bits = |row: u32| (person.mask(row) & self.plan().events).reverse_bits();
        kept.ranked.sort_unstable_by(|(a, x), (b, y)| {
            let by_code = || person.compare_base(self.grain, self.plan(), *x, *y);
            a.cmp(b).then_with(by_code).then_with(|| bits(*x).cmp(&bits(*y)))
        });
        kept.lost += (n_rows - self.k as usize) as u64;
        kept.events.extend(kept.ranked.iter().take(self.k as usize).map(|(_, row)| *row));
    }

    fn tag(&self, person: &Person, row: u32) -> Tag {
        let codes = person.codes(self.grain, row);
        let dimensions = &self.layout.shape.dimensions;
        let texts = self.plan().base.iter().map(|d| dimensions[*d].codes[usize::from(codes[*d])].as_str());
        let period = &self.plan().periods[person.period(self.grain, row) as usize];
        self.selector.tag("truncate", period, &person.key, texts)
    }
}
