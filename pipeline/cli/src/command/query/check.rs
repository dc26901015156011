//! `query check`: a statement judged, with its cells, its sensitivity, its margins.

use std::path::Path;

use marsad_aggregate::{Refusal, UnitPath};
use marsad_catalog::{Catalog, Price, Statistic};
use marsad_release::{Checked, Error as ReleaseError, Vector, check};
use marsad_terms::{Explanation, StatisticId};
use serde_json::{Value, json};

use super::{SHOWN_AT, statistic};
use crate::args::WishArgs;
use crate::command::release::price;
use crate::report::{Failure, Report, decimal, table};

/// What holds of a statement that has no TOML beside it.
const UNDEFINED: &str = "no TOML beside it: all its dimensions are multi-valued, under a norm clip of C² = 1; `marsad query new ID` shows a definition";

/// Judges a statistic of the workspace, or a file.
pub(super) fn run(catalog: &Catalog, target: &str, wish: &WishArgs) -> Result<Report, Failure> {
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
    let checked = match check(catalog, &undefined(path, sql)?, price) {
        Err(ReleaseError::Invalid { what, line, column, .. }) => {
            let why = "the statement must run on the landed record types";
            let explanation = Explanation::new("E03", what, why, "correct the SQL");
            return Err(Failure::new(explanation.at(format!("{}:{line}:{column}", path.display()))));
        }
        checked => checked,
    };
    let report = outcome(checked)?;
    Ok(match report.ok {
        true => Report { text: format!("{}\n{UNDEFINED}", report.text), ..report },
        false => report,
    })
}

/// A statement without a definition, under its file's name where that is one.
fn undefined(path: &Path, sql: String) -> Result<Statistic, Failure> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let id = stem.parse::<StatisticId>().or_else(|_| "draft".parse());
    Ok(Statistic::undefined(id.map_err(|error| Failure::usage(error.to_string(), error.rule))?, sql))
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

/// Its tables at that price.
pub(super) fn tables(checked: &Checked) -> String {
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

/// The same for `--json`.
pub(super) fn document_tables(checked: &Checked) -> Vec<Value> {
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

/// The way of the person through the plan, indented.
pub(super) fn tree(path: &UnitPath, depth: usize) -> String {
    let own = format!("{}{}: {}", "  ".repeat(depth + 1), path.node, path.status);
    let children = path.children.iter().map(|child| tree(child, depth + 1));
    std::iter::once(own).chain(children).collect::<Vec<_>>().join("\n")
}
