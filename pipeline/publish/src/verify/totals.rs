//! Do parts add up? A total is `_T` over the codes that nobody is a part of, or a code over those that name it as parent.
//!
//! Structural zeros count as 0. Where a total has no row of its own, the sums over different dimensions must agree.

use std::collections::BTreeMap;

use super::Found;
use super::table::{Axis, Record, Table};
use crate::release_json::StatisticJson;

/// What rounding to six decimals may hide, a cell (publication 1).
const TOLERANCE: f64 = 1e-6;

type Key = (String, Vec<usize>);

pub(super) fn check(table: &Table, statistic: &StatisticJson) -> Found {
    let cells: BTreeMap<Key, &Record> =
        table.rows.iter().map(|row| ((row.period.to_string(), row.codes.clone()), row)).collect();
    let mut implied: BTreeMap<Key, (f64, usize)> = BTreeMap::new();
    let mut n = 0;
    for (place, axis) in table.dimensions.iter().enumerate() {
        if !statistic.additive_over.contains(&axis.id) {
            continue;
        }
        for (whole, parts) in families(axis) {
            for key in groups(&cells, place, whole, &parts) {
                let named = |fault: String| format!("{}{}: {fault}", key.0, code_names(table, &key.1));
                n += usize::from(one(&cells, &mut implied, place, &key, &parts).map_err(named)?);
            }
        }
    }
    Ok(if n == 0 { "nothing to add up".into() } else { format!("{n} sums") })
}

/// The totals of a list with their parts.
fn families(axis: &Axis) -> Vec<(usize, Vec<usize>)> {
    let codes = &axis.list.codes;
    let parts_of = |id: &str| -> Vec<usize> {
        (0..codes.len()).filter(|i| codes[*i].parent.as_deref() == Some(id)).collect()
    };
    let is_parent = |id: &str| codes.iter().any(|code| code.parent.as_deref() == Some(id));
    let mut families: Vec<(usize, Vec<usize>)> = (0..codes.len())
        .map(|i| (i, parts_of(&codes[i].id)))
        .filter(|(_, parts)| !parts.is_empty())
        .collect();
    if let Some(total) = axis.total().filter(|total| !is_parent(&codes[*total].id)) {
        let leaves = (0..codes.len()).filter(|i| *i != total && !is_parent(&codes[*i].id)).collect();
        families.push((total, leaves));
    }
    families
}

/// The keys of a total: where it or one of its parts has a row.
fn groups(cells: &BTreeMap<Key, &Record>, place: usize, whole: usize, parts: &[usize]) -> Vec<Key> {
    let concerned = cells.keys().filter(|(_, codes)| codes[place] == whole || parts.contains(&codes[place]));
    let mut keys: Vec<Key> = concerned.map(|key| with(key, place, whole)).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn with((period, codes): &Key, place: usize, code: usize) -> Key {
    let mut codes = codes.clone();
    codes[place] = code;
    (period.clone(), codes)
}

/// Checks one sum; false where there was nothing to compare.
fn one(
    cells: &BTreeMap<Key, &Record>,
    implied: &mut BTreeMap<Key, (f64, usize)>,
    place: usize,
    key: &Key,
    parts: &[usize],
) -> Result<bool, String> {
    let inside: Vec<&Record> =
        parts.iter().filter_map(|part| cells.get(&with(key, place, *part)).copied()).collect();
    if inside.is_empty() {
        return Ok(false);
    }
    if inside.len() < parts.len() {
        return Err("some of its parts have no row".into());
    }
    let sum: f64 = inside.iter().filter_map(|row| row.numbers()).map(|[estimate, ..]| estimate).sum();
    let Some(whole) = cells.get(key) else {
        let Some((other, n)) = implied.insert(key.clone(), (sum, parts.len())) else { return Ok(false) };
        let near = (other - sum).abs() <= TOLERANCE * (n + parts.len()) as f64;
        return if near { Ok(true) } else { Err("sums over two dimensions differ".into()) };
    };
    match whole.numbers() {
        None if inside.iter().all(|row| row.status == "M") => Ok(true),
        None => Err("is a structural zero, one of its parts is not".into()),
        Some([estimate, ..]) if (estimate - sum).abs() > TOLERANCE * (parts.len() + 1) as f64 => {
            Err(format!("estimates of the parts miss it by {:.6}", (estimate - sum).abs()))
        }
        Some(_) => values(whole, &inside).map(|()| true),
    }
}

/// Display values add up where all parts show one, and never pass the total.
fn values(whole: &Record, inside: &[&Record]) -> Result<(), String> {
    let Some(total) = whole.value() else { return Ok(()) };
    let all = inside.iter().all(|row| row.value().is_some() || row.status == "M");
    let sum: i64 = inside.iter().filter_map(|row| row.value()).sum();
    if (all && sum != total) || sum > total {
        return Err(format!("values of the parts add up to {sum}, shown is {total}"));
    }
    Ok(())
}

fn code_names(table: &Table, codes: &[usize]) -> String {
    table.dimensions.iter().zip(codes).flat_map(|(axis, code)| [" ", &axis.list.codes[*code].id]).collect()
}
