//! Compaction: the rows of several batches in one, a file a bucket, sorted by person and record id.
//!
//! Withdrawals of consent are settled in it: of a record that landed with consent and again without, the later row stays,
//! without consent. So a bucket in one file is read once. The batches can no longer be told apart, nor corrected one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use marsad_catalog::RecordType;
use marsad_terms::{BatchId, Progress, RecordTypeId};

use super::retract::standing;
use super::{Act, Order, Rewritten};
use crate::custody::{Batch, Custody, FileEntry, REPLACED, ReplacedEntry};
use crate::key_space::KeySpace;
use crate::landing::random_batch;
use crate::snapshot::bucket_of;
use crate::vault::Vault;
use crate::{ActError, Landing, Result, rewrite};

impl Landing {
    /// Puts one batch in the place of these of a record type, or of all that stand where none is named; nothing where there
    /// are fewer than two. `progress` tells buckets.
    ///
    /// # Errors
    /// `Act` where a batch does not stand or is of another type, or their columns differ; as [`Landing::snapshot`],
    /// `Damaged`, or a store failed: then call it again.
    pub async fn compact(
        &self,
        record_type: &RecordType,
        batches: &[BatchId],
        progress: Progress<'_>,
    ) -> Result<Rewritten> {
        let is_restricted = KeySpace::of(record_type).is_ok_and(KeySpace::is_restricted);
        self.carry_out(is_restricted, &Order::Compact(&record_type.id, batches), progress).await
    }
}

pub(super) async fn act(
    vault: &Vault,
    custody: &Custody,
    (record_type, named, custodian): (&RecordTypeId, &[BatchId], &str),
    progress: Progress<'_>,
) -> Result<Option<Act>> {
    let parts = parts(custody, record_type, named)?;
    let [first, _, ..] = parts.as_slice() else { return Ok(None) };
    let batch = random_batch()?;
    let mut entry = ReplacedEntry {
        batch: batch.clone(),
        record_type: record_type.clone(),
        of: parts.iter().map(|part| part.batch.clone()).collect(),
        bucket_bits: first.bucket_bits,
        files: Vec::new(),
        replaces: parts.iter().flat_map(|part| &part.files).map(|file| file.path.clone()).collect(),
        custodian: custodian.to_owned(),
    };
    let mut buckets: BTreeMap<u32, Vec<&FileEntry>> = BTreeMap::new();
    for file in parts.iter().flat_map(|part| &part.files) {
        buckets.entry(bucket_of(&file.path)).or_default().push(file);
    }
    for (done, (bucket, files)) in (0..).zip(&buckets) {
        progress(done, buckets.len() as u64);
        let rows = one(vault, record_type, files).await?;
        let path = format!("{record_type}/{batch}/{bucket}.parquet");
        entry.files.push(rewrite::put(vault, path, vec![rows]).await?.with_rows_of(files));
    }
    let puts = entry.files.iter().map(|file| file.path.clone()).collect();
    Ok(Some(Act::new(REPLACED, &entry, puts, entry.replaces.clone())))
}

/// The batches that are named, or all of the record type that stand, in the order of landing.
fn parts<'c>(custody: &'c Custody, record_type: &RecordTypeId, named: &[BatchId]) -> Result<Vec<&'c Batch>> {
    for batch in named {
        let found = &standing(custody, batch)?.record_type;
        if found != record_type {
            let (found, wanted) = (found.clone(), record_type.clone());
            return Err(ActError::OtherType { batch: batch.clone(), found, wanted }.into());
        }
    }
    let is_meant = |batch: &&Batch| match named {
        [] => !batch.files.is_empty(),
        named => named.contains(&batch.batch),
    };
    Ok(custody.batches.iter().filter(|batch| batch.record_type == *record_type).filter(is_meant).collect())
}

/// The rows of one bucket, from files in the order of landing.
async fn one(vault: &Vault, record_type: &RecordTypeId, files: &[&FileEntry]) -> Result<RecordBatch> {
    let rows = rewrite::whole(vault, record_type, files).await?;
    settled(&rows)?.ok_or_else(|| rewrite::unreadable(files[0]))
}

/// The rows sorted, each record's row once; `None` where the columns are not those that landed.
fn settled(rows: &RecordBatch) -> Result<Option<RecordBatch>> {
    let Some(order) = rewrite::order(rows) else { return Ok(None) };
    let ids = rows.column_by_name("record_id").and_then(|ids| ids.as_fixed_size_binary_opt());
    let id = |row: &u32| ids.map(|ids| ids.value(*row as usize));
    // A record's id is its person's too.
    let same: Vec<&[u32]> = order.chunk_by(|one, other| id(one) == id(other)).collect();
    let last = UInt32Array::from_iter_values(same.iter().map(|rows| rows[rows.len() - 1]));
    let kept = take_record_batch(rows, &last)?;
    let Some(at) = rows.schema().column_with_name("consent_reporting").map(|(at, _)| at) else {
        return Ok(Some(kept));
    };
    let Some(consents) = rows.column(at).as_boolean_opt() else { return Ok(None) };
    let consent = |rows: &&[u32]| rows.iter().all(|row| consents.value(*row as usize));
    let mut columns = kept.columns().to_vec();
    columns[at] = Arc::new(same.iter().map(|rows| Some(consent(rows))).collect::<BooleanArray>());
    Ok(Some(RecordBatch::try_new(kept.schema(), columns)?))
}
