//! A file's header against the plan: which physical column fills what. Refusals F02, F03, F04, F06.

use std::collections::BTreeMap;

use marsad_catalog::{clean, fold};

use super::codes::Choice;
use super::plan::{Plan, Source};
use crate::Refusal;
use crate::refusal::{is_harmless, shown_header};

/// What a column is read for. A column may be read for several things.
#[derive(Debug)]
pub(crate) enum Role {
    Identifier,
    Date,
    Value(usize),
    Age(usize),
    BirthYear(usize),
    Consent,
    /// Must hold this spelling, folded.
    OnePerson(String),
    Scan,
    /// By position in [`Layout::one_hot`].
    OneHot(usize),
    /// Part of the record's identity: keep the parsed text.
    Identity,
}

/// A column that repeats one choice of a multi-select as yes or no.
pub(crate) struct OneHot {
    pub(crate) column: usize,
    pub(crate) target: usize,
    pub(crate) folded: String,
    pub(crate) choice: Option<Choice>,
}

/// A file's columns and their roles.
pub(crate) struct Layout {
    pub(crate) headers: Vec<String>,
    pub(crate) roles: Vec<Vec<Role>>,
    pub(crate) one_hot: Vec<OneHot>,
    /// By part of the identity: the columns to take it from, the first that is not empty.
    pub(crate) identity: Vec<Vec<usize>>,
}

impl Layout {
    /// Finds every declared column.
    ///
    /// # Errors
    /// All refusals, in the order of their codes.
    pub(crate) fn new(plan: &Plan<'_>, headers: Vec<String>) -> Result<Self, Vec<Refusal>> {
        let folded: Vec<String> = headers.iter().map(|header| fold(header)).collect();
        let n_columns = headers.len();
        let mut finder = Finder { folded, refusals: Vec::new(), n_found: 0 };
        let mut layout = Self {
            headers,
            roles: std::iter::repeat_with(Vec::new).take(n_columns).collect(),
            one_hot: Vec::new(),
            identity: Vec::new(),
        };
        layout.assign(plan, &mut finder);
        if finder.n_found == 0 {
            return Err(vec![no_header()]);
        }
        let declared: Vec<String> = plan.mapping.headers().iter().map(|header| fold(header)).collect();
        finder.are_different(&layout.headers, &declared);
        layout.all_are_declared(plan, &declared, &mut finder);
        let mut refusals = finder.refusals;
        refusals.sort_by_key(|refusal| refusal.code);
        if refusals.is_empty() { Ok(layout) } else { Err(refusals) }
    }

    /// The columns that are read, in the header's order.
    pub(crate) fn columns_read(&self) -> impl Iterator<Item = usize> {
        self.roles.iter().enumerate().filter(|(_, roles)| !roles.is_empty()).map(|(column, _)| column)
    }

    /// A column's header, or its place where the header may be content.
    pub(crate) fn name(&self, column: usize) -> String {
        if is_harmless(&self.headers[column]) {
            self.headers[column].clone()
        } else {
            shown_header(&self.headers[column], column)
        }
    }

    fn assign(&mut self, plan: &Plan<'_>, finder: &mut Finder) {
        let mapping = plan.mapping;
        if let Some(identifier) = &mapping.identifier {
            self.give(finder.one(&identifier.from), Role::Identifier);
        }
        if let Some(column) = mapping.columns.get("event_month").filter(|_| plan.day.is_none()) {
            self.give(finder.one(&column.from), Role::Date);
        }
        for (index, target) in plan.targets.iter().enumerate() {
            let Some(column) = mapping.columns.get(target.name) else { continue };
            match target.source {
                Source::Constant(_) | Source::Derived { .. } => {}
                Source::Cell if column.from.is_empty() => {}
                Source::Cell => self.give(finder.one(&column.from), Role::Value(index)),
                Source::Age(_) => {
                    if !column.from_age.is_empty() {
                        self.give(finder.one(&column.from_age), Role::Age(index));
                    }
                    if !column.from_birth_year.is_empty() {
                        self.give(finder.one(&column.from_birth_year), Role::BirthYear(index));
                    }
                }
            }
            self.give_one_hot(index, plan, finder);
        }
        if let Some(consent) = &mapping.consent {
            self.give(finder.one(&consent.from), Role::Consent);
        }
        for (header, value) in &mapping.one_person {
            self.give(finder.one(std::slice::from_ref(header)), Role::OnePerson(fold(value)));
        }
        for header in &mapping.scan {
            self.give(finder.find(header), Role::Scan);
        }
        self.give_identity(plan, finder);
    }

    fn give(&mut self, column: Option<usize>, role: Role) {
        if let Some(column) = column {
            self.roles[column].push(role);
        }
    }

    fn give_one_hot(&mut self, target: usize, plan: &Plan<'_>, finder: &mut Finder) {
        let mapped = plan.mapping.columns.get(plan.targets[target].name);
        let Some(prefix) = mapped.and_then(|column| column.one_hot.as_deref()) else { return };
        let Some(codes) = plan.targets[target].codes() else { return };
        let prefix = clean(prefix).to_lowercase();
        for column in 0..self.headers.len() {
            let header = clean(&self.headers[column]);
            let starts = header.to_lowercase().starts_with(&prefix);
            let Some(rest) = header.get(prefix.len()..).filter(|rest| starts && !rest.is_empty()) else {
                continue;
            };
            self.roles[column].push(Role::OneHot(self.one_hot.len()));
            self.one_hot.push(OneHot { column, target, folded: fold(rest), choice: codes.look_up(rest) });
        }
        let is_only_source = mapped.is_some_and(|column| column.from.is_empty());
        if is_only_source && !self.one_hot.iter().any(|one_hot| one_hot.target == target) {
            finder.refusals.push(missing(&[format!("{prefix}…")]));
        }
    }

    fn give_identity(&mut self, plan: &Plan<'_>, finder: &mut Finder) {
        let spec = &plan.mapping.identity;
        for (part, header) in spec.columns.iter().enumerate() {
            let otherwise = spec.otherwise.get(part);
            let columns: Vec<usize> = [Some(header), otherwise]
                .into_iter()
                .flatten()
                .filter_map(|header| finder.find(header))
                .collect();
            if columns.is_empty() {
                finder.refusals.push(missing(&[header.as_str()]));
            }
            for column in &columns {
                self.roles[*column].push(Role::Identity);
            }
            self.identity.push(columns);
        }
    }

    fn all_are_declared(&self, plan: &Plan<'_>, declared: &[String], finder: &mut Finder) {
        let ignored: Vec<String> = plan.mapping.ignore.iter().map(|header| fold(header)).collect();
        // Of two synonyms only F06 speaks.
        let strangers: Vec<usize> = (0..self.headers.len())
            .filter(|column| {
                let folded = &finder.folded[*column];
                self.roles[*column].is_empty() && !ignored.contains(folded) && !declared.contains(folded)
            })
            .collect();
        if !strangers.is_empty() {
            // So many may be a record that ran into the header: then nothing of them is shown.
            let n_known = self.headers.len() - strangers.len();
            let name = |column: &usize| match strangers.len() <= n_known {
                true => shown_header(&self.headers[*column], *column),
                false => format!("column {}", column + 1),
            };
            let names: Vec<String> = strangers.iter().map(name).collect();
            finder.refusals.push(Refusal {
                code: "F04",
                what: format!("the mapping does not say what to do with {}", names.join(", ")),
                why: "a column that nobody decided about could hold anything",
                remedy: "map it, or name it under [scan] or [ignore] of the mapping; a column without a name is \"\" there"
                    .to_owned(),
            });
        }
    }
}

struct Finder {
    folded: Vec<String>,
    refusals: Vec<Refusal>,
    n_found: usize,
}

impl Finder {
    fn find(&mut self, header: &str) -> Option<usize> {
        let wanted = fold(header);
        let found = self.folded.iter().position(|folded| *folded == wanted);
        self.n_found += usize::from(found.is_some());
        found
    }

    /// The one column that has one of these names; F03 where there is none, F06 where there are two.
    fn one(&mut self, names: &[String]) -> Option<usize> {
        let mut found: Vec<usize> = names.iter().filter_map(|name| self.find(name)).collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [] => self.refusals.push(missing(names)),
            [_] => {}
            _ => self.refusals.push(Refusal {
                code: "F06",
                what: format!("several headers name one column: {}", names.join(", ")),
                why: "which of them holds the value cannot be known",
                remedy: "remove or rename all but one".to_owned(),
            }),
        }
        found.first().copied()
    }

    fn are_different(&mut self, headers: &[String], declared: &[String]) {
        let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
        for (column, folded) in self.folded.iter().enumerate() {
            if let Some(first) = first_of.insert(folded, column) {
                // A header that the mapping does not name may be content.
                let names = [first, column].map(|at| match declared.contains(&self.folded[at]) {
                    true => format!(" ({})", shown_header(&headers[at], at)),
                    false => String::new(),
                });
                self.refusals.push(Refusal {
                    code: "F02",
                    what: format!(
                        "columns {}{} and {}{} have one header",
                        first + 1,
                        names[0],
                        column + 1,
                        names[1]
                    ),
                    why: "columns are known by their headers alone",
                    remedy: "give every column a name of its own".to_owned(),
                });
            }
        }
    }
}

/// Where no declared column is found the row may be a record: nothing of it is shown.
fn no_header() -> Refusal {
    Refusal {
        code: "F02",
        what: "the row where the header should stand has none of the mapping's headers".to_owned(),
        why: "columns are known by their headers alone; this row is a record, or the header of another source",
        remedy: "put the source's header row on top, or correct `header_row`, `delimiter` or `encoding` of the mapping; for another source draft a mapping: `marsad extract scaffold FILE`"
            .to_owned(),
    }
}

fn missing<T: AsRef<str>>(names: &[T]) -> Refusal {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    Refusal {
        code: "F03",
        what: format!("no column is named {}", names.join(" or ")),
        why: "the mapping declares it",
        remedy: "add the column, add its header to the mapping's `from`, or check `encoding`, `delimiter` and `header_row`"
            .to_owned(),
    }
}
