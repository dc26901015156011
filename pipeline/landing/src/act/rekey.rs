//! Rotation of a key of pseudonyms: every person's key and every record's id becomes the keyed hash of itself, so that no
//! identifier is needed (law 09-08, article 23; architecture 5). Rows change their buckets, so all files are written anew.
//!
//! One entry puts them in the place of the old ones, whose keys go. From that entry on only the new key counts: until its
//! file has taken the old one's place every command is told to finish the rotation. Batches stay apart. One batch is in
//! memory at a time. It deliberately lacks any way back: whoever holds the old key and an old copy links nothing new.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use marsad_log::Appended;
use marsad_terms::Progress;

use super::{Rewritten, n_files, store_name};
use crate::custody::{Batch, BatchFiles, Custody, FileEntry, ROTATED, RotatedEntry};
use crate::erased::Erased;
use crate::keys::PSEUDONYMS;
use crate::landing::random_name;
use crate::pseudonym::{Pseudonym, Rotation};
use crate::vault::Vault;
use crate::{Landing, Result, batch, register, rewrite};

impl Landing {
    /// Puts everything of one store under the key of pseudonyms that was drawn for it ([`crate::keys::Keys::draw_next`]),
    /// and says so in both logs. `progress` tells batches.
    ///
    /// # Errors
    /// As [`Landing::snapshot`]; `Damaged`, or a store failed: then call it again, until it is done.
    pub async fn rekey(&self, is_restricted: bool, progress: Progress<'_>) -> Result<Rewritten> {
        let name = PSEUDONYMS[usize::from(is_restricted)];
        let mut rekeyed = Rewritten::default();
        for side in [is_restricted, !is_restricted] {
            let vault = self.side(side);
            loop {
                let custody = Custody::read_in_rotation(&vault.store, self.keys(), name).await?;
                // An earlier act may have been cut off before its files were gone.
                vault.destroy_left(&custody.replaced).await?;
                let Some(mut entry) = self.rotated(&custody, name) else { break };
                if let Some(rotation) = self.keys().rotation(name).filter(|_| side == is_restricted) {
                    match rewritten(vault, &custody, &rotation, progress, &mut entry).await {
                        Err(error) if self.has_moved(&error, vault, &custody).await? => continue,
                        done => done?,
                    }
                }
                match custody.append(ROTATED, &entry, self.keys()).await? {
                    Appended::Written(written) => {
                        vault.destroy(&entry.replaces).await?;
                        rekeyed.files += n_files(&entry.replaces);
                        rekeyed.entries.push((store_name(side), written.sequence));
                        break;
                    }
                    Appended::Lost => vault.remove(&entry.puts()).await,
                }
            }
        }
        Ok(rekeyed)
    }
}

/// Puts all files of batches and registers and the list of erased persons anew, and names them in the entry.
async fn rewritten(
    vault: &Vault,
    custody: &Custody,
    rotation: &Rotation,
    progress: Progress<'_>,
    entry: &mut RotatedEntry,
) -> Result<()> {
    for (done, batch) in (0..).zip(&custody.batches) {
        progress(done, custody.batches.len() as u64);
        if batch.files.is_empty() {
            continue;
        }
        entry.replaces.extend(batch.files.iter().map(|file| file.path.clone()));
        entry.batches.push(one(vault, batch, rotation).await?);
    }
    for steps in &custody.steps {
        entry.replaces.push(steps.path.clone());
        entry.series.push(register::rekeyed(vault, steps, rotation).await?);
    }
    if let Some(list) = &custody.erased {
        entry.replaces.push(list.path.clone());
        entry.list = Some(Erased::read(vault, custody).await?.rekeyed(rotation).put(vault).await?);
    }
    Ok(())
}

/// Puts the files of one batch anew.
async fn one(vault: &Vault, batch: &Batch, rotation: &Rotation) -> Result<BatchFiles> {
    let unreadable = || rewrite::unreadable(&batch.files[0]);
    let were: Vec<&FileEntry> = batch.files.iter().collect();
    let rows = rewrite::whole(vault, &batch.record_type, &were).await?;
    let sorted = sorted(rekeyed(&rows, rotation)?.ok_or_else(unreadable)?).ok_or_else(unreadable)??;
    let mut files = Vec::new();
    for (bucket, rows) in buckets(&sorted, batch.bucket_bits) {
        let path = format!("{}/{}/{bucket}-{}.parquet", batch.record_type, batch.batch, random_name()?);
        let put = rewrite::put(vault, path, vec![sorted.slice(rows.start, rows.len())]).await?;
        files.push(put.with_rows_of(&were));
    }
    Ok(BatchFiles { batch: batch.batch.clone(), files })
}

/// The same rows under their new keys; `None` where the columns are not those that landed.
fn rekeyed(rows: &RecordBatch, rotation: &Rotation) -> Result<Option<RecordBatch>> {
    let mut columns = rows.columns().to_vec();
    let anew = |at: usize, key: &dyn Fn(&[u8; 16]) -> [u8; 16]| {
        let keys: Vec<&[u8; 16]> = keys(rows, at)?.collect::<Option<_>>()?;
        Some(batch::keys(keys.into_iter().map(key)))
    };
    let Some((at, _)) = rows.schema().column_with_name("record_id") else { return Ok(None) };
    let Some(ids) = anew(at, &|old| rotation.record(old)) else { return Ok(None) };
    columns[at] = Arc::new(ids?) as ArrayRef;
    if let Some((at, _)) = rows.schema().column_with_name("person_key") {
        let Some(persons) = anew(at, &|old| rotation.person(old)) else { return Ok(None) };
        columns[at] = Arc::new(persons?);
    }
    Ok(Some(RecordBatch::try_new(rows.schema(), columns)?))
}

fn keys(rows: &RecordBatch, at: usize) -> Option<impl Iterator<Item = Option<&[u8; 16]>>> {
    let keys: &FixedSizeBinaryArray = rows.column(at).as_fixed_size_binary_opt()?;
    Some((0..keys.len()).map(|row| keys.value(row).try_into().ok()))
}

/// Sorted by person and record id; `None` where those are not there.
fn sorted(rows: RecordBatch) -> Option<Result<RecordBatch>> {
    let order = rewrite::order(&rows)?;
    Some(take_record_batch(&rows, &UInt32Array::from(order)).map_err(Into::into))
}

/// Runs of rows of one bucket each; those of organisations are in bucket 0.
fn buckets(rows: &RecordBatch, bits: u8) -> Vec<(u32, Range<usize>)> {
    let persons = rows.column_by_name("person_key").and_then(|keys| keys.as_fixed_size_binary_opt());
    let bucket = |row: usize| {
        persons.map_or(0, |keys| Pseudonym(keys.value(row).try_into().unwrap_or_default()).bucket(bits))
    };
    let mut runs: Vec<(u32, Range<usize>)> = Vec::new();
    for row in 0..rows.num_rows() {
        match runs.last_mut() {
            Some((last, run)) if *last == bucket(row) => run.end = row + 1,
            _ => runs.push((bucket(row), row..row + 1)),
        }
    }
    runs
}
