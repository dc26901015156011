//! The walk over the plan, bottom-up: each node is public, of one person a row, of organisations, or refused (12.1).
//!
//! Claim: each accepted node satisfies f(D) = ⊎_u f(D_u, public). Proof: by induction, rule by rule, in the file of the
//! node's family: [`scan`], [`row`] (projection, filter, unnest), [`join`], [`aggregate`], [`window`], [`set`] (DISTINCT,
//! UNION ALL), [`subquery`]. Attack: `tests::neighbours` runs every accepted node with and without a person. Default
//! deny: a node that no file proves is P17.

mod aggregate;
pub(super) mod functions;
mod join;
mod row;
mod scan;
mod set;
pub(super) mod subquery;
mod window;

pub(crate) use aggregate::sets_of;
pub(super) use set::is_set_operation;

use datafusion::logical_expr::LogicalPlan;

use super::UnitPath;
use super::expression::Context;
use super::lineage::{Key, Origin};
use super::refusal::{Code, Construct, Offence};

/// Whose a node's rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// No private row: fixed before any record is read.
    Public,
    /// Rows of organisations.
    Organisations,
    /// Each row is a function of the rows of one person of that key space.
    Person(String),
}

impl Unit {
    fn describe(&self) -> String {
        match self {
            Self::Public => "public".to_owned(),
            Self::Organisations => "rows of organisations, no person".to_owned(),
            Self::Person(space) => format!("rows of one person ({space})"),
        }
    }
}

/// What is known of a node's rows.
#[derive(Clone, Debug)]
pub(crate) struct Walked {
    pub(crate) unit: Unit,
    /// Parallel to the node's schema.
    pub(crate) columns: Vec<Origin>,
    /// What tells the rows of one person (or all public rows) apart; `None` where nothing is known to.
    pub(crate) key: Option<Key>,
    /// How many scans' rows of one person multiply at most: 1 for a scan, 2 where each row of one meets each of another.
    pub(crate) fan: u32,
    /// How many scans' rows of one person a value may hold: STRING_AGG and ARRAY_AGG put as many into one.
    pub(crate) size: u32,
    pub(crate) path: UnitPath,
}

/// How often a person's rows, and what their values hold, may multiply. Each time more would turn a person with many records
/// into time and memory that the ledger's times and a failed run show: a figure without noise, and an analyst's to choose (12.3).
const MOST_FAN: u32 = 2;

impl Walked {
    /// The same rows under another node.
    fn through(mut self, node: String) -> Self {
        let status = self.unit.describe();
        self.path = UnitPath { node, status, children: vec![self.path] };
        self
    }

    /// Refuses where the rows of one person, with what their values hold, multiply more often than they may.
    fn within_fan(self, offence: Offence) -> Result<Self, Offence> {
        if self.is_person() && self.fan + self.size > MOST_FAN { Err(offence) } else { Ok(self) }
    }

    pub(super) fn is_person(&self) -> bool {
        matches!(self.unit, Unit::Person(_))
    }

    /// Whether some column is the person, never NULL.
    fn shows_person(&self) -> bool {
        self.columns.iter().any(Origin::is_person)
    }
}

/// Judges a node and all below it; the innermost offence decides.
pub(super) fn walk(plan: &LogicalPlan, context: &Context<'_>) -> Result<Walked, Offence> {
    match plan {
        LogicalPlan::TableScan(scan) => scan::scanned(scan, context),
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => Ok(scan::constant(plan)),
        LogicalPlan::SubqueryAlias(alias) => walk(&alias.input, context),
        LogicalPlan::Filter(filter) => row::filtered(filter, context),
        LogicalPlan::Projection(projection) => row::projected(projection, context),
        LogicalPlan::Unnest(unnest) => row::unnested(unnest, context),
        LogicalPlan::Join(join) => join::joined(join, context),
        LogicalPlan::Aggregate(node) => aggregate::aggregated(node, context),
        LogicalPlan::Window(window) => window::windowed(window, context),
        LogicalPlan::Distinct(distinct) => set::distinct(distinct, context),
        LogicalPlan::Union(union) => set::union(union, context),
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => Err(unproven(Code::P01, plan)),
        other => Err(unproven(Code::P17, other)),
    }
}

fn unproven(code: Code, node: &LogicalPlan) -> Offence {
    let text = node.display().to_string();
    Offence::new(code, Construct::Statement, text.lines().next().unwrap_or_default())
}
