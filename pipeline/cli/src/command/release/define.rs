//! `release new`: the definition of a release like an earlier one.

use marsad_release::plan::definition;
use marsad_terms::{Explanation, Grain, Period, ReleaseId};
use serde_json::json;

use super::super::init::write;
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Copies a definition with its id changed and its periods moved by the longest of them.
///
/// # Errors
/// An id that is taken or no id; an unknown release.
pub(super) fn new(workspace: &Workspace, id: &str, like: &str) -> Result<Report, Failure> {
    let id: ReleaseId =
        id.parse().map_err(|e: marsad_terms::NameError| Failure::usage(e.to_string(), e.rule))?;
    let catalog = workspace.catalog()?;
    let old = definition(&catalog, like)?;
    let folder = workspace.dir.join("queries/releases");
    let path = folder.join(format!("{id}.toml"));
    if path.exists() {
        let explanation = Explanation::new(
            "W08",
            format!("{} exists", path.display()),
            "a release id is used once",
            "choose another id, or edit that file",
        );
        return Err(Failure::new(explanation));
    }
    let source = folder.join(format!("{}.toml", old.id));
    let text = std::fs::read_to_string(&source).map_err(|error| Failure::file(&source, "be read", &error))?;
    let periods = next(&old.periods);
    write(&path, &moved(&text, &id, &periods))?;
    let listed: Vec<String> = periods.iter().map(ToString::to_string).collect();
    let text = format!(
        "{}: like {}, periods {}\nedit its title, coverage and embargo, then: marsad release plan {id}",
        path.display(),
        old.id,
        listed.join(", ")
    );
    Ok(Report::new(text, json!({"release": id, "file": path, "periods": listed})))
}

/// The periods of the next release: where one is a year, quarters are those of the next year too.
fn next(periods: &[Period]) -> Vec<Period> {
    let steps = if periods.iter().any(|period| period.grain() == Grain::Year) { 4 } else { 1 };
    let moved = |period: &Period| match period.grain() {
        Grain::Year => period.next(),
        Grain::Quarter => (0..steps).fold(*period, |period, _| period.next()),
    };
    periods.iter().map(moved).collect()
}

/// Rewrites the keys that cannot stay; the rest is the author's own text.
fn moved(text: &str, id: &ReleaseId, periods: &[Period]) -> String {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let listed: Vec<String> = periods.iter().map(|period| format!("\"{period}\"")).collect();
    let line = |line: &str| match key(line).as_deref() {
        Some("id") => Some(format!("id = \"{id}\"")),
        Some("periods") => Some(format!("periods = [{}]", listed.join(", "))),
        Some("frozen") => Some("frozen = []".to_owned()),
        Some("replaces" | "revision") => None,
        _ => Some(line.to_owned()),
    };
    text.lines().filter_map(line).collect::<Vec<_>>().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_takes_its_quarters_with_it() {
        let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Period>>();
        assert_eq!(next(&parsed(&["2024-Q4"])), parsed(&["2025-Q1"]));
        assert_eq!(next(&parsed(&["2024-Q4", "2024"])), parsed(&["2025-Q4", "2025"]));
    }

    #[test]
    fn only_what_cannot_stay_is_rewritten() {
        let old = "# note\nid = \"2024-Q4\"\nperiods = [\"2024-Q4\"]\nrho = \"0.1\"\nrevision = 2\n";
        let new = moved(old, &"2025-Q1".parse().unwrap(), &["2025-Q1".parse().unwrap()]);
        assert_eq!(new, "# note\nid = \"2025-Q1\"\nperiods = [\"2025-Q1\"]\nrho = \"0.1\"\n");
    }
}
