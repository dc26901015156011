//! Whether entries hang together: own hash, previous hash, numbers without a hole. Deliberately blind to what they say.

use std::fmt;

use bytes::Bytes;
use marsad_terms::Digest;
use serde::Serialize;

use crate::Entry;
use crate::entry::{Unreadable, VERSION};

/// What is wrong with an entry, by the names of `ledger verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A number is absent.
    MissingEntry,
    /// An entry is unreadable or does not have its own hash.
    Hash,
    /// `previous` or `sequence` do not fit.
    Chain,
}

impl FaultKind {
    /// The name as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingEntry => "missing-entry",
            Self::Hash => "hash",
            Self::Chain => "chain",
        }
    }
}

/// One fault of the log's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The entry's number.
    pub sequence: u64,
    /// What kind of fault.
    pub kind: FaultKind,
    /// In words, without any content of the entry.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at entry {}: {}", self.kind.as_str(), self.sequence, self.what)
    }
}

/// All entries that could be read, and all faults.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// In order of the numbers they stand under.
    pub entries: Vec<Entry>,
    /// In order of their numbers.
    pub faults: Vec<Fault>,
}

/// What the chain knows of the entry before the next one.
enum Before {
    Nothing,
    Entry(Digest),
    /// It is missing or unreadable: the next one's `previous` cannot be judged.
    Unknown,
}

/// Checks entries as they come, in the order of the numbers they stand under.
pub(crate) struct Chain {
    next: u64,
    before: Before,
    scan: Scan,
}

impl Chain {
    /// A chain that starts after `head`.
    pub(crate) fn after(head: Option<&Entry>) -> Self {
        Self {
            next: head.map_or(0, |entry| entry.sequence.saturating_add(1)),
            before: head.map_or(Before::Nothing, |entry| Before::Entry(entry.hash)),
            scan: Scan::default(),
        }
    }

    /// Takes the object that stands under number `at`.
    pub(crate) fn take(&mut self, at: u64, bytes: &Bytes) {
        self.take_read(at, Entry::read(bytes));
    }

    /// The same, already parsed (segments are parsed in parallel).
    pub(crate) fn take_read(&mut self, at: u64, read: Result<Entry, Unreadable>) {
        self.missing_up_to(at);
        let entry = match read {
            Ok(entry) => Some(entry),
            Err(Unreadable::NotAnEntry) => {
                self.fault(at, FaultKind::Hash, "the object cannot be read as an entry");
                None
            }
            Err(Unreadable::OtherHash(entry)) => {
                self.fault(at, FaultKind::Hash, "the entry does not have the hash of its content");
                Some(*entry)
            }
            Err(Unreadable::NotCanonical(entry)) => {
                self.fault(at, FaultKind::Hash, "the entry is not written in canonical form");
                Some(*entry)
            }
            Err(Unreadable::OtherVersion(entry)) => {
                let what = format!(
                    "the entry is of version {} and this programme reads version {VERSION}: use a newer one",
                    entry.version
                );
                self.fault(at, FaultKind::Hash, &what);
                Some(*entry)
            }
        };
        self.before = match &entry {
            None => Before::Unknown,
            Some(entry) => {
                self.link(at, entry);
                Before::Entry(entry.hash)
            }
        };
        self.next = at.saturating_add(1);
        self.scan.entries.extend(entry);
    }

    /// Reports the numbers from the next one on that are absent before `at`.
    pub(crate) fn missing_up_to(&mut self, at: u64) {
        if self.next >= at {
            return;
        }
        // One fault however many: a stray name in the store may be of any number.
        let what = match at - self.next {
            1 => "there is no entry of this number".to_owned(),
            n => format!("there is no entry of this number, nor of the {} after it", n - 1),
        };
        self.fault(self.next, FaultKind::MissingEntry, &what);
        self.before = Before::Unknown;
        self.next = at;
    }

    /// Adds a fault that was found elsewhere.
    pub(crate) fn fault(&mut self, sequence: u64, kind: FaultKind, what: &str) {
        self.scan.faults.push(Fault { sequence, kind, what: what.to_owned() });
    }

    pub(crate) fn finish(mut self) -> Scan {
        self.scan.faults.sort_by_key(|fault| fault.sequence);
        self.scan
    }

    fn link(&mut self, at: u64, entry: &Entry) {
        if entry.sequence != at {
            self.fault(at, FaultKind::Chain, "the entry's own number is another one");
        }
        let fits = match &self.before {
            Before::Nothing => entry.previous.is_none(),
            Before::Entry(hash) => entry.previous == Some(*hash),
            Before::Unknown => true,
        };
        if !fits {
            self.fault(at, FaultKind::Chain, "`previous` is not the hash of the entry before");
        }
    }
}
