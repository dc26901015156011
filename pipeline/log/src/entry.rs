//! One entry: its fields, its bytes, its hash. Deliberately knows no kind of entry.

use marsad_terms::{Digest, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;

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
    pub body: Value,
    /// The signature over the canonical body.
    pub signature: Option<EntrySignature>,
    /// The version of the encoding; the first is not written.
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub version: u32,
    /// The hash of the canonical JSON of all the above.
    pub hash: Digest,
}

/// The members that stand behind `hash`, in canonical order, so that they need not be sorted.
#[derive(Serialize)]
struct Tail<'a> {
    kind: &'a str,
    previous: Option<Digest>,
    sequence: u64,
    signature: Option<TailSignature<'a>>,
    time: &'a str,
    #[serde(skip_serializing_if = "is_first_version")]
    version: u32,
}

#[derive(Serialize)]
struct TailSignature<'a> {
    namespace: &'a str,
    signer: &'a str,
    sshsig: &'a str,
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
            body: draft.body,
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

    /// The canonical bytes of the body alone: what a signature is over.
    ///
    /// # Errors
    /// As [`Entry::bytes`].
    pub fn body_bytes(&self) -> Result<Vec<u8>> {
        Ok(canonical::of_value(&self.body)?)
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
    pub(crate) fn read(bytes: &[u8]) -> std::result::Result<Self, Unreadable> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|_| Unreadable::NotAnEntry)?;
        let (head, tail) = entry.parts().map_err(|_| Unreadable::NotAnEntry)?;
        let hash = Digest::of_parts(&[&head, b",", &tail]);
        if hash != entry.hash {
            return Err(Unreadable::OtherHash(Box::new(entry)));
        }
        let written = format!(",\"hash\":\"{hash}\",");
        let rest = bytes.strip_prefix(head.as_slice()).and_then(|rest| rest.strip_prefix(written.as_bytes()));
        if rest != Some(tail.as_slice()) {
            return Err(Unreadable::NotCanonical(Box::new(entry)));
        }
        if entry.version == VERSION { Ok(entry) } else { Err(Unreadable::OtherVersion(Box::new(entry))) }
    }

    /// The canonical JSON cut where `hash` belongs: `{"body":…` and `"kind":…}`. `body` < `hash` < `kind` in the order
    /// of RFC 8785, so that the body, which may be large, is written once for both forms.
    fn parts(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let mut head = b"{\"body\":".to_vec();
        head.extend(canonical::of_value(&self.body)?);
        canonical::of_value(&Value::from(self.sequence))?;
        let signature = self.signature.as_ref().map(|signature| TailSignature {
            namespace: &signature.namespace,
            signer: &signature.signer,
            sshsig: &signature.sshsig,
        });
        let tail = serde_json::to_vec(&Tail {
            kind: &self.kind,
            previous: self.previous,
            sequence: self.sequence,
            signature,
            time: &self.time,
            version: self.version,
        });
        let tail = tail.map_err(canonical::CanonicalError::from)?;
        Ok((head, tail[1..].to_vec()))
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
