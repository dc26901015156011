//! Scans: a record type is of one person a row, after the filter of consent; a reference table, VALUES are public.

use datafusion::logical_expr::{LogicalPlan, TableScan};

use super::super::UnitPath;
use super::super::expression::Context;
use super::super::lineage::{Key, Origin};
use super::super::refusal::{Code, Construct, Offence};
use super::{Unit, Walked};
use crate::sources::Whose;

pub(super) fn scanned(scan: &TableScan, context: &Context<'_>) -> Result<Walked, Offence> {
    let table = scan.table_name.table().to_owned();
    let unknown = || Offence::new(Code::P17, Construct::Statement, format!("table {table}"));
    let source = context.sources.tables.get(&table).ok_or_else(unknown)?;
    if !scan.filters.is_empty() || scan.fetch.is_some() {
        return Err(unknown());
    }
    let (unit, key) = match &source.subject {
        Whose::Persons { key_space } => (Unit::Person(key_space.clone()), vec!["record_id".to_owned()]),
        Whose::Organisations => (Unit::Organisations, vec!["record_id".to_owned()]),
        Whose::Nobody { unique_key, .. } => (Unit::Public, unique_key.clone()),
    };
    let mut columns: Vec<Origin> =
        scan.projected_schema.fields().iter().map(|field| Origin::of_column(source, field.name())).collect();
    let mut pieces = Key { certain: true, ..Key::default() };
    for name in key {
        let piece = context.fresh();
        pieces.pieces.insert(piece);
        if let Some(index) = scan.projected_schema.fields().iter().position(|field| *field.name() == name) {
            columns[index].pieces.insert(piece);
        }
    }
    let status = match &unit {
        Unit::Person(space) => {
            format!("rows of one person (person_key, {space}), with consent and a legal basis")
        }
        other => other.describe(),
    };
    let path = UnitPath { node: format!("scan {table}"), status, children: Vec::new() };
    Ok(Walked { unit, columns, key: Some(pieces), fan: 1, size: 0, path })
}

/// Rows that the statement itself writes.
pub(super) fn constant(plan: &LogicalPlan) -> Walked {
    let columns = plan.schema().fields().iter().map(|_| Origin::other()).collect();
    let path =
        UnitPath { node: "literal rows".to_owned(), status: Unit::Public.describe(), children: Vec::new() };
    let one_row = matches!(plan, LogicalPlan::EmptyRelation(_));
    Walked {
        unit: Unit::Public,
        columns,
        key: one_row.then(|| Key { certain: true, ..Key::default() }),
        fan: 0,
        size: 0,
        path,
    }
}
