//! `release.json`: the statement that is signed. It names every other file with its hash (publication 4).
//!
//! Beside the published keys it carries what `verify` needs to judge a bundle by itself: the code lists of its dimensions
//! (`code_lists`), and the targets of indicators. It deliberately lacks its own hash and its signature's.

use std::collections::BTreeMap;

use marsad_catalog::Catalog;
use marsad_terms::{Digest, Text};
use serde::{Deserialize, Serialize};

use crate::combined::Source;
use crate::dataflow::{Dataflow, Dimension, Protection, TOTAL};
use crate::edition::Edition;
use crate::error::{Error, Result};
use crate::form;
use crate::versions::FIRST;

/// Its place in the bundle.
pub const PATH: &str = "release.json";
/// The place of its signature.
pub const SIGNATURE: &str = "release.json.sig";
/// The version of this form.
pub const FORMAT: &str = "marsad-release/1";

/// The state of a bundle that is public.
pub const PUBLISHED: &str = "published";
/// The state of one that was taken back: its place holds this statement alone.
pub const WITHDRAWN: &str = "withdrawn";

/// The whole statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseJson {
    /// [`FORMAT`]
    pub format: String,
    /// Public id.
    pub release: String,
    /// Version of the bundle.
    pub version: String,
    /// [`PUBLISHED`] or [`WITHDRAWN`].
    pub state: String,
    /// When; the only time in the bundle.
    pub published: String,
    /// When it was withdrawn, in a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// Why, in a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// The release that was public in its place by then, in a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// The number of the ledger's entry that withdrew it, in a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_entry: Option<u64>,
    /// Hash of the `release.json` that was published, in a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The release that it revises.
    pub replaces: Option<String>,
    /// Proposal id.
    pub proposal: String,
    /// Head of the ledger when the bundle was built.
    pub ledger_head: String,
    /// The number of that entry: with the head and the signature beside this file, a checkpoint.
    pub ledger_sequence: u64,
    /// Cost.
    pub nano_rho: u64,
    /// SPDX id.
    pub licence: String,
    /// How to cite it.
    pub citation: Text,
    /// One item a dataflow.
    pub statistics: Vec<StatisticJson>,
    /// The code list of each dimension.
    pub code_lists: BTreeMap<String, CodeListJson>,
    /// The code lists of frequency, status and unit.
    #[serde(default)]
    pub component_lists: BTreeMap<String, CodeListJson>,
    /// Version of the concept scheme.
    #[serde(default = "first")]
    pub concept_scheme: String,
    /// Version of the category scheme.
    #[serde(default = "first")]
    pub category_scheme: String,
    /// Titles of its categories, the purposes of the statistics.
    #[serde(default)]
    pub categories: BTreeMap<String, Text>,
    /// All files but this one and its signature, sorted.
    pub files: Vec<FileJson>,
}

impl ReleaseJson {
    /// Whether these are the bytes of a file that the statement names.
    pub fn names(&self, path: &str, bytes: &[u8]) -> bool {
        let file = self.files.iter().find(|file| file.path == path);
        file.is_some_and(|file| file.blake3 == Digest::of(bytes).hex())
    }
}

/// One dataflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticJson {
    /// The stem of its files.
    pub id: String,
    /// `MARSAD:DF_…(1.0.0)`
    pub dataflow: String,
    /// Titles.
    pub titles: Text,
    /// UNIT_MEASURE code.
    pub unit: String,
    /// Ids of its dimensions in order, frequency and period apart.
    #[serde(default)]
    pub dimensions: Vec<String>,
    /// Its periods, ascending as text.
    pub periods: Vec<String>,
    /// Dimensions whose codes add up to their total.
    pub additive_over: Vec<String>,
    /// True for organisations' figures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<bool>,
    /// True for shares and averages: their flag reads the margin before the cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<bool>,
    /// The releases that a combined estimate is made of, its own first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceJson>,
    /// Targets of indicators by code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, i64>,
}

/// A released dataflow that a combined one is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceJson {
    /// The release.
    pub release: String,
    /// The stem of its files there.
    pub dataflow: String,
    /// Hash of its `release.json`; absent for the release itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

impl StatisticJson {
    /// `1.0.0` of `MARSAD:DF_…(1.0.0)`.
    pub fn version(&self) -> &str {
        let version = self.dataflow.rsplit_once('(').map_or("", |(_, version)| version);
        version.trim_end_matches(')')
    }
}

/// The code list of one dimension, in order, its total first where it has one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeListJson {
    /// Its version.
    #[serde(default = "first")]
    pub version: String,
    /// The code that stands for all: the list's root, or `_T`. A component that is no dimension has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub total: String,
    /// All codes in order.
    pub codes: Vec<CodeJson>,
    /// The version before, and what became of its codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousJson>,
}

/// A mapping from an earlier version of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousJson {
    /// That version.
    pub version: String,
    /// The codes that stand for each of its codes now; none where it went without one.
    pub codes: BTreeMap<String, Vec<String>>,
}

fn first() -> String {
    FIRST.to_owned()
}

/// One code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeJson {
    /// The code.
    pub id: String,
    /// What it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its labels.
    pub names: Text,
}

/// One file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileJson {
    /// Path below the bundle, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3, bare hexadecimal digits.
    pub blake3: String,
    /// Its media type.
    pub media_type: String,
}

/// The statement on an edition whose files are written.
pub fn statement(edition: &Edition, mut files: Vec<FileJson>) -> ReleaseJson {
    files.sort();
    ReleaseJson {
        format: FORMAT.into(),
        release: edition.release.to_string(),
        version: Edition::VERSION.into(),
        state: PUBLISHED.into(),
        published: edition.published.clone(),
        withdrawn: None,
        reason: None,
        replaced_by: None,
        ledger_entry: None,
        manifest: None,
        replaces: edition.replaces.as_ref().map(ToString::to_string),
        proposal: edition.proposal.to_string(),
        ledger_head: edition.ledger_head.to_string(),
        ledger_sequence: edition.ledger_sequence,
        nano_rho: edition.nano_rho.get(),
        licence: "CC-BY-4.0".into(),
        citation: edition.citation(),
        statistics: edition.dataflows.iter().map(statistic).collect(),
        code_lists: code_lists(edition),
        component_lists: edition.versions.components.clone(),
        concept_scheme: edition.versions.concepts.clone(),
        category_scheme: edition.versions.category_scheme.clone(),
        categories: edition.versions.categories.clone(),
        files,
    }
}

/// The bytes of the statement: indented by one space, its last line ended.
///
/// # Errors
/// `Write` where the JSON writer fails.
pub fn write(statement: &ReleaseJson) -> Result<Vec<u8>> {
    form::json(PATH, statement)
}

fn statistic(flow: &Dataflow) -> StatisticJson {
    StatisticJson {
        id: flow.id.clone(),
        dataflow: flow.reference(),
        titles: flow.title.clone(),
        unit: flow.unit.clone(),
        dimensions: flow.dimensions.iter().map(|dimension| dimension.id.clone()).collect(),
        periods: flow.periods().iter().map(ToString::to_string).collect(),
        additive_over: flow.additive_over.clone(),
        exact: flow.is_exact().then_some(true),
        ratio: flow.measure.is_ratio().then_some(true),
        sources: sources(flow),
        targets: targets(flow),
    }
}

fn sources(flow: &Dataflow) -> Vec<SourceJson> {
    let Protection::Combined(sources) = &flow.protection else { return Vec::new() };
    let source = |source: &Source| SourceJson {
        release: source.release.to_string(),
        dataflow: source.dataflow.clone(),
        manifest: source.manifest.map(|manifest| manifest.to_string()),
    };
    sources.iter().map(source).collect()
}

fn targets(flow: &Dataflow) -> BTreeMap<String, i64> {
    let codes = flow.dimensions.iter().flat_map(|dimension| &dimension.codes);
    codes.filter_map(|code| Some((code.id.clone(), code.target?))).collect()
}

/// Those that a dataflow uses.
fn code_lists(edition: &Edition) -> BTreeMap<String, CodeListJson> {
    let dimensions = edition.dataflows.iter().flat_map(|flow| &flow.dimensions);
    let list = |dimension: &Dimension| {
        let list = edition.versions.lists.get(&dimension.id)?.clone();
        Some((dimension.id.clone(), list))
    };
    dimensions.filter_map(list).collect()
}

/// The code list of each dimension of dataflows.
///
/// # Errors
/// `TwoLists` where one dimension has different code lists in two dataflows.
pub(crate) fn dimension_lists(flows: &[Dataflow]) -> Result<BTreeMap<String, CodeListJson>> {
    let mut lists: BTreeMap<String, CodeListJson> = BTreeMap::new();
    for dimension in flows.iter().flat_map(|flow| &flow.dimensions) {
        let list = code_list(dimension);
        if lists.get(&dimension.id).is_some_and(|known| *known != list) {
            return Err(Error::TwoLists { dimension: dimension.id.clone() });
        }
        lists.insert(dimension.id.clone(), list);
    }
    Ok(lists)
}

/// The code list of a dimension, not yet compared with others.
pub(crate) fn code_list(dimension: &Dimension) -> CodeListJson {
    let code = |code: &crate::dataflow::PublishedCode| CodeJson {
        id: code.id.clone(),
        parent: code.parent.clone(),
        names: code.label.clone(),
    };
    let total = if dimension.has_root() { dimension.codes[0].id.clone() } else { TOTAL.to_owned() };
    CodeListJson {
        version: first(),
        total,
        codes: dimension.codes.iter().map(code).collect(),
        previous: None,
    }
}

/// The list of a component that every dataflow has, whole, from the catalogue.
pub(crate) fn component_list(catalog: &Catalog, id: &'static str) -> Result<CodeListJson> {
    let missing = || Error::NotInCatalogue { what: "code list", id: id.to_owned() };
    let code = |code: &marsad_catalog::Code| CodeJson {
        id: code.id.clone(),
        parent: code.parent.clone(),
        names: code.label.clone(),
    };
    let codes = catalog.code_lists.get(id).ok_or_else(missing)?.codes.iter().map(code).collect();
    Ok(CodeListJson { version: first(), total: String::new(), codes, previous: None })
}
