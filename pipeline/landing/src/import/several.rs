//! A list of values in one cell, as the multi-select that its mapping splits.

use marsad_catalog::{Mapping, fold};

/// A text that no check reads (R10).
pub(crate) const UNREADABLE: &str = "\u{FFFD}";

/// Joins a list by what its column's mapping splits at.
pub(crate) struct Joiner(char);

impl Joiner {
    pub(crate) fn new(mapping: &Mapping, header: &str) -> Self {
        let header = fold(header);
        let of_header = |from: &[String]| from.iter().any(|name| fold(name) == header);
        let column = mapping.columns.values().find(|column| of_header(&column.from));
        let split = column.and_then(|column| column.split.as_ref()).and_then(|split| split.chars().next());
        Self(split.unwrap_or(';'))
    }

    /// One text of several; a space inside an item, which folds like `_`, is written so.
    pub(crate) fn join(&self, items: impl Iterator<Item = String>) -> String {
        let items: Vec<String> =
            items.map(|item| if self.0 == ' ' { item.trim().replace(' ', "_") } else { item }).collect();
        // An item that holds the separator would be cut.
        if self.0 != ' ' && items.iter().any(|item| item.contains(self.0)) {
            return UNREADABLE.to_owned();
        }
        items.join(&self.0.to_string())
    }
}
