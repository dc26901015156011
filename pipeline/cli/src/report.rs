//! What a command says: text for people, one JSON document for programs, and failures that explain themselves.

use std::io::Write;
use std::path::Path;

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, Table, TableComponent, Width, presets,
};
use marsad_landing::Rewritten;
pub(crate) use marsad_ledger::scope::decimal;
use marsad_terms::{Explain, Explanation};
use serde_json::{Map, Value, json};

/// The result of a command.
pub(crate) struct Report {
    /// For people.
    pub text: String,
    /// For programs; `schema` is added when it is printed.
    pub json: Value,
    /// Whether the exit code is 0: a bundle that fails its checks is a result, and a failure.
    pub ok: bool,
    /// Whether the text is printed byte for byte, without a line end.
    pub exact: bool,
}

impl Report {
    /// A success.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, ok: true, exact: false }
    }

    /// The same, printed without a line end: what is signed must be what is printed.
    pub(crate) fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// The same, with another verdict.
    pub(crate) fn with_verdict(mut self, ok: bool) -> Self {
        self.ok = ok;
        self
    }
}

/// Says something beside the result, on standard error: programs read the one document on standard output.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// What an act on landed files did: `done` of its files, and the custody entries that prove it.
pub(crate) fn rewritten(done: &str, nothing: &str, act: &Rewritten) -> Report {
    let text = match act.entries.as_slice() {
        [] => nothing.to_owned(),
        _ => format!("{} {done}\nproof: {}", act.files, proofs(&act.entries)),
    };
    let entry = act.entries.first().map(|(_, number)| number);
    Report::new(text, json!({"files": act.files, "entry": entry, "entries": entries(&act.entries)}))
}

/// Custody entries for programs.
pub(crate) fn entries(entries: &[(&'static str, u64)]) -> Vec<Value> {
    entries.iter().map(|(store, number)| json!({"store": store, "entry": number})).collect()
}

/// Custody entries in words.
pub(crate) fn proofs(entries: &[(&'static str, u64)]) -> String {
    let each = entries.iter().map(|(store, number)| format!("entry {number} of the custody log of {store}"));
    each.collect::<Vec<_>>().join(", ")
}

/// What went wrong: at least one explanation.
#[derive(Debug)]
pub(crate) struct Failure {
    explanations: Vec<Explanation>,
    /// 1 refused or failed, 2 wrong usage.
    pub exit: u8,
}

impl Failure {
    /// A refusal or failure.
    pub(crate) fn new(explanation: Explanation) -> Self {
        Self { explanations: vec![explanation], exit: 1 }
    }

    /// Several at once.
    pub(crate) fn all<E: Explain>(errors: &[E]) -> Self {
        Self { explanations: errors.iter().map(Explain::explain).collect(), exit: 1 }
    }

    /// Wrong usage.
    pub(crate) fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::refused(what, "the command cannot be understood otherwise", remedy)
    }

    /// A command line that is understood and not carried out.
    pub(crate) fn refused(what: impl Into<String>, why: &str, remedy: impl Into<String>) -> Self {
        let explanation = Explanation::new("W00", what, why, remedy);
        Self { explanations: vec![explanation.at("the command line")], exit: 2 }
    }

    /// A small TOML file, given as an argument, that does not read as what it should be.
    pub(crate) fn toml(path: &Path, text: &str, error: &toml::de::Error, remedy: &str) -> Self {
        let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
        let line = before.matches('\n').count() + 1;
        let place = format!("{}:{line}", path.display());
        let explanation =
            Explanation::new("W00", error.message(), "the command cannot be understood otherwise", remedy);
        Self { explanations: vec![explanation.at(place)], exit: 2 }
    }

    /// A file or folder that cannot be used.
    pub(crate) fn file(path: &Path, action: &str, error: &std::io::Error) -> Self {
        let what = format!("{} cannot {action}", path.display());
        let remedy = "check that it exists and that you may use it";
        Self::new(Explanation::new("W03", what, error.to_string(), remedy).at(path.display().to_string()))
    }

    /// The same, and what went wrong after it.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.explanations.extend(more.explanations);
        self
    }

    fn text(&self) -> String {
        let one = |e: &Explanation| {
            let place = if e.place.is_empty() { String::new() } else { format!("\n  where  {}", e.place) };
            format!("error [{}]: {}{place}\n  why    {}\n  do     {}", e.code, e.what, e.why, e.remedy)
        };
        self.explanations.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let one = |e: &Explanation| json!({"code": e.code, "what": e.what, "where": e.place, "why": e.why, "do": e.remedy});
        let mut all = self.explanations.iter().map(one);
        let first = all.next().unwrap_or(Value::Null);
        let more: Vec<Value> = all.collect();
        if more.is_empty() { json!({"error": first}) } else { json!({"error": first, "more": more}) }
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.explain())
    }
}

/// Prints the outcome and gives the exit code.
pub(crate) fn finish(outcome: Result<Report, Failure>, as_json: bool) -> u8 {
    let (json, code) = match outcome {
        Ok(report) => {
            let code = u8::from(!report.ok);
            let said = match (as_json, report.exact) {
                (true, _) => true,
                (false, true) => print(&report.text),
                (false, false) => say(&report.text),
            };
            (report.json, if said { code } else { 1 })
        }
        Err(failure) => {
            if !as_json {
                let _ = writeln!(std::io::stderr(), "{}", failure.text());
            }
            (failure.json(), failure.exit)
        }
    };
    let said = !as_json || say(&with_schema(json).to_string());
    if said { code } else { code.max(1) }
}

/// One line or more on stdout; whether it could be written.
pub(crate) fn say(text: &str) -> bool {
    let text = text.trim_end_matches('\n');
    text.is_empty() || print(&format!("{text}\n"))
}

/// The text as it is. A reader that went away is no failure, a full disk is one.
fn print(text: &str) -> bool {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "error [W03]: the output cannot be written: {error}");
            false
        }
        _ => true,
    }
}

fn with_schema(json: Value) -> Value {
    let mut document = Map::new();
    document.insert("schema".to_owned(), json!("marsad/1"));
    match json {
        Value::Object(keys) => document.extend(keys),
        other => {
            document.insert("result".to_owned(), other);
        }
    }
    Value::Object(document)
}

/// Characters a line where nobody knows the terminal's.
const WIDTH: u16 = 100;
/// Narrower terminals than this say nothing true of themselves: `script` reports 0.
const NARROWEST: u16 = 40;
/// The longest word that is never split: ids of scopes and dataflows are shorter, digests are not.
const WORD: usize = 40;
/// A space before a cell and one behind it.
const PADDING: usize = 2;

/// A table for the terminal: the first `texts` columns to the left, figures to the right.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, texts: usize) -> String {
    let mut table = Table::new();
    let known = table.width().filter(|width| *width >= NARROWEST);
    // A pipe has no width; long evidence wraps all the same.
    table.set_width(known.unwrap_or(WIDTH));
    drawn(table, header, rows.into_iter().collect(), texts)
}

fn drawn(mut table: Table, header: &[&str], rows: Vec<Vec<String>>, texts: usize) -> String {
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(header.to_vec());
    let widths = widths((header, &rows, texts), table.width().unwrap_or(WIDTH).into());
    for row in rows {
        table.add_row(row);
    }
    for (index, (column, width)) in table.column_iter_mut().zip(widths).enumerate() {
        column.set_cell_alignment(if index < texts { CellAlignment::Left } else { CellAlignment::Right });
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table.to_string()
}

/// Characters of each column: as wide as it would be, or, where the line has no room, at least its longest word; a figure with
/// its margin is one word. What room there is goes to the columns that lack least, so that one long text wraps and not several
/// short ones, and to headers last.
fn widths((header, rows, texts): (&[&str], &[Vec<String>], usize), line: usize) -> Vec<usize> {
    let most = |column: usize, of_cell: fn(&str) -> usize, of_header: fn(&str) -> usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| of_cell(cell));
        cells.chain(header.get(column).map(|header| of_header(header))).max().unwrap_or(0) + PADDING
    };
    let least = |column: usize| {
        most(column, if column < texts { longest_word } else { longest_figure }, longest_word)
    };
    let wanted = [longest_word, longest_line].map(|of_header| {
        (0..header.len()).map(|column| most(column, longest_line, of_header)).collect::<Vec<usize>>()
    });
    let mut widths: Vec<usize> = (0..header.len()).map(least).collect();
    // Between two columns stands a space too.
    let taken = widths.iter().sum::<usize>() + header.len().saturating_sub(1);
    let mut room = line.saturating_sub(taken);
    for wanted in wanted {
        while room > 0 {
            let lacking = (0..widths.len()).filter(|column| widths[*column] < wanted[*column]);
            let Some(least) = lacking.min_by_key(|column| wanted[*column] - widths[*column]) else { break };
            widths[least] += 1;
            room -= 1;
        }
    }
    widths
}

fn longest_line(cell: &str) -> usize {
    cell.lines().map(console::measure_text_width).max().unwrap_or(0)
}

fn longest_figure(cell: &str) -> usize {
    longest_line(cell).min(WORD)
}

/// Of the words that are not split.
fn longest_word(cell: &str) -> usize {
    cell.split_whitespace().map(console::measure_text_width).max().unwrap_or(0).min(WORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_table_wraps_between_words_and_splits_none() {
        let words = "record_type:assistance_service holds all that is charged to it by any release";
        let row = ["lifetime", words, "0.300000001", "0.2"].map(str::to_owned).to_vec();
        for width in [40, 70, 100] {
            let mut table = Table::new();
            table.set_width(width);
            let shown = drawn(table, &["scope", "what it is", "used", "left"], vec![row.clone()], 2);
            let longest = shown.lines().map(console::measure_text_width).max();
            assert!(width == 40 || longest <= Some(width.into()), "{width}:\n{shown}");
            for word in words.split(' ').chain(["lifetime", "0.300000001"]) {
                assert!(shown.split_whitespace().any(|shown| shown == word), "{word} at {width}:\n{shown}");
            }
        }
    }

    #[test]
    fn short_texts_keep_their_line_and_the_longest_wraps() {
        let rows = [vec!["quarter, age_group".to_owned(), "a b ".repeat(50), "1".to_owned()]];
        let of = |line| widths((&["table", "evidence", "n"], &rows, 2), line);
        assert_eq!(of(60), [20, 35, 3]);
        assert_eq!(of(10), [11, 10, 3], "no word is split for room");
        let figures = [vec!["Rabat-Salé-Kénitra".to_owned(), "2 439 ± 43 A".to_owned()]];
        let header = ["region", "assisted since 2023"];
        assert_eq!(widths((&header, &figures, 1), 35), [20, 14], "the header wraps, and no figure");
    }
}
