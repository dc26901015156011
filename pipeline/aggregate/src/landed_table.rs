//! What SQL sees of the landing: rows with consent and a legal basis, sorted by person, `quarter` and `year` beside them.
//!
//! A partition is a run of consecutive buckets, so that all rows of a person lie in one partition. The filter stands
//! here and not in SQL: an analyst cannot forget it. A record that was landed once with consent and again without is
//! invisible (extracts 7).

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{Date32Type, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};
use marsad_catalog::RecordType;
use marsad_landing::{LandedFile, Snapshot};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;

use crate::landed_rows::{column, date_of, keep, mark, show, visible};
use crate::merge;
use crate::sources::visible_schema;

/// Rows of one batch while reading.
pub(crate) const BATCH_ROWS: usize = 8192;

/// How many buckets have been read to their end, by all who share it. It deliberately counts no rows and no bytes: one person
/// changes those.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadSoFar(Arc<AtomicU64>);

impl ReadSoFar {
    pub(crate) fn buckets(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What becomes of the rows that statistics may not see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unseen {
    /// They are left out.
    Left,
    /// They stay, and their `event_month` is [`crate::landed_rows::NO_DAY`]: cheaper, where only the operator looks at days.
    Marked,
    /// They are shown: to learn of a person whether it has withdrawn, never to count.
    Shown,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "rows without consent or legal basis left out",
            Self::Marked => "rows without consent or legal basis without a day",
            Self::Shown => "all rows",
        })
    }
}

/// One record type as SQL sees it.
#[derive(Clone)]
pub struct LandedTable {
    landed: SchemaRef,
    visible: SchemaRef,
    personal: bool,
    unseen: Unseen,
    /// Days that count, from 1970-01-01; row groups without any of them are not read.
    days: Option<Range<i32>>,
    /// By the number of the bucket: its files, which may be none.
    buckets: Arc<Vec<Vec<LandedFile>>>,
    read: ReadSoFar,
}

impl fmt::Debug for LandedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LandedTable").field("schema", &self.visible).finish_non_exhaustive()
    }
}

impl LandedTable {
    /// The table of a record type as a snapshot of the landing shows it.
    pub fn new(record_type: &RecordType, snapshot: &Snapshot) -> Self {
        let landed = marsad_landing::schema::landed(record_type);
        let visible = visible_schema(&landed);
        let mut buckets: Vec<Vec<LandedFile>> = vec![Vec::new(); snapshot.n_buckets() as usize];
        for file in snapshot.files(&record_type.id) {
            let bucket = file.bucket as usize;
            buckets.resize_with(buckets.len().max(bucket + 1), Vec::new);
            buckets[bucket].push(file);
        }
        let personal = record_type.is_personal();
        // Of organisations everything is seen.
        let unseen = if personal { Unseen::Left } else { Unseen::Shown };
        let (buckets, read) = (Arc::new(buckets), ReadSoFar::default());
        Self { landed, visible, personal, unseen, days: None, buckets, read }
    }

    /// The same with the rows that statistics may not see: to learn of a person whether it has withdrawn, never to count.
    pub(crate) fn with_withdrawn(self) -> Self {
        Self { unseen: Unseen::Shown, ..self }
    }

    /// The same with rows that statistics may not see carrying no day instead of being left out. For a plan that does no more
    /// with them than to hand them to the operator, which counts rows of listed days only.
    pub(crate) fn with_marks(self) -> Self {
        Self { unseen: if self.personal { Unseen::Marked } else { self.unseen }, ..self }
    }

    /// The same, telling `read` of what is read.
    pub(crate) fn counted_by(self, read: ReadSoFar) -> Self {
        Self { read, ..self }
    }

    /// How many buckets there are to read, those without a file among them: how many have one says how many persons there are,
    /// where they are few.
    pub(crate) fn n_buckets(&self) -> u64 {
        self.buckets.len() as u64
    }

    /// The same without row groups that have no row of these days, as the statistics of their files say. Other rows may be
    /// left out or not: for who looks at no other day.
    pub(crate) fn of_days(self, days: Range<i32>) -> Self {
        Self { days: Some(days), ..self }
    }

    /// Its rows in buckets of these numbers: all rows of some persons, the same in every record type of their key space.
    pub(crate) fn restricted(&self, numbers: &Range<u32>) -> Self {
        let numbers = numbers.start as usize..(numbers.end as usize).min(self.buckets.len());
        let buckets = self.buckets.get(numbers).unwrap_or_default().to_vec();
        Self { buckets: Arc::new(buckets), ..self.clone() }
    }
}

#[async_trait]
impl TableProvider for LandedTable {
    fn schema(&self) -> SchemaRef {
        self.visible.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = state.config().target_partitions();
        Ok(Arc::new(LandedExec::new(self.clone(), projection.cloned(), partitions)?))
    }
}

/// Reads partitions of buckets in order.
#[derive(Debug, Clone)]
pub(crate) struct LandedExec {
    table: LandedTable,
    projection: Vec<usize>,
    /// Runs of consecutive buckets.
    runs: Vec<Range<usize>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl LandedExec {
    /// A scan of some of the visible columns, or all, in at most `partitions` runs of buckets.
    pub(crate) fn new(table: LandedTable, projection: Option<Vec<usize>>, partitions: usize) -> Result<Self> {
        let projection = projection.unwrap_or_else(|| (0..table.visible.fields().len()).collect());
        let schema = Arc::new(table.visible.project(&projection)?);
        let runs = runs(table.buckets.len(), partitions);
        let mut equivalences = EquivalenceProperties::new(schema.clone());
        if let Some(order) = table.personal.then(|| by_person(&schema)).flatten() {
            equivalences.add_ordering(order);
        }
        let properties = Arc::new(PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(runs.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Ok(Self { table, projection, runs, properties, metrics: ExecutionPlanMetricsSet::new() })
    }

    /// Which of the visible columns it shows.
    pub(crate) fn projection(&self) -> &[usize] {
        &self.projection
    }
}

/// Splits n buckets into at most `partitions` runs of nearly equal length; one empty run for none.
fn runs(n: usize, partitions: usize) -> Vec<Range<usize>> {
    let n_runs = partitions.clamp(1, n.max(1));
    (0..n_runs).map(|i| i * n / n_runs..(i + 1) * n / n_runs).collect()
}

/// Ascending by the person.
pub(crate) fn by_person(schema: &SchemaRef) -> Option<LexOrdering> {
    let index = schema.index_of("person_key").ok()?;
    let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new("person_key", index));
    LexOrdering::new([PhysicalSortExpr::new(column, SortOptions::new(false, false))])
}

impl DisplayAs for LandedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, all) = (self.schema(), self.table.visible.fields().len());
        let names: Vec<&str> = shown.fields().iter().map(|field| field.name().as_str()).collect();
        let (n_buckets, n_runs) = (self.table.buckets.len(), self.runs.len());
        write!(f, "LandedExec: {n_buckets} buckets in {n_runs} runs, ")?;
        write!(f, "{} of {all} columns [{}]", names.len(), names.join(", "))?;
        let order =
            if self.properties.output_ordering().is_some() { "sorted by person_key" } else { "unsorted" };
        write!(f, ", {order}, {}", self.table.unseen)?;
        let Some(days) = &self.table.days else { return Ok(()) };
        match (date_of(days.start), date_of(days.end)) {
            (Some(first), Some(end)) => write!(f, ", row groups from {first} until before {end}"),
            _ => Ok(()),
        }
    }
}

impl ExecutionPlan for LandedExec {
    fn name(&self) -> &'static str {
        "LandedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
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

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let reader = Arc::new(Reader::new(&self.table, &self.projection)?);
        let buckets = self.table.buckets.clone();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let read = self.table.read.clone();
        let batches = stream::iter(self.runs[partition].clone())
            .then(move |bucket| {
                let (reader, buckets, read) = (reader.clone(), buckets.clone(), read.clone());
                let (metrics, context) = (metrics.clone(), context.clone());
                async move {
                    let rows = reader.bucket(&buckets[bucket], metrics, &context).await?;
                    let end = stream::once(async move { read.0.fetch_add(1, Ordering::Relaxed) });
                    Ok::<_, DataFusionError>(rows.chain(end.filter_map(|_| async { None })))
                }
            })
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// What to read of a file and how to show it.
struct Reader {
    /// Columns of the landed schema to read, ascending.
    columns: Vec<usize>,
    /// What is shown.
    shown: SchemaRef,
    personal: bool,
    unseen: Unseen,
    days: Option<Range<i32>>,
}

impl Reader {
    fn new(table: &LandedTable, projection: &[usize]) -> Result<Self> {
        let shown = Arc::new(table.visible.project(projection)?);
        let landed = &table.landed;
        let mut names: Vec<&str> = shown
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                "quarter" | "year" => "event_month",
                name => name,
            })
            .collect();
        if table.personal {
            names.extend(["person_key", "consent_reporting", "legal_basis"]);
        }
        if names.is_empty() {
            names.push("event_month");
        }
        let mut columns: Vec<usize> =
            names.into_iter().map(|n| landed.index_of(n)).collect::<Result<_, _>>()?;
        columns.sort_unstable();
        columns.dedup();
        let (personal, unseen, days) = (table.personal, table.unseen, table.days.clone());
        Ok(Self { columns, shown, personal, unseen, days })
    }

    /// The visible rows of one bucket, sorted by person; several files are merged.
    async fn bucket(
        &self,
        files: &[LandedFile],
        metrics: BaselineMetrics,
        context: &TaskContext,
    ) -> Result<SendableRecordBatchStream> {
        let mut opened = Vec::with_capacity(files.len());
        for file in files {
            opened.push(Opened::new(file).await?);
        }
        let withdrawn = if self.unseen != Unseen::Shown && opened.len() > 1 {
            withdrawn(opened.iter().filter(|file| file.landed.withdraws)).await?
        } else {
            HashSet::new()
        };
        let withdrawn = Arc::new(withdrawn);
        let streams = opened.into_iter().map(|file| self.file(file, withdrawn.clone()));
        let streams: Vec<SendableRecordBatchStream> = streams.collect::<Result<_>>()?;
        // Without the person among the columns nobody relies on the order.
        if streams.len() <= 1 || self.shown.column_with_name("person_key").is_none() {
            let all = stream::iter(streams).flatten();
            return Ok(Box::pin(RecordBatchStreamAdapter::new(self.shown.clone(), all)));
        }
        let memory = MemoryConsumer::new("merge of one bucket").register(context.memory_pool());
        merge::by_person(streams, self.shown.clone(), (metrics, memory))
    }

    fn file(&self, file: Opened, withdrawn: Arc<HashSet<[u8; 16]>>) -> Result<SendableRecordBatchStream> {
        let mut columns = self.columns.clone();
        let record_id = (!withdrawn.is_empty()).then(|| usize::from(self.personal));
        columns.extend(record_id.filter(|index| !columns.contains(index)));
        let builder = file.builder()?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
        let builder = match &self.days {
            Some(days) => builder.with_row_groups(file.row_groups(days)?),
            None => builder,
        };
        let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
        let (shown, unseen) = (self.shown.clone(), self.unseen);
        let rows = batches.map(move |batch| {
            let batch = batch.map_err(|error| unreadable(&file.landed, error))?;
            let rows = show(&batch, &shown)?;
            match unseen {
                Unseen::Shown => Ok(rows),
                Unseen::Left => keep(rows, visible(&batch, &withdrawn)?),
                Unseen::Marked => mark(rows, &visible(&batch, &withdrawn)?),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.shown.clone(), rows)))
    }
}

/// DataFusion's own reader of an object.
type FileReader = Box<dyn AsyncFileReader>;

/// A file whose key and footer have been read, however often its rows are.
struct Opened {
    landed: LandedFile,
    object: ObjectMeta,
    footer: ArrowReaderMetadata,
}

impl Opened {
    /// A reader whose answer broke off while it read the footer cannot say so: what fails is read once more before it is
    /// called damaged.
    async fn new(file: &LandedFile) -> Result<Self> {
        match Self::read(file).await {
            Err(_) => Self::read(file).await,
            read => read,
        }
    }

    async fn read(file: &LandedFile) -> Result<Self> {
        let path = Path::from(file.path.as_str());
        // A store with a prefix tells where an object lies with the prefix, and adds it again when asked.
        let object = ObjectMeta { location: path.clone(), ..file.store().object_store().head(&path).await? };
        let reading = file.reading().await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let footer = ArrowReaderMetadata::load_async(&mut reader(file, &object)?, reading).await;
        let footer = footer.map_err(|error| unreadable(file, error))?;
        Ok(Self { landed: file.clone(), object, footer })
    }

    /// Its row groups that may have rows of these days. The statistics stand in the footer, which is encrypted.
    fn row_groups(&self, days: &Range<i32>) -> Result<Vec<usize>> {
        let (metadata, schema) = (self.footer.metadata(), self.footer.schema());
        let groups = metadata.row_groups();
        let months =
            StatisticsConverter::try_new("event_month", schema, metadata.file_metadata().schema_descr())?;
        let (first, last) = (months.row_group_mins(groups)?, months.row_group_maxes(groups)?);
        let (first, last) = (first.as_primitive::<Date32Type>(), last.as_primitive::<Date32Type>());
        let is_outside = |group: usize| {
            first.is_valid(group)
                && last.is_valid(group)
                && (last.value(group) < days.start || first.value(group) >= days.end)
        };
        Ok((0..groups.len()).filter(|group| !is_outside(*group)).collect())
    }

    fn builder(&self) -> Result<ParquetRecordBatchStreamBuilder<FileReader>> {
        let reader = reader(&self.landed, &self.object)?;
        Ok(ParquetRecordBatchStreamBuilder::new_with_metadata(reader, self.footer.clone()))
    }
}

fn reader(file: &LandedFile, object: &ObjectMeta) -> Result<FileReader> {
    let factory = DefaultParquetFileReaderFactory::new(file.store().object_store());
    // What it counts, bytes among it, is looked at by nobody.
    Ok(factory.create_reader(0, object.clone().into(), None, &ExecutionPlanMetricsSet::new())?)
}

/// A file that does not open with its key at its place, or breaks off, or a store that fails.
fn unreadable(file: &LandedFile, error: ParquetError) -> DataFusionError {
    DataFusionError::External(Box::new(file.unreadable(error)))
}

/// Ids of the records without consent in those files of one bucket whose rows may hide another's.
async fn withdrawn(files: impl Iterator<Item = &Opened>) -> Result<HashSet<[u8; 16]>> {
    let mut ids = HashSet::new();
    for file in files {
        let builder = file.builder()?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["record_id", "consent_reporting"]);
        let mut batches = builder.with_projection(mask).build()?;
        while let Some(batch) = batches.try_next().await.map_err(|error| unreadable(&file.landed, error))? {
            let consent = column(&batch, "consent_reporting")?.as_boolean().clone();
            let records = column(&batch, "record_id")?.as_fixed_size_binary().clone();
            let refused = (0..batch.num_rows()).filter(|row| !consent.value(*row));
            ids.extend(refused.filter_map(|row| <[u8; 16]>::try_from(records.value(row)).ok()));
        }
    }
    Ok(ids)
}
