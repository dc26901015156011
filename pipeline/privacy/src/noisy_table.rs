//! What leaves `measure`: noisy integers with the public facts that explain them; and the stored result of a run.
//!
//! It reads back bit for bit. It deliberately lacks everything exact about persons; [`OrganisationTable`] is exact, and
//! about organisations only.

use marsad_terms::{Digest, Grain, NanoRho, Period, ReleaseId, StatisticId};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::joint::Joint;
use crate::series::NoisySeries;
use crate::shape::{Dimension, StatisticShape};
use crate::spend::{Part, Spend};

/// Noisy sums by cell of a whole release, in units of 1/(b·2^f), or noisy residuals in units of 1/2^f.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct NoisyTable {
    joint: Joint,
    nano_rho: NanoRho,
    spend: Spend,
    raw: Vec<Vec<i64>>,
}

/// The stored form: integers, and doubles as the 16 hexadecimal digits of their bits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    statistics: Vec<StatisticShape>,
    f: u32,
    delta_squared: String,
    nano_rho: NanoRho,
    /// Of the statistics measured as tables; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d_in: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sigma: Option<String>,
    /// By statistic, component by component; absent where all are measured as tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    residuals: Vec<Vec<StoredPart>>,
    raw: Vec<Vec<i64>>,
}

/// What one residual component paid, and its noise.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPart {
    nano_rho: NanoRho,
    d_in: String,
    sigma: String,
}

impl NoisyTable {
    pub(crate) fn new(joint: Joint, nano_rho: NanoRho, spend: Spend, raw: Vec<Vec<i64>>) -> Self {
        Self { joint, nano_rho, spend, raw }
    }

    /// Shapes, f and Δ².
    pub fn joint(&self) -> &Joint {
        &self.joint
    }

    /// The statistics in the release's order.
    pub fn shapes(&self) -> &[StatisticShape] {
        self.joint.shapes()
    }

    /// Fixed-point digits: a unit of a table is step/(b·2^f).
    pub fn f(&self) -> u32 {
        self.joint.f()
    }

    /// What the whole release cost.
    pub fn nano_rho(&self) -> NanoRho {
        self.nano_rho
    }

    /// Which part of it each vector paid, with d_in and σ as they were used.
    pub fn spend(&self) -> &Spend {
        &self.spend
    }

    /// Standard deviation of the noise on each integer of tables; NaN where no statistic is measured as tables.
    pub fn sigma(&self) -> f64 {
        self.spend.tables.map_or(f64::NAN, |part| part.scale.sigma)
    }

    /// Noisy vectors by statistic, in the layout of [`StatisticShape::n_coordinates`]; of a statistic with residuals all
    /// components in their order.
    pub fn raw(&self) -> &[Vec<i64>] {
        &self.raw
    }

    /// The noisy cells of one table of a statistic; none where its residuals were measured.
    pub fn cells(&self, statistic: usize, table: usize) -> &[i64] {
        let shape = &self.shapes()[statistic];
        if !shape.strategy.is_tables() {
            return &[];
        }
        &self.raw[statistic][shape.offset(table)..][..shape.n_cells(&shape.tables[table])]
    }

    /// The noisy residuals of a statistic, component by component; none where its tables were measured.
    pub(crate) fn residuals(&self, statistic: usize) -> impl Iterator<Item = &[i64]> {
        let shape = &self.shapes()[statistic];
        let mut left = self.raw[statistic].as_slice();
        shape.strategy.components().iter().map(move |component| {
            let (cells, rest) = left.split_at(shape.n_component_cells(component));
            left = rest;
            cells
        })
    }
}

impl From<NoisyTable> for Stored {
    fn from(table: NoisyTable) -> Self {
        let scale = table.spend.tables.map(|part| part.scale);
        Self {
            f: table.joint.f(),
            delta_squared: table.joint.delta_squared().to_string(),
            statistics: table.joint.shapes().to_vec(),
            nano_rho: table.nano_rho,
            d_in: scale.map(|scale| bits(scale.d_in)),
            sigma: scale.map(|scale| bits(scale.sigma)),
            residuals: StoredPart::all(&table.spend),
            raw: table.raw,
        }
    }
}

impl StoredPart {
    fn all(spend: &Spend) -> Vec<Vec<Self>> {
        if spend.residuals.iter().all(Vec::is_empty) {
            return Vec::new();
        }
        let stored = |part: &Part| Self {
            nano_rho: part.price,
            d_in: bits(part.scale.d_in),
            sigma: bits(part.scale.sigma),
        };
        spend.residuals.iter().map(|parts| parts.iter().map(stored).collect()).collect()
    }
}

impl TryFrom<Stored> for NoisyTable {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let damaged = |what| Error::Damaged { what };
        let joint =
            Joint::with_f(stored.statistics, stored.f).map_err(|_| damaged("its shapes hold no bound"))?;
        if joint.delta_squared().to_string() != stored.delta_squared {
            return Err(damaged("its sensitivity is not that of its shapes"));
        }
        let unlike = damaged("its noise scale is not that of its price");
        let spend = Spend::new(&joint, stored.nano_rho).map_err(|_| unlike.clone())?;
        let scale = spend.tables.map(|part| (bits(part.scale.d_in), bits(part.scale.sigma)));
        if scale != stored.d_in.zip(stored.sigma) || StoredPart::all(&spend) != stored.residuals {
            return Err(unlike);
        }
        let lengths = joint.shapes().iter().map(StatisticShape::n_measured);
        if !lengths.eq(stored.raw.iter().map(Vec::len)) {
            return Err(damaged("its figures do not fit its shapes"));
        }
        Ok(Self { joint, nano_rho: stored.nano_rho, spend, raw: stored.raw })
    }
}

pub(crate) fn bits(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}

pub(crate) fn double(text: &str) -> Result<f64, Error> {
    let damaged = Error::Damaged { what: "a double is not 16 hexadecimal digits" };
    if text.len() != 16 {
        return Err(damaged);
    }
    u64::from_str_radix(text, 16).map(f64::from_bits).map_err(|_| damaged)
}

/// Exact figures of organisations: no person, no bound, no noise, no cost (governance).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationTable {
    /// Which statistic.
    pub id: StatisticId,
    /// Its dimensions in the SQL's order, the period apart.
    pub dimensions: Vec<Dimension>,
    /// Its periods, ascending by text, both grains together.
    pub periods: Vec<Period>,
    /// One for each output column of the SQL.
    pub columns: Vec<OrganisationColumn>,
}

/// One output column of exact figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationColumn {
    /// The column's alias.
    pub name: String,
    /// One for each grouping set.
    pub tables: Vec<OrganisationCells>,
}

/// Exact cells of one grouping set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationCells {
    /// The period attribute.
    pub grain: Grain,
    /// Indices into [`OrganisationTable::dimensions`], ascending.
    pub dimensions: Vec<usize>,
    /// Whole figures, row-major over (period, dimensions), zeros included.
    pub cells: Vec<i64>,
}

/// The result object of one run, as it is stored under `runs/<run_id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// Public id of the release.
    pub release: ReleaseId,
    /// The proposal that was approved.
    pub proposal: Digest,
    /// F: the digest of the request.
    pub f: Digest,
    /// The noisy vector; absent where the release holds organisations only.
    pub noisy: Option<NoisyTable>,
    /// First-time series, in the order of the release's statistics.
    pub series: Vec<NoisySeries>,
    /// Exact tables of organisations.
    pub organisations: Vec<OrganisationTable>,
}
