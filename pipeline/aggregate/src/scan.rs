//! Statistics over the rows of one record type, added up in one reading of its files.
//!
//! Claim: each statistic gets the visible rows that a reading of its own would give it, person by person. Proof: every batch
//! of every partition is handed to every statistic, in order, with the columns that its plan scans, and then that it was the
//! last. Claim: rows that statistics may not see add nothing. Proof: they carry no listed day ([`LandedTable::with_marks`]),
//! the operator counts a row by its carried day, which is the scan's own ([`crate::carry`]), and what a plan of filters and
//! projections makes of one row touches no other and cannot fail (algorithms 12.3). Attack: `tests::scans`.

use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt, future, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::analyse::Analysis;
use crate::calendar::Calendar;
use crate::carry;
use crate::landed_table::{LandedExec, LandedTable};
use crate::operator::Work;
use crate::session::{self, Limits};
use crate::tabulate::{Table, bounded_sums, over, partitions};

/// Batches that wait for a statistic in one partition.
const MOST_WAITING: usize = 2;

/// Which statistic of a reading failed, and how.
pub(crate) type Failed = (usize, DataFusionError);

/// The sums of statistics that scan `table`, in their order.
pub(crate) async fn sums(
    table: LandedTable,
    statistics: Vec<(&Analysis, Work)>,
    limits: &Limits,
) -> Result<Vec<Vec<i128>>, Failed> {
    let reading = Reading::plan(table, statistics, limits).await?;
    reading.sums().await
}

/// What the operator of one statistic reads.
pub(crate) async fn planned(
    table: LandedTable,
    analysis: &Analysis,
    work: Work,
    limits: &Limits,
) -> Result<Arc<dyn ExecutionPlan>> {
    let reading = Reading::plan(table, vec![(analysis, work)], limits).await;
    let mut statistics = reading.map_err(|(_, error)| error)?.statistics;
    statistics.pop().map(|(_, input)| input).ok_or_else(died)
}

/// Plans over one scan.
struct Reading {
    statistics: Vec<(Arc<Work>, Arc<dyn ExecutionPlan>)>,
    scan: LandedExec,
    taps: Vec<Tap>,
    context: Arc<TaskContext>,
}

impl Reading {
    async fn plan(
        table: LandedTable,
        statistics: Vec<(&Analysis, Work)>,
        limits: &Limits,
    ) -> Result<Self, Failed> {
        let of = |index: usize| move |error| (index, error);
        let plans = statistics.iter().enumerate();
        let plans = plans.map(|(index, (analysis, _))| carry::projected(analysis).map_err(of(index)));
        let plans: Vec<LogicalPlan> = plans.collect::<Result<_, _>>()?;
        let days = statistics.iter().map(|(_, work)| Calendar::of(&work.shape).span());
        let days = days.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or_default();
        let table = table.of_days(days).with_marks();
        let session = session::session(partitions(), limits).map_err(of(0))?;
        let taps = TapTable::new(table, partitions());
        let mut planned = Vec::with_capacity(plans.len());
        for (index, (plan, (analysis, work))) in plans.into_iter().zip(statistics).enumerate() {
            let tapped = || Table::Public(Arc::new(taps.clone()));
            let tables = analysis.record_types.keys().map(|name| (name.clone(), tapped())).collect();
            let input = over(&session.state(), plan, &tables).await.map_err(of(index))?;
            planned.push((Arc::new(work), input));
        }
        let (scan, taps) = taps.joined().map_err(of(0))?;
        Ok(Self { statistics: planned, scan, taps, context: session.task_ctx() })
    }

    async fn sums(self) -> Result<Vec<Vec<i128>>, Failed> {
        let mut feeding = JoinSet::new();
        for partition in 0..self.scan.properties().output_partitioning().partition_count() {
            let to =
                self.taps.iter().map(|tap| (tap.columns.clone(), tap.senders[partition].clone())).collect();
            let batches = self.scan.execute(partition, self.context.clone()).map_err(|error| (0, error))?;
            feeding.spawn(feed(batches, to));
        }
        // An operator ends when nothing more can come: the feeders alone may hold its senders.
        drop(self.taps);
        let context = &self.context;
        let running = self.statistics.into_iter().enumerate().map(|(index, (work, input))| async move {
            bounded_sums(work, input, context).await.map_err(|error| (index, error))
        });
        future::try_join_all(running).await
    }
}

/// A batch, or nothing after the last one: a reader that died must not pass for one that came to the end.
pub(crate) type Fed = Option<Result<RecordBatch>>;

/// Hands each batch of one partition to all that wait for it.
async fn feed(mut batches: SendableRecordBatchStream, to: Vec<(Vec<usize>, mpsc::Sender<Fed>)>) {
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(Arc::new);
        for (columns, sender) in &to {
            let shown = match &batch {
                Ok(batch) => batch.project(columns).map_err(DataFusionError::from),
                Err(error) => Err(DataFusionError::Shared(error.clone())),
            };
            // A statistic that listens no more has failed, and says so itself.
            let _ = sender.send(Some(shown)).await;
        }
    }
    for (_, sender) in &to {
        let _ = sender.send(None).await;
    }
}

/// The batches of one partition as they are handed over.
pub(crate) fn fed(receiver: mpsc::Receiver<Fed>) -> impl Stream<Item = Result<RecordBatch>> {
    stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(batch)) => Some((batch, Some(receiver))),
            Some(None) => None,
            None => Some((Err(DataFusionError::Execution("the reading broke off".to_owned())), None)),
        }
    })
}

/// One statistic's share of a scan.
struct Tap {
    /// Of the visible columns, then of the joint scan's.
    columns: Vec<usize>,
    /// By partition.
    senders: Vec<mpsc::Sender<Fed>>,
}

/// The table as each statistic's plan sees it: a scan of it is a tap of the joint one.
#[derive(Clone)]
struct TapTable {
    table: LandedTable,
    partitions: usize,
    taps: Arc<Mutex<Vec<Tap>>>,
}

impl fmt::Debug for TapTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}

#[async_trait]
impl TableProvider for TapTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // What a scan of these columns alone would be: its schema, order and partitions.
        let scan = LandedExec::new(self.table.clone(), projection.cloned(), self.partitions)?;
        let n = scan.properties().output_partitioning().partition_count();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..n).map(|_| mpsc::channel(MOST_WAITING)).unzip();
        let columns = scan.projection().to_vec();
        self.taps.lock().map_err(|_| died())?.push(Tap { columns, senders });
        let receivers = Arc::new(Mutex::new(receivers.into_iter().map(Some).collect()));
        Ok(Arc::new(TapExec { scan: Arc::new(scan), receivers }))
    }
}

impl TapTable {
    fn new(table: LandedTable, partitions: usize) -> Self {
        Self { table, partitions, taps: Arc::default() }
    }

    /// The one scan of all columns that the taps show, and the taps in terms of it.
    fn joined(self) -> Result<(LandedExec, Vec<Tap>)> {
        let mut taps = std::mem::take(&mut *self.taps.lock().map_err(|_| died())?);
        let mut all: Vec<usize> = taps.iter().flat_map(|tap| tap.columns.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        for column in taps.iter_mut().flat_map(|tap| &mut tap.columns) {
            *column = all.partition_point(|one| one < column);
        }
        Ok((LandedExec::new(self.table, Some(all), self.partitions)?, taps))
    }
}

/// What a statistic's plan reads instead of files.
struct TapExec {
    /// The scan that it stands for.
    scan: Arc<LandedExec>,
    /// By partition, until it is read.
    receivers: Arc<Mutex<Vec<Option<mpsc::Receiver<Fed>>>>>,
}

impl fmt::Debug for TapExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapExec").finish_non_exhaustive()
    }
}

impl DisplayAs for TapExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TapExec: of one ")?;
        self.scan.fmt_as(kind, f)
    }
}

impl ExecutionPlan for TapExec {
    fn name(&self) -> &'static str {
        "TapExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.scan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut receivers = self.receivers.lock().map_err(|_| died())?;
        let receiver = receivers.get_mut(partition).and_then(Option::take);
        let again = || DataFusionError::Execution("a reading is shown once".to_owned());
        let batches = fed(receiver.ok_or_else(again)?);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

fn died() -> DataFusionError {
    DataFusionError::Execution("another part of the reading died".to_owned())
}
