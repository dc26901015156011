//! The command line: what each command is for, what it takes, how it is used.
//!
//! Help teaches: each command opens with what it does, and ends with an example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use marsad_terms::Language;

mod custodian;
mod ledger;

pub(crate) use custodian::{
    BatchCommand, ExtractCommand, KeysCommand, LandArgs, LandCommand, PersonCommand, RetentionCommand,
    RotatableKey,
};
pub(crate) use ledger::{LedgerCommand, LogArgs};

/// Statistics of a protection programme, published so that they expose nobody.
///
/// Case extracts are landed under pseudonyms; statistics in SQL are added up person by person; noise that is paid from
/// a privacy budget protects them; stewards approve by signature; the bundle can be verified by anyone.
#[derive(Debug, Parser)]
#[command(
    name = "marsad",
    version,
    max_term_width = 100,
    after_help = "Start here:\n  marsad demo        the whole way on a fictitious programme\n  marsad init DIR    a workspace of your own"
)]
pub(crate) struct Cli {
    /// One JSON document on the last line of the output, instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// The workspace: a folder with marsad.toml; else it is looked for from here upwards
    #[arg(long, global = true, env = "MARSAD_WORKSPACE", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub workspace: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Go the whole way on a fictitious programme: simulate, land, plan, approve, run, publish, verify
    #[command(after_help = "Example:\n  marsad demo --dir /tmp/demo --scale 0.1")]
    Demo(DemoArgs),
    /// Make a workspace: marsad.toml, schemas/, queries/, purposes.toml
    #[command(after_help = "Example:\n  marsad init my-programme && cd my-programme && marsad keys generate")]
    Init {
        /// Where; an existing file is never overwritten
        #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
    /// The keys of pseudonyms, selection, landing and custody; SSH keys for signing
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Who may do what, and how much privacy loss the programme may ever spend
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// The settings in force, and where each comes from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check a case extract before it is landed
    #[command(subcommand)]
    Extract(ExtractCommand),
    /// Land case extracts: good rows under pseudonyms, bad ones into quarantine with their reason
    #[command(
        after_help = "Example:\n  marsad land tanger_2024q4.csv --as partner_assistance\n  marsad land tanger_corrected.csv --as partner_assistance --corrects 1f0c"
    )]
    Land(LandCommand),
    /// The landed batches (the custodian's view)
    #[command(subcommand)]
    Batch(BatchCommand),
    /// What a person may ask for: access, erasure; and the queue of requests
    #[command(subcommand)]
    Person(PersonCommand),
    /// How long rows are kept, and taking out those whose time is over
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Statistics: one SQL statement and a few public facts each
    #[command(subcommand)]
    Query(QueryCommand),
    /// Releases: plan, approve, run, publish
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// What the privacy-loss budget has paid for, by scope
    #[command(after_help = "Example:\n  marsad budget --svg budget.svg")]
    Budget {
        /// Draw it into this file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        svg: Option<PathBuf>,
    },
    /// The ledger: who decided what, what it cost, what was published
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Check a published bundle: hashes, signature, totals, flags, codes
    #[command(
        after_help = "Example:\n  marsad verify releases/2024-Q4\n  marsad verify 2024-Q4 --key publisher.pub"
    )]
    Verify {
        /// The bundle's folder
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// A public key, or a file of allowed signers; default: the workspace's `allowed_signers`
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: Option<PathBuf>,
    },
    /// Write a large fictitious extract that `land` reads, and the truth behind it
    #[command(
        after_help = "Example:\n  marsad simulate --rows 10000000 --out big && marsad land big/*.csv --as partner_assistance"
    )]
    Simulate {
        /// How many records
        #[arg(long, value_name = "N")]
        rows: u64,
        /// Folder to write into
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        out: PathBuf,
        /// The same number gives the same files
        #[arg(long, default_value_t = 7)]
        seed: u64,
    },
    /// Audit this very build: does its noise hide one person as well as it claims, do its intervals cover
    ///
    /// Fictitious people are released 40 000 times, with and without the one who counts most, and told apart as well as
    /// anybody could. It needs no workspace, reads no data and spends no budget; under a minute on two cores.
    #[command(after_help = "Example:\n  marsad audit\n  marsad audit --json")]
    Audit,
    /// Shell completions on stdout
    #[command(
        after_help = "Example:\n  marsad completions bash > ~/.local/share/bash-completion/completions/marsad"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Manual pages into a folder
    #[command(after_help = "Example:\n  marsad man ~/.local/share/man/man1")]
    Man {
        /// The folder
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

/// `demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the demo's workspace is made
    #[arg(long, default_value = "marsad-demo", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Fixes people and extracts, never keys or noise
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Size of the programme, 1 for the real plan's
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// Remove an earlier demo in that folder first
    #[arg(long)]
    pub force: bool,
}

/// `policy`
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// The draft in marsad.toml beside the ledger's policy
    #[command(after_help = "Example:\n  marsad policy show")]
    Show,
    /// Sign the draft and append it to the ledger; the first time it founds the ledger
    #[command(after_help = "Example:\n  marsad policy set --key keys/officer")]
    Set {
        /// SSH private key of a privacy officer, or a public one whose private half ssh-agent holds
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: Option<PathBuf>,
    },
}

/// A signing key.
#[derive(Debug, Args)]
pub(crate) struct KeyArg {
    /// SSH private key, or a public one whose private half ssh-agent holds; default: `signing` in marsad.toml
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
}

/// `config`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each setting in force, and whether marsad.toml or a default gives it
    #[command(after_help = "Example:\n  marsad config show")]
    Show,
}

/// `query`
#[derive(Debug, Subcommand)]
pub(crate) enum QueryCommand {
    /// All statistics of the workspace
    #[command(after_help = "Example:\n  marsad query list")]
    List,
    /// One statistic: its SQL, its bound, its tables
    #[command(
        after_help = "Example:\n  marsad query show assisted_persons\n  marsad query show assisted_persons --plan"
    )]
    Show {
        /// The statistic
        id: String,
        /// Also how the plan keeps the person, and the physical plan over what has landed
        #[arg(long)]
        plan: bool,
    },
    /// Write a new statistic to start from: queries/ID.sql and queries/ID.toml
    #[command(after_help = "Example:\n  marsad query new my_statistic && marsad query check my_statistic")]
    New {
        /// Its id: lower-case letters, digits and `_`
        id: String,
    },
    /// Judge a statement: accepted with its tables, or refused with reasons and what to write instead
    #[command(
        after_help = "Example:\n  marsad query check assisted_persons --rho 0.01\n  marsad query check draft.sql\n  marsad query check services_delivered --bounds --release 2024-Q4"
    )]
    Check {
        /// A statistic of the workspace, or a .sql file
        #[arg(value_name = "ID_OR_FILE")]
        target: String,
        #[command(flatten)]
        wish: WishArgs,
        #[command(flatten)]
        bounds: BoundsArgs,
    },
}

/// `query check --bounds`
#[derive(Debug, Args)]
pub(crate) struct BoundsArgs {
    /// Choose C² or k instead: rehearse a ladder of constants on a simulated programme, never on records
    #[arg(long)]
    pub bounds: bool,
    /// Weigh the constant beside the other statistics of this release, at its ρ
    #[arg(long, value_name = "RELEASE", requires = "bounds")]
    pub release: Option<String>,
    /// The same number gives the same fictitious people
    #[arg(long, default_value_t = 7, requires = "bounds")]
    pub seed: u64,
    /// Size of the simulated programme, 1 for the real plan's; what is left out is told for the plan's size
    #[arg(long, default_value_t = 0.2, requires = "bounds")]
    pub scale: f64,
}

/// A price, or a margin that a price is found for.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct WishArgs {
    /// Privacy cost, such as 0.04
    #[arg(long, value_name = "R")]
    pub rho: Option<String>,
    /// Wanted margin of a table, such as assisted_persons/quarter,region=17
    #[arg(long, value_name = "TABLE=N")]
    pub margin: Vec<String>,
}

/// `release`
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Write the definition of a new release like an old one, its periods moved by one
    #[command(after_help = "Example:\n  marsad release new 2025-Q1 --like plan-quarter")]
    New {
        /// The new id
        id: String,
        /// The release to start from
        #[arg(long, value_name = "OLD")]
        like: String,
    },
    /// Propose a release: cost, margins, overlap, checklist; signed by its author
    #[command(after_help = "Example:\n  marsad release plan 2024-Q4 --rho 0.05")]
    Plan {
        /// The release
        id: String,
        #[command(flatten)]
        wish: WishArgs,
        #[command(flatten)]
        key: KeyArg,
    },
    /// All releases: what is defined, proposed, published
    #[command(after_help = "Example:\n  marsad release list")]
    List,
    /// A proposal: why, what, cost, margins, what it tells with earlier releases, checklist, approvals
    #[command(
        after_help = "Example:\n  marsad release show 2024-Q4\n  marsad release show 2024-Q4 --statistic assisted_persons\n  marsad release show 2024-Q4 --html proposal.html\n  marsad release show 2024-Q4 --answers answers.toml --language fr"
    )]
    Show {
        /// A release, or the first four or more digits of a proposal
        id: String,
        /// Write it as one page in French, Arabic and English that needs no network
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        html: Option<PathBuf>,
        /// Write what an approver is asked, with its evidence, as a new file to fill in for --confirm-file
        #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath, conflicts_with_all = ["html", "full", "statistic"])]
        answers: Option<PathBuf>,
        /// All tables, prices, differences and the whole checklist, instead of one screen
        #[arg(long)]
        full: bool,
        /// One statistic alone, with all of its tables
        #[arg(long, value_name = "ID", conflicts_with_all = ["full", "html"])]
        statistic: Option<String>,
        /// Of the sentences and the evidence: fr, ar, en [default: en where the workspace publishes in it]
        #[arg(long, value_name = "LANGUAGE")]
        language: Option<Language>,
    },
    /// What differs between two proposals
    #[command(after_help = "Example:\n  marsad release diff 2024-Q3 2024-Q4")]
    Diff {
        /// The one
        a: String,
        /// The other
        b: String,
    },
    /// The bytes that an approver signs, to sign them elsewhere
    #[command(
        after_help = "Example:\n  marsad release statement 2024-Q4 --confirm-file answers.toml > statement\n  ssh-keygen -Y sign -f key -n marsad-approval statement"
    )]
    Statement {
        /// A release, or the first digits of a proposal
        id: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
        /// The statement of a rejection instead, with why
        #[arg(long, value_name = "REASON", conflicts_with_all = ["confirm", "confirm_file"])]
        reject: Option<String>,
    },
    /// Approve a proposal by signature, each item of the checklist answered
    #[command(
        after_help = "On a terminal, without --confirm and --confirm-file, the items are asked one by one.\n\nExample:\n  marsad release approve 2024-Q4 --key ~/.ssh/id_ed25519 --language fr\n  marsad release approve 2024-Q4 --key ~/.ssh/id_ed25519_sk.pub --confirm-file answers.toml"
    )]
    Approve {
        /// A release, or the first digits of a proposal
        id: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
        #[command(flatten)]
        key: KeyArg,
        /// A signature made elsewhere over `release statement`, instead of --key
        #[arg(long, value_name = "FILE", conflicts_with = "key", value_hint = ValueHint::FilePath)]
        signature: Option<PathBuf>,
        /// Of the questions and the evidence: fr, ar, en [default: en where the workspace publishes in it]
        #[arg(long, value_name = "LANGUAGE")]
        language: Option<Language>,
    },
    /// Reject a proposal by signature
    #[command(
        after_help = "Example:\n  marsad release reject 2024-Q4 --reason \"the age bands are finer than agreed\" --key keys/steward"
    )]
    Reject {
        /// A release, or the first digits of a proposal
        id: String,
        /// Why, in words for its author
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        key: KeyArg,
        /// A signature made elsewhere over `release statement --reject REASON`, instead of --key
        #[arg(long, value_name = "FILE", conflicts_with = "key", value_hint = ValueHint::FilePath)]
        signature: Option<PathBuf>,
    },
    /// Reserve the cost, add up, draw the noise once, store the result
    #[command(
        after_help = "Example:\n  marsad release run 2024-Q4\n  marsad release run 2024-Q4 --yes --json"
    )]
    Run {
        /// A release, or the first digits of a proposal
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Time and memory by step, to two digits, on this terminal only
        #[arg(long)]
        stats: bool,
    },
    /// Build the bundle, verify it, sign it, publish it
    #[command(
        after_help = "Example:\n  marsad release publish 2024-Q4 --key keys/publisher\n  marsad release publish --series assisted_persons --to assisted_persons.csv"
    )]
    Publish {
        /// A release, or the first digits of a proposal
        #[arg(required_unless_present = "series")]
        id: Option<String>,
        #[command(flatten)]
        key: KeyArg,
        /// Write a dataflow of all published releases in one file instead, such as assisted_persons
        #[arg(long, value_name = "DATAFLOW", conflicts_with_all = ["id", "key"], requires = "to")]
        series: Option<String>,
        /// Where the series goes: SDMX-CSV, or SDMX-ML with its structure beside where it ends in .xml
        #[arg(long, value_name = "FILE", requires = "series", value_hint = ValueHint::FilePath)]
        to: Option<PathBuf>,
    },
    /// Print the report of a published release, or of any bundle, as PDF: by Chromium, without network
    #[command(
        after_help = "Example:\n  marsad release pdf 2024-Q4 --to report.pdf\n  marsad release pdf downloads/2024-Q4 --to report-ar.pdf --language ar"
    )]
    Pdf(PdfArgs),
    /// Record that a recipient was served with a published release
    #[command(
        after_help = "Example:\n  marsad release transfer 2024-Q4 --to ONM --channel \"by courier, encrypted\""
    )]
    Transfer {
        /// A release
        id: String,
        /// A recipient of `[recipients]` in marsad.toml, or `public`
        #[arg(long, value_name = "NAME")]
        to: String,
        /// How it got the bundle [default: the recipient's channel]
        #[arg(long, value_name = "TEXT")]
        channel: Option<String>,
        /// The day, from publication to today [default: today]
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<chrono::NaiveDate>,
        #[command(flatten)]
        key: KeyArg,
    },
    /// End runs that were cut off on a machine that is gone: released where their result is whole, else forfeited
    #[command(
        after_help = "A run of this installation is ended by any release command; this ends those of others too.\n\nExample:\n  marsad release recover"
    )]
    Recover {
        /// Do not ask whether none is alive; needed where no terminal is
        #[arg(long)]
        yes: bool,
    },
    /// Take a release back: a tombstone with the reason takes its place; again, what was cut off is completed
    #[command(
        after_help = "Publish a revision first (`replaces` in its definition) and the tombstone names it.\n\nExample:\n  marsad release withdraw 2024-Q4 --reason-file why.toml"
    )]
    Withdraw {
        /// A release
        id: String,
        /// TOML with `fr`, `ar`, `en`: why
        #[arg(long, value_name = "F.toml", value_hint = ValueHint::FilePath)]
        reason_file: PathBuf,
        #[command(flatten)]
        key: KeyArg,
        /// Do not ask; needed where no terminal is
        #[arg(long)]
        yes: bool,
    },
}

/// `release pdf`
#[derive(Debug, Args)]
pub(crate) struct PdfArgs {
    /// A release of this workspace, or the folder of a bundle
    #[arg(value_name = "ID|DIR")]
    pub of: String,
    /// Where the PDF goes; what stands there is replaced
    #[arg(long, value_name = "FILE.pdf", value_hint = ValueHint::FilePath)]
    pub to: PathBuf,
    /// Of the report: fr, ar, en
    #[arg(long, value_name = "LANGUAGE", default_value = "fr")]
    pub language: Language,
    /// How long the browser may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub timeout: u64,
}

/// Answers to the checklist.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// An answer, such as C05="constants from the simulator"
    #[arg(long, value_name = "ITEM=TEXT")]
    pub confirm: Vec<String>,
    /// A TOML file with one line an item; `release show --answers` drafts one
    #[arg(long, value_name = "F.toml", value_hint = ValueHint::FilePath)]
    pub confirm_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
