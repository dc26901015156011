//! How short cells of one column were read, so that a spelling that repeats is read once: a table of one cell a place, where
//! a newer one takes an older one's place. So memory is bounded, and no choice of cells makes it slow.

use super::check::Found;
use crate::Reason;

/// Places a column; the days of a programme find room.
const PLACES: usize = 1 << 11;
/// Longer cells hardly repeat.
const LONGEST: usize = 64;

/// The cells of one column.
#[derive(Default)]
pub(crate) struct Memory(Vec<Option<Cell>>);

struct Cell {
    text: String,
    found: Result<Vec<Found>, Reason>,
}

impl Memory {
    /// Whether such a cell is remembered.
    pub(crate) fn holds(text: &str) -> bool {
        !text.is_empty() && text.len() <= LONGEST
    }

    /// What a cell of this text says; it is read where it is not remembered.
    pub(crate) fn or_read(
        &mut self,
        text: &str,
        read: impl FnOnce() -> Result<Vec<Found>, Reason>,
    ) -> &mut Result<Vec<Found>, Reason> {
        if self.0.is_empty() {
            self.0.resize_with(PLACES, || None);
        }
        let place = &mut self.0[place(text)];
        if place.as_ref().is_none_or(|cell| cell.text != text) {
            *place = None;
        }
        &mut place.get_or_insert_with(|| Cell { text: text.to_owned(), found: read() }).found
    }
}

/// The place of a text: multiplied together eight bytes at a time.
fn place(text: &str) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = text.len() as u64;
    for part in text.as_bytes().chunks(8) {
        let mut bytes = [0; 8];
        bytes[..part.len()].copy_from_slice(part);
        hash = (hash.rotate_left(29) ^ u64::from_le_bytes(bytes)).wrapping_mul(ODD);
    }
    usize::try_from(hash >> 32).unwrap_or_default() % PLACES
}
