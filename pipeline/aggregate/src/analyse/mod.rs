//! The analyser: which statements are sums over persons, proven on the plan that the engine would run (algorithms 12).
//!
//! Claim: an accepted statement's input f satisfies f(D) = ⊎_u f(D_u): each row of the final aggregate is a function of
//! the rows of one person. Proof: [`plan`] accepts scans, filters and projections only, whose rows come from one row
//! each, and [`expression`] only what cannot fail. Attack: the verdicts of V12. This version accepts one table; joins
//! and inner aggregates are refused as unproven. It deliberately lacks data.

mod expression;
mod lineage;
mod outputs;
mod plan;
mod refusal;
mod syntax;

use std::collections::BTreeMap;

use datafusion::logical_expr::{Expr, LogicalPlan};
use marsad_privacy::shape::Expression;
use marsad_terms::{Digest, Grain};
use serde::Serialize;

use crate::sources::Sources;
pub(crate) use expression::Context;

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
    /// The one table that it reads.
    pub table: String,
    /// Key space of its persons; `None` for organisations.
    pub key_space: Option<String>,
    /// Columns of the table that it reads.
    pub columns: Vec<String>,
    /// Its dimensions in the order of the output.
    pub dimensions: Vec<Dimension>,
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

/// Judges one statement.
pub fn analyse(sql: &str, sources: &Sources, declared: &Declared) -> Verdict {
    match syntax::judge(sql) {
        Err(invalid) => return invalid,
        Ok(refusals) if !refusals.is_empty() => return Verdict::Refused(refusals),
        Ok(_) => {}
    }
    let plan = match plan::plan(sql, sources) {
        Ok(plan) => plan,
        Err(invalid) => return invalid,
    };
    match plan::judge(plan, &Context { sources, declared }) {
        Ok(analysis) => Verdict::Accepted(Box::new(analysis)),
        Err(refusal) => Verdict::Refused(vec![refusal]),
    }
}
