//! Sub-queries in expressions: over the own person's rows, or over public ones (12.1).
//!
//! Proof: EXISTS and scalar sub-queries that equate the person inside with the person outside, and IN over the person,
//! read the rows of the outer row's own person; neither key is ever NULL, so that no row of another decides what NOT IN
//! means. A scalar one is an ungrouped aggregate and has one row. Correlation stands in conjuncts of its WHERE, nowhere
//! else, for the engine to plan it as a join on the person.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, Filter, LogicalPlan, Operator, Projection, Subquery,
};

use super::super::expression::{self, Context, Scope};
use super::super::lineage::Origin;
use super::super::refusal::{Code, Construct, Offence};
use super::functions::{self, Order};
use super::{Unit, Walked, walk};

/// At the columns that the sub-query names.
pub(in super::super) fn offence(code: Code, query: &Subquery, text: &str) -> Offence {
    let mut exprs = Vec::new();
    // Nothing in the closure fails.
    let _ = query.subquery.apply_with_subqueries(|node| {
        exprs.extend(node.expressions());
        Ok(TreeNodeRecursion::Continue)
    });
    Offence::new(code, Construct::Subquery, text.lines().next().unwrap_or_default()).at(&exprs)
}

/// `(SELECT aggregate … WHERE t.person_key = a.person_key …)`, or an aggregate of a reference table.
pub(in super::super) fn scalar(
    query: &Subquery,
    scope: &Scope<'_>,
    context: &Context<'_>,
) -> Result<Origin, Offence> {
    let inner = Inner::of(&query.subquery, scope, context)?;
    let allowed = inner.reads_own_rows(scope, inner.on_person);
    let value = inner.walked.columns.first().cloned().filter(|_| inner.aggregated && allowed.is_ok());
    let code = allowed.err().unwrap_or(Code::P07);
    value.map(Origin::nullable).ok_or_else(|| offence(code, query, "a sub-query"))
}

/// `EXISTS (SELECT … WHERE t.person_key = a.person_key …)`
pub(in super::super) fn exists(
    query: &Subquery,
    scope: &Scope<'_>,
    context: &Context<'_>,
) -> Result<Origin, Offence> {
    let inner = Inner::of(&query.subquery, scope, context)?;
    let plain = if inner.aggregated { Err(Code::P07) } else { Ok(()) };
    let allowed = plain.and_then(|()| inner.reads_own_rows(scope, inner.on_person));
    allowed.map(|()| Origin::other()).map_err(|code| offence(code, query, "EXISTS"))
}

/// `person_key IN (SELECT person_key …)`, or any value in a column of a reference table.
pub(in super::super) fn within(
    (value, within): (&Origin, &InSubquery),
    scope: &Scope<'_>,
    context: &Context<'_>,
) -> Result<Origin, Offence> {
    let query = &within.subquery;
    let inner = Inner::of(&query.subquery, scope, context)?;
    let of_persons = value.is_person() && inner.walked.columns.first().is_some_and(Origin::is_person);
    let plain = if inner.aggregated { Err(Code::P07) } else { Ok(()) };
    let allowed = plain.and_then(|()| inner.reads_own_rows(scope, of_persons));
    allowed.map(|()| Origin::other()).map_err(|code| offence(code, query, "IN"))
}

/// A sub-query from its top down to where its own rows are read.
struct Inner {
    walked: Walked,
    /// Whether a conjunct equates the person inside with the person outside.
    on_person: bool,
    /// Whether it is one ungrouped aggregate.
    aggregated: bool,
}

impl Inner {
    fn of(plan: &LogicalPlan, outer: &Scope<'_>, context: &Context<'_>) -> Result<Self, Offence> {
        match plan {
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input, outer, context),
            LogicalPlan::Projection(projection) => {
                Self::of(&projection.input, outer, context)?.projected(projection, context)
            }
            LogicalPlan::Filter(filter) => {
                Self::of(&filter.input, outer, context)?.filtered(filter, outer, context)
            }
            LogicalPlan::Aggregate(node) if node.group_expr.is_empty() => {
                Self::of(&node.input, outer, context)?.aggregated(node, context)
            }
            other => Ok(Self { walked: walk(other, context)?, on_person: false, aggregated: false }),
        }
    }

    fn projected(mut self, projection: &Projection, context: &Context<'_>) -> Result<Self, Offence> {
        let scope = Scope::of(projection.input.schema(), &self.walked);
        let columns = projection.expr.iter().map(|expr| expression::judge(expr, &scope, context));
        self.walked.columns = columns.collect::<Result<_, _>>()?;
        Ok(self)
    }

    fn filtered(
        mut self,
        filter: &Filter,
        outer: &Scope<'_>,
        context: &Context<'_>,
    ) -> Result<Self, Offence> {
        if self.aggregated {
            let text = "a condition on a sub-query's aggregate";
            return Err(Offence::new(Code::P07, Construct::Subquery, text).at([&filter.predicate]));
        }
        let scope = Scope { outer: Some(outer), ..Scope::of(filter.input.schema(), &self.walked) };
        expression::judge(&filter.predicate, &scope, context)?;
        let mut conjuncts = split_conjunction(&filter.predicate).into_iter();
        self.on_person |= conjuncts.any(|conjunct| equates_persons(conjunct, &scope, context));
        Ok(self)
    }

    fn aggregated(mut self, node: &Aggregate, context: &Context<'_>) -> Result<Self, Offence> {
        let scope = Scope::of(node.input.schema(), &self.walked);
        let order = Order { key: self.walked.key.as_ref(), fixed: std::collections::BTreeSet::new() };
        let values = node.aggr_expr.iter().map(|expr| functions::aggregate(expr, &scope, &order, context));
        let columns = values.collect::<Result<Vec<Origin>, _>>()?;
        if self.aggregated {
            return Err(Offence::new(Code::P07, Construct::Subquery, "an aggregate of an aggregate")
                .at(&node.aggr_expr));
        }
        self.walked = Walked { columns, key: None, ..self.walked };
        self.aggregated = true;
        Ok(self)
    }

    /// Whether its rows are public, or the outer row's own person's.
    fn reads_own_rows(&self, outer: &Scope<'_>, on_person: bool) -> Result<(), Code> {
        match (&self.walked.unit, outer.unit) {
            (Unit::Public, _) => Ok(()),
            (Unit::Person(_), Unit::Public) => Err(Code::P06),
            (Unit::Person(inside), Unit::Person(outside)) if inside == outside && on_person => Ok(()),
            _ => Err(Code::P07),
        }
    }
}

/// `t.person_key = a.person_key`, the one of the sub-query's rows, the other of the row around it.
fn equates_persons(conjunct: &Expr, scope: &Scope<'_>, context: &Context<'_>) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = conjunct else { return false };
    let inside = |expr: &Expr| expression::judge(expr, scope, context).is_ok_and(|origin| origin.is_person());
    let outside = |expr: &Expr| match expr {
        Expr::OuterReferenceColumn(_, column) => scope.outer_origin(column).is_some_and(Origin::is_person),
        _ => false,
    };
    inside(left) && outside(right) || inside(right) && outside(left)
}
