//! One picture of the accuracy bench: how much larger each contender's error is than Marsad's, by statistic.
//!
//! A logarithmic axis, so that twice and half lie equally far from 1. It deliberately lacks intervals: biases are computed
//! and noise is averaged over many releases.

use svg::Document;
use svg::node::element::{Circle, Line, Rectangle, Text, Title};

use crate::Compared;
use crate::report::{name, ratios};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 830.0;
const TOP: f64 = 92.0;
const ROW: f64 = 26.0;
/// The axis: errors in units of Marsad's.
const LEAST: f64 = 0.35;
const MOST: f64 = 5.0;
/// Contenders in the order of [`ratios`], with colours that differ in lightness too.
const CONTENDERS: [(&str, &str); 6] = [
    ("best constant of the bound", "#41ab5d"),
    ("same tables, not reconciled", "#9ecae1"),
    ("k rows or cells kept", "#3182bd"),
    ("OpenDP, Gaussian", "#fdae6b"),
    ("OpenDP, Laplace", "#d94801"),
    ("Laplace, one of 20 releases", "#54278f"),
];

/// Draws it.
pub(crate) fn draw(compared: &[Compared]) -> Document {
    let bottom = TOP + ROW * compared.len() as f64;
    let mut document = Document::new()
        .set("viewBox", (0, 0, WIDTH, bottom + 44.0))
        .set("role", "img")
        .set("font-family", "sans-serif")
        .set("font-size", 13)
        .add(Title::new("Error of each contender as a multiple of Marsad's, by statistic"))
        .add(Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "#ffffff"));
    for (index, (label, colour)) in CONTENDERS.iter().enumerate() {
        let (x, y) = (20.0 + 280.0 * (index % 3) as f64, 24.0 + 22.0 * (index / 3) as f64);
        document = document.add(dot(x, y, colour)).add(text(*label, x + 12.0, y + 4.5, "start"));
    }
    for tick in [0.5, 1.0, 2.0, 4.0] {
        let colour = if (tick - 1.0_f64).abs() < 1e-9 { "#222222" } else { "#dddddd" };
        let grid =
            Line::new().set("x1", place(tick)).set("x2", place(tick)).set("y1", TOP - 12.0).set("y2", bottom);
        document = document.add(grid.set("stroke", colour)).add(text(
            format!("{tick} ×"),
            place(tick),
            bottom + 18.0,
            "middle",
        ));
    }
    for (row, one) in compared.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        document = document.add(text(name(one), LEFT - 14.0, y + 4.5, "end"));
        for (ratio, (_, colour)) in ratios(one).into_iter().zip(CONTENDERS) {
            document = document.add(dot(place(ratio), y, colour));
        }
    }
    let legend = "root mean square error, Marsad's = 1 (geometric mean over a statistic's tables); left of 1 Marsad loses";
    document.add(text(legend, WIDTH / 2.0, bottom + 38.0, "middle"))
}

fn place(ratio: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * (ratio.clamp(LEAST, MOST) / LEAST).ln() / (MOST / LEAST).ln()
}

fn dot(x: f64, y: f64, colour: &str) -> Circle {
    Circle::new()
        .set("cx", x)
        .set("cy", y)
        .set("r", 6)
        .set("fill", colour)
        .set("stroke", "#222222")
        .set("stroke-width", 0.7)
}

fn text(content: impl Into<String>, x: f64, y: f64, anchor: &str) -> Text {
    Text::new(content).set("x", x).set("y", y).set("text-anchor", anchor)
}
