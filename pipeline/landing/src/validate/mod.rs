//! A row of cells becomes a checked record, or a rejection with reason and column (extracts 2, 5, 8). Every decision reads
//! the one record; those that need others of the same person are `judge`'s.

mod across;
mod age;
mod check;
mod codes;
pub(crate) mod date;
mod identifier;
mod layout;
mod memory;
mod number;
mod plan;

pub(crate) use check::{Checker, Dates, Draft, Reader, Rejection};
pub(crate) use codes::Codes;
pub(crate) use layout::{Layout, Role};
pub(crate) use number::Number;
pub(crate) use plan::{IdentifierRule, Plan, Source, Target, Value, boolean};

/// An absent number or boolean.
pub(crate) const NULL: i64 = i64::MIN;
