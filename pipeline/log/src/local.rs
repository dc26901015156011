//! Durable writes into a local folder. `object_store`'s local store does not sync, and a hard link may reach the disk
//! before the bytes it names: here an object is written aside, synced, linked, and its folders synced, so that after a
//! power cut it is whole or absent. Whole objects are read here too, in one step where `object_store` takes three, and names are
//! listed of one folder, where it asks for the size of every file below. Deliberately reads no ranges; that is `object_store`'s.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use object_store::path::Path as ObjectPath;

use crate::Created;

/// The folder of one store.
#[derive(Debug)]
pub(crate) struct Folder {
    root: Arc<Path>,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root: root.into() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) async fn create(&self, location: &ObjectPath, bytes: Bytes) -> object_store::Result<Created> {
        self.blocking(location, move |root, path| {
            let linked = from_aside(path, &bytes, |aside| {
                let linked = fs::hard_link(aside, path);
                // Whoever swept it away meanwhile did this for us.
                fs::remove_file(aside).or_else(unless_gone)?;
                linked
            });
            match linked {
                Ok(()) => sync_parents(root, path).map(|()| Created::New),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Created::Exists),
                Err(error) => Err(error),
            }
        })
        .await
    }

    pub(crate) async fn put(&self, location: &ObjectPath, bytes: Bytes) -> object_store::Result<()> {
        self.blocking(location, move |root, path| {
            from_aside(path, &bytes, |aside| fs::rename(aside, path))?;
            sync_parents(root, path)
        })
        .await
    }

    /// The bytes of an object, or `None` where there is none.
    pub(crate) async fn read(&self, location: &ObjectPath) -> object_store::Result<Option<Bytes>> {
        self.blocking(location, |_, path| read_whole(path)).await
    }

    /// The same of each, in one go: handing a task over takes as long as reading a small file.
    pub(crate) async fn read_each(
        &self,
        locations: Vec<ObjectPath>,
    ) -> object_store::Result<Vec<object_store::Result<Option<Bytes>>>> {
        self.blocking(&ObjectPath::default(), move |root, _| {
            Ok(locations.iter().map(|each| read_whole(&path_of(root, each)).map_err(failed)).collect())
        })
        .await
    }

    /// The names of the objects that stand in a folder itself, greater than `offset`, in no order.
    pub(crate) async fn names_after(
        &self,
        location: &ObjectPath,
        offset: String,
    ) -> object_store::Result<Vec<String>> {
        let prefix = location.to_string();
        self.blocking(location, move |_, path| {
            let entries = match fs::read_dir(path) {
                Err(error) if is_nothing(error.kind()) => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                if name > offset && !is_aside(&name) && !entry.file_type()?.is_dir() {
                    names.push(name);
                }
            }
            Ok(names)
        })
        .await
    }

    pub(crate) async fn sync(&self, location: &ObjectPath) -> object_store::Result<()> {
        self.blocking(location, |root, path| {
            File::open(path)?.sync_all()?;
            sync_parents(root, path)
        })
        .await
    }

    pub(crate) async fn sync_parent(&self, location: &ObjectPath) -> object_store::Result<()> {
        self.blocking(location, sync_parents).await
    }

    /// Removes what writers that were cut off left aside, and gives how many files that were. A writer that lives and
    /// finds its file gone writes it again, so none need be spared.
    pub(crate) async fn remove_aside(&self) -> object_store::Result<u64> {
        self.blocking(&ObjectPath::default(), |root, _| remove_aside(root)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        location: &ObjectPath,
        work: impl FnOnce(&Path, &Path) -> io::Result<T> + Send + 'static,
    ) -> object_store::Result<T> {
        let root = Arc::clone(&self.root);
        let path = path_of(&root, location);
        let done = tokio::task::spawn_blocking(move || work(&root, &path)).await;
        let done = done.map_err(|source| object_store::Error::JoinError { source })?;
        done.map_err(failed)
    }
}

fn failed(source: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "folder", source: source.into() }
}

fn path_of(root: &Path, location: &ObjectPath) -> PathBuf {
    location.parts().fold(root.to_path_buf(), |path, part| path.join(part.as_ref()))
}

fn read_whole(path: &Path) -> io::Result<Option<Bytes>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if is_nothing(error.kind()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How often a writer begins again whose file was swept away.
const TRIES: usize = 64;

/// Writes the bytes aside and puts them into their place; again where they were swept away in between.
fn from_aside(path: &Path, bytes: &[u8], put: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    for _ in 1..TRIES {
        match put(&write_aside(path, bytes)?) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            done => return done,
        }
    }
    put(&write_aside(path, bytes)?)
}

/// No such file, or what a folder of objects is: no object itself.
fn is_nothing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

fn unless_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn remove_aside(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_aside(&entry.path())?;
        } else if is_aside(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).or_else(unless_gone)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether a name ends in `#` and a number.
fn is_aside(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes and syncs the bytes beside their place. The name ends in `#` and a number, which `object_store` never lists.
fn write_aside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{}{number:06}", std::process::id()));
        let aside = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            // Left over from a process of the same number that died here.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                let written = file.write_all(bytes).and_then(|()| file.sync_all());
                return match written {
                    Ok(()) => Ok(aside),
                    Err(error) => {
                        drop(file);
                        // The first failure is the one to tell; what stays behind is never listed.
                        fs::remove_file(&aside).ok();
                        Err(error)
                    }
                };
            }
        }
    }
}

/// Syncs every folder from the object's up to the one that holds the store's root: each may have been created just now.
fn sync_parents(root: &Path, path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1) {
        match File::open(folder) {
            Ok(folder) => folder.sync_all()?,
            // A parent above the store that may not be opened was not created by us.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !folder.starts_with(root) => {}
            Err(error) => return Err(error),
        }
        if !folder.starts_with(root) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_dead_writer_left_aside_goes_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path().join("store"));
        assert_eq!(folder.remove_aside().await.unwrap(), 0, "a store that is not there");
        let location = ObjectPath::from("a/b.parquet");
        assert_eq!(folder.create(&location, Bytes::from_static(b"whole")).await.unwrap(), Created::New);
        for name in ["a/b.parquet#12000001", "c.json#7", "a/not#an-aside", "a/nor#"] {
            fs::write(root.path().join("store").join(name), b"part").unwrap();
        }
        assert_eq!(folder.remove_aside().await.unwrap(), 2);
        let left = ["a/b.parquet", "a/not#an-aside", "a/nor#"];
        assert!(left.iter().all(|name| root.path().join("store").join(name).exists()));
        assert_eq!(folder.remove_aside().await.unwrap(), 0);
    }

    #[test]
    fn a_writer_whose_file_was_swept_away_writes_it_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("object");
        let tries = std::cell::Cell::new(0);
        from_aside(&path, b"whole", |aside| {
            tries.set(tries.get() + 1);
            if tries.get() < 3 {
                remove_aside(root.path())?;
            }
            fs::rename(aside, &path)
        })
        .unwrap();
        assert_eq!((tries.get(), fs::read(&path).unwrap()), (3, b"whole".to_vec()));
        let never = from_aside(&path, b"other", |aside| {
            fs::remove_file(aside).and_then(|()| fs::rename(aside, &path))
        });
        assert_eq!(never.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn writers_and_sweepers_at_once_lose_nothing() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let root = tempfile::tempdir().unwrap();
        let folder = std::sync::Arc::new(Folder::new(root.path().to_owned()));
        runtime.block_on(async {
            let writes = (0..200).map(|n| {
                let folder = Arc::clone(&folder);
                tokio::spawn(async move {
                    folder.create(&ObjectPath::from(format!("o/{n}")), Bytes::from_static(b"x")).await
                })
            });
            let writes: Vec<_> = writes.collect();
            for _ in 0..40 {
                folder.remove_aside().await.unwrap();
            }
            for write in writes {
                assert_eq!(write.await.unwrap().unwrap(), Created::New);
            }
        });
        assert_eq!(fs::read_dir(root.path().join("o")).unwrap().count(), 200);
    }
}
