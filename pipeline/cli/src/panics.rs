//! A panic of ours or of a library never prints what it carries, which may be a cell: only where it happened, and where to
//! report it.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, PoisonError};

use marsad_terms::Explanation;

use crate::report::{Failure, Report};

/// Where the last panic happened.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Silences panics: their place is kept, their message dropped. A panic that is caught where a file is read leaves nothing.
pub(crate) fn silence() {
    set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", in_crate(place.file()), place.line()));
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
}

/// What a command gives, or that it panicked.
pub(crate) fn guarded(command: impl FnOnce() -> Result<Report, Failure>) -> Result<Report, Failure> {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| Err(failure()))
}

fn failure() -> Failure {
    let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let remedy = format!(
        "report it at {} with this place, the command and the version, without the data; what was done before stands",
        env!("CARGO_PKG_REPOSITORY")
    );
    let why = "the program found itself in a state that it was not written for; what it held is not printed";
    let explanation = Explanation::new("W99", "marsad stopped at a fault of its own", why, remedy);
    Failure::new(explanation.at(place.unwrap_or_else(|| "an unknown place".to_owned())))
}

/// A source file's path without the machine's folders before the crate.
fn in_crate(file: &str) -> &str {
    let start = file.rfind("/src/").map_or(0, |at| file[..at].rfind('/').map_or(0, |slash| slash + 1));
    &file[start..]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::report::finish;

    /// Spelt apart, so that no backtrace or source line holds it.
    fn cell() -> String {
        ["06 61", " 00 11 22"].concat()
    }

    /// Run by the test below, in a process of its own.
    #[test]
    #[ignore = "it panics on purpose, for the test below"]
    fn child() {
        silence();
        assert!(catch_unwind(|| panic!("caught: {}", cell())).is_err());
        std::thread::spawn(|| panic!("in a thread: {}", cell())).join().unwrap_err();
        let code = finish(guarded(|| panic!("a library quotes {}", cell())), false);
        std::process::exit(i32::from(code));
    }

    #[test]
    fn a_panic_prints_its_place_and_never_its_message() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "panics::tests::child", "--ignored", "--nocapture"])
            .env("RUST_BACKTRACE", "full")
            .output()
            .unwrap();
        let printed = [child.stdout, child.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert_eq!(child.status.code(), Some(1), "{printed}");
        assert!(!printed.contains(&cell()) && !printed.contains("panicked"), "{printed}");
        assert!(printed.contains("error [W99]") && printed.contains("src/panics.rs:"), "{printed}");
        assert!(printed.contains(env!("CARGO_PKG_REPOSITORY")), "{printed}");
    }

    #[test]
    fn a_place_is_told_from_its_crate_on() {
        assert_eq!(
            in_crate("/x/registry/src/index/calamine-0.38.0/src/xlsx.rs"),
            "calamine-0.38.0/src/xlsx.rs"
        );
        assert_eq!(in_crate("pipeline/cli/src/main.rs"), "cli/src/main.rs");
    }
}
