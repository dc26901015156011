//! From accepted statements and a snapshot of the landing to the one exact vector of a release.
//!
//! The sums go from the operator into [`ExactTable`] and nowhere else.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, stream};
use marsad_catalog::Catalog;
use marsad_landing::Snapshot;
use marsad_privacy::Joint;
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::exact_table::ExactTable;
use marsad_privacy::noisy_table::OrganisationTable;
use marsad_terms::{Period, Progress};

use crate::analyse::Analysis;
use crate::error::Error;
use crate::landed_table::LandedTable;
use crate::operator::{
    MONTH, PERSON, PersonBoundedAggregateExec, Work, counted_column, dimension_column, value_column,
};
use crate::{organisation, session};

/// What statements read.
pub struct Landed<'a> {
    /// Record types and code lists.
    pub catalog: &'a Catalog,
    /// The files that exist.
    pub snapshot: &'a Snapshot,
}

impl Landed<'_> {
    /// Adds up the vectors of all private statistics of a release: `analyses` stand in the joint's order.
    ///
    /// # Errors
    /// Where files cannot be read or memory runs out; no figure is told.
    pub async fn tabulate(
        &self,
        joint: Joint,
        analyses: &[&Analysis],
        key: &SelectionKey,
        progress: Progress<'_>,
    ) -> Result<ExactTable, Error> {
        let mut sums = Vec::with_capacity(analyses.len());
        for (shape, analysis) in joint.shapes().iter().zip(analyses) {
            progress(sums.len() as u64, analyses.len() as u64);
            let work = Work { shape: Arc::new(shape.clone()), f: joint.f(), key: key.clone() };
            sums.push(self.sums(analysis, work).await.map_err(Error::engine(&shape.id, "add up its rows"))?);
        }
        progress(analyses.len() as u64, analyses.len() as u64);
        Ok(ExactTable::from_sums(joint, sums)?)
    }

    /// The exact table of an organisation statistic.
    ///
    /// # Errors
    /// Where files cannot be read.
    pub async fn organisations(
        &self,
        analysis: &Analysis,
        statistic: &marsad_catalog::Statistic,
        periods: &[Period],
    ) -> Result<OrganisationTable, Error> {
        let failed = Error::engine(&statistic.id, "add up its rows");
        organisation::tabulate(self, analysis, statistic, periods).await.map_err(failed)
    }

    pub(crate) async fn sums(&self, analysis: &Analysis, work: Work) -> EngineResult<Vec<i128>> {
        let context = session::session(partitions())?;
        let input = self.physical(&context.state(), analysis, projected(analysis, &[PERSON, MONTH])?).await?;
        bounded_sums(work, input, &context.task_ctx()).await
    }

    /// Plans over the landed files what was judged over empty tables.
    pub(crate) async fn physical(
        &self,
        state: &SessionState,
        analysis: &Analysis,
        plan: LogicalPlan,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        self.physical_with(state, analysis, plan, |table| table).await
    }

    /// The same over each landed table as `shown` makes it.
    pub(crate) async fn physical_with(
        &self,
        state: &SessionState,
        analysis: &Analysis,
        plan: LogicalPlan,
        shown: fn(LandedTable) -> LandedTable,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let record_type = self.catalog.record_types.values().find(|r| r.id.to_string() == analysis.table);
        let missing = || DataFusionError::Plan(format!("there is no record type {}", analysis.table));
        let table = LandedTable::new(record_type.ok_or_else(missing)?, self.snapshot);
        over(state, plan, Arc::new(shown(table))).await
    }
}

pub(crate) async fn over(
    state: &SessionState,
    plan: LogicalPlan,
    table: Arc<dyn TableProvider>,
) -> EngineResult<Arc<dyn ExecutionPlan>> {
    let plan = plan.transform_up(|node| match node {
        LogicalPlan::TableScan(mut scan) => {
            scan.source = provider_as_source(table.clone());
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    state.create_physical_plan(&plan.data).await
}

pub(crate) fn partitions() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Dimensions, values and flags under the operator's names.
fn expressions(analysis: &Analysis) -> Vec<Expr> {
    let dimensions = analysis.dimensions.iter().enumerate();
    let mut columns: Vec<Expr> =
        dimensions.map(|(i, dimension)| dimension.expr.clone().alias(dimension_column(i))).collect();
    for (i, aggregate) in analysis.aggregates.iter().enumerate() {
        columns.extend(aggregate.value.clone().map(|value| value.alias(value_column(i))));
        columns.extend(aggregate.counted.clone().map(|counted| counted.alias(counted_column(i))));
    }
    columns
}

/// The operator's columns over the input of the statement's final aggregate: `hidden` ones of the scan, which pass through
/// projections that drop them, then the statement's own.
pub(crate) fn projected(analysis: &Analysis, hidden: &[&str]) -> EngineResult<LogicalPlan> {
    let carried = carry(&analysis.input, hidden)?;
    let columns = carried.schema().columns();
    let named = |name: &&str| {
        let column = columns.iter().find(|column| column.name == carried_name(name)).cloned();
        let missing = || DataFusionError::Plan(format!("the input lost {name}"));
        column.map(|column| Expr::Column(column).alias(*name)).ok_or_else(missing)
    };
    let mut all = hidden.iter().map(named).collect::<EngineResult<Vec<_>>>()?;
    all.extend(expressions(analysis));
    LogicalPlanBuilder::from(carried).project(all)?.build()
}

/// A name that no statement can write without meaning it.
fn carried_name(column: &str) -> String {
    format!("__marsad_{column}")
}

/// Adds copies of scan columns to every node, under names of their own: a projection cannot lose or rename the person.
fn carry(plan: &LogicalPlan, hidden: &[&str]) -> EngineResult<LogicalPlan> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let own: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
            let name = scan.table_name.clone();
            let copies = hidden.iter().map(|column| {
                Expr::Column(datafusion::common::Column::new(Some(name.clone()), *column))
                    .alias(carried_name(column))
            });
            LogicalPlanBuilder::from(plan.clone()).project(own.into_iter().chain(copies))?.build()
        }
        LogicalPlan::Projection(projection) => {
            let input = carry(&projection.input, hidden)?;
            let copies = copies(&input, hidden);
            let columns: Vec<Expr> = projection.expr.iter().cloned().chain(copies).collect();
            LogicalPlanBuilder::from(input).project(columns)?.build()
        }
        other => {
            let inputs =
                other.inputs().into_iter().map(|i| carry(i, hidden)).collect::<EngineResult<Vec<_>>>()?;
            other.with_new_exprs(other.expressions(), inputs)?.recompute_schema()
        }
    }
}

fn copies(input: &LogicalPlan, hidden: &[&str]) -> Vec<Expr> {
    let names: Vec<String> = hidden.iter().map(|column| carried_name(column)).collect();
    let columns = input.schema().columns().into_iter();
    columns.filter(|column| names.contains(&column.name)).map(Expr::Column).collect()
}

/// Runs the operator; partitions add exactly, their number and order cannot matter.
pub(crate) async fn bounded_sums(
    work: Work,
    input: Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
) -> EngineResult<Vec<i128>> {
    let operator = Arc::new(PersonBoundedAggregateExec::new(Arc::new(work), input)?);
    let n = operator.properties().output_partitioning().partition_count();
    let tasks = (0..n).map(|partition| {
        let (operator, context) = (operator.clone(), context.clone());
        tokio::spawn(async move {
            let mut batches = operator.execute(partition, context)?;
            let silent = || DataFusionError::Execution("a partition gave no sums".to_owned());
            let batch = batches.next().await.transpose()?.ok_or_else(silent)?;
            let sums = batch.column(0).as_primitive::<Decimal128Type>();
            Ok::<_, DataFusionError>(sums.values().to_vec())
        })
    });
    let mut parts = stream::iter(tasks).buffered(n.max(1));
    let mut total: Option<Vec<i128>> = None;
    while let Some(part) = parts.next().await {
        let failed = |_| DataFusionError::Execution("a partition died".to_owned());
        let part = part.map_err(failed)??;
        match &mut total {
            None => total = Some(part),
            Some(total) => total.iter_mut().zip(part).for_each(|(sum, more)| *sum = sum.saturating_add(more)),
        }
    }
    total.ok_or_else(|| DataFusionError::Execution("no partition answered".to_owned()))
}
