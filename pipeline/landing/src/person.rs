//! What a person may ask for: erasure from all that landed (law 09-08, articles 8 and 9).
//!
//! Only the files that hold the person are written anew, without it; one custody entry puts them in the place of the old
//! ones, whose keys and bytes go afterwards. A crash before the entry changes nothing; after it the person is out of every
//! figure, and the next erasure destroys what is left over. The entry is the proof, and deliberately says nothing of whom.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use marsad_catalog::Catalog;
use marsad_log::Appended;
use zeroize::Zeroizing;

use crate::batch;
use crate::custody::{Custody, ErasedEntry, FileEntry, place_of};
use crate::landing::random_name;
use crate::pseudonym::{Identifier, Pseudonym, Pseudonymiser};
use crate::snapshot::bucket_of;
use crate::vault::Vault;
use crate::{Error, Landing, Result, register};

/// Canonical identifiers of persons, `partner:P-00017`. Zeroed when dropped; no `Debug`.
pub struct Persons(Vec<Identifier>);

impl Persons {
    /// Reads a file of one identifier a line that its owner alone may read.
    ///
    /// # Errors
    /// `KeyMode` where others may read it; `Persons` for a line that is no identifier of a known scheme, by its number.
    pub fn read(path: &Path, catalog: &Catalog) -> Result<Self> {
        let failed = |source| Error::Read { file: path.to_owned(), source };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(Error::PersonsMode { file: path.to_owned(), mode });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let schemes: BTreeSet<&str> =
            catalog.mappings.values().filter_map(|m| Some(m.identifier.as_ref()?.scheme.as_str())).collect();
        let mut persons = Vec::new();
        for (line, text) in text.lines().map(str::trim).enumerate().filter(|(_, text)| !text.is_empty()) {
            let known =
                text.split_once(':').is_some_and(|(scheme, own)| schemes.contains(scheme) && !own.is_empty());
            if !known {
                let schemes = schemes.iter().map(|scheme| (*scheme).to_owned()).collect();
                return Err(Error::Persons { file: path.to_owned(), line: line + 1, schemes });
            }
            persons.push(Identifier(Zeroizing::new(text.to_owned())));
        }
        Ok(Self(persons))
    }

    fn pseudonyms(&self, key: &[u8; 32]) -> HashSet<[u8; 16]> {
        let pseudonymiser = Pseudonymiser::new(key);
        self.0.iter().map(|identifier| pseudonymiser.person(identifier).0).collect()
    }
}

/// What an erasure did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Files written anew or left without a row, registers included.
    pub files: u64,
    /// The custody entries that prove it: the store's name, `landing` or `restricted`, and the entry's number.
    pub entries: Vec<(&'static str, u64)>,
}

impl Landing {
    /// Erases persons from all record types and registers of both stores; whoever has no rows changes nothing.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], `Damaged`, or a store failed: then call it again, until it is done.
    pub async fn erase(&self, persons: &Persons) -> Result<Erased> {
        let mut erased = Erased::default();
        for (name, is_restricted) in [("landing", false), ("restricted", true)] {
            let pseudonyms = persons.pseudonyms(self.keys().pseudonym(is_restricted));
            if let Some((files, entry)) = self.erase_in(self.side(is_restricted), &pseudonyms).await? {
                erased.files += files;
                erased.entries.push((name, entry));
            }
        }
        Ok(erased)
    }

    async fn erase_in(&self, vault: &Vault, persons: &HashSet<[u8; 16]>) -> Result<Option<(u64, u64)>> {
        loop {
            let custody = self.custody(vault).await?;
            // An earlier erasure may have been cut off before its files were gone.
            vault.destroy(&custody.replaced).await?;
            let entry = self.rests(vault, &custody, persons).await?;
            if entry.replaces.is_empty() {
                return Ok(None);
            }
            let number = custody.last().map_or(0, |last| last + 1);
            match custody.append_erased(&entry).await? {
                Appended::Written(_) => {
                    vault.destroy(&entry.replaces).await?;
                    return Ok(Some((entry.replaces.len() as u64, number)));
                }
                Appended::Lost => {
                    let files = entry.files.iter().map(|file| &file.path);
                    let paths: Vec<String> =
                        files.chain(entry.series.iter().map(|file| &file.path)).cloned().collect();
                    vault.remove(&paths).await;
                }
            }
        }
    }

    /// Puts what is left of every file that holds one of the persons.
    async fn rests(
        &self,
        vault: &Vault,
        custody: &Custody,
        persons: &HashSet<[u8; 16]>,
    ) -> Result<ErasedEntry> {
        let mut entry = ErasedEntry { custodian: self.custodian().to_owned(), ..ErasedEntry::default() };
        for (_, batch) in &custody.batches {
            let bucket = |person: &[u8; 16]| Pseudonym(*person).bucket(batch.bucket_bits);
            let buckets: BTreeSet<u32> = persons.iter().map(bucket).collect();
            for file in batch.files.iter().filter(|file| buckets.contains(&bucket_of(&file.path))) {
                let Some(rows) = without(vault, file, persons).await? else { continue };
                entry.replaces.push(file.path.clone());
                entry.files.extend(rest(vault, file, rows).await?);
            }
        }
        for (old, rest) in register::without(vault, custody, persons).await? {
            entry.replaces.push(old);
            entry.series.push(rest);
        }
        Ok(entry)
    }
}

/// The rows of a file that are not of these persons; `None` where none is, or where its rows are of organisations.
async fn without(
    vault: &Vault,
    file: &FileEntry,
    persons: &HashSet<[u8; 16]>,
) -> Result<Option<Vec<RecordBatch>>> {
    let damaged = || Error::Damaged { path: file.path.clone(), how: "unreadable" };
    let mut rows = Vec::new();
    let mut n_left = 0;
    for batch in vault.open(&file.path, file.hash).await? {
        let batch = batch.map_err(|_| damaged())?;
        let Some(keys) = batch.column_by_name("person_key") else { return Ok(None) };
        let keys = keys.as_fixed_size_binary_opt().ok_or_else(damaged)?;
        let stays = |row| <[u8; 16]>::try_from(keys.value(row)).is_ok_and(|key| !persons.contains(&key));
        let stays: BooleanArray = (0..keys.len()).map(|row| Some(stays(row))).collect();
        let left = filter_record_batch(&batch, &stays)?;
        n_left += left.num_rows() as u64;
        rows.push(left);
    }
    Ok((n_left < file.rows).then_some(rows))
}

/// Puts the rows in the place of the file; a file without a row is none.
async fn rest(vault: &Vault, file: &FileEntry, rows: Vec<RecordBatch>) -> Result<Option<FileEntry>> {
    let n_rows: u64 = rows.iter().map(|batch| batch.num_rows() as u64).sum();
    let Some(first) = rows.first().filter(|_| n_rows > 0) else { return Ok(None) };
    let path = format!("{}-{}.parquet", place_of(&file.path), random_name()?);
    let schema = first.schema();
    let sealed = batch::encode(&schema, rows.into_iter().map(Ok), vault.seal(&path)?)?;
    Ok(Some(vault.put(path, n_rows, &sealed).await?))
}
