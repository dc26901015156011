//! `policy`: the draft in marsad.toml, and the signed one in the ledger that alone counts.

use std::path::Path;

use marsad_ledger::sign::SigningKey;
use marsad_ledger::{Policy, Role};
use marsad_terms::Explanation;
use serde_json::json;

use super::init::write;
use crate::args::PolicyCommand;
use crate::report::{Failure, Report, decimal};
use crate::settings::FILE;
use crate::workspace::{Workspace, open_key};

/// Runs one of them.
///
/// # Errors
/// No draft, a key without authority, a cap below what is used.
pub(super) async fn run(workspace: &Workspace, command: &PolicyCommand) -> Result<Report, Failure> {
    match command {
        PolicyCommand::Show => show(workspace).await,
        PolicyCommand::Set { key } => set(workspace, key.as_deref()).await,
    }
}

fn draft(workspace: &Workspace) -> Result<Policy, Failure> {
    let draft = workspace.settings.policy.as_ref().map(crate::settings::PolicyDraft::policy);
    draft.ok_or_else(|| {
        Failure::new(
            Explanation::new(
                "W07",
                "there is no [policy]",
                "the draft of the policy stands in marsad.toml",
                "write it; `marsad init` shows a whole one",
            )
            .at(FILE),
        )
    })
}

async fn show(workspace: &Workspace) -> Result<Report, Failure> {
    let state = workspace.ledger()?.state().await?;
    let draft = workspace.settings.policy.as_ref().map(crate::settings::PolicyDraft::policy);
    let same = state.policy().zip(draft.as_ref()).is_some_and(|(a, b)| equal(a, b));
    let verdict = match (state.policy(), &draft) {
        (None, _) => "the ledger has no policy yet: `marsad policy set --key FILE` founds it",
        (Some(_), None) => "marsad.toml holds no draft; the ledger's policy is in force",
        (Some(_), Some(_)) if same => "the draft in marsad.toml is the policy in force",
        (Some(_), Some(_)) => "the draft in marsad.toml differs from the policy in force",
    };
    let mut text = verdict.to_owned();
    for (title, policy) in [("in force", state.policy()), ("draft", draft.as_ref().filter(|_| !same))] {
        if let Some(policy) = policy {
            text = format!("{text}\n\n{title}\n{}", lines(policy));
        }
    }
    let json = json!({"in_force": state.policy(), "draft": draft, "same": same, "hash": state.policy_hash()});
    Ok(Report::new(text, json))
}

/// The ceiling stands in the first entry only.
fn equal(in_force: &Policy, draft: &Policy) -> bool {
    let ceiling = in_force.ceiling_nano_rho;
    *in_force == Policy { ceiling_nano_rho: ceiling, ..draft.clone() }
}

fn lines(policy: &Policy) -> String {
    let mut lines = vec![format!("  lifetime ρ {}", decimal(policy.lifetime_nano_rho))];
    lines.extend(policy.year_nano_rho.map(|year| format!("  a year ρ {}", decimal(year))));
    let types = policy.record_type_nano_rho.iter();
    lines.extend(types.map(|(record_type, cap)| format!("  {record_type} ρ {}", decimal(*cap))));
    let signers = policy.signers.iter();
    lines.extend(signers.map(|s| {
        let roles: Vec<&str> = s.roles.iter().map(|role| role.as_str()).collect();
        format!("  {}: {}", s.name, roles.join(", "))
    }));
    lines.join("\n")
}

async fn set(workspace: &Workspace, key: Option<&Path>) -> Result<Report, Failure> {
    let policy = draft(workspace)?;
    let key = open_key(key.ok_or_else(no_key)?)?;
    let _lock = workspace.lock()?;
    let ledger = workspace.ledger()?;
    if ledger.state().await?.policy().is_none() {
        may_found(&policy, &key)?;
    }
    let hash = ledger.set_policy(&policy, &key).await?;
    write(&workspace.dir.join("allowed_signers"), &policy.allowed_signers())?;
    let text = format!(
        "policy {hash} is in force\n{}\nallowed_signers is written beside marsad.toml",
        lines(&policy)
    );
    Ok(Report::new(text, json!({"policy": hash})))
}

fn no_key() -> Failure {
    Failure::new(Explanation::new(
        "W04",
        "no signing key is named",
        "a privacy officer signs the policy, and no setting stands for that",
        "give --key FILE, the key of a signer with the role privacy-officer; `marsad keys generate --signing officer` makes one",
    ))
}

/// Whoever founds the ledger is a privacy officer of the draft itself: no policy is in force that could name one.
fn may_found(draft: &Policy, key: &SigningKey) -> Result<(), Failure> {
    let signer = draft.signer_with(&key.public_key());
    if signer.is_some_and(|signer| signer.roles.contains(&Role::PrivacyOfficer)) {
        return Ok(());
    }
    let (what, remedy) = match signer {
        Some(signer) => (
            format!("{} is no privacy-officer in the draft of the policy", signer.name),
            "add \"privacy-officer\" to the roles of that [[policy.signer]], or use a privacy officer's key"
                .to_owned(),
        ),
        None => (
            "the draft of the policy names no signer with this key".to_owned(),
            format!(
                "add to marsad.toml: [[policy.signer]], name = \"…\", roles = [\"privacy-officer\"], key = \"{}\"",
                key.public_line().trim()
            ),
        ),
    };
    let why = "a privacy officer whom the first policy itself names founds the ledger";
    Err(Failure::new(Explanation::new("B20", what, why, remedy).at(format!("{FILE}, [policy]"))))
}
