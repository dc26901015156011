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

/// What a check says of one column: each cell by itself, whatever its record's other cells are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ColumnReport {
    /// Its header.
    pub column: String,
    /// What it fills: landed columns, `identifier`, `consent`, `identity`, `scan`.
    pub fills: Vec<String>,
    /// Cells that pass, empty ones included.
    pub accepted: u64,
    /// Cells among them that are empty.
    pub empty: u64,
    /// Cells among them whose canonical form is not how they are written.
    pub changed: u64,
    /// What declared spellings and forms become; nothing else of a cell is ever told.
    pub normalised: Vec<Normalised>,
    /// Cells that fail, by reason.
    pub rejected: Vec<RejectedCells>,
}

/// A spelling that a code list or the mapping declares, or a form in round brackets, and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Normalised {
    /// As written.
    pub from: String,
    /// As it lands.
    pub to: String,
    /// In how many records.
    pub records: u64,
}

/// The cells of one column that fail for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RejectedCells {
    /// The reason's code, such as `R07`.
    pub reason: String,
    /// How many.
    pub records: u64,
    /// The physical lines or sheet rows of the first 10 000, from 1.
    pub lines: Vec<u64>,
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
    /// Records among those landed whose quarter had closed.
    pub late: u64,
    /// Persons' records among those landed that withhold consent: no statistic sees them.
    pub unseen: u64,
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
    /// Column by column, in the file's order; after a check only.
    pub columns: Vec<ColumnReport>,
    /// Landed records that came again and now withhold consent, be it with other content (R11): their rows vanish from
    /// statistics with this batch.
    pub withdrawn: u64,
    /// Records whose declared identity is carried by another identifier too; they landed, the source should look.
    pub shared_identities: u64,
    /// Rows that the batch holds.
    pub rows: u64,
}
