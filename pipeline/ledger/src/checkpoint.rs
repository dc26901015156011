//! Signed checkpoints: what any copy of the ledger must extend (architecture 6), and the proof that one does.
//!
//! A checkpoint of one entry has the same bytes whoever states it, so that two publishers at once cannot leave one's
//! statement with the other's signature. Deliberately without any rule about whose signature counts.

use bytes::Bytes;
use marsad_log::{Checkpoint, Created, Store};
use marsad_terms::canonical;

use crate::error::Result;

/// The folder of all checkpoints in the releases' store.
pub(crate) const FOLDER: &str = "_checkpoints";
/// The newest one.
const NEWEST: &str = "checkpoint.json";

/// The bytes that are signed: canonical JSON without a line end.
pub fn bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    canonical::bytes(checkpoint).expect("a sequence number stays below 2^53, the rest is text")
}

/// A checkpoint as somebody kept it, with its signature.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it was kept, for messages.
    pub name: String,
    /// The bytes that were signed.
    pub bytes: Vec<u8>,
    /// The armoured signature.
    pub sshsig: String,
}

impl Kept {
    /// What it states; `None` where it is no checkpoint.
    pub fn stated(&self) -> Option<Checkpoint> {
        serde_json::from_slice(&self.bytes).ok()
    }
}

/// Puts a checkpoint and its signature into the releases' store: `_checkpoints/<sequence>.json` and `.json.sig`,
/// create-only, then `checkpoint.json` and its `.sig`, unless a later one stands there.
///
/// # Errors
/// `Log` where the store fails; a later call completes it.
pub async fn put(releases: &Store, checkpoint: &Checkpoint, sshsig: &str) -> Result<()> {
    let (statement, signature) = (Bytes::from(bytes(checkpoint)), Bytes::from(sshsig.to_owned()));
    let path = numbered(checkpoint.sequence);
    // The signature first: a checkpoint is never seen without one.
    if releases.get(&path).await?.is_none() {
        releases.put(&format!("{path}.sig"), &signature).await?;
        let (Created::New | Created::Exists) = releases.create(&path, &statement).await?;
    }
    let newest =
        releases.get(NEWEST).await?.and_then(|bytes| serde_json::from_slice::<Checkpoint>(&bytes).ok());
    if newest.is_some_and(|newest| newest.sequence > checkpoint.sequence) {
        return Ok(());
    }
    releases.put(&format!("{NEWEST}.sig"), &signature).await?;
    Ok(releases.put(NEWEST, &statement).await?)
}

/// The name under which a checkpoint of this number is kept for good.
pub(crate) fn numbered(sequence: u64) -> String {
    format!("{FOLDER}/{sequence:020}.json")
}

/// Whether an object of the releases' store is a checkpoint.
pub(crate) fn is_one(path: &str) -> bool {
    let numbered = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/'));
    path == NEWEST || numbered.and_then(|name| name.strip_suffix(".json")).is_some()
}
