//! The tables of one family, reconciled slice by slice (algorithms 3.2, 8).
//!
//! It deliberately lacks intervals and flags, and any mixing of families.

use std::collections::BTreeMap;

use super::display::Display;
use super::family::{Family, Member, is_non_negative};
use super::slices::Slices;
use crate::noisy_table::NoisyTable;

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
    let slices = Slices::new(family, noisy, statistic);
    let workload = &slices.workload;
    let aggregate = &noisy.shapes()[statistic].aggregates[family.aggregate];
    let display = values.then(|| Display::new(workload, is_non_negative(aggregate)));
    let mut figures: Vec<TableFigures> =
        family.members.iter().map(|member| empty(family, noisy, statistic, member)).collect();
    for slice in 0..family.n_slices() {
        let reconciled = slices.slice(slice);
        let estimated = slices.estimates(&reconciled);
        for ((member, figures), cells) in family.members.iter().zip(&mut figures).zip(estimated) {
            member.places(slice).zip(cells).for_each(|(place, cell)| figures.estimates[place] = cell);
            figures.variances[family.period(slice)] = workload.variance(member.axes);
        }
        let Some(display) = &display else { continue };
        let shown = display.values(workload, &reconciled.residuals, &reconciled.observed);
        for ((member, figures), cells) in family.members.iter().zip(&mut figures).zip(shown) {
            member.places(slice).zip(cells).for_each(|(place, cell)| figures.values[place] = cell);
        }
    }
    family.members.iter().map(|member| member.index).zip(figures).collect()
}

fn empty(family: &Family, noisy: &NoisyTable, statistic: usize, member: &Member) -> TableFigures {
    let shape = &noisy.shapes()[statistic];
    let n_cells = shape.n_cells(&shape.tables[member.index]);
    let n_periods = shape.n_periods(family.grain);
    TableFigures {
        estimates: vec![f64::NAN; n_cells],
        variances: vec![f64::NAN; n_periods],
        values: vec![0; n_cells],
    }
}
