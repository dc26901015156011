//! The table of algorithms 10: where a request stands, and what each act makes of it. What is not listed is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a request F stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Waits for approvals.
    Proposed,
    /// May be reserved.
    Approved,
    /// Turned down by an approver.
    Rejected,
    /// Charged; a run is under way.
    Reserved,
    /// The result is stored.
    Released,
    /// Charged without a result; never drawn again.
    Forfeited,
    /// The bundle is public.
    Published,
    /// Taken back; nothing is refunded.
    Withdrawn,
}

impl Stage {
    /// All stages, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Proposed,
        Self::Approved,
        Self::Rejected,
        Self::Reserved,
        Self::Released,
        Self::Forfeited,
        Self::Published,
        Self::Withdrawn,
    ];

    /// The word as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Reserved => "reserved",
            Self::Released => "released",
            Self::Forfeited => "forfeited",
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether a result exists or existed under the release's id.
    pub fn holds_the_release_id(self) -> bool {
        matches!(self, Self::Reserved | Self::Released | Self::Published | Self::Withdrawn)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an entry does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Propose,
    /// With this one, are there enough valid approvals?
    Approve {
        enough: bool,
    },
    Reject,
    Reserve,
    Release,
    Forfeit,
    Publish,
    Transfer,
    Withdraw,
}

impl Act {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Propose => "proposed",
            Self::Approve { .. } => "approved",
            Self::Reject => "rejected",
            Self::Reserve => "reserved",
            Self::Release => "released",
            Self::Forfeit => "forfeited",
            Self::Publish => "published",
            Self::Transfer => "transferred",
            Self::Withdraw => "withdrawn",
        }
    }

    /// The stage that the act leads to, wherever it is allowed.
    pub(crate) fn goal(self) -> Stage {
        match self {
            Self::Propose | Self::Approve { enough: false } => Stage::Proposed,
            Self::Approve { enough: true } => Stage::Approved,
            Self::Reject => Stage::Rejected,
            Self::Reserve => Stage::Reserved,
            Self::Release => Stage::Released,
            Self::Forfeit => Stage::Forfeited,
            Self::Publish | Self::Transfer => Stage::Published,
            Self::Withdraw => Stage::Withdrawn,
        }
    }

    /// Whether the table lists the act for a request at `stage` (`None`: never proposed).
    pub(crate) fn is_allowed_at(self, stage: Option<Stage>) -> bool {
        use Stage::{Approved, Proposed, Published, Rejected, Released, Reserved};
        match self {
            Self::Propose => matches!(stage, None | Some(Proposed | Approved | Rejected)),
            Self::Approve { .. } => stage == Some(Proposed),
            Self::Reject => matches!(stage, Some(Proposed | Approved)),
            Self::Reserve => stage == Some(Approved),
            Self::Release | Self::Forfeit => stage == Some(Reserved),
            Self::Publish => stage == Some(Released),
            Self::Transfer => stage == Some(Published),
            Self::Withdraw => matches!(stage, Some(Released | Published)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of algorithms 10, written out: what each stage allows.
    fn listed(stage: Option<Stage>) -> &'static [&'static str] {
        match stage {
            None | Some(Stage::Rejected) => &["proposed"],
            Some(Stage::Proposed) => &["proposed", "approved", "rejected"],
            Some(Stage::Approved) => &["proposed", "rejected", "reserved"],
            Some(Stage::Reserved) => &["released", "forfeited"],
            Some(Stage::Released) => &["published", "withdrawn"],
            Some(Stage::Published) => &["transferred", "withdrawn"],
            Some(Stage::Forfeited | Stage::Withdrawn) => &[],
        }
    }

    #[test]
    fn the_table_lists_what_it_lists_and_nothing_else() {
        let acts = [
            Act::Propose,
            Act::Approve { enough: true },
            Act::Reject,
            Act::Reserve,
            Act::Release,
            Act::Forfeit,
            Act::Publish,
            Act::Transfer,
            Act::Withdraw,
        ];
        for stage in Stage::ALL.map(Some).into_iter().chain([None]) {
            let allowed: Vec<&str> =
                acts.into_iter().filter(|act| act.is_allowed_at(stage)).map(Act::as_str).collect();
            assert_eq!(allowed, listed(stage), "at {stage:?}");
        }
        let changes = |act: &&Act| **act != Act::Transfer;
        assert!(acts.iter().filter(changes).all(|act| act.as_str() == act.goal().as_str()));
        assert_eq!(Act::Transfer.goal(), Stage::Published);
        assert_eq!(Act::Approve { enough: false }.goal(), Stage::Proposed);
    }
}
