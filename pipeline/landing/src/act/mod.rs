//! Acts of a custodian that put other files in the place of landed ones: erasure, purge, retraction, compaction.
//!
//! One way for all: new files are put, one custody entry puts them in the place of the old ones, whose keys and bytes go
//! afterwards. A crash before the entry changes nothing; after it the act is done, and the next act of any kind destroys
//! what is left over. Who loses the entry's number does the act anew on what stands then. It deliberately lacks any look
//! at whether a release runs, which would find its files gone: the ledger knows that, not the landing.

mod compact;
mod erase;
mod purge;
mod rekey;
mod retract;
mod rotate;
mod sweep;

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use marsad_log::Appended;
use marsad_terms::{BatchId, Month, Progress, RecordTypeId};
use serde::Serialize;
use serde_json::Value;

use crate::custody::Custody;
use crate::erased::is_list;
use crate::vault::Vault;
use crate::{Landing, Result};

pub(crate) use erase::others;
pub(crate) use retract::standing;
pub use sweep::Swept;

/// What an act did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Files that others took the place of or that went without a rest, registers included; the list of erased persons aside.
    pub files: u64,
    /// The custody entries that prove it: the store's name, `landing` or `restricted`, and the entry's number.
    pub entries: Vec<(&'static str, u64)>,
}

impl Rewritten {
    pub(crate) fn add(&mut self, more: Self) {
        self.files += more.files;
        self.entries.extend(more.entries);
    }
}

/// What is to be done in one store.
pub(crate) enum Order<'a> {
    /// The persons, and the last day whose records are kept out from now on.
    Erase(&'a HashSet<[u8; 16]>, NaiveDate),
    /// The first month that stays, by record type.
    Purge(&'a BTreeMap<RecordTypeId, Month>),
    Retract(&'a BatchId, &'a str),
    Compact(&'a RecordTypeId, &'a [BatchId]),
}

impl Order<'_> {
    /// Whether it says that something is gone: then no copy of it may be left in the store, named or not.
    fn is_for_good(&self) -> bool {
        !matches!(self, Self::Compact(..))
    }
}

/// An entry that is ready to be appended, its files put.
struct Act {
    kind: &'static str,
    body: Value,
    /// Files that were put for it.
    puts: Vec<String>,
    /// Files whose place it takes.
    goes: Vec<String>,
}

impl Act {
    fn new(kind: &'static str, body: &impl Serialize, puts: Vec<String>, goes: Vec<String>) -> Self {
        let body = serde_json::to_value(body).expect("a custody entry is plain JSON");
        Self { kind, body, puts, goes }
    }
}

impl Landing {
    /// Carries an order out in one of the stores; nothing where nothing there is concerned.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], `Damaged`, or a store failed: then call it again, until it is done.
    pub(crate) async fn carry_out(
        &self,
        is_restricted: bool,
        order: &Order<'_>,
        progress: Progress<'_>,
    ) -> Result<Rewritten> {
        let vault = self.side(is_restricted);
        // An earlier act may have been cut off before its files were gone.
        vault.destroy_left(&self.custody(vault).await?.replaced).await?;
        if order.is_for_good() {
            // Or a landing before its entry came: then files that nobody names hold what is to go, with their keys.
            self.sweep_in(is_restricted).await?;
        }
        loop {
            let custody = self.custody(vault).await?;
            let act = match self.act(vault, &custody, order, progress).await {
                Err(error) if self.has_moved(&error, vault, &custody).await? => continue,
                act => act?,
            };
            let Some(act) = act else { return Ok(Rewritten::default()) };
            match custody.append(act.kind, &act.body, self.keys()).await? {
                Appended::Written(entry) => {
                    vault.destroy(&act.goes).await?;
                    let entries = vec![(store_name(is_restricted), entry.sequence)];
                    return Ok(Rewritten { files: n_files(&act.goes), entries });
                }
                Appended::Lost => vault.remove(&act.puts).await,
            }
        }
    }

    async fn act(
        &self,
        vault: &Vault,
        custody: &Custody,
        order: &Order<'_>,
        progress: Progress<'_>,
    ) -> Result<Option<Act>> {
        let custodian = self.custodian();
        match *order {
            Order::Erase(persons, today) => erase::act(vault, custody, (persons, today), custodian).await,
            Order::Purge(kept_from) => purge::act(vault, custody, (kept_from, custodian), progress).await,
            Order::Retract(batch, reason) => retract::act(custody, batch, reason, custodian),
            Order::Compact(record_type, batches) => {
                compact::act(vault, custody, (record_type, batches, custodian), progress).await
            }
        }
    }
}

/// How many of these are files of rows or registers.
fn n_files(paths: &[String]) -> u64 {
    paths.iter().filter(|path| !is_list(path)).count() as u64
}

/// The name that entries of a store are told by.
pub(crate) fn store_name(is_restricted: bool) -> &'static str {
    if is_restricted { "restricted" } else { "landing" }
}
