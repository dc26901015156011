//! The person and the month of each row, carried through every node under names that no statement writes: one that has them in
//! its text is refused ([`RESERVED`]), and a plan in which two columns have one of them is none.
//!
//! Claim: in the plan that [`projected`] makes, the column `person_key` is the person of [`crate::analyse()`]'s proof, and
//! never NULL, whatever the statement selects, renames or drops. Proof: a scan's own key; kept by filters, projections,
//! windows, sub-query aliases; at a join that of the preserved side, after a full join both coalesced; added to every
//! group (a group's rows are one person's, so that no group splits); in a place of its own in every branch of a UNION
//! ALL. The month of a row is that of its record; at a join the preserved or left side's; of a group the latest (decision
//! 020). Attack: `tests::differential`.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, GroupingSet, Join, LogicalPlan, LogicalPlanBuilder, TableScan, Union, cast,
};

use arrow::datatypes::DataType;

use crate::analyse::{Analysis, sets_of};
use crate::operator::{MONTH, PERSON, counted_column, dimension_column, period_column, value_column};

/// How the carried columns' names begin.
pub(crate) const RESERVED: &str = "__marsad";

/// The operator's columns over the input of the statement's final aggregate: the carried ones, then the statement's own.
pub(crate) fn projected(analysis: &Analysis) -> Result<LogicalPlan> {
    let carried = Carrier::default().carry(&analysis.input)?;
    let lost = || DataFusionError::Plan("the input lost its person or month".to_owned());
    let columns = carried.columns.ok_or_else(lost)?;
    let mut all = Vec::new();
    if analysis.key_space.is_some() {
        all.push(Expr::Column(columns.person.ok_or_else(lost)?).alias(PERSON));
    }
    all.push(Expr::Column(columns.month).alias(MONTH));
    all.extend(expressions(analysis));
    LogicalPlanBuilder::from(carried.plan).project(all)?.build()
}

/// Periods, dimensions, values and flags under the operator's names.
fn expressions(analysis: &Analysis) -> Vec<Expr> {
    let periods = analysis.periods.iter().filter(|_| !analysis.is_scan);
    let mut columns: Vec<Expr> = periods
        .map(|period| cast(period.expr.clone(), DataType::Utf8).alias(period_column(period.grain)))
        .collect();
    let dimensions = analysis.dimensions.iter().enumerate();
    columns.extend(dimensions.map(|(i, dimension)| dimension.expr.clone().alias(dimension_column(i))));
    for (i, aggregate) in analysis.aggregates.iter().enumerate() {
        columns.extend(aggregate.value.clone().map(|value| value.alias(value_column(i))));
        columns.extend(aggregate.counted.clone().map(|counted| counted.alias(counted_column(i))));
    }
    columns
}

/// A plan with the carried columns beside its own.
struct Carried {
    plan: LogicalPlan,
    /// `None` for public rows.
    columns: Option<Columns>,
}

#[derive(Clone)]
struct Columns {
    person: Option<Column>,
    month: Column,
}

impl Columns {
    fn exprs(&self) -> Vec<Expr> {
        self.person.iter().chain([&self.month]).cloned().map(Expr::Column).collect()
    }
}

/// Numbers the carried columns: two sides of a join have different ones.
#[derive(Default)]
struct Carrier {
    n: usize,
}

impl Carrier {
    fn fresh(&mut self, column: &str) -> String {
        self.n += 1;
        format!("{RESERVED}_{column}_{}", self.n)
    }

    fn carry(&mut self, plan: &LogicalPlan) -> Result<Carried> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(plan, scan),
            LogicalPlan::Projection(projection) => {
                let below = self.carry(&projection.input)?;
                let carried = below.columns.iter().flat_map(Columns::exprs);
                let columns: Vec<Expr> = projection.expr.iter().cloned().chain(carried).collect();
                found(LogicalPlanBuilder::from(below.plan).project(columns)?.build()?, below.columns)
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Aggregate(node) => self.aggregate(node),
            LogicalPlan::Distinct(Distinct::All(input)) => self.distinct(input),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
                Ok(Carried { plan: plan.clone(), columns: None })
            }
            LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Unnest(_) => {
                let [input] = plan.inputs().try_into().map_err(|_| unknown(plan))?;
                let below = self.carry(input)?;
                let plan = plan.with_new_exprs(plan.expressions(), vec![below.plan])?.recompute_schema()?;
                found(plan, below.columns)
            }
            other => Err(unknown(other)),
        }
    }

    fn scan(&mut self, plan: &LogicalPlan, scan: &TableScan) -> Result<Carried> {
        let schema = scan.source.schema();
        if schema.index_of(MONTH).is_err() {
            return Ok(Carried { plan: plan.clone(), columns: None });
        }
        let own = plan.schema().columns().into_iter().map(Expr::Column);
        let mut copy = |column: &str| {
            let name = self.fresh(column);
            let copied = Expr::Column(Column::new(Some(scan.table_name.clone()), column)).alias(&name);
            (copied, Column::from_name(name))
        };
        let person = schema.index_of(PERSON).is_ok().then(|| copy(PERSON));
        let month = copy(MONTH);
        let copies = person.iter().chain([&month]).map(|(expr, _)| expr.clone());
        let plan = LogicalPlanBuilder::from(plan.clone()).project(own.chain(copies))?.build()?;
        Ok(Carried { plan, columns: Some(Columns { person: person.map(|(_, name)| name), month: month.1 }) })
    }

    fn join(&mut self, join: &Join) -> Result<Carried> {
        let (left, right) = (self.carry(&join.left)?, self.carry(&join.right)?);
        let joined = LogicalPlan::Join(Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            join.on.clone(),
            join.filter.clone(),
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?);
        match (left.columns, right.columns) {
            (Some(left), Some(right)) if join.join_type == JoinType::Full => {
                self.coalesced(joined, &left, &right)
            }
            (Some(_), Some(right)) if keeps_right(join.join_type) => found(joined, Some(right)),
            (Some(left), _) => found(joined, Some(left)),
            (None, right) => found(joined, right),
        }
    }

    /// After a full join one side's columns are NULL where the other side alone has a row.
    fn coalesced(&mut self, joined: LogicalPlan, left: &Columns, right: &Columns) -> Result<Carried> {
        let own = joined.schema().columns().into_iter().map(Expr::Column);
        let names = [PERSON, MONTH].map(|column| self.fresh(column));
        let pairs = left.exprs().into_iter().zip(right.exprs()).zip(&names);
        let both = pairs.map(|((left, right), name)| coalesce(vec![left, right]).alias(name));
        let all: Vec<Expr> = own.chain(both).collect();
        let plan = LogicalPlanBuilder::from(joined).project(all)?.build()?;
        let [person, month] = names.map(Column::from_name);
        found(plan, Some(Columns { person: Some(person), month }))
    }

    fn aggregate(&mut self, node: &Aggregate) -> Result<Carried> {
        let below = self.carry(&node.input)?;
        let Some(Columns { person: Some(person), month }) = below.columns else {
            return Ok(Carried { plan: LogicalPlan::Aggregate(node.clone()), columns: None });
        };
        let own = Expr::Column(person.clone());
        let groups = match node.group_expr.as_slice() {
            [Expr::GroupingSet(_)] => {
                let with_person = |mut set: Vec<Expr>| {
                    set.push(own.clone());
                    set
                };
                let sets = sets_of(node)?.into_iter().map(with_person).collect();
                vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))]
            }
            plain => plain.iter().cloned().chain([own.clone()]).collect(),
        };
        self.grouped(below.plan, groups, node.aggr_expr.clone(), (person, month))
    }

    /// DISTINCT is a GROUP BY of all columns; the latest month of the rows that become one.
    fn distinct(&mut self, input: &LogicalPlan) -> Result<Carried> {
        let below = self.carry(input)?;
        let Some(Columns { person: Some(person), month }) = below.columns else {
            let plan = LogicalPlanBuilder::from(below.plan).distinct()?.build()?;
            return Ok(Carried { plan, columns: None });
        };
        let visible = input.schema().columns().into_iter().chain([person.clone()]);
        self.grouped(below.plan, visible.map(Expr::Column).collect(), Vec::new(), (person, month))
    }

    fn grouped(
        &mut self,
        input: LogicalPlan,
        groups: Vec<Expr>,
        mut values: Vec<Expr>,
        (person, month): (Column, Column),
    ) -> Result<Carried> {
        let latest = self.fresh(MONTH);
        values.push(max(Expr::Column(month)).alias(&latest));
        let plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), groups, values)?);
        found(plan, Some(Columns { person: Some(person), month: Column::from_name(latest) }))
    }

    /// Carried columns stand last in every branch, under one name.
    fn union(&mut self, union: &Union) -> Result<Carried> {
        let mut branches = Vec::with_capacity(union.inputs.len());
        let names = [PERSON, MONTH].map(|column| self.fresh(column));
        let mut fields: Vec<_> = union.schema.iter().map(|(q, field)| (q.cloned(), field.clone())).collect();
        for (place, input) in union.inputs.iter().enumerate() {
            let below = self.carry(input)?;
            let Some(columns) = below.columns else {
                return Ok(Carried { plan: LogicalPlan::Union(union.clone()), columns: None });
            };
            let carried = columns.exprs().into_iter().zip(&names).map(|(column, name)| column.alias(name));
            let own = input.schema().columns().into_iter().map(Expr::Column);
            let all: Vec<Expr> = own.chain(carried).collect();
            let branch = LogicalPlanBuilder::from(below.plan).project(all)?.build()?;
            if place == 0 {
                let own = input.schema().fields().len();
                fields.extend(branch.schema().iter().skip(own).map(|(q, field)| (q.cloned(), field.clone())));
            }
            branches.push(Arc::new(branch));
        }
        let schema = DFSchema::new_with_metadata(fields, union.schema.metadata().clone())?;
        let plan = LogicalPlan::Union(Union { inputs: branches, schema: Arc::new(schema) });
        let [person, month] = names.map(Column::from_name);
        found(plan, Some(Columns { person: Some(person), month }))
    }
}

fn keeps_right(join: JoinType) -> bool {
    matches!(join, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti)
}

/// The carried columns as they are named in the plan's output: an alias of a sub-query qualifies them anew.
fn found(plan: LogicalPlan, columns: Option<Columns>) -> Result<Carried> {
    let Some(columns) = columns else { return Ok(Carried { plan, columns: None }) };
    let all = plan.schema().columns();
    let find = |column: &Column| {
        let mut named = all.iter().filter(|known| known.name == column.name);
        match (named.next(), named.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => Err(DataFusionError::Plan(format!("the plan lost {}", column.name))),
            // Which of them is the person is not for a name to say.
            _ => Err(DataFusionError::Plan(format!("two columns are named {}", column.name))),
        }
    };
    let person = columns.person.as_ref().map(find).transpose()?;
    let month = find(&columns.month)?;
    Ok(Carried { plan, columns: Some(Columns { person, month }) })
}

fn unknown(plan: &LogicalPlan) -> DataFusionError {
    let line = plan.display().to_string();
    DataFusionError::Plan(format!(
        "no person can be carried through {}",
        line.lines().next().unwrap_or_default()
    ))
}
