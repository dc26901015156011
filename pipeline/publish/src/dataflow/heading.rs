//! What the catalogue says of a statistic: titles, units, the code lists of its dimensions.

use marsad_catalog::{Catalog, Statistic};
use marsad_terms::{NanoRho, StatisticId, Text};

use super::{Dataflow, Dimension, Measure, Protection};
use crate::error::{Error, Result};

/// What the catalogue says of a statistic.
pub(crate) struct Heading<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) statistic: &'a Statistic,
    pub(crate) agency: &'a str,
}

impl<'a> Heading<'a> {
    pub(crate) fn new(catalog: &'a Catalog, id: &StatisticId, agency: &'a str) -> Result<Self> {
        let statistic = catalog
            .statistics
            .get(id)
            .ok_or_else(|| Error::NotInCatalogue { what: "statistic", id: id.to_string() })?;
        Ok(Self { catalog, statistic, agency })
    }

    /// Title, note and unit of output column `index`.
    fn column(&self, index: usize, name: &str) -> Result<(&Text, &Text, &str)> {
        let Statistic { title, note, unit, .. } = self.statistic;
        if index == 0 {
            return Ok((title, note, unit));
        }
        let column = self.statistic.columns.get(name);
        let column = column.ok_or_else(|| Error::NotInCatalogue {
            what: "column",
            id: format!("{}.{name}", self.statistic.id),
        })?;
        Ok((&column.title, column.note.as_ref().unwrap_or(note), &column.unit))
    }

    /// The published dimension of a column with its list.
    pub(crate) fn dimension(&self, column: &str, list: &str) -> Result<Dimension> {
        let missing = || Error::NotInCatalogue { what: "code list", id: list.to_owned() };
        let list = self.catalog.code_lists.get(list).ok_or_else(missing)?;
        Ok(Dimension::new(self.catalog.dimension_id(column), list))
    }

    /// A dataflow without rows.
    pub(crate) fn dataflow(
        &self,
        index: usize,
        name: &str,
        measure: Measure,
        protection: Protection,
    ) -> Result<Dataflow> {
        let (title, note, unit) = self.column(index, name)?;
        Ok(Dataflow {
            id: self.statistic.id.dataflow(index, name),
            statistic: self.statistic.id.clone(),
            agency: self.agency.to_owned(),
            version: self.statistic.version.clone(),
            title: title.clone(),
            note: note.clone(),
            unit: unit.to_owned(),
            measure,
            dimensions: Vec::new(),
            additive_over: Vec::new(),
            rows: Vec::new(),
            nano_rho: NanoRho::ZERO,
            protection,
        })
    }
}
