//! `query`: statistics listed, shown, begun, judged.

mod check;
mod show;

use std::path::PathBuf;

use marsad_catalog::{BoundMode, Catalog, Statistic};
use marsad_terms::{Explanation, Language, NanoRho, StatisticId, nearest};
use serde_json::{Value, json};

use super::init::write;
use super::release::price;
use super::{Quiet, bounds};
use crate::args::QueryCommand;
use crate::report::{Failure, Report, table};
use crate::workspace::Workspace;

/// The price that margins are shown at where none is given: ρ = 0.01.
pub(super) const SHOWN_AT: NanoRho = NanoRho::new(10_000_000);

/// Runs one of them.
///
/// # Errors
/// Definitions with faults, an unknown statistic, a file that cannot be read; a refusal is a result.
pub(super) async fn run(
    workspace: &Workspace,
    command: &QueryCommand,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let catalog = workspace.catalog()?;
    match command {
        QueryCommand::List => Ok(list(&catalog)),
        QueryCommand::Show { id, plan } => {
            show::run(workspace, (&catalog, statistic(&catalog, id)?), *plan).await
        }
        QueryCommand::New { id } => new(workspace, &catalog, id),
        QueryCommand::Check { target, wish, bounds } if bounds.bounds => {
            let statistic = statistic(&catalog, target)?;
            let price = price(wish)?;
            bounds::run(workspace, (&catalog, statistic), price.as_ref(), bounds, quiet).await
        }
        QueryCommand::Check { target, wish, .. } => check::run(&catalog, target, wish),
    }
}

fn list(catalog: &Catalog) -> Report {
    let rows = catalog.statistics.values().map(|s| {
        vec![s.id.to_string(), mode(s).to_owned(), s.unit.clone(), s.title.get(Language::En).to_owned()]
    });
    let list: Vec<Value> = catalog
        .statistics
        .values()
        .map(
            |s| json!({"id": s.id, "title": s.title, "bound": mode(s), "unit": s.unit, "answers": s.answers}),
        )
        .collect();
    Report::new(table(&["statistic", "bound", "unit", "title"], rows, 4), json!({"statistics": list}))
}

fn mode(statistic: &Statistic) -> &'static str {
    match (&statistic.derived, statistic.bound.mode) {
        (Some(_), _) => "derived",
        (None, BoundMode::HomeCell) => "home_cell",
        (None, BoundMode::NormClip) => "norm_clip",
        (None, BoundMode::Truncate) => "truncate",
        (None, BoundMode::First) => "first",
        (None, BoundMode::None) => "none",
    }
}

fn statistic<'a>(catalog: &'a Catalog, id: &str) -> Result<&'a Statistic, Failure> {
    let parsed: Option<StatisticId> = id.parse().ok();
    parsed.and_then(|id| catalog.statistics.get(&id)).ok_or_else(|| {
        let known: Vec<String> = catalog.statistics.keys().map(ToString::to_string).collect();
        let remedy = match nearest(id, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "see `marsad query list`, or begin one with `marsad query new ID`".to_owned(),
        };
        let what = format!("there is no statistic `{id}`");
        let why = "a statistic is queries/<id>.sql and queries/<id>.toml";
        Failure::new(Explanation::new("W15", what, why, remedy).at("queries/"))
    })
}

/// A statistic that works as it is, to be changed.
fn new(workspace: &Workspace, catalog: &Catalog, id: &str) -> Result<Report, Failure> {
    let id: StatisticId =
        id.parse().map_err(|e: marsad_terms::NameError| Failure::usage(e.to_string(), e.rule))?;
    if catalog.statistics.contains_key(&id) {
        let what = format!("queries/{id}.toml exists");
        let explanation =
            Explanation::new("W16", what, "an id stands for one statistic", "choose another id");
        return Err(Failure::new(explanation));
    }
    let folder = workspace.dir.join("queries");
    let files: Vec<PathBuf> = ["sql", "toml"].map(|end| folder.join(format!("{id}.{end}"))).to_vec();
    write(&files[0], include_str!("../../statistic.sql"))?;
    write(&files[1], &include_str!("../../statistic.toml").replace("{id}", &id.to_string()))?;
    let text = format!(
        "{}\n{}\nedit both, then: marsad query check {id}; name it in queries/releases/<release>.toml",
        files[0].display(),
        files[1].display()
    );
    Ok(Report::new(text, json!({"id": id, "files": files})))
}
