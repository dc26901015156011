//! The one place where noise meets exact sums (algorithms 4.2, 4.3): OpenDP's discrete Gaussian, all cells or none.
//!
//! It deliberately lacks a seed, a sampler of our own, and a second try.

use std::num::NonZero;
use std::thread;

use marsad_terms::NanoRho;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::make_gaussian;
use opendp::measures::ZeroConcentratedDivergence;
use opendp::metrics::L2Distance;

use super::Scale;
use crate::error::Error;
use crate::exact_table::ExactTable;
use crate::joint::Joint;
use crate::noisy_table::NoisyTable;
use crate::residual;
use crate::series::{ExactStep, NoisyStep, StepDraw};
use crate::shape::StatisticShape;
use crate::spend::Spend;

/// Cells drawn by one measurement: boundaries follow from the number of cells alone.
const CHUNK: usize = 4096;
/// Sums are saturated to ± this before the noise, which changes no distance for the worse (algorithms 2.7).
const LARGEST: i128 = 1 << 62;

type Gaussian =
    Measurement<VectorDomain<AtomDomain<i64>>, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i64>>;

/// Adds discrete Gaussian noise to each cell; consumes the exact table, so no table is measured twice.
///
/// Shape: n cells in, the same n in the same order out; of a statistic with residuals its components' cells. Units: `price`
/// in nano-ρ, cells in 1/(b·2^f), residuals in 1/2^f.
/// Claim: `price`-zCDP for one person over all cells. Proof: the parts of [`Spend`] have prices that add up to it; within a
/// part ‖v_u‖₂ ≤ Δ by [`crate::sensitivity`] and σ² ≥ Δ²/(2ρ) by [`crate::sampler::Scale`]; chunks with the same σ bits are together
/// the mechanism on the whole vector, since its coordinates are independent (algorithms 4.1–4.3; Canonne, Kamath, Steinke
/// 2020, arXiv 2004.00010). Attack: `sampler::tests` (χ², KS, chunked = whole) and `crate::audit`.
///
/// # Errors
/// `ZeroPrice`; `PriceExceeded` if OpenDP's own map disagrees with the price; `Randomness` if the system's source fails
/// or a thread dies. Nothing is measured then.
pub fn measure(exact: ExactTable, price: NanoRho) -> Result<NoisyTable, Error> {
    let (joint, sums) = exact.into_parts();
    let spend = Spend::new(&joint, price)?;
    spend.parts().try_for_each(|part| assert_price(part.scale, part.price))?;
    let cells = integers(joint.shapes(), sums);
    let raw = with_noise(&joint, &spend, cells)?;
    Ok(NoisyTable::new(joint, price, spend, raw))
}

/// The integers that get noise, by statistic: tables as they are, or their residuals.
pub(crate) fn integers(shapes: &[StatisticShape], sums: Vec<Vec<i128>>) -> Vec<Vec<i64>> {
    let of_statistic = |(shape, sums): (&StatisticShape, Vec<i128>)| {
        let exact = if shape.strategy.is_tables() { sums } else { residual::integers(shape, &sums) };
        exact.into_iter().map(saturate).collect()
    };
    shapes.iter().zip(sums).map(of_statistic).collect()
}

/// All tables are one vector; each component is one of its own.
pub(crate) fn with_noise(joint: &Joint, spend: &Spend, cells: Vec<Vec<i64>>) -> Result<Vec<Vec<i64>>, Error> {
    let of_tables = |(shape, cells): (&StatisticShape, &Vec<i64>)| {
        if shape.strategy.is_tables() { cells.clone() } else { Vec::new() }
    };
    let tables: Vec<i64> = joint.shapes().iter().zip(&cells).flat_map(of_tables).collect();
    let tables = match &spend.tables {
        Some(part) => add_noise(tables, part.scale.sigma)?,
        None => tables,
    };
    let mut tables = tables.into_iter();
    let mut raw = Vec::with_capacity(cells.len());
    for ((shape, cells), parts) in joint.shapes().iter().zip(cells).zip(&spend.residuals) {
        if shape.strategy.is_tables() {
            raw.push(tables.by_ref().take(cells.len()).collect());
            continue;
        }
        let mut cells = cells.into_iter();
        let mut noisy = Vec::with_capacity(cells.len());
        for (component, part) in shape.strategy.components().iter().zip(parts) {
            let exact = cells.by_ref().take(shape.n_component_cells(component)).collect();
            noisy.extend(add_noise(exact, part.scale.sigma)?);
        }
        raw.push(noisy);
    }
    Ok(raw)
}

/// Adds noise to the exact part of one step of a series; consumes it, so no step is measured twice.
///
/// Shape: one y_t in, the same out. Units: cells in 1/(b·2^20); `draw.nano_rho` is what the whole series cost.
/// Claim: all steps of a series together cost one person `draw.nano_rho`, and a step drawn again its redraw price on top.
/// Proof: a person moves all y_t together by at most Δ ([`SeriesShape::delta_squared`]), and each step has the σ of Δ and
/// the whole price; given the entry step, later steps cost their part whatever was read before (algorithms 6). Attack:
/// `series::tests`, `crate::audit`.
///
/// # Errors
/// As [`measure`]. Nothing is measured then.
///
/// [`SeriesShape::delta_squared`]: crate::series::SeriesShape::delta_squared
pub fn measure_step(exact: ExactStep, draw: &StepDraw) -> Result<NoisyStep, Error> {
    let (series, step, sums) = exact.into_parts();
    let scale = Scale::new(series.delta_squared(), draw.nano_rho)?;
    assert_price(scale, draw.nano_rho)?;
    let cells = add_noise(sums.into_iter().map(saturate).collect(), scale.sigma)?;
    Ok(NoisyStep::new(draw, series, step, cells))
}

fn saturate(sum: i128) -> i64 {
    i64::try_from(sum.clamp(-LARGEST, LARGEST)).unwrap_or(0)
}

/// OpenDP's map of a vector's sensitivity must not pass its price, rounded up.
fn assert_price(scale: Scale, price: NanoRho) -> Result<(), Error> {
    let charged = gaussian(scale.sigma)?.map(&scale.d_in).map_err(|_| Error::PriceExceeded)?;
    if charged <= price.rho().next_up() { Ok(()) } else { Err(Error::PriceExceeded) }
}

/// A fresh measurement: they cannot cross threads.
fn gaussian(sigma: f64) -> Result<Gaussian, Error> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    make_gaussian::<_, _, ZeroConcentratedDivergence>(domain, L2Distance::<f64>::default(), sigma, None)
        .map_err(|_| Error::Randomness)
}

pub(crate) fn add_noise(cells: Vec<i64>, sigma: f64) -> Result<Vec<i64>, Error> {
    if cells.len() <= CHUNK {
        return draw(&cells, sigma);
    }
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let mut left = cells.as_slice();
        let mut threads = Vec::new();
        for chunks in share(cells.len(), n_threads) {
            let (own, rest) = left.split_at(chunks.iter().sum());
            left = rest;
            threads.push(scope.spawn(move || one_thread(own, &chunks, sigma)));
        }
        let parts: Result<Vec<Vec<i64>>, Error> =
            threads.into_iter().map(|thread| thread.join().map_err(|_| Error::Randomness)?).collect();
        parts.map(|parts| parts.concat())
    })
}

/// How many cells each thread draws in each measurement: from public sizes alone, never from what the cells hold.
pub(super) fn share(n_cells: usize, n_threads: usize) -> Vec<Vec<usize>> {
    let n_chunks = n_cells.div_ceil(CHUNK);
    let chunks: Vec<usize> = (0..n_chunks).map(|i| CHUNK.min(n_cells - i * CHUNK)).collect();
    let each = n_chunks.div_ceil(n_threads.max(1)).max(1);
    chunks.chunks(each).map(<[usize]>::to_vec).collect()
}

fn one_thread(cells: &[i64], chunks: &[usize], sigma: f64) -> Result<Vec<i64>, Error> {
    let mut left = cells;
    let mut noisy = Vec::with_capacity(cells.len());
    for chunk in chunks {
        let (own, rest) = left.split_at(*chunk);
        left = rest;
        noisy.extend(draw(&own.to_vec(), sigma)?);
    }
    Ok(noisy)
}

/// Asks once. OpenDP wants the vector itself, not a slice.
fn draw(cells: &Vec<i64>, sigma: f64) -> Result<Vec<i64>, Error> {
    let noisy = gaussian(sigma)?.invoke(cells).map_err(|_| Error::Randomness)?;
    if noisy.len() == cells.len() { Ok(noisy) } else { Err(Error::Randomness) }
}
