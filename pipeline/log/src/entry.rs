//! One entry: its fields, its bytes, its hash. Deliberately knows no kind of entry.

use std::borrow::Cow;

use bytes::Bytes;
use marsad_terms::{Digest, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;

mod body;

pub use body::Body;

/// Who signed the canonical body, for what, and the armoured signature that `ssh-keygen -Y sign` writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntrySignature {
    /// The signer's name in the policy.
    pub signer: String,
    /// The namespace of the signature, such as `marsad-approval`.
    pub namespace: String,
    /// The armoured signature.
    pub sshsig: String,
}

/// The version of the encoding that this programme writes, and the greatest that it reads.
pub const VERSION: u32 = 1;

/// How every entry begins.
const HEAD: &[u8] = b"{\"body\":";
/// What stands between the body and the entry's hash.
const HASH: &[u8] = b",\"hash\":\"";
/// `b3:` and 64 digits.
const HASH_LENGTH: usize = 67;

/// What an appender says; the log adds sequence, time, previous hash and own hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The kind of entry, such as `reserved`.
    pub kind: String,
    /// What it says: JSON with integers only.
    pub body: Value,
    /// The signature over the canonical body, where a person decided.
    pub signature: Option<EntrySignature>,
}

impl Draft {
    /// A draft without a signature.
    pub fn new(kind: impl Into<String>, body: Value) -> Self {
        Self { kind: kind.into(), body, signature: None }
    }

    /// The same, signed.
    #[must_use]
    pub fn signed(mut self, signature: EntrySignature) -> Self {
        self.signature = Some(signature);
        self
    }
}

/// One entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, from 0.
    pub sequence: u64,
    /// When it was written, RFC 3339 UTC. It informs; no rule trusts it.
    pub time: String,
    /// The hash of the entry before; none for the first.
    pub previous: Option<Digest>,
    /// The kind of entry.
    pub kind: String,
    /// What it says.
    pub body: Body,
    /// The signature over the canonical body.
    pub signature: Option<EntrySignature>,
    /// The version of the encoding; the first is not written.
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub version: u32,
    /// The hash of the canonical JSON of all the above.
    pub hash: Digest,
}

/// The members that stand behind `hash`, in canonical order, so that they need not be sorted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    previous: Option<Digest>,
    sequence: u64,
    #[serde(borrow)]
    signature: Option<TailSignature<'a>>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TailSignature<'a> {
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    signer: Cow<'a, str>,
    #[serde(borrow)]
    sshsig: Cow<'a, str>,
}

fn first_version() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first_version(version: &u32) -> bool {
    *version == 1
}

impl Entry {
    /// The entry that follows `after`, with its hash.
    ///
    /// # Errors
    /// `NotCanonical` where the body holds a number that is no integer; `Full` past the last number.
    pub fn following(after: Option<&Entry>, time: String, draft: Draft) -> Result<Self> {
        let sequence = match after {
            None => 0,
            Some(entry) => entry.sequence.checked_add(1).ok_or(crate::Error::Full)?,
        };
        let mut entry = Self {
            sequence,
            time,
            previous: after.map(|entry| entry.hash),
            kind: draft.kind,
            body: Body::of(&draft.body)?,
            signature: draft.signature,
            version: VERSION,
            hash: Digest::from_bytes([0; 32]),
        };
        entry.hash = entry.proper_hash()?;
        Ok(entry)
    }

    /// The canonical bytes as they stand in the store, without a line end.
    ///
    /// # Errors
    /// `NotCanonical` where the body holds a number that is no integer.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let (head, tail) = self.parts()?;
        Ok([head.as_slice(), format!(",\"hash\":\"{}\",", self.hash).as_bytes(), tail.as_slice()].concat())
    }

    /// The hash that the entry ought to have: over its canonical JSON without `hash`.
    ///
    /// # Errors
    /// As [`Entry::bytes`].
    pub fn proper_hash(&self) -> Result<Digest> {
        let (head, tail) = self.parts()?;
        Ok(Digest::of_parts(&[&head, b",", &tail]))
    }

    /// The entry in `bytes` if they are exactly the canonical bytes of an entry that has its own hash.
    pub(crate) fn read(bytes: &Bytes) -> std::result::Result<Self, Unreadable> {
        Self::read_canonical(bytes).map_or_else(|| Self::find_fault(bytes), Ok)
    }

    /// The same where nothing is wrong with it: hashed as it stands, no tree built of it.
    fn read_canonical(bytes: &Bytes) -> Option<Self> {
        let body = canonical::leading(bytes.strip_prefix(HEAD)?)?;
        let (head, rest) = bytes.split_at(HEAD.len() + body.len());
        let (hash, rest) = rest.strip_prefix(HASH)?.split_at_checked(HASH_LENGTH)?;
        let rest = rest.strip_prefix(b"\",")?;
        let hash: Digest = std::str::from_utf8(hash).ok()?.parse().ok()?;
        let read = [b"{", rest].concat();
        let tail: Tail<'_> = serde_json::from_slice(&read).ok()?;
        let right = tail.version == VERSION
            && hash == Digest::of_parts(&[head, b",", rest])
            && tail.written().ok()? == rest;
        right.then(|| Self {
            sequence: tail.sequence,
            time: tail.time.into_owned(),
            previous: tail.previous,
            kind: tail.kind.into_owned(),
            body: Body::of_canonical(bytes.slice_ref(body)),
            signature: tail.signature.map(TailSignature::into_owned),
            version: tail.version,
            hash,
        })
    }

    /// What is wrong with an entry that is not as it ought to be.
    fn find_fault(bytes: &Bytes) -> std::result::Result<Self, Unreadable> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|_| Unreadable::NotAnEntry)?;
        let proper = entry.proper_hash().map_err(|_| Unreadable::NotAnEntry)?;
        if proper != entry.hash {
            return Err(Unreadable::OtherHash(Box::new(entry)));
        }
        if entry.bytes().ok().as_deref() != Some(bytes) {
            return Err(Unreadable::NotCanonical(Box::new(entry)));
        }
        if entry.version == VERSION { Ok(entry) } else { Err(Unreadable::OtherVersion(Box::new(entry))) }
    }

    /// The canonical JSON cut where `hash` belongs: `{"body":…` and `"kind":…}`. `body` < `hash` < `kind` in the order
    /// of RFC 8785, so that the body, which may be large, is written once for both forms.
    fn parts(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let tail = Tail {
            kind: self.kind.as_str().into(),
            previous: self.previous,
            sequence: self.sequence,
            signature: self.signature.as_ref().map(TailSignature::of),
            time: self.time.as_str().into(),
            version: self.version,
        };
        Ok(([HEAD, self.body.as_bytes()].concat(), tail.written()?))
    }
}

impl Tail<'_> {
    /// As it stands in the entry.
    fn written(&self) -> Result<Vec<u8>> {
        canonical::of_value(&self.sequence.into())?;
        let object = serde_json::to_vec(self).map_err(canonical::CanonicalError::from)?;
        Ok(object[1..].to_vec())
    }
}

impl<'a> TailSignature<'a> {
    fn of(signature: &'a EntrySignature) -> Self {
        let EntrySignature { signer, namespace, sshsig } = signature;
        let [namespace, signer, sshsig] = [namespace, signer, sshsig].map(|text| text.as_str().into());
        Self { namespace, signer, sshsig }
    }

    fn into_owned(self) -> EntrySignature {
        let [signer, namespace, sshsig] = [self.signer, self.namespace, self.sshsig].map(Cow::into_owned);
        EntrySignature { signer, namespace, sshsig }
    }
}

/// Why bytes are not an entry that can be trusted; the entry itself where it can at least be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    NotAnEntry,
    OtherHash(Box<Entry>),
    NotCanonical(Box<Entry>),
    OtherVersion(Box<Entry>),
}
