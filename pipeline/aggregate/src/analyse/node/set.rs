//! DISTINCT and UNION ALL: the person is among the columns that are compared, or its rows are only put together (12.1).
//!
//! Proof: rows that agree in the person are one person's, so DISTINCT merges own rows only; UNION ALL merges none.

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Distinct, LogicalPlan, Union};

use super::super::UnitPath;
use super::super::expression::{self, Context, types::is_text};
use super::super::lineage::{Key, Lineage, Origin};
use super::super::refusal::{Code, Construct, Offence};
use super::{Unit, Walked, walk};

pub(super) fn distinct(distinct: &Distinct, context: &Context<'_>) -> Result<Walked, Offence> {
    let Distinct::All(input) = distinct else {
        return Err(Offence::new(Code::P03, Construct::Distinct, "DISTINCT ON"));
    };
    let below = walk(input, context)?;
    let offence = |code| Offence::new(code, Construct::Distinct, "DISTINCT").at(&input.expressions());
    match below.unit {
        Unit::Organisations => return Err(offence(Code::P17)),
        Unit::Person(_) if !below.shows_person() => return Err(offence(Code::P03)),
        _ => {}
    }
    // 0.0 and −0.0 are one value to some and two to others: which stays would depend on the order.
    if input.schema().fields().iter().any(|field| field.data_type().is_floating()) {
        return Err(offence(Code::P13));
    }
    let mut key = Key::default();
    let columns = below.columns.iter().cloned().map(|origin| {
        if origin.is_person() {
            return origin;
        }
        let piece = context.fresh();
        key.pieces.insert(piece);
        origin.with_piece(piece)
    });
    let columns = columns.collect();
    Ok(Walked { columns, key: Some(key), ..below }.through("distinct within the person".to_owned()))
}

pub(super) fn union(union: &Union, context: &Context<'_>) -> Result<Walked, Offence> {
    let branches: Vec<Walked> =
        union.inputs.iter().map(|input| walk(input, context)).collect::<Result<_, _>>()?;
    let offence = |code| {
        let columns: Vec<_> = union.inputs.iter().flat_map(|input| input.expressions()).collect();
        Offence::new(code, Construct::SetOperation, "UNION ALL").at(&columns)
    };
    let unit = branches.first().map_or(Unit::Public, |branch| branch.unit.clone());
    if branches.iter().any(|branch| branch.unit != unit) {
        let with_public = branches.iter().any(|branch| branch.unit == Unit::Public);
        return Err(offence(if with_public { Code::P06 } else { Code::P03 }));
    }
    if unit == Unit::Organisations {
        return Err(offence(Code::P17));
    }
    let merged = Merged { union, branches: &branches, context };
    if !merged.agree_on_person() {
        return Err(offence(Code::P03));
    }
    let (columns, key) = merged.columns_and_key();
    let fan = branches.iter().map(|branch| branch.fan).max().unwrap_or(0);
    let size = branches.iter().map(|branch| branch.size).max().unwrap_or(0);
    let children = branches.into_iter().map(|branch| branch.path).collect();
    let path = UnitPath { node: "union all".to_owned(), status: unit.describe(), children };
    Ok(Walked { unit, columns, key, fan, size, path })
}

struct Merged<'a> {
    union: &'a Union,
    branches: &'a [Walked],
    context: &'a Context<'a>,
}

impl Merged<'_> {
    fn n_columns(&self) -> usize {
        self.union.schema.fields().len()
    }

    fn parts(&self, column: usize) -> Vec<Origin> {
        self.branches
            .iter()
            .map(|branch| branch.columns.get(column).cloned().unwrap_or_else(Origin::other))
            .collect()
    }

    /// The person in one place of each branch, or in none of any (it is carried beside them).
    fn agree_on_person(&self) -> bool {
        let columns = || (0..self.n_columns()).map(|column| self.parts(column));
        let somewhere = columns().any(|parts| parts.iter().any(Origin::is_person));
        !somewhere || columns().any(|parts| parts.iter().all(Origin::is_person))
    }

    /// Rows are told apart by the pieces of every branch, and by a literal that differs in each.
    fn columns_and_key(&self) -> (Vec<Origin>, Option<Key>) {
        let branch = self.context.fresh();
        let mut tells_branches = false;
        let columns = (0..self.n_columns()).map(|column| {
            let parts = self.parts(column);
            let pieces = parts.iter().flat_map(|part| part.pieces.iter().copied()).collect();
            let literals = literals(&parts);
            let mut origin = Origin { lineage: self.lineage(&parts), pieces, literals };
            if differ(&parts) {
                tells_branches = true;
                origin.pieces.insert(branch);
            }
            origin
        });
        let columns = columns.collect();
        let keys: Option<Vec<&Key>> = self.branches.iter().map(|branch| branch.key.as_ref()).collect();
        let key = keys.filter(|_| tells_branches).map(|keys| {
            let pieces = keys.into_iter().flat_map(|key| key.pieces.iter().copied());
            Key { pieces: pieces.chain([branch]).collect(), certain: true }
        });
        (columns, key)
    }

    fn lineage(&self, parts: &[Origin]) -> Lineage {
        match parts.iter().all(Origin::is_person) {
            true => Lineage::Person,
            false => expression::common(parts, self.context),
        }
    }
}

fn literals(parts: &[Origin]) -> Vec<ScalarValue> {
    match parts.iter().any(|part| part.literals.is_empty()) {
        true => Vec::new(),
        false => parts.iter().flat_map(|part| part.literals.iter().cloned()).collect(),
    }
}

/// Whether each branch writes whole numbers or texts that no other writes.
fn differ(parts: &[Origin]) -> bool {
    let tells = |value: &ScalarValue| {
        !value.is_null() && (value.data_type().is_integer() || is_text(&value.data_type()))
    };
    let mut seen = BTreeSet::new();
    parts.iter().all(|part| {
        let own: BTreeSet<String> = part.literals.iter().map(ToString::to_string).collect();
        let fresh = !own.is_empty() && own.is_disjoint(&seen) && part.literals.iter().all(tells);
        seen.extend(own);
        fresh
    })
}

/// Whether a plan is a set operation at its top.
pub(in super::super) fn is_set_operation(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Union(_) => true,
        LogicalPlan::Join(join) => join.null_equality == datafusion::common::NullEquality::NullEqualsNull,
        _ => false,
    }
}
