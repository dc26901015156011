//! Record types (`schemas/record_types/*.toml`): the columns that may land, and nothing else.

use marsad_terms::{Grain, RecordTypeId, Text};

/// Whom a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A person; `key_space` separates persons whose records can be joined to nothing else (`programme`, `trafficking`).
    Person {
        /// The pseudonym key that the records are landed under.
        key_space: String,
    },
    /// An organisation's activity: no `person_key`, no privacy budget.
    Organisation,
}

/// The type of a landed column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A code of that list, stored dictionary-encoded.
    Code {
        /// Id of the code list.
        list: String,
    },
    /// True or false.
    Boolean,
    /// A whole number in a range, stored as Int64.
    Integer {
        /// Least value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A decimal in a range, stored as Decimal128(18, 2); bounds and step as decimal texts.
    Decimal {
        /// Least value.
        min: String,
        /// Largest value.
        max: String,
        /// Grid that the value must lie on, if any.
        step: Option<String>,
    },
}

/// One column of a record type beside the common ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in files, mappings and SQL.
    pub name: String,
    /// Its type.
    pub kind: ColumnKind,
    /// Whether it is sensitive (`s` in record-types.md): a purpose must name it.
    pub sensitive: bool,
    /// Whether it is a quasi-identifier (`q`).
    pub quasi_identifier: bool,
    /// A multi-select of this column gives one row a code; of other columns it gives the first code in the list's order.
    pub row_per_code: bool,
    /// Value is looked up from another code column's list: (column, attribute), such as `service_type` and `snia_axis`.
    pub derived: Option<(String, String)>,
    /// Required with, and forbidden without, these values of another column: (column, codes), such as `service_type` and `CASH`.
    pub only_with: Option<(String, Vec<String>)>,
}

/// A record type: what one kind of case record holds after landing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordType {
    /// Its name, and that of its SQL table.
    pub id: RecordTypeId,
    /// What it is, in three languages.
    pub title: Text,
    /// Whom its records are about.
    pub subject: Subject,
    /// All columns that land after `person_key` and `record_id`, in order: common columns (region, sex, …) and own ones.
    pub columns: Vec<Column>,
    /// Plausible rows of one person a quarter (R12); `None` for organisations.
    pub max_rows_a_quarter: Option<u32>,
    /// Default retention in months after the event.
    pub retention_months: u32,
    /// The smallest publication allowed: area `region` or `national`.
    pub smallest_area: String,
    /// The shortest period that may be published at that area.
    pub shortest_period: Grain,
    /// The shortest period that may be published for the whole country.
    pub shortest_period_national: Grain,
    /// Version written into `schema_version`.
    pub schema_version: u16,
}

impl RecordType {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether its records are about persons.
    pub fn is_personal(&self) -> bool {
        matches!(self.subject, Subject::Person { .. })
    }
}
