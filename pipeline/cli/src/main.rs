//! The `marsad` command.

mod args;
mod command;
mod progress;
mod report;
mod settings;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let as_json = cli.json;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(command::run(cli))),
        Err(error) => Err(report::Failure::file(std::path::Path::new("the runtime"), "start", &error)),
    };
    ExitCode::from(report::finish(outcome, as_json))
}
