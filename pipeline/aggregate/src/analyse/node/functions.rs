//! Aggregates over the rows of one person: those that no order of the rows changes, and those in a full order (12.1).
//!
//! A tie is a leak: which of two equal rows comes first may depend on who else is there. So FIRST_VALUE and its like need
//! an ORDER BY that tells all rows of the person apart, and float sums, whose last bits follow the order, are refused.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{AggregateFunction, Sort};
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::super::expression::types::{is_literal, is_narrow_decimal, is_positive};
use super::super::expression::{self, Context, Scope};
use super::super::lineage::{Key, Origin, Piece};
use super::super::refusal::{Code, Offence};

/// What an order must tell apart.
pub(super) struct Order<'a> {
    pub(super) key: Option<&'a Key>,
    /// Pieces that are equal in all rows compared: those of the groups.
    pub(super) fixed: BTreeSet<Piece>,
}

impl Order<'_> {
    /// Whether ORDER BY leaves no ties among rows of one person and group.
    pub(super) fn is_full(
        &self,
        order_by: &[Sort],
        scope: &Scope<'_>,
        context: &Context<'_>,
    ) -> Result<bool, Offence> {
        let mut pieces = self.fixed.clone();
        for sort in order_by {
            pieces.extend(expression::judge(&sort.expr, scope, context)?.pieces);
        }
        Ok(self.key.is_some_and(|key| key.pieces.is_subset(&pieces)))
    }
}

/// Whether the value holds those of all its rows.
pub(super) fn gathers(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => gathers(&alias.expr),
        Expr::AggregateFunction(function) => ["array_agg", "string_agg"].contains(&function.func.name()),
        _ => false,
    }
}

/// An aggregate within the person.
pub(super) fn aggregate(
    expr: &Expr,
    scope: &Scope<'_>,
    order: &Order<'_>,
    context: &Context<'_>,
) -> Result<Origin, Offence> {
    let function = match expr {
        Expr::Alias(alias) => return aggregate(&alias.expr, scope, order, context),
        Expr::AggregateFunction(function) => function,
        other => return Err(Offence::expression(Code::P17, other)),
    };
    if function.func.signature().volatility != datafusion::logical_expr::Volatility::Immutable {
        return Err(Offence::expression(Code::P14, expr));
    }
    let params = &function.params;
    let args = params
        .args
        .iter()
        .map(|arg| expression::judge(arg, scope, context))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(filter) = &params.filter {
        expression::judge(filter, scope, context)?;
    }
    let refused = || Offence::expression(Code::P13, expr);
    let is_full = order.is_full(&params.order_by, scope, context)?;
    let fine = match function.func.name() {
        "first_value" | "last_value" => is_full && args.len() == 1 && !params.distinct,
        "array_agg" => is_full && !params.distinct,
        "nth_value" => is_full && !params.distinct && params.args.get(1).is_some_and(is_positive),
        "string_agg" => is_full && !params.distinct && params.args.get(1).is_some_and(is_literal),
        _ => params.order_by.is_empty() && needs_no_order(function, scope),
    };
    let keeps_list = ["min", "max", "first_value", "last_value", "nth_value"].contains(&function.func.name());
    match args.first() {
        _ if !fine => Err(refused()),
        Some(first) if keeps_list => {
            Ok(Origin::new(expression::common(std::slice::from_ref(first), context)))
        }
        _ => Ok(Origin::other()),
    }
}

/// Whether the function of the argument is the same in any order of the rows.
fn needs_no_order(function: &AggregateFunction, scope: &Scope<'_>) -> bool {
    let [argument] = function.params.args.as_slice() else { return false };
    let Ok(of) = argument.get_type(scope.schema) else { return false };
    let name = function.func.name();
    if function.params.distinct {
        return name == "count";
    }
    match name {
        "avg" => is_exact_average(argument, scope),
        _ => is_order_free(name, &of),
    }
}

/// Whether COUNT, MIN and their like over that type are exact: MIN and MAX keep whichever of 0.0 and −0.0 came first.
pub(super) fn is_order_free(name: &str, of: &DataType) -> bool {
    match name {
        "count" => true,
        "min" | "max" => !of.is_floating() && !of.is_nested(),
        "bool_and" | "bool_or" => *of == DataType::Boolean,
        "bit_and" | "bit_or" | "bit_xor" => of.is_integer(),
        "sum" => of.is_integer() || is_narrow_decimal(of),
        _ => false,
    }
}

/// Averages of narrow decimals, and of integers of 32 bits, whose sums doubles hold exactly.
fn is_exact_average(argument: &Expr, scope: &Scope<'_>) -> bool {
    let mut bare = argument;
    while let Expr::Cast(cast) = bare {
        bare = &cast.expr;
    }
    let small = |of: DataType| of.is_integer() && of.primitive_width().is_some_and(|bytes| bytes <= 4);
    let narrow = argument.get_type(scope.schema).is_ok_and(|of| is_narrow_decimal(&of));
    narrow || bare.get_type(scope.schema).is_ok_and(small)
}
