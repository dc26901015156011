//! What can go wrong between a stored result and its public files. Deliberately without figures: names and places only.

use std::path::PathBuf;

use marsad_terms::{Explain, Explanation, StatisticId};

/// The result of this room's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A bundle could not be made, put or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The stored bytes are not those that the ledger names.
    #[error("the stored result is not the one that the ledger names")]
    NotTheReceipt,
    /// The stored bytes have the right hash and do not read back.
    #[error("the stored result cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The estimator refused.
    #[error(transparent)]
    Estimate(#[from] marsad_privacy::Error),
    /// The catalogue lacks what the release is made of.
    #[error("the catalogue has no {what} `{id}`")]
    NotInCatalogue {
        /// Statistic, column, code list or code.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The result and the proposal speak of different releases.
    #[error("the result and the proposal do not belong together: {what}")]
    NotTheProposal {
        /// What differs.
        what: String,
    },
    /// A statistic and its figures have different shapes.
    #[error("the figures of `{statistic}` do not fit its shape")]
    DoesNotFit {
        /// Which.
        statistic: StatisticId,
    },
    /// One dimension would have two code lists in one bundle.
    #[error("dimension `{dimension}` has two code lists in this release")]
    TwoLists {
        /// Which.
        dimension: String,
    },
    /// Releases of one dataflow that cannot be put together.
    #[error("no series of `{dataflow}`: {what}")]
    NotTheSeries {
        /// Which dataflow.
        dataflow: String,
        /// What is wrong, and with which release.
        what: String,
    },
    /// A change that ends a series and that its statistic does not declare.
    #[error("a series breaks: {what}")]
    Breaks {
        /// Which statistics, from which version on, and why.
        what: String,
    },
    /// An SDMX id of more than 50 characters.
    #[error("`{id}` is too long for an SDMX id")]
    LongName {
        /// The id of the dataflow.
        id: String,
    },
    /// The policy's δ is no probability.
    #[error("`{text}` is no δ between 0 and 1")]
    BadDelta {
        /// The text.
        text: String,
    },
    /// A file of the bundle cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A writer failed.
    #[error("cannot write {file}")]
    Write {
        /// The file of the bundle.
        file: String,
        /// What the writer said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(Box<marsad_log::Error>),
    /// The store holds other bytes under a name of this release.
    #[error("the public store holds another `{path}`")]
    Differs {
        /// Path in the store.
        path: String,
    },
}

impl From<marsad_log::Error> for Error {
    fn from(error: marsad_log::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Error {
    /// An error of a writer.
    pub(crate) fn write(
        file: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Write { file: file.into(), source: source.into() }
    }

    fn words(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NotTheReceipt => (
                "B01",
                "only the bytes whose hash the ledger holds may be published",
                "restore `runs/<run>` of the ledger's store from a copy",
            ),
            Self::Unreadable(_) => {
                ("B02", "it was written by another version", "publish with the version that ran it")
            }
            Self::Estimate(_) => {
                ("B03", "the figures cannot be estimated from the stored result", "report it")
            }
            Self::NotInCatalogue { .. } => (
                "B04",
                "titles, units and labels come from the workspace's `schemas/` and `queries/`",
                "restore the definition that the release was proposed with",
            ),
            Self::NotTheProposal { .. } => {
                ("B05", "a bundle says what was approved", "run `marsad ledger verify` and report it")
            }
            Self::DoesNotFit { .. } => ("B06", "this is a defect of the programme", "report it"),
            Self::TwoLists { .. } => (
                "B07",
                "SDMX takes the code list from the dimension's name",
                "rename the column in one of the statistics",
            ),
            Self::NotTheSeries { .. } => (
                "B14",
                "a series holds the rows of published bundles as they were signed",
                "see `marsad release list`; restore a damaged bundle with `marsad release publish`",
            ),
            Self::Breaks { .. } => (
                "B51",
                "what readers join by has changed since it was last published, so figures before and after are not one series",
                "write the codes or columns back; or, if it is meant, raise `version` in `queries/<statistic>.toml` as named and do \
                 this again: an approval, figures and their cost stay as they are",
            ),
            Self::LongName { .. } => (
                "B08",
                "SDMX ids have at most 50 characters",
                "shorten the statistic's id or the column's alias",
            ),
            Self::BadDelta { .. } => (
                "B13",
                "privacy is also told as (ε, δ), for readers",
                "set `display_delta` of the policy to a decimal such as 0.000001",
            ),
            Self::File { .. } => {
                ("B09", "the folder must be readable and writable", "check its rights and space")
            }
            Self::Write { .. } => ("B10", "this is a defect of the programme", "report it"),
            Self::Store(_) => {
                ("B11", "the public store did not answer", "try again; nothing is half published")
            }
            Self::Differs { .. } => (
                "B12",
                "a published address never changes its content",
                "publish under another release id, with `replaces`",
            ),
        }
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        if let Self::Estimate(error) = self {
            return error.explain();
        }
        if let Self::Store(error) = self {
            return error.explain();
        }
        let (code, why, remedy) = self.words();
        Explanation::new(code, self.to_string(), why, remedy)
    }
}
