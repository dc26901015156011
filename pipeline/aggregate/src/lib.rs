//! SQL to an exact, person-bounded table.
//!
//! [`analyse()`] decides on the logical plan whether a statement can be bounded by person and says why not;
//! [`landed_table`] shows SQL the consented rows; [`operator`] streams them person by person into dense integer sums;
//! [`series`] finds who enters a first-time series, [`tabulate`] joins the statistics of a release into one
//! [`marsad_privacy::exact_table::ExactTable`]. Partial sums never leave this room.

pub mod analyse;
mod calendar;
mod carry;
mod error;
mod explain;
mod landed_rows;
pub mod landed_table;
mod merge;
mod operator;
mod organisation;
mod reference;
pub mod rehearsal;
mod scan;
mod series;
mod session;
mod shape;
mod sources;
mod spill;
pub mod tabulate;

#[cfg(test)]
mod tests;

pub use analyse::{Analysis, Refusal, UnitPath, Verdict, analyse};
pub use error::Error;
pub use landed_table::LandedTable;
pub use series::Closing;
pub use session::Limits;
pub use shape::ShapeError;
pub use sources::{Source, Sources, Whose};
