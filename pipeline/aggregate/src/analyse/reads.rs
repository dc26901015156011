//! What one table of an accepted statement depends on: the columns that it reads, wherever they stand in the statement, and
//! codes that it tells apart. Deliberately lacks what that means for anyone: the release decides.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    Expr, ExprSchemable, JoinType, LogicalPlan, LogicalPlanBuilder, Volatility, create_udf, lit,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::plan::scans;
use super::{Analysis, GroupingSet};
use crate::session::{Limits, session};

/// Codes that a table may be blind to: it reads them as another one.
pub struct Veiled<'a> {
    /// Whether a column, of a record type, holds such codes.
    pub holds: &'a dyn Fn(&str, &str) -> bool,
    /// The codes.
    pub codes: &'a [&'a str],
    /// The code that they are read as.
    pub shown_as: &'a str,
}

impl Analysis {
    /// The columns of each record type that a table depends on.
    ///
    /// Claim: no other column changes a cell of the table, before bounds and noise. Proof: the table adds up the rows of
    /// `table`; the optimised plan has the same rows over any records and does not scan the column. A condition, a filter,
    /// a join, a sub-query, a derived column needs what it looks at. Attack: `tests::reads`.
    pub fn reads(&self, set: &GroupingSet) -> BTreeMap<String, Vec<String>> {
        self.table(set).and_then(|table| self.scanned(&table)).unwrap_or_else(|_| self.record_types.clone())
    }

    /// Whether a cell of a table can change where a row has one of the veiled codes and not that which they are shown as.
    ///
    /// Claim: where this says no, records with the codes replaced give the same table. Proof: an expression over such a
    /// column alone that has one value at all these codes does not change; a stand-in takes its place, volatile, so that
    /// the optimiser takes nothing for granted of it. The rest is optimised and does not scan the column. Attack:
    /// `tests::reads`.
    pub fn tells_apart(&self, set: &GroupingSet, veiled: &Veiled<'_>) -> bool {
        let table = self.table(set).and_then(|table| veiled.veil(table));
        let reads =
            table.and_then(|table| self.scanned(&table)).unwrap_or_else(|_| self.record_types.clone());
        reads.iter().any(|(table, columns)| columns.iter().any(|column| (veiled.holds)(table, column)))
    }

    /// Whether the statement looks at each record by itself: no other record can say what a month is compared with.
    pub fn takes_records_singly(&self) -> bool {
        self.is_scan
    }

    /// The rows that a table adds up: its keys, and what its aggregates look at.
    pub(crate) fn table(&self, set: &GroupingSet) -> Result<LogicalPlan> {
        let periods = self.periods.iter().filter(|period| set.grain == Some(period.grain));
        let dimensions = set.dimensions.iter().map(|d| &self.dimensions[*d].expr);
        let aggregated = self.aggregates.iter().flat_map(|a| a.value.iter().chain(&a.counted));
        let looked_at = periods.map(|period| &period.expr).chain(dimensions).chain(aggregated);
        let named = looked_at.enumerate().map(|(i, expr)| expr.clone().alias(format!("__marsad_{i}")));
        let columns: Vec<Expr> = named.chain([lit(true)]).collect();
        LogicalPlanBuilder::from(self.input.clone()).project(columns)?.build()
    }

    /// The columns that a plan scans of each record type once what it does not need is dropped.
    fn scanned(&self, plan: &LogicalPlan) -> Result<BTreeMap<String, Vec<String>>> {
        let state = session(1, &Limits::default())?.state();
        let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let records = |(table, _): &(String, Vec<String>)| self.record_types.contains_key(table);
        for (table, columns) in scans(&state.optimize(plan)?).into_iter().filter(records) {
            let read = read.entry(table).or_default();
            read.extend(columns);
            read.sort_unstable();
            read.dedup();
        }
        Ok(read)
    }
}

impl Veiled<'_> {
    /// The plan with a stand-in for every expression that is blind to the codes.
    fn veil(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let veiled = plan.transform_up(|node| {
            let node = match &node {
                LogicalPlan::Projection(projection) => self.node(&node, &projection.input)?,
                LogicalPlan::Filter(filter) => self.node(&node, &filter.input)?,
                _ => node,
            };
            Ok(Transformed::yes(node.recompute_schema()?))
        })?;
        Ok(veiled.data)
    }

    fn node(&self, node: &LogicalPlan, input: &LogicalPlan) -> Result<LogicalPlan> {
        let names = NamePreserver::new(node);
        let veiled = node.clone().map_expressions(|expr| {
            let name = names.save(&expr);
            let veiled = expr.transform_down(|part| match self.blind(&part, input) {
                Some(kind) => Ok(Transformed::yes(stand_in(kind))),
                None => Ok(Transformed::no(part)),
            })?;
            Ok(veiled.update_data(|expr| name.restore(expr)))
        })?;
        Ok(veiled.data)
    }

    /// The type of an expression that has one value at all the codes; `None` for others.
    fn blind(&self, expr: &Expr, input: &LogicalPlan) -> Option<DataType> {
        let columns: Vec<&Column> = expr.column_refs().into_iter().collect();
        let [column] = columns.as_slice() else { return None };
        let (table, landed) = landed(input, input.schema().index_of_column(column).ok()?)?;
        if !(self.holds)(&table, &landed) {
            return None;
        }
        let shown = value(expr, column, self.shown_as, input.schema())?;
        let same = |code: &&str| value(expr, column, code, input.schema()).as_ref() == Some(&shown);
        if self.codes.iter().all(same) { expr.get_type(input.schema()).ok() } else { None }
    }
}

/// A value of which nothing is known but its type.
fn stand_in(kind: DataType) -> Expr {
    let never = |_: &[_]| Err(DataFusionError::Internal("a stand-in has no value".to_owned()));
    create_udf("veiled", Vec::new(), kind, Volatility::Volatile, std::sync::Arc::new(never)).call(Vec::new())
}

/// The value of an expression over one column at a code; `None` where it has none alone.
fn value(expr: &Expr, column: &Column, code: &str, schema: &DFSchema) -> Option<ScalarValue> {
    let own = Expr::Column(column.clone());
    let code = ScalarValue::from(code).cast_to(&own.get_type(schema).ok()?).ok()?;
    let put_in = |part: Expr| {
        Ok(if part == own { Transformed::yes(lit(code.clone())) } else { Transformed::no(part) })
    };
    let fixed = expr.clone().transform_up(put_in).ok()?.data;
    match ExprSimplifier::new(SimplifyContext::default()).simplify(fixed).ok()? {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// The table's own column that a node shows unchanged at a place; `None` where it is made, or where that is not obvious.
fn landed(plan: &LogicalPlan, place: usize) -> Option<(String, String)> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            Some((scan.table_name.table().to_owned(), scan.projected_schema.field(place).name().clone()))
        }
        LogicalPlan::SubqueryAlias(alias) => landed(&alias.input, place),
        LogicalPlan::Filter(filter) => landed(&filter.input, place),
        LogicalPlan::Projection(projection) => {
            let Expr::Column(column) = projection.expr.get(place)?.clone().unalias() else { return None };
            landed(&projection.input, projection.input.schema().index_of_column(&column).ok()?)
        }
        LogicalPlan::Join(join)
            if matches!(
                join.join_type,
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full
            ) =>
        {
            match place.checked_sub(join.left.schema().fields().len()) {
                None => landed(&join.left, place),
                Some(place) => landed(&join.right, place),
            }
        }
        _ => None,
    }
}
