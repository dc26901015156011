//! Under which keys of pseudonyms the records of a type land, and in which store: recorded with every batch, so that rows that
//! landed under one are never counted under another.
//!
//! A definition can change, what landed stays. Counted as another key space's, one person would be two; counted as records of
//! organisations, its figures would be published without noise.

use marsad_catalog::{RecordType, Subject};
use serde::{Deserialize, Serialize};

use crate::custody::{Batch, Custody};
use crate::vault::Vault;
use crate::{Error, Result};

/// Whose keys make the pseudonyms of a batch's persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeySpace {
    Programme,
    /// Stands apart, under keys of its own.
    Trafficking,
    /// Records of organisations, without persons.
    Organisations,
}

impl KeySpace {
    /// The key space of a record type.
    ///
    /// # Errors
    /// What to say of one that has no keys.
    pub(crate) fn of(record_type: &RecordType) -> Result<Self, String> {
        match &record_type.subject {
            Subject::Organisation => Ok(Self::Organisations),
            Subject::Person { key_space } => match key_space.as_str() {
                "programme" => Ok(Self::Programme),
                "trafficking" => Ok(Self::Trafficking),
                other => Err(format!("the key space `{other}` has no keys")),
            },
        }
    }

    /// Whether its records stand in the restricted store.
    pub(crate) fn is_restricted(self) -> bool {
        self == Self::Trafficking
    }

    fn words(self) -> &'static str {
        match self {
            Self::Programme => "in the key space `programme`",
            Self::Trafficking => "in the key space `trafficking`",
            Self::Organisations => "as records of organisations",
        }
    }
}

/// Whether all that stands of a record type in one store landed as the record type says now.
///
/// # Errors
/// As [`agrees`].
pub(crate) fn all_agree(custody: &Custody, vault: &Vault, record_type: &RecordType) -> Result<()> {
    let mut own = custody.batches.iter().filter(|batch| batch.record_type == record_type.id);
    own.try_for_each(|batch| agrees(batch, vault, record_type))
}

/// Whether a batch landed as its record type says now: in that key space, in that key space's store, its files its own. Of a
/// batch from before key spaces were recorded the store alone tells. A batch that no longer stands has no files, and fits.
///
/// # Errors
/// `KeySpace`; `Damaged` where the log names a file of another batch, or a batch of another store.
pub(crate) fn agrees(batch: &Batch, vault: &Vault, record_type: &RecordType) -> Result<()> {
    let Some(first) = batch.files.first() else { return Ok(()) };
    let damaged = |path: &str, how| Err(Error::Damaged { path: path.to_owned(), how });
    let own = format!("{}/{}/", batch.record_type, batch.batch);
    if let Some(file) = batch.files.iter().find(|file| !file.path.starts_with(&own)) {
        return damaged(&file.path, "named as part of another batch");
    }
    if batch.key_space.is_some_and(|landed| landed.is_restricted() != vault.is_restricted) {
        return damaged(&first.path, "named in the log of another store");
    }
    let of_store = if vault.is_restricted { KeySpace::Trafficking } else { KeySpace::Programme };
    let wanted = KeySpace::of(record_type);
    let fits = |wanted: KeySpace| match batch.key_space {
        Some(landed) => landed == wanted,
        None => wanted.is_restricted() == vault.is_restricted,
    };
    if wanted.as_ref().is_ok_and(|wanted| fits(*wanted)) {
        return Ok(());
    }
    Err(Error::KeySpace {
        batch: batch.batch.clone(),
        record_type: record_type.id.clone(),
        landed: batch.key_space.unwrap_or(of_store).words(),
        wanted: wanted.map_or("in a key space without keys", KeySpace::words),
    })
}
