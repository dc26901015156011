//! The analyser: which statements are sums over persons, proven on the plan that the engine would run (algorithms 12).
//!
//! Claim: an accepted statement's input f satisfies f(D) = ⊎_u f(D_u): each row of the final aggregate is a function of
//! the rows of one person. Proof: by induction over the plan ([`node`]), whose expressions cannot fail ([`expression`]);
//! the person is a column's lineage, never its name ([`lineage`]). Attack: the verdicts of V12, and `tests`. [`syntax`]
//! refuses what the plan would hide and finds places in the text. It deliberately lacks data.

mod expression;
mod frames;
mod keys;
mod lineage;
mod node;
mod outputs;
mod places;
mod plan;
mod reads;
mod refusal;
mod syntax;

use std::collections::BTreeMap;

use datafusion::logical_expr::{Expr, LogicalPlan};
use marsad_privacy::shape::Expression;
use marsad_terms::{Digest, Grain};
use serde::Serialize;

use crate::sources::Sources;
use expression::Context;
pub(crate) use node::sets_of;

pub use reads::Veiled;
pub use refusal::{Code, Refusal};

/// How a node of the plan stands to the person, for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitPath {
    /// The node, such as `filter`.
    pub node: String,
    /// What its rows are.
    pub status: String,
    /// What it reads.
    pub children: Vec<UnitPath>,
}

/// A dimension of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// Its name in the output.
    pub name: String,
    /// Its code list.
    pub list: String,
    pub(crate) expr: Expr,
}

/// A key that says the row's quarter or year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeriodColumn {
    pub(crate) grain: Grain,
    /// Whether it is that of the scanned row's own event month.
    pub(crate) own: bool,
    pub(crate) expr: Expr,
}

/// What a final aggregate counts or adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `COUNT(DISTINCT person_key)`
    Persons,
    /// `COUNT(*)`, `COUNT(x)`
    Rows,
    /// `SUM(x)`
    Sum,
}

/// A final aggregate: each is measured once, however often the outputs use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// What it does.
    pub kind: Kind,
    /// The summed column's name, under `[measures]`.
    pub measure: Option<String>,
    /// The summed column.
    pub(crate) value: Option<Expr>,
    /// Whether a row counts: FILTER and NOT NULL; `None` for always.
    pub(crate) counted: Option<Expr>,
}

/// One grouping set; `grain` is `None` where it names no period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupingSet {
    /// The period attribute.
    pub grain: Option<Grain>,
    /// Indices into [`Analysis::dimensions`], ascending.
    pub dimensions: Vec<usize>,
}

/// An accepted statement.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The record types that it scans, sub-queries included, each with the columns that it reads of it.
    pub record_types: BTreeMap<String, Vec<String>>,
    /// Key space of its persons; `None` for organisations.
    pub key_space: Option<String>,
    /// Its dimensions in the order of the output.
    pub dimensions: Vec<Dimension>,
    /// Its period columns, at most one a grain.
    pub(crate) periods: Vec<PeriodColumn>,
    /// Whether it is one scan under filters and projections.
    pub(crate) is_scan: bool,
    /// Its aggregates.
    pub aggregates: Vec<Aggregate>,
    /// Its grouping sets in the order written.
    pub sets: Vec<GroupingSet>,
    /// Its output columns: alias and what it shows.
    pub outputs: Vec<(String, Expression)>,
    /// How the plan keeps the person.
    pub unit_path: UnitPath,
    /// Digest of the plan's text: part of F.
    pub digest: Digest,
    /// What the final aggregate reads.
    pub(crate) input: LogicalPlan,
}

/// What the analyser says.
#[derive(Debug)]
pub enum Verdict {
    /// It can be bounded by person.
    Accepted(Box<Analysis>),
    /// It cannot.
    Refused(Vec<Refusal>),
    /// It is no statement over the tables: it does not parse, or names what does not exist.
    Invalid {
        /// What is wrong, in the parser's words.
        what: String,
        /// Line, if known.
        line: u64,
        /// Character of the line, if known.
        column: u64,
    },
}

/// What a statistic declares beside its SQL and the analyser needs.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Code list by derived column (`[codes]`).
    pub codes: BTreeMap<String, String>,
    /// Names of bounded measures (`[measures]`).
    pub measures: Vec<String>,
}

impl Declared {
    /// What a statistic of the catalogue declares.
    pub fn of(statistic: &marsad_catalog::Statistic) -> Self {
        Self { codes: statistic.codes.clone(), measures: statistic.measures.keys().cloned().collect() }
    }
}

/// The code of what the plan alone is refused for, without a look at the text.
#[cfg(test)]
pub(crate) fn refusal_of_plan(sql: &str, sources: &Sources, declared: &Declared) -> Option<Code> {
    let planned = plan::plan(sql, sources).expect("it names what is there");
    plan::judge(&planned, &Context::new(sources, declared)).err().map(|offence| offence.code)
}

/// Judges one statement.
pub fn analyse(sql: &str, sources: &Sources, declared: &Declared) -> Verdict {
    let text = match syntax::judge(sql) {
        Err(invalid) => return invalid,
        Ok(text) if !text.refusals.is_empty() => return Verdict::Refused(text.refusals),
        Ok(text) => text,
    };
    let planned = match plan::plan(sql, sources) {
        Ok(planned) => planned,
        Err(invalid) => return invalid,
    };
    match plan::judge(&planned, &Context::new(sources, declared)) {
        Ok(analysis) => Verdict::Accepted(Box::new(analysis)),
        Err(offence) => Verdict::Refused(vec![text.places.refusal(offence)]),
    }
}
