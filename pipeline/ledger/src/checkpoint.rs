//! Signed checkpoints in the public store: what any copy of the ledger must extend (architecture 6).

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

/// Puts a checkpoint and its signature into the releases' store: `_checkpoints/<sequence>.json` and `.json.sig`,
/// create-only, then `checkpoint.json` and its `.sig`.
///
/// # Errors
/// `Log` where the store fails; a later call completes it.
pub async fn put(releases: &Store, checkpoint: &Checkpoint, sshsig: &str) -> Result<()> {
    let (statement, signature) = (Bytes::from(bytes(checkpoint)), Bytes::from(sshsig.to_owned()));
    let path = format!("{FOLDER}/{:020}.json", checkpoint.sequence);
    // The signature first: a checkpoint is never seen without one.
    if releases.get(&path).await?.is_none() {
        releases.put(&format!("{path}.sig"), &signature).await?;
        let (Created::New | Created::Exists) = releases.create(&path, &statement).await?;
    }
    releases.put(&format!("{NEWEST}.sig"), &signature).await?;
    Ok(releases.put(NEWEST, &statement).await?)
}

/// Whether an object of the releases' store is a checkpoint.
pub(crate) fn is_one(path: &str) -> bool {
    let numbered = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/'));
    path == NEWEST || numbered.and_then(|name| name.strip_suffix(".json")).is_some()
}
