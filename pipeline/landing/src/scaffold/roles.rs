//! Which column fills what: by the headers that mappings know, by words, and by the share of cells that can be read so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use marsad_catalog::{
    Catalog, Column, ColumnKind, DateForm, MappedColumn, Mapping, NationalityScheme, RecordType, fold,
};

use super::Guess;
use super::look::{Cells, Seen};
use super::words::{Hint, hints};
use crate::detect;
use crate::validate::{Codes, Number, boolean, date};

/// A column that no mapping and no word names is taken where at least this share can be read; a named one always, since its
/// codes may only lack translations.
const ENOUGH: f64 = 0.7;
/// Different spellings beyond which a column without such a name is not tried as codes.
const MOST_CODES: usize = 300;
/// Where the detectors find more than this share, a column is not read at all.
const TELLING: f64 = 0.05;
/// Forms of dates that are tried; of two that read the same cell, the first.
const FORMS: [&str; 14] = [
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d-%b-%Y",
    "%d %b %Y",
    "%Y-%m",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
];
const SPLITS: [&str; 5] = [";", ",", ",;", "|", " "];

/// What a column is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    Identifier,
    Event(Vec<String>),
    Consent,
    Codes {
        target: String,
        list: String,
        split: Option<String>,
        unhcr: bool,
    },
    Age(String),
    BirthYear(String),
    /// A number or a boolean.
    Plain(String),
    /// Repeats a choice of the multi-select in that column.
    OneHot,
    Scan,
    Ignore,
}

/// A column's role and how sure it is.
pub(super) struct Given {
    pub(super) role: Role,
    pub(super) share: Option<f64>,
}

/// The record type, and a role for every column.
pub(super) struct Roles<'a> {
    pub(super) record_type: &'a RecordType,
    pub(super) given: Vec<Given>,
}

struct Claim {
    score: f64,
    column: usize,
    target: String,
    given: Given,
}

/// The record type that the file fills best, and the roles under it.
pub(super) fn assign<'a>(catalog: &'a Catalog, seen: &Seen) -> Roles<'a> {
    let all = catalog.record_types.values().map(|record_type| under(catalog, seen, record_type));
    let best = all.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.expect("a catalogue has record types").1
}

fn under<'a>(catalog: &'a Catalog, seen: &Seen, record_type: &'a RecordType) -> (f64, Roles<'a>) {
    let mut claims: Vec<Claim> = (0..seen.headers.len())
        .flat_map(|column| candidate(catalog, seen, record_type, column).claims())
        .collect();
    claims.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.column.cmp(&b.column)));
    let mut given: Vec<Option<Given>> = seen.headers.iter().map(|_| None).collect();
    let mut filled: Vec<String> = Vec::new();
    let mut score = 0.0;
    for claim in claims {
        if given[claim.column].is_none() && !filled.contains(&claim.target) {
            score += claim.score;
            filled.push(claim.target);
            given[claim.column] = Some(claim.given);
        }
    }
    let mut roles = Roles { record_type, given: Vec::new() };
    let one_hot: Vec<bool> = (0..seen.headers.len()).map(|column| is_one_hot(seen, &given, column)).collect();
    roles.given = given
        .into_iter()
        .enumerate()
        .map(|(column, found)| match found {
            _ if one_hot[column] => Given { role: Role::OneHot, share: None },
            Some(found) => found,
            None => Given { role: leftover(seen, column), share: None },
        })
        .collect();
    (score - roles.missing().len() as f64, roles)
}

/// A column that fills nothing: not read where it identifies, else read by the detectors; never stored.
fn leftover(seen: &Seen, column: usize) -> Role {
    match hints(&seen.headers[column]).first() {
        Some(Hint::Identifying) => Role::Ignore,
        Some(Hint::FreeText) => Role::Scan,
        _ if seen.columns[column].share(detect::identifies) > TELLING => Role::Ignore,
        _ => Role::Scan,
    }
}

/// `needs/food` beside the multi-select `needs`.
fn is_one_hot(seen: &Seen, given: &[Option<Given>], column: usize) -> bool {
    let header = fold_case(&seen.headers[column]);
    given.iter().enumerate().any(|(other, found)| {
        let is_multiple = matches!(found, Some(Given { role: Role::Codes { split: Some(_), .. }, .. }));
        is_multiple && other != column && header.starts_with(&(fold_case(&seen.headers[other]) + "/"))
    })
}

fn fold_case(header: &str) -> String {
    marsad_catalog::clean(header).to_lowercase()
}

fn candidate<'a>(
    catalog: &'a Catalog,
    seen: &'a Seen,
    record_type: &'a RecordType,
    column: usize,
) -> Candidate<'a> {
    let header = &seen.headers[column];
    Candidate { catalog, record_type, column, header, cells: &seen.columns[column], hints: hints(header) }
}

/// One column of the file against one record type.
struct Candidate<'a> {
    catalog: &'a Catalog,
    record_type: &'a RecordType,
    column: usize,
    header: &'a str,
    cells: &'a Cells,
    hints: Vec<Hint>,
}

impl Candidate<'_> {
    /// What the column could fill, and how likely.
    fn claims(&self) -> Vec<Claim> {
        if self.hints.first() == Some(&Hint::Identifying) {
            return Vec::new();
        }
        let mut claims = Vec::new();
        let sure = |role| Given { role, share: None };
        if self.record_type.is_personal() {
            for (target, hint, role) in [
                ("identifier", Hint::Identifier, Role::Identifier),
                ("consent", Hint::Consent, Role::Consent),
            ] {
                if self.is_named(target, Some(hint)) {
                    claims.extend(self.claim(target, Some(hint), sure(role)));
                }
            }
        }
        if self.is_named("event_month", Some(Hint::Event)) {
            claims.extend(
                event(self.cells).and_then(|given| self.claim("event_month", Some(Hint::Event), given)),
            );
        }
        for target in self.record_type.columns.iter().filter(|target| target.derived.is_none()) {
            match &target.kind {
                ColumnKind::Code { list } if list.starts_with("AGE_") => {
                    claims.extend(self.ages(&target.name));
                }
                _ => claims.extend(self.value(target)),
            }
        }
        claims
    }

    /// Whether the header says so: to a mapping of the record type, or by a word.
    fn is_named(&self, target: &str, hint: Option<Hint>) -> bool {
        hint.is_some_and(|hint| self.hints.contains(&hint))
            || named(self.catalog, self.record_type, target, self.header)
    }

    fn claim(&self, target: &str, hint: Option<Hint>, given: Given) -> Option<Claim> {
        let named = named(self.catalog, self.record_type, target, self.header);
        let rank = hint.and_then(|hint| self.hints.iter().position(|other| *other == hint));
        let share = given.share.unwrap_or(1.0);
        if share < ENOUGH && !named && rank.is_none() {
            return None;
        }
        let by_words = rank.map_or(0.0, |rank| 1.0 / (1.0 + rank as f64));
        let score = share + by_words + if named { 2.0 } else { 0.0 };
        Some(Claim { score, column: self.column, target: target.to_owned(), given })
    }

    /// Age groups, by age and by year of birth.
    fn ages(&self, target: &str) -> Vec<Claim> {
        let claim = |hint: Hint, suffix: &str, years: RangeInclusive<i64>, role: Role| {
            let share = self.cells.share(|text| whole(text).is_some_and(|number| years.contains(&number)));
            let given = Given { role, share: Some(share) };
            self.hints
                .contains(&hint)
                .then(|| self.claim(&format!("{target} by {suffix}"), Some(hint), given))
        };
        let age = claim(Hint::Age, "age", 0..=115, Role::Age(target.to_owned()));
        let year = claim(Hint::BirthYear, "year", 1900..=2100, Role::BirthYear(target.to_owned()));
        [age, year].into_iter().flatten().flatten().collect()
    }

    /// Codes by their list; numbers and booleans by name alone.
    fn value(&self, target: &Column) -> Option<Claim> {
        let is_hint = |hint: &Hint| matches!(hint, Hint::Column(name) if *name == target.name);
        let hint = self.hints.iter().copied().find(is_hint);
        let is_named = self.is_named(&target.name, hint);
        let plain = |share| Given { role: Role::Plain(target.name.clone()), share: Some(share) };
        let given = match &target.kind {
            // So many spellings are no codes, unless the header says so.
            ColumnKind::Code { .. } if !is_named && self.cells.spellings.len() > MOST_CODES => return None,
            ColumnKind::Code { list } => codes(self.catalog, &target.name, list, self.cells)?,
            _ if !is_named => return None,
            ColumnKind::Boolean => plain(self.cells.share(|text| boolean(text).is_some())),
            _ if self.cells.n_filled == 0 => plain(1.0),
            _ => plain(self.cells.share(|text| Number::parse(text, ',').is_some())),
        };
        self.claim(&target.name, hint, given)
    }
}

fn whole(text: &str) -> Option<i64> {
    Number::parse(text, '.').and_then(Number::whole)
}

/// The best reading as codes of a list: plain, split, or of the agency's countries.
fn codes(catalog: &Catalog, target: &str, list: &str, cells: &Cells) -> Option<Given> {
    let known = translations(catalog, target);
    let mut best: Option<Given> = None;
    let mut options: Vec<(Option<&str>, bool)> = vec![(None, false)];
    if list == "NATIONALITY_GROUP" {
        options.push((None, true));
    } else {
        options.extend(SPLITS.map(|split| (Some(split), false)));
    }
    for (split, unhcr) in options {
        let scheme = if unhcr { NationalityScheme::Unhcr } else { NationalityScheme::Iso };
        let column = MappedColumn { split: split.map(str::to_owned), scheme: Some(scheme), ..known.clone() };
        let codes = Codes::new(catalog, list, &column).ok()?;
        let share = cells.share(|text| codes.many(text).is_ok());
        // A multi-select explains more than single codes, or it is none.
        let margin = if split.is_some() { 0.02 } else { 0.0 };
        if best.as_ref().is_none_or(|before| share > before.share.unwrap_or(0.0) + margin) {
            let role = Role::Codes {
                target: target.to_owned(),
                list: list.to_owned(),
                split: split.map(str::to_owned),
                unhcr,
            };
            best = Some(Given { role, share: Some(share) });
        }
    }
    best
}

/// What all mappings say of the spellings of a landed column; of two that disagree neither is taken.
pub(super) fn translations(catalog: &Catalog, target: &str) -> MappedColumn {
    let mut meanings: BTreeMap<String, BTreeSet<Option<&str>>> = BTreeMap::new();
    let mut written: BTreeMap<String, &String> = BTreeMap::new();
    for column in catalog.mappings.values().filter_map(|mapping| mapping.columns.get(target)) {
        let codes = column.codes.iter().map(|(spelling, code)| (spelling, Some(code.as_str())));
        for (spelling, code) in codes.chain(column.unknown.iter().map(|spelling| (spelling, None))) {
            written.entry(fold(spelling)).or_insert(spelling);
            meanings.entry(fold(spelling)).or_default().insert(code);
        }
    }
    let mut known = MappedColumn::default();
    for (folded, codes) in meanings.iter().filter(|(_, codes)| codes.len() == 1) {
        match codes.first().copied().flatten() {
            Some(code) => drop(known.codes.insert(written[folded].clone(), code.to_owned())),
            None => known.unknown.push(written[folded].clone()),
        }
    }
    known
}

/// The forms that the dates of a column have: the one that reads most, then those that read a good part of what is left.
fn event(cells: &Cells) -> Option<Given> {
    let mut forms: Vec<String> = Vec::new();
    if cells.n_dates > 0 {
        forms.extend(["excel".to_owned(), "serial".to_owned()]);
    }
    let mut left: Vec<(&String, u64)> = cells.spellings.iter().map(|(text, n)| (text, *n)).collect();
    let all: u64 = left.iter().map(|(_, n)| n).sum();
    loop {
        let candidates = std::iter::once(DateForm::Rfc3339)
            .chain(FORMS.iter().map(|form| DateForm::Pattern((*form).to_owned())));
        let reads = |form: &DateForm| {
            left.iter().filter(|(text, _)| date::in_form(text, form).is_some()).map(|(_, n)| n).sum::<u64>()
        };
        // Of equals the first: a day before a month, as all languages of the programme write.
        let best = candidates.map(|form| (reads(&form), form)).reduce(|a, b| if b.0 > a.0 { b } else { a });
        let Some((n, form)) = best.filter(|(n, _)| *n > 0 && *n * 20 >= all) else { break };
        let is_turned = |other: &str| forms.iter().any(|form| form == other);
        let turned = matches!(date::name(&form), "%m/%d/%Y") && is_turned("%d/%m/%Y")
            || matches!(date::name(&form), "%d/%m/%Y") && is_turned("%m/%d/%Y");
        if turned || n == 0 {
            break;
        }
        left.retain(|(text, _)| date::in_form(text, &form).is_none());
        forms.push(date::name(&form).to_owned());
    }
    let unread: u64 = left.iter().map(|(_, n)| n).sum();
    let total = all + cells.n_dates;
    let share = if total == 0 { 0.0 } else { (total - unread) as f64 / total as f64 };
    if forms.is_empty() { None } else { Some(Given { role: Role::Event(forms), share: Some(share) }) }
}

/// Whether a mapping of the same record type reads this header for that.
fn named(catalog: &Catalog, record_type: &RecordType, target: &str, header: &str) -> bool {
    let folded = fold(header);
    let is = |names: &[String]| names.iter().any(|name| fold(name) == folded);
    let reads = |mapping: &Mapping| match target.split_once(" by ") {
        _ if target == "identifier" => mapping.identifier.as_ref().is_some_and(|spec| is(&spec.from)),
        _ if target == "consent" => mapping.consent.as_ref().is_some_and(|spec| is(&spec.from)),
        Some((name, "age")) => mapping.columns.get(name).is_some_and(|column| is(&column.from_age)),
        Some((name, _)) => mapping.columns.get(name).is_some_and(|column| is(&column.from_birth_year)),
        None => mapping.columns.get(target).is_some_and(|column| is(&column.from)),
    };
    catalog.mappings.values().filter(|mapping| mapping.record_type == record_type.id).any(reads)
}

impl Roles<'_> {
    /// Whether some column has a role for this landed column.
    pub(super) fn filling<'r>(&'r self, target: &'r str) -> impl Iterator<Item = usize> + 'r {
        (0..self.given.len()).filter(move |column| self.given[*column].role.target() == Some(target))
    }

    /// What nothing seems to fill.
    pub(super) fn missing(&self) -> Vec<String> {
        let own = self.record_type.columns.iter().filter(|column| column.derived.is_none());
        let own = own.map(|column| column.name.as_str()).chain(["event_month"]);
        let personal = ["identifier", "consent"].into_iter().filter(|_| self.record_type.is_personal());
        let wanted = personal.chain(own);
        wanted.filter(|target| self.filling(target).next().is_none()).map(str::to_owned).collect()
    }

    pub(super) fn guesses(&self, seen: &Seen) -> Vec<Guess> {
        let guess = |(header, given): (&String, &Given)| Guess {
            column: header.clone(),
            fills: match &given.role {
                Role::OneHot => "one-hot".to_owned(),
                Role::Scan => "scan".to_owned(),
                Role::Ignore => "ignore".to_owned(),
                role => role.target().unwrap_or_default().to_owned(),
            },
            percent: given.share.map(percent),
        };
        seen.headers.iter().zip(&self.given).map(guess).collect()
    }
}

impl Role {
    fn target(&self) -> Option<&str> {
        match self {
            Self::Identifier => Some("identifier"),
            Self::Event(_) => Some("event_month"),
            Self::Consent => Some("consent"),
            Self::Codes { target, .. }
            | Self::Age(target)
            | Self::BirthYear(target)
            | Self::Plain(target) => Some(target),
            Self::OneHot | Self::Scan | Self::Ignore => None,
        }
    }
}

/// A share in whole hundredths, downwards.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share lies between 0 and 1")]
pub(super) fn percent(share: f64) -> u64 {
    (share * 100.0).floor() as u64
}
