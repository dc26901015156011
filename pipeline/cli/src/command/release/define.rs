//! `release new`: the definition of a release like an earlier one.

use marsad_release::plan::definition;
use marsad_terms::{Grain, Period, ReleaseId};
use serde_json::json;

use super::reworded::Move;
use crate::command::write_new;
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
    let source = folder.join(format!("{}.toml", old.id));
    let text = std::fs::read_to_string(&source).map_err(|error| Failure::file(&source, "be read", &error))?;
    let periods = next(&old.periods);
    let (text, as_they_were) = moved(&text, &id, (&old.periods, &periods));
    write_new(&path, &text, ("id", "a release id is used once"))?;
    let listed: Vec<String> = periods.iter().map(ToString::to_string).collect();
    let stays = match as_they_were.as_slice() {
        [] => String::new(),
        keys => format!("\nstill as they were, since they name no period: {}", keys.join(", ")),
    };
    let text = format!(
        "{}: like {}, periods {}{stays}\nread its title, coverage and embargo, then: marsad release plan {id}",
        path.display(),
        old.id,
        listed.join(", ")
    );
    let json = json!({"release": id, "file": path, "periods": listed, "as_they_were": as_they_were});
    Ok(Report::new(text, json))
}

/// How many quarters a release like it is later.
fn steps(periods: &[Period]) -> u32 {
    if periods.iter().any(|period| period.grain() == Grain::Year) { 4 } else { 1 }
}

/// The periods of the next release: where one is a year, quarters are those of the next year too.
fn next(periods: &[Period]) -> Vec<Period> {
    let steps = steps(periods);
    let moved = |period: &Period| match period.grain() {
        Grain::Year => period.next(),
        Grain::Quarter => (0..steps).fold(*period, |period, _| period.next()),
    };
    periods.iter().map(moved).collect()
}

/// Rewrites the keys that cannot stay, and tells which that name periods in words stayed; the rest is the author's own text.
fn moved(text: &str, id: &ReleaseId, (old_periods, new): (&[Period], &[Period])) -> (String, Vec<String>) {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let listed: Vec<String> = new.iter().map(|period| format!("\"{period}\"")).collect();
    let last = old_periods.iter().zip(new).max_by_key(|(period, _)| (period.year(), period.to_string()));
    let words = last.map(|(old, new)| Move::new(*old, *new, 3 * steps(old_periods)));
    let mut as_they_were = Vec::new();
    let mut in_words = |key: String, line: &str| {
        words.as_ref().and_then(|words| words.line(line)).unwrap_or_else(|| {
            as_they_were.push(key);
            line.to_owned()
        })
    };
    let line = |line: &str| match key(line) {
        Some(key) if key == "id" => Some(format!("id = \"{id}\"")),
        Some(key) if key == "periods" => Some(format!("periods = [{}]", listed.join(", "))),
        Some(key) if key == "frozen" => Some("frozen = []".to_owned()),
        Some(key) if ["replaces", "revision"].contains(&key.as_str()) => None,
        Some(key) if names_periods(&key) => Some(in_words(key, line)),
        _ => Some(line.to_owned()),
    };
    let text = text.lines().filter_map(line).collect::<Vec<_>>().join("\n") + "\n";
    (text, as_they_were)
}

fn names_periods(key: &str) -> bool {
    ["title", "coverage", "embargo"].contains(&key.split('.').next().unwrap_or_default())
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
        let old = "# note\nid = \"2024-Q4\"\ntitle.en = \"Fourth quarter of 2024\"\ncoverage.en = \"all\"\nperiods = [\"2024-Q4\"]\nrho = \"0.1\"\nrevision = 2\n";
        let periods = (&["2024-Q4".parse().unwrap()][..], &["2025-Q1".parse().unwrap()][..]);
        let (new, as_they_were) = moved(old, &"2025-Q1".parse().unwrap(), periods);
        assert_eq!(
            new,
            "# note\nid = \"2025-Q1\"\ntitle.en = \"First quarter of 2025\"\ncoverage.en = \"all\"\nperiods = [\"2025-Q1\"]\nrho = \"0.1\"\n"
        );
        assert_eq!(as_they_were, ["coverage.en"]);
    }
}
