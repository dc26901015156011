//! The files of one bucket as one stream of rows, by person: where a person has rows in several files, all are put together.
//!
//! Claim: for inputs each ascending by person, the output is all of their rows, ascending by person. Proof: a round takes from every
//! input the rows up to the least of the last persons at hand, so that whatever is not at hand yet is of that person or a later one; within
//! the round the least person comes first. DataFusion's own merge compares row by row what it has first written in another
//! form, and copies keys of fixed length one by one; here a person is a number, and its run in a file is taken at once. It
//! deliberately lacks any order among the rows of one person.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch};
use arrow::compute::interleave;
use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::BaselineMetrics;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use crate::landed_table::BATCH_ROWS;
use crate::operator::keys;

/// Bytes of a person's key.
const KEY: i32 = 16;

/// Merges streams that each ascend by the column `person_key`.
pub(crate) fn by_person(
    inputs: Vec<SendableRecordBatchStream>,
    schema: SchemaRef,
    (metrics, memory): (BaselineMetrics, MemoryReservation),
) -> Result<SendableRecordBatchStream> {
    let person = schema.index_of("person_key")?;
    let inputs = inputs.into_iter().map(|rows| Input::new(rows, &schema, person)).collect::<Result<_>>()?;
    let merge =
        Merge { schema: schema.clone(), person, inputs, order: Vec::new(), given: 0, metrics, memory };
    let rows =
        stream::try_unfold(
            merge,
            |mut merge| async move { Ok(merge.next().await?.map(|rows| (rows, merge))) },
        );
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

struct Merge {
    schema: SchemaRef,
    /// The place of `person_key`.
    person: usize,
    inputs: Vec<Input>,
    /// Of one round: input and row in its batch, by person.
    order: Vec<(usize, usize)>,
    /// How many of those were given out.
    given: usize,
    metrics: BaselineMetrics,
    memory: MemoryReservation,
}

/// One stream and what is at hand of it.
struct Input {
    rows: SendableRecordBatchStream,
    batch: RecordBatch,
    /// By row, as numbers of the same order.
    persons: Vec<u128>,
    /// The first row that no round has taken.
    next: usize,
}

impl Merge {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.given == self.order.len() {
            self.fetch().await?;
            self.begin_round();
        }
        let end = self.order.len().min(self.given + BATCH_ROWS);
        if self.given == end {
            return Ok(None);
        }
        let rows = self.gathered(&self.order[self.given..end])?;
        self.given = end;
        self.metrics.record_output(rows.num_rows());
        Ok(Some(rows))
    }

    /// Has rows at hand of every input that has any left; the others go.
    async fn fetch(&mut self) -> Result<()> {
        let mut left = Vec::with_capacity(self.inputs.len());
        for mut input in self.inputs.drain(..) {
            if input.fetch(self.person).await? {
                left.push(input);
            }
        }
        self.inputs = left;
        self.memory.try_resize(self.inputs.iter().map(Input::memory).sum())
    }

    /// Orders the rows up to the least of the last persons at hand.
    fn begin_round(&mut self) {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        self.order.clear();
        self.given = 0;
        let Some(last) = self.inputs.iter().filter_map(|input| input.persons.last().copied()).min() else {
            return;
        };
        let ends: Vec<usize> = self.inputs.iter().map(|input| input.up_to(last)).collect();
        let begun = self.inputs.iter().zip(&ends).enumerate().filter(|(_, (input, end))| input.next < **end);
        let mut heads: BinaryHeap<_> =
            begun.map(|(at, (input, _))| Reverse((input.persons[input.next], at))).collect();
        while let Some(mut head) = heads.peek_mut() {
            let Reverse((person, at)) = *head;
            let (input, end) = (&mut self.inputs[at], ends[at]);
            let run = input.persons[input.next..end].iter().take_while(|next| **next == person).count();
            self.order.extend((input.next..input.next + run).map(|row| (at, row)));
            input.next += run;
            if input.next < end {
                *head = Reverse((input.persons[input.next], at));
            } else {
                PeekMut::pop(head);
            }
        }
    }

    fn gathered(&self, order: &[(usize, usize)]) -> Result<RecordBatch> {
        let _timer = self.metrics.elapsed_compute().timer();
        let column = |at: usize| -> Result<ArrayRef> {
            if at == self.person {
                return self.persons(order);
            }
            let of_inputs: Vec<&dyn Array> =
                self.inputs.iter().map(|input| input.batch.column(at).as_ref()).collect();
            Ok(interleave(&of_inputs, order)?)
        };
        let columns = (0..self.schema.fields().len()).map(column).collect::<Result<_>>()?;
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    fn persons(&self, order: &[(usize, usize)]) -> Result<ArrayRef> {
        let mut bytes = Vec::with_capacity(order.len() * KEY as usize);
        for (at, row) in order {
            bytes.extend_from_slice(&self.inputs[*at].persons[*row].to_be_bytes());
        }
        Ok(Arc::new(FixedSizeBinaryArray::try_new(KEY, bytes.into(), None)?))
    }
}

impl Input {
    fn new(rows: SendableRecordBatchStream, schema: &SchemaRef, person: usize) -> Result<Self> {
        let batch = RecordBatch::new_empty(schema.clone());
        let persons = persons(&batch, person)?;
        Ok(Self { rows, batch, persons, next: 0 })
    }

    /// Fetches the next batch where all of this one was taken; false at the end.
    async fn fetch(&mut self, person: usize) -> Result<bool> {
        while self.next == self.batch.num_rows() {
            let Some(batch) = self.rows.next().await else { return Ok(false) };
            self.batch = batch?;
            self.persons = persons(&self.batch, person)?;
            self.next = 0;
        }
        Ok(true)
    }

    /// The first row, from the next one on, of a person after this one.
    fn up_to(&self, person: u128) -> usize {
        self.next + self.persons[self.next..].partition_point(|next| *next <= person)
    }

    fn memory(&self) -> usize {
        self.batch.get_array_memory_size() + size_of_val(self.persons.as_slice())
    }
}

/// The persons of a batch, by row.
fn persons(batch: &RecordBatch, at: usize) -> Result<Vec<u128>> {
    let persons = batch.column(at).as_fixed_size_binary_opt().filter(|persons| persons.null_count() == 0);
    let other = || DataFusionError::Plan("persons are to be told by keys of sixteen bytes".to_owned());
    Ok(keys(persons.ok_or_else(other)?)?.iter().map(|key| u128::from_be_bytes(*key)).collect())
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema, UInt16Type};
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
    use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
    use futures::TryStreamExt;
    use proptest::prelude::*;

    use super::*;

    fn schema() -> SchemaRef {
        let codes = DataType::Dictionary(DataType::UInt16.into(), DataType::Utf8.into());
        Arc::new(Schema::new(vec![
            Field::new("number", DataType::Int64, false),
            Field::new("person_key", DataType::FixedSizeBinary(KEY), false),
            Field::new("code", codes, false),
        ]))
    }

    /// A row: its person and a number that no other row has.
    type Row = (u8, i64);

    fn batch(rows: &[Row]) -> RecordBatch {
        let persons = rows.iter().flat_map(|(person, _)| (u128::from(*person) << 120).to_be_bytes());
        let persons = FixedSizeBinaryArray::new(KEY, persons.collect::<Vec<u8>>().into(), None);
        let numbers = Int64Array::from_iter_values(rows.iter().map(|(_, number)| *number));
        let codes: Vec<String> =
            rows.iter().map(|(person, number)| format!("{person}-{}", number % 7)).collect();
        let codes: DictionaryArray<UInt16Type> = codes.iter().map(String::as_str).collect();
        RecordBatch::try_new(schema(), vec![Arc::new(numbers), Arc::new(persons), Arc::new(codes)]).unwrap()
    }

    fn rows(batch: &RecordBatch) -> Vec<Row> {
        let numbers = batch.column(0).as_primitive::<arrow::datatypes::Int64Type>().values();
        let persons = batch.column(1).as_fixed_size_binary();
        let codes = batch.column(2).as_dictionary::<UInt16Type>();
        let codes = codes.downcast_dict::<arrow::array::StringArray>().unwrap();
        let row = |(at, code): (usize, Option<&str>)| {
            let (person, number) = (persons.value(at)[0], numbers[at]);
            assert_eq!(code, Some(format!("{person}-{}", number % 7).as_str()), "columns stay together");
            (person, number)
        };
        codes.into_iter().enumerate().map(row).collect()
    }

    fn merged(inputs: Vec<Vec<RecordBatch>>, memory: usize) -> Result<Vec<RecordBatch>> {
        let streams = inputs.into_iter().map(|batches| {
            let batches = stream::iter(batches.into_iter().map(Ok));
            Box::pin(RecordBatchStreamAdapter::new(schema(), batches)) as SendableRecordBatchStream
        });
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(memory));
        let told = (
            BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0),
            MemoryConsumer::new("test").register(&pool),
        );
        let rows = by_person(streams.collect(), schema(), told)?;
        futures::executor::block_on(rows.try_collect())
    }

    /// Several inputs, each sorted, each cut into batches, some of them empty.
    fn inputs() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
        let batches = prop::collection::vec(prop::collection::vec(0..12_u8, 0..9), 0..5);
        prop::collection::vec(batches, 0..5).prop_map(|mut inputs| {
            for input in &mut inputs {
                let mut sorted: Vec<u8> = input.iter().flatten().copied().collect();
                sorted.sort_unstable();
                let mut sorted = sorted.into_iter();
                for batch in input {
                    *batch = sorted.by_ref().take(batch.len()).collect();
                }
            }
            inputs
        })
    }

    proptest! {
        #[test]
        fn all_rows_come_by_person(inputs in inputs()) {
            let mut number = 0;
            let mut numbered = |persons: Vec<u8>| {
                let rows = persons.into_iter().map(|person| { number += 1; (person, number) });
                rows.collect::<Vec<Row>>()
            };
            let inputs: Vec<Vec<Vec<Row>>> =
                inputs.into_iter().map(|input| input.into_iter().map(&mut numbered).collect()).collect();
            let mut expected: Vec<Row> = inputs.iter().flatten().flatten().copied().collect();
            let batches = inputs.iter().map(|input| input.iter().map(|rows| batch(rows)).collect());
            let mut found: Vec<Row> = merged(batches.collect(), 1 << 24).unwrap().iter().flat_map(rows).collect();
            prop_assert!(found.is_sorted_by_key(|(person, _)| *person));
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn batches_are_of_the_usual_length_and_memory_has_a_limit() {
        let input = |from: i64| {
            let rows: Vec<Row> = (0..20_000).map(|n| (u8::try_from(n / 100).unwrap(), from + n)).collect();
            rows.chunks(BATCH_ROWS).map(batch).collect::<Vec<_>>()
        };
        let found = merged(vec![input(0), input(20_000)], 1 << 24).unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 40_000);
        assert!(found.iter().all(|batch| batch.num_rows() <= BATCH_ROWS));
        let refused = merged(vec![input(0), input(20_000)], 1 << 10).unwrap_err();
        assert!(matches!(refused.find_root(), DataFusionError::ResourcesExhausted(_)), "{refused}");
    }

    #[test]
    fn persons_of_another_form_are_refused() {
        let batch = batch(&[(1, 1)]).project(&[0]).unwrap();
        assert!(persons(&batch, 0).is_err());
    }
}
