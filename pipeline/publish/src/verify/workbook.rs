//! Does the workbook say what the plain tables and the code lists say?

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use calamine::{Data, Range, Reader, Xlsx, open_workbook_from_rs};
use marsad_terms::Language;

use super::Found;
use super::table::{Record, Table};
use crate::csv::MEASURES;
use crate::release_json::{ReleaseJson, StatisticJson};
use crate::xlsx;

/// A workbook that was opened.
pub(super) type Book = Xlsx<Cursor<Vec<u8>>>;

/// Opens the workbook and looks at its sheets. The reader may panic at a damaged file: that is a fault like any other.
pub(super) fn open(dir: &Path, statement: &ReleaseJson) -> Result<Book, String> {
    let bytes = std::fs::read(dir.join(xlsx::PATH)).map_err(|error| format!("cannot be read: {error}"))?;
    let opened = catch_unwind(|| open_workbook_from_rs(Cursor::new(bytes)));
    let opened: Result<Book, calamine::XlsxError> = opened.map_err(|_| "is damaged".to_owned())?;
    let book = opened.map_err(|error| format!("is no workbook: {error}"))?;
    let mut expected = vec![xlsx::NOTES.to_owned()];
    expected.extend(sheets(statement));
    expected.extend([xlsx::CODES, xlsx::ARABIC].map(str::to_owned));
    if book.sheet_names() == expected {
        Ok(book)
    } else {
        Err("its sheets are not those of the release".into())
    }
}

/// The sheet of each dataflow.
fn sheets(statement: &ReleaseJson) -> Vec<String> {
    xlsx::sheet_names(statement.statistics.iter().map(|statistic| statistic.id.as_str()))
}

/// Compares one sheet with the plain table.
pub(super) fn check(
    book: &mut Book,
    statement: &ReleaseJson,
    statistic: &StatisticJson,
    table: &Table,
) -> Found {
    let place = statement.statistics.iter().position(|own| own.id == statistic.id);
    let name = place.and_then(|place| sheets(statement).get(place).cloned()).unwrap_or_default();
    let read = catch_unwind(AssertUnwindSafe(|| book.worksheet_range(&name)));
    let range = read.map_err(|_| "is damaged".to_owned())?.map_err(|error| error.to_string())?;
    same(&range, table).map_err(|fault| format!("sheet {name}: {fault}"))
}

fn same(range: &Range<Data>, table: &Table) -> Found {
    let ids: Vec<&str> = table.dimensions.iter().map(|axis| axis.id.as_str()).collect();
    let plain = ["TIME_PERIOD"].iter().chain(&ids).chain(&MEASURES).map(|&name| name.to_owned());
    let expected = xlsx::header(plain, &ids);
    let mut rows = range.rows();
    let head = rows.next().unwrap_or_default();
    if !head.iter().map(ToString::to_string).eq(expected) {
        return Err("its heads are not those of the plain table and the labels".into());
    }
    if rows.len() != table.rows.len() {
        return Err(format!("has {} rows, the plain table {}", rows.len(), table.rows.len()));
    }
    for (found, row) in rows.zip(&table.rows) {
        if !found.iter().map(text).eq(one_row(table, row)) {
            return Err(format!("{}: says something else than the plain table", row.key(table)));
        }
    }
    Ok(format!("{} rows, same as the plain table", table.rows.len()))
}

/// A cell in the form of [`one_row`]: a number as the shortest decimal, nothing where it is empty.
fn text(cell: &Data) -> String {
    match cell {
        Data::Float(number) => number.to_string(),
        Data::Int(number) => number.to_string(),
        Data::String(text) => text.clone(),
        Data::Empty => String::new(),
        other => format!("{other:?}"),
    }
}

fn one_row(table: &Table, row: &Record) -> Vec<String> {
    let codes = || row.codes.iter().zip(&table.dimensions).map(|(code, axis)| &axis.list.codes[*code]);
    let number =
        |text: &String| text.parse::<f64>().map_or_else(|_| text.clone(), |number| number.to_string());
    let mut cells = vec![row.period.to_string()];
    cells.extend(codes().map(|code| code.id.clone()));
    cells.extend(row.texts.iter().map(number));
    cells.push(row.status.clone());
    cells.extend(codes().flat_map(|code| Language::ALL.map(|language| code.names.get(language).to_owned())));
    cells
}
