//! `keys`: made, rotated and listed, never shown.

use std::path::Path;

use marsad_landing::keys::{Keys, NAMES, PSEUDONYMS, WRAPPING, variable};
use marsad_ledger::sign::SigningKey;
use serde_json::json;

use super::Quiet;
use crate::args::{KeysCommand, RotatableKey};
use crate::progress::Bar;
use crate::report::{Failure, Report, entries, proofs, table};
use crate::workspace::Workspace;

/// Runs one of them.
///
/// # Errors
/// Keys that exist, a folder that cannot be written.
pub(super) async fn run(
    workspace: &Workspace,
    command: &KeysCommand,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let folder = workspace.dir.join("keys");
    match command {
        KeysCommand::Generate { signing: Some(name) } => signing(&folder, name),
        KeysCommand::Generate { signing: None } => {
            Keys::generate(&folder)?;
            let text = format!(
                "six keys in {}, readable by you alone\nkeep copies apart from the data: without them nothing that landed can be linked again",
                folder.display()
            );
            Ok(Report::new(text, json!({"keys": NAMES, "folder": folder})))
        }
        KeysCommand::Rotate { key } => rotate(workspace, &folder, *key, quiet).await,
        KeysCommand::List => Ok(list(&folder)),
    }
}

/// Draws the new key beside the old one, puts what stands under it, then puts the new one in its place.
async fn rotate(
    workspace: &Workspace,
    folder: &Path,
    key: RotatableKey,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let is_restricted = matches!(key, RotatableKey::RestrictedLanding | RotatableKey::RestrictedPseudonym);
    let wraps = matches!(key, RotatableKey::Landing | RotatableKey::RestrictedLanding);
    let name = if wraps { WRAPPING } else { PSEUDONYMS }[usize::from(is_restricted)];
    let is_half_done = Keys::is_drawn_next(folder, name);
    let _at_rest = if is_half_done { workspace.idle().await? } else { workspace.at_rest().await? };
    workspace.keys()?;
    Keys::draw_next(folder, name)?;
    let landing = workspace.landing()?;
    let bar = Bar::new("rotating the key", quiet.0);
    let progress = |done, total| bar.at(done, total);
    let rotated = match wraps {
        true => landing.rotate(is_restricted, &progress).await?,
        false => landing.rekey(is_restricted, &progress).await?,
    };
    drop(bar);
    Keys::settle_next(folder, name)?;
    let (done, field) = if wraps { ("data key(s)", "data_keys") } else { ("file(s) written anew", "files") };
    let mut text = format!("{} {done} under the new key `{name}`", rotated.files);
    if !rotated.entries.is_empty() {
        text += &format!("\nproof: {}", proofs(&rotated.entries));
    }
    let folder = folder.display();
    text += &match wraps {
        true => {
            format!("\nthe old key is gone from {folder}: replace its copies elsewhere, and destroy them")
        }
        false => format!(
            "\n{folder}/{name}.key is another one: replace its copies elsewhere\n\
             where a person has more rows than count, other ones are chosen from the next release on"
        ),
    };
    let json = json!({"key": name, field: rotated.files, "entries": entries(&rotated.entries)});
    Ok(Report::new(text, json))
}

fn signing(folder: &Path, name: &str) -> Result<Report, Failure> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(Failure::usage(
            format!("`{name}` is no name of a key"),
            "write letters, digits, `-` and `_`",
        ));
    }
    let path = folder.join(name);
    let key = SigningKey::generate(&path, name)?;
    let line = key.public_line().trim().to_owned();
    let text = format!(
        "{} and {}.pub\nits line for [[policy.signer]] in marsad.toml:\n  key = \"{line}\"",
        path.display(),
        path.display()
    );
    Ok(Report::new(text, json!({"key": path, "public": line})))
}

fn list(folder: &Path) -> Report {
    let state = |name: &str| {
        let variable = variable(name);
        match (std::env::var_os(&variable).is_some(), folder.join(format!("{name}.key")).is_file()) {
            (true, _) => format!("from {variable}"),
            (false, true) => "file".to_owned(),
            (false, false) => "missing".to_owned(),
        }
    };
    let keys: Vec<(&str, String)> = NAMES.into_iter().map(|name| (name, state(name))).collect();
    let signing = public_keys(folder);
    let rows = keys.iter().map(|(name, state)| vec![(*name).to_owned(), state.clone()]);
    let rows = rows.chain(signing.iter().map(|name| vec![name.clone(), "SSH key".to_owned()]));
    let json: Vec<_> = keys.iter().map(|(name, state)| json!({"name": name, "state": state})).collect();
    Report::new(table(&["key", "state"], rows, 2), json!({"keys": json, "signing": signing}))
}

fn public_keys(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".pub").map(str::to_owned)).collect();
    names.sort();
    names
}
