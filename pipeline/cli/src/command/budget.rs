//! `budget`: what each scope has paid for, as table and as picture.

use std::path::Path;

use marsad_ledger::ScopeUse;
use marsad_terms::NanoRho;
use serde_json::json;
use svg::Document;
use svg::node::element::{Line, Rectangle, Text, Title};

use super::init::write;
use crate::report::{Failure, Report, decimal, table};
use crate::workspace::Workspace;

/// Shows the budget; draws it where asked.
///
/// # Errors
/// A ledger that cannot be read, a file that cannot be written.
pub(super) async fn run(workspace: &Workspace, svg: Option<&Path>) -> Result<Report, Failure> {
    let state = workspace.ledger()?.state().await?;
    let scopes = state.scopes();
    if let Some(path) = svg {
        write(path, &picture(&scopes))?;
    }
    let text = |amount: Option<NanoRho>| amount.map_or_else(|| "–".to_owned(), decimal);
    let rows = scopes.iter().map(|s| {
        let spent = [s.reserved, s.released, s.forfeited].map(decimal);
        [vec![s.scope.clone(), text(s.cap)], spent.to_vec(), vec![text(s.left())]].concat()
    });
    let shown = match state.policy() {
        Some(_) => table(&["scope", "cap ρ", "reserved", "released", "forfeited", "left"], rows, 1),
        None => "the ledger has no policy yet: `marsad policy set --key FILE` founds it".to_owned(),
    };
    let list: Vec<_> = scopes
        .iter()
        .map(|s| {
            json!({
                "scope": s.scope, "cap": s.cap, "reserved": s.reserved, "released": s.released,
                "forfeited": s.forfeited, "left": s.left(),
            })
        })
        .collect();
    Ok(Report::new(shown, json!({"scopes": list, "ceiling": state.ceiling()})))
}

/// What a part of a bar is, and its colour.
const PARTS: [(&str, &str); 3] = [("released", "#0b6e6e"), ("forfeited", "#b3541e"), ("reserved", "#c9a227")];
/// What is left of a cap.
const LEFT: &str = "#e3e6ea";
const INK: &str = "#1b1b1b";
/// Where bars begin, and how long a whole cap is.
const MARGIN: f64 = 20.0;
const LENGTH: f64 = 720.0;
/// Title and legend above the bars, then one bar a row.
const HEAD: usize = 84;
const ROW: usize = 44;

/// One bar a scope: released, forfeited and reserved parts of its cap. Where there is no cap there is no end to draw: the parts
/// stand on the lifetime's scale, before a line that stays open.
fn picture(scopes: &[ScopeUse]) -> String {
    let height = HEAD + ROW * scopes.len() + 10;
    let title = "Privacy-loss budget, ρ by scope";
    let mut document = Document::new()
        .set("viewBox", (0, 0, 760, height))
        .set("width", 760)
        .set("height", height)
        .set("role", "img")
        .set("font-family", "system-ui, sans-serif")
        .add(Title::new(title))
        .add(Rectangle::new().set("width", 760).set("height", height).set("fill", "#ffffff"))
        .add(words(title, MARGIN, 32, 18).set("font-weight", "bold"));
    for (n, (part, colour)) in PARTS.into_iter().chain([("left", LEFT)]).enumerate() {
        let x = MARGIN + 110.0 * n as f64;
        document = document.add(bar(x, 48, 14.0, colour)).add(words(part, x + 20.0, 60, 13));
    }
    let dashes = words("- - -  no cap; on the lifetime's scale", MARGIN + 450.0, 60, 13);
    document = document.add(dashes);
    let scale = scopes.iter().find_map(|scope| scope.cap).map_or(1, NanoRho::get);
    for (i, scope) in scopes.iter().enumerate() {
        document = row(document, scope, HEAD + i * ROW, scale);
    }
    document.to_string()
}

fn row(document: Document, scope: &ScopeUse, y: usize, scale: u64) -> Document {
    let used = decimal(scope.used());
    let (label, whole) = match scope.cap {
        Some(cap) => (format!("{}: {used} of {}", scope.scope, decimal(cap)), cap.get()),
        None => (format!("{}: {used}, no cap", scope.scope), scale),
    };
    let mut document = document.add(words(&label, MARGIN, y + 12, 13));
    document = match scope.cap {
        Some(_) => document.add(bar(MARGIN, y + 18, LENGTH, LEFT)),
        None => document.add(open_end(y + 25)),
    };
    let mut x = MARGIN;
    for (amount, (_, colour)) in [scope.released, scope.forfeited, scope.reserved].into_iter().zip(PARTS) {
        let width = (LENGTH * amount.get() as f64 / whole.max(1) as f64).min(MARGIN + LENGTH - x);
        document = document.add(bar(x, y + 18, width, colour));
        x += width;
    }
    document
}

fn words(text: &str, x: f64, y: usize, size: usize) -> Text {
    Text::new(text).set("x", x).set("y", y).set("font-size", size).set("fill", INK)
}

/// A dashed line in the place of a bar's ground.
fn open_end(y: usize) -> Line {
    Line::new()
        .set("x1", MARGIN)
        .set("x2", MARGIN + LENGTH)
        .set("y1", y)
        .set("y2", y)
        .set("stroke", "#8a8f98")
        .set("stroke-dasharray", "6 6")
}

fn bar(x: f64, y: usize, width: f64, colour: &str) -> Rectangle {
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", 14).set("fill", colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_capped_scope_has_the_ground_of_a_bar() {
        let rho = NanoRho::new;
        let scope = |name: &str, cap: Option<u64>| ScopeUse {
            scope: name.to_owned(),
            cap: cap.map(rho),
            reserved: rho(0),
            released: rho(100_000_000),
            forfeited: rho(0),
        };
        let drawn = picture(&[scope("lifetime", Some(1_000_000_000)), scope("record_type:training", None)]);
        let legend = 1;
        assert_eq!(drawn.matches(LEFT).count(), legend + 1, "{drawn}");
        assert_eq!(drawn.matches("stroke-dasharray").count(), 1);
        assert_eq!(drawn.matches("width=\"72\"").count(), 2, "both on the lifetime's scale: {drawn}");
        assert!(drawn.contains("record_type:training: 0.1, no cap"));
    }
}
