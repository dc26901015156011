//! One family of noisy tables, reconciled slice by slice (algorithms 3.2, 8).
//!
//! It deliberately lacks intervals and flags, and any mixing of families.

use std::collections::BTreeMap;

use super::display::Display;
use super::family::{Family, Member, is_non_negative};
use super::workload::{Residuals, Workload};
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
    let workload = family.workload(noisy.sigma());
    let aggregate = &noisy.shapes()[statistic].aggregates[family.aggregate];
    let display = values.then(|| Display::new(&workload, is_non_negative(aggregate)));
    let mut figures: Vec<TableFigures> =
        family.members.iter().map(|member| empty(family, noisy, statistic, member)).collect();
    for slice in 0..family.n_slices() {
        let observe = |member: &Member| member.observe(noisy.cells(statistic, member.index), slice);
        let observed: Vec<Vec<f64>> = family.members.iter().map(observe).collect();
        let residuals = workload.residuals(&observed);
        let estimated = estimates(family, &workload, &residuals, &observed);
        for ((member, figures), cells) in family.members.iter().zip(&mut figures).zip(estimated) {
            member.places(slice).zip(cells).for_each(|(place, cell)| figures.estimates[place] = cell);
            figures.variances[family.period(slice)] = workload.variance(member.axes);
        }
        let Some(display) = &display else { continue };
        let shown = display.values(&workload, &residuals, &observed);
        for ((member, figures), cells) in family.members.iter().zip(&mut figures).zip(shown) {
            member.places(slice).zip(cells).for_each(|(place, cell)| figures.values[place] = cell);
        }
    }
    family.members.iter().map(|member| member.index).zip(figures).collect()
}

/// The reconciled tables of one slice. A lone table is its own estimate, to the last bit.
fn estimates(
    family: &Family,
    workload: &Workload,
    residuals: &Residuals,
    observed: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    match observed {
        [alone] => vec![alone.clone()],
        _ => family.members.iter().map(|member| workload.table(residuals, member.axes)).collect(),
    }
}

fn empty(family: &Family, noisy: &NoisyTable, statistic: usize, member: &Member) -> TableFigures {
    let n_cells = noisy.cells(statistic, member.index).len();
    let n_periods = noisy.shapes()[statistic].n_periods(family.grain);
    TableFigures {
        estimates: vec![f64::NAN; n_cells],
        variances: vec![f64::NAN; n_periods],
        values: vec![0; n_cells],
    }
}
