//! Reads `queries/<id>.toml` with its `<id>.sql`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use marsad_terms::{Period, StatisticId};

use super::loading::Loading;
use super::parts::{area, choice, parsed, period, rho};
use super::source::{self, Source};
use super::statistic_checks::{Scope, is_period, scope};
use crate::decimal::Decimal;
use crate::error::{Faults, Kind, Place};
use crate::page::{At, Page, stem};
use crate::statistic::{BoundMode, BoundSpec, ColumnSpec, MeasureSpec, Planning, Statistic};
use crate::table::{Table, Value};
use crate::{Catalog, Fault};

const MODES: [(&str, BoundMode); 5] = [
    ("home_cell", BoundMode::HomeCell),
    ("norm_clip", BoundMode::NormClip),
    ("truncate", BoundMode::Truncate),
    ("first", BoundMode::First),
    ("none", BoundMode::None),
];
const HOME_RULES: [(&str, &str); 3] =
    [("most_recent", "most_recent"), ("most_frequent", "most_frequent"), ("priority", "priority")];

/// Where statistics lie.
pub(crate) const FOLDER: &str = "queries";

pub(crate) fn load(dir: &Path, loading: &mut Loading<'_>) {
    let statements = source::files(dir, FOLDER, "sql", loading.faults);
    let mut statements: BTreeMap<String, Source> =
        statements.into_iter().map(|source| (stem(&source.file).to_owned(), source)).collect();
    for source in source::files(dir, FOLDER, "toml", loading.faults) {
        let sql = statements.remove(stem(&source.file));
        match statistic(loading, &source, sql.as_ref()) {
            Some((statistic, purpose)) => {
                check_purpose(loading, &source.file, &purpose);
                loading.catalog.statistics.insert(statistic.id.clone(), statistic);
            }
            None => {
                loading.failed.insert(stem(&source.file).to_owned());
            }
        }
    }
    for sql in statements.values() {
        let remedy = format!("write `{}.toml` beside it", stem(&sql.file));
        let what = "the statement has no definition".to_owned();
        loading.faults.add(&sql.file, Place::top(), Kind::Sql, (what, remedy));
    }
}

/// Reads one statistic that need not be in the catalogue's folder. Its purpose is judged by the plan of a release.
pub(crate) fn outside(catalog: &Catalog, toml: &Path) -> Result<Statistic, Vec<Fault>> {
    let faults = Faults::default();
    let loading = Loading { catalog: catalog.clone(), faults: &faults, failed: BTreeSet::new() };
    let here = Path::new("");
    let sql = toml.with_extension("sql");
    let sql = if sql.exists() { source::file(here, &sql.to_string_lossy(), &faults) } else { None };
    let found = source::file(here, &toml.to_string_lossy(), &faults)
        .and_then(|source| statistic(&loading, &source, sql.as_ref()));
    let faults = faults.into_sorted();
    match found {
        Some((statistic, _)) if faults.is_empty() => Ok(statistic),
        _ => Err(faults),
    }
}

fn check_purpose(loading: &Loading<'_>, file: &str, purpose: &At<String>) {
    let known = &loading.catalog.purposes;
    if !known.contains_key(&purpose.value) && !loading.failed.contains(&purpose.value) {
        let ids: Vec<&str> = known.keys().map(String::as_str).collect();
        let what = format!("`{}` is no purpose of the registry", crate::page::shown(&purpose.value));
        let remedy = crate::page::suggestion(&purpose.value, &ids);
        loading.faults.add(file, purpose.at, Kind::Purpose, (what, remedy));
    }
}

fn statistic(
    loading: &Loading<'_>,
    source: &Source,
    sql: Option<&Source>,
) -> Option<(Statistic, At<String>)> {
    let page = Page::open(&source.file, &source.bytes, loading.faults)?;
    let mut table = Table::parse(page)?;
    let derived = table.optional("derived", |value| choice(value, &[("indicators", "indicators")]));
    let sql = statement(loading, page, sql, derived.is_some());
    let scope = scope(loading, page, sql.as_deref()?, &mut table);
    let head = head(&mut table, &scope);
    let bound = table.optional("bound", |value| bound(value, &scope));
    scope.check_mode(&table, bound.as_ref().map(|bound| bound.mode));
    let home = table.optional("home", |value| home(&scope, value)).unwrap_or_default();
    let weights = table.optional("weights", |value| weights(&scope, value)).unwrap_or_default();
    let measures = table.optional("measures", |value| measures(&scope, value)).unwrap_or_default();
    let zeros = table.optional("zeros", |value| zeros(&scope, value)).unwrap_or_default();
    let columns = table.optional("columns", |value| columns(&scope, value)).unwrap_or_default();
    let planning = table.optional("planning", |value| planning(&scope, value));
    table.finish();
    let head = head?;
    let statistic = Statistic {
        id: head.id,
        version: head.version,
        title: head.title,
        note: head.note,
        unit: head.unit,
        purpose: head.purpose.value.clone(),
        smallest_area: head.smallest_area,
        answers: head.answers,
        bound: bound.unwrap_or_else(|| BoundSpec::of(scope.default_mode())),
        home,
        weights,
        measures,
        zeros,
        codes: scope.codes,
        columns,
        planning,
        derived: derived.map(str::to_owned),
        sql: sql.unwrap_or_default(),
    };
    Some((statistic, head.purpose))
}

/// The statement's text; `None` after a fault.
fn statement(loading: &Loading<'_>, page: Page<'_>, sql: Option<&Source>, derived: bool) -> Option<String> {
    match (sql, derived) {
        (None, true) => Some(String::new()),
        (Some(source), false) => {
            let sql = Page::open(&source.file, &source.bytes, loading.faults)?;
            if sql.text.trim().is_empty() {
                sql.fault(Place::top(), Kind::Sql, "the file is empty", "write one SELECT statement");
            }
            Some(sql.text.to_owned())
        }
        (None, false) => {
            let remedy = format!("write the statement into `{}.sql`", page.stem());
            page.fault(Place::top(), Kind::Sql, "the statistic has no statement", remedy);
            None
        }
        (Some(source), true) => {
            let remedy = "remove the statement, or `derived`".to_owned();
            let what = "publication derives this statistic, so that nothing runs the statement".to_owned();
            loading.faults.add(&source.file, Place::top(), Kind::Sql, (what, remedy));
            None
        }
    }
}

/// The keys that every statistic has.
struct Head {
    id: StatisticId,
    version: String,
    title: marsad_terms::Text,
    note: marsad_terms::Text,
    unit: String,
    purpose: At<String>,
    smallest_area: crate::Area,
    answers: Vec<String>,
}

fn head(table: &mut Table<'_>, scope: &Scope<'_>) -> Option<Head> {
    let id = table.required("id", parsed::<StatisticId>);
    let version = table.required("version", version);
    let title = table.required("title", Value::translated);
    let note = table.required("note", Value::translated);
    let unit = table.required("unit", |value| scope.unit(value));
    let purpose = table.required("purpose", Value::text);
    let smallest_area = table.required("smallest_area", area);
    let answers = table.required("answers", |value| scope.answers(value));
    if let Some(id) = &id {
        table.page.must_be_named(&At { value: id.value.to_string(), at: id.at });
    }
    Some(Head {
        id: id?.value,
        version: version?,
        title: title?,
        note: note?,
        unit: unit?,
        purpose: purpose?,
        smallest_area: smallest_area?,
        answers: answers?,
    })
}

fn version(value: Value<'_>) -> Option<String> {
    let page = value.page;
    let version = value.text()?;
    let parts: Vec<&str> = version.value.split('.').collect();
    let number = |part: &&str| part.parse::<u32>().is_ok_and(|number| number.to_string() == **part);
    if parts.len() != 3 || !parts.iter().all(number) {
        page.fault(version.at, Kind::WrongValue, "this is no version", "write three numbers, such as 1.0.0");
    }
    Some(version.value)
}

/// The bound: each mode asks for its own constants and takes no others.
fn bound(value: Value<'_>, scope: &Scope<'_>) -> Option<BoundSpec> {
    let mut table = value.table()?;
    let mode = table.required("mode", |value| choice(value, &MODES))?;
    let mut bound = BoundSpec::of(mode);
    match mode {
        BoundMode::NormClip => {
            let read = |value: Value<'_>| value.whole(1..=1_000_000_000_000).map(i64::unsigned_abs);
            bound.c_squared = constant(&mut table, "c_squared", read);
        }
        BoundMode::Truncate => bound.k = constant(&mut table, "k", |value| value.count(1..=1000)),
        BoundMode::First => {
            bound.horizon = constant(&mut table, "horizon", |value| value.count(1..=200));
            bound.start = constant(&mut table, "start", |value| start(value, scope));
            bound.rho = table.optional("rho", rho).unwrap_or(bound.rho);
        }
        BoundMode::HomeCell | BoundMode::None => {}
    }
    if matches!(mode, BoundMode::NormClip | BoundMode::Truncate) {
        let cap = table.optional("left_out_cap", |value| value.count(1..=1000));
        bound.left_out_cap = cap.unwrap_or(bound.left_out_cap);
        bound.source = constant(&mut table, "source", Value::text).map(|source| source.value);
    }
    table.finish();
    Some(bound)
}

fn constant<'a, T>(
    table: &mut Table<'a>,
    key: &'static str,
    read: impl FnOnce(Value<'a>) -> Option<T>,
) -> Option<T> {
    if !table.has(key) {
        table.missing(key, Kind::Bound);
    }
    table.optional(key, read)
}

fn start(value: Value<'_>, scope: &Scope<'_>) -> Option<Period> {
    let page = value.page;
    let start = period(value)?;
    let column = start.value.grain().column();
    if !scope.mentions(column) {
        let what = format!("step 0 is a {column} and the statement has no column `{column}`");
        page.fault(start.at, Kind::Period, what, "write a period of the statement's grain");
    }
    Some(start.value)
}

fn home(scope: &Scope<'_>, value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let mut home = BTreeMap::new();
    for (dimension, value) in value.table()?.into_entries() {
        scope.list_of(value.page, &dimension);
        if let Some(rule) = choice(value, &HOME_RULES) {
            home.insert(dimension.value, rule.to_owned());
        }
    }
    Some(home)
}

fn weights(scope: &Scope<'_>, value: Value<'_>) -> Option<BTreeMap<String, u32>> {
    let mut weights = BTreeMap::new();
    for (set, value) in value.table()?.into_entries() {
        let set = grouping_set(scope, value.page, &set);
        if let Some(weight) = value.count(1..=1000) {
            weights.insert(set, weight);
        }
    }
    Some(weights)
}

/// A grouping set as `quarter,region`; a fault for each name in it that is no dimension.
fn grouping_set(scope: &Scope<'_>, page: Page<'_>, set: &At<String>) -> String {
    let names: Vec<&str> = set.value.split(',').map(str::trim).collect();
    for name in names.iter().filter(|name| !is_period(name)) {
        scope.list_of(page, &At { value: (*name).to_owned(), at: set.at });
    }
    names.join(",")
}

fn planning(scope: &Scope<'_>, value: Value<'_>) -> Option<Planning> {
    let mut table = value.table()?;
    let source = table.required("source", Value::text);
    let mut figures = BTreeMap::new();
    for (set, value) in table.into_entries() {
        let set = grouping_set(scope, value.page, &set);
        let cells = value.list()?.into_iter().filter_map(|cell| cell.whole(0..=1_000_000_000_000));
        figures.insert(set, cells.map(i64::unsigned_abs).collect());
    }
    Some(Planning { source: source?.value, figures })
}

fn measures(scope: &Scope<'_>, value: Value<'_>) -> Option<BTreeMap<String, MeasureSpec>> {
    let mut measures = BTreeMap::new();
    for (column, value) in value.table()?.into_entries() {
        scope.must_be_summable(value.page, &column);
        if let Some(measure) = measure(value) {
            measures.insert(column.value, measure);
        }
    }
    Some(measures)
}

fn measure(value: Value<'_>) -> Option<MeasureSpec> {
    let (page, at) = (value.page, value.at);
    let mut table = value.table()?;
    let [lower, upper, step] =
        ["lower", "upper", "step"].map(|key| Some(constant_measure(&mut table, key)?.value));
    let typical = table.optional("typical", Value::decimal).map(|typical| typical.value);
    table.finish();
    let (lower, upper, step) = (lower?, upper?, step?);
    let fault = |what, remedy| page.fault(at, Kind::Measure, what, remedy);
    if lower.micro >= upper.micro {
        fault("`lower` is not below `upper`", "write the least and the largest value of one row");
    } else if step.micro <= 0 || !lower.is_multiple_of(&step) || !upper.is_multiple_of(&step) {
        fault("`lower` and `upper` are not whole steps", "choose a positive step that divides both");
        return None;
    }
    let typical_steps = typical.map_or(Some(1), |typical| steps(&typical, &step));
    if typical_steps.is_none() {
        fault("`typical` is not between 1 and 1 000 steps", "write what one row has as a rule");
    }
    let [lower, upper, step] = [lower, upper, step].map(|decimal| decimal.text);
    Some(MeasureSpec { lower, upper, step, typical_steps: typical_steps.unwrap_or(1) })
}

/// A value in steps, rounded; `None` outside 1 to 1 000, the precision multipliers that exist.
fn steps(value: &Decimal, step: &Decimal) -> Option<u32> {
    let rounded = (2 * value.micro + step.micro).div_euclid(2 * step.micro);
    u32::try_from(rounded).ok().filter(|steps| (1..=1000).contains(steps))
}

fn constant_measure(table: &mut Table<'_>, key: &'static str) -> Option<At<Decimal>> {
    if !table.has(key) {
        table.missing(key, Kind::Measure);
    }
    table.optional(key, Value::decimal)
}

fn zeros(scope: &Scope<'_>, value: Value<'_>) -> Option<BTreeMap<String, Vec<String>>> {
    let mut zeros = BTreeMap::new();
    for (dimension, value) in value.table()?.into_entries() {
        let page = value.page;
        let list = scope.list_of(page, &dimension);
        let Some(codes) = value.texts() else { continue };
        for code in &codes {
            scope.must_be_code(page, list, code);
        }
        zeros.insert(dimension.value, codes.into_iter().map(|code| code.value).collect());
    }
    Some(zeros)
}

fn columns(scope: &Scope<'_>, value: Value<'_>) -> Option<BTreeMap<String, ColumnSpec>> {
    let mut columns = BTreeMap::new();
    for (alias, value) in value.table()?.into_entries() {
        scope.must_be_mentioned(value.page, &alias);
        let mut table = value.table()?;
        let unit = table.required("unit", |value| scope.unit(value));
        let title = table.required("title", Value::translated);
        let note = table.optional("note", Value::translated);
        table.finish();
        if let (Some(unit), Some(title)) = (unit, title) {
            columns.insert(alias.value, ColumnSpec { unit, title, note });
        }
    }
    Some(columns)
}
