//! A store whose calls each wait for their turn, so that a test can go through every order of two writers' calls, and
//! end a writer before or after any of them. Deliberately without threads or time: a run is a list of choices.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::future::{pending, poll_fn};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::Store;

/// A call that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What is asked, such as `get 00000000000000000003.json`.
    pub call: String,
    /// Whether it changes the store.
    pub writes: bool,
}

/// One writer's way to a store that others use as well.
#[derive(Debug)]
pub struct SteppedStore {
    inner: Arc<dyn ObjectStore>,
    turns: Arc<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Calls that wait: their number, and what they are.
    waiting: VecDeque<(u64, Waiting)>,
    granted: BTreeSet<u64>,
    /// Whom to wake for a call: streams of calls ask only those that were woken.
    wakers: BTreeMap<u64, Waker>,
    /// What was asked and found so far.
    transcript: String,
    /// Whether the writer hears nothing of the call that is granted next.
    dies: bool,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits in line, does the work, and notes what it found.
    async fn take<T>(
        &self,
        call: String,
        writes: bool,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let number = {
            let mut state = self.state();
            let number = state.next;
            state.next += 1;
            state.waiting.push_back((number, Waiting { call: call.clone(), writes }));
            number
        };
        poll_fn(|context| {
            let mut state = self.state();
            if state.granted.contains(&number) {
                return Poll::Ready(());
            }
            state.wakers.insert(number, context.waker().clone());
            Poll::Pending
        })
        .await;
        let found = work.await;
        let dies = {
            let mut state = self.state();
            let met = found.as_ref().map_or_else(|error| format!("{error}"), |_| "done".to_owned());
            state.transcript += &format!("{call}: {met}\n");
            state.dies
        };
        if dies { pending().await } else { found }
    }
}

impl SteppedStore {
    /// One more writer of the same store.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self { inner, turns: Arc::default() })
    }

    /// The handle to give to the code under test.
    pub fn store(self: &Arc<Self>) -> Store {
        Store::with(Arc::clone(self) as Arc<dyn ObjectStore>)
    }

    /// The call that waits longest.
    pub fn waits(&self) -> Option<Waiting> {
        self.turns.state().waiting.front().map(|(_, waiting)| waiting.clone())
    }

    /// Lets the call that waits longest happen.
    pub fn grant(&self) {
        let mut state = self.turns.state();
        let Some((number, _)) = state.waiting.pop_front() else { return };
        state.granted.insert(number);
        let waker = state.wakers.remove(&number);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The same, and the writer never hears of it.
    pub fn grant_last(&self) {
        self.turns.state().dies = true;
        self.grant();
    }

    /// What was asked and found so far: two runs with the same transcript have got equally far.
    pub fn transcript(&self) -> String {
        self.turns.state().transcript.clone()
    }
}

impl fmt::Display for SteppedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stepped {}", self.inner)
    }
}

fn not_here() -> Error {
    Error::NotSupported { source: "no log and no ledger asks for this".into() }
}

#[async_trait]
impl ObjectStore for SteppedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.turns
            .take(format!("put {location}"), true, self.inner.put_opts(location, payload, options))
            .await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(not_here())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.turns.take(format!("get {location}"), false, self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, _: &Path, _: &[Range<u64>]) -> Result<Vec<Bytes>> {
        Err(not_here())
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, turns) = (Arc::clone(&self.inner), Arc::clone(&self.turns));
        let delete = move |location: Result<Path>| {
            let (inner, turns) = (Arc::clone(&inner), Arc::clone(&turns));
            async move {
                let location = location?;
                turns.take(format!("delete {location}"), true, inner.delete(&location)).await?;
                Ok(location)
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, turns, prefix) = (Arc::clone(&self.inner), Arc::clone(&self.turns), prefix.cloned());
        let listed = async move {
            // A stream answers when it is first asked: that is its turn.
            let all = async { inner.list(prefix.as_ref()).try_collect::<Vec<ObjectMeta>>().await };
            let call = format!("list {}", prefix.as_ref().map_or("", Path::as_ref));
            match turns.take(call, false, all).await {
                Ok(all) => {
                    turns.state().transcript += &format!("{} listed\n", all.len());
                    all.into_iter().map(Ok).collect()
                }
                Err(error) => vec![Err(error)],
            }
        };
        stream::once(listed).flat_map(stream::iter).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(not_here())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(not_here())
    }
}
