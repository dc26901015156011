//! What an entry says by itself, whatever came before it: its event, and whose key signed it.
//!
//! Parsing and signatures are the dear part of a replay and no entry's depend on another's, so a long log is read on all
//! processors; the rules are then judged in order. Deliberately without any rule.

use std::num::NonZero;
use std::thread;

use marsad_log::Entry;

use crate::event::Event;
use crate::refusal::Refusal;
use crate::sign::PublicKey;

/// Below this many entries a thread costs more than it saves.
const SHARE: usize = 64;

/// One entry, read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What it says, or why it cannot be read.
    pub(crate) event: Result<Event, Refusal>,
    /// The key that made its signature, or what is wrong with that.
    pub(crate) key: Result<PublicKey, Refusal>,
}

impl Reading {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { event: Event::read(entry), key: key_of(entry) }
    }
}

/// All entries, read, in their order.
pub(crate) fn of_all(entries: &[Entry]) -> Vec<Reading> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = entries.len().div_ceil(threads).max(SHARE);
    if entries.len() <= share {
        return entries.iter().map(Reading::of).collect();
    }
    thread::scope(|scope| {
        let read = |part| scope.spawn(move || <[Entry]>::iter(part).map(Reading::of).collect::<Vec<_>>());
        let readers: Vec<_> = entries.chunks(share).map(read).collect();
        readers
            .into_iter()
            .flat_map(|reader| reader.join().expect("reading an entry does not panic"))
            .collect()
    })
}

fn key_of(entry: &Entry) -> Result<PublicKey, Refusal> {
    let wrong = |what: String| Refusal::Signature { what };
    let signature = entry.signature.as_ref().ok_or_else(|| wrong("there is none".to_owned()))?;
    let bytes = entry.body_bytes().map_err(|error| wrong(error.to_string()))?;
    PublicKey::of_signature(&signature.namespace, &bytes, &signature.sshsig).map_err(|e| wrong(e.to_string()))
}
