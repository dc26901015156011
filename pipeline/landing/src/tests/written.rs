//! One table in every container that partners send.

use std::io::{Cursor, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Headers first; every row of their number.
pub(super) type Table = Vec<Vec<String>>;

pub(super) const HEADERS: [&str; 12] = [
    "dossier",
    "Date du service",
    "Region",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Type de service",
    "Quantité",
    "Montant (MAD)",
    "Consentement",
    "Observations",
];

/// The partner's table of services: headers, then these rows.
pub(super) fn services_table(rows: impl IntoIterator<Item = [String; 12]>) -> Table {
    let headers = HEADERS.map(str::to_owned).to_vec();
    std::iter::once(headers).chain(rows.into_iter().map(Vec::from)).collect()
}

/// The table by the name of a file, in UTF-8 where it is text.
pub(super) fn every_container(table: &Table) -> [(&'static str, Vec<u8>); 4] {
    [
        ("extract.csv", delimited(table, ';').into_bytes()),
        ("extract.jsonl", json_lines(table).into_bytes()),
        ("extract.parquet", parquet(table)),
        ("extract.xlsx", workbook(table)),
    ]
}

pub(super) fn delimited(table: &Table, delimiter: char) -> String {
    let cell = |cell: &String| match cell.contains([delimiter, '"', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    };
    let row =
        |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(&delimiter.to_string()) + "\n";
    table.iter().map(row).collect()
}

/// One object a line, without what is empty; the first has every key.
pub(super) fn json_lines(table: &Table) -> String {
    let line = |(index, row): (usize, &Vec<String>)| {
        let pairs = table[0].iter().zip(row).filter(|(_, cell)| index == 0 || !cell.is_empty());
        let object: serde_json::Map<_, _> =
            pairs.map(|(key, cell)| (key.clone(), cell.clone().into())).collect();
        serde_json::Value::Object(object).to_string() + "\n"
    };
    table[1..].iter().enumerate().map(line).collect()
}

pub(super) fn parquet(table: &Table) -> Vec<u8> {
    let column = |index: usize| {
        let cells = table[1..].iter().map(|row| Some(row[index].as_str()).filter(|cell| !cell.is_empty()));
        Arc::new(cells.collect::<StringArray>()) as ArrayRef
    };
    let columns = table[0].iter().enumerate().map(|(index, header)| (header, column(index), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// A workbook of one sheet with inline strings.
pub(super) fn workbook(table: &Table) -> Vec<u8> {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let cell = |text: &String| format!("<c t=\"inlineStr\"><is><t>{}</t></is></c>", escaped(text));
    let row = |row: &Vec<String>| format!("<row>{}</row>", row.iter().map(cell).collect::<String>());
    let rows: String = table.iter().map(row).collect();
    zipped(&format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"))
}

/// The parts of a workbook around one sheet.
pub(super) fn zipped(sheet: &str) -> Vec<u8> {
    const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let related = |kind: &str, target: &str| {
        format!(
            "<Relationships><Relationship Id=\"r\" Type=\"{RELATION}/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    let book = format!(
        "<workbook xmlns:r=\"{RELATION}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r\"/></sheets></workbook>"
    );
    let parts = [
        ("_rels/.rels", related("officeDocument", "xl/workbook.xml")),
        ("xl/workbook.xml", book),
        ("xl/_rels/workbook.xml.rels", related("worksheet", "worksheets/s.xml")),
        ("xl/worksheets/s.xml", sheet.to_owned()),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
