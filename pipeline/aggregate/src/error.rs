//! What can fail while rows are read and added up, without a value of any row.

use datafusion::error::DataFusionError;
use marsad_terms::{Explain, Explanation};

/// A failure of the engine; refused statements are results, not errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine could not plan or run the statement.
    #[error("statistic {statistic}: the engine could not {step}")]
    Engine {
        /// Which statistic.
        statistic: String,
        /// What it was doing.
        step: &'static str,
        /// The engine's own words are for a defect report of the definitions, and are never shown beside data.
        #[source]
        source: Box<DataFusionError>,
    },
    /// The sums need more memory than they may take.
    #[error("the sums of the release take {needed} MiB at once, and may take {limit}")]
    Room {
        /// MiB, by the cells and the processors.
        needed: usize,
        /// MiB
        limit: usize,
    },
    /// The landing could not be read.
    #[error("the landed files cannot be read")]
    Landing(#[from] marsad_landing::Error),
    /// A programme could not be simulated.
    #[error(transparent)]
    Simulation(#[from] marsad_simulate::Error),
    /// There is no room for the extracts of a simulation.
    #[error("a temporary folder cannot be made")]
    Folder(#[source] std::io::Error),
    /// The mathematics refused the sums.
    #[error(transparent)]
    Privacy(#[from] marsad_privacy::Error),
}

impl Error {
    pub(crate) fn engine(
        statistic: &impl ToString,
        step: &'static str,
    ) -> impl FnOnce(DataFusionError) -> Self {
        let statistic = statistic.to_string();
        move |source| Self::Engine { statistic, step, source: Box::new(source) }
    }

    fn of_engine(&self, source: &DataFusionError) -> Explanation {
        let charged = "a run that was reserved stays charged";
        let (why, remedy) = match source.find_root() {
            DataFusionError::ResourcesExhausted(_) => {
                ("it would take more memory than it may", "raise memory_mib under [engine] in marsad.toml")
            }
            _ => (
                "a landed file is missing or damaged, or memory or disk ran out",
                "compare the landing stores with `marsad batch verify`",
            ),
        };
        Explanation::new("Q01", self.to_string(), why, format!("{remedy}; {charged}"))
    }
}

/// The landing's own error, where that is what stopped the engine.
fn of_landing(error: &DataFusionError) -> Option<&marsad_landing::Error> {
    match error.find_root() {
        DataFusionError::External(source) => source.downcast_ref(),
        _ => None,
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        match self {
            Self::Engine { source, .. } => {
                of_landing(source).map_or_else(|| self.of_engine(source), Explain::explain)
            }
            Self::Room { .. } => Explanation::new(
                "Q05",
                self.to_string(),
                "each processor holds the sums of the statistics that share a reading",
                "raise memory_mib under [engine] in marsad.toml, or release fewer cells at once",
            ),
            Self::Landing(error) => error.explain(),
            Self::Simulation(error) => error.explain(),
            Self::Folder(_) => Explanation::new(
                "Q04",
                self.to_string(),
                "the extracts of fictitious people are written before they are landed in memory",
                "make room in the folder for temporary files, or name another in TMPDIR",
            ),
            Self::Privacy(error) => error.explain(),
        }
    }
}
