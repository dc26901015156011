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

    /// Id, title and unit of output column `index`.
    fn column(&self, index: usize, name: &str) -> Result<(String, Text, String)> {
        let id = self.statistic.id.dataflow(index, name);
        if index == 0 {
            return Ok((id, self.statistic.title.clone(), self.statistic.unit.clone()));
        }
        let column = self.statistic.columns.get(name);
        let column = column.ok_or_else(|| Error::NotInCatalogue {
            what: "column",
            id: format!("{}.{name}", self.statistic.id),
        })?;
        Ok((id, column.title.clone(), column.unit.clone()))
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
        let (id, title, unit) = self.column(index, name)?;
        Ok(Dataflow {
            id,
            statistic: self.statistic.id.clone(),
            agency: self.agency.to_owned(),
            version: self.statistic.version.clone(),
            title,
            note: self.statistic.note.clone(),
            unit,
            measure,
            dimensions: Vec::new(),
            additive_over: Vec::new(),
            rows: Vec::new(),
            nano_rho: NanoRho::ZERO,
            protection,
        })
    }
}
