//! The decision that an approver signs: exactly the body of `approved` and `rejected` (interfaces 4).

use std::collections::BTreeMap;

use marsad_terms::{Digest, canonical};
use serde::{Deserialize, Serialize};

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// May be run.
    Approve,
    /// May not.
    Reject,
}

/// One decision on one proposal, under one policy of one workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Hash of the ledger's first entry.
    pub workspace: Digest,
    /// Hash of the policy entry in force.
    pub policy: Digest,
    /// The proposal's id.
    pub proposal: Digest,
    /// Yes or no.
    pub decision: Answer,
    /// Answers by checklist item.
    pub confirmed: BTreeMap<String, String>,
    /// Why; may be empty for an approval.
    pub reason: String,
    /// How many approvals of the proposal had lapsed; none is not written. Whoever approves again signs something new.
    #[serde(default, skip_serializing_if = "is_first")]
    pub round: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(round: &u32) -> bool {
    *round == 0
}

impl Statement {
    /// The bytes that are signed: canonical JSON without a line end.
    pub fn bytes(&self) -> Vec<u8> {
        canonical::bytes(self).expect("a statement holds texts alone")
    }
}
