//! What every act that takes rows out shares: a landed file without some of its rows, put in its place.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use marsad_terms::RecordTypeId;

use crate::batch;
use crate::custody::{FileEntry, place_of};
use crate::landing::random_name;
use crate::vault::Vault;
use crate::{ActError, Error, Result};

/// Which rows stay; `None` where the columns are not those that landed.
pub(crate) type Stays<'a> = &'a (dyn Fn(&RecordBatch) -> Option<BooleanArray> + Sync);

/// All rows of a file, its bytes compared with the log's hash.
///
/// # Errors
/// `Damaged`, or the store failed.
pub(crate) async fn rows(vault: &Vault, file: &FileEntry) -> Result<Vec<RecordBatch>> {
    let reader = vault.open(&file.path, file.hash).await?;
    reader.collect::<std::result::Result<_, _>>().map_err(|_| unreadable(file))
}

/// All rows of several files of a record type, in this order.
///
/// # Errors
/// As [`rows`]; `Act` where their columns differ.
pub(crate) async fn whole(
    vault: &Vault,
    record_type: &RecordTypeId,
    files: &[&FileEntry],
) -> Result<RecordBatch> {
    let mut all = Vec::new();
    for file in files {
        all.extend(rows(vault, file).await?);
    }
    let columns = || ActError::Columns { record_type: record_type.clone() };
    let schema = all.first().ok_or_else(columns)?.schema();
    if all.iter().any(|rows| rows.schema().fields() != schema.fields()) {
        return Err(columns().into());
    }
    Ok(concat_batches(&schema, &all)?)
}

/// The rows of a file that stay; `None` where all do.
///
/// # Errors
/// As [`rows`].
pub(crate) async fn left(
    vault: &Vault,
    file: &FileEntry,
    stays: Stays<'_>,
) -> Result<Option<Vec<RecordBatch>>> {
    let mut left = Vec::new();
    for batch in vault.open(&file.path, file.hash).await? {
        let batch = batch.map_err(|_| unreadable(file))?;
        let stays = stays(&batch).ok_or_else(|| unreadable(file))?;
        left.push(filter_record_batch(&batch, &stays)?);
    }
    Ok((n_rows(&left) < file.rows).then_some(left))
}

/// Puts what is left in the place of the file; a file without a row is none.
///
/// # Errors
/// The store failed.
pub(crate) async fn put_rest(
    vault: &Vault,
    file: &FileEntry,
    left: Vec<RecordBatch>,
) -> Result<Option<FileEntry>> {
    if n_rows(&left) == 0 {
        return Ok(None);
    }
    let path = format!("{}-{}.parquet", place_of(&file.path), random_name()?);
    Ok(Some(put(vault, path, left).await?.with_rows_of(&[file])))
}

/// Puts a file of these rows, at least one batch of them.
///
/// # Errors
/// The store failed.
pub(crate) async fn put(vault: &Vault, path: String, rows: Vec<RecordBatch>) -> Result<FileEntry> {
    let n_rows = n_rows(&rows);
    let schema = rows[0].schema();
    let sealed = batch::encode(&schema, rows.into_iter().map(Ok), vault.seal(&path)?)?;
    vault.put(path, n_rows, &sealed).await
}

/// The order of rows by person and record id; `None` where the columns are not those that landed.
pub(crate) fn order(rows: &RecordBatch) -> Option<Vec<u32>> {
    let ids = rows.column_by_name("record_id")?.as_fixed_size_binary_opt()?;
    let persons = rows.column_by_name("person_key").and_then(|keys| keys.as_fixed_size_binary_opt());
    let key = |row: u32| (persons.map(|persons| persons.value(row as usize)), ids.value(row as usize));
    let mut order: Vec<u32> = (0..u32::try_from(rows.num_rows()).ok()?).collect();
    order.sort_by(|one, other| key(*one).cmp(&key(*other)));
    Some(order)
}

pub(crate) fn unreadable(file: &FileEntry) -> Error {
    Error::Damaged { path: file.path.clone(), how: "unreadable" }
}

fn n_rows(rows: &[RecordBatch]) -> u64 {
    rows.iter().map(|batch| batch.num_rows() as u64).sum()
}
