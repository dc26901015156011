//! Periods as SDMX writes them: `2024`, `2024-Q3` (ObservationalTimePeriod), and months for landed events.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The length of a period: the grain of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// A calendar year, SDMX frequency `A`.
    Year,
    /// A calendar quarter, SDMX frequency `Q`.
    Quarter,
}

impl Grain {
    /// Both grains, the longer first.
    pub const ALL: [Self; 2] = [Self::Year, Self::Quarter];

    /// The SDMX frequency code.
    pub fn freq(self) -> &'static str {
        match self {
            Self::Year => "A",
            Self::Quarter => "Q",
        }
    }

    /// The name of the column that SQL sees.
    pub fn column(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Quarter => "quarter",
        }
    }
}

/// A calendar year or quarter. Orders by text: `2024` before `2024-Q3` (publication 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// `2024`
    Year(u16),
    /// `2024-Q3`; the quarter is 1 to 4.
    Quarter(u16, u8),
}

impl Ord for Period {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |period: &Self| match *period {
            Self::Year(year) => (year, 0),
            Self::Quarter(year, quarter) => (year, quarter),
        };
        place(self).cmp(&place(other))
    }
}

impl PartialOrd for Period {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The text is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no period; write a year as 2024 and a quarter as 2024-Q3")]
pub struct PeriodError(pub String);

impl Period {
    /// Year or quarter.
    pub fn grain(self) -> Grain {
        match self {
            Self::Year(_) => Grain::Year,
            Self::Quarter(..) => Grain::Quarter,
        }
    }

    /// The calendar year that the period lies in.
    pub fn year(self) -> u16 {
        match self {
            Self::Year(year) | Self::Quarter(year, _) => year,
        }
    }

    /// The first and last month, both inside.
    pub fn months(self) -> (Month, Month) {
        let (year, first, last) = match self {
            Self::Year(year) => (year, 1, 12),
            Self::Quarter(year, quarter) => (year, quarter * 3 - 2, quarter * 3),
        };
        (Month { year, month: first }, Month { year, month: last })
    }

    /// Whether the month lies in the period.
    pub fn contains(self, month: Month) -> bool {
        let (first, last) = self.months();
        first <= month && month <= last
    }

    /// The last day on which it is open, where periods close so many months after their end.
    pub fn last_open_day(self, months: u32) -> String {
        let Month { year, month } = self.months().1;
        let last = u32::from(year) * 12 + u32::from(month) - 1 + months;
        let place = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Month { year: place(last / 12), month: u8::try_from(last % 12 + 1).unwrap_or(12) }.last_day()
    }

    /// The period that follows, of the same grain.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Year(year) => Self::Year(year + 1),
            Self::Quarter(year, 4) => Self::Quarter(year + 1, 1),
            Self::Quarter(year, quarter) => Self::Quarter(year, quarter + 1),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Quarter(year, quarter) => write!(f, "{year:04}-Q{quarter}"),
        }
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let error = || PeriodError(text.to_owned());
        let (year, quarter) =
            text.split_once("-Q").map_or((text, None), |(year, quarter)| (year, Some(quarter)));
        if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        let year: u16 = year.parse().map_err(|_| error())?;
        match quarter {
            None => Ok(Self::Year(year)),
            Some("1") => Ok(Self::Quarter(year, 1)),
            Some("2") => Ok(Self::Quarter(year, 2)),
            Some("3") => Ok(Self::Quarter(year, 3)),
            Some("4") => Ok(Self::Quarter(year, 4)),
            Some(_) => Err(error()),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar month: the finest date that lands. `month` is 1 to 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Calendar year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
}

impl Month {
    /// The quarter that the month lies in.
    pub fn quarter(self) -> Period {
        Period::Quarter(self.year, (self.month - 1) / 3 + 1)
    }

    /// Days from 1970-01-01 to the first of the month (Arrow's Date32).
    pub fn first_day(self) -> i32 {
        let epoch = chrono::NaiveDate::default();
        let day =
            chrono::NaiveDate::from_ymd_opt(i32::from(self.year), u32::from(self.month), 1).unwrap_or(epoch);
        i32::try_from((day - epoch).num_days()).unwrap_or(i32::MAX)
    }

    /// Its last day, `2024-02-29`.
    pub fn last_day(self) -> String {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        format!("{self}-{:02}", Self { year, month }.first_day() - self.first_day())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_order_by_text() {
        let mut periods: Vec<Period> = [2025, 2024]
            .into_iter()
            .flat_map(|y| [Period::Quarter(y, 2), Period::Year(y), Period::Quarter(y, 1)])
            .collect();
        periods.sort_unstable();
        let texts: Vec<String> = periods.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["2024", "2024-Q1", "2024-Q2", "2025", "2025-Q1", "2025-Q2"]);
    }

    #[test]
    fn periods_read_back_and_order_as_text() {
        let mut periods: Vec<Period> =
            ["2025", "2024-Q3", "2024", "2024-Q1"].iter().map(|p| p.parse().unwrap()).collect();
        periods.sort_by_key(Period::to_string);
        let texts: Vec<String> = periods.iter().map(Period::to_string).collect();
        assert_eq!(texts, ["2024", "2024-Q1", "2024-Q3", "2025"]);
    }

    #[test]
    fn other_texts_are_no_periods() {
        for text in ["", "24", "2024-Q5", "2024-Q0", "2024-Q", "2024-3", "20 24", "2024-q1", "٢٠٢٤"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_closes_so_many_months_after_its_end() {
        assert_eq!(Period::Quarter(2024, 4).last_open_day(6), "2025-06-30");
        assert_eq!(Period::Year(2023).last_open_day(2), "2024-02-29");
        assert_eq!(Period::Quarter(2024, 3).last_open_day(0), "2024-09-30");
    }

    #[test]
    fn a_quarter_holds_its_three_months() {
        let quarter: Period = "2024-Q3".parse().unwrap();
        let inside: Vec<u8> =
            (1..=12).filter(|month| quarter.contains(Month { year: 2024, month: *month })).collect();
        assert_eq!(inside, [7, 8, 9]);
        assert_eq!(Month { year: 2024, month: 9 }.quarter(), quarter);
        assert_eq!(Month { year: 1970, month: 2 }.first_day(), 31);
    }
}
