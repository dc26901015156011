//! A sheet of an Excel workbook, streamed row by row from a thread of its own; dates, numbers and spreadsheet errors keep
//! their kind. A workbook that unpacks too far is refused before anything of it is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use calamine::{DataRef, Dimensions, Reader, Sheet, SheetVisible, Xlsx, XlsxError};
use chrono::{Days, NaiveDate};
use marsad_catalog::fold;
use marsad_catalog::mapping::FileSpec;
use zip::ZipArchive;

use super::delimited::{LONGEST_HEADER, are_decodable, opened};
use super::rows::{MOST_CELLS, Mark, Row};
use crate::refusal::{no_header, too_large};
use crate::{Error, Refusal, Result};

const LARGEST_UNPACKED: u64 = 2 << 30;
const LARGEST_RATIO: u64 = 200;
/// A run of rows that is handed over holds about this much.
const RUN_ROWS: usize = 256;
const RUN_BYTES: usize = 1 << 20;
/// Runs that wait to be checked.
const RUNS: usize = 4;

/// What the reading thread says.
enum Message {
    /// The header, and the last row that the sheet declares.
    Header(Vec<String>, u64),
    Rows(Vec<Row>),
    Refused(Refusal),
    End,
}

/// An open sheet after its header.
pub(crate) struct Workbook {
    messages: Receiver<Message>,
    run: std::vec::IntoIter<Row>,
    line: u64,
    last_line: u64,
    ended: bool,
}

impl Workbook {
    /// Opens a workbook's sheet and reads its header. Refusals: F01, F02, F07, F08.
    pub(crate) fn open(path: &Path, spec: &FileSpec) -> Result<(Self, Vec<String>)> {
        let reading = |source| Error::Read { file: path.to_owned(), source };
        let mut file = opened(path).map_err(reading)?;
        unpacks_within_limits(&mut file).map_err(|refusal| refusal.of(path))?;
        let (sender, messages) = sync_channel(RUNS);
        let spec = spec.clone();
        thread::spawn(move || {
            let last = match send_sheet(file, &spec, &sender) {
                Ok(()) => Message::End,
                Err(refusal) => Message::Refused(refusal),
            };
            // Nobody listens any more where the reader gave up.
            sender.send(last).ok();
        });
        match messages.recv() {
            Ok(Message::Header(headers, last_line)) => {
                let run = Vec::new().into_iter();
                Ok((Self { messages, run, line: 0, last_line, ended: false }, headers))
            }
            Ok(Message::Refused(refusal)) => Err(refusal.of(path)),
            _ => Err(broken().of(path)),
        }
    }

    /// Reads the next row; false at the end.
    pub(crate) fn next(&mut self, path: &Path, row: &mut Row) -> Result<bool> {
        loop {
            if let Some(next) = self.run.next() {
                self.line = next.line();
                *row = next;
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            match self.messages.recv() {
                Ok(Message::Rows(run)) => self.run = run.into_iter(),
                Ok(Message::End) => self.ended = true,
                Ok(Message::Refused(refusal)) => return Err(refusal.of(path)),
                Ok(Message::Header(..)) | Err(_) => return Err(broken().of(path)),
            }
        }
    }

    /// The part of `whole` that corresponds to the rows read.
    pub(crate) fn share_of(&self, whole: u64) -> u64 {
        if self.ended {
            return whole;
        }
        let share = u128::from(whole) * u128::from(self.line) / u128::from(self.last_line.max(1));
        u64::try_from(share).unwrap_or(whole).min(whole)
    }
}

fn broken() -> Refusal {
    Refusal::damaged("the workbook is damaged")
}

/// Unpacks every part once and keeps nothing: declared sizes can lie.
fn unpacks_within_limits(file: &mut File) -> Result<(), Refusal> {
    let packed = file.metadata().map_err(|_| broken())?.len();
    let most = LARGEST_UNPACKED.min(packed.saturating_mul(LARGEST_RATIO));
    let mut archive = ZipArchive::new(BufReader::new(&mut *file)).map_err(|_| broken())?;
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| broken())?;
        let left = most - unpacked;
        unpacked += io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(|_| broken())?;
        if unpacked > most {
            return Err(too_large("the workbook unpacks to more than 2 GiB, or to over 200 times its size"));
        }
    }
    Ok(())
}

/// The sheets that people see, each with the rows (from 1) in which cells are merged over several columns.
pub(crate) fn outline(path: &Path) -> Result<Vec<(String, Vec<u32>)>> {
    let reading = |source| Error::Read { file: path.to_owned(), source };
    let mut file = opened(path).map_err(reading)?;
    unpacks_within_limits(&mut file).map_err(|refusal| refusal.of(path))?;
    let outlined = catch_unwind(AssertUnwindSafe(|| -> Result<_, XlsxError> {
        let mut workbook: Xlsx<_> = Xlsx::new(BufReader::new(file))?;
        let sheets = workbook.sheets_metadata().to_vec();
        let seen = sheets.into_iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
        let of_sheet = |sheet: Sheet| {
            let merged = workbook.merge_cells_by_sheet_name(&sheet.name)?;
            let wide = merged.iter().filter(|region| region.start.1 < region.end.1);
            Ok((sheet.name, wide.map(|region| region.start.0 + 1).collect()))
        };
        seen.map(of_sheet).collect()
    }));
    let outlined = outlined.unwrap_or(Err(XlsxError::Unexpected("a panic")));
    outlined.map_err(|error| fault(error).of(path))
}

/// Sends the header, then run after run.
fn send_sheet(file: File, spec: &FileSpec, sender: &SyncSender<Message>) -> Result<(), Refusal> {
    let mut workbook: Xlsx<_> = Xlsx::new(BufReader::new(file)).map_err(fault)?;
    let since_1904 = workbook.has_1904_epoch();
    let name = sheet(&workbook.sheet_names(), spec.sheet.as_deref())?;
    let merged = workbook.merge_cells_by_sheet_name(&name).map_err(fault)?;
    let mut cells = workbook.worksheet_cells_reader(&name).map_err(fault)?;
    let last_line = u64::from(cells.dimensions().end.0) + 1;
    let mut reading = Reading {
        header: Header::new(spec, merged),
        width: None,
        run: Vec::new(),
        n_bytes: 0,
        last_line,
        sender,
    };
    let mut current: Option<(u32, Vec<Cell>)> = None;
    while let Some(cell) = cells.next_cell().map_err(fault)? {
        let (row, column) = cell.get_position();
        let Some((text, mark)) = read(cell.get_value(), since_1904) else { continue };
        match &mut current {
            Some((at, cells)) if *at == row => cells.push((column, text, mark)),
            Some((at, _)) if row < *at => return Err(Refusal::damaged("the sheet's rows are out of order")),
            _ => {
                if let Some((at, cells)) = current.replace((row, vec![(column, text, mark)])) {
                    reading.take(at, cells)?;
                }
            }
        }
    }
    if let Some((at, cells)) = current {
        reading.take(at, cells)?;
    }
    reading.finish()
}

/// The sheet's name: the declared one, else the first.
fn sheet(names: &[String], declared: Option<&str>) -> Result<String, Refusal> {
    let same = |name: &&String| declared.is_none_or(|declared| fold(name) == fold(declared));
    names.iter().find(same).cloned().ok_or_else(|| Refusal {
        code: "F08",
        what: format!("the workbook has no sheet `{}`", declared.unwrap_or_default().escape_debug()),
        why: "a mapping reads one sheet, by its name",
        remedy: "correct `sheet` under [file], or name the sheet so".to_owned(),
    })
}

/// A library's fault without its text, which may quote a cell.
fn fault(error: XlsxError) -> Refusal {
    match error {
        XlsxError::Password => Refusal::damaged("the workbook is encrypted"),
        _ => broken(),
    }
}

type Cell = (u32, String, Option<Mark>);

/// Rows on their way: the header first, then runs of rows.
struct Reading<'s> {
    header: Header,
    /// Columns of the header, once it is known.
    width: Option<usize>,
    run: Vec<Row>,
    n_bytes: usize,
    last_line: u64,
    sender: &'s SyncSender<Message>,
}

impl Reading<'_> {
    fn take(&mut self, row: u32, mut cells: Vec<Cell>) -> Result<(), Refusal> {
        cells.sort_by_key(|(column, ..)| *column);
        if cells.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Refusal::damaged("a cell of the sheet stands twice"));
        }
        if row < self.header.end {
            self.header.take(row, cells);
            return Ok(());
        }
        let width = self.send_header()?;
        let mut line = Row::default();
        line.begin(u64::from(row) + 1);
        for (column, text, mark) in cells {
            // A cell far outside counts as one too many, and no column between is made up.
            while line.n_cells() < (column as usize).min(width) {
                line.push("", None);
            }
            line.push(&text, mark);
        }
        while line.n_cells() < width {
            line.push("", None);
        }
        self.n_bytes += line.n_bytes();
        self.run.push(line);
        if self.run.len() >= RUN_ROWS || self.n_bytes >= RUN_BYTES {
            self.send_run();
        }
        Ok(())
    }

    fn send_header(&mut self) -> Result<usize, Refusal> {
        if let Some(width) = self.width {
            return Ok(width);
        }
        let headers = self.header.finish()?;
        let width = headers.len();
        self.width = Some(width);
        self.sender.send(Message::Header(headers, self.last_line)).ok();
        Ok(width)
    }

    fn send_run(&mut self) {
        self.n_bytes = 0;
        self.sender.send(Message::Rows(std::mem::take(&mut self.run))).ok();
    }

    fn finish(mut self) -> Result<(), Refusal> {
        self.send_header()?;
        self.send_run();
        Ok(())
    }
}

/// The header's rows, with merged text repeated over what it spans.
struct Header {
    /// Rows from 0.
    rows: Vec<u32>,
    /// The first row below.
    end: u32,
    merged: Vec<Dimensions>,
    texts: BTreeMap<(u32, u32), String>,
}

impl Header {
    fn new(spec: &FileSpec, merged: Vec<Dimensions>) -> Self {
        let wanted = if spec.header_rows.is_empty() { &[1][..] } else { &spec.header_rows };
        let rows: Vec<u32> = wanted.iter().map(|row| row.saturating_sub(1)).collect();
        let end = rows.iter().max().map_or(1, |row| row + 1);
        Self { rows, end, merged, texts: BTreeMap::new() }
    }

    fn take(&mut self, row: u32, cells: Vec<Cell>) {
        if self.rows.contains(&row) {
            self.texts.extend(cells.into_iter().map(|(column, text, _)| ((row, column), text)));
        }
    }

    /// Joins the texts of several rows by ` / `, equal ones once.
    fn finish(&mut self) -> Result<Vec<String>, Refusal> {
        self.repeat_merged();
        let Some(last) = self.texts.keys().map(|(_, column)| *column).max() else {
            return Err(no_header(u64::from(self.end)));
        };
        if last as usize >= MOST_CELLS {
            return Err(too_large("the header has more than 4096 columns"));
        }
        if self.texts.values().any(|text| text.len() > LONGEST_HEADER) {
            return Err(too_large("a header is longer than 64 KiB"));
        }
        let headers: Vec<String> = (0..=last).map(|column| self.joined(column)).collect();
        are_decodable(&headers)?;
        Ok(headers)
    }

    fn joined(&self, column: u32) -> String {
        let mut texts: Vec<&str> = Vec::new();
        for text in self.rows.iter().filter_map(|row| self.texts.get(&(*row, column))) {
            if !texts.contains(&text.as_str()) {
                texts.push(text);
            }
        }
        texts.join(" / ")
    }

    fn repeat_merged(&mut self) {
        for region in &self.merged {
            let Some(text) = self.texts.get(&region.start).cloned() else { continue };
            for row in self.rows.iter().filter(|row| (region.start.0..=region.end.0).contains(row)) {
                for column in (region.start.1..=region.end.1).take(MOST_CELLS) {
                    self.texts.entry((*row, column)).or_insert_with(|| text.clone());
                }
            }
        }
    }
}

/// A cell's text and kind; none where it is empty.
fn read(value: &DataRef<'_>, since_1904: bool) -> Option<(String, Option<Mark>)> {
    let number = |value: f64| Some(Mark::Number(day(value, since_1904)));
    let (text, mark) = match value {
        DataRef::Empty => return None,
        DataRef::Int(value) => (value.to_string(), number(*value as f64)),
        DataRef::Float(value) => (value.to_string(), number(*value)),
        DataRef::String(text) | DataRef::DurationIso(text) => (text.clone(), None),
        DataRef::SharedString(text) => ((*text).to_owned(), None),
        DataRef::Bool(value) => (value.to_string(), None),
        DataRef::DateTime(time) if time.is_datetime() => match day(time.as_f64(), since_1904) {
            Some(day) => (day.to_string(), Some(Mark::Date(day))),
            None => (time.as_f64().to_string(), number(time.as_f64())),
        },
        DataRef::DateTime(time) => (time.as_f64().to_string(), number(time.as_f64())),
        DataRef::DateTimeIso(text) => {
            let day = text.get(..10).and_then(|day| day.parse().ok());
            (text.clone(), day.map(Mark::Date))
        }
        DataRef::Error(error) => (error.to_string(), None),
    };
    if text.is_empty() { None } else { Some((text, mark)) }
}

/// The day that a workbook's number counts to. The system of 1900 knows a 29 February 1900, day 60, that never was.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 3 000 000 by the line above"
)]
fn day(serial: f64, since_1904: bool) -> Option<NaiveDate> {
    if !(0.0..3_000_000.0).contains(&serial) {
        return None;
    }
    let whole = serial.floor() as u64;
    let first = match whole {
        _ if since_1904 => NaiveDate::from_ymd_opt(1904, 1, 1),
        0 | 60 => None,
        1..60 => NaiveDate::from_ymd_opt(1899, 12, 31),
        _ => NaiveDate::from_ymd_opt(1899, 12, 30),
    };
    first?.checked_add_days(Days::new(whole))
}
