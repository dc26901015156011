//! Projection, filter, unnest: each row of the output comes from one row of the input, whose status it keeps.
//!
//! Proof: f(D) is a map of the input's rows, one by one, and a map of a disjoint union is the union of the maps.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, Filter, Projection, Unnest};

use super::super::expression::{self, Context, Scope};
use super::super::lineage::{Lineage, Origin};
use super::super::refusal::{Code, Construct, Offence};
use super::{Walked, walk};

pub(super) fn filtered(filter: &Filter, context: &Context<'_>) -> Result<Walked, Offence> {
    let below = walk(&filter.input, context)?;
    expression::judge(&filter.predicate, &Scope::of(filter.input.schema(), &below), context)?;
    Ok(below.through(format!("filter {}", shown(&filter.predicate))))
}

pub(super) fn projected(projection: &Projection, context: &Context<'_>) -> Result<Walked, Offence> {
    let below = walk(&projection.input, context)?;
    let scope = Scope::of(projection.input.schema(), &below);
    let columns = projection
        .expr
        .iter()
        .map(|expr| expression::judge(expr, &scope, context))
        .collect::<Result<_, _>>()?;
    Ok(Walked { columns, ..below }.through("projection".to_owned()))
}

/// A person's own list row by row. Which of its elements a row holds is no longer told by any key.
pub(super) fn unnested(unnest: &Unnest, context: &Context<'_>) -> Result<Walked, Offence> {
    let below = walk(&unnest.input, context)?;
    let is_list = |index: &usize| unnest.list_type_columns.iter().any(|(i, _)| i == index);
    if !unnest.struct_type_columns.is_empty() {
        return Err(Offence::new(Code::P17, Construct::Statement, "unnest of a struct"));
    }
    let column = |index: &usize| match is_list(index) {
        true => Origin::other(),
        false => below.columns.get(*index).cloned().unwrap_or_else(Origin::other),
    };
    let columns = unnest.dependency_indices.iter().map(column).collect();
    // A list holds no more than the rows that it was gathered from.
    let fan = below.fan + below.size.max(1);
    // Texts and lists that stand beside it, and are nobody's code, may hold as many still.
    let may_hold = |index: &usize| {
        let of = unnest.input.schema().field(*index).data_type();
        let gathered = below.columns.get(*index).is_none_or(|origin| origin.lineage == Lineage::Other);
        !is_list(index) && gathered && (of.is_nested() || of.is_string())
    };
    let size = if unnest.dependency_indices.iter().any(may_hold) { below.size } else { 0 };
    let walked = Walked { columns, key: None, fan, size, ..below }.through("unnest".to_owned());
    walked.within_fan(Offence::new(Code::P22, Construct::Statement, "unnest"))
}

/// The predicate as it was written, without the casts that coercion put in; those of sub-queries show whole plans.
fn shown(predicate: &Expr) -> String {
    let uncast = predicate.clone().transform_up(|expr| match expr {
        Expr::Cast(cast) => Ok(Transformed::yes(*cast.expr)),
        other => Ok(Transformed::no(other)),
    });
    let bare = uncast.map_or_else(|_| predicate.clone(), |bare| bare.data);
    let text = bare.human_display().to_string();
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 100 { line.chars().take(99).chain(['…']).collect() } else { line.to_owned() }
}
