//! The ledger's operations: read, decide, append; who loses the race for the next entry reads and decides again.
//!
//! Each appended entry has passed the same judge that every later replay asks. Deliberately without a lock: the
//! conditional put of the log is the only one that counts.

use std::path::Path;
use std::sync::Arc;

use marsad_log::{Appended, Checkpoint, Clock, Draft, Entry, EntrySignature, Log, Store};
use marsad_terms::{Digest, Text};

use crate::checkpoint;
use crate::error::{Error, Result};
use crate::event::{Event, Published, Transferred, Withdrawn};
use crate::installation::Installation;
use crate::policy::{Policy, Role};
use crate::proposal::Proposal;
use crate::refusal::Refusal;
use crate::replay::replay;
use crate::reservation::Receipt;
use crate::sign::{self, PublicKey, SigningKey};
use crate::stage::Stage;
use crate::state::State;
use crate::statement::Statement;
use crate::transfer::Transfer;

mod recover;
mod run;
mod series;
#[cfg(test)]
mod tests;

pub use recover::{Recovered, RunOf};
pub use run::Reserve;
pub use series::ReserveStep;

/// How often a lost race is tried again; each loss means that somebody else got on.
const ATTEMPTS: u32 = 100;

/// The ledger of one workspace. Cheap to clone; several processes may use one store at once.
#[derive(Clone, Debug)]
pub struct Ledger {
    log: Log,
    installation: Installation,
}

/// What the ledger records of a bundle: enough to write the very same bytes again after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Hash of `release.json`.
    pub manifest: Digest,
    /// The armoured signature of `release.json`.
    pub sshsig: String,
    /// The bundle's one time, RFC 3339.
    pub published: String,
    /// The head that the bundle names.
    pub ledger_head: Digest,
}

/// What the ledger records of a tombstone: with the `release.json` that was published, enough to write it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Hash of its `release.json`.
    pub manifest: Digest,
    /// The armoured signature of that.
    pub sshsig: String,
    /// The time that it shows, RFC 3339.
    pub withdrawn: String,
    /// The number of the entry that it names, which must be the one that is about to be written.
    pub entry: u64,
}

/// What an operation found or left.
struct Done {
    state: State,
    /// Whether an entry was written.
    written: bool,
}

impl Ledger {
    /// The ledger in a store; `state_dir` holds what this installation remembers. Nothing is read or written.
    pub fn open(store: Store, state_dir: &Path) -> Self {
        Self { log: Log::open(store, ""), installation: Installation::new(state_dir) }
    }

    /// The same ledger with another source of time, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { log: self.log.with_clock(clock), ..self }
    }

    /// Everything so far: replayed whole, with signatures and authority checked, as it is now.
    ///
    /// # Errors
    /// `NotRight`, `RolledBack`, `Log` where it cannot be trusted or read.
    pub async fn state(&self) -> Result<State> {
        Ok(self.history().await?.1)
    }

    /// The same with all entries that lead to it, for a log to print.
    ///
    /// # Errors
    /// As [`Ledger::state`].
    pub async fn history(&self) -> Result<(Vec<Entry>, State)> {
        let (entries, mut state) = self.read().await?;
        state.settle(&self.log.now());
        Ok((entries, state))
    }

    /// The state right after the entry of this hash: what a bundle that names it as its head was built on.
    ///
    /// # Errors
    /// As [`Ledger::state`]; `NotFound` where no entry has this hash.
    pub async fn state_at(&self, head: Digest) -> Result<State> {
        let (entries, _) = self.read().await?;
        let at = entries.iter().position(|entry| entry.hash == head);
        let at = at.ok_or_else(|| Error::NotFound { text: head.to_string(), nearest: None })?;
        replay(&entries[..=at])
    }

    /// The state right before the entry of this number: what whoever wrote that entry had before them.
    ///
    /// # Errors
    /// As [`Ledger::state`].
    pub async fn state_before(&self, sequence: u64) -> Result<State> {
        let (entries, _) = self.read().await?;
        let n_before = entries.partition_point(|entry| entry.sequence < sequence);
        replay(&entries[..n_before])
    }

    /// Signs and appends a policy: the first begins the workspace. The policy in force again: no new entry.
    /// Gives the hash of the entry that holds it.
    ///
    /// # Errors
    /// `Refused` where the key may not, the policy cannot be used, or a cap is above the ceiling or below what is used.
    pub async fn set_policy(&self, policy: &Policy, key: &SigningKey) -> Result<Digest> {
        let done = self.append(|state| set_policy(state, policy, key)).await?;
        done.state.policy_hash().ok_or(Error::NoPolicy)
    }

    /// Signs and appends a proposal; its id is the hash of its canonical JSON. The same proposal again: no new entry.
    ///
    /// # Errors
    /// `Refused` where the key is not the author's, the proposal contradicts itself or the policy, or the request is
    /// beyond proposing; `NoPolicy`.
    pub async fn propose(&self, proposal: &Proposal, key: &SigningKey) -> Result<Digest> {
        let id = proposal.id().map_err(marsad_log::Error::from)?;
        self.append(|state| {
            let known = state.proposals.contains_key(&id).then(|| state.by_id(id)).transpose()?;
            match known.map(|request| request.state) {
                Some(Stage::Rejected) => Err(Refusal::Exists { proposal: id }.into()),
                Some(_) => Ok(None),
                None => {
                    let event = Event::Proposed(Box::new(proposal.clone()), id);
                    sign_as(state, &event, sign::PROPOSAL, key).map(Some)
                }
            }
        })
        .await?;
        Ok(id)
    }

    /// Appends a decision that was signed over [`Statement::bytes`]; `signer` may name who is expected to have signed.
    /// Gives where the request stands then.
    ///
    /// # Errors
    /// `Key` where the signature is wrong; `Refused` where it does not count: nothing is appended then.
    pub async fn decide(&self, statement: &Statement, signer: Option<&str>, sshsig: &str) -> Result<Stage> {
        let key = PublicKey::of_signature(sign::APPROVAL, &statement.bytes(), sshsig)?;
        let done = self
            .append(|state| {
                let name = name_of(state.policy().ok_or(Error::NoPolicy)?, &key)?;
                if let Some(expected) = signer.filter(|expected| *expected != name) {
                    let what = format!("{name} made it, not {expected}");
                    return Err(Refusal::Authority { what }.into());
                }
                let signature = EntrySignature {
                    signer: name,
                    namespace: sign::APPROVAL.to_owned(),
                    sshsig: sshsig.to_owned(),
                };
                Ok(Some(Event::Decided(statement.clone()).draft().signed(signature)))
            })
            .await?;
        Ok(done.state.by_id(statement.proposal)?.state)
    }

    /// Records that the bundle of a released result is about to be public. The same bundle again: no new entry.
    ///
    /// # Errors
    /// `Refused` where the key is no publisher's or the request is not released.
    pub async fn published(&self, receipt: &Receipt, bundle: &Publication, key: &SigningKey) -> Result<()> {
        let said = Published {
            release: receipt.release().clone(),
            f: receipt.f(),
            manifest: bundle.manifest,
            time: bundle.published.clone(),
            ledger_head: bundle.ledger_head,
            sshsig: bundle.sshsig.clone(),
        };
        let event = Event::Published(said);
        self.append(|state| {
            let known = state.request(&receipt.f());
            let same =
                known.is_some_and(|r| r.state == Stage::Published && r.manifest == Some(bundle.manifest));
            if same { Ok(None) } else { sign_as(state, &event, sign::RELEASE, key).map(Some) }
        })
        .await?;
        Ok(())
    }

    /// Records that a recipient was served with a published bundle. The same record again: no new entry.
    ///
    /// # Errors
    /// `Refused` where the key is no publisher's, the request is not published, or the release is not for the recipient.
    pub async fn transferred(&self, f: Digest, transfer: &Transfer, key: &SigningKey) -> Result<()> {
        self.append(|state| {
            let request = state.by_id(f)?;
            if request.transfers.contains(transfer) {
                return Ok(None);
            }
            let said = Transferred::new(request.release().clone(), request.f, transfer.clone());
            sign_as(state, &Event::Transferred(said), sign::RELEASE, key).map(Some)
        })
        .await?;
        Ok(())
    }

    /// Takes a release back; nothing is refunded. Where its bundle was public a tombstone takes its place. Withdrawn already:
    /// no new entry.
    ///
    /// # Errors
    /// `Refused` where the key is no publisher's or privacy officer's, there is nothing to withdraw, or a language of the
    /// reason is missing; `Contended` where another entry took the number that the tombstone names.
    pub async fn withdraw(
        &self,
        f: Digest,
        reason: &Text,
        tombstone: Option<&Tombstone>,
        key: &SigningKey,
    ) -> Result<()> {
        self.append(|state| {
            let request = state.by_id(f)?;
            if request.state == Stage::Withdrawn {
                return Ok(None);
            }
            if tombstone.is_some_and(|stone| stone.entry != state.next()) {
                return Err(Error::Contended { attempts: 1 });
            }
            let said = Withdrawn {
                release: request.release().clone(),
                f: request.f,
                manifest: tombstone.map(|stone| stone.manifest),
                reason: reason.clone(),
                time: tombstone.map(|stone| stone.withdrawn.clone()),
                sshsig: tombstone.map(|stone| stone.sshsig.clone()),
            };
            sign_as(state, &Event::Withdrawn(said), sign::RELEASE, key).map(Some)
        })
        .await?;
        Ok(())
    }

    /// States and signs how the ledger ends now; [`checkpoint::put`] makes it public.
    ///
    /// # Errors
    /// `NoPolicy` for an empty ledger; `Refused` where the key is no publisher's.
    pub async fn checkpoint(&self, key: &SigningKey) -> Result<(Checkpoint, String)> {
        let (entries, state) = self.read().await?;
        let policy = state.policy().ok_or(Error::NoPolicy)?;
        let name = name_of(policy, &key.public_key())?;
        if !policy.signer(&name).is_some_and(|signer| signer.roles.contains(&Role::Publisher)) {
            return Err(Refusal::Authority { what: format!("{name} is no publisher") }.into());
        }
        let time = entries.last().map(|entry| entry.time.clone()).unwrap_or_default();
        let stated = Checkpoint::of(&entries, time).ok_or(Error::NoPolicy)?;
        let sshsig = key.sign(sign::CHECKPOINT, &checkpoint::bytes(&stated))?;
        Ok((stated, sshsig))
    }

    /// The proof that one checkpoint extends another: the entries from the earlier one's to the later one's, one a line, each
    /// in the bytes that it has in the store. Who has both checks it with `b3sum` alone (docs/verify-by-hand.md).
    ///
    /// # Errors
    /// `NotExtended` where the ledger does not extend one of them; as [`Ledger::state`].
    pub async fn proof_between(&self, earlier: &Checkpoint, later: &Checkpoint) -> Result<Vec<u8>> {
        let (entries, _) = self.read().await?;
        if let Some(foreign) = [earlier, later].into_iter().find(|stated| !stated.is_extended_by(&entries)) {
            return Err(Error::NotExtended { sequence: foreign.sequence });
        }
        let mut proof = Vec::new();
        for entry in
            entries.iter().filter(|entry| (earlier.sequence..=later.sequence).contains(&entry.sequence))
        {
            proof.extend(entry.bytes()?);
            proof.push(b'\n');
        }
        Ok(proof)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    pub(crate) fn store(&self) -> &Store {
        self.log.store()
    }

    /// All entries and their state, checked against the head that was seen last.
    async fn read(&self) -> Result<(Vec<Entry>, State)> {
        let seen = self.installation.head()?;
        let entries = self.log.read().await?;
        if let Some(seen) = seen.filter(|seen| !seen.is_extended_by(&entries)) {
            return Err(Error::RolledBack { sequence: seen.sequence });
        }
        let state = replay(&entries)?;
        self.installation.saw(&entries)?;
        Ok((entries, state))
    }

    /// Reads, decides, appends, until the entry is written, refused or not needed.
    async fn append(&self, decide: impl Fn(&State) -> Result<Option<Draft>> + Send + Sync) -> Result<Done> {
        for _ in 0..ATTEMPTS {
            let (mut entries, mut state) = self.read().await?;
            // One time for judging and writing, so that a replay finds what was found here.
            let time = self.log.now();
            state.settle(&time);
            let Some(draft) = decide(&state)? else { return Ok(Done { state, written: false }) };
            let entry = Entry::following(entries.last(), time.clone(), draft.clone())?;
            state.apply(&entry)?;
            let log = self.log.clone().with_clock(Arc::new(move || time.clone()));
            let written = match log.append(entries.last(), draft).await {
                Ok(Appended::Written(_)) => true,
                Ok(Appended::Lost) => false,
                Err(error) if self.stands(&entry).await => {
                    drop(error);
                    true
                }
                Err(error) => return Err(error.into()),
            };
            if written {
                entries.push(entry);
                self.installation.saw(&entries)?;
                return Ok(Done { state, written });
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// After a failed append: whether the entry stands nevertheless, and durably.
    async fn stands(&self, entry: &Entry) -> bool {
        let path = format!("{:020}.json", entry.sequence);
        let (Ok(Some(found)), Ok(expected)) = (self.store().get(&path).await, entry.bytes()) else {
            return false;
        };
        found.as_ref() == expected && self.store().sync(&path).await.is_ok()
    }
}

fn set_policy(state: &State, policy: &Policy, key: &SigningKey) -> Result<Option<Draft>> {
    let Some(in_force) = state.policy() else {
        let name = name_of(policy, &key.public_key())?;
        return sign_named(&name, &Event::Genesis(policy.clone()), sign::POLICY, key).map(Some);
    };
    let mut next = Policy { replaces: None, ..policy.clone() };
    if next.ceiling_nano_rho == state.ceiling() {
        next.ceiling_nano_rho = None;
    }
    let current = Policy { ceiling_nano_rho: None, replaces: None, ..in_force.clone() };
    if next == current {
        return Ok(None);
    }
    next.replaces = state.policy_hash();
    sign_as(state, &Event::Policy(next), sign::POLICY, key).map(Some)
}

/// The draft of an event, signed by a key of the policy in force.
fn sign_as(state: &State, event: &Event, namespace: &str, key: &SigningKey) -> Result<Draft> {
    let name = name_of(state.policy().ok_or(Error::NoPolicy)?, &key.public_key())?;
    sign_named(&name, event, namespace, key)
}

fn sign_named(name: &str, event: &Event, namespace: &str, key: &SigningKey) -> Result<Draft> {
    let draft = event.draft();
    let bytes = marsad_terms::canonical::of_value(&draft.body).map_err(marsad_log::Error::from)?;
    let sshsig = key.sign(namespace, &bytes)?;
    Ok(draft.signed(EntrySignature { signer: name.to_owned(), namespace: namespace.to_owned(), sshsig }))
}

fn name_of(policy: &Policy, key: &PublicKey) -> Result<String> {
    let signer = policy.signer_with(key);
    let unknown = || Refusal::Authority { what: "the policy does not know the key".to_owned() };
    Ok(signer.ok_or_else(unknown)?.name.clone())
}
