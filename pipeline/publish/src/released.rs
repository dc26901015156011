//! A released result, opened against the ledger's receipt and estimated again (architecture 3: the type that publish takes).
//!
//! Estimation is deterministic, so nothing but the noisy integers is stored. It deliberately lacks a way in without a
//! receipt.

use marsad_ledger::Receipt;
use marsad_privacy::estimate::{self, Bounding, EstimatedStatistic};
use marsad_privacy::noisy_table::{NoisyTable, OrganisationTable, RunResult};
use marsad_privacy::series::{self, NoisySeries};
use marsad_terms::{Digest, StatisticId};

use crate::error::{Error, Result};

/// One statistic of the joint vector, estimated.
#[derive(Clone, Debug)]
pub struct Estimated {
    /// Its columns, tables and cells.
    pub figures: EstimatedStatistic,
    /// What its bound left out; only a clip or a truncation has such figures.
    pub bounding: Option<Bounding>,
}

/// A result whose hash the ledger holds, with its estimates.
#[derive(Clone, Debug)]
pub struct ReleasedTable {
    result: RunResult,
    estimated: Vec<Estimated>,
    /// In the order of the result's series.
    series: Vec<Estimated>,
}

impl ReleasedTable {
    /// Reads the stored bytes of a run, checks them against the receipt, and estimates every statistic.
    ///
    /// # Errors
    /// `NotTheReceipt` where the hash, the release or F differ, `Unreadable` where the bytes do not read back.
    pub fn open(bytes: &[u8], receipt: &Receipt) -> Result<Self> {
        if Digest::of(bytes) != receipt.hash() {
            return Err(Error::NotTheReceipt);
        }
        let table = Self::read(bytes)?;
        // The release id is not part of F: the same request under another id has the old bytes (interfaces 2).
        if table.result.f != receipt.f() {
            return Err(Error::NotTheReceipt);
        }
        Ok(table)
    }

    /// Reads and estimates; who calls it has checked the bytes.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let result: RunResult = serde_json::from_slice(bytes).map_err(Error::Unreadable)?;
        let estimated = result.noisy.as_ref().map_or(Ok(Vec::new()), estimate_all)?;
        let totals = |noisy| Estimated { figures: series::estimate(noisy), bounding: None };
        let series = result.series.iter().map(totals).collect();
        Ok(Self { result, estimated, series })
    }

    /// The result as it was stored.
    pub fn result(&self) -> &RunResult {
        &self.result
    }

    /// The noisy vector; absent where the release holds organisations only.
    pub fn noisy(&self) -> Option<&NoisyTable> {
        self.result.noisy.as_ref()
    }

    /// The estimates of the joint vector, in the order of its shapes.
    pub fn estimated(&self) -> &[Estimated] {
        &self.estimated
    }

    /// A first-time series with its running totals.
    pub fn series(&self, id: &StatisticId) -> Option<(&NoisySeries, &Estimated)> {
        self.result.series.iter().zip(&self.series).find(|(noisy, _)| noisy.id() == id)
    }

    /// The exact tables of an organisations' statistic.
    pub fn organisations(&self, id: &StatisticId) -> Option<&OrganisationTable> {
        self.result.organisations.iter().find(|table| &table.id == id)
    }
}

fn estimate_all(noisy: &NoisyTable) -> Result<Vec<Estimated>> {
    let all = estimate::estimate_all(noisy)?.into_iter().enumerate();
    let with_bounding = |(statistic, figures)| {
        let bounding = estimate::bounding(noisy, statistic)?;
        Ok(Estimated { figures, bounding })
    };
    all.map(with_bounding).collect()
}

#[cfg(test)]
mod tests {
    use marsad_ledger::{Ledger, testing};
    use marsad_log::Store;

    use super::*;

    #[tokio::test]
    async fn only_the_bytes_that_the_ledger_names_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let cast = testing::Cast::new(dir.path());
        let ledger = Ledger::open(Store::memory(), &dir.path().join("state"));
        let wish = testing::Wish::new("publish", 1_000);
        let (receipt, bytes) =
            testing::released(&ledger, &cast, |state| wish.proposal(state), |p| testing::result(p, 40)).await;
        let table = ReleasedTable::open(&bytes, &receipt).unwrap();
        assert_eq!(table.estimated().len(), 1);
        assert_eq!(table.result().f, receipt.f());
        let mut other = bytes.to_vec();
        other.push(b'\n');
        assert!(matches!(ReleasedTable::open(&other, &receipt), Err(Error::NotTheReceipt)));
        assert!(matches!(ReleasedTable::read(b"{}"), Err(Error::Unreadable(_))));
    }
}
