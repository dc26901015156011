//! From accepted statements and a snapshot of the landing to the one exact vector of a release.
//!
//! The sums go from the operator into [`ExactTable`] and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use datafusion::catalog::TableProvider;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use futures::{StreamExt, stream};
use marsad_catalog::{Catalog, RecordType};
use marsad_landing::Snapshot;
use marsad_privacy::Joint;
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::exact_table::ExactTable;
use marsad_privacy::noisy_table::OrganisationTable;
use marsad_terms::{Name, Period, Progress};

use crate::analyse::Analysis;
use crate::error::Error;
use crate::landed_table::{LandedTable, ReadSoFar, by_person};
use crate::operator::{PersonBoundedAggregateExec, Work, is_sorted, memory_of};
use crate::scan::{self, Failed};
use crate::session::Limits;
use crate::{carry, organisation, reference, session};

/// Runs of buckets at most: each is planned anew.
const MOST_RUNS: u32 = 64;
/// Statistics at most that share one reading: each holds its sums once for each partition.
const MOST_TOGETHER: usize = 16;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

impl Limits {
    /// Whether the sums of a release fit into the engine's memory: to be asked before anything is paid.
    ///
    /// # Errors
    /// Where they do not.
    pub fn has_room(&self, joint: &Joint, analyses: &[&Analysis]) -> Result<(), Error> {
        let of_group = |group: Vec<usize>| -> usize {
            group.into_iter().map(|index| memory_of(&joint.shapes()[index])).sum()
        };
        let most = groups(analyses.iter().copied()).into_iter().map(of_group).max().unwrap_or(0);
        let (needed, limit) = (most.saturating_mul(partitions()), self.memory);
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        if needed <= limit { Ok(()) } else { Err(Error::Room { needed: mib(needed), limit: mib(limit) }) }
    }
}

/// What statements read.
pub struct Landed<'a> {
    /// Record types and code lists.
    pub catalog: &'a Catalog,
    /// The files that exist.
    pub snapshot: &'a Snapshot,
    /// What the engine may take.
    pub limits: Limits,
    /// Counts what is read.
    pub(crate) read: ReadSoFar,
}

impl<'a> Landed<'a> {
    /// The files of a snapshot, read within the usual limits.
    pub fn new(catalog: &'a Catalog, snapshot: &'a Snapshot) -> Self {
        Self { catalog, snapshot, limits: Limits::default(), read: ReadSoFar::default() }
    }

    /// The same within other limits.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
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
        let statistics: Vec<(&Analysis, Work)> = joint
            .shapes()
            .iter()
            .zip(analyses)
            .map(|(shape, analysis)| {
                (*analysis, Work { shape: Arc::new(shape.clone()), f: joint.f(), key: key.clone() })
            })
            .collect();
        let (before, all) = (self.read.buckets(), self.n_buckets(&statistics)?);
        let sums = self.all_sums(&statistics);
        let failed =
            |(index, error): Failed| Error::engine(&joint.shapes()[index].id, "add up its rows")(error);
        let sums =
            told(sums, || progress((self.read.buckets() - before).min(all), all)).await.map_err(failed)?;
        progress(all, all);
        Ok(ExactTable::from_sums(joint, sums)?)
    }

    /// The sums of statistics, in their order: those that scan one record type together, then the others.
    pub(crate) async fn all_sums(&self, statistics: &[(&Analysis, Work)]) -> Result<Vec<Vec<i128>>, Failed> {
        let mut sums = vec![Vec::new(); statistics.len()];
        for group in groups(statistics.iter().map(|(analysis, _)| *analysis)) {
            let members = group.iter().map(|index| statistics[*index].clone()).collect();
            let of_group = |(index, error): Failed| (group[index], error);
            for (index, part) in group.iter().zip(self.group(members).await.map_err(of_group)?) {
                sums[*index] = part;
            }
        }
        Ok(sums)
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

    /// The sums of one statistic.
    pub(crate) async fn sums(&self, analysis: &Analysis, work: Work) -> EngineResult<Vec<i128>> {
        let mut sums = self.group(vec![(analysis, work)]).await.map_err(|(_, error)| error)?;
        sums.pop().ok_or_else(|| DataFusionError::Execution("no statistic answered".to_owned()))
    }

    /// The sums of statistics that scan one record type, or of one that does more than that.
    async fn group(&self, statistics: Vec<(&Analysis, Work)>) -> Result<Vec<Vec<i128>>, Failed> {
        let first = |error| (0, error);
        let Some((analysis, work)) = statistics.first().cloned() else { return Ok(Vec::new()) };
        if let Some(table) = self.scanned(analysis) {
            return scan::sums(table, statistics, &self.limits).await;
        }
        let (plan, runs) = self.runs(analysis).map_err(first)?;
        Ok(vec![sums_by_run(plan, runs, work, &self.limits).await.map_err(first)?])
    }

    /// The plan of a statement over several tables, and the tables of each run of buckets: one at least.
    pub(crate) fn runs(&self, analysis: &Analysis) -> EngineResult<(LogicalPlan, Vec<Tables>)> {
        let plan = carry::projected(analysis)?;
        let tables = self.tables(analysis, &plan)?;
        let restricted = |run: Range<u32>| {
            tables.iter().map(move |(name, table)| (name.clone(), table.restricted(&run))).collect()
        };
        let runs = person_closed_runs(self.snapshot.n_buckets()).into_iter().map(restricted);
        let runs = runs.collect();
        Ok((plan, runs))
    }

    /// The one landed table that a statement scans, if it does no more than that.
    pub(crate) fn scanned(&self, analysis: &Analysis) -> Option<LandedTable> {
        let name = analysis.record_types.keys().next().filter(|_| analysis.is_scan)?;
        let record_type = self.catalog.record_types.values().find(|r| r.id.as_str() == name)?;
        Some(self.table(record_type))
    }

    fn table(&self, record_type: &RecordType) -> LandedTable {
        LandedTable::new(record_type, self.snapshot).counted_by(self.read.clone())
    }

    /// How many buckets are read for statistics.
    pub(crate) fn n_buckets(&self, statistics: &[(&Analysis, Work)]) -> Result<u64, Error> {
        let mut n = 0;
        for group in groups(statistics.iter().map(|(analysis, _)| *analysis)) {
            let (analysis, work) = &statistics[group[0]];
            let failed = Error::engine(&work.shape.id, "plan its reading");
            let tables = carry::projected(analysis).and_then(|plan| self.tables(analysis, &plan));
            n += tables.map_err(failed)?.values().map(Table::n_buckets).sum::<u64>();
        }
        Ok(n)
    }

    /// What a plan scans: landed records, and code lists as reference tables.
    fn tables(&self, analysis: &Analysis, plan: &LogicalPlan) -> EngineResult<Tables> {
        let mut tables = Tables::new();
        for name in scanned(plan) {
            let landed = self.catalog.record_types.values().find(|r| r.id.as_str() == name);
            let landed = landed.filter(|_| analysis.record_types.contains_key(&name));
            let missing = || DataFusionError::Plan(format!("there is no table {name}"));
            let table = match landed {
                Some(record_type) => Table::Landed(self.table(record_type)),
                None => Table::Public(Arc::new(reference::table(self.catalog, &name).ok_or_else(missing)??)),
            };
            tables.insert(name, table);
        }
        Ok(tables)
    }

    /// The physical plan of an organisation statistic, in one partition.
    pub(crate) async fn physical(
        &self,
        state: &SessionState,
        analysis: &Analysis,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        self.physical_with(state, analysis, |table| table).await
    }

    /// The same over each landed table as `shown` makes it.
    pub(crate) async fn physical_with(
        &self,
        state: &SessionState,
        analysis: &Analysis,
        shown: fn(LandedTable) -> LandedTable,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let plan = carry::projected(analysis)?;
        let tables = self.tables(analysis, &plan)?.into_iter().map(|(name, table)| match table {
            Table::Landed(table) => (name, Table::Landed(shown(table))),
            public @ Table::Public(_) => (name, public),
        });
        over(state, plan, &tables.collect()).await
    }
}

/// A table of a run.
#[derive(Clone)]
pub(crate) enum Table {
    /// Records, by bucket.
    Landed(LandedTable),
    /// As it is, in every run.
    Public(Arc<dyn TableProvider>),
}

impl Table {
    fn restricted(&self, buckets: &Range<u32>) -> Self {
        match self {
            Self::Landed(table) => Self::Landed(table.restricted(buckets)),
            public @ Self::Public(_) => public.clone(),
        }
    }

    fn n_buckets(&self) -> u64 {
        match self {
            Self::Landed(table) => table.n_buckets(),
            Self::Public(_) => 0,
        }
    }

    pub(crate) fn provider(&self) -> Arc<dyn TableProvider> {
        match self {
            Self::Landed(table) => Arc::new(table.clone()),
            Self::Public(table) => table.clone(),
        }
    }
}

/// Tables by name.
pub(crate) type Tables = BTreeMap<String, Table>;

fn scanned(plan: &LogicalPlan) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // Nothing in the closure fails.
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            names.insert(scan.table_name.table().to_owned());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    names
}

/// Plans over tables with rows what was judged over empty ones.
pub(crate) async fn over(
    state: &SessionState,
    plan: LogicalPlan,
    tables: &Tables,
) -> EngineResult<Arc<dyn ExecutionPlan>> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::TableScan(mut scan) => {
            let missing = || DataFusionError::Plan(format!("there is no table {}", scan.table_name));
            let table = tables.get(scan.table_name.table()).ok_or_else(missing)?;
            scan.source = provider_as_source(table.provider());
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    state.create_physical_plan(&plan.data).await
}

pub(crate) fn partitions() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Consecutive buckets that a plan of several tables reads at once: many short runs, so that a join holds few persons.
fn person_closed_runs(n_buckets: u32) -> Vec<Range<u32>> {
    let n_runs = n_buckets.clamp(1, MOST_RUNS);
    let border =
        |i: u32| u32::try_from(u64::from(i) * u64::from(n_buckets) / u64::from(n_runs)).unwrap_or(n_buckets);
    (0..n_runs).map(|i| border(i)..border(i + 1)).collect()
}

/// Runs a plan of several tables once for each of `runs`, tables restricted to some persons with all their rows.
///
/// Claim: the sums of all runs together are those of the plan over all rows. Proof: f(D) = ⊎_u f(D_u) ([`crate::analyse()`]),
/// and each person is in one run. Attack: `tests::differential`.
pub(crate) async fn sums_by_run(
    plan: LogicalPlan,
    runs: Vec<Tables>,
    work: Work,
    limits: &Limits,
) -> EngineResult<Vec<i128>> {
    let work = Arc::new(work);
    // As many runs at once as there are partitions.
    let limits = Limits { memory: limits.memory / partitions(), ..limits.clone() };
    let tasks = runs.into_iter().map(|tables| {
        let (plan, work, limits) = (plan.clone(), work.clone(), limits.clone());
        async move {
            let one_run = async move {
                let context = session::session(1, &limits)?;
                let input = sorted_by_person(over(&context.state(), plan, &tables).await?)?;
                bounded_sums(work, input, &context.task_ctx()).await
            };
            spawned(one_run).await
        }
    });
    let mut parts = stream::iter(tasks).buffer_unordered(partitions());
    let mut total = None;
    while let Some(part) = parts.next().await {
        add(&mut total, part?);
    }
    total.ok_or_else(|| DataFusionError::Execution("no run answered".to_owned()))
}

/// The plan in one partition, with a sort where its order is not known to be by person.
pub(crate) fn sorted_by_person(input: Arc<dyn ExecutionPlan>) -> EngineResult<Arc<dyn ExecutionPlan>> {
    let input: Arc<dyn ExecutionPlan> = match input.properties().output_partitioning().partition_count() {
        1 => input,
        _ => Arc::new(CoalescePartitionsExec::new(input)),
    };
    match by_person(&input.schema()) {
        Some(order) if !is_sorted(&input)? => Ok(Arc::new(SortExec::new(order, input))),
        _ => Ok(input),
    }
}

/// Adds the sums of some persons to those of others.
fn add(total: &mut Option<Vec<i128>>, part: Vec<i128>) {
    match total {
        None => *total = Some(part),
        Some(total) => total.iter_mut().zip(part).for_each(|(sum, more)| *sum = sum.saturating_add(more)),
    }
}

/// Runs the operator; partitions add exactly, their number and order cannot matter.
pub(crate) async fn bounded_sums(
    work: Arc<Work>,
    input: Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
) -> EngineResult<Vec<i128>> {
    let operator = Arc::new(PersonBoundedAggregateExec::new(work, input)?);
    let n = operator.properties().output_partitioning().partition_count();
    let tasks = (0..n).map(|partition| {
        let (operator, context) = (operator.clone(), context.clone());
        spawned(async move {
            let mut batches = operator.execute(partition, context)?;
            let silent = || DataFusionError::Execution("a partition gave no sums".to_owned());
            let batch = batches.next().await.transpose()?.ok_or_else(silent)?;
            let sums = batch.column(0).as_primitive::<Decimal128Type>();
            Ok(sums.values().to_vec())
        })
    });
    let mut parts = stream::iter(tasks).buffered(n.max(1));
    let mut total: Option<Vec<i128>> = None;
    while let Some(part) = parts.next().await {
        add(&mut total, part?);
    }
    total.ok_or_else(|| DataFusionError::Execution("no partition answered".to_owned()))
}

/// Runs a part on any core; it ends when nobody waits for it any more.
async fn spawned<T: Send + 'static>(
    part: impl Future<Output = EngineResult<T>> + Send + 'static,
) -> EngineResult<T> {
    let died = |_| DataFusionError::Execution("a part of the reading died".to_owned());
    SpawnedTask::spawn(part).join().await.map_err(died)?
}

/// Waits, telling several times a second how far it is.
async fn told<T>(work: impl Future<Output = T>, tell: impl Fn()) -> T {
    let mut work = pin!(work);
    let mut ticks = tokio::time::interval(TELL_EVERY);
    loop {
        tokio::select! {
            answer = &mut work => return answer,
            _ = ticks.tick() => tell(),
        }
    }
}

/// Statistics by the record type that they scan, a few at a time; those that do more stand alone.
fn groups<'a>(analyses: impl IntoIterator<Item = &'a Analysis>) -> Vec<Vec<usize>> {
    let mut groups: Vec<(&Analysis, Vec<usize>)> = Vec::new();
    for (index, analysis) in analyses.into_iter().enumerate() {
        let fits = |(first, group): &&mut (&Analysis, Vec<usize>)| {
            analysis.is_scan
                && first.is_scan
                && group.len() < MOST_TOGETHER
                && first.record_types.keys().eq(analysis.record_types.keys())
        };
        match groups.iter_mut().find(fits) {
            Some((_, group)) => group.push(index),
            None => groups.push((analysis, vec![index])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
