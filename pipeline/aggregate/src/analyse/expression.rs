//! Expressions over a person's own row: only those that cannot fail for any value (algorithms 12.3).
//!
//! An error caused by one row would be an unbounded leak, and a guard is no proof (`WHERE x <> 0 AND 10/x > 1` still
//! aborts). Default deny: what is not listed is refused.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, Operator, Volatility};

use super::Declared;
use super::lineage::Lineage;
use super::refusal::{Code, Place, Refusal};
use crate::sources::Sources;

/// What expressions are judged against.
pub(crate) struct Context<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) declared: &'a Declared,
}

/// Where an expression stands, from the first of its columns that knows.
pub(super) fn place_of(expr: &Expr) -> Place {
    let columns = expr.column_refs();
    let spans = columns.iter().filter_map(|column| column.spans.first());
    spans.map(|span| (span.start.line, span.start.column)).min().unwrap_or((1, 1))
}

/// The name that an expression has in the output: an alias, or the bare column.
pub(super) fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => column.name.clone(),
        other => other.schema_name().to_string(),
    }
}

/// Accepts an expression and tells its lineage.
pub(super) fn judge(
    expr: &Expr,
    input: &LogicalPlan,
    lineage: &[Lineage],
    context: &Context<'_>,
) -> Result<Lineage, Refusal> {
    Judge { schema: input.schema(), lineage, context }.expr(expr)
}

struct Judge<'a> {
    schema: &'a DFSchema,
    lineage: &'a [Lineage],
    context: &'a Context<'a>,
}

impl Judge<'_> {
    fn expr(&self, expr: &Expr) -> Result<Lineage, Refusal> {
        match expr {
            Expr::Alias(alias) => self.expr(&alias.expr),
            Expr::Column(column) => {
                let index = self.schema.index_of_column(column).ok();
                index.and_then(|i| self.lineage.get(i)).cloned().ok_or_else(|| refuse(Code::P17, expr))
            }
            Expr::Literal(value, _) => Ok(literal(value)),
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
            Expr::InList(list) => self.each(std::iter::once(list.expr.as_ref()).chain(&list.list)),
            Expr::Like(like) if is_literal(&like.pattern) => self.each([like.expr.as_ref()]),
            Expr::Case(case) => self.case(case),
            Expr::Cast(cast) => self.cast(&cast.expr, cast.field.data_type(), expr),
            Expr::TryCast(cast) if cannot_overflow(cast.field.data_type()) => self.each([cast.expr.as_ref()]),
            Expr::ScalarFunction(function) => self.function(function, expr),
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
                Err(refuse(Code::P07, expr))
            }
            Expr::WindowFunction(_) => Err(refuse(Code::P02, expr)),
            other => Err(refuse(Code::P13, other)),
        }
    }

    /// Accepts all and forgets their origin.
    fn each<'e>(&self, parts: impl IntoIterator<Item = &'e Expr>) -> Result<Lineage, Refusal> {
        for part in parts {
            self.expr(part)?;
        }
        Ok(Lineage::Other)
    }

    fn type_of(&self, expr: &Expr) -> Option<DataType> {
        expr.get_type(self.schema).ok()
    }

    fn binary(&self, binary: &BinaryExpr, whole: &Expr) -> Result<Lineage, Refusal> {
        self.each([binary.left.as_ref(), binary.right.as_ref()])?;
        let types = [self.type_of(&binary.left), self.type_of(&binary.right)];
        let all = |accept: fn(&DataType) -> bool| types.iter().all(|t| t.as_ref().is_some_and(accept));
        let fine = match binary.op {
            Operator::And
            | Operator::Or
            | Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq => true,
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                all(arrow::datatypes::DataType::is_integer) || all(DataType::is_floating)
            }
            Operator::Divide => {
                all(DataType::is_floating)
                    || all(arrow::datatypes::DataType::is_integer) && is_positive(&binary.right)
            }
            Operator::Modulo => all(arrow::datatypes::DataType::is_integer) && is_positive(&binary.right),
            _ => false,
        };
        if fine { Ok(Lineage::Other) } else { Err(refuse(Code::P13, whole)) }
    }

    fn case(&self, case: &Case) -> Result<Lineage, Refusal> {
        self.each(case.expr.as_deref())?;
        let results =
            case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref());
        self.each(case.when_then_expr.iter().map(|(when, _)| when.as_ref()))?;
        self.common(results)
    }

    /// The one code list of all parts: columns of it, its codes as literals, NULL.
    fn common<'e>(&self, parts: impl Iterator<Item = &'e Expr>) -> Result<Lineage, Refusal> {
        let parts: Vec<Lineage> = parts.map(|part| self.expr(part)).collect::<Result<_, _>>()?;
        let Some(list) = parts.iter().find_map(|part| match part {
            Lineage::Code(list) => Some(list),
            _ => None,
        }) else {
            return Ok(Lineage::Other);
        };
        let known = self.context.sources.codes.get(list);
        let holds = |text: &String| known.is_none_or(|codes| codes.contains(text));
        let kept = parts.iter().all(|part| match part {
            Lineage::Code(other) => other == list,
            Lineage::Text(text) => holds(text),
            Lineage::Null => true,
            _ => false,
        });
        Ok(if kept { Lineage::Code(list.clone()) } else { Lineage::Other })
    }

    fn cast(&self, inner: &Expr, to: &DataType, whole: &Expr) -> Result<Lineage, Refusal> {
        let lineage = self.expr(inner)?;
        // A literal is cast once, whatever the rows are.
        let widens = is_literal(inner) || self.type_of(inner).is_some_and(|from| widens(&from, to));
        if widens { Ok(lineage) } else { Err(refuse(Code::P13, whole)) }
    }

    fn function(&self, function: &ScalarFunction, whole: &Expr) -> Result<Lineage, Refusal> {
        if function.func.signature().volatility != Volatility::Immutable {
            return Err(refuse(Code::P14, whole));
        }
        let literals_after = |n: usize| function.args.iter().skip(n).all(is_literal);
        let counts = || function.args.iter().skip(1).all(is_not_negative);
        match function.func.name() {
            "coalesce" | "nullif" => self.common(function.args.iter()),
            "lower" | "upper" | "character_length" => self.each(&function.args),
            "btrim" | "ltrim" | "rtrim" | "starts_with" if literals_after(1) => self.each(&function.args),
            "left" | "right" | "substr" if literals_after(1) && counts() => self.each(&function.args),
            "date_part" | "date_trunc"
                if is_literal(&function.args[0])
                    && function.args.get(1).and_then(|e| self.type_of(e)) == Some(DataType::Date32) =>
            {
                self.each(&function.args)
            }
            _ => Err(refuse(Code::P13, whole)),
        }
    }
}

fn refuse(code: Code, expr: &Expr) -> Refusal {
    Refusal::new(code, place_of(expr), expr.to_string())
}

fn literal(value: &ScalarValue) -> Lineage {
    match value {
        value if value.is_null() => Lineage::Null,
        ScalarValue::Dictionary(_, value) => literal(value),
        value => value.try_as_str().flatten().map_or(Lineage::Other, |text| Lineage::Text(text.to_owned())),
    }
}

fn scalar(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Cast(cast) => scalar(&cast.expr),
        Expr::Alias(alias) => scalar(&alias.expr),
        _ => None,
    }
}

fn is_literal(expr: &Expr) -> bool {
    scalar(expr).is_some()
}

fn whole_number(expr: &Expr) -> Option<i64> {
    scalar(expr)?.cast_to(&DataType::Int64).ok().and_then(|value| match value {
        ScalarValue::Int64(number) => number,
        _ => None,
    })
}

fn is_positive(expr: &Expr) -> bool {
    whole_number(expr).is_some_and(|number| number > 0)
}

fn is_not_negative(expr: &Expr) -> bool {
    whole_number(expr).is_some_and(|number| number >= 0)
}

/// TRY_CAST gives NULL instead of an error; wide decimals abort later.
fn cannot_overflow(to: &DataType) -> bool {
    match to {
        DataType::Decimal128(precision, scale) => *precision <= 18 && (0..=6).contains(scale),
        DataType::Float64 => true,
        other => other.is_signed_integer(),
    }
}

/// Whether every value of `from` has one in `to`.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal128, Dictionary, Float32, Float64, Null, Utf8, Utf8View};
    match (from, to) {
        (from, to) if from == to => true,
        (Dictionary(_, value), to) => widens(value, to),
        (from, Dictionary(_, value)) => widens(from, value),
        (Null, _) | (Utf8 | Utf8View, Utf8 | Utf8View) | (Float32, Float64) => true,
        (from, Float64) if from.is_integer() => true,
        (Decimal128(precision, _), Float64) => *precision <= 18,
        (Decimal128(p, s), Decimal128(q, t)) => {
            t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s)
        }
        (from, Decimal128(q, t)) if from.is_integer() => i16::from(*q) - i16::from(*t) >= 20,
        (from, to) if from.is_integer() && to.is_integer() => integer_widens(from, to),
        _ => false,
    }
}

fn integer_widens(from: &DataType, to: &DataType) -> bool {
    let bits = |t: &DataType| t.primitive_width().unwrap_or(8) * 8;
    match (from.is_signed_integer(), to.is_signed_integer()) {
        (true, true) | (false, false) => bits(to) >= bits(from),
        (false, true) => bits(to) > bits(from),
        (true, false) => false,
    }
}
