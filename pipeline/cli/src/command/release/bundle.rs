//! Files of published bundles, each held against the hash that was signed. It deliberately lacks a way to an unsigned byte.

use marsad_ledger::{RequestState, Stage, State};
use marsad_log::Store;
use marsad_publish::release_json::{self, ReleaseJson};
use marsad_terms::{Digest, Explanation, ReleaseId};

use crate::report::Failure;

/// The release's statement as it was published, or the tombstone in its place.
///
/// # Errors
/// It is not in the public store, or is not the one that the ledger names.
pub(super) async fn statement(store: &Store, request: &RequestState) -> Result<ReleaseJson, Failure> {
    let release = request.release();
    let bytes = store.get(&format!("{release}/{}", release_json::PATH)).await?;
    let bytes = bytes.ok_or_else(|| damaged(release, "is not in the public store"))?;
    let known = [request.manifest, request.tombstone];
    if !known.contains(&Some(Digest::of(&bytes))) {
        return Err(damaged(release, "is not the one that was published"));
    }
    serde_json::from_slice(&bytes).map_err(|_| damaged(release, "has a release.json of another version"))
}

/// The statements of all releases but one's own that were public at an earlier state of the ledger, oldest first. One that has
/// been withdrawn since says in its tombstone what its statement said.
///
/// # Errors
/// As [`statement`].
pub(super) async fn past(
    store: &Store,
    own: Option<&RequestState>,
    then: &State,
    now: &State,
) -> Result<Vec<ReleaseJson>, Failure> {
    let was_public = |other: &&RequestState| {
        let public = matches!(other.state, Stage::Published | Stage::Withdrawn) && other.published.is_some();
        public && own.is_none_or(|own| own.f != other.f)
    };
    let mut others: Vec<&RequestState> = then.requests().into_iter().filter(was_public).collect();
    others.sort_by_key(|other| (other.published.clone(), other.sequence));
    let mut past = Vec::new();
    for other in others {
        let other = now.request(&other.f).unwrap_or(other);
        // Nothing stays of a bundle that was withdrawn before it was whole.
        if other.state == Stage::Published || other.tombstone.is_some() {
            past.push(statement(store, other).await?);
        }
    }
    Ok(past)
}

/// A file of the bundle, as its statement names it.
///
/// # Errors
/// It is missing, or is not the one that was signed.
pub(super) async fn file(
    store: &Store,
    release: &ReleaseId,
    statement: &ReleaseJson,
    path: &str,
) -> Result<Vec<u8>, Failure> {
    let bytes = store.get(&format!("{release}/{path}")).await?;
    let bytes = bytes.ok_or_else(|| damaged(release, &format!("lacks {path}")))?;
    if statement.names(path, &bytes) {
        return Ok(bytes.to_vec());
    }
    Err(damaged(release, &format!("holds another {path} than was signed")))
}

fn damaged(release: &ReleaseId, what: &str) -> Failure {
    Failure::new(Explanation::new(
        "W21",
        format!("the bundle of {release} {what}"),
        "only bundles as they were published are read",
        format!("restore it: marsad release publish {release}"),
    ))
}
