//! The steward's checklist (governance 3): what the machine decides, with evidence, and what a person answers in words.
//!
//! Evidence comes from public facts alone; it deliberately lacks anything from the landing store.

use serde::{Deserialize, Serialize};

/// Who decides an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// The machine; a failed item cannot be approved.
    #[serde(rename = "M")]
    Machine,
    /// A person, item by item, in words.
    #[serde(rename = "P")]
    Person,
    /// The machine shows, the person judges.
    #[serde(rename = "M+P")]
    Both,
}

/// How an item stands when the proposal is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Checked and right.
    Pass,
    /// Checked and wrong: no approval is possible.
    Fail,
    /// Waits for a person, or for an act such as the audit of this build.
    Open,
    /// Can only be checked on the result.
    AfterRun,
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Stable id, `C01` to `C25`.
    pub id: String,
    /// Who decides.
    pub who: Who,
    /// How it stands.
    pub state: Standing,
    /// What was found.
    pub evidence: String,
}

impl Item {
    /// An item that the machine decided.
    pub fn machine(id: &str, ok: bool, evidence: impl Into<String>) -> Self {
        let state = if ok { Standing::Pass } else { Standing::Fail };
        Self { id: id.into(), who: Who::Machine, state, evidence: evidence.into() }
    }

    /// An item that the machine checks on the result.
    pub fn after_run(id: &str, evidence: impl Into<String>) -> Self {
        Self { id: id.into(), who: Who::Machine, state: Standing::AfterRun, evidence: evidence.into() }
    }

    /// An item that a person judges on what the machine shows.
    pub fn shown(id: &str, evidence: impl Into<String>) -> Self {
        Self { id: id.into(), who: Who::Both, state: Standing::Open, evidence: evidence.into() }
    }

    /// An item that a person answers.
    pub fn asked(id: &str, question: impl Into<String>) -> Self {
        Self { id: id.into(), who: Who::Person, state: Standing::Open, evidence: question.into() }
    }

    /// Whether an approver must answer it.
    pub fn wants_an_answer(&self) -> bool {
        self.who != Who::Machine
    }
}
