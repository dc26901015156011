//! Versions of what a release publishes, by what changed since the last one (publication 3): three numbers, semantic.
//!
//! | change | of a code list | of a dataflow and its structure |
//! |---|---|---|
//! | major | a code is gone, or is a part of another | dimensions, unit or kind of figure are others |
//! | minor | a code is new | |
//! | patch | a label, the order | a title |
//!
//! A category scheme lists the purposes of one release alone: one that no release had before is minor, another title a patch,
//! and one that is not in use is no change.
//!
//! What refers to a list moves by the same kind. A list's version is found here alone; a dataflow's is at least the one that
//! its statistic declares, and a major change must be declared: it ends a series, so somebody must have meant it. It reads
//! statements that were signed; it deliberately lacks what no comparison shows – another meaning under the same label, another
//! population or bound – which the author declares.

use std::collections::{BTreeMap, BTreeSet};

use marsad_catalog::Catalog;
use marsad_ledger::proposal::Proposal;
use marsad_terms::{Name, StatisticId, Text};

use crate::columns::{COLUMNS, Kind};
use crate::dataflow::{Dataflow, Dimension};
use crate::error::{Error, Result};
use crate::release_json::{self, CodeJson, CodeListJson, PreviousJson, ReleaseJson, StatisticJson};

/// The version of what is published for the first time.
pub const FIRST: &str = "1.0.0";

/// How much a change breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Patch,
    Minor,
    Major,
}

/// Three numbers (Semantic Versioning 2.0.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

impl Version {
    /// What is no version counts as the first one.
    fn read(text: &str) -> Self {
        let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor, patch]) => Self(*major, *minor, *patch),
            _ => Self(1, 0, 0),
        }
    }

    fn after(self, change: Change) -> Self {
        match change {
            Change::Major => Self(self.0 + 1, 0, 0),
            Change::Minor => Self(self.0, self.1 + 1, 0),
            Change::Patch => Self(self.0, self.1, self.2 + 1),
        }
    }

    /// What lies between two versions of one thing.
    fn until(self, later: Self) -> Option<Change> {
        match later {
            _ if later.0 != self.0 => Some(Change::Major),
            _ if later.1 != self.1 => Some(Change::Minor),
            _ if later.2 != self.2 => Some(Change::Patch),
            _ => None,
        }
    }

    fn text(self) -> String {
        format!("{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The versions of a release's code lists and concepts; those of its dataflows stand in these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Lists of dimensions.
    pub lists: BTreeMap<String, CodeListJson>,
    /// Lists of components that every dataflow has.
    pub components: BTreeMap<String, CodeListJson>,
    /// Of the concept scheme.
    pub concepts: String,
    /// Titles of the categories: the purposes of its statistics.
    pub categories: BTreeMap<String, Text>,
    /// Of the category scheme.
    pub category_scheme: String,
    /// What is new, a sentence each.
    pub told: Vec<String>,
}

impl Versions {
    /// Finds them for a release after others, oldest first, and writes those of the dataflows into these.
    ///
    /// # Errors
    /// `TwoLists` where a dimension has two lists; `Breaks` where a major change was not declared.
    pub(crate) fn find(catalog: &Catalog, flows: &mut [Dataflow], past: &[ReleaseJson]) -> Result<Self> {
        let last = past.last();
        let mut found = Self {
            lists: release_json::dimension_lists(flows)?,
            components: component_lists(catalog)?,
            concepts: last.map_or(FIRST, |last| last.concept_scheme.as_str()).to_owned(),
            categories: categories(catalog, flows),
            category_scheme: last.map_or(FIRST, |last| last.category_scheme.as_str()).to_owned(),
            told: Vec::new(),
        };
        let mut most = None;
        for (id, list) in found.lists.iter_mut().chain(&mut found.components) {
            let Some((change, what)) = follow(list, before(past, id), &was(flows, id)) else { continue };
            most = most.max(Some(change));
            found.told.push(format!("code list {id} is {}: {what}", list.version));
        }
        if let Some(change) = most {
            found.concepts = Version::read(&found.concepts).after(change).text();
        }
        found.categorise(past);
        found.raise(flows, past)?;
        Ok(found)
    }

    /// Moves the category scheme on by what no earlier release said.
    fn categorise(&mut self, past: &[ReleaseJson]) {
        let titled = |id: &String| past.iter().rev().find_map(|release| release.categories.get(id));
        let change = |(id, title): (&String, &Text)| match titled(id) {
            None => Some((Change::Minor, format!("with {id}"))),
            Some(before) => (before != title).then(|| (Change::Patch, format!("{id} has another title"))),
        };
        let changes: Vec<(Change, String)> = self.categories.iter().filter_map(change).collect();
        let most = changes.iter().map(|(change, _)| *change).max();
        let (Some(most), Some(what), false) = (most, words(&changes), past.is_empty()) else { return };
        self.category_scheme = Version::read(&self.category_scheme).after(most).text();
        self.told.push(format!("the category scheme is {}: {what}", self.category_scheme));
    }

    /// The version of a component's list.
    pub(crate) fn list(&self, component: &str) -> &str {
        let list = self.lists.get(component).or_else(|| self.components.get(component));
        list.map_or(FIRST, |list| list.version.as_str())
    }

    fn raise(&mut self, flows: &mut [Dataflow], past: &[ReleaseJson]) -> Result<()> {
        let mut broken = BTreeSet::new();
        for flow in flows {
            let Some((release, own)) = last(past, &flow.id) else { continue };
            let before = Version::read(own.version());
            let declared = Version::read(&flow.version);
            let changes = self.changes(flow, release, own);
            let most = changes.iter().map(|(change, _)| *change).max();
            if most == Some(Change::Major) && declared.0 <= before.0 {
                broken.insert(told(&flow.statistic, &changes, before.after(Change::Major)));
                continue;
            }
            let needed = most.map_or(before, |change| before.after(change));
            flow.version = declared.max(needed).text();
            if Version::read(&flow.version) != before {
                let reasons = words(&changes).unwrap_or_else(|| "its statistic declares it".to_owned());
                self.told.push(format!("{} is {}: {reasons}", flow.id, flow.version));
            }
        }
        refuse(broken)
    }

    /// What changed of a dataflow since a release that held it.
    fn changes(&self, flow: &Dataflow, release: &ReleaseJson, own: &StatisticJson) -> Vec<(Change, String)> {
        let dimensions: Vec<&String> = flow.dimensions.iter().map(|dimension| &dimension.id).collect();
        let kind = (flow.is_exact(), flow.measure.is_ratio());
        let major = [
            (
                !own.dimensions.is_empty() && dimensions.iter().copied().ne(&own.dimensions),
                "its dimensions are others",
            ),
            (flow.unit != own.unit, "its unit is another"),
            (kind != (own.exact == Some(true), own.ratio == Some(true)), "its figures are of another kind"),
        ];
        let major = major.into_iter().filter(|(is, _)| *is).map(|(_, what)| (Change::Major, what.to_owned()));
        let mut changes: Vec<(Change, String)> = major.collect();
        let components = self.components.keys();
        for id in dimensions.into_iter().chain(components) {
            let held = release.code_lists.get(id).or_else(|| release.component_lists.get(id));
            let Some(held) = held else { continue };
            let now = self.list(id);
            let change = Version::read(&held.version).until(Version::read(now));
            changes.extend(change.map(|change| (change, format!("code list {id} is {now}"))));
        }
        if flow.title != own.titles {
            changes.push((Change::Patch, "its title is another".to_owned()));
        }
        changes
    }
}

/// Refuses a proposal whose publication would break a series undeclared, as far as its definitions show it: before a row is
/// read and anything is paid for.
///
/// # Errors
/// `Breaks`.
pub fn foresee(catalog: &Catalog, proposal: &Proposal, past: &[ReleaseJson]) -> Result<()> {
    let mut broken = BTreeSet::new();
    for request in &proposal.request.statistics {
        let series = request.series.as_ref().map(|series| series.shape.statistic());
        let shape = request.shape.as_ref().or(series);
        let known = catalog.statistics.get(&request.id);
        let Some(((shape, known), (release, own))) = shape.zip(known).zip(last(past, request.id.as_str()))
        else {
            continue;
        };
        let before = Version::read(own.version());
        if Version::read(&known.version).0 > before.0 {
            continue;
        }
        let lists: Vec<(String, &str)> =
            shape.dimensions.iter().map(|d| (catalog.dimension_id(&d.name), d.code_list.as_str())).collect();
        let mut changes = Vec::new();
        if !own.dimensions.is_empty() && lists.iter().map(|(id, _)| id).ne(&own.dimensions) {
            changes.push((Change::Major, "its dimensions are others".to_owned()));
        }
        changes.extend(lists.iter().filter_map(|(id, list)| broken_list(catalog, (id, list), release, past)));
        if !changes.is_empty() {
            broken.insert(told(&request.id, &changes, before.after(Change::Major)));
        }
    }
    refuse(broken)
}

/// A major change of a dimension's list since a release.
fn broken_list(
    catalog: &Catalog,
    (id, list): (&str, &str),
    release: &ReleaseJson,
    past: &[ReleaseJson],
) -> Option<(Change, String)> {
    let newest = before(past, id)?;
    let held = release.code_lists.get(id)?;
    if Version::read(&held.version).until(Version::read(&newest.version)) == Some(Change::Major) {
        return Some((Change::Major, format!("code list {id} is {}", newest.version)));
    }
    let now = release_json::code_list(&Dimension::new(id, catalog.code_lists.get(list)?));
    if now.codes == newest.codes {
        return None;
    }
    let (change, what) = difference(&newest.codes, &now.codes);
    (change == Change::Major).then(|| (change, format!("code list {id} is {what}")))
}

/// The newest release that held a dataflow, and what it said of it.
fn last<'a>(past: &'a [ReleaseJson], flow: &str) -> Option<(&'a ReleaseJson, &'a StatisticJson)> {
    past.iter().rev().find_map(|release| {
        let own = release.statistics.iter().find(|own| own.id == flow)?;
        Some((release, own))
    })
}

fn refuse(broken: BTreeSet<String>) -> Result<()> {
    let broken: Vec<String> = broken.into_iter().collect();
    if broken.is_empty() { Ok(()) } else { Err(Error::Breaks { what: broken.join("; ") }) }
}

/// The newest list of that name among releases.
fn before<'a>(past: &'a [ReleaseJson], id: &str) -> Option<&'a CodeListJson> {
    past.iter()
        .rev()
        .find_map(|release| release.code_lists.get(id).or_else(|| release.component_lists.get(id)))
}

/// Old codes by the new ones that stand for them, as a dimension's list declares it.
type Was = BTreeMap<String, Vec<String>>;

fn was(flows: &[Dataflow], id: &str) -> Was {
    let dimension = flows.iter().flat_map(|flow| &flow.dimensions).find(|dimension| dimension.id == id);
    let codes = dimension.into_iter().flat_map(|dimension| &dimension.codes);
    codes.map(|code| (code.id.clone(), code.was.clone())).collect()
}

/// Gives a list its version after an earlier one, with the mapping between the two; what changed, if anything did.
fn follow(list: &mut CodeListJson, before: Option<&CodeListJson>, was: &Was) -> Option<(Change, String)> {
    let before = before?;
    if before.codes == list.codes {
        list.version.clone_from(&before.version);
        list.previous.clone_from(&before.previous);
        return None;
    }
    let (change, what) = difference(&before.codes, &list.codes);
    list.version = Version::read(&before.version).after(change).text();
    list.previous = Some(PreviousJson { version: before.version.clone(), codes: mapping(before, list, was) });
    Some((change, what))
}

fn difference(before: &[CodeJson], now: &[CodeJson]) -> (Change, String) {
    let find = |codes: &'_ [CodeJson], id: &str| codes.iter().position(|code| code.id == id);
    let named =
        |codes: Vec<&CodeJson>| codes.iter().map(|code| code.id.as_str()).collect::<Vec<_>>().join(", ");
    let gone: Vec<&CodeJson> = before.iter().filter(|code| find(now, &code.id).is_none()).collect();
    if !gone.is_empty() {
        return (Change::Major, format!("without {}", named(gone)));
    }
    let is_moved =
        |code: &&CodeJson| find(before, &code.id).is_some_and(|at| before[at].parent != code.parent);
    let moved: Vec<&CodeJson> = now.iter().filter(is_moved).collect();
    if !moved.is_empty() {
        return (Change::Major, format!("{} is a part of another code", named(moved)));
    }
    let new: Vec<&CodeJson> = now.iter().filter(|code| find(before, &code.id).is_none()).collect();
    if !new.is_empty() {
        return (Change::Minor, format!("with {}", named(new)));
    }
    (Change::Patch, "labels or their order".to_owned())
}

/// Each old code, and the new ones that stand for it: itself, or those whose column `was` names it, or none.
fn mapping(before: &CodeListJson, now: &CodeListJson, was: &Was) -> BTreeMap<String, Vec<String>> {
    let targets = |old: &CodeJson| {
        if now.codes.iter().any(|new| new.id == old.id) {
            return vec![old.id.clone()];
        }
        let stands_for = |new: &&CodeJson| was.get(&new.id).is_some_and(|was| was.contains(&old.id));
        now.codes.iter().filter(stands_for).map(|new| new.id.clone()).collect()
    };
    before.codes.iter().map(|old| (old.id.clone(), targets(old))).collect()
}

/// The lists of frequency, status and unit, whole, from the catalogue.
fn component_lists(catalog: &Catalog) -> Result<BTreeMap<String, CodeListJson>> {
    let coded = COLUMNS.iter().filter(|column| column.kind == Kind::Codes).map(|column| column.id);
    coded.map(|id| Ok((id.to_owned(), release_json::component_list(catalog, id)?))).collect()
}

/// The purposes of dataflows with their titles.
fn categories(catalog: &Catalog, flows: &[Dataflow]) -> BTreeMap<String, Text> {
    let statistics = flows.iter().filter_map(|flow| catalog.statistics.get(&flow.statistic));
    let title = |id: &str| catalog.purposes.get(id).map_or_else(|| Text::same(id), |own| own.title.clone());
    statistics.map(|own| (own.purpose.clone(), title(&own.purpose))).collect()
}

fn words(changes: &[(Change, String)]) -> Option<String> {
    let words: Vec<&str> = changes.iter().map(|(_, what)| what.as_str()).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn told(statistic: &StatisticId, changes: &[(Change, String)], needed: Version) -> String {
    let major: Vec<(Change, String)> =
        changes.iter().filter(|(change, _)| *change == Change::Major).cloned().collect();
    let words = words(&major).unwrap_or_default();
    format!("`{statistic}` must be {}: {words}", needed.text())
}

#[cfg(test)]
mod tests;
