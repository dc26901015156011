//! An extract file, read as its mapping says: bytes to text, text to rows of cells. Deliberately knows nothing of what a
//! cell means.

mod decode;
mod rows;
mod table;

pub(crate) use rows::Row;
pub(crate) use table::{Table, content_of};
