//! Retention: rows whose event lies too long back are taken out, by the month of the event (law 09-08, article 3).
//!
//! What has no row left loses its quarantine too. Registers of first-time series stay: they hold neither rows nor their
//! content, and without them a person would count again. A person's entry there stays as it was closed; access tells of it, and
//! erasure leaves its pseudonym alone. The list of erased persons stays too: a source may send old records at any time.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::Date32Type;
use marsad_terms::{Month, Progress, RecordTypeId};

use super::{Act, Order, Rewritten};
use crate::custody::{Batch, Custody, PURGED, RestEntry};
use crate::vault::Vault;
use crate::{Landing, Result, rewrite};

impl Landing {
    /// Takes all rows out whose event lies before the first month that stays for their record type; record types that are
    /// not named stay whole. `progress` tells files.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], `Damaged`, or a store failed: then call it again, until it is done.
    pub async fn purge(
        &self,
        kept_from: &BTreeMap<RecordTypeId, Month>,
        progress: Progress<'_>,
    ) -> Result<Rewritten> {
        let mut purged = Rewritten::default();
        for is_restricted in [false, true] {
            purged.add(self.carry_out(is_restricted, &Order::Purge(kept_from), progress).await?);
        }
        Ok(purged)
    }
}

/// Puts what is left of every file that holds rows from before.
pub(super) async fn act(
    vault: &Vault,
    custody: &Custody,
    (kept_from, custodian): (&BTreeMap<RecordTypeId, Month>, &str),
    progress: Progress<'_>,
) -> Result<Option<Act>> {
    let mut entry = RestEntry { custodian: custodian.to_owned(), ..RestEntry::default() };
    let n_files: u64 = custody.batches.iter().map(|batch| batch.files.len() as u64).sum();
    let mut n_done = 0;
    for batch in &custody.batches {
        let Some(first) = kept_from.get(&batch.record_type) else { continue };
        if purge(vault, batch, *first, &mut entry, &|done| progress(n_done + done, n_files)).await? {
            entry.kept_from.insert(batch.record_type.clone(), first.to_string());
        }
        n_done += batch.files.len() as u64;
    }
    if entry.replaces.is_empty() {
        return Ok(None);
    }
    let puts = entry.files.iter().map(|file| file.path.clone()).collect();
    Ok(Some(Act::new(PURGED, &entry, puts, entry.replaces.clone())))
}

/// Purges one batch; whether it held anything from before.
async fn purge(
    vault: &Vault,
    batch: &Batch,
    first: Month,
    entry: &mut RestEntry,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<bool> {
    let (mut n_replaced, mut n_left) = (0, 0);
    for (done, file) in (1..).zip(&batch.files) {
        let stays = |rows: &RecordBatch| from(rows, first);
        let left = rewrite::left(vault, file, &stays).await?;
        progress(done);
        let Some(rows) = left else {
            n_left += 1;
            continue;
        };
        let rest = rewrite::put_rest(vault, file, rows).await?;
        n_left += u64::from(rest.is_some());
        n_replaced += 1;
        entry.replaces.push(file.path.clone());
        entry.files.extend(rest);
    }
    if n_replaced > 0 && n_left == 0 {
        entry.replaces.extend(batch.quarantine.iter().map(|file| file.path.clone()));
    }
    Ok(n_replaced > 0)
}

/// Which rows are of events since the first day of a month.
fn from(rows: &RecordBatch, first: Month) -> Option<BooleanArray> {
    let months = rows.column_by_name("event_month")?.as_primitive_opt::<Date32Type>()?;
    Some(months.iter().map(|month| month.map(|month| month >= first.first_day())).collect())
}
