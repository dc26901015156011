//! The final aggregates and the output columns made of them (algorithms 12.2).

use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate as AggregateNode, BinaryExpr, Expr, Operator};
use marsad_privacy::shape::Expression;

use super::expression::{self, Context, Scope, name_of};
use super::lineage::Origin;
use super::node::Walked;
use super::refusal::{Code, Construct, Offence};
use super::{Aggregate, Kind};

/// What output columns may refer to.
pub(super) struct Columns<'a> {
    pub(super) walked: &'a Walked,
    pub(super) aggregate: &'a AggregateNode,
    pub(super) context: &'a Context<'a>,
}

/// The judged outputs.
pub(super) struct Outputs {
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) columns: Vec<(String, Expression)>,
}

/// A final aggregate of the SQL in terms of measured ones.
#[derive(Clone)]
enum Measured {
    One(usize),
    Average(usize, usize),
}

/// Judges aggregates and the projection above them.
pub(super) fn judge(columns: &Columns<'_>, above: Option<&[Expr]>) -> Result<Outputs, Offence> {
    let mut aggregates = Vec::new();
    let mut measured = Vec::new();
    for expr in &columns.aggregate.aggr_expr {
        measured.push((name_of(expr), columns.measured(expr, &mut aggregates)?));
    }
    let mut outputs = Outputs { aggregates, columns: Vec::new() };
    let own = columns.aggregate.schema.iter().map(|(qualifier, field)| {
        Expr::Column(datafusion::common::Column::new(qualifier.cloned(), field.name()))
    });
    let own: Vec<Expr> = own.filter(|expr| name_of(expr) != "__grouping_id").collect();
    for expr in above.unwrap_or(&own) {
        columns.output(expr, &measured, &mut outputs)?;
    }
    if outputs.columns.is_empty() {
        return Err(Offence::new(Code::P15, Construct::Statement, "no aggregate among the output columns"));
    }
    Ok(outputs)
}

impl Columns<'_> {
    fn measured(&self, expr: &Expr, all: &mut Vec<Aggregate>) -> Result<Measured, Offence> {
        let function = match expr {
            Expr::AggregateFunction(function) => function,
            Expr::Alias(alias) => return self.measured(&alias.expr, all),
            other => return Err(Offence::expression(Code::P17, other)),
        };
        let refuse = |code| Offence::expression(code, expr);
        let params = &function.params;
        let [argument] = params.args.as_slice() else { return Err(refuse(Code::P10)) };
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return Err(refuse(Code::P10));
        }
        let origin = self.judge(argument)?;
        let filter = params.filter.as_deref();
        if let Some(filter) = filter {
            self.judge(filter)?;
        }
        let row_counts = || counted(argument, filter);
        match (function.func.name(), params.distinct) {
            ("count", true) if origin.is_person() => {
                let aggregate =
                    Aggregate { kind: Kind::Persons, measure: None, value: None, counted: filter.cloned() };
                Ok(Measured::One(place(all, aggregate)))
            }
            ("count", true) => Err(refuse(Code::P11)),
            ("count", false) => Ok(Measured::One(place(all, rows(row_counts())))),
            ("sum", false) => Ok(Measured::One(place(all, self.sum(function, row_counts())?))),
            ("avg", false) => {
                let sum = place(all, self.sum(function, row_counts())?);
                Ok(Measured::Average(sum, place(all, rows(row_counts()))))
            }
            _ => Err(refuse(Code::P10)),
        }
    }

    /// A sum of one declared column; a cast that widens may stand around it.
    fn sum(&self, function: &AggregateFunction, counted: Option<Expr>) -> Result<Aggregate, Offence> {
        let argument = &function.params.args[0];
        let bare = uncast(argument);
        let name = name_of(bare);
        let declared = matches!(bare, Expr::Column(_)) && self.context.declared.measures.contains(&name);
        if !declared {
            return Err(Offence::expression(Code::P12, argument));
        }
        Ok(Aggregate { kind: Kind::Sum, measure: Some(name), value: Some(bare.clone()), counted })
    }

    fn judge(&self, expr: &Expr) -> Result<Origin, Offence> {
        expression::judge(expr, &Scope::of(self.aggregate.input.schema(), self.walked), self.context)
    }

    fn output(
        &self,
        expr: &Expr,
        measured: &[(String, Measured)],
        outputs: &mut Outputs,
    ) -> Result<(), Offence> {
        let (name, bare) = match expr {
            Expr::Alias(alias) => (alias.name.clone(), alias.expr.as_ref()),
            other => (name_of(other), other),
        };
        if self.is_key(bare) {
            return Ok(());
        }
        let one = |expr: &Expr| measured.iter().find(|(n, _)| *n == name_of(expr)).map(|(_, m)| m.clone());
        let expression = match uncast(bare) {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) => {
                match (one(uncast(left)), one(uncast(right))) {
                    (Some(Measured::One(numerator)), Some(Measured::One(denominator))) => {
                        let share =
                            is_share(&outputs.aggregates[numerator], &outputs.aggregates[denominator]);
                        Some(Expression::Ratio { numerator, denominator, share, percent: false })
                    }
                    _ => None,
                }
            }
            bare => one(bare).map(|measured| match measured {
                Measured::One(aggregate) => Expression::Aggregate { aggregate },
                Measured::Average(numerator, denominator) => {
                    Expression::Ratio { numerator, denominator, share: false, percent: false }
                }
            }),
        };
        let unproven = || Offence::expression(Code::P17, expr);
        outputs.columns.push((name, expression.ok_or_else(unproven)?));
        Ok(())
    }

    /// Whether an output column repeats a group expression.
    fn is_key(&self, expr: &Expr) -> bool {
        let keys = grouping_set_to_exprlist(&self.aggregate.group_expr).unwrap_or_default();
        keys.into_iter().any(|key| key == expr || name_of(key) == name_of(expr))
    }
}

fn rows(counted: Option<Expr>) -> Aggregate {
    Aggregate { kind: Kind::Rows, measure: None, value: None, counted }
}

fn place(all: &mut Vec<Aggregate>, aggregate: Aggregate) -> usize {
    all.iter().position(|one| *one == aggregate).unwrap_or_else(|| {
        all.push(aggregate);
        all.len() - 1
    })
}

/// A row counts if it passes the FILTER and the argument is not NULL.
fn counted(argument: &Expr, filter: Option<&Expr>) -> Option<Expr> {
    let bare = uncast(argument);
    let not_null = (!matches!(bare, Expr::Literal(..))).then(|| bare.clone().is_not_null());
    match (not_null, filter.cloned()) {
        (Some(a), Some(b)) => Some(a.and(b)),
        (a, b) => a.or(b),
    }
}

/// The numerator is a part of the denominator: one kind of count, and the denominator takes every row.
fn is_share(numerator: &Aggregate, denominator: &Aggregate) -> bool {
    numerator.kind == denominator.kind && numerator.kind != Kind::Sum && denominator.counted.is_none()
}

fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => uncast(&cast.expr),
        Expr::Alias(alias) => uncast(&alias.expr),
        other => other,
    }
}
