//! What has landed, at one moment: the files that a run reads. Deliberately reads no landed file.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};

use marsad_catalog::Catalog;
use marsad_log::Store;
use marsad_terms::{BatchId, Digest, RecordTypeId, RunId};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::errors::ParquetError;
use serde::Serialize;

use crate::custody::{Batch, Custody, Fate, place_of};
use crate::key_space::agrees;
use crate::keys::Keys;
use crate::seal::key_path;
use crate::vault::Vault;
use crate::{Error, Result};

/// One landed file: the rows of one bucket of one batch, sorted by `person_key`, then `record_id`.
#[derive(Clone, Debug)]
pub struct LandedFile {
    vault: Vault,
    /// Its name there.
    pub path: String,
    /// The leading bits of every `person_key` in it; 0 for organisations.
    pub bucket: u32,
    /// Its rows.
    pub rows: u64,
    /// Whether a row in it may withhold consent that another file's row of the same record has: see [`Snapshot`].
    pub withdraws: bool,
}

impl LandedFile {
    /// The store that it stands in.
    pub fn store(&self) -> &Store {
        &self.vault.store
    }

    /// How a reader of Parquet opens it: with its data key, which is read from the store now.
    ///
    /// # Errors
    /// `Damaged` where the key is missing, of another file, or under another landing key; the store failed.
    pub async fn reading(&self) -> Result<ArrowReaderOptions> {
        self.vault.reading(&self.path).await
    }

    /// What to say where the opened file cannot be read: the store failed, or the file is damaged. Its record type, batch and
    /// bucket stand in its path; what Parquet says is dropped, as it may quote what it read.
    pub fn unreadable(&self, error: ParquetError) -> Error {
        let of_store = match error {
            ParquetError::External(source) => source.downcast::<object_store::Error>().ok(),
            _ => None,
        };
        match of_store {
            Some(source) => self.store().failed("read", &self.path, *source).into(),
            None => Error::Damaged { path: self.path.clone(), how: "unreadable" },
        }
    }
}

/// One batch, for the custodian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchSummary {
    /// Its id.
    pub batch: BatchId,
    /// What its records are.
    pub record_type: RecordTypeId,
    /// Rows that are there now.
    pub rows: u64,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// How many files hold them.
    pub files: u64,
    /// Records that its extract had and that were refused.
    pub quarantined: u64,
    /// `landed`, `retracted`, `corrected`, `compacted`.
    pub state: &'static str,
    /// The batch that took its place.
    pub replaced_by: Option<BatchId>,
    /// Where the extract came from.
    pub source: String,
    /// The mapping that read it.
    pub mapping: String,
    /// Who landed it.
    pub custodian: String,
    /// When it landed, RFC 3339 UTC.
    pub time: String,
}

/// The landed files of both stores at one moment.
///
/// **Who reads the rows must apply withdrawals**: the same `record_id` may stand in several batches of one record type, and
/// a record any of whose rows has `consent_reporting` false is invisible to statistics in all of them. All rows of a record
/// belong to one person and one bucket, so this needs no look beyond a person's rows; only files that may withdraw
/// ([`LandedFile::withdraws`]) can hide rows of others, since a record lands again for nothing else. Consent given anew never arrives this
/// way; that is a correction.
///
/// `head` names what was read: the hash of the landing store's last custody entry, `None` where nothing ever landed. Where
/// the restricted store holds anything too, it is the BLAKE3 of both logs' heads (32 bytes each, zeros for an empty log).
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What was read, for the ledger's commitment.
    pub head: Option<Digest>,
    /// Of all entries of the landing store's log and of the restricted one's.
    hashes: [Vec<Digest>; 2],
    bucket_bits: u8,
    batches: Vec<(Batch, Vault)>,
    summaries: Vec<BatchSummary>,
}

impl Snapshot {
    /// Of a landing where nothing ever landed.
    pub fn empty() -> Self {
        let hashes = [Vec::new(), Vec::new()];
        Self { head: None, hashes, bucket_bits: 0, batches: Vec::new(), summaries: Vec::new() }
    }

    pub(crate) fn new(bucket_bits: u8, sides: [(Custody, Vault); 2]) -> Self {
        let hashes = [&sides[0], &sides[1]].map(|(custody, _)| custody.hashes.clone());
        let mut batches = Vec::new();
        let mut summaries = Vec::new();
        for (custody, vault) in sides {
            summaries.extend(custody.batches.iter().map(summary));
            batches.extend(custody.batches.iter().map(|batch| (batch.clone(), vault.clone())));
        }
        Self {
            head: head(hashes.each_ref().map(|log| log.last().copied())),
            hashes,
            bucket_bits,
            batches,
            summaries,
        }
    }

    /// Refuses logs that were cut back since a run read them, as a store restored from an older backup has: registers would be
    /// computed again, and who was erased would be forgotten. `data` is the run's commitment in the ledger.
    ///
    /// # Errors
    /// `CutBack` where neither these logs nor any earlier state of them is what was committed to.
    pub fn must_extend(&self, keys: &Keys, (run, data): &(RunId, Digest)) -> Result<()> {
        let states = |at: usize| self.hashes[at].iter().copied().map(Some).rev().chain([None]);
        let found = states(0).any(|landing| {
            states(1).any(|restricted| keys.commitment(run, head([landing, restricted])) == *data)
        });
        if found { Ok(()) } else { Err(Error::CutBack) }
    }

    /// Looks whether all files of these record types are there, with their keys: one listing a store, before anything is paid.
    ///
    /// # Errors
    /// `Damaged` for the first that is not; the store failed.
    pub async fn is_there(&self, record_types: &[RecordTypeId]) -> Result<()> {
        let mut there: BTreeMap<bool, HashSet<String>> = BTreeMap::new();
        for (batch, vault) in
            self.batches.iter().filter(|(batch, _)| record_types.contains(&batch.record_type))
        {
            let names = match there.entry(vault.is_restricted) {
                Entry::Occupied(names) => names.into_mut(),
                Entry::Vacant(names) => names.insert(vault.store.list("").await?.into_iter().collect()),
            };
            for path in batch.files.iter().map(|file| &file.path) {
                let how = match (names.contains(path), names.contains(&key_path(path))) {
                    (true, true) => continue,
                    (true, false) => "without its key",
                    (false, _) => "missing",
                };
                return Err(Error::Damaged { path: path.clone(), how });
            }
        }
        Ok(())
    }

    /// Whether the log of one of the stores still ends as it did when this was taken. No two logs end alike, but for empty ones.
    pub(crate) fn is_of(&self, custody: &Custody) -> bool {
        self.hashes.iter().any(|log| log.last() == custody.hashes.last())
    }

    /// The same, once every batch is known to have landed as its record type says now. Who counts rows asks this first.
    ///
    /// # Errors
    /// `KeySpace` where a record type's definition has changed since; `Damaged` where the log names what is not the batch's.
    pub fn as_defined(self, catalog: &Catalog) -> Result<Self> {
        for (batch, vault) in &self.batches {
            if let Some(record_type) = catalog.record_types.get(&batch.record_type) {
                agrees(batch, vault, record_type)?;
            }
        }
        Ok(self)
    }

    /// The landed files of a record type, by bucket, then in the order of landing.
    pub fn files(&self, record_type: &RecordTypeId) -> Vec<LandedFile> {
        let batches = self.batches.iter().filter(|(batch, _)| batch.record_type == *record_type);
        let mut files: Vec<LandedFile> = batches
            .flat_map(|(batch, vault)| {
                batch.files.iter().map(|file| LandedFile {
                    vault: vault.clone(),
                    path: file.path.clone(),
                    bucket: bucket_of(&file.path),
                    rows: file.rows,
                    withdraws: file.withdraws != Some(false),
                })
            })
            .collect();
        files.sort_by_key(|file| file.bucket);
        files
    }

    /// How many buckets persons are spread over.
    pub fn n_buckets(&self) -> u32 {
        1 << self.bucket_bits
    }

    /// All batches, of both stores, in the order of landing within each.
    pub fn batches(&self) -> &[BatchSummary] {
        &self.summaries
    }
}

fn head([landing, restricted]: [Option<Digest>; 2]) -> Option<Digest> {
    let bytes = |head: Option<Digest>| head.map_or([0; 32], |hash| *hash.as_bytes());
    match restricted {
        None => landing,
        Some(_) => Some(Digest::of(&[bytes(landing), bytes(restricted)].concat())),
    }
}

/// `<record_type>/<batch>/<bucket>.parquet`, or what took its place.
pub(crate) fn bucket_of(path: &str) -> u32 {
    let name = place_of(path).rsplit('/').next().unwrap_or_default();
    name.parse().unwrap_or_default()
}

fn summary(batch: &Batch) -> BatchSummary {
    let (state, replaced_by) = match &batch.fate {
        Fate::Stands => ("landed", None),
        Fate::Retracted => ("retracted", None),
        Fate::CorrectedBy(by) => ("corrected", Some(by.clone())),
        Fate::CompactedInto(whole) => ("compacted", Some(whole.clone())),
    };
    BatchSummary {
        batch: batch.batch.clone(),
        record_type: batch.record_type.clone(),
        rows: batch.files.iter().map(|file| file.rows).sum(),
        bytes: batch.files.iter().map(|file| file.bytes).sum(),
        files: batch.files.len() as u64,
        quarantined: batch.quarantined,
        state,
        replaced_by,
        source: batch.source.clone(),
        mapping: batch.mapping.clone(),
        custodian: batch.custodian.clone(),
        time: batch.time.clone(),
    }
}
