//! `extract check`: what `land` would do, column by column, never a cell; `extract scaffold`: a mapping drafted from a file.

use std::path::Path;

use marsad_catalog::Catalog;
use marsad_landing::{ColumnReport, Landing, Report as Checked, check_without_keys, scaffold};
use marsad_terms::BatchId;
use serde_json::{Value, json};

use super::land::{document, meaning, name, reasons, spellings, summary, with_faults};
use super::{Quiet, write_new};
use crate::args::{ExtractCommand, LandCommand};
use crate::progress::Bar;
use crate::report::{Failure, Report, table};
use crate::workspace::Workspace;

/// How many lines are listed for a reason on a terminal; `--json` lists them.
const SHOWN: usize = 12;

/// Runs `extract`.
///
/// # Errors
/// A file that is refused as a whole, an unknown mapping.
pub(super) async fn run(
    workspace: &Workspace,
    command: &ExtractCommand,
    quiet: Quiet,
) -> Result<Report, Failure> {
    match command {
        ExtractCommand::Check(args) => check(workspace, args, quiet).await,
        ExtractCommand::Scaffold { file, name } => draft(workspace, file, name.as_deref()),
    }
}

/// Prints a drafted mapping, or writes it where the workspace reads mappings.
fn draft(workspace: &Workspace, file: &Path, given: Option<&str>) -> Result<Report, Failure> {
    let name = given.unwrap_or("new_partner");
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(Failure::usage(
            "this is no name of a mapping",
            "write lower-case letters, digits and `_`",
        ));
    }
    let draft = scaffold(&workspace.catalog_without_queries()?, file, name)?;
    let mut json = json!({
        "mapping": name, "toml": draft.toml, "record_type": draft.record_type, "records": draft.n_records,
        "columns": draft.columns, "missing": draft.missing,
    });
    if given.is_none() {
        return Ok(Report::new(draft.toml, json));
    }
    let path = workspace.dir.join("schemas/mappings").join(format!("{name}.toml"));
    write_new(&path, &draft.toml, ("name", "a mapping that is there may be in use"))?;
    json["file"] = json!(path);
    let rows = draft.columns.iter().map(|guess| {
        let percent = guess.percent.map_or(String::new(), |percent| format!("{percent} %"));
        vec![guess.column.clone(), guess.fills.clone(), percent]
    });
    let mut text = format!(
        "{} written: a draft of {}, from {} records\n{}",
        path.display(),
        draft.record_type,
        draft.n_records,
        table(&["column", "fills", "can be read"], rows, 2)
    );
    if !draft.missing.is_empty() {
        text += &format!("\n  nothing seems to fill {}", draft.missing.join(", "));
    }
    text += &format!("\n  next: edit it, then  marsad extract check {} --as {name}", file.display());
    Ok(Report::new(text, json))
}

async fn check(workspace: &Workspace, command: &LandCommand, quiet: Quiet) -> Result<Report, Failure> {
    let args = &command.extracts;
    let (catalog, faults) = workspace.schemas(&args.mapping)?;
    let corrects = match &command.corrects {
        Some(batch) => {
            args.one()?;
            Some(Workspace::batch(&workspace.landing()?.snapshot().await?, batch)?)
        }
        None => None,
    };
    let place = workspace.landing_telling_late().await.ok().map(|landing| (landing, corrects));
    let mut all = Vec::new();
    for file in &args.files {
        let checked = check_one(workspace, (&catalog, &args.mapping), place.as_ref(), file, quiet).await?;
        all.push((name(file), checked));
    }
    let text: Vec<String> = all.iter().map(|(file, checked)| describe(file, checked)).collect();
    let mut json = document(&all);
    json["columns"] = all.iter().flat_map(|(file, checked)| columns(file, checked)).collect();
    Ok(with_faults(Report::new(text.join("\n\n"), json), &faults))
}

async fn check_one(
    workspace: &Workspace,
    (catalog, mapping): (&Catalog, &str),
    place: Option<&(Landing, Option<BatchId>)>,
    file: &Path,
    quiet: Quiet,
) -> Result<Checked, Failure> {
    let bar = Bar::of_file(&format!("checking {}", name(file)), quiet.0);
    let progress = |done, total| bar.at(done, total);
    if let Some((landing, corrects)) = place {
        return Ok(landing.check(catalog, (mapping, file), corrects.as_ref(), &progress).await?);
    }
    let start = workspace.settings.workspace.programme_start.0;
    Ok(check_without_keys(catalog, mapping, file, start, &progress)?)
}

fn describe(file: &str, checked: &Checked) -> String {
    let mut text = summary(file, checked, "would land");
    if checked.already {
        text += "\n  the same content landed before: landing it again does nothing (F05)";
    }
    text += &format!("\n\n{}", overview(&checked.columns));
    let becomes = normalised(&checked.columns);
    if !becomes.is_empty() {
        text += &format!("\n\n{}", table(&["column", "written", "lands as", "records"], becomes, 3));
    }
    if !checked.reasons.is_empty() {
        text += &format!("\n\n{}", reasons(checked));
    }
    let rejected = rejected(&checked.columns);
    if !rejected.is_empty() {
        text += &format!("\n\n{}", table(&["column", "reason", "cells", "lines"], rejected, 2));
    }
    let whole: Vec<u64> =
        checked.rejected.iter().filter(|record| record.column.is_none()).map(|record| record.line).collect();
    if !whole.is_empty() {
        text += &format!("\n  kept out as a whole (R08, R11, R12, R15): lines {}", ranges(&whole));
    }
    text + &spellings(checked)
}

fn overview(columns: &[ColumnReport]) -> String {
    let row = |column: &ColumnReport| {
        let rejected: u64 = column.rejected.iter().map(|cells| cells.records).sum();
        let counts = [column.accepted, column.empty, column.changed, rejected].map(|n| n.to_string());
        [vec![column.column.clone(), column.fills.join(", ")], counts.to_vec()].concat()
    };
    table(&["column", "fills", "accepted", "empty", "respelt", "rejected"], columns.iter().map(row), 2)
}

fn normalised(columns: &[ColumnReport]) -> Vec<Vec<String>> {
    let of_column = |column: &ColumnReport| {
        let header = column.column.clone();
        let row = move |n: &marsad_landing::Normalised| {
            vec![header.clone(), n.from.clone(), n.to.clone(), n.records.to_string()]
        };
        column.normalised.iter().map(row).collect::<Vec<_>>()
    };
    columns.iter().flat_map(of_column).collect()
}

fn rejected(columns: &[ColumnReport]) -> Vec<Vec<String>> {
    let of_column = |column: &ColumnReport| {
        let header = column.column.clone();
        let row = move |cells: &marsad_landing::RejectedCells| {
            let reason = format!("{} {}", cells.reason, meaning(&cells.reason));
            vec![header.clone(), reason, cells.records.to_string(), ranges(&cells.lines)]
        };
        column.rejected.iter().map(row).collect::<Vec<_>>()
    };
    columns.iter().flat_map(of_column).collect()
}

/// Ascending numbers with runs drawn together: `3, 7–9, …`.
fn ranges(lines: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == *line => *end = *line,
            _ => runs.push((*line, *line)),
        }
    }
    let one = |(start, end): &(u64, u64)| match start == end {
        true => start.to_string(),
        false => format!("{start}–{end}"),
    };
    let shown: Vec<String> = runs.iter().take(SHOWN).map(one).collect();
    let more = if runs.len() > SHOWN { ", … all with --json" } else { "" };
    shown.join(", ") + more
}

fn columns(file: &str, checked: &Checked) -> Vec<Value> {
    let with_file = |column: &ColumnReport| {
        let mut value = json!(column);
        value["file"] = json!(file);
        value
    };
    checked.columns.iter().map(with_file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_drawn_together() {
        assert_eq!(ranges(&[3, 7, 8, 9, 11, 12]), "3, 7–9, 11–12");
        assert_eq!(ranges(&[]), "");
        let many: Vec<u64> = (1..40).map(|n| n * 2).collect();
        assert!(ranges(&many).ends_with("24, … all with --json"));
    }
}
