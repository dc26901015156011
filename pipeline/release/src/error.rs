//! Why a release cannot be planned or run; never with a figure of persons.

use marsad_aggregate::{Refusal, ShapeError};
use marsad_terms::{Explain, Explanation, Period, ReleaseId, StatisticId};

/// What stops a plan or a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such definition.
    #[error("there is no release `{release}` in queries/releases")]
    UnknownRelease {
        /// What was asked for.
        release: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
    /// The id has been used by another request.
    #[error("release {0} was planned before and has left the stage of a proposal")]
    UsedId(ReleaseId),
    /// The stored result of an earlier release is not what its receipt names.
    #[error("the stored result of release {release} is not what the ledger names")]
    Stored {
        /// Which.
        release: ReleaseId,
    },
    /// A statement was refused.
    #[error("statistic {statistic} is refused: {}", list(.refusals))]
    Refused {
        /// Which.
        statistic: StatisticId,
        /// Why, all of it.
        refusals: Vec<Refusal>,
    },
    /// A statement does not parse, or names what does not exist.
    #[error("statistic {statistic}: {what}")]
    Invalid {
        /// Which.
        statistic: StatisticId,
        /// In the parser's words.
        what: String,
        /// Line of the SQL file.
        line: u64,
        /// Character of the line.
        column: u64,
    },
    /// SQL, TOML and periods do not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A wanted margin that names no table, or no number.
    #[error("the wanted margin `{wish}` {what}")]
    Wish {
        /// As written.
        wish: String,
        /// What is wrong.
        what: &'static str,
    },
    /// More planning figures than cells.
    #[error(
        "statistic {statistic} was planned with {named} figures for `{set}`, which has {n_keys} cells a period"
    )]
    Planning {
        /// Which.
        statistic: StatisticId,
        /// The table.
        set: String,
        /// How many figures it names.
        named: usize,
        /// How many cells there are.
        n_keys: usize,
    },
    /// Planning figures of no table.
    #[error("statistic {statistic} has planning figures for `{set}`, which is no table of it")]
    NoSuchTable {
        /// Which.
        statistic: StatisticId,
        /// As written.
        set: String,
    },
    /// A first-time series does not reach the release's periods.
    #[error("the first-time series of {statistic} {what}")]
    Series {
        /// Which.
        statistic: StatisticId,
        /// What does not fit.
        what: &'static str,
    },
    /// A period that is not past.
    #[error("the period {period} is not over before the end of {until}")]
    NotOver {
        /// The period.
        period: Period,
        /// Its last day, `YYYY-MM-DD`.
        until: String,
    },
    /// A step that cannot be drawn again.
    #[error("step {period} of {statistic} cannot be drawn again: it {what}")]
    Redraw {
        /// Which statistic.
        statistic: StatisticId,
        /// As written.
        period: Period,
        /// Why not.
        what: &'static str,
    },
    /// A bound without a constant to choose.
    #[error("statistic {0} has neither `c_squared` nor `k`")]
    NoConstant(StatisticId),
    /// The statistic is not in that release.
    #[error("release {release} holds no statistic {statistic}")]
    NotInRelease {
        /// Which statistic.
        statistic: StatisticId,
        /// Which release.
        release: ReleaseId,
    },
    /// Nothing to measure or publish.
    #[error("release {0} has no statistic that reads records")]
    Empty(ReleaseId),
    /// There is no policy yet.
    #[error("the ledger has no policy")]
    NoPolicy,
    /// The definitions changed after the proposal.
    #[error("the definitions of release {0} are no longer those that were proposed")]
    Changed(ReleaseId),
    /// The mathematics refused.
    #[error(transparent)]
    Privacy(#[from] marsad_privacy::Error),
    /// The engine failed.
    #[error(transparent)]
    Aggregate(#[from] marsad_aggregate::Error),
    /// The landing failed.
    #[error(transparent)]
    Landing(#[from] marsad_landing::Error),
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] marsad_ledger::Error),
    /// A value has no canonical form: a defect.
    #[error("the proposal has no canonical form")]
    Canonical(#[from] marsad_terms::canonical::CanonicalError),
}

fn list(refusals: &[Refusal]) -> String {
    refusals.iter().map(|r| format!("{} at {}:{}", r.code, r.line, r.column)).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// Code, reason and remedy of what is always told alike; what tells more, or another room's words, is not told here.
    fn plain(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::UsedId(_) => (
                "E02",
                "a release id stands for one publication for ever",
                "make a new one: `marsad release new ID --like OLD`; with a higher `revision` where the same request is to be drawn and charged anew",
            ),
            Self::Stored { .. } => (
                "E14",
                "expected cells are read off earlier releases, which never change",
                "run `marsad ledger verify` and restore the ledger's store",
            ),
            Self::Wish { .. } => (
                "E04",
                "a margin is wished for one table",
                "write `statistic/grouping set` = number, such as \"assisted_persons/quarter,region\" = 17",
            ),
            Self::Planning { .. } | Self::NoSuchTable { .. } => (
                "E15",
                "planning figures stand for the cells of one period of one table",
                "correct [planning] of the statistic: one figure a cell, under the table's columns as the SQL groups them",
            ),
            Self::Empty(_) => ("E05", "there would be nothing to publish", "name a statistic with SQL"),
            Self::NoPolicy => (
                "E06",
                "budget and authority come from a signed policy",
                "write [policy] in marsad.toml and run `marsad policy set --key FILE`",
            ),
            Self::Changed(_) => (
                "E07",
                "approvals hold for exactly what was proposed",
                "plan the release again, or restore the definitions",
            ),
            Self::Series { .. } => (
                "E09",
                "a series is paid for once, for the steps of its horizon",
                "choose `start` and `horizon` under [bound] so that they reach it; after the horizon a new series is opened",
            ),
            Self::NotOver { .. } => (
                "E16",
                "what is drawn stands for ever: events that are still to come would never be in it",
                "run it then, at best when all partners have sent the period; or correct `periods` and plan it again",
            ),
            Self::Redraw { .. } => (
                "E10",
                "a step is drawn once; only one that a crash cut off may be paid for again",
                "take it out of `redraw`, or see `marsad ledger log` for the steps that were forfeited",
            ),
            Self::NoConstant(_) => (
                "E11",
                "only `norm_clip` and `truncate` are bounded by a constant that has to be chosen",
                "see the statistic's `[bound]`",
            ),
            Self::NotInRelease { .. } => {
                ("E12", "the constant is weighed beside the release's other statistics", "name one of them")
            }
            _ => ("E08", "this is a defect of the programme", "report it"),
        }
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        let told =
            |code: &str, why: &str, remedy: &str| Explanation::new(code, self.to_string(), why, remedy);
        match self {
            Self::UnknownRelease { nearest, .. } => {
                let remedy = nearest.as_ref().map_or_else(
                    || "write queries/releases/<id>.toml, or `marsad release new ID --like OLD`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                told("E01", "a release is one file there", &remedy).at("queries/releases/")
            }
            Self::Refused { statistic, refusals } => refused(statistic, refusals.first()),
            Self::Invalid { statistic, line, column, .. } => {
                told("E03", "the statement must run on the landed record types", "correct the SQL")
                    .at(format!("queries/{statistic}.sql:{line}:{column}"))
            }
            Self::Shape(error) => error.explain(),
            Self::Privacy(error) => error.explain(),
            Self::Aggregate(error) => error.explain(),
            Self::Landing(error) => error.explain(),
            Self::Ledger(error) => error.explain(),
            plain => {
                let (code, why, remedy) = plain.plain();
                told(code, why, remedy)
            }
        }
    }
}

fn refused(statistic: &StatisticId, first: Option<&Refusal>) -> Explanation {
    let place = first.map_or(String::new(), |r| format!(":{}:{}, `{}`", r.line, r.column, r.text));
    Explanation::new(
        first.map_or("P17", |r| r.code),
        format!("statistic {statistic} is refused"),
        first.map_or("", |r| r.why.as_ref()),
        first.map_or("", |r| r.write.as_ref()),
    )
    .at(format!("queries/{statistic}.sql{place}"))
}
