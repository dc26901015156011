//! What can go wrong here, without a figure: shapes that no bound holds, a result that does not read back, no randomness.
//!
//! It deliberately lacks the causes that OpenDP reports, since their texts are not ours to vouch for.

use marsad_terms::{Explain, Explanation, StatisticId};

/// A failure of the mathematics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bound of the statistic cannot hold one of its aggregates (P20).
    #[error("statistic {statistic}: `{mode}` cannot bound {aggregate}")]
    Unbounded {
        /// Which statistic.
        statistic: StatisticId,
        /// Its mode.
        mode: &'static str,
        /// What it cannot hold.
        aggregate: &'static str,
    },
    /// The shape of a statistic contradicts itself.
    #[error("statistic {statistic}: {what}")]
    Shape {
        /// Which statistic.
        statistic: StatisticId,
        /// What does not fit.
        what: &'static str,
    },
    /// Declared bounds of a measure that are no bounds.
    #[error("the measure's {what}")]
    Measure {
        /// What is wrong with them.
        what: &'static str,
    },
    /// More cells than a release may hold.
    #[error("the release would have {cells} cells; at most {most} are measured")]
    TooManyCells {
        /// How many it would have.
        cells: usize,
        /// How many it may have.
        most: usize,
    },
    /// The sensitivity passes 128 bits.
    #[error("the squared sensitivity of the release does not fit 128 bits")]
    TooSensitive,
    /// f outside 0 to 20.
    #[error("{f} fixed-point digits are outside 0 to 20")]
    Precision {
        /// What was asked for.
        f: u32,
    },
    /// The sums have another length than the vector they are to be.
    #[error("statistic {statistic} has {expected} cells, {found} sums were given")]
    SumsDoNotFit {
        /// Which statistic.
        statistic: usize,
        /// Length of its vector.
        expected: usize,
        /// Length of the sums.
        found: usize,
    },
    /// Nothing can be measured for nothing.
    #[error("a privacy cost of zero buys no figure")]
    ZeroPrice,
    /// The noise would cost more than was reserved: a defect, so nothing was drawn.
    #[error("the noise scale would cost more than was reserved")]
    PriceExceeded,
    /// The system gave no randomness, or a drawing thread failed: nothing is released.
    #[error("the noise could not be drawn")]
    Randomness,
    /// A stored result does not read back.
    #[error("the stored result is damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: &'static str,
    },
    /// No statistic of that number, or no table of that kind.
    #[error("the release holds no {what}")]
    Unknown {
        /// What was asked for.
        what: &'static str,
    },
    /// A level of confidence that is none.
    #[error("a joint level lies between 0 and 1, for one cell or more")]
    Level,
    /// No budget reaches the wish.
    #[error("no budget within 2^53 nano-rho reaches the wanted margin")]
    Unreachable,
}

impl Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unbounded { .. } => "P20",
            Self::Shape { .. } => "N01",
            Self::Measure { .. } => "N02",
            Self::TooManyCells { .. } => "N03",
            Self::TooSensitive => "N04",
            Self::Precision { .. } => "N05",
            Self::SumsDoNotFit { .. } => "N06",
            Self::ZeroPrice => "N07",
            Self::PriceExceeded => "N08",
            Self::Randomness => "N09",
            Self::Damaged { .. } => "N10",
            Self::Unknown { .. } => "N11",
            Self::Unreachable => "N12",
            Self::Level => "N13",
        }
    }

    fn why_and_remedy(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unbounded { .. } => (
                "one person would add more than the claim",
                "declare `mode = \"norm_clip\"` for this statistic",
            ),
            Self::Shape { .. } => {
                ("the privacy proof holds for consistent shapes only", "correct the statistic")
            }
            Self::Measure { .. } => (
                "a sum needs `lower` ≤ `upper` and a positive `step`",
                "correct the measure in the statistic's TOML",
            ),
            Self::TooManyCells { .. } => {
                ("every cell is measured, zeros too", "drop a grouping set, a period or a dimension")
            }
            Self::TooSensitive => ("the sum of squares is kept exactly", "lower k, C² or the weights b"),
            Self::Precision { .. } => ("figures are 64-bit integers of 1/(b·2^f)", "leave f to the planner"),
            Self::SumsDoNotFit { .. } | Self::PriceExceeded => {
                ("this is a defect of the programme, and nothing was drawn", "report it")
            }
            Self::ZeroPrice => {
                ("without cost the noise would be infinite", "give the release a `rho` or a `margin`")
            }
            Self::Randomness => {
                ("all cells are drawn or none is", "check the system's random source; the charge stays")
            }
            Self::Damaged { .. } => {
                ("results are stored once and never changed", "restore the object from a copy")
            }
            Self::Unknown { .. } => {
                ("only what was measured can be estimated", "check the name against the release")
            }
            Self::Level => ("the level is a probability, shared among the cells", "ask for 0.95, say"),
            Self::Unreachable => ("the noise cannot be that small", "widen the margin or drop tables"),
        }
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        let (why, remedy) = self.why_and_remedy();
        Explanation::new(self.code(), self.to_string(), why, remedy)
    }
}
