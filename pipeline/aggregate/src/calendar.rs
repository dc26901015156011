//! The days of a release's periods: what a landed day means, found by one look instead of arithmetic for every row.
//!
//! It deliberately lacks days outside the periods: a row of such a day has no cell.

use std::ops::Range;

use marsad_privacy::shape::StatisticShape;
use marsad_terms::{Grain, Period};

use crate::landed_table::month_of;

/// What a listed day means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Months since year 0.
    pub(crate) month: i32,
    /// By grain: index of its period in the shape's list.
    pub(crate) periods: [Option<u32>; 2],
}

/// By day from the first listed one on.
pub(crate) struct Calendar {
    first: i32,
    days: Vec<Option<Listed>>,
}

impl Calendar {
    /// Of the periods of a shape.
    pub(crate) fn of(shape: &StatisticShape) -> Self {
        Self::new(Grain::ALL.map(|grain| shape.periods_of(grain)))
    }

    /// Of the periods of each grain, in the shape's order.
    pub(crate) fn new(periods: [Vec<Period>; 2]) -> Self {
        let spans = periods.each_ref().map(|list| list.iter().copied().map(span).collect::<Vec<_>>());
        let first = spans.iter().flatten().map(|(first, _)| *first).min().unwrap_or(0);
        let end = spans.iter().flatten().map(|(_, end)| *end).max().unwrap_or(first);
        let listed = |day: i32| {
            let of = |spans: &Vec<(i32, i32)>| {
                (0..)
                    .zip(spans)
                    .find(|(_, (first, end))| (*first..*end).contains(&day))
                    .map(|(index, _)| index)
            };
            let periods = spans.each_ref().map(of);
            periods.iter().any(Option::is_some).then(|| Listed { month: month_of(day), periods })
        };
        Self { first, days: (first..end).map(listed).collect() }
    }

    /// From the first listed day until before the end of the last period.
    pub(crate) fn span(&self) -> Range<i32> {
        self.first..self.first.saturating_add(i32::try_from(self.days.len()).unwrap_or(i32::MAX))
    }

    /// What a day, counted from 1970-01-01, means.
    pub(crate) fn day(&self, day: i32) -> Option<Listed> {
        let place = usize::try_from(day.checked_sub(self.first)?).ok()?;
        self.days.get(place).copied().flatten()
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
        let day = |year, month, days| calendar.day(Month { year, month }.first_day() + days);
        let listed = |year: i32, month, periods| Some(Listed { month: year * 12 + month - 1, periods });
        assert_eq!(day(2023, 1, -1), None);
        assert_eq!(day(2023, 1, 0), listed(2023, 1, [None, Some(0)]));
        assert_eq!(day(2023, 3, 30), listed(2023, 3, [None, Some(0)]));
        assert_eq!(day(2023, 4, 0), None);
        assert_eq!(day(2024, 2, 28), listed(2024, 2, [Some(0), None]));
        assert_eq!(day(2024, 6, 29), listed(2024, 6, [Some(0), Some(1)]));
        assert_eq!(day(2024, 12, 30), listed(2024, 12, [Some(0), None]));
        assert_eq!(day(2025, 1, 0), None);
        assert_eq!(calendar.day(i32::MIN), None);
        assert_eq!(calendar.day(i32::MAX), None);
        assert_eq!(Calendar::new([vec![], vec![]]).day(0), None);
    }
}
