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
use crate::noisy_table::NoisyTable;
use crate::series::{ExactStep, NoisyStep, StepDraw};

/// Cells drawn by one measurement: boundaries follow from the number of cells alone.
const CHUNK: usize = 4096;
/// Sums are saturated to ± this before the noise, which changes no distance for the worse (algorithms 2.7).
const LARGEST: i128 = 1 << 62;

type Gaussian =
    Measurement<VectorDomain<AtomDomain<i64>>, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i64>>;

/// Adds discrete Gaussian noise to each cell; consumes the exact table, so no table is measured twice.
///
/// Shape: n cells in, the same n in the same order out. Units: `price` in nano-ρ, cells in 1/(b·2^f).
/// Claim: `price`-zCDP for one person over all cells. Proof: ‖v_u‖₂ ≤ Δ by [`crate::sensitivity::joint`]; σ² ≥
/// Δ²/(2ρ) by [`Scale::new`]; chunks with the same σ bits are together the mechanism on the whole vector, since its
/// coordinates are independent (algorithms 4.1–4.3; Canonne, Kamath, Steinke 2020, arXiv 2004.00010). Attack:
/// `sampler::tests` (χ², KS, chunked = whole) and `crate::audit`.
///
/// # Errors
/// `ZeroPrice`; `PriceExceeded` if OpenDP's own map disagrees with the price; `Randomness` if the system's source fails
/// or a thread dies. Nothing is measured then.
pub fn measure(exact: ExactTable, price: NanoRho) -> Result<NoisyTable, Error> {
    let (joint, sums) = exact.into_parts();
    let scale = Scale::new(joint.delta_squared(), price)?;
    assert_price(scale, price)?;
    let lengths: Vec<usize> = sums.iter().map(Vec::len).collect();
    let cells: Vec<i64> = sums.into_iter().flatten().map(saturate).collect();
    let mut noisy = add_noise(cells, scale.sigma)?.into_iter();
    let raw = lengths.into_iter().map(|length| noisy.by_ref().take(length).collect()).collect();
    Ok(NoisyTable::new(joint, price, scale, raw))
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

/// OpenDP's map of the whole vector's sensitivity must not pass the price, rounded up.
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
    let n_chunks = cells.len().div_ceil(CHUNK);
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get).min(n_chunks);
    let share = n_chunks.div_ceil(n_threads) * CHUNK;
    thread::scope(|scope| {
        let threads: Vec<_> = cells
            .chunks(share)
            .map(|cells| {
                scope.spawn(move || {
                    let parts: Result<Vec<Vec<i64>>, Error> =
                        cells.chunks(CHUNK).map(|chunk| draw(&chunk.to_vec(), sigma)).collect();
                    parts.map(|parts| parts.concat())
                })
            })
            .collect();
        let parts: Result<Vec<Vec<i64>>, Error> =
            threads.into_iter().map(|thread| thread.join().map_err(|_| Error::Randomness)?).collect();
        parts.map(|parts| parts.concat())
    })
}

/// Asks once. OpenDP wants the vector itself, not a slice.
fn draw(cells: &Vec<i64>, sigma: f64) -> Result<Vec<i64>, Error> {
    let noisy = gaussian(sigma)?.invoke(cells).map_err(|_| Error::Randomness)?;
    if noisy.len() == cells.len() { Ok(noisy) } else { Err(Error::Randomness) }
}
