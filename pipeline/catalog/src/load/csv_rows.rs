//! Rows of a CSV definition with the place of each field.

use std::collections::BTreeMap;

use crate::error::Kind;
use crate::page::{At, Page};

/// One row: its fields by header.
pub(crate) type Row = BTreeMap<String, At<String>>;

/// The header's names in order and the rows below it; a fault where the file is no CSV.
pub(crate) fn read(page: Page<'_>) -> Option<(Vec<At<String>>, Vec<Row>)> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(page.text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => records.push(placed(page, &record)),
            Err(error) => {
                let offset = error.position().map_or(0, csv::Position::byte);
                let at = page.place(usize::try_from(offset).unwrap_or(0));
                page.fault(at, Kind::Syntax, "the row cannot be read", "correct its quotation marks");
                return None;
            }
        }
    }
    if records.is_empty() {
        page.fault(crate::Place::top(), Kind::Syntax, "the file is empty", "write a header row");
        return None;
    }
    let header = records.remove(0);
    let rows = records.into_iter().filter_map(|record| row(page, &header, record)).collect();
    Some((header, rows))
}

fn row(page: Page<'_>, header: &[At<String>], record: Vec<At<String>>) -> Option<Row> {
    if record.len() != header.len() {
        let what = format!("the row has {} fields and the header {}", record.len(), header.len());
        page.fault(record[0].at, Kind::Syntax, what, "write one field a column");
        return None;
    }
    Some(header.iter().map(|name| name.value.clone()).zip(record).collect())
}

fn placed(page: Page<'_>, record: &csv::StringRecord) -> Vec<At<String>> {
    let start = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
    let mut rest = Scan { bytes: page.text.as_bytes(), offset: start };
    rest.skip_line_ends();
    let fields = record.iter().map(|field| {
        let at = page.place(rest.offset);
        rest.skip_field();
        At { value: field.to_owned(), at }
    });
    fields.collect()
}

struct Scan<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Scan<'_> {
    fn skip_line_ends(&mut self) {
        while self.bytes.get(self.offset).is_some_and(|b| matches!(b, b'\r' | b'\n')) {
            self.offset += 1;
        }
    }

    /// Moves behind the next comma outside quotation marks.
    fn skip_field(&mut self) {
        let mut quoted = false;
        while let Some(byte) = self.bytes.get(self.offset) {
            self.offset += 1;
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted => return,
                _ => {}
            }
        }
    }
}
