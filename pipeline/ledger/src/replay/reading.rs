//! What an entry says by itself, whatever came before it: its event, whose key signed it, and what in it does not fit together.
//!
//! Parsing and signatures are the dear part of a replay and no entry's depend on another's, so a long log is read on all
//! processors, while the rules are judged in order behind them. Deliberately without any rule about what came before.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use marsad_log::Entry;

use crate::event::Event;
use crate::judge::{contradictions, unsigned};
use crate::refusal::Refusal;
use crate::sign::{Keys, PublicKey};

/// How many entries a reader takes at once; fewer than two shares are not worth a thread.
const SHARE: usize = 256;

/// One entry, read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What it says, or why it cannot be read.
    pub(crate) event: Result<Event, Refusal>,
    pub(crate) alone: Alone,
}

/// What the judge need not find out anew of an entry whose event is known.
#[derive(Debug)]
pub(crate) struct Alone {
    /// The key that made its signature, or what is wrong with that.
    pub(crate) key: Result<PublicKey, Refusal>,
    /// What in a proposal does not follow from its request.
    pub(crate) contradictions: Vec<Refusal>,
}

impl Reading {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self::with(entry, &mut Keys::default())
    }

    fn with(entry: &Entry, keys: &mut Keys) -> Self {
        let event = Event::read(entry);
        let contradictions = match &event {
            Ok(Event::Proposed(proposal, _)) => contradictions(proposal),
            _ => Vec::new(),
        };
        Self { event, alone: Alone { key: key_of(entry, keys), contradictions } }
    }
}

/// Hands over all entries, read, in their order, until `take` fails.
pub(crate) fn try_each<E>(
    entries: &[Entry],
    mut take: impl FnMut(&Entry, Reading) -> Result<(), E>,
) -> Result<(), E> {
    let parts: Vec<&[Entry]> = entries.chunks(SHARE).collect();
    if parts.len() < 2 {
        let mut keys = Keys::default();
        return entries.iter().try_for_each(|entry| take(entry, Reading::with(entry, &mut keys)));
    }
    let (next, (send, receive)) = (AtomicUsize::new(0), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            let (send, parts, next) = (send.clone(), &parts, &next);
            scope.spawn(move || read_parts(parts, next, &send));
        }
        drop(send);
        let mut ahead = BTreeMap::new();
        for (number, part) in parts.iter().enumerate() {
            let readings = loop {
                match ahead.remove(&number) {
                    Some(readings) => break readings,
                    None => ahead.extend([receive.recv().expect("each part is read by one reader")]),
                }
            };
            let mut read = part.iter().zip::<Vec<Reading>>(readings);
            read.try_for_each(|(entry, reading)| take(entry, reading))?;
        }
        // The end of `receive` ends the readers where `take` failed.
        drop(receive);
        Ok(())
    })
}

/// One reader: takes the next part that nobody has taken, until there is none or nobody listens.
fn read_parts(parts: &[&[Entry]], next: &AtomicUsize, send: &mpsc::Sender<(usize, Vec<Reading>)>) {
    let mut keys = Keys::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(part) = parts.get(number) else { return };
        let readings = part.iter().map(|entry| Reading::with(entry, &mut keys)).collect();
        if send.send((number, readings)).is_err() {
            return;
        }
    }
}

fn key_of(entry: &Entry, keys: &mut Keys) -> Result<PublicKey, Refusal> {
    let signature = entry.signature.as_ref().ok_or_else(unsigned)?;
    let key = keys.of_signature(&signature.namespace, entry.body.as_bytes(), &signature.sshsig);
    key.map_err(|error| Refusal::Signature { what: error.to_string() })
}
