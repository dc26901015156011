//! The purpose registry (`purposes.toml`): why, under which authorisation, for whom (governance 7).

use chrono::NaiveDate;
use marsad_terms::{RecordTypeId, Text};

/// The authority's decision behind a purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorisation {
    /// Who decided, such as `CNDP`.
    pub authority: String,
    /// The decision's reference.
    pub reference: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_to: NaiveDate,
}

/// One purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Its id, such as `P-2025-01`.
    pub id: String,
    /// What it is for.
    pub title: Text,
    /// The record types it may read.
    pub record_types: Vec<RecordTypeId>,
    /// Pairs of record types that it may join; any other join is refused.
    pub joins: Vec<(RecordTypeId, RecordTypeId)>,
    /// Sensitive columns that its statistics may group or filter by.
    pub sensitive: Vec<String>,
    /// The authorisation.
    pub authorisation: Authorisation,
    /// Who may receive the results.
    pub recipients: Vec<String>,
    /// How long its record types are kept, in months after the event.
    pub retention_months: u32,
}

impl Purpose {
    /// Whether its authorisation is in force on a day, for all these recipients (law 09-08, articles 12 and 21).
    pub fn is_authorised(&self, day: NaiveDate, recipients: &[String]) -> bool {
        (self.authorisation.valid_from..=self.authorisation.valid_to).contains(&day)
            && recipients.iter().all(|recipient| self.recipients.contains(recipient))
    }

    /// Whether the purpose allows the two record types to be joined, in either order; a type with itself always.
    pub fn allows_join(&self, left: &RecordTypeId, right: &RecordTypeId) -> bool {
        left == right
            || self.joins.iter().any(|(a, b)| (a == left && b == right) || (a == right && b == left))
    }
}
