//! The keys of the final aggregate: dimensions with public code lists, periods, grouping sets (algorithms 11, 12.1).

use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable};
use marsad_terms::Grain;

use super::expression::types::is_text;
use super::expression::{self, Context, Scope, name_of};
use super::lineage::Lineage;
use super::node::{Walked, sets_of};
use super::refusal::{Code, Construct, Offence};
use super::{Dimension, GroupingSet, PeriodColumn};

/// What the final GROUP BY names.
pub(super) struct Keys {
    pub(super) dimensions: Vec<Dimension>,
    pub(super) periods: Vec<PeriodColumn>,
    pub(super) sets: Vec<GroupingSet>,
}

/// Judges the keys; `above` is the projection that shows them.
pub(super) fn judge(
    aggregate: &Aggregate,
    walked: &Walked,
    context: &Context<'_>,
    above: &[Expr],
) -> Result<Keys, Offence> {
    let unproven = |_| Offence::new(Code::P17, Construct::GroupBy, "the grouping sets");
    let exprs: Vec<Expr> =
        grouping_set_to_exprlist(&aggregate.group_expr).map_err(unproven)?.into_iter().cloned().collect();
    let (mut dimensions, mut periods, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for expr in exprs {
        let name = shown_name(&expr, above);
        let key = match key_of((&expr, &name), walked, aggregate, context)? {
            Lineage::Period { grain, own } => {
                periods.push(PeriodColumn { grain, own, expr: expr.clone() });
                Key::Period(grain)
            }
            Lineage::Code(list) => {
                dimensions.push(Dimension { name, list, expr: expr.clone() });
                Key::Dimension(dimensions.len() - 1)
            }
            _ => return Err(Offence::expression(Code::P09, &expr)),
        };
        known.push((expr, key));
    }
    one_column_a_grain(&periods)?;
    let sets = sets_of(aggregate).map_err(unproven)?;
    let sets = sets.iter().map(|set| grouping_set(set, &known)).collect::<Result<_, _>>()?;
    Ok(Keys { dimensions, periods, sets })
}

enum Key {
    Period(Grain),
    Dimension(usize),
}

/// Which of two quarters is the row's would be open.
fn one_column_a_grain(periods: &[PeriodColumn]) -> Result<(), Offence> {
    let twice =
        periods.iter().enumerate().find(|(i, period)| periods[..*i].iter().any(|p| p.grain == period.grain));
    match twice {
        Some((_, period)) => {
            let text = format!("a second {} among the keys", period.grain.column());
            Err(Offence::new(Code::P17, Construct::Expression, text).at([&period.expr]))
        }
        None => Ok(()),
    }
}

/// The alias that the output gives a key, or its own name.
fn shown_name(key: &Expr, above: &[Expr]) -> String {
    let own = name_of(key);
    let alias = above.iter().find_map(|expr| match expr {
        Expr::Alias(alias) if *alias.expr == *key || name_of(&alias.expr) == own => Some(&alias.name),
        _ => None,
    });
    alias.cloned().unwrap_or(own)
}

fn key_of(
    (expr, name): (&Expr, &str),
    walked: &Walked,
    aggregate: &Aggregate,
    context: &Context<'_>,
) -> Result<Lineage, Offence> {
    let scope = Scope::of(aggregate.input.schema(), walked);
    let lineage = expression::judge(expr, &scope, context)?.lineage;
    match lineage {
        Lineage::Person | Lineage::Half { .. } => Err(Offence::expression(Code::P16, expr)),
        Lineage::Period { .. } | Lineage::Code(_) => Ok(lineage),
        _ => {
            let list = context.declared.codes.get(name);
            let text = expr.get_type(aggregate.input.schema()).is_ok_and(|t| is_text(&t));
            Ok(list.filter(|_| text).map_or(lineage, |list| Lineage::Code(list.clone())))
        }
    }
}

fn grouping_set(set: &[Expr], keys: &[(Expr, Key)]) -> Result<GroupingSet, Offence> {
    let mut grain = None;
    let mut dimensions = Vec::new();
    for expr in set {
        match keys.iter().find(|(key, _)| key == expr).map(|(_, key)| key) {
            Some(Key::Dimension(index)) => dimensions.push(*index),
            Some(Key::Period(period)) if grain.is_none() || grain == Some(*period) => grain = Some(*period),
            _ => {
                let text = "a grouping set with two periods";
                return Err(Offence::new(Code::P17, Construct::Expression, text).at([expr]));
            }
        }
    }
    dimensions.sort_unstable();
    dimensions.dedup();
    Ok(GroupingSet { grain, dimensions })
}
