//! A plain table read back without any library's guesses: columns, forms of numbers, codes, order.

use std::collections::BTreeSet;
use std::path::Path;

use marsad_terms::Period;

use super::Found;
use crate::csv::MEASURES;
use crate::release_json::{CodeListJson, ReleaseJson, StatisticJson};

/// The rows of one `data/<id>.csv`.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) dimensions: Vec<Axis>,
    pub(super) rows: Vec<Record>,
}

/// One dimension with its list in the bundle.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) id: String,
    pub(super) list: CodeListJson,
}

/// One row; texts as they stand, numbers as they read.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) period: Period,
    /// Places of the codes in their lists.
    pub(super) codes: Vec<usize>,
    /// estimate, lower, upper, margin, raw, value: the texts.
    pub(super) texts: [String; 6],
    pub(super) status: String,
}

impl Record {
    /// estimate, lower, upper, margin; `None` where the row has no number.
    pub(super) fn numbers(&self) -> Option<[f64; 4]> {
        let mut numbers = [0.0; 4];
        for (number, text) in numbers.iter_mut().zip(&self.texts) {
            *number = text.parse().ok()?;
        }
        Some(numbers)
    }

    pub(super) fn value(&self) -> Option<i64> {
        self.texts[5].parse().ok()
    }

    /// For messages.
    pub(super) fn key(&self, table: &Table) -> String {
        let codes =
            self.codes.iter().zip(&table.dimensions).map(|(code, axis)| axis.list.codes[*code].id.as_str());
        format!("{} {}", self.period, codes.collect::<Vec<_>>().join(" ")).trim_end().to_owned()
    }
}

impl Axis {
    /// The place of the code that stands for all.
    pub(super) fn total(&self) -> Option<usize> {
        self.list.codes.iter().position(|code| code.id == self.list.total)
    }
}

impl Table {
    pub(super) fn read(
        dir: &Path,
        statement: &ReleaseJson,
        statistic: &StatisticJson,
    ) -> Result<Self, String> {
        let path = dir.join(format!("data/{}.csv", statistic.id));
        let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        if bytes.starts_with(b"\xef\xbb\xbf") || bytes.contains(&b'\r') || !bytes.ends_with(b"\n") {
            return Err("lines must end in LF, the last one too, without a byte order mark".into());
        }
        let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
        let header: Vec<String> =
            reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
        let dimensions = axes(&header, statement)?;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            rows.push(
                row(&record, &dimensions).map_err(|fault| format!("line {}: {fault}", rows.len() + 2))?,
            );
        }
        Ok(Self { dimensions, rows })
    }

    /// Keys stand in order, once each, in the periods that the statement names.
    pub(super) fn order(&self, statistic: &StatisticJson) -> Found {
        let key = |row: &Record| (row.period.to_string(), row.codes.clone());
        if let Some(pair) = self.rows.windows(2).find(|pair| key(&pair[0]) >= key(&pair[1])) {
            return Err(format!("{} is out of order, or stands twice", pair[1].key(self)));
        }
        let periods: BTreeSet<String> = self.rows.iter().map(|row| row.period.to_string()).collect();
        if !periods.iter().eq(&statistic.periods) {
            return Err("its periods are not those of release.json".into());
        }
        Ok(format!("{} rows, in order, all codes in their lists", self.rows.len()))
    }
}

fn axes(header: &[String], statement: &ReleaseJson) -> Result<Vec<Axis>, String> {
    let measures = header.len().saturating_sub(MEASURES.len());
    if header.first().map(String::as_str) != Some("TIME_PERIOD") || header[measures..] != MEASURES {
        return Err(format!("columns must be TIME_PERIOD, the dimensions, {}", MEASURES.join(", ")));
    }
    let axis = |id: &String| {
        let list = statement.code_lists.get(id);
        let list = list.filter(|list| !list.codes.is_empty());
        let list = list.ok_or_else(|| format!("`{id}` has no code list in release.json"))?;
        Ok(Axis { id: id.clone(), list: list.clone() })
    };
    header[1..measures].iter().map(axis).collect()
}

fn row(record: &::csv::StringRecord, dimensions: &[Axis]) -> Result<Record, String> {
    let period = record[0].parse::<Period>().map_err(|error| error.to_string())?;
    let code = |(axis, code): (&Axis, &str)| {
        let place = axis.list.codes.iter().position(|known| known.id == code);
        place.ok_or_else(|| format!("`{code}` is no code of {}", axis.id))
    };
    let codes: Result<Vec<usize>, String> = dimensions.iter().zip(record.iter().skip(1)).map(code).collect();
    let texts: [String; 6] = std::array::from_fn(|i| record[1 + dimensions.len() + i].to_owned());
    let six = texts[..4].iter().all(|text| text.is_empty() || is_six_decimals(text));
    let whole = texts[4..].iter().all(|text| text.is_empty() || is_whole(text));
    if !six || !whole || texts[5].starts_with('-') {
        return Err(
            "a number is not in its form: six decimals; raw and value whole, value not negative".into()
        );
    }
    let status = record[7 + dimensions.len()].to_owned();
    if !["A", "U", "Q", "M"].contains(&status.as_str()) {
        return Err("OBS_STATUS is none of A, U, Q, M".into());
    }
    Ok(Record { period, codes: codes?, texts, status })
}

fn is_six_decimals(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let Some((whole, fraction)) = digits.split_once('.') else { return false };
    let zero = digits.bytes().all(|b| b == b'0' || b == b'.');
    is_whole(whole)
        && !whole.starts_with('-')
        && fraction.len() == 6
        && fraction.bytes().all(|b| b.is_ascii_digit())
        && !(zero && digits.len() < text.len())
}

fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == text || digits != "0")
        && (digits.len() == 1 || !digits.starts_with('0'))
        && text.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for text in ["0.000000", "-1.500000", "1234567.000001"] {
            assert!(is_six_decimals(text), "{text}");
        }
        for text in ["-0.000000", "1.5", "1e3", "01.000000", "1,500000", "NaN", "1.5000000"] {
            assert!(!is_six_decimals(text), "{text}");
        }
        assert!(is_whole("-12") && is_whole("0") && !is_whole("-0") && !is_whole("1.0") && !is_whole("012"));
    }
}
