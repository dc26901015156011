//! What this installation remembers beside the store, in its `state/`: the head it saw last, and the runs it started.
//!
//! The head shows a ledger that was rolled back; the runs tell whose reservations a recovery here may end. Deliberately
//! without anything that the ledger needs to be right: with a lost folder a rollback before the next look goes unseen here, and
//! a run that was cut off waits for whoever knows that it is dead ([`crate::Ledger::recover_all`]).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use marsad_log::{Checkpoint, Entry};
use marsad_terms::{Name, RunId};

use crate::error::{Error, Result};

/// The file of the head last seen.
const HEAD: &str = "ledger-head.json";
/// The folder of runs that were started here and have not ended.
const RUNS: &str = "runs";

/// The folder `state/`.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    folder: PathBuf,
}

impl Installation {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The head last seen. Read it before the log: another process may move both on in between.
    pub(crate) fn head(&self) -> Result<Option<Checkpoint>> {
        let path = self.folder.join(HEAD);
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(head) => Ok(Some(head)),
                Err(error) => Err(failed(&path, error.into())),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// Remembers the head of `entries`, unless a later one is remembered. Whether it could: who may only read reads all the same.
    pub(crate) fn saw(&self, entries: &[Entry]) -> Result<bool> {
        let time = entries.last().map(|entry| entry.time.clone()).unwrap_or_default();
        let Some(head) = Checkpoint::of(entries, time) else { return Ok(true) };
        if self.head()?.is_some_and(|known| known.sequence >= head.sequence) {
            return Ok(true);
        }
        let path = self.folder.join(HEAD);
        let bytes = serde_json::to_vec(&head).expect("a checkpoint holds texts and a number");
        match self.write(&path, &bytes) {
            Ok(()) => Ok(true),
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// Remembers that a run is started here; before its reservation.
    pub(crate) fn start(&self, run: &RunId) -> Result<()> {
        let path = self.run(run);
        self.write(&path, b"").map_err(|error| failed(&path, error))
    }

    /// Forgets a run that has ended.
    pub(crate) fn end(&self, run: &RunId) -> Result<()> {
        let path = self.run(run);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&path, error)),
            _ => Ok(()),
        }
    }

    /// The runs that were started here and have not ended.
    pub(crate) fn runs(&self) -> Result<BTreeSet<RunId>> {
        let folder = self.folder.join(RUNS);
        let names = match fs::read_dir(&folder) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(failed(&folder, error)),
        };
        let mut runs = BTreeSet::new();
        for name in names {
            let name = name.map_err(|error| failed(&folder, error))?.file_name();
            runs.extend(name.to_str().and_then(|name| name.parse().ok()));
        }
        Ok(runs)
    }

    fn run(&self, run: &RunId) -> PathBuf {
        self.folder.join(RUNS).join(run.as_str())
    }

    /// Whole or not at all: written aside, synced, renamed.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let aside = self.folder.join(format!(".{}-{number}", std::process::id()));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        File::open(folder)?.sync_all()
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::State { path: path.to_owned(), source }
}
