//! How short cells of one column were read, so that a spelling that repeats is read once: a table of one cell a place, where
//! a newer one takes an older one's place. So memory is bounded, and no choice of cells makes it slow.

use super::check::Found;
use crate::Reason;

/// Places a column; the days of a programme find room, in two spellings.
const PLACES: usize = 1 << 12;
/// Longer cells hardly repeat.
const LONGEST: usize = 64;

/// The cells of one column.
#[derive(Default)]
pub(crate) struct Memory(Vec<Option<Cell>>);

struct Cell {
    key: Key,
    /// With as many zeros behind it as there is room.
    text: [u8; LONGEST],
    found: Result<Vec<Found>, Reason>,
}

/// The length of a text, its first eight bytes and its last eight, or all of a shorter one.
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
        let mut cell = Self { key, text: [0; LONGEST], found };
        cell.text[..text.len()].copy_from_slice(text);
        cell
    }

    fn holds(&self, text: &[u8], key: Key) -> bool {
        self.key == key && (key.is_all() || self.text[..text.len()] == *text)
    }
}

impl Key {
    #[inline]
    fn of(text: &[u8]) -> Self {
        let last = match text.last_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        Self(text.len(), text.first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight)), last)
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
        usize::try_from(hash >> 32).unwrap_or_default() % PLACES
    }
}
