//! Where a column of a plan comes from: what decides whether it may be a key, a measure, a person, an order.
//!
//! Lineage follows columns, never names: `record_id AS person_key` is no person (algorithms 12.1).

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use marsad_terms::Grain;

use crate::sources::Source;

/// What a column or expression means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// The privacy unit, never NULL.
    Person,
    /// One side's person after a full join, NULL where the other side alone has a row; both coalesced are the person.
    Half {
        /// Which join.
        join: u32,
        /// Which side.
        left: bool,
    },
    /// A quarter or year; `own` where it is that of the row's own event month.
    Period {
        /// Which.
        grain: Grain,
        /// Whether it is the scanned column itself.
        own: bool,
    },
    /// A code of that list.
    Code(String),
    /// A literal text: a code of whatever list holds it.
    Text(String),
    /// A landed date or a date literal, moved by at most so many days (algorithms 12.3).
    Date(i64),
    /// NULL.
    Null,
    /// Anything else.
    Other,
}

/// A piece of a key: rows of one person that agree in all pieces of their node's [`Key`] are one row.
pub(crate) type Piece = u32;

/// A column: its meaning, the pieces of keys that it determines, the literals that it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) lineage: Lineage,
    pub(crate) pieces: BTreeSet<Piece>,
    /// All values that it can have, where every branch below writes a literal; else empty.
    pub(crate) literals: Vec<ScalarValue>,
}

impl Origin {
    pub(crate) fn new(lineage: Lineage) -> Self {
        Self { lineage, pieces: BTreeSet::new(), literals: Vec::new() }
    }

    pub(crate) fn other() -> Self {
        Self::new(Lineage::Other)
    }

    pub(crate) fn with_piece(mut self, piece: Piece) -> Self {
        self.pieces.insert(piece);
        self
    }

    pub(crate) fn is_person(&self) -> bool {
        self.lineage == Lineage::Person
    }

    /// The scanned column.
    pub(crate) fn of_column(source: &Source, column: &str) -> Self {
        Self::new(lineage_of(source, column))
    }

    /// The column where an outer join may fill it with NULL: the person among them is an ordinary column then.
    pub(crate) fn nullable(mut self) -> Self {
        if matches!(self.lineage, Lineage::Person | Lineage::Half { .. }) {
            self.lineage = Lineage::Other;
        }
        self.literals.clear();
        self
    }
}

fn lineage_of(source: &Source, column: &str) -> Lineage {
    if column == "person_key" && source.subject.is_person() {
        return Lineage::Person;
    }
    if let Some(list) = source.lists.get(column) {
        return Lineage::Code(list.clone());
    }
    if let Some(grain) = Grain::ALL.into_iter().find(|grain| grain.column() == column) {
        return Lineage::Period { grain, own: true };
    }
    let is_date = source.schema.field_with_name(column).is_ok_and(|field| field.data_type().is_temporal());
    if is_date { Lineage::Date(0) } else { Lineage::Other }
}

/// What tells a node's rows of one person apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key {
    pub(crate) pieces: BTreeSet<Piece>,
    /// Whether some piece is never NULL.
    pub(crate) certain: bool,
}

impl Key {
    /// Pieces of both.
    pub(crate) fn joined(&self, other: &Self, certain: bool) -> Self {
        Self { pieces: self.pieces.union(&other.pieces).copied().collect(), certain }
    }
}
