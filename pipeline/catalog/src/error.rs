//! What is wrong in `schemas/`, `queries/` or `purposes.toml`: faults with file and line, all shown at once.
//!
//! A fault quotes definitions, which are public; there is no data here that it could quote.

use std::cell::RefCell;
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
    /// Stable code, `K01` to `K22`.
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

/// The kinds of fault; each has a stable code and a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unreadable,
    Syntax,
    UnknownKey,
    MissingKey,
    WrongValue,
    FileName,
    Duplicate,
    CodeList,
    Column,
    Code,
    Translation,
    TwoMeanings,
    Bound,
    Measure,
    Unit,
    Answer,
    Purpose,
    Reference,
    Sql,
    Price,
    Period,
    Copied,
}

impl Kind {
    pub(crate) fn code(self) -> &'static str {
        self.code_and_why().0
    }

    fn code_and_why(self) -> (&'static str, &'static str) {
        match self {
            Self::Unreadable => ("K01", "a definition that cannot be read would silently be missing"),
            Self::Syntax => ("K02", "the file does not follow its format"),
            Self::UnknownKey => {
                ("K03", "a key that nothing reads has no effect, which is never what was meant")
            }
            Self::MissingKey => ("K04", "the definition is incomplete without it"),
            Self::WrongValue => ("K05", "the value has not the form that this key asks for"),
            Self::FileName => ("K06", "files are found by their id"),
            Self::Duplicate => ("K07", "an id stands for one thing only"),
            Self::CodeList => ("K08", "cells are built from declared code lists"),
            Self::Column => ("K09", "only the columns of the record type land and can be counted"),
            Self::Code => ("K10", "only codes of the declared list exist"),
            Self::Translation => ("K11", "everything public is published in French, Arabic and English"),
            Self::TwoMeanings => ("K12", "one spelling cannot stand for two codes"),
            Self::Bound => {
                ("K13", "the bound of a person's contribution must be complete and say where it comes from")
            }
            Self::Measure => ("K14", "a sum is bounded by what one row may add, in whole steps"),
            Self::Unit => ("K15", "units are codes of UNIT_MEASURE"),
            Self::Answer => ("K16", "an answer is an indicator of the programme or an axis of the strategy"),
            Self::Purpose => ("K17", "a statistic needs a purpose of the registry"),
            Self::Reference => ("K18", "the definition names something that does not exist"),
            Self::Sql => ("K19", "a statistic is one SQL statement, unless publication derives it"),
            Self::Price => ("K20", "a release has one price: rho, or wanted margins"),
            Self::Period => ("K21", "a period is a year or a quarter"),
            Self::Copied => (
                "K22",
                "a multi-select copies the measures to each row, so that a sum would count them twice",
            ),
        }
    }
}

/// Where faults are collected while everything is read.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    /// Keeps a fault: what is wrong, then what to write instead.
    pub(crate) fn add(&self, file: &str, at: Place, kind: Kind, (what, remedy): (String, String)) {
        let (code, why) = kind.code_and_why();
        let Place { line, column } = at;
        let fault = Fault { file: file.to_owned(), line, column, code, what, why: why.to_owned(), remedy };
        self.0.borrow_mut().push(fault);
    }

    /// All faults by file and line.
    pub(crate) fn into_sorted(self) -> Vec<Fault> {
        let mut faults = self.0.into_inner();
        faults.sort();
        faults.dedup();
        faults
    }
}
