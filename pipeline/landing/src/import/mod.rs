//! An extract file, read as its mapping says: bytes to text, text to rows of cells. Deliberately knows nothing of what a
//! cell means.

mod decode;
mod delimited;
mod evidence;
mod json_lines;
mod parquet;
mod rows;
mod several;
mod table;
mod workbook;

pub(crate) use evidence::encoding as evidence_of;
pub(crate) use rows::{Mark, Row};
pub(crate) use table::{Table, container_of, content_of, other_encoding};
pub(crate) use workbook::outline;
