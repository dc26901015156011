//! `sdmx/structure-2.1.xml` and `sdmx/structure-3.0.xml`: the structure as SDMX-ML (publication 3).
//!
//! The two differ in namespaces, in how artefacts refer to each other (`Ref` elements against URN texts), in the order of
//! their containers (3.0: alphabetical) and in how attributes are attached; everything else is written once.

use std::io;

use marsad_terms::{Language, Text};

use super::structure::{
    AGENCIES_VERSION, CATEGORIES, CONCEPTS, Concept, Flow, Item, List, Structure, categories_name,
    concepts_name,
};
use super::urn::{package, urn};
use crate::columns::{COLUMNS, Column, Kind, MEASURE, Place, TIME};
use crate::error::{Error, Result};
use crate::xml::{Attributes, Xml};

/// A version of SDMX-ML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// ISO 17369:2013.
    V21,
    /// Of 2021.
    V30,
}

impl Version {
    /// The file's place in the bundle.
    pub fn path(self) -> &'static str {
        match self {
            Self::V21 => "sdmx/structure-2.1.xml",
            Self::V30 => "sdmx/structure-3.0.xml",
        }
    }

    fn namespace(self, part: &str) -> String {
        let version = if self == Self::V21 { "v2_1" } else { "v3_0" };
        format!("http://www.sdmx.org/resources/sdmxml/schemas/{version}/{part}")
    }
}

/// The bytes of a structure file.
pub(crate) fn write(structure: &Structure<'_>, version: Version) -> Result<Vec<u8>> {
    let ml = Ml { structure, version };
    let message = || {
        let mut xml = Xml::new()?;
        ml.message(&mut xml)?;
        Ok(xml.finish())
    };
    message().map_err(|source: io::Error| Error::write(version.path(), source))
}

type Done = io::Result<()>;

/// A structure in one version of SDMX-ML.
struct Ml<'a> {
    structure: &'a Structure<'a>,
    version: Version,
}

impl Ml<'_> {
    fn is_30(&self) -> bool {
        self.version == Version::V30
    }

    fn message(&self, xml: &mut Xml) -> Done {
        let part = |part: &str| self.version.namespace(part);
        let (mes, str, com) = (part("message"), part("structure"), part("common"));
        let namespaces = [("xmlns:mes", mes.as_str()), ("xmlns:str", &str), ("xmlns:com", &com)];
        xml.within("mes:Structure", &namespaces, |xml| {
            xml.within("mes:Header", &[], |xml| {
                xml.text("mes:ID", &[], &self.structure.message)?;
                xml.text("mes:Test", &[], "false")?;
                xml.text("mes:Prepared", &[], self.structure.prepared)?;
                xml.empty("mes:Sender", &[("id", self.structure.agency)])
            })?;
            xml.within("mes:Structures", &[], |xml| self.containers(xml))
        })
    }

    /// Each version's schema has its own order.
    fn containers(&self, xml: &mut Xml) -> Done {
        if self.is_30() {
            self.agencies(xml)?;
            self.categorisations(xml)?;
            self.categories(xml)?;
            self.lists(xml)?;
            self.concepts(xml)?;
            self.flows(xml)?;
            return self.structures(xml);
        }
        xml.within("str:OrganisationSchemes", &[], |xml| self.agency_scheme(xml))?;
        self.flows(xml)?;
        self.categories(xml)?;
        self.categorisations(xml)?;
        self.lists(xml)?;
        self.concepts(xml)?;
        self.structures(xml)
    }

    fn agencies(&self, xml: &mut Xml) -> Done {
        xml.within("str:AgencySchemes", &[], |xml| self.agency_scheme(xml))
    }

    /// 3.0 allows the scheme no version: it is 1.0 for ever.
    fn agency_scheme(&self, xml: &mut Xml) -> Done {
        let name = |class, item| urn(class, "SDMX", "AGENCIES", AGENCIES_VERSION, item);
        let (scheme, own) = (name("AgencyScheme", None), name("Agency", Some(self.structure.agency)));
        let mut attributes = vec![("id", "AGENCIES"), ("agencyID", "SDMX")];
        attributes.extend((!self.is_30()).then_some(("version", AGENCIES_VERSION)));
        attributes.extend([("isPartial", "true"), ("urn", scheme.as_str())]);
        xml.within("str:AgencyScheme", &attributes, |xml| {
            names(xml, &Text::same("AGENCIES"))?;
            xml.within("str:Agency", &[("id", self.structure.agency), ("urn", &own)], |xml| {
                names(xml, &self.structure.agency_name)
            })
        })
    }

    /// A maintainable artefact: final in 2.1, by its version in 3.0. `more` are further attributes.
    fn artefact(
        &self,
        xml: &mut Xml,
        (class, id, version): (&str, &str, &str),
        more: Attributes<'_>,
        inner: impl FnOnce(&mut Xml) -> Done,
    ) -> Done {
        let own = urn(class, self.structure.agency, id, version, None);
        let mut attributes = vec![
            ("id", id),
            ("urn", own.as_str()),
            ("agencyID", self.structure.agency),
            ("version", version),
        ];
        attributes.extend((!self.is_30()).then_some(("isFinal", "true")));
        attributes.extend_from_slice(more);
        xml.within(&format!("str:{class}"), &attributes, inner)
    }

    fn flows(&self, xml: &mut Xml) -> Done {
        xml.within("str:Dataflows", &[], |xml| {
            self.structure.flows.iter().try_for_each(|flow| self.flow(xml, flow))
        })
    }

    fn flow(&self, xml: &mut Xml, flow: &Flow<'_>) -> Done {
        self.artefact(xml, ("Dataflow", &flow.id("DF_"), &flow.dataflow.version), &[], |xml| {
            xml.within("com:Annotations", &[], |xml| {
                flow.privacy_unit.as_ref().map_or(Ok(()), |unit| privacy_unit(xml, unit))?;
                annotation(xml, "MARSAD_MECHANISM", flow.mechanism)
            })?;
            names(xml, &flow.dataflow.title)?;
            in_languages(xml, "com:Description", &flow.description)?;
            let target = ("DataStructure", flow.id("DSD_"), flow.dataflow.version.as_str());
            self.reference(xml, "str:Structure", target, None)
        })
    }

    /// A reference to an artefact or one of its items: `Ref` in 2.1, the URN in 3.0.
    fn reference(
        &self,
        xml: &mut Xml,
        name: &str,
        (class, id, version): (&str, String, &str),
        item: Option<&str>,
    ) -> Done {
        let agency = self.structure.agency;
        if self.is_30() {
            return xml.text(name, &[], &urn(class, agency, &id, version, item));
        }
        let class = [("package", package(class)), ("class", class)];
        let whole = [("id", id.as_str()), ("version", version), ("agencyID", agency)];
        let part = [
            ("maintainableParentID", id.as_str()),
            ("maintainableParentVersion", version),
            ("agencyID", agency),
            ("id", item.unwrap_or_default()),
        ];
        let named: Attributes<'_> = if item.is_some() { &part } else { &whole };
        xml.within(name, &[], |xml| xml.empty("Ref", &[named, &class].concat()))
    }

    /// Categories of this release alone: the scheme is partial.
    fn categories(&self, xml: &mut Xml) -> Done {
        let version = self.structure.category_version;
        let scheme = ("CategoryScheme", CATEGORIES, version);
        xml.within("str:CategorySchemes", &[], |xml| {
            self.artefact(xml, scheme, &[("isPartial", "true")], |xml| {
                names(xml, &categories_name())?;
                let category = |item| self.item(xml, (CATEGORIES, version), "Category", item);
                self.structure.categories.iter().try_for_each(category)
            })
        })
    }

    fn categorisations(&self, xml: &mut Xml) -> Done {
        xml.within("str:Categorisations", &[], |xml| {
            self.structure.flows.iter().try_for_each(|flow| {
                let version = flow.dataflow.version.as_str();
                self.artefact(xml, ("Categorisation", &flow.id("CAT_"), version), &[], |xml| {
                    names(xml, &flow.dataflow.title)?;
                    self.reference(xml, "str:Source", ("Dataflow", flow.id("DF_"), version), None)?;
                    let target = ("Category", CATEGORIES.to_owned(), self.structure.category_version);
                    self.reference(xml, "str:Target", target, Some(&flow.category))
                })
            })
        })
    }

    /// A code or a category.
    fn item(&self, xml: &mut Xml, (scheme, version): (&str, &str), class: &str, item: &Item) -> Done {
        let own = urn(class, self.structure.agency, scheme, version, Some(&item.id));
        xml.within(&format!("str:{class}"), &[("id", &item.id), ("urn", &own)], |xml| {
            names(xml, &item.name)?;
            match &item.parent {
                None => Ok(()),
                Some(parent) if self.is_30() => xml.text("str:Parent", &[], parent),
                Some(parent) => xml.within("str:Parent", &[], |xml| xml.empty("Ref", &[("id", parent)])),
            }
        })
    }

    fn lists(&self, xml: &mut Xml) -> Done {
        xml.within("str:Codelists", &[], |xml| {
            self.structure.lists.iter().try_for_each(|list| self.list(xml, list))
        })
    }

    fn list(&self, xml: &mut Xml, list: &List) -> Done {
        self.artefact(xml, ("Codelist", &list.id, &list.version), &[], |xml| {
            if let Some(source) = list.source {
                xml.within("com:Annotations", &[], |xml| annotation(xml, "MARSAD_SOURCE_LIST", source))?;
            }
            names(xml, &list.name)?;
            list.items.iter().try_for_each(|item| self.item(xml, (&list.id, &list.version), "Code", item))
        })
    }

    /// Concepts of this release alone: the scheme is partial.
    fn concepts(&self, xml: &mut Xml) -> Done {
        let (container, scheme) = (
            if self.is_30() { "str:ConceptSchemes" } else { "str:Concepts" },
            ("ConceptScheme", CONCEPTS, self.structure.version),
        );
        xml.within(container, &[], |xml| {
            self.artefact(xml, scheme, &[("isPartial", "true")], |xml| {
                names(xml, &concepts_name())?;
                self.structure.concepts.iter().try_for_each(|concept| self.concept(xml, concept))
            })
        })
    }

    fn concept(&self, xml: &mut Xml, concept: &Concept) -> Done {
        let own = urn("Concept", self.structure.agency, CONCEPTS, self.structure.version, Some(&concept.id));
        xml.within("str:Concept", &[("id", &concept.id), ("urn", &own)], |xml| {
            names(xml, &concept.name)?;
            if let Some(description) = &concept.description {
                in_languages(xml, "com:Description", description)?;
            }
            self.representation(xml, "str:CoreRepresentation", concept)
        })
    }

    fn representation(&self, xml: &mut Xml, name: &str, concept: &Concept) -> Done {
        xml.within(name, &[], |xml| match concept.kind {
            Kind::Codes => {
                let (list, version) = self.structure.list(&concept.id);
                self.reference(xml, "str:Enumeration", ("Codelist", list, version), None)
            }
            Kind::Typed(text_type) => xml.empty("str:TextFormat", &[("textType", text_type)]),
        })
    }

    fn structures(&self, xml: &mut Xml) -> Done {
        xml.within("str:DataStructures", &[], |xml| {
            self.structure.flows.iter().try_for_each(|flow| {
                let own = ("DataStructure", &*flow.id("DSD_"), flow.dataflow.version.as_str());
                self.artefact(xml, own, &[], |xml| {
                    names(xml, &flow.dataflow.title)?;
                    xml.within("str:DataStructureComponents", &[], |xml| self.components(xml, flow))
                })
            })
        })
    }

    fn components(&self, xml: &mut Xml, flow: &Flow<'_>) -> Done {
        let is_attribute =
            |column: &&Column| matches!(column.place, Place::Observation | Place::Optional | Place::DataSet);
        xml.within("str:DimensionList", &[("id", "DimensionDescriptor")], |xml| {
            let dimensions = flow.dimensions().chain([TIME.id]).zip(1..);
            dimensions.into_iter().try_for_each(|(id, n)| self.component(xml, flow, id, Some(n)))
        })?;
        xml.within("str:AttributeList", &[("id", "AttributeDescriptor")], |xml| {
            let mut attributes = COLUMNS.iter().filter(is_attribute);
            attributes.try_for_each(|column| self.component(xml, flow, column.id, None))
        })?;
        xml.within("str:MeasureList", &[("id", "MeasureDescriptor")], |xml| {
            self.component(xml, flow, MEASURE.id, None)
        })
    }

    /// A component; dimensions have a position, attributes say what they are attached to.
    fn component(&self, xml: &mut Xml, flow: &Flow<'_>, id: &str, position: Option<usize>) -> Done {
        let place = COLUMNS.iter().find(|column| column.id == id).map(|column| column.place);
        let (element, class) = self.element(place);
        let own = urn(class, self.structure.agency, &flow.id("DSD_"), &flow.dataflow.version, Some(id));
        let position =
            position.map(|n| n.to_string()).filter(|_| place != Some(Place::Time) || !self.is_30());
        let mut attributes = vec![("id", id), ("urn", own.as_str())];
        attributes.extend(position.as_deref().map(|n| ("position", n)));
        attributes.extend(self.usage(place));
        xml.within(element, &attributes, |xml| {
            let concept = ("Concept", CONCEPTS.to_owned(), self.structure.version);
            self.reference(xml, "str:ConceptIdentity", concept, Some(id))?;
            self.representation(xml, "str:LocalRepresentation", self.structure.concept(id))?;
            self.attached(xml, place)
        })
    }

    /// Element and class of a component; one that has no fixed place is a dimension.
    fn element(&self, place: Option<Place>) -> (&'static str, &'static str) {
        match place {
            None | Some(Place::Frequency) => ("str:Dimension", "Dimension"),
            Some(Place::Time) => ("str:TimeDimension", "TimeDimension"),
            Some(Place::Measure) if self.is_30() => ("str:Measure", "Measure"),
            Some(Place::Measure) => ("str:PrimaryMeasure", "PrimaryMeasure"),
            Some(Place::Observation | Place::Optional | Place::DataSet) => ("str:Attribute", "DataAttribute"),
        }
    }

    /// Whether a component may be absent, as each version says it; of dimensions, and of the measure in 2.1, nothing is said.
    fn usage(&self, place: Option<Place>) -> Option<(&'static str, &'static str)> {
        match (self.version, place?) {
            (_, Place::Frequency | Place::Time) | (Version::V21, Place::Measure) => None,
            (Version::V21, Place::Optional) => Some(("assignmentStatus", "Conditional")),
            (Version::V21, _) => Some(("assignmentStatus", "Mandatory")),
            (Version::V30, Place::Optional) => Some(("usage", "optional")),
            (Version::V30, _) => Some(("usage", "mandatory")),
        }
    }

    fn attached(&self, xml: &mut Xml, place: Option<Place>) -> Done {
        let Some(place @ (Place::Observation | Place::Optional | Place::DataSet)) = place else {
            return Ok(());
        };
        xml.within("str:AttributeRelationship", &[], |xml| match (self.version, place) {
            (Version::V21, Place::DataSet) => xml.empty("str:None", &[]),
            (Version::V21, _) => {
                xml.within("str:PrimaryMeasure", &[], |xml| xml.empty("Ref", &[("id", "OBS_VALUE")]))
            }
            (Version::V30, Place::DataSet) => xml.empty("str:Dataflow", &[]),
            (Version::V30, _) => xml.empty("str:Observation", &[]),
        })
    }
}

fn names(xml: &mut Xml, text: &Text) -> Done {
    in_languages(xml, "com:Name", text)
}

fn in_languages(xml: &mut Xml, name: &str, text: &Text) -> Done {
    Language::ALL
        .into_iter()
        .try_for_each(|language| xml.text(name, &[("xml:lang", language.tag())], text.get(language)))
}

fn privacy_unit(xml: &mut Xml, unit: &Text) -> Done {
    xml.within("com:Annotation", &[], |xml| {
        xml.text("com:AnnotationType", &[], "MARSAD_PRIVACY_UNIT")?;
        in_languages(xml, "com:AnnotationText", unit)
    })
}

/// An annotation that is a constant.
fn annotation(xml: &mut Xml, kind: &str, title: &str) -> Done {
    xml.within("com:Annotation", &[], |xml| {
        xml.text("com:AnnotationTitle", &[], title)?;
        xml.text("com:AnnotationType", &[], kind)
    })
}
