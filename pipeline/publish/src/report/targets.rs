//! Indicators against their targets: the key figures of a release.

use marsad_catalog::{Catalog, Code, CodeList};
use marsad_terms::{Language, Period};

use super::figure::{EXACT, Figure, Strip, upper_end};
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
    /// 0 for an indicator of its own, 1 for a part of one, 2 for a part of that.
    pub(super) depth: usize,
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
            let dimension = flow.dimensions.first()?;
            let index = dimension.index(&code.id)?;
            let target = dimension.codes[index].target.map(|target| target as f64);
            let depth = depth(list, code);
            match flow.row(last, &[index]) {
                Some(row) => {
                    let figure = Target::new(flow, row, (label, depth), target, language);
                    let remark =
                        if figure.figure.kind == EXACT { w.declared.to_owned() } else { String::new() };
                    rows.push(Target { remark, ..figure });
                }
                None => absent.push(label),
            }
            rows.extend(beside(catalog, edition, &code.id, last).map(|(flow, row)| {
                let remark = w.distinct.to_owned();
                let name = flow.title.get(language).to_owned();
                Target { remark, ..Target::new(flow, row, (name, depth), target, language) }
            }));
        }
        let absent = absent.join(if language == Language::Ar { "، " } else { ", " });
        Some(Self { period: period(last, language), rows, absent, w })
    }
}

/// How many indicators a code is a part of, one within the other.
fn depth(list: &CodeList, code: &Code) -> usize {
    let parents = std::iter::successors(Some(code), |code| list.code(code.parent.as_ref()?));
    parents.take(list.codes.len()).count() - 1
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
        (name, depth): (String, usize),
        target: Option<f64>,
        language: Language,
    ) -> Self {
        let upper = row.cell.as_ref().map_or(0.0, upper_end);
        Self {
            name,
            remark: String::new(),
            depth,
            figure: Figure::new(flow, Some(row), language),
            #[expect(clippy::cast_possible_truncation, reason = "a target is a whole number of persons")]
            aim: target.map_or_else(String::new, |target| whole(target as i64, language)),
            share: target.map_or_else(String::new, |target| share(row, target, language)),
            strip: target.and_then(|target| Strip::towards(Some(row), target, target.max(upper) * 1.04)),
        }
    }
}

/// The interval as part of the target, rounded outwards: `59–61 %`; one number where both ends are the same, or it is exact.
fn share(row: &Row, target: f64, language: Language) -> String {
    let Some(cell) = row.cell.filter(|_| target > 0.0) else { return String::new() };
    let percent = |number: f64| number / target * 100.0;
    let space = if language == Language::En { "" } else { "\u{202f}" };
    if cell.margin <= 0.0 {
        return format!("{}{space}%", decimal(percent(cell.estimate), 1, language));
    }
    let (lower, upper) = (percent(cell.lower).floor(), percent(upper_end(&cell)).ceil());
    let (lower, upper) = (decimal(lower, 0, language), decimal(upper, 0, language));
    if lower == upper { format!("{lower}{space}%") } else { format!("{lower}–{upper}{space}%") }
}
