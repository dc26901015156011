//! Rounding a base table so that every published sum stays near (Beck & Fiala 1981; algorithms 8.3, V7).
//!
//! A sum is kept while it holds more undecided cells than there are tables. Each cell lies in one sum of each table, so
//! kept sums are fewer than undecided cells, and some direction changes none of them: walk along it until a cell
//! is whole. Cells are taken one by one; those whose columns are independent wait in a basis (as in the simplex
//! method), and a sum that need not be kept enters the basis as a slack. It deliberately lacks randomness.

use std::collections::VecDeque;

use super::{Marginal, ONE};

/// Smaller than this, a coefficient is rounding: columns are small rationals.
const NOTHING: f64 = 1e-9;

/// A whole base table from units of 2^−20: each cell floor or ceiling, each published sum less than the number of tables
/// away. `None` if the sums say otherwise in the end, which exact arithmetic rules out.
pub(super) fn round(tables: &[Marginal], units: &[i128]) -> Option<Vec<i128>> {
    let mut walk = Walk::new(tables, units);
    while let Some(cell) = walk.waiting.pop_front() {
        walk.take(cell);
    }
    let whole = walk.into_whole();
    let most = ONE * i128::try_from(tables.len()).unwrap_or(0);
    let near = |table: &Marginal| {
        let (found, wanted) = (table.sum(&whole), table.sum(units));
        found.iter().zip(wanted).all(|(found, wanted)| (found * ONE - wanted).abs() < most)
    };
    tables.iter().all(near).then_some(whole)
}

/// What holds a row of the system.
#[derive(Clone, Copy, PartialEq)]
enum Holder {
    Nobody,
    Cell(usize),
    Slack,
}

struct Walk<'a> {
    tables: &'a [Marginal],
    floors: Vec<i128>,
    /// What is left of each cell above its floor, 0 to 1.
    parts: Vec<f64>,
    open: Vec<bool>,
    waiting: VecDeque<usize>,
    /// Undecided cells by table and sum.
    n_open: Vec<Vec<usize>>,
    /// The row of a sum that is, or was, kept.
    rows: Vec<Vec<Option<usize>>>,
    /// Row operations so far: a basic column times this is the unit vector of its row.
    operations: Vec<Vec<f64>>,
    holders: Vec<Holder>,
}

impl<'a> Walk<'a> {
    fn new(tables: &'a [Marginal], units: &[i128]) -> Self {
        let fractions: Vec<i128> = units.iter().map(|units| units.rem_euclid(ONE)).collect();
        let open: Vec<bool> = fractions.iter().map(|fraction| *fraction != 0).collect();
        let count = |table: &Marginal| {
            let mut counts = vec![0; table.n_cells];
            let undecided = table.places.iter().zip(&open).filter(|(_, open)| **open);
            undecided.for_each(|(place, _)| counts[*place as usize] += 1);
            counts
        };
        let n_open: Vec<Vec<usize>> = tables.iter().map(count).collect();
        let mut n_rows = 0;
        let mut row = |n_open: &usize| {
            let kept = *n_open > tables.len();
            n_rows += usize::from(kept);
            kept.then(|| n_rows - 1)
        };
        let rows = n_open.iter().map(|counts| counts.iter().map(&mut row).collect()).collect();
        let unit_row = |row: usize| (0..n_rows).map(|i| f64::from(u8::from(i == row))).collect();
        Self {
            tables,
            floors: units.iter().map(|units| units.div_euclid(ONE)).collect(),
            parts: fractions.iter().map(|fraction| *fraction as f64 / ONE as f64).collect(),
            waiting: (0..open.len()).filter(|cell| open[*cell]).collect(),
            open,
            n_open,
            rows,
            operations: (0..n_rows).map(unit_row).collect(),
            holders: vec![Holder::Nobody; n_rows],
        }
    }

    /// Puts an undecided cell into the basis, or walks until it or a basic cell is whole.
    fn take(&mut self, cell: usize) {
        if !self.open[cell] {
            return;
        }
        let sums = self.sums_of(cell);
        let column = self.column(&sums);
        if let Some(row) = self.largest(&column, |holder| holder == Holder::Nobody) {
            self.pivot(row, &column);
            self.holders[row] = Holder::Cell(cell);
            return;
        }
        let decided = match self.step(cell, &column) {
            None => cell,
            Some(row) => {
                let Holder::Cell(leaving) = self.holders[row] else { return };
                self.pivot(row, &column);
                self.holders[row] = Holder::Cell(cell);
                leaving
            }
        };
        self.decide(decided);
    }

    /// Moves the cell by t and the basic cells against it so that no kept sum changes; returns the row whose cell became
    /// whole first, or nothing if it is the cell itself.
    fn step(&mut self, cell: usize, column: &[f64]) -> Option<usize> {
        let (up, down) = (self.reach(cell, column, 1.0), self.reach(cell, column, -1.0));
        // The shorter way disturbs the sums that are no longer kept less.
        let (sign, (length, row)) = if up.0 <= down.0 { (1.0, up) } else { (-1.0, down) };
        self.parts[cell] = (self.parts[cell] + sign * length).clamp(0.0, 1.0);
        for (holder, coefficient) in self.holders.iter().zip(column) {
            if let Holder::Cell(basic) = holder {
                let part = &mut self.parts[*basic];
                *part = (*part - sign * length * coefficient).clamp(0.0, 1.0);
            }
        }
        row
    }

    /// How far the walk can go in one direction, and which row's cell ends it.
    fn reach(&self, cell: usize, column: &[f64], sign: f64) -> (f64, Option<usize>) {
        let room = |part: f64, speed: f64| if speed > 0.0 { (1.0 - part) / speed } else { part / -speed };
        let mut nearest = (room(self.parts[cell], sign), None);
        for (row, (holder, coefficient)) in self.holders.iter().zip(column).enumerate() {
            let Holder::Cell(basic) = holder else { continue };
            if coefficient.abs() > NOTHING {
                let length = room(self.parts[*basic], -sign * coefficient);
                if length < nearest.0 {
                    nearest = (length, Some(row));
                }
            }
        }
        nearest
    }

    /// Settles a cell at its nearer end; sums with few undecided cells are no longer kept.
    fn decide(&mut self, cell: usize) {
        self.open[cell] = false;
        for (table, marginal) in self.tables.iter().enumerate() {
            let sum = marginal.places[cell] as usize;
            self.n_open[table][sum] -= 1;
            if self.n_open[table][sum] == self.tables.len()
                && let Some(row) = self.rows[table][sum]
            {
                self.release(row);
            }
        }
    }

    /// Lets a sum change: its slack enters the basis for good, and a cell that it drives out waits again.
    fn release(&mut self, sum: usize) {
        let column = self.column(&[sum]);
        let free = self.largest(&column, |holder| holder == Holder::Nobody);
        let row = free.or_else(|| self.largest(&column, |holder| matches!(holder, Holder::Cell(_))));
        let Some(row) = row else { return };
        if let Holder::Cell(cell) = self.holders[row] {
            self.waiting.push_back(cell);
        }
        self.pivot(row, &column);
        self.holders[row] = Holder::Slack;
    }

    fn sums_of(&self, cell: usize) -> Vec<usize> {
        let row = |(table, rows): (&Marginal, &Vec<Option<usize>>)| rows[table.places[cell] as usize];
        self.tables.iter().zip(&self.rows).filter_map(row).collect()
    }

    /// A column of the system, after the row operations.
    fn column(&self, sums: &[usize]) -> Vec<f64> {
        self.operations.iter().map(|row| sums.iter().map(|sum| row[*sum]).sum()).collect()
    }

    fn largest(&self, column: &[f64], fits: impl Fn(Holder) -> bool) -> Option<usize> {
        (0..column.len())
            .filter(|row| fits(self.holders[*row]) && column[*row].abs() > NOTHING)
            .max_by(|a, b| column[*a].abs().total_cmp(&column[*b].abs()))
    }

    /// Makes `column` the unit vector of `row`.
    fn pivot(&mut self, row: usize, column: &[f64]) {
        let mut pivot = std::mem::take(&mut self.operations[row]);
        for entry in &mut pivot {
            *entry /= column[row];
        }
        let entries: Vec<(usize, f64)> =
            pivot.iter().copied().enumerate().filter(|(_, entry)| *entry != 0.0).collect();
        for (operation, factor) in self.operations.iter_mut().zip(column) {
            if operation.is_empty() || factor.abs() <= NOTHING {
                continue;
            }
            for (place, entry) in &entries {
                let changed = operation[*place] - factor * entry;
                operation[*place] = if changed.abs() <= NOTHING { 0.0 } else { changed };
            }
        }
        self.operations[row] = pivot;
    }

    fn into_whole(self) -> Vec<i128> {
        let up = |part: f64| i128::from(part >= 0.5);
        self.floors.iter().zip(&self.parts).map(|(floor, part)| floor + up(*part)).collect()
    }
}
