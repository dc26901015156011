//! From the text to the logical plan, after type coercion and before optimisation, and from its top to the final aggregate.
//!
//! `note = 5` aborts by a cast that only coercion shows; an optimised plan would hide what was written.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Aggregate as AggregateNode, Distinct, Expr, LogicalPlan};
use futures::executor::block_on;
use marsad_terms::{Digest, nearest};

use super::expression::Context;
use super::frames;
use super::keys;
use super::node::{self, Unit, Walked, is_set_operation};
use super::outputs::{self, Columns};
use super::refusal::{Code, Construct, Offence};
use super::{Analysis, UnitPath, Verdict};
use crate::carry;
use crate::session::{Limits, session};
use crate::sources::{Sources, Whose};

/// A statement as it was written, and the engine that planned it over empty tables.
pub(super) struct Planned {
    plan: LogicalPlan,
    state: SessionState,
}

/// Plans a statement over tables without rows and coerces its types. Where DataFusion panics over a malformed statement, the
/// statement is invalid: no row was read.
pub(super) fn plan(sql: &str, sources: &Sources) -> Result<Planned, Verdict> {
    let broken = |_| {
        let what = "the engine breaks off over this statement; write it another way".to_owned();
        Err(Verdict::Invalid { what, line: 1, column: 1 })
    };
    catch_unwind(|| planned(sql, sources)).unwrap_or_else(broken)
}

fn planned(sql: &str, sources: &Sources) -> Result<Planned, Verdict> {
    let invalid = |error: DataFusionError| {
        let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let (line, column) = span.map_or((1, 1), |span| (span.start.line, span.start.column));
        let what = first_line(&error.find_root().strip_backtrace());
        Verdict::Invalid { what: unknown_table(&what, sources).unwrap_or(what), line, column }
    };
    let context = session(1, &Limits::default()).map_err(invalid)?;
    for (name, source) in &sources.tables {
        let table = Arc::new(EmptyTable::new(source.schema.clone()));
        context.register_table(name.as_str(), table).map_err(invalid)?;
    }
    let state = context.state();
    let plan = block_on(state.create_logical_plan(sql)).map_err(invalid)?;
    let plan = frames::by_peers(plan).map_err(invalid)?;
    let options = state.config_options().clone();
    let plan = state.analyzer().execute_and_check(plan, &options, |_, _| {}).map_err(invalid)?;
    Ok(Planned { plan, state })
}

/// What to say of a table that is none: the engine names it in its own words alone.
fn unknown_table(what: &str, sources: &Sources) -> Option<String> {
    let name = what.split_once("table 'datafusion.public.")?.1.strip_suffix("' not found")?;
    let near = nearest(name, sources.tables.keys().map(String::as_str));
    let records = sources.tables.iter().filter(|(_, source)| !matches!(source.subject, Whose::Nobody { .. }));
    let records: Vec<&str> = records.map(|(name, _)| name.as_str()).collect();
    Some(match near {
        Some(near) => format!("there is no table `{name}`; did you mean `{near}`?"),
        None => format!("there is no table `{name}`; the record types are {}", records.join(", ")),
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// Judges a planned statement.
pub(super) fn judge(planned: &Planned, context: &Context<'_>) -> Result<Analysis, Offence> {
    let plan = &planned.plan;
    let (aggregate, above) = final_aggregate(plan)?;
    let walked =
        node::walk(&aggregate.input, context).map_err(|offence| total_of_parts(offence, aggregate))?;
    let key_space = match &walked.unit {
        Unit::Person(space) => Some(space.clone()),
        Unit::Organisations => None,
        Unit::Public => {
            return Err(Offence::new(Code::P06, Construct::Statement, "a statement over reference tables"));
        }
    };
    let keys = keys::judge(aggregate, &walked, context, above.unwrap_or_default())?;
    let outputs = outputs::judge(&Columns { walked: &walked, aggregate, context }, above)?;
    let analysis = Analysis {
        key_space,
        record_types: planned.record_types(context.sources)?,
        is_scan: is_scan(&aggregate.input) && keys.periods.iter().all(|period| period.own),
        dimensions: keys.dimensions,
        periods: keys.periods,
        aggregates: outputs.aggregates,
        sets: keys.sets,
        outputs: outputs.columns,
        unit_path: final_path(walked),
        digest: planned.digest(context.sources),
        input: aggregate.input.as_ref().clone(),
    };
    planned.runs(&analysis)?;
    Ok(analysis)
}

fn final_path(walked: Walked) -> UnitPath {
    let status = match walked.unit {
        Unit::Person(_) => "a sum over persons, bounded by the operator",
        _ => "exact, of no person",
    };
    UnitPath { node: "final aggregate".to_owned(), status: status.to_owned(), children: vec![walked.path] }
}

/// How many rows of VALUES DataFusion's text of a plan shows.
const SHOWN_ROWS: usize = 5;

impl Planned {
    /// The record types that the statement scans, anywhere, and the columns that it reads once what it does not need is
    /// dropped.
    fn record_types(&self, sources: &Sources) -> Result<BTreeMap<String, Vec<String>>, Offence> {
        let is_reference = |table: &str| {
            sources.tables.get(table).is_some_and(|source| matches!(source.subject, Whose::Nobody { .. }))
        };
        let mut read = BTreeMap::new();
        for (table, _) in scans(&self.plan) {
            read.entry(table).or_insert_with(Vec::new);
        }
        for (table, columns) in scans(&self.state.optimize(&self.plan).map_err(cannot_run)?) {
            let read: &mut Vec<String> = read.entry(table).or_default();
            read.extend(columns);
            read.sort_unstable();
            read.dedup();
        }
        read.retain(|table, _| !is_reference(table));
        Ok(read)
    }

    /// Of the plan, and of the reference tables that it scans.
    fn digest(&self, sources: &Sources) -> Digest {
        let mut text = self.plan.display_indent().to_string();
        // DataFusion shows the first rows of a long VALUES alone.
        let _ = self.plan.apply_with_subqueries(|node| {
            if let LogicalPlan::Values(literal) = node
                && literal.values.len() > SHOWN_ROWS
            {
                text.push_str("\nall rows of VALUES:");
                for row in &literal.values {
                    let row: Vec<String> = row.iter().map(ToString::to_string).collect();
                    text.push_str(&format!(" ({})", row.join(", ")));
                }
            }
            Ok(TreeNodeRecursion::Continue)
        });
        for (table, _) in scans(&self.plan) {
            if let Some(Whose::Nobody { content, .. }) =
                sources.tables.get(&table).map(|source| &source.subject)
            {
                text.push_str(&format!("\n{table} {content}"));
            }
        }
        Digest::of(text.as_bytes())
    }

    /// A statement that the engine cannot run would be found out only after it was paid for.
    fn runs(&self, analysis: &Analysis) -> Result<(), Offence> {
        let carried = carry::projected(analysis).map_err(cannot_run)?;
        block_on(self.state.create_physical_plan(&carried)).map_err(cannot_run)?;
        Ok(())
    }
}

fn cannot_run(error: DataFusionError) -> Offence {
    let text = format!("the engine cannot run it: {}", first_line(&error.find_root().strip_backtrace()));
    Offence::new(Code::P17, Construct::Statement, text)
}

/// All scanned tables, those of sub-queries too, with their columns.
pub(super) fn scans(plan: &LogicalPlan) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    // Nothing in the closure fails.
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let columns = scan.projected_schema.fields().iter().map(|field| field.name().clone());
            found.push((scan.table_name.table().to_owned(), columns.collect()));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Whether the plan is one scan under filters and projections: its rows stay sorted by person, in partitions of persons.
fn is_scan(plan: &LogicalPlan) -> bool {
    let below = match plan {
        LogicalPlan::TableScan(_) => return true,
        LogicalPlan::SubqueryAlias(alias) => &alias.input,
        LogicalPlan::Filter(filter) => &filter.input,
        LogicalPlan::Projection(projection) => &projection.input,
        _ => return false,
    };
    scans(plan).len() == 1 && is_scan(below)
}

/// Peels presentation off: the one final aggregate, and the projection above it.
fn final_aggregate(plan: &LogicalPlan) -> Result<(&AggregateNode, Option<&[Expr]>), Offence> {
    let mut node = plan;
    let mut above: Option<&[Expr]> = None;
    loop {
        match node {
            LogicalPlan::Aggregate(aggregate) => return Ok((aggregate, above)),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() && above.is_none() => node = &sort.input,
            LogicalPlan::Projection(projection) if above.is_none() => {
                above = Some(&projection.expr);
                node = &projection.input;
            }
            other => return Err(above_the_aggregate(other)),
        }
    }
}

/// What stands where the final aggregate should.
fn above_the_aggregate(node: &LogicalPlan) -> Offence {
    let exprs = node.expressions();
    let offence = |code, construct, text: &str| Offence::new(code, construct, text).at(&exprs);
    match node {
        LogicalPlan::Limit(_) => offence(Code::P01, Construct::Statement, "LIMIT"),
        LogicalPlan::Filter(filter) if has_aggregate(&filter.input) => {
            offence(Code::P08, Construct::Having, "HAVING")
        }
        LogicalPlan::Distinct(Distinct::All(_) | Distinct::On(_)) => {
            offence(Code::P03, Construct::Distinct, "DISTINCT")
        }
        LogicalPlan::Window(window)
            if window.window_expr.iter().any(is_sum) && has_aggregate(&window.input) =>
        {
            offence(Code::P18, Construct::Window, "a total of the parts")
        }
        LogicalPlan::Window(_) => offence(Code::P02, Construct::Window, "a window at the end"),
        other if is_set_operation(other) => {
            offence(Code::P03, Construct::SetOperation, "a set operation at the end")
        }
        other if has_aggregate(other) => {
            offence(Code::P17, Construct::Statement, "operations above the final aggregate")
        }
        _ => offence(Code::P15, Construct::Statement, "no aggregate"),
    }
}

fn has_aggregate(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Aggregate(_)) || plan.inputs().into_iter().any(has_aggregate)
}

fn is_sum(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_sum(&alias.expr),
        Expr::AggregateFunction(function) => function.func.name() == "sum",
        Expr::WindowFunction(function) => function.fun.name() == "sum",
        _ => false,
    }
}

/// A sum of distinct persons by code counts a person of several codes several times: that is more to say than P04.
fn total_of_parts(offence: Offence, aggregate: &AggregateNode) -> Offence {
    let mut below = &aggregate.input;
    let parts = loop {
        below = match below.as_ref() {
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Aggregate(node) => break Some(node),
            _ => break None,
        };
    };
    let counts_persons = |expr: &Expr| match expr {
        Expr::AggregateFunction(function) => function.params.distinct && function.func.name() == "count",
        _ => false,
    };
    let is_total = offence.code == Code::P04
        && aggregate.aggr_expr.iter().any(is_sum)
        && parts.is_some_and(|node| node.aggr_expr.iter().any(counts_persons));
    if is_total { Offence { code: Code::P18, ..offence } } else { offence }
}
