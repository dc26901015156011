//! Expressions over a person's own row: only those that cannot fail for any value (algorithms 12.3).
//!
//! An error caused by one row would be an unbounded leak, and a guard is no proof (`WHERE x <> 0 AND 10/x > 1` still
//! aborts). Default deny: what is not listed is refused. Attack: `tests::extremes` runs every listed form over the
//! extreme values of each type.

mod code;
mod date;
mod function;
pub(super) mod types;

use std::cell::Cell;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, Operator};

use super::Declared;
use super::lineage::{Lineage, Origin, Piece};
use super::node::{Unit, Walked, subquery};
use super::refusal::{Code, Offence};
use crate::sources::Sources;
use types::{is_literal, is_positive, keeps_apart, literal, widens};

/// What a statement is judged against.
pub(crate) struct Context<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) declared: &'a Declared,
    pieces: Cell<Piece>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(sources: &'a Sources, declared: &'a Declared) -> Self {
        Self { sources, declared, pieces: Cell::new(0) }
    }

    /// A number that nothing else of the statement has.
    pub(super) fn fresh(&self) -> Piece {
        self.pieces.set(self.pieces.get() + 1);
        self.pieces.get()
    }
}

/// The columns that an expression may name, and those of the query around it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) columns: &'a [Origin],
    pub(super) unit: &'a Unit,
    pub(super) outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(schema: &'a DFSchema, walked: &'a Walked) -> Self {
        Self { schema, columns: &walked.columns, unit: &walked.unit, outer: None }
    }

    /// A column of the query around, as it is there.
    pub(super) fn outer_origin(&self, column: &Column) -> Option<&'a Origin> {
        self.outer.and_then(|outer| outer.origin(column))
    }

    fn origin(&self, column: &Column) -> Option<&'a Origin> {
        self.columns.get(self.schema.index_of_column(column).ok()?)
    }
}

/// The name that an expression has in the output: an alias, or the bare column.
pub(super) fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => column.name.clone(),
        other => other.schema_name().to_string(),
    }
}

/// Accepts an expression and tells its origin.
pub(super) fn judge(expr: &Expr, scope: &Scope<'_>, context: &Context<'_>) -> Result<Origin, Offence> {
    Judge { scope, context }.expr(expr)
}

struct Judge<'a> {
    scope: &'a Scope<'a>,
    context: &'a Context<'a>,
}

impl Judge<'_> {
    fn expr(&self, expr: &Expr) -> Result<Origin, Offence> {
        match expr {
            Expr::Alias(alias) => self.expr(&alias.expr),
            Expr::Column(column) => self.column(column, expr),
            Expr::OuterReferenceColumn(_, column) => {
                let outer = self.scope.outer_origin(column);
                outer.cloned().map(Origin::nullable).ok_or_else(|| refuse(Code::P07, expr))
            }
            Expr::Literal(value, _) if function::is_long(value) => Err(refuse(Code::P13, expr)),
            Expr::Literal(value, _) => Ok(function::of_literal(value.clone())),
            Expr::Not(e)
            | Expr::IsNull(e)
            | Expr::IsNotNull(e)
            | Expr::IsTrue(e)
            | Expr::IsFalse(e)
            | Expr::IsUnknown(e)
            | Expr::IsNotTrue(e)
            | Expr::IsNotFalse(e)
            | Expr::IsNotUnknown(e) => self.each([e.as_ref()]),
            Expr::BinaryExpr(binary) => self.binary(binary, expr),
            Expr::Between(between) => {
                self.each([between.expr.as_ref(), between.low.as_ref(), between.high.as_ref()])
            }
            Expr::InList(list) => self.compared(&list.expr, list.list.iter(), expr),
            Expr::Like(like) if function::is_like(like) => self.each([like.expr.as_ref()]),
            Expr::Case(case) => self.case(case, expr),
            Expr::Cast(cast) => self.cast(&cast.expr, cast.field.data_type(), expr),
            Expr::TryCast(cast) if types::cannot_overflow(cast.field.data_type()) => {
                self.each([cast.expr.as_ref()])
            }
            Expr::ScalarFunction(function) => self.function(function, expr),
            Expr::ScalarSubquery(query) => subquery::scalar(query, self.scope, self.context),
            Expr::Exists(exists) => subquery::exists(&exists.subquery, self.scope, self.context),
            Expr::InSubquery(within) => {
                let value = self.expr(&within.expr)?;
                subquery::within((&value, within), self.scope, self.context)
            }
            Expr::SetComparison(comparison) => {
                Err(subquery::offence(Code::P07, &comparison.subquery, &expr.to_string()))
            }
            Expr::WindowFunction(_) => Err(refuse(Code::P02, expr)),
            other => Err(refuse(Code::P13, other)),
        }
    }

    fn column(&self, column: &Column, expr: &Expr) -> Result<Origin, Offence> {
        // The engine's own number of a grouping set changes where columns are carried along.
        let known = self.scope.origin(column).filter(|_| column.name != "__grouping_id");
        known.cloned().ok_or_else(|| refuse(Code::P17, expr))
    }

    /// Accepts all and forgets their origin.
    fn each<'e>(&self, parts: impl IntoIterator<Item = &'e Expr>) -> Result<Origin, Offence> {
        for part in parts {
            self.expr(part)?;
        }
        Ok(Origin::other())
    }

    /// Accepts a value and all that it may equal.
    fn compared<'e>(
        &self,
        value: &Expr,
        with: impl Iterator<Item = &'e Expr>,
        whole: &Expr,
    ) -> Result<Origin, Offence> {
        let value = self.expr(value)?;
        for other in with {
            code::is_known((&value, &self.expr(other)?), whole, self.context)?;
        }
        Ok(Origin::other())
    }

    fn type_of(&self, expr: &Expr) -> Option<DataType> {
        match expr {
            Expr::OuterReferenceColumn(field, _) => Some(field.data_type().clone()),
            other => other.get_type(self.scope.schema).ok(),
        }
    }

    fn binary(&self, binary: &BinaryExpr, whole: &Expr) -> Result<Origin, Offence> {
        let left = self.expr(&binary.left)?;
        if let Some(lineage) = date::moved(&left.lineage, binary) {
            return Ok(Origin::new(lineage));
        }
        let right = self.expr(&binary.right)?;
        let types = [self.type_of(&binary.left), self.type_of(&binary.right)];
        let all = |accept: fn(&DataType) -> bool| types.iter().all(|t| t.as_ref().is_some_and(accept));
        let dates = || {
            let landed = |origin: &Origin| matches!(origin.lineage, Lineage::Date(_));
            landed(&left) && landed(&right) && all(|t| *t == DataType::Date32)
        };
        let fine = match binary.op {
            Operator::And
            | Operator::Or
            | Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq => true,
            Operator::Plus | Operator::Multiply => all(DataType::is_integer) || all(DataType::is_floating),
            Operator::Minus => all(DataType::is_integer) || all(DataType::is_floating) || dates(),
            Operator::Divide => {
                all(DataType::is_floating) || all(DataType::is_integer) && is_positive(&binary.right)
            }
            Operator::Modulo => all(DataType::is_integer) && is_positive(&binary.right),
            Operator::RegexMatch
            | Operator::RegexIMatch
            | Operator::RegexNotMatch
            | Operator::RegexNotIMatch => function::matches_text(binary),
            _ => false,
        };
        if matches!(binary.op, Operator::Eq | Operator::NotEq) {
            code::is_known((&left, &right), whole, self.context)?;
        }
        if fine { Ok(Origin::other()) } else { Err(refuse(Code::P13, whole)) }
    }

    fn case(&self, case: &Case, whole: &Expr) -> Result<Origin, Offence> {
        let mut whens = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
        match case.expr.as_deref() {
            Some(operand) => self.compared(operand, whens, whole)?,
            None => self.each(&mut whens)?,
        };
        let results =
            case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref());
        self.common(results)
    }

    fn common<'e>(&self, parts: impl Iterator<Item = &'e Expr>) -> Result<Origin, Offence> {
        let parts: Vec<Origin> = parts.map(|part| self.expr(part)).collect::<Result<_, _>>()?;
        Ok(Origin::new(common(&parts, self.context)))
    }

    fn cast(&self, inner: &Expr, to: &DataType, whole: &Expr) -> Result<Origin, Offence> {
        if is_literal(inner) {
            // A literal is cast once, whatever the rows are; a cast that fails is none.
            let value = literal(whole).ok_or_else(|| refuse(Code::P13, whole))?;
            return Ok(function::of_literal(value));
        }
        let mut origin = self.expr(inner)?;
        let from = self.type_of(inner).ok_or_else(|| refuse(Code::P13, whole))?;
        let landed_date = matches!(origin.lineage, Lineage::Date(_)) && date::is_date(&from);
        if landed_date && (*to == from || date::is_date(to) && *to != DataType::Date32) {
            return Ok(Origin::new(origin.lineage));
        }
        if !widens(&from, to) {
            return Err(refuse(Code::P13, whole));
        }
        if !keeps_apart(&from, to) {
            origin.pieces.clear();
        }
        let literals = origin.literals.iter().map(|value| value.cast_to(to).ok());
        origin.literals = literals.collect::<Option<_>>().unwrap_or_default();
        Ok(origin)
    }
}

/// The one list, grain or calendar of all parts: columns of it, its codes as literals, NULL.
pub(super) fn common(parts: &[Origin], context: &Context<'_>) -> Lineage {
    let first = parts.iter().map(|part| &part.lineage).find(|lineage| {
        matches!(lineage, Lineage::Code(_) | Lineage::Period { .. } | Lineage::Date(_) | Lineage::Text(_))
    });
    let others = || parts.iter().map(|part| &part.lineage).filter(|lineage| **lineage != Lineage::Null);
    let code = others().find_map(|lineage| match lineage {
        Lineage::Code(list) => Some(list),
        _ => None,
    });
    if let Some(list) = code {
        let known = context.sources.codes.get(list);
        let holds = |lineage: &Lineage| match lineage {
            Lineage::Code(other) => other == list,
            Lineage::Text(text) => known.is_none_or(|codes| codes.contains(text)),
            _ => false,
        };
        return if others().all(holds) { Lineage::Code(list.clone()) } else { Lineage::Other };
    }
    match first {
        Some(Lineage::Period { grain, .. }) => {
            let same = |lineage: &Lineage| matches!(lineage, Lineage::Period { grain: g, .. } if g == grain);
            if others().all(same) { Lineage::Period { grain: *grain, own: false } } else { Lineage::Other }
        }
        Some(Lineage::Date(_)) => {
            let days = others().map(|lineage| match lineage {
                Lineage::Date(days) => Some(*days),
                _ => None,
            });
            days.collect::<Option<Vec<_>>>()
                .and_then(|days| days.into_iter().max())
                .map_or(Lineage::Other, Lineage::Date)
        }
        Some(Lineage::Text(text)) if parts.len() == 1 => Lineage::Text(text.clone()),
        _ => Lineage::Other,
    }
}

fn refuse(code: Code, expr: &Expr) -> Offence {
    Offence::expression(code, expr)
}
