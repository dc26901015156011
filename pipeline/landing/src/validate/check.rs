//! One row, checked: field count, then every column in the header's order, then what spans columns. The first failure is
//! the reason (extracts 2).

use std::collections::BTreeSet;

use chrono::NaiveDate;
use marsad_catalog::{clean, fold};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::age::POSSIBLE;
use super::codes::{Choice, Picked};
use super::layout::{Layout, Role};
use super::number::Number;
use super::plan::{IdentifierRule, Plan, Source, Target, Value, boolean, value_text};
use super::{NULL, across, date};
use crate::Reason;
use crate::detect;
use crate::import::{Mark, Row};
use crate::pseudonym::Identifier;

/// The days between which events can lie, both inside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dates {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
}

/// Why a record does not land, and the column at fault by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) reason: Reason,
    pub(crate) column: Option<usize>,
}

impl Rejection {
    pub(crate) fn at(column: usize, reason: Reason) -> Self {
        Self { reason, column: Some(column) }
    }
}

/// A record whose every value is as its record type wants it.
pub(crate) struct CheckedRecord {
    pub(crate) identifier: Option<Identifier>,
    pub(crate) day: NaiveDate,
    pub(crate) consent: bool,
    /// The parts of a declared identity; empty where none is declared.
    pub(crate) identity: Vec<String>,
    /// Values by target, row after row.
    pub(crate) rows: Vec<Vec<i64>>,
}

/// What is known of a record while its cells are read.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) identifier: Option<Identifier>,
    pub(crate) day: Option<NaiveDate>,
    pub(crate) consent: bool,
    pub(crate) values: Vec<i64>,
    /// Codes of the column that gives one row each.
    pub(crate) codes: Vec<i64>,
    /// Choices of multi-selects that one-hot columns repeat, by target.
    pub(crate) picked: Vec<(usize, Picked)>,
    /// By target: age and birth year, each with its column.
    pub(crate) ages: Vec<Ages>,
    /// By position in `Layout::one_hot`.
    pub(crate) one_hot: Vec<bool>,
    /// By target: the column that it was read from.
    pub(crate) columns: Vec<Option<usize>>,
    /// By column: the parsed text of parts of the identity.
    identity: Vec<String>,
}

/// What a record says about an age.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ages {
    pub(crate) declared: Option<i64>,
    pub(crate) birth_year: Option<(i64, usize)>,
}

/// Checks the rows of one file.
pub(crate) struct Checker<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) layout: &'a Layout,
    dates: Dates,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, layout: &'a Layout, dates: Dates) -> Self {
        Self { plan, layout, dates }
    }

    /// The record of a row.
    pub(crate) fn check(&self, row: &Row) -> Result<CheckedRecord, Rejection> {
        if row.n_cells() != self.layout.headers.len() {
            return Err(Rejection { reason: Reason::FieldCount, column: None });
        }
        let mut draft = self.empty();
        for column in self.layout.columns_read() {
            self.cell(&mut draft, row, column).map_err(|reason| Rejection::at(column, reason))?;
        }
        let identity = self.identity(&draft)?;
        across::check(self, &mut draft)?;
        self.finish(draft, identity)
    }

    /// Reads one cell for all its roles, by itself.
    pub(crate) fn cell(&self, draft: &mut Draft, row: &Row, column: usize) -> Result<(), Reason> {
        if row.is_too_long(column) || is_unreadable(row.cell(column)) {
            return Err(Reason::Unreadable);
        }
        let text = clean(row.cell(column));
        for role in &self.layout.roles[column] {
            let taken = match row.mark(column) {
                Some(mark) => self.take_marked(draft, (column, role), mark, &text),
                None => self.take(draft, column, role, &text),
            };
            taken.map_err(|reason| seen(reason, &text))?;
        }
        Ok(())
    }

    pub(crate) fn empty(&self) -> Draft {
        let targets = &self.plan.targets;
        Draft {
            values: targets
                .iter()
                .map(|target| match target.source {
                    Source::Constant(value) => value,
                    _ => NULL,
                })
                .collect(),
            day: self.plan.day,
            ages: vec![Ages::default(); targets.len()],
            columns: vec![None; targets.len()],
            one_hot: vec![false; self.layout.one_hot.len()],
            identity: if self.layout.identity.is_empty() {
                Vec::new()
            } else {
                vec![String::new(); self.layout.headers.len()]
            },
            ..Draft::default()
        }
    }

    /// Reads a cell that its container calls a date or a number.
    fn take_marked(
        &self,
        draft: &mut Draft,
        (column, role): (usize, &Role),
        mark: Mark,
        text: &str,
    ) -> Result<(), Reason> {
        let has_pattern = self.plan.identifier.as_ref().is_some_and(|rule| rule.pattern.is_some());
        match role {
            Role::Date => {
                let day = date::marked(mark, self.plan.dates).or_else(|| date::parse(text, self.plan.dates));
                draft.day = Some(self.possible(day.ok_or(Reason::Date)?)?);
                Ok(())
            }
            // A spreadsheet drops zeros and rounds: only a pattern tells that the digits are still the identifier.
            Role::Identifier if !has_pattern => Err(Reason::NoIdentifier),
            _ => self.take(draft, column, role, text),
        }
    }

    /// Reads one cell for one of its roles.
    fn take(&self, draft: &mut Draft, column: usize, role: &Role, text: &str) -> Result<(), Reason> {
        match role {
            Role::Identifier => {
                draft.identifier =
                    self.plan.identifier.as_ref().map(|rule| identifier(rule, text)).transpose()?;
            }
            Role::Date => draft.day = Some(self.day(text)?),
            Role::Value(target) => {
                draft.columns[*target] = Some(column);
                self.take_value(draft, *target, text)?;
            }
            Role::Age(target) => {
                draft.columns[*target] = Some(column);
                draft.ages[*target].declared = age(&self.plan.targets[*target], text)?;
            }
            Role::BirthYear(target) => {
                draft.columns[*target] = Some(column);
                let year = years(&self.plan.targets[*target], text)?;
                draft.ages[*target].birth_year = year.map(|year| (year, column));
            }
            Role::Consent => draft.consent = self.plan.consent.contains(&fold(text)),
            Role::OnePerson(expected) if fold(text) != *expected => return Err(Reason::NotOnePerson),
            Role::Scan if detect::identifies(text) => return Err(Reason::Identifies),
            Role::OnePerson(_) | Role::Scan => {}
            Role::OneHot(at) => draft.one_hot[*at] = one_hot(text)?,
            Role::Identity => draft.identity[column] = self.parsed_text(draft, column, text),
        }
        Ok(())
    }

    fn day(&self, text: &str) -> Result<NaiveDate, Reason> {
        self.possible(date::parse(text, self.plan.dates).ok_or(Reason::Date)?)
    }

    fn possible(&self, day: NaiveDate) -> Result<NaiveDate, Reason> {
        if (self.dates.first..=self.dates.last).contains(&day) { Ok(day) } else { Err(Reason::DateOutside) }
    }

    fn take_value(&self, draft: &mut Draft, at: usize, text: &str) -> Result<(), Reason> {
        let target = &self.plan.targets[at];
        let Value::Code(codes) = &target.value else {
            draft.values[at] = plain_value(target, text)?;
            return Ok(());
        };
        if !codes.is_split() {
            draft.values[at] = codes.one(text)?;
            if target.row_per_code {
                draft.codes = vec![draft.values[at]];
            }
            return Ok(());
        }
        let picked = codes.many(text)?;
        let chosen = codes.chosen(&picked)?;
        // The first in the code list's order stands for several.
        draft.values[at] = chosen.iter().copied().min().unwrap_or(NULL);
        if target.row_per_code {
            draft.codes = chosen;
        }
        if self.layout.one_hot.iter().any(|one_hot| one_hot.target == at) {
            draft.picked.extend(picked.into_iter().map(|picked| (at, picked)));
        }
        Ok(())
    }

    /// A cell as it enters the identity: its parsed value where it is mapped too, so that respelling it changes nothing.
    fn parsed_text(&self, draft: &Draft, column: usize, text: &str) -> String {
        let roles = &self.layout.roles[column];
        let parsed = roles.iter().find_map(|role| match role {
            Role::Date => draft.day.map(|day| day.to_string()),
            Role::Identifier => draft.identifier.as_ref().map(|identifier| identifier.0.to_string()),
            Role::Age(target) => {
                Some(draft.ages[*target].declared.map_or(String::new(), |age| age.to_string()))
            }
            Role::Value(target) if self.plan.targets[*target].row_per_code => {
                let codes = draft.codes.iter().map(|code| value_text(&self.plan.targets[*target], *code));
                Some(codes.collect::<Vec<_>>().join(" "))
            }
            Role::Value(target) => Some(value_text(&self.plan.targets[*target], draft.values[*target])),
            _ => None,
        });
        parsed.unwrap_or_else(|| {
            let prefix = self.plan.mapping.identity.prefix.as_deref().unwrap_or_default();
            text.strip_prefix(prefix).unwrap_or(text).to_owned()
        })
    }

    fn identity(&self, draft: &Draft) -> Result<Vec<String>, Rejection> {
        let part = |columns: &Vec<usize>| {
            let found = columns.iter().map(|column| &draft.identity[*column]).find(|text| !text.is_empty());
            found.cloned().ok_or(Rejection::at(columns[0], Reason::Empty))
        };
        self.layout.identity.iter().map(part).collect()
    }

    fn finish(&self, draft: Draft, identity: Vec<String>) -> Result<CheckedRecord, Rejection> {
        let day = draft.day.ok_or(Reason::Date).and_then(|day| self.possible(day));
        let day = day.map_err(|reason| Rejection { reason, column: None })?;
        let rows = across::rows(self.plan, &draft);
        Ok(CheckedRecord { identifier: draft.identifier, day, consent: draft.consent, identity, rows })
    }
}

/// Cells that fail their own check are shown to the detectors.
fn seen(reason: Reason, text: &str) -> Reason {
    let own = matches!(reason, Reason::Date | Reason::Age | Reason::Number | Reason::UnknownCode);
    if own && detect::identifies(text) { Reason::Identifies } else { reason }
}

/// R10: control characters but tab, CR and LF; bytes that could not be decoded; a spreadsheet's error.
fn is_unreadable(cell: &str) -> bool {
    const ERRORS: [&str; 14] = [
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "#NAME?",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#CALC!",
        "#VALEUR!",
        "#NOM?",
        "#NOMBRE!",
        "#NUL!",
        "#GETTING_DATA",
    ];
    let is_bad = |c: char| (c.is_control() && !matches!(c, '\t' | '\r' | '\n')) || c == '\u{FFFD}';
    let trimmed = cell.trim();
    cell.contains(is_bad)
        || (trimmed.starts_with('#') && ERRORS.iter().any(|error| trimmed.eq_ignore_ascii_case(error)))
}

/// The canonical identifier with its scheme (extracts 5); R01, then R02.
fn identifier(rule: &IdentifierRule, text: &str) -> Result<Identifier, Reason> {
    let upper = Zeroizing::new(text.to_uppercase());
    let mut canonical: Zeroizing<String> = Zeroizing::new(upper.nfkc().collect());
    if let Some(pad) =
        rule.pad.filter(|_| canonical.bytes().all(|b| b.is_ascii_digit()) && !canonical.is_empty())
    {
        canonical = Zeroizing::new(format!("{:0>pad$}", canonical.as_str()));
    }
    let folded = Zeroizing::new(fold(&canonical));
    let is_placeholder = folded.is_empty() || is_in(&rule.placeholders, &folded);
    if is_placeholder || rule.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(&canonical)) {
        return Err(Reason::NoIdentifier);
    }
    if detect::is_contact(&canonical) {
        return Err(Reason::Identifies);
    }
    Ok(Identifier(Zeroizing::new(format!("{}:{}", rule.scheme, canonical.as_str()))))
}

fn is_in(set: &BTreeSet<String>, text: &str) -> bool {
    set.contains(text)
}

/// The value of a cell of a column without codes; empty is absent.
fn plain_value(target: &Target<'_>, text: &str) -> Result<i64, Reason> {
    if text.is_empty() {
        // Whether it may be absent is decided where the other column is known.
        return if target.only_with.is_some() { Ok(NULL) } else { Err(Reason::Empty) };
    }
    let number = || Number::parse(text, target.decimal);
    let found = match &target.value {
        Value::Boolean => return boolean(text).map(i64::from).ok_or(Reason::UnknownCode),
        Value::Integer { min, max } => number().and_then(Number::whole).filter(|n| (min..=max).contains(&n)),
        Value::Decimal { min, max, step } => number()
            .and_then(Number::hundredths)
            .filter(|n| (min..=max).contains(&n) && step.is_none_or(|step| n % step == 0)),
        Value::Code(_) => None,
    };
    found.ok_or(Reason::Number)
}

/// A number of years: none where the cell is empty or a declared spelling of unknown.
fn years(target: &Target<'_>, text: &str) -> Result<Option<i64>, Reason> {
    let is_unknown = target.codes().is_some_and(|codes| codes.is_unknown_spelling(text));
    if text.is_empty() || is_unknown {
        return Ok(None);
    }
    Number::parse(text, target.decimal).and_then(Number::whole).map(Some).ok_or(Reason::Number)
}

/// A declared age, possible and in a band of the column's list.
fn age(target: &Target<'_>, text: &str) -> Result<Option<i64>, Reason> {
    let Some(age) = years(target, text)? else { return Ok(None) };
    let in_band = match &target.source {
        Source::Age(bands) => bands.code(age).is_some(),
        _ => false,
    };
    if POSSIBLE.contains(&age) && in_band { Ok(Some(age)) } else { Err(Reason::Age) }
}

/// `1/0`, `True/False`, or nothing where the question was skipped.
fn one_hot(text: &str) -> Result<bool, Reason> {
    if text.is_empty() {
        return Ok(false);
    }
    // `1.0`, as some exports write it.
    let number = || match Number::parse(text, '.').and_then(Number::whole) {
        Some(0) => Some(false),
        Some(1) => Some(true),
        _ => None,
    };
    boolean(text).or_else(number).ok_or(Reason::UnknownCode)
}

/// The choice that a one-hot column stands for, as a pick.
pub(crate) fn pick(folded: &str, choice: Choice) -> Picked {
    Picked { folded: folded.to_owned(), choice }
}
