//! The signed rules of a workspace: caps, approvers, who may do what (interfaces 4).
//!
//! Deliberately without the draft in `marsad.toml`, whose amounts are decimal texts: that is read elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write;

use marsad_terms::{Digest, NanoRho, RecordTypeId};
use serde::{Deserialize, Serialize};

use crate::scope::Scope;
use crate::sign::{self, PublicKey};

/// What a signer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Checks, lands and corrects extracts; signs nothing here.
    Custodian,
    /// Proposes.
    Analyst,
    /// Approves and rejects.
    Steward,
    /// Approves and rejects; changes the policy.
    PrivacyOfficer,
    /// Publishes and withdraws.
    Publisher,
    /// Reads.
    Auditor,
}

impl Role {
    /// The name as written in `marsad.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custodian => "custodian",
            Self::Analyst => "analyst",
            Self::Steward => "steward",
            Self::PrivacyOfficer => "privacy-officer",
            Self::Publisher => "publisher",
            Self::Auditor => "auditor",
        }
    }

    /// What files the role signs; what it signs in the ledger alone is checked there.
    fn namespaces(self) -> &'static [&'static str] {
        match self {
            Self::Analyst => &[sign::PROPOSAL],
            Self::Steward => &[sign::APPROVAL],
            Self::PrivacyOfficer => &[sign::APPROVAL, sign::POLICY],
            Self::Publisher => &[sign::RELEASE, sign::CHECKPOINT],
            Self::Custodian | Self::Auditor => &[],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One key and what it may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The name that entries carry.
    pub name: String,
    /// What the key counts for.
    pub roles: BTreeSet<Role>,
    /// The line of the `.pub` file.
    pub key: String,
}

/// The rules in force: the last policy entry carries all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Cap of the programme's life.
    pub lifetime_nano_rho: NanoRho,
    /// What no cap can ever pass; stands in the first policy only, and is the lifetime cap where it is absent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling_nano_rho: Option<NanoRho>,
    /// Cap of each calendar year; absent: counted, not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year_nano_rho: Option<NanoRho>,
    /// Caps of record types; those not named are counted, not limited.
    #[serde(default)]
    pub record_type_nano_rho: BTreeMap<RecordTypeId, NanoRho>,
    /// δ at which ε is shown, decimal text.
    pub display_delta: String,
    /// `national` or `region` by record type.
    #[serde(default)]
    pub smallest_area: BTreeMap<RecordTypeId, String>,
    /// Record types whose releases two distinct keys must approve.
    #[serde(default)]
    pub two_approvers: BTreeSet<RecordTypeId>,
    /// Approvals lapse after so many days; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_days: Option<u32>,
    /// A period is closed so many months after its end; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_closes_after_months: Option<u32>,
    /// Who may sign.
    pub signers: Vec<Signer>,
    /// The hash of the entry whose policy this one replaces; none in the first. It is signed with the rest, so that no
    /// policy comes into force a second time, or in another workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Digest>,
}

/// A policy whose signers' keys are read, once for all entries under it.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    /// The hash of its entry.
    pub(crate) hash: Digest,
    pub(crate) policy: Policy,
    /// In the order of its signers; none where a line is no key's.
    keys: Vec<Option<PublicKey>>,
}

impl InForce {
    pub(crate) fn new(hash: Digest, policy: Policy) -> Self {
        let keys = policy.signers.iter().map(|signer| PublicKey::read(&signer.key).ok()).collect();
        Self { hash, policy, keys }
    }

    /// The signer who holds a key.
    pub(crate) fn signer_with(&self, key: &PublicKey) -> Option<&Signer> {
        let at = self.keys.iter().position(|own| own.as_ref() == Some(key))?;
        self.policy.signers.get(at)
    }
}

impl Policy {
    /// The cap of a scope; `None` where it is only counted.
    pub fn cap(&self, scope: &Scope) -> Option<NanoRho> {
        match scope {
            Scope::Lifetime => Some(self.lifetime_nano_rho),
            Scope::Year(_) => self.year_nano_rho,
            Scope::RecordType(id) => self.record_type_nano_rho.get(id).copied(),
        }
    }

    /// All caps that the policy states, by the words of `marsad.toml`.
    pub(crate) fn caps(&self) -> Vec<(String, NanoRho)> {
        let mut caps = vec![("lifetime".to_owned(), self.lifetime_nano_rho)];
        caps.extend(self.year_nano_rho.map(|cap| ("year".to_owned(), cap)));
        caps.extend(self.record_type_nano_rho.iter().map(|(id, cap)| (format!("record_type:{id}"), *cap)));
        caps
    }

    /// Whether it is this policy but for caps: those are judged anew at every charge, so approvals need not be given again.
    pub(crate) fn differs_in_caps_alone(&self, other: &Self) -> bool {
        let without_caps = |policy: &Self| Self {
            lifetime_nano_rho: NanoRho::ZERO,
            ceiling_nano_rho: None,
            year_nano_rho: None,
            record_type_nano_rho: BTreeMap::new(),
            replaces: None,
            ..policy.clone()
        };
        without_caps(self) == without_caps(other)
    }

    /// How many distinct approvers a release that reads these record types needs.
    pub fn approvals_for<'a>(&self, record_types: impl IntoIterator<Item = &'a RecordTypeId>) -> u32 {
        if record_types.into_iter().any(|id| self.two_approvers.contains(id)) { 2 } else { 1 }
    }

    /// The signer of a name.
    pub fn signer(&self, name: &str) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.name == name)
    }

    /// The signer who holds a key.
    pub fn signer_with(&self, key: &PublicKey) -> Option<&Signer> {
        self.signers.iter().find(|signer| PublicKey::read(&signer.key).is_ok_and(|own| own == *key))
    }

    /// The text of `allowed_signers`, so that `ssh-keygen -Y verify` accepts what these keys may sign.
    pub fn allowed_signers(&self) -> String {
        let mut text = String::new();
        for signer in &self.signers {
            let namespaces: BTreeSet<&str> =
                signer.roles.iter().flat_map(|role| role.namespaces()).copied().collect();
            if !namespaces.is_empty() {
                let namespaces = namespaces.into_iter().collect::<Vec<_>>().join(",");
                writeln!(text, "{} namespaces=\"{namespaces}\" {}", signer.name, signer.key.trim())
                    .expect("writing to a text does not fail");
            }
        }
        text
    }

    /// What is wrong with the policy in itself; nothing where it can be used.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.signer_faults();
        let ceiling = self.ceiling_nano_rho.unwrap_or(NanoRho::new(u64::MAX));
        let above = self.caps().into_iter().filter(|(_, cap)| *cap > ceiling);
        faults.extend(
            above.map(|(name, cap)| format!("the cap of {name}, {cap}, is above the ceiling {ceiling}")),
        );
        if !self.display_delta.parse::<f64>().is_ok_and(|delta| delta > 0.0 && delta < 1.0) {
            faults.push(format!("`{}` is no display_delta between 0 and 1", self.display_delta));
        }
        let areas =
            self.smallest_area.iter().filter(|(_, area)| !["national", "region"].contains(&area.as_str()));
        faults.extend(
            areas.map(|(id, area)| format!("`{area}` is no smallest area of {id}: national or region")),
        );
        if self.approval_days == Some(0) {
            faults.push("approval_days is 0: no approval would ever count".to_owned());
        }
        faults
    }

    fn signer_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let (mut names, mut keys) = (BTreeSet::new(), Vec::new());
        for Signer { name, roles, key } in &self.signers {
            let plain = |c: char| c.is_alphanumeric() || "-_.@".contains(c);
            if name.is_empty() || !name.chars().all(plain) {
                faults.push(format!("`{name}` is no signer's name: letters, digits, `-`, `_`, `.`, `@`"));
            }
            if !names.insert(name) {
                faults.push(format!("two signers are called {name}"));
            }
            if roles.is_empty() {
                faults.push(format!("signer {name} has no role"));
            }
            match PublicKey::read(key) {
                Err(_) => faults.push(format!("the key of {name} is no line of an SSH public key")),
                Ok(key) if keys.contains(&key) => {
                    faults.push(format!("the key of {name} is another signer's"));
                }
                Ok(key) => keys.push(key),
            }
        }
        if !self.signers.iter().any(|signer| signer.roles.contains(&Role::PrivacyOfficer)) {
            faults.push("no signer is a privacy-officer, so nobody could change the policy".to_owned());
        }
        faults
    }
}
