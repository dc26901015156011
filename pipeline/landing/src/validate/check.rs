//! One row, checked: field count, then every column in the header's order, then what spans columns. The first failure is
//! the reason (extracts 2).

use chrono::NaiveDate;
use marsad_catalog::{clean, fold};

use super::age::POSSIBLE;
use super::codes::{Choice, Picked};
use super::layout::{Layout, Role};
use super::memory::Memory;
use super::number::Number;
use super::plan::{Plan, Source, Target, Value, boolean, value_text};
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

/// What is known of a record while its cells are read, and all of it where the check passes.
#[derive(Default)]
pub(crate) struct Draft {
    /// Of the record where `is_identified`, else of one before it.
    identifier: Identifier,
    is_identified: bool,
    /// The cell that the identifier was read from: a person's records often stand together.
    written: Identifier,
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
    /// By column: the parsed text of parts of the identity.
    identity: Vec<String>,
    /// Values by target, row after row, of a record that passes.
    pub(crate) rows: Vec<i64>,
}

/// What a record says about an age.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ages {
    pub(crate) declared: Option<i64>,
    pub(crate) birth_year: Option<(i64, usize)>,
}

impl Draft {
    pub(crate) fn identifier(&self) -> Option<&Identifier> {
        self.is_identified.then_some(&self.identifier)
    }
}

/// What one cell says for one of its column's roles.
pub(crate) enum Found {
    /// It stands beside.
    Identifier,
    Day(NaiveDate),
    Value(usize, i64),
    /// Of a column that gives a row a code, or is a multi-select: the target, its codes, and the choices that one-hot columns
    /// repeat.
    Codes(usize, Vec<i64>, Vec<Picked>),
    Age(usize, Option<i64>),
    BirthYear(usize, Option<i64>),
    Consent(bool),
    OneHot(usize, bool),
    Identity(String),
}

/// How the rows of one file are checked.
pub(crate) struct Checker<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) layout: &'a Layout,
    dates: Dates,
    /// By target: the last of the columns that it is read from.
    pub(crate) columns: Vec<Option<usize>>,
    /// Targets that one-hot columns alone tell.
    pub(crate) one_hot_alone: Vec<usize>,
    /// Targets that ages fill.
    pub(crate) aged: Vec<usize>,
    /// Targets that another one's code decides.
    pub(crate) dependent: Vec<usize>,
    /// The target that gives a row a code.
    pub(crate) per_code: Option<usize>,
    /// The column that is read for the identifier and for nothing else.
    identifier: Option<usize>,
    /// By column: whether its cells repeat, and may be remembered. Identifiers and notes never are.
    repeats: Vec<bool>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, layout: &'a Layout, dates: Dates) -> Self {
        let mut columns = vec![None; plan.targets.len()];
        for (column, role) in
            layout.columns_read().flat_map(|at| layout.roles[at].iter().map(move |r| (at, r)))
        {
            if let Role::Value(target) | Role::Age(target) | Role::BirthYear(target) = role {
                columns[*target] = Some(column);
            }
        }
        let mapped = |target: &Target<'_>| plan.mapping.columns.get(target.name);
        let is_alone = |target: &Target<'_>| {
            mapped(target).is_some_and(|column| column.one_hot.is_some() && column.from.is_empty())
        };
        let is_aged = |target: &Target<'_>| matches!(target.source, Source::Age(_));
        let depends = |target: &Target<'_>| target.only_with.is_some() || target.is_derived();
        let of_targets = |is: &dyn Fn(&Target<'_>) -> bool| {
            (0..plan.targets.len()).filter(|at| is(&plan.targets[*at])).collect()
        };
        let is_its_own = |role: &Role| matches!(role, Role::Identifier | Role::Scan | Role::Identity);
        Self {
            plan,
            layout,
            dates,
            columns,
            one_hot_alone: of_targets(&is_alone),
            aged: of_targets(&is_aged),
            dependent: of_targets(&depends),
            per_code: plan.targets.iter().position(|target| target.row_per_code),
            identifier: layout.roles.iter().position(|roles| matches!(roles.as_slice(), [Role::Identifier])),
            repeats: layout.roles.iter().map(|roles| !roles.iter().any(is_its_own)).collect(),
        }
    }

    /// What a cell says for all its roles, by itself: nothing of other cells enters. An identifier is put beside.
    fn found(&self, row: &Row, column: usize, cell: &mut Fresh) -> Result<(), Reason> {
        cell.found.clear();
        if row.is_too_long(column) || is_unreadable(row.cell(column)) {
            return Err(Reason::Unreadable);
        }
        let text = clean(row.cell(column));
        for role in &self.layout.roles[column] {
            let read = match (role, row.mark(column)) {
                (Role::Identity, _) => Ok(Some(Found::Identity(self.parsed_text(cell, &text)))),
                (Role::Identifier, mark) => self.identifier(mark, &text, &mut cell.identifier).map(Some),
                (_, Some(mark)) => self.marked(role, mark, &text),
                (_, None) => self.role(role, &text),
            };
            cell.found.extend(read.map_err(|reason| seen(reason, &text))?);
        }
        Ok(())
    }

    fn identifier(
        &self,
        mark: Option<Mark>,
        text: &str,
        identifier: &mut Identifier,
    ) -> Result<Found, Reason> {
        let Some(rule) = &self.plan.identifier else { return Ok(Found::Identifier) };
        // A spreadsheet drops zeros and rounds: only a pattern tells that the digits are still the identifier.
        if mark.is_some() && rule.pattern.is_none() {
            return Err(Reason::NoIdentifier);
        }
        rule.read(text, identifier)?;
        Ok(Found::Identifier)
    }

    /// Reads a cell that its container calls a date or a number.
    fn marked(&self, role: &Role, mark: Mark, text: &str) -> Result<Option<Found>, Reason> {
        match role {
            Role::Date => {
                let day = date::marked(mark, self.plan.dates).or_else(|| date::parse(text, self.plan.dates));
                Ok(Some(Found::Day(self.possible(day.ok_or(Reason::Date)?)?)))
            }
            _ => self.role(role, text),
        }
    }

    /// Reads one cell for one of its roles.
    fn role(&self, role: &Role, text: &str) -> Result<Option<Found>, Reason> {
        Ok(Some(match role {
            Role::Date => Found::Day(self.possible(date::parse(text, self.plan.dates).ok_or(Reason::Date)?)?),
            Role::Value(target) => self.value_of(*target, text)?,
            Role::Age(target) => Found::Age(*target, age(&self.plan.targets[*target], text)?),
            Role::BirthYear(target) => Found::BirthYear(*target, years(&self.plan.targets[*target], text)?),
            Role::Consent => Found::Consent(self.plan.consent.contains(&fold(text))),
            Role::OneHot(at) => Found::OneHot(*at, one_hot(text)?),
            Role::OnePerson(expected) if fold(text) != *expected => return Err(Reason::NotOnePerson),
            Role::Scan if detect::identifies(text) => return Err(Reason::Identifies),
            Role::OnePerson(_) | Role::Scan | Role::Identity | Role::Identifier => return Ok(None),
        }))
    }

    fn possible(&self, day: NaiveDate) -> Result<NaiveDate, Reason> {
        if (self.dates.first..=self.dates.last).contains(&day) { Ok(day) } else { Err(Reason::DateOutside) }
    }

    fn value_of(&self, at: usize, text: &str) -> Result<Found, Reason> {
        let target = &self.plan.targets[at];
        let Value::Code(codes) = &target.value else {
            return plain_value(target, text).map(|n| Found::Value(at, n));
        };
        if !codes.is_split() {
            let code = codes.one(text)?;
            let is_alone = !target.row_per_code;
            return Ok(if is_alone {
                Found::Value(at, code)
            } else {
                Found::Codes(at, vec![code], Vec::new())
            });
        }
        let picked = codes.many(text)?;
        let chosen = codes.chosen(&picked)?;
        let is_repeated = self.layout.one_hot.iter().any(|one_hot| one_hot.target == at);
        Ok(Found::Codes(at, chosen, if is_repeated { picked } else { Vec::new() }))
    }

    /// A cell as it enters the identity: its parsed value where it is mapped too, so that respelling it changes nothing.
    fn parsed_text(&self, cell: &Fresh, text: &str) -> String {
        let parsed = cell.found.iter().find_map(|found| match found {
            Found::Day(day) => Some(day.to_string()),
            Found::Identifier => Some(cell.identifier.0.to_string()).filter(|text| !text.is_empty()),
            Found::Age(_, declared) => Some(declared.map_or(String::new(), |age| age.to_string())),
            Found::Codes(target, codes, _) if self.plan.targets[*target].row_per_code => {
                let codes = codes.iter().map(|code| value_text(&self.plan.targets[*target], *code));
                Some(codes.collect::<Vec<_>>().join(" "))
            }
            Found::Codes(target, codes, _) => {
                Some(value_text(&self.plan.targets[*target], first_code(codes)))
            }
            Found::Value(target, value) => Some(value_text(&self.plan.targets[*target], *value)),
            _ => None,
        });
        parsed.unwrap_or_else(|| {
            let prefix = self.plan.mapping.identity.prefix.as_deref().unwrap_or_default();
            text.strip_prefix(prefix).unwrap_or(text).to_owned()
        })
    }

    /// The parts of a declared identity, none where none is declared; R09 where one is empty.
    fn identity<'d>(&self, draft: &'d Draft) -> impl Iterator<Item = Result<&'d str, Rejection>> {
        self.layout.identity.iter().map(move |columns| {
            let mut texts = columns.iter().map(|column| draft.identity[*column].as_str());
            texts.find(|text| !text.is_empty()).ok_or(Rejection::at(columns[0], Reason::Empty))
        })
    }
}

/// The first in the code list's order stands for several.
fn first_code(codes: &[i64]) -> i64 {
    codes.iter().copied().min().unwrap_or(NULL)
}

/// What a cell was read as that is not remembered.
#[derive(Default)]
struct Fresh {
    found: Vec<Found>,
    identifier: Identifier,
}

/// Reads rows one after the other: the record at hand, and how cells that repeat were read.
pub(crate) struct Reader<'c> {
    pub(crate) checker: &'c Checker<'c>,
    pub(crate) draft: Draft,
    memories: Vec<Memory>,
    fresh: Fresh,
    /// By target: its value before a cell is read.
    empty: Vec<i64>,
}

impl<'c> Reader<'c> {
    pub(crate) fn new(checker: &'c Checker<'c>) -> Self {
        let (targets, n_columns) = (&checker.plan.targets, checker.layout.headers.len());
        let empty = targets.iter().map(|target| match target.source {
            Source::Constant(value) => value,
            _ => NULL,
        });
        let empty: Vec<i64> = empty.collect();
        let draft = Draft {
            values: empty.clone(),
            ages: vec![Ages::default(); targets.len()],
            one_hot: vec![false; checker.layout.one_hot.len()],
            identity: vec![String::new(); if checker.layout.identity.is_empty() { 0 } else { n_columns }],
            ..Draft::default()
        };
        let memories = std::iter::repeat_with(Memory::default).take(n_columns).collect();
        Self { checker, draft, memories, fresh: Fresh::default(), empty }
    }

    /// Checks a row; where it passes the draft is its record.
    pub(crate) fn check(&mut self, row: &Row) -> Result<(), Rejection> {
        let checker = self.checker;
        if row.n_cells() != checker.layout.headers.len() {
            return Err(Rejection { reason: Reason::FieldCount, column: None });
        }
        self.begin();
        for column in checker.layout.columns_read() {
            self.cell(row, column).map_err(|reason| Rejection::at(column, reason))?;
        }
        let draft = &mut self.draft;
        checker.identity(draft).try_for_each(|part| part.map(|_| ()))?;
        across::check(checker, draft)?;
        let day = draft.day.ok_or(Reason::Date).and_then(|day| checker.possible(day));
        day.map_err(|reason| Rejection { reason, column: None })?;
        across::rows(checker, draft);
        Ok(())
    }

    /// Forgets the record at hand.
    pub(crate) fn begin(&mut self) {
        let draft = &mut self.draft;
        draft.is_identified = false;
        draft.day = self.checker.plan.day;
        draft.consent = false;
        draft.values.copy_from_slice(&self.empty);
        draft.codes.clear();
        draft.picked.clear();
        draft.ages.fill(Ages::default());
        draft.one_hot.fill(false);
        draft.identity.iter_mut().for_each(String::clear);
    }

    /// Reads one cell into the draft.
    pub(crate) fn cell(&mut self, row: &Row, column: usize) -> Result<(), Reason> {
        let (text, memory) = (row.cell(column), &mut self.memories[column]);
        // A cell that was too long is empty now, and is none that was empty.
        let is_remembered = Memory::holds(text) && !row.is_marked() && !row.is_too_long(column);
        let may_repeat = is_remembered && (self.checker.repeats[column] || text.is_empty());
        let Self { checker, draft, fresh, .. } = self;
        if checker.identifier == Some(column)
            && !row.is_marked()
            && !text.is_empty()
            && *draft.written.0 == text
        {
            draft.is_identified = true;
            return Ok(());
        }
        if may_repeat {
            let found = memory.or_read(text, || {
                checker.found(row, column, fresh)?;
                Ok(std::mem::take(&mut fresh.found))
            });
            let found = found.as_ref().map_err(|reason| *reason)?;
            for found in found {
                draft.take(checker, column, found);
            }
            return Ok(());
        }
        checker.found(row, column, fresh)?;
        for found in &fresh.found {
            draft.take(checker, column, found);
            if matches!(found, Found::Identifier) && checker.plan.identifier.is_some() {
                std::mem::swap(&mut draft.identifier, &mut fresh.identifier);
                draft.written.copy(text);
                draft.is_identified = true;
            }
        }
        Ok(())
    }

    /// The parts of the record's declared identity; none where none is declared.
    pub(crate) fn identity(&self) -> impl Iterator<Item = &str> {
        self.checker.identity(&self.draft).flatten()
    }
}

impl Draft {
    fn take(&mut self, checker: &Checker<'_>, column: usize, found: &Found) {
        match found {
            Found::Identifier => {}
            Found::Day(day) => self.day = Some(*day),
            Found::Value(target, value) => self.values[*target] = *value,
            Found::Codes(target, codes, picked) => {
                self.values[*target] = first_code(codes);
                if checker.per_code == Some(*target) {
                    self.codes.clone_from(codes);
                }
                self.picked.extend(picked.iter().map(|picked| (*target, picked.clone())));
            }
            Found::Age(target, declared) => self.ages[*target].declared = *declared,
            Found::BirthYear(target, year) => {
                self.ages[*target].birth_year = year.map(|year| (year, column));
            }
            Found::Consent(consent) => self.consent = *consent,
            Found::OneHot(at, chosen) => self.one_hot[*at] = *chosen,
            Found::Identity(text) => self.identity[column].clone_from(text),
        }
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
    // What is bad begins with one of these bytes: ASCII's controls, U+0080 to U+009F, U+FFFD.
    let may_be_bad = |byte: u8| byte < b' ' || matches!(byte, 0x7F | 0xC2 | 0xEF);
    let is_error = |cell: &str| ERRORS.iter().any(|error| cell.eq_ignore_ascii_case(error));
    (cell.bytes().any(may_be_bad) && cell.contains(is_bad)) || (cell.contains('#') && is_error(cell.trim()))
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
