//! Erasure: only the files that hold the person are written anew, without it, and the list of erased persons with it, so that
//! what comes again stays out. The entry deliberately says nothing of whom.

use std::collections::HashSet;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use chrono::NaiveDate;

use super::{Act, Order, Rewritten};
use crate::custody::{Custody, ERASED, RestEntry};
use crate::erased::Erased;
use crate::vault::Vault;
use crate::{Landing, Persons, Result, register, rewrite};

impl Landing {
    /// Erases persons from all record types and registers of both stores, and keeps their records up to `today` out from
    /// now on, whether they have rows or not. Who has none and is kept out already changes nothing.
    ///
    /// Both stores list everybody: who is on a list has not been in its store, for all that it tells.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], `Damaged`, or a store failed: then call it again, until it is done.
    pub async fn erase(&self, persons: &Persons, today: NaiveDate) -> Result<Rewritten> {
        let mut erased = Rewritten::default();
        for is_restricted in [false, true] {
            let pseudonyms = persons.pseudonyms(&self.keys().pseudonymiser(is_restricted));
            erased.add(self.carry_out(is_restricted, &Order::Erase(&pseudonyms, today), &|_, _| {}).await?);
        }
        Ok(erased)
    }
}

/// Puts what is left of every file that holds one of the persons, and the list with them.
pub(super) async fn act(
    vault: &Vault,
    custody: &Custody,
    (persons, today): (&HashSet<[u8; 16]>, NaiveDate),
    custodian: &str,
) -> Result<Option<Act>> {
    let mut entry = RestEntry { custodian: custodian.to_owned(), ..RestEntry::default() };
    for batch in &custody.batches {
        for file in batch.files_of(persons) {
            let stays = |rows: &RecordBatch| others(rows, persons);
            let Some(rows) = rewrite::left(vault, file, &stays).await? else { continue };
            entry.replaces.push(file.path.clone());
            entry.files.extend(rewrite::put_rest(vault, file, rows).await?);
        }
    }
    for (old, rest) in register::without(vault, custody, persons).await? {
        entry.replaces.push(old);
        entry.series.push(rest);
    }
    if let Some(list) = Erased::read(vault, custody).await?.with(persons, today) {
        entry.replaces.extend(custody.erased.iter().map(|old| old.path.clone()));
        entry.list = Some(list.put(vault).await?);
    }
    if entry.replaces.is_empty() && entry.list.is_none() {
        return Ok(None);
    }
    let files = entry.files.iter().map(|file| &file.path);
    let puts = files.chain(entry.series.iter().chain(&entry.list).map(|file| &file.path)).cloned().collect();
    Ok(Some(Act::new(ERASED, &entry, puts, entry.replaces.clone())))
}

/// Which rows are not of these persons; those of organisations are nobody's.
pub(crate) fn others(rows: &RecordBatch, persons: &HashSet<[u8; 16]>) -> Option<BooleanArray> {
    let Some(keys) = rows.column_by_name("person_key") else {
        return Some(vec![true; rows.num_rows()].into());
    };
    let keys = keys.as_fixed_size_binary_opt()?;
    let stays = |row| <[u8; 16]>::try_from(keys.value(row)).is_ok_and(|key| !persons.contains(&key));
    Some((0..keys.len()).map(|row| Some(stays(row))).collect())
}
