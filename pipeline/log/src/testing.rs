//! For tests of rooms that write: a store whose n-th call fails, and one whose calls wait for their turn. Deliberately not
//! in a release build.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use crate::Store;

mod stepped;

pub use stepped::{SteppedStore, Waiting};

/// When, relative to the work, a failing call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Before anything was done: the object is not there.
    Before,
    /// After everything was done: the object is there, and the caller does not know.
    After,
}

/// Wraps a store, counts its calls, and lets one of them fail, and every later one as well, as after a crash.
#[derive(Debug)]
pub struct FailingStore {
    inner: Arc<dyn ObjectStore>,
    calls: AtomicU64,
    fail_at: AtomicU64,
    failure: Failure,
    stays_down: AtomicBool,
}

impl FailingStore {
    /// A store that fails at call number `fail_at` (from 0) and from then on.
    pub fn new(inner: Arc<dyn ObjectStore>, fail_at: u64, failure: Failure) -> Arc<Self> {
        let stays_down = AtomicBool::new(true);
        Arc::new(Self {
            inner,
            calls: AtomicU64::new(0),
            fail_at: AtomicU64::new(fail_at),
            failure,
            stays_down,
        })
    }

    /// A store that never fails, to count the calls of a command.
    pub fn counting(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        Self::new(inner, u64::MAX, Failure::Before)
    }

    /// Lets only the one call fail, as a network does, not all after it, as a crash does.
    #[must_use]
    pub fn once(self: Arc<Self>) -> Arc<Self> {
        self.stays_down.store(false, Ordering::SeqCst);
        self
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Sets the call that fails next, counted from now on.
    pub fn fail_after(&self, calls: u64) {
        self.fail_at.store(self.calls().saturating_add(calls), Ordering::SeqCst);
    }

    /// The handle to give to the code under test.
    pub fn store(self: &Arc<Self>) -> Store {
        Store::with(Arc::clone(self) as Arc<dyn ObjectStore>)
    }

    /// Counts a call and says whether it fails.
    fn count(&self) -> bool {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let fail_at = self.fail_at.load(Ordering::SeqCst);
        call == fail_at || (call > fail_at && self.stays_down.load(Ordering::SeqCst))
    }

    async fn guard<T>(&self, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let fails = self.count();
        if !fails {
            return work.await;
        }
        if self.failure == Failure::After && self.calls() == self.fail_at.load(Ordering::SeqCst) + 1 {
            // The outcome is withheld on purpose.
            work.await.ok();
        }
        Err(cut_off())
    }
}

fn cut_off() -> Error {
    Error::Generic { store: "failing", source: "the connection was cut".into() }
}

impl fmt::Display for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failing {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FailingStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.guard(self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.guard(self.inner.put_multipart_opts(location, options)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.guard(self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.guard(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        if self.count() {
            return stream::once(async { Err(cut_off()) }).boxed();
        }
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.count() {
            return stream::once(async { Err(cut_off()) }).boxed();
        }
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.guard(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.guard(self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.guard(self.inner.rename_opts(from, to, options)).await
    }
}
