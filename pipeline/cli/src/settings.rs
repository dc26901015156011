//! `marsad.toml`: found upwards, read once, unknown keys refused with the nearest right one (interfaces 2a).
//!
//! Nothing below the command line reads files of settings, flags or the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use marsad_ledger::{Policy, Role, Signer};
use marsad_terms::{Explanation, NanoRho, NanoRhoError, RecordTypeId, nearest};
use serde::Deserialize;

use crate::report::Failure;

mod stores;

pub(crate) use stores::{StoreSetting, StoreSettings};

/// The file's name.
pub(crate) const FILE: &str = "marsad.toml";

/// `marsad.toml`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// `[workspace]`
    pub workspace: WorkspaceSettings,
    /// `[stores]`
    #[serde(default)]
    pub stores: StoreSettings,
    /// `[landing]`
    #[serde(default)]
    pub landing: LandingSettings,
    /// `[engine]`
    #[serde(default)]
    pub engine: EngineSettings,
    /// `[signing]`
    #[serde(default)]
    pub signing: SigningSettings,
    /// `[retention]`: months by record type.
    #[serde(default)]
    pub retention: BTreeMap<RecordTypeId, u32>,
    /// `[recipients]`: who the recipients of releases are, by their names.
    #[serde(default)]
    pub recipients: BTreeMap<String, RecipientSettings>,
    /// `[policy]`: a draft.
    pub policy: Option<PolicyDraft>,
}

/// `[recipients.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipientSettings {
    /// The body that answers for it in law.
    pub legal_entity: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Where it can be written to.
    pub contact: String,
    /// How it gets what is published.
    #[serde(default = "channel")]
    pub channel: String,
}

fn channel() -> String {
    "the published bundle".to_owned()
}

/// `[workspace]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceSettings {
    /// A short name.
    pub name: String,
    /// Where the public store is served: releases are cited below it.
    #[serde(default, deserialize_with = "address")]
    pub address: Option<String>,
    /// SDMX agency.
    #[serde(default = "agency")]
    pub agency: String,
    /// Languages of publication.
    #[serde(default = "languages")]
    pub languages: Vec<String>,
    /// First day of the programme: earlier events are errors (R04).
    #[serde(default = "programme_start")]
    pub programme_start: Toml<NaiveDate>,
    /// The name shown in the custody log.
    #[serde(default)]
    pub custodian: String,
}

/// A date as TOML writes it; ρ as decimal text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Toml<T>(pub T);

impl<'de> Deserialize<'de> for Toml<NaiveDate> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let date = toml::value::Datetime::deserialize(deserializer)?;
        let text = date.to_string();
        text.parse().map(Self).map_err(|_| serde::de::Error::custom("write a date such as 2023-01-01"))
    }
}

impl<'de> Deserialize<'de> for Toml<NanoRho> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error: NanoRhoError| serde::de::Error::custom(error))
    }
}

/// An address of the web, as a reader will type it.
fn address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let rest = ["https://", "http://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>\\^`{|}?#".contains(c);
    if rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain)) {
        return Ok(Some(text));
    }
    Err(serde::de::Error::custom("write an address such as https://data.example.org/marsad"))
}

fn agency() -> String {
    "MARSAD".to_owned()
}

fn languages() -> Vec<String> {
    ["fr", "ar", "en"].map(str::to_owned).to_vec()
}

fn programme_start() -> Toml<NaiveDate> {
    Toml(NaiveDate::from_ymd_opt(2023, 1, 1).unwrap_or_default())
}

/// `[landing]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LandingSettings {
    /// Leading bits of `person_key` that name a bucket.
    #[serde(default = "bucket_bits")]
    pub bucket_bits: u8,
}

impl Default for LandingSettings {
    fn default() -> Self {
        Self { bucket_bits: bucket_bits() }
    }
}

fn bucket_bits() -> u8 {
    4
}

/// `[engine]`: what adding up may take; other values are those of [`marsad_aggregate::Limits`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineSettings {
    /// Memory for sums, sorts and joins, in MiB.
    pub memory_mib: Option<NonZeroU32>,
    /// Where sorts spill, encrypted.
    pub spill: Option<PathBuf>,
}

/// `[signing]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SigningSettings {
    /// Default key of `release plan`.
    pub author: Option<PathBuf>,
    /// Default key of publication, withdrawal and policy.
    pub publisher: Option<PathBuf>,
}

/// `[policy]`: ρ as decimal text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyDraft {
    /// Cap over the programme's life.
    pub lifetime_rho: Toml<NanoRho>,
    /// What no cap can ever pass; fixed by the first policy.
    pub ceiling_rho: Option<Toml<NanoRho>>,
    /// Cap by calendar year.
    pub year_rho: Option<Toml<NanoRho>>,
    /// Cap by record type.
    #[serde(default)]
    pub record_type_rho: BTreeMap<RecordTypeId, Toml<NanoRho>>,
    /// δ at which ε is shown.
    #[serde(default = "display_delta")]
    pub display_delta: String,
    /// Smallest area by record type.
    #[serde(default)]
    pub smallest_area: BTreeMap<RecordTypeId, String>,
    /// Record types that need two approvers.
    #[serde(default)]
    pub two_approvers: BTreeSet<RecordTypeId>,
    /// Days after which approvals lapse.
    pub approval_days: Option<u32>,
    /// Months after which a period is closed.
    pub period_closes_after_months: Option<u32>,
    /// Who may do what.
    #[serde(default)]
    pub signer: Vec<SignerDraft>,
}

fn display_delta() -> String {
    "0.000001".to_owned()
}

/// `[[policy.signer]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignerDraft {
    /// A name in the ledger.
    pub name: String,
    /// What the key may do.
    pub roles: BTreeSet<Role>,
    /// The line of the `.pub` file.
    pub key: String,
}

impl PolicyDraft {
    /// The policy that `policy set` signs.
    pub(crate) fn policy(&self) -> Policy {
        let signer =
            |s: &SignerDraft| Signer { name: s.name.clone(), roles: s.roles.clone(), key: s.key.clone() };
        Policy {
            lifetime_nano_rho: self.lifetime_rho.0,
            ceiling_nano_rho: Some(self.ceiling_rho.unwrap_or(self.lifetime_rho).0),
            year_nano_rho: self.year_rho.map(|rho| rho.0),
            record_type_nano_rho: caps(&self.record_type_rho),
            display_delta: self.display_delta.clone(),
            smallest_area: self.smallest_area.clone(),
            two_approvers: self.two_approvers.clone(),
            approval_days: self.approval_days,
            period_closes_after_months: self.period_closes_after_months,
            signers: self.signer.iter().map(signer).collect(),
            replaces: None,
        }
    }
}

fn caps(caps: &BTreeMap<RecordTypeId, Toml<NanoRho>>) -> BTreeMap<RecordTypeId, NanoRho> {
    caps.iter().map(|(record_type, rho)| (record_type.clone(), rho.0)).collect()
}

/// The folder that holds `marsad.toml`: the given one, or the nearest from here upwards.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let start = given.map_or(here.clone(), |dir| here.join(dir));
    let found = match given {
        Some(_) => Some(start.as_path()).filter(|dir| dir.join(FILE).is_file()),
        None => start.ancestors().find(|dir| dir.join(FILE).is_file()),
    };
    found.map(Path::to_path_buf).ok_or_else(|| {
        Failure::new(
            Explanation::new(
                "W01",
                "there is no workspace here",
                "this command works on the workspace that a marsad.toml names",
                "go into one, give --workspace DIR, or make one with `marsad init DIR`",
            )
            .at(start.display().to_string()),
        )
    })
}

/// Reads the file.
pub(crate) fn read(dir: &Path) -> Result<Settings, Failure> {
    let path = dir.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, "be read", &error))?;
    toml::from_str(&text).map_err(|error| fault(&path, &text, &error))
}

/// A fault of a TOML file, with its line and the nearest right key.
fn fault(path: &Path, text: &str, error: &toml::de::Error) -> Failure {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let what = error.message().to_owned();
    let mut why = "the settings must be read in full before anything is done";
    let mut remedy = "see the comments in the marsad.toml that `marsad init` writes".to_owned();
    if let Some((written, rest)) = what.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'))
    {
        why = "a setting that nothing reads has no effect";
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        remedy = match nearest(written, known.iter().copied()) {
            Some(right) => format!("did you mean `{right}`?"),
            None => format!("choose one of: {}", known.join(", ")),
        };
    }
    let explanation = Explanation::new("W02", what, why, remedy);
    Failure::new(explanation.at(format!("{}:{line}", path.display())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEMPLATE: &str = include_str!("template.toml");

    proptest! {
        #[test]
        fn damaged_settings_are_read_or_explained(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3, "[\\PC\n]{0,3}"), 1..5),
        ) {
            let mut text: Vec<char> = TEMPLATE.chars().collect();
            for (at, kind, piece) in edits {
                let at = at.index(text.len().max(1)).min(text.len());
                match kind {
                    0 => text.truncate(at),
                    1 => drop(text.drain(at..(at + 7).min(text.len()))),
                    _ => drop(text.splice(at..at, piece.chars())),
                }
            }
            let text: String = text.into_iter().collect();
            if let Err(error) = toml::from_str::<Settings>(&text) {
                let told = format!("{:?}", fault(Path::new(FILE), &text, &error));
                prop_assert!(told.contains("W02") && told.contains("marsad.toml:"), "{told}");
            }
        }
    }
}
