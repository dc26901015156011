//! Choosing C² or k on people who do not exist: what each constant would clip, leave out and cost in noise (governance C05).
//!
//! A bound that is chosen by looking at records is a release of its own; so this looks at a simulated programme, and at the
//! noisy losses that earlier releases published. It deliberately lacks any way to the landing.

use std::collections::{BTreeSet, VecDeque};

use marsad_aggregate::rehearsal::Rehearsal;
use marsad_aggregate::{Analysis, Sources};
use marsad_catalog::{BoundMode, Catalog, Release, Statistic};
use marsad_ledger::{Ledger, State};
use marsad_privacy::estimate::{Bounding, bounding};
use marsad_privacy::joint::FIXED_POINT;
use marsad_privacy::noisy_table::RunResult;
use marsad_privacy::shape::{Aggregate, Bound, Expression, Output, StatisticShape};
use marsad_privacy::{Joint, accuracy};
use marsad_terms::{NanoRho, Progress, ReleaseId, flow_id};

use crate::check::any_periods;
use crate::error::Error;
use crate::forecast::columns;
use crate::prepare::{accepted, prepare};

/// Nobody is clipped by it: a person would need a million contributions.
const UNBOUNDED: u64 = 1 << 40;
/// No ladder is longer.
const MOST_RUNGS: usize = 14;

/// One constant of the ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// C² or k.
    pub constant: u64,
    /// Persons who lose something, in per cent.
    pub clipped_percent: f64,
    /// Contributions left out, in per cent of all, in the table that loses most.
    pub left_out_percent: f64,
    /// By table, in the ladder's order.
    pub tables: Vec<Errors>,
}

/// The errors of one table's cells under one constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// Standard deviation of the noise.
    pub noise: f64,
    /// Root mean square of noise and of what the bound leaves out together.
    pub total: f64,
}

/// What a rehearsal found.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    /// `c_squared` or `k`.
    pub key: &'static str,
    /// The statistic's constant today.
    pub declared: u64,
    /// The one whose errors are least, taken relative to each table's best and averaged.
    pub suggested: u64,
    /// Dataflow and columns of each table.
    pub tables: Vec<(String, Vec<String>)>,
    /// Ascending.
    pub rungs: Vec<Rung>,
    /// The price of the whole release.
    pub price: NanoRho,
    /// Simulated persons who contribute.
    pub persons: u64,
}

/// Which fictitious programme, at which price, beside which other statistics.
pub struct Stage<'a> {
    /// Definitions.
    pub catalog: &'a Catalog,
    /// The release that the statistic stands in; alone, for one period, without.
    pub release: Option<&'a Release>,
    /// Price of the whole release.
    pub price: NanoRho,
    /// Seed and scale of the programme; 1 is the programme document's size.
    pub programme: (u64, f64),
}

impl Stage<'_> {
    /// Rehearses a ladder of constants around the statistic's own.
    ///
    /// # Errors
    /// `NoConstant` for a bound without one; what a check refuses; a simulation that fails.
    pub async fn ladder(&self, statistic: &Statistic, progress: Progress<'_>) -> Result<Ladder, Error> {
        let (key, declared) = constant(statistic)?;
        let analysis = accepted(statistic, &Sources::of(self.catalog))?;
        let types: BTreeSet<_> =
            analysis.record_types.keys().filter_map(|table| table.parse().ok()).collect();
        let rehearsal = Rehearsal::new(self.catalog, self.programme, &types, progress).await?;
        let play = Play { stage: self, analysis: &analysis, statistic, rehearsal: &rehearsal };
        let shape = play.shape(declared)?;
        let all = play.sums(UNBOUNDED, FIXED_POINT).await?;
        // A bound of nothing clips everybody who contributes.
        let persons = clipped(&play.sums(0, FIXED_POINT).await?, FIXED_POINT);
        let mut rungs = Vec::new();
        let mut constants = ladder(key, declared);
        while let Some(constant) = constants.pop_front() {
            rungs.push(play.rung(constant, (&all, persons), &shape).await?);
            // A best one at the upper end is none yet: there is less to lose further up.
            if constants.is_empty() && rungs.len() < MOST_RUNGS && suggested(&rungs) == constant {
                constants.push_back(next(key, constant));
            }
        }
        let shown = shown(&shape);
        let name = |(output, table): &(usize, usize)| {
            let flow = flow_id(&shape.id.dataflow(*output, &shape.outputs[*output].name));
            (flow, columns(&shape, shape.tables[*table].grain, &shape.tables[*table].dimensions))
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of simulated people"
        )]
        let persons = persons as u64;
        Ok(Ladder {
            key,
            declared,
            suggested: suggested(&rungs),
            tables: shown.iter().map(name).collect(),
            rungs,
            price: self.price,
            persons,
        })
    }
}

struct Play<'a> {
    stage: &'a Stage<'a>,
    analysis: &'a Analysis,
    statistic: &'a Statistic,
    rehearsal: &'a Rehearsal<'a>,
}

impl Play<'_> {
    /// The statistic's shape under another constant.
    fn shape(&self, constant: u64) -> Result<StatisticShape, Error> {
        let mut statistic = self.statistic.clone();
        match statistic.bound.mode {
            BoundMode::NormClip => statistic.bound.c_squared = Some(constant),
            _ => statistic.bound.k = u32::try_from(constant).ok().or(Some(u32::MAX)),
        }
        let release = self.stage.release;
        let periods = release.map_or_else(|| any_periods(self.analysis), |release| release.periods.clone());
        let share = release.and_then(|release| release.shares.get(&statistic.id)).copied().unwrap_or(1);
        Ok(self.analysis.shape(&statistic, self.stage.catalog, &periods, share)?)
    }

    async fn sums(&self, constant: u64, f: u32) -> Result<Vec<i128>, Error> {
        Ok(self.rehearsal.sums(self.analysis, &self.shape(constant)?, f).await?)
    }

    /// The release with the statistic under that constant.
    fn joint(&self, shape: StatisticShape) -> Result<(Joint, usize), Error> {
        let Some(release) = self.stage.release else { return Ok((Joint::new(vec![shape])?, 0)) };
        let prepared = prepare(self.stage.catalog, release)?;
        let mut shapes: Vec<StatisticShape> =
            prepared.joint.iter().flat_map(|joint| joint.shapes().to_vec()).collect();
        let place = shapes.iter().position(|own| own.id == shape.id);
        let place = place.ok_or_else(|| Error::NotInRelease {
            statistic: shape.id.clone(),
            release: release.id.clone(),
        })?;
        shapes[place] = shape;
        Ok((Joint::new(shapes)?, place))
    }

    async fn rung(
        &self,
        constant: u64,
        (all, persons): (&[i128], f64),
        shape: &StatisticShape,
    ) -> Result<Rung, Error> {
        let (joint, place) = self.joint(self.shape(constant)?)?;
        let kept = self.sums(constant, joint.f()).await?;
        let forecast = accuracy::forecast(&joint, self.stage.price)?;
        let shown = shown(shape);
        let errors = |(output, table): &(usize, usize)| {
            let own = forecast.iter().find(|t| (t.statistic, t.output, t.table) == (place, *output, *table));
            let noise = own.and_then(|table| table.sd).unwrap_or(f64::NAN);
            let bias = self.bias(shape, *table, (&kept, all), joint.f());
            Errors { noise, total: noise.hypot(bias) }
        };
        let total = |table: usize, sums: &[i128]| {
            cells(shape, table, sums).iter().map(|sum| *sum as f64).sum::<f64>()
        };
        let lost = shown.iter().map(|(_, table)| 1.0 - total(*table, &kept) / total(*table, all).max(1.0));
        Ok(Rung {
            constant,
            clipped_percent: 100.0 * clipped(&kept, joint.f()) / persons.max(1.0),
            left_out_percent: 100.0 * lost.fold(0.0, f64::max),
            tables: shown.iter().map(errors).collect(),
        })
    }

    /// Root mean square over the cells of what is left out, at the programme's full size: it grows with the persons.
    fn bias(&self, shape: &StatisticShape, table: usize, (kept, all): (&[i128], &[i128]), f: u32) -> f64 {
        let step = match &shape.aggregates[shape.tables[table].aggregate] {
            Aggregate::Sum(measure) => measure.step.parse().unwrap_or(1.0),
            _ => 1.0,
        };
        let unit = step / (f64::from(shape.tables[table].b) * 2_f64.powi(f.cast_signed()));
        let lost = cells(shape, table, kept).iter().zip(cells(shape, table, all));
        let squares: Vec<f64> = lost.map(|(kept, all)| ((all - kept) as f64 * unit).powi(2)).collect();
        (squares.iter().sum::<f64>() / squares.len() as f64).sqrt() / self.stage.programme.1
    }
}

fn cells<'a>(shape: &StatisticShape, table: usize, sums: &'a [i128]) -> &'a [i128] {
    &sums[shape.offset(table)..][..shape.n_cells(&shape.tables[table])]
}

/// Persons who lost something: the last figure but one.
fn clipped(sums: &[i128], f: u32) -> f64 {
    sums.len().checked_sub(2).map_or(0.0, |place| sums[place] as f64 / 2_f64.powi(f.cast_signed()))
}

/// Output and table of everything that is shown and is no ratio.
fn shown(shape: &StatisticShape) -> Vec<(usize, usize)> {
    let of_output = |(output, column): (usize, &Output)| {
        let aggregate = match column.expression {
            Expression::Aggregate { aggregate } => Some(aggregate),
            Expression::Ratio { .. } => None,
        };
        let tables = shape.tables.iter().enumerate();
        let own = tables.filter(move |(_, table)| Some(table.aggregate) == aggregate);
        own.map(move |(table, _)| (output, table)).collect::<Vec<_>>()
    };
    shape.outputs.iter().enumerate().flat_map(of_output).collect()
}

fn constant(statistic: &Statistic) -> Result<(&'static str, u64), Error> {
    match (statistic.bound.mode, statistic.bound.c_squared, statistic.bound.k) {
        (BoundMode::NormClip, Some(c_squared), _) => Ok(("c_squared", c_squared)),
        (BoundMode::Truncate, _, Some(k)) => Ok(("k", u64::from(k))),
        _ => Err(Error::NoConstant(statistic.id.clone())),
    }
}

/// Around the declared constant: octaves of C², every k.
fn ladder(key: &str, declared: u64) -> VecDeque<u64> {
    let mut constants: Vec<u64> = match key {
        "k" => (1..=declared + 2).collect(),
        _ => (0..=4).map(|octave| declared >> octave).chain([2 * declared, 4 * declared]).collect(),
    };
    constants.retain(|constant| *constant > 0);
    constants.sort_unstable();
    constants.dedup();
    constants.into()
}

fn next(key: &str, constant: u64) -> u64 {
    if key == "k" { constant + 1 } else { 2 * constant }
}

fn suggested(rungs: &[Rung]) -> u64 {
    let n = rungs.first().map_or(0, |rung| rung.tables.len());
    let best = |table: usize| rungs.iter().map(|rung| rung.tables[table].total).fold(f64::INFINITY, f64::min);
    let worth = |rung: &Rung| (0..n).map(|table| rung.tables[table].total / best(table)).sum::<f64>();
    let least = rungs.iter().min_by(|a, b| worth(a).total_cmp(&worth(b)));
    least.map_or(0, |rung| rung.constant)
}

/// What an earlier release published of a statistic's losses: noisy figures that everybody has.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The release.
    pub release: ReleaseId,
    /// Its constant then, C² or k.
    pub constant: u64,
    /// The figures.
    pub losses: Bounding,
}

/// The published losses of one statistic, oldest first.
///
/// # Errors
/// A stored result that is missing or damaged.
pub async fn published(
    ledger: &Ledger,
    state: &State,
    statistic: &Statistic,
) -> Result<Vec<Published>, Error> {
    let mut found = Vec::new();
    for request in state.requests() {
        // What was released but never published is not public yet.
        let Some(_) = request.manifest else { continue };
        let Some((_, bytes)) = ledger.receipt(request.f).await? else { continue };
        let damaged = marsad_privacy::Error::Damaged { what: "it is no result of a run" };
        let result: RunResult = serde_json::from_slice(&bytes).map_err(|_| damaged)?;
        let Some(noisy) = result.noisy else { continue };
        let Some(place) = noisy.shapes().iter().position(|shape| shape.id == statistic.id) else { continue };
        let constant = match noisy.shapes()[place].bound {
            Bound::NormClip { c_squared, .. } => c_squared,
            Bound::Truncate { k, .. } => u64::from(k),
            Bound::HomeCell | Bound::First { .. } => continue,
        };
        let losses = bounding(&noisy, place)?;
        let release = request.release().clone();
        found.extend(losses.map(|losses| Published { release, constant, losses }));
    }
    Ok(found)
}
