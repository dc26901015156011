//! What can go wrong: with a file, a key, a store. Never a cell's value.

use std::path::PathBuf;

use marsad_terms::{BatchId, Explain, Explanation, RecordTypeId};

use crate::refusal::{Refusal, refused, summary};

/// The result of this room's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The file, a key or a store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read as its mapping says. `land` names the first refusal, `check` all.
    #[error("{}", summary(refusals))]
    Refused {
        /// The file.
        file: PathBuf,
        /// At least one.
        refusals: Vec<Refusal>,
    },
    /// No mapping of that name.
    #[error("there is no mapping `{name}`")]
    UnknownMapping {
        /// As written.
        name: String,
        /// What to write instead.
        remedy: String,
    },
    /// The mapping does not fit its record type or code lists.
    #[error("mapping `{mapping}`: {what}")]
    Definition {
        /// The mapping.
        mapping: String,
        /// What does not fit.
        what: String,
    },
    /// The file cannot be opened or read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A temporary file of packed records cannot be written or read.
    #[error("the records of the extract cannot be put aside")]
    Spill {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file changed between two looks.
    #[error("{} changed while it was read", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
    /// A key is neither in its file nor in the environment.
    #[error("the key `{name}` is missing")]
    KeyMissing {
        /// The key.
        name: &'static str,
        /// Where its file would be.
        path: PathBuf,
    },
    /// Others can read a key's file, or list the folder.
    #[error("others than its owner may use {} (mode {mode:04o})", path.display())]
    KeyMode {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key is not 64 hexadecimal digits.
    #[error("the key `{name}` is not 32 bytes in hexadecimal digits")]
    KeyMalformed {
        /// The key.
        name: &'static str,
        /// Where it stands: a path or a variable.
        place: String,
    },
    /// Two keys are the same.
    #[error("the keys `{first}` and `{second}` are equal")]
    KeysEqual {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A key exists already and is never overwritten.
    #[error("{} exists already", path.display())]
    KeyExists {
        /// The file.
        path: PathBuf,
    },
    /// Others can read a file of identifiers.
    #[error("others than its owner may read {} (mode {mode:04o})", file.display())]
    PersonsMode {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line of a file of identifiers is none that a mapping reads.
    #[error("line {line} of {} is no identifier that a mapping of its scheme reads", file.display())]
    Persons {
        /// The file.
        file: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// The schemes of all mappings.
        schemes: Vec<String>,
    },
    /// A file of identifiers has none.
    #[error("{} names nobody", file.display())]
    NoPersons {
        /// The file.
        file: PathBuf,
    },
    /// A key's file cannot be read or written.
    #[error("cannot use {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The key is not the one that the store's first entry names.
    #[error("the key `{name}` is not the one that this store was begun with")]
    OtherKey {
        /// The key.
        name: String,
        /// The store.
        store: String,
    },
    /// The store has another number of buckets than the settings say.
    #[error("the store holds 2^{stored} buckets, the settings say 2^{configured}")]
    Buckets {
        /// As landed.
        stored: u8,
        /// As configured.
        configured: u8,
    },
    /// A batch landed otherwise than its record type says now.
    #[error("batch {batch} landed {landed}, and its record type `{record_type}` now lands {wanted}")]
    KeySpace {
        /// The batch.
        batch: BatchId,
        /// Its record type.
        record_type: RecordTypeId,
        /// In words.
        landed: &'static str,
        /// In words.
        wanted: &'static str,
    },
    /// An entry of the custody log cannot be understood.
    #[error("entry {sequence} of the custody log cannot be understood")]
    Custody {
        /// Its number.
        sequence: u64,
        /// The kind of entry.
        kind: String,
    },
    /// A file that the custody log names is not there, or has other bytes.
    #[error("the landed file `{path}` is {how}")]
    Damaged {
        /// Its name in the store.
        path: String,
        /// `missing`, `changed`, `unreadable`, `without its key`, `under another key`.
        how: &'static str,
    },
    /// The custody logs are not those that a run read, nor later ones.
    #[error("the custody logs are older than what the last run read")]
    CutBack,
    /// A step of a first-time series cannot be closed with these entries, or the record type has none.
    #[error("the register of a first-time series: {what}")]
    Register {
        /// What does not fit, never who.
        what: &'static str,
    },
    /// Parquet refused to write.
    #[error("cannot write Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Arrow refused a column.
    #[error("cannot lay out a column")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The store or its log failed.
    #[error(transparent)]
    Log(Box<marsad_log::Error>),
    /// A custodian's act on what landed cannot be done.
    #[error(transparent)]
    Act(#[from] crate::ActError),
    /// A data key cannot be wrapped.
    #[error("a data key cannot be wrapped")]
    Sealing,
    /// The system has no randomness to give.
    #[error("the system gives no randomness")]
    Randomness,
}

impl From<marsad_log::Error> for Error {
    fn from(error: marsad_log::Error) -> Self {
        Self::Log(Box::new(error))
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        let what = self.to_string();
        let say = |code: &str, why: &str, remedy: &str| Explanation::new(code, &what, why, remedy);
        match self {
            Self::Refused { file, refusals } => refused(&what, refusals).at(file.display().to_string()),
            Self::Log(source) => source.explain(),
            Self::Act(source) => source.explain(),
            Self::UnknownMapping { remedy, .. } => {
                say("D01", "mappings are the files in schemas/mappings", remedy).at("schemas/mappings/")
            }
            Self::Definition { mapping, .. } => say(
                "D03",
                "a mapping must fill every column of its record type by codes that exist",
                "correct the mapping",
            )
            .at(format!("schemas/mappings/{mapping}.toml")),
            Self::Read { file, source } => say("D04", &source.to_string(), "check the path and its rights")
                .at(file.display().to_string()),
            Self::Changed { file } => say(
                "D05",
                "its content at the end is not what was checked against earlier landings",
                "wait until it is written, then land it again",
            )
            .at(file.display().to_string()),
            Self::Spill { source } => say(
                "D14",
                &source.to_string(),
                "make room in the folder for temporary files, or name another in TMPDIR; nothing was landed",
            ),
            Self::Buckets { .. } => say(
                "D06",
                "the number of buckets is fixed by the first batch",
                "set bucket_bits under [landing] in marsad.toml back",
            ),
            Self::KeySpace { record_type, .. } => say(
                "D16",
                "each key space has pseudonyms of its own: a person would be counted twice, or without protection",
                "set `subject` and `key_space` back; or `marsad batch retract` it, and land its extract again",
            )
            .at(format!("schemas/record_types/{record_type}.toml")),
            Self::Custody { .. } | Self::Damaged { .. } | Self::CutBack => of_custody(self, &what),
            Self::Randomness => {
                say("D10", "identifiers of batches and keys are drawn at random", "check the system")
            }
            other => of_marsad(other, &what),
        }
    }
}

/// What the custody log says, and is not so.
fn of_custody(error: &Error, what: &str) -> Explanation {
    let say = |code: &str, why: &str, remedy: &str| Explanation::new(code, what, why, remedy);
    match error {
        Error::Custody { sequence, kind } => say(
            "D07",
            &format!("its kind is `{}`", kind.escape_debug()),
            "use the version of marsad that wrote it, or a later one",
        )
        .at(format!("custody log, entry {sequence}")),
        Error::Damaged { path, .. } => say(
            "D08",
            "the custody log names every landed file with the hash of its bytes; it opens at its own place and under its own key",
            "restore the file from a backup, or its key; if rows were to be destroyed, see the custody log",
        )
        .at(path),
        Error::CutBack => say(
            "D49",
            "the ledger's last run committed to entries that are not there: registers of first-time series and the list of erased persons would be those of an older day",
            "restore `_log` of the landing stores, and what it names, from the newest backup; where there is none left, begin a workspace whose caps are what is left here",
        ),
        other => of_marsad(other, what),
    }
}

/// What ought not to happen.
fn of_marsad(error: &Error, what: &str) -> Explanation {
    let fault = |code: &str, why: &str| Explanation::new(code, what, why, "report this as a fault of marsad");
    match error {
        Error::Parquet(source) => fault("D09", &source.to_string()),
        Error::Arrow(source) => fault("D09", &source.to_string()),
        Error::Sealing => fault("D09", "AES-256-GCM refused a key of 32 bytes"),
        Error::Register { .. } => {
            fault("D11", "each person enters a series once, at one step; nothing was written")
        }
        other => of_secrets(other, what),
    }
}

/// Keys, and files of identifiers.
fn of_secrets(error: &Error, what: &str) -> Explanation {
    let say = |code: &str, why: &str, remedy: &str| Explanation::new(code, what, why, remedy);
    match error {
        Error::KeyMissing { name, path } => say(
            "D20",
            "without it no record can be landed or found again",
            &format!(
                "run `marsad keys generate` in a new workspace, else put the file back or set {}",
                variable(name)
            ),
        )
        .at(path.display().to_string()),
        Error::KeyMode { path, .. } => say(
            "D21",
            "a key that others can read protects nobody",
            "chmod 600 the key's file, chmod 700 its folder; if others may have read it, rotate the keys",
        )
        .at(path.display().to_string()),
        Error::KeyMalformed { place, .. } => {
            say("D22", "a key is 64 hexadecimal digits on one line", "put the right file back").at(place)
        }
        Error::KeysEqual { .. } => say(
            "D23",
            "each key guards another thing; one that does two jobs gives one away with the other",
            "put the right file back",
        )
        .at("keys/"),
        Error::KeyExists { path } => {
            say("D24", "a key that is overwritten is lost with all it opens", "use the keys that are there")
                .at(path.display().to_string())
        }
        Error::KeyFile { path, source } => {
            say("D25", &source.to_string(), "check the path and its rights").at(path.display().to_string())
        }
        Error::OtherKey { store, .. } => say(
            "D26",
            "records under two keys could not be recognised as one person's; nothing was written",
            "use the keys that this store was begun with; if one was rotated since, the new one, and where a rotation was cut off run `marsad keys rotate` again",
        )
        .at(store),
        Error::PersonsMode { file, .. } => {
            say("D12", "it names persons who are in the data", "chmod 600 the file")
                .at(file.display().to_string())
        }
        Error::Persons { file, line, schemes } => say(
            "D13",
            "a person is named by scheme and number, one a line; each is read as the mappings of its scheme read an extract, and none of them takes this one",
            &format!("write SCHEME:NUMBER, the number as the extract has it and the scheme of that extract: {}", schemes.join("; ")),
        )
        .at(format!("{}:{line}", file.display())),
        Error::NoPersons { file } => {
            say("D15", "it holds no line but empty ones", "write one identifier a line, such as partner:P-00017")
                .at(file.display().to_string())
        }
        _ => say("D00", "", ""),
    }
}

/// The variable of the environment that holds a key.
pub fn variable(name: &str) -> String {
    format!("MARSAD_KEY_{}", name.to_ascii_uppercase().replace('-', "_"))
}
