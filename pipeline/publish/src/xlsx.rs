//! `data/marsad.xlsx`: all tables as one workbook (publication 4): a sheet that explains, one a dataflow, the code lists, and
//! how to read in Arabic from right to left.
//!
//! Sheets of data are tables: one frozen line of heads, numbers as numbers, labels in three languages beside the codes. It
//! deliberately lacks merged cells, formulas and a clock: its only date is the day of publication.

use std::collections::BTreeSet;

use marsad_terms::{Language, Text};
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use crate::columns::Column;
use crate::csv;
use crate::dataflow::{Dataflow, Protection, Row};
use crate::edition::Edition;
use crate::error::{Error, Result};
use crate::form;
use crate::names;
use crate::report::words::{self, Words};

/// Its place in the bundle.
pub const PATH: &str = "data/marsad.xlsx";
/// The sheet that explains, a table of two columns.
pub const NOTES: &str = "notes";
/// The sheet of code lists.
pub const CODES: &str = "codes";
/// How to read, in Arabic from right to left.
pub const ARABIC: &str = "إيضاحات";

/// Of the zip: 9 would save a tenth of the size for several times the time.
const COMPRESSION: u8 = 3;
/// Excel's limit.
const SHEET_NAME: usize = 31;

/// The bytes of the workbook.
///
/// # Errors
/// `Write` where the workbook writer fails.
pub fn write(edition: &Edition) -> Result<Vec<u8>> {
    workbook(edition).map_err(|source| Error::write(PATH, source))
}

/// The sheet of each dataflow: its id, cut to Excel's limit and kept apart from the others.
pub fn sheet_names<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut name = |id: &str| {
        let cut = |length: usize| id.chars().take(length).collect::<String>();
        let numbered = (2..).map(|n| format!("{}~{n}", cut(SHEET_NAME - 3)));
        let free = std::iter::once(cut(SHEET_NAME)).chain(numbered).find(|name| taken.insert(name.clone()));
        free.expect("numbers do not end")
    };
    ids.into_iter().map(&mut name).collect()
}

/// The formats of cells.
struct Formats {
    head: Format,
    whole: Format,
    decimal: Format,
    raw: Format,
    arabic: Format,
    prose: Format,
    arabic_prose: Format,
}

impl Formats {
    fn new() -> Self {
        let prose = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        let head = Format::new().set_bold().set_background_color(Color::RGB(0x00DC_E6F1));
        Self {
            head: head.set_border_bottom(FormatBorder::Thin),
            whole: Format::new().set_num_format("#,##0"),
            decimal: Format::new().set_num_format("#,##0.0"),
            raw: Format::new().set_num_format("0"),
            arabic: Format::new().set_reading_direction(2),
            arabic_prose: prose.clone().set_reading_direction(2),
            prose,
        }
    }
}

impl Formats {
    /// Of estimate, lower, upper, margin, raw, value.
    fn of_numbers(&self) -> [&Format; 6] {
        let Self { decimal, raw, whole, .. } = self;
        [decimal, decimal, decimal, decimal, raw, whole]
    }
}

type Done = Result<(), XlsxError>;

fn workbook(edition: &Edition) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    workbook.set_zip_compression_level(COMPRESSION);
    let created = ExcelDateTime::parse_from_str(&edition.published)?;
    let properties = DocProperties::new().set_title(&edition.title.en).set_creation_datetime(&created);
    workbook.set_properties(&properties.set_author(&edition.workspace).set_comment(edition.citation().en));
    let formats = Formats::new();
    notes(workbook.add_worksheet(), edition, &formats)?;
    let sheets = sheet_names(edition.dataflows.iter().map(|flow| flow.id.as_str()));
    for (flow, name) in edition.dataflows.iter().zip(sheets) {
        let sheet = workbook.add_worksheet_with_low_memory()?;
        sheet.set_name(name)?;
        table(sheet, flow, &formats)?;
    }
    codes(workbook.add_worksheet(), edition, &formats)?;
    arabic(workbook.add_worksheet(), edition, &formats)?;
    workbook.save_to_buffer()
}

/// What a reader must know, line by line.
fn explained(edition: &Edition, language: Language) -> Vec<String> {
    let text = |text: &Text| text.get(language).to_owned();
    let Words { know_who, know_noise, know_caps, know_place, read_margin, read_flags, .. } =
        words::of(language);
    let colon = if language == Language::Fr { "\u{202f}:" } else { ":" };
    let Words { read_selection, read_sums, not_protected, licence_name, cite, coverage, contact, .. } =
        words::of(language);
    let mut lines = vec![text(&edition.title), edition.workspace.clone()];
    let read = [know_who, know_noise, know_place, read_margin, read_flags, read_selection];
    lines.extend(read.map(|&line| line.to_owned()));
    let is_capped = |flow: &Dataflow| {
        let all: Vec<usize> = (0..flow.dimensions.len()).collect();
        matches!(&flow.protection, Protection::Noise(noise) if noise.reduced.holds(&all))
    };
    lines.extend(edition.dataflows.iter().any(is_capped).then(|| (*know_caps).to_owned()));
    lines.extend([read_sums, not_protected].map(|&line| line.to_owned()));
    lines.push(format!("{coverage}{colon} {}", text(&edition.coverage)));
    lines.push(format!("{contact}{colon} {}", edition.contact));
    lines.push(format!("{licence_name} {cite} {}", text(&edition.citation())));
    let columns = csv::MEASURES.into_iter().filter_map(Column::of_plain);
    lines.extend(columns.map(|column| {
        let name = column.name();
        format!("{} · {}{colon} {}", column.plain, name.get(language), column.meaning().get(language))
    }));
    let flow = |flow: &Dataflow| format!("{} · {}{colon} {}", flow.id, text(&flow.title), text(&flow.note));
    lines.extend(edition.dataflows.iter().map(flow));
    lines
}

/// Two columns, language and text: readers of tables take the first sheet for one.
fn notes(sheet: &mut Worksheet, edition: &Edition, formats: &Formats) -> Done {
    sheet.set_landscape().set_print_fit_to_pages(1, 0);
    sheet.set_name(NOTES)?.set_column_width(0, 10)?.set_column_width(1, 120)?.set_freeze_panes(1, 0)?;
    sheet.write_with_format(0, 0, "language", &formats.head)?;
    sheet.write_with_format(0, 1, "text", &formats.head)?;
    let lines = Language::ALL
        .into_iter()
        .flat_map(|language| explained(edition, language).into_iter().map(move |line| (language, line)));
    for ((language, line), row) in lines.zip(1..) {
        let prose = if language == Language::Ar { &formats.arabic_prose } else { &formats.prose };
        sheet.set_row_height(row, height(&line))?.write_with_format(
            row,
            0,
            language.tag(),
            &formats.prose,
        )?;
        sheet.write_with_format(row, 1, line, prose)?;
    }
    Ok(())
}

/// The same in Arabic, on a sheet that runs from right to left.
fn arabic(sheet: &mut Worksheet, edition: &Edition, formats: &Formats) -> Done {
    sheet.set_landscape().set_print_fit_to_pages(1, 0);
    sheet.set_name(ARABIC)?.set_right_to_left(true).set_column_width(0, 120)?;
    for (line, row) in explained(edition, Language::Ar).into_iter().zip(0..) {
        let format = if row == 0 { &formats.head } else { &formats.arabic_prose };
        sheet.set_row_height(row, height(&line))?.write_with_format(row, 0, line, format)?;
    }
    Ok(())
}

/// Room for a text in a column of 120 characters: not every reader makes it by itself.
fn height(line: &str) -> f64 {
    15.0 * line.chars().count().div_ceil(110) as f64
}

/// The columns of a table with their labels: those of the plain table, then each dimension in three languages.
pub fn header(plain: impl IntoIterator<Item = String>, dimensions: &[&str]) -> Vec<String> {
    let labels = dimensions.iter().flat_map(|id| Language::ALL.map(|language| format!("{id}_{language}")));
    plain.into_iter().chain(labels).collect()
}

fn table(sheet: &mut Worksheet, flow: &Dataflow, formats: &Formats) -> Done {
    let dimensions: Vec<&str> = flow.dimensions.iter().map(|dimension| dimension.id.as_str()).collect();
    let head = header(csv::header(flow), &dimensions);
    let keys = column(1 + dimensions.len());
    sheet.set_freeze_panes(1, keys)?.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
    for (name, at) in head.iter().zip(0_u16..) {
        let is_label = at >= keys + column(csv::MEASURES.len());
        sheet.set_column_width(at, if is_label { 28 } else { 14 })?;
        sheet.write_with_format(0, at, name, &formats.head)?;
    }
    // A format of its column is found by its number, one given with a cell by hashing all of it.
    for (format, at) in formats.of_numbers().into_iter().zip(keys..) {
        sheet.set_column_format(at, format)?;
    }
    for at in (keys + column(csv::MEASURES.len())..column(head.len())).skip(1).step_by(3) {
        sheet.set_column_format(at, &formats.arabic)?;
    }
    for (row, at) in flow.rows.iter().zip(1..) {
        one_row(sheet, (flow, row), at)?;
    }
    let last = u32::try_from(flow.rows.len()).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, last, column(head.len()) - 1).map(|_| ())
}

/// Excel has at most 16 384 columns, and a table some dozens.
fn column(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

fn one_row(sheet: &mut Worksheet, (flow, row): (&Dataflow, &Row), at: u32) -> Done {
    let codes = || flow.dimensions.iter().zip(&row.codes).map(|(d, code)| &d.codes[*code]);
    let mut next = 0_u16..;
    let mut place = || next.next().unwrap_or(u16::MAX);
    sheet.write(at, place(), row.period.to_string())?;
    for code in codes() {
        sheet.write(at, place(), &code.id)?;
    }
    for number in numbers(row) {
        let place = place();
        if let Some(number) = number {
            sheet.write(at, place, number)?;
        }
    }
    sheet.write(at, place(), row.status())?;
    for code in codes() {
        for language in Language::ALL {
            sheet.write(at, place(), code.label.get(language))?;
        }
    }
    Ok(())
}

/// estimate, lower, upper, margin, raw, value: the numbers of the plain table; none where it is empty.
fn numbers(row: &Row) -> [Option<f64>; 6] {
    let cell = row.cell.filter(|cell| cell.estimate.is_finite());
    let six = |number: Option<f64>| number.and_then(form::rounded);
    let whole = |number: Option<i64>| number.map(|number| number as f64);
    [
        six(cell.map(|cell| cell.estimate)),
        six(cell.map(|cell| cell.lower)),
        six(cell.map(|cell| cell.upper)),
        six(cell.map(|cell| cell.margin)),
        whole(cell.and_then(|cell| cell.raw)),
        whole(row.value()),
    ]
}

fn codes(sheet: &mut Worksheet, edition: &Edition, formats: &Formats) -> Done {
    sheet.set_name(CODES)?.set_freeze_panes(1, 0)?;
    let head = ["dimension", "code", "parent", "fr", "ar", "en", "target"];
    for (name, at) in head.into_iter().zip(0_u16..) {
        sheet.set_column_width(at, if (3..6).contains(&at) { 40 } else { 24 })?.write_with_format(
            0,
            at,
            name,
            &formats.head,
        )?;
    }
    let mut seen = BTreeSet::new();
    let dimensions = edition.dataflows.iter().flat_map(|flow| &flow.dimensions);
    let mut row = 1;
    for dimension in dimensions.filter(|dimension| seen.insert(&dimension.id)) {
        let name = names::dimension(&dimension.id);
        code(sheet, row, [&dimension.id, "", ""], &name, formats)?;
        for own in &dimension.codes {
            row += 1;
            let parent = own.parent.as_deref().unwrap_or_default();
            code(sheet, row, [&dimension.id, &own.id, parent], &own.label, formats)?;
            if let Some(target) = own.target {
                sheet.write(row, 6, target)?;
            }
        }
        row += 1;
    }
    Ok(())
}

fn code(sheet: &mut Worksheet, row: u32, ids: [&str; 3], label: &Text, formats: &Formats) -> Done {
    for (id, at) in ids.into_iter().zip(0_u16..).filter(|(id, _)| !id.is_empty()) {
        sheet.write(row, at, id)?;
    }
    sheet.write(row, 3, &label.fr)?.write_with_format(row, 4, &label.ar, &formats.arabic)?;
    sheet.write(row, 5, &label.en).map(|_| ())
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};

    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn a_sheet_is_the_plain_table_with_labels() {
        let edition = Fixture::shared().edition();
        let bytes = write(&edition).unwrap();
        let mut book: Xlsx<_> = open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
        let names = book.sheet_names();
        assert_eq!(names.len(), edition.dataflows.len() + 3);
        assert_eq!((names[0].as_str(), names.last().unwrap().as_str()), (NOTES, ARABIC));
        let sheet = book.worksheet_range("assisted_by_category").unwrap();
        let flow = edition.dataflows.iter().find(|flow| flow.id == "assisted_by_category").unwrap();
        assert_eq!(sheet.height(), flow.rows.len() + 1);
        let row = |at: usize| -> Vec<Data> { sheet.rows().nth(at).unwrap().to_vec() };
        let text = |text: &str| Data::String(text.into());
        assert_eq!(row(0)[10..12], [text("REF_AREA_fr"), text("REF_AREA_ar")]);
        assert_eq!(row(1)[..3], [text("2024-Q4"), text("MA"), text("_T")]);
        assert_eq!(row(1)[9..13], [text("A"), text("Maroc"), text("المغرب"), text("Morocco")]);
        let zero = sheet.rows().find(|row| row[9] == text("M")).unwrap();
        assert!(zero[3..9].iter().all(|cell| *cell == Data::Empty), "a structural zero has no number");
        let hidden = sheet.rows().find(|row| row[9] == text("Q")).unwrap();
        assert!(matches!(hidden[3], Data::Float(_)) && hidden[8] == Data::Empty, "{hidden:?}");
    }

    #[test]
    fn targets_stand_beside_the_codes_of_their_indicators() {
        let bytes = write(&Fixture::shared().edition()).unwrap();
        let mut book: Xlsx<_> = open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
        let sheet = book.worksheet_range(CODES).unwrap();
        let target = |code: &str| sheet.rows().find(|row| row[1] == code).unwrap()[6].clone();
        assert_eq!(target("code"), Data::String("target".into()));
        assert_eq!((target("ASSISTED"), target("NEEDS")), (Data::Float(15_200.0), Data::Float(50_000.0)));
        assert_eq!(target("MA"), Data::Empty);
    }

    #[test]
    fn sheets_have_names_of_their_own() {
        let long = "a_statistic_with_a_rather_long_name";
        let ids = ["short", &format!("{long}_one"), &format!("{long}_two")];
        let names = sheet_names(ids);
        assert_eq!(names, ["short", "a_statistic_with_a_rather_long_", "a_statistic_with_a_rather_lo~2"]);
    }
}
