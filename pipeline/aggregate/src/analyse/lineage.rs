//! Where a column of a plan comes from: what decides whether it may be a key, a measure, a person.
//!
//! Lineage follows columns, never names: `record_id AS person_key` is no person (algorithms 12.1).

use marsad_terms::Grain;

use crate::sources::Source;

/// The origin of a column or expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// The privacy unit.
    Person,
    /// The identity of a record.
    Record,
    /// `quarter` or `year`.
    Period(Grain),
    /// A code of that list.
    Code(String),
    /// A literal text: a code of whatever list holds it.
    Text(String),
    /// NULL.
    Null,
    /// Anything else.
    Other,
}

impl Lineage {
    /// The lineage of a scanned column.
    pub(crate) fn of_column(source: &Source, column: &str) -> Self {
        match column {
            "person_key" if source.key_space.is_some() => Self::Person,
            "record_id" => Self::Record,
            _ => match source.lists.get(column) {
                Some(list) => Self::Code(list.clone()),
                None => Grain::ALL
                    .into_iter()
                    .find(|grain| grain.column() == column)
                    .map_or(Self::Other, Self::Period),
            },
        }
    }
}
