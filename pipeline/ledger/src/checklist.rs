//! The steward's checklist (governance 3): what the machine decides, with evidence, and what a person answers in words.
//!
//! Evidence comes from public facts alone; it deliberately lacks anything from the landing store.

use marsad_terms::Text;
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
    /// What was found, in English.
    pub evidence: String,
    /// The same in French and Arabic; empty in proposals that were made before there was more than English.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence_fr: String,
    /// In Arabic.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence_ar: String,
}

impl Item {
    /// An item with its evidence in three languages.
    pub fn new(id: &str, who: Who, state: Standing, evidence: Text) -> Self {
        let Text { fr, ar, en } = evidence;
        let [fr, ar] = [fr, ar].map(|text| if text == en { String::new() } else { text });
        Self { id: id.into(), who, state, evidence: en, evidence_fr: fr, evidence_ar: ar }
    }

    /// An item that the machine decided.
    pub fn machine(id: &str, ok: bool, evidence: Text) -> Self {
        let state = if ok { Standing::Pass } else { Standing::Fail };
        Self::new(id, Who::Machine, state, evidence)
    }

    /// An item that the machine checks on the result.
    pub fn after_run(id: &str, evidence: Text) -> Self {
        Self::new(id, Who::Machine, Standing::AfterRun, evidence)
    }

    /// An item that a person judges on what the machine shows.
    pub fn shown(id: &str, evidence: Text) -> Self {
        Self::new(id, Who::Both, Standing::Open, evidence)
    }

    /// An item that a person answers.
    pub fn asked(id: &str, question: Text) -> Self {
        Self::new(id, Who::Person, Standing::Open, question)
    }

    /// The evidence in each language; in English where it exists in no other.
    pub fn text(&self) -> Text {
        let or_english = |text: &str| if text.is_empty() { self.evidence.clone() } else { text.to_owned() };
        Text {
            fr: or_english(&self.evidence_fr),
            ar: or_english(&self.evidence_ar),
            en: self.evidence.clone(),
        }
    }

    /// Whether an approver must answer it.
    pub fn wants_an_answer(&self) -> bool {
        self.who != Who::Machine
    }
}
