//! The question before an act that cannot be undone: on a terminal it is asked, elsewhere `--yes` must be given.

use std::io::{IsTerminal, Write};

use super::release::is_yes;
use crate::report::Failure;

/// What is confirmed, and what has not happened where it is not.
pub(super) struct Act {
    what: &'static str,
    left: &'static str,
}

/// Something goes, and no backup brings it back.
pub(super) const DESTROYS: Act = Act { what: "what goes for good", left: "nothing was changed" };
/// Budget is charged, and never comes back.
pub(super) const SPENDS: Act = Act { what: "the cost", left: "nothing was reserved" };

/// What others may be working on is ended.
pub(super) const ENDS: Act = Act { what: "that no run is alive", left: "nothing was changed" };

const WHY: &str = "what is done then cannot be undone";

/// Goes on only where `yes` was given, or where somebody at a terminal says so.
///
/// # Errors
/// Nobody is there to ask, or says no: nothing has happened.
pub(super) fn confirm(act: &Act, question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let what = format!("nobody is here to confirm {}", act.what);
        return Err(Failure::refused(what, WHY, "give --yes"));
    }
    let mut out = std::io::stderr();
    let _ = write!(out, "{question} [y/N] ");
    let _ = out.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match read.is_ok() && is_yes(&answer) {
        true => Ok(()),
        false => {
            Err(Failure::refused(format!("not confirmed; {}", act.left), WHY, "answer `y`, or give --yes"))
        }
    }
}
