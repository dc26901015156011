//! The custodian's commands: keys, extracts, batches, persons, retention.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use marsad_landing::RequestKind;
use marsad_terms::RecordTypeId;

use crate::report::Failure;

/// `keys`
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make the six secret keys of the workspace; with --signing an SSH key to sign with
    #[command(after_help = "Example:\n  marsad keys generate\n  marsad keys generate --signing analyst")]
    Generate {
        /// Make keys/NAME and keys/NAME.pub instead (ed25519)
        #[arg(long, value_name = "NAME")]
        signing: Option<String>,
    },
    /// Put a new key in the place of an old one: of a landing key every data key is wrapped anew, no row is read; of a key of
    /// pseudonyms every landed file is written anew, no identifier is needed
    #[command(
        after_help = "After a crash the same command goes on. The file of a key of pseudonyms keeps the keys before it, a line each: \
                      extracts to come go through all of them. Not while a release runs.\n\n\
                      Example:\n  marsad keys rotate landing\n  marsad keys rotate pseudonym"
    )]
    Rotate {
        /// The key
        key: RotatableKey,
    },
    /// Which keys there are; never what they are
    #[command(after_help = "Example:\n  marsad keys list")]
    List,
}

/// The keys that can be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RotatableKey {
    Landing,
    RestrictedLanding,
    Pseudonym,
    RestrictedPseudonym,
}

/// `extract`
#[derive(Debug, Subcommand)]
pub(crate) enum ExtractCommand {
    /// Say what `land` would do, column by column, without landing anything
    #[command(
        after_help = "For each column: how many cells pass, what their spellings become, which lines fail and why. Never a cell: only spellings that a code list or the mapping declares, and unknown ones that at least ten records share.\n\nExample:\n  marsad extract check tanger_2024q4.csv --as partner_assistance\n  marsad extract check registrations.xlsx --as progres_registration --json"
    )]
    Check(LandCommand),
    /// Draft a mapping from a file: record type, encoding, dates, roles of columns, by evidence
    #[command(
        after_help = "It prints the draft, or writes schemas/mappings/NAME.toml. Headers and shares are told, of values only frequent short codes. Columns that look as if they identified somebody are dropped; what was not found is asked for, and nothing lands before.\n\nExample:\n  marsad extract scaffold new_partner.xlsx\n  marsad extract scaffold new_partner.xlsx --as new_partner"
    )]
    Scaffold {
        /// The extract
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Write it as this mapping of the workspace; an existing one is never overwritten
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
}

/// `land`, `extract check`
#[derive(Debug, Args)]
pub(crate) struct LandArgs {
    /// The extracts
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The mapping that reads them: a file of schemas/mappings, without `.toml`
    #[arg(long = "as", value_name = "MAPPING")]
    pub mapping: String,
}

impl LandArgs {
    /// The one extract that corrects a batch.
    ///
    /// # Errors
    /// Several.
    pub(crate) fn one(&self) -> Result<&Path, Failure> {
        match self.files.as_slice() {
            [file] => Ok(file),
            _ => Err(Failure::usage("--corrects takes one extract", "correct one batch at a time")),
        }
    }
}

/// `land`, `extract check`
#[derive(Debug, Args)]
pub(crate) struct LandCommand {
    #[command(flatten)]
    pub extracts: LandArgs,
    /// The one extract is a corrected one and takes the place of this batch, whose rows go; not while a release runs
    #[arg(long, value_name = "BATCH")]
    pub corrects: Option<String>,
}

/// `batch`
#[derive(Debug, Subcommand)]
pub(crate) enum BatchCommand {
    /// List the landed batches, and what became of them
    #[command(after_help = "Example:\n  marsad batch list")]
    List,
    /// Show one batch: when it landed, by which mapping, how many rows are left
    #[command(after_help = "Example:\n  marsad batch show 1f0c")]
    Show {
        /// Its id, or the first four or more digits
        batch: String,
    },
    /// Compare every landed file with the custody logs, and open it with its key
    #[command(
        after_help = "It reads all of both stores and changes nothing.\n\nExample:\n  marsad batch verify"
    )]
    Verify,
    /// Take a batch back for good: its rows, its quarantine, and withdrawals of consent that came with it
    #[command(
        after_help = "What was published before stays. To put a corrected extract in its place, use `land --corrects`. Not while a release runs.\n\nExample:\n  marsad batch retract 1f0c --reason \"sent for another partner\""
    )]
    Retract {
        /// Its id, or the first four or more digits
        batch: String,
        /// Why, for the custody log; name nobody
        #[arg(long)]
        reason: String,
        /// Do not ask; needed where no terminal is
        #[arg(long)]
        yes: bool,
    },
    /// Put one batch in the place of several of a record type: one sorted file a bucket, which releases read faster
    #[command(
        after_help = "The batches can then no longer be told apart, retracted or corrected one by one. Not while a release runs.\n\nExample:\n  marsad batch compact assistance_service\n  marsad batch compact assistance_service 1f0c 77ab"
    )]
    Compact {
        /// The record type
        record_type: RecordTypeId,
        /// Only these, by id or first digits; else all that stand
        batches: Vec<String>,
    },
    /// Remove files that nothing names, left by commands that were cut off; others may land meanwhile
    #[command(after_help = "Example:\n  marsad batch gc")]
    Gc,
}

/// `person`
#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Erase persons from every batch and register, for good; what was published stays
    ///
    /// Only the files that hold them are written anew. Their pseudonyms go on a list, by which their records up to today are
    /// kept out of whatever lands later (R15); later records land: who comes back is registered anew. The proof is an entry
    /// of each custody log, which names nobody. Not while a release runs.
    #[command(
        after_help = "Example:\n  printf 'partner:P-00017\\n' > ids && chmod 600 ids && marsad person erase --id-file ids"
    )]
    Erase {
        /// One canonical identifier a line, such as partner:P-00017; readable by its owner alone
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        id_file: PathBuf,
        /// Do not ask; needed where no terminal is
        #[arg(long)]
        yes: bool,
    },
    /// Write all rows of a person into a file that you alone may read: CSV where its name ends so, else JSON
    ///
    /// What registers of first-time series hold stands in it, and the day of an erasure. Neither the pseudonym nor the
    /// identifier does. The custody log tells that there was an access, not whose.
    #[command(after_help = "Example:\n  marsad person export --id-file ids --out rows.json")]
    Export {
        /// One canonical identifier of the person a line; readable by its owner alone
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        id_file: PathBuf,
        /// A file that is not there yet
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
    },
    /// What persons are told before they consent, in the languages of publication: a draft for the forms of a source
    ///
    /// Out of purposes.toml, the record types and their retention; it quotes the purpose's id (law 09-08, articles 4 and 5).
    #[command(after_help = "Example:\n  marsad person notice P-2025-01")]
    Notice {
        /// One purpose; else all that read records of persons
        purpose: Option<String>,
    },
    /// Enter a request into the queue: a number and dates, never who asked
    #[command(
        after_help = "Example:\n  marsad person request erasure --received 2025-09-01 --record-type assistance_service"
    )]
    Request {
        /// What is asked for
        #[arg(value_parser = request_kind)]
        kind: RequestKind,
        /// The day it came, such as 2025-09-01; default: today (UTC)
        #[arg(long, value_name = "DATE")]
        received: Option<NaiveDate>,
        /// A record type that it concerns; may be given several times; none means all
        #[arg(long, value_name = "TYPE")]
        record_type: Vec<RecordTypeId>,
    },
    /// Note that a request was answered
    #[command(after_help = "Example:\n  marsad person answer R-2025-0007 --proof \"landing 12\"")]
    Answer {
        /// Its number
        request: String,
        /// What proves it, such as an entry of the custody log
        #[arg(long)]
        proof: Option<String>,
    },
    /// The queue: what is open and until when; exit status 1 from day 10 on and where something is overdue
    ///
    /// Ten clear days: neither the day of receipt nor the last one counts. A request warns from day 7 on.
    #[command(after_help = "Example:\n  marsad person requests || mail -s 'requests are due' officer")]
    Requests {
        /// Answered ones too
        #[arg(long)]
        all: bool,
    },
}

fn request_kind(text: &str) -> Result<RequestKind, String> {
    match text {
        "access" => Ok(RequestKind::Access),
        "rectification" => Ok(RequestKind::Rectification),
        "erasure" => Ok(RequestKind::Erasure),
        "objection" => Ok(RequestKind::Objection),
        _ => Err("write access, rectification, erasure or objection".to_owned()),
    }
}

/// `retention`
#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// How long each record type is kept, who says so, and from which month on rows stay today
    #[command(after_help = "Example:\n  marsad retention list")]
    List,
    /// Take out all rows whose time is over, for good, by the month of the event and today's date
    ///
    /// The proof is an entry of the custody log. Registers of first-time series stay: they hold no rows, and without them
    /// a person would count again. Not while a release runs.
    #[command(
        after_help = "Example:\n  marsad retention list && marsad retention run\n  marsad retention run --yes    # each month, by cron"
    )]
    Run {
        /// Do not ask; needed where no terminal is
        #[arg(long)]
        yes: bool,
    },
}
