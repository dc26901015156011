//! One dataflow in one language: headline, chart over time, map, breakdowns with strips, crossed tables.

use marsad_catalog::Catalog;
use marsad_privacy::estimate::{Cell, Interval};
use marsad_privacy::flag::Flag;
use marsad_terms::{Language, Period};

use super::figure::{Figure, Strip, upper_end};
use super::map::Map;
use super::number::{decimal, isolated, period};
use super::trend::Trend;
use super::words::{self, Words};
use crate::csv;
use crate::dataflow::{Dataflow, Noise, Protection, Row};
use crate::names;
use crate::privacy_yaml::words as privacy;

/// A crossed table has at most this many rows and columns.
const MOST_ROWS: usize = 14;
const MOST_COLUMNS: usize = 7;

/// One dataflow.
pub(super) struct StatisticView {
    pub(super) anchor: String,
    pub(super) title: String,
    pub(super) note: String,
    pub(super) unit: String,
    pub(super) file: String,
    pub(super) total: Option<(String, Figure)>,
    pub(super) trend: Option<Trend>,
    pub(super) breakdowns: Vec<Breakdown>,
    pub(super) crosses: Vec<Cross>,
    pub(super) counted: String,
    pub(super) left_out: Option<LeftOut>,
    /// Whether the total is smaller for the bound.
    pub(super) is_capped: bool,
    pub(super) w: &'static Words,
}

/// The codes of one dimension, all others at their totals.
pub(super) struct Breakdown {
    pub(super) dimension: String,
    pub(super) period: String,
    /// Whether its figures are smaller for the bound.
    pub(super) is_capped: bool,
    pub(super) map: Option<Map>,
    pub(super) rows: Vec<(String, Figure, Option<Strip>)>,
    /// Where the strips end.
    pub(super) most: String,
}

/// Two dimensions.
pub(super) struct Cross {
    pub(super) caption: String,
    pub(super) is_capped: bool,
    pub(super) head: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<(String, Vec<Figure>)>,
}

/// What a clip or truncation left out.
pub(super) struct LeftOut {
    pub(super) persons: String,
    pub(super) contributions: String,
    /// Their part of all, in per cent; empty where it cannot be told.
    pub(super) share: String,
}

impl StatisticView {
    pub(super) fn new(catalog: &Catalog, flow: &Dataflow, language: Language) -> Self {
        let anchor = format!("{language}-{}", flow.id);
        let view = View { catalog, flow, language };
        let last = flow.rows.iter().rfind(|row| row.codes.iter().all(|code| *code == 0));
        Self {
            title: flow.title.get(language).to_owned(),
            note: flow.note.get(language).to_owned(),
            unit: view.unit(),
            file: csv::path(flow),
            total: last.map(|row| (period(row.period, language), Figure::new(flow, Some(row), language))),
            trend: Trend::new(flow, language, format!("{anchor}-trend")),
            breakdowns: (0..flow.dimensions.len()).filter_map(|d| view.breakdown(d, &anchor)).collect(),
            crosses: view.crosses(),
            counted: privacy::bounding(&flow.protection).get(language).to_owned(),
            left_out: match &flow.protection {
                Protection::Noise(noise) => left_out(noise, language),
                Protection::Exact(_) | Protection::Derived(_) | Protection::Combined(_) => None,
            },
            is_capped: view.is_capped(&[]),
            w: words::of(language),
            anchor,
        }
    }
}

fn left_out(noise: &Noise, language: Language) -> Option<LeftOut> {
    let bounding = noise.left_out?;
    let text = |interval: &Interval| {
        let number = |number: f64| decimal(number.max(0.0), 0, language);
        format!("{}–{}", number(interval.lower.floor()), number(interval.upper.ceil()))
    };
    let percent = |interval: &Interval| {
        let space = if language == Language::En { "" } else { "\u{202f}" };
        let number = |number: f64| decimal(number.clamp(0.0, 100.0), 1, language);
        format!("{}–{}{space}%", number(interval.lower), number(interval.upper))
    };
    Some(LeftOut {
        persons: text(&bounding.persons),
        contributions: text(&bounding.contributions),
        share: bounding.share_percent.as_ref().map_or_else(String::new, percent),
    })
}

struct View<'a> {
    catalog: &'a Catalog,
    flow: &'a Dataflow,
    language: Language,
}

impl View<'_> {
    /// Whether figures by these dimensions are smaller for the bound.
    fn is_capped(&self, dimensions: &[usize]) -> bool {
        matches!(&self.flow.protection, Protection::Noise(noise) if noise.reduced.holds(dimensions))
    }

    fn unit(&self) -> String {
        let unit = self.catalog.code_lists.get("UNIT_MEASURE").and_then(|list| list.code(&self.flow.unit));
        unit.map_or(self.flow.unit.as_str(), |code| code.label.get(self.language)).to_owned()
    }

    /// Rows in which exactly these dimensions are broken down, at their last period.
    fn rows(&self, dimensions: &[usize]) -> Vec<&Row> {
        let split =
            |row: &&Row| row.codes.iter().enumerate().all(|(d, code)| (*code > 0) == dimensions.contains(&d));
        let rows: Vec<&Row> = self.flow.rows.iter().filter(split).collect();
        let Some(last) = rows.last().map(|row| row.period) else { return rows };
        rows.into_iter().filter(|row| row.period == last).collect()
    }

    fn label(&self, d: usize, code: usize) -> String {
        let label = self.flow.dimensions[d].codes[code].label.get(self.language);
        if self.language == Language::Ar { isolated(label) } else { label.to_owned() }
    }

    fn figure(&self, row: Option<&Row>) -> Figure {
        Figure::new(self.flow, row, self.language)
    }

    fn breakdown(&self, d: usize, anchor: &str) -> Option<Breakdown> {
        let rows = self.rows(&[d]);
        let when: Period = rows.first()?.period;
        let most = most(&rows);
        let dimension = &self.flow.dimensions[d];
        let map = (dimension.id == "REF_AREA").then(|| {
            let id = format!("{anchor}-map");
            Map::new(self.catalog, self.flow, &rows, (dimension, d), (self.language, id))
        });
        let digits = usize::from(self.flow.measure.is_ratio());
        Some(Breakdown {
            dimension: names::dimension(&dimension.id).get(self.language).to_owned(),
            period: period(when, self.language),
            is_capped: self.is_capped(&[d]),
            map: map.flatten(),
            most: decimal(most, digits, self.language),
            rows: rows
                .iter()
                .map(|row| (self.label(d, row.codes[d]), self.figure(Some(row)), Strip::new(Some(row), most)))
                .collect(),
        })
    }

    fn crosses(&self) -> Vec<Cross> {
        let n = self.flow.dimensions.len();
        let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
        pairs.filter_map(|(a, b)| self.cross(a, b)).collect()
    }

    fn cross(&self, a: usize, b: usize) -> Option<Cross> {
        let rows = self.rows(&[a, b]);
        let when = rows.first()?.period;
        let codes = |d: usize| -> Vec<usize> {
            let mut codes: Vec<usize> =
                rows.iter().filter(|row| row.cell.is_some()).map(|row| row.codes[d]).collect();
            codes.sort_unstable();
            codes.dedup();
            codes
        };
        let (left, top) = if codes(a).len() >= codes(b).len() { (a, b) } else { (b, a) };
        let (lines, columns) = (codes(left), codes(top));
        if lines.len() > MOST_ROWS || columns.len() > MOST_COLUMNS {
            return None;
        }
        let find = |line: usize, column: usize| {
            rows.iter().find(|row| row.codes[left] == line && row.codes[top] == column).copied()
        };
        let name = |d: usize| names::dimension(&self.flow.dimensions[d].id).get(self.language).to_owned();
        let figures =
            |line: usize| columns.iter().map(|column| self.figure(find(line, *column))).collect::<Vec<_>>();
        Some(Cross {
            caption: format!("{} × {} · {}", name(left), name(top), period(when, self.language)),
            is_capped: self.is_capped(&[a, b]),
            head: name(left),
            columns: columns.iter().map(|column| self.label(top, *column)).collect(),
            rows: lines.iter().map(|line| (self.label(left, *line), figures(*line))).collect(),
        })
    }
}

/// The end of a scale: the largest upper end of what is shown; of all, where nothing is.
fn most(rows: &[&Row]) -> f64 {
    let largest = |shown: fn(&Cell) -> bool| {
        let cells = rows.iter().filter_map(|row| row.cell).filter(|cell| cell.upper.is_finite());
        cells.filter(shown).map(|cell| upper_end(&cell)).fold(0.0, f64::max)
    };
    let shown = largest(|cell| cell.flag != Flag::Q);
    if shown > 0.0 { shown } else { largest(|_| true) }
}
