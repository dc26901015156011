//! The `marsad` command.

mod args;
mod browser;
mod command;
mod panics;
mod progress;
mod report;
mod settings;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;

fn main() -> ExitCode {
    panics::silence();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let as_json = cli.json;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => panics::guarded(|| runtime.block_on(Box::pin(command::run(cli)))),
        Err(error) => Err(report::Failure::file(std::path::Path::new("the runtime"), "start", &error)),
    };
    ExitCode::from(report::finish(outcome, as_json))
}

/// Help, or wrong usage: told by clap, and as a document where one was asked for.
fn misused(error: &clap::Error) -> ExitCode {
    let as_json = std::env::args_os().any(|argument| argument == "--json");
    if !(as_json && error.use_stderr()) {
        error.exit();
    }
    let told = error.to_string();
    let mut lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
    let tip = lines.clone().find_map(|line| line.strip_prefix("tip: ")).unwrap_or("see --help");
    let is_more =
        |line: &str| line.starts_with("tip: ") || line.starts_with("Usage:") || line.starts_with("For more");
    let what: Vec<&str> = lines.by_ref().take_while(|line| !is_more(line)).collect();
    let what = what.join(" ");
    let failure = report::Failure::usage(what.trim_start_matches("error: "), tip);
    ExitCode::from(report::finish(Err(failure), true))
}
