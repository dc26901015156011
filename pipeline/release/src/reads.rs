//! What each table of a release depends on by what its statement reads of records, wherever it stands in the statement:
//! conditions as well as keys (decision 090). C11, C12 and the number of approvers rest on it.

use std::collections::BTreeMap;

use marsad_aggregate::Analysis;
use marsad_aggregate::analyse::{GroupingSet, Veiled};
use marsad_catalog::{Catalog, ColumnKind};
use marsad_terms::{Grain, Name, RecordTypeId};

use crate::prepare::PreparedStatistic;

/// Record types that are published for the whole country and by year only.
const SENSITIVE_TYPES: [&str; 2] = ["child_protection", "vot_identification"];
/// Categories that count as such record types.
const SENSITIVE_CATEGORIES: [&str; 2] = ["UASC", "VOT"];
/// Their code list, and the category that a statement may read them as.
const CATEGORIES: (&str, &str) = ("BENEFICIARY_CATEGORY", "_O");
/// Tells a nationality without a code list.
const MOROCCAN: &str = "moroccan";

/// One table of a statistic.
pub(crate) struct Table<'a> {
    pub(crate) prepared: &'a PreparedStatistic<'a>,
    pub(crate) shortest: Shortest,
    /// Whether it depends on a region.
    pub(crate) regional: bool,
    /// Whether it depends on a nationality.
    pub(crate) national_groups: bool,
    /// Whether it tells children or victims from others, in whatever record type.
    pub(crate) by_category: bool,
}

/// The shortest period that a table depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortest {
    Year,
    /// A quarter; also where months are read beside other records, as a length of time may be.
    Quarter,
    /// A month: records are taken singly, so that theirs is compared with nothing but a fixed one.
    Month,
}

impl Table<'_> {
    /// Whether it is about children or victims of trafficking.
    pub(crate) fn is_sensitive(&self) -> bool {
        let sensitive = |id: RecordTypeId| SENSITIVE_TYPES.contains(&id.as_str());
        self.by_category || self.prepared.record_types().any(sensitive)
    }
}

/// All tables of statements over records.
pub(crate) fn tables<'a>(catalog: &Catalog, statistics: &'a [PreparedStatistic<'a>]) -> Vec<Table<'a>> {
    let analysed = statistics.iter().filter_map(|prepared| Some((prepared, prepared.analysis.as_ref()?)));
    let reader = |(prepared, analysis)| Reader { catalog, prepared, analysis };
    analysed
        .map(reader)
        .flat_map(|reader| reader.analysis.sets.iter().map(move |set| reader.table(set)))
        .collect()
}

/// Record types that a release counts as reading for the number of its approvers: whoever is told apart as a child or a
/// victim is one, whatever the records are called.
pub(crate) fn counted_as(tables: &[Table<'_>]) -> Vec<RecordTypeId> {
    if tables.iter().any(|table| table.by_category) {
        SENSITIVE_TYPES.iter().filter_map(|id| id.parse().ok()).collect()
    } else {
        Vec::new()
    }
}

#[derive(Clone, Copy)]
struct Reader<'a, 'c> {
    catalog: &'c Catalog,
    prepared: &'a PreparedStatistic<'a>,
    analysis: &'a Analysis,
}

impl<'a> Reader<'a, '_> {
    fn table(&self, set: &GroupingSet) -> Table<'a> {
        let reads = self.analysis.reads(set);
        let reads_any = |names: &[&str]| reads.values().flatten().any(|name| names.contains(&name.as_str()));
        let quarter = reads_any(&[Grain::Quarter.column()]) || self.grain(set) == Grain::Quarter;
        let shortest = match reads_any(&["event_month"]) {
            true if self.analysis.takes_records_singly() => Shortest::Month,
            true => Shortest::Quarter,
            false if quarter => Shortest::Quarter,
            false => Shortest::Year,
        };
        Table {
            prepared: self.prepared,
            shortest,
            regional: self.involves("REF_AREA", set, &reads),
            national_groups: self.involves("NATIONALITY_GROUP", set, &reads) || reads_any(&[MOROCCAN]),
            by_category: self.shows_category(set) || self.tells_category(set),
        }
    }

    /// Its own grain; a set without a period takes that of the release, which all tables have then.
    fn grain(&self, set: &GroupingSet) -> Grain {
        let lent = || Some(self.prepared.measured()?.tables.first()?.grain);
        set.grain.or_else(lent).unwrap_or(Grain::Quarter)
    }

    /// Whether a table is grouped by a code list or reads a column of it.
    fn involves(&self, list: &str, set: &GroupingSet, reads: &BTreeMap<String, Vec<String>>) -> bool {
        let grouped = set.dimensions.iter().any(|d| self.analysis.dimensions[*d].list == list);
        grouped || reads.iter().any(|(table, names)| names.iter().any(|name| self.holds(list, table, name)))
    }

    /// Whether a column holds codes of a list.
    fn holds(&self, list: &str, table: &str, name: &str) -> bool {
        let record_type = table.parse().ok().and_then(|id: RecordTypeId| self.catalog.record_types.get(&id));
        let column = record_type.and_then(|record_type| record_type.column(name));
        column.is_some_and(|column| matches!(&column.kind, ColumnKind::Code { list: own } if own == list))
    }

    /// Whether a cell is theirs by its code.
    fn shows_category(&self, set: &GroupingSet) -> bool {
        let Some(shape) = self.prepared.measured() else { return false };
        let mut codes = set.dimensions.iter().flat_map(|d| &shape.dimensions[*d].codes);
        codes.any(|code| SENSITIVE_CATEGORIES.contains(&code.as_str()))
    }

    /// Whether some cell changes with whether a row is theirs.
    fn tells_category(&self, set: &GroupingSet) -> bool {
        let (list, shown_as) = CATEGORIES;
        let holds = |table: &str, name: &str| self.holds(list, table, name);
        self.analysis.tells_apart(set, &Veiled { holds: &holds, codes: &SENSITIVE_CATEGORIES, shown_as })
    }
}
