//! Encryption at rest: each file of the landing under a data key of its own, which stands in the store wrapped by the landing key.
//!
//! Files are Parquet of modular encryption (AES-256-GCM), footer included: without the key neither schema nor row counts nor
//! statistics can be read. The path is bound in twice, as additional data of the wrapping and of every module of the file: a
//! file or key that was moved, exchanged or brought back from another place does not open. Destroying the wrapped key
//! destroys the file, backups included, so `_keys/` is neither versioned nor backed up with the data (law 09-08, erasure).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Where wrapped keys stand in the store.
pub(crate) const FOLDER: &str = "_keys";
/// Bytes of a data key: AES-256.
const KEY_LEN: usize = 32;
/// Bytes of a wrapped key: nonce, encrypted key, tag.
const WRAPPED_LEN: usize = NONCE_LEN + KEY_LEN + 16;

/// The landing key of one store, as it wraps data keys. Cheap to clone; zeroed when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Sealer {
    key: Arc<Zeroizing<[u8; KEY_LEN]>>,
    /// While the landing key is rotated, the old one: what it wrapped still opens.
    old: Option<Arc<Zeroizing<[u8; KEY_LEN]>>>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// A new file's data key: as the writer uses it, and as the store keeps it.
pub(crate) struct Seal {
    pub(crate) encryption: Arc<FileEncryptionProperties>,
    /// The data key under the landing key.
    wrapped: Bytes,
}

/// A file as it is put, with its wrapped key.
pub(crate) struct Sealed {
    pub(crate) bytes: Bytes,
    pub(crate) wrapped: Bytes,
}

impl Sealer {
    pub(crate) fn new(landing_key: &[u8; KEY_LEN]) -> Self {
        Self { key: wrapping_key(landing_key), old: None }
    }

    /// The same, that also opens what an older landing key wrapped.
    pub(crate) fn or_under(self, landing_key: &[u8; KEY_LEN]) -> Self {
        Self { old: Some(wrapping_key(landing_key)), ..self }
    }

    /// Draws the data key of the file at this path.
    ///
    /// # Errors
    /// `Randomness`.
    pub(crate) fn seal(&self, path: &str) -> Result<Seal> {
        let mut data_key = Zeroizing::new([0; KEY_LEN]);
        getrandom::fill(data_key.as_mut_slice()).map_err(|_| Error::Randomness)?;
        let wrapped = self.wrap(path, data_key.as_slice())?;
        let encryption = FileEncryptionProperties::builder(data_key.to_vec())
            .with_aad_prefix(path.as_bytes().to_vec())
            .with_aad_prefix_storage(false)
            .build()?;
        Ok(Seal { encryption, wrapped })
    }

    /// How the file at this path is read; `None` where the wrapped key does not open under this path and landing key.
    ///
    /// # Errors
    /// `Parquet`, `Sealing`.
    pub(crate) fn reading(&self, path: &str, wrapped: &[u8]) -> Result<Option<ArrowReaderOptions>> {
        let Some(data_key) = self.unwrap(path, wrapped) else { return Ok(None) };
        let decryption = FileDecryptionProperties::builder(data_key.to_vec())
            .with_aad_prefix(path.as_bytes().to_vec())
            .build()?;
        Ok(Some(ArrowReaderOptions::new().with_file_decryption_properties(decryption)))
    }

    /// The wrapped key under the new landing key; `None` where it is already.
    ///
    /// # Errors
    /// `Damaged` where neither key opens it.
    pub(crate) fn rewrap(&self, path: &str, wrapped: &[u8]) -> Result<Option<Bytes>> {
        if open(&self.key, path, wrapped).is_some() {
            return Ok(None);
        }
        let damaged = || Error::Damaged { path: path.to_owned(), how: "under another key" };
        let data_key = self.unwrap(path, wrapped).ok_or_else(damaged)?;
        self.wrap(path, &data_key).map(Some)
    }

    fn wrap(&self, path: &str, data_key: &[u8]) -> Result<Bytes> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| Error::Randomness)?;
        let mut wrapped = data_key.to_vec();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        let key = wrapping(&self.key).ok_or(Error::Sealing)?;
        let tag = key.seal_in_place_separate_tag(nonce_of, Aad::from(path), &mut wrapped);
        let tag = tag.map_err(|_| Error::Sealing)?;
        Ok([nonce.as_slice(), &wrapped, tag.as_ref()].concat().into())
    }

    fn unwrap(&self, path: &str, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.key, path, wrapped).or_else(|| open(self.old.as_ref()?, path, wrapped))
    }
}

fn wrapping_key(landing_key: &[u8; KEY_LEN]) -> Arc<Zeroizing<[u8; KEY_LEN]>> {
    Arc::new(Zeroizing::new(blake3::derive_key("marsad data key wrapping v1", landing_key)))
}

fn open(key: &[u8; KEY_LEN], path: &str, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = wrapped.split_at_checked(NONCE_LEN)?;
    if wrapped.len() != WRAPPED_LEN {
        return None;
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut data_key = Zeroizing::new(sealed.to_vec());
    wrapping(key)?.open_in_place(nonce, Aad::from(path), &mut data_key).ok()?;
    data_key.truncate(KEY_LEN);
    Some(data_key)
}

fn wrapping(key: &[u8; KEY_LEN]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

impl Seal {
    /// The file that was written under it.
    pub(crate) fn of(self, bytes: Bytes) -> Sealed {
        Sealed { bytes, wrapped: self.wrapped }
    }
}

/// `_keys/<batch>/<bucket>`, whatever the file is of: its folder's name and its own.
pub(crate) fn key_path(path: &str) -> String {
    let stem = path.strip_suffix(".parquet").unwrap_or(path);
    let mut names = stem.rsplitn(3, '/');
    let (own, folder) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    format!("{FOLDER}/{folder}/{own}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_under_its_own_path_and_landing_key_alone() {
        let (sealer, other) = (Sealer::new(&[1; 32]), Sealer::new(&[2; 32]));
        let seal = sealer.seal("a/b/0.parquet").unwrap();
        assert!(sealer.unwrap("a/b/0.parquet", &seal.wrapped).is_some());
        assert!(sealer.unwrap("a/b/1.parquet", &seal.wrapped).is_none());
        assert!(other.unwrap("a/b/0.parquet", &seal.wrapped).is_none());
        for at in 0..WRAPPED_LEN {
            let mut flipped = seal.wrapped.to_vec();
            flipped[at] ^= 1;
            assert!(sealer.unwrap("a/b/0.parquet", &flipped).is_none(), "byte {at}");
        }
        for length in 0..WRAPPED_LEN {
            assert!(sealer.unwrap("a/b/0.parquet", &seal.wrapped[..length]).is_none());
        }
        assert_ne!(seal.wrapped, sealer.seal("a/b/0.parquet").unwrap().wrapped);
        assert_eq!(format!("{sealer:?}"), "Sealer(…)");
    }

    #[test]
    fn keys_stand_under_the_batch_and_the_files_name() {
        assert_eq!(key_path("training/ab12/7.parquet"), "_keys/ab12/7");
        assert_eq!(key_path("_quarantine/ab12.parquet"), "_keys/_quarantine/ab12");
        assert_eq!(key_path("_series/cd/0-3-ef.parquet"), "_keys/cd/0-3-ef");
    }
}
