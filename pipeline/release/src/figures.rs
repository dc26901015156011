//! How the cells of a table will likely read, from figures that earlier releases have made public, or else from those that
//! the statistic declares it was planned with (C09).
//!
//! The figures are noisy estimates out of released results, or texts of the definitions; it deliberately lacks any way to a landed record.

use marsad_ledger::Receipt;
use marsad_ledger::proposal::{Expected, Forecast};
use marsad_privacy::estimate;
use marsad_privacy::flag::Flag;
use marsad_privacy::noisy_table::{NoisyTable, RunResult};
use marsad_terms::{Digest, ReleaseId, flow_id};

use crate::error::Error;
use crate::forecast::columns;
use crate::prepare::Prepared;

/// The estimates of one earlier release, at the newest period of each table.
#[derive(Clone, Debug)]
pub struct Figures {
    release: ReleaseId,
    tables: Vec<FigureTable>,
}

#[derive(Clone, Debug)]
struct FigureTable {
    dataflow: String,
    dimensions: Vec<String>,
    estimates: Vec<f64>,
}

impl Figures {
    /// Estimates a released result again; nothing is drawn and nothing is charged.
    ///
    /// # Errors
    /// `Stored` where the bytes are not those of the receipt, or do not read back.
    pub fn read(receipt: &Receipt, bytes: &[u8]) -> Result<Self, Error> {
        let unreadable = || Error::Stored { release: receipt.release().clone() };
        if Digest::of(bytes) != receipt.hash() {
            return Err(unreadable());
        }
        let result: RunResult = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
        let tables = result.noisy.as_ref().map_or(Ok(Vec::new()), tables)?;
        Ok(Self { release: receipt.release().clone(), tables })
    }

    fn of(&self, forecast: &Forecast) -> Option<Expected> {
        let margin: f64 = forecast.margin.parse().ok()?;
        let same = |t: &&FigureTable| t.dataflow == forecast.dataflow && t.dimensions == forecast.dimensions;
        let table = self.tables.iter().find(same)?;
        let n_keys = u64::try_from(table.estimates.len()).ok().filter(|n| *n > 0)?;
        // Every period of the new table is taken to look like the newest one that is public.
        let n_periods = forecast.cells.is_multiple_of(n_keys).then_some(forecast.cells / n_keys)?;
        let release = Some(self.release.clone());
        Some(Expected { release, ..read(&table.estimates, n_periods, margin) })
    }
}

/// How cells read at a margin, in so many periods that look alike.
fn read(figures: &[f64], n_periods: u64, margin: f64) -> Expected {
    let reads = |flag: Flag| {
        n_periods * figures.iter().filter(|figure| Flag::of(**figure, margin) == flag).count() as u64
    };
    let (reliable, usable, hidden) = (reads(Flag::A), reads(Flag::U), reads(Flag::Q));
    Expected { release: None, planning: None, reliable, usable, hidden }
}

/// What a table's cells will likely read, by the newest release that shows the same table, or else as it was planned with.
pub(crate) fn expected(
    released: &[Figures],
    prepared: &Prepared<'_>,
    forecast: &Forecast,
) -> Result<Option<Expected>, Error> {
    match released.iter().rev().find_map(|figures| figures.of(forecast)) {
        Some(found) => Ok(Some(found)),
        None => planned(prepared, forecast),
    }
}

/// By the planning figures of its statistic.
fn planned(prepared: &Prepared<'_>, forecast: &Forecast) -> Result<Option<Expected>, Error> {
    let mut measured = prepared.statistics.iter().filter_map(|one| Some((one, one.measured()?)));
    let own = measured.find(|(_, shape)| {
        let first = shape.outputs.first();
        first.is_some_and(|output| flow_id(&shape.id.dataflow(0, &output.name)) == forecast.dataflow)
    });
    let Some((one, shape)) = own else { return Ok(None) };
    let set = forecast.dimensions.join(",");
    let Some(planning) = &one.statistic.planning else { return Ok(None) };
    let Some(figures) = planning.figures.get(&set) else { return Ok(None) };
    let Ok(margin) = forecast.margin.parse::<f64>() else { return Ok(None) };
    let dimensions = shape.dimensions.iter().filter(|d| forecast.dimensions.contains(&d.name));
    let n_keys: usize = dimensions.map(|d| d.codes.len()).product();
    if figures.len() > n_keys {
        return Err(Error::Planning { statistic: shape.id.clone(), set, named: figures.len(), n_keys });
    }
    // What is planned with is a whole number below 2^53; cells that it does not name are taken as empty.
    let mut cells: Vec<f64> = figures.iter().map(|figure| *figure as f64).collect();
    cells.resize(n_keys, 0.0);
    let n_periods = forecast.cells / n_keys.max(1) as u64;
    Ok(Some(Expected { planning: Some(planning.source.clone()), ..read(&cells, n_periods, margin) }))
}

/// Refuses planning figures of what is no table of the statement: nothing would ever read them.
pub(crate) fn check_planning(prepared: &Prepared<'_>) -> Result<(), Error> {
    for one in &prepared.statistics {
        let (Some(planning), Some(analysis)) = (&one.statistic.planning, &one.analysis) else { continue };
        let column = |d: &usize| analysis.dimensions[*d].name.clone();
        let sets = analysis.sets.iter().filter_map(|set| {
            let names = set.dimensions.iter().map(column);
            Some(std::iter::once(set.grain?.column().to_owned()).chain(names).collect::<Vec<_>>().join(","))
        });
        let sets: Vec<String> = sets.collect();
        if let Some(set) = planning.figures.keys().find(|set| !sets.contains(set)) {
            return Err(Error::NoSuchTable { statistic: one.statistic.id.clone(), set: set.clone() });
        }
    }
    Ok(())
}

fn tables(noisy: &NoisyTable) -> Result<Vec<FigureTable>, Error> {
    let mut tables = Vec::new();
    for (shape, estimated) in noisy.shapes().iter().zip(estimate::estimate_all(noisy)?) {
        for (output, column) in estimated.columns.iter().enumerate() {
            for table in &column.tables {
                let n_keys: usize =
                    table.dimensions.iter().map(|d| shape.dimensions[*d].codes.len()).product();
                let newest = table.cells.len().saturating_sub(n_keys);
                tables.push(FigureTable {
                    dataflow: flow_id(&shape.id.dataflow(output, &column.name)),
                    dimensions: columns(shape, table.grain, &table.dimensions),
                    estimates: table.cells[newest..].iter().map(|cell| cell.estimate).collect(),
                });
            }
        }
    }
    Ok(tables)
}
