//! Entries in memory: flat and sorted by person, 20 bytes a person and four for each table, and twice that while they are
//! sorted. It deliberately lacks `Debug`, equality and any text form: an entry says when a person came.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::{Error, Result};

/// Who enters, when and where. No `Debug`, no `Serialize`: it names a person.
pub struct Entry {
    /// The person's key.
    pub person: [u8; 16],
    /// The step of entry.
    pub step: u32,
    /// For each table of the series the index of the person's cell within one step.
    pub cells: Vec<u32>,
}

/// All entries of a series, as far as its steps are closed. Cheap to clone; no `Debug`, no `Serialize`.
#[derive(Clone)]
pub struct Register {
    closed: u32,
    entries: Arc<Entries>,
}

impl Register {
    /// Of the entries of all closed steps, in any order.
    ///
    /// # Errors
    /// `Register` where a person has two.
    pub(super) fn new(closed: u32, entries: Entries) -> Result<Self> {
        Ok(Self { closed, entries: Arc::new(entries.in_order()?) })
    }

    /// The register once these steps are closed too.
    ///
    /// # Errors
    /// `Register` where they are not the next ones, or the entries do not fit.
    pub(super) fn with(&self, steps: &RangeInclusive<u32>, newcomers: &Entries) -> Result<Self> {
        if *steps.start() != self.closed || steps.is_empty() {
            return fault("its steps close in order, none twice and none left out");
        }
        if newcomers.steps.iter().any(|step| !steps.contains(step)) {
            return fault("an entry names a step that does not close now");
        }
        let mut all = Entries::clone(&self.entries);
        all.append(newcomers)?;
        Self::new(steps.end().saturating_add(1), all)
    }

    /// How many steps are closed: the number of the next one.
    pub fn closed(&self) -> u32 {
        self.closed
    }

    /// Whether a person has entered, erased or not.
    pub fn holds(&self, person: &[u8; 16]) -> bool {
        self.place(person).is_some() || self.entries.bare.binary_search(person).is_ok()
    }

    /// The place of a person in [`Register::entries`].
    pub fn place(&self, person: &[u8; 16]) -> Option<usize> {
        self.entries.persons.binary_search(person).ok()
    }

    /// Person, step of entry and cells by table, sorted by person; without those who were erased.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&[u8; 16], u32, &[u32])> {
        self.entries.iter()
    }
}

/// Columns of entries, all with as many cells.
#[derive(Clone, Default)]
pub(super) struct Entries {
    persons: Vec<[u8; 16]>,
    steps: Vec<u32>,
    /// Of all entries, one entry's after the other's.
    cells: Vec<u32>,
    /// Persons who were erased: they count no more, and never enter again (algorithms 6).
    bare: Vec<[u8; 16]>,
}

impl Entries {
    /// Takes entries over, sorted by person.
    ///
    /// # Errors
    /// `Register` where a person has two, or one has other tables than the others.
    pub(super) fn sorted(mut entries: Vec<Entry>) -> Result<Self> {
        entries.sort_unstable_by_key(|entry| entry.person);
        let mut all = Self::default();
        for entry in entries {
            all.push(entry.person, entry.step, &entry.cells)?;
        }
        all.in_order()
    }

    /// Adds one entry at the end.
    pub(super) fn push(&mut self, person: [u8; 16], step: u32, cells: &[u32]) -> Result<()> {
        if !self.persons.is_empty() && cells.len() != self.n_tables() {
            return fault("its entries have not all the same tables");
        }
        self.persons.push(person);
        self.steps.push(step);
        self.cells.extend_from_slice(cells);
        Ok(())
    }

    pub(super) fn append(&mut self, more: &Self) -> Result<()> {
        self.bare.extend_from_slice(&more.bare);
        more.iter().try_for_each(|(person, step, cells)| self.push(*person, step, cells))
    }

    /// Adds a person who was erased.
    pub(super) fn push_bare(&mut self, person: [u8; 16]) {
        self.bare.push(person);
    }

    pub(super) fn bare(&self) -> &[[u8; 16]] {
        &self.bare
    }

    /// The same with the entries of these persons bare; `None` where none of them has one.
    pub(super) fn without(&self, persons: &HashSet<[u8; 16]>) -> Option<Self> {
        let mut rest = Self { bare: self.bare.clone(), ..Self::default() };
        for (person, step, cells) in self.iter() {
            match persons.contains(person) {
                true => rest.bare.push(*person),
                false => rest.push(*person, step, cells).ok()?,
            }
        }
        (rest.persons.len() < self.persons.len()).then_some(rest)
    }

    /// The same under other keys of the persons.
    ///
    /// # Errors
    /// `Register` where two persons would have one key.
    pub(super) fn rekeyed(self, anew: impl Fn(&[u8; 16]) -> [u8; 16]) -> Result<Self> {
        let persons = self.persons.iter().map(&anew).collect();
        let bare = self.bare.iter().map(&anew).collect();
        Self { persons, bare, ..self }.in_order()
    }

    /// Cells of one entry; 0 where there is none.
    pub(super) fn n_tables(&self) -> usize {
        self.cells.len().checked_div(self.persons.len()).unwrap_or(0)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8; 16], u32, &[u32])> {
        let n = self.n_tables();
        let cells = (0..self.persons.len()).map(move |entry| &self.cells[entry * n..(entry + 1) * n]);
        self.persons.iter().zip(&self.steps).zip(cells).map(|((person, step), cells)| (person, *step, cells))
    }

    pub(super) fn persons(&self) -> &[[u8; 16]] {
        &self.persons
    }

    pub(super) fn steps(&self) -> &[u32] {
        &self.steps
    }

    /// The cells of one table, entry by entry.
    pub(super) fn cells_of(&self, table: usize) -> impl Iterator<Item = u32> {
        self.cells.iter().skip(table).step_by(self.n_tables().max(1)).copied()
    }

    /// Sorted by person, each once.
    fn in_order(self) -> Result<Self> {
        let mut bare = self.bare.clone();
        bare.sort_unstable();
        let n = self.n_tables();
        let mut order: Vec<usize> = (0..self.persons.len()).collect();
        order.sort_unstable_by_key(|entry| self.persons[*entry]);
        let sorted = Self {
            persons: order.iter().map(|entry| self.persons[*entry]).collect(),
            steps: order.iter().map(|entry| self.steps[*entry]).collect(),
            cells: order.iter().flat_map(|entry| &self.cells[entry * n..(entry + 1) * n]).copied().collect(),
            bare,
        };
        let twice = sorted.persons.iter().any(|person| sorted.bare.binary_search(person).is_ok());
        match !twice && [&sorted.persons, &sorted.bare].iter().all(|of| of.is_sorted_by(|a, b| a < b)) {
            true => Ok(sorted),
            false => fault("a person would enter twice"),
        }
    }
}

fn fault<T>(what: &'static str) -> Result<T> {
    Err(Error::Register { what })
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Entry: Debug, Display, serde::Serialize, PartialEq);
    assert_not_impl_any!(Register: Debug, Display, serde::Serialize, PartialEq);
    assert_not_impl_any!(Entries: Debug, Display, serde::Serialize, PartialEq);
}
