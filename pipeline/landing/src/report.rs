//! What a check or a landing tells: counts and places, never a value, but for frequent unknown spellings (extracts 3).

use std::collections::BTreeMap;

use marsad_terms::BatchId;
use serde::Serialize;

/// A record that did not land.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its number in the file, from 1, headers excluded.
    pub record: u64,
    /// The physical line on which it begins, from 1.
    pub line: u64,
    /// The header of the column at fault, as read; none where the fault is the record's.
    pub column: Option<String>,
    /// The reason's code, such as `R07`.
    pub reason: String,
}

/// A spelling that no code list and no mapping knows, found in at least ten records, and harmless by the detectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spelling {
    /// The header of its column.
    pub column: String,
    /// The spelling in canonical form.
    pub text: String,
    /// In how many records.
    pub records: u64,
}

/// What became of a file's records: `landed + duplicate + quarantined` are all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The batch that the file landed as, now or before; none after a check.
    pub batch: Option<BatchId>,
    /// The same content landed before by the same definitions: nothing was done (F05).
    pub already: bool,
    /// Records landed, or that would land.
    pub landed: u64,
    /// Records that landed before, or stand earlier in the file.
    pub duplicate: u64,
    /// Records kept out.
    pub quarantined: u64,
    /// Records kept out, by the reason's code.
    pub reasons: BTreeMap<String, u64>,
    /// Every record kept out, in the file's order.
    pub rejected: Vec<Rejected>,
    /// Unknown spellings that the mapping could translate.
    pub spellings: Vec<Spelling>,
    /// Duplicates of landed records that now withhold consent: their rows vanish from statistics with this batch.
    pub withdrawn: u64,
    /// Records whose declared identity is carried by another identifier too; they landed, the source should look.
    pub shared_identities: u64,
    /// Rows that the batch holds.
    pub rows: u64,
}
