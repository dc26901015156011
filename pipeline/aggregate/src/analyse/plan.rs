//! The walk over the logical plan, after type coercion and before optimisation, bottom-up and default deny (12.1).
//!
//! `note = 5` aborts by a cast that only coercion shows; an optimised plan would hide what was written.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::utils::{enumerate_grouping_sets, grouping_set_to_exprlist};
use datafusion::logical_expr::{
    Aggregate as AggregateNode, Expr, ExprSchemable, GroupingSet as SqlSet, LogicalPlan, TableScan,
};
use futures::executor::block_on;
use marsad_terms::Digest;

use super::expression::{self, Context, place_of};
use super::lineage::Lineage;
use super::outputs::{self, Columns};
use super::refusal::{Code, Refusal};
use super::{Analysis, Dimension, GroupingSet, UnitPath, Verdict};
use crate::session::session;
use crate::sources::Sources;

/// A statement as it was written, and the columns that it reads once what it does not need is dropped.
pub(super) struct Planned {
    pub(super) plan: LogicalPlan,
    columns: Vec<String>,
}

/// Plans a statement over tables without rows and coerces its types.
pub(super) fn plan(sql: &str, sources: &Sources) -> Result<Planned, Verdict> {
    let invalid = |error: datafusion::error::DataFusionError| {
        let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let (line, column) = span.map_or((1, 1), |span| (span.start.line, span.start.column));
        Verdict::Invalid { what: first_line(&error.strip_backtrace()), line, column }
    };
    let context = session(1).map_err(invalid)?;
    for (name, source) in &sources.tables {
        let table = Arc::new(EmptyTable::new(source.schema.clone()));
        context.register_table(name.as_str(), table).map_err(invalid)?;
    }
    let state = context.state();
    let plan = block_on(state.create_logical_plan(sql)).map_err(invalid)?;
    let options = state.config_options().clone();
    let plan = state.analyzer().execute_and_check(plan, &options, |_, _| {}).map_err(invalid)?;
    let columns = columns_read(&state.optimize(&plan).unwrap_or_else(|_| plan.clone()));
    Ok(Planned { plan, columns })
}

fn columns_read(plan: &LogicalPlan) -> Vec<String> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            scan.projected_schema.fields().iter().map(|f| f.name().clone()).collect()
        }
        other => other.inputs().into_iter().flat_map(columns_read).collect(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// Judges a planned statement.
pub(super) fn judge(planned: Planned, context: &Context<'_>) -> Result<Analysis, Refusal> {
    let plan = &planned.plan;
    let (aggregate, above) = final_aggregate(plan)?;
    let walked = walk(&aggregate.input, context)?;
    let table = walked.table.clone();
    let source = &context.sources.tables[&table];
    let (dimensions, sets) = keys(aggregate, &walked, context, above.unwrap_or_default())?;
    let columns = Columns { walked: &walked, aggregate, context };
    let outputs = outputs::judge(&columns, above)?;
    Ok(Analysis {
        key_space: source.key_space.clone(),
        columns: planned.columns,
        dimensions,
        aggregates: outputs.aggregates,
        sets,
        outputs: outputs.columns,
        unit_path: UnitPath {
            node: "final aggregate".to_owned(),
            status: "a sum over persons, bounded by the operator".to_owned(),
            children: vec![walked.path],
        },
        digest: Digest::of(plan.display_indent().to_string().as_bytes()),
        input: aggregate.input.as_ref().clone(),
        table,
    })
}

/// Peels presentation off: the one final aggregate, and the projection above it.
fn final_aggregate(plan: &LogicalPlan) -> Result<(&AggregateNode, Option<&[Expr]>), Refusal> {
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
            LogicalPlan::Limit(_) => return Err(Refusal::new(Code::P01, (1, 1), "LIMIT")),
            LogicalPlan::Filter(filter) if has_aggregate(&filter.input) => {
                return Err(Refusal::new(Code::P08, place_of(&filter.predicate), "HAVING"));
            }
            LogicalPlan::Distinct(_) => return Err(Refusal::new(Code::P03, (1, 1), "DISTINCT")),
            LogicalPlan::Union(_) => return Err(Refusal::new(Code::P03, (1, 1), "UNION")),
            LogicalPlan::Window(_) => return Err(Refusal::new(Code::P02, (1, 1), "a window at the end")),
            other if has_aggregate(other) => {
                return Err(Refusal::new(Code::P17, (1, 1), "operations above the final aggregate"));
            }
            _ => return Err(Refusal::new(Code::P15, (1, 1), "no aggregate")),
        }
    }
}

fn has_aggregate(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Aggregate(_)) || plan.inputs().into_iter().any(has_aggregate)
}

/// What is known of a node's rows: they are the rows of one person, column by column with its origin.
pub(super) struct Walked {
    pub(super) table: String,
    /// Parallel to the node's schema.
    pub(super) lineage: Vec<Lineage>,
    pub(super) path: UnitPath,
}

/// Claim: each row of the node is a function of one record. Proof: by induction over scan, filter and projection.
fn walk(plan: &LogicalPlan, context: &Context<'_>) -> Result<Walked, Refusal> {
    match plan {
        LogicalPlan::TableScan(scan) => scanned(scan, context),
        LogicalPlan::SubqueryAlias(alias) => walk(&alias.input, context),
        LogicalPlan::Filter(filter) => {
            let below = walk(&filter.input, context)?;
            expression::judge(&filter.predicate, &filter.input, &below.lineage, context)?;
            Ok(below.through(format!("filter {}", filter.predicate)))
        }
        LogicalPlan::Projection(projection) => {
            let mut below = walk(&projection.input, context)?;
            below.lineage = projection
                .expr
                .iter()
                .map(|expr| expression::judge(expr, &projection.input, &below.lineage, context))
                .collect::<Result<_, _>>()?;
            Ok(below.through("projection".to_owned()))
        }
        other => Err(refused(other)),
    }
}

impl Walked {
    fn through(mut self, node: String) -> Self {
        let status = self.path.status.clone();
        self.path = UnitPath { node, status, children: vec![self.path] };
        self
    }
}

fn scanned(scan: &TableScan, context: &Context<'_>) -> Result<Walked, Refusal> {
    let table = scan.table_name.table().to_owned();
    let unknown = || Refusal::new(Code::P17, (1, 1), format!("table {table}"));
    let source = context.sources.tables.get(&table).ok_or_else(unknown)?;
    if !scan.filters.is_empty() || scan.fetch.is_some() {
        return Err(unknown());
    }
    let fields = scan.projected_schema.fields().iter();
    let lineage = fields.map(|field| Lineage::of_column(source, field.name())).collect();
    let status = match &source.key_space {
        Some(space) => format!("rows of one person (person_key, {space}), with consent and a legal basis"),
        None => "rows of organisations, no person".to_owned(),
    };
    let path = UnitPath { node: format!("scan {table}"), status, children: Vec::new() };
    Ok(Walked { table, lineage, path })
}

/// The code of a node that is not proven here.
fn refused(node: &LogicalPlan) -> Refusal {
    let code = match node {
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => Code::P01,
        LogicalPlan::Window(_) => Code::P02,
        LogicalPlan::Distinct(_) | LogicalPlan::Union(_) => Code::P03,
        LogicalPlan::Subquery(_) => Code::P07,
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Code::P15,
        _ => Code::P17,
    };
    Refusal::new(code, (1, 1), first_line(&node.display().to_string()))
}

/// Dimensions and grouping sets of the final aggregate.
fn keys(
    aggregate: &AggregateNode,
    walked: &Walked,
    context: &Context<'_>,
    above: &[Expr],
) -> Result<(Vec<Dimension>, Vec<GroupingSet>), Refusal> {
    let unproven = |_| Refusal::new(Code::P17, (1, 1), "the grouping sets");
    let distinct: Vec<Expr> =
        grouping_set_to_exprlist(&aggregate.group_expr).map_err(unproven)?.into_iter().cloned().collect();
    let mut dimensions = Vec::new();
    let mut keys: Vec<(Expr, Key)> = Vec::new();
    for expr in distinct {
        let name = shown_name(&expr, above);
        let key = match key_of((&expr, &name), walked, aggregate, context)? {
            Lineage::Period(grain) => Key::Period(grain),
            Lineage::Code(list) => {
                dimensions.push(Dimension { name, list, expr: expr.clone() });
                Key::Dimension(dimensions.len() - 1)
            }
            _ => return Err(Refusal::new(Code::P09, place_of(&expr), expr.to_string())),
        };
        keys.push((expr, key));
    }
    let sets = sets_of(aggregate).map_err(unproven)?;
    let sets = sets.iter().map(|set| grouping_set(set, &keys)).collect::<Result<_, _>>()?;
    Ok((dimensions, sets))
}

enum Key {
    Period(marsad_terms::Grain),
    Dimension(usize),
}

/// The alias that the output gives a key, or its own name.
fn shown_name(key: &Expr, above: &[Expr]) -> String {
    let own = expression::name_of(key);
    let alias = above.iter().find_map(|expr| match expr {
        Expr::Alias(alias) if *alias.expr == *key || expression::name_of(&alias.expr) == own => {
            Some(&alias.name)
        }
        _ => None,
    });
    alias.cloned().unwrap_or(own)
}

fn key_of(
    (expr, name): (&Expr, &str),
    walked: &Walked,
    aggregate: &AggregateNode,
    context: &Context<'_>,
) -> Result<Lineage, Refusal> {
    let lineage = expression::judge(expr, &aggregate.input, &walked.lineage, context)?;
    match lineage {
        Lineage::Person => Err(Refusal::new(Code::P16, place_of(expr), expr.to_string())),
        Lineage::Period(_) | Lineage::Code(_) => Ok(lineage),
        _ => {
            let list = context.declared.codes.get(name);
            let text = expr.get_type(aggregate.input.schema()).is_ok_and(|t| is_text(&t));
            Ok(list.filter(|_| text).map_or(lineage, |list| Lineage::Code(list.clone())))
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

fn sets_of(aggregate: &AggregateNode) -> datafusion::error::Result<Vec<Vec<Expr>>> {
    let enumerated = enumerate_grouping_sets(aggregate.group_expr.clone())?;
    Ok(match enumerated.as_slice() {
        [Expr::GroupingSet(SqlSet::GroupingSets(sets))] => sets.clone(),
        [Expr::GroupingSet(SqlSet::Rollup(keys))] => {
            (0..=keys.len()).rev().map(|n| keys[..n].to_vec()).collect()
        }
        [Expr::GroupingSet(SqlSet::Cube(keys))] => (0..1_usize << keys.len().min(20))
            .rev()
            .map(|bits| (0..keys.len()).filter(|i| bits >> i & 1 == 1).map(|i| keys[i].clone()).collect())
            .collect(),
        keys => vec![keys.to_vec()],
    })
}

fn grouping_set(set: &[Expr], keys: &[(Expr, Key)]) -> Result<GroupingSet, Refusal> {
    let mut grain = None;
    let mut dimensions = Vec::new();
    for expr in set {
        match keys.iter().find(|(key, _)| key == expr).map(|(_, key)| key) {
            Some(Key::Dimension(index)) => dimensions.push(*index),
            Some(Key::Period(period)) if grain.is_none() || grain == Some(*period) => grain = Some(*period),
            _ => {
                let text = "a grouping set with two periods";
                return Err(Refusal::new(Code::P17, place_of(expr), text));
            }
        }
    }
    dimensions.sort_unstable();
    dimensions.dedup();
    Ok(GroupingSet { grain, dimensions })
}
