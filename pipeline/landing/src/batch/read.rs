//! What landed before of the records at hand: content and consent by record id, rows by person and quarter. Only ids that
//! the part holds are kept, so memory follows the part and not the landing.

use std::collections::{HashMap, HashSet};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, FixedSizeBinaryArray, StringArray, UInt16Array,
};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, UInt16Type};
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use marsad_terms::Period;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::content::Content;
use super::extract::Extract;
use super::pack::quarter_of;
use crate::custody::FileEntry;
use crate::hash::ByHash;
use crate::pseudonym::Pseudonym;
use crate::validate::{NULL, Target};
use crate::vault::Vault;
use crate::{Error, Result};

/// How many files are asked for at once.
const GETS: usize = 8;

/// A landed row of one of the ids at hand.
#[derive(Clone, Copy)]
pub(crate) struct KnownRow {
    pub(crate) content: [u8; 16],
    pub(crate) consent: bool,
}

/// A landed row as its part would hold it.
pub(crate) struct LandedRow {
    /// The first day of the event's month.
    pub(crate) month: i32,
    /// By target.
    pub(crate) values: Vec<i64>,
}

/// What landed before that matters to one extract.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) rows: HashMap<[u8; 16], KnownRow, ByHash>,
    /// The landed rows whose consent a record of the extract may withhold.
    pub(crate) landed: HashMap<[u8; 16], LandedRow, ByHash>,
    /// Landed rows of the extract's persons, each record id counted once.
    pub(crate) per_quarter: HashMap<(Pseudonym, Period), u32, ByHash>,
}

/// A landed file that is there, as the log says, and of which no row was read yet.
pub(crate) struct Opened {
    path: String,
    rows: ParquetRecordBatchReader,
}

/// Fetches landed files.
///
/// # Errors
/// `Damaged` where a file is missing, or has other bytes than the log says.
pub(crate) async fn open(vault: &Vault, files: impl IntoIterator<Item = &FileEntry>) -> Result<Vec<Opened>> {
    let open = |file: FileEntry| async move {
        let rows = vault.open(&file.path, file.hash).await?;
        Ok(Opened { path: file.path, rows })
    };
    let files: Vec<FileEntry> = files.into_iter().cloned().collect();
    stream::iter(files.into_iter().map(open)).buffered(GETS).try_collect().await
}

/// Reads landed files of the extract's record type.
///
/// # Errors
/// `Damaged` where one cannot be read.
pub(crate) fn known(files: Vec<Opened>, extract: &Extract<'_>) -> Result<Known> {
    if files.is_empty() {
        return Ok(Known::default());
    }
    let mut reader = Reader::new(extract);
    files.into_iter().try_for_each(|file| reader.file(file))?;
    Ok(reader.known)
}

struct Reader<'e, 'a> {
    extract: &'e Extract<'a>,
    ids: HashSet<[u8; 16], ByHash>,
    /// Among them: of records that withhold consent.
    withheld: HashSet<[u8; 16], ByHash>,
    persons: HashSet<Pseudonym, ByHash>,
    /// Row ids already counted, of the extract's persons.
    counted: HashSet<[u8; 16], ByHash>,
    known: Known,
}

impl<'e, 'a> Reader<'e, 'a> {
    fn new(extract: &'e Extract<'a>) -> Self {
        let records = &extract.records;
        let ids = records.iter().flat_map(|record| {
            record.rows.clone().map(|row| extract.id(row)).chain(std::iter::once(record.beyond))
        });
        let mut ids: HashSet<[u8; 16], ByHash> = ids.collect();
        let withholding = (0..records.len()).filter(|at| !records[*at].consent);
        let withheld: HashSet<_, _> = withholding.flat_map(|at| extract.ids_withheld(at)).collect();
        ids.extend(&withheld);
        let is_personal = extract.plan.identifier.is_some();
        let persons = records.iter().filter(|_| is_personal).map(|record| record.person);
        Self {
            extract,
            ids,
            withheld,
            persons: persons.collect(),
            counted: HashSet::default(),
            known: Known::default(),
        }
    }

    fn file(&mut self, Opened { path, rows }: Opened) -> Result<()> {
        let damaged = || Error::Damaged { path: path.clone(), how: "unreadable" };
        for batch in rows {
            self.rows(&batch.map_err(|_| damaged())?).ok_or_else(damaged)?;
        }
        Ok(())
    }

    /// Takes the rows of one Arrow batch; `None` where it does not have the columns that were landed.
    fn rows(&mut self, batch: &RecordBatch) -> Option<()> {
        let columns = Columns::of(batch, self.extract)?;
        for row in 0..batch.num_rows() {
            let id: [u8; 16] = columns.ids.value(row).try_into().ok()?;
            if let Some(persons) = columns.persons {
                let person = Pseudonym(persons.value(row).try_into().ok()?);
                if self.persons.contains(&person) && self.counted.insert(id) {
                    let quarter = quarter_of(columns.months.value(row))?;
                    *self.known.per_quarter.entry((person, quarter)).or_default() += 1;
                }
            }
            if self.ids.contains(&id) {
                let consent = columns.consents.is_none_or(|consents| consents.value(row));
                let content = columns.content(row)?;
                let known = self.known.rows.entry(id).or_insert(KnownRow { content, consent });
                // A withdrawal landed in any batch holds.
                known.consent &= consent;
                if consent && self.withheld.contains(&id) {
                    let (month, values) = (columns.months.value(row), columns.by_target(row, self.extract));
                    self.known.landed.extend(values.map(|values| (id, LandedRow { month, values })));
                }
            }
        }
        Some(())
    }
}

/// The columns of one Arrow batch, by type.
struct Columns<'b> {
    ids: &'b FixedSizeBinaryArray,
    persons: Option<&'b FixedSizeBinaryArray>,
    months: &'b Date32Array,
    consents: Option<&'b BooleanArray>,
    /// By target.
    values: Vec<Values<'b>>,
    /// The targets that are content.
    content: Vec<usize>,
}

enum Values<'b> {
    Code(&'b UInt16Array, &'b StringArray),
    Boolean(&'b BooleanArray),
    Integer(&'b arrow::array::Int64Array),
    Decimal(&'b arrow::array::Decimal128Array),
}

impl<'b> Columns<'b> {
    fn of(batch: &'b RecordBatch, extract: &Extract<'_>) -> Option<Self> {
        let column = |name: &str| batch.column_by_name(name);
        let personal = extract.plan.identifier.is_some();
        let values = extract.plan.targets.iter().map(|target| values(column(target.name)?));
        Some(Self {
            ids: column("record_id")?.as_fixed_size_binary_opt()?,
            persons: if personal { Some(column("person_key")?.as_fixed_size_binary_opt()?) } else { None },
            months: column("event_month")?.as_primitive_opt::<Date32Type>()?,
            consents: if personal { Some(column("consent_reporting")?.as_boolean_opt()?) } else { None },
            values: values.collect::<Option<Vec<_>>>()?,
            content: extract.content_targets().map(|(at, _)| at).collect(),
        })
    }

    /// A row's values as a part holds them; none where its code left the list since.
    fn by_target(&self, row: usize, extract: &Extract<'_>) -> Option<Vec<i64>> {
        let targets = extract.plan.targets.iter().zip(&self.values);
        let value = |(target, values): (&Target<'_>, &Values<'_>)| match values {
            Values::Code(keys, codes) => target.codes()?.index(codes.value(usize::from(keys.value(row)))),
            Values::Boolean(array) => Some(present(*array, row, i64::from(array.value(row)))),
            Values::Integer(array) => Some(present(*array, row, array.value(row))),
            Values::Decimal(array) => Some(present(*array, row, i64::try_from(array.value(row)).ok()?)),
        };
        targets.map(value).collect()
    }

    /// The hash of a row's content, as `Extract::content` makes it.
    fn content(&self, row: usize) -> Option<[u8; 16]> {
        let mut content = Content::of_month(self.months.value(row));
        for at in &self.content {
            match &self.values[*at] {
                Values::Code(keys, codes) => content.code(codes.value(usize::from(keys.value(row)))),
                Values::Boolean(array) => {
                    content.number(array.is_valid(row).then(|| i64::from(array.value(row))));
                }
                Values::Integer(array) => content.number(array.is_valid(row).then(|| array.value(row))),
                Values::Decimal(array) => {
                    let value = array.is_valid(row).then(|| i64::try_from(array.value(row)));
                    content.number(value.transpose().ok()?);
                }
            }
        }
        Some(content.finish())
    }
}

fn present(array: &dyn Array, row: usize, value: i64) -> i64 {
    if array.is_valid(row) { value } else { NULL }
}

fn values(array: &ArrayRef) -> Option<Values<'_>> {
    if let Some(codes) = array.as_dictionary_opt::<UInt16Type>() {
        return Some(Values::Code(codes.keys(), codes.values().as_string_opt::<i32>()?));
    }
    if let Some(booleans) = array.as_boolean_opt() {
        return Some(Values::Boolean(booleans));
    }
    if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
        return Some(Values::Integer(integers));
    }
    array.as_primitive_opt::<Decimal128Type>().map(Values::Decimal)
}
