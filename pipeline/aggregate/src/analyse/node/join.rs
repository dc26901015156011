//! Joins: records with records on the person, records with reference tables many-to-one; INTERSECT and EXCEPT, which the
//! engine plans as semi and anti joins (12.1).
//!
//! Proof, records with records: rows meet only where both keys are one person's and never NULL, so the join of two
//! disjoint unions is the union of the joins person by person; an outer join fills up with NULL rows that had no partner
//! among the *own* rows. Records with a reference table: each row meets at most one public row. The other side's key after
//! an outer join may be NULL and is an ordinary column from there on ([`Origin::nullable`]).

use std::collections::BTreeSet;

use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::{BinaryExpr, Expr, Join, Operator, utils::split_conjunction};

use super::super::UnitPath;
use super::super::expression::{self, Context, Scope};
use super::super::lineage::{Key, Lineage, Origin, Piece};
use super::super::refusal::{Code, Construct, Offence};
use super::{Unit, Walked, walk};

pub(super) fn joined(join: &Join, context: &Context<'_>) -> Result<Walked, Offence> {
    let sides = Sides { join, left: walk(&join.left, context)?, right: walk(&join.right, context)?, context };
    match (sides.left.unit.clone(), sides.right.unit.clone()) {
        (Unit::Person(a), Unit::Person(b)) => sides.persons(a == b),
        (Unit::Public, Unit::Public) => sides.public(),
        (Unit::Person(_), Unit::Public) => sides.reference(true),
        (Unit::Public, Unit::Person(_)) => sides.reference(false),
        _ => Err(sides.offence(Code::P05)),
    }
}

struct Sides<'a> {
    join: &'a Join,
    left: Walked,
    right: Walked,
    context: &'a Context<'a>,
}

impl Sides<'_> {
    /// INTERSECT and EXCEPT compare NULL as equal; no join that a statement writes does.
    fn is_set_operation(&self) -> bool {
        self.join.null_equality == NullEquality::NullEqualsNull
    }

    fn offence(&self, code: Code) -> Offence {
        let (code, construct) = match (self.is_set_operation(), code) {
            (true, Code::P05) => (Code::P03, Construct::SetOperation),
            (true, code) => (code, Construct::SetOperation),
            (false, code) => (code, Construct::Join),
        };
        let on = self.join.on.iter().flat_map(|(left, right)| [left, right]);
        let text = format!("{} join", self.join.join_type);
        Offence::new(code, construct, text).at(on.chain(&self.join.filter))
    }

    /// Records with records: equality of two persons of one key space, and own-row conditions beside it.
    fn persons(self, one_space: bool) -> Result<Walked, Offence> {
        let keyed = self.equalities().iter().any(|(left, right)| left.is_person() && right.is_person());
        if !one_space || !keyed {
            return Err(self.offence(Code::P05));
        }
        self.judge_conditions()?;
        let columns = self.columns()?;
        let (key, fan, offence) = (self.key(), self.fan(), self.offence(Code::P22));
        let size = self.left.size.max(self.right.size);
        let unit = self.left.unit.clone();
        let node = match self.is_set_operation() {
            true => format!("{} on all columns, the person among them", self.join.join_type),
            false => format!("{} join on the person", self.join.join_type.to_string().to_lowercase()),
        };
        let path =
            UnitPath { node, status: unit.describe(), children: vec![self.left.path, self.right.path] };
        Walked { unit, columns, key, fan, size, path }.within_fan(offence)
    }

    /// How often the rows of one person multiply: those of a side of which each row meets one at most do not.
    fn fan(&self) -> u32 {
        let (left, right) = (self.left.fan, self.right.fan);
        match self.join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => left,
            JoinType::RightSemi | JoinType::RightAnti => right,
            _ if self.meets_one(true) || self.meets_one(false) => left.max(right),
            _ => left + right,
        }
    }

    /// Whether a row of the left side (or of the right one) meets one row of the other at most: all that tells those apart,
    /// but for the person, which is equated where both have one, is fixed.
    fn meets_one(&self, is_left: bool) -> bool {
        let other = if is_left { &self.right } else { &self.left };
        other.key.as_ref().is_some_and(|key| key.pieces.is_subset(&self.fixed(is_left)))
    }

    /// Records with a reference table: each record meets at most one of its rows, and none stands without a record.
    fn reference(self, persons_left: bool) -> Result<Walked, Offence> {
        let person = if persons_left { &self.left } else { &self.right };
        let (filters, keeps) = match self.join.join_type {
            JoinType::Inner => (false, true),
            JoinType::Left => (false, persons_left),
            JoinType::Right => (false, !persons_left),
            JoinType::LeftSemi | JoinType::LeftAnti => (true, persons_left),
            JoinType::RightSemi | JoinType::RightAnti => (true, !persons_left),
            _ => (false, false),
        };
        if !keeps || self.is_set_operation() || !(filters || self.meets_one(persons_left)) {
            return Err(self.offence(Code::P06));
        }
        self.judge_conditions()?;
        let columns = self.columns()?;
        let unit = person.unit.clone();
        let (key, fan, size) = (person.key.clone(), person.fan, self.left.size.max(self.right.size));
        let node = format!("{} join of a reference table", self.join.join_type.to_string().to_lowercase());
        let path =
            UnitPath { node, status: unit.describe(), children: vec![self.left.path, self.right.path] };
        Ok(Walked { unit, columns, key, fan, size, path })
    }

    fn public(self) -> Result<Walked, Offence> {
        self.judge_conditions()?;
        let columns = self.columns()?;
        let path = UnitPath {
            node: "join of reference tables".to_owned(),
            status: Unit::Public.describe(),
            children: vec![self.left.path, self.right.path],
        };
        Ok(Walked { unit: Unit::Public, columns, key: None, fan: 0, size: 0, path })
    }

    /// What the join equates, the left side's value first: conjuncts of ON, which the engine takes apart only later.
    fn equalities(&self) -> Vec<(Origin, Origin)> {
        let [left, right] = [(&self.join.left, &self.left), (&self.join.right, &self.right)]
            .map(|(plan, walked)| Scope::of(plan.schema(), walked));
        let of_sides = |a: &Expr, b: &Expr| {
            let a = expression::judge(a, &left, self.context).ok()?;
            Some((a, expression::judge(b, &right, self.context).ok()?))
        };
        let conditions = self.join.filter.iter().flat_map(|filter| split_conjunction(filter));
        let written = conditions.filter_map(|condition| match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                of_sides(left, right).or_else(|| of_sides(right, left))
            }
            _ => None,
        });
        let paired = self.join.on.iter().filter_map(|(left, right)| of_sides(left, right));
        paired.chain(written).collect()
    }

    /// Pieces of the other side's key that the conditions fix to one value for each row of the left side, or of the right one.
    fn fixed(&self, is_left: bool) -> BTreeSet<Piece> {
        let other = |(left, right): (Origin, Origin)| if is_left { right } else { left };
        self.equalities().into_iter().flat_map(|pair| other(pair).pieces).collect()
    }

    /// Conditions see both sides' rows as they are, before anything is filled up.
    fn judge_conditions(&self) -> Result<(), Offence> {
        let schema = self.join.left.schema().join(self.join.right.schema());
        let schema = schema.map_err(|_| self.offence(Code::P17))?;
        let columns: Vec<Origin> = self.left.columns.iter().chain(&self.right.columns).cloned().collect();
        let scope = Scope { schema: &schema, columns: &columns, unit: &self.left.unit, outer: None };
        if let Some(expr) = &self.join.filter {
            expression::judge(expr, &scope, self.context)?;
        }
        for (left, right) in &self.join.on {
            expression::judge(left, &Scope::of(self.join.left.schema(), &self.left), self.context)?;
            expression::judge(right, &Scope::of(self.join.right.schema(), &self.right), self.context)?;
        }
        Ok(())
    }

    fn columns(&self) -> Result<Vec<Origin>, Offence> {
        let (left, right) = (self.left.columns.iter().cloned(), self.right.columns.iter().cloned());
        Ok(match self.join.join_type {
            JoinType::Inner => left.chain(right).collect(),
            JoinType::Left => left.chain(right.map(Origin::nullable)).collect(),
            JoinType::Right => left.map(Origin::nullable).chain(right).collect(),
            JoinType::Full => {
                let join = self.context.fresh();
                left.map(half(join, true)).chain(right.map(half(join, false))).collect()
            }
            JoinType::LeftSemi | JoinType::LeftAnti => left.collect(),
            JoinType::RightSemi | JoinType::RightAnti => right.collect(),
            JoinType::LeftMark | JoinType::RightMark => return Err(self.offence(Code::P17)),
        })
    }

    /// Rows of one person agree in both keys only if they are one row. After a full join that needs a piece on each side
    /// that is never NULL: two rows without partner, one of each side, could agree in their NULLs.
    fn key(&self) -> Option<Key> {
        let (left, right) = (self.left.key.as_ref(), self.right.key.as_ref());
        match self.join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => return left.cloned(),
            JoinType::RightSemi | JoinType::RightAnti => return right.cloned(),
            _ => {}
        }
        let (left, right) = (left?, right?);
        match self.join.join_type {
            JoinType::Inner => Some(left.joined(right, left.certain || right.certain)),
            JoinType::Left => Some(left.joined(right, left.certain)),
            JoinType::Right => Some(left.joined(right, right.certain)),
            JoinType::Full if left.certain && right.certain => Some(left.joined(right, false)),
            _ => None,
        }
    }
}

/// A column of one side of a full join: its person is half of the person.
fn half(join: Piece, left: bool) -> impl Fn(Origin) -> Origin {
    move |origin| match origin.is_person() {
        true => Origin { lineage: Lineage::Half { join, left }, ..origin },
        false => origin.nullable(),
    }
}
