//! JSON lines as rows of text: one object a line, its keys are the headers. The file is read twice, first for the keys,
//! since an object leaves out what it does not know.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use marsad_catalog::Mapping;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::decode::Decoded;
use super::delimited::{LONGEST_HEADER, are_decodable, encoding, opened};
use super::rows::{LONGEST_ROW, MOST_CELLS, Row};
use super::several::{Joiner, UNREADABLE};
use crate::refusal::{no_header, too_large};
use crate::{Error, Result};

/// Whole numbers above this are no longer exact as a JSON reader's float.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// An open file of JSON lines.
pub(crate) struct JsonLines {
    lines: Lines,
    /// By key: its column.
    columns: BTreeMap<String, usize>,
    joiners: Vec<Joiner>,
}

impl JsonLines {
    /// Reads all keys, then stands before the first object. Refusals: F01, F02, F07.
    pub(crate) fn open(path: &Path, mapping: &Mapping) -> Result<(Self, Vec<String>)> {
        let reading = |source| Error::Read { file: path.to_owned(), source };
        let mut file = opened(path).map_err(reading)?;
        let mut start = Vec::new();
        (&mut file).take(4).read_to_end(&mut start).map_err(reading)?;
        file.rewind().map_err(reading)?;
        // `[file]` speaks of delimited text; JSON is UTF-8 (RFC 8259, 8.1).
        let mut spec = mapping.file.clone();
        spec.encoding = None;
        let encoding = encoding(&spec, &start).map_err(|refusal| refusal.of(path))?;
        let again = file.try_clone().map_err(reading)?;
        let mut lines = Lines::new(file, encoding);
        let mut headers: Vec<String> = Vec::new();
        let mut columns = BTreeMap::new();
        while let Some(line) = lines.next().map_err(reading)? {
            let Some(Object(pairs)) = line.object() else { continue };
            for (key, _) in pairs {
                if !columns.contains_key(&key) {
                    columns.insert(key.clone(), headers.len());
                    headers.push(key);
                }
            }
            if headers.len() > MOST_CELLS || headers.iter().any(|key| key.len() > LONGEST_HEADER) {
                return Err(too_large("the file has more than 4096 keys, or a key above 64 KiB").of(path));
            }
        }
        if headers.is_empty() {
            return Err(no_header(1).of(path));
        }
        are_decodable(&headers).map_err(|refusal| refusal.of(path))?;
        let mut again = again;
        again.rewind().map_err(reading)?;
        let joiners = headers.iter().map(|header| Joiner::new(mapping, header)).collect();
        Ok((Self { lines: Lines::new(again, encoding), columns, joiners }, headers))
    }

    /// Reads the next row; false at the end. A line that is no object is a row without cells (R08).
    pub(crate) fn next(&mut self, path: &Path, row: &mut Row) -> Result<bool> {
        let reading = |source| Error::Read { file: path.to_owned(), source };
        let Some(line) = self.lines.next().map_err(reading)? else { return Ok(false) };
        row.begin(line.number);
        let Some(Object(pairs)) = line.object() else { return Ok(true) };
        let mut cells: Vec<Option<Value>> = vec![None; self.joiners.len()];
        for (key, value) in pairs {
            match self.columns.get(&key).map(|column| &mut cells[*column]) {
                Some(cell) if cell.is_none() => *cell = Some(value),
                // A key that stands twice, or is new since the first look.
                _ => return Ok(true),
            }
        }
        for (cell, joiner) in cells.into_iter().zip(&self.joiners) {
            row.push(&cell.map_or_else(String::new, |value| text(value, joiner)), None);
        }
        Ok(true)
    }

    /// Bytes of text read so far.
    pub(crate) fn n_read(&self) -> u64 {
        self.lines.n_bytes
    }
}

fn text(value: Value, joiner: &Joiner) -> String {
    match value {
        Value::Array(items) => {
            let items = items.into_iter().filter(|item| !item.is_null());
            joiner.join(items.map(plain).collect::<Vec<_>>().into_iter())
        }
        other => plain(other),
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::String(text) => text,
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => whole.to_string(),
            (_, Some(whole), _) => whole.to_string(),
            (.., Some(float)) if float.abs() < LARGEST_EXACT => float.to_string(),
            _ => UNREADABLE.to_owned(),
        },
        Value::Array(_) | Value::Object(_) => UNREADABLE.to_owned(),
    }
}

/// A line that is not blank.
struct Line<'l> {
    number: u64,
    text: &'l [u8],
    too_long: bool,
}

impl Line<'_> {
    fn object(&self) -> Option<Object> {
        if self.too_long { None } else { serde_json::from_slice(self.text).ok() }
    }
}

/// Decoded text cut at line feeds, in bounded memory.
struct Lines {
    input: Decoded<File>,
    chunk: String,
    at: usize,
    line: Vec<u8>,
    number: u64,
    n_bytes: u64,
}

impl Lines {
    fn new(file: File, encoding: &'static encoding_rs::Encoding) -> Self {
        let input = Decoded::new(file, encoding);
        Self { input, chunk: String::new(), at: 0, line: Vec::new(), number: 0, n_bytes: 0 }
    }

    /// The next line that is not blank; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.line.clear();
            let (mut too_long, mut any, mut ended) = (false, false, false);
            while !ended && self.fill()? {
                any = true;
                let rest = &self.chunk.as_bytes()[self.at..];
                let end = rest.iter().position(|byte| *byte == b'\n');
                let piece = &rest[..end.unwrap_or(rest.len())];
                too_long |= self.line.len() + piece.len() > LONGEST_ROW;
                if !too_long {
                    self.line.extend_from_slice(piece);
                }
                self.at += piece.len() + usize::from(end.is_some());
                ended = end.is_some();
            }
            if !any {
                return Ok(None);
            }
            self.number += 1;
            if too_long || !self.line.trim_ascii().is_empty() {
                return Ok(Some(Line { number: self.number, text: &self.line, too_long }));
            }
        }
    }

    /// Decodes the next chunk where the last is used up; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.at < self.chunk.len() {
            return Ok(true);
        }
        self.at = 0;
        if !self.input.chunk(&mut self.chunk)? {
            return Ok(false);
        }
        self.n_bytes += self.chunk.len() as u64;
        Ok(true)
    }
}

/// An object's pairs in order, a repeated key as often as it stands.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
