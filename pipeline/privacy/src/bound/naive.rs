//! The bound written out plainly from the paper (algorithms 2), with maps and sets, and a million random persons under both.
//!
//! It shares keyed tags and the shape with what it judges, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use marsad_terms::Grain;

use super::{Block, NO_PERIOD, Selector, Tag, Tally};
use crate::shape::{Aggregate, Bound, HomeRule, StatisticShape};
use crate::testing::{self, OwnedRow};

const SHAPES: u64 = 10_000;
const PERSONS: usize = 100;
const F: u32 = 8;

/// A cell: table, period, codes of the table's dimensions.
type Cell = (usize, u32, Vec<u16>);

struct Naive<'a> {
    shape: &'a StatisticShape,
    selector: Selector,
}

/// A row within one grain: its period there, and its codes after home values.
#[derive(Clone)]
struct Event<'a> {
    row: &'a OwnedRow,
    period: u32,
    codes: Vec<u16>,
}

impl Naive<'_> {
    /// The weighted vector of one person, without the two figures of what was left out.
    fn vector(&self, key: &[u8; 16], rows: &[OwnedRow]) -> BTreeMap<Cell, i128> {
        let mut amounts: BTreeMap<Cell, i128> = BTreeMap::new();
        for grain in [0, 1] {
            let events = self.homed(key, grain, rows);
            for (index, table) in
                self.shape.tables.iter().enumerate().filter(|(_, t)| number(t.grain) == grain)
            {
                let counted = self.kept(key, grain, table.aggregate, &events);
                let counted = counted.into_iter().filter(|event| event.row.counted[table.aggregate]);
                let mut cells: BTreeMap<Cell, i128> = BTreeMap::new();
                for event in counted {
                    let codes = table.dimensions.iter().map(|d| event.codes[*d]).collect();
                    let amount = cells.entry((index, event.period, codes)).or_default();
                    *amount = match self.shape.aggregates[table.aggregate] {
                        Aggregate::Persons => 1,
                        Aggregate::Rows => *amount + 1,
                        Aggregate::Sum(_) => *amount + i128::from(event.row.values[table.aggregate]),
                    };
                }
                let limit = 1 << 62;
                let weighed = cells.into_iter();
                amounts.extend(weighed.map(|(cell, n)| (cell, n.clamp(-limit, limit) * i128::from(table.b))));
            }
        }
        let weight = self.weight(&amounts);
        amounts.into_iter().map(|(cell, amount)| (cell, weight * amount)).collect()
    }

    fn weight(&self, amounts: &BTreeMap<Cell, i128>) -> i128 {
        let Bound::NormClip { c_squared, .. } = self.shape.bound else { return 1 << F };
        let squares = amounts.values().map(|n| n.unsigned_abs().checked_mul(n.unsigned_abs()));
        let cost = squares.into_iter().try_fold(0_u128, |sum, square| sum.checked_add(square?));
        let Some(cost) = cost else { return 0 };
        // The largest w ≤ 2^f with w²·cost ≤ 4^f·C², by trying.
        let fits =
            |w: &u128| (w * w).checked_mul(cost).is_some_and(|n| n <= u128::from(c_squared) << (2 * F));
        (0..=1_u128 << F).rev().find(fits).map_or(0, |w| i128::try_from(w).unwrap())
    }

    /// Dimensions of the grain's tables together.
    fn base(&self, grain: usize) -> BTreeSet<usize> {
        let tables = self.shape.tables.iter().filter(|table| number(table.grain) == grain);
        tables.flat_map(|table| table.dimensions.iter().copied()).collect()
    }

    fn text(&self, grain: usize, period: u32) -> String {
        self.shape.periods_of(Grain::ALL[grain])[period as usize].to_string()
    }

    /// The rows in the key domain and a listed period, home values settled.
    fn homed<'r>(&self, key: &[u8; 16], grain: usize, rows: &'r [OwnedRow]) -> Vec<Event<'r>> {
        let n_periods = self.shape.n_periods(Grain::ALL[grain]);
        let inside = |row: &&OwnedRow| {
            row.codes.iter().zip(&self.shape.dimensions).all(|(code, d)| usize::from(*code) < d.codes.len())
        };
        let event = |row: &'r OwnedRow| {
            let period = row.periods[grain].filter(|p| (*p as usize) < n_periods)?;
            Some(Event { row, period, codes: row.codes.clone() })
        };
        let mut events: Vec<Event<'r>> = rows.iter().filter(inside).filter_map(event).collect();
        let periods: BTreeSet<u32> = events.iter().map(|event| event.period).collect();
        for dimension in self.base(grain).into_iter().filter(|d| !self.shape.is_multi_valued(*d)) {
            for period in &periods {
                let home = self.home(key, (grain, *period), dimension, &events);
                let of_period = events.iter_mut().filter(|event| event.period == *period);
                of_period.for_each(|event| event.codes[dimension] = home);
            }
        }
        events
    }

    fn home(&self, key: &[u8; 16], (grain, period): (usize, u32), d: usize, events: &[Event<'_>]) -> u16 {
        let dimension = &self.shape.dimensions[d];
        let rows: Vec<&OwnedRow> =
            events.iter().filter(|event| event.period == period).map(|event| event.row).collect();
        let codes: BTreeSet<u16> = rows.iter().map(|row| row.codes[d]).collect();
        let with = |code: u16| rows.iter().filter(move |row| row.codes[d] == code);
        let score = |code: u16| -> i64 {
            match dimension.home {
                Some(HomeRule::MostRecent) => with(code).map(|row| i64::from(row.month)).max().unwrap(),
                Some(HomeRule::MostFrequent) => i64::try_from(with(code).count()).unwrap(),
                Some(HomeRule::Priority) => -i64::from(code),
                None => 0,
            }
        };
        let best = codes.iter().map(|code| score(*code)).max().unwrap();
        let text = |code: u16| dimension.codes[usize::from(code)].as_str();
        let tag =
            |code: u16| self.selector.tag(&dimension.name, &self.text(grain, period), key, [text(code)]);
        let tied = codes.into_iter().filter(|code| score(*code) == best);
        tied.min_by_key(|code| (tag(*code), text(*code))).unwrap()
    }

    /// Under truncation the rows of the first k units of each period; otherwise all.
    fn kept<'r>(
        &self,
        key: &[u8; 16],
        grain: usize,
        aggregate: usize,
        events: &[Event<'r>],
    ) -> Vec<Event<'r>> {
        let Bound::Truncate { k, .. } = self.shape.bound else { return events.to_vec() };
        let of_persons = self.shape.aggregates[aggregate] == Aggregate::Persons;
        let used = |a: usize| self.shape.tables.iter().any(|t| t.aggregate == a && number(t.grain) == grain);
        let kind: Vec<usize> = (0..self.shape.aggregates.len())
            .filter(|a| used(*a) && (self.shape.aggregates[*a] == Aggregate::Persons) == of_persons)
            .collect();
        let base = self.base(grain);
        let codes = |event: &Event<'_>| base.iter().map(|d| event.codes[*d]).collect::<Vec<u16>>();
        let tag = |event: &Event<'_>| -> Tag {
            let texts =
                base.iter().map(|d| self.shape.dimensions[*d].codes[usize::from(event.codes[*d])].as_str());
            self.selector.tag("truncate", &self.text(grain, event.period), key, texts)
        };
        let bits = |event: &Event<'_>| kind.iter().map(|a| event.row.counted[*a]).collect::<Vec<bool>>();
        let mut kept = Vec::new();
        let periods: BTreeSet<u32> = events.iter().map(|event| event.period).collect();
        for period in periods {
            let mut units: Vec<&Event<'r>> =
                events.iter().filter(|event| event.period == period && bits(event).contains(&true)).collect();
            units.sort_by_key(|event| (tag(event), codes(event), bits(event)));
            if of_persons {
                let cells: BTreeSet<(Tag, Vec<u16>)> =
                    units.iter().map(|event| (tag(event), codes(event))).collect();
                let first: BTreeSet<_> = cells.into_iter().take(k as usize).collect();
                kept.extend(units.into_iter().filter(|e| first.contains(&(tag(e), codes(e)))).cloned());
            } else {
                kept.extend(units.into_iter().take(k as usize).cloned());
            }
        }
        kept
    }
}

fn number(grain: Grain) -> usize {
    usize::from(grain == Grain::ALL[1])
}

/// The dense sums of sparse cells.
fn dense(shape: &StatisticShape, cells: &BTreeMap<Cell, i128>) -> Vec<i128> {
    let mut sums = vec![0; shape.n_coordinates()];
    for ((table, period, codes), amount) in cells {
        let spec = &shape.tables[*table];
        let place = spec.dimensions.iter().zip(codes).fold(*period as usize, |place, (d, code)| {
            place * shape.dimensions[*d].codes.len() + usize::from(*code)
        });
        sums[shape.offset(*table) + place] += amount;
    }
    sums
}

/// Splitmix64: the same cases in every run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    fn small(&mut self, n: usize) -> u32 {
        u32::try_from(self.below(n)).unwrap()
    }

    fn tiny(&mut self, n: usize) -> u8 {
        u8::try_from(self.below(n)).unwrap()
    }

    fn shape(&mut self) -> StatisticShape {
        let homes =
            [None, Some(HomeRule::MostRecent), Some(HomeRule::MostFrequent), Some(HomeRule::Priority)];
        let n_dimensions = 1 + self.below(3);
        let dimensions: Vec<_> =
            (0..n_dimensions).map(|_| (1 + self.below(4), homes[self.below(4)])).collect();
        let tables: Vec<_> = (0..=self.below(4))
            .map(|_| (self.below(3), self.below(2) == 1, self.below(8), 1 + self.small(3)))
            .collect();
        let bound = (self.tiny(3), 1 + self.below(60) as u64, 1 + self.small(3), 1 + self.small(20));
        testing::build(&dimensions, &tables, bound, 1 + self.tiny(3), self.below(2) == 1)
    }

    fn row(&mut self, shape: &StatisticShape) -> OwnedRow {
        let period = |draws: &mut Self, grain: Grain| {
            let n = shape.n_periods(grain);
            let beyond = usize::from(draws.below(9) == 0);
            (draws.below(8) > 0).then(|| draws.small(n + beyond))
        };
        let code = |draws: &mut Self, n: usize| {
            if draws.below(40) == 0 { u16::MAX } else { u16::try_from(draws.below(n)).unwrap() }
        };
        let n = shape.aggregates.len();
        OwnedRow {
            month: i32::try_from(self.below(3)).unwrap(),
            periods: [period(self, Grain::Year), period(self, Grain::Quarter)],
            codes: shape.dimensions.iter().map(|d| code(self, d.codes.len())).collect(),
            values: (0..n).map(|_| i64::try_from(self.below(9)).unwrap() - 4).collect(),
            counted: (0..n).map(|_| self.below(5) > 0).collect(),
        }
    }

    /// Few rows, which often repeat.
    fn rows(&mut self, shape: &StatisticShape) -> Vec<OwnedRow> {
        let mut rows = vec![self.row(shape)];
        for _ in 0..self.below(5) {
            let again = self.below(2) == 0;
            let next = if again { rows[self.below(rows.len())].clone() } else { self.row(shape) };
            rows.push(next);
        }
        rows
    }
}

/// The rows of persons as columns, those left empty that may be.
pub(super) fn block(shape: &StatisticShape, persons: &[Vec<OwnedRow>]) -> Block {
    let rows = || persons.iter().flatten();
    let period = |grain: usize| rows().map(|row| row.periods[grain].unwrap_or(NO_PERIOD)).collect();
    let mask = |row: &OwnedRow| (0..).zip(&row.counted).map(|(a, counted)| u64::from(*counted) << a).sum();
    let listed =
        |periods: Vec<u32>| if periods.iter().all(|p| *p == NO_PERIOD) { Vec::new() } else { periods };
    let all_count = rows().all(|row| row.counted.iter().all(|counted| *counted));
    let number = |(number, rows): (u32, &Vec<OwnedRow>)| std::iter::repeat_n(number, rows.len());
    Block {
        n_rows: rows().count(),
        persons: (0..).zip(persons).flat_map(number).collect(),
        periods: [listed(period(0)), listed(period(1))],
        codes: (0..shape.dimensions.len()).map(|d| rows().map(|row| row.codes[d]).collect()).collect(),
        values: (0..shape.aggregates.len()).map(|a| rows().map(|row| row.values[a]).collect()).collect(),
        masks: if all_count { Vec::new() } else { rows().map(mask).collect() },
    }
}

#[test]
fn a_million_persons_add_up_as_the_paper_says() {
    let mut draws = Draws(9);
    let (mut at_once, mut all) = (0, 0);
    for _ in 0..SHAPES {
        let shape = Arc::new(draws.shape());
        let persons: Vec<Vec<OwnedRow>> = (0..PERSONS).map(|_| draws.rows(&shape)).collect();
        let naive = Naive { shape: &shape, selector: Selector::new(&testing::key(), &shape.id) };
        let mut tally = Tally::new(Arc::clone(&shape), F, testing::key());
        let left = tally.take_all(&block(&shape, &persons), 0..persons.len());
        let mut expected: BTreeMap<Cell, i128> = BTreeMap::new();
        for (n, (rows, is_left)) in (0_u128..).zip(persons.iter().zip(left)) {
            let key = n.to_le_bytes();
            for (cell, amount) in naive.vector(&key, rows) {
                *expected.entry(cell).or_default() += amount;
            }
            all += 1;
            if !is_left {
                at_once += 1;
                continue;
            }
            tally.begin(&key);
            for row in rows {
                tally.row(&row.lend());
            }
        }
        let n_cells = shape.offset(shape.tables.len());
        let sums = tally.into_sums();
        assert_eq!(sums[..n_cells], dense(&shape, &expected)[..n_cells], "{shape:?}");
    }
    assert!(all == 1_000_000 && (200_000..900_000).contains(&at_once), "{at_once} of {all}");
}
