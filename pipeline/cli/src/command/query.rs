//! `query`: statistics listed, shown, begun, judged.

use std::path::{Path, PathBuf};

use marsad_aggregate::analyse::Declared;
use marsad_aggregate::{Analysis, Refusal, Sources, UnitPath, Verdict, analyse};
use marsad_catalog::{BoundMode, Catalog, Price, Statistic};
use marsad_release::{Checked, Error as ReleaseError, Vector, check};
use marsad_terms::{Explanation, Language, NanoRho, StatisticId, nearest};
use serde_json::{Value, json};

use super::init::write;
use super::release::price;
use super::{Quiet, bounds};
use crate::args::{QueryCommand, WishArgs};
use crate::report::{Failure, Report, decimal, table};
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
        QueryCommand::Show { id, plan } => show(&catalog, id, *plan),
        QueryCommand::New { id } => new(workspace, &catalog, id),
        QueryCommand::Check { target, wish, bounds } if bounds.bounds => {
            let statistic = statistic(&catalog, target)?;
            let price = price(wish)?;
            bounds::run(workspace, (&catalog, statistic), price.as_ref(), bounds, quiet).await
        }
        QueryCommand::Check { target, wish, .. } => judge(&catalog, target, wish),
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

fn show(catalog: &Catalog, id: &str, with_plan: bool) -> Result<Report, Failure> {
    let statistic = statistic(catalog, id)?;
    let texts = Language::ALL.map(|language| {
        let (title, note) = (statistic.title.get(language), statistic.note.get(language));
        format!("{}  {title}\n    {note}", language.tag())
    });
    let mut text = format!(
        "{}\n{}\nbound {}, unit {}, purpose {}, answers {}",
        statistic.id,
        texts.join("\n"),
        mode(statistic),
        statistic.unit,
        statistic.purpose,
        if statistic.answers.is_empty() { "–".to_owned() } else { statistic.answers.join(", ") },
    );
    let mut json = json!({
        "id": statistic.id, "title": statistic.title, "note": statistic.note, "bound": mode(statistic),
        "unit": statistic.unit, "purpose": statistic.purpose, "answers": statistic.answers,
        "sql": statistic.sql, "derived": statistic.derived,
    });
    if statistic.derived.is_none() {
        let checked = check(catalog, statistic, &Price::Rho(SHOWN_AT))?;
        text = format!("{text}\n\n{}\n{}", statistic.sql.trim(), tables(&checked));
        if with_plan {
            text =
                format!("{text}\n\nhow the plan keeps the person\n{}", tree(&checked.analysis.unit_path, 0));
        }
        json["tables"] = json!(document_tables(&checked));
        json["unit_path"] = json!(checked.analysis.unit_path);
    }
    Ok(Report::new(text, json))
}

fn tree(path: &UnitPath, depth: usize) -> String {
    let own = format!("{}{}: {}", "  ".repeat(depth + 1), path.node, path.status);
    let children = path.children.iter().map(|child| tree(child, depth + 1));
    std::iter::once(own).chain(children).collect::<Vec<_>>().join("\n")
}

fn judge(catalog: &Catalog, target: &str, wish: &WishArgs) -> Result<Report, Failure> {
    let price = price(wish)?.unwrap_or(Price::Rho(SHOWN_AT));
    let path = Path::new(target);
    if path.extension().is_some_and(|extension| extension == "sql") {
        return judge_file(catalog, path, &price);
    }
    outcome(check(catalog, statistic(catalog, target)?, &price))
}

/// A file with its TOML beside it is a statistic; alone it is a statement.
fn judge_file(catalog: &Catalog, path: &Path, price: &Price) -> Result<Report, Failure> {
    let toml = path.with_extension("toml");
    if toml.is_file() {
        let statistic = catalog.statistic_from(&toml).map_err(|faults| Failure::all(&faults))?;
        return outcome(check(catalog, &statistic, price));
    }
    let sql = std::fs::read_to_string(path).map_err(|error| Failure::file(path, "be read", &error))?;
    match analyse(&sql, &Sources::of(catalog), &Declared::default()) {
        Verdict::Accepted(analysis) => Ok(accepted_alone(&analysis)),
        Verdict::Refused(refusals) => Ok(refused(&refusals)),
        Verdict::Invalid { what, line, column } => {
            let explanation = Explanation::new(
                "E03",
                what,
                "the statement must run on the landed record types",
                "correct the SQL",
            );
            Err(Failure::new(explanation.at(format!("{}:{line}:{column}", path.display()))))
        }
    }
}

fn accepted_alone(analysis: &Analysis) -> Report {
    let text = format!(
        "accepted\n{}\nwrite a TOML beside it to see its tables and margins: `marsad query new ID` shows one",
        tree(&analysis.unit_path, 0)
    );
    let json = json!({"accepted": true, "refusals": [], "unit_path": analysis.unit_path, "tables": []});
    Report::new(text, json)
}

fn outcome(checked: Result<Checked, ReleaseError>) -> Result<Report, Failure> {
    let checked = match checked {
        Ok(checked) => checked,
        Err(ReleaseError::Refused { refusals, .. }) => return Ok(refused(&refusals)),
        Err(error) => return Err(error.into()),
    };
    let text = format!(
        "accepted\n{}\n\n{}, at ρ = {}\n{}",
        tree(&checked.analysis.unit_path, 0),
        match &checked.vector {
            Some(Vector::Series(_)) => "for the last step of the series, paid once for all steps",
            _ => "for one period",
        },
        decimal(checked.price),
        tables(&checked)
    );
    let json = json!({
        "accepted": true, "refusals": [], "unit_path": checked.analysis.unit_path,
        "tables": document_tables(&checked), "nano_rho": checked.price,
    });
    Ok(Report::new(text, json))
}

fn refused(refusals: &[Refusal]) -> Report {
    let one = |r: &Refusal| {
        format!(
            "refused [{}] at {}:{}, `{}`\n  why    {}\n  write  {}",
            r.code, r.line, r.column, r.text, r.why, r.write
        )
    };
    let text = refusals.iter().map(one).collect::<Vec<_>>().join("\n");
    let json = json!({"accepted": false, "refusals": refusals, "unit_path": null, "tables": []});
    Report::new(text, json).with_verdict(false)
}

fn tables(checked: &Checked) -> String {
    if checked.tables.is_empty() {
        return "organisations only: exact, no cost".to_owned();
    }
    let rows = checked.tables.iter().map(|t| {
        let margin = if t.margin.is_empty() { "by cell".to_owned() } else { format!("± {}", t.margin) };
        vec![
            t.dataflow.clone(),
            t.dimensions.join(", "),
            t.cells.to_string(),
            margin,
            t.reliable_from.clone(),
        ]
    });
    table(&["dataflow", "table", "cells", "margin", "A from"], rows, 2)
}

fn document_tables(checked: &Checked) -> Vec<Value> {
    // Beyond 64 bits as text: JSON numbers end there.
    let delta = checked.vector.as_ref().map(|vector| match u64::try_from(vector.delta_squared()) {
        Ok(number) => json!(number),
        Err(_) => json!(vector.delta_squared().to_string()),
    });
    let one = |t: &marsad_ledger::proposal::Forecast| {
        json!({
            "dataflow": t.dataflow, "dimensions": t.dimensions, "cells": t.cells,
            "delta_squared": delta, "margin": t.margin.parse::<f64>().ok(),
        })
    };
    checked.tables.iter().map(one).collect()
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
    write(&files[0], include_str!("../statistic.sql"))?;
    write(&files[1], &include_str!("../statistic.toml").replace("{id}", &id.to_string()))?;
    let text = format!(
        "{}\n{}\nedit both, then: marsad query check {id}; name it in queries/releases/<release>.toml",
        files[0].display(),
        files[1].display()
    );
    Ok(Report::new(text, json!({"id": id, "files": files})))
}
