//! The first-time series of a release: which it shows, which it opens, which steps it draws (algorithms 6).
//!
//! A step is drawn once in the life of its series, by the first release that needs it; every other one takes the stored
//! figures. It deliberately lacks the joint vector.

use std::ops::RangeInclusive;

use marsad_aggregate::{Analysis, Closing};
use marsad_catalog::RecordType;
use marsad_landing::Register;
use marsad_ledger::proposal::{Request, SeriesDefinition, SeriesRequest, SeriesStep, SeriesTerms};
use marsad_ledger::{ReserveStep, State, new_run};
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::sampler::measure_step;
use marsad_privacy::series::{ExactStep, NoisySeries, NoisyStep, SeriesShape, StepDraw};
use marsad_terms::{Digest, NanoRho, Period, StatisticId};

use crate::error::Error;
use crate::prepare::{Prepared, PreparedStatistic};
use crate::run::Runner;

/// A statistic of mode `first` in a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedSeries {
    /// What it measures in each of its steps.
    pub shape: SeriesShape,
    /// The last step that the release shows.
    pub through: u32,
}

impl PreparedSeries {
    /// The series of a statistic up to the end of the release's periods.
    ///
    /// # Errors
    /// `Series` where the release ends before the series begins, or after its horizon.
    pub(crate) fn new(shape: SeriesShape, periods: &[Period]) -> Result<Self, Error> {
        let fault = |what| Error::Series { statistic: shape.statistic().id.clone(), what };
        let through =
            shape.last_step_within(periods).ok_or_else(|| fault("begins after the release's last period"))?;
        let end = periods.iter().map(|period| period.months().1).max();
        let after_last = shape.steps().last().map(|last| last.next().months().1);
        if after_last <= end {
            return Err(fault("has ended before the release's last period"));
        }
        Ok(Self { shape, through })
    }
}

impl PreparedStatistic<'_> {
    /// The series of a statistic of mode `first`, as the request names it.
    pub(crate) fn series_request(&self, selection_key: &str) -> Result<Option<SeriesRequest>, Error> {
        let Some(series) = &self.series else { return Ok(None) };
        let definition = SeriesDefinition::new(
            selection_key,
            self.statistic.id.clone(),
            self.record_types().collect(),
            self.analysis.as_ref().map(|analysis| analysis.digest),
            series.shape.clone(),
        );
        let request =
            SeriesRequest { series: definition.id()?, shape: series.shape.clone(), through: series.through };
        Ok(Some(request))
    }
}

/// What each series of a request costs: the price of opening it, or what it cost when it was opened.
pub(crate) fn terms(state: &State, prepared: &Prepared<'_>, request: &Request) -> Vec<SeriesTerms> {
    let asked = request.series();
    asked
        .map(|(statistic, asked)| {
            let opened = state.series(&asked.series);
            let declared = prepared.statistics.iter().find(|s| s.statistic.id == statistic.id);
            let price = declared.map_or(marsad_catalog::SERIES_RHO, |s| s.statistic.bound.rho);
            SeriesTerms {
                statistic: statistic.id.clone(),
                series: asked.series,
                nano_rho: opened.map_or(price, |series| series.nano_rho),
                horizon: asked.shape.horizon(),
                start: asked.shape.start(),
                opens: opened.is_none(),
            }
        })
        .collect()
}

/// The forfeited steps that the release asks to be drawn again, each as the next revision of its step.
///
/// # Errors
/// `Redraw` for a period that is no forfeited step of the series.
pub(crate) fn redraws(
    state: &State,
    prepared: &Prepared<'_>,
    selection_key: &str,
) -> Result<Vec<SeriesStep>, Error> {
    let mut redraws = Vec::new();
    for one in &prepared.statistics {
        let Some(asked) = one.series_request(selection_key)? else { continue };
        for period in prepared.release.redraws.get(&one.statistic.id).into_iter().flatten() {
            let fault = |what| Error::Redraw { statistic: one.statistic.id.clone(), period: *period, what };
            let step = asked.shape.step_of(*period).ok_or_else(|| fault("is no step of the series"))?;
            let revision = state
                .series(&asked.series)
                .and_then(|series| series.next_revision(step))
                .ok_or_else(|| fault("was not forfeited"))?;
            redraws.push(SeriesStep { series: asked.series, step, revision });
        }
    }
    Ok(redraws)
}

/// One series while its steps are drawn.
struct Drawing<'a> {
    analysis: &'a Analysis,
    record_type: &'a RecordType,
    asked: &'a SeriesRequest,
    /// What it cost when it was opened: σ of every step.
    nano_rho: NanoRho,
}

impl Runner<'_> {
    /// Draws the steps that an approved request shows and that nobody has drawn. Before the release itself is reserved, so
    /// that what fails here costs at most one step, and never the joint vector.
    ///
    /// # Errors
    /// Where the register, the rows or the ledger fail.
    pub(crate) async fn draw_due(&self, prepared: &Prepared<'_>, request: &Request) -> Result<(), Error> {
        for (asked, series) in request.series() {
            let drawing = self.drawing(prepared, &asked.id, series).await?;
            let drawn = self.ledger.drawn_steps(&series.series).await?;
            let first = u32::try_from(drawn.len()).unwrap_or(u32::MAX);
            self.draw(&drawing, first..=series.through, 0).await?;
        }
        Ok(())
    }

    /// All series of a reserved request as it shows them, forfeited steps that it asks for drawn again.
    ///
    /// # Errors
    /// As [`Runner::draw_due`].
    pub(crate) async fn series(
        &self,
        prepared: &Prepared<'_>,
        request: &Request,
    ) -> Result<Vec<NoisySeries>, Error> {
        let mut all = Vec::new();
        for (asked, series) in request.series() {
            let drawing = self.drawing(prepared, &asked.id, series).await?;
            for redraw in request.redraws.iter().filter(|redraw| redraw.series == series.series) {
                self.draw(&drawing, redraw.step..=redraw.step, redraw.revision).await?;
            }
            let steps: Vec<Option<NoisyStep>> = self.ledger.drawn_steps(&series.series).await?;
            let shown = steps.into_iter().take(series.through as usize + 1).collect();
            all.push(NoisySeries::new(series.series, series.shape.clone(), drawing.nano_rho, shown)?);
        }
        Ok(all)
    }

    async fn drawing<'a>(
        &'a self,
        prepared: &'a Prepared<'_>,
        id: &StatisticId,
        asked: &'a SeriesRequest,
    ) -> Result<Drawing<'a>, Error> {
        let changed = || Error::Changed(prepared.release.id.clone());
        let one = prepared.statistics.iter().find(|s| s.statistic.id == *id).ok_or_else(changed)?;
        let record_type = one.record_types().next().and_then(|id| self.catalog.record_types.get(&id));
        let state = self.ledger.state().await?;
        let opened = state.series(&asked.series).ok_or_else(changed)?;
        Ok(Drawing {
            analysis: one.analysis.as_ref().ok_or_else(changed)?,
            record_type: record_type.ok_or_else(changed)?,
            asked,
            nano_rho: opened.nano_rho,
        })
    }

    /// Draws some steps in order, each reserved before and stored after its draw.
    async fn draw(
        &self,
        drawing: &Drawing<'_>,
        steps: RangeInclusive<u32>,
        revision: u32,
    ) -> Result<(), Error> {
        if steps.is_empty() {
            return Ok(());
        }
        let register = self.closed(drawing, *steps.end()).await?;
        // The register's own entry moved the custody log: what is committed to is what the sums are made from.
        let snapshot = self.landing.snapshot().await?.as_defined(self.catalog)?;
        let landed = self.landed(&snapshot);
        let counts = landed.counts(drawing.analysis, &drawing.asked.shape, &register).await?;
        for (step, exact) in steps.clone().zip(counts.into_steps(steps)) {
            self.draw_one(drawing, (step, revision), exact, snapshot.head).await?;
        }
        Ok(())
    }

    async fn draw_one(
        &self,
        drawing: &Drawing<'_>,
        (step, revision): (u32, u32),
        exact: ExactStep,
        head: Option<Digest>,
    ) -> Result<(), Error> {
        let run = new_run()?;
        let commitment = self.keys.commitment(&run, head);
        let series = drawing.asked.series;
        let reserved =
            self.ledger.reserve_step(SeriesStep { series, step, revision }, run, commitment).await?;
        let ReserveStep::New(reservation) = reserved else { return Ok(()) };
        let draw = StepDraw { series, nano_rho: drawing.nano_rho, revision };
        let drawn = tokio::task::spawn_blocking(move || measure_step(exact, &draw)).await;
        let noisy = drawn.map_err(|_| marsad_privacy::Error::Randomness)??;
        Ok(self.ledger.complete_step(reservation, &noisy).await?)
    }

    /// The register with all steps up to `last` closed: who is visible now and has an event by then has entered.
    async fn closed(&self, drawing: &Drawing<'_>, last: u32) -> Result<Register, Error> {
        let Drawing { analysis, record_type, asked, .. } = drawing;
        let key = SelectionKey::new(*self.keys.selection());
        let mut register = self.landing.register(record_type, asked.series).await?;
        // Another run may close some of the steps meanwhile, and decides then who entered at those; or the rows may change, and
        // then it is found anew who enters: nobody who was erased meanwhile.
        while register.closed() <= last {
            let open = register.closed()..=last;
            let snapshot = self.landing.snapshot().await?.as_defined(self.catalog)?;
            let landed = self.landed(&snapshot);
            let closing = Closing { register: &register, open: open.clone(), key: &key };
            let entries = landed.entrants(analysis, &asked.shape, &closing).await?;
            let closing = (open, entries);
            register = self.landing.close_steps(record_type, asked.series, closing, &snapshot).await?;
        }
        Ok(register)
    }
}
