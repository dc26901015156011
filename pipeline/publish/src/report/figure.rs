//! One figure in words and marks: `251 ± 17`, `~ 45 ± 17`, "too uncertain: 0 to 31", `—`, exact. And its strip: dot, 50 %
//! thick, 95 % thin.

use askama::Template;
use marsad_privacy::estimate::Cell;
use marsad_privacy::flag::Flag;
use marsad_terms::Language;

use super::number::{decimal, whole};
use super::words::{self, Words};
use crate::dataflow::{Dataflow, Row};

/// Half of a 50 % interval over half of a 95 % one.
const HALF: f64 = 0.674_489_750_196_082 / 1.959_963_984_540_054;

/// The kind of a figure without noise.
pub(super) const EXACT: &str = "x";

/// A figure as the page shows it.
#[derive(Clone, Debug, Template)]
#[template(path = "figure.html")]
pub(super) struct Figure {
    /// `a`, `u`, `q`, `m`, or `x` for exact.
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) margin: String,
    pub(super) lower: String,
    pub(super) upper: String,
    /// Whether the value is not the middle of its interval, which is told in place of the margin.
    pub(super) off_centre: bool,
    w: &'static Words,
}

/// The upper end as shown. Below zero both ends are cut to it, and "too uncertain 0–0" would read as a certain zero: up to the margin
/// is as true.
pub(super) fn upper_end(cell: &Cell) -> f64 {
    if cell.estimate < 0.0 { cell.upper.max(cell.margin) } else { cell.upper }
}

/// How many decimals a dataflow's figures show.
fn decimals(flow: &Dataflow) -> usize {
    usize::from(flow.measure.is_ratio())
}

impl Figure {
    pub(super) fn new(flow: &Dataflow, row: Option<&Row>, language: Language) -> Self {
        let empty = |kind| Self {
            kind,
            value: String::new(),
            margin: String::new(),
            lower: String::new(),
            upper: String::new(),
            off_centre: false,
            w: words::of(language),
        };
        let Some(cell) = row.and_then(|row| row.cell) else { return empty("m") };
        if !cell.estimate.is_finite() {
            return empty("q");
        }
        let digits = decimals(flow);
        let power = 10_f64.powi(i32::from(digits > 0));
        let up = |number: f64| decimal((number * power).ceil() / power, digits, language);
        let down = |number: f64| decimal((number * power).floor() / power, digits, language);
        // A quotient has no table to add up with, so its estimate says more than its whole display value.
        let value = match row.and_then(Row::value) {
            Some(value) if digits == 0 => whole(value, language),
            _ => decimal(cell.estimate, digits, language),
        };
        let kind = match cell.flag {
            Flag::A | Flag::U if cell.margin <= 0.0 => EXACT,
            Flag::A => "a",
            Flag::U => "u",
            Flag::Q => "q",
        };
        // What adds up is pulled up near zero: where it has left the middle of its interval, ± would tell another interval.
        let off_centre = digits == 0 && row.is_some_and(Row::is_off_centre);
        let ends = (down(cell.lower), up(upper_end(&cell)));
        Self { value, margin: up(cell.margin), lower: ends.0, upper: ends.1, off_centre, ..empty(kind) }
    }
}

/// A horizontal mark of one figure, on a scale from 0 to 100.
#[derive(Clone, Debug, Template)]
#[template(path = "strip.html")]
pub(super) struct Strip {
    pub(super) kind: &'static str,
    /// Ends of the 95 % interval, of the 50 % interval, and the dot.
    thin: (String, String),
    thick: (String, String),
    dot: String,
    /// A bar from 0 to the dot: cumulation against a target only.
    bar: bool,
    target: String,
}

impl Strip {
    /// The strip of a row on a scale that ends at `most`; none for a structural zero or where there is no number.
    pub(super) fn new(row: Option<&Row>, most: f64) -> Option<Self> {
        let cell = row?.cell.filter(|cell| cell.estimate.is_finite() && most > 0.0)?;
        let at = |number: f64| format!("{:.2}", (number.max(0.0) / most * 100.0).min(100.0));
        let upper = upper_end(&cell);
        let (below, above) = (cell.estimate - cell.lower, upper - cell.estimate);
        let kind = match cell.flag {
            Flag::A => "a",
            Flag::U => "u",
            Flag::Q => "q",
        };
        Some(Self {
            kind,
            thin: (at(cell.lower), at(upper)),
            thick: (at(cell.estimate - HALF * below), at(cell.estimate + HALF * above)),
            dot: at(cell.estimate),
            bar: false,
            target: String::new(),
        })
    }

    /// The same as a bar that runs towards a target.
    pub(super) fn towards(row: Option<&Row>, target: f64, most: f64) -> Option<Self> {
        let target = format!("{:.2}", target / most * 100.0);
        Self::new(row, most).map(|strip| Self { bar: true, target, ..strip })
    }
}
