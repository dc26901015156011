//! Do the three structure files say what `release.json` says: dataflows, their dimensions, every code with its labels?

use std::collections::BTreeMap;
use std::path::Path;

use marsad_terms::{Language, Text};
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use super::Found;
use crate::columns::{COLUMNS, FREQUENCY, Kind, Place};
use crate::release_json::{CodeJson, CodeListJson, ReleaseJson};
use crate::sdmx::json;
use crate::sdmx::structure::{CATEGORIES, CONCEPTS, dsd_id, list_id};

/// What a structure file says of what `release.json` says too.
#[derive(Debug, Default)]
struct Outline {
    /// Codes by list.
    lists: BTreeMap<String, Vec<CodeJson>>,
    /// Versions by list and scheme.
    versions: BTreeMap<String, String>,
    /// Old and new codes by mapping, with the version that it leads to.
    mappings: BTreeMap<(String, String), Vec<(String, String)>>,
    /// Titles by dataflow, `MARSAD:DF_…(1.0.0)`.
    flows: BTreeMap<String, Text>,
    /// Ids of the dimensions by data structure, the period apart.
    dimensions: BTreeMap<String, Vec<String>>,
}

/// Compares a structure file with the statement.
pub(super) fn check(dir: &Path, path: &str, statement: &ReleaseJson, axes: &Axes) -> Found {
    let text = std::fs::read_to_string(dir.join(path)).map_err(|error| format!("cannot be read: {error}"))?;
    let outline = if path == json::PATH { of_json(&text)? } else { of_xml(&text)? };
    for (component, list) in statement.code_lists.iter().chain(&statement.component_lists) {
        let id = list_id(component);
        if outline.lists.get(&id) != Some(&list.codes) || outline.versions.get(&id) != Some(&list.version) {
            return Err(format!("{id} is not the code list of {component} in release.json"));
        }
    }
    for (scheme, version) in [(CATEGORIES, &statement.category_scheme), (CONCEPTS, &statement.concept_scheme)]
    {
        if outline.versions.get(scheme) != Some(version) {
            return Err(format!("{scheme} has not the version of release.json"));
        }
    }
    // Readers of XML stumble over mappings (decision 079).
    if path == json::PATH && outline.mappings != mappings(statement) {
        return Err("its mappings of code lists are not those of release.json".into());
    }
    let flows = statement.statistics.iter().map(|own| (own.dataflow.clone(), own.titles.clone()));
    if outline.flows != flows.collect() {
        return Err("its dataflows or their titles are not those of release.json".into());
    }
    for (statistic, own) in axes {
        let declared = outline.dimensions.get(&dsd_id(statistic)).map(Vec::as_slice).unwrap_or_default();
        if declared.first().map(String::as_str) != Some(FREQUENCY.id) || declared[1..] != **own {
            return Err(format!("{} has not the dimensions of the table", dsd_id(statistic)));
        }
    }
    common_lists(&outline, statement)?;
    Ok(format!("{} code lists, {} dataflows, as in release.json", outline.lists.len(), outline.flows.len()))
}

/// The mappings that the statement asks for.
fn mappings(statement: &ReleaseJson) -> BTreeMap<(String, String), Vec<(String, String)>> {
    let lists = statement.code_lists.iter().chain(&statement.component_lists);
    let mapping = |(component, list): (&String, &CodeListJson)| {
        let codes = list.previous.as_ref()?.codes.iter();
        let pairs = codes.flat_map(|(old, new)| new.iter().map(move |new| (old.clone(), new.clone())));
        let pairs: Vec<(String, String)> = pairs.collect();
        (!pairs.is_empty()).then(|| ((format!("CLM_{component}"), list.version.clone()), pairs))
    };
    lists.filter_map(mapping).collect()
}

/// Ids of the dimensions of each table, by statistic.
pub(super) type Axes = BTreeMap<String, Vec<String>>;

/// The codes that every dataflow uses are in their lists.
fn common_lists(outline: &Outline, statement: &ReleaseJson) -> Result<(), String> {
    let has = |component: &str, code: &str| {
        let list = outline.lists.get(&list_id(component));
        let known = list.is_some_and(|list| list.iter().any(|own| own.id == code));
        if known { Ok(()) } else { Err(format!("{code} is no code of {}", list_id(component))) }
    };
    let coded = COLUMNS.iter().filter(|column| column.kind == Kind::Codes);
    for column in coded {
        match column.place {
            Place::Frequency => ["A", "Q", "M"].into_iter().try_for_each(|code| has(column.id, code))?,
            Place::Observation => {
                ["A", "U", "Q", "M"].into_iter().try_for_each(|code| has(column.id, code))?;
            }
            _ => statement.statistics.iter().try_for_each(|own| has(column.id, &own.unit))?,
        }
    }
    Ok(())
}

/// The text of an attribute.
pub(super) fn value(attribute: &Attribute<'_>) -> Result<String, String> {
    let text =
        quick_xml::escape::unescape(&attribute.value).map_err(|error| format!("is no XML: {error}"))?;
    Ok(text.into_owned())
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<String, String> {
    let found = element.try_get_attribute(name).map_err(|error| format!("is no XML: {error}"))?;
    found.map_or_else(|| Ok(String::new()), |found| value(&found))
}

/// A reader of structure files in both versions.
#[derive(Default)]
struct Reading {
    outline: Outline,
    /// Names of the open elements.
    open: Vec<String>,
    /// The open code list, dataflow or data structure.
    current: String,
    language: Option<Language>,
}

fn of_xml(text: &str) -> Result<Outline, String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut reading = Reading::default();
    loop {
        match reader.read_event().map_err(|error| format!("is no XML: {error}"))? {
            Event::Eof => return Ok(reading.outline),
            Event::Start(element) => {
                reading.element(&element)?;
                reading.open.push(local(&element));
            }
            Event::Empty(element) => reading.element(&element)?,
            Event::End(_) => {
                reading.open.pop();
            }
            Event::Text(text) => reading.text(&text),
            Event::GeneralRef(reference) => reading.text(&resolved(&reference)?),
            _ => {}
        }
    }
}

fn local(element: &BytesStart<'_>) -> String {
    element.local_name().as_ref().to_owned()
}

/// The character of an entity such as `&amp;`.
fn resolved(name: &str) -> Result<String, String> {
    let text =
        quick_xml::escape::unescape(&format!("&{name};")).map_err(|error| error.to_string())?.into_owned();
    Ok(text)
}

impl Reading {
    fn parent(&self) -> &str {
        self.open.last().map_or("", String::as_str)
    }

    fn codes(&mut self) -> &mut Vec<CodeJson> {
        self.outline.lists.entry(self.current.clone()).or_default()
    }

    fn element(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let id = attribute(element, "id")?;
        match local(element).as_str() {
            "Codelist" => {
                self.outline.versions.insert(id.clone(), attribute(element, "version")?);
                self.current = id;
                self.codes();
            }
            "CategoryScheme" | "ConceptScheme" => {
                self.outline.versions.insert(id, attribute(element, "version")?);
            }
            "Code" => self.codes().push(CodeJson { id, parent: None, names: Text::same("") }),
            "Ref" if self.parent() == "Parent" => self.set_parent(&id),
            "Dataflow" if self.parent() == "Dataflows" => {
                let (agency, version) = (attribute(element, "agencyID")?, attribute(element, "version")?);
                self.current = format!("{agency}:{id}({version})");
                self.outline.flows.insert(self.current.clone(), Text::same(""));
            }
            "DataStructure" => self.current = id,
            "Dimension" => self.outline.dimensions.entry(self.current.clone()).or_default().push(id),
            "Name" => self.language = attribute(element, "xml:lang")?.parse().ok(),
            _ => {}
        }
        Ok(())
    }

    fn set_parent(&mut self, id: &str) {
        if let Some(code) = self.codes().last_mut() {
            code.parent.get_or_insert_default().push_str(id);
        }
    }

    fn text(&mut self, text: &str) {
        let [.., owner, element] = self.open.as_slice() else { return };
        match (owner.as_str(), element.as_str()) {
            ("Code", "Parent") if !text.trim().is_empty() => self.set_parent(text),
            ("Code", "Name") => {
                let language = self.language;
                if let Some(code) = self.codes().last_mut() {
                    append(&mut code.names, language, text);
                }
            }
            ("Dataflow", "Name") => {
                let language = self.language;
                if let Some(title) = self.outline.flows.get_mut(&self.current) {
                    append(title, language, text);
                }
            }
            _ => {}
        }
    }
}

fn append(names: &mut Text, language: Option<Language>, text: &str) {
    match language {
        Some(Language::Fr) => names.fr.push_str(text),
        Some(Language::Ar) => names.ar.push_str(text),
        Some(Language::En) => names.en.push_str(text),
        None => {}
    }
}

fn of_json(text: &str) -> Result<Outline, String> {
    let message: Value = serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?;
    let data = &message["data"];
    let mut outline = Outline::default();
    for list in array(&data["codelists"]) {
        let codes: Result<Vec<CodeJson>, String> = array(&list["codes"]).iter().map(code).collect();
        outline.versions.insert(word(&list["id"]), word(&list["version"]));
        outline.lists.insert(word(&list["id"]), codes?);
    }
    for scheme in array(&data["categorySchemes"]).iter().chain(array(&data["conceptSchemes"])) {
        outline.versions.insert(word(&scheme["id"]), word(&scheme["version"]));
    }
    for map in array(&data["representationMaps"]) {
        let pair = |own: &Value| (word(&own["sourceValues"][0]["value"]), word(&own["targetValues"][0]));
        let pairs = array(&map["representationMappings"]).iter().map(pair).collect();
        outline.mappings.insert((word(&map["id"]), word(&map["version"])), pairs);
    }
    for flow in array(&data["dataflows"]) {
        let [agency, id, version] = ["agencyID", "id", "version"].map(|key| word(&flow[key]));
        outline.flows.insert(format!("{agency}:{id}({version})"), names(flow)?);
    }
    for own in array(&data["dataStructures"]) {
        let dimensions = array(&own["dataStructureComponents"]["dimensionList"]["dimensions"]);
        let ids = dimensions.iter().map(|dimension| word(&dimension["id"])).collect();
        outline.dimensions.insert(word(&own["id"]), ids);
    }
    Ok(outline)
}

fn code(code: &Value) -> Result<CodeJson, String> {
    let parent = code["parent"].as_str().map(str::to_owned);
    Ok(CodeJson { id: word(&code["id"]), parent, names: names(code)? })
}

fn names(item: &Value) -> Result<Text, String> {
    serde_json::from_value(item["names"].clone()).map_err(|_| format!("{} has not three names", item["id"]))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
