//! The tables that a statement may read, as the analyser sees them: columns, code lists, key spaces; no rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use marsad_catalog::{Catalog, ColumnKind, RecordType, Subject};
use marsad_terms::{Digest, Name};

use crate::reference;

/// Columns that landing writes and SQL never sees: the table provider applies them.
pub(crate) const HIDDEN: [&str; 2] = ["consent_reporting", "schema_version"];

/// One table.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its columns as SQL sees them, `quarter` and `year` included.
    pub schema: SchemaRef,
    /// Code list by column.
    pub lists: BTreeMap<String, String>,
    /// Whose rows they are.
    pub subject: Whose,
}

/// Whose the rows of a table are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Each row is one person's.
    Persons {
        /// Keys of one space mean the same persons.
        key_space: String,
    },
    /// Rows of organisations.
    Organisations,
    /// A public reference table: fixed before any record is read.
    Nobody {
        /// Columns that together tell its rows apart.
        unique_key: Vec<String>,
        /// What its rows are: part of a statement's digest.
        content: Digest,
    },
}

impl Whose {
    /// Whether the rows are persons'.
    pub fn is_person(&self) -> bool {
        matches!(self, Self::Persons { .. })
    }
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
    /// The tables of a catalogue: one a record type, and one a code list, public.
    pub fn of(catalog: &Catalog) -> Self {
        let lists = catalog.code_lists.values();
        let mut tables: BTreeMap<String, Source> =
            lists.map(|list| (reference::table_of(list), reference::source(list, catalog))).collect();
        tables.extend(catalog.record_types.values().map(|r| (r.id.as_str().to_owned(), source(r))));
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
    let subject = match &record_type.subject {
        Subject::Person { key_space } => Whose::Persons { key_space: key_space.clone() },
        Subject::Organisation => Whose::Organisations,
    };
    Source { schema: visible_schema(&marsad_landing::schema::landed(record_type)), lists, subject }
}

/// The landed columns that SQL sees, then `quarter` and `year` as texts.
pub(crate) fn visible_schema(landed: &Schema) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> =
        landed.fields().iter().filter(|field| !HIDDEN.contains(&field.name().as_str())).cloned().collect();
    fields.extend(["quarter", "year"].map(|name| Arc::new(Field::new(name, DataType::Utf8, false))));
    Arc::new(Schema::new(fields))
}
