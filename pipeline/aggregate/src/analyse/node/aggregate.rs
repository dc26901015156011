//! Aggregates inside a statement: per person, by groups that hold the person (12.1).
//!
//! Proof: where every group, in every grouping set, holds the person and the person is never NULL, a group's rows are one
//! person's; what is computed of them depends on these rows alone, if it does not depend on their order ([`functions`]).

use std::collections::BTreeSet;

use datafusion::logical_expr::utils::{enumerate_grouping_sets, grouping_set_to_exprlist};
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, GroupingSet};

use super::super::expression::{self, Context, Scope};
use super::super::lineage::{Key, Lineage, Origin};
use super::super::refusal::{Code, Construct, Offence};
use super::functions::{self, Order};
use super::{Unit, Walked, walk};

pub(super) fn aggregated(node: &Aggregate, context: &Context<'_>) -> Result<Walked, Offence> {
    let below = walk(&node.input, context)?;
    let offence = |code| {
        let text = "GROUP BY without the person";
        Offence::new(code, Construct::GroupBy, text).at(node.group_expr.iter().chain(&node.aggr_expr))
    };
    if below.unit == Unit::Organisations {
        return Err(offence(Code::P17));
    }
    let groups = Groups::new(node, &below, context)?;
    if below.is_person() && !groups.hold_person()? {
        return Err(offence(Code::P04));
    }
    if groups.exprs.iter().any(|expr| is_float(expr, node)) {
        return Err(offence(Code::P13));
    }
    let scope = Scope::of(node.input.schema(), &below);
    let fixed: BTreeSet<_> = match groups.is_plain() {
        true => groups.origins.iter().flat_map(|origin| origin.pieces.iter().copied()).collect(),
        false => BTreeSet::new(),
    };
    let order = Order { key: below.key.as_ref(), fixed };
    let values = node.aggr_expr.iter().map(|expr| functions::aggregate(expr, &scope, &order, context));
    let values: Vec<Origin> = values.collect::<Result<_, _>>()?;
    // Alone by the person there is one row of each; else no more than there were.
    let is_whole_person = groups.is_plain() && groups.origins.iter().all(Origin::is_person);
    let gathers = node.aggr_expr.iter().any(functions::gathers);
    let size = if gathers { below.fan + below.size } else { below.size };
    let fan = if is_whole_person && below.is_person() { 0 } else { below.fan };
    let (mut columns, key) = groups.columns_and_key(context);
    columns.extend(values);
    if columns.len() != node.schema.fields().len() {
        return Err(offence(Code::P17));
    }
    let too_much = Offence::new(Code::P22, Construct::GroupBy, "what STRING_AGG or ARRAY_AGG gathers")
        .at(node.group_expr.iter().chain(&node.aggr_expr));
    let node = match below.unit {
        Unit::Public => "aggregate of reference rows",
        _ => "aggregate within the person",
    };
    Walked { columns, key, fan, size, ..below }.through(node.to_owned()).within_fan(too_much)
}

fn is_float(expr: &Expr, node: &Aggregate) -> bool {
    expr.get_type(node.input.schema()).is_ok_and(|of| of.is_floating())
}

/// The group expressions of a node.
struct Groups<'a> {
    node: &'a Aggregate,
    exprs: Vec<&'a Expr>,
    origins: Vec<Origin>,
}

impl<'a> Groups<'a> {
    fn new(node: &'a Aggregate, below: &Walked, context: &Context<'_>) -> Result<Self, Offence> {
        let exprs = grouping_set_to_exprlist(&node.group_expr).map_err(|_| unproven())?;
        let scope = Scope::of(node.input.schema(), below);
        let origins =
            exprs.iter().map(|expr| expression::judge(expr, &scope, context)).collect::<Result<_, _>>()?;
        Ok(Self { node, exprs, origins })
    }

    fn is_plain(&self) -> bool {
        !matches!(self.node.group_expr.as_slice(), [Expr::GroupingSet(_)])
    }

    /// Whether every set holds the person.
    fn hold_person(&self) -> Result<bool, Offence> {
        let sets = sets_of(self.node).map_err(|_| unproven())?;
        let is_person = |expr: &Expr| {
            self.exprs.iter().zip(&self.origins).any(|(known, origin)| *known == expr && origin.is_person())
        };
        Ok(!sets.is_empty() && sets.iter().all(|set| set.iter().any(is_person)))
    }

    /// Groups of a plain GROUP BY differ in its columns; those of grouping sets may agree in NULLs of both kinds.
    fn columns_and_key(&self, context: &Context<'_>) -> (Vec<Origin>, Option<Key>) {
        if !self.is_plain() {
            let unordered = |origin: &Origin| match origin.is_person() {
                true => Origin::new(Lineage::Person),
                false => Origin::new(origin.clone().nullable().lineage),
            };
            let number = std::iter::once(Origin::other());
            return (self.origins.iter().map(unordered).chain(number).collect(), None);
        }
        let mut key = Key::default();
        let column = |origin: &Origin| {
            if origin.is_person() {
                return Origin::new(Lineage::Person);
            }
            let piece = context.fresh();
            key.pieces.insert(piece);
            Origin::new(origin.lineage.clone()).with_piece(piece)
        };
        let columns = self.origins.iter().map(column).collect();
        (columns, Some(key))
    }
}

fn unproven() -> Offence {
    Offence::new(Code::P17, Construct::GroupBy, "the grouping sets")
}

/// The grouping sets of an aggregate, one for a plain GROUP BY.
pub(crate) fn sets_of(aggregate: &Aggregate) -> datafusion::error::Result<Vec<Vec<Expr>>> {
    let enumerated = enumerate_grouping_sets(aggregate.group_expr.clone())?;
    Ok(match enumerated.as_slice() {
        [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => sets.clone(),
        [Expr::GroupingSet(GroupingSet::Rollup(keys))] => {
            (0..=keys.len()).rev().map(|n| keys[..n].to_vec()).collect()
        }
        [Expr::GroupingSet(GroupingSet::Cube(keys))] => (0..1_usize << keys.len().min(20))
            .rev()
            .map(|bits| (0..keys.len()).filter(|i| bits >> i & 1 == 1).map(|i| keys[i].clone()).collect())
            .collect(),
        keys => vec![keys.to_vec()],
    })
}
