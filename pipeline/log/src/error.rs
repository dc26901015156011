//! What can go wrong with a store or a log. Deliberately without any content of an entry: only names and places.

use marsad_terms::canonical::CanonicalError;
use marsad_terms::{Explain, Explanation};

use crate::Fault;
use crate::cloud::Cloud;
use crate::remote::{self, Meaning};

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
    /// Nothing says who asks for a bucket.
    #[error("nothing names credentials for the store `{url}`")]
    NoCredentials {
        /// The store.
        url: String,
    },
    /// The way to a bucket is not encrypted.
    #[error("the store `{url}` would be reached in clear text at {endpoint}")]
    ClearText {
        /// The store.
        url: String,
        /// The endpoint.
        endpoint: String,
    },
    /// What was given for a bucket cannot be used.
    #[error("the settings for the store `{url}` cannot be used")]
    Access {
        /// The store.
        url: String,
        /// What the client said.
        #[source]
        source: Box<object_store::Error>,
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
                "only folders and addresses of `file:`, `s3:`, `gs:` and `az:` are built in",
                "use a folder, `file:///…`, `s3://BUCKET/…`, `gs://BUCKET/…` or `az://CONTAINER/…` under [stores] in marsad.toml",
            )
            .at(url),
            Self::BadAddress { url } => say(
                "L02",
                "a store is a folder, an absolute `file:///…` address or `s3://BUCKET/PREFIX` (`gs:`, `az:`) and no more",
                "correct the address under [stores] in marsad.toml",
            )
            .at(url),
            Self::BadPath { path } => say(
                "L03",
                "names are parts joined by `/`, without `.`, `..` or control characters",
                "use another name",
            )
            .at(path),
            Self::Store { source, path, url, .. } => store_failed(self, source, url).at(path),
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
            Self::NoCredentials { url } => say(
                "L08",
                "a bucket is opened by a key, or by the role of a machine where that is asked for",
                &format!(
                    "write {{ url = \"{url}\", credentials = \"FILE\" }} under [stores], or {}",
                    of_cloud(url, |cloud| cloud.remedy.to_owned())
                ),
            )
            .at(url),
            Self::ClearText { url, .. } => say(
                "L09",
                "without TLS, keys and data can be read and changed on the way",
                &format!(
                    "use an https:// endpoint; on a network that is yours alone: {}allow_http = \"true\"",
                    of_cloud(url, |cloud| cloud.prefix.to_owned())
                ),
            )
            .at(url),
            Self::Access { url, source } => say(
                "L10",
                &remote::told(source),
                &format!(
                    "correct the credentials file or the {}… variables",
                    of_cloud(url, |cloud| cloud.prefix.to_ascii_uppercase())
                ),
            )
            .at(url),
        }
    }
}

/// A word of the cloud that a bucket is of.
fn of_cloud(url: &str, word: impl Fn(&Cloud) -> String) -> String {
    Cloud::of(url).map(word).unwrap_or_default()
}

/// Refusals and missing buckets have names of their own; a body that a cloud sends is not repeated.
fn store_failed(error: &Error, source: &object_store::Error, url: &str) -> Explanation {
    let said = remote::code(source).map_or_else(String::new, |code| format!(" ({code})"));
    match remote::meaning(source) {
        Meaning::Refused => Explanation::new(
            "L11",
            error.to_string(),
            format!("the store `{url}` refuses these credentials{said}"),
            "check the access key, its rights on the bucket, and the region; then try again",
        ),
        Meaning::NoBucket => Explanation::new(
            "L12",
            error.to_string(),
            format!("there is no bucket for `{url}`{said}"),
            "correct the address under [stores] in marsad.toml, or make the bucket first",
        ),
        Meaning::Failed => Explanation::new(
            "L04",
            error.to_string(),
            remote::told(source),
            "check the folder's rights, the disk and the network; then try again",
        ),
    }
}
