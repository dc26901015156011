//! How far are published figures from the truth, and what would others have got for the same (ε, δ)?
//!
//! Every statistic is released many times by itself and compared, table by table, with the exact one. The data may be shown:
//! one population is simulated, the other is public census microdata. It prints errors and asserts none, as noise is drawn
//! anew each time. `MARSAD_BENCH_RELEASES` sets how often, `MARSAD_BENCH_SCALE` the size of the simulated programme;
//! `MARSAD_BENCH_PLOT` names an SVG file to write. The last line is one JSON object.

#![allow(clippy::print_stdout, reason = "a benchmark is read on the terminal")]

mod contenders;
mod data;
mod plot;
mod report;

use marsad_privacy::accounting;
use marsad_terms::NanoRho;

use contenders::{Noise, Released};
use data::{Case, Room};

/// ρ of each statistic's release.
const PRICE: NanoRho = NanoRho::new(20_000_000);
/// The δ at which all are compared.
const DELTA: f64 = 1e-6;
/// How many such releases a programme makes: the Laplace of a plan shares its ε among them.
const RELEASES_OF_A_PLAN: u32 = 20;
/// A quarter and a year of the simulated programme; `returns` has tables of both.
const QUARTER: &[&str] = &["2024-Q4"];
const YEAR: &[&str] = &["2024"];
const QUARTERS_AND_YEAR: &[&str] = &["2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4", "2024"];
/// Statistics of the simulated programme and the periods of each.
const SIMULATED: [(&str, &[&str]); 11] = [
    ("assisted_persons", QUARTER),
    ("services_delivered", QUARTER),
    ("persons_by_service", QUARTER),
    ("needs_by_type", QUARTER),
    ("youth_participants", QUARTER),
    ("assisted_by_nationality", YEAR),
    ("vulnerability_profile", YEAR),
    ("trained_persons", YEAR),
    ("returns", QUARTERS_AND_YEAR),
    ("uasc_actions", YEAR),
    ("bench_derived", QUARTER),
];

type Failure = Box<dyn std::error::Error>;

/// A case with what every contender made of it.
struct Compared {
    case: Case,
    marsad: Released,
    /// Keeping k rows or cells a person, and that k.
    kept: Released,
    k: u32,
    /// With the C² or k that would have been best, and that constant.
    best: Option<(u64, Released)>,
    gaussian: Vec<f64>,
    laplace: Vec<f64>,
    laplace_of_a_plan: Vec<f64>,
}

/// The sizes of the bench.
struct Setting {
    releases: u32,
    scale: f64,
    epsilon: f64,
    epsilon_of_a_plan: f64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let number =
        |name: &str, default: f64| std::env::var(name).map_or(Ok(default), |text| text.parse::<f64>());
    let setting = Setting {
        releases: std::env::var("MARSAD_BENCH_RELEASES").map_or(Ok(60), |text| text.parse())?,
        scale: number("MARSAD_BENCH_SCALE", 1.0)?,
        epsilon: accounting::epsilon(PRICE, DELTA),
        epsilon_of_a_plan: accounting::epsilon(
            NanoRho::new(PRICE.get() * u64::from(RELEASES_OF_A_PLAN)),
            DELTA,
        ),
    };
    let simulated = Room::simulated(setting.scale).await?;
    let mut compared = Vec::new();
    for (statistic, periods) in SIMULATED {
        compared.push(compare(simulated.case(statistic, periods).await?, &setting)?);
    }
    let census = Room::census().await?;
    compared.push(compare(census.case("census_persons", YEAR).await?, &setting)?);
    report::print(&compared, &setting, &simulated.pairs_over_all_time().await?);
    if let Ok(file) = std::env::var("MARSAD_BENCH_PLOT") {
        svg::save(file, &plot::draw(&compared))?;
    }
    Ok(())
}

fn compare(case: Case, setting: &Setting) -> Result<Compared, Failure> {
    let times = setting.releases;
    let n_tables = case.shape.tables.len() as f64;
    let (k, keeping_k) = contenders::keeping_k(&case, PRICE)?;
    let plan = f64::from(RELEASES_OF_A_PLAN);
    let best = match contenders::best_bound(&case, PRICE)? {
        Some((constant, shape)) => Some((constant, contenders::release(&case, &shape, PRICE, times)?)),
        None => None,
    };
    Ok(Compared {
        marsad: contenders::release(&case, &case.shape, PRICE, times)?,
        kept: contenders::release(&case, &keeping_k, PRICE, times)?,
        k,
        best,
        gaussian: contenders::opendp(&case, Noise::Gaussian(PRICE.rho() / n_tables), times)?,
        laplace: contenders::opendp(&case, Noise::Laplace(setting.epsilon / n_tables), times)?,
        laplace_of_a_plan: contenders::opendp(
            &case,
            Noise::Laplace(setting.epsilon_of_a_plan / plan / n_tables),
            times,
        )?,
        case,
    })
}
