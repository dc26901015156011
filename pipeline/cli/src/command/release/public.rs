//! What a steward reads of a proposal beside its price: why, what, and what it tells together with earlier releases.
//!
//! Out of the definitions and the proposal, all public; deliberately without any way to a record.

use std::collections::BTreeMap;

use marsad_catalog::Catalog;
use marsad_ledger::proposal::{Attack, Difference, StatisticRequest};
use marsad_ledger::{RequestState, Scope};
use marsad_privacy::shape::{Bound, StatisticShape};
use marsad_publish::names;
use marsad_terms::{Language, Name, Text, nearest};
use serde_json::{Value, json};

use crate::report::Failure;
use crate::workspace::Workspace;

/// The definitions beside a proposal.
pub(super) struct Public {
    /// In which the plain sentences are printed.
    pub(super) languages: Vec<Language>,
    /// Name of the workspace.
    pub(super) workspace: String,
    /// Absent where the definitions have faults: the proposal can be read all the same.
    catalog: Option<Catalog>,
}

/// One purpose with its authorisation.
pub(super) struct Why {
    pub(super) id: String,
    pub(super) title: Text,
    pub(super) authorisation: String,
}

/// One statistic: what is counted of whom, how far down.
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) title: Text,
    pub(super) unit: String,
    /// Whether publication computes it out of the others.
    pub(super) derived: bool,
    pub(super) bound: Text,
    pub(super) area: &'static str,
}

/// Refuses a statistic that the proposal does not ask for.
///
/// # Errors
/// Wrong usage, with the nearest one that it does.
pub(super) fn asks_for(request: &RequestState, statistic: Option<&str>) -> Result<(), Failure> {
    let asked: Vec<&str> = request.proposal.request.statistics.iter().map(|one| one.id.as_str()).collect();
    let Some(wanted) = statistic.filter(|wanted| !asked.contains(wanted)) else { return Ok(()) };
    let what = format!("release {} holds no statistic `{wanted}`", request.release());
    let known = nearest(wanted, asked.iter().copied());
    Err(Failure::usage(
        what,
        known.map_or_else(
            || format!("it holds {}", asked.join(", ")),
            |right| format!("did you mean `{right}`?"),
        ),
    ))
}

impl Public {
    /// Of a workspace.
    pub(super) fn of(workspace: &Workspace) -> Self {
        let catalog = workspace.catalog().ok();
        let name = workspace.settings.workspace.name.clone();
        Self { languages: workspace.languages(), workspace: name, catalog }
    }

    /// The purposes that the proposal names, as they are registered.
    pub(super) fn purposes(&self, request: &RequestState) -> Vec<Why> {
        let found = |id: &String| {
            let purpose = self.catalog.as_ref()?.purposes.get(id)?;
            let a = &purpose.authorisation;
            let authorisation = format!("{} {}, {} – {}", a.authority, a.reference, a.valid_from, a.valid_to);
            Some(Why { id: id.clone(), title: purpose.title.clone(), authorisation })
        };
        let unknown =
            |id: &String| Why { id: id.clone(), title: Text::same("–"), authorisation: "–".to_owned() };
        request.proposal.purposes.iter().map(|id| found(id).unwrap_or_else(|| unknown(id))).collect()
    }

    /// The statistics that are asked for.
    pub(super) fn statistics(&self, request: &RequestState) -> Vec<Asked> {
        request.proposal.request.statistics.iter().map(|one| self.asked(one)).collect()
    }

    fn asked(&self, one: &StatisticRequest) -> Asked {
        let known = self.catalog.as_ref().and_then(|catalog| catalog.statistics.get(&one.id));
        let series = one.series.as_ref().map(|series| series.shape.statistic());
        let shape = one.shape.as_ref().or(series);
        Asked {
            id: one.id.to_string(),
            title: known.map_or_else(|| Text::same("–"), |statistic| statistic.title.clone()),
            unit: known.map(|statistic| statistic.unit.clone()).unwrap_or_default(),
            derived: one.derived.is_some(),
            bound: match (shape, &one.derived) {
                (Some(shape), _) => bound(shape),
                (None, Some(_)) => Text::new("tirée des autres", "مشتقة من غيرها", "out of the others"),
                (None, None) => Text::new("aucune personne", "لا أشخاص فيه", "none: no person in it"),
            },
            area: match shape {
                Some(shape) if shape.dimensions.iter().any(|d| d.code_list == "REF_AREA") => "region",
                Some(_) => "national",
                None => known.map_or("–", |statistic| statistic.smallest_area.as_str()),
            },
        }
    }

    /// For programs.
    pub(super) fn document(&self, request: &RequestState) -> Value {
        let purposes = self.purposes(request).into_iter();
        let purposes: Vec<Value> = purposes
            .map(|why| json!({"id": why.id, "title": why.title, "authorisation": why.authorisation}))
            .collect();
        let statistics = self.statistics(request).into_iter().map(|asked| {
            json!({"id": asked.id, "title": asked.title, "unit": asked.unit, "bound": asked.bound, "smallest_area": asked.area})
        });
        json!({"purposes": purposes, "statistics": statistics.collect::<Vec<_>>()})
    }
}

/// What a proposal names by ids, in words; where there are no definitions, or they do not know it, the id itself.
impl Public {
    /// A unit of measure.
    pub(super) fn unit(&self, id: &str) -> Text {
        let list = self.catalog.as_ref().and_then(|catalog| catalog.code_lists.get("UNIT_MEASURE"));
        list.and_then(|list| list.code(id)).map_or_else(|| Text::same(id), |code| code.label.clone())
    }

    /// A scope of the budget.
    pub(super) fn scope(&self, name: &str) -> Text {
        match name.parse() {
            Ok(Scope::Lifetime) => Text::new("toute la durée", "كامل المدة", "lifetime"),
            Ok(Scope::Year(year)) => {
                Text::new(format!("année {year}"), format!("سنة {year}"), format!("year {year}"))
            }
            Ok(Scope::RecordType(id)) => {
                let known = self.catalog.as_ref().and_then(|catalog| catalog.record_types.get(&id));
                known.map_or_else(|| Text::same(id.as_str()), |record_type| record_type.title.clone())
            }
            Err(_) => Text::same(name),
        }
    }

    /// The columns of a table.
    pub(super) fn table(&self, columns: &[String]) -> Text {
        let names: Vec<Text> = columns.iter().map(|column| self.column(column)).collect();
        let joined = |language, between| {
            let names: Vec<String> = names.iter().map(|name| name.get(language).to_lowercase()).collect();
            names.join(between)
        };
        Text {
            fr: joined(Language::Fr, " × "),
            ar: joined(Language::Ar, " × "),
            en: joined(Language::En, " × "),
        }
    }

    fn column(&self, column: &str) -> Text {
        match (column, &self.catalog) {
            ("year", _) => Text::new("année", "السنة", "year"),
            ("quarter", _) => Text::new("trimestre", "الفصل", "quarter"),
            (_, Some(catalog)) => names::dimension(&catalog.dimension_id(column)),
            (_, None) => Text::same(column),
        }
    }
}

/// How one person's contribution is bounded, in a few words.
fn bound(shape: &StatisticShape) -> Text {
    match &shape.bound {
        Bound::HomeCell => Text::new("une case par période", "خانة واحدة لكل فترة", "one cell a period"),
        Bound::NormClip { c_squared, .. } => Text::same(&format!("C² = {c_squared}")),
        Bound::Truncate { k, .. } => {
            Text::new(format!("{k} par période"), format!("{k} لكل فترة"), format!("k = {k} a period"))
        }
        Bound::First { start } => Text::new(
            format!("une fois depuis {start}"),
            format!("مرة واحدة منذ \u{2066}{start}\u{2069}"),
            format!("once since {start}"),
        ),
    }
}

/// The sharpest difference of each attack, earlier release and pair of dataflows, with how many tables there are.
pub(super) fn sharpest(request: &RequestState) -> Vec<(&Difference, usize)> {
    let mut found: Vec<(&Difference, usize)> = Vec::new();
    let mut places: BTreeMap<(Attack, String, &str, &str), usize> = BTreeMap::new();
    for one in &request.proposal.differences {
        let key = (one.attack, one.release.to_string(), one.earlier.as_str(), one.dataflow.as_str());
        let place = *places.entry(key).or_insert(found.len());
        match found.get_mut(place) {
            Some((_, n)) => *n += 1,
            None => found.push((one, 1)),
        }
    }
    found
}

/// What an attack is called.
pub(super) fn attack(attack: Attack) -> Text {
    match attack {
        Attack::SameCells => {
            Text::new("mêmes cases de nouveau", "الخانات نفسها مرة أخرى", "same cells again")
        }
        Attack::TwoStatements => Text::new("deux requêtes", "استعلامان مختلفان", "two statements"),
        Attack::YearLessQuarters => {
            Text::new("année moins trimestres", "السنة ناقص الفصول", "year less quarters")
        }
    }
}
