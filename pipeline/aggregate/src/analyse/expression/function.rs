//! Functions and patterns that give a value for every text and number (algorithms 12.3): each with its condition.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Volatility, lit};
use datafusion::physical_expr::create_physical_expr;
use regex::RegexBuilder;

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

/// The longest text of a statement's own. One row may hold it as often as the person has rows.
const LONGEST_TEXT: usize = 256;

/// Whether a literal is a longer text.
pub(super) fn is_long(value: &ScalarValue) -> bool {
    value.try_as_str().flatten().is_some_and(|text| text.chars().count() > LONGEST_TEXT)
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

/// The longest pattern. A pattern is compiled for each batch that has a row to match, so what that takes must be little: it
/// would tell, by the time of a run, whether there is such a row.
const LONGEST_PATTERN: usize = 256;
/// The most that a compiled pattern may take, in bytes: repetitions make a long one of a short text.
const LARGEST_PATTERN: usize = 1 << 20;

/// A text against a literal pattern that compiles.
pub(super) fn matches_text(binary: &BinaryExpr) -> bool {
    let Some(pattern) = pattern(&binary.right) else { return false };
    let tried = BinaryExpr::new(Box::new(lit("")), binary.op, Box::new(lit(pattern.as_str())));
    compiles(&pattern) && evaluates(&Expr::BinaryExpr(tried))
}

/// A text LIKE a literal pattern that compiles: most become regular expressions, which may be too large to.
pub(super) fn is_like(like: &Like) -> bool {
    let Some(pattern) = pattern(&like.pattern).filter(|_| like.escape_char.is_none()) else { return false };
    let tried = Like { expr: Box::new(lit("")), pattern: Box::new(lit(pattern)), ..like.clone() };
    evaluates(&Expr::Like(tried))
}

/// A literal text that is not too long for a pattern.
fn pattern(expr: &Expr) -> Option<String> {
    let text = literal(expr).and_then(|p| p.try_as_str().flatten().map(str::to_owned));
    text.filter(|text| text.chars().count() <= LONGEST_PATTERN)
}

fn compiles(pattern: &str) -> bool {
    RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build().is_ok()
}

/// Whether the function's literal arguments are well formed: it is tried on one empty text.
fn runs_on_empty_text(function: &ScalarFunction) -> bool {
    if !function.args.get(1).and_then(pattern).is_some_and(|pattern| compiles(&pattern)) {
        return false;
    }
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
