//! Rotation of a landing key: every data key is wrapped anew, no row is read.
//!
//! While it goes on, both keys are at hand (`keys/landing.next.key`), and what either wrapped opens; so a crash at any call
//! leaves everything readable, and the next try goes on. The `rotated` entry says from when on the new key alone counts:
//! whoever still has only the old one is refused from then on, and a batch that landed under the old key in the meantime
//! takes the entry's number, is read again, and wrapped anew.

use marsad_log::Appended;
use marsad_terms::Progress;

use super::{Rewritten, store_name};
use crate::custody::{Custody, ROTATED, RotatedEntry};
use crate::keys::WRAPPING;
use crate::seal::key_path;
use crate::vault::Vault;
use crate::{Error, Landing, Result};

impl Landing {
    /// Wraps the data keys of one store under the key that was drawn for it ([`crate::keys::Keys::draw_next`]), and says so
    /// in both logs, which hold check values of all keys. `files` counts the data keys of the store.
    ///
    /// # Errors
    /// As [`Landing::snapshot`]; `Damaged` where a data key is missing or opens under neither key; or a store failed: then
    /// call it again, until it is done.
    pub async fn rotate(&self, is_restricted: bool, progress: Progress<'_>) -> Result<Rewritten> {
        let name = WRAPPING[usize::from(is_restricted)];
        let mut rotated = Rewritten::default();
        for side in [is_restricted, !is_restricted] {
            let is_its_own = side == is_restricted;
            let vault = self.side(side);
            loop {
                let custody = self.custody(vault).await?;
                if is_its_own {
                    rotated.files = match rewrap(vault, &custody, progress).await {
                        Err(error) if self.has_moved(&error, vault, &custody).await? => continue,
                        files => files?,
                    };
                }
                let Some(entry) = self.rotated(&custody, name) else { break };
                if let Appended::Written(entry) = custody.append(ROTATED, &entry, self.keys()).await? {
                    rotated.entries.push((store_name(side), entry.sequence));
                    break;
                }
            }
        }
        Ok(rotated)
    }

    /// What to say in a log; nothing where nothing ever landed or it is said already.
    pub(super) fn rotated(&self, custody: &Custody, name: &str) -> Option<RotatedEntry> {
        let next = self.keys().next_check_value(name)?;
        let stored = custody.keys.as_ref()?.get(name)?;
        let new_keys = [(name.to_owned(), next)].into();
        let entry =
            RotatedEntry { custodian: self.custodian().to_owned(), new_keys, ..RotatedEntry::default() };
        (*stored != next).then_some(entry)
    }
}

/// Wraps all data keys of the store that are not yet under the new key; gives how many there are.
async fn rewrap(vault: &Vault, custody: &Custody, progress: Progress<'_>) -> Result<u64> {
    let live: Vec<&str> = custody.live().collect();
    for (done, path) in (0..).zip(&live) {
        progress(done, live.len() as u64);
        let damaged = || Error::Damaged { path: (*path).to_owned(), how: "without its key" };
        let key = key_path(path);
        let wrapped = vault.store.get(&key).await?.ok_or_else(damaged)?;
        if let Some(anew) = vault.sealer.rewrap(path, &wrapped)? {
            vault.store.put(&key, &anew).await?;
        }
    }
    Ok(live.len() as u64)
}
