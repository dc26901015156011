//! One file a command; each gives a [`Report`], so that the demo can call what a user would.

mod audit;
mod batch;
mod bounds;
mod budget;
mod confirm;
mod demo;
mod docs;
mod extract;
mod init;
mod keys;
mod land;
mod ledger;
mod notice;
mod person;
mod policy;
mod query;
mod release;
mod retention;
mod simulate;
mod verify;

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use marsad_terms::Explanation;

use crate::args::{Cli, Command, ConfigCommand, ReleaseCommand};
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Whether a command may draw bars and print while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quiet(pub bool);

/// Runs one command.
///
/// # Errors
/// Whatever stops it, explained.
pub(crate) async fn run(cli: Cli) -> Result<Report, Failure> {
    let quiet = Quiet(cli.json);
    let given = cli.workspace.as_deref();
    let open = || Workspace::open(given);
    match cli.command {
        Command::Demo(args) => Box::pin(demo::run(&args, quiet)).await,
        Command::Init { dir } => init::run(&dir),
        Command::Keys(command) => keys::run(&open()?, &command, quiet).await,
        Command::Policy(command) => policy::run(&open()?, &command).await,
        Command::Config(ConfigCommand::Show) => Ok(init::config(&open()?)),
        Command::Extract(command) => extract::run(&open()?, &command, quiet).await,
        Command::Land(command) => land::run(&open()?, &command, quiet).await,
        Command::Batch(command) => batch::run(&open()?, &command, quiet).await,
        Command::Person(command) => person::run(&open()?, &command).await,
        Command::Retention(command) => retention::run(&open()?, &command, quiet).await,
        Command::Query(command) => query::run(&open()?, &command, quiet).await,
        // A bundle is printed without the workspace that made it.
        Command::Release(ReleaseCommand::Pdf(args)) => release::print(given, &args).await,
        Command::Release(command) => Box::pin(release::run(&open()?, &command, quiet)).await,
        Command::Budget { svg } => budget::run(&open()?, svg.as_deref()).await,
        Command::Ledger(command) => ledger::run(&open()?, &command).await,
        Command::Verify { dir, key } => verify::run(given, &dir, key.as_deref()),
        Command::Simulate { rows, out, seed } => simulate::run(rows, &out, seed, quiet),
        Command::Audit => audit::run(open().ok().as_ref(), quiet),
        Command::Completions { shell } => Ok(docs::completions(shell)),
        Command::Man { dir } => docs::man(&dir),
    }
}

/// Writes a draft that a person edits; what is there already stays, for the reason given, and another name or id is to be chosen.
fn write_new(path: &Path, text: &str, (other, why): (&str, &str)) -> Result<(), Failure> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        if error.kind() != ErrorKind::AlreadyExists {
            return Failure::file(path, "be written", &error);
        }
        let what = format!("{} exists", path.display());
        let remedy = format!("choose another {other}, or edit that file");
        Failure::new(Explanation::new("W08", what, why, remedy))
    })
}
