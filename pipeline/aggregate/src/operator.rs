//! `PersonBoundedAggregateExec`: streams rows person by person through the bounding of `privacy` into dense integer sums.
//!
//! Claim: for every input sorted by person, the sums of all partitions together are Σ_u v_u with ‖v_u‖² ≤ Δ². Proof: a
//! person's rows are adjacent and in one partition ([`crate::landed_table`]), so each person is one
//! `Tally::begin … end`, whose bound is proven in `marsad_privacy::bound`; partitions add exactly. Attack: `tests`.
//! Memory is cells × partitions, whatever the rows. Its batches are partial sums, visible in this room only.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
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
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, stream};
use marsad_privacy::bound::{Quantiser, Row, SelectionKey, Tally};
use marsad_privacy::shape::{Aggregate, StatisticShape};
use marsad_terms::Grain;

use crate::calendar::{Calendar, Listed};
use crate::landed_table::{by_person, month_of};

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

impl fmt::Debug for PersonBoundedAggregateExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonBoundedAggregateExec").finish_non_exhaustive()
    }
}

impl DisplayAs for PersonBoundedAggregateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonBoundedAggregateExec: {}", self.work.shape.id)
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
        let input = self.input.execute(partition, context)?;
        let (work, schema) = (self.work.clone(), self.schema());
        let result = schema.clone();
        let sums = stream::once(async move { add_up(&work, input, result).await });
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
    /// Starts the next person.
    fn begin(&mut self, person: &[u8; 16]);
    /// Takes one row of the person at hand.
    fn row(&mut self, row: &Row<'_>);
}

impl ByPerson for Tally {
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

    fn read(&self, batch: &RecordBatch) -> Result<Rows<'_>> {
        let n = batch.num_rows();
        let n_dimensions = self.codes.len();
        let mut codes = vec![0; n * n_dimensions];
        for (dimension, (index, unknown)) in self.codes.iter().enumerate() {
            let texts = column(batch, &dimension_column(dimension))?;
            fill_codes(texts, index, *unknown, &mut codes, (dimension, n_dimensions))?;
        }
        let n_aggregates = self.quantisers.len();
        let (mut values, mut counted) = (vec![0; n * n_aggregates], vec![true; n * n_aggregates]);
        for (aggregate, quantiser) in self.quantisers.iter().enumerate() {
            if let Some(quantiser) = quantiser {
                let steps = steps(column(batch, &value_column(aggregate))?, quantiser)?;
                (0..n).for_each(|row| values[row * n_aggregates + aggregate] = steps[row]);
            }
            if let Some(flags) = batch.column_by_name(&counted_column(aggregate)) {
                let flags: &BooleanArray = flags.as_boolean();
                let counts = |row: usize| flags.is_valid(row) && flags.value(row);
                (0..n).for_each(|row| counted[row * n_aggregates + aggregate] = counts(row));
            }
        }
        let persons = column(batch, PERSON)?.as_fixed_size_binary().clone();
        let days = column(batch, MONTH)?.as_primitive::<Date32Type>().clone();
        let (calendar, told) = (&self.calendar, self.told_periods(batch)?);
        Ok(Rows { persons, days, calendar, told, codes, values, counted, n_dimensions, n_aggregates })
    }

    /// By grain: the period of each row as the statement itself says it; `None` where the month says it.
    fn told_periods(&self, batch: &RecordBatch) -> Result<[Option<Vec<Option<u32>>>; 2]> {
        let mut told = [None, None];
        for ((told, grain), index) in told.iter_mut().zip(Grain::ALL).zip(&self.periods) {
            if let Some(texts) = batch.column_by_name(&period_column(grain)) {
                let texts = cast(texts, &DataType::Utf8)?;
                let place = |text: Option<&str>| text.and_then(|text| index.get(text).copied());
                *told = Some(texts.as_string::<i32>().iter().map(place).collect());
            }
        }
        Ok(told)
    }
}

/// A column of the operator's input.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Arc<dyn Array>> {
    let missing = || DataFusionError::Internal(format!("the operator's input lacks {name}"));
    batch.column_by_name(name).ok_or_else(missing)
}

/// Writes the code of each row at `(dimension, of n)` of its row.
fn fill_codes(
    texts: &Arc<dyn Array>,
    index: &BTreeMap<String, u16>,
    unknown: u16,
    codes: &mut [u16],
    (dimension, n): (usize, usize),
) -> Result<()> {
    let code = |text: Option<&str>| text.and_then(|text| index.get(text).copied()).unwrap_or(unknown);
    if let Some(dictionary) = texts.as_dictionary_opt::<UInt16Type>() {
        let by_key: Vec<u16> = dictionary.values().as_string::<i32>().iter().map(code).collect();
        let keys = dictionary.keys();
        let of_row = codes.iter_mut().skip(dimension).step_by(n);
        for (row, (code, key)) in of_row.zip(keys.values()).enumerate() {
            *code = if keys.is_valid(row) { by_key[usize::from(*key)] } else { unknown };
        }
        return Ok(());
    }
    let texts = cast(texts, &DataType::Utf8)?;
    for (row, text) in texts.as_string::<i32>().iter().enumerate() {
        codes[row * n + dimension] = code(text);
    }
    Ok(())
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

/// The rows of one batch in terms of the shape, row by row.
struct Rows<'a> {
    persons: FixedSizeBinaryArray,
    days: Date32Array,
    calendar: &'a Calendar,
    told: [Option<Vec<Option<u32>>>; 2],
    codes: Vec<u16>,
    values: Vec<i64>,
    counted: Vec<bool>,
    n_dimensions: usize,
    n_aggregates: usize,
}

impl Rows<'_> {
    fn pour(&self, into: &mut impl ByPerson, last: &mut Option<[u8; 16]>) -> Result<()> {
        let (persons, rest) = self.persons.value_data().as_chunks::<16>();
        if persons.len() != self.days.len() || !rest.is_empty() {
            return Err(DataFusionError::Execution("a person key has another length".to_owned()));
        }
        for (row, (person, day)) in persons.iter().zip(self.days.values()).enumerate() {
            match last.map(|last| number(last).cmp(&number(*person))) {
                Some(Ordering::Equal) => {}
                // A person met again would be bounded twice: stop, without saying who.
                Some(Ordering::Greater) => {
                    let unsorted = "landed rows are not sorted by person";
                    return Err(DataFusionError::Execution(unsorted.to_owned()));
                }
                _ => {
                    into.begin(person);
                    *last = Some(*person);
                }
            }
            // A row outside the listed periods has no cell.
            let Some(listed) = self.listed(row, *day) else { continue };
            into.row(&Row {
                month: listed.month,
                periods: listed.periods,
                codes: &self.codes[row * self.n_dimensions..][..self.n_dimensions],
                values: &self.values[row * self.n_aggregates..][..self.n_aggregates],
                counted: &self.counted[row * self.n_aggregates..][..self.n_aggregates],
            });
        }
        Ok(())
    }
}

impl Rows<'_> {
    /// The month and the listed periods of a row; `None` without any.
    fn listed(&self, row: usize, day: i32) -> Option<Listed> {
        let by_month = self.calendar.day(day);
        if self.told.iter().all(Option::is_none) {
            return by_month;
        }
        let period = |grain: usize| match &self.told[grain] {
            Some(told) => told[row],
            None => by_month.and_then(|listed| listed.periods[grain]),
        };
        let periods = [period(0), period(1)];
        periods.iter().any(Option::is_some).then(|| Listed { month: month_of(day), periods })
    }
}

/// Bytes and big-endian numbers have one order.
fn number(key: [u8; 16]) -> u128 {
    u128::from_be_bytes(key)
}
