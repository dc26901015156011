//! The list of erased persons of one store: their pseudonyms, each with the last day whose records are kept out (law 09-08,
//! articles 8 and 9). Without it the next cumulative extract of a partner would land again whom it still has.
//!
//! Each erasure puts a new list in the place of the old one, in its own custody entry; nobody leaves it. It is encrypted as
//! landed files are. It deliberately lacks identifiers, reasons and who asked, and a size that tells how many are on it:
//! whole blocks, laid down byte by byte, so that all sizes of one block are one size.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use chrono::NaiveDate;

use crate::custody::{Custody, HashedFile};
use crate::landing::random_name;
use crate::pseudonym::{Pseudonym, Rotation};
use crate::vault::Vault;
use crate::{Error, Result, batch};

/// Where the list stands in the store.
pub(crate) const FOLDER: &str = "_erased";
/// The one column of its file: pseudonym, then the day counted from 1970, big-endian.
pub(crate) const COLUMN: &str = "erased";
/// Persons of one block, of which the last one is filled up.
const BLOCK: usize = 1024;
/// Bytes of one person.
const WIDTH: i32 = 20;
/// Fills a block up: nobody's pseudonym, since it stands for organisations.
const NOBODY: [u8; WIDTH as usize] = [0; WIDTH as usize];

/// Who is kept out, until which day. No `Debug`, no `Serialize`: it names persons.
#[derive(Default)]
pub(crate) struct Erased(BTreeMap<[u8; 16], i32>);

impl Erased {
    /// The list of a store; empty where nobody was erased yet.
    ///
    /// # Errors
    /// `Damaged` where it is missing, has other bytes than the log says, or is no list; the store failed.
    pub(crate) async fn read(vault: &Vault, custody: &Custody) -> Result<Self> {
        let mut erased = Self::default();
        let Some(list) = &custody.erased else { return Ok(erased) };
        let damaged = || Error::Damaged { path: list.path.clone(), how: "unreadable" };
        for rows in vault.open(&list.path, list.hash).await? {
            erased.take(&rows.map_err(|_| damaged())?).ok_or_else(damaged)?;
        }
        Ok(erased)
    }

    fn take(&mut self, rows: &RecordBatch) -> Option<()> {
        let persons = rows.column_by_name(COLUMN)?.as_fixed_size_binary_opt()?;
        for row in (0..persons.len()).map(|row| persons.value(row)).filter(|row| *row != NOBODY) {
            let (person, day) = row.split_first_chunk()?;
            self.0.insert(*person, i32::from_be_bytes(day.try_into().ok()?));
        }
        Some(())
    }

    /// The list with these persons kept out until a day; `None` where all are already. No day goes back.
    pub(crate) fn with(mut self, persons: &HashSet<[u8; 16]>, until: NaiveDate) -> Option<Self> {
        let until = Date32Type::from_naive_date(until);
        let is_news = |person: &&[u8; 16]| self.0.get(*person).is_none_or(|day| *day < until);
        let news: Vec<[u8; 16]> = persons.iter().filter(is_news).copied().collect();
        self.0.extend(news.iter().map(|person| (*person, until)));
        (!news.is_empty()).then_some(self)
    }

    /// The same under other keys of the persons.
    pub(crate) fn rekeyed(self, rotation: &Rotation) -> Self {
        Self(self.0.into_iter().map(|(person, until)| (rotation.person(&person), until)).collect())
    }

    /// The last day, counted from 1970, whose records of a person are kept out.
    pub(crate) fn until(&self, person: Pseudonym) -> Option<i32> {
        self.0.get(&person.0).copied()
    }

    /// The days of those of these persons who are on the list.
    pub(crate) fn days_of(&self, persons: &HashSet<[u8; 16]>) -> impl Iterator<Item = NaiveDate> {
        let listed = self.0.iter().filter(|(person, _)| persons.contains(*person));
        listed.filter_map(|(_, until)| Date32Type::to_naive_date_opt(*until))
    }

    /// Puts the list; without the entry that names it, nobody sees it.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn put(&self, vault: &Vault) -> Result<HashedFile> {
        let mut bytes = Vec::with_capacity(self.0.len().next_multiple_of(BLOCK) * NOBODY.len());
        for (person, until) in &self.0 {
            bytes.extend_from_slice(person);
            bytes.extend_from_slice(&until.to_be_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(BLOCK * NOBODY.len()), 0);
        let column: ArrayRef = Arc::new(FixedSizeBinaryArray::try_new(WIDTH, bytes.into(), None)?);
        let schema = Arc::new(Schema::new(vec![Field::new(COLUMN, DataType::FixedSizeBinary(WIDTH), false)]));
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![column]);
        let path = format!("{FOLDER}/{}.parquet", random_name()?);
        let sealed = batch::encode(&schema, std::iter::once(rows.map_err(Into::into)), vault.seal(&path)?)?;
        let file = vault.put(path, 0, &sealed).await?;
        Ok(HashedFile { path: file.path, hash: file.hash })
    }
}

/// Whether a path is of a list.
pub(crate) fn is_list(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Erased: Debug, Display, serde::Serialize, PartialEq);

    #[test]
    fn a_person_is_news_where_it_is_kept_out_longer() {
        let day = |day: &str| day.parse::<NaiveDate>().unwrap();
        let persons = |n: std::ops::Range<u8>| n.map(|n| [n; 16]).collect::<HashSet<_>>();
        let list = Erased::default().with(&persons(1..4), day("2025-09-01")).unwrap();
        for again in ["2025-08-31", "2025-09-01"] {
            assert!(Erased(list.0.clone()).with(&persons(1..4), day(again)).is_none(), "{again}");
        }
        let later = Erased(list.0.clone()).with(&persons(3..5), day("2025-09-02")).unwrap();
        let days: Vec<String> = later.days_of(&persons(0..9)).map(|day| day.to_string()).collect();
        assert_eq!(days, ["2025-09-01", "2025-09-01", "2025-09-02", "2025-09-02"]);
        let earlier = later.with(&persons(4..6), day("2025-08-01")).unwrap();
        assert_eq!(earlier.until(Pseudonym([4; 16])), Some(Date32Type::from_naive_date(day("2025-09-02"))));
        assert_eq!((earlier.until(Pseudonym([0; 16])), earlier.until(Pseudonym([9; 16]))), (None, None));
    }
}
