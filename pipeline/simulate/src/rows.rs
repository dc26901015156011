//! One long extract of services in the partner's manner, for sizes that a programme never has: a stream in bounded memory.
//!
//! Every record lands: spellings vary, but no fault and no copy is planted. The truth lies beside it as `truth.parquet`, over
//! those who consent: columns `statistic` (`services`, `persons`, `records`), `quarter`, `region`, `service_type` (null: all),
//! `value`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use marsad_terms::Progress;

use crate::calendar::{LAST_DAY, QUARTERS};
use crate::error::Error;
use crate::random::Dice;

mod line;
mod tally;

use line::Lines;
use tally::{Fact, Tally};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowsWritten {
    /// The extract; mapping `partner_assistance` reads it.
    pub file: PathBuf,
    /// The truth.
    pub truth: PathBuf,
    /// Records, as many as asked for.
    pub records: u64,
    /// Distinct persons.
    pub persons: u64,
    /// Records of those who consent.
    pub consented_records: u64,
    /// Distinct persons who consent.
    pub consented_persons: u64,
    /// Size of the extract.
    pub bytes: u64,
}

/// Writes `n` records, one service each, and their truth into a folder, over what has the same name there. Progress counts records.
///
/// # Errors
/// `Rows` if `n` is 0 or above a thousand million; `Write` and `Truth` if a file cannot be written.
pub fn write(n: u64, dir: &Path, seed: u64, progress: Progress<'_>) -> Result<RowsWritten, Error> {
    if n == 0 || n > 1_000_000_000 {
        return Err(Error::Rows(n));
    }
    fs::create_dir_all(dir).map_err(Error::write(dir))?;
    let (file, truth) = (dir.join("assistance.csv"), dir.join("truth.parquet"));
    let out = File::create(&file).map_err(Error::write(&file))?;
    let mut stream = Stream::new(seed, n, progress);
    let bytes = stream.run(BufWriter::with_capacity(1 << 20, out)).map_err(Error::write(&file))?;
    let facts = stream.tally.facts();
    write_truth(&truth, &facts).map_err(Error::truth(&truth))?;
    Ok(RowsWritten {
        file,
        truth,
        records: n,
        persons: stream.persons,
        consented_records: stream.tally.records(),
        consented_persons: stream.tally.persons(),
        bytes,
    })
}

struct Stream<'a> {
    dice: Dice,
    lines: Lines,
    tally: Tally,
    left: u64,
    total: u64,
    persons: u64,
    progress: Progress<'a>,
}

impl<'a> Stream<'a> {
    fn new(seed: u64, n: u64, progress: Progress<'a>) -> Self {
        let (lines, tally) = (Lines::new(), Tally::new());
        Self { dice: Dice::new(seed, 0), lines, tally, left: n, total: n, persons: 0, progress }
    }

    fn run(&mut self, mut out: impl Write) -> std::io::Result<u64> {
        let mut buffer = Lines::header();
        let mut bytes = 0;
        while self.left > 0 {
            self.person(&mut buffer);
            if self.persons.is_multiple_of(4_096) {
                bytes += drain(&mut buffer, &mut out)?;
                (self.progress)(self.total - self.left, self.total);
            }
        }
        bytes += drain(&mut buffer, &mut out)?;
        out.flush()?;
        (self.progress)(self.total, self.total);
        Ok(bytes)
    }

    /// One person: services on different days, so that none is a duplicate.
    fn person(&mut self, buffer: &mut Vec<u8>) {
        self.persons += 1;
        let n = u64::from(self.dice.n_services()).min(self.left);
        self.left -= n;
        let n = i32::try_from(n).unwrap_or(30);
        let person = self.lines.person(self.persons, &mut self.dice);
        let mut day = self.dice.between(0, LAST_DAY - n);
        let gap = ((LAST_DAY - day) / n).min(40);
        for _ in 0..n {
            let service = self.lines.service(&person, day, &mut self.dice);
            self.lines.write(buffer, &person, &service, &mut self.dice);
            if person.consents {
                self.tally.add(&service);
            }
            day += self.dice.between(1, gap);
        }
        if person.consents {
            self.tally.close_person();
        }
    }
}

fn drain(buffer: &mut Vec<u8>, out: &mut impl Write) -> std::io::Result<u64> {
    out.write_all(buffer)?;
    let bytes = buffer.len() as u64;
    buffer.clear();
    Ok(bytes)
}

fn write_truth(path: &Path, facts: &[Fact]) -> Result<(), ParquetError> {
    let text = |of: fn(&Fact) -> Option<&'static str>| -> ArrayRef {
        Arc::new(facts.iter().map(of).collect::<StringArray>())
    };
    let values: Int64Array = facts.iter().map(|fact| i64::try_from(fact.value).ok()).collect();
    let batch = RecordBatch::try_from_iter([
        ("statistic", text(|fact| Some(fact.statistic))),
        ("quarter", text(|fact| fact.quarter.map(|quarter| QUARTERS[quarter]))),
        ("region", text(|fact| fact.region)),
        ("service_type", text(|fact| fact.service)),
        ("value", Arc::new(values)),
    ])?;
    let mut writer = ArrowWriter::try_new(File::create(path)?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

#[cfg(test)]
mod tests;
