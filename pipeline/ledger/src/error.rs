//! What can go wrong with the ledger. A broken rule is a [`Refusal`]; the rest is the world's failure.

use std::path::PathBuf;

use marsad_terms::{Explain, Explanation, ReleaseId, RunId};

use crate::refusal::Refusal;
use crate::sign::KeyError;
use crate::verify::Fault;

/// The result of this room's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation on the ledger failed; nothing was appended unless the variant says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed, or the log in it is not whole. After a failed append read again: the entry may stand.
    #[error(transparent)]
    Log(Box<marsad_log::Error>),
    /// A key or a signature does not serve.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An entry breaks a rule; nothing is built on such a ledger.
    #[error("entry {} of the ledger is not right ({}): {}", fault.at(), fault.kind, fault.what)]
    NotRight {
        /// The first fault.
        fault: Fault,
    },
    /// The ledger does not extend what this installation saw.
    #[error("the ledger was rolled back: entry {sequence}, seen before, is not in it")]
    RolledBack {
        /// The number of the entry last seen.
        sequence: u64,
    },
    /// The ledger does not extend a checkpoint that somebody kept.
    #[error("the ledger does not extend the checkpoint at entry {sequence}")]
    NotExtended {
        /// The entry that the checkpoint names.
        sequence: u64,
    },
    /// There is no policy yet.
    #[error("the workspace has no policy yet")]
    NoPolicy,
    /// No release of this name.
    #[error("no release `{text}` in the ledger{}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    NotFound {
        /// What was asked for.
        text: String,
        /// The nearest release id.
        nearest: Option<String>,
    },
    /// Several proposals begin so.
    #[error("several proposals begin with `{text}`")]
    Ambiguous {
        /// What was asked for.
        text: String,
    },
    /// The release was taken back; requests get its tombstone.
    #[error("the release {release} was withdrawn")]
    Withdrawn {
        /// Which.
        release: ReleaseId,
    },
    /// A stored result is missing, damaged or another run's.
    #[error("the result of run {run} cannot be used: {what}")]
    Result {
        /// The run.
        run: RunId,
        /// What is wrong.
        what: &'static str,
    },
    /// A file of this installation's `state/` cannot be used.
    #[error("cannot use {}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others were always faster.
    #[error("other writers took the next entry {attempts} times")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The system gave no randomness.
    #[error("the system's source of randomness failed")]
    Randomness,
}

impl From<marsad_log::Error> for Error {
    fn from(error: marsad_log::Error) -> Self {
        Self::Log(Box::new(error))
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        let say = |code, why: &str, remedy: &str| Explanation::new(code, self.to_string(), why, remedy);
        match self {
            Self::Refused(refusal) => refusal.explain(),
            Self::Log(error) => error.explain(),
            Self::Key(error) => error.explain(),
            Self::NotRight { fault } => say(
                "B40",
                "it was forged, or written by another program",
                "run `marsad ledger verify`; restore the ledger from a copy that passes it",
            )
            .at(format!("entry {}", fault.at())),
            Self::RolledBack { sequence } => say(
                "B41",
                "an older copy of the ledger, or another one, stands in the store: spent budget would be forgotten",
                "restore the newest ledger; if this workspace was pointed at another ledger on purpose, use another folder",
            )
            .at(format!("entry {sequence}, state/ledger-head.json")),
            Self::NotExtended { sequence } => say(
                "B50",
                "the checkpoint is another workspace's, or the ledger was cut or rewritten since",
                "compare the checkpoint's `workspace` with the ledger's; then run `marsad ledger verify --from FILE`",
            )
            .at(format!("entry {sequence}")),
            Self::NoPolicy => {
                say("B42", "caps and signers come first", "fill in [policy] in marsad.toml, then run `marsad policy set`")
            }
            Self::NotFound { .. } => {
                say("B43", "it was never proposed here", "see `marsad release list`, or run `marsad release plan`")
            }
            Self::Ambiguous { .. } => say("B44", "the digits do not tell them apart", "give more digits"),
            Self::Withdrawn { .. } => say("B45", "what was taken back is not given out again", "see its tombstone"),
            Self::Result { .. } => say(
                "B46",
                "a result is drawn once and must stay as it was stored",
                "restore the ledger's `runs/` folder from a copy; it is never drawn again",
            )
            .at("runs/"),
            Self::State { source, path } => {
                say("B47", &source.to_string(), "check the rights and the content of the folder state/")
                    .at(path.display().to_string())
            }
            Self::Contended { .. } => say("B48", "many commands write at once", "try again"),
            Self::Randomness => say("B49", "runs and keys need it", "try again; check the system"),
        }
    }
}
