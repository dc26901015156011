//! Flags recomputed from the published numbers (algorithms 7.5), and what each status allows a row to say.

use std::collections::BTreeSet;

use marsad_privacy::flag::Flag;

use super::Found;
use super::table::{Record, Table};
use crate::release_json::StatisticJson;

/// Six decimals cannot tell a margin from its limit closer than this.
const EDGE: f64 = 2e-6;

pub(super) fn check(table: &Table, statistic: &StatisticJson) -> Found {
    let shown = shown_codes(table);
    let mut n = [0_usize; 4];
    for row in &table.rows {
        let fault = match row.status.as_str() {
            "M" => structural_zero(row, &shown).map_err(str::to_owned),
            _ if statistic.exact == Some(true) => exact(row).map_err(str::to_owned),
            _ => measured(row, statistic.ratio == Some(true)),
        };
        if let Err(fault) = fault {
            return Err(format!("{}: {fault}", row.key(table)));
        }
        n["AUQM".find(row.status.as_str()).unwrap_or(0)] += 1;
    }
    Ok(format!("{} A, {} U, {} Q, {} M", n[0], n[1], n[2], n[3]))
}

/// Codes of each dimension with at least one row that is no structural zero.
fn shown_codes(table: &Table) -> BTreeSet<(usize, usize)> {
    let rows = table.rows.iter().filter(|row| row.status != "M");
    rows.flat_map(|row| row.codes.iter().copied().enumerate()).collect()
}

/// A structural zero is a whole code of a dimension, and has no number (algorithms 2.6).
fn structural_zero(row: &Record, shown: &BTreeSet<(usize, usize)>) -> Result<(), &'static str> {
    if row.texts.iter().any(|text| !text.is_empty()) {
        return Err("a structural zero has no number");
    }
    if row.codes.iter().copied().enumerate().all(|code| shown.contains(&code)) {
        return Err("M, but none of its codes is ruled out as a whole");
    }
    Ok(())
}

fn exact(row: &Record) -> Result<(), &'static str> {
    let [estimate, lower, upper, margin] = row.numbers().ok_or("an exact figure is never empty")?;
    #[expect(clippy::float_cmp, reason = "the texts are the same")]
    let same = estimate == lower && estimate == upper && margin == 0.0;
    let value = row.value().is_some_and(|value| (value as f64 - estimate).abs() < 0.5);
    if same && value && row.texts[4].is_empty() && row.status == "A" {
        Ok(())
    } else {
        Err("exact: lower = upper = estimate = value, margin 0, no raw, always A")
    }
}

fn measured(row: &Record, ratio: bool) -> Result<(), String> {
    let Some([estimate, lower, upper, margin]) = row.numbers() else {
        let unbounded = ratio && row.status == "Q" && row.texts.iter().all(String::is_empty);
        return if unbounded { Ok(()) } else { Err("numbers are missing".into()) };
    };
    let expected = Flag::of(estimate, margin).code();
    let near = |limit: f64| (margin - limit * estimate).abs() < EDGE;
    if row.status != expected && !near(0.2) && !near(0.5) {
        return Err(format!("flag {}, computed {expected}", row.status));
    }
    if row.texts[5].is_empty() != (row.status == "Q") {
        return Err("value is empty exactly where the status is Q".into());
    }
    if lower > estimate.max(0.0) + EDGE || estimate > upper + EDGE || lower > upper {
        return Err("the estimate is outside its interval".into());
    }
    if ratio && !row.texts[4].is_empty() {
        return Err("a quotient is not measured itself, so it has no raw".into());
    }
    Ok(())
}
