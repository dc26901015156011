//! One of the two stores with the key that its files lie under: files are put with their keys, opened, destroyed.

use std::collections::HashSet;

use bytes::Bytes;
use marsad_log::{Created, Store};
use marsad_terms::Digest;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use crate::custody::FileEntry;
use crate::seal::{Seal, Sealed, Sealer, key_path};
use crate::{Error, Result};

/// A store and its landing key. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Vault {
    pub(crate) store: Store,
    pub(crate) sealer: Sealer,
    /// Whether it is the one whose records stand apart.
    pub(crate) is_restricted: bool,
}

impl Vault {
    /// A data key for the file that will stand at this path.
    pub(crate) fn seal(&self, path: &str) -> Result<Seal> {
        self.sealer.seal(path)
    }

    /// Puts the key, then the file, both under names that are free: no file stands without its key.
    ///
    /// # Errors
    /// `Damaged` where one of them is there already; the store failed.
    pub(crate) async fn put(&self, path: String, rows: u64, file: &Sealed) -> Result<FileEntry> {
        self.create(&key_path(&path), &file.wrapped).await?;
        self.create(&path, &file.bytes).await?;
        let bytes = file.bytes.len() as u64;
        Ok(FileEntry { hash: Digest::of(&file.bytes), rows, bytes, path, withdraws: None })
    }

    async fn create(&self, path: &str, bytes: &Bytes) -> Result<()> {
        match self.store.create(path, bytes).await? {
            Created::New => Ok(()),
            Created::Exists => Err(damaged(path, "there already")),
        }
    }

    /// A whole file, its bytes compared with the log's hash, opened with its key.
    ///
    /// # Errors
    /// `Damaged` where it or its key is missing, or another than it was.
    pub(crate) async fn open(&self, path: &str, hash: Digest) -> Result<ParquetRecordBatchReader> {
        let bytes = self.store.get(path).await?.ok_or_else(|| damaged(path, "missing"))?;
        if Digest::of(&bytes) != hash {
            return Err(damaged(path, "changed"));
        }
        ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, self.reading(path).await?)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(|_| damaged(path, "unreadable"))
    }

    /// How a reader of Parquet opens the file at this path.
    ///
    /// # Errors
    /// `Damaged` where its key is missing, or does not open under this path and landing key.
    pub(crate) async fn reading(&self, path: &str) -> Result<ArrowReaderOptions> {
        let wrapped = self.store.get(&key_path(path)).await?;
        let wrapped = wrapped.ok_or_else(|| damaged(path, "without its key"))?;
        self.sealer.reading(path, &wrapped)?.ok_or_else(|| damaged(path, "under another key"))
    }

    /// Destroys files that others took the place of: their keys first, which destroys them in every backup too.
    ///
    /// # Errors
    /// The store failed; what is not gone yet goes when this is called again.
    pub(crate) async fn destroy(&self, paths: &[String]) -> Result<()> {
        for path in with_keys(paths) {
            self.store.delete(&path).await?;
        }
        Ok(())
    }

    /// The same for those of these files that are still there: one look at what the store holds, however many went before.
    ///
    /// # Errors
    /// As [`Vault::destroy`].
    pub(crate) async fn destroy_left(&self, paths: &[String]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let there: HashSet<String> = self.store.list("").await?.into_iter().collect();
        let is_left = |path: &&String| there.contains(*path) || there.contains(&key_path(path));
        let left: Vec<String> = paths.iter().filter(is_left).cloned().collect();
        self.destroy(&left).await
    }

    /// Removes files that no entry names, their keys first. A failure leaves them unnamed, which harms nobody.
    pub(crate) async fn remove(&self, paths: &[String]) {
        for path in with_keys(paths) {
            self.store.delete(&path).await.ok();
        }
    }
}

/// Each file after its key.
fn with_keys(paths: &[String]) -> impl Iterator<Item = String> {
    paths.iter().flat_map(|path| [key_path(path), path.clone()])
}

fn damaged(path: &str, how: &'static str) -> Error {
    Error::Damaged { path: path.to_owned(), how }
}
