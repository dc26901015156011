//! A whole file refused: code, what, why, what to do (extracts 4). Headers are told only where they are no content themselves.

use std::path::Path;

use marsad_terms::Explanation;

use crate::{Error, detect};

/// A whole file refused: nothing of it lands (extracts 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code, `F01` to `F09`.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// Why that refuses the file.
    pub why: &'static str,
    /// What to do.
    pub remedy: String,
}

impl Refusal {
    /// The refusal of this file.
    pub(crate) fn of(self, path: &Path) -> Error {
        Error::Refused { file: path.to_owned(), refusals: vec![self] }
    }

    /// F08 of a workbook under a password.
    pub(crate) fn encrypted() -> Self {
        Self {
            code: "F08",
            what: "the workbook is encrypted, or of the format before 2007".to_owned(),
            why: "its cells cannot be read",
            remedy: "save it as .xlsx without a password".to_owned(),
        }
    }

    /// F08 of a file that is not what the mapping or its name says.
    pub(crate) fn not_a(container: &str) -> Self {
        Self::damaged(&format!("the file is no {container}"))
    }

    /// F08 of a container whose inside does not hold together.
    pub(crate) fn damaged(what: &str) -> Self {
        Self {
            code: "F08",
            what: what.to_owned(),
            why: "its rows cannot be told apart",
            remedy: "export it again, or name a mapping that reads such files".to_owned(),
        }
    }
}

/// What a refused file's error says.
pub(crate) fn summary(refusals: &[Refusal]) -> String {
    match refusals {
        [] => "the file is refused".to_owned(),
        [one] => one.what.clone(),
        [first, rest @ ..] => format!("{}; and {} more", first.what, rest.len()),
    }
}

/// All refusals of a file, explained by the first.
pub(crate) fn refused(what: &str, refusals: &[Refusal]) -> Explanation {
    let Some(first) = refusals.first() else { return Explanation::new("F00", what, "", "") };
    let is_one_code = refusals.iter().all(|refusal| refusal.code == first.code);
    let told = |refusal: &Refusal| match is_one_code {
        true => refusal.what.clone(),
        false => format!("{} {}", refusal.code, refusal.what),
    };
    let what: Vec<String> = refusals.iter().map(told).collect();
    Explanation::new(first.code, what.join("; "), first.why, first.remedy.clone())
}

/// A header as messages show it: cut, escaped, and only its place where it may be content (a file without a header row).
pub(crate) fn shown_header(header: &str, position: usize) -> String {
    match header.trim() {
        "" => format!("column {} (without a name)", position + 1),
        _ if is_harmless(header) => format!("`{}`", header.escape_debug()),
        _ => format!("column {} (its header is not shown)", position + 1),
    }
}

/// Whether a header is short, and identifies nobody by the detectors.
pub(crate) fn is_harmless(header: &str) -> bool {
    header.chars().count() <= 80 && !detect::identifies(&marsad_catalog::clean(header))
}

/// F01
pub(crate) fn undecodable(what: String) -> Refusal {
    Refusal {
        code: "F01",
        what,
        why: "in another encoding the same bytes are other letters",
        remedy: "save the file in the mapping's encoding, or correct `encoding` under [file]".to_owned(),
    }
}

/// F02
pub(crate) fn no_header(row: u64) -> Refusal {
    Refusal {
        code: "F02",
        what: format!("the file has no header in row {row}"),
        why: "columns are known by their headers alone",
        remedy: "add the header row, or correct `header_row` under [file]".to_owned(),
    }
}

/// F07
pub(crate) fn too_large(what: &str) -> Refusal {
    Refusal {
        code: "F07",
        what: what.to_owned(),
        why: "such a file is not a case extract",
        remedy: "cut the file, or export it again".to_owned(),
    }
}
