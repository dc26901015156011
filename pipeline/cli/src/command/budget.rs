//! `budget`: what each scope has paid for, as table and as picture.

use std::path::Path;

use marsad_ledger::ScopeUse;
use marsad_terms::NanoRho;
use serde_json::json;
use svg::Document;
use svg::node::element::{Rectangle, Text, Title};

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

/// One bar a scope: released, forfeited and reserved parts of the cap.
fn picture(scopes: &[ScopeUse]) -> String {
    const ROW: usize = 44;
    let height = ROW * scopes.len() + 40;
    let mut document = Document::new()
        .set("viewBox", (0, 0, 760, height))
        .set("width", 760)
        .set("height", height)
        .set("role", "img")
        .set("font-family", "system-ui, sans-serif")
        .add(Title::new("Privacy-loss budget by scope"));
    for (i, scope) in scopes.iter().enumerate() {
        let y = 20 + i * ROW;
        let cap = scope.cap.map_or_else(|| scope.used().get().max(1), NanoRho::get) as f64;
        let label = match scope.cap {
            Some(cap) => format!("{}: {} of {}", scope.scope, decimal(scope.used()), decimal(cap)),
            None => format!("{}: {} (no cap)", scope.scope, decimal(scope.used())),
        };
        document = document
            .add(Text::new(label).set("x", 20).set("y", y + 12).set("font-size", 13).set("fill", "#1b1b1b"))
            .add(bar(20.0, y + 18, 720.0, "#e3e6ea"));
        let mut x = 20.0;
        for (part, colour) in
            [(scope.released, "#0b6e6e"), (scope.forfeited, "#b3541e"), (scope.reserved, "#c9a227")]
        {
            let width = 720.0 * part.get() as f64 / cap;
            document = document.add(bar(x, y + 18, width, colour));
            x += width;
        }
    }
    document.to_string()
}

fn bar(x: f64, y: usize, width: f64, colour: &str) -> Rectangle {
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", 14).set("fill", colour)
}
