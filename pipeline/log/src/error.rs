//! What can go wrong with a store or a log. Deliberately without any content of an entry: only names and places.

use marsad_terms::canonical::CanonicalError;
use marsad_terms::{Explain, Explanation};

use crate::Fault;

/// The result of this room's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The store failed, or the log in it is not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kind of store that this build cannot open.
    #[error("the store `{url}` is of a kind that this build cannot open")]
    UnsupportedStore {
        /// The address as written.
        url: String,
    },
    /// The address of a store cannot be read.
    #[error("`{url}` is no address of a store")]
    BadAddress {
        /// The address as written.
        url: String,
    },
    /// A name that no object can have.
    #[error("`{path}` cannot name an object")]
    BadPath {
        /// The name as given.
        path: String,
    },
    /// The store refused or failed.
    #[error("cannot {action} `{path}` in the store `{url}`")]
    Store {
        /// What was tried: read, write, list, delete, sync.
        action: &'static str,
        /// The object.
        path: String,
        /// The store.
        url: String,
        /// What the store said.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The log in the store is not whole; nothing may be appended to it.
    #[error("the log in `{url}` is not whole: {}", summary(faults))]
    Broken {
        /// The store.
        url: String,
        /// All that was found.
        faults: Vec<Fault>,
    },
    /// The entry cannot be written in canonical form.
    #[error("the entry has no canonical form")]
    NotCanonical(#[from] CanonicalError),
    /// The log has as many entries as numbers.
    #[error("the log is full")]
    Full,
}

fn summary(faults: &[Fault]) -> String {
    match faults {
        [] => "no fault named".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        let say = |code, why: &str, remedy: &str| Explanation::new(code, self.to_string(), why, remedy);
        match self {
            Self::UnsupportedStore { url } => say(
                "L01",
                "only folders and `file:` addresses are built in so far",
                "use a folder or a `file:///…` address under [stores] in marsad.toml",
            )
            .at(url),
            Self::BadAddress { url } => say(
                "L02",
                "a store is a folder or an absolute `file:///…` address",
                "correct the address under [stores] in marsad.toml",
            )
            .at(url),
            Self::BadPath { path } => say(
                "L03",
                "names are parts joined by `/`, without `.`, `..` or control characters",
                "use another name",
            )
            .at(path),
            Self::Store { source, path, .. } => say(
                "L04",
                &source.to_string(),
                "check the folder's rights, the disk and the network; then try again",
            )
            .at(path),
            Self::Broken { url, .. } => say(
                "L05",
                "an entry was changed, removed or put out of order after it was written",
                "run `marsad ledger verify`; restore the store from a copy that extends the last checkpoint",
            )
            .at(url),
            Self::NotCanonical(source) => {
                say("L06", &source.to_string(), "write amounts as whole numbers and decimals as text")
            }
            Self::Full => say("L07", "sequence numbers are used up", "start a new workspace"),
        }
    }
}
