//! Durable writes into a local folder. `object_store`'s local store does not sync, and a hard link may reach the disk
//! before the bytes it names: here an object is written aside, synced, linked, and its folders synced, so that after a
//! power cut it is whole or absent. Deliberately reads and lists nothing; that is `object_store`'s.

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
            let aside = write_aside(path, &bytes)?;
            let linked = fs::hard_link(&aside, path);
            fs::remove_file(&aside)?;
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
            let aside = write_aside(path, &bytes)?;
            fs::rename(&aside, path)?;
            sync_parents(root, path)
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

    async fn blocking<T: Send + 'static>(
        &self,
        location: &ObjectPath,
        work: impl FnOnce(&Path, &Path) -> io::Result<T> + Send + 'static,
    ) -> object_store::Result<T> {
        let root = Arc::clone(&self.root);
        let path = location.parts().fold(root.to_path_buf(), |path, part| path.join(part.as_ref()));
        let done = tokio::task::spawn_blocking(move || work(&root, &path)).await;
        let done = done.map_err(|source| object_store::Error::JoinError { source })?;
        done.map_err(|source| object_store::Error::Generic { store: "folder", source: source.into() })
    }
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
