//! Identifiers become pseudonyms here and nowhere else: keyed BLAKE3 under keys derived with versioned contexts. There is
//! deliberately no way back.

use std::fmt;

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

/// Makes pseudonyms and record ids of one key space.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Pseudonymiser {
    person: [u8; 32],
    record: [u8; 32],
}

impl Pseudonymiser {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            person: blake3::derive_key("marsad person_key v1", key),
            record: blake3::derive_key("marsad record_id v1", key),
        }
    }

    /// The person behind an identifier.
    pub(crate) fn person(&self, identifier: &Identifier) -> Pseudonym {
        Pseudonym(first_16(&blake3::keyed_hash(&self.person, identifier.0.as_bytes())))
    }

    /// The identity of a record of these parts.
    pub(crate) fn record<'i>(&'i self, parts: &'i mut IdentityParts) -> RecordIdentity<'i> {
        RecordIdentity { key: &self.record, parts }
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
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&(part.len() as u64).to_le_bytes());
        self.0.extend_from_slice(part);
    }
}

/// Gives the ids of a record's rows.
pub(crate) struct RecordIdentity<'i> {
    key: &'i [u8; 32],
    parts: &'i mut IdentityParts,
}

impl RecordIdentity<'_> {
    /// The id of the record's row of that index.
    pub(crate) fn row(&mut self, index: u32) -> [u8; 16] {
        let parts = &mut self.parts.0;
        let length = parts.len();
        parts.extend_from_slice(&index.to_le_bytes());
        let id = first_16(&blake3::keyed_hash(self.key, parts));
        parts.truncate(length);
        id
    }
}

/// The first half of a hash.
pub(crate) fn first_16(hash: &blake3::Hash) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_bytes()[..16]);
    first
}
