//! The draft as a mapping's file. What nobody could see is written as a header that no file has, so that `land` refuses (F03)
//! until a person decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use marsad_catalog::mapping::FileSpec;
use marsad_catalog::{Catalog, Column, ColumnKind, FileFormat, MappedColumn, fold};

use super::look::{Cells, Seen};
use super::roles::{Role, Roles, percent, translations};
use crate::detect;
use crate::validate::{Codes, Number};

/// An unknown spelling is told where at least this many records have it, as in a check.
const FEWEST_RECORDS: u64 = 10;
/// Longer texts are no codes.
const LONGEST_CODE: usize = 24;
/// A column of more unknown spellings is no column of codes.
const MOST_CODES: usize = 20;
/// Spellings of yes that a draft proposes where the column has them.
const YES: [&str; 8] = ["oui", "o", "yes", "y", "نعم", "true", "1", "vrai"];

/// The mapping's text.
pub(super) fn toml(catalog: &Catalog, seen: &Seen, roles: &Roles<'_>, name: &str) -> String {
    let mut text = format!(
        "# Drafted from a file of {} records; look at every line before anything lands. Shares are of filled cells.\n",
        seen.n_records
    );
    for missing in roles.missing() {
        text += &format!("# Not found in the file: {missing}\n");
    }
    if seen.headers.iter().any(|header| fold(header).is_empty()) {
        text += "# A column of the file has no name, and cannot be read (F04): give it one, or remove it.\n";
    }
    text += &format!("record_type = \"{}\"\n", roles.record_type.id);
    text += &format!("source = {}   # part of each record's identity: one name a partner\n", quoted(name));
    if !roles.record_type.is_personal() {
        text += &identity(catalog, seen, roles);
    }
    text += &file(seen.format, &seen.spec);
    if roles.record_type.is_personal() {
        text += &identifier(catalog, seen, roles, name);
    }
    text += &event(seen, roles);
    for column in roles.record_type.columns.iter().filter(|column| column.derived.is_none()) {
        text += &mapped(catalog, seen, roles, column);
    }
    if roles.record_type.is_personal() {
        text += "\n[columns.legal_basis]\nconstant = \"CONSENT\"   # what the partner's agreement says\n";
        text += &consent(seen, roles);
    }
    text + &dropped(seen, roles)
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn file(format: FileFormat, spec: &FileSpec) -> String {
    let rows = match spec.header_rows.as_slice() {
        [row] => format!("header_row = {row}\n"),
        rows => format!("header_rows = {rows:?}   # joined by ` / `, merged text repeated\n"),
    };
    match format {
        FileFormat::Csv => format!(
            "\n[file]\nformat = \"csv\"\ndelimiter = {}\nencoding = {}   # by the file's bytes\n{rows}",
            quoted(&spec.delimiter.unwrap_or(',').to_string()),
            quoted(spec.encoding.as_deref().unwrap_or("utf-8")),
        ),
        FileFormat::Xlsx => {
            let sheet = spec.sheet.as_ref().map(|sheet| format!("sheet = {}\n", quoted(sheet)));
            format!("\n[file]\nformat = \"xlsx\"\n{}{rows}", sheet.unwrap_or_default())
        }
        FileFormat::Parquet => "\n[file]\nformat = \"parquet\"\n".to_owned(),
        FileFormat::JsonLines => "\n[file]\nformat = \"jsonl\"\n".to_owned(),
    }
}

/// `from`: the header, with the share that could be read; or one that no file has.
fn from(key: &str, seen: &Seen, roles: &Roles<'_>, column: Option<usize>, target: &str) -> String {
    let Some(column) = column else {
        return format!("{key} = [\"(which column tells {target}?)\"]\n");
    };
    let share = roles.given[column].share.map(|share| format!("   # {} % can be read", percent(share)));
    format!("{key} = [{}]{}\n", quoted(&seen.headers[column]), share.unwrap_or_default())
}

fn identifier(catalog: &Catalog, seen: &Seen, roles: &Roles<'_>, name: &str) -> String {
    let column = roles.filling("identifier").next();
    let scheme: String =
        name.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let mut text = format!(
        "\n[identifier]\nscheme = \"{scheme}\"   # equal numbers of one scheme are one person: the same scheme for the same numbering\n{}",
        from("from", seen, roles, column, "the person"),
    );
    if let Some((shape, share)) = column.and_then(|column| shape(&seen.columns[column])) {
        text += &format!("# pattern = '{shape}'   # the shape of {} %\n", percent(share));
    }
    text + &identity(catalog, seen, roles)
}

/// The identity that a mapping of the same record type declares, where the file has all its columns.
fn identity(catalog: &Catalog, seen: &Seen, roles: &Roles<'_>) -> String {
    let folded: Vec<String> = seen.headers.iter().map(|header| fold(header)).collect();
    let has = |header: &String| folded.contains(&fold(header));
    let mappings = catalog.mappings.values().filter(|mapping| mapping.record_type == roles.record_type.id);
    let found = mappings.map(|mapping| &mapping.identity).find(|identity| {
        !identity.columns.is_empty() && identity.columns.iter().chain(&identity.otherwise).all(has)
    });
    let list = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let Some(identity) = found else {
        return "# identity = [\"…\"]   # columns that number the record itself: without them equal records are one\n".to_owned();
    };
    let mut text = format!("identity = [{}]\n", list(&identity.columns));
    if !identity.otherwise.is_empty() {
        text += &format!("identity_else = [{}]\n", list(&identity.otherwise));
    }
    if let Some(prefix) = &identity.prefix {
        text += &format!("identity_prefix = {}\n", quoted(prefix));
    }
    text
}

/// The one shape of nine in ten identifiers: letters and digits counted, marks kept.
fn shape(cells: &Cells) -> Option<(String, f64)> {
    let mut shapes: BTreeMap<String, u64> = BTreeMap::new();
    for (text, records) in &cells.spellings {
        *shapes.entry(shape_of(&text.to_uppercase())?).or_default() += records;
    }
    let all: u64 = shapes.values().sum();
    let (shape, records) = shapes.into_iter().max_by_key(|(_, records)| *records)?;
    let share = records as f64 / all.max(1) as f64;
    (share >= 0.9).then_some((shape, share))
}

fn shape_of(text: &str) -> Option<String> {
    let kind = |c: char| match c {
        'A'..='Z' => Some("[A-Z]"),
        '0'..='9' => Some("\\d"),
        '-' => Some("-"),
        _ => None,
    };
    let mut runs: Vec<(&str, usize)> = Vec::new();
    for c in text.chars() {
        let kind = kind(c)?;
        match runs.last_mut() {
            Some((last, n)) if *last == kind => *n += 1,
            _ => runs.push((kind, 1)),
        }
    }
    let run = |(kind, n): (&str, usize)| if n == 1 { kind.to_owned() } else { format!("{kind}{{{n}}}") };
    (!runs.is_empty() && runs.len() <= 8).then(|| runs.into_iter().map(run).collect())
}

fn event(seen: &Seen, roles: &Roles<'_>) -> String {
    let column = roles.filling("event_month").next();
    let forms = match column.map(|column| &roles.given[column].role) {
        Some(Role::Event(forms)) => forms.iter().map(|form| quoted(form)).collect::<Vec<_>>().join(", "),
        _ => "\"%Y-%m-%d\"".to_owned(),
    };
    let of_two = column.is_some_and(|column| is_ambiguous(&seen.columns[column], &forms));
    let doubt = if of_two { "   # no date tells day from month: ask the source" } else { "" };
    format!(
        "\n[columns.event_month]\n{}dates = [{forms}]{doubt}\n",
        from("from", seen, roles, column, "when it happened")
    )
}

/// Whether day and month could change places in every cell.
fn is_ambiguous(cells: &Cells, forms: &str) -> bool {
    let is_small = |text: &str| {
        let mut numbers = text.split(['/', '-', '.']).map(str::parse::<u8>);
        matches!((numbers.next(), numbers.next()), (Some(Ok(1..=12)), Some(Ok(1..=12))))
    };
    let day_first = ["%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"];
    let day_first = day_first.iter().any(|form| forms == quoted(form));
    day_first && cells.spellings.keys().all(|text| is_small(text))
}

fn mapped(catalog: &Catalog, seen: &Seen, roles: &Roles<'_>, column: &Column) -> String {
    let mut text = format!("\n[columns.{}]\n", column.name);
    let found: Vec<usize> = roles.filling(&column.name).collect();
    if found.is_empty() {
        return text + &from("from", seen, roles, None, &column.name);
    }
    for at in found {
        let key = match &roles.given[at].role {
            Role::Age(_) => "from_age",
            Role::BirthYear(_) => "from_birth_year",
            _ => "from",
        };
        text += &from(key, seen, roles, Some(at), &column.name);
        match &roles.given[at].role {
            Role::Codes { list, split, unhcr, .. } => {
                text += &of_codes(catalog, seen, at, (&column.name, list, split.as_deref(), *unhcr));
            }
            Role::Plain(_) if matches!(column.kind, ColumnKind::Decimal { .. }) => {
                text += decimal(&seen.columns[at]);
            }
            _ => {}
        }
    }
    text
}

/// A comma as decimal mark where cells only read so.
fn decimal(cells: &Cells) -> &'static str {
    let reads = |mark: char| {
        cells.share(|text| {
            text.contains(',') && Number::parse(text, mark).and_then(Number::hundredths).is_some()
        })
    };
    if cells.share(|text| text.contains(',')) > 0.0 && reads(',') >= reads('.') {
        "decimal = \",\"\n"
    } else {
        ""
    }
}

fn of_codes(
    catalog: &Catalog,
    seen: &Seen,
    at: usize,
    (target, list, split, unhcr): (&str, &str, Option<&str>, bool),
) -> String {
    let mut text = String::new();
    if list == "NATIONALITY_GROUP" {
        text += if unhcr {
            "scheme = \"unhcr\"\n"
        } else {
            "scheme = \"iso\"   # or \"unhcr\": the agency's codes look alike\n"
        };
    }
    if let Some(split) = split {
        text += &format!("split = {}   # several choices in one cell\n", quoted(split));
        let prefix = marsad_catalog::clean(&seen.headers[at]) + "/";
        let repeats = |header: &String| {
            marsad_catalog::clean(header).to_lowercase().starts_with(&prefix.to_lowercase())
        };
        if seen.headers.iter().any(repeats) {
            text += &format!("one_hot = {}\n", quoted(&prefix));
        }
    }
    let known = standing(catalog, target, &seen.columns[at], split);
    if !known.codes.is_empty() {
        let pairs =
            known.codes.iter().map(|(spelling, code)| format!("{} = {}", quoted(spelling), quoted(code)));
        let pairs = pairs.collect::<Vec<_>>().join(", ");
        text += &format!("codes = {{ {pairs} }}   # as other mappings translate what stands here\n");
    }
    if !known.unknown.is_empty() {
        let unknown: Vec<String> = known.unknown.iter().map(|spelling| quoted(spelling)).collect();
        text += &format!("unknown = [{}]\n", unknown.join(", "));
    }
    let Ok(codes) = Codes::new(catalog, list, &known) else { return text };
    let unknown = unknown(&seen.columns[at], &codes);
    if !unknown.is_empty() {
        text += "# Spellings that no list knows, to be added to `codes`:\n";
        for (spelling, records) in unknown {
            text += &format!("#   {} = \"…\"   # {records} records\n", quoted(&spelling));
        }
    }
    text
}

/// What other mappings say of the spellings that stand in a column.
fn standing(catalog: &Catalog, target: &str, cells: &Cells, split: Option<&str>) -> MappedColumn {
    let marks = split.unwrap_or_default();
    let parts =
        |text: &String| text.split(|c| marks.contains(c)).map(fold).chain([fold(text)]).collect::<Vec<_>>();
    let there: BTreeSet<String> = cells.spellings.keys().flat_map(parts).collect();
    let mut known = MappedColumn { split: split.map(str::to_owned), ..translations(catalog, target) };
    known.codes.retain(|spelling, _| there.contains(&fold(spelling)));
    known.unknown.retain(|spelling| there.contains(&fold(spelling)));
    known
}

/// Frequent short spellings that no list knows; rarer and longer ones may be content, and are never told.
fn unknown(cells: &Cells, codes: &Codes<'_>) -> Vec<(String, u64)> {
    let is_code = |text: &str| {
        text.chars().count() <= LONGEST_CODE
            && text.chars().all(|c| c.is_alphanumeric() || " -_/.'".contains(c))
            && text.chars().filter(char::is_ascii_digit).count() < 4
            && !detect::identifies(text)
    };
    let frequent =
        cells.spellings.iter().filter(|(text, records)| **records >= FEWEST_RECORDS && is_code(text));
    let unknown: Vec<_> = frequent
        .filter(|(text, _)| codes.many(text).is_err())
        .map(|(text, records)| (text.clone(), *records))
        .collect();
    if unknown.len() > MOST_CODES { Vec::new() } else { unknown }
}

fn consent(seen: &Seen, roles: &Roles<'_>) -> String {
    let column = roles.filling("consent").next();
    let spellings = column.map(|column| &seen.columns[column].spellings);
    let is_there =
        |yes: &&&str| spellings.is_some_and(|spellings| spellings.keys().any(|text| fold(text) == fold(yes)));
    let yes: Vec<String> = YES.iter().filter(is_there).map(|yes| quoted(yes)).collect();
    let yes = if yes.is_empty() { "\"(how is yes written?)\"".to_owned() } else { yes.join(", ") };
    format!(
        "\n[consent]\n{}yes = [{yes}]   # anything else is no, and no statistic sees it\n",
        from("from", seen, roles, column, "consent")
    )
}

fn dropped(seen: &Seen, roles: &Roles<'_>) -> String {
    let mut text = String::new();
    for (section, role, why) in [
        (
            "scan",
            Role::Scan,
            "read by the detectors of what identifies, never stored: move it where it belongs",
        ),
        ("ignore", Role::Ignore, "looks as if it identified somebody: not read at all, never stored"),
    ] {
        let dropped = seen.headers.iter().zip(&roles.given).filter(|(_, given)| given.role == role);
        let columns: Vec<&String> =
            dropped.map(|(header, _)| header).filter(|header| !fold(header).is_empty()).collect();
        if !columns.is_empty() {
            text += &format!("\n[{section}]\ncolumns = [\n");
            for column in columns {
                text += &format!("  {},   # {why}\n", quoted(column));
            }
            text += "]\n";
        }
    }
    text
}
