//! `release show`: a proposal as its steward reads it.

use marsad_ledger::checklist::{Item, Standing};
use marsad_ledger::proposal::{Expected, Forecast, Proposal};
use marsad_ledger::{Answer, Ledger, RequestState, ScopeAfter, Stage, State};
use marsad_log::Entry;
use marsad_privacy::accounting;
use marsad_privacy::shape::StatisticShape;
use marsad_terms::{Language, Name, NanoRho, flow_id};
use serde_json::{Value, json};

use super::outlook::{DELTAS, Outlook, in_languages};
use super::public::{Public, attack, sharpest};
use super::{question, summary, transfer};
use crate::report::{Failure, Report, decimal, table};

/// How much of a proposal is shown, and in which language sentences are.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// Everything, or what one statistic has.
    pub(super) full: bool,
    /// One statistic alone.
    pub(super) statistic: Option<String>,
    /// Absent: English where the workspace publishes in it, or else its first language.
    pub(super) language: Option<Language>,
}

impl View {
    pub(super) fn language(&self, public: &Public) -> Language {
        let own = public.languages.first().copied().unwrap_or(Language::En);
        let default = if public.languages.contains(&Language::En) { Language::En } else { own };
        self.language.unwrap_or(default)
    }

    fn shows(&self, id: &str) -> bool {
        self.statistic.as_ref().is_none_or(|statistic| statistic == id)
    }
}

/// One proposal with where it stands, on one screen; the state is that before it is charged.
pub(super) fn show(state: &State, request: &RequestState, public: &Public) -> Report {
    viewed(state, request, public, &View::default())
}

/// The same as it is asked for.
pub(super) fn viewed(state: &State, request: &RequestState, public: &Public, view: &View) -> Report {
    let scopes = scopes(state, request);
    let outlook = Outlook::of(request);
    let language = view.language(public);
    let mut parts = match (&view.statistic, view.full) {
        (Some(_), _) => of_statistic(request, public, outlook.as_ref(), view),
        (None, true) => full(request, public, outlook.as_ref(), (&scopes, language)),
        (None, false) => summary::parts(request, &scopes, public, language),
    };
    parts.extend([decisions(request), next(request, &scopes)]);
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    let mut json = document(request, &scopes, outlook.as_ref());
    json["asked"] = public.document(request);
    Report::new(text, json)
}

/// What it is, whose, and where it stands.
pub(super) fn head(request: &RequestState, between: &str) -> String {
    let proposal = &request.proposal;
    format!(
        "release {}: {}{between}proposal {} by {}, {}; {} approval(s) needed",
        proposal.release,
        proposal.title.get(Language::En),
        &request.proposal_id.hex()[..8],
        proposal.author,
        request.state,
        proposal.approvals_needed,
    )
}

fn full(
    request: &RequestState,
    public: &Public,
    outlook: Option<&Outlook>,
    (scopes, language): (&[ScopeAfter], Language),
) -> Vec<String> {
    let all = View::default();
    vec![
        format!("{}\n{}", head(request, "\n"), cost(request.proposal.nano_rho)),
        meaning(outlook, scopes, &public.languages),
        why(request, public),
        statistics(request, public, &all),
        scope_table(scopes),
        tables(request, outlook, &all),
        series(request, &all),
        strategies(request, &all),
        outlook.map(|outlook| outlook.curve(left(scopes))).unwrap_or_default(),
        rehearsals(request, &all),
        differences(request, &all, language),
        checklist(request, language),
        served(request),
    ]
}

fn of_statistic(
    request: &RequestState,
    public: &Public,
    outlook: Option<&Outlook>,
    view: &View,
) -> Vec<String> {
    vec![
        head(request, "\n"),
        statistics(request, public, view),
        tables(request, outlook, view),
        series(request, view),
        strategies(request, view),
        rehearsals(request, view),
        differences(request, view, view.language(public)),
    ]
}

/// Who was served with the bundle.
fn served(request: &RequestState) -> String {
    let rows = request.transfers.iter().map(|one| {
        let to = &one.to;
        vec![
            one.date.clone(),
            to.name.clone(),
            to.legal_entity.clone(),
            to.country.clone(),
            to.channel.clone(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let header = ["served on", "recipient", "legal entity", "country", "channel"];
    if rows.is_empty() { String::new() } else { table(&header, rows, 5) }
}

/// Why it is asked for, on whose authority, for whom.
fn why(request: &RequestState, public: &Public) -> String {
    let purposes = public.purposes(request).into_iter();
    let lines = purposes.map(|why| format!("purpose {}: {} ({})", why.id, why.title.en, why.authorisation));
    let proposal = &request.proposal;
    let rest = format!(
        "for {}; embargo {}; coverage: {}",
        proposal.recipients.join(", "),
        proposal.embargo,
        proposal.coverage.en
    );
    lines.chain([rest]).collect::<Vec<_>>().join("\n")
}

/// What is counted, of whom, how far down.
fn statistics(request: &RequestState, public: &Public, view: &View) -> String {
    let rows = public.statistics(request).into_iter().filter(|asked| view.shows(&asked.id));
    let rows = rows.map(|asked| vec![asked.id, asked.unit, asked.bound.en, asked.area.to_owned()]);
    table(&["statistic", "unit", "bound of a person", "smallest area"], rows, 4)
}

/// What can be computed from this release and earlier ones together (C13): the sharpest of each kind.
fn differences(request: &RequestState, view: &View, language: Language) -> String {
    let proposal = &request.proposal;
    let owned = |flow: &str| owner(proposal, flow).is_some_and(|id| view.shows(&id));
    let shown = sharpest(request).into_iter().filter(|(one, _)| owned(&one.dataflow));
    let rows = shown.map(|(one, n)| {
        let combined = if one.combined.is_empty() { String::new() } else { format!("± {}", one.combined) };
        vec![
            attack(one.attack).en,
            format!("{} of {}", one.earlier, one.release),
            one.dimensions.join(", "),
            one.remains_in_words().get(language).to_owned(),
            n.to_string(),
            format!("± {}", one.margin),
            combined,
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["attack", "with", "sharpest table", "what remains", "tables", "difference", "combined"];
    format!(
        "differences with earlier releases: fewer persons than the margin stay hidden in what remains\n{}",
        table(&header, rows, 4)
    )
}

/// The ledger as it was just before the release was charged; `None` where nothing is charged yet: as it is now.
///
/// # Errors
/// A ledger that cannot be read.
pub(super) async fn before_charge(ledger: &Ledger, request: &RequestState) -> Result<Option<State>, Failure> {
    if request.run.is_none() {
        return Ok(None);
    }
    let (entries, _) = ledger.history().await?;
    match entries.iter().find(|entry| charges(entry, request)) {
        Some(first) => Ok(Some(ledger.state_before(first.sequence).await?)),
        None => Ok(None),
    }
}

/// Whether an entry charges what the request asked for: its joint vector, a series that it opens, a step drawn again.
fn charges(entry: &Entry, request: &RequestState) -> bool {
    if entry.sequence <= request.proposed_at || !["reserved", "series_opened"].contains(&entry.kind.as_str())
    {
        return false;
    }
    let body = entry.body.value();
    let is = |key: &str, value: Value| body.get(key) == Some(&value);
    let redraws = request.proposal.request.redraws.iter();
    let mut redraws = redraws.map(|step| [("series", json!(step.series)), ("step", json!(step.step))]);
    is("proposal", json!(request.proposal_id))
        || redraws.any(|step| step.into_iter().all(|(key, value)| is(key, value)))
}

/// Scopes before and after the cost, in the state before it is charged.
pub(super) fn scopes(state: &State, request: &RequestState) -> Vec<ScopeAfter> {
    state.would_use(&request.proposal)
}

/// How an item stands now: what waits for the result was checked before the bundle became public.
pub(super) fn standing(request: &RequestState, item: &Item) -> Standing {
    match (item.state, request.state) {
        (Standing::AfterRun, Stage::Published | Stage::Withdrawn) => Standing::Pass,
        (state, _) => state,
    }
}

pub(super) fn cost(rho: NanoRho) -> String {
    if rho == NanoRho::ZERO {
        return "no cost: figures of organisations only".to_owned();
    }
    let epsilons = DELTAS.map(|delta| accounting::epsilon(rho, delta));
    format!(
        "cost ρ = {}: ε = {} at δ = 10⁻⁶, {} at 10⁻⁸, {} at 10⁻¹⁰",
        decimal(rho),
        epsilons[0],
        epsilons[1],
        epsilons[2]
    )
}

/// The guess bounds in plain words.
fn meaning(outlook: Option<&Outlook>, scopes: &[ScopeAfter], languages: &[Language]) -> String {
    let Some(outlook) = outlook else { return String::new() };
    in_languages(&outlook.words(lifetime(scopes).map_or(NanoRho::ZERO, |scope| scope.after)), languages)
}

pub(super) fn lifetime(scopes: &[ScopeAfter]) -> Option<&ScopeAfter> {
    scopes.iter().find(|scope| scope.scope == "lifetime")
}

/// What the lifetime's cap leaves for this release.
fn left(scopes: &[ScopeAfter]) -> Option<NanoRho> {
    let scope = lifetime(scopes)?;
    scope.cap.map(|cap| cap.checked_sub(scope.used).unwrap_or(NanoRho::ZERO))
}

fn scope_table(scopes: &[ScopeAfter]) -> String {
    let cap = |cap: Option<NanoRho>| cap.map_or_else(|| "–".to_owned(), decimal);
    let rows = scopes.iter().map(|s| vec![s.scope.clone(), decimal(s.used), decimal(s.after), cap(s.cap)]);
    table(&["scope", "used", "after", "cap"], rows, 1)
}

fn tables(request: &RequestState, outlook: Option<&Outlook>, view: &View) -> String {
    let sides = outlook.map(Outlook::half_and_double).unwrap_or_default();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut dataflow = "";
    let of = |flow: &str| owner(&request.proposal, flow).is_some_and(|id| view.shows(&id));
    let shown = || request.proposal.tables.iter().enumerate().filter(|(_, t)| of(&t.dataflow));
    for (index, t) in shown() {
        if t.dataflow != dataflow {
            dataflow = &t.dataflow;
            rows.push([dataflow].iter().chain(&[""; 7]).map(|cell| (*cell).to_owned()).collect());
        }
        let margin = if t.margin.is_empty() { "by cell".to_owned() } else { format!("± {}", t.margin) };
        let side = |side: usize| {
            let margin = sides.get(index).and_then(|sides| sides[side]);
            margin.map_or_else(String::new, |margin| format!("± {margin:.1}"))
        };
        rows.push(vec![
            format!("  {}", t.dimensions.join(", ")),
            t.cells.to_string(),
            side(0),
            margin,
            side(1),
            t.reliable_from.clone(),
            t.usable_from.clone(),
            expected(t),
        ]);
    }
    let header = ["table", "cells", "at ½ρ", "margin", "at 2ρ", "A from", "U from", "A/U/Q"];
    let drawn = table(&header, rows, 1);
    let mut from: Vec<String> = shown().filter_map(|(_, t)| Some(source(t.expected.as_ref()?))).collect();
    from.sort();
    from.dedup();
    match from.is_empty() {
        true => format!(
            "{drawn}\nA/U/Q: no earlier release shows these tables and nobody planned with figures of them"
        ),
        false => format!("{drawn}\nA/U/Q: were the figures {}", from.join(", ")),
    }
}

/// Whose figures stand for the unknown ones.
fn source(expected: &Expected) -> String {
    match (&expected.release, &expected.planning) {
        (Some(release), _) => format!("those published in {release}"),
        (None, planning) => format!("those planned with ({})", planning.as_deref().unwrap_or("no source")),
    }
}

/// Each forecast with the statistic that it is of.
pub(super) fn forecasts(proposal: &Proposal) -> impl Iterator<Item = (String, &Forecast)> {
    proposal.tables.iter().filter_map(|table| Some((owner(proposal, &table.dataflow)?, table)))
}

/// The statistic that a dataflow is an output of.
fn owner(proposal: &Proposal, dataflow: &str) -> Option<String> {
    let owns = |shape: &StatisticShape| {
        let mut flows = shape.outputs.iter().enumerate();
        flows.any(|(n, output)| flow_id(&shape.id.dataflow(n, &output.name)) == dataflow)
    };
    let mut statistics = proposal.request.statistics.iter();
    let found = statistics.find(|one| {
        let series = one.series.as_ref().map(|series| series.shape.statistic());
        one.shape.as_ref().or(series).is_some_and(owns)
    });
    found.map(|one| one.id.to_string())
}

/// Cells that will likely read A, U and Q.
pub(super) fn expected(forecast: &Forecast) -> String {
    let expected = forecast.expected.as_ref();
    expected.map_or_else(|| "–".to_owned(), |e| format!("{}/{}/{}", e.reliable, e.usable, e.hidden))
}

/// What gets the noise of each statistic where that was weighed, and why.
fn strategies(request: &RequestState, view: &View) -> String {
    let choices = request.proposal.strategies.iter().filter(|c| view.shows(c.statistic.as_str()));
    let rows = choices.map(|c| vec![c.statistic.to_string(), c.strategy.clone(), c.why.clone()]);
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() { String::new() } else { table(&["statistic", "noise on", "why"], rows, 3) }
}

/// How the constants of bounds are weighed before anyone confirms C05.
fn rehearsals(request: &RequestState, view: &View) -> String {
    if request.run.is_some() {
        return String::new();
    }
    let shapes = request.proposal.request.statistics.iter().filter_map(|one| one.shape.as_ref());
    let bounded = shapes.filter(|shape| shape.left_out_cap().is_some() && view.shows(shape.id.as_str()));
    let line = |shape: &StatisticShape| {
        format!("  marsad query check {} --bounds --release {}", shape.id, request.proposal.release)
    };
    let lines: Vec<String> = bounded.map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("C² and k of these statistics, rehearsed on a simulated programme (C05):\n{}", lines.join("\n"))
}

/// First-time series: opened by this release, or continued at no cost.
fn series(request: &RequestState, view: &View) -> String {
    let shown = request.proposal.series.iter().filter(|terms| view.shows(terms.statistic.as_str()));
    let rows = shown.map(|terms| {
        let paid = if terms.opens { "by this release, which opens it" } else { "before" };
        let steps = format!("{} from {}", terms.horizon, terms.start);
        vec![terms.statistic.to_string(), steps, decimal(terms.nano_rho), paid.to_owned()]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    match rows.is_empty() {
        true => String::new(),
        false => table(&["first-time series", "steps", "ρ for all steps", "paid"], rows, 2),
    }
}

fn checklist(request: &RequestState, language: Language) -> String {
    let mut items: Vec<&Item> = request.proposal.checklist.iter().collect();
    items.sort_by_key(|item| !question::FIRST.contains(&item.id.as_str()));
    let items = items.into_iter();
    let rows = items.map(|item| {
        let who = json!(item.who).as_str().unwrap_or_default().to_owned();
        let state = json!(standing(request, item)).as_str().unwrap_or_default().to_owned();
        vec![item.id.clone(), who, state, item.text().get(language).to_owned()]
    });
    table(&["item", "who", "state", "evidence"], rows, 4)
}

fn decisions(request: &RequestState) -> String {
    let lines = request.decisions.iter().map(|d| {
        let word = if d.decision == Answer::Approve { "approved" } else { "rejected" };
        let lapsed = if d.lapsed { ", lapsed" } else { "" };
        let reason = if d.reason.is_empty() { String::new() } else { format!(": {}", d.reason) };
        format!("{word} by {} ({}{lapsed}) {}{reason}", d.signer, d.role.as_str(), d.time)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn next(request: &RequestState, scopes: &[ScopeAfter]) -> String {
    let id = &request.proposal.release;
    let failed = request.proposal.failed();
    match request.state {
        Stage::Proposed if !failed.is_empty() => {
            format!("cannot be approved: {} failed; mend the definitions and plan again", failed.join(", "))
        }
        Stage::Proposed | Stage::Approved if !exceeded(scopes).is_empty() => {
            format!(
                "cannot run: the cost does not fit into {}; plan with a smaller `rho`",
                exceeded(scopes).join(", ")
            )
        }
        Stage::Proposed => {
            format!("next: marsad release approve {id} --key FILE --confirm-file ANSWERS.toml")
        }
        Stage::Approved => format!("next: marsad release run {id}"),
        Stage::Released => format!("next: marsad release publish {id}"),
        _ => String::new(),
    }
}

/// The scopes whose cap the cost would pass.
fn exceeded(scopes: &[ScopeAfter]) -> Vec<&str> {
    let over = scopes.iter().filter(|s| s.cap.is_some_and(|cap| s.after > cap));
    over.map(|s| s.scope.as_str()).collect()
}

/// Decisions as interfaces 3 lists them.
pub(super) fn approvals(request: &RequestState) -> Vec<Value> {
    let one = |d: &marsad_ledger::Decision| {
        json!({
            "signer": d.signer, "role": d.role.as_str(), "decision": d.decision, "time": d.time, "lapsed": d.lapsed,
            "confirmed": d.confirmed, "reason": d.reason,
        })
    };
    request.decisions.iter().map(one).collect()
}

/// The checklist as it stands now.
fn items(request: &RequestState) -> Vec<Item> {
    let now = |item: &Item| Item { state: standing(request, item), ..item.clone() };
    request.proposal.checklist.iter().map(now).collect()
}

fn document(request: &RequestState, scopes: &[ScopeAfter], outlook: Option<&Outlook>) -> Value {
    let proposal = &request.proposal;
    let rho = proposal.nano_rho;
    let after = lifetime(scopes).map_or(NanoRho::ZERO, |scope| scope.after);
    let words = outlook.map(|outlook| outlook.words(after));
    let curve = outlook.map(Outlook::document).unwrap_or_default();
    let epsilon = DELTAS.map(|delta| json!({"delta": delta, "epsilon": accounting::epsilon(rho, delta)}));
    let guess = accounting::guess(rho);
    let scopes: Vec<Value> = scopes
        .iter()
        .map(|s| json!({"scope": s.scope, "cap": s.cap, "used": s.used, "after": s.after}))
        .collect();
    let needed = usize::try_from(proposal.approvals_needed).unwrap_or(0);
    json!({
        "release": proposal.release, "proposal": request.proposal_id, "f": request.f,
        "state": request.state.as_str(), "author": proposal.author, "nano_rho": rho, "epsilon": epsilon,
        "guess": {"membership": guess.membership_percent, "attribute": guess.attribute_percent},
        "guess_words": words, "scopes": scopes, "tables": tables_as_numbers(request, outlook), "curve": curve,
        "series": proposal.series, "strategies": proposal.strategies, "overlap": proposal.overlap,
        "differences": proposal.differences,
        "transfers": transfer::document(request),
        "approvals": approvals(request), "needed": needed.saturating_sub(request.approvals().count()),
        "checklist": items(request),
    })
}

/// The forecasts, figures as numbers; none where a ratio's margin depends on its denominator.
fn tables_as_numbers(request: &RequestState, outlook: Option<&Outlook>) -> Vec<Value> {
    let number = |text: &str| text.parse::<f64>().ok();
    let sides = outlook.map(Outlook::half_and_double).unwrap_or_default();
    let one = |(index, t): (usize, &Forecast)| {
        let [half, double] = sides.get(index).copied().unwrap_or_default();
        json!({
            "dataflow": t.dataflow, "dimensions": t.dimensions, "cells": t.cells, "margin": number(&t.margin),
            "margin_at_half": half, "margin_at_double": double,
            "reliable_from": number(&t.reliable_from), "usable_from": number(&t.usable_from),
            "expected": t.expected,
        })
    };
    request.proposal.tables.iter().enumerate().map(one).collect()
}
