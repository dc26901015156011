//! Whether all that the custody logs name is there, byte for byte, and opens with its key: what a custodian asks before a release,
//! or after a restore. It changes nothing, and deliberately reads no row.

use marsad_terms::{Digest, Progress};

use crate::act::store_name;
use crate::vault::Vault;
use crate::{Error, Landing, Result};

/// A file that is not as the custody log names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// `landing` or `restricted`.
    pub store: &'static str,
    /// Its name there.
    pub path: String,
    /// `missing`, `changed`, `unreadable`, `without its key`, `under another key`.
    pub how: &'static str,
}

impl Landing {
    /// Compares every file that is to be there with its hash, and opens it; gives how many there are, and which are damaged.
    /// `progress` tells files.
    ///
    /// # Errors
    /// As [`Landing::snapshot`], or a store failed.
    pub async fn intact(&self, progress: Progress<'_>) -> Result<(u64, Vec<Damage>)> {
        let (mut n_files, mut damages) = (0, Vec::new());
        for is_restricted in [false, true] {
            let vault = self.side(is_restricted);
            loop {
                let custody = self.custody(vault).await?;
                let files: Vec<(&str, Digest)> = custody.named().collect();
                let found = damaged(vault, &files, progress).await?;
                // An act may have put others in their place meanwhile.
                let moved =
                    !found.is_empty() && self.custody(vault).await?.hashes.len() != custody.hashes.len();
                if !moved {
                    let store = store_name(is_restricted);
                    n_files += files.len() as u64;
                    damages.extend(found.into_iter().map(|(path, how)| Damage { store, path, how }));
                    break;
                }
            }
        }
        Ok((n_files, damages))
    }
}

async fn damaged(
    vault: &Vault,
    files: &[(&str, Digest)],
    progress: Progress<'_>,
) -> Result<Vec<(String, &'static str)>> {
    let mut damaged = Vec::new();
    for (done, (path, hash)) in (0..).zip(files) {
        progress(done, files.len() as u64);
        match vault.open(path, *hash).await {
            Ok(_) => {}
            Err(Error::Damaged { how, .. }) => damaged.push(((*path).to_owned(), how)),
            Err(error) => return Err(error),
        }
    }
    Ok(damaged)
}
