//! `query check ID --bounds`: a ladder of constants C² or k, rehearsed on people who do not exist.
//!
//! It deliberately lacks any access to the landing: see [`marsad_release::bounds`].

use marsad_catalog::{Catalog, Price, Release, Statistic};
use marsad_privacy::estimate::Interval;
use marsad_release::bounds::{self, Ladder, Published, Rung, Stage};
use marsad_release::plan::definition;
use marsad_terms::NanoRho;
use serde_json::{Value, json};

use super::Quiet;
use crate::args::BoundsArgs;
use crate::progress::Bar;
use crate::report::{Failure, Report, decimal, table};
use crate::workspace::Workspace;

/// What every line about the ladder says.
const LABEL: &str = "SIMULATED: a fictitious programme, no record of any real person";

/// Rehearses, and sets beside it what earlier releases published.
///
/// # Errors
/// A bound without a constant, a release without the statistic, a simulation that fails.
pub(super) async fn run(
    workspace: &Workspace,
    (catalog, statistic): (&Catalog, &Statistic),
    price: Option<&Price>,
    args: &BoundsArgs,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let release = args.release.as_deref().map(|id| definition(catalog, id)).transpose()?;
    let price = priced(price, release)?;
    let stage = Stage { catalog, release, price, programme: (args.seed, args.scale) };
    let bar = Bar::new("rehearsing on a simulated programme", quiet.0);
    let ladder = stage.ladder(statistic, &|done, total| bar.at(done, total)).await?;
    drop(bar);
    let ledger = workspace.ledger()?;
    let published = match ledger.state().await {
        Ok(state) => bounds::published(&ledger, &state, statistic).await?,
        // Before the first policy nothing was published.
        Err(_) => Vec::new(),
    };
    let evidence = evidence(&ladder, args);
    let text = text(statistic, &ladder, &published, &evidence, release);
    Ok(Report::new(text, document(statistic, &ladder, &published, &evidence)))
}

/// The ρ that is given, or the release's own.
fn priced(price: Option<&Price>, release: Option<&Release>) -> Result<NanoRho, Failure> {
    match (price, release.map(|release| &release.price)) {
        (Some(Price::Rho(rho)), _) | (None, Some(Price::Rho(rho))) => Ok(*rho),
        (None, None) => Ok(super::query::SHOWN_AT),
        (Some(Price::Margin(_)), _) | (None, Some(Price::Margin(_))) => Err(Failure::usage(
            "--bounds needs a price",
            "give --rho: what a margin costs depends on the constant that is to be chosen",
        )),
    }
}

/// What the statistic's `source` may say (C05).
fn evidence(ladder: &Ladder, args: &BoundsArgs) -> String {
    format!(
        "simulated programme, seed {}, scale {}: {} = {} has the least error at ρ = {}",
        args.seed,
        args.scale,
        ladder.key,
        ladder.suggested,
        decimal(ladder.price)
    )
}

fn text(
    statistic: &Statistic,
    ladder: &Ladder,
    published: &[Published],
    evidence: &str,
    release: Option<&Release>,
) -> String {
    let beside = release.map_or_else(
        || "alone, for one period".to_owned(),
        |release| format!("beside the other statistics of release {}", release.id),
    );
    let head = format!(
        "{LABEL}\n{}: {} = {} today; {beside}, at ρ = {} for the whole release; {} simulated persons contribute",
        statistic.id,
        ladder.key,
        ladder.declared,
        decimal(ladder.price),
        ladder.persons
    );
    let mut parts = vec![head, losses(ladder), errors(ladder)];
    if !published.is_empty() {
        parts.push(earlier(published));
    }
    parts.push(format!("suggested: {} = {}\nsource = \"{evidence}\"", ladder.key, ladder.suggested));
    parts.join("\n\n")
}

fn mark(ladder: &Ladder, rung: &Rung) -> &'static str {
    match (rung.constant == ladder.declared, rung.constant == ladder.suggested) {
        (true, true) => "today, suggested",
        (true, false) => "today",
        (false, true) => "suggested",
        (false, false) => "",
    }
}

fn losses(ladder: &Ladder) -> String {
    let rows = ladder.rungs.iter().map(|rung| {
        vec![
            mark(ladder, rung).to_owned(),
            rung.constant.to_string(),
            format!("{:.2} %", rung.clipped_percent),
            format!("{:.2} %", rung.left_out_percent),
        ]
    });
    let header = ["", ladder.key, "persons clipped", "contributions left out"];
    table(&header, rows, 1)
}

/// One line a table, one column a constant: error of the noise, and of noise and bound together.
fn errors(ladder: &Ladder) -> String {
    let constants = ladder.rungs.iter().map(|rung| rung.constant.to_string());
    let header: Vec<String> = ["dataflow", "table"].map(str::to_owned).into_iter().chain(constants).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows = ladder.tables.iter().enumerate().map(|(index, (flow, dimensions))| {
        let cells = ladder.rungs.iter().map(|rung| {
            let errors = rung.tables[index];
            format!("{:.1} ({:.1})", errors.total, errors.noise)
        });
        [flow.clone(), dimensions.join(", ")].into_iter().chain(cells).collect()
    });
    format!(
        "root mean square error of a cell by {}; in brackets the part of the noise\n{}",
        ladder.key,
        table(&header, rows, 2)
    )
}

fn earlier(published: &[Published]) -> String {
    // An estimate that noise took out of what is possible tells nothing beside its interval.
    let range = |i: &Interval| match (i.lower..=i.upper).contains(&i.estimate) {
        true => format!("{:.0} ({:.0} to {:.0})", i.estimate, i.lower, i.upper),
        false => format!("{:.0} to {:.0}", i.lower, i.upper),
    };
    let rows = published.iter().map(|one| {
        let share = one.losses.share_percent;
        vec![
            one.release.to_string(),
            one.constant.to_string(),
            range(&one.losses.persons),
            range(&one.losses.contributions),
            share.map_or_else(
                || "–".to_owned(),
                |s| format!("{:.1} % ({:.1} to {:.1})", s.estimate, s.lower, s.upper),
            ),
        ]
    });
    let header = ["release", "constant", "persons clipped", "left out, at least", "share"];
    format!(
        "PUBLISHED: noisy losses of earlier releases, with their 95 % intervals\n{}",
        table(&header, rows, 1)
    )
}

fn document(statistic: &Statistic, ladder: &Ladder, published: &[Published], evidence: &str) -> Value {
    let interval = |i: &Interval| json!({"estimate": i.estimate, "lower": i.lower, "upper": i.upper});
    let rung = |rung: &Rung| {
        let tables = rung.tables.iter().map(|errors| json!({"noise": errors.noise, "total": errors.total}));
        json!({
            "constant": rung.constant, "clipped_percent": rung.clipped_percent,
            "left_out_percent": rung.left_out_percent, "tables": tables.collect::<Vec<Value>>(),
        })
    };
    let earlier = |one: &Published| {
        json!({
            "release": one.release, "constant": one.constant, "cap": one.losses.cap,
            "clipped": interval(&one.losses.persons), "left_out": interval(&one.losses.contributions),
            "share_percent": one.losses.share_percent.as_ref().map(interval),
        })
    };
    let tables = ladder.tables.iter().map(|(flow, columns)| json!({"dataflow": flow, "dimensions": columns}));
    json!({
        "simulated": true, "statistic": statistic.id, "key": ladder.key, "declared": ladder.declared,
        "suggested": ladder.suggested, "source": evidence, "nano_rho": ladder.price, "persons": ladder.persons,
        "tables": tables.collect::<Vec<Value>>(),
        "ladder": ladder.rungs.iter().map(rung).collect::<Vec<Value>>(),
        "published": published.iter().map(earlier).collect::<Vec<Value>>(),
    })
}
