//! Why a custodian's act on what landed cannot be done: a batch that is not there, a key that cannot be rotated, a request.

use std::path::PathBuf;

use marsad_terms::{BatchId, Explain, Explanation, RecordTypeId};

/// What stops an act; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActError {
    /// No batch of that id ever landed.
    #[error("no batch is `{batch}`")]
    UnknownBatch {
        /// As given.
        batch: BatchId,
    },
    /// The batch no longer stands.
    #[error("batch {batch} {how}")]
    Gone {
        /// The batch.
        batch: BatchId,
        /// `was retracted`, `was corrected by …`, `was compacted into …`.
        how: String,
    },
    /// A correction that landed beside what it is to correct.
    #[error("the same content stands as batch {correction}, and batch {batch} beside it")]
    StandsBeside {
        /// What was to be corrected.
        batch: BatchId,
        /// What holds the correction.
        correction: BatchId,
    },
    /// A batch holds records of another type.
    #[error("batch {batch} holds records of `{found}`, not of `{wanted}`")]
    OtherType {
        /// The batch.
        batch: BatchId,
        /// Its record type.
        found: RecordTypeId,
        /// The one asked for.
        wanted: RecordTypeId,
    },
    /// Batches landed by different versions of their record type.
    #[error("the batches of `{record_type}` have not all the same columns")]
    Columns {
        /// The record type.
        record_type: RecordTypeId,
    },
    /// A key to be rotated is in the environment.
    #[error("the key to be rotated comes from {variable}")]
    KeyInEnvironment {
        /// The variable.
        variable: String,
    },
    /// The rotation of a key was cut off after its entry.
    #[error("the rotation of the key `{name}` was cut off")]
    Unsettled {
        /// The key.
        name: &'static str,
    },
    /// The file that is to be written is there.
    #[error("{} cannot be made", file.display())]
    Output {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A stored request of a person cannot be understood.
    #[error("the request in `{path}` cannot be understood")]
    Request {
        /// Its object in the landing store.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// No open request of that number.
    #[error("no open request is `{request}`")]
    NoRequest {
        /// As given.
        request: String,
    },
}

impl Explain for ActError {
    fn explain(&self) -> Explanation {
        let what = self.to_string();
        let say = |code: &str, why: &str, remedy: &str| Explanation::new(code, &what, why, remedy);
        match self {
            Self::UnknownBatch { .. } => {
                say("D40", "a batch is named by its id, as it landed", "see `marsad batch list`")
            }
            Self::Gone { .. } => say(
                "D41",
                "its rows are no longer apart from others, or are gone; nothing was changed",
                "see `marsad batch list` for what stands in its place",
            ),
            Self::StandsBeside { batch, .. } => say(
                "D50",
                "both count: what the correction no longer says still stands in the other batch",
                &format!("take the other one back: `marsad batch retract {batch} --reason TEXT`"),
            ),
            Self::OtherType { .. } => say(
                "D42",
                "a batch can only be replaced by records of its own type",
                "name the right batch, or the right mapping",
            ),
            Self::Columns { .. } => say(
                "D43",
                "a landed file has one set of columns; the record type changed between them",
                "name the batches that belong together",
            ),
            Self::KeyInEnvironment { .. } => say(
                "D44",
                "a rotation replaces the key's file, and cannot change what other programs set",
                "put the key into its file under keys/, unset the variable, then rotate",
            ),
            Self::Unsettled { name } => say(
                "D48",
                "what landed is under the new key already, and the new key's file has not taken the old one's place",
                &format!("run `marsad keys rotate {name}` again, which ends it"),
            ),
            Self::Output { file, source } => say(
                "D45",
                &source.to_string(),
                "name a file that is not there, in a folder that you may write to",
            )
            .at(file.display().to_string()),
            Self::Request { path, what } => say(
                "D46",
                what,
                "correct it by hand: request, kind, received, due, state, record_types, done, proof",
            )
            .at(path),
            Self::NoRequest { .. } => {
                say("D47", "an answer belongs to a request that is open", "see `marsad person requests`")
            }
        }
    }
}
