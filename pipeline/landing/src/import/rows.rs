//! Delimited text cut into rows (RFC 4180, and what Excel makes of it), with physical line numbers and in bounded memory.
//!
//! Written here because no library tells a quotation that is never closed from a long last cell, nor gives up on a cell
//! of a gigabyte while keeping the rest of the file.

use std::io::{self, Read};

use chrono::NaiveDate;
use memchr::{memchr, memchr_iter, memchr2};

use crate::import::decode::Decoded;

/// Cells above this size are dropped and remembered as too long (R10).
pub(crate) const LONGEST_CELL: usize = 1 << 20;
/// A row keeps no more text than this.
pub(crate) const LONGEST_ROW: usize = 64 << 20;
/// Cells beyond this number are counted and not kept.
pub(crate) const MOST_CELLS: usize = 4096;

/// One row of cells. Reused from row to row.
#[derive(Default)]
pub(crate) struct Row {
    line: u64,
    /// Each kept cell, and one byte after it.
    text: String,
    ends: Vec<usize>,
    n_cells: usize,
    too_long: Vec<usize>,
    marks: Vec<(usize, Mark)>,
}

/// What a workbook or Parquet says of a cell beside its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A date, by its format or type.
    Date(NaiveDate),
    /// A workbook's number, and the day that it counts to.
    Number(Option<NaiveDate>),
}

impl Row {
    /// Begins a row of no cells.
    pub(crate) fn begin(&mut self, line: u64) {
        self.line = line;
        self.text.clear();
        self.ends.clear();
        self.n_cells = 0;
        self.too_long.clear();
        self.marks.clear();
    }

    /// Adds a cell; too long a one is dropped and remembered.
    pub(crate) fn push(&mut self, text: &str, mark: Option<Mark>) {
        if self.n_cells < MOST_CELLS {
            if text.len() > LONGEST_CELL || self.text.len() + text.len() > LONGEST_ROW {
                self.too_long.push(self.n_cells);
            } else {
                self.text.push_str(text);
            }
            self.ends.push(self.text.len());
            self.text.push('\n');
            self.marks.extend(mark.map(|mark| (self.n_cells, mark)));
        }
        self.n_cells += 1;
    }

    pub(crate) fn mark(&self, index: usize) -> Option<Mark> {
        self.marks.iter().find(|(cell, _)| *cell == index).map(|(_, mark)| *mark)
    }

    /// Whether a cell of the row has a mark.
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        !self.marks.is_empty()
    }

    /// How much text the row holds, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.text.len()
    }

    /// The physical line on which the row begins, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    #[inline]
    pub(crate) fn n_cells(&self) -> usize {
        self.n_cells
    }

    /// The cell's text; empty where it was too long.
    #[inline]
    pub(crate) fn cell(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] + 1 };
        &self.text[start..self.ends[index]]
    }

    #[inline]
    pub(crate) fn is_too_long(&self, index: usize) -> bool {
        self.too_long.contains(&index)
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.cell(index))
    }
}

/// Why the next row cannot be had.
#[derive(Debug)]
pub(crate) enum RowFault {
    Io(io::Error),
    /// A quotation that begins in the row of this line is never closed.
    Unclosed(u64),
    /// A quotation that begins in the row of this line holds whole rows.
    Swallowed(u64),
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a quotation mark inside a quotation: its end, or half of `""`.
    QuoteInQuoted,
}

/// Cuts decoded text into rows.
pub(crate) struct Rows<R> {
    input: Decoded<R>,
    delimiter: u8,
    chunk: String,
    at: usize,
    line: u64,
    after_return: bool,
    /// How many cells a row has, once the header is read.
    width: Option<usize>,
    building: Building,
}

/// The row being built, as bytes.
struct Building {
    /// As of [`Row`].
    text: Vec<u8>,
    ends: Vec<usize>,
    n_cells: usize,
    too_long: Vec<usize>,
    cell_is_long: bool,
    is_blank: bool,
}

impl Building {
    /// Where the cell at hand begins.
    fn start(&self) -> usize {
        self.ends.last().map_or(0, |end| end + 1)
    }

    fn push(&mut self, byte: u8) {
        let start = self.start();
        let full = self.text.len() - start >= LONGEST_CELL || self.text.len() >= LONGEST_ROW;
        if full || self.cell_is_long || self.n_cells >= MOST_CELLS {
            self.cell_is_long = true;
            self.text.truncate(start);
        } else {
            self.text.push(byte);
        }
        self.is_blank = false;
    }

    /// The same for several bytes.
    fn push_all(&mut self, bytes: &[u8]) {
        let Some((first, rest)) = bytes.split_first() else { return };
        let start = self.start();
        let length = self.text.len() + bytes.len();
        if length - start > LONGEST_CELL || length > LONGEST_ROW {
            self.cell_is_long = true;
        }
        self.push(*first);
        if !self.cell_is_long {
            self.text.extend_from_slice(rest);
        }
    }

    fn end_cell(&mut self) {
        if self.n_cells < MOST_CELLS {
            if self.cell_is_long {
                self.too_long.push(self.n_cells);
            }
            self.ends.push(self.text.len());
            self.text.push(b'\n');
        }
        self.n_cells += 1;
        self.cell_is_long = false;
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.too_long.clear();
        self.n_cells = 0;
        self.cell_is_long = false;
        self.is_blank = true;
    }
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(input: Decoded<R>, delimiter: u8) -> Self {
        let building = Building {
            text: Vec::new(),
            ends: Vec::new(),
            n_cells: 0,
            too_long: Vec::new(),
            cell_is_long: false,
            is_blank: true,
        };
        let (chunk, after_return) = (String::new(), false);
        Self { input, delimiter, chunk, at: 0, line: 1, after_return, width: None, building }
    }

    /// From here on a row has so many cells.
    pub(crate) fn set_width(&mut self, width: usize) {
        self.width = Some(width);
    }

    pub(crate) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    pub(crate) fn input(&self) -> &R {
        self.input.input()
    }

    /// Reads the next row that is not a blank line; false at the end.
    pub(crate) fn next(&mut self, row: &mut Row) -> Result<bool, RowFault> {
        if self.plain_row(row) { Ok(true) } else { self.any_row(row) }
    }

    /// Reads the next row byte by byte, and chunk by chunk.
    fn any_row(&mut self, row: &mut Row) -> Result<bool, RowFault> {
        self.building.clear();
        let mut state = State::CellStart;
        row.line = 0;
        while let Some(byte) = self.byte().map_err(RowFault::Io)? {
            if row.line == 0 {
                if byte == b'\n' && self.after_return {
                    self.after_return = false;
                    continue;
                }
                row.line = self.line;
            }
            let line_end = self.count_line(byte);
            state = match state {
                State::Quoted if byte == b'"' => State::QuoteInQuoted,
                State::Quoted => {
                    self.building.push(byte);
                    self.take_run(|byte| byte == b'"');
                    State::Quoted
                }
                State::QuoteInQuoted if byte == b'"' => {
                    self.building.push(byte);
                    State::Quoted
                }
                State::CellStart if byte == b'"' => {
                    self.building.is_blank = false;
                    State::Quoted
                }
                _ if line_end && self.building.is_blank => {
                    row.line = 0;
                    State::CellStart
                }
                _ if line_end => return self.hand_over(row),
                _ if byte == self.delimiter => {
                    self.building.end_cell();
                    self.building.is_blank = false;
                    State::CellStart
                }
                _ => {
                    self.building.push(byte);
                    let delimiter = self.delimiter;
                    self.take_run(|byte| byte == delimiter);
                    State::Plain
                }
            };
        }
        if state == State::Quoted {
            return Err(RowFault::Unclosed(row.line));
        }
        if self.building.is_blank {
            return Ok(false);
        }
        self.hand_over(row)
    }

    /// Whether a quoted cell holds a line with as many delimiters as a row: two stray quotation marks, and the rows between them
    /// would be one cell, and nobody's.
    fn has_swallowed(&self, row: &Row) -> bool {
        let Some(width) = self.width.filter(|width| *width > 2) else { return false };
        let is_row = |line: &[u8]| memchr_iter(self.delimiter, line).count() >= width - 1;
        let lines =
            |cell: &str| cell.as_bytes().split(|byte| matches!(byte, b'\n' | b'\r')).skip(1).any(is_row);
        row.cells().any(lines)
    }

    /// Takes a whole row at once where the chunk holds all of it and no quotation mark stands in it: most rows are such.
    fn plain_row(&mut self, row: &mut Row) -> bool {
        if self.after_return && self.chunk[self.at..].starts_with('\n') {
            self.at += 1;
            self.after_return = false;
        }
        let rest = &self.chunk[self.at..];
        let Some(end) = memchr2(b'\n', b'\r', rest.as_bytes()) else { return false };
        let line = &rest[..end];
        if line.is_empty() || memchr(b'"', line.as_bytes()).is_some() {
            return false;
        }
        row.begin(self.line);
        row.ends.extend(memchr_iter(self.delimiter, line.as_bytes()));
        row.ends.push(end);
        row.n_cells = row.ends.len();
        if row.n_cells > MOST_CELLS {
            return false;
        }
        row.text.push_str(&rest[..=end]);
        self.at += end + 1;
        self.count_line(rest.as_bytes()[end]);
        true
    }

    /// Takes at once what stands before the next line end or byte of which this holds, as far as the chunk goes.
    fn take_run(&mut self, ends: impl Fn(u8) -> bool) {
        let rest = &self.chunk.as_bytes()[self.at..];
        let end = rest.iter().position(|byte| ends(*byte) || matches!(byte, b'\n' | b'\r'));
        let run = &rest[..end.unwrap_or(rest.len())];
        self.building.push_all(run);
        self.after_return &= run.is_empty();
        self.at += run.len();
    }

    /// Counts physical lines: CR, LF and CR LF each end one. Whether the byte ends a row outside quotations.
    fn count_line(&mut self, byte: u8) -> bool {
        let continues = byte == b'\n' && self.after_return;
        self.after_return = byte == b'\r';
        if (byte == b'\n' && !continues) || byte == b'\r' {
            self.line += 1;
        }
        byte == b'\n' || byte == b'\r'
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.chunk.len() {
            self.at = 0;
            if !self.input.chunk(&mut self.chunk)? {
                return Ok(None);
            }
        }
        self.at += 1;
        Ok(Some(self.chunk.as_bytes()[self.at - 1]))
    }

    /// Ends the row's last cell, and gives all of them.
    fn hand_over(&mut self, row: &mut Row) -> Result<bool, RowFault> {
        let building = &mut self.building;
        building.end_cell();
        row.text.clear();
        // Cells end at ASCII bytes and are dropped whole, so the text stays UTF-8.
        row.text.push_str(&String::from_utf8_lossy(&building.text));
        std::mem::swap(&mut row.ends, &mut building.ends);
        std::mem::swap(&mut row.too_long, &mut building.too_long);
        row.n_cells = building.n_cells;
        if self.has_swallowed(row) { Err(RowFault::Swallowed(row.line)) } else { Ok(true) }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{UTF_8, WINDOWS_1252};
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8], delimiter: u8) -> Result<Vec<(u64, Vec<String>)>, RowFault> {
        let mut rows = Rows::new(Decoded::new(text, UTF_8), delimiter);
        let mut row = Row::default();
        let mut all = Vec::new();
        while rows.next(&mut row)? {
            all.push((row.line(), row.cells().map(str::to_owned).collect()));
        }
        Ok(all)
    }

    fn cells(lines: &[(u64, &[&str])]) -> Vec<(u64, Vec<String>)> {
        lines.iter().map(|(line, cells)| (*line, cells.iter().map(|c| (*c).to_owned()).collect())).collect()
    }

    #[test]
    fn rows_keep_their_physical_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("a;b{end}{end}\"c{end}d\";\"e;\"\"f\"\"\"{end};{end}g").replace("\"c", "\"c");
            let middle = format!("c{end}d");
            let expected =
                cells(&[(1, &["a", "b"]), (3, &[&middle, "e;\"f\""]), (5, &["", ""]), (6, &["g"])]);
            assert_eq!(rows(text.as_bytes(), b';').unwrap(), expected, "{end:?}");
        }
    }

    #[test]
    fn quotation_marks_inside_a_plain_cell_are_text() {
        let expected = cells(&[(1, &["a\"b", "\"c\" d", "ef"])]);
        assert_eq!(rows(b"a\"b,\"\"\"c\"\" d\",\"e\"f\n", b',').unwrap(), expected);
    }

    #[test]
    fn a_quotation_never_closed_is_a_fault_with_its_line() {
        assert!(matches!(rows(b"a\nb;\"c\nd\n", b';'), Err(RowFault::Unclosed(2))));
        assert_eq!(rows(b"\"\"", b';').unwrap(), cells(&[(1, &[""])]));
    }

    #[test]
    fn a_cell_too_long_is_dropped_and_its_neighbours_kept() {
        let text = format!("a;{};b\nc;{};d", "x".repeat(LONGEST_CELL + 1), "é".repeat(LONGEST_CELL / 2));
        let mut rows = Rows::new(Decoded::new(text.as_bytes(), UTF_8), b';');
        let mut row = Row::default();
        assert!(rows.next(&mut row).unwrap());
        assert_eq!((row.cell(0), row.cell(1), row.cell(2)), ("a", "", "b"));
        assert!(row.is_too_long(1) && !row.is_too_long(2));
        assert!(rows.next(&mut row).unwrap());
        assert!(!row.is_too_long(1) && row.cell(1).len() == LONGEST_CELL);
    }

    #[test]
    fn undecodable_bytes_are_marked() {
        assert_eq!(rows(b"a\xFFb", b';').unwrap(), cells(&[(1, &["a\u{FFFD}b"])]));
        let mut rows = Rows::new(Decoded::new(&b"R\xE9gion"[..], WINDOWS_1252), b';');
        let mut row = Row::default();
        assert!(rows.next(&mut row).unwrap());
        assert_eq!(row.cell(0), "Région");
    }

    proptest! {
        #[test]
        fn what_a_library_writes_is_read_back(
            table in proptest::collection::vec(proptest::collection::vec("[a\";\r\né ]{0,6}", 2..4), 1..6),
        ) {
            let width = table[0].len();
            let table: Vec<Vec<String>> = table.into_iter().filter(|row| row.len() == width).collect();
            let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let read = rows(&writer.into_inner().unwrap(), b';').unwrap();
            prop_assert_eq!(read.into_iter().map(|(_, cells)| cells).collect::<Vec<_>>(), table);
        }
    }
}
