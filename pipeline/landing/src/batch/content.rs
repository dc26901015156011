//! The content of a landed row as a hash, so that a record that comes again is compared without being kept. Consent,
//! derived columns and ids are not content. Codes enter as text: a code list may grow.

use crate::pseudonym::first_16;

/// Hashes one row's values in the order of the record type's columns.
pub(crate) struct Content(blake3::Hasher);

impl Content {
    /// Begins with the first day of the event's month.
    pub(crate) fn of_month(month: i32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&month.to_le_bytes());
        Self(hasher)
    }

    pub(crate) fn code(&mut self, code: &str) {
        self.0.update(&(code.len() as u64).to_le_bytes());
        self.0.update(code.as_bytes());
    }

    pub(crate) fn number(&mut self, number: Option<i64>) {
        let mut bytes = [0; 9];
        if let Some(number) = number {
            bytes[0] = 1;
            bytes[1..].copy_from_slice(&number.to_le_bytes());
        }
        self.0.update(&bytes);
    }

    pub(crate) fn finish(self) -> [u8; 16] {
        first_16(&self.0.finalize())
    }
}
