//! `release new`: the definition of a release like an earlier one.

use marsad_release::plan::definition;
use marsad_terms::{Grain, Name, Period, ReleaseId};
use serde_json::json;

use super::reworded::Move;
use crate::command::write_new;
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// A release is like one of the last hundred years.
const MOST_QUARTERS: u32 = 400;

/// Copies a definition with its id changed and its periods moved: to the period that the id names, else by the longest of them.
///
/// # Errors
/// An id that is taken or no id, or names a period to which these do not move; an unknown release.
pub(super) fn new(workspace: &Workspace, id: &str, like: &str) -> Result<Report, Failure> {
    let id: ReleaseId =
        id.parse().map_err(|e: marsad_terms::NameError| Failure::usage(e.to_string(), e.rule))?;
    let catalog = workspace.catalog()?;
    let old = definition(&catalog, like)?;
    let folder = workspace.dir.join("queries/releases");
    let path = folder.join(format!("{id}.toml"));
    let source = folder.join(format!("{}.toml", old.id));
    let text = std::fs::read_to_string(&source).map_err(|error| Failure::file(&source, "be read", &error))?;
    let quarters = quarters_to(&old.periods, &id)?;
    let periods: Vec<Period> = old.periods.iter().map(|period| later(*period, quarters)).collect();
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

/// How many quarters a release like it is later: up to the period that its id names, else one, or a year where one is among them.
fn quarters_to(periods: &[Period], id: &ReleaseId) -> Result<u32, Failure> {
    let has_year = periods.iter().any(|period| period.grain() == Grain::Year);
    let step = if has_year { 4 } else { 1 };
    let Ok(named) = id.as_str().parse::<Period>() else { return Ok(step) };
    let last =
        periods.iter().filter(|period| period.grain() == named.grain()).max_by_key(ToString::to_string);
    let reaches = |quarters: &u32| last.is_some_and(|last| later(*last, *quarters) == named);
    (step..=MOST_QUARTERS).step_by(step as usize).find(reaches).ok_or_else(|| {
        Failure::usage(
            format!("its periods do not move to {named}, which the id names"),
            "an id that is a period names the last one of the release, later than that of the old one; with a year among the periods, by whole years",
        )
    })
}

/// So many quarters later; a year by whole years.
fn later(period: Period, quarters: u32) -> Period {
    let steps = if period.grain() == Grain::Year { quarters / 4 } else { quarters };
    (0..steps).fold(period, |period, _| period.next())
}

/// The definition's keys with their values, each of one line or of several.
fn statements(text: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match statements.last_mut().filter(|_| open) {
            Some(statement) => *statement += &format!("\n{line}"),
            None => statements.push(line.to_owned()),
        }
        // A key whose value goes on in the next line is no document by itself.
        let last = statements.last().map_or("", String::as_str);
        open = toml::from_str::<toml::Table>(last).is_err();
    }
    statements
}

/// Rewrites the keys that cannot stay, and tells which that name periods in words stayed; the rest is the author's own text.
fn moved(text: &str, id: &ReleaseId, (old_periods, new): (&[Period], &[Period])) -> (String, Vec<String>) {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let listed: Vec<String> = new.iter().map(|period| format!("\"{period}\"")).collect();
    let last = old_periods.iter().zip(new).max_by_key(|(period, _)| (period.year(), period.to_string()));
    let words = last.map(|(old, new)| Move::new(*old, *new));
    let mut as_they_were = Vec::new();
    let mut in_words = |key: String, line: &str| {
        words.as_ref().and_then(|words| words.line(line)).unwrap_or_else(|| {
            as_they_were.push(key);
            line.to_owned()
        })
    };
    let mut statement = |line: &str| match key(line) {
        Some(key) if key == "id" => Some(format!("id = \"{id}\"")),
        Some(key) if key == "periods" => Some(format!("periods = [{}]", listed.join(", "))),
        Some(key) if key == "frozen" => Some("frozen = []".to_owned()),
        Some(key) if ["replaces", "revision"].contains(&key.as_str()) => None,
        Some(key) if names_periods(&key) => Some(in_words(key, line)),
        _ => Some(line.to_owned()),
    };
    let kept: Vec<String> = statements(text).iter().filter_map(|text| statement(text)).collect();
    let text = kept.join("\n") + "\n";
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
        let moved = |texts: &[&str], id: &str| {
            let periods = parsed(texts);
            let quarters = quarters_to(&periods, &id.parse().unwrap()).ok()?;
            Some(periods.into_iter().map(|period| later(period, quarters)).collect::<Vec<_>>())
        };
        assert_eq!(moved(&["2024-Q4"], "next").unwrap(), parsed(&["2025-Q1"]));
        assert_eq!(moved(&["2024-Q4", "2024"], "next").unwrap(), parsed(&["2025-Q4", "2025"]));
        assert_eq!(moved(&["2024-Q3", "2024-Q4"], "2025-Q4").unwrap(), parsed(&["2025-Q3", "2025-Q4"]));
        assert_eq!(moved(&["2024-Q4", "2024"], "2026").unwrap(), parsed(&["2026-Q4", "2026"]));
        for id in ["2024-Q4", "2024-Q1", "2025"] {
            assert_eq!(moved(&["2024-Q4"], id), None, "{id}");
        }
        assert_eq!(moved(&["2024-Q4", "2024"], "2025-Q1"), None, "no part of a year");
    }

    #[test]
    fn values_of_several_lines_are_moved_whole() {
        let old = "id = \"2024-Q4\"\nperiods = [  # all\n  \"2024-Q3\",\n  \"2024-Q4\",\n]\nfrozen = [\n  \"2024-Q4\",\n]\ntitle.en = \"[\"\nstatistics = [\n  \"a\",\n]\n";
        let periods: [Period; 2] = ["2024-Q3", "2024-Q4"].map(|text| text.parse().unwrap());
        let new = periods.map(|period| later(period, 1));
        let (text, _) = moved(old, &"2025-Q1".parse().unwrap(), (&periods, &new));
        assert_eq!(
            text,
            "id = \"2025-Q1\"\nperiods = [\"2024-Q4\", \"2025-Q1\"]\nfrozen = []\ntitle.en = \"[\"\nstatistics = [\n  \"a\",\n]\n"
        );
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
