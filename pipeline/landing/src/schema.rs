//! The Arrow schema of landed files, by record type: what other rooms read.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use marsad_catalog::{Column, ColumnKind, RecordType};

/// Digits of a landed decimal, and how many of them stand behind the point.
pub const DECIMAL: (u8, i8) = (18, 2);

/// The schema of a record type's landed files: `person_key` and `record_id` (16 bytes), `event_month` (its first day), the
/// type's columns in order, `consent_reporting`, `legal_basis`, `schema_version`. Organisations have neither `person_key`
/// nor consent nor legal basis.
pub fn landed(record_type: &RecordType) -> SchemaRef {
    let key = || DataType::FixedSizeBinary(16);
    let mut fields = Vec::new();
    if record_type.is_personal() {
        fields.push(Field::new("person_key", key(), false));
    }
    fields.push(Field::new("record_id", key(), false));
    fields.push(Field::new("event_month", DataType::Date32, false));
    fields.extend(record_type.columns.iter().map(field));
    if record_type.is_personal() {
        fields.push(Field::new("consent_reporting", DataType::Boolean, false));
        fields.push(Field::new("legal_basis", code_type(), false));
    }
    fields.push(Field::new("schema_version", DataType::UInt16, false));
    Arc::new(Schema::new(fields))
}

fn field(column: &Column) -> Field {
    match &column.kind {
        ColumnKind::Code { .. } => Field::new(&column.name, code_type(), false),
        ColumnKind::Boolean => Field::new(&column.name, DataType::Boolean, true),
        ColumnKind::Integer { .. } => Field::new(&column.name, DataType::Int64, true),
        ColumnKind::Decimal { .. } => {
            Field::new(&column.name, DataType::Decimal128(DECIMAL.0, DECIMAL.1), true)
        }
    }
}

fn code_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8))
}
