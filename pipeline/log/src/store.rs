//! A cheap-to-clone handle on one object store. Deliberately small: conditional create, read, list, delete, and the
//! syncing that a local folder needs and a bucket does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use url::Url;

use crate::cloud::Cloud;
use crate::local::Folder;
use crate::remote::{self, Access, Meaning};
use crate::{Error, Result};

/// How many objects of a bucket are asked for at once.
const REQUESTS: usize = 32;
/// How many files of a folder are read in one go, and how many goes are under way at once: a file may be megabytes.
const FILES: usize = 32;
const GOES: usize = 2;

/// What a conditional put found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// Nothing stood there; the object is durable now. In a bucket also where these very bytes stood there, since an answer may
    /// have been lost: whoever must tell its object from another's alike puts something drawn into it.
    New,
    /// Another object of that name stood there and was left alone.
    Exists,
}

/// One object store: a folder, memory, or whatever [`Store::with`] was given.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    url: Arc<str>,
    folder: Option<Arc<Folder>>,
}

impl Store {
    /// Opens a folder, relative to `base`, or a `file:` address.
    ///
    /// # Errors
    /// As [`Store::open_with`].
    pub fn open(url_or_path: &str, base: &Path) -> Result<Self> {
        Self::open_with(url_or_path, base, &Access::default())
    }

    /// Opens a folder, relative to `base`, a `file:` address, or a bucket at an `s3:`, `gs:` or `az:` address. A folder is
    /// created by the first write; a bucket must be there.
    ///
    /// # Errors
    /// `UnsupportedStore` for other schemes, `BadAddress` for what is no address; for a bucket `NoCredentials`, `ClearText`,
    /// `Access` where `access` does not do.
    pub fn open_with(url_or_path: &str, base: &Path, access: &Access) -> Result<Self> {
        let bad = || Error::BadAddress { url: url_or_path.to_owned() };
        if let Some(cloud) = Cloud::of(url_or_path) {
            let url = Url::parse(url_or_path).map_err(|_| bad())?;
            let objects = remote::open(cloud, &url, access)?;
            return Ok(Self { objects, url: url.as_str().into(), folder: None });
        }
        match url_or_path.split_once(':').map(|(scheme, _)| scheme) {
            Some("file") => {
                let url = Url::parse(url_or_path).map_err(|_| bad())?;
                Self::folder(url.to_file_path().map_err(|()| bad())?).ok_or_else(bad)
            }
            Some(scheme) if is_scheme(scheme) => Err(Error::UnsupportedStore { url: url_or_path.to_owned() }),
            _ if url_or_path.is_empty() => Err(bad()),
            _ => Self::folder(base.join(url_or_path)).ok_or_else(bad),
        }
    }

    /// The store in a folder; `None` where its path cannot be one.
    fn folder(path: PathBuf) -> Option<Self> {
        let root = std::path::absolute(path).ok()?;
        let prefix = ObjectPath::from_absolute_path(&root).ok()?;
        let url = Url::from_file_path(&root).ok()?;
        Some(Self {
            objects: Arc::new(PrefixStore::new(LocalFileSystem::new(), prefix)),
            url: url.as_str().into(),
            folder: Some(Arc::new(Folder::new(root))),
        })
    }

    /// A store that lives as long as the process.
    pub fn memory() -> Self {
        Self::with(Arc::new(InMemory::new()))
    }

    /// Any object store, taken to be durable as it is.
    pub fn with(objects: Arc<dyn ObjectStore>) -> Self {
        let url = objects.to_string().into();
        Self { objects, url, folder: None }
    }

    /// The store itself, for readers that want ranges and streams.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// The address, for messages.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder, where the store is one.
    pub fn root(&self) -> Option<&Path> {
        self.folder.as_deref().map(Folder::root)
    }

    /// Writes an object unless one of that name exists. Durable on return, and never seen in part. Where a bucket's answer is
    /// lost, what stands there tells whether the object was written.
    ///
    /// # Errors
    /// `Store` where the store fails; the object may stand there or not, so read before trying again.
    pub async fn create(&self, path: &str, bytes: &Bytes) -> Result<Created> {
        let location = parse(path)?;
        if let Some(folder) = &self.folder {
            return folder.create(&location, bytes.clone()).await.map_err(|e| self.failed("write", path, e));
        }
        let options = PutOptions::from(PutMode::Create);
        match self.objects.put_opts(&location, PutPayload::from(bytes.clone()), options).await {
            Ok(_) => Ok(Created::New),
            // The client asks again by itself, and may find there what it has written and not been told of.
            Err(source) => match self.get(path).await {
                Ok(Some(found)) if found == *bytes => Ok(Created::New),
                _ if is_taken(&source) => Ok(Created::Exists),
                _ => Err(self.failed("write", path, source)),
            },
        }
    }

    /// Writes an object whatever stood there: for pointers only, what is appended is never rewritten.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn put(&self, path: &str, bytes: &Bytes) -> Result<()> {
        let location = parse(path)?;
        if let Some(folder) = &self.folder {
            return folder.put(&location, bytes.clone()).await.map_err(|e| self.failed("write", path, e));
        }
        let written = self.objects.put(&location, PutPayload::from(bytes.clone())).await;
        written.map(|_| ()).map_err(|source| self.failed("write", path, source))
    }

    /// The bytes of an object, or `None` where there is none.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>> {
        let location = parse(path)?;
        if let Some(folder) = &self.folder {
            return folder.read(&location).await.map_err(|e| self.failed("read", path, e));
        }
        let read = match self.objects.get(&location).await {
            Ok(found) => found.bytes().await.map(Some),
            Err(error) => Err(error),
        };
        match read {
            // A bucket that is not there holds nothing, and is no empty store.
            Err(error) if is_absent(&error) => Ok(None),
            other => other.map_err(|source| self.failed("read", path, source)),
        }
    }

    /// The bytes of each of many objects as [`Store::get`] gives them, in the order of `paths`.
    pub fn get_each(&self, paths: &[String]) -> impl Stream<Item = Result<Option<Bytes>>> + use<'_> {
        let (share, at_once) = if self.folder.is_some() { (FILES, GOES) } else { (1, REQUESTS) };
        let shares: Vec<Vec<String>> = paths.chunks(share).map(<[String]>::to_vec).collect();
        let read = stream::iter(shares).map(|share| self.get_share(share)).buffered(at_once);
        read.flat_map(stream::iter)
    }

    async fn get_share(&self, paths: Vec<String>) -> Vec<Result<Option<Bytes>>> {
        let Some(folder) = &self.folder else {
            return stream::iter(&paths).then(|path| self.get(path)).collect().await;
        };
        let read = async {
            let locations = paths.iter().map(|path| parse(path)).collect::<Result<_>>()?;
            folder.read_each(locations).await.map_err(|error| self.failed("read", &paths[0], error))
        };
        match read.await {
            Ok(each) => each
                .into_iter()
                .zip(&paths)
                .map(|(read, path)| read.map_err(|error| self.failed("read", path, error)))
                .collect(),
            Err(error) => vec![Err(error)],
        }
    }

    /// The names of all objects below a folder of the store, sorted; `""` is the whole store.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let location = parse(prefix)?;
        let below = (!prefix.is_empty()).then_some(&location);
        self.names(prefix, self.objects.list(below)).await
    }

    /// The names of the objects in a folder of the store itself that are greater than `offset`, sorted: cheap where the store
    /// lists in order.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn list_after(&self, prefix: &str, offset: &str) -> Result<Vec<String>> {
        let location = parse(prefix)?;
        if let Some(folder) = &self.folder {
            let names = folder.names_after(&location, offset.to_owned()).await;
            let mut names = names.map_err(|error| self.failed("list", prefix, error))?;
            names.sort_unstable();
            return Ok(names);
        }
        let below = (!prefix.is_empty()).then_some(&location);
        let mut names = self.names(prefix, self.objects.list_with_offset(below, &parse(offset)?)).await?;
        let here = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
        // Azure skips none at the version of its protocol that the client speaks, and the client trusts it.
        names.retain(|name| name.as_str() > offset && !name[here..].contains('/'));
        Ok(names)
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn delete(&self, path: &str) -> Result<()> {
        let location = parse(path)?;
        match self.objects.delete(&location).await {
            Ok(()) => self.sync_folder_of(path).await,
            Err(error) if is_absent(&error) => Ok(()),
            Err(source) => Err(self.failed("delete", path, source)),
        }
    }

    /// Removes the files that writers into a folder left aside when they were cut off, and gives how many; a bucket has none.
    /// Writers may go on meanwhile.
    ///
    /// # Errors
    /// `Store` where the folder cannot be read or written.
    pub async fn remove_aside(&self) -> Result<u64> {
        match &self.folder {
            Some(folder) => folder.remove_aside().await.map_err(|e| self.failed("sweep", "", e)),
            None => Ok(0),
        }
    }

    /// Makes an object durable that another process may have written and not yet synced.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn sync(&self, path: &str) -> Result<()> {
        let location = parse(path)?;
        match &self.folder {
            Some(folder) => folder.sync(&location).await.map_err(|e| self.failed("sync", path, e)),
            None => Ok(()),
        }
    }

    async fn sync_folder_of(&self, path: &str) -> Result<()> {
        let location = parse(path)?;
        match &self.folder {
            Some(folder) => folder.sync_parent(&location).await.map_err(|e| self.failed("sync", path, e)),
            None => Ok(()),
        }
    }

    async fn names(
        &self,
        prefix: &str,
        listed: futures::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>>,
    ) -> Result<Vec<String>> {
        let names = listed.map_ok(|object| object.location.to_string()).try_collect::<Vec<_>>().await;
        let mut names = names.map_err(|source| self.failed("list", prefix, source))?;
        names.sort_unstable();
        Ok(names)
    }

    /// What to say where the store failed while something was done with one of its objects.
    pub fn failed(&self, action: &'static str, path: &str, source: object_store::Error) -> Error {
        Error::Store { action, path: path.to_owned(), url: self.url.to_string(), source: Box::new(source) }
    }
}

/// Whether an object of that name stands there, or is being written. A bucket that is being removed conflicts too.
fn is_taken(error: &object_store::Error) -> bool {
    let conflicts =
        matches!(error, object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. });
    conflicts && remote::meaning(error) == Meaning::Failed
}

/// Whether there is no object of that name in a store that is there.
fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && remote::meaning(error) != Meaning::NoBucket
}

fn parse(path: &str) -> Result<ObjectPath> {
    ObjectPath::parse(path).map_err(|_| Error::BadPath { path: path.to_owned() })
}

/// Two letters or more, as in RFC 3986: one letter is a drive.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_that_is_being_removed_is_no_object_that_stands_there() {
        let conflict = |code: &str| object_store::Error::AlreadyExists {
            path: "a".to_owned(),
            source: format!("409 Conflict: <Error><Code>{code}</Code></Error>").into(),
        };
        assert!(
            is_taken(&conflict("BlobAlreadyExists")) && is_taken(&conflict("ConditionalRequestConflict"))
        );
        assert!(!is_taken(&conflict("ContainerBeingDeleted")));
    }
}
