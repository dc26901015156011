//! Who enters a first-time series, when and in which cells: the one entry that a person ever has (algorithms 6).
//!
//! Claim: a person's entry depends on its own rows, on the steps that are closed already (public) and on the selection key
//! only, and names one step and one cell of each table. Proof: the rows of a person stand between one [`Entrants::begin`] and
//! the next, and nothing of another person is kept. Attack: `series::tests`. It deliberately lacks the register: who has
//! entered before is dropped by the caller, and an entry, once written, is never computed again.

use std::sync::Arc;

use super::layout::Layout;
use super::person::Person;
use super::selection::{SelectionKey, Selector};
use super::tally::Row;
use crate::series::SeriesShape;

/// One entry. No `Debug`, no `Serialize`: it names a person.
#[derive(Clone)]
pub struct Entry {
    /// The person's key.
    pub person: [u8; 16],
    /// The step of entry.
    pub step: u32,
    /// For each table the index of its cell within one step.
    pub cells: Vec<u32>,
}

/// Entries of the persons seen so far.
///
/// The step of entry is that of the first event, or the first step that is still open where that one is closed: rows that
/// land late enter late. The home values are those of the period of the first event.
pub struct Entrants {
    layout: Layout,
    selector: Selector,
    grain: usize,
    open_steps: std::ops::RangeInclusive<u32>,
    person: Person,
    entries: Vec<Entry>,
}

impl Entrants {
    /// Nobody yet; `open_steps` are the steps that close now, from the first that is not closed.
    pub fn new(series: &SeriesShape, open_steps: std::ops::RangeInclusive<u32>, key: &SelectionKey) -> Self {
        let shape = series.statistic();
        Self {
            layout: Layout::new(Arc::new(shape.clone())),
            selector: Selector::new(key, &shape.id),
            grain: usize::from(series.grain() == marsad_terms::Grain::Quarter),
            open_steps,
            person: Person::default(),
            entries: Vec::new(),
        }
    }

    /// Starts the next person; ends the one at hand.
    pub fn begin(&mut self, key: &[u8; 16]) {
        self.end();
        self.person.begin(key);
    }

    /// Takes one row of the person at hand; what is no event of the statistic, or lies after the last step, is ignored.
    pub fn row(&mut self, row: &Row<'_>) {
        let within = row.periods[self.grain].is_some_and(|period| period <= *self.open_steps.end());
        if within && row.counted.iter().all(|counted| *counted) {
            self.person.push(row, &self.layout);
        }
    }

    /// Ends the person at hand, if it has an event.
    pub fn end(&mut self) {
        if self.person.is_empty() {
            return;
        }
        self.person.resolve(self.grain, &self.layout, &self.selector);
        let person = &self.person;
        if let Some(first) = person.order(self.grain).first() {
            let codes = person.codes(self.grain, *first);
            let tables = self.layout.grains[self.grain].tables.iter();
            // Cells of one step: below the 2^22 of a release.
            let cell = |plan: &super::layout::TablePlan| u32::try_from(plan.cell(0, codes) - plan.start);
            let cells = tables.map(|plan| cell(plan).expect("a step has at most 2^22 cells")).collect();
            let step = person.period(self.grain, *first).max(*self.open_steps.start());
            self.entries.push(Entry { person: person.key, step, cells });
        }
        self.person.begin(&[0; 16]);
    }

    /// The entries, in the order of persons.
    pub fn into_entries(mut self) -> Vec<Entry> {
        self.end();
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Entry: Debug, Display, serde::Serialize, PartialEq);
    assert_not_impl_any!(Entrants: Debug, Display, Clone, serde::Serialize, PartialEq);
}
