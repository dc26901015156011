//! How the cells of a table will likely read, from figures that earlier releases have made public (C09).
//!
//! The figures are noisy estimates out of released results; it deliberately lacks any way to a landed record.

use marsad_ledger::Receipt;
use marsad_ledger::proposal::{Expected, Forecast};
use marsad_privacy::estimate;
use marsad_privacy::flag::Flag;
use marsad_privacy::noisy_table::{NoisyTable, RunResult};
use marsad_terms::{Digest, ReleaseId, flow_id};

use crate::error::Error;
use crate::forecast::columns;

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
        let reads = |flag: Flag| {
            let cells = table.estimates.iter().filter(|estimate| Flag::of(**estimate, margin) == flag);
            n_periods * cells.count() as u64
        };
        let (reliable, usable, hidden) = (reads(Flag::A), reads(Flag::U), reads(Flag::Q));
        Some(Expected { release: self.release.clone(), reliable, usable, hidden })
    }
}

/// What a table's cells will likely read, by the newest release that shows the same table.
pub(crate) fn expected(released: &[Figures], forecast: &Forecast) -> Option<Expected> {
    released.iter().rev().find_map(|figures| figures.of(forecast))
}

fn tables(noisy: &NoisyTable) -> Result<Vec<FigureTable>, Error> {
    let mut tables = Vec::new();
    for (number, shape) in noisy.shapes().iter().enumerate() {
        let estimated = estimate::estimate(noisy, number)?;
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
