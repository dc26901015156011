//! The physical plan of a statistic, as text: what is read, in which order, and how persons are kept apart.
//!
//! It tells of definitions and of how many buckets there are, and deliberately of nothing that a row says.

use std::sync::Arc;

use datafusion::error::Result as EngineResult;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::shape::{Bound, StatisticShape};

use crate::analyse::Analysis;
use crate::error::Error;
use crate::operator::{PersonBoundedAggregateExec, Work};
use crate::tabulate::{Landed, over, sorted_by_person};
use crate::{scan, session};

impl Landed<'_> {
    /// How a statistic is added up, a node a line. First-time series and statistics of organisations end at the rows, which
    /// no operator adds up.
    ///
    /// # Errors
    /// Where the statement cannot be planned.
    pub async fn explain(
        &self,
        analysis: &Analysis,
        shape: Option<&StatisticShape>,
    ) -> Result<String, Error> {
        let id = shape.map_or_else(|| "a statistic".to_owned(), |shape| shape.id.to_string());
        let plan = self.planned(analysis, shape).await.map_err(Error::engine(&id, "plan its rows"))?;
        Ok(displayable(plan.as_ref()).indent(false).to_string().trim_end().to_owned())
    }

    /// What one run of buckets reads.
    async fn planned_run(&self, analysis: &Analysis) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let (plan, runs) = self.runs(analysis)?;
        let context = session::session(1, &self.limits)?;
        sorted_by_person(over(&context.state(), plan, &runs[0]).await?)
    }

    async fn planned(
        &self,
        analysis: &Analysis,
        shape: Option<&StatisticShape>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let Some(shape) = shape.filter(|shape| !matches!(shape.bound, Bound::First { .. })) else {
            let context = session::session(1, &self.limits)?;
            return self.physical(&context.state(), analysis).await;
        };
        // Nothing is run: no tie is ever decided by this key.
        let key = SelectionKey::new([0; 32]);
        let work = Work { shape: Arc::new(shape.clone()), f: 0, key };
        let input = match self.scanned(analysis) {
            Some(table) => scan::planned(table, analysis, work.clone(), &self.limits).await?,
            None => self.planned_run(analysis).await?,
        };
        Ok(Arc::new(PersonBoundedAggregateExec::new(Arc::new(work), input)?))
    }
}
