//! Functions and patterns that give a value for every text and number (algorithms 12.3): each with its condition.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Volatility, lit};
use datafusion::physical_expr::create_physical_expr;

use super::super::lineage::{Lineage, Origin};
use super::super::refusal::{Code, Offence};
use super::types::{is_count, is_literal, literal};
use super::{Judge, common, date, refuse};

impl Judge<'_> {
    pub(super) fn function(&self, function: &ScalarFunction, whole: &Expr) -> Result<Origin, Offence> {
        if function.func.signature().volatility != Volatility::Immutable {
            return Err(refuse(Code::P14, whole));
        }
        let args = function.args.as_slice();
        let literals_after = |n: usize| args.iter().skip(n).all(is_literal);
        let counts = || args.iter().skip(1).all(is_count);
        match function.func.name() {
            "coalesce" => self.coalesce(args),
            "nullif" => self.common(args.iter()),
            "lower" | "upper" | "character_length" => self.each(args),
            "btrim" | "ltrim" | "rtrim" | "starts_with" if literals_after(1) => self.each(args),
            "left" | "right" | "substr" if counts() => self.each(args),
            "regexp_like" if literals_after(1) && runs_on_empty_text(function) => self.each(args),
            "date_part" | "date_trunc" if args.first().is_some_and(date::is_part) => {
                let origin = args.get(1).map(|arg| self.expr(arg)).transpose()?;
                let landed = match (&origin, args.get(1).and_then(|arg| self.type_of(arg))) {
                    (Some(Origin { lineage: Lineage::Date(_), .. }), Some(of)) => date::is_date(&of),
                    _ => false,
                };
                let origin = origin.filter(|_| landed).ok_or_else(|| refuse(Code::P13, whole))?;
                let truncated = function.func.name() == "date_trunc";
                Ok(if truncated { Origin::new(origin.lineage) } else { Origin::other() })
            }
            _ => Err(refuse(Code::P13, whole)),
        }
    }

    /// Both sides' persons after a full join are the person again.
    fn coalesce(&self, args: &[Expr]) -> Result<Origin, Offence> {
        let parts: Vec<Origin> = args.iter().map(|part| self.expr(part)).collect::<Result<_, _>>()?;
        let person = match parts.iter().map(|part| &part.lineage).collect::<Vec<_>>().as_slice() {
            [Lineage::Person, ..] => true,
            [Lineage::Half { join, left }, Lineage::Half { join: other, left: side }, ..] => {
                join == other && left != side
            }
            _ => false,
        };
        Ok(Origin::new(if person { Lineage::Person } else { common(&parts, self.context) }))
    }
}

/// A literal's meaning.
pub(super) fn of_literal(value: ScalarValue) -> Origin {
    let lineage = match &value {
        value if value.is_null() => Lineage::Null,
        ScalarValue::Dictionary(_, inner) => {
            inner.try_as_str().flatten().map_or(Lineage::Other, |text| Lineage::Text(text.to_owned()))
        }
        value => value
            .try_as_str()
            .flatten()
            .map(|text| Lineage::Text(text.to_owned()))
            .or_else(|| date::of_literal(value))
            .unwrap_or(Lineage::Other),
    };
    Origin { literals: vec![value], ..Origin::new(lineage) }
}

/// A text against a literal pattern that compiles.
pub(super) fn matches_text(binary: &BinaryExpr) -> bool {
    let Some(pattern) = literal(&binary.right).and_then(|p| p.try_as_str().flatten().map(str::to_owned))
    else {
        return false;
    };
    evaluates(&Expr::BinaryExpr(BinaryExpr::new(Box::new(lit("")), binary.op, Box::new(lit(pattern)))))
}

/// Whether the function's literal arguments are well formed: it is tried on one empty text.
fn runs_on_empty_text(function: &ScalarFunction) -> bool {
    let mut tried = function.clone();
    if let Some(text) = tried.args.first_mut() {
        *text = lit("");
    }
    evaluates(&Expr::ScalarFunction(tried))
}

fn evaluates(expr: &Expr) -> bool {
    let schema = DFSchema::empty();
    let column: ArrayRef = Arc::new(StringArray::from(vec![""]));
    let row = RecordBatch::try_from_iter([("text", column)]);
    let expr =
        create_physical_expr(expr, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default());
    match (expr, row) {
        (Ok(expr), Ok(row)) => expr.evaluate(&row).is_ok(),
        _ => false,
    }
}
