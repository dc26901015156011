//! A chart over time of a dataflow's total: dots with intervals, from 0, broken where a figure is too uncertain.
//!
//! Time runs from left to right in every language (portal 2).

use askama::Template;
use marsad_terms::{Grain, Language};

use super::figure::Figure;
use super::number::{decimal, short_period};
use super::words::{self, Words};
use crate::dataflow::{Dataflow, Row};

const LEFT: f64 = 62.0;
const RIGHT: f64 = 632.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 208.0;

/// The chart, ready to be written.
#[derive(Debug, Template)]
#[template(path = "trend.html")]
pub(super) struct Trend {
    id: String,
    title: String,
    description: String,
    ticks: Vec<Tick>,
    points: Vec<Point>,
    /// Lines between neighbours that are both shown.
    lines: Vec<(String, String, String, String)>,
    w: &'static Words,
}

#[derive(Debug)]
struct Tick {
    y: String,
    text: String,
}

#[derive(Debug)]
struct Point {
    x: String,
    y: String,
    lower: String,
    upper: String,
    thick: (String, String),
    label_y: String,
    figure: Figure,
    period: String,
}

impl Trend {
    /// The chart of a grain with at least two periods.
    pub(super) fn new(flow: &Dataflow, language: Language, id: String) -> Option<Self> {
        let rows = |grain: Grain| -> Vec<&Row> {
            let total = |row: &&Row| row.codes.iter().all(|code| *code == 0) && row.period.grain() == grain;
            flow.rows
                .iter()
                .filter(total)
                .filter(|row| row.cell.is_some_and(|cell| cell.estimate.is_finite()))
                .collect()
        };
        let rows = [rows(Grain::Quarter), rows(Grain::Year)].into_iter().find(|rows| rows.len() > 1)?;
        let most = rows.iter().filter_map(|row| row.cell).fold(0.0, |most: f64, cell| most.max(cell.upper));
        let step = step(most)?;
        let scale = Scale { top: step * (most / step).ceil(), n: rows.len() };
        let points: Vec<Point> =
            rows.iter().enumerate().map(|(i, row)| scale.point(flow, row, i, language)).collect();
        let shown = |point: &Point| point.figure.kind != "q";
        let both = points.windows(2).filter(|pair| shown(&pair[0]) && shown(&pair[1]));
        let lines =
            both.map(|pair| (pair[0].x.clone(), pair[0].y.clone(), pair[1].x.clone(), pair[1].y.clone()));
        let ends = [points.first()?, points.last()?];
        let said = ends.map(|point| format!("{}: {}", point.period, said(&point.figure)));
        Some(Self {
            id,
            title: format!("{} – {}", flow.title.get(language), words::of(language).trend),
            description: said.join(" → "),
            ticks: scale.ticks(step, flow, language),
            lines: lines.collect(),
            points,
            w: words::of(language),
        })
    }
}

/// A figure in a sentence.
pub(super) fn said(figure: &Figure) -> String {
    match figure.kind {
        "a" | "u" if figure.off_centre => format!("{} ({}–{})", figure.value, figure.lower, figure.upper),
        "a" | "u" => format!("{} ± {}", figure.value, figure.margin),
        "x" => figure.value.clone(),
        _ => format!("{}–{}", figure.lower, figure.upper),
    }
}

struct Scale {
    top: f64,
    n: usize,
}

impl Scale {
    fn y(&self, number: f64) -> f64 {
        BOTTOM - (number.max(0.0) / self.top).min(1.0) * (BOTTOM - TOP)
    }

    fn x(&self, i: usize) -> f64 {
        LEFT + (i as f64 + 0.5) / self.n as f64 * (RIGHT - LEFT)
    }

    fn point(&self, flow: &Dataflow, row: &Row, i: usize, language: Language) -> Point {
        let text = |number: f64| format!("{number:.1}");
        let (estimate, lower, upper) = row.cell.map_or((0.0, 0.0, 0.0), |c| (c.estimate, c.lower, c.upper));
        let half = 0.344_136;
        let thick = (estimate - half * (estimate - lower), estimate + half * (upper - estimate));
        Point {
            x: text(self.x(i)),
            y: text(self.y(estimate)),
            lower: text(self.y(lower)),
            upper: text(self.y(upper)),
            thick: (text(self.y(thick.0)), text(self.y(thick.1))),
            label_y: text(self.y(upper) - 8.0),
            figure: Figure::new(flow, Some(row), language),
            period: short_period(row.period, language),
        }
    }

    fn ticks(&self, step: f64, flow: &Dataflow, language: Language) -> Vec<Tick> {
        let digits = usize::from(flow.measure.is_ratio() && step < 1.0);
        (0..=10)
            .map(|i| f64::from(i) * step)
            .take_while(|at| *at <= self.top * 1.000_001)
            .map(|at| Tick { y: format!("{:.1}", self.y(at)), text: decimal(at, digits, language) })
            .collect()
    }
}

/// A round step that gives three to six ticks; none where there is nothing to show.
fn step(most: f64) -> Option<f64> {
    if !most.is_finite() || most <= 0.0 {
        return None;
    }
    let power = 10_f64.powf((most / 4.0).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| most / step <= 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        for most in [0.7, 3.0, 17.0, 99.0, 2061.1, 15_200.0, 1e7] {
            let ticks = (most / step(most).unwrap()).ceil();
            assert!((2.0..=5.0).contains(&ticks), "{most}: {ticks}");
        }
        assert_eq!(step(0.0), None);
    }
}
