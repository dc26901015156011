//! Files that nothing names, left by writers that were cut off: found and removed, never under the hands of one that lives.
//!
//! Age proves nothing where no clock is trusted. So a sweep lists first, then takes the next number of the log, then removes
//! what it listed. Whoever put one of those files before it was listed had read the log before that, and wanted to append at
//! the number that the sweep took: it loses, and puts its files anew. If it was first, the sweep loses and looks again.
//! What has not the form of a landed file is nobody's, and stays.

use std::collections::BTreeSet;

use marsad_log::Appended;
use marsad_terms::BatchId;

use super::{Rewritten, store_name};
use crate::custody::{ActEntry, Custody, SWEPT};
use crate::seal::{self, key_path};
use crate::vault::Vault;
use crate::{Landing, Result, erased, register};

/// What a sweep removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files and keys of batches and registers that no entry names, or that others took the place of.
    pub orphans: u64,
    /// The custody entries that tell it.
    pub entries: Vec<(&'static str, u64)>,
}

impl Landing {
    /// Removes what no entry of either custody log names. Landings may go on meanwhile.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], or a store failed: what is left goes with the next sweep.
    pub async fn sweep(&self) -> Result<Swept> {
        let mut swept = Swept::default();
        for is_restricted in [false, true] {
            let done = self.sweep_in(is_restricted).await?;
            swept.orphans += done.files;
            swept.entries.extend(done.entries);
        }
        Ok(swept)
    }

    /// Whether a sweep would remove anything.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], or a store failed.
    pub async fn has_nameless(&self) -> Result<bool> {
        for is_restricted in [false, true] {
            let vault = self.side(is_restricted);
            if !orphans(vault, &self.custody(vault).await?).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn sweep_in(&self, is_restricted: bool) -> Result<Rewritten> {
        let vault = self.side(is_restricted);
        loop {
            let custody = self.custody(vault).await?;
            let orphans = orphans(vault, &custody).await?;
            if orphans.is_empty() {
                return Ok(Rewritten::default());
            }
            let files = orphans.len() as u64;
            let custodian = self.custodian().to_owned();
            let entry = ActEntry { custodian, orphans: Some(files) };
            if let Appended::Written(entry) = custody.append(SWEPT, &entry, self.keys()).await? {
                for path in &orphans {
                    vault.store.delete(path).await?;
                }
                return Ok(Rewritten { files, entries: vec![(store_name(is_restricted), entry.sequence)] });
            }
        }
    }
}

/// What stands in the store and is in nobody's name; keys first, so that no file outlives its key's going.
async fn orphans(vault: &Vault, custody: &Custody) -> Result<Vec<String>> {
    let live: BTreeSet<String> = custody.live().flat_map(|path| [key_path(path), path.to_owned()]).collect();
    let there = vault.store.list("").await?;
    let mut orphans: Vec<String> =
        there.into_iter().filter(|path| is_ours(path) && !live.contains(path)).collect();
    orphans.sort_by_key(|path| !path.starts_with(seal::FOLDER));
    Ok(orphans)
}

/// Whether a name has the form of a landed file, of a register's, a quarantine's or a list's, or of the key of one.
fn is_ours(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [seal::FOLDER, _, _] => true,
        ["_quarantine" | erased::FOLDER, file] | [register::FOLDER, _, file] => is_parquet(file),
        [_, batch, file] => batch.parse::<BatchId>().is_ok() && is_parquet(file),
        _ => false,
    }
}

fn is_parquet(file: &str) -> bool {
    file.strip_suffix(".parquet").is_some()
}
