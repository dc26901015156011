//! The log itself: read all of it, append after its head. Who loses the next number is told so and decides again; an
//! append never rewrites. Deliberately holds no state besides where the log is.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use marsad_terms::clock;

use crate::chain::Chain;
use crate::segment::{self, SEGMENT, SEGMENT_LENGTH};
use crate::{Created, Draft, Entry, Error, Fault, FaultKind, Result, Scan, Store};

/// Where the time of an entry comes from.
pub type Clock = Arc<dyn Fn() -> String + Send + Sync>;

/// What became of an append.
#[derive(Debug)]
#[must_use]
pub enum Appended {
    /// The entry is written and durable.
    Written(Box<Entry>),
    /// Somebody else wrote an entry of that number: read it, decide again.
    Lost,
}

/// One log in a store. Cheap to clone; several processes may append at once.
#[derive(Clone)]
pub struct Log {
    store: Store,
    prefix: String,
    clock: Clock,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("store", &self.store.url())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Log {
    /// The log whose entries stand under `prefix` of the store; `""` is the store's root. Nothing is read or written.
    pub fn open(store: Store, prefix: &str) -> Self {
        Self { store, prefix: prefix.trim_matches('/').to_owned(), clock: Arc::new(clock::now_text) }
    }

    /// The same log with another source of time, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The store that the log stands in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The time by this log's clock.
    pub fn now(&self) -> String {
        (self.clock)()
    }

    /// All entries, from segments as far as they go and from single objects after them.
    ///
    /// # Errors
    /// `Broken` where any fault is found: nothing may be built on such a log. `Store` where the store fails.
    pub async fn read(&self) -> Result<Vec<Entry>> {
        self.whole(self.scan().await?)
    }

    /// All entries, each from its own object, compared with the segments.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn read_each(&self) -> Result<Vec<Entry>> {
        self.whole(self.scan_each().await?)
    }

    /// The entries after `head`, which must be an entry of this log.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn newer(&self, head: Option<&Entry>) -> Result<Vec<Entry>> {
        let Some(head) = head else { return self.read().await };
        let mut chain = Chain::after(Some(head));
        self.take_single(&mut chain, Some(head.sequence)).await?;
        self.whole(chain.finish())
    }

    /// Like [`Log::read`], but faults are data: everything that can be read, and everything that is wrong.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn scan(&self) -> Result<Scan> {
        let segments = self.segments().await?;
        let sealed = (0..).step_by(SEGMENT).take_while(|first| segments.contains(first));
        let mut blocks = stream::iter(sealed)
            .map(|first| async move {
                let read = self.store.get(&self.path(&segment::name(first))).await?;
                let parsed = tokio::task::spawn_blocking(move || parse(read)).await;
                Ok::<_, Error>((first, parsed.expect("parsing a segment does not panic")))
            })
            .buffered(4);
        let mut chain = Chain::after(None);
        let mut last = None;
        while let Some((first, lines)) = blocks.try_next().await? {
            let Some(lines) = lines else {
                chain.fault(first, FaultKind::Hash, "the segment that begins here is not a thousand entries");
                break;
            };
            for (at, line) in (first..).zip(lines) {
                chain.take_read(at, line);
            }
            last = Some(first + SEGMENT_LENGTH - 1);
        }
        drop(blocks);
        self.take_single(&mut chain, last).await?;
        Ok(chain.finish())
    }

    /// Like [`Log::scan`], but reads each entry from its own object and compares the segments with them.
    ///
    /// # Errors
    /// `Store` where the store fails.
    pub async fn scan_each(&self) -> Result<Scan> {
        let mut chain = Chain::after(None);
        let mut objects = std::pin::pin!(self.single(None).await?);
        let segments = self.segments().await?;
        let mut segment: Option<Vec<Bytes>> = None;
        while let Some((at, bytes)) = objects.try_next().await? {
            if at % SEGMENT_LENGTH == 0 || segment.is_none() {
                segment = self.segment_of(at, &segments, &mut chain).await?;
            }
            let copy = segment.as_ref().and_then(|lines| lines.get((at % SEGMENT_LENGTH) as usize));
            if copy.is_some_and(|copy| *copy != bytes) {
                chain.fault(at, FaultKind::Hash, "the segment's copy of the entry is another one");
            }
            chain.take(at, &bytes);
        }
        if let Some(last) = segments.last() {
            chain.missing_up_to(last.saturating_add(SEGMENT_LENGTH));
        }
        Ok(chain.finish())
    }

    /// Appends after `after`, the head that the caller last read, or as the first entry.
    ///
    /// # Errors
    /// `Broken` where `after` does not stand in the store; `NotCanonical` for a body with other numbers than integers;
    /// `Store` where the store fails: then the entry may stand or not, so read before deciding again.
    pub async fn append(&self, after: Option<&Entry>, draft: Draft) -> Result<Appended> {
        if let Some(head) = after {
            self.stands(head).await?;
        }
        let entry = Entry::following(after, self.now(), draft)?;
        let bytes = Bytes::from(entry.bytes()?);
        let path = self.entry_path(entry.sequence);
        if self.store.create(&path, &bytes).await? == Created::Exists {
            // A store that retries by itself may have written our entry and then found it there.
            if self.store.get(&path).await? != Some(bytes) {
                return Ok(Appended::Lost);
            }
            self.store.sync(&path).await?;
        }
        if segment::is_complete_at(entry.sequence) {
            // The entry counts whatever becomes of the copy; a segment not written now is written with the next one.
            self.seal(entry.sequence).await.ok();
        }
        Ok(Appended::Written(Box::new(entry)))
    }

    /// Makes sure that the entry to chain to stands there as it was read, and is durable.
    async fn stands(&self, head: &Entry) -> Result<()> {
        let path = self.entry_path(head.sequence);
        let expected = head.bytes()?;
        let (kind, what) = match self.store.get(&path).await? {
            Some(found) if found == expected => return self.store.sync(&path).await,
            Some(_) => (FaultKind::Chain, "the entry to append after was replaced by another one"),
            None => (FaultKind::MissingEntry, "the entry to append after is not there"),
        };
        Err(self.broken(vec![Fault { sequence: head.sequence, kind, what: what.to_owned() }]))
    }

    /// Writes the segments that are complete up to `last` and not there yet.
    async fn seal(&self, last: u64) -> Result<()> {
        let there = self.segments().await?;
        let firsts = (0..=last).step_by(SEGMENT);
        for first in firsts.filter(|first| !there.contains(first) && first + SEGMENT_LENGTH - 1 <= last) {
            let paths: Vec<String> = (first..first + SEGMENT_LENGTH).map(|at| self.entry_path(at)).collect();
            let objects: Vec<Option<Bytes>> = self.store.get_each(&paths).try_collect().await?;
            if let Some(objects) = objects.into_iter().collect::<Option<Vec<_>>>() {
                let path = self.path(&segment::name(first));
                let (Created::New | Created::Exists) =
                    self.store.create(&path, &segment::join(&objects)).await?;
            }
        }
        Ok(())
    }

    /// The lines of the segment that holds number `at`, if it is there; a broken one is reported.
    async fn segment_of(
        &self,
        at: u64,
        there: &BTreeSet<u64>,
        chain: &mut Chain,
    ) -> Result<Option<Vec<Bytes>>> {
        let first = at - at % SEGMENT_LENGTH;
        if !there.contains(&first) {
            return Ok(None);
        }
        let bytes = self.store.get(&self.path(&segment::name(first))).await?.unwrap_or_default();
        let lines = segment::split(&bytes);
        if lines.is_none() {
            chain.fault(first, FaultKind::Hash, "the segment that begins here is not a thousand entries");
        }
        Ok(Some(lines.unwrap_or_default()))
    }

    /// The numbers of the first entries of all segments.
    async fn segments(&self) -> Result<BTreeSet<u64>> {
        let folder = self.path(segment::FOLDER);
        let names = self.store.list(&folder).await?;
        Ok(names
            .iter()
            .filter_map(|name| number(name.strip_prefix(&folder)?.strip_prefix('/')?, ".jsonl"))
            .collect())
    }

    async fn take_single(&self, chain: &mut Chain, after: Option<u64>) -> Result<()> {
        let mut objects = std::pin::pin!(self.single(after).await?);
        while let Some((at, bytes)) = objects.try_next().await? {
            chain.take(at, &bytes);
        }
        Ok(())
    }

    /// The single entries after a number, in order.
    async fn single(
        &self,
        after: Option<u64>,
    ) -> Result<impl futures::Stream<Item = Result<(u64, Bytes)>> + use<'_>> {
        let names = match after {
            Some(last) => self.store.list_after(&self.prefix, &self.entry_path(last)).await?,
            None => self.store.list(&self.prefix).await?,
        };
        let prefix = self.path("");
        let numbers: Vec<u64> =
            names.iter().filter_map(|name| number(name.strip_prefix(&prefix)?, ".json")).collect();
        let paths: Vec<String> = numbers.iter().map(|at| self.entry_path(*at)).collect();
        // Listed and gone: read as an object without content, which no entry is.
        let objects = self.store.get_each(&paths).map_ok(Option::unwrap_or_default);
        Ok(stream::iter(numbers).zip(objects).map(|(at, bytes)| Ok((at, bytes?))))
    }

    fn whole(&self, scan: Scan) -> Result<Vec<Entry>> {
        if scan.faults.is_empty() { Ok(scan.entries) } else { Err(self.broken(scan.faults)) }
    }

    fn broken(&self, faults: Vec<Fault>) -> Error {
        Error::Broken { url: self.store.url().to_owned(), faults }
    }

    fn entry_path(&self, sequence: u64) -> String {
        self.path(&format!("{sequence:020}.json"))
    }

    fn path(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }
}

/// The number in a name of exactly twenty digits and `ending`; anything else in the folder is none of the log's.
fn number(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending)?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

fn parse(segment: Option<Bytes>) -> Option<Vec<Result<Entry, crate::entry::Unreadable>>> {
    Some(segment::split(&segment?)?.iter().map(Entry::read).collect())
}
