//! Which strategy reaches stated margins at the lower price: noisy tables (M1) or noisy residuals (M2), and why
//! (algorithms 3.5).
//!
//! From sizes and wishes alone, so it costs nothing. It deliberately lacks a preference for novelty: tables can be checked
//! by hand from `raw`, residuals cannot, so residuals have to be clearly cheaper than tables with their best multipliers.

use std::fmt;

use marsad_terms::NanoRho;

use super::{all_unit_sds, choose_b, forecast, price_of_table};
use crate::error::Error;
use crate::estimate::interval::Z;
use crate::joint::Joint;
use crate::residual;
use crate::shape::{Bound, StatisticShape, Strategy};

/// Residuals are preferred from this part of the price on that they save: five per cent of the errors.
const WORTH_IT: f64 = 0.1;

/// A margin that one table is to have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Index of the statistic in the release.
    pub statistic: usize,
    /// Index into its tables.
    pub table: usize,
    /// Half the 95 % interval of each cell, in units of the statistic.
    pub margin: f64,
}

/// What was found for one statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preference {
    /// Whether its residuals are better measured than its tables.
    pub residuals: bool,
    /// Why.
    pub reason: Reason,
}

/// Why a strategy is preferred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// A person may stand in several cells of one period, and would pay for residuals up to four times.
    NotHomeCells,
    /// No margin of its own to be priced by.
    NoWish,
    /// Every table stands alone: a residual of it would tell nothing new.
    StandsAlone,
    /// What the wishes cost the whole release, by how this statistic is measured.
    Prices {
        /// As tables with the multipliers as they stand.
        tables: NanoRho,
        /// As tables with the multipliers of [`super::choose_b`].
        multipliers: NanoRho,
        /// As residuals, no table worse than at the price of tables unless its wish allows it.
        residuals: NanoRho,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHomeCells => f.write_str("residuals need one cell a person and period (`home_cell`)"),
            Self::NoWish => f.write_str("no margin is wished for it, so residuals have nothing to gain"),
            Self::StandsAlone => f.write_str("each table stands alone, so residuals have nothing to gain"),
            Self::Prices { tables, multipliers, residuals } => write!(
                f,
                "the wished margins cost ρ = {tables} with its tables as they stand, {multipliers} with their best \
                 multipliers b, {residuals} with residuals; residuals are taken where they save a tenth of either"
            ),
        }
    }
}

/// The least price at which all wishes are reached.
///
/// # Errors
/// `Unknown` for a table that is not there, `Unreachable` for a margin that is not positive, or that no price reaches.
pub fn price_of(joint: &Joint, wishes: &[Wish]) -> Result<NanoRho, Error> {
    let mut price = NanoRho::ZERO;
    for wish in wishes {
        let shape = joint.shapes().get(wish.statistic).filter(|shape| wish.table < shape.tables.len());
        shape.ok_or(Error::Unknown { what: "table that a margin is wished for" })?;
        if wish.margin.is_nan() || wish.margin <= 0.0 {
            return Err(Error::Unreachable);
        }
        price = price.max(price_of_table(joint, wish.statistic, wish.table, wish.margin)?);
    }
    Ok(price)
}

/// The strategy of one statistic that serves the wishes at the lower price.
///
/// # Errors
/// As [`price_of`].
pub fn prefer(joint: &Joint, statistic: usize, wishes: &[Wish]) -> Result<Preference, Error> {
    let tables = price_of(joint, wishes)?;
    let shape = joint.shapes().get(statistic).ok_or(Error::Unknown { what: "statistic of that number" })?;
    let stays = |reason| Ok(Preference { residuals: false, reason });
    if !matches!(shape.bound, Bound::HomeCell) {
        return stays(Reason::NotHomeCells);
    }
    if !wishes.iter().any(|wish| wish.statistic == statistic) {
        return stays(Reason::NoWish);
    }
    if joint.f() == 0 {
        return stays(Reason::StandsAlone);
    }
    let residuals = price_of(&with_residuals(joint, statistic, wishes)?, wishes)?;
    let multipliers = price_of(&with_multipliers(joint, statistic, wishes, tables)?, wishes)?.min(tables);
    let better = residuals.rho() <= (1.0 - WORTH_IT) * multipliers.rho();
    Ok(Preference { residuals: better, reason: Reason::Prices { tables, multipliers, residuals } })
}

/// The release with the residuals of one statistic measured.
///
/// Where margins are wished for it, its components get the shares that reach them at the least price, and no other of its
/// tables is worse than it would be as a table at the tables' price. Without a wish, all tables gain alike over what their
/// multipliers b would give them.
///
/// # Errors
/// What makes the shape unfit, another bound than `home_cell` above all; as [`price_of`].
pub fn with_residuals(joint: &Joint, statistic: usize, wishes: &[Wish]) -> Result<Joint, Error> {
    let mut shapes = joint.shapes().to_vec();
    let shape = shapes.get_mut(statistic).ok_or(Error::Unknown { what: "statistic of that number" })?;
    shape.strategy = Strategy::Tables;
    let as_tables = Joint::new(shapes.clone())?;
    let own: Vec<&Wish> = wishes.iter().filter(|wish| wish.statistic == statistic).collect();
    let variances = |price| table_variances(&as_tables, statistic, price);
    let shape = &as_tables.shapes()[statistic];
    let strategy = if own.is_empty() {
        // At any price: only proportions count.
        let weights: Vec<f64> = variances(NanoRho::new(1_000_000_000))?.iter().map(|v| v.recip()).collect();
        residual::by_weight(shape, &weights)
    } else {
        let mut targets = variances(price_of(&as_tables, wishes)?)?;
        for wish in &own {
            targets[wish.table] = (wish.margin / Z).powi(2);
        }
        residual::for_targets(shape, &targets)
    };
    shapes[statistic].strategy = strategy;
    Joint::new(shapes)
}

/// Var of each table's cells of one statistic at a price.
fn table_variances(joint: &Joint, statistic: usize, price: NanoRho) -> Result<Vec<f64>, Error> {
    if price == NanoRho::ZERO {
        return Err(Error::ZeroPrice);
    }
    let sigma_squared = joint.delta_squared() as f64 / (2.0 * price.rho());
    Ok(all_unit_sds(joint)[statistic].iter().map(|sd| sd * sd * sigma_squared).collect())
}

/// The release with the best multipliers of one statistic for its wishes; other tables are wanted as they are.
fn with_multipliers(
    joint: &Joint,
    statistic: usize,
    wishes: &[Wish],
    price: NanoRho,
) -> Result<Joint, Error> {
    let tables = forecast(joint, price)?;
    let mut wanted: Vec<Vec<f64>> =
        joint.shapes().iter().map(|shape| vec![FAR; shape.tables.len()]).collect();
    for table in &tables {
        wanted[table.statistic][table.table] = table.margin.unwrap_or(FAR);
    }
    for wish in wishes {
        wanted[wish.statistic][wish.table] = wish.margin;
    }
    let chosen = choose_b(joint.shapes(), &wanted)?;
    let mut shapes: Vec<StatisticShape> = joint.shapes().to_vec();
    for (table, b) in shapes[statistic].tables.iter_mut().zip(&chosen.b[statistic]) {
        table.b = *b;
    }
    Joint::new(shapes)
}

/// The wish for a table that is not shown by itself, such as a ratio's.
const FAR: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accuracy::tests::{examples, shape};
    use crate::testing;

    fn wishes(margins: &[f64]) -> Vec<Wish> {
        let wish = |(table, margin): (usize, &f64)| Wish { statistic: 0, table, margin: *margin };
        margins.iter().enumerate().map(wish).collect()
    }

    fn prices(preference: &Preference) -> [f64; 3] {
        let Reason::Prices { tables, multipliers, residuals } = preference.reason else { panic!() };
        [tables, multipliers, residuals].map(NanoRho::rho)
    }

    #[test]
    fn even_wishes_are_served_by_tables_and_uneven_ones_need_multipliers_first() {
        let (shape, _) = shape(&examples()[0]);
        let joint = Joint::new(vec![shape]).unwrap();
        let even = prefer(&joint, 0, &wishes(&[20.0, 20.0, 20.0])).unwrap();
        let [tables, multipliers, residuals] = prices(&even);
        assert!(!even.residuals && residuals < tables * (1.0 + 1e-6) && residuals > 0.9 * tables, "{even:?}");
        assert!(multipliers <= tables);
        // Residuals spend on one table alone what tables with b = 1 spend on three; so do multipliers, nearly.
        let uneven = prefer(&joint, 0, &wishes(&[20.0, 600.0, 600.0])).unwrap();
        let [tables, multipliers, residuals] = prices(&uneven);
        assert!(residuals < 0.6 * tables && multipliers < 0.6 * tables, "{uneven:?}");
        assert_eq!(uneven.residuals, residuals <= 0.9 * multipliers);
    }

    #[test]
    fn residuals_reach_every_wish_and_no_other_table_is_worse() {
        let (shape, _) = shape(&examples()[1]);
        let joint = Joint::new(vec![shape.clone()]).unwrap();
        let wishes =
            [Wish { statistic: 0, table: 1, margin: 30.0 }, Wish { statistic: 0, table: 3, margin: 11.0 }];
        let tables = price_of(&joint, &wishes).unwrap();
        let changed = with_residuals(&joint, 0, &wishes).unwrap();
        let price = price_of(&changed, &wishes).unwrap();
        assert!(price.rho() <= tables.rho() * 1.001, "{price} {tables}");
        let (before, after) = (forecast(&joint, tables).unwrap(), forecast(&changed, price).unwrap());
        for (table, (before, after)) in before.iter().zip(&after).enumerate() {
            let wished = wishes.iter().find(|wish| wish.table == table).map(|wish| wish.margin);
            let allowed = wished.or(before.margin).unwrap();
            assert!(after.margin.unwrap() <= allowed * 1.001, "{table}: {after:?} {allowed}");
        }
    }

    #[test]
    fn periods_cost_residuals_as_much_as_tables() {
        let (shape, _) = shape(&examples()[0]);
        let three = StatisticShape { periods: testing::plain(Bound::HomeCell).periods, ..shape.clone() };
        let ratio = |shape| {
            let [tables, _, residuals] =
                prices(&prefer(&Joint::new(vec![shape]).unwrap(), 0, &wishes(&[20.0, 60.0, 60.0])).unwrap());
            residuals / tables
        };
        assert!((ratio(shape) - ratio(three)).abs() < 1e-5);
    }

    #[test]
    fn what_residuals_cannot_serve_stays_with_tables() {
        let clipped = testing::plain(Bound::NormClip { c_squared: 4, left_out_cap: 20 });
        let joint = Joint::new(vec![clipped, testing::plain(Bound::HomeCell)]).unwrap();
        let reason = |joint: &Joint, statistic, wished| {
            let wish = Wish { statistic: wished, table: 0, margin: 5.0 };
            prefer(joint, statistic, &[wish]).map(|found| (found.residuals, found.reason))
        };
        assert_eq!(reason(&joint, 0, 0), Ok((false, Reason::NotHomeCells)));
        assert_eq!(reason(&joint, 1, 0), Ok((false, Reason::NoWish)));
        let alone = Joint::new(vec![testing::plain(Bound::HomeCell)]).unwrap();
        assert_eq!(reason(&alone, 0, 0), Ok((false, Reason::StandsAlone)));
        assert!(matches!(with_residuals(&joint, 0, &[]), Err(Error::Shape { .. })));
        assert!(matches!(reason(&joint, 2, 0), Err(Error::Unknown { .. })));
        assert!(matches!(reason(&joint, 0, 2), Err(Error::Unknown { .. })));
        for margin in [0.0, -1.0, f64::NAN] {
            assert_eq!(price_of(&joint, &[Wish { statistic: 0, table: 0, margin }]), Err(Error::Unreachable));
        }
    }
}
