//! The tables that a statement may read, as the analyser sees them: columns, code lists, key spaces; no rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use marsad_catalog::{Catalog, ColumnKind, RecordType, Subject};
use marsad_terms::Name;

/// Columns that landing writes and SQL never sees: the table provider applies them.
pub(crate) const HIDDEN: [&str; 2] = ["consent_reporting", "schema_version"];

/// One table.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its columns as SQL sees them, `quarter` and `year` included.
    pub schema: SchemaRef,
    /// Code list by column.
    pub lists: BTreeMap<String, String>,
    /// The key space of its persons; `None` for organisations.
    pub key_space: Option<String>,
}

/// All tables, and the codes of the lists.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// By table name.
    pub tables: BTreeMap<String, Source>,
    /// Codes by list.
    pub codes: BTreeMap<String, Vec<String>>,
}

impl Sources {
    /// The tables of a catalogue: one a record type.
    pub fn of(catalog: &Catalog) -> Self {
        let tables = catalog.record_types.values().map(|r| (r.id.as_str().to_owned(), source(r))).collect();
        let codes = catalog
            .code_lists
            .values()
            .map(|list| (list.id.clone(), list.domain().into_iter().map(|code| code.id.clone()).collect()))
            .collect();
        Self { tables, codes }
    }
}

fn source(record_type: &RecordType) -> Source {
    let mut lists: BTreeMap<String, String> = record_type
        .columns
        .iter()
        .filter_map(|column| match &column.kind {
            ColumnKind::Code { list } => Some((column.name.clone(), list.clone())),
            _ => None,
        })
        .collect();
    lists.insert("legal_basis".to_owned(), "LEGAL_BASIS".to_owned());
    let key_space = match &record_type.subject {
        Subject::Person { key_space } => Some(key_space.clone()),
        Subject::Organisation => None,
    };
    Source { schema: visible_schema(&marsad_landing::schema::landed(record_type)), lists, key_space }
}

/// The landed columns that SQL sees, then `quarter` and `year` as texts.
pub(crate) fn visible_schema(landed: &Schema) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> =
        landed.fields().iter().filter(|field| !HIDDEN.contains(&field.name().as_str())).cloned().collect();
    fields.extend(["quarter", "year"].map(|name| Arc::new(Field::new(name, DataType::Utf8, false))));
    Arc::new(Schema::new(fields))
}
