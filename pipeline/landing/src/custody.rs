//! The custody log of one store: what landed when, as which files, and which steps of which first-time series are closed. A
//! batch exists, and a step is closed, because an entry says so. Its first entry holds a keyed check value of each key.

use std::collections::{BTreeMap, BTreeSet};

use marsad_log::{Appended, Draft, Entry, Log, Store};
use marsad_terms::{BatchId, Digest, RecordTypeId};
use serde::{Deserialize, Serialize};

use crate::keys::Keys;
use crate::{Error, Result};

/// Where the log stands in the store.
pub(crate) const PREFIX: &str = "_log";
/// The kind of entry that lands a batch.
const BATCH: &str = "batch";
/// The kind of entry that closes steps of a series.
const SERIES_STEP: &str = "series_step";
/// The kind of entry that takes persons out of what landed.
const ERASED: &str = "erased";

/// Check values of the keys by name.
type CheckValues = BTreeMap<String, Digest>;

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
    pub(crate) keys: Option<CheckValues>,
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
    /// Check values of the keys by name, in the log's first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<CheckValues>,
}

/// The body of an `erased` entry: the proof of an erasure. It deliberately lacks who was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErasedEntry {
    /// What is left of landed files; a file without a row left has none.
    pub(crate) files: Vec<FileEntry>,
    /// What is left of registers of first-time series, without a count.
    pub(crate) series: Vec<SeriesFile>,
    /// Paths of the files that those take the place of.
    pub(crate) replaces: Vec<String>,
    pub(crate) custodian: String,
}

/// A register's file that takes the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeriesFile {
    pub(crate) path: String,
    /// Of the bytes as stored.
    pub(crate) hash: Digest,
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
    /// Closed steps, of each series in order and without a gap.
    steps: Vec<StepsEntry>,
    /// Paths of files that others took the place of: they and their keys are to be gone.
    pub(crate) replaced: Vec<String>,
    /// Of the first entry.
    keys: Option<CheckValues>,
}

impl Custody {
    /// Reads the log and compares the keys with what it was begun with.
    ///
    /// # Errors
    /// `OtherKey`; `Custody` for an entry that this version does not know; `Log` where the log is not whole.
    pub(crate) async fn read(store: &Store, keys: &Keys) -> Result<Self> {
        let log = Log::open(store.clone(), PREFIX);
        let entries = log.read().await?;
        let mut custody = Self {
            log,
            head: None,
            batches: Vec::new(),
            steps: Vec::new(),
            replaced: Vec::new(),
            keys: None,
        };
        for entry in entries {
            let held = custody.take(&entry)?;
            if custody.head.is_none() {
                custody.keys = held;
            }
            custody.head = Some(entry);
        }
        custody.has_keys(keys, store)?;
        Ok(custody)
    }

    /// Takes one entry in and gives the check values that it holds.
    fn take(&mut self, entry: &Entry) -> Result<Option<CheckValues>> {
        let unknown = || Error::Custody { sequence: entry.sequence, kind: entry.kind.clone() };
        match entry.kind.as_str() {
            BATCH => {
                let batch = BatchEntry::deserialize(&entry.body).map_err(|_| unknown())?;
                let keys = batch.keys.clone();
                self.batches.push((entry.time.clone(), batch));
                Ok(keys)
            }
            SERIES_STEP => {
                let steps = StepsEntry::deserialize(&entry.body).map_err(|_| unknown())?;
                if steps.first != self.n_closed(&steps.series) || steps.first > steps.last {
                    return Err(unknown());
                }
                let keys = steps.keys.clone();
                self.steps.push(steps);
                Ok(keys)
            }
            ERASED => {
                let erased = ErasedEntry::deserialize(&entry.body).map_err(|_| unknown())?;
                self.erase(&erased).ok_or_else(unknown)?;
                Ok(None)
            }
            _ => Err(unknown()),
        }
    }

    /// Puts what is left in the place of what was; `None` where the entry does not fit what landed.
    fn erase(&mut self, erased: &ErasedEntry) -> Option<()> {
        for old in &erased.replaces {
            let in_place = |path: &str| path != old && place_of(path) == place_of(old);
            let rest = erased.files.iter().find(|file| in_place(&file.path));
            if let Some(steps) = self.steps.iter_mut().find(|steps| steps.path == *old) {
                let rest = erased.series.iter().find(|file| in_place(&file.path))?;
                (steps.path, steps.hash) = (rest.path.clone(), rest.hash);
                continue;
            }
            let mut batches = self.batches.iter_mut().map(|(_, batch)| &mut batch.files);
            let (at, files) =
                batches.find_map(|files| Some((files.iter().position(|file| file.path == *old)?, files)))?;
            match rest {
                Some(rest) => files[at] = rest.clone(),
                None => drop(files.remove(at)),
            }
        }
        self.replaced.extend_from_slice(&erased.replaces);
        Some(())
    }

    fn has_keys(&self, keys: &Keys, store: &Store) -> Result<()> {
        let Some(head) = &self.head else { return Ok(()) };
        let none = || Error::Custody { sequence: 0, kind: head.kind.clone() };
        let stored = self.keys.as_ref().ok_or_else(none)?;
        match keys.check_values().iter().find(|(name, value)| stored.get(*name) != Some(*value)) {
            None => Ok(()),
            Some((name, _)) => Err(Error::OtherKey { name: name.clone(), store: store.url().to_owned() }),
        }
    }

    /// Appends a batch after what was read.
    pub(crate) async fn append(&self, mut batch: BatchEntry, keys: &Keys) -> Result<Appended> {
        batch.keys = self.first_keys(keys);
        self.write(BATCH, &batch).await
    }

    /// Closes steps of a series after what was read.
    pub(crate) async fn close(&self, mut steps: StepsEntry, keys: &Keys) -> Result<Appended> {
        steps.keys = self.first_keys(keys);
        self.write(SERIES_STEP, &steps).await
    }

    /// Takes persons out of what was read. There is a first entry where there are persons.
    pub(crate) async fn append_erased(&self, erased: &ErasedEntry) -> Result<Appended> {
        self.write(ERASED, erased).await
    }

    /// Where the log ends: the number of its last entry.
    pub(crate) fn last(&self) -> Option<u64> {
        self.head.as_ref().map(|entry| entry.sequence)
    }

    /// All closed steps of all series.
    pub(crate) fn all_steps(&self) -> &[StepsEntry] {
        &self.steps
    }

    fn first_keys(&self, keys: &Keys) -> Option<CheckValues> {
        self.head.is_none().then(|| keys.check_values())
    }

    async fn write(&self, kind: &str, body: &impl Serialize) -> Result<Appended> {
        let body = serde_json::to_value(body).expect("a custody entry is plain JSON");
        Ok(self.log.append(self.head.as_ref(), Draft::new(kind, body)).await?)
    }

    /// The entries that closed the steps of a series, in order.
    pub(crate) fn steps<'a>(&'a self, series: &'a Digest) -> impl Iterator<Item = &'a StepsEntry> {
        self.steps.iter().filter(move |steps| steps.series == *series)
    }

    /// How many steps of a series are closed.
    pub(crate) fn n_closed(&self, series: &Digest) -> u32 {
        self.steps(series).last().map_or(0, |steps| steps.last.saturating_add(1))
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

/// What stays the same where a file takes the place of another: its folder, and its bucket or steps.
pub(crate) fn place_of(path: &str) -> &str {
    let stem = path.strip_suffix(".parquet").unwrap_or(path);
    match stem.rsplit_once('-') {
        Some((place, drawn)) if drawn.len() == 32 => place,
        _ => stem,
    }
}
