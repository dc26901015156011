//! Indicators against their targets: the key figures of a release.

use marsad_catalog::Catalog;
use marsad_terms::{Language, Period};

use super::figure::{Figure, Strip};
use super::number::{decimal, period, whole};
use super::words::{self, Words};
use crate::dataflow::{Dataflow, Measure, Row};
use crate::edition::Edition;
use crate::indicators::{self, LIST};

/// The table of indicators at the last period.
pub(super) struct Targets {
    pub(super) period: String,
    pub(super) rows: Vec<Target>,
    /// Labels of indicators whose sources are not all in the release.
    pub(super) absent: String,
    pub(super) w: &'static Words,
}

/// One indicator.
pub(super) struct Target {
    pub(super) name: String,
    /// Distinct persons beside an indicator, or a part of one.
    pub(super) remark: String,
    pub(super) is_part: bool,
    pub(super) figure: Figure,
    pub(super) aim: String,
    pub(super) share: String,
    pub(super) strip: Option<Strip>,
}

impl Targets {
    /// Whether a dataflow is the derived one.
    pub(super) fn are_in(flow: &Dataflow) -> bool {
        flow.dimensions.iter().any(|dimension| dimension.id == LIST)
    }

    pub(super) fn new(catalog: &Catalog, edition: &Edition, language: Language) -> Option<Self> {
        let flow = edition.dataflows.iter().find(|flow| Self::are_in(flow))?;
        let last = *flow.periods().last()?;
        let w = words::of(language);
        let list = catalog.code_lists.get(LIST)?;
        let mut rows = Vec::new();
        let mut absent = Vec::new();
        for code in &list.codes {
            let label = code.label.get(language).to_owned();
            let index = flow.dimensions.first()?.index(&code.id)?;
            let target = indicators::target(code).map(|target| target as f64);
            let part = code.parent.is_some();
            match flow.row(last, &[index]) {
                Some(row) => rows.push(Target::new(flow, row, (label, part), target, language)),
                None => absent.push(label),
            }
            rows.extend(beside(catalog, edition, &code.id, last).map(|(flow, row)| {
                let remark = w.distinct.to_owned();
                let name = flow.title.get(language).to_owned();
                Target { remark, ..Target::new(flow, row, (name, part), target, language) }
            }));
        }
        let absent = absent.join(if language == Language::Ar { "، " } else { ", " });
        Some(Self { period: period(last, language), rows, absent, w })
    }
}

/// Distinct persons of an indicator that is a sum: told beside it (statistics, `first_time_direct`).
fn beside<'a>(
    catalog: &Catalog,
    edition: &'a Edition,
    indicator: &str,
    last: Period,
) -> Option<(&'a Dataflow, &'a Row)> {
    let answers = |flow: &&Dataflow| {
        let statistic = catalog.statistics.get(&flow.statistic);
        statistic.is_some_and(|statistic| statistic.answers.iter().any(|answer| answer == indicator))
    };
    let series = |flow: &&Dataflow| flow.measure == Measure::Running && !Targets::are_in(flow);
    let flow = edition.dataflows.iter().filter(series).find(answers)?;
    (indicator == indicators::SUM).then_some(())?;
    Some((flow, flow.total(last)?))
}

impl Target {
    fn new(
        flow: &Dataflow,
        row: &Row,
        (name, is_part): (String, bool),
        target: Option<f64>,
        language: Language,
    ) -> Self {
        let upper = row.cell.map_or(0.0, |cell| cell.upper);
        Self {
            name,
            remark: String::new(),
            is_part,
            figure: Figure::new(flow, Some(row), language),
            #[expect(clippy::cast_possible_truncation, reason = "a target is a whole number of persons")]
            aim: target.map_or_else(String::new, |target| whole(target as i64, language)),
            share: target.map_or_else(String::new, |target| share(row, target, language)),
            strip: target.and_then(|target| Strip::towards(Some(row), target, target.max(upper) * 1.04)),
        }
    }
}

/// The interval as part of the target: `59–61 %`; one number where both ends are the same.
fn share(row: &Row, target: f64, language: Language) -> String {
    let Some(cell) = row.cell.filter(|_| target > 0.0) else { return String::new() };
    let percent = |number: f64| decimal(number / target * 100.0, 0, language);
    let (lower, upper) = (percent(cell.lower), percent(cell.upper));
    let space = if language == Language::En { "" } else { "\u{202f}" };
    if lower == upper { format!("{lower}{space}%") } else { format!("{lower}–{upper}{space}%") }
}
