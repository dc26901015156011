//! What was decided and spent: policy, budget, approvals, receipts.
