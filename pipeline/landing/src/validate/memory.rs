//! How short cells of one column were read, so that a spelling that repeats is read once: a table of one cell a place, where
//! a newer one takes an older one's place. So memory is bounded, and no choice of cells makes it slow.

use super::check::Found;
use crate::Reason;

/// Places a column; the days of a programme find room, in two spellings, and few of them the same place.
const PLACES: usize = 1 << 13;
/// Longer cells hardly repeat.
const LONGEST: usize = 64;

/// The cells of one column.
#[derive(Default)]
pub(crate) struct Memory(Vec<Option<Cell>>);

/// What is looked at of a short cell stands in one line of the processor's cache.
#[repr(align(64))]
struct Cell {
    key: Key,
    /// Empty where the key is all of it.
    text: Box<[u8]>,
    found: Result<Vec<Found>, Reason>,
}

/// The length of a text, its first eight bytes and its last eight, of a shorter one its first four and its last four; of three
/// or fewer all.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(usize, u64, u64);

impl Memory {
    /// Whether such a cell is remembered.
    pub(crate) fn holds(text: &str) -> bool {
        text.len() <= LONGEST
    }

    /// What a cell of this text says; it is read where it is not remembered.
    pub(crate) fn or_read(
        &mut self,
        text: &str,
        read: impl FnOnce() -> Result<Vec<Found>, Reason>,
    ) -> &Result<Vec<Found>, Reason> {
        if self.0.is_empty() {
            self.0.resize_with(PLACES, || None);
        }
        let (text, key) = (text.as_bytes(), Key::of(text.as_bytes()));
        let place = &mut self.0[key.place()];
        if place.as_ref().is_none_or(|cell| !cell.holds(text, key)) {
            *place = None;
        }
        &place.get_or_insert_with(|| Cell::new(text, key, read())).found
    }
}

impl Cell {
    fn new(text: &[u8], key: Key, found: Result<Vec<Found>, Reason>) -> Self {
        let text = if key.is_all() { &[] } else { text };
        Self { key, text: text.into(), found }
    }

    fn holds(&self, text: &[u8], key: Key) -> bool {
        self.key == key && (key.is_all() || *self.text == *text)
    }
}

impl Key {
    #[inline]
    fn of(text: &[u8]) -> Self {
        let (first, last) =
            if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
            } else {
                (0, text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
            };
        Self(text.len(), first, last)
    }

    /// Whether no other text has this key.
    #[inline]
    fn is_all(self) -> bool {
        self.0 <= 16
    }

    #[inline]
    fn place(self) -> usize {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let mix = |hash: u64, word: u64| (hash.rotate_left(29) ^ word).wrapping_mul(ODD);
        let hash = mix(mix(self.0 as u64, self.1), self.2);
        // The leading bits of a product depend on all of what was multiplied, the others do not: dates would meet there.
        usize::try_from(hash >> (u64::BITS - PLACES.ilog2())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_days_of_a_programme_hardly_meet() {
        let first = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
        let days: Vec<NaiveDate> = first.iter_days().take(4 * 365).collect();
        let written = |form: &str| -> HashSet<usize> {
            days.iter().map(|day| Key::of(day.format(form).to_string().as_bytes()).place()).collect()
        };
        for form in ["%d/%m/%Y", "%Y-%m-%d", "%d.%m.%y"] {
            // Thrown at random, 1 338 places would be taken.
            let n_places = written(form).len();
            assert!(n_places > 1200, "{form}: {n_places} places");
        }
    }

    #[test]
    fn a_cell_takes_one_line_of_the_cache() {
        assert_eq!(size_of::<Option<Cell>>(), 64);
    }

    #[test]
    fn what_repeats_is_read_once() {
        let (mut memory, mut n_read) = (Memory::default(), 0);
        for text in [
            "oui",
            "non",
            "",
            "12/07/2025",
            "Rabat-Salé-Kénitra",
            "oui",
            "non",
            "",
            "12/07/2025",
            "Rabat-Salé-Kénitra",
        ] {
            let said = memory.or_read(text, || {
                n_read += 1;
                Err(Reason::UnknownCode)
            });
            assert!(said.is_err());
        }
        assert_eq!(n_read, 5);
    }

    proptest! {
        #[test]
        fn a_cell_is_never_taken_for_another(texts in proptest::collection::vec("[ab]{0,20}", 1..60)) {
            let mut memory = Memory::default();
            for text in texts.iter().chain(&texts) {
                let said = memory.or_read(text, || Ok(vec![Found::Identity(text.clone())]));
                let Ok([Found::Identity(said)]) = said.as_deref() else { panic!("read as an identity") };
                prop_assert_eq!(said, text);
            }
        }
    }
}
