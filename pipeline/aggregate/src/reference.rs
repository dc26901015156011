//! Reference tables: each code list is a public table of its own, so that SQL may join codes to what the list says of them.
//!
//! `SERVICE_TYPE` is the table `service_type`: `code`, `parent`, and the further columns of its file, such as
//! `snia_axis`. It deliberately lacks labels, which publication adds in three languages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use marsad_catalog::{Catalog, Code, CodeList};
use marsad_terms::Digest;

use crate::sources::{Source, Whose};

/// The name that SQL knows a list by.
pub(crate) fn table_of(list: &CodeList) -> String {
    list.id.to_lowercase()
}

/// The list as the analyser sees it: its codes are of the list, a further column is of the list of its name.
pub(crate) fn source(list: &CodeList, catalog: &Catalog) -> Source {
    let schema = schema(list);
    let named = |column: &str| catalog.code_lists.values().find(|other| table_of(other) == column);
    let mut lists: BTreeMap<String, String> = schema
        .fields()
        .iter()
        .filter_map(|field| Some((field.name().clone(), named(field.name())?.id.clone())))
        .collect();
    lists.insert("code".to_owned(), list.id.clone());
    Source {
        schema,
        lists,
        subject: Whose::Nobody { unique_key: vec!["code".to_owned()], content: content(list) },
    }
}

/// All that a statement can read of the list.
fn content(list: &CodeList) -> Digest {
    let rows: Vec<Vec<Option<String>>> = list
        .codes
        .iter()
        .map(|code| schema(list).fields().iter().map(|field| value(code, field.name())).collect())
        .collect();
    Digest::of(format!("{rows:?}").as_bytes())
}

/// The list of that table with its rows, if the table is one.
pub(crate) fn table(catalog: &Catalog, name: &str) -> Option<Result<MemTable>> {
    let list = catalog.code_lists.values().find(|list| table_of(list) == name)?;
    let column = |field: &Arc<Field>| {
        let value = |code: &Code| value(code, field.name());
        Arc::new(list.codes.iter().map(value).collect::<StringArray>()) as ArrayRef
    };
    let schema = schema(list);
    let batch = RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect());
    Some(batch.map_err(Into::into).and_then(|batch| MemTable::try_new(schema, vec![vec![batch]])))
}

fn schema(list: &CodeList) -> SchemaRef {
    let further: BTreeSet<&str> =
        list.codes.iter().flat_map(|code| code.attributes.keys()).map(String::as_str).collect();
    let text = |name: &str| Field::new(name, DataType::Utf8, name != "code");
    let further = further.into_iter().filter(|name| !["code", "parent", "note"].contains(name));
    Arc::new(Schema::new(["code", "parent"].into_iter().chain(further).map(text).collect::<Vec<_>>()))
}

fn value(code: &Code, column: &str) -> Option<String> {
    match column {
        "code" => Some(code.id.clone()),
        "parent" => code.parent.clone(),
        further => code.attributes.get(further).cloned(),
    }
}
