//! `release withdraw`: the ledger says so first, with the hash of the tombstone; then the tombstone takes the bundle's place.
//!
//! What a crash cut off is completed by the next call, byte for byte: the tombstone is made of the statement that was
//! published and of what the ledger's entry says. It deliberately lacks a refund: what was read stays read.

use std::fs;
use std::path::Path;

use marsad_ledger::sign::{self, SigningKey};
use marsad_ledger::{Ledger, RequestState, Stage, State, Tombstone};
use marsad_log::Store;
use marsad_publish::release_json;
use marsad_publish::tombstone::{self, Withdrawal};
use marsad_terms::{Digest, Explanation, ReleaseId, Text, clock};
use serde_json::json;

use super::super::confirm::{DESTROYS, confirm};
use super::catalogue;
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Takes a release back, or completes that.
///
/// # Errors
/// A reason that lacks a language, a key that may not, a public store that fails or has lost the statement.
pub(super) async fn withdraw(
    workspace: &Workspace,
    id: &str,
    reason_file: &Path,
    (key, yes): (Option<&Path>, bool),
) -> Result<Report, Failure> {
    let key = workspace.publisher(key)?;
    let reason = reason(reason_file)?;
    let (ledger, releases) = (workspace.ledger()?, workspace.releases()?);
    // Asked before the lock is taken: nobody else waits for the answer, and what it is about is looked up again after it.
    if !yes && ledger.state().await?.find(id)?.state != Stage::Withdrawn {
        let question =
            format!("withdraw {id}: a tombstone takes its place for good, and no budget comes back?");
        confirm(&DESTROYS, &question, false)?;
    }
    let _lock = workspace.lock()?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    if request.state != Stage::Withdrawn {
        let stone = stone(&state, request, &reason, (&releases, &key)).await?;
        ledger.withdraw(request.f, &reason, stone.as_ref(), &key).await?;
    }
    let state = ledger.state().await?;
    let request = state.find(id)?;
    complete(&ledger, &releases, request).await?;
    catalogue::put(workspace, &ledger, &releases).await?;
    Ok(describe(request, &releases))
}

fn reason(file: &Path) -> Result<Text, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::file(file, "be read", &error))?;
    let remedy = "write three lines: fr = \"…\", ar = \"…\", en = \"…\"";
    toml::from_str(&text).map_err(|error| Failure::toml(file, &text, &error, remedy))
}

/// The statement in the public store.
async fn standing(releases: &Store, request: &RequestState) -> Result<Option<Vec<u8>>, Failure> {
    let path = format!("{}/{}", request.release(), release_json::PATH);
    Ok(releases.get(&path).await?.map(|bytes| bytes.to_vec()))
}

/// What the ledger will record of the tombstone; none where no whole bundle is public: then nothing stays.
async fn stone(
    state: &State,
    request: &RequestState,
    reason: &Text,
    (releases, key): (&Store, &SigningKey),
) -> Result<Option<Tombstone>, Failure> {
    let published = standing(releases, request).await?;
    let is_whole = |bytes: &Vec<u8>| request.manifest == Some(Digest::of(bytes));
    let Some(published) = published.filter(is_whole) else { return Ok(None) };
    let (withdrawn, entry) = (clock::now_text(), state.next());
    let said =
        Withdrawal { time: &withdrawn, reason, entry, replaced_by: successor(state, request.release()) };
    let bytes = tombstone::write(&published, &said)?;
    let (manifest, sshsig) = (Digest::of(&bytes), key.sign(sign::RELEASE, &bytes)?);
    Ok(Some(Tombstone { manifest, sshsig, withdrawn, entry }))
}

/// The newest published release that says it replaces this one.
pub(super) fn successor<'a>(state: &'a State, release: &ReleaseId) -> Option<&'a ReleaseId> {
    let replaces = |other: &&RequestState| {
        other.state == Stage::Published && other.proposal.replaces.as_ref() == Some(release)
    };
    let newest = state.requests().into_iter().filter(replaces).max_by_key(|other| other.published.clone());
    newest.map(RequestState::release)
}

/// Makes the public place what the ledger says it is.
async fn complete(ledger: &Ledger, releases: &Store, request: &RequestState) -> Result<(), Failure> {
    let release = request.release();
    let (Some(hash), Some(sshsig)) = (request.tombstone, &request.tombstone_sshsig) else {
        return Ok(tombstone::clear(releases, release).await?);
    };
    let bytes = match standing(releases, request).await? {
        Some(bytes) if Digest::of(&bytes) == hash => bytes,
        Some(bytes) if Some(Digest::of(&bytes)) == request.manifest => again(ledger, request, &bytes).await?,
        _ => return Err(lost(release)),
    };
    if Digest::of(&bytes) != hash {
        return Err(lost(release));
    }
    Ok(tombstone::put(releases, release, (&bytes, sshsig)).await?)
}

/// The tombstone as it was made for the entry, of the ledger as it was just before.
async fn again(ledger: &Ledger, request: &RequestState, published: &[u8]) -> Result<Vec<u8>, Failure> {
    let then = ledger.state_before(request.sequence).await?;
    let (Some(time), Some(reason)) = (&request.withdrawn, &request.reason) else {
        return Err(lost(request.release()));
    };
    let replaced_by = successor(&then, request.release());
    Ok(tombstone::write(published, &Withdrawal { time, reason, entry: request.sequence, replaced_by })?)
}

fn lost(release: &ReleaseId) -> Failure {
    Failure::new(Explanation::new(
        "W56",
        format!("the place of {release} holds neither what was published nor its tombstone"),
        "the tombstone is made of the release.json that was published, whose hash the ledger holds",
        format!(
            "put {release}/release.json back from a copy, or remove the folder; the ledger has it withdrawn already"
        ),
    ))
}

fn describe(request: &RequestState, releases: &Store) -> Report {
    let release = request.release();
    let root = releases.root().map_or_else(|| releases.url().to_owned(), |root| root.display().to_string());
    let place = format!("{root}/{release}");
    let left = match request.tombstone {
        Some(_) => format!("its place holds its tombstone alone: {place}/{}", release_json::PATH),
        None => format!("no bundle of it was public; nothing is at {place}"),
    };
    let text = format!(
        "release {release} is withdrawn, entry {} of the ledger; what it cost stays spent\n  {left}\n  \
         copies that others have stay with them: tell those whom `marsad release show {release} --full` lists as served",
        request.sequence
    );
    let json = json!({
        "release": release, "proposal": request.proposal_id, "state": request.state.as_str(),
        "withdrawn": request.withdrawn, "reason": request.reason, "entry": request.sequence,
        "tombstone": request.tombstone,
    });
    Report::new(text, json)
}
