//! The programme's time: days from 2023-01-01 to 2024-12-31, eight quarters.

use chrono::{Days, NaiveDate};

/// The last day, counted from 0.
pub(crate) const LAST_DAY: i32 = 730;

/// The quarters as SDMX writes them.
pub(crate) const QUARTERS: [&str; 8] =
    ["2023-Q1", "2023-Q2", "2023-Q3", "2023-Q4", "2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4"];

/// First days of the quarters, and the day after the last.
const STARTS: [i32; 9] = [0, 90, 181, 273, 365, 456, 547, 639, 731];

/// A day, counted from 2023-01-01; always inside the programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i32);

impl Day {
    /// The day of that number, brought inside the programme.
    pub(crate) fn new(day: i32) -> Self {
        Self(day.clamp(0, LAST_DAY))
    }

    pub(crate) fn number(self) -> i32 {
        self.0
    }

    pub(crate) fn date(self) -> NaiveDate {
        let first = NaiveDate::from_ymd_opt(2023, 1, 1).expect("the first of January 2023 is a date");
        first + Days::new(u64::from(self.0.unsigned_abs()))
    }

    /// 2023 or 2024.
    pub(crate) fn year(self) -> i32 {
        if self.0 < STARTS[4] { 2023 } else { 2024 }
    }

    /// Position in [`QUARTERS`].
    pub(crate) fn quarter(self) -> usize {
        STARTS.partition_point(|start| *start <= self.0) - 1
    }
}

/// First and last day of a quarter.
pub(crate) fn quarter_days(quarter: usize) -> (i32, i32) {
    (STARTS[quarter], STARTS[quarter + 1] - 1)
}

#[cfg(test)]
mod tests {
    use chrono::Datelike;

    use super::*;

    #[test]
    fn days_agree_with_the_calendar() {
        for number in 0..=LAST_DAY {
            let day = Day::new(number);
            let date = day.date();
            assert_eq!(date.year(), day.year());
            assert_eq!(QUARTERS[day.quarter()], format!("{}-Q{}", date.year(), date.month0() / 3 + 1));
        }
        assert_eq!(Day::new(LAST_DAY).date().to_string(), "2024-12-31");
    }
}
