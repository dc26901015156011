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
use crate::sign::{Claim, KeyError, Keys, PublicKey};

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
        let claim = Claim::of(entry);
        let key = claim.map(|claim| PublicKey::of_signature(claim.namespace, claim.bytes, claim.sshsig));
        Self::with(entry, key)
    }

    /// All of a share, in their order.
    fn of_share(entries: &[Entry], keys: &Keys) -> Vec<Self> {
        let claims: Vec<_> = entries.iter().map(Claim::of).collect();
        let signed: Vec<_> = claims.iter().copied().flatten().collect();
        let mut found = keys.of_signatures(&signed).into_iter();
        let each = entries.iter().zip(claims);
        each.map(|(entry, claim)| Self::with(entry, claim.and_then(|_| found.next()))).collect()
    }

    fn with(entry: &Entry, key: Option<Result<PublicKey, KeyError>>) -> Self {
        let event = Event::read(entry);
        let contradictions = match &event {
            Ok(Event::Proposed(proposal, _)) => contradictions(proposal),
            _ => Vec::new(),
        };
        let key = key
            .ok_or_else(unsigned)
            .and_then(|key| key.map_err(|error| Refusal::Signature { what: error.to_string() }));
        Self { event, alone: Alone { key, contradictions } }
    }
}

impl<'a> Claim<'a> {
    /// What an entry's signature is said to be over, where it has one.
    fn of(entry: &'a Entry) -> Option<Self> {
        let signature = entry.signature.as_ref()?;
        Some(Self {
            namespace: &signature.namespace,
            bytes: entry.body.as_bytes(),
            sshsig: &signature.sshsig,
        })
    }
}

/// Hands over all entries, read, in their order, until `take` fails.
pub(crate) fn try_each<E>(
    entries: &[Entry],
    mut take: impl FnMut(&Entry, Reading) -> Result<(), E>,
) -> Result<(), E> {
    let parts: Vec<&[Entry]> = entries.chunks(SHARE).collect();
    let keys = Keys::default();
    if parts.len() < 2 {
        let mut read = entries.iter().zip(Reading::of_share(entries, &keys));
        return read.try_for_each(|(entry, reading)| take(entry, reading));
    }
    let (next, (send, receive)) = (AtomicUsize::new(0), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            let (send, parts, next, keys) = (send.clone(), &parts, &next, &keys);
            scope.spawn(move || read_parts(parts, next, keys, &send));
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
fn read_parts(
    parts: &[&[Entry]],
    next: &AtomicUsize,
    keys: &Keys,
    send: &mpsc::Sender<(usize, Vec<Reading>)>,
) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(part) = parts.get(number) else { return };
        if send.send((number, Reading::of_share(part, keys))).is_err() {
            return;
        }
    }
}
