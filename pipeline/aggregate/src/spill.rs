//! Where sorts spill: files without a name, encrypted under keys of the moment.
//!
//! It deliberately lacks a way to find a file again: a process that ends, however that is, leaves nothing.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, stream};
use marsad_landing::{SealedFile, Segment};

/// Bytes that are sealed together.
const SEGMENT: usize = 1 << 20;

/// Makes them in one folder.
pub(crate) struct SealedFiles {
    folder: PathBuf,
}

impl SealedFiles {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl TempFileFactory for SealedFiles {
    fn create_temp_file(&self, _description: &str) -> Result<Arc<dyn SpillFile>> {
        let file = SealedFile::new(&self.folder).map_err(external)?;
        let sealed = Sealed { file, segments: Vec::new(), n_bytes: 0 };
        Ok(Arc::new(Spilled { sealed: Arc::new(Mutex::new(sealed)) }))
    }
}

/// One file: what was sealed so far.
struct Sealed {
    file: SealedFile,
    segments: Vec<Segment>,
    n_bytes: u64,
}

struct Spilled {
    sealed: Arc<Mutex<Sealed>>,
}

impl SpillFile for Spilled {
    fn size(&self) -> Option<u64> {
        locked(&self.sealed).ok().map(|sealed| sealed.n_bytes)
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let sealed = self.sealed.clone();
        let n_segments = locked(&sealed)?.segments.len();
        let read = move |segment: usize| {
            let sealed = locked(&sealed)?;
            let bytes = sealed.file.open(&sealed.segments[segment]).map_err(external)?;
            Ok(Bytes::from(bytes))
        };
        Ok(Box::pin(stream::iter((0..n_segments).map(read))))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer { sealed: self.sealed.clone(), waiting: Vec::new() }))
    }
}

/// Gathers bytes until a segment is full.
struct Writer {
    sealed: Arc<Mutex<Sealed>>,
    waiting: Vec<u8>,
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= SEGMENT {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut sealed = locked(&self.sealed).map_err(io::Error::other)?;
        let bytes = std::mem::take(&mut self.waiting);
        sealed.n_bytes += bytes.len() as u64;
        let segment = sealed.file.seal(bytes).map_err(io::Error::other)?;
        sealed.segments.push(segment);
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(io::Write::flush(self)?)
    }
}

fn locked(sealed: &Mutex<Sealed>) -> Result<MutexGuard<'_, Sealed>> {
    sealed.lock().map_err(|_| DataFusionError::Execution("another part of the sort died".to_owned()))
}

fn external(error: marsad_landing::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
