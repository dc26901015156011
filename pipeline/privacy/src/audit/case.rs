//! The smallest release that uses every bound and both strategies: four statistics of fictitious people, and one person
//! who costs all of Δ.
//!
//! Home cells in two tables, a joint clip, a truncation with ties, and home cells measured by their residuals. It deliberately lacks anything random.

use std::sync::Arc;

use marsad_terms::{Grain, Period};

use super::Mechanism;
use crate::bound::Row;
use crate::error::Error;
use crate::exact_table::ExactTable;
use crate::joint::Joint;
use crate::shape::{
    Aggregate, Bound, Component, Dimension, Expression, HomeRule, Output, StatisticShape, Strategy, TableSpec,
};

const N_REGIONS: u16 = 3;
/// Besides the worst person, each of them with a tie of two regions that the keyed order breaks.
const N_OTHERS: u8 = 40;
/// Twice the clip's C, all in one cell: weight one half exactly.
const ROWS_OF_THE_WORST: usize = 8;

/// One fictitious person: the region of each of its rows.
pub(super) struct Contributor {
    pub(super) key: [u8; 16],
    pub(super) rows: Vec<u16>,
}

/// The release and its shapes.
pub(super) struct Case {
    pub(super) joint: Joint,
    shapes: Vec<Arc<StatisticShape>>,
}

impl Case {
    pub(super) fn new() -> Result<Self, Error> {
        let shapes = vec![persons(), rows(), pairs(), residuals()];
        let joint = Joint::new(shapes.clone())?;
        Ok(Self { joint, shapes: shapes.into_iter().map(Arc::new).collect() })
    }

    /// The exact sums of the release, with the worst person or without.
    pub(super) fn sums(&self, mechanism: &dyn Mechanism, with: bool) -> Vec<Vec<i128>> {
        let sums =
            |shape: &Arc<StatisticShape>| mechanism.sums(shape, self.joint.f(), &people(&shape.bound, with));
        self.shapes.iter().map(sums).collect()
    }

    /// Fills the valve anew: each run measures a table of its own.
    pub(super) fn exact(&self, sums: &[Vec<i128>]) -> Result<ExactTable, Error> {
        ExactTable::from_sums(self.joint.clone(), sums.to_vec())
    }

    /// Whether people and rows in reverse give the same sums (T2).
    pub(super) fn is_order_free(&self, mechanism: &dyn Mechanism) -> bool {
        self.shapes.iter().all(|shape| {
            let forward = people(&shape.bound, true);
            let mut reverse = people(&shape.bound, true);
            reverse.reverse();
            for person in &mut reverse {
                person.rows.reverse();
            }
            let sums = |people: &[Contributor]| mechanism.sums(shape, self.joint.f(), people);
            sums(&forward) == sums(&reverse)
        })
    }
}

/// The worst person comes first, so that whoever counts rows or people gives all others away.
fn people(bound: &Bound, with: bool) -> Vec<Contributor> {
    let everywhere = || (0..N_REGIONS).collect();
    let worst = match bound {
        Bound::NormClip { .. } => vec![0; ROWS_OF_THE_WORST],
        _ => everywhere(),
    };
    let worst = with.then_some(Contributor { key: [255; 16], rows: worst });
    let two = |number: u8| vec![u16::from(number) % N_REGIONS, (u16::from(number) + 1) % N_REGIONS];
    let others = (0..N_OTHERS).map(|number| Contributor { key: [number; 16], rows: two(number) });
    worst.into_iter().chain(others).collect()
}

/// A row of the one period, in the region of that code.
pub(super) fn row(code: &u16) -> Row<'_> {
    Row {
        month: 1,
        periods: [None, Some(0)],
        codes: std::slice::from_ref(code),
        values: &[1],
        counted: &[true],
    }
}

/// Δ² = 1 + 5² units: one unit in the total, five in one region.
fn persons() -> StatisticShape {
    let bound = Bound::HomeCell;
    let mut shape = shape("audit_persons", bound, Aggregate::Persons, table(vec![], 1));
    shape.dimensions[0].home = Some(HomeRule::MostFrequent);
    shape.tables.push(table(vec![0], 5));
    shape
}

/// Δ² = 4² + 2 units; the worst person loses as much as the figures count.
fn rows() -> StatisticShape {
    let bound = Bound::NormClip { c_squared: 16, left_out_cap: 2 };
    shape("audit_rows", bound, Aggregate::Rows, table(vec![0], 1))
}

/// Δ² = 1 + 2 units: one region of three is kept.
fn pairs() -> StatisticShape {
    let bound = Bound::Truncate { k: 1, left_out_cap: 2 };
    shape("audit_pairs", bound, Aggregate::Persons, table(vec![0], 1))
}

/// Δ² = 1 + 1 units of the price's key; two components, of which one person moves 1 and 3·2 units at most.
fn residuals() -> StatisticShape {
    let mut shape = persons();
    shape.id = "audit_residuals".parse().expect("lower-case letters and `_`");
    shape.tables.iter_mut().for_each(|table| table.b = 1);
    let component = |dimensions, share| Component { aggregate: 0, grain: Grain::Quarter, dimensions, share };
    shape.strategy = Strategy::Residuals { components: vec![component(vec![], 1), component(vec![0], 3)] };
    shape
}

fn table(dimensions: Vec<usize>, b: u32) -> TableSpec {
    TableSpec { aggregate: 0, grain: Grain::Quarter, dimensions, b }
}

fn shape(id: &str, bound: Bound, aggregate: Aggregate, table: TableSpec) -> StatisticShape {
    let expression = Expression::Aggregate { aggregate: 0 };
    StatisticShape {
        id: id.parse().expect("lower-case letters and `_`"),
        bound,
        dimensions: vec![region(usize::from(N_REGIONS))],
        periods: vec![Period::Quarter(2026, 1)],
        aggregates: vec![aggregate],
        tables: vec![table],
        outputs: vec![Output { name: "n".to_owned(), expression }],
        strategy: Strategy::Tables,
    }
}

fn region(n_codes: usize) -> Dimension {
    Dimension {
        name: "region".to_owned(),
        code_list: "REF_AREA".to_owned(),
        codes: (0..n_codes).map(|code| format!("R{code}")).collect(),
        zeros: Vec::new(),
        home: None,
    }
}

/// One table that stands alone, of so many empty cells: what is measured is noise alone, Δ² = 4, f = 0.
pub(super) fn empty(n_cells: usize) -> Result<Joint, Error> {
    let mut shape = shape("audit_noise", Bound::HomeCell, Aggregate::Persons, table(vec![0], 2));
    shape.dimensions = vec![region(n_cells)];
    Joint::new(vec![shape])
}

#[cfg(test)]
mod tests {
    use marsad_terms::NanoRho;

    use super::super::Installed;
    use super::*;
    use crate::sampler::integers;
    use crate::spend::Spend;

    #[test]
    fn the_worst_person_reaches_the_claim() {
        let case = Case::new().unwrap();
        let (with, without) = (case.sums(&Installed, true).concat(), case.sums(&Installed, false).concat());
        let norm: u128 = with.iter().zip(&without).map(|(a, b)| a.abs_diff(*b).pow(2)).sum();
        assert_eq!(norm, case.joint.delta_squared());
        assert_eq!(norm, 49 << 32);
        // What gets noise: 47 units in tables; each component its own.
        let [with, without] =
            [true, false].map(|with| integers(case.joint.shapes(), case.sums(&Installed, with)));
        let moved = |cells: &[i64], others: &[i64]| -> u128 {
            cells.iter().zip(others).map(|(a, b)| u128::from(a.abs_diff(*b)).pow(2)).sum()
        };
        let tables: u128 = (0..3).map(|i| moved(&with[i], &without[i])).sum();
        let spend = Spend::new(&case.joint, NanoRho::new(500_000_000)).unwrap();
        let found = [tables, moved(&with[3][..1], &without[3][..1]), moved(&with[3][1..], &without[3][1..])];
        assert_eq!(found, [47_u128, 1, 6].map(|units| units << 32));
        assert!(spend.parts().map(|part| part.delta_squared).eq(found));
        assert!(case.is_order_free(&Installed));
    }
}
