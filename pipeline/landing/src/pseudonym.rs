//! Identifiers become pseudonyms here and nowhere else: keyed BLAKE3 under keys derived with versioned contexts. There is
//! deliberately no way back.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A canonical identifier with its scheme, `partner:P-00017`. Zeroed when dropped; no `Debug`.
#[derive(Default)]
pub(crate) struct Identifier(pub(crate) Zeroizing<String>);

impl Identifier {
    /// Begins another one of this scheme, with room for what follows, so that none leaves a copy behind where it grows.
    pub(crate) fn begin(&mut self, scheme: &str, room: usize) {
        let room = scheme.len() + 1 + room;
        if self.0.capacity() < room {
            self.0 = Zeroizing::new(String::with_capacity(room));
        }
        self.0.clear();
        self.0.push_str(scheme);
        self.0.push(':');
    }

    /// Becomes a copy of this text.
    pub(crate) fn copy(&mut self, text: &str) {
        if self.0.capacity() < text.len() {
            self.0 = Zeroizing::new(String::with_capacity(text.len()));
        }
        self.0.clear();
        self.0.push_str(text);
    }
}

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
    /// Each zeroes itself.
    #[zeroize(skip)]
    rotations: Vec<Rotation>,
}

impl Pseudonymiser {
    /// Of a key space's first key and those of its rotations, in their order.
    pub(crate) fn new(first: &[u8; 32], rotations: &[[u8; 32]]) -> Self {
        Self {
            person: blake3::derive_key("marsad person_key v1", first),
            record: blake3::derive_key("marsad record_id v2", first),
            rotations: rotations.iter().map(Rotation::new).collect(),
        }
    }

    /// The person behind an identifier.
    pub(crate) fn person(&self, identifier: &Identifier) -> Pseudonym {
        let first = first_16(&blake3::keyed_hash(&self.person, identifier.0.as_bytes()));
        Pseudonym(self.rotations.iter().fold(first, |key, rotation| rotation.person(&key)))
    }

    /// The ids of the rows of a record of these parts, by their index: pieces of one output of BLAKE3, which may be as long as
    /// is wanted (BLAKE3 2.6), so that a record is hashed once however many rows it has.
    pub(crate) fn rows(&self, parts: &IdentityParts, ids: &mut [[u8; 16]]) {
        let mut hasher = blake3::Hasher::new_keyed(&self.record);
        hasher.update(&parts.0).finalize_xof().fill(ids.as_flattened_mut());
        for id in ids {
            *id = self.rotations.iter().fold(*id, |id, rotation| rotation.record(&id));
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
pub(crate) struct IdentityParts(Zeroizing<Vec<u8>>);

impl Default for IdentityParts {
    /// With room, so that few identities leave a copy behind where they outgrow it.
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(1 << 12)))
    }
}

impl IdentityParts {
    /// One part.
    pub(crate) fn of(part: &[u8]) -> Self {
        let mut parts = Self(Zeroizing::default());
        parts.add(part);
        parts
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&(part.len() as u64).to_le_bytes());
        self.0.extend_from_slice(part);
    }

    /// Adds parts that were joined before.
    pub(crate) fn extend(&mut self, parts: &Self) {
        self.0.extend_from_slice(&parts.0);
    }
}

/// The first half of a hash.
pub(crate) fn first_16(hash: &blake3::Hash) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_bytes()[..16]);
    first
}
