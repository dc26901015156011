//! Reads `queries/releases/*.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use marsad_terms::{Name, Period, ReleaseId, StatisticId};

use super::loading::Loading;
use super::parts::{parsed, periods, rho};
use super::source;
use crate::error::Kind;
use crate::page::{At, Page};
use crate::release::{Price, Release, Strategy};
use crate::statistic::BoundMode;
use crate::table::{Table, Value};

/// Where releases lie.
pub(crate) const FOLDER: &str = "queries/releases";

/// The statistics that a definition names, whatever else is wrong with it; `None` where it cannot be told.
pub(crate) fn named_statistics(file: &Path) -> Option<BTreeSet<String>> {
    let definition: toml::Table = std::fs::read_to_string(file).ok()?.parse().ok()?;
    let named = definition.get("statistics")?.as_array()?;
    named.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

pub(crate) fn load(dir: &Path, loading: &mut Loading<'_>) {
    if !dir.join(FOLDER).exists() {
        return;
    }
    for source in source::files(dir, FOLDER, "toml", loading.faults) {
        let Some(page) = Page::open(&source.file, &source.bytes, loading.faults) else { continue };
        if let Some(release) = Table::parse(page).and_then(|table| read(loading, table)) {
            loading.catalog.releases.insert(release.id.clone(), release);
        }
    }
}

fn read(loading: &Loading<'_>, mut table: Table<'_>) -> Option<Release> {
    let page = table.page;
    let id = table.required("id", parsed::<ReleaseId>);
    let title = table.required("title", Value::translated);
    let statistics = table.required("statistics", |value| statistics(loading, value));
    // A statistic whose own definition is broken is not told again where it is named.
    let broken = loading.failed.iter().filter_map(|name| name.parse().ok());
    let own: Vec<StatisticId> = statistics.iter().flatten().cloned().chain(broken).collect();
    let periods = table.required("periods", some_periods);
    let price = price(&mut table, &own);
    let recipients = table.required("recipients", Value::some_texts);
    let embargo = table.required("embargo", instant);
    let contact = table.required("contact", Value::text);
    let coverage = table.required("coverage", Value::translated);
    let frozen = table.optional("frozen", super::parts::periods).unwrap_or_default();
    let replaces = table.optional("replaces", parsed::<ReleaseId>);
    let revision = table.optional("revision", |value| value.count(0..=1_000_000)).unwrap_or(0);
    let wishes = table.optional("statistic", |value| wishes(loading, &own, value)).unwrap_or_default();
    table.finish();
    check_ids(page, id.as_ref(), replaces.as_ref());
    Some(Release {
        id: id?.value,
        title: title?,
        statistics: statistics?,
        periods: periods?,
        price: price?,
        recipients: recipients?.into_iter().map(|recipient| recipient.value).collect(),
        embargo: embargo?,
        contact: contact?.value,
        coverage: coverage?,
        frozen,
        replaces: replaces.map(|replaces| replaces.value),
        revision,
        shares: wishes.shares,
        strategies: wishes.strategies,
        redraws: wishes.redraws,
    })
}

/// At least one period; where one is none, that alone is told.
fn some_periods(value: Value<'_>) -> Option<Vec<Period>> {
    let (page, at) = (value.page, value.at);
    if value.is_empty_list() {
        page.fault(at, Kind::Period, "the release lists no period", "write periods = [\"2026-Q3\"]");
    }
    periods(value)
}

fn check_ids(page: Page<'_>, id: Option<&At<ReleaseId>>, replaces: Option<&At<ReleaseId>>) {
    let Some(id) = id else { return };
    page.must_be_named(&At { value: id.value.to_string(), at: id.at });
    if let Some(replaces) = replaces.filter(|replaces| replaces.value == id.value) {
        let remedy = "give the revision an id of its own";
        page.fault(replaces.at, Kind::Reference, "a release cannot replace itself", remedy);
    }
}

fn statistics(loading: &Loading<'_>, value: Value<'_>) -> Option<Vec<StatisticId>> {
    let page = value.page;
    let known = &loading.catalog.statistics;
    let mut statistics: Vec<StatisticId> = Vec::new();
    for name in value.some_texts()? {
        let found = name.value.parse().ok().filter(|id: &StatisticId| known.contains_key(id));
        match found {
            Some(id) if statistics.contains(&id) => {
                page.fault(name.at, Kind::Duplicate, format!("`{id}` stands here twice"), "keep it once");
            }
            Some(id) => statistics.push(id),
            None if loading.failed.contains(&name.value) => {}
            None => page.unknown(&name, Kind::Reference, "statistic", known.keys().map(Name::as_str)),
        }
    }
    Some(statistics)
}

fn price(table: &mut Table<'_>, own: &[StatisticId]) -> Option<Price> {
    if table.has("rho") == table.has("margin") {
        let what = if table.has("rho") { "the release has two prices" } else { "the release has no price" };
        let remedy = "write rho = \"0.04\", or margin = { … }, one of the two";
        table.page.fault(table.at, Kind::Price, what, remedy);
    }
    let rho = table.optional("rho", rho).map(Price::Rho);
    let margin = table.optional("margin", |value| margins(own, value)).map(Price::Margin);
    rho.or(margin)
}

fn margins(own: &[StatisticId], value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let mut margins = BTreeMap::new();
    for (target, value) in value.table()?.into_entries() {
        let (page, at) = (value.page, value.at);
        check_target(page, own, &target);
        let Some(margin) = value.decimal() else { continue };
        if margin.value.micro <= 0 {
            page.fault(
                at,
                Kind::Price,
                "the margin is not positive",
                "write the wanted half-width of an interval",
            );
        }
        margins.insert(target.value, margin.value.text);
    }
    Some(margins)
}

fn check_target(page: Page<'_>, own: &[StatisticId], target: &At<String>) {
    let statistic = target.value.split_once('/').filter(|(_, set)| !set.is_empty()).map(|(name, _)| name);
    if let Some(name) = statistic {
        member(page, own, &At { value: name.to_owned(), at: target.at });
    } else {
        let remedy = "write \"statistic/quarter,region\"";
        page.fault(target.at, Kind::Price, "a margin is wanted of no table", remedy);
    }
}

fn member(page: Page<'_>, own: &[StatisticId], name: &At<String>) -> Option<StatisticId> {
    let found = own.iter().find(|id| id.as_str() == name.value).cloned();
    if found.is_none() {
        page.unknown(name, Kind::Reference, "statistic of this release", own.iter().map(Name::as_str));
    }
    found
}

fn instant(value: Value<'_>) -> Option<String> {
    let page = value.page;
    let text = value.date_text()?;
    let instant = DateTime::parse_from_rfc3339(&text.value).ok();
    if instant.is_none() {
        let remedy = "write one such as 2026-11-15T09:00:00Z";
        page.fault(text.at, Kind::WrongValue, "this is no instant with its offset", remedy);
    }
    instant.map(|instant| instant.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// What `[statistic.<id>]` asks for.
#[derive(Default)]
struct Wishes {
    shares: BTreeMap<StatisticId, u32>,
    strategies: BTreeMap<StatisticId, Strategy>,
    redraws: BTreeMap<StatisticId, Vec<Period>>,
}

fn wishes(loading: &Loading<'_>, own: &[StatisticId], value: Value<'_>) -> Option<Wishes> {
    let mut wishes = Wishes::default();
    for (name, value) in value.table()?.into_entries() {
        let id = member(value.page, own, &name);
        let (page, at) = (value.page, value.at);
        let Some(mut table) = value.table() else { continue };
        let statistic = id.as_ref().and_then(|id| loading.catalog.statistics.get(id));
        let mode = statistic.map(|statistic| statistic.bound.mode);
        if mode == Some(BoundMode::First) && (table.has("b") || table.has("strategy")) {
            let what = "a first-time series has a price of its own and no part in the release's";
            page.fault(
                at,
                Kind::Price,
                what,
                "leave `b` and `strategy` out, and set `rho` under [bound] of the statistic",
            );
        }
        if mode.is_some_and(|mode| mode != BoundMode::First) && table.has("redraw") {
            let remedy =
                "leave `redraw` out; a release that was forfeited is asked for again by a `revision`";
            page.fault(at, Kind::Price, "only steps of a first-time series are drawn again", remedy);
        }
        if !["b", "strategy", "redraw"].iter().any(|key| table.has(key)) {
            table.missing("b", Kind::MissingKey);
        }
        let redraw = table.optional("redraw", periods);
        let b = table.optional("b", |value| value.count(1..=1000));
        let strategy = table.optional("strategy", strategy);
        table.finish();
        if let Some(id) = id {
            wishes.shares.extend(b.map(|b| (id.clone(), b)));
            wishes.strategies.extend(strategy.map(|strategy| (id.clone(), strategy)));
            wishes.redraws.extend(redraw.map(|periods| (id, periods)));
        }
    }
    Some(wishes)
}

fn strategy(value: Value<'_>) -> Option<Strategy> {
    let page = value.page;
    let text = value.text()?;
    match text.value.as_str() {
        "tables" => Some(Strategy::Tables),
        "residuals" => Some(Strategy::Residuals),
        _ => {
            page.unknown(&text, Kind::WrongValue, "strategy", ["tables", "residuals"]);
            None
        }
    }
}
