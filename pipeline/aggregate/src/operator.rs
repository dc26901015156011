//! `PersonBoundedAggregateExec`: streams rows person by person through the bounding of `privacy` into dense integer sums.
//!
//! Claim: for every input sorted by person, the sums of all partitions together are Σ_u v_u with ‖v_u‖² ≤ Δ². Proof: a
//! person's rows are adjacent and in one partition ([`crate::landed_table`]), so each person is one
//! `Tally::begin … end`, whose bound is proven in `marsad_privacy::bound`; partitions add exactly. Attack: `tests`.
//! Memory is cells × partitions, whatever the rows. Its batches are partial sums, visible in this room only.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, RecordBatch,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt16Type,
};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, stream};
use marsad_privacy::bound::{Block, NO_PERIOD, Quantiser, Row, SelectionKey, Tally};
use marsad_privacy::shape::{Aggregate, Bound, StatisticShape};
use marsad_terms::Grain;

use crate::calendar::Calendar;
use crate::landed_rows::{NO_DAY, month_of};
use crate::landed_table::by_person;

/// The columns of the operator's input: person, month, the period of a grain where the month does not say it, dimensions,
/// then a value and a flag an aggregate.
pub(crate) const PERSON: &str = "person_key";
pub(crate) const MONTH: &str = "event_month";

pub(crate) fn period_column(grain: Grain) -> String {
    format!("period_{}", grain.column())
}

pub(crate) fn dimension_column(index: usize) -> String {
    format!("dimension_{index}")
}

pub(crate) fn value_column(aggregate: usize) -> String {
    format!("value_{aggregate}")
}

pub(crate) fn counted_column(aggregate: usize) -> String {
    format!("counted_{aggregate}")
}

/// What the operator adds up.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) shape: Arc<StatisticShape>,
    pub(crate) f: u32,
    pub(crate) key: SelectionKey,
}

/// The operator.
pub(crate) struct PersonBoundedAggregateExec {
    work: Arc<Work>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl PersonBoundedAggregateExec {
    /// Over an input that is sorted by person, each person in one partition.
    pub(crate) fn new(work: Arc<Work>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        if !is_sorted(&input)? {
            return Err(DataFusionError::Plan("the input is not sorted by person".to_owned()));
        }
        let schema = Arc::new(Schema::new(vec![Field::new("sum", DataType::Decimal128(38, 0), false)]));
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(input.properties().output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        Ok(Self { work, input, properties })
    }
}

/// Whether the rows are known to come sorted by person.
pub(crate) fn is_sorted(input: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    match by_person(&input.schema()) {
        Some(order) => input.properties().equivalence_properties().ordering_satisfy(order),
        None => Ok(false),
    }
}

/// Bytes of one partition: the sums, and what marks the cells of the person at hand.
pub(crate) fn memory_of(shape: &StatisticShape) -> usize {
    shape.n_coordinates() * 2 * size_of::<i128>()
}

impl fmt::Debug for PersonBoundedAggregateExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonBoundedAggregateExec").finish_non_exhaustive()
    }
}

impl DisplayAs for PersonBoundedAggregateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = &self.work.shape;
        let bound = match shape.bound {
            Bound::HomeCell => "home_cell".to_owned(),
            Bound::NormClip { c_squared, .. } => format!("norm_clip, C² = {c_squared}"),
            Bound::Truncate { k, .. } => format!("truncate, k = {k}"),
            Bound::First { .. } => "first".to_owned(),
        };
        let (n_tables, n_cells) = (shape.tables.len(), shape.n_coordinates());
        write!(f, "PersonBoundedAggregateExec: {}, person by person, {bound}, ", shape.id)?;
        write!(f, "{n_tables} tables, {n_cells} sums for each partition")
    }
}

impl ExecutionPlan for PersonBoundedAggregateExec {
    fn name(&self) -> &'static str {
        "PersonBoundedAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.pop()) {
            (Some(input), None) => Ok(Arc::new(Self::new(self.work.clone(), input)?)),
            _ => Err(DataFusionError::Plan("the operator has one input".to_owned())),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let sums = MemoryConsumer::new(format!("the sums of {}", self.work.shape.id));
        let memory = sums.register(context.memory_pool());
        memory.try_grow(memory_of(&self.work.shape))?;
        let input = self.input.execute(partition, context)?;
        let (work, schema) = (self.work.clone(), self.schema());
        let result = schema.clone();
        let sums = stream::once(async move {
            let sums = add_up(&work, input, result).await;
            drop(memory);
            sums
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, sums)))
    }
}

async fn add_up(work: &Work, input: SendableRecordBatchStream, schema: SchemaRef) -> Result<RecordBatch> {
    let columns = Columns::new(&work.shape)?;
    let mut tally = Tally::new(work.shape.clone(), work.f, work.key.clone());
    columns.pour(input, &mut tally).await?;
    let sums = Decimal128Array::from(tally.into_sums()).with_data_type(DataType::Decimal128(38, 0));
    Ok(RecordBatch::try_new(schema, vec![Arc::new(sums)])?)
}

/// What takes the rows of one person after those of the other.
pub(crate) trait ByPerson {
    /// Looks at rows that come next.
    fn look(&mut self, _block: &Block) {}
    /// Takes all rows of the next person at once; false where it took nothing and wants them one by one.
    fn take(&mut self, _block: &Block, _rows: Range<usize>) -> bool {
        false
    }
    /// Starts the next person.
    fn begin(&mut self, person: &[u8; 16]);
    /// Takes one row of the person at hand.
    fn row(&mut self, row: &Row<'_>);
}

impl ByPerson for Tally {
    fn look(&mut self, block: &Block) {
        Self::look(self, block);
    }

    fn take(&mut self, block: &Block, rows: Range<usize>) -> bool {
        Self::take(self, block, rows)
    }

    fn begin(&mut self, person: &[u8; 16]) {
        Self::begin(self, person);
    }

    fn row(&mut self, row: &Row<'_>) {
        Self::row(self, row);
    }
}

/// How the input's columns turn into rows of the shape.
pub(crate) struct Columns {
    /// By dimension: code → index; what the list does not know is `_U`, or outside.
    codes: Vec<(BTreeMap<String, u16>, u16)>,
    quantisers: Vec<Option<Quantiser>>,
    calendar: Calendar,
    /// By grain: text → index in the shape's list.
    periods: [BTreeMap<String, u32>; 2],
}

impl Columns {
    pub(crate) fn new(shape: &StatisticShape) -> Result<Self> {
        let codes = shape.dimensions.iter().map(|dimension| {
            let index: BTreeMap<String, u16> = dimension.codes.iter().cloned().zip(0..).collect();
            let unknown = index.get("_U").copied().unwrap_or(u16::MAX);
            (index, unknown)
        });
        let quantisers = shape.aggregates.iter().map(|aggregate| match aggregate {
            Aggregate::Sum(measure) => Quantiser::new(measure).map(Some),
            Aggregate::Persons | Aggregate::Rows => Ok(None),
        });
        let quantisers =
            quantisers.collect::<Result<_, _>>().map_err(|e| DataFusionError::Plan(e.to_string()))?;
        let calendar = Calendar::of(shape);
        if calendar.span().contains(&NO_DAY) {
            return Err(DataFusionError::Plan("a period lies before all records".to_owned()));
        }
        let texts = |grain| shape.periods_of(grain).iter().map(ToString::to_string).zip(0..).collect();
        Ok(Self { codes: codes.collect(), quantisers, calendar, periods: Grain::ALL.map(texts) })
    }

    /// Pours all rows of one partition out, person by person.
    pub(crate) async fn pour(
        &self,
        mut input: SendableRecordBatchStream,
        into: &mut impl ByPerson,
    ) -> Result<()> {
        let mut last: Option<[u8; 16]> = None;
        while let Some(batch) = input.next().await {
            self.read(&batch?)?.pour(into, &mut last)?;
        }
        Ok(())
    }

    fn read(&self, batch: &RecordBatch) -> Result<Rows> {
        let codes = self.codes.iter().enumerate().map(|(dimension, (index, unknown))| {
            codes(column(batch, &dimension_column(dimension))?, index, *unknown)
        });
        let values = self.quantisers.iter().enumerate().map(|(aggregate, quantiser)| match quantiser {
            Some(quantiser) => steps(column(batch, &value_column(aggregate))?, quantiser),
            None => Ok(Vec::new()),
        });
        let days = column(batch, MONTH)?.as_primitive::<Date32Type>().clone();
        let block = Block {
            periods: [self.periods(batch, 0, &days)?, self.periods(batch, 1, &days)?],
            codes: codes.collect::<Result<_>>()?,
            values: values.collect::<Result<_>>()?,
            masks: self.masks(batch),
        };
        let persons = column(batch, PERSON)?.as_fixed_size_binary().clone();
        Ok(Rows { persons, days, block, n_aggregates: self.quantisers.len() })
    }

    /// The period of each row as the statement itself says it, or else as the day does.
    fn periods(&self, batch: &RecordBatch, grain: usize, days: &Date32Array) -> Result<Vec<u32>> {
        let Some(texts) = batch.column_by_name(&period_column(Grain::ALL[grain])) else {
            return Ok(days.values().iter().map(|day| self.calendar.period(grain, *day)).collect());
        };
        let texts = cast(texts, &DataType::Utf8)?;
        let place = |text: Option<&str>| text.and_then(|text| self.periods[grain].get(text).copied());
        Ok(texts.as_string::<i32>().iter().map(|text| place(text).unwrap_or(NO_PERIOD)).collect())
    }

    /// By row which aggregates count it.
    fn masks(&self, batch: &RecordBatch) -> Vec<u64> {
        let n_aggregates = self.quantisers.len();
        let all = (0..n_aggregates).fold(0, |all, aggregate| all | 1 << aggregate);
        let mut masks = vec![all; batch.num_rows()];
        for aggregate in 0..n_aggregates {
            let Some(flags) = batch.column_by_name(&counted_column(aggregate)) else { continue };
            let flags: &BooleanArray = flags.as_boolean();
            for (row, mask) in masks.iter_mut().enumerate() {
                let counts = flags.is_valid(row) && flags.value(row);
                *mask &= !(u64::from(!counts) << aggregate);
            }
        }
        masks
    }
}

/// A column of the operator's input.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Arc<dyn Array>> {
    let missing = || DataFusionError::Internal(format!("the operator's input lacks {name}"));
    batch.column_by_name(name).ok_or_else(missing)
}

/// By row the index of the code.
fn codes(texts: &Arc<dyn Array>, index: &BTreeMap<String, u16>, unknown: u16) -> Result<Vec<u16>> {
    let code = |text: Option<&str>| text.and_then(|text| index.get(text).copied()).unwrap_or(unknown);
    let Some(dictionary) = texts.as_dictionary_opt::<UInt16Type>() else {
        let texts = cast(texts, &DataType::Utf8)?;
        return Ok(texts.as_string::<i32>().iter().map(code).collect());
    };
    let by_key: Vec<u16> = dictionary.values().as_string::<i32>().iter().map(code).collect();
    let of_key = |key: u16| by_key.get(usize::from(key)).copied().unwrap_or(unknown);
    Ok(match dictionary.nulls() {
        None => dictionary.keys().values().iter().map(|key| of_key(*key)).collect(),
        Some(_) => dictionary.keys().iter().map(|key| key.map_or(unknown, of_key)).collect(),
    })
}

/// Whole steps of a measure: integers and decimals exactly, doubles by their exact value.
fn steps(values: &Arc<dyn Array>, quantiser: &Quantiser) -> Result<Vec<i64>> {
    match values.data_type() {
        DataType::Decimal128(_, scale) => {
            let unscaled = values.as_primitive::<Decimal128Type>();
            Ok(unscaled.iter().map(|value| quantiser.decimal(value, *scale)).collect())
        }
        DataType::Float64 => {
            Ok(values.as_primitive::<Float64Type>().iter().map(|value| quantiser.float(value)).collect())
        }
        _ => {
            let whole = cast(values, &DataType::Int64)?;
            let whole = whole.as_primitive::<Int64Type>();
            Ok(whole.iter().map(|value| quantiser.decimal(value.map(i128::from), 0)).collect())
        }
    }
}

/// The rows of one batch in terms of the shape.
struct Rows {
    persons: FixedSizeBinaryArray,
    days: Date32Array,
    block: Block,
    n_aggregates: usize,
}

impl Rows {
    fn pour(&self, into: &mut impl ByPerson, last: &mut Option<[u8; 16]>) -> Result<()> {
        let (persons, rest) = self.persons.value_data().as_chunks::<16>();
        if persons.len() != self.days.len() || !rest.is_empty() {
            return Err(DataFusionError::Execution("a person key has another length".to_owned()));
        }
        into.look(&self.block);
        let mut start = 0;
        for rows in persons.chunk_by(|a, b| u128::from_ne_bytes(*a) == u128::from_ne_bytes(*b)) {
            let (person, end) = (rows[0], start + rows.len());
            let is_next = follows(*last, person)?;
            // The last person of a batch may go on in the next one.
            if !(is_next && end < persons.len() && into.take(&self.block, start..end)) {
                if is_next {
                    into.begin(&person);
                }
                self.give(start..end, into);
            }
            *last = Some(person);
            start = end;
        }
        Ok(())
    }

    /// Gives rows one by one; one outside the listed periods has no cell.
    fn give(&self, rows: Range<usize>, into: &mut impl ByPerson) {
        let block = &self.block;
        let (mut codes, mut values) = (vec![0; block.codes.len()], vec![0; self.n_aggregates]);
        let mut counted = vec![true; self.n_aggregates];
        for row in rows {
            let periods = block.periods.each_ref().map(|of_row| of_row[row]);
            let periods = periods.map(|period| (period != NO_PERIOD).then_some(period));
            if periods == [None; 2] {
                continue;
            }
            codes.iter_mut().zip(&block.codes).for_each(|(code, column)| *code = column[row]);
            for (value, column) in values.iter_mut().zip(&block.values) {
                *value = column.get(row).copied().unwrap_or(0);
            }
            for (aggregate, counted) in counted.iter_mut().enumerate() {
                *counted = block.masks[row] >> aggregate & 1 == 1;
            }
            let month = month_of(self.days.value(row));
            into.row(&Row { month, periods, codes: &codes, values: &values, counted: &counted });
        }
    }
}

/// Whether a person comes after the last one and is another.
fn follows(last: Option<[u8; 16]>, person: [u8; 16]) -> Result<bool> {
    match last.map_or(Ordering::Less, |last| number(last).cmp(&number(person))) {
        Ordering::Less => Ok(true),
        Ordering::Equal => Ok(false),
        // A person met again would be bounded twice: stop, without saying who.
        Ordering::Greater => {
            Err(DataFusionError::Execution("landed rows are not sorted by person".to_owned()))
        }
    }
}

/// Bytes and big-endian numbers have one order.
fn number(key: [u8; 16]) -> u128 {
    u128::from_be_bytes(key)
}
