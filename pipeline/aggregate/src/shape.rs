//! From an accepted statement and its declared bound to the public shape of what one release measures (algorithms 0, 2, 11).
//!
//! All of it follows from catalogue and release definition; it deliberately lacks rows.

use marsad_catalog::{BoundMode, BoundSpec, Catalog, Statistic};
use marsad_privacy::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Measure, Output, StatisticShape, Strategy, TableSpec,
};
use marsad_terms::{Explain, Explanation, Grain, Period, StatisticId};

use crate::analyse::{Analysis, GroupingSet, Kind};

/// Why a statistic cannot be measured in a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A grouping set without a period, in a release of several (P19).
    #[error("statistic {0}: a grouping set names no period, and the release lists several")]
    NoPeriod(StatisticId),
    /// None of the release's periods has a grain of the statement.
    #[error("statistic {0}: the release lists no {1}")]
    NoPeriodOfGrain(StatisticId, &'static str),
    /// The TOML and the SQL do not fit.
    #[error("statistic {statistic}: {what}")]
    Declaration {
        /// Which.
        statistic: StatisticId,
        /// What does not fit.
        what: String,
    },
}

impl Explain for ShapeError {
    fn explain(&self) -> Explanation {
        let (code, why, remedy) = match self {
            Self::NoPeriod(_) => (
                "P19",
                "one person would add a unit for each period to one cell",
                "name `quarter` or `year` in every grouping set",
            ),
            Self::NoPeriodOfGrain(..) => (
                "Q02",
                "its tables would have no cell",
                "add such a period to the release, or leave the statistic out",
            ),
            Self::Declaration { .. } => {
                ("Q03", "the proof holds for what is declared", "correct the statistic's TOML or SQL")
            }
        };
        Explanation::new(code, self.to_string(), why, remedy)
    }
}

/// The shape of a statistic for the periods of a release; `share` multiplies all b (and C² by its square).
///
/// # Errors
/// What does not fit between SQL, TOML and periods.
pub(crate) fn shape(
    analysis: &Analysis,
    statistic: &Statistic,
    catalog: &Catalog,
    periods: &[Period],
    share: u32,
) -> Result<StatisticShape, ShapeError> {
    let maker = Maker { analysis, statistic, catalog };
    let grains = maker.grains(periods)?;
    let periods = maker.periods(&grains, periods)?;
    let aggregates = analysis.aggregates.iter().map(|a| maker.aggregate(a)).collect::<Result<_, _>>()?;
    Ok(StatisticShape {
        id: statistic.id.clone(),
        bound: maker.bound(share)?,
        dimensions: maker.dimensions()?,
        periods,
        aggregates,
        tables: maker.tables(&grains, share)?,
        outputs: maker.outputs(),
        strategy: Strategy::Tables,
    })
}

/// A dimension with the codes that are measured: no totals, no structural zeros, `_U` last; `None` without its code list.
pub(crate) fn measured(
    dimension: &crate::analyse::Dimension,
    statistic: &Statistic,
    catalog: &Catalog,
    home: Option<HomeRule>,
) -> Option<Dimension> {
    let list = catalog.code_lists.get(&dimension.list)?;
    let zeros = statistic.zeros.get(&dimension.name).cloned().unwrap_or_default();
    let mut codes: Vec<String> =
        list.domain().into_iter().map(|code| code.id.clone()).filter(|code| !zeros.contains(code)).collect();
    codes.sort_by_key(|code| code == "_U");
    Some(Dimension { name: dimension.name.clone(), code_list: dimension.list.clone(), codes, zeros, home })
}

struct Maker<'a> {
    analysis: &'a Analysis,
    statistic: &'a Statistic,
    catalog: &'a Catalog,
}

impl Maker<'_> {
    fn fault<T>(&self, what: impl Into<String>) -> Result<T, ShapeError> {
        Err(ShapeError::Declaration { statistic: self.statistic.id.clone(), what: what.into() })
    }

    /// The grain of each grouping set; a release of one period lends its own.
    fn grains(&self, periods: &[Period]) -> Result<Vec<Grain>, ShapeError> {
        let only = match periods {
            [period] => Some(period.grain()),
            _ => None,
        };
        let grain = |set: &GroupingSet| set.grain.or(only);
        let missing = || ShapeError::NoPeriod(self.statistic.id.clone());
        self.analysis.sets.iter().map(|set| grain(set).ok_or_else(missing)).collect()
    }

    /// The release's periods of those grains; for a series all its steps, whatever the release lists.
    fn periods(&self, grains: &[Grain], periods: &[Period]) -> Result<Vec<Period>, ShapeError> {
        let mut used: Vec<Period> = periods.iter().copied().filter(|p| grains.contains(&p.grain())).collect();
        let BoundSpec { mode, start, horizon, .. } = &self.statistic.bound;
        if let (BoundMode::First, Some(start), Some(horizon)) = (mode, start, horizon) {
            let steps = std::iter::successors(Some(*start), |period| Some(period.next()));
            used = steps.take(*horizon as usize).collect();
        }
        used.sort_by_key(ToString::to_string);
        used.dedup();
        match grains.iter().find(|grain| !used.iter().any(|p| p.grain() == **grain)) {
            Some(grain) => Err(ShapeError::NoPeriodOfGrain(self.statistic.id.clone(), grain.column())),
            None => Ok(used),
        }
    }

    fn aggregate(&self, aggregate: &crate::analyse::Aggregate) -> Result<Aggregate, ShapeError> {
        match (aggregate.kind, &aggregate.measure) {
            (Kind::Persons, _) => Ok(Aggregate::Persons),
            (Kind::Rows, _) => Ok(Aggregate::Rows),
            (Kind::Sum, Some(name)) => match self.statistic.measures.get(name) {
                Some(m) => Ok(Aggregate::Sum(Measure {
                    lower: m.lower.clone(),
                    upper: m.upper.clone(),
                    step: m.step.clone(),
                })),
                None => self.fault(format!("the measure `{name}` has no bounds")),
            },
            (Kind::Sum, None) => self.fault("a sum has no measure"),
        }
    }

    fn bound(&self, share: u32) -> Result<Bound, ShapeError> {
        let bound = &self.statistic.bound;
        let left_out_cap = bound.left_out_cap;
        match bound.mode {
            BoundMode::HomeCell => Ok(Bound::HomeCell),
            BoundMode::NormClip => match bound.c_squared {
                Some(c) => {
                    let squared = u64::from(share) * u64::from(share);
                    let c_squared = c.checked_mul(squared);
                    c_squared
                        .map(|c_squared| Bound::NormClip { c_squared, left_out_cap })
                        .map_or_else(|| self.fault("c_squared times the share is too large"), Ok)
                }
                None => self.fault("norm_clip needs c_squared"),
            },
            BoundMode::Truncate => match bound.k {
                Some(k) => Ok(Bound::Truncate { k, left_out_cap }),
                None => self.fault("truncate needs k"),
            },
            // Who has withdrawn is told from the rows of one record type (algorithms 6).
            BoundMode::First if !self.analysis.is_scan => {
                self.fault("a first-time series is of one record type, without joins or inner aggregates")
            }
            BoundMode::First => match bound.start {
                Some(start) => Ok(Bound::First { start }),
                None => self.fault("first needs start"),
            },
            BoundMode::None => self.fault("records of persons need a bound"),
        }
    }

    fn dimensions(&self) -> Result<Vec<Dimension>, ShapeError> {
        self.analysis.dimensions.iter().map(|dimension| self.dimension(dimension)).collect()
    }

    fn dimension(&self, dimension: &crate::analyse::Dimension) -> Result<Dimension, ShapeError> {
        let home = self.home(&dimension.name)?;
        let made = measured(dimension, self.statistic, self.catalog, home);
        made.map_or_else(|| self.fault(format!("there is no code list `{}`", dimension.list)), Ok)
    }

    /// The declared rule; one value a period needs one anyway, the most recent.
    fn home(&self, dimension: &str) -> Result<Option<HomeRule>, ShapeError> {
        let single = matches!(self.statistic.bound.mode, BoundMode::HomeCell | BoundMode::First);
        match self.statistic.home.get(dimension).map(String::as_str) {
            Some("most_recent") => Ok(Some(HomeRule::MostRecent)),
            Some("most_frequent") => Ok(Some(HomeRule::MostFrequent)),
            Some("priority") => Ok(Some(HomeRule::Priority)),
            None => Ok(single.then_some(HomeRule::MostRecent)),
            Some(other) => self.fault(format!("`{other}` is no home rule")),
        }
    }

    fn tables(&self, grains: &[Grain], share: u32) -> Result<Vec<TableSpec>, ShapeError> {
        let mut tables = Vec::new();
        let mut weighed = Vec::new();
        for aggregate in 0..self.analysis.aggregates.len() {
            for (set, grain) in self.analysis.sets.iter().zip(grains) {
                let name = self.set_name(set, *grain);
                let weight = self.statistic.weights.get(&name).copied().unwrap_or(1);
                weighed.push(name);
                let dimensions = set.dimensions.clone();
                let b = weight.saturating_mul(share).saturating_mul(self.beside_sums(aggregate));
                let table = TableSpec { aggregate, grain: *grain, dimensions, b };
                if !tables.contains(&table) {
                    tables.push(table);
                }
            }
        }
        match self.statistic.weights.keys().find(|name| !weighed.contains(name)) {
            Some(name) => {
                self.fault(format!("[weights] names `{name}`, which is no grouping set of the SQL"))
            }
            None => Ok(tables),
        }
    }

    /// A count beside a sum weighs as much as a typical row of it: the sum's noise, in its steps, would drown it (algorithms
    /// 2.5).
    fn beside_sums(&self, aggregate: usize) -> u32 {
        if self.analysis.aggregates[aggregate].kind == Kind::Sum {
            return 1;
        }
        let sums = self.analysis.aggregates.iter().filter_map(|other| other.measure.as_ref());
        let measures = sums.filter_map(|name| self.statistic.measures.get(name));
        measures.map(|measure| measure.typical_steps).max().unwrap_or(1)
    }

    fn set_name(&self, set: &GroupingSet, grain: Grain) -> String {
        let dimensions = set.dimensions.iter().map(|d| self.analysis.dimensions[*d].name.as_str());
        std::iter::once(grain.column()).chain(dimensions).collect::<Vec<_>>().join(",")
    }

    fn outputs(&self) -> Vec<Output> {
        let in_percent = self.statistic.unit == "PERCENT";
        let output = |(name, expression): &(String, Expression)| {
            let mut expression = expression.clone();
            if let Expression::Ratio { share, percent, .. } = &mut expression {
                *percent = in_percent && !*share;
            }
            Output { name: name.clone(), expression }
        };
        self.analysis.outputs.iter().map(output).collect()
    }
}

impl Analysis {
    /// The shape of a statistic for the periods of a release; `share` multiplies all b (and C² by its square).
    ///
    /// # Errors
    /// What does not fit between SQL, TOML and periods.
    pub fn shape(
        &self,
        statistic: &Statistic,
        catalog: &Catalog,
        periods: &[Period],
        share: u32,
    ) -> Result<StatisticShape, ShapeError> {
        shape(self, statistic, catalog, periods, share)
    }
}
