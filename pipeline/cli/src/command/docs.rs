//! `completions`, `man`: made from the same description as `--help`.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::args::Cli;
use crate::report::{Failure, Report};

/// Shell completions on stdout.
pub(super) fn completions(shell: Shell) -> Report {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "marsad", &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = json!({"shell": shell.to_string(), "script": text});
    Report::new(text, json)
}

/// One page a command.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn man(dir: &Path) -> Result<Report, Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::file(dir, "be made", &error))?;
    clap_mangen::generate_to(Cli::command(), dir)
        .map_err(|error| Failure::file(dir, "be written", &error))?;
    let text = format!(
        "manual pages are in {}; read one with `man -l {}`",
        dir.display(),
        dir.join("marsad.1").display()
    );
    Ok(Report::new(text, json!({"dir": dir})))
}
