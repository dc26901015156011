//! `dcat.jsonld`: the release as a data set of an open-data catalogue, DCAT-AP 3.0.1 (publication 4).
//!
//! All addresses are relative to this file: a bundle does not know where it is served, and a reader resolves them against the
//! address it came from. The shapes ask for the class of every resource that is named, so each stands in the graph with its
//! `@type`. It deliberately lacks a remote context.

pub mod catalogue;

use std::collections::BTreeSet;

use marsad_terms::{Grain, Text};
use serde::Serialize;

use crate::dataflow::Dataflow;
use crate::edition::Edition;
use crate::error::Result;
use crate::files::Written;
use crate::form;
use crate::jsonld::{Id, Texts, Typed, texts};
use crate::sdmx::ml::Version;
use crate::sdmx::structure::dsd_id;
use crate::{csv, privacy_yaml, sdmx};

/// Its place in the bundle.
pub const PATH: &str = "dcat.jsonld";

const AUTHORITY: &str = "http://publications.europa.eu/resource/authority";
const RELEASE: &str = "./";
const PUBLISHER: &str = "../../#publisher";
const CONTACT: &str = "../../#contact";
const CATALOGUE: &str = "../../#catalogue";
const CHECKSUM: &str = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256";
const TABULAR: &str = "https://www.w3.org/TR/tabular-data-model/";

/// The bytes of the description.
///
/// # Errors
/// `Write` where the JSON writer fails.
pub(crate) fn write(edition: &Edition, files: &[Written]) -> Result<Vec<u8>> {
    form::json(PATH, &Document { context: CONTEXT, graph: graph(edition, files) })
}

#[derive(Serialize)]
struct Document {
    #[serde(rename = "@context")]
    context: Context,
    #[serde(rename = "@graph")]
    graph: Vec<Node>,
}

#[derive(Serialize)]
struct Context {
    dcat: &'static str,
    dct: &'static str,
    foaf: &'static str,
    vcard: &'static str,
    spdx: &'static str,
    skos: &'static str,
    xsd: &'static str,
    rdfs: &'static str,
    adms: &'static str,
}

const CONTEXT: Context = Context {
    dcat: "http://www.w3.org/ns/dcat#",
    dct: "http://purl.org/dc/terms/",
    foaf: "http://xmlns.com/foaf/0.1/",
    vcard: "http://www.w3.org/2006/vcard/ns#",
    spdx: "http://spdx.org/rdf/terms#",
    skos: "http://www.w3.org/2004/02/skos/core#",
    xsd: "http://www.w3.org/2001/XMLSchema#",
    rdfs: "http://www.w3.org/2000/01/rdf-schema#",
    adms: "http://www.w3.org/ns/adms#",
};

#[derive(Serialize)]
#[serde(untagged)]
enum Node {
    Agent(Agent),
    Contact(Contact),
    Catalogue(Box<Catalogue>),
    Series(Box<Series>),
    Dataset(Box<Dataset>),
    Distribution(Box<Distribution>),
    Release(Box<catalogue::Release>),
    Thing(Thing),
}

#[derive(Serialize)]
struct Agent {
    #[serde(flatten)]
    own: Named,
    #[serde(rename = "foaf:name")]
    name: String,
}

/// What a resource is.
#[derive(Serialize)]
struct Named {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@type")]
    kind: &'static str,
}

impl Named {
    fn new(id: impl Into<String>, kind: &'static str) -> Self {
        Self { id: id.into(), kind }
    }

    /// The resource, with nothing said of it but what it is.
    fn alone(self) -> Thing {
        Thing { own: self, title: None, label: None }
    }
}

/// What the catalogue, its series and its data sets all say.
#[derive(Serialize)]
struct Described {
    #[serde(flatten)]
    own: Named,
    #[serde(rename = "dct:title")]
    title: Texts,
    #[serde(rename = "dct:description")]
    description: Texts,
    #[serde(rename = "dct:publisher")]
    publisher: Id,
}

impl Described {
    fn new(own: Named, title: &Text, description: &Text) -> Self {
        Self { own, title: texts(title), description: texts(description), publisher: Id::new(PUBLISHER) }
    }
}

#[derive(Serialize)]
struct Contact {
    #[serde(flatten)]
    own: Named,
    #[serde(rename = "vcard:fn")]
    name: String,
    #[serde(rename = "vcard:hasEmail", skip_serializing_if = "Option::is_none")]
    email: Option<Id>,
    #[serde(rename = "vcard:hasURL", skip_serializing_if = "Option::is_none")]
    url: Option<Id>,
    #[serde(rename = "vcard:note", skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize)]
struct Catalogue {
    #[serde(flatten)]
    said: Described,
    #[serde(rename = "dct:license")]
    license: Id,
    #[serde(rename = "dcat:dataset")]
    dataset: Vec<Id>,
}

#[derive(Serialize)]
struct Series {
    #[serde(flatten)]
    said: Described,
    #[serde(rename = "dct:accrualPeriodicity")]
    frequency: Id,
    #[serde(rename = "dcat:contactPoint")]
    contact: Id,
}

#[derive(Serialize)]
struct Dataset {
    #[serde(flatten)]
    said: Described,
    #[serde(rename = "dct:identifier")]
    identifier: String,
    #[serde(rename = "dcat:contactPoint")]
    contact: Id,
    #[serde(rename = "dct:issued")]
    issued: Typed,
    #[serde(rename = "dct:language")]
    language: Vec<Id>,
    #[serde(rename = "dcat:theme")]
    theme: Id,
    #[serde(rename = "dcat:keyword")]
    keyword: [Texts; 2],
    #[serde(rename = "dct:spatial")]
    spatial: Id,
    #[serde(rename = "dct:accessRights")]
    access_rights: Id,
    #[serde(rename = "dct:accrualPeriodicity")]
    frequency: Id,
    #[serde(rename = "dct:temporal", skip_serializing_if = "Option::is_none")]
    temporal: Option<PeriodOfTime>,
    #[serde(rename = "dct:provenance")]
    provenance: Provenance,
    #[serde(rename = "dcat:inSeries")]
    in_series: Vec<Id>,
    #[serde(rename = "dcat:version")]
    version: &'static str,
    #[serde(rename = "dcat:previousVersion", skip_serializing_if = "Option::is_none")]
    previous: Option<Id>,
    #[serde(rename = "foaf:page")]
    page: Id,
    #[serde(rename = "dct:bibliographicCitation")]
    citation: Texts,
    #[serde(rename = "dcat:distribution")]
    distribution: Vec<Id>,
}

#[derive(Serialize)]
struct PeriodOfTime {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "dcat:startDate")]
    start: Typed,
    #[serde(rename = "dcat:endDate")]
    end: Typed,
}

#[derive(Serialize)]
struct Provenance {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "rdfs:label")]
    label: Texts,
}

#[derive(Serialize)]
struct Distribution {
    #[serde(flatten)]
    own: Named,
    #[serde(rename = "dct:title")]
    title: String,
    #[serde(rename = "dcat:accessURL")]
    access: Id,
    #[serde(rename = "dcat:downloadURL")]
    download: Id,
    #[serde(rename = "dct:license")]
    license: Id,
    #[serde(rename = "dct:format")]
    format: Id,
    #[serde(rename = "dcat:mediaType")]
    media_type: Id,
    #[serde(rename = "dct:conformsTo", skip_serializing_if = "Option::is_none")]
    conforms_to: Option<Id>,
    #[serde(rename = "dcat:byteSize")]
    size: Typed,
    #[serde(rename = "dct:issued")]
    issued: Typed,
    #[serde(rename = "spdx:checksum")]
    checksum: Checksum,
}

#[derive(Serialize)]
struct Checksum {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "spdx:algorithm")]
    algorithm: Id,
    #[serde(rename = "spdx:checksumValue")]
    value: Typed,
}

/// A resource that others name.
#[derive(Serialize)]
struct Thing {
    #[serde(flatten)]
    own: Named,
    #[serde(rename = "dct:title", skip_serializing_if = "Option::is_none")]
    title: Option<Texts>,
    #[serde(rename = "skos:prefLabel", skip_serializing_if = "Option::is_none")]
    label: Option<Texts>,
}

fn graph(edition: &Edition, files: &[Written]) -> Vec<Node> {
    let publisher = Agent { own: Named::new(PUBLISHER, "foaf:Agent"), name: edition.workspace.clone() };
    let mut nodes = vec![Node::Agent(publisher), Node::Contact(contact(edition))];
    nodes.push(Node::Catalogue(Box::new(catalogue())));
    nodes.extend(edition.dataflows.iter().map(|flow| Node::Series(Box::new(series(flow)))));
    nodes.push(Node::Dataset(Box::new(dataset(edition, files))));
    nodes.extend(files.iter().map(|file| Node::Distribution(Box::new(distribution(edition, file)))));
    nodes.extend(things(edition, files).into_iter().map(Node::Thing));
    nodes
}

/// An address of mail or of a page, or words.
fn contact(edition: &Edition) -> Contact {
    let text = edition.contact.as_str();
    let is_url = text.starts_with("https://") || text.starts_with("http://");
    let is_email = !is_url && text.contains('@') && !text.contains(char::is_whitespace);
    Contact {
        own: Named::new(CONTACT, "vcard:Kind"),
        name: edition.workspace.clone(),
        email: is_email.then(|| Id::new(format!("mailto:{text}"))),
        url: is_url.then(|| Id::new(text)),
        note: (!is_url && !is_email).then(|| text.to_owned()),
    }
}

fn catalogue() -> Catalogue {
    let title = Text::new("Catalogue de Marsad", "فهرس مرصد", "Marsad catalogue");
    let description = Text::new(
        "Toutes les publications, y compris retirées.",
        "جميع الإصدارات، بما فيها المسحوبة.",
        "All releases, withdrawn ones included.",
    );
    Catalogue {
        said: Described::new(Named::new(CATALOGUE, "dcat:Catalog"), &title, &description),
        license: licence(),
        dataset: vec![Id::new(RELEASE)],
    }
}

fn series_id(flow: &Dataflow) -> String {
    format!("../../series/{}", flow.id)
}

fn series(flow: &Dataflow) -> Series {
    Series {
        said: Described::new(
            Named::new(series_id(flow), "dcat:DatasetSeries"),
            &flow.title,
            &flow.description(),
        ),
        frequency: frequency(std::slice::from_ref(flow)),
        contact: Id::new(CONTACT),
    }
}

fn dataset(edition: &Edition, files: &[Written]) -> Dataset {
    let keywords = [
        Text::new("migration", "الهجرة", "migration"),
        Text::new("confidentialité différentielle", "الخصوصية التفاضلية", "differential privacy"),
    ];
    Dataset {
        said: Described::new(Named::new(RELEASE, "dcat:Dataset"), &edition.title, &edition.coverage),
        identifier: edition.release.to_string(),
        contact: Id::new(CONTACT),
        issued: Typed::new("xsd:dateTime", edition.published.as_str()),
        language: LANGUAGES.map(|code| authority("language", code)).into(),
        theme: authority("data-theme", "SOCI"),
        keyword: keywords.map(|word| texts(&word)),
        spatial: authority("country", "MAR"),
        access_rights: authority("access-right", "PUBLIC"),
        frequency: frequency(&edition.dataflows),
        temporal: temporal(edition),
        provenance: Provenance { kind: "dct:ProvenanceStatement", label: texts(&provenance()) },
        in_series: edition.dataflows.iter().map(|flow| Id::new(series_id(flow))).collect(),
        version: Edition::VERSION,
        previous: edition.replaces.as_ref().map(|old| Id::new(format!("../{old}/"))),
        page: Id::new(privacy_yaml::PATH),
        citation: texts(&edition.citation()),
        distribution: files.iter().map(|written| Id::new(written.file.path.as_str())).collect(),
    }
}

const LANGUAGES: [&str; 3] = ["FRA", "ARA", "ENG"];

fn provenance() -> Text {
    Text::new(
        "Estimations protégées par confidentialité différentielle : voir privacy.yaml.",
        "تقديرات محمية بالخصوصية التفاضلية: انظر privacy.yaml.",
        "Estimates protected by differential privacy: see privacy.yaml.",
    )
}

fn authority(table: &str, code: &str) -> Id {
    Id::new(format!("{AUTHORITY}/{table}/{code}"))
}

fn licence() -> Id {
    authority("licence", "CC_BY_4_0")
}

/// How often the finest figures of some dataflows come.
fn frequency(flows: &[Dataflow]) -> Id {
    let quarterly = flows.iter().flat_map(Dataflow::periods).any(|period| period.grain() == Grain::Quarter);
    authority("frequency", if quarterly { "QUARTERLY" } else { "ANNUAL" })
}

/// From the first day of the first period to the last day of the last.
fn temporal(edition: &Edition) -> Option<PeriodOfTime> {
    let months = || edition.dataflows.iter().flat_map(Dataflow::periods).map(marsad_terms::Period::months);
    let first = months().map(|(first, _)| first).min()?;
    let last = months().map(|(_, last)| last).max()?;
    Some(PeriodOfTime {
        kind: "dct:PeriodOfTime",
        start: Typed::new("xsd:date", format!("{first}-01")),
        end: Typed::new("xsd:date", last.last_day()),
    })
}

fn distribution(edition: &Edition, written: &Written) -> Distribution {
    let file = &written.file;
    Distribution {
        own: Named::new(file.path.as_str(), "dcat:Distribution"),
        title: file.path.clone(),
        access: Id::new(RELEASE),
        download: Id::new(file.path.as_str()),
        license: licence(),
        format: file_type(&file.path),
        media_type: Id::new(media_type(&file.media_type)),
        conforms_to: standard(edition, &file.path).map(Id::new),
        size: Typed::new("xsd:nonNegativeInteger", file.bytes.to_string()),
        issued: Typed::new("xsd:dateTime", edition.published.as_str()),
        checksum: Checksum {
            kind: "spdx:Checksum",
            algorithm: Id::new(CHECKSUM),
            value: Typed::new("xsd:hexBinary", written.sha256.as_str()),
        },
    }
}

/// The code of the EU's list of file types is the name's end in upper case.
fn file_type(path: &str) -> Id {
    let end = path.rsplit_once('.').map_or(path, |(_, end)| end);
    authority("file-type", &end.to_ascii_uppercase())
}

/// IANA's page of a type, without SDMX's version.
fn media_type(media_type: &str) -> String {
    let name = media_type.split_once(';').map_or(media_type, |(name, _)| name);
    format!("http://www.iana.org/assignments/media-types/{name}")
}

/// What a file of data follows: its data structure, or W3C's model of tables.
fn standard(edition: &Edition, path: &str) -> Option<String> {
    let is = |flow: &&Dataflow| sdmx::csv::path(flow) == path || sdmx::data::path(flow) == path;
    if let Some(flow) = edition.dataflows.iter().find(is) {
        return Some(format!("{}#{}", Version::V21.path(), dsd_id(&flow.id)));
    }
    edition.dataflows.iter().any(|flow| csv::path(flow) == path).then(|| TABULAR.to_owned())
}

/// The class of each resource that is named above.
fn things(edition: &Edition, files: &[Written]) -> Vec<Thing> {
    let mut named: BTreeSet<(Id, &'static str)> = BTreeSet::new();
    named.extend(LANGUAGES.map(|code| (authority("language", code), "dct:LinguisticSystem")));
    named.insert((authority("country", "MAR"), "dct:Location"));
    named.insert((authority("access-right", "PUBLIC"), "dct:RightsStatement"));
    named.insert((licence(), "dct:LicenseDocument"));
    named.insert((Id::new(CHECKSUM), "spdx:ChecksumAlgorithm"));
    named.insert((frequency(&edition.dataflows), "dct:Frequency"));
    named.extend(
        edition.dataflows.iter().map(|flow| (frequency(std::slice::from_ref(flow)), "dct:Frequency")),
    );
    for written in files {
        let file = &written.file;
        named.insert((file_type(&file.path), "dct:MediaTypeOrExtent"));
        named.insert((Id::new(media_type(&file.media_type)), "dct:MediaType"));
        named.extend(standard(edition, &file.path).map(|own| (Id::new(own), "dct:Standard")));
    }
    let plain = named.into_iter().map(|(id, kind)| id.named(kind).alone());
    let theme = Text::new("Population et société", "السكان والمجتمع", "Population and society");
    let page = Text::new("Déclaration de confidentialité", "بيان الخصوصية", "Privacy statement");
    plain
        .chain([
            Thing {
                own: authority("data-theme", "SOCI").named("skos:Concept"),
                title: None,
                label: Some(texts(&theme)),
            },
            Thing {
                own: Named::new(privacy_yaml::PATH, "foaf:Document"),
                title: Some(texts(&page)),
                label: None,
            },
        ])
        .collect()
}

impl Id {
    fn named(self, kind: &'static str) -> Named {
        Named { id: self.into_text(), kind }
    }
}
