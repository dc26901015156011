//! `query show`: what a statistic is, in three languages, with all that bounds it.

use marsad_aggregate::tabulate::Landed;
use marsad_catalog::{Catalog, Price, Statistic};
use marsad_landing::Snapshot;
use marsad_release::{Checked, Vector, check};
use marsad_terms::Language;
use serde_json::json;

use super::check::{document_tables, tables, tree};
use super::{SHOWN_AT, mode};
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Shows one statistic; with its plans over what has landed, where `--plan` asks for them.
pub(super) async fn run(
    workspace: &Workspace,
    (catalog, statistic): (&Catalog, &Statistic),
    with_plan: bool,
) -> Result<Report, Failure> {
    let texts = Language::ALL.map(|language| {
        let (title, note) = (statistic.title.get(language), statistic.note.get(language));
        format!("{}  {title}\n    {note}", language.tag())
    });
    let mut text = format!("{}\n{}\n\n{}", statistic.id, texts.join("\n"), facts(statistic));
    let mut json = json!({
        "id": statistic.id, "title": statistic.title, "note": statistic.note, "bound": mode(statistic),
        "unit": statistic.unit, "purpose": statistic.purpose, "answers": statistic.answers,
        "home": statistic.home, "zeros": statistic.zeros, "weights": statistic.weights, "codes": statistic.codes,
        "sql": statistic.sql, "derived": statistic.derived,
    });
    if statistic.derived.is_none() {
        let checked = check(catalog, statistic, &Price::Rho(SHOWN_AT))?;
        text = format!("{text}\n\n{}\n{}", statistic.sql.trim(), tables(&checked));
        if with_plan {
            let kept = tree(&checked.analysis.unit_path, 0);
            let (physical, whose) = physical(workspace, catalog, &checked).await?;
            text = format!(
                "{text}\n\nhow the plan keeps the person\n{kept}\n\nhow it is added up, {whose}\n{physical}"
            );
            json["plan"] = json!(physical);
        }
        json["tables"] = json!(document_tables(&checked));
        json["unit_path"] = json!(checked.analysis.unit_path);
    }
    Ok(Report::new(text, json))
}

/// The physical plan over the landing; without its keys over an empty one, and that it is so.
async fn physical(
    workspace: &Workspace,
    catalog: &Catalog,
    checked: &Checked,
) -> Result<(String, &'static str), Failure> {
    let (snapshot, whose) = match workspace.landing() {
        Ok(landing) => (landing.snapshot().await?.as_defined(catalog)?, "for one period of what has landed"),
        Err(_) => (Snapshot::empty(), "for one period of an empty landing: its keys are not here"),
    };
    let landed = Landed::new(catalog, &snapshot).within(workspace.limits());
    let shape = checked.vector.as_ref().map(Vector::shape);
    let plan = landed.explain(&checked.analysis, shape).await.map_err(marsad_release::Error::from)?;
    Ok((plan, whose))
}

/// What its definition declares, a line a fact; what it does not declare is left out.
fn facts(statistic: &Statistic) -> String {
    let each = |facts: Vec<String>| facts.join("; ");
    let columns = statistic.columns.iter().map(|(name, column)| {
        let titles =
            Language::ALL.map(|language| format!("{} {}", language.tag(), column.title.get(language)));
        format!("{name} in {}: {}", column.unit, titles.join(" · "))
    });
    let measures = statistic.measures.iter().map(|(name, measure)| {
        format!("{name} from {} to {} in steps of {}", measure.lower, measure.upper, measure.step)
    });
    let facts = [
        ("bound", bound(statistic)),
        ("unit", statistic.unit.clone()),
        ("purpose", statistic.purpose.clone()),
        ("smallest area", statistic.smallest_area.as_str().to_owned()),
        ("answers", statistic.answers.join(", ")),
        ("home", each(statistic.home.iter().map(|(name, rule)| format!("{name} {rule}")).collect())),
        ("measures", each(measures.collect())),
        (
            "always zero",
            each(
                statistic.zeros.iter().map(|(name, codes)| format!("{name} {}", codes.join(", "))).collect(),
            ),
        ),
        ("precision", each(statistic.weights.iter().map(|(table, b)| format!("{table} × {b}")).collect())),
        ("code lists", each(statistic.codes.iter().map(|(name, list)| format!("{name} {list}")).collect())),
        ("columns", each(columns.collect())),
    ];
    let lines =
        facts.iter().filter(|(_, fact)| !fact.is_empty()).map(|(name, fact)| format!("{name:<14}{fact}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The bound with its constant and where that comes from.
fn bound(statistic: &Statistic) -> String {
    let spec = &statistic.bound;
    let constants = [
        spec.c_squared.map(|c_squared| format!("C² = {c_squared}")),
        spec.k.map(|k| format!("k = {k}")),
        spec.horizon.map(|steps| format!("{steps} steps")),
        spec.start.map(|start| format!("from {start}")),
        spec.source.clone(),
    ];
    let constants: Vec<String> = constants.into_iter().flatten().collect();
    match constants.is_empty() {
        true => mode(statistic).to_owned(),
        false => format!("{} ({})", mode(statistic), constants.join(", ")),
    }
}
