//! The twelve regions of Morocco as equal tiles in their rough places, so that no border is drawn.
//!
//! Eight are of the programme, coloured by rank, one colour where differences are not established; the others are hatched. Not
//! mirrored in Arabic.

use askama::Template;
use marsad_catalog::Catalog;
use marsad_terms::Language;

use super::figure::Figure;
use super::trend::said;
use super::words::{self, Words};
use crate::dataflow::{Dataflow, Dimension, Row};

/// Region, column, row: north at the top, the Atlantic on the left.
const TILES: [(&str, u16, u16); 12] = [
    ("MA-01", 3, 0),
    ("MA-04", 2, 1),
    ("MA-03", 3, 1),
    ("MA-02", 4, 1),
    ("MA-06", 2, 2),
    ("MA-05", 3, 2),
    ("MA-07", 2, 3),
    ("MA-08", 3, 3),
    ("MA-10", 1, 4),
    ("MA-09", 2, 4),
    ("MA-11", 1, 5),
    ("MA-12", 0, 6),
];
const WIDTH: u16 = 120;
const HEIGHT: u16 = 78;

/// The map, ready to be written.
#[derive(Debug, Template)]
#[template(path = "map.html")]
pub(super) struct Map {
    id: String,
    title: String,
    description: String,
    tiles: Vec<Tile>,
    legend: Vec<Legend>,
    pub(super) w: &'static Words,
}

#[derive(Debug)]
struct Tile {
    x: u16,
    y: u16,
    /// The name, broken into lines.
    lines: Vec<(u16, String)>,
    /// `q1` to `q5` by rank, `u`, `q`, or `out`.
    class: String,
    text: String,
}

#[derive(Debug)]
struct Legend {
    y: u16,
    class: String,
    text: String,
}

impl Map {
    /// The map of rows that stand for regions, all other dimensions at their totals.
    pub(super) fn new(
        catalog: &Catalog,
        flow: &Dataflow,
        rows: &[&Row],
        (dimension, place): (&Dimension, usize),
        (language, id): (Language, String),
    ) -> Option<Self> {
        let regions: Vec<Region> = TILES
            .iter()
            .filter_map(|(code, ..)| {
                let index = dimension.index(code)?;
                let row = rows.iter().find(|row| row.codes[place] == index)?;
                Some(Region { code, row, figure: Figure::new(flow, Some(row), language) })
            })
            .collect();
        if regions.is_empty() {
            return None;
        }
        let classes = classes(&regions);
        let tiles = TILES.iter().map(|(code, column, line)| {
            let name = name(catalog, dimension, code, language);
            let region = regions.iter().position(|region| region.code == *code);
            let (class, text) = region
                .map_or(("out".into(), String::new()), |i| (classes[i].clone(), short(&regions[i].figure)));
            Tile { x: column * (WIDTH + 6) + 2, y: line * (HEIGHT + 6) + 2, lines: lines(&name), class, text }
        });
        let words = words::of(language);
        Some(Self {
            id,
            title: format!("{} – {}", flow.title.get(language), words.map),
            description: description(catalog, dimension, &regions, language),
            tiles: tiles.collect(),
            legend: legend(&regions, &classes),
            w: words,
        })
    }
}

struct Region<'a> {
    code: &'static str,
    row: &'a Row,
    figure: Figure,
}

impl Region<'_> {
    fn estimate(&self) -> f64 {
        self.row.cell.map_or(f64::NAN, |cell| cell.estimate)
    }

    fn margin(&self) -> f64 {
        self.row.cell.map_or(f64::NAN, |cell| cell.margin)
    }
}

/// A colour class for each region: by rank among the reliable ones, none for U and Q. Neighbours in rank have one class where their
/// difference is within its margin: it is no established one.
fn classes(regions: &[Region<'_>]) -> Vec<String> {
    let mut ranked: Vec<&Region<'_>> = regions.iter().filter(|region| colours(region)).collect();
    ranked.sort_by(|a, b| a.estimate().total_cmp(&b.estimate()));
    let apart = |a: &Region<'_>, b: &Region<'_>| b.estimate() - a.estimate() > a.margin().hypot(b.margin());
    let groups: Vec<&[&Region<'_>]> = ranked.chunk_by(|a, b| !apart(a, b)).collect();
    let class = |region: &Region<'_>| {
        let group = groups.iter().position(|group| group.iter().any(|own| own.code == region.code));
        group.map_or_else(
            || region.figure.kind.to_owned(),
            |group| format!("q{}", group * 5 / groups.len() + 1),
        )
    };
    regions.iter().map(class).collect()
}

fn colours(region: &Region<'_>) -> bool {
    matches!(region.figure.kind, "a" | "x")
}

/// Value ranges of the classes that occur.
fn legend(regions: &[Region<'_>], classes: &[String]) -> Vec<Legend> {
    let mut legend = Vec::new();
    for class in ["q1", "q2", "q3", "q4", "q5"] {
        let mut inside: Vec<&Region<'_>> =
            regions.iter().zip(classes).filter(|(_, own)| *own == class).map(|(region, _)| region).collect();
        inside.sort_by(|a, b| a.estimate().total_cmp(&b.estimate()));
        let (Some(least), Some(most)) = (inside.first(), inside.last()) else { continue };
        let text = if least.figure.value == most.figure.value {
            least.figure.value.clone()
        } else {
            format!("{} – {}", least.figure.value, most.figure.value)
        };
        legend.push(Legend {
            y: 30 + 26 * u16::try_from(legend.len()).unwrap_or(0),
            class: class.into(),
            text,
        });
    }
    legend
}

/// What a tile has room for.
fn short(figure: &Figure) -> String {
    match figure.kind {
        "a" | "x" => figure.value.clone(),
        "u" => format!("~ {}", figure.value),
        "q" if figure.lower.is_empty() => "?".into(),
        "q" => format!("{}–{}", figure.lower, figure.upper),
        _ => "—".into(),
    }
}

fn name(catalog: &Catalog, dimension: &Dimension, code: &str, language: Language) -> String {
    let published = dimension.index(code).map(|index| dimension.codes[index].label.get(language));
    let other = || catalog.code_lists.get("REF_AREA_OTHER")?.code(code).map(|code| code.label.get(language));
    published.or_else(other).unwrap_or(code).to_owned()
}

/// A region's name in up to three lines: broken at its hyphens, which stay.
fn lines(name: &str) -> Vec<(u16, String)> {
    let spaced = name.contains(" - ");
    let parts: Vec<&str> = if spaced { name.split(" - ").collect() } else { name.split('-').collect() };
    let last = parts.len() - 1;
    let hyphen = if spaced { "" } else { "-" };
    let line = |(i, part): (usize, &&str)| {
        let y = 17 + 16 * u16::try_from(i).unwrap_or(0);
        (y, if i < last { format!("{part}{hyphen}") } else { (*part).to_owned() })
    };
    parts.iter().enumerate().map(line).collect()
}

/// The finding in a sentence: the regions from the largest to the smallest.
fn description(
    catalog: &Catalog,
    dimension: &Dimension,
    regions: &[Region<'_>],
    language: Language,
) -> String {
    let mut sorted: Vec<&Region<'_>> = regions.iter().collect();
    sorted.sort_by(|a, b| b.estimate().total_cmp(&a.estimate()));
    let told = sorted.iter().map(|region| {
        format!("{}: {}", name(catalog, dimension, region.code, language), said(&region.figure))
    });
    told.collect::<Vec<_>>().join(if language == Language::Ar { "؛ " } else { "; " })
}
