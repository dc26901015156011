//! `release show` on one screen: what a steward must not skip comes first, one line a statistic, the checklist as counts.
//!
//! It leaves out nothing that is red; everything else stands in `--full`, `--json` and the page.

use std::collections::BTreeMap;

use marsad_ledger::checklist::{Item, Standing};
use marsad_ledger::proposal::{Forecast, Proposal};
use marsad_ledger::{RequestState, ScopeAfter};
use marsad_terms::{Language, NanoRho};

use super::outlook::Outlook;
use super::public::{Asked, Public};
use super::question;
use super::show;
use crate::report::{decimal, table};

/// Characters of a line.
const WIDTH: usize = 100;
/// Items that stand by themselves above the others.
const APART: [&str; 2] = question::FIRST;

/// All of it.
pub(super) fn parts(
    request: &RequestState,
    scopes: &[ScopeAfter],
    public: &Public,
    language: Language,
) -> Vec<String> {
    let proposal = &request.proposal;
    let (head, purposes) = (wrapped("", &show::head(request, "; ")), wrapped("", &purposes(request, public)));
    vec![
        [head, purposes, cost(request, scopes, language), harm(proposal, language)].join("\n"),
        [statistics(request, public), checklist(request, language), rest(proposal)].join("\n"),
    ]
}

/// Why, for whom, and from when on; who authorised it is C02's.
fn purposes(request: &RequestState, public: &Public) -> String {
    let purposes = public.purposes(request).into_iter().map(|why| format!("{} {}", why.id, why.title.en));
    let purposes = purposes.collect::<Vec<_>>().join("; ");
    let proposal = &request.proposal;
    format!("why: {purposes}; for {} from {} on", proposal.recipients.join(", "), proposal.embargo)
}

/// C06: the price, what it leaves of each scope, and the plain sentence.
fn cost(request: &RequestState, scopes: &[ScopeAfter], language: Language) -> String {
    let (capped, counted): (Vec<_>, Vec<_>) = scopes.iter().partition(|scope| scope.cap.is_some());
    let scope = |scope: &&ScopeAfter| {
        let left = scope.cap.and_then(|cap| cap.checked_sub(scope.after));
        let left = left.map_or_else(|| "beyond its cap".to_owned(), |left| format!("{} left", decimal(left)));
        format!("{} {} → {} ({left})", scope.scope, decimal(scope.used), decimal(scope.after))
    };
    let others = format!("{} more without a cap", counted.len());
    let others = (!counted.is_empty()).then_some(others);
    let scopes_told = capped.iter().map(scope).chain(others).collect::<Vec<_>>().join("; ");
    let after = show::lifetime(scopes).map_or(NanoRho::ZERO, |scope| scope.after);
    let words = Outlook::of(request).map(|outlook| outlook.words(after).get(language).to_owned());
    let lines = [show::cost(request.proposal.nano_rho), scopes_told].into_iter().chain(words);
    let label = |n: usize| if n == 0 { "C06" } else { "   " };
    lines.enumerate().map(|(n, line)| wrapped(label(n), &line)).collect::<Vec<_>>().join("\n")
}

/// C18, as it will be asked.
fn harm(proposal: &Proposal, language: Language) -> String {
    let item = proposal.checklist.iter().find(|item| item.id == APART[1]);
    item.map(|item| wrapped(&item.id, item.text().get(language))).unwrap_or_default()
}

/// One line each.
fn statistics(request: &RequestState, public: &Public) -> String {
    let mut forecasts: BTreeMap<String, Vec<&Forecast>> = BTreeMap::new();
    for (id, forecast) in show::forecasts(&request.proposal) {
        forecasts.entry(id).or_default().push(forecast);
    }
    let none = Vec::new();
    let rows = public.statistics(request).into_iter().map(|asked: Asked| {
        let tables = forecasts.get(&asked.id).unwrap_or(&none);
        let cells: u64 = tables.iter().map(|table| table.cells).sum();
        let cells = if tables.is_empty() { "–".to_owned() } else { cells.to_string() };
        let margins = margins(tables, asked.derived);
        vec![asked.id, asked.unit, cells, margins, expected(tables), asked.area.to_owned()]
    });
    let header = ["statistic", "unit", "cells", "margin", "A/U/Q", "smallest area"];
    table(&header, rows, 2)
}

/// The least and the greatest margin of the tables.
fn margins(tables: &[&Forecast], derived: bool) -> String {
    let known: Vec<f64> = tables.iter().filter_map(|table| table.margin.parse().ok()).collect();
    let least = known.iter().copied().fold(f64::INFINITY, f64::min);
    let most = known.iter().copied().fold(0.0, f64::max);
    match (tables.is_empty(), known.is_empty()) {
        (true, _) if derived => "out of others".to_owned(),
        (true, _) => "exact".to_owned(),
        (false, true) => "by cell".to_owned(),
        _ if (most - least).abs() < 0.05 => format!("± {most:.1}"),
        _ => format!("± {least:.1} – {most:.1}"),
    }
}

/// How their cells will likely read, over those tables of which anything public tells.
fn expected(tables: &[&Forecast]) -> String {
    let known: Vec<_> = tables.iter().filter_map(|table| table.expected.as_ref()).collect();
    if known.is_empty() {
        return "–".to_owned();
    }
    let sum =
        |of: fn(&marsad_ledger::proposal::Expected) -> u64| known.iter().map(|one| of(one)).sum::<u64>();
    let part = if known.len() < tables.len() {
        format!(" ({} of {})", known.len(), tables.len())
    } else {
        String::new()
    };
    format!("{}/{}/{}{part}", sum(|e| e.reliable), sum(|e| e.usable), sum(|e| e.hidden))
}

/// Counts; in words only what the machine has not found right.
fn checklist(request: &RequestState, language: Language) -> String {
    let proposal = &request.proposal;
    let (asked, machine): (Vec<&Item>, Vec<&Item>) =
        proposal.checklist.iter().partition(|item| item.wants_an_answer());
    let n = |state: Standing| machine.iter().filter(|item| show::standing(request, item) == state).count();
    let counts = format!(
        "checklist: {} pass, {} fail, {} open, {} after the run; {} for a person",
        n(Standing::Pass),
        n(Standing::Fail) + asked.iter().filter(|item| item.state == Standing::Fail).count(),
        n(Standing::Open),
        n(Standing::AfterRun),
        asked.len(),
    );
    let red = proposal.checklist.iter().filter(|item| match item.state {
        Standing::Fail => true,
        Standing::Open => !item.wants_an_answer(),
        Standing::Pass | Standing::AfterRun => false,
    });
    let state = |item: &Item| if item.state == Standing::Fail { "FAILED" } else { "open" };
    let red = red.map(|item| wrapped(&item.id, &format!("{}: {}", state(item), item.text().get(language))));
    [wrapped("", &counts)].into_iter().chain(red).collect::<Vec<_>>().join("\n")
}

/// What it tells with earlier releases, and where the rest stands.
fn rest(proposal: &Proposal) -> String {
    let (overlap, differences, id) = (proposal.overlap.len(), proposal.differences.len(), &proposal.release);
    let told = match (overlap, differences) {
        (0, 0) => String::new(),
        _ => {
            format!("with earlier releases: {overlap} dataflow(s) again, {differences} difference(s) (C13); ")
        }
    };
    wrapped("", &format!("{told}more: marsad release show {id} --full, or --statistic ID"))
}

/// The text in lines of a screen, after a label, further lines under the first.
fn wrapped(label: &str, text: &str) -> String {
    let indent = if label.is_empty() { 0 } else { 5 };
    let mut out = format!("{label:indent$}");
    let mut used = indent;
    for (number, word) in text.split_inclusive(char::is_whitespace).enumerate() {
        let length = console::measure_text_width(word.trim_end());
        if number > 0 && used + length > WIDTH {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&" ".repeat(5));
            used = 5;
        }
        out.push_str(word);
        used = if word.ends_with('\n') { 0 } else { used + console::measure_text_width(word) };
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_a_screen_and_lose_no_word() {
        let text = "whoever guesses whether a person is in the data is right at most 61 times ".repeat(6);
        let lines = wrapped("C06", &text);
        assert!(lines.lines().count() > 3);
        assert!(lines.lines().all(|line| console::measure_text_width(line) <= WIDTH), "{lines}");
        assert!(lines.lines().skip(1).all(|line| line.starts_with("     w") || line.starts_with("     ")));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines)[1..], words(&text));
    }
}
