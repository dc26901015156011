//! One delimited text file, written line by line. Quoting as RFC 4180 has it; nothing is kept of what was written.

use std::io::{self, Write};

use encoding_rs::WINDOWS_1252;

/// How a partner's program saves text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// French Excel.
    Windows1252,
    /// Without a mark.
    Utf8,
    /// With a byte-order mark.
    Utf8Marked,
}

/// The manner of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) delimiter: char,
    pub(crate) encoding: Encoding,
    pub(crate) newline: &'static str,
}

/// A file being written.
pub(crate) struct Csv {
    out: Box<dyn Write>,
    manner: Manner,
}

impl Csv {
    pub(crate) fn start(mut out: Box<dyn Write>, manner: Manner, header: &[String]) -> io::Result<Self> {
        if manner.encoding == Encoding::Utf8Marked {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let mut csv = Self { out, manner };
        csv.write(header)?;
        Ok(csv)
    }

    pub(crate) fn write(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::with_capacity(160);
        for (position, cell) in cells.iter().enumerate() {
            if position > 0 {
                line.push(self.manner.delimiter);
            }
            push_quoted(&mut line, cell, self.manner.delimiter);
        }
        line.push_str(self.manner.newline);
        match self.manner.encoding {
            Encoding::Windows1252 => self.out.write_all(&WINDOWS_1252.encode(&line).0),
            Encoding::Utf8 | Encoding::Utf8Marked => self.out.write_all(line.as_bytes()),
        }
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn push_quoted(line: &mut String, cell: &str, delimiter: char) {
    if !cell.contains([delimiter, '"', '\n', '\r']) {
        return line.push_str(cell);
    }
    line.push('"');
    line.push_str(&cell.replace('"', "\"\""));
    line.push('"');
}
