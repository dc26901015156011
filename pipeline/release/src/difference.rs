//! Differences (C13): what a new table tells together with tables that are public already, and how sharply.
//!
//! Every difference of noisy cells carries the noise of all of them, so that the promise to each person holds whatever is
//! subtracted; the margin says how many persons stay hidden in the group that remains. From shapes and forecasts alone.

use std::collections::{BTreeMap, BTreeSet};

use marsad_ledger::State;
use marsad_ledger::proposal::{Attack, Difference, Forecast, StatisticRequest};
use marsad_privacy::shape::{Aggregate, Expression};
use marsad_terms::{Digest, Grain, Period, RecordTypeId, ReleaseId, flow_id};

use crate::forecast::columns;

/// One table of one release, new or public.
struct Table<'a> {
    release: Option<&'a ReleaseId>,
    dataflow: String,
    record_types: &'a BTreeSet<RecordTypeId>,
    plan: Option<Digest>,
    aggregate: &'a Aggregate,
    grain: Grain,
    dimensions: Vec<String>,
    /// Code list and codes of each dimension.
    codes: Vec<(&'a str, BTreeSet<&'a str>)>,
    periods: Vec<Period>,
    margin: f64,
}

/// All differences between the new tables and those of earlier requests, this one apart; the sharpest first.
pub(crate) fn differences(
    state: &State,
    own: &Digest,
    statistics: &[StatisticRequest],
    forecasts: &[Forecast],
) -> Vec<Difference> {
    let new = tables(None, statistics, forecasts);
    let earlier = state.requests().into_iter().filter(|r| r.f != *own && r.state.holds_the_release_id());
    let earlier: Vec<Table<'_>> = earlier
        .flat_map(|r| tables(Some(&r.proposal.release), &r.proposal.request.statistics, &r.proposal.tables))
        .collect();
    let pairs = new.iter().flat_map(|table| earlier.iter().map(move |old| (table, old)));
    let mut found: Vec<Difference> = pairs.filter_map(|(table, old)| of_two(table, old)).collect();
    found.extend(years(&new, &earlier));
    let margin = |difference: &Difference| difference.margin.parse::<f64>().unwrap_or(f64::MAX);
    found.sort_by(|a, b| margin(a).total_cmp(&margin(b)));
    found
}

fn tables<'a>(
    release: Option<&'a ReleaseId>,
    statistics: &'a [StatisticRequest],
    forecasts: &[Forecast],
) -> Vec<Table<'a>> {
    let mut tables = Vec::new();
    for statistic in statistics {
        let Some(shape) = &statistic.shape else { continue };
        for (number, output) in shape.outputs.iter().enumerate() {
            let Expression::Aggregate { aggregate } = output.expression else { continue };
            let dataflow = flow_id(&shape.id.dataflow(number, &output.name));
            for spec in shape.tables.iter().filter(|spec| spec.aggregate == aggregate) {
                let dimensions = columns(shape, spec.grain, &spec.dimensions);
                let same = |f: &&Forecast| f.dataflow == dataflow && f.dimensions == dimensions;
                let margin = forecasts.iter().find(same).and_then(|forecast| forecast.margin.parse().ok());
                let Some(margin) = margin else { continue };
                let used = spec.dimensions.iter().map(|d| &shape.dimensions[*d]);
                tables.push(Table {
                    release,
                    dataflow: dataflow.clone(),
                    record_types: &statistic.record_types,
                    plan: statistic.plan,
                    aggregate: &shape.aggregates[aggregate],
                    grain: spec.grain,
                    dimensions,
                    codes: used
                        .map(|d| (d.code_list.as_str(), d.codes.iter().map(String::as_str).collect()))
                        .collect(),
                    periods: shape.periods_of(spec.grain),
                    margin,
                });
            }
        }
    }
    tables
}

impl Table<'_> {
    /// Whether both count the same kind of thing out of the same records, by the same code lists.
    fn compares(&self, other: &Self) -> bool {
        let lists = |table: &Self| -> Vec<String> {
            table.codes.iter().map(|(list, _)| (*list).to_owned()).collect()
        };
        !self.record_types.is_disjoint(other.record_types)
            && self.aggregate == other.aggregate
            && lists(self) == lists(other)
    }

    fn common_keys(&self, other: &Self) -> usize {
        self.codes.iter().zip(&other.codes).map(|((_, a), (_, b))| a.intersection(b).count()).product()
    }
}

/// The same cells estimated again, or counted by another statement.
fn of_two(new: &Table<'_>, old: &Table<'_>) -> Option<Difference> {
    let n_periods = new.periods.iter().filter(|period| old.periods.contains(period)).count();
    let cells = new.common_keys(old) * n_periods;
    if !new.compares(old) || new.grain != old.grain || cells == 0 {
        return None;
    }
    let (attack, combined, remains) = if new.plan == old.plan {
        let combined = 1.0 / (new.margin.powi(-2) + old.margin.powi(-2)).sqrt();
        (Attack::SameCells, format!("{combined:.1}"), "what changed in the records since".to_owned())
    } else {
        let remains = format!("whom only one of {} and {} counts", new.dataflow, old.dataflow);
        (Attack::TwoStatements, String::new(), remains)
    };
    Some(Difference {
        attack,
        release: old.release?.clone(),
        earlier: old.dataflow.clone(),
        dataflow: new.dataflow.clone(),
        dimensions: new.dimensions.clone(),
        cells: cells as u64,
        margin: format!("{:.1}", new.margin.hypot(old.margin)),
        combined,
        remains,
    })
}

/// Each year less those of its quarters that will be public, where the year or a quarter is new.
fn years(new: &[Table<'_>], earlier: &[Table<'_>]) -> Vec<Difference> {
    let all: Vec<&Table<'_>> = earlier.iter().chain(new).collect();
    let mut found = Vec::new();
    for whole in all.iter().filter(|table| table.grain == Grain::Year) {
        for year in &whole.periods {
            found.extend(year_less_quarters(whole, year.year(), &all));
        }
    }
    found
}

fn year_less_quarters(whole: &Table<'_>, year: u16, all: &[&Table<'_>]) -> Option<Difference> {
    // A later table takes the place of an earlier one: `all` begins with the public ones.
    let mut quarters: BTreeMap<String, &Table<'_>> = BTreeMap::new();
    let parts = all.iter().filter(|t| t.grain == Grain::Quarter && t.compares(whole) && t.plan == whole.plan);
    for part in parts {
        for quarter in part.periods.iter().filter(|quarter| quarter.year() == year) {
            quarters.insert(quarter.to_string(), part);
        }
    }
    let is_new = whole.release.is_none() || quarters.values().any(|part| part.release.is_none());
    let public = std::iter::once(whole.release).chain(quarters.values().map(|part| part.release));
    let release = public.flatten().next_back()?;
    if !is_new || !(1..4).contains(&quarters.len()) {
        return None;
    }
    let others = (1..=4).map(|n| format!("{year}-Q{n}")).filter(|quarter| !quarters.contains_key(quarter));
    let squares = quarters.values().map(|part| part.margin.powi(2)).sum::<f64>();
    Some(Difference {
        attack: Attack::YearLessQuarters,
        release: release.clone(),
        earlier: whole.dataflow.clone(),
        dataflow: whole.dataflow.clone(),
        dimensions: whole.dimensions.clone(),
        cells: quarters.values().map(|part| whole.common_keys(part)).min().unwrap_or(0) as u64,
        margin: format!("{:.1}", (whole.margin.powi(2) + squares).sqrt()),
        combined: String::new(),
        remains: others.collect::<Vec<_>>().join(", "),
    })
}
