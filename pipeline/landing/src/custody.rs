//! The custody log of one store: what landed when, as which files. A batch exists because an entry says so. Its first entry
//! holds a keyed check value of each key.

use std::collections::{BTreeMap, BTreeSet};

use marsad_log::{Appended, Draft, Entry, Log, Store};
use marsad_terms::{BatchId, Digest, RecordTypeId};
use serde::{Deserialize, Serialize};

use crate::keys::Keys;
use crate::{Error, Result};

/// Where the log stands in the store.
const PREFIX: &str = "_log";
/// The kind of entry that lands a batch.
const BATCH: &str = "batch";

/// One file of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) path: String,
    /// Of the bytes as stored.
    pub(crate) hash: Digest,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// The body of a `batch` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchEntry {
    pub(crate) batch: BatchId,
    pub(crate) record_type: RecordTypeId,
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
    /// Batches that this one takes the place of.
    pub(crate) replaces: Vec<BatchId>,
    pub(crate) records: Counts,
    /// Check values of the keys by name, in the log's first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<BTreeMap<String, Digest>>,
}

/// Records of the extract by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) landed: u64,
    pub(crate) duplicate: u64,
    pub(crate) quarantined: u64,
}

/// The state of one store: the replay of its log.
pub(crate) struct Custody {
    log: Log,
    pub(crate) head: Option<Entry>,
    /// Batches with the time they landed, in order.
    pub(crate) batches: Vec<(String, BatchEntry)>,
}

impl Custody {
    /// Reads the log and compares the keys with what it was begun with.
    ///
    /// # Errors
    /// `OtherKey`; `Custody` for an entry that this version does not know; `Log` where the log is not whole.
    pub(crate) async fn read(store: &Store, keys: &Keys) -> Result<Self> {
        let log = Log::open(store.clone(), PREFIX);
        let entries = log.read().await?;
        let mut batches = Vec::with_capacity(entries.len());
        for entry in &entries {
            let unknown = || Error::Custody { sequence: entry.sequence, kind: entry.kind.clone() };
            if entry.kind != BATCH {
                return Err(unknown());
            }
            let body: BatchEntry = serde_json::from_value(entry.body.clone()).map_err(|_| unknown())?;
            batches.push((entry.time.clone(), body));
        }
        let custody = Self { log, head: entries.into_iter().next_back(), batches };
        custody.has_keys(keys, store)?;
        Ok(custody)
    }

    fn has_keys(&self, keys: &Keys, store: &Store) -> Result<()> {
        let Some((_, first)) = self.batches.first() else { return Ok(()) };
        let stored = first.keys.as_ref().ok_or(Error::Custody { sequence: 0, kind: BATCH.to_owned() })?;
        match keys.check_values().iter().find(|(name, value)| stored.get(*name) != Some(*value)) {
            None => Ok(()),
            Some((name, _)) => Err(Error::OtherKey { name: name.clone(), store: store.url().to_owned() }),
        }
    }

    /// Appends a batch after what was read.
    pub(crate) async fn append(&self, mut batch: BatchEntry, keys: &Keys) -> Result<Appended> {
        batch.keys = self.head.is_none().then(|| keys.check_values());
        let body = serde_json::to_value(&batch).expect("a batch entry is plain JSON");
        Ok(self.log.append(self.head.as_ref(), Draft::new(BATCH, body)).await?)
    }

    /// The batches that no other one replaces, of one record type.
    pub(crate) fn current(&self, record_type: &RecordTypeId) -> Vec<BatchEntry> {
        let replaced: BTreeSet<&BatchId> =
            self.batches.iter().flat_map(|(_, batch)| &batch.replaces).collect();
        let batches = self.batches.iter().map(|(_, batch)| batch);
        let current =
            batches.filter(|batch| batch.record_type == *record_type && !replaced.contains(&batch.batch));
        current.cloned().collect()
    }

    /// The batch that the same content landed as, read by the same definitions.
    pub(crate) fn of_content(&self, content: Digest, definitions: Digest) -> Option<&BatchEntry> {
        let mut batches = self.batches.iter().map(|(_, batch)| batch);
        batches.find(|batch| batch.content == content && batch.definitions == definitions)
    }

    /// Refuses settings that would cut persons into other buckets than what landed.
    pub(crate) fn has_bucket_bits(&self, bits: u8) -> Result<()> {
        match self.batches.first() {
            Some((_, first)) if first.bucket_bits != bits => {
                Err(Error::Buckets { stored: first.bucket_bits, configured: bits })
            }
            _ => Ok(()),
        }
    }
}
