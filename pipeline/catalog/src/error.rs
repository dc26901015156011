//! What is wrong in `schemas/`, `queries/` or `purposes.toml`: faults with file and line, all shown at once.
//!
//! A fault quotes definitions, which are public; there is no data here that it could quote.

use std::fmt;

use marsad_terms::{Explain, Explanation};

/// A place in a file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character of that line, if known.
    pub column: Option<usize>,
}

impl Place {
    /// The beginning of a line.
    pub fn line(line: usize) -> Self {
        Self { line, column: None }
    }

    /// The first line: faults of a file as a whole.
    pub fn top() -> Self {
        Self::line(1)
    }
}

/// One fault of a definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, relative to the workspace, with `/`.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The character of the line, counted from 1, if known.
    pub column: Option<usize>,
    /// Stable code, `K01` to `K21`.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// Why it is a fault.
    pub why: String,
    /// What to write instead.
    pub remedy: String,
}

impl Fault {
    /// `file:line:column`.
    pub fn location(&self) -> String {
        match self.column {
            Some(column) => format!("{}:{}:{column}", self.file, self.line),
            None => format!("{}:{}", self.file, self.line),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.location(), self.what, self.code)
    }
}

impl std::error::Error for Fault {}

impl Explain for Fault {
    fn explain(&self) -> Explanation {
        Explanation::new(self.code, &self.what, &self.why, &self.remedy).at(self.location())
    }
}
