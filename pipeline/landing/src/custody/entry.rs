//! What the entries of the custody log say: their bodies, by kind. Forms that were written once read for ever.

use std::collections::BTreeMap;

use marsad_terms::{BatchId, Digest, RecordTypeId};
use serde::{Deserialize, Serialize};

use crate::key_space::KeySpace;

/// The kind of entry that lands a batch.
pub(crate) const BATCH: &str = "batch";
/// The kind of entry that closes steps of a series.
pub(crate) const SERIES_STEP: &str = "series_step";
/// The kind of entry that takes persons out of what landed.
pub(crate) const ERASED: &str = "erased";
/// The kind of entry that takes rows out whose retention has ended.
pub(crate) const PURGED: &str = "purged";
/// The kind of entry that takes a batch back.
pub(crate) const RETRACTED: &str = "retracted";
/// The kind of entry that puts one batch in the place of several.
pub(crate) const REPLACED: &str = "replaced";
/// The kind of entry after which files that nothing names are removed.
pub(crate) const SWEPT: &str = "swept";
/// The kind of entry that gives a store another landing key.
pub(crate) const ROTATED: &str = "rotated";
/// The kind of entry that tells of a person's access.
pub(crate) const EXPORTED: &str = "exported";

/// Check values of the keys by name: in a log's first entry, and of the new key in a `rotated` one.
pub(crate) type CheckValues = BTreeMap<String, Digest>;

/// What the first entry says beside what its kind says.
#[derive(Deserialize)]
pub(crate) struct FirstEntry {
    pub(crate) keys: CheckValues,
}

/// One file of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) path: String,
    /// Of the bytes as stored.
    pub(crate) hash: Digest,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Whether a row in it withholds consent that another file's row of the same record has; absent where nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) withdraws: Option<bool>,
}

impl FileEntry {
    /// The same of rows that lay in these files.
    pub(crate) fn with_rows_of(self, files: &[&FileEntry]) -> Self {
        let noted: Option<Vec<bool>> = files.iter().map(|file| file.withdraws).collect();
        Self { withdraws: noted.map(|noted| noted.contains(&true)), ..self }
    }
}

/// The body of a `batch` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchEntry {
    pub(crate) batch: BatchId,
    pub(crate) record_type: RecordTypeId,
    /// Under whose keys its persons landed; absent in entries from before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_space: Option<KeySpace>,
    pub(crate) source: String,
    pub(crate) mapping: String,
    pub(crate) custodian: String,
    /// Keyed hash of the extract's bytes.
    pub(crate) content: Digest,
    /// Hash of the mapping, record type and spellings that read it: corrected definitions may read the same bytes again.
    pub(crate) definitions: Digest,
    pub(crate) bucket_bits: u8,
    /// In the order of buckets.
    pub(crate) files: Vec<FileEntry>,
    pub(crate) quarantine: Option<FileEntry>,
    /// Batches that this one corrects: their files go.
    pub(crate) replaces: Vec<BatchId>,
    pub(crate) records: Counts,
}

/// Records of the extract by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) landed: u64,
    pub(crate) duplicate: u64,
    pub(crate) quarantined: u64,
}

/// The body of a `series_step` entry. It deliberately lacks how many persons entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepsEntry {
    pub(crate) series: Digest,
    pub(crate) record_type: RecordTypeId,
    /// The steps that close together.
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) custodian: String,
    /// The file of those who enter.
    pub(crate) path: String,
    /// Of its bytes as stored.
    pub(crate) hash: Digest,
}

/// The body of an `erased` or `purged` entry: the proof that rows are gone. It deliberately lacks whose they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RestEntry {
    /// What is left of landed files; a file without a row left has none.
    pub(crate) files: Vec<FileEntry>,
    /// What is left of registers of first-time series, without a count.
    pub(crate) series: Vec<HashedFile>,
    /// Of an erasure: the list of erased persons, without a count; absent where it stays, and in entries from before there
    /// was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<HashedFile>,
    /// Paths of the files that those take the place of.
    pub(crate) replaces: Vec<String>,
    pub(crate) custodian: String,
    /// Of a purge: the first month that stays, by record type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) kept_from: BTreeMap<RecordTypeId, String>,
}

/// A file of a register, or a list of erased persons, that takes the place of another. It deliberately lacks a size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HashedFile {
    pub(crate) path: String,
    /// Of the bytes as stored.
    pub(crate) hash: Digest,
}

/// The body of a `retracted` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RetractedEntry {
    pub(crate) batch: BatchId,
    pub(crate) record_type: RecordTypeId,
    pub(crate) reason: String,
    /// Paths of the files that go.
    pub(crate) replaces: Vec<String>,
    pub(crate) custodian: String,
}

/// The body of a `replaced` entry: one batch with the rows of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplacedEntry {
    /// The new batch.
    pub(crate) batch: BatchId,
    pub(crate) record_type: RecordTypeId,
    /// The batches whose rows it holds.
    pub(crate) of: Vec<BatchId>,
    pub(crate) bucket_bits: u8,
    /// In the order of buckets.
    pub(crate) files: Vec<FileEntry>,
    /// Paths of the files that those take the place of.
    pub(crate) replaces: Vec<String>,
    pub(crate) custodian: String,
}

/// The body of a `rotated` entry: check values of the new keys and, of a key of pseudonyms, all files under the new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RotatedEntry {
    pub(crate) custodian: String,
    pub(crate) new_keys: CheckValues,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) batches: Vec<BatchFiles>,
    /// Registers of first-time series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) series: Vec<HashedFile>,
    /// The list of erased persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<HashedFile>,
    /// Paths of the files that those take the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) replaces: Vec<String>,
}

impl RotatedEntry {
    /// Paths of the files that were put for it.
    pub(crate) fn puts(&self) -> Vec<String> {
        let files = self.batches.iter().flat_map(|batch| &batch.files).map(|file| &file.path);
        files.chain(self.series.iter().chain(&self.list).map(|file| &file.path)).cloned().collect()
    }
}

/// All files of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchFiles {
    pub(crate) batch: BatchId,
    /// In the order of buckets.
    pub(crate) files: Vec<FileEntry>,
}

/// The body of a `swept` or `exported` entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActEntry {
    pub(crate) custodian: String,
    /// Of a sweep: how many files were in nobody's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) orphans: Option<u64>,
}
