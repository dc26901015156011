//! What is true of a simulated programme: exact counts over those who consent, and what becomes of every record written.
//!
//! The counts are what plain `count(distinct person_key)` and `count(*)` give on the landed records that statistics see: no bound,
//! no noise. They are about fictitious people; nothing here ever reads a landed record.

use std::collections::BTreeMap;

use crate::calendar::QUARTERS;
use crate::extract::Activity;
use crate::model::{COUNTRIES, age_child, age_group};
use crate::population::Counts;
use crate::record::{Kind, Own, Record};

/// What is counted in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Distinct persons.
    Persons,
    /// Persons at their first record of that kind: each in one quarter.
    Newcomers,
    /// Landed rows.
    Rows,
    /// Participants that organisers declared.
    Participants,
}

/// One exact table; its cells are codes in the order of its dimensions, empty cells are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What is counted.
    pub unit: Unit,
    /// Columns as SQL names them, such as `quarter`, `region`.
    pub dimensions: Vec<&'static str>,
    /// Exact counts.
    pub cells: BTreeMap<Vec<&'static str>, u64>,
}

/// What becomes of the records of one extract when all are landed in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Records that land, consent or not.
    pub landed: u64,
    /// Landed rows: a multi-select gives several a record.
    pub rows: u64,
    /// Copies of records that land.
    pub duplicate: u64,
    /// Planted faults by reason code.
    pub quarantined: BTreeMap<&'static str, u64>,
}

impl Outcomes {
    /// All records of the extract.
    pub fn records(&self) -> u64 {
        self.landed + self.duplicate + self.quarantined.values().sum::<u64>()
    }

    /// Adds another extract's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.landed += other.landed;
        self.rows += other.rows;
        self.duplicate += other.duplicate;
        for (reason, n) in &other.quarantined {
            *self.quarantined.entry(reason).or_default() += n;
        }
    }
}

/// Everything that is known about a simulated programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// Persons of each kind, consent or not.
    pub counts: Counts,
    /// Exact tables over those who consent, by name of the statistic.
    pub tables: BTreeMap<&'static str, Vec<Table>>,
    /// Outcomes by file name.
    pub outcomes: BTreeMap<String, Outcomes>,
}

impl Truth {
    pub(crate) fn new(counts: Counts) -> Self {
        let mut tables: BTreeMap<&str, Vec<Table>> = BTreeMap::new();
        for definition in DEFINITIONS {
            tables.entry(definition.name).or_default().extend(definition.tables());
        }
        Self { counts, tables, outcomes: BTreeMap::new() }
    }

    /// The exact table of a statistic by these dimensions.
    pub fn table(&self, statistic: &str, dimensions: &[&str]) -> Option<&Table> {
        self.tables.get(statistic)?.iter().find(|table| table.dimensions == dimensions)
    }

    /// The outcomes of all extracts together.
    pub fn total(&self) -> Outcomes {
        let mut total = Outcomes::default();
        for outcomes in self.outcomes.values() {
            total.add(outcomes);
        }
        total
    }

    /// Counts a person who consents.
    pub(crate) fn add_person(&mut self, records: &[Record]) {
        let mut records: Vec<&Record> = records.iter().collect();
        records.sort_by_key(|record| record.day);
        for definition in DEFINITIONS {
            let matching: Vec<&Record> =
                records.iter().copied().filter(|record| definition.matches(record)).collect();
            if matching.is_empty() {
                continue;
            }
            for table in self.tables.get_mut(definition.name).into_iter().flatten() {
                table.add_person(&matching);
            }
        }
    }

    /// Counts an activity with organisations.
    pub(crate) fn add_activity(&mut self, activity: &Activity) {
        for table in self.tables.get_mut(ORGANISATIONS).into_iter().flatten() {
            let code = |dimension: &&str| match *dimension {
                "quarter" => QUARTERS[activity.day.quarter()],
                "org_type" => activity.organisation,
                _ => activity.purpose,
            };
            let key = table.dimensions.iter().map(code).collect();
            *table.cells.entry(key).or_default() += activity.participants;
        }
    }
}

impl Table {
    /// The sum of all cells.
    pub fn sum(&self) -> u64 {
        self.cells.values().sum()
    }

    fn add_person(&mut self, records: &[&Record]) {
        let counted = if self.unit == Unit::Newcomers { 1 } else { records.len() };
        let mut keys: Vec<_> = records.iter().take(counted).flat_map(|record| self.keys(record)).collect();
        if self.unit != Unit::Rows {
            keys.sort_unstable();
            keys.dedup();
        }
        for key in keys {
            *self.cells.entry(key).or_default() += 1;
        }
    }

    /// The cells that a record's rows fall into; a record without needs is one row.
    fn keys(&self, record: &Record) -> Vec<Vec<&'static str>> {
        let by_need = self.dimensions.contains(&"need_type");
        let needs: &[&'static str] = match &record.own {
            Own::Needs { needs, .. } if by_need && !needs.is_empty() => needs,
            _ => &["_U"],
        };
        needs
            .iter()
            .map(|need| self.dimensions.iter().map(|dimension| code(record, dimension, need)).collect())
            .collect()
    }
}

fn code(record: &Record, dimension: &str, need: &'static str) -> &'static str {
    match (dimension, &record.own) {
        ("quarter", _) => QUARTERS[record.day.quarter()],
        ("year", _) => &QUARTERS[record.day.quarter()][..4],
        ("region", _) => record.region,
        ("sex", _) => record.sex,
        ("age_group", _) => age_group(record.age()),
        ("nationality_group", _) => record.country.map_or("_U", |country| COUNTRIES[country].group),
        // Children and victims are shown among others, as the statistic has it.
        ("beneficiary_category", _) if matches!(record.category, "UASC" | "VOT") => "_O",
        ("beneficiary_category", _) => record.category,
        ("age_child", _) => age_child(record.age()),
        ("destination_group", Own::Return { destination, .. }) => {
            destination.map_or("_U", |country| COUNTRIES[country].group)
        }
        ("need_type", _) => need,
        (_, Own::Registration { status, .. }) => status,
        (_, Own::Needs { vulnerability, .. }) => vulnerability,
        (_, Own::Assistance { service, .. }) => service,
        (_, Own::Training { training, .. }) => training,
        (_, Own::Youth { action, .. } | Own::Child { action }) => action,
        (_, Own::Return { stage, .. }) => stage,
        (_, Own::Trafficking { exploitation }) => exploitation,
    }
}

const ORGANISATIONS: &str = "org_activities";

/// A statistic of the catalogue, as far as the truth knows it.
struct Definition {
    name: &'static str,
    /// `None`: organisations.
    kind: Option<Kind>,
    unit: Unit,
    /// Only these codes of the record type's own column; empty: all.
    only: &'static [&'static str],
    /// Dimensions of each table, separated by spaces.
    tables: &'static [&'static str],
}

impl Definition {
    fn tables(&self) -> impl Iterator<Item = Table> {
        self.tables.iter().map(|dimensions| Table {
            unit: self.unit,
            dimensions: dimensions.split(' ').collect(),
            cells: BTreeMap::new(),
        })
    }

    fn matches(&self, record: &Record) -> bool {
        self.kind == Some(record.kind())
            && (self.only.is_empty() || self.only.contains(&code(record, "", "_U")))
    }
}

const fn statistic(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    tables: &'static [&'static str],
) -> Definition {
    Definition { name, kind: Some(kind), unit, only: &[], tables }
}

const DEFINITIONS: &[Definition] = &[
    statistic("first_time_direct", Kind::Registration, Unit::Newcomers, &["quarter", "quarter region"]),
    statistic(
        "first_time_assisted",
        Kind::Assistance,
        Unit::Newcomers,
        &["quarter", "quarter region", "quarter sex"],
    ),
    statistic("first_time_assessed", Kind::Needs, Unit::Newcomers, &["quarter", "quarter region"]),
    statistic("first_time_trained", Kind::Training, Unit::Newcomers, &["quarter"]),
    statistic("first_time_youth", Kind::Youth, Unit::Newcomers, &["quarter"]),
    statistic("first_time_returned", Kind::Return, Unit::Newcomers, &["quarter"]),
    Definition {
        only: &["REINTEG", "REINTEG_DONE"],
        ..statistic("first_time_reintegrated", Kind::Return, Unit::Newcomers, &["quarter"])
    },
    Definition {
        only: &["REUNIFIED"],
        ..statistic("first_time_reunified", Kind::Child, Unit::Newcomers, &["year"])
    },
    statistic(
        "assisted_persons",
        Kind::Assistance,
        Unit::Persons,
        &[
            "quarter",
            "quarter region",
            "quarter region sex",
            "quarter region age_group",
            "quarter sex age_group",
        ],
    ),
    statistic(
        "assisted_by_category",
        Kind::Assistance,
        Unit::Persons,
        &["quarter", "quarter beneficiary_category", "quarter region beneficiary_category"],
    ),
    statistic(
        "assisted_by_nationality",
        Kind::Assistance,
        Unit::Persons,
        &["year", "year nationality_group", "year region nationality_group"],
    ),
    statistic(
        "services_delivered",
        Kind::Assistance,
        Unit::Rows,
        &["quarter", "quarter service_type", "quarter region", "quarter region service_type"],
    ),
    statistic(
        "persons_by_service",
        Kind::Assistance,
        Unit::Persons,
        &["quarter service_type", "quarter region service_type"],
    ),
    statistic(
        "needs_by_type",
        Kind::Needs,
        Unit::Persons,
        &["quarter need_type", "quarter region", "quarter region need_type"],
    ),
    statistic(
        "vulnerability_profile",
        Kind::Needs,
        Unit::Persons,
        &["year vulnerability", "year region vulnerability", "year sex vulnerability"],
    ),
    statistic(
        "registered_status",
        Kind::Registration,
        Unit::Persons,
        &["year migration_status", "year migration_status sex"],
    ),
    statistic(
        "trained_persons",
        Kind::Training,
        Unit::Persons,
        &["year", "year region", "year training_type", "year sex"],
    ),
    statistic(
        "youth_participants",
        Kind::Youth,
        Unit::Persons,
        &["quarter", "quarter sex", "quarter youth_action_type"],
    ),
    statistic(
        "returns",
        Kind::Return,
        Unit::Persons,
        &["quarter return_stage", "year return_stage destination_group", "year region return_stage"],
    ),
    statistic("uasc_actions", Kind::Child, Unit::Persons, &["year", "year child_action", "year age_child"]),
    statistic("vot_identified", Kind::Trafficking, Unit::Persons, &["year", "year exploitation_type"]),
    Definition {
        name: ORGANISATIONS,
        kind: None,
        unit: Unit::Participants,
        only: &[],
        tables: &["quarter activity_type", "quarter org_type"],
    },
];
