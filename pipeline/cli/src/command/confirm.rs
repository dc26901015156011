//! The question before an act that cannot be undone: on a terminal it is asked, elsewhere `--yes` must be given.

use std::io::{IsTerminal, Write};

use super::release::is_yes;
use crate::report::Failure;

/// Goes on only where `yes` was given, or where somebody at a terminal says so.
///
/// # Errors
/// Nobody is there to ask, or says no: nothing has happened.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is here to confirm what goes for good", "give --yes"));
    }
    let mut out = std::io::stderr();
    let _ = write!(out, "{question} [y/N] ");
    let _ = out.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match read.is_ok() && is_yes(&answer) {
        true => Ok(()),
        false => Err(Failure::usage("not confirmed; nothing was changed", "answer `y`, or give --yes")),
    }
}
