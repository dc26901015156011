//! All checked records of one file, cut into parts by person: a part is one bucket of the batch, or several.
//!
//! A part holds all records of its persons in the file's order, and decisions need no other (extracts 2), so parts are judged,
//! sorted and written each by itself: memory follows the largest part, not the file.

use std::collections::HashMap;

use super::extract::Extract;
use crate::Result;
use crate::hash::ByHash;
use crate::pseudonym::Pseudonym;
use crate::spill::Spill;
use crate::validate::Plan;

/// There are at most 2^8 parts.
const MOST_BITS: u8 = 8;
/// Carriers of declared identities are cut by the identity's leading bits.
const CARRIER_BITS: u8 = 4;

/// How many records and rows a part has.
#[derive(Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) records: usize,
    pub(crate) rows: usize,
}

/// What one reader packed of one run of rows, by part; emptied and used again.
#[derive(Clone)]
pub(crate) struct Slots {
    bits: u8,
    sizes: Vec<Size>,
    records: Vec<Vec<u8>>,
    carriers: Vec<Vec<u8>>,
}

impl Slots {
    /// Where a record of a person goes that has so many rows.
    pub(crate) fn of(&mut self, person: Option<Pseudonym>, n_rows: usize) -> &mut Vec<u8> {
        let part = person.map_or(0, |person| person.bucket(self.bits)) as usize;
        self.sizes[part].records += 1;
        self.sizes[part].rows += n_rows;
        &mut self.records[part]
    }

    /// Where the carriers of an identity of this hash go.
    pub(crate) fn carriers(&mut self, hash: [u8; 16]) -> &mut Vec<u8> {
        &mut self.carriers[Pseudonym(hash).bucket(CARRIER_BITS) as usize]
    }
}

/// The records of one file.
pub(crate) struct Parts<'a> {
    pub(crate) plan: &'a Plan<'a>,
    bucket_bits: u8,
    /// Of parts; at most as many as of buckets.
    bits: u8,
    sizes: Vec<Size>,
    records: Spill,
    carriers: Spill,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, bucket_bits: u8) -> Self {
        let bits = if plan.identifier.is_some() { bucket_bits.min(MOST_BITS) } else { 0 };
        Self {
            plan,
            bucket_bits,
            bits,
            sizes: vec![Size::default(); 1 << bits],
            records: Spill::new(1 << bits),
            carriers: Spill::new(1 << CARRIER_BITS),
        }
    }

    pub(crate) fn slots(&self) -> Slots {
        let empty = |bits: u8| vec![Vec::new(); 1 << bits];
        let sizes = vec![Size::default(); 1 << self.bits];
        Slots { bits: self.bits, sizes, records: empty(self.bits), carriers: empty(CARRIER_BITS) }
    }

    /// Takes in what a reader packed of the next run of rows.
    ///
    /// # Errors
    /// `Spill`, `Randomness`.
    pub(crate) fn take(&mut self, slots: &mut Slots) -> Result<()> {
        for (size, more) in self.sizes.iter_mut().zip(&mut slots.sizes) {
            let more = std::mem::take(more);
            size.records += more.records;
            size.rows += more.rows;
        }
        self.records.take(&mut slots.records)?;
        self.carriers.take(&mut slots.carriers)
    }

    /// How many parts there are.
    pub(crate) fn len(&self) -> usize {
        1 << self.bits
    }

    /// The part that a bucket is in.
    pub(crate) fn of_bucket(&self, bucket: u32) -> usize {
        let part = (bucket >> (self.bucket_bits - self.bits)) as usize;
        part.min(self.len() - 1)
    }

    /// The records of a part.
    ///
    /// # Errors
    /// `Spill`.
    pub(crate) fn extract(&self, part: usize) -> Result<Extract<'a>> {
        let mut extract = Extract::new(self.plan, self.sizes[part]);
        self.records.read(part, |packed| extract.unpack(packed))?;
        Ok(extract)
    }

    /// How many records have a declared identity that another person carried first.
    ///
    /// # Errors
    /// `Spill`.
    pub(crate) fn shared_identities(&self) -> Result<u64> {
        let mut shared = 0;
        for part in 0..1 << CARRIER_BITS {
            let mut first: HashMap<[u8; 16], [u8; 16], ByHash> = HashMap::default();
            self.carriers.read(part, |carriers| {
                for [identity, person] in carriers.as_chunks::<16>().0.as_chunks::<2>().0 {
                    shared += u64::from(*first.entry(*identity).or_insert(*person) != *person);
                }
            })?;
        }
        Ok(shared)
    }
}
