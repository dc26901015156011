//! The days of a release's periods: what a landed day means, found by one look instead of arithmetic for every row.
//!
//! It deliberately lacks days outside the periods: a row of such a day has no cell.

use std::ops::Range;

use marsad_privacy::bound::NO_PERIOD;
use marsad_privacy::shape::StatisticShape;
use marsad_terms::{Grain, Period};

use crate::landed_rows::month_of;

/// By day from the first listed one on.
pub(crate) struct Calendar {
    first: i32,
    /// By grain and day: index of the period in the shape's list; empty where none of this grain is listed.
    periods: [Vec<u32>; 2],
    /// By day: its month, in months since year 0.
    months: Vec<i32>,
}

impl Calendar {
    /// Of the periods of a shape.
    pub(crate) fn of(shape: &StatisticShape) -> Self {
        Self::new(Grain::ALL.map(|grain| shape.periods_of(grain)))
    }

    /// Of the periods of each grain, in the shape's order.
    pub(crate) fn new(periods: [Vec<Period>; 2]) -> Self {
        let spans = periods.map(|list| list.into_iter().map(span).collect::<Vec<_>>());
        let first = spans.iter().flatten().map(|(first, _)| *first).min().unwrap_or(0);
        let end = spans.iter().flatten().map(|(_, end)| *end).max().unwrap_or(first);
        let index = |spans: &[(i32, i32)], day: i32| {
            let found = (0..).zip(spans).find(|(_, (first, end))| (*first..*end).contains(&day));
            found.map_or(NO_PERIOD, |(index, _)| index)
        };
        let periods = spans.map(|spans| match spans.as_slice() {
            [] => Vec::new(),
            spans => (first..end).map(|day| index(spans, day)).collect(),
        });
        Self { first, periods, months: (first..end).map(month_of).collect() }
    }

    /// From the first listed day until before the end of the last period.
    pub(crate) fn span(&self) -> Range<i32> {
        let n_days = i32::try_from(self.months.len()).unwrap_or(i32::MAX);
        self.first..self.first.saturating_add(n_days)
    }

    /// The listed period of a grain in which a day, counted from 1970-01-01, lies, or [`NO_PERIOD`].
    pub(crate) fn period(&self, grain: usize, day: i32) -> u32 {
        self.periods[grain].get(self.place(day)).copied().unwrap_or(NO_PERIOD)
    }

    /// The same of many days; nothing where no period of the grain is listed.
    pub(crate) fn periods(&self, grain: usize, days: &[i32]) -> Vec<u32> {
        match self.periods[grain].as_slice() {
            [] => Vec::new(),
            _ => days.iter().map(|day| self.period(grain, *day)).collect(),
        }
    }

    /// The month of a day, in months since year 0.
    pub(crate) fn month(&self, day: i32) -> i32 {
        self.months.get(self.place(day)).copied().unwrap_or_else(|| month_of(day))
    }

    /// A day before the first is far after the last.
    fn place(&self, day: i32) -> usize {
        day.wrapping_sub(self.first).cast_unsigned() as usize
    }
}

/// Its first day and the one after its last.
fn span(period: Period) -> (i32, i32) {
    let (first, _) = period.months();
    let (next, _) = period.next().months();
    (first.first_day(), next.first_day())
}

#[cfg(test)]
mod tests {
    use marsad_terms::Month;

    use super::*;

    #[test]
    fn days_of_listed_periods_are_found_and_no_others() {
        let calendar = Calendar::new([
            vec![Period::Year(2024)],
            vec![Period::Quarter(2023, 1), Period::Quarter(2024, 2)],
        ]);
        let periods = |day| [0, 1].map(|grain| calendar.period(grain, day));
        let day = |year, month, days| periods(Month { year, month }.first_day() + days);
        assert_eq!(day(2023, 1, -1), [NO_PERIOD; 2]);
        assert_eq!(day(2023, 1, 0), [NO_PERIOD, 0]);
        assert_eq!(day(2023, 3, 30), [NO_PERIOD, 0]);
        assert_eq!(day(2023, 4, 0), [NO_PERIOD; 2]);
        assert_eq!(day(2024, 2, 28), [0, NO_PERIOD]);
        assert_eq!(day(2024, 6, 29), [0, 1]);
        assert_eq!(day(2024, 12, 30), [0, NO_PERIOD]);
        assert_eq!(day(2025, 1, 0), [NO_PERIOD; 2]);
        assert_eq!(periods(i32::MIN), [NO_PERIOD; 2]);
        assert_eq!(periods(i32::MAX), [NO_PERIOD; 2]);
        assert_eq!(Calendar::new([vec![], vec![]]).period(0, 0), NO_PERIOD);
        assert_eq!(calendar.periods(0, &[0, i32::MAX]), [NO_PERIOD; 2]);
        assert!(Calendar::new([vec![], vec![Period::Quarter(2023, 1)]]).periods(0, &[0]).is_empty());
    }

    #[test]
    fn months_are_known_of_every_day() {
        let calendar = Calendar::new([vec![], vec![Period::Quarter(2023, 1)]]);
        for (day, month) in
            [(0, 1970 * 12), (-1, 1970 * 12 - 1), (19_358, 2023 * 12), (19_389, 2023 * 12 + 1)]
        {
            assert_eq!(calendar.month(day), month);
        }
    }
}
