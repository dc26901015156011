//! `PersonBoundedAggregateExec`: streams rows person by person through the bounding of `privacy` into dense integer sums.
//!
//! Claim: for every input sorted by person, the sums of all partitions together are Σ_u v_u with ‖v_u‖² ≤ Δ². Proof: a
//! person's rows are adjacent and in one partition ([`crate::landed_table`]), so each person is one
//! `Tally::begin … end`, whose bound is proven in `marsad_privacy::bound`; partitions add exactly. Attack: `tests`.
//! Memory is cells × partitions, whatever the rows. Its batches are partial sums, visible in this room only.

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
use crate::landed_rows::NO_DAY;
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
    /// Takes all rows of some of the persons offered, by number of the person in the block; who is left is given row by row.
    fn take_all(&mut self, _block: &Block, _offered: Range<usize>) -> Option<Vec<bool>> {
        None
    }
    /// Starts the next person.
    fn begin(&mut self, person: &[u8; 16]);
    /// Takes one row of the person at hand.
    fn row(&mut self, row: &Row<'_>);
}

impl ByPerson for Tally {
    fn take_all(&mut self, block: &Block, offered: Range<usize>) -> Option<Vec<bool>> {
        Some(Self::take_all(self, block, offered))
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
            self.read(&batch?)?.pour(&self.calendar, into, &mut last)?;
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
        let persons = column(batch, PERSON)?.as_fixed_size_binary().clone();
        let block = Block {
            n_rows: batch.num_rows(),
            persons: numbers(keys(&persons)?),
            periods: [self.periods(batch, 0, &days)?, self.periods(batch, 1, &days)?],
            codes: codes.collect::<Result<_>>()?,
            values: values.collect::<Result<_>>()?,
            masks: self.masks(batch),
        };
        Ok(Rows { persons, days, block, n_aggregates: self.quantisers.len() })
    }

    /// The period of each row as the statement itself says it, or else as the day does.
    fn periods(&self, batch: &RecordBatch, grain: usize, days: &Date32Array) -> Result<Vec<u32>> {
        let Some(texts) = batch.column_by_name(&period_column(Grain::ALL[grain])) else {
            return Ok(self.calendar.periods(grain, days.values()));
        };
        let texts = cast(texts, &DataType::Utf8)?;
        let place = |text: Option<&str>| text.and_then(|text| self.periods[grain].get(text).copied());
        Ok(texts.as_string::<i32>().iter().map(|text| place(text).unwrap_or(NO_PERIOD)).collect())
    }

    /// By row which aggregates count it; nothing where all count every row.
    fn masks(&self, batch: &RecordBatch) -> Vec<u64> {
        let n_aggregates = self.quantisers.len();
        let all = (0..n_aggregates).fold(0, |all, aggregate| all | 1 << aggregate);
        let mut masks = Vec::new();
        for aggregate in 0..n_aggregates {
            let Some(flags) = batch.column_by_name(&counted_column(aggregate)) else { continue };
            let flags: &BooleanArray = flags.as_boolean();
            masks.resize(batch.num_rows(), all);
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
    fn pour(&self, calendar: &Calendar, into: &mut impl ByPerson, last: &mut Option<[u8; 16]>) -> Result<()> {
        let persons = keys(&self.persons)?;
        let ends = ends(&self.block.persons);
        let starts: Vec<usize> = std::iter::once(0).chain(ends.iter().copied()).take(ends.len()).collect();
        let goes_on = last.is_some() && last.as_ref() == persons.first();
        for start in &starts {
            ascends(*last, persons[*start])?;
            *last = Some(persons[*start]);
        }
        // The first person of a batch may have begun in the one before, the last may go on in the next one.
        let offered = usize::from(goes_on)..ends.len().saturating_sub(1);
        let left = into.take_all(&self.block, offered);
        let mut hand = self.hand();
        for (number, rows) in starts.into_iter().zip(ends).map(|(start, end)| start..end).enumerate() {
            if left.as_ref().is_some_and(|left| !left[number]) {
                continue;
            }
            if number > 0 || !goes_on {
                into.begin(&persons[rows.start]);
            }
            self.give(rows, (calendar, &mut hand), into);
        }
        Ok(())
    }

    /// Gives rows one by one; one outside the listed periods has no cell.
    fn give(&self, rows: Range<usize>, (calendar, hand): (&Calendar, &mut Hand), into: &mut impl ByPerson) {
        let block = &self.block;
        let Hand { codes, values, counted } = hand;
        for row in rows {
            let periods = block.periods.each_ref().map(|of_row| of_row.get(row).copied());
            let periods = periods.map(|period| period.filter(|period| *period != NO_PERIOD));
            if periods == [None; 2] {
                continue;
            }
            codes.iter_mut().zip(&block.codes).for_each(|(code, column)| *code = column[row]);
            for (value, column) in values.iter_mut().zip(&block.values) {
                *value = column.get(row).copied().unwrap_or(0);
            }
            if let Some(mask) = block.masks.get(row) {
                counted.iter_mut().enumerate().for_each(|(a, counted)| *counted = mask >> a & 1 == 1);
            }
            let month = calendar.month(self.days.value(row));
            into.row(&Row { month, periods, codes, values, counted });
        }
    }

    fn hand(&self) -> Hand {
        let n = self.n_aggregates;
        Hand { codes: vec![0; self.block.codes.len()], values: vec![0; n], counted: vec![true; n] }
    }
}

/// The row that is given, in memory that the next one reuses.
struct Hand {
    codes: Vec<u16>,
    values: Vec<i64>,
    counted: Vec<bool>,
}

/// The persons' keys by row.
pub(crate) fn keys(persons: &FixedSizeBinaryArray) -> Result<&[[u8; 16]]> {
    match persons.value_data().as_chunks::<16>() {
        (keys, []) if keys.len() == persons.len() => Ok(keys),
        _ => Err(DataFusionError::Execution("a person key has another length".to_owned())),
    }
}

/// Numbers the persons of a batch whose rows stand together.
fn numbers(keys: &[[u8; 16]]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(keys.len());
    let (mut last, mut number) = (keys.first().copied().map(u128::from_ne_bytes), 0_u32);
    for key in keys {
        let key = Some(u128::from_ne_bytes(*key));
        number += u32::from(key != last);
        last = key;
        numbers.push(number);
    }
    numbers
}

/// By person: the row after its last one. No branch depends on where a person ends, which cannot be foreseen.
fn ends(numbers: &[u32]) -> Vec<usize> {
    let mut ends = vec![0; numbers.last().map_or(0, |last| *last as usize + 1)];
    for (row, number) in numbers.iter().enumerate() {
        ends[*number as usize] = row + 1;
    }
    ends
}

/// Refuses a person who comes before the last one.
fn ascends(last: Option<[u8; 16]>, person: [u8; 16]) -> Result<()> {
    if last.is_some_and(|last| number(last) > number(person)) {
        // A person met again would be bounded twice: stop, without saying who.
        return Err(DataFusionError::Execution("landed rows are not sorted by person".to_owned()));
    }
    Ok(())
}

/// Bytes and big-endian numbers have one order.
fn number(key: [u8; 16]) -> u128 {
    u128::from_be_bytes(key)
}
