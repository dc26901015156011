//! What the accuracy bench says: tables for a reader, one JSON object for a program.

use marsad_privacy::shape::{Bound, StatisticShape, TableSpec};
use serde_json::{Value, json};

use crate::{Compared, DELTA, PRICE, RELEASES_OF_A_PLAN, Setting};

/// Prints everything.
pub(crate) fn print(compared: &[Compared], setting: &Setting, pairs: &[usize]) {
    println!(
        "ρ = {PRICE} a statistic, that is ε = {} at δ = {DELTA}; {} releases each; scale of the simulated programme {}",
        setting.epsilon, setting.releases, setting.scale
    );
    println!("root mean square error of a table's cells against the exact table without any bound\n");
    compared.iter().for_each(tables);
    println!("totals of areas, noise alone: from each table that has areas, and reconciled");
    compared.iter().filter(|one| one.marsad.areas.is_some()).for_each(areas);
    println!("\nwhat k pairs (quarter, region, service) a person keep of all pairs of the whole programme");
    for k in KEPT {
        println!("  k = {k:<2} {:>5.1} %", 100.0 * kept(pairs, k));
    }
    println!("\ngeometric mean over tables of the error, Marsad's = 1");
    println!("{}", line("", &CONTENDERS));
    for one in compared {
        let ratios = ratios(one).map(|ratio| format!("{ratio:.2}"));
        println!("{}", line(&name(one), &ratios.each_ref().map(String::as_str)));
    }
    println!("\n{}", document(compared, setting, pairs));
}

const KEPT: [usize; 5] = [1, 2, 4, 8, 16];

fn kept(pairs: &[usize], k: usize) -> f64 {
    let sum = |pairs: &mut dyn Iterator<Item = usize>| pairs.sum::<usize>() as f64;
    sum(&mut pairs.iter().map(|n| *n.min(&k))) / sum(&mut pairs.iter().copied())
}

/// The contenders in the order of [`ratios`].
const CONTENDERS: [&str; 6] = ["best bound", "tables alone", "k kept", "Gaussian", "Laplace", "of a plan"];

fn line(name: &str, cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>13}")).collect();
    format!("{name:<41}{}", cells.concat())
}

pub(crate) fn name(one: &Compared) -> String {
    let id = one.case.shape.id.to_string();
    let id = if id == "bench_derived" { "three tables of 3.3" } else { &id };
    format!("{}: {id}", one.case.data)
}

fn bound(one: &Compared) -> String {
    let best = one.best.as_ref().map_or_else(String::new, |(best, _)| format!(", best {best}"));
    match one.case.shape.bound {
        Bound::HomeCell => "home cell".to_owned(),
        Bound::First { .. } => "first".to_owned(),
        Bound::Truncate { k, .. } => format!("truncate k = {k}{best}"),
        Bound::NormClip { c_squared, .. } => format!("norm clip C² = {c_squared}{best}"),
    }
}

/// The errors with the best constant of the bound; Marsad's own where it has none.
fn with_best(one: &Compared) -> Vec<f64> {
    let released = one.best.as_ref().map_or(&one.marsad, |(_, released)| released);
    released.reconciled.iter().map(|errors| errors.total).collect()
}

/// The dimensions of a table, its period first.
pub(crate) fn set(shape: &StatisticShape, table: &TableSpec) -> String {
    let names = table.dimensions.iter().map(|d| shape.dimensions[*d].name.as_str());
    std::iter::once(table.grain.column()).chain(names).collect::<Vec<_>>().join(", ")
}

fn tables(one: &Compared) {
    let shape = &one.case.shape;
    println!("{} ({} persons; {}; kept: k = {})", name(one), one.case.persons.len(), bound(one), one.k);
    let best = with_best(one);
    println!("{}", line("", &[&["mean cell", "Marsad", "of it bias"][..], &CONTENDERS].concat()));
    for (index, table) in shape.tables.iter().enumerate() {
        let exact = &one.case.exact[index];
        let ours = one.marsad.reconciled[index];
        let cells = [
            exact.iter().sum::<f64>() / exact.len() as f64,
            ours.total,
            ours.bias,
            best[index],
            one.marsad.alone[index],
            one.kept.reconciled[index].total,
            one.gaussian[index],
            one.laplace[index],
            one.laplace_of_a_plan[index],
        ];
        let cells = cells.map(|error| format!("{error:.1}"));
        println!("{}", line(&format!("  {}", set(shape, table)), &cells.each_ref().map(String::as_str)));
    }
    println!();
}

fn areas(one: &Compared) {
    let Some((tables, reconciled)) = &one.marsad.areas else { return };
    let each: Vec<String> = tables.iter().map(|error| format!("{error:.1}")).collect();
    let (best, worst) = extremes(tables);
    println!(
        "  {:<42}{}; reconciled {reconciled:.1}: {:.0} % below the best, {:.0} % below the worst",
        name(one),
        each.join(", "),
        100.0 * (1.0 - reconciled / best),
        100.0 * (1.0 - reconciled / worst)
    );
}

fn extremes(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// By contender: the geometric mean over tables of its error in Marsad's.
pub(crate) fn ratios(one: &Compared) -> [f64; 6] {
    let kept: Vec<f64> = one.kept.reconciled.iter().map(|errors| errors.total).collect();
    let best = with_best(one);
    let contenders = [&best, &one.marsad.alone, &kept, &one.gaussian, &one.laplace, &one.laplace_of_a_plan];
    contenders.map(|errors| {
        let logs = errors.iter().zip(&one.marsad.reconciled);
        let logs = logs.map(|(theirs, ours)| (theirs / ours.total).ln());
        (logs.sum::<f64>() / errors.len() as f64).exp()
    })
}

fn document(compared: &[Compared], setting: &Setting, pairs: &[usize]) -> Value {
    let statistics: Vec<Value> = compared.iter().map(statistic).collect();
    json!({
        "nano_rho": PRICE, "delta": DELTA, "epsilon": setting.epsilon, "releases": setting.releases,
        "scale": setting.scale, "releases_of_a_plan": RELEASES_OF_A_PLAN, "statistics": statistics,
        "pairs_kept": KEPT.map(|k| json!({"k": k, "share": rounded(kept(pairs, k))})),
    })
}

fn statistic(one: &Compared) -> Value {
    let shape = &one.case.shape;
    let best = with_best(one);
    let table = |(index, table): (usize, &TableSpec)| {
        let ours = one.marsad.reconciled[index];
        json!({
            "table": set(shape, table), "cells": shape.n_cells(table), "marsad": rounded(ours.total),
            "bias": rounded(ours.bias), "best_bound": rounded(best[index]), "alone": rounded(one.marsad.alone[index]),
            "k_kept": rounded(one.kept.reconciled[index].total), "gaussian": rounded(one.gaussian[index]),
            "laplace": rounded(one.laplace[index]), "laplace_of_a_plan": rounded(one.laplace_of_a_plan[index]),
        })
    };
    let areas = one.marsad.areas.as_ref().map(|(tables, reconciled)| {
        let tables: Vec<f64> = tables.iter().map(|error| rounded(*error)).collect();
        json!({"tables": tables, "reconciled": rounded(*reconciled)})
    });
    json!({
        "data": one.case.data, "statistic": shape.id, "bound": bound(one), "best_constant": one.best.as_ref().map(|(best, _)| best), "best_k": one.k,
        "tables": shape.tables.iter().enumerate().map(table).collect::<Vec<_>>(), "areas": areas,
    })
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
