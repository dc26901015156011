//! Which column fills what: by the headers that mappings know, by words, and by the share of cells that can be read so.

use std::collections::{BTreeMap, BTreeSet};

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
const FORMS: [&str; 9] =
    ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y", "%Y-%m"];
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
    let mut claims: Vec<Claim> =
        (0..seen.headers.len()).flat_map(|column| claims(catalog, seen, record_type, column)).collect();
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

fn claims(catalog: &Catalog, seen: &Seen, record_type: &RecordType, column: usize) -> Vec<Claim> {
    let header = &seen.headers[column];
    let cells = &seen.columns[column];
    let hints = hints(header);
    if hints.first() == Some(&Hint::Identifying) {
        return Vec::new();
    }
    let mut claims = Vec::new();
    let mut claim = |target: &str, hint: Option<Hint>, found: Option<Given>| {
        let named = named(catalog, record_type, target, header);
        let rank = hint.and_then(|hint| hints.iter().position(|other| *other == hint));
        let Some(given) = found else { return };
        let share = given.share.unwrap_or(1.0);
        if share < ENOUGH && !named && rank.is_none() {
            return;
        }
        let by_words = rank.map_or(0.0, |rank| 1.0 / (1.0 + rank as f64));
        let score = share + by_words + if named { 2.0 } else { 0.0 };
        claims.push(Claim { score, column, target: target.to_owned(), given });
    };
    let is_named =
        |target: &str, hint: Hint| hints.contains(&hint) || named(catalog, record_type, target, header);
    if record_type.is_personal() {
        if is_named("identifier", Hint::Identifier) {
            claim("identifier", Some(Hint::Identifier), Some(Given { role: Role::Identifier, share: None }));
        }
        if is_named("consent", Hint::Consent) {
            claim("consent", Some(Hint::Consent), Some(Given { role: Role::Consent, share: None }));
        }
    }
    if is_named("event_month", Hint::Event) {
        claim("event_month", Some(Hint::Event), event(cells));
    }
    for target in record_type.columns.iter().filter(|target| target.derived.is_none()) {
        let hint =
            hints.iter().copied().find(|hint| matches!(hint, Hint::Column(name) if *name == target.name));
        for (key, hint, found) in readings(
            catalog,
            target,
            cells,
            &hints,
            hint,
            is_named(&target.name, hint.unwrap_or(Hint::FreeText)),
        ) {
            claim(&key, hint, found);
        }
    }
    claims
}

type Reading = (String, Option<Hint>, Option<Given>);

/// The ways in which a column can fill a landed one.
fn readings(
    catalog: &Catalog,
    target: &Column,
    cells: &Cells,
    hints: &[Hint],
    hint: Option<Hint>,
    is_named: bool,
) -> Vec<Reading> {
    let name = target.name.clone();
    match &target.kind {
        ColumnKind::Code { list } if list.starts_with("AGE_") => {
            let years = |range: std::ops::RangeInclusive<i64>| {
                cells.share(|text| whole(text).is_some_and(|years| range.contains(&years)))
            };
            let mut all = Vec::new();
            if hints.contains(&Hint::Age) {
                let given = Given { role: Role::Age(name.clone()), share: Some(years(0..=115)) };
                all.push((format!("{name} by age"), Some(Hint::Age), Some(given)));
            }
            if hints.contains(&Hint::BirthYear) {
                let given = Given { role: Role::BirthYear(name.clone()), share: Some(years(1900..=2100)) };
                all.push((format!("{name} by year"), Some(Hint::BirthYear), Some(given)));
            }
            all
        }
        // So many spellings are no codes, unless the header says so.
        ColumnKind::Code { .. } if !is_named && cells.spellings.len() > MOST_CODES => Vec::new(),
        ColumnKind::Code { list } => vec![(name.clone(), hint, codes(catalog, &name, list, cells))],
        _ if !is_named => Vec::new(),
        ColumnKind::Boolean => {
            let share = cells.share(|text| boolean(text).is_some());
            vec![(name.clone(), hint, Some(Given { role: Role::Plain(name), share: Some(share) }))]
        }
        ColumnKind::Integer { .. } | ColumnKind::Decimal { .. } => {
            let share = cells.share(|text| Number::parse(text, ',').is_some());
            let share = if cells.n_filled == 0 { 1.0 } else { share };
            vec![(name.clone(), hint, Some(Given { role: Role::Plain(name), share: Some(share) }))]
        }
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
    (!forms.is_empty()).then(|| Given { role: Role::Event(forms), share: Some(share) })
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
