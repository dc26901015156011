//! What a fictitious record says before anyone writes it down: codes, not spellings. One record is one line of an extract.

use crate::calendar::Day;

/// The record types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Registration,
    Needs,
    Assistance,
    Training,
    Youth,
    Return,
    Child,
    Trafficking,
}

/// One record about a person.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) day: Day,
    pub(crate) region: &'static str,
    pub(crate) sex: &'static str,
    pub(crate) birth_year: Option<i32>,
    /// Position in `COUNTRIES`.
    pub(crate) country: Option<usize>,
    pub(crate) category: &'static str,
    pub(crate) own: Own,
}

impl Record {
    /// Age in completed years as a partner who knows only the year reckons it.
    pub(crate) fn age(&self) -> Option<i32> {
        self.birth_year.map(|year| self.day.year() - year)
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.own {
            Own::Registration { .. } => Kind::Registration,
            Own::Needs { .. } => Kind::Needs,
            Own::Assistance { .. } => Kind::Assistance,
            Own::Training { .. } => Kind::Training,
            Own::Youth { .. } => Kind::Youth,
            Own::Return { .. } => Kind::Return,
            Own::Child { .. } => Kind::Child,
            Own::Trafficking { .. } => Kind::Trafficking,
        }
    }
}

/// The columns that a record type has for itself. Hours in halves, money in centimes.
#[derive(Clone, Debug)]
pub(crate) enum Own {
    Registration {
        status: &'static str,
        vulnerability: &'static str,
        household: i32,
    },
    /// Empty needs: none was found.
    Needs {
        needs: Vec<&'static str>,
        vulnerability: &'static str,
        round: usize,
        urgent: bool,
    },
    Assistance {
        service: &'static str,
        units: i32,
        centimes: Option<i32>,
    },
    Training {
        training: &'static str,
        half_hours: i32,
        completed: bool,
    },
    Youth {
        action: &'static str,
        half_hours: i32,
    },
    /// Destination by position in `COUNTRIES`.
    Return {
        stage: &'static str,
        destination: Option<usize>,
    },
    Child {
        action: &'static str,
    },
    Trafficking {
        exploitation: &'static str,
    },
}
