//! What was decided and spent: policy, budget, proposals, approvals, receipts.

pub mod checklist;
pub mod proposal;
