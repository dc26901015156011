//! The days of a release's periods: what a landed day means, found by one look instead of arithmetic for every row.
//!
//! It deliberately lacks days outside the periods: a row of such a day has no cell.

use std::ops::Range;

use marsad_privacy::bound::NO_PERIOD;
use marsad_privacy::shape::StatisticShape;
use marsad_terms::{Grain, Period};

/// By day from the first listed one on.
pub(crate) struct Calendar {
    first: i32,
    /// By grain and day: index of the period in the shape's list.
    periods: [Vec<u32>; 2],
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
        Self { first, periods: spans.map(|spans| (first..end).map(|day| index(&spans, day)).collect()) }
    }

    /// From the first listed day until before the end of the last period.
    pub(crate) fn span(&self) -> Range<i32> {
        let n_days = i32::try_from(self.periods[0].len()).unwrap_or(i32::MAX);
        self.first..self.first.saturating_add(n_days)
    }

    /// The listed period of a grain in which a day, counted from 1970-01-01, lies, or [`NO_PERIOD`].
    pub(crate) fn period(&self, grain: usize, day: i32) -> u32 {
        // A day before the first is far after the last.
        let place = day.wrapping_sub(self.first).cast_unsigned() as usize;
        self.periods[grain].get(place).copied().unwrap_or(NO_PERIOD)
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
    }
}
