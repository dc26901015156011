//! Tables by keys that are keyed hashes already, so that nobody chooses where they fall: they need no second hash.

use std::hash::{BuildHasherDefault, Hasher};

/// Of maps and sets by pseudonym or record id.
pub(crate) type ByHash = BuildHasherDefault<Leading>;

/// Takes eight bytes of a hash as they are; what stands beside it is mixed in.
#[derive(Default)]
pub(crate) struct Leading(u64);

impl Hasher for Leading {
    fn write(&mut self, bytes: &[u8]) {
        let mut leading = [0; 8];
        let length = bytes.len().min(8);
        leading[..length].copy_from_slice(&bytes[..length]);
        self.0 = self.0.rotate_left(9) ^ u64::from_le_bytes(leading);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
