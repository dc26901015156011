//! One definition file while it is read: its text, where its lines begin, and where its faults go.

use marsad_terms::nearest;

use crate::error::{Faults, Kind, Place};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: Place,
}

/// One file being read.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    faults: &'a Faults,
}

impl<'a> Page<'a> {
    /// The file's text; a fault if it is not UTF-8.
    pub(crate) fn open(file: &'a str, bytes: &'a [u8], faults: &'a Faults) -> Option<Self> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(Self { file, text: text.strip_prefix('\u{feff}').unwrap_or(text), faults }),
            Err(error) => {
                let line = bytes[..error.valid_up_to()].split(|b| *b == b'\n').count();
                let what = "the file is not UTF-8".to_owned();
                faults.add(file, Place::line(line), Kind::Unreadable, (what, "save it as UTF-8".to_owned()));
                None
            }
        }
    }

    /// The stem of the file's name.
    pub(crate) fn stem(self) -> &'a str {
        stem(self.file)
    }

    /// Line and column of a byte offset.
    pub(crate) fn place(self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.split('\n').count();
        Place { line, column: Some(before[line_start..].chars().count() + 1) }
    }

    /// Keeps a fault of this file.
    pub(crate) fn fault(self, at: Place, kind: Kind, what: impl Into<String>, remedy: impl Into<String>) {
        self.faults.add(self.file, at, kind, (what.into(), remedy.into()));
    }

    /// Keeps the fault that a name is not among the known ones.
    pub(crate) fn unknown<'b>(
        self,
        name: &At<String>,
        kind: Kind,
        thing: &str,
        known: impl IntoIterator<Item = &'b str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let what = format!("`{}` is no {thing}", shown(&name.value));
        self.fault(name.at, kind, what, suggestion(&name.value, &known));
    }

    /// Keeps a fault where the id written in a file is not the file's own name.
    pub(crate) fn must_be_named(self, id: &At<String>) {
        if id.value != self.stem() {
            let what = format!("the id is `{}` and the file is named `{}`", shown(&id.value), self.stem());
            self.fault(
                id.at,
                Kind::FileName,
                what,
                format!("write id = \"{}\" or rename the file", self.stem()),
            );
        }
    }
}

/// The stem of a path with `/`.
pub(crate) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// What to write instead of an unknown name.
pub(crate) fn suggestion(written: &str, known: &[&str]) -> String {
    match nearest(written, known.iter().copied()) {
        Some(right) => format!("did you mean `{right}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None if known.len() <= 16 => format!("choose one of: {}", known.join(", ")),
        None => format!("choose one of the {} declared", known.len()),
    }
}

/// A name as shown in a message: control characters escaped, cut at 80.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect::<String>().escape_debug().to_string()
}
