//! The kinds of entries with typed bodies (interfaces 4). Deliberately without judgement.

use std::collections::BTreeSet;

use marsad_log::{Draft, Entry};
use marsad_terms::{Digest, NanoRho, Period, RecordTypeId, ReleaseId, RunId, Text};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::policy::Policy;
use crate::proposal::Proposal;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::statement::{Answer, Statement};
use crate::transfer::{Recipient, Transfer};

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Genesis(Policy),
    Policy(Policy),
    /// The proposal and its id, the hash of the body.
    Proposed(Box<Proposal>, Digest),
    Decided(Statement),
    Opened(Opened),
    Reserved(Reserved),
    Released(Released),
    Forfeited(Forfeited),
    StepReserved(StepReserved),
    StepReleased(StepReleased),
    StepForfeited(StepForfeited),
    Published(Published),
    Transferred(Transferred),
    Withdrawn(Withdrawn),
}

/// A charge, taken before a row is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reserved {
    pub(crate) f: Digest,
    pub(crate) proposal: Digest,
    pub(crate) run: RunId,
    pub(crate) nano_rho: NanoRho,
    pub(crate) scopes: BTreeSet<Scope>,
    /// Keyed commitment to the custody head that the run reads.
    pub(crate) data: Digest,
}

/// The result of a run is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Released {
    pub(crate) f: Digest,
    pub(crate) run: RunId,
    pub(crate) hash: Digest,
}

/// A run ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forfeited {
    pub(crate) f: Digest,
    pub(crate) run: RunId,
}

/// A first-time series is paid, once, for all its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) series: Digest,
    pub(crate) proposal: Digest,
    pub(crate) nano_rho: NanoRho,
    pub(crate) horizon: u32,
    pub(crate) start: Period,
    pub(crate) record_types: BTreeSet<RecordTypeId>,
    pub(crate) scopes: BTreeSet<Scope>,
}

/// A step of a series is about to be drawn: at no cost where it is its own draw. It names the step and nothing else, so
/// that no request can be charged, or spared, by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepReserved {
    pub(crate) series: Digest,
    pub(crate) step: u32,
    /// Absent but for redraws.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) revision: u32,
    pub(crate) run: RunId,
    pub(crate) nano_rho: NanoRho,
    pub(crate) scopes: BTreeSet<Scope>,
    /// Keyed commitment to the custody head that the run reads.
    pub(crate) data: Digest,
}

/// The result of a step's draw is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepReleased {
    pub(crate) series: Digest,
    pub(crate) step: u32,
    pub(crate) run: RunId,
    pub(crate) hash: Digest,
}

/// A step's draw ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepForfeited {
    pub(crate) series: Digest,
    pub(crate) step: u32,
    pub(crate) run: RunId,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(revision: &u32) -> bool {
    *revision == 0
}

/// The bundle, as it will stand in public: enough to write the very same bytes again after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) release: ReleaseId,
    pub(crate) f: Digest,
    /// Hash of `release.json`.
    pub(crate) manifest: Digest,
    /// The bundle's one time.
    #[serde(rename = "published")]
    pub(crate) time: String,
    /// The head that the bundle names.
    pub(crate) ledger_head: Digest,
    /// Signature of `release.json`.
    pub(crate) sshsig: String,
}

/// A recipient was served with a published bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transferred {
    pub(crate) release: ReleaseId,
    pub(crate) f: Digest,
    pub(crate) recipient: String,
    pub(crate) legal_entity: String,
    pub(crate) country: String,
    pub(crate) contact: String,
    pub(crate) channel: String,
    pub(crate) purposes: Vec<String>,
    /// Hash of `release.json`.
    pub(crate) manifest: Digest,
    pub(crate) date: String,
}

impl Transferred {
    pub(crate) fn new(release: ReleaseId, f: Digest, transfer: Transfer) -> Self {
        let Transfer { to, purposes, manifest, date } = transfer;
        let Recipient { name: recipient, legal_entity, country, contact, channel } = to;
        Self { release, f, recipient, legal_entity, country, contact, channel, purposes, manifest, date }
    }

    pub(crate) fn transfer(&self) -> Transfer {
        let said = self.clone();
        let to = Recipient {
            name: said.recipient,
            legal_entity: said.legal_entity,
            country: said.country,
            contact: said.contact,
            channel: said.channel,
        };
        Transfer { to, purposes: said.purposes, manifest: said.manifest, date: said.date }
    }
}

/// A release is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withdrawn {
    pub(crate) release: ReleaseId,
    pub(crate) f: Digest,
    /// Hash of the `release.json` that the tombstone shows, where the release was public.
    pub(crate) manifest: Option<Digest>,
    pub(crate) reason: Text,
    /// The time that the tombstone shows.
    #[serde(rename = "withdrawn", default, skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    /// Signature of the tombstone's `release.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sshsig: Option<String>,
}

impl Event {
    /// What an entry says, or why it cannot be read.
    pub(crate) fn read(entry: &Entry) -> Result<Self, Refusal> {
        match entry.kind.as_str() {
            "genesis" => Ok(Self::Genesis(body(entry)?)),
            "policy" => Ok(Self::Policy(body(entry)?)),
            "proposed" => Ok(Self::Proposed(Box::new(body(entry)?), Digest::of(entry.body.as_bytes()))),
            "approved" => Self::decided(entry, Answer::Approve),
            "rejected" => Self::decided(entry, Answer::Reject),
            "series_opened" => Ok(Self::Opened(body(entry)?)),
            "reserved" if is_of_a_series(entry) => Ok(Self::StepReserved(body(entry)?)),
            "released" if is_of_a_series(entry) => Ok(Self::StepReleased(body(entry)?)),
            "forfeited" if is_of_a_series(entry) => Ok(Self::StepForfeited(body(entry)?)),
            "reserved" => Ok(Self::Reserved(body(entry)?)),
            "released" => Ok(Self::Released(body(entry)?)),
            "forfeited" => Ok(Self::Forfeited(body(entry)?)),
            "published" => Ok(Self::Published(body(entry)?)),
            "transferred" => Ok(Self::Transferred(body(entry)?)),
            "withdrawn" => Ok(Self::Withdrawn(body(entry)?)),
            _ => Err(unreadable(entry, "no kind of entry that this version knows")),
        }
    }

    fn decided(entry: &Entry, answer: Answer) -> Result<Self, Refusal> {
        let statement: Statement = body(entry)?;
        if statement.decision == answer {
            Ok(Self::Decided(statement))
        } else {
            Err(unreadable(entry, "its statement decides otherwise"))
        }
    }

    /// The unsigned draft of an entry that says this.
    pub(crate) fn draft(&self) -> Draft {
        let (kind, body) = match self {
            Self::Genesis(policy) => ("genesis", value(policy)),
            Self::Policy(policy) => ("policy", value(policy)),
            Self::Proposed(proposal, _) => ("proposed", value(proposal)),
            Self::Decided(statement) => match statement.decision {
                Answer::Approve => ("approved", value(statement)),
                Answer::Reject => ("rejected", value(statement)),
            },
            Self::Opened(said) => ("series_opened", value(said)),
            Self::Reserved(said) => ("reserved", value(said)),
            Self::Released(said) => ("released", value(said)),
            Self::Forfeited(said) => ("forfeited", value(said)),
            Self::StepReserved(said) => ("reserved", value(said)),
            Self::StepReleased(said) => ("released", value(said)),
            Self::StepForfeited(said) => ("forfeited", value(said)),
            Self::Published(said) => ("published", value(said)),
            Self::Transferred(said) => ("transferred", value(said)),
            Self::Withdrawn(said) => ("withdrawn", value(said)),
        };
        Draft::new(kind, body)
    }
}

fn is_of_a_series(entry: &Entry) -> bool {
    #[derive(Deserialize)]
    struct Series {
        #[serde(rename = "series", default, deserialize_with = "is_there")]
        named: bool,
    }
    entry.body.read().is_ok_and(|Series { named }| named)
}

/// Whatever it says.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn value(said: &impl Serialize) -> Value {
    serde_json::to_value(said).expect("keys are texts and no field fails to serialise")
}

fn body<T: DeserializeOwned>(entry: &Entry) -> Result<T, Refusal> {
    entry.body.read().map_err(|error| unreadable(entry, &error.to_string()))
}

fn unreadable(entry: &Entry, what: &str) -> Refusal {
    Refusal::Unreadable { kind: entry.kind.clone(), what: what.to_owned() }
}
