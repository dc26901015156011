//! The tables of one family, reconciled slice by slice (algorithms 3.2, 8).
//!
//! It deliberately lacks intervals and flags, and any mixing of families.

use std::collections::BTreeMap;

use super::display::Display;
use super::family::{Family, Member, is_non_negative};
use super::slices::{Slice, Slices};
use super::workload::Workload;
use crate::noisy_table::NoisyTable;
use crate::shape::StatisticShape;

/// Figures by table of the statistic.
pub(crate) type Figures = BTreeMap<usize, TableFigures>;

/// What is known of one table's cells.
#[derive(Clone, Debug)]
pub(crate) struct TableFigures {
    /// est_A, by cell.
    pub(crate) estimates: Vec<f64>,
    /// Var, by period: the same for all cells of one.
    pub(crate) variances: Vec<f64>,
    /// Display values by cell; empty where the aggregate is no output by itself.
    pub(crate) values: Vec<i64>,
}

/// Reconciles the tables of one family; display values only where they are wanted.
pub(crate) fn reconcile(family: &Family, noisy: &NoisyTable, statistic: usize, values: bool) -> Figures {
    let shape = &noisy.shapes()[statistic];
    let slices = Slices::new(family, noisy, statistic);
    let display = display(family, shape, &slices.workload, values);
    let mut tables = Tables::new(family, shape);
    for slice in 0..family.n_slices() {
        let reconciled = slices.slice(slice);
        tables.fill(slice, &slices.workload, display.as_ref(), &reconciled);
    }
    tables.into_figures()
}

/// How display values of a family are made, where they are wanted.
pub(crate) fn display(
    family: &Family,
    shape: &StatisticShape,
    workload: &Workload,
    wanted: bool,
) -> Option<Display> {
    wanted.then(|| Display::new(workload, is_non_negative(&shape.aggregates[family.aggregate])))
}

/// The tables of a family, filled slice by slice.
pub(crate) struct Tables<'a> {
    family: &'a Family,
    figures: Vec<TableFigures>,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(family: &'a Family, shape: &StatisticShape) -> Self {
        Self { family, figures: family.members.iter().map(|member| empty(family, shape, member)).collect() }
    }

    /// Writes what is known of one slice.
    pub(crate) fn fill(
        &mut self,
        slice: usize,
        workload: &Workload,
        display: Option<&Display>,
        found: &Slice,
    ) {
        let family = self.family;
        let estimated = found.estimates(family, workload);
        for ((member, figures), cells) in family.members.iter().zip(&mut self.figures).zip(estimated) {
            member.places(slice).zip(cells).for_each(|(place, cell)| figures.estimates[place] = cell);
            figures.variances[family.period(slice)] = workload.variance(member.axes);
        }
        let Some(display) = display else { return };
        let shown = display.values(workload, &found.residuals, &found.observed);
        for ((member, figures), cells) in family.members.iter().zip(&mut self.figures).zip(shown) {
            member.places(slice).zip(cells).for_each(|(place, cell)| figures.values[place] = cell);
        }
    }

    /// By table of the statistic.
    pub(crate) fn into_figures(self) -> Figures {
        self.family.members.iter().map(|member| member.index).zip(self.figures).collect()
    }
}

fn empty(family: &Family, shape: &StatisticShape, member: &Member) -> TableFigures {
    let n_cells = shape.n_cells(&shape.tables[member.index]);
    let n_periods = shape.n_periods(family.grain);
    TableFigures {
        estimates: vec![f64::NAN; n_cells],
        variances: vec![f64::NAN; n_periods],
        values: vec![0; n_cells],
    }
}
