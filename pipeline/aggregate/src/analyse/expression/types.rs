//! Literals and types: what a cast or a comparison can do to any value (algorithms 12.3). It deliberately lacks columns.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

/// Literal numbers that offsets and lengths may reach.
const LARGEST_COUNT: i64 = 1_000_000;

/// The value of a literal after the casts that stand around it; `None` where it is none, or a cast of it fails.
pub(in crate::analyse) fn literal(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => literal(&cast.expr)?.cast_to(cast.field.data_type()).ok(),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

pub(in crate::analyse) fn is_literal(expr: &Expr) -> bool {
    literal(expr).is_some()
}

fn whole_number(expr: &Expr) -> Option<i64> {
    match literal(expr)?.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(number) => number,
        _ => None,
    }
}

/// A literal from 1.
pub(in crate::analyse) fn is_positive(expr: &Expr) -> bool {
    whole_number(expr).is_some_and(|number| number > 0)
}

/// A literal that counts characters or rows: not negative, and far from where additions overflow.
pub(in crate::analyse) fn is_count(expr: &Expr) -> bool {
    whole_number(expr).is_some_and(|number| (0..=LARGEST_COUNT).contains(&number))
}

/// TRY_CAST gives NULL instead of an error; wide decimals abort later.
pub(super) fn cannot_overflow(to: &DataType) -> bool {
    *to == DataType::Float64 || to.is_signed_integer() || is_narrow_decimal(to)
}

/// DECIMAL(p ≤ 18, s ≤ 6): sums and averages of these do not overflow.
pub(in crate::analyse) fn is_narrow_decimal(of: &DataType) -> bool {
    matches!(of, DataType::Decimal128(precision, scale) if *precision <= 18 && (0..=6).contains(scale))
}

/// Text, plain or dictionary-encoded.
pub(in crate::analyse) fn is_text(of: &DataType) -> bool {
    match of {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

/// Whether two different values stay different: a cast that does not merge rows.
pub(in crate::analyse) fn keeps_apart(from: &DataType, to: &DataType) -> bool {
    widens(from, to) && !to.is_floating()
}

/// Whether every value of `from` has one in `to`.
pub(super) fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal128, Dictionary, Float32, Float64, Null};
    match (from, to) {
        (from, to) if from == to => true,
        (Dictionary(_, value), to) => widens(value, to),
        (from, Dictionary(_, value)) => widens(from, value),
        (Null, _) | (Float32, Float64) => true,
        (from, to) if is_text(from) && is_text(to) => true,
        (from, Float64) if from.is_integer() => true,
        (Decimal128(precision, _), Float64) => *precision <= 18,
        (Decimal128(p, s), Decimal128(q, t)) => {
            t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s)
        }
        (from, Decimal128(q, t)) if from.is_integer() => i16::from(*q) - i16::from(*t) >= digits(from),
        (from, to) if from.is_integer() && to.is_integer() => integer_widens(from, to),
        _ => false,
    }
}

/// Decimal digits of an integer type.
fn digits(of: &DataType) -> i16 {
    match of {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        _ => 20,
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
