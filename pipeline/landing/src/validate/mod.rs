//! A row of cells becomes a checked record, or a rejection with reason and column (extracts 2, 5, 8). Every decision reads
//! the one record; those that need others of the same person are `judge`'s.

mod across;
mod age;
mod check;
mod codes;
mod date;
mod layout;
mod number;
mod plan;

pub(crate) use check::{CheckedRecord, Checker, Dates, Rejection};
pub(crate) use layout::Layout;
pub(crate) use plan::{Plan, Target, Value, is_restricted};

/// An absent number or boolean.
pub(crate) const NULL: i64 = i64::MIN;
