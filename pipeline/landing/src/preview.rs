//! What a check says of each column: how many cells pass, what their spellings become, which rows fail and why.
//!
//! Only texts that are public in themselves are told: spellings of a code list or of the mapping, the names of forms. A
//! country's name or code is none of them, since countries never land.

use std::collections::BTreeMap;

use chrono::Datelike;
use marsad_catalog::{clean, fold};

use crate::Reason;
use crate::import::{Mark, Row};
use crate::report::{ColumnReport, Normalised, RejectedCells};
use crate::validate::{Checker, Draft, Reader, Rejection, Role, Source, Value, boolean, date};

/// Lines that are kept for one reason in one column.
const MOST_LINES: usize = 10_000;

/// Counts the cells of a file, column by column.
pub(crate) struct Preview<'c> {
    reader: Reader<'c>,
    columns: BTreeMap<usize, Cells>,
}

/// What is known of one column.
#[derive(Default)]
struct Cells {
    accepted: u64,
    empty: u64,
    changed: u64,
    /// By folded spelling and code: the spelling as first seen, and in how many cells.
    normalised: BTreeMap<(String, String), (String, u64)>,
    rejected: BTreeMap<Reason, RejectedCells>,
}

impl Cells {
    fn becomes(&mut self, from: &str, to: &str) {
        let seen = self.normalised.entry((fold(from), to.to_owned()));
        seen.or_insert_with(|| (from.to_owned(), 0)).1 += 1;
    }

    fn reject(&mut self, reason: Reason, line: u64) {
        let rejected = self.rejected.entry(reason).or_default();
        rejected.records += 1;
        if rejected.lines.len() < MOST_LINES {
            rejected.lines.push(line);
        }
    }
}

impl<'c> Preview<'c> {
    pub(crate) fn new(checker: &'c Checker<'c>) -> Self {
        let columns = checker.layout.columns_read().map(|column| (column, Cells::default())).collect();
        Self { reader: Reader::new(checker), columns }
    }

    /// Counts a row whose record has this outcome. A row of another number of cells has no columns.
    pub(crate) fn take(&mut self, row: &Row, outcome: Option<Rejection>) {
        if row.n_cells() != self.reader.checker.layout.headers.len() {
            return;
        }
        self.reader.begin();
        let across = |column| outcome.filter(|rejection| rejection.column == Some(column));
        let mut passed = Vec::new();
        for (column, cells) in &mut self.columns {
            let own = self.reader.cell(row, *column).err();
            match own.or(across(*column).map(|rejection| rejection.reason)) {
                Some(reason) => cells.reject(reason, row.line()),
                None => passed.push(*column),
            }
        }
        // An age group may need a date that stands further right.
        for column in passed {
            self.accept(row, column);
        }
    }

    fn accept(&mut self, row: &Row, column: usize) {
        let Reader { checker, draft, .. } = &self.reader;
        let Some(cells) = self.columns.get_mut(&column) else { return };
        let written = row.cell(column);
        let text = clean(written);
        cells.accepted += 1;
        cells.empty += u64::from(text.is_empty());
        let mut is_changed = text != written && !text.is_empty();
        for role in &checker.layout.roles[column] {
            match role {
                Role::Identifier => {
                    let canonical = draft.identifier().and_then(|found| found.0.split_once(':'));
                    is_changed |= canonical.is_some_and(|(_, canonical)| canonical != written);
                }
                Role::Date => cells.becomes(checker.form(&text, row.mark(column)), "(a date)"),
                Role::Value(target) => is_changed |= checker.value(cells, *target, &text),
                Role::Age(target) | Role::BirthYear(target) => {
                    checker.age_group(cells, *target, role, draft);
                }
                Role::Consent => cells.consent(&text, draft.consent),
                Role::OnePerson(_) | Role::Scan | Role::OneHot(_) | Role::Identity => {}
            }
        }
        cells.changed += u64::from(is_changed);
    }

    /// The columns in the file's order.
    pub(crate) fn finish(self) -> Vec<ColumnReport> {
        let checker = self.reader.checker;
        let report = |(column, cells): (usize, Cells)| ColumnReport {
            column: checker.layout.name(column),
            fills: checker.layout.roles[column].iter().map(|role| checker.fills(role)).collect(),
            accepted: cells.accepted,
            empty: cells.empty,
            changed: cells.changed,
            normalised: normalised(cells.normalised),
            rejected: rejected(cells.rejected),
        };
        self.columns.into_iter().map(report).collect()
    }
}

impl Cells {
    /// A spelling of yes, or anything else, which is not told.
    fn consent(&mut self, text: &str, consent: bool) {
        let from = if consent { text } else { "(anything else)" };
        self.becomes(if text.is_empty() { "(empty)" } else { from }, if consent { "true" } else { "false" });
    }
}

impl Checker<'_> {
    /// The declared form in which a date is written.
    fn form(&self, text: &str, mark: Option<Mark>) -> &str {
        let forms = self.plan.dates;
        let found = forms.iter().find(|form| {
            let one = std::slice::from_ref(*form);
            mark.is_some_and(|mark| date::marked(mark, one).is_some()) || date::in_form(text, form).is_some()
        });
        found.map_or("(a date)", date::name)
    }

    /// Counts what the spellings of a cell become; whether one is written otherwise than it lands.
    fn value(&self, cells: &mut Cells, target: usize, text: &str) -> bool {
        match &self.plan.targets[target].value {
            Value::Code(_) if text.is_empty() => {
                cells.becomes("(empty)", "_U");
                false
            }
            Value::Code(codes) => {
                let spelled = codes.spelled(text);
                for (from, to) in &spelled {
                    cells.becomes(if codes.is_declared(from) { from } else { "(a country)" }, to);
                }
                spelled.iter().any(|(from, to)| from != to)
            }
            Value::Boolean => {
                let Some(value) = boolean(text) else { return false };
                let to = if value { "true" } else { "false" };
                cells.becomes(text, to);
                text != to
            }
            Value::Integer { .. } | Value::Decimal { .. } => false,
        }
    }

    /// Counts the age group that an age or birth year leads to.
    fn age_group(&self, cells: &mut Cells, target: usize, role: &Role, draft: &Draft) {
        let target_of = &self.plan.targets[target];
        let (Source::Age(bands), Some(codes)) = (&target_of.source, target_of.codes()) else { return };
        let ages = draft.ages[target];
        let (from, age) = if matches!(role, Role::Age(_)) {
            ("(an age)", ages.declared)
        } else {
            let year = draft.day.map(|day| i64::from(day.year()));
            let age = year.zip(ages.birth_year).map(|(year, (born, _))| year.saturating_sub(born));
            ("(a birth year)", age)
        };
        if let Some(code) = age.and_then(|age| bands.code(age)) {
            cells.becomes(from, codes.code(code));
        }
    }

    fn fills(&self, role: &Role) -> String {
        match role {
            Role::Identifier => "identifier".to_owned(),
            Role::Date => "event_month".to_owned(),
            Role::Value(target) | Role::Age(target) | Role::BirthYear(target) => {
                self.plan.targets[*target].name.to_owned()
            }
            Role::OneHot(at) => self.plan.targets[self.layout.one_hot[*at].target].name.to_owned(),
            Role::Consent => "consent".to_owned(),
            Role::OnePerson(_) => "one_person".to_owned(),
            Role::Scan => "scan".to_owned(),
            Role::Identity => "identity".to_owned(),
        }
    }
}

fn normalised(seen: BTreeMap<(String, String), (String, u64)>) -> Vec<Normalised> {
    let mut all: Vec<Normalised> =
        seen.into_iter().map(|((_, to), (from, records))| Normalised { from, to, records }).collect();
    all.sort_by(|a, b| a.to.cmp(&b.to).then(b.records.cmp(&a.records)));
    all
}

fn rejected(seen: BTreeMap<Reason, RejectedCells>) -> Vec<RejectedCells> {
    let named = |(reason, cells): (Reason, RejectedCells)| RejectedCells {
        reason: reason.code().to_owned(),
        ..cells
    };
    seen.into_iter().map(named).collect()
}
