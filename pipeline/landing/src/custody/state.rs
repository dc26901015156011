//! The replay of a custody log: which batches stand, as which files, and what became of the others. Pure; it deliberately
//! lacks any look at a store.

use std::collections::HashSet;

use marsad_log::Entry;
use marsad_terms::{BatchId, Digest, RecordTypeId};
use serde::de::DeserializeOwned;

use super::entry::{
    BATCH, BatchEntry, CheckValues, ERASED, EXPORTED, FileEntry, FirstEntry, HashedFile, PURGED, REPLACED,
    RETRACTED, ROTATED, ReplacedEntry, RestEntry, RetractedEntry, RotatedEntry, SERIES_STEP, SWEPT,
    StepsEntry,
};
use super::place_of;
use crate::erased::is_list;
use crate::key_space::KeySpace;
use crate::pseudonym::Pseudonym;
use crate::snapshot::bucket_of;
use crate::{Error, Result};

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Stands,
    Retracted,
    CorrectedBy(BatchId),
    CompactedInto(BatchId),
}

/// One batch as it is now.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "named as in its entry")]
pub(crate) struct Batch {
    /// When it landed.
    pub(crate) time: String,
    pub(crate) batch: BatchId,
    pub(crate) record_type: RecordTypeId,
    pub(crate) key_space: Option<KeySpace>,
    pub(crate) source: String,
    pub(crate) mapping: String,
    pub(crate) custodian: String,
    pub(crate) bucket_bits: u8,
    /// Keyed hash of the extract and hash of its definitions; a compacted batch is of no single extract.
    pub(crate) origin: Option<(Digest, Digest)>,
    /// In the order of buckets; none once it no longer stands.
    pub(crate) files: Vec<FileEntry>,
    pub(crate) quarantine: Option<FileEntry>,
    pub(crate) quarantined: u64,
    pub(crate) fate: Fate,
}

impl Batch {
    /// Paths of its files and of its quarantine.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.files.iter().chain(&self.quarantine).map(|file| file.path.clone()).collect()
    }

    /// The files that may hold rows of one of these persons, by their buckets.
    pub(crate) fn files_of(&self, persons: &HashSet<[u8; 16]>) -> impl Iterator<Item = &FileEntry> {
        let bucket = |person: &[u8; 16]| Pseudonym(*person).bucket(self.bucket_bits);
        let buckets: HashSet<u32> = persons.iter().map(bucket).collect();
        self.files.iter().filter(move |file| buckets.contains(&bucket_of(&file.path)))
    }
}

/// What a log says, entry after entry.
#[derive(Default)]
pub(crate) struct State {
    /// In the order of landing.
    pub(crate) batches: Vec<Batch>,
    /// Closed steps, of each series in order and without a gap.
    pub(crate) steps: Vec<StepsEntry>,
    /// The list of erased persons, once somebody was erased.
    pub(crate) erased: Option<HashedFile>,
    /// Paths of files that others took the place of: they and their keys are to be gone.
    pub(crate) replaced: Vec<String>,
    /// Check values of the keys, of the first entry and of rotations since.
    pub(crate) keys: Option<CheckValues>,
}

impl State {
    /// Takes one entry in.
    ///
    /// # Errors
    /// `Custody` where it is of no known kind, or does not fit what came before.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<()> {
        if entry.sequence == 0 {
            self.keys = body(entry).map(|FirstEntry { keys }| keys);
        }
        let taken = match entry.kind.as_str() {
            BATCH => body(entry).and_then(|batch| self.land(&entry.time, batch)),
            SERIES_STEP => body(entry).and_then(|steps| self.close(steps)),
            ERASED | PURGED => body(entry).and_then(|rest: RestEntry| self.leave(&rest)),
            RETRACTED => body(entry).and_then(|retracted| self.retract(&retracted)),
            REPLACED => body(entry).and_then(|replaced| self.compact(&entry.time, replaced)),
            ROTATED => body(entry).and_then(|rotated| self.rotate(rotated)),
            SWEPT | EXPORTED => Some(()),
            _ => None,
        };
        taken.ok_or_else(|| Error::Custody { sequence: entry.sequence, kind: entry.kind.clone() })
    }

    fn land(&mut self, time: &str, entry: BatchEntry) -> Option<()> {
        for corrected in &entry.replaces {
            self.end(corrected, &entry.record_type, Fate::CorrectedBy(entry.batch.clone()))?;
        }
        self.batches.push(Batch {
            time: time.to_owned(),
            batch: entry.batch,
            record_type: entry.record_type,
            key_space: entry.key_space,
            source: entry.source,
            mapping: entry.mapping,
            custodian: entry.custodian,
            bucket_bits: entry.bucket_bits,
            origin: Some((entry.content, entry.definitions)),
            files: entry.files,
            quarantine: entry.quarantine,
            quarantined: entry.records.quarantined,
            fate: Fate::Stands,
        });
        Some(())
    }

    fn close(&mut self, steps: StepsEntry) -> Option<()> {
        let fits = steps.first == self.n_closed(&steps.series) && steps.first <= steps.last;
        fits.then(|| self.steps.push(steps))
    }

    /// Puts what is left in the place of what was.
    fn leave(&mut self, entry: &RestEntry) -> Option<()> {
        self.relist(entry.list.as_ref(), &entry.replaces)?;
        for old in entry.replaces.iter().filter(|old| !is_list(old)) {
            let in_place = |path: &str| path != old && place_of(path) == place_of(old);
            let rest = entry.files.iter().find(|file| in_place(&file.path));
            if self.register(old, &entry.series)? {
                continue;
            }
            let is_quarantine =
                |batch: &&mut Batch| batch.quarantine.as_ref().is_some_and(|file| file.path == *old);
            if let Some(batch) = self.batches.iter_mut().find(is_quarantine) {
                batch.quarantine = None;
                continue;
            }
            let mut batches = self.batches.iter_mut().map(|batch| &mut batch.files);
            let (at, files) =
                batches.find_map(|files| Some((files.iter().position(|file| file.path == *old)?, files)))?;
            match rest {
                Some(rest) => files[at] = rest.clone(),
                None => drop(files.remove(at)),
            }
        }
        self.replaced.extend_from_slice(&entry.replaces);
        Some(())
    }

    /// Puts a list of erased persons in the place of the one that stands, which alone is to go; none leaves it as it is.
    fn relist(&mut self, anew: Option<&HashedFile>, replaces: &[String]) -> Option<()> {
        let stood = self.erased.iter().filter(|_| anew.is_some()).map(|list| &list.path);
        let fits = replaces.iter().filter(|path| is_list(path)).eq(stood);
        fits.then(|| self.erased = anew.cloned().or_else(|| self.erased.take()))
    }

    /// Puts one of these files in the place of the register's file at a path; whether a register has that file.
    fn register(&mut self, old: &str, anew: &[HashedFile]) -> Option<bool> {
        let Some(steps) = self.steps.iter_mut().find(|steps| steps.path == old) else { return Some(false) };
        let in_place = |file: &&HashedFile| file.path != old && place_of(&file.path) == place_of(old);
        let anew = anew.iter().find(in_place)?;
        (steps.path, steps.hash) = (anew.path.clone(), anew.hash);
        Some(true)
    }

    fn retract(&mut self, entry: &RetractedEntry) -> Option<()> {
        self.end(&entry.batch, &entry.record_type, Fate::Retracted)
    }

    fn compact(&mut self, time: &str, entry: ReplacedEntry) -> Option<()> {
        let mut whole = Batch {
            time: time.to_owned(),
            batch: entry.batch.clone(),
            record_type: entry.record_type.clone(),
            key_space: None,
            source: String::new(),
            mapping: String::new(),
            custodian: entry.custodian,
            bucket_bits: entry.bucket_bits,
            origin: None,
            files: entry.files,
            quarantine: None,
            quarantined: 0,
            fate: Fate::Stands,
        };
        for part in &entry.of {
            let batch = self.standing(part)?;
            let key_space = batch.key_space.or(whole.key_space);
            if whole.key_space.is_some_and(|other| Some(other) != key_space) {
                return None;
            }
            whole.key_space = key_space;
            add_word(&mut whole.source, &batch.source);
            add_word(&mut whole.mapping, &batch.mapping);
            self.end(part, &entry.record_type, Fate::CompactedInto(entry.batch.clone()))?;
        }
        self.batches.push(whole);
        Some(())
    }

    fn rotate(&mut self, entry: RotatedEntry) -> Option<()> {
        self.keys.as_mut()?.extend(entry.new_keys);
        for anew in entry.batches {
            self.batches.iter_mut().find(|batch| batch.batch == anew.batch)?.files = anew.files;
        }
        self.relist(entry.list.as_ref(), &entry.replaces)?;
        let is_register = |path: &&String| path.starts_with(crate::register::FOLDER);
        for old in entry.replaces.iter().filter(is_register) {
            self.register(old, &entry.series)?.then_some(())?;
        }
        self.replaced.extend(entry.replaces);
        Some(())
    }

    /// Ends a standing batch: its files are to go. The quarantine of a compacted one stays, since its records do.
    fn end(&mut self, batch: &BatchId, record_type: &RecordTypeId, fate: Fate) -> Option<()> {
        let is_it = |other: &&mut Batch| other.batch == *batch && other.record_type == *record_type;
        let batch = self.batches.iter_mut().filter(|batch| batch.fate == Fate::Stands).find(is_it)?;
        let stays = matches!(fate, Fate::CompactedInto(_));
        let quarantine = if stays { None } else { batch.quarantine.take() };
        self.replaced.extend(batch.files.drain(..).chain(quarantine).map(|file| file.path));
        batch.fate = fate;
        Some(())
    }

    /// A batch that nothing took the place of.
    pub(crate) fn standing(&self, batch: &BatchId) -> Option<&Batch> {
        self.batches.iter().find(|other| other.batch == *batch && other.fate == Fate::Stands)
    }

    /// How many steps of a series are closed.
    pub(crate) fn n_closed(&self, series: &Digest) -> u32 {
        let mut steps = self.steps.iter().rev().filter(|steps| steps.series == *series);
        steps.next().map_or(0, |steps| steps.last.saturating_add(1))
    }

    /// Whether a batch's rows are still there, be it in another batch.
    fn holds(&self, batch: &Batch) -> bool {
        match &batch.fate {
            Fate::Stands => true,
            Fate::Retracted | Fate::CorrectedBy(_) => false,
            Fate::CompactedInto(whole) => {
                self.batches.iter().any(|other| other.batch == *whole && self.holds(other))
            }
        }
    }

    /// The batch that the same content landed as, read by the same definitions, unless it was taken back since.
    pub(crate) fn of_content(&self, content: Digest, definitions: Digest) -> Option<&Batch> {
        let is_it = |batch: &&Batch| batch.origin == Some((content, definitions)) && self.holds(batch);
        self.batches.iter().find(is_it)
    }

    /// Paths of all files that are to be there.
    pub(crate) fn live(&self) -> impl Iterator<Item = &str> {
        self.named().map(|(path, _)| path)
    }

    /// The same with the hashes of their bytes as stored.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, Digest)> {
        let files = self.batches.iter().flat_map(|batch| batch.files.iter().chain(&batch.quarantine));
        let files = files.map(|file| (file.path.as_str(), file.hash));
        let files = files.chain(self.steps.iter().map(|steps| (steps.path.as_str(), steps.hash)));
        files.chain(self.erased.iter().map(|list| (list.path.as_str(), list.hash)))
    }
}

fn body<T: DeserializeOwned>(entry: &Entry) -> Option<T> {
    entry.body.read().ok()
}

/// Adds a word to a list unless it is there.
fn add_word(list: &mut String, word: &str) {
    for word in word.split(", ").filter(|word| !word.is_empty()) {
        if !list.split(", ").any(|other| other == word) {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(word);
        }
    }
}
