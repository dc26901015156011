//! `sdmx/structure.json`: the structure as SDMX-JSON 2.0 (publication 3). Empty arrays and groups are left out.

use marsad_terms::Text;
use serde::Serialize;

use super::structure::{
    AGENCIES_VERSION, CATEGORIES, CONCEPTS, Concept, Flow, Item, List, Structure, categories_name,
    concepts_name, map_name,
};
use super::urn::urn;
use crate::columns::{COLUMNS, Column, Kind, MEASURE, Place, TIME};
use crate::error::Result;
use crate::form;

/// Its place in the bundle.
pub const PATH: &str = "sdmx/structure.json";

/// The bytes of the structure file.
pub(crate) fn write(structure: &Structure<'_>) -> Result<Vec<u8>> {
    form::json(PATH, &message(structure))
}

#[derive(Serialize)]
struct Message<'a> {
    meta: Meta<'a>,
    data: Content<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    schema: &'static str,
    id: &'a str,
    test: bool,
    prepared: &'a str,
    content_languages: [&'static str; 3],
    sender: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    agency_schemes: [AgencyScheme<'a>; 1],
    categorisations: Vec<Artefact<Categorisation>>,
    category_schemes: [Artefact<Categories<'a>>; 1],
    codelists: Vec<Artefact<Codes<'a>>>,
    concept_schemes: [Artefact<Concepts<'a>>; 1],
    data_structures: Vec<Artefact<DataStructure<'a>>>,
    dataflows: Vec<Artefact<Dataflow<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    representation_maps: Vec<Artefact<RepresentationMap<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgencyScheme<'a> {
    id: &'static str,
    #[serde(rename = "agencyID")]
    agency_id: &'static str,
    version: &'static str,
    is_partial: bool,
    name: &'static str,
    agencies: [Member<'a>; 1],
}

/// A maintainable artefact around what is its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artefact<T> {
    id: String,
    #[serde(rename = "agencyID")]
    agency_id: String,
    version: String,
    is_external_reference: bool,
    name: String,
    names: Text,
    #[serde(flatten)]
    own: T,
    links: [Link; 1],
}

#[derive(Serialize)]
struct Link {
    rel: &'static str,
    r#type: String,
    urn: String,
}

#[derive(Serialize)]
struct Categorisation {
    source: String,
    target: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Categories<'a> {
    is_partial: bool,
    categories: Vec<Member<'a>>,
}

#[derive(Serialize)]
struct Codes<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation<'a>>,
    codes: Vec<Member<'a>>,
}

/// From one version of a code list to the next. Codes that went without another in their place are in none.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepresentationMap<'a> {
    source: [Codelist; 1],
    target: [Codelist; 1],
    representation_mappings: Vec<Mapping<'a>>,
}

#[derive(Serialize)]
struct Codelist {
    codelist: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mapping<'a> {
    source_values: [Source<'a>; 1],
    target_values: [&'a str; 1],
}

#[derive(Serialize)]
struct Source<'a> {
    value: &'a str,
}

/// An agency, a code, a category.
#[derive(Serialize)]
struct Member<'a> {
    id: &'a str,
    name: &'a str,
    names: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
}

#[derive(Serialize)]
struct Annotation<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<&'a Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Concepts<'a> {
    is_partial: bool,
    concepts: Vec<JsonConcept<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonConcept<'a> {
    id: &'a str,
    name: &'a str,
    names: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptions: Option<&'a Text>,
    core_representation: Representation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Representation {
    Enumeration(String),
    Format(Format),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Format {
    data_type: &'static str,
}

#[derive(Serialize)]
struct Dataflow<'a> {
    annotations: Vec<Annotation<'a>>,
    description: &'a str,
    descriptions: &'a Text,
    structure: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DataStructure<'a> {
    data_structure_components: Components<'a>,
}

#[derive(Serialize)]
struct Components<'a> {
    #[serde(rename = "attributeList")]
    attributes: AttributeList<'a>,
    #[serde(rename = "dimensionList")]
    dimensions: DimensionList<'a>,
    #[serde(rename = "measureList")]
    measures: MeasureList<'a>,
}

#[derive(Serialize)]
struct AttributeList<'a> {
    id: &'static str,
    attributes: Vec<Component<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DimensionList<'a> {
    id: &'static str,
    dimensions: Vec<Component<'a>>,
    time_dimension: Component<'a>,
}

#[derive(Serialize)]
struct MeasureList<'a> {
    id: &'static str,
    measures: [Component<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    id: &'a str,
    concept_identity: String,
    local_representation: Representation,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_relationship: Option<Relationship>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Relationship {
    Observation(Nothing),
    Dataflow(Nothing),
}

/// `{}`
#[derive(Serialize)]
struct Nothing {}

fn message<'a>(structure: &'a Structure<'a>) -> Message<'a> {
    Message {
        meta: Meta {
            schema: "https://json.sdmx.org/2.0.0/sdmx-json-structure-schema.json",
            id: &structure.message,
            test: false,
            prepared: structure.prepared,
            content_languages: ["fr", "ar", "en"],
            sender: Named { id: structure.agency },
        },
        data: Content {
            agency_schemes: [agencies(structure)],
            categorisations: structure.flows.iter().map(|flow| categorisation(structure, flow)).collect(),
            category_schemes: [categories(structure)],
            codelists: structure.lists.iter().map(|list| codelist(structure, list)).collect(),
            concept_schemes: [concepts(structure)],
            data_structures: structure.flows.iter().map(|flow| data_structure(structure, flow)).collect(),
            dataflows: structure.flows.iter().map(|flow| dataflow(structure, flow)).collect(),
            representation_maps: structure.lists.iter().filter_map(|list| mapping(structure, list)).collect(),
        },
    }
}

fn agencies<'a>(structure: &'a Structure<'a>) -> AgencyScheme<'a> {
    AgencyScheme {
        id: "AGENCIES",
        agency_id: "SDMX",
        version: AGENCIES_VERSION,
        is_partial: true,
        name: "AGENCIES",
        agencies: [Member {
            id: structure.agency,
            name: &structure.agency_name.en,
            names: &structure.agency_name,
            parent: None,
        }],
    }
}

fn artefact<T>(
    structure: &Structure<'_>,
    class: &str,
    (id, version): (&str, &str),
    names: &Text,
    own: T,
) -> Artefact<T> {
    let urn = urn(class, structure.agency, id, version, None);
    Artefact {
        id: id.to_owned(),
        agency_id: structure.agency.to_owned(),
        version: version.to_owned(),
        is_external_reference: false,
        name: names.en.clone(),
        names: names.clone(),
        own,
        links: [Link { rel: "self", r#type: class.to_ascii_lowercase(), urn }],
    }
}

fn member(item: &Item) -> Member<'_> {
    Member { id: &item.id, name: &item.name.en, names: &item.name, parent: item.parent.as_deref() }
}

fn categorisation(structure: &Structure<'_>, flow: &Flow<'_>) -> Artefact<Categorisation> {
    let (agency, version) = (structure.agency, flow.dataflow.version.as_str());
    let own = Categorisation {
        source: urn("Dataflow", agency, &flow.id("DF_"), version, None),
        target: urn("Category", agency, CATEGORIES, structure.category_version, Some(&flow.category)),
    };
    artefact(structure, "Categorisation", (&flow.id("CAT_"), version), &flow.dataflow.title, own)
}

fn categories<'a>(structure: &'a Structure<'a>) -> Artefact<Categories<'a>> {
    let names = categories_name();
    let own = Categories { is_partial: true, categories: structure.categories.iter().map(member).collect() };
    artefact(structure, "CategoryScheme", (CATEGORIES, structure.category_version), &names, own)
}

fn constant(kind: &'static str, title: &'static str) -> Annotation<'static> {
    Annotation { r#type: kind, title: Some(title), text: None, texts: None }
}

fn codelist<'a>(structure: &'a Structure<'a>, list: &'a List) -> Artefact<Codes<'a>> {
    let source = list.source.map(|source| constant("MARSAD_SOURCE_LIST", source));
    let own =
        Codes { annotations: source.into_iter().collect(), codes: list.items.iter().map(member).collect() };
    artefact(structure, "Codelist", (&list.id, &list.version), &list.name, own)
}

fn mapping<'a>(structure: &Structure<'_>, list: &'a List) -> Option<Artefact<RepresentationMap<'a>>> {
    let (previous, pairs) = list.mapped()?;
    let of = |version| [Codelist { codelist: urn("Codelist", structure.agency, &list.id, version, None) }];
    let pair = |(old, new): (&'a str, &'a str)| Mapping {
        source_values: [Source { value: old }],
        target_values: [new],
    };
    let own = RepresentationMap {
        source: of(&previous.version),
        target: of(&list.version),
        representation_mappings: pairs.into_iter().map(pair).collect(),
    };
    let name = map_name(list, previous);
    Some(artefact(structure, "RepresentationMap", (&list.map_id(), &list.version), &name, own))
}

fn concepts<'a>(structure: &'a Structure<'a>) -> Artefact<Concepts<'a>> {
    let concept = |concept: &'a Concept| JsonConcept {
        id: &concept.id,
        name: &concept.name.en,
        names: &concept.name,
        description: concept.description.as_ref().map(|text| text.en.as_str()),
        descriptions: concept.description.as_ref(),
        core_representation: representation(structure, concept),
    };
    let own = Concepts { is_partial: true, concepts: structure.concepts.iter().map(concept).collect() };
    artefact(structure, "ConceptScheme", (CONCEPTS, structure.version), &concepts_name(), own)
}

fn representation(structure: &Structure<'_>, concept: &Concept) -> Representation {
    match concept.kind {
        Kind::Codes => {
            let (list, version) = structure.list(&concept.id);
            Representation::Enumeration(urn("Codelist", structure.agency, &list, version, None))
        }
        Kind::Typed(data_type) => Representation::Format(Format { data_type }),
    }
}

fn dataflow<'a>(structure: &Structure<'_>, flow: &'a Flow<'_>) -> Artefact<Dataflow<'a>> {
    let unit = flow.privacy_unit.as_ref().map(|unit| Annotation {
        r#type: "MARSAD_PRIVACY_UNIT",
        title: None,
        text: Some(&unit.en),
        texts: Some(unit),
    });
    let version = flow.dataflow.version.as_str();
    let own = Dataflow {
        annotations: unit.into_iter().chain([constant("MARSAD_MECHANISM", flow.mechanism)]).collect(),
        description: &flow.description.en,
        descriptions: &flow.description,
        structure: urn("DataStructure", structure.agency, &flow.id("DSD_"), version, None),
    };
    artefact(structure, "Dataflow", (&flow.id("DF_"), version), &flow.dataflow.title, own)
}

fn data_structure<'a>(structure: &'a Structure<'a>, flow: &'a Flow<'a>) -> Artefact<DataStructure<'a>> {
    let component = |id: &'a str| component(structure, id);
    let components = Components {
        attributes: AttributeList {
            id: "AttributeDescriptor",
            attributes: COLUMNS.iter().filter_map(|column| attribute(structure, column)).collect(),
        },
        dimensions: DimensionList {
            id: "DimensionDescriptor",
            dimensions: flow.dimensions().map(component).collect(),
            time_dimension: component(TIME.id),
        },
        measures: MeasureList {
            id: "MeasureDescriptor",
            measures: [Component { usage: Some("mandatory"), ..component(MEASURE.id) }],
        },
    };
    let own = DataStructure { data_structure_components: components };
    artefact(
        structure,
        "DataStructure",
        (&flow.id("DSD_"), &flow.dataflow.version),
        &flow.dataflow.title,
        own,
    )
}

fn component<'a>(structure: &Structure<'_>, id: &'a str) -> Component<'a> {
    Component {
        id,
        concept_identity: urn("Concept", structure.agency, CONCEPTS, structure.version, Some(id)),
        local_representation: representation(structure, structure.concept(id)),
        usage: None,
        attribute_relationship: None,
    }
}

fn attribute(structure: &Structure<'_>, column: &Column) -> Option<Component<'static>> {
    let (usage, relationship) = match column.place {
        Place::Observation => ("mandatory", Relationship::Observation(Nothing {})),
        Place::Optional => ("optional", Relationship::Observation(Nothing {})),
        Place::DataSet => ("mandatory", Relationship::Dataflow(Nothing {})),
        Place::Frequency | Place::Time | Place::Measure => return None,
    };
    Some(Component {
        usage: Some(usage),
        attribute_relationship: Some(relationship),
        ..component(structure, column.id)
    })
}
