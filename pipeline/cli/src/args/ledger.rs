//! The ledger's commands: replaying it, reading it, signing its head.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::KeyArg;

/// `ledger`
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Replay everything: chain, signatures, authority, budget, published bundles
    #[command(
        after_help = "Example:\n  marsad ledger verify\n  marsad ledger verify --from kept/checkpoint.json"
    )]
    Verify {
        /// Read each entry from its own object, and compare the segments with them
        #[arg(long)]
        each: bool,
        /// A checkpoint that was kept elsewhere, with its signature in FILE.sig: the ledger must extend it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        from: Vec<PathBuf>,
    },
    /// List entries: when, what, which release, signed by whom; landing's own entries between them where they are readable
    #[command(
        after_help = "Example:\n  marsad ledger log --release 2024-Q4\n  marsad ledger log --person nadia --period 2026-Q4\n  marsad ledger log --kind policy --jsonl policy.jsonl"
    )]
    Log(LogArgs),
    /// Sign the head, for outside hands
    #[command(
        after_help = "Example:\n  marsad ledger checkpoint\n  marsad ledger checkpoint --since kept/checkpoint.json --proof proof.jsonl"
    )]
    Checkpoint {
        #[command(flatten)]
        key: KeyArg,
        /// An earlier checkpoint, to prove that the new one extends it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "proof")]
        since: Option<PathBuf>,
        /// Where to write that proof: the entries from the earlier checkpoint on, one a line
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "since")]
        proof: Option<PathBuf>,
    },
}

/// `ledger log`
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Only what this person signed, or landed as custodian
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
    /// Only what is about this release
    #[arg(long, value_name = "ID")]
    pub release: Option<String>,
    /// Only what was written then (UTC): 2026, 2026-Q4, 2026-11, 2026-11-15 or 2026-11-01..2026-11-15
    #[arg(long, value_name = "WHEN")]
    pub period: Option<String>,
    /// Only this kind, such as approved, reserved, policy, batch; may be given several times
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,
    /// Write the entries, one JSON object a line, into this file; `-` is stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub jsonl: Option<PathBuf>,
    /// Write a page for readers into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Let entries of the landing stores into written files too: they are the custodian's
    #[arg(long)]
    pub custody: bool,
}
