//! From a release definition to what it would measure: every statement judged, every shape made, one joint vector.
//!
//! Public facts only: plan and run both start here, so that a run measures what was planned.

use marsad_aggregate::analyse::Declared;
use marsad_aggregate::{Analysis, Sources, Verdict, analyse};
use marsad_catalog::{BoundMode, Catalog, Release, Statistic};
use marsad_ledger::proposal::{MECHANISM, Request, SeriesStep, StatisticRequest};
use marsad_privacy::Joint;
use marsad_privacy::series::SeriesShape;
use marsad_privacy::shape::StatisticShape;
use marsad_terms::{NanoRho, Period, RecordTypeId};

use crate::error::Error;
use crate::series::PreparedSeries;

/// One statistic of a release.
pub struct PreparedStatistic<'a> {
    /// As declared.
    pub statistic: &'a Statistic,
    /// As accepted; `None` where publication derives it.
    pub analysis: Option<Analysis>,
    /// Its part of the joint vector; `None` for first-time series, organisations and derived ones.
    pub shape: Option<StatisticShape>,
    /// Its first-time series, a vector of its own.
    pub series: Option<PreparedSeries>,
}

impl PreparedStatistic<'_> {
    /// The record types that it scans, sub-queries included.
    pub fn record_types(&self) -> impl Iterator<Item = RecordTypeId> {
        let scanned = self.analysis.iter().flat_map(|analysis| analysis.record_types.keys());
        scanned.filter_map(|table| table.parse().ok())
    }

    /// Whether it reads records of persons.
    pub fn is_private(&self) -> bool {
        self.measured().is_some()
    }

    /// Whether it reads records of organisations.
    pub fn is_organisational(&self) -> bool {
        self.analysis.is_some() && !self.is_private()
    }

    /// What is measured of persons, jointly or in a series.
    pub fn measured(&self) -> Option<&StatisticShape> {
        self.shape.as_ref().or_else(|| self.series.as_ref().map(|series| series.shape.statistic()))
    }
}

/// A release whose statements are all accepted.
pub struct Prepared<'a> {
    /// As declared.
    pub release: &'a Release,
    /// In its order.
    pub statistics: Vec<PreparedStatistic<'a>>,
    /// The one vector of its private statistics, first-time series apart; `None` without any.
    pub joint: Option<Joint>,
}

/// Judges every statement of a release and makes its shapes.
///
/// # Errors
/// The first statistic that cannot be measured, with everything that is wrong with it.
pub fn prepare<'a>(catalog: &'a Catalog, release: &'a Release) -> Result<Prepared<'a>, Error> {
    let sources = Sources::of(catalog);
    let statistics: Vec<PreparedStatistic<'a>> = release
        .statistics
        .iter()
        .filter_map(|id| catalog.statistics.get(id))
        .map(|statistic| prepare_one(catalog, &sources, release, statistic))
        .collect::<Result<_, _>>()?;
    if statistics.iter().all(|s| s.analysis.is_none()) {
        return Err(Error::Empty(release.id.clone()));
    }
    let shapes: Vec<StatisticShape> = statistics.iter().filter_map(|s| s.shape.clone()).collect();
    let joint = if shapes.is_empty() { None } else { Some(Joint::new(shapes)?) };
    Ok(Prepared { release, statistics, joint })
}

fn prepare_one<'a>(
    catalog: &Catalog,
    sources: &Sources,
    release: &Release,
    statistic: &'a Statistic,
) -> Result<PreparedStatistic<'a>, Error> {
    if statistic.derived.is_some() {
        return Ok(PreparedStatistic { statistic, analysis: None, shape: None, series: None });
    }
    let analysis = accepted(statistic, sources)?;
    let (mut shape, mut series) = (None, None);
    if analysis.key_space.is_some() {
        let share = release.shares.get(&statistic.id).copied().unwrap_or(1);
        let measured = analysis.shape(statistic, catalog, &release.periods, share)?;
        match statistic.bound.mode {
            BoundMode::First => {
                series = Some(PreparedSeries::new(SeriesShape::new(measured)?, &release.periods)?);
            }
            _ => shape = Some(measured),
        }
    }
    Ok(PreparedStatistic { statistic, analysis: Some(analysis), shape, series })
}

/// The analysis of a statement, or why there is none.
pub(crate) fn accepted(statistic: &Statistic, sources: &Sources) -> Result<Analysis, Error> {
    let id = || statistic.id.clone();
    match analyse(&statistic.sql, sources, &Declared::of(statistic)) {
        Verdict::Accepted(analysis) => Ok(*analysis),
        Verdict::Refused(refusals) => Err(Error::Refused { statistic: id(), refusals }),
        Verdict::Invalid { what, line, column } => {
            Err(Error::Invalid { statistic: id(), what, line, column })
        }
    }
}

impl Prepared<'_> {
    /// All that determines the distribution of the output given the data (algorithms 10).
    ///
    /// # Errors
    /// Where a series has no canonical form: a defect.
    pub fn request(
        &self,
        catalog: &Catalog,
        nano_rho: NanoRho,
        selection_key: &str,
        redraws: Vec<SeriesStep>,
    ) -> Result<Request, Error> {
        let statistics = self.statistics.iter().map(|s| self.statistic_request(catalog, s, selection_key));
        Ok(Request {
            mechanism: MECHANISM.to_owned(),
            selection_key: selection_key.to_owned(),
            f: self.joint.as_ref().map_or(0, Joint::f),
            nano_rho,
            revision: self.release.revision,
            statistics: statistics.collect::<Result<_, _>>()?,
            redraws,
        })
    }

    fn statistic_request(
        &self,
        catalog: &Catalog,
        prepared: &PreparedStatistic<'_>,
        selection_key: &str,
    ) -> Result<StatisticRequest, Error> {
        let lists = prepared.analysis.iter().flat_map(|analysis| &analysis.dimensions);
        let lists = lists.filter_map(|dimension| catalog.code_lists.get(&dimension.list));
        Ok(StatisticRequest {
            id: prepared.statistic.id.clone(),
            sql: prepared.statistic.sql.clone(),
            record_types: prepared.record_types().collect(),
            plan: prepared.analysis.as_ref().map(|analysis| analysis.digest),
            code_lists: lists.map(|list| (list.id.clone(), list.digest())).collect(),
            shape: prepared.shape.clone(),
            series: prepared.series_request(selection_key)?,
            derived: prepared.statistic.derived.clone(),
            periods: if prepared.is_private() { Vec::new() } else { self.periods_of(prepared) },
        })
    }

    /// Periods of a statistic without a private vector. Figures of organisations are exact and free; where indicators are
    /// derived from them they are shown for every period since the first series began, as a total since then needs them.
    pub(crate) fn periods_of(&self, prepared: &PreparedStatistic<'_>) -> Vec<Period> {
        let derives = self.statistics.iter().any(|s| s.statistic.derived.is_some());
        let series = self.statistics.iter().filter_map(|s| s.statistic.bound.start);
        let mut periods = self.release.periods.clone();
        if let Some(start) =
            series.min_by_key(|start| start.months().0).filter(|_| derives && prepared.is_organisational())
        {
            let quarters =
                std::iter::successors(Some(start.months().0.quarter()), |quarter| Some(quarter.next()));
            let last = self.release.periods.iter().map(|period| period.months().1).max();
            periods
                .extend(quarters.take_while(|quarter| last.is_some_and(|last| quarter.months().1 <= last)));
        }
        periods.sort_by_key(ToString::to_string);
        periods.dedup();
        periods
    }

    /// Private record types that it reads, ascending.
    pub fn record_types(&self) -> Vec<RecordTypeId> {
        let private = self.statistics.iter().filter(|s| s.is_private());
        let mut types: Vec<RecordTypeId> = private.flat_map(PreparedStatistic::record_types).collect();
        types.sort();
        types.dedup();
        types
    }

    /// Calendar years that the release's periods touch, ascending.
    pub fn years(&self) -> Vec<u16> {
        let mut years: Vec<u16> = self.release.periods.iter().map(|period| period.year()).collect();
        years.sort_unstable();
        years.dedup();
        years
    }
}
