//! Checks that span columns (extracts 2.4), and the rows that a record gives. Of several failures the leftmost dependent
//! column's is the reason.

use chrono::Datelike;

use super::NULL;
use super::age::POSSIBLE;
use super::check::{Ages, Checker, Draft, Rejection, pick};
use super::plan::{Plan, Source};
use crate::Reason;

/// `TEACHER` activities need this many participants to be told by region (record-types).
const FEWEST_TEACHERS: i64 = 5;

/// Completes a draft by what needs two columns, or rejects it.
pub(crate) fn check(checker: &Checker<'_>, draft: &mut Draft) -> Result<(), Rejection> {
    let mut failures: Vec<Rejection> = Vec::new();
    failures.extend(one_hot_alone(checker, draft));
    failures.extend(one_hot_against_text(checker, draft));
    failures.extend(ages(checker, draft));
    failures.extend(conditional(checker, draft));
    failures.extend(teachers(checker, draft));
    match failures.into_iter().min_by_key(|failure| failure.column) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Multi-selects that only one-hot columns tell: the chosen ones in the header's order.
fn one_hot_alone(checker: &Checker<'_>, draft: &mut Draft) -> Vec<Rejection> {
    let mut failures = Vec::new();
    for at in checker.one_hot_alone.iter().copied() {
        let target = &checker.plan.targets[at];
        let Some(codes) = target.codes() else { continue };
        let mut picked = Vec::new();
        let chosen = checker.layout.one_hot.iter().zip(&draft.one_hot);
        for (one_hot, _) in chosen.filter(|(one_hot, chosen)| one_hot.target == at && **chosen) {
            match one_hot.choice {
                Some(choice) => picked.push(pick(&one_hot.folded, choice)),
                None => failures.push(Rejection::at(one_hot.column, Reason::UnknownCode)),
            }
        }
        match codes.chosen(&picked) {
            Ok(codes) => {
                draft.values[at] = codes.iter().copied().min().unwrap_or(NULL);
                if target.row_per_code {
                    draft.codes = codes;
                }
            }
            Err(reason) => {
                let first = checker.layout.one_hot.iter().find(|one_hot| one_hot.target == at);
                failures.push(Rejection { reason, column: first.map(|one_hot| one_hot.column) });
            }
        }
    }
    failures
}

/// One-hot columns must say what the text says: by spelling where the text uses the form's own, else by code.
fn one_hot_against_text(checker: &Checker<'_>, draft: &Draft) -> Vec<Rejection> {
    let all = &checker.layout.one_hot;
    let has_text = |target: usize| checker.columns[target].is_some();
    let is_picked = |at: usize| {
        let one_hot = &all[at];
        draft.picked.iter().filter(|(target, _)| *target == one_hot.target).any(|(target, picked)| {
            let is_own = all.iter().any(|other| other.target == *target && other.folded == picked.folded);
            if is_own { picked.folded == one_hot.folded } else { Some(picked.choice) == one_hot.choice }
        })
    };
    (0..all.len())
        .filter(|at| has_text(all[*at].target) && is_picked(*at) != draft.one_hot[*at])
        .map(|at| Rejection::at(all[at].column, Reason::Exclusive))
        .collect()
}

/// Age groups from declared age, else birth year; both must agree within a year.
fn ages(checker: &Checker<'_>, draft: &mut Draft) -> Vec<Rejection> {
    let mut failures = Vec::new();
    let Some(year) = draft.day.map(|day| i64::from(day.year())) else { return failures };
    for at in checker.aged.iter().copied() {
        let target = &checker.plan.targets[at];
        let (Source::Age(bands), Some(codes)) = (&target.source, target.codes()) else { continue };
        let Ages { declared, birth_year } = draft.ages[at];
        let counted = birth_year.map(|(birth, column)| (year.saturating_sub(birth), column));
        if let Some((counted, column)) = counted {
            let disagree = declared.is_some_and(|declared| declared.abs_diff(counted) > 1);
            let in_band = declared.is_some() || bands.code(counted).is_some();
            if !POSSIBLE.contains(&counted) || disagree || !in_band {
                failures.push(Rejection::at(column, Reason::Age));
                continue;
            }
        }
        let age = declared.or(counted.map(|(counted, _)| counted));
        match age.map_or_else(|| codes.unknown(), |age| bands.code(age).ok_or(Reason::Age)) {
            Ok(code) => draft.values[at] = code,
            Err(reason) => failures.push(Rejection { reason, column: checker.columns[at] }),
        }
    }
    failures
}

/// Columns required with, and forbidden without, codes of another.
fn conditional(checker: &Checker<'_>, draft: &Draft) -> Vec<Rejection> {
    let mut failures = Vec::new();
    for at in checker.dependent.iter().copied() {
        let target = &checker.plan.targets[at];
        let Some((other, wanted)) = &target.only_with else { continue };
        let with = codes_of(checker.plan, draft, *other).iter().any(|code| wanted.contains(code));
        let column = checker.columns[at];
        match (with, draft.values[at] == NULL) {
            (true, true) => failures.push(Rejection { reason: Reason::Empty, column }),
            (false, false) => failures.push(Rejection { reason: Reason::Exclusive, column }),
            _ => {}
        }
    }
    failures
}

fn codes_of<'d>(plan: &Plan<'_>, draft: &'d Draft, target: usize) -> &'d [i64] {
    let is_many = plan.targets[target].row_per_code && !draft.codes.is_empty();
    if is_many { &draft.codes } else { std::slice::from_ref(&draft.values[target]) }
}

/// So few teachers in a region could be known by name; the row stays out.
fn teachers(checker: &Checker<'_>, draft: &Draft) -> Option<Rejection> {
    if checker.plan.record_type.is_personal() {
        return None;
    }
    let find = |name: &str| checker.plan.targets.iter().position(|target| target.name == name);
    let (activity, participants) = (find("activity_type")?, find("participants")?);
    let teacher = checker.plan.targets[activity].codes()?.index("TEACHER")?;
    let few = draft.values[activity] == teacher && draft.values[participants] < FEWEST_TEACHERS;
    few.then_some(Rejection { reason: Reason::Number, column: checker.columns[participants] })
}

/// One row a code of the multi-select, equal in all else.
pub(crate) fn rows(checker: &Checker<'_>, draft: &mut Draft) {
    let Draft { rows, values, codes, .. } = draft;
    let at_code = checker.per_code.filter(|_| !codes.is_empty());
    let n_rows = if at_code.is_some() { codes.len() } else { 1 };
    rows.clear();
    for index in 0..n_rows {
        let start = rows.len();
        rows.extend_from_slice(values);
        let row = &mut rows[start..];
        if let (Some(at), Some(code)) = (at_code, codes.get(index)) {
            row[at] = *code;
        }
        for at in checker.dependent.iter().copied() {
            let target = &checker.plan.targets[at];
            if target.only_with.as_ref().is_some_and(|(other, wanted)| !wanted.contains(&row[*other])) {
                row[at] = NULL;
            }
            if let Source::Derived { from, table } = &target.source {
                let code = usize::try_from(row[*from]).ok().and_then(|code| table.get(code).copied());
                row[at] = code.unwrap_or(NULL);
            }
        }
    }
}
