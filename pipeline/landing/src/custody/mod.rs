//! The custody log of one store: what landed when, as which files, what became of it, and which steps of which first-time
//! series are closed. A batch exists, and a step is closed, because an entry says so. The first entry holds a keyed check
//! value of each key.
//!
//! **Who puts files for an entry reads the log first and appends at the very number that it read**; who loses the number
//! puts its files anew. `batch gc` rests on that: it takes a number between its listing and its removals.

mod entry;
mod state;

use std::ops::Deref;

use marsad_log::{Appended, Draft, Entry, Log, Store};
use marsad_terms::{Digest, RecordTypeId};
use serde::Serialize;

use crate::keys::{Keys, WRAPPING};
use crate::{ActError, Error, Result};

pub(crate) use entry::{
    ActEntry, BATCH, BatchEntry, BatchFiles, Counts, ERASED, EXPORTED, FileEntry, HashedFile, PURGED,
    REPLACED, RETRACTED, ROTATED, ReplacedEntry, RestEntry, RetractedEntry, RotatedEntry, SERIES_STEP, SWEPT,
    StepsEntry,
};
pub(crate) use state::{Batch, Fate, State};

/// Where the log stands in the store.
pub(crate) const PREFIX: &str = "_log";

/// The state of one store: the replay of its log.
pub(crate) struct Custody {
    log: Log,
    pub(crate) head: Option<Entry>,
    /// Of every entry, in order.
    pub(crate) hashes: Vec<Digest>,
    state: State,
}

impl Deref for Custody {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl Custody {
    /// Reads the log and compares the keys with what it was begun with.
    ///
    /// # Errors
    /// `OtherKey`; `Custody` for an entry that this version does not know; `Log` where the log is not whole.
    pub(crate) async fn read(store: &Store, keys: &Keys) -> Result<Self> {
        let custody = Self::replay(store).await?;
        custody.has_keys(keys, store, None)?;
        Ok(custody)
    }

    /// The same while a key of pseudonyms is rotated: what stands may be under the new one already.
    ///
    /// # Errors
    /// As [`Custody::read`].
    pub(crate) async fn read_in_rotation(store: &Store, keys: &Keys, name: &str) -> Result<Self> {
        let custody = Self::replay(store).await?;
        custody.has_keys(keys, store, Some(name))?;
        Ok(custody)
    }

    async fn replay(store: &Store) -> Result<Self> {
        let log = Log::open(store.clone(), PREFIX);
        let mut custody = Self { head: None, hashes: Vec::new(), state: State::default(), log };
        for entry in custody.log.read().await? {
            custody.state.take(&entry)?;
            custody.hashes.push(entry.hash);
            custody.head = Some(entry);
        }
        Ok(custody)
    }

    /// Whether the keys are those of the store, or of a key that wraps, and of the one that is rotated, the next one.
    fn has_keys(&self, keys: &Keys, store: &Store, rotated: Option<&str>) -> Result<()> {
        let Some(head) = &self.head else { return Ok(()) };
        let none = || Error::Custody { sequence: 0, kind: head.kind.clone() };
        let stored = self.keys.as_ref().ok_or_else(none)?;
        for name in Keys::names() {
            let value = stored.get(name);
            let is_next = value.is_some() && keys.next_check_value(name).as_ref() == value;
            if value.is_some_and(|value| keys.has(name, value))
                || (is_next && (WRAPPING.contains(&name) || rotated == Some(name)))
            {
                continue;
            }
            return Err(match is_next {
                true => ActError::Unsettled { name }.into(),
                false => Error::OtherKey { name: name.to_owned(), store: store.url().to_owned() },
            });
        }
        Ok(())
    }

    /// Appends after what was read. The first entry holds the check values of the keys as well.
    pub(crate) async fn append(&self, kind: &str, body: &impl Serialize, keys: &Keys) -> Result<Appended> {
        let mut body = serde_json::to_value(body).expect("a custody entry is plain JSON");
        if self.head.is_none() {
            body["keys"] =
                serde_json::to_value(keys.check_values()).expect("names and hashes are plain JSON");
        }
        Ok(self.log.append(self.head.as_ref(), Draft::new(kind, body)).await?)
    }

    /// The entries that closed the steps of a series, in order.
    pub(crate) fn steps_of<'a>(&'a self, series: &'a Digest) -> impl Iterator<Item = &'a StepsEntry> {
        self.steps.iter().filter(move |steps| steps.series == *series)
    }

    /// The files of a record type.
    pub(crate) fn files_of<'a>(
        &'a self,
        record_type: &'a RecordTypeId,
    ) -> impl Iterator<Item = (&'a Batch, &'a FileEntry)> {
        let batches = self.batches.iter().filter(move |batch| batch.record_type == *record_type);
        batches.flat_map(|batch| batch.files.iter().map(move |file| (batch, file)))
    }

    /// Refuses settings that would cut persons into other buckets than what landed.
    pub(crate) fn has_bucket_bits(&self, bits: u8) -> Result<()> {
        match self.batches.first() {
            Some(first) if first.bucket_bits != bits => {
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
