//! Dates: only landed ones and literals of 1900 to 2100, moved by at most 100 years along their lineage (algorithms 12.3).
//!
//! Farther dates do not fit where the engine turns them into timestamps, and one such row would abort the query.

use arrow::datatypes::DataType;
use chrono::{Datelike, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::super::lineage::Lineage;
use super::types::literal;

/// Days of 100 years.
const FARTHEST: i64 = 36_525;
/// Parts of a date that every date has.
const PARTS: [&str; 7] = ["year", "quarter", "month", "week", "day", "doy", "dow"];

/// The lineage of a date literal.
pub(super) fn of_literal(value: &ScalarValue) -> Option<Lineage> {
    let days = match value {
        ScalarValue::Date32(Some(days)) => i64::from(*days),
        ScalarValue::TimestampSecond(Some(n), _) => n.div_euclid(86_400),
        ScalarValue::TimestampMillisecond(Some(n), _) => n.div_euclid(86_400_000),
        ScalarValue::TimestampMicrosecond(Some(n), _) => n.div_euclid(86_400_000_000),
        ScalarValue::TimestampNanosecond(Some(n), _) => n.div_euclid(86_400_000_000_000),
        _ => return None,
    };
    let year = NaiveDate::from_epoch_days(i32::try_from(days).ok()?)?.year();
    (1900..=2100).contains(&year).then_some(Lineage::Date(0))
}

/// A date moved by a literal interval.
pub(super) fn moved(date: &Lineage, binary: &BinaryExpr) -> Option<Lineage> {
    let Lineage::Date(so_far) = date else { return None };
    let steps = matches!(binary.op, Operator::Plus | Operator::Minus);
    let days = so_far + days_of(&binary.right)?;
    (steps && days <= FARTHEST).then_some(Lineage::Date(days))
}

/// The size of a literal interval in days, rounded up.
fn days_of(interval: &Expr) -> Option<i64> {
    let months_and_days = |months: i32, days: i64| {
        let months = i64::from(months).abs();
        (months * 1461 + 47).div_euclid(48) + days.abs()
    };
    match literal(interval)? {
        ScalarValue::IntervalYearMonth(Some(months)) => Some(months_and_days(months, 0)),
        ScalarValue::IntervalDayTime(Some(interval)) => {
            Some(i64::from(interval.days).abs() + i64::from(interval.milliseconds != 0) * 25)
        }
        ScalarValue::IntervalMonthDayNano(Some(interval)) => {
            let nanos = interval.nanoseconds.unsigned_abs().div_ceil(86_400_000_000_000);
            Some(
                months_and_days(interval.months, i64::from(interval.days))
                    + i64::try_from(nanos).unwrap_or(FARTHEST),
            )
        }
        _ => None,
    }
}

/// Whether it names a part of a date.
pub(super) fn is_part(expr: &Expr) -> bool {
    let text = literal(expr).and_then(|value| value.try_as_str().flatten().map(str::to_lowercase));
    text.is_some_and(|text| PARTS.contains(&text.as_str()))
}

/// A date, or the timestamp that a landed date turns into.
pub(super) fn is_date(of: &DataType) -> bool {
    matches!(of, DataType::Date32 | DataType::Timestamp(_, _))
}
