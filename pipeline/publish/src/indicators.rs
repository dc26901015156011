//! The derived dataflow `indicators`: what the programme has reached, against its targets, from released figures alone.
//!
//! A person's indicator is the running total of the first-time statistic that answers it; an organisations' indicator is
//! the exact sum of its activities since the first-time series start. `DIRECT` adds up its components (a person once in
//! each): different statistics have independent noise, so their variances add. It costs nothing. It deliberately lacks
//! guesses: an indicator whose sources this release does not hold has no row.

use std::collections::BTreeMap;

use marsad_catalog::{Catalog, Code, CodeList};
use marsad_ledger::proposal::StatisticRequest;
use marsad_privacy::estimate::Cell;
use marsad_privacy::flag::Flag;
use marsad_privacy::shape::Bound;
use marsad_terms::{Grain, Period};

use crate::dataflow::{Dataflow, Heading, Measure, Protection, Row, sort_as_text};
use crate::error::{Error, Result};

/// The code list of the indicators.
pub(crate) const LIST: &str = "INDICATOR";
/// The indicator that adds up those that name it as parent.
pub(crate) const SUM: &str = "DIRECT";
/// Activities of organisations, by the indicator that they answer (record types: targets 120, 350, 100).
const ACTIVITIES: [(&str, &str); 3] =
    [("STAKEHOLDERS", "CAPACITY"), ("COORDINATION", "COORD"), ("TEACHERS", "TEACHER")];
/// 95 %, two-sided.
const Z: f64 = 1.959_963_984_540_054;

/// The target of an indicator: its code's `target`, or `target=…` in its note.
pub(crate) fn target(code: &Code) -> Option<i64> {
    if let Some(target) = code.attributes.get("target") {
        return target.parse().ok();
    }
    let note = code.attributes.get("note")?;
    let (_, text) = note.split_once("target=")?;
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The dataflow of indicators by quarter, or none where the release holds no source of any.
///
/// # Errors
/// `NotInCatalogue` for another derivation than `indicators`, or without the code list.
pub(crate) fn derive(
    catalog: &Catalog,
    request: &StatisticRequest,
    flows: &[Dataflow],
    agency: &str,
) -> Result<Option<Dataflow>> {
    let heading = Heading::new(catalog, &request.id, agency)?;
    if request.derived.as_deref() != Some("indicators") {
        let id = request.derived.clone().unwrap_or_default();
        return Err(Error::NotInCatalogue { what: "derivation", id });
    }
    let dimension = heading.dimension("indicator", LIST)?;
    let list = &catalog.code_lists[LIST];
    let sources = Sources::new(catalog, flows);
    let mut rows = Vec::new();
    for period in sources.quarters(&request.periods) {
        let figures = sources.figures(list, period);
        rows.extend(figures.into_iter().filter_map(|(code, cell)| {
            let codes = vec![dimension.index(&code)?];
            Some(Row { period, codes, cell: Some(cell), raw_unit: None })
        }));
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let mut flow = heading.dataflow(0, "", Measure::Running, Protection::Derived(sources.ids()))?;
    flow.dimensions = vec![dimension];
    flow.rows = rows;
    flow.sort();
    Ok(Some(flow))
}

/// The released dataflows that answer indicators.
struct Sources<'a> {
    /// Running totals by indicator.
    persons: BTreeMap<String, &'a Dataflow>,
    /// Participants of activities.
    activities: Option<&'a Dataflow>,
    /// The first quarter of the programme's series.
    start: Option<Period>,
}

impl<'a> Sources<'a> {
    fn new(catalog: &Catalog, flows: &'a [Dataflow]) -> Self {
        let mut persons = BTreeMap::new();
        let mut start = None;
        let series = |flow: &&Dataflow| {
            matches!(flow.protection, Protection::Noise(_)) && flow.measure == Measure::Running
        };
        for flow in flows.iter().filter(series) {
            let answers = catalog.statistics.get(&flow.statistic).map(|statistic| &statistic.answers);
            for answer in answers.into_iter().flatten().filter(|answer| *answer != SUM) {
                persons.entry(answer.clone()).or_insert(flow);
            }
            start = [start, first_quarter(flow)].into_iter().flatten().min_by_key(Period::to_string);
        }
        let exact =
            |flow: &&Dataflow| flow.is_exact() && flow.dimensions.iter().any(|d| d.id == "ACTIVITY_TYPE");
        Self { persons, activities: flows.iter().find(exact), start }
    }

    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.persons.values().copied().chain(self.activities).map(|flow| flow.id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// The release's quarters for this dataflow; where it names none, all that the sources hold.
    fn quarters(&self, asked: &[Period]) -> Vec<Period> {
        let held =
            || self.persons.values().copied().chain(self.activities).flat_map(Dataflow::periods).collect();
        let mut quarters: Vec<Period> = if asked.is_empty() { held() } else { asked.to_vec() };
        quarters.retain(|period| period.grain() == Grain::Quarter);
        sort_as_text(&mut quarters);
        quarters
    }

    /// What the release tells of every indicator in one quarter, `DIRECT` where all its components are told.
    fn figures(&self, list: &CodeList, quarter: Period) -> BTreeMap<String, Cell> {
        let single = list.codes.iter().filter(|code| code.id != SUM);
        let mut figures: BTreeMap<String, Cell> =
            single.filter_map(|code| Some((code.id.clone(), self.figure(&code.id, quarter)?))).collect();
        let components = list.codes.iter().filter(|code| code.parent.as_deref() == Some(SUM));
        let components: Option<Vec<Cell>> = components.map(|code| figures.get(&code.id).copied()).collect();
        if let Some(components) = components.filter(|components| !components.is_empty()) {
            figures.insert(SUM.to_owned(), sum(&components));
        }
        figures
    }

    fn figure(&self, indicator: &str, quarter: Period) -> Option<Cell> {
        if let Some(flow) = self.persons.get(indicator) {
            let cell = flow.total(period_of(flow, quarter))?.cell?;
            return Some(Cell { raw: None, ..cell });
        }
        let (_, activity) = ACTIVITIES.iter().find(|(code, _)| *code == indicator)?;
        self.activity(activity, quarter)
    }

    /// Exact participants from the start to the quarter; none where a quarter between them is not in the release.
    fn activity(&self, activity: &str, quarter: Period) -> Option<Cell> {
        let flow = self.activities?;
        let place = flow.dimensions.iter().position(|d| d.id == "ACTIVITY_TYPE")?;
        let mut codes = vec![0; flow.dimensions.len()];
        codes[place] = flow.dimensions[place].index(activity)?;
        let mut period = self.start?;
        let mut reached = 0.0;
        while period <= quarter {
            reached += flow.row(period, &codes)?.cell?.estimate;
            period = period.next();
        }
        Some(from_estimate(reached, 0.0))
    }
}

/// The first quarter of a series: its declared start, where that is a quarter, or the year's first.
fn first_quarter(flow: &Dataflow) -> Option<Period> {
    let Protection::Noise(noise) = &flow.protection else { return None };
    match noise.bound {
        Bound::First { start } => Some(Period::Quarter(start.year(), start.months().0.month.div_ceil(3))),
        _ => None,
    }
}

/// The period of a series that tells a quarter: itself, or the last year that has ended by then.
fn period_of(flow: &Dataflow, quarter: Period) -> Period {
    let yearly = flow.rows.iter().all(|row| row.period.grain() == Grain::Year);
    match quarter {
        Period::Quarter(year, 4) if yearly => Period::Year(year),
        Period::Quarter(year, _) if yearly => Period::Year(year - 1),
        other => other,
    }
}

/// The sum of independent figures: estimates and variances add.
fn sum(parts: &[Cell]) -> Cell {
    from_estimate(parts.iter().map(|cell| cell.estimate).sum(), parts.iter().map(|cell| cell.variance).sum())
}

fn from_estimate(estimate: f64, variance: f64) -> Cell {
    let margin = Z * variance.sqrt();
    // Of organisations: exact, and none is a figure like any other.
    let flag = if variance == 0.0 { Flag::A } else { Flag::of(estimate, margin) };
    #[expect(clippy::cast_possible_truncation, reason = "counts of persons are far below 2^53")]
    let value = (flag != Flag::Q).then_some((estimate + 0.5).floor() as i64);
    let (lower, upper) = ((estimate - margin).max(0.0), (estimate + margin).max(0.0));
    Cell { raw: None, estimate, variance, lower, upper, margin, flag, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    fn cell(flow: &Dataflow, code: &str) -> Cell {
        let index = flow.dimensions[0].index(code).unwrap();
        flow.rows.iter().find(|row| row.codes == [index]).unwrap().cell.unwrap()
    }

    #[test]
    fn targets_are_those_of_the_list() {
        let list = &Fixture::shared().catalog.code_lists[LIST];
        let targets: Vec<Option<i64>> = list.codes.iter().map(target).collect();
        let expected = [20_720, 50_000, 120, 350, 15_200, 400, 50, 3_500, 100, 1_000, 400];
        assert_eq!(targets, expected.map(Some));
    }

    #[test]
    fn variances_add_and_organisations_are_exact() {
        let edition = Fixture::shared().edition();
        let flow = edition.dataflows.iter().find(|flow| flow.id == "indicators").unwrap();
        assert_eq!(flow.rows.len(), 11);
        let parts = [
            "STAKEHOLDERS",
            "COORDINATION",
            "ASSISTED",
            "TRAINED",
            "UASC_REUNIFIED",
            "YOUTH",
            "TEACHERS",
            "RETURN",
        ]
        .map(|code| cell(flow, code));
        let direct = cell(flow, SUM);
        assert!((direct.variance - parts.iter().map(|cell| cell.variance).sum::<f64>()).abs() < 1e-9);
        assert!((direct.estimate - parts.iter().map(|cell| cell.estimate).sum::<f64>()).abs() < 1e-9);
        assert!((direct.margin - Z * direct.variance.sqrt()).abs() < 1e-12);
        let stakeholders = cell(flow, "STAKEHOLDERS");
        assert_eq!(
            (stakeholders.estimate, stakeholders.margin, stakeholders.value),
            (8.0 * 15.0, 0.0, Some(120))
        );
        assert!(matches!(&flow.protection, Protection::Derived(sources) if sources.len() == 8));
    }

    #[test]
    fn an_indicator_without_all_its_sources_has_no_row() {
        let fixture = Fixture::shared();
        let edition = fixture.edition();
        let request = fixture.proposal.request.statistics.iter().find(|r| r.derived.is_some()).unwrap();
        let flows: Vec<Dataflow> =
            edition.dataflows.iter().filter(|flow| flow.id != "first_time_youth").cloned().collect();
        let flow = derive(&fixture.catalog, request, &flows, "MARSAD").unwrap().unwrap();
        let codes: Vec<&str> =
            flow.rows.iter().map(|row| flow.dimensions[0].codes[row.codes[0]].id.as_str()).collect();
        assert!(!codes.contains(&"YOUTH") && !codes.contains(&SUM) && codes.contains(&"RETURN"));
        assert!(derive(&fixture.catalog, request, &[], "MARSAD").unwrap().is_none());
    }
}
