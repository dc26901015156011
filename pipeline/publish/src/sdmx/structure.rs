//! The structure of a release in memory: code lists, concepts, dataflows with their dimensions, themes (publication 3).
//!
//! Lists of dimensions come from the dataflows, those of frequency, status and unit from the catalogue. Categories are the
//! purposes of the statistics. It deliberately lacks what varies by release (ρ, the release's id): a final artefact does not
//! change, so these are attributes of the data set.

use marsad_catalog::Catalog;
use marsad_terms::{Text, flow_id};

use crate::columns::{COLUMNS, Column, FREQUENCY, Kind};
use crate::dataflow::{Dataflow, Protection};
use crate::edition::Edition;
use crate::error::{Error, Result};
use crate::form::isolated;
use crate::names;
use crate::privacy_yaml::words;
use crate::release_json::{CodeJson, CodeListJson, PreviousJson};
use crate::versions::FIRST;

/// The one concept scheme.
pub(crate) const CONCEPTS: &str = "CS_MARSAD";
/// The one category scheme.
pub(crate) const CATEGORIES: &str = "CAS_MARSAD";
/// Version of the agency scheme, as SDMX has it.
pub(crate) const AGENCIES_VERSION: &str = "1.0";

/// All that the three structure files say.
#[derive(Clone, Debug)]
pub(crate) struct Structure<'a> {
    pub(crate) agency: &'a str,
    pub(crate) agency_name: Text,
    /// Id of the message.
    pub(crate) message: String,
    /// When the release was published.
    pub(crate) prepared: &'a str,
    pub(crate) lists: Vec<List>,
    pub(crate) concepts: Vec<Concept>,
    /// Version of the concepts.
    pub(crate) version: &'a str,
    /// Purposes of one release, so the scheme is never whole.
    pub(crate) categories: Vec<Item>,
    /// Version of the categories.
    pub(crate) category_version: &'a str,
    pub(crate) flows: Vec<Flow<'a>>,
}

/// A code list.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// `CL_…`
    pub(crate) id: String,
    pub(crate) name: Text,
    /// The public list that its codes are those of.
    pub(crate) source: Option<&'static str>,
    pub(crate) version: String,
    /// The version before, and what became of its codes.
    pub(crate) previous: Option<PreviousJson>,
    pub(crate) items: Vec<Item>,
}

impl List {
    fn new(component: &str, name: Text, list: &CodeListJson) -> Self {
        let item = |code: &CodeJson| Item {
            id: code.id.clone(),
            name: code.names.clone(),
            parent: code.parent.clone(),
        };
        Self {
            id: list_id(component),
            name,
            source: source(component),
            version: list.version.clone(),
            previous: list.previous.clone(),
            items: list.codes.iter().map(item).collect(),
        }
    }

    /// The id of its mapping from the version before: `CLM_…`.
    pub(crate) fn map_id(&self) -> String {
        self.id.replacen("CL_", "CLM_", 1)
    }

    /// Pairs of an old code and a new one, where there is a mapping with at least one.
    pub(crate) fn mapped(&self) -> Option<(&PreviousJson, Vec<(&str, &str)>)> {
        let previous = self.previous.as_ref()?;
        let pairs = previous
            .codes
            .iter()
            .flat_map(|(old, new)| new.iter().map(move |new| (old.as_str(), new.as_str())));
        let pairs: Vec<(&str, &str)> = pairs.collect();
        (!pairs.is_empty()).then_some((previous, pairs))
    }
}

/// The name of a mapping.
pub(crate) fn map_name(list: &List, previous: &PreviousJson) -> Text {
    let (from, to) = (&previous.version, &list.version);
    Text {
        fr: format!("{} : de la version {from} à la version {to}", list.name.fr),
        ar: format!("{}: من النسخة {} إلى النسخة {}", list.name.ar, isolated(from), isolated(to)),
        en: format!("{}: from version {from} to version {to}", list.name.en),
    }
}

/// A code or a category.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) name: Text,
    pub(crate) parent: Option<String>,
}

/// What a component means, and its values: every concept carries a core representation (publication 3).
#[derive(Clone, Debug)]
pub(crate) struct Concept {
    pub(crate) id: String,
    pub(crate) name: Text,
    pub(crate) description: Option<Text>,
    pub(crate) kind: Kind,
}

/// A dataflow with its data structure.
#[derive(Clone, Debug)]
pub(crate) struct Flow<'a> {
    pub(crate) dataflow: &'a Dataflow,
    /// Id of its category.
    pub(crate) category: String,
    /// Who is protected; absent where there is no person.
    pub(crate) privacy_unit: Option<Text>,
    /// How to read it, and who is counted.
    pub(crate) description: Text,
    pub(crate) mechanism: &'static str,
}

impl Flow<'_> {
    /// An id of its artefacts: `DF_…`, `DSD_…`, `CAT_…`.
    pub(crate) fn id(&self, prefix: &str) -> String {
        self.dataflow.flow().replacen("DF_", prefix, 1)
    }

    /// Ids of its dimensions in order, the period apart.
    pub(crate) fn dimensions(&self) -> impl Iterator<Item = &str> {
        [FREQUENCY.id]
            .into_iter()
            .chain(self.dataflow.dimensions.iter().map(|dimension| dimension.id.as_str()))
    }
}

impl<'a> Structure<'a> {
    /// What an edition's data refer to.
    pub(crate) fn new(catalog: &Catalog, edition: &'a Edition) -> Result<Self> {
        let flows: Result<Vec<Flow<'a>>> =
            edition.dataflows.iter().map(|flow| described(catalog, flow)).collect();
        Ok(Self {
            agency: &edition.agency,
            agency_name: agency_name(&edition.agency),
            message: format!("STRUCTURE_{}", edition.release),
            prepared: &edition.published,
            lists: lists(edition),
            concepts: concepts(edition),
            version: &edition.versions.concepts,
            categories: categories(edition),
            category_version: &edition.versions.category_scheme,
            flows: flows?,
        })
    }

    /// The code list of a component with its version.
    pub(crate) fn list(&self, component: &str) -> (String, &str) {
        let id = list_id(component);
        let list = self.lists.iter().find(|list| list.id == id);
        (id, list.map_or(FIRST, |list| list.version.as_str()))
    }

    /// The concept of a component.
    pub(crate) fn concept(&self, id: &str) -> &Concept {
        let concept = self.concepts.iter().find(|concept| concept.id == id);
        concept.expect("every component of a dataflow has its concept")
    }
}

fn agency_name(agency: &str) -> Text {
    if agency == "MARSAD" { Text::new("Marsad", "مرصد", "Marsad") } else { Text::same(agency) }
}

fn described<'a>(catalog: &Catalog, flow: &'a Dataflow) -> Result<Flow<'a>> {
    let statistic = catalog.statistics.get(&flow.statistic);
    let statistic = statistic
        .ok_or_else(|| Error::NotInCatalogue { what: "statistic", id: flow.statistic.to_string() })?;
    let mechanism = match &flow.protection {
        Protection::Exact(_) => "none: activities of organisations, exact",
        Protection::Derived(_) => "none: computed from released figures",
        Protection::Combined(_) => "none: estimated from the noise of several releases",
        Protection::Noise(noise) if noise.series.is_some() => {
            "discrete Gaussian on square-root Toeplitz prefix sums, zero-concentrated differential privacy"
        }
        Protection::Noise(_) => "discrete Gaussian, zero-concentrated differential privacy",
    };
    Ok(Flow {
        dataflow: flow,
        category: statistic.purpose.clone(),
        privacy_unit: (!flow.is_exact()).then(words::unit),
        description: flow.description(),
        mechanism,
    })
}

/// That of frequency first, those of dimensions in order, those of status and unit last.
fn lists(edition: &Edition) -> Vec<List> {
    let mut lists: Vec<List> = fixed(edition, FREQUENCY.id).into_iter().collect();
    for dimension in edition.dataflows.iter().flat_map(|flow| &flow.dimensions) {
        let Some(list) = edition.versions.lists.get(&dimension.id) else { continue };
        if lists.iter().all(|known| known.id != list_id(&dimension.id)) {
            lists.push(List::new(&dimension.id, names::dimension(&dimension.id), list));
        }
    }
    let others = COLUMNS.iter().filter(|column| column.kind == Kind::Codes && column.id != FREQUENCY.id);
    lists.extend(others.filter_map(|column| fixed(edition, column.id)));
    lists
}

/// The list of a component that every dataflow has.
fn fixed(edition: &Edition, id: &str) -> Option<List> {
    let column = COLUMNS.iter().find(|column| column.id == id)?;
    edition.versions.components.get(id).map(|list| List::new(id, column.name(), list))
}

/// The code list of a component: `CL_<ID>`.
pub(crate) fn list_id(component: &str) -> String {
    format!("CL_{component}")
}

/// The public list that a list's codes are taken from.
fn source(component: &str) -> Option<&'static str> {
    match component {
        "FREQ" => Some("SDMX:CL_FREQ"),
        "OBS_STATUS" => Some("SDMX:CL_OBS_STATUS"),
        "SEX" => Some("SDMX:CL_SEX"),
        "REF_AREA" => Some("ISO 3166-2:MA"),
        _ => None,
    }
}

fn concepts(edition: &Edition) -> Vec<Concept> {
    let fixed = |column: &Column| Concept {
        id: column.id.to_owned(),
        name: column.name(),
        description: Some(column.meaning()),
        kind: column.kind,
    };
    let mut concepts: Vec<Concept> = COLUMNS.iter().map(fixed).collect();
    for dimension in edition.dataflows.iter().flat_map(|flow| &flow.dimensions) {
        if concepts.iter().all(|concept| concept.id != dimension.id) {
            concepts.push(Concept {
                id: dimension.id.clone(),
                name: names::dimension(&dimension.id),
                description: None,
                kind: Kind::Codes,
            });
        }
    }
    concepts
}

/// The name of the category scheme.
pub(crate) fn categories_name() -> Text {
    Text::new("Finalités de Marsad", "أغراض مرصد", "Purposes of Marsad")
}

/// The name of the concept scheme.
pub(crate) fn concepts_name() -> Text {
    Text::new("Concepts de Marsad", "مفاهيم مرصد", "Marsad concepts")
}

/// The purposes of the edition's statistics, sorted by id.
fn categories(edition: &Edition) -> Vec<Item> {
    let item = |(id, name): (&String, &Text)| Item { id: id.clone(), name: name.clone(), parent: None };
    edition.versions.categories.iter().map(item).collect()
}

/// The id of a data structure: rsdmx asks a server for a definition of that name.
pub(crate) fn dsd_id(dataflow: &str) -> String {
    flow_id(dataflow).replacen("DF_", "DSD_", 1)
}
