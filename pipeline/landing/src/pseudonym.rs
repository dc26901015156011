//! Identifiers become pseudonyms here and nowhere else: keyed BLAKE3 under keys derived with versioned contexts. There is
//! deliberately no way back.

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A canonical identifier with its scheme, `partner:P-00017`. Zeroed when dropped; no `Debug`.
pub(crate) struct Identifier(pub(crate) Zeroizing<String>);

/// 16 bytes that stand for a person, the same wherever the identifier is the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pseudonym(pub(crate) [u8; 16]);

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonym(…)")
    }
}

impl Pseudonym {
    /// The leading `bits` bits, at most 16 of them.
    pub(crate) fn bucket(self, bits: u8) -> u32 {
        let leading = u32::from(u16::from_be_bytes([self.0[0], self.0[1]]));
        leading >> (16 - u32::from(bits.min(16)))
    }
}

/// Makes pseudonyms and record ids of one key space: under the first key from what came in, then under the key of each
/// rotation from what the key before it made.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Pseudonymiser {
    person: [u8; 32],
    record: [u8; 32],
    /// Zeroed with the last identity that holds them.
    #[zeroize(skip)]
    rotations: Arc<[Rotation]>,
}

impl Pseudonymiser {
    /// Of a key space's first key and those of its rotations, in their order.
    pub(crate) fn new(first: &[u8; 32], rotations: &[[u8; 32]]) -> Self {
        Self {
            person: blake3::derive_key("marsad person_key v1", first),
            record: blake3::derive_key("marsad record_id v1", first),
            rotations: rotations.iter().map(Rotation::new).collect(),
        }
    }

    /// The person behind an identifier.
    pub(crate) fn person(&self, identifier: &Identifier) -> Pseudonym {
        let first = first_16(&blake3::keyed_hash(&self.person, identifier.0.as_bytes()));
        Pseudonym(self.rotations.iter().fold(first, |key, rotation| rotation.person(&key)))
    }

    /// Begins the identity of a record; add parts, then take row ids.
    pub(crate) fn record(&self) -> RecordIdentity {
        RecordIdentity {
            hasher: blake3::Hasher::new_keyed(&self.record),
            rotations: Arc::clone(&self.rotations),
        }
    }
}

/// What one rotation makes of the keys that stand: H(new key, old), so that no identifier is needed (architecture 5).
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Rotation {
    person: [u8; 32],
    record: [u8; 32],
}

impl Rotation {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            person: blake3::derive_key("marsad person_key rotation v1", key),
            record: blake3::derive_key("marsad record_id rotation v1", key),
        }
    }

    /// The person's new key.
    pub(crate) fn person(&self, old: &[u8; 16]) -> [u8; 16] {
        first_16(&blake3::keyed_hash(&self.person, old))
    }

    /// The row's new id.
    pub(crate) fn record(&self, old: &[u8; 16]) -> [u8; 16] {
        first_16(&blake3::keyed_hash(&self.record, old))
    }
}

/// What makes a record the same record, part by part; each part is written with its length, so that none runs into the next.
#[derive(Clone)]
pub(crate) struct RecordIdentity {
    hasher: blake3::Hasher,
    rotations: Arc<[Rotation]>,
}

impl RecordIdentity {
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.hasher.update(&(part.len() as u64).to_le_bytes());
        self.hasher.update(part);
    }

    /// The id of the record's row of that index.
    pub(crate) fn row(&self, index: u32) -> [u8; 16] {
        let mut hasher = self.hasher.clone();
        hasher.update(&index.to_le_bytes());
        self.rotations.iter().fold(first_16(&hasher.finalize()), |id, rotation| rotation.record(&id))
    }
}

/// The first half of a hash.
pub(crate) fn first_16(hash: &blake3::Hash) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_bytes()[..16]);
    first
}
