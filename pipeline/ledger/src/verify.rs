//! `ledger verify`: every fault of the chain, the signatures, the rules and the public bundles, as data.
//!
//! Deliberately changes nothing but the remembered head of a ledger that is right.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::thread;

use futures::{StreamExt, stream};
use marsad_log::{Checkpoint, Entry, Scan, Store};
use marsad_terms::{Digest, Name, RunId};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, Kept};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::ledger::Ledger;
use crate::refusal::Refusal;
use crate::replay::replay_all;
use crate::sign::{self, PublicKey};
use crate::stage::Stage;
use crate::state::{RequestState, State};

/// What kind of fault, by the names of interfaces 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A number is absent.
    MissingEntry,
    /// An entry is unreadable or not its own hash; a result is not that of its entry.
    Hash,
    /// `previous` or `sequence` do not fit.
    Chain,
    /// A checkpoint, a bundle's head or the head last seen here is not in the log.
    RolledBack,
    /// Absent or wrong where one is due.
    Signature,
    /// A right signature whose key or role did not count there.
    Authority,
    /// Who proposed approved.
    AuthorApproves,
    /// An entry that algorithms 10 does not allow there.
    State,
    /// A cap, the ceiling or a charge is not kept.
    Budget,
    /// A public bundle that no entry names.
    UnknownBundle,
    /// A public bundle with other bytes than published.
    BundleHash,
}

impl FaultKind {
    /// The name as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingEntry => "missing-entry",
            Self::Hash => "hash",
            Self::Chain => "chain",
            Self::RolledBack => "rolled-back",
            Self::Signature => "signature",
            Self::Authority => "authority",
            Self::AuthorApproves => "author-approves",
            Self::State => "state",
            Self::Budget => "budget",
            Self::UnknownBundle => "unknown-bundle",
            Self::BundleHash => "bundle-hash",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<marsad_log::FaultKind> for FaultKind {
    fn from(kind: marsad_log::FaultKind) -> Self {
        match kind {
            marsad_log::FaultKind::MissingEntry => Self::MissingEntry,
            marsad_log::FaultKind::Hash => Self::Hash,
            marsad_log::FaultKind::Chain => Self::Chain,
        }
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The entry, where it is one's.
    pub sequence: Option<u64>,
    /// What kind.
    pub kind: FaultKind,
    /// In words.
    pub what: String,
}

impl Fault {
    pub(crate) fn of(sequence: u64, refusal: &Refusal) -> Self {
        Self { sequence: Some(sequence), kind: refusal.kind(), what: refusal.to_string() }
    }

    fn new(sequence: Option<u64>, kind: FaultKind, what: impl Into<String>) -> Self {
        Self { sequence, kind, what: what.into() }
    }

    /// The entry's number as text.
    pub(crate) fn at(&self) -> String {
        self.sequence.map_or_else(|| "?".to_owned(), |sequence| sequence.to_string())
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// No fault at all.
    pub ok: bool,
    /// How many entries were read.
    pub entries: u64,
    /// Hash of the last one.
    pub head: Option<Digest>,
    /// All faults, by entry.
    pub faults: Vec<Fault>,
    /// What is worth knowing and no fault.
    pub notes: Vec<String>,
}

/// What a verification looks at beside the ledger itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verification<'a> {
    /// Each entry from its own object, the segments compared with them.
    pub each: bool,
    /// Public bundles and checkpoints.
    pub releases: Option<&'a Store>,
    /// Checkpoints that somebody kept elsewhere: the ledger must extend them.
    pub kept: &'a [Kept],
}

/// What a verification gathers.
#[derive(Default)]
struct Findings {
    faults: Vec<Fault>,
    notes: Vec<String>,
}

impl Findings {
    fn fault(&mut self, sequence: Option<u64>, kind: FaultKind, what: impl Into<String>) {
        self.faults.push(Fault::new(sequence, kind, what));
    }
}

/// The entries, with what is looked up in them for every bundle and checkpoint.
struct Known<'a> {
    entries: &'a [Entry],
    hashes: HashSet<Digest>,
    /// Keys that any policy named.
    keys: Vec<PublicKey>,
}

impl<'a> Known<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let policies = entries.iter().filter(|entry| ["genesis", "policy"].contains(&entry.kind.as_str()));
        let signers = policies.filter_map(|entry| match Event::read(entry) {
            Ok(Event::Genesis(policy) | Event::Policy(policy)) => Some(policy.signers),
            _ => None,
        });
        let keys = signers.flatten().filter_map(|signer| PublicKey::read(&signer.key).ok()).collect();
        Self { entries, hashes: entries.iter().map(|entry| entry.hash).collect(), keys }
    }
}

/// What `ledger verify` reads of a bundle's `release.json`.
#[derive(Deserialize)]
struct Manifest {
    ledger_head: Digest,
    #[serde(default)]
    files: Vec<ManifestFile>,
}

/// What a bundle holds beside the files that its manifest names.
const MANIFEST: [&str; 2] = ["release.json", "release.json.sig"];

#[derive(Deserialize)]
struct ManifestFile {
    path: String,
    blake3: String,
}

impl Ledger {
    /// Replays everything, from segments where there are any, and compares it with the public bundles and checkpoints.
    ///
    /// # Errors
    /// Where a store or the remembered head cannot be read; all that is wrong with the ledger is in the verdict.
    pub async fn verify(&self, releases: Option<&Store>) -> Result<Verdict> {
        self.verify_with(&Verification { releases, ..Verification::default() }).await
    }

    /// The same as it is asked for.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub async fn verify_with(&self, asked: &Verification<'_>) -> Result<Verdict> {
        let seen = self.installation().head()?;
        let scan = if asked.each { self.log().scan_each().await? } else { self.log().scan().await? };
        self.judge_scan(seen, scan, asked).await
    }

    async fn judge_scan(
        &self,
        seen: Option<Checkpoint>,
        scan: Scan,
        asked: &Verification<'_>,
    ) -> Result<Verdict> {
        let Scan { entries, faults } = scan;
        let mut found = Findings::default();
        found.faults.extend(faults.into_iter().map(|f| Fault::new(Some(f.sequence), f.kind.into(), f.what)));
        if let Some(seen) = seen.filter(|seen| !seen.is_extended_by(&entries)) {
            let what = "the head that this installation saw last is not in the ledger";
            found.fault(Some(seen.sequence), FaultKind::RolledBack, what);
        }
        let (state, faults) = replay_all(&entries);
        found.faults.extend(faults);
        self.check_results(&state, &mut found).await?;
        let known = Known::of(&entries);
        for kept in asked.kept {
            judge_checkpoint(kept, &known, &mut found);
        }
        if let Some(releases) = asked.releases {
            check_releases(releases, &known, &state, &mut found).await?;
        }
        if entries.is_empty() {
            found.notes.push("the ledger is empty: no policy was set yet".to_owned());
        }
        found.faults.sort_by_key(|fault| (fault.sequence.unwrap_or(u64::MAX), fault.kind));
        if found.faults.is_empty() && !self.installation().saw(&entries)? {
            found.notes.push(
                "this installation may not write its `state/`: it will not remember this head".to_owned(),
            );
        }
        let verdict = Verdict {
            ok: found.faults.is_empty(),
            entries: entries.len() as u64,
            head: entries.last().map(|entry| entry.hash),
            faults: found.faults,
            notes: found.notes,
        };
        // Giving back the memory of a long ledger takes a good part of the time that reading it does; nobody waits for it.
        thread::spawn(move || drop((entries, state)));
        Ok(verdict)
    }

    /// Each stored result has the hash that its entry states.
    async fn check_results(&self, state: &State, found: &mut Findings) -> Result<()> {
        let (ended, open): (Vec<_>, Vec<_>) = all_runs(state).partition(|drawn| drawn.hash.is_some());
        for drawn in open.iter().filter(|drawn| drawn.stage == Stage::Reserved) {
            found.notes.push(format!("{}: a run is in progress, or was cut off", drawn.what));
        }
        let named = ended.iter().filter_map(|drawn| Some((drawn, (drawn.run?, drawn.hash?))));
        let (drawn, results): (Vec<&Drawn<'_>>, Vec<_>) = named.unzip();
        let mut results = std::pin::pin!(stream::iter(drawn).zip(self.read_results(results)));
        while let Some((drawn, result)) = results.next().await {
            match result {
                Ok(_) => {}
                Err(Error::Result { what, .. }) => {
                    let what = format!("the result of {}: {what}", drawn.what);
                    found.fault(Some(drawn.sequence), FaultKind::Hash, what);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A run, and what its entries say of it.
struct Drawn<'a> {
    what: String,
    stage: Stage,
    run: Option<&'a RunId>,
    hash: Option<Digest>,
    sequence: u64,
}

/// Runs of requests and of series' steps.
fn all_runs(state: &State) -> impl Iterator<Item = Drawn<'_>> {
    let requests = state.requests().into_iter().map(|request| Drawn {
        what: format!("release {}", request.release()),
        stage: request.state,
        run: request.run.as_ref(),
        hash: request.hash,
        sequence: request.sequence,
    });
    let steps = state.all_series().flat_map(|open| {
        open.all_draws().map(move |(of, draw)| Drawn {
            what: format!("step {} of series {} of {}", of.step, of.series, open.shape.statistic().id),
            stage: draw.stage,
            run: Some(&draw.run),
            hash: draw.hash,
            sequence: draw.sequence,
        })
    });
    requests.chain(steps)
}

async fn check_releases(store: &Store, known: &Known<'_>, state: &State, found: &mut Findings) -> Result<()> {
    let names = store.list("").await?;
    for path in names.iter().filter(|path| checkpoint::is_one(path)) {
        check_checkpoint(store, path, known, found).await?;
    }
    let published: BTreeMap<&str, &RequestState> = state
        .requests()
        .into_iter()
        .filter(|request| request.manifest.is_some())
        .map(|request| (request.release().as_str(), request))
        .collect();
    let folders: BTreeSet<&str> = names
        .iter()
        .filter_map(|path| path.split_once('/').map(|(folder, _)| folder))
        .filter(|folder| !folder.starts_with('_'))
        .collect();
    for folder in &folders {
        if let Some(request) = published.get(folder) {
            let own = names.iter().filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'));
            check_bundle(store, (request, own.collect()), known, found).await?;
            continue;
        }
        found.fault(None, FaultKind::UnknownBundle, format!("`{folder}` is public and no entry names it"));
        if let Some(bytes) = store.get(&format!("{folder}/release.json")).await? {
            check_head(folder, None, &bytes, known, found);
        }
    }
    let absent = published.keys().filter(|release| !folders.contains(*release));
    found
        .notes
        .extend(absent.map(|release| format!("release {release} is published and its bundle is not there")));
    Ok(())
}

/// `there` is what its folder holds.
async fn check_bundle(
    store: &Store,
    (request, there): (&RequestState, BTreeSet<&str>),
    known: &Known<'_>,
    found: &mut Findings,
) -> Result<()> {
    let (release, at) = (request.release().as_str(), Some(request.sequence));
    let Some(bytes) = store.get(&format!("{release}/release.json")).await? else {
        found.notes.push(format!(
            "release {release}: its bundle is not whole; `marsad release publish` completes it"
        ));
        return Ok(());
    };
    let withdrawn = request.state == Stage::Withdrawn;
    let hash = Some(Digest::of(&bytes));
    if withdrawn && hash == request.tombstone {
        return check_tombstone(store, request, &bytes, found).await;
    }
    if withdrawn && request.tombstone.is_some() {
        found.notes.push(format!(
            "release {release}: its tombstone is not there yet; `marsad release withdraw` puts it"
        ));
    }
    if hash != request.manifest {
        found.fault(at, FaultKind::BundleHash, format!("{release}/release.json is not what was published"));
    }
    if hash == request.manifest {
        let sshsig = request.sshsig.as_deref().unwrap_or_default();
        check_signature(request, (&bytes, sshsig), request.publisher_key.as_ref(), found);
    }
    let Some(manifest) = check_head(release, at, &bytes, known, found) else { return Ok(()) };
    // What another manifest than the published one names is nobody's word.
    if withdrawn || hash != request.manifest {
        return Ok(());
    }
    for file in &manifest.files {
        let stored = store.get(&format!("{release}/{}", file.path)).await?;
        if stored.is_none_or(|stored| Digest::of(&stored).hex() != file.blake3) {
            found.fault(
                at,
                FaultKind::BundleHash,
                format!("{release}/{} is not what was published", file.path),
            );
        }
    }
    let named: BTreeSet<&str> =
        manifest.files.iter().map(|file| file.path.as_str()).chain(MANIFEST).collect();
    for more in there.difference(&named) {
        found.fault(at, FaultKind::BundleHash, format!("{release}/{more} is public and was not published"));
    }
    Ok(())
}

/// The place of a withdrawn bundle holds its tombstone, signed by whoever withdrew it, and nothing else.
async fn check_tombstone(
    store: &Store,
    request: &RequestState,
    bytes: &[u8],
    found: &mut Findings,
) -> Result<()> {
    let release = request.release();
    // Ledgers from before tombstones were signed name none.
    if let Some(sshsig) = request.tombstone_sshsig.as_deref() {
        check_signature(request, (bytes, sshsig), request.withdrawer_key.as_ref(), found);
    }
    let own = MANIFEST.map(|name| format!("{release}/{name}"));
    let left = store.list(release.as_str()).await?.into_iter().filter(|path| !own.contains(path)).count();
    if left > 0 {
        found.notes.push(format!(
            "release {release} is withdrawn and {left} of its files are still there; `marsad release withdraw` removes them"
        ));
    }
    Ok(())
}

/// Whoever signed the entry signed `release.json` too.
fn check_signature(
    request: &RequestState,
    (bytes, sshsig): (&[u8], &str),
    signer: Option<&PublicKey>,
    found: &mut Findings,
) {
    let (at, file) = (Some(request.sequence), format!("{}/release.json", request.release()));
    match PublicKey::of_signature(sign::RELEASE, bytes, sshsig) {
        Err(error) => found.fault(at, FaultKind::Signature, format!("{file}: {error}")),
        Ok(key) if signer != Some(&key) => {
            found.fault(at, FaultKind::Authority, format!("{file}: another key signed it than its entry"));
        }
        Ok(_) => {}
    }
}

/// The head that a bundle names is in the log; gives the manifest where it reads.
fn check_head(
    release: &str,
    at: Option<u64>,
    bytes: &[u8],
    known: &Known<'_>,
    found: &mut Findings,
) -> Option<Manifest> {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) else {
        found.fault(at, FaultKind::BundleHash, format!("{release}/release.json does not read"));
        return None;
    };
    if !known.hashes.contains(&manifest.ledger_head) {
        found.fault(at, FaultKind::RolledBack, format!("the head that {release} names is not in the ledger"));
    }
    Some(manifest)
}

async fn check_checkpoint(store: &Store, path: &str, known: &Known<'_>, found: &mut Findings) -> Result<()> {
    let mut kept = read_checkpoint(store, path).await?;
    let stands_apart = kept.stated().map(|stated| checkpoint::numbered(stated.sequence));
    if let Some(numbered) = stands_apart.filter(|numbered| numbered.as_str() != path) {
        let first = read_checkpoint(store, &numbered).await?;
        // The newest one is written over: a crash may leave its signature of the one before, or of the one after.
        if first.bytes == kept.bytes && !is_signed(&kept) && is_signed(&first) {
            found
                .notes
                .push(format!("{path}.sig is another checkpoint's; the next publication writes it again"));
            kept.sshsig = first.sshsig;
        }
    }
    judge_checkpoint(&kept, known, found);
    Ok(())
}

async fn read_checkpoint(store: &Store, path: &str) -> Result<Kept> {
    let bytes = store.get(path).await?.unwrap_or_default().to_vec();
    let sshsig = store.get(&format!("{path}.sig")).await?.unwrap_or_default();
    Ok(Kept { name: path.to_owned(), bytes, sshsig: String::from_utf8_lossy(&sshsig).into_owned() })
}

fn is_signed(kept: &Kept) -> bool {
    PublicKey::of_signature(sign::CHECKPOINT, &kept.bytes, &kept.sshsig).is_ok()
}

/// It reads, a key of this ledger signed it, and the ledger extends it.
fn judge_checkpoint(kept: &Kept, known: &Known<'_>, found: &mut Findings) {
    let path = &kept.name;
    let Some(stated) = kept.stated() else {
        found.fault(None, FaultKind::Signature, format!("the checkpoint {path} does not read"));
        return;
    };
    let at = Some(stated.sequence);
    if !stated.is_extended_by(known.entries) {
        found.fault(at, FaultKind::RolledBack, format!("the checkpoint {path} is not in the ledger"));
    }
    match PublicKey::of_signature(sign::CHECKPOINT, &kept.bytes, &kept.sshsig) {
        Err(error) => found.fault(at, FaultKind::Signature, format!("the checkpoint {path}: {error}")),
        Ok(key) if !known.keys.contains(&key) => {
            found.fault(at, FaultKind::Authority, format!("the checkpoint {path}: no policy knew its key"));
        }
        Ok(_) => {}
    }
}
