//! `ledger`: replayed, listed, checkpointed.

mod trail;

use std::fs;
use std::path::{Path, PathBuf};

use marsad_ledger::Verification;
use marsad_ledger::checkpoint::{self, Kept};
use marsad_ledger::sign::SigningKey;
use marsad_terms::Explanation;
use serde_json::{Value, json};

use crate::args::LedgerCommand;
use crate::report::{Failure, Report, table};
use crate::workspace::Workspace;

/// Runs one of them.
///
/// # Errors
/// A store that cannot be read, a key that may not.
pub(super) async fn run(workspace: &Workspace, command: &LedgerCommand) -> Result<Report, Failure> {
    match command {
        LedgerCommand::Verify { each, from } => verify(workspace, *each, from).await,
        LedgerCommand::Log(args) => trail::log(workspace, args).await,
        LedgerCommand::Checkpoint { key, since, proof } => {
            let key = workspace.publisher(key.key.as_deref())?;
            let between = since.as_deref().zip(proof.as_deref());
            sign_head(workspace, &key, between).await
        }
    }
}

async fn sign_head(
    workspace: &Workspace,
    key: &SigningKey,
    between: Option<(&Path, &Path)>,
) -> Result<Report, Failure> {
    let ledger = workspace.ledger()?;
    let (stated, sshsig) = ledger.checkpoint(key).await?;
    if let Some((since, proof)) = between {
        let earlier = kept(since)?.stated().ok_or_else(|| no_checkpoint(since))?;
        fs::write(proof, ledger.proof_between(&earlier, &stated).await?)
            .map_err(|error| Failure::file(proof, "be written", &error))?;
    }
    checkpoint::put(&workspace.releases()?, &stated, &sshsig).await?;
    let proof = between.map(|(_, proof)| proof);
    let mut text = format!(
        "entry {} {}\nsigned into releases/checkpoint.json; keep a copy elsewhere",
        stated.sequence, stated.head
    );
    if let Some(proof) = proof {
        text += &format!("\nproof in {}: see docs/verify-by-hand.md", proof.display());
    }
    Ok(Report::new(text, json!({"checkpoint": stated, "sshsig": sshsig, "proof": proof})))
}

/// A checkpoint in a file, with its signature beside it.
fn kept(path: &Path) -> Result<Kept, Failure> {
    let mut signature = path.as_os_str().to_owned();
    signature.push(".sig");
    let signature = PathBuf::from(signature);
    let bytes = fs::read(path).map_err(|error| Failure::file(path, "be read", &error))?;
    let sshsig =
        fs::read_to_string(&signature).map_err(|error| Failure::file(&signature, "be read", &error))?;
    Ok(Kept { name: path.display().to_string(), bytes, sshsig })
}

fn no_checkpoint(path: &Path) -> Failure {
    let explanation = Explanation::new(
        "W32",
        "the file is no checkpoint",
        "a checkpoint states workspace, sequence, head and time, in one line of JSON",
        "give a copy of releases/checkpoint.json or of one in releases/_checkpoints/",
    );
    Failure::new(explanation.at(path.display().to_string()))
}

async fn verify(workspace: &Workspace, each: bool, from: &[PathBuf]) -> Result<Report, Failure> {
    let kept = from.iter().map(|path| kept(path)).collect::<Result<Vec<_>, _>>()?;
    let releases = workspace.releases()?;
    let asked = Verification { each, releases: Some(&releases), kept: &kept };
    let verdict = workspace.ledger()?.verify_with(&asked).await?;
    let faults: Vec<Value> = verdict
        .faults
        .iter()
        .map(|f| json!({"sequence": f.sequence, "kind": f.kind.as_str(), "what": f.what}))
        .collect();
    let mut text = match verdict.ok {
        true => format!("{} entries, all right", verdict.entries),
        false => format!("{} entries, {} fault(s)", verdict.entries, verdict.faults.len()),
    };
    if !verdict.ok {
        let rows = verdict.faults.iter().map(|f| {
            let at = f.sequence.map_or_else(|| "–".to_owned(), |sequence| sequence.to_string());
            vec![at, f.kind.as_str().to_owned(), f.what.clone()]
        });
        text = format!("{text}\n{}", table(&["entry", "fault", "what"], rows, 3));
    }
    for note in &verdict.notes {
        text += &format!("\nnote: {note}");
    }
    let json = json!({
        "ok": verdict.ok, "entries": verdict.entries, "head": verdict.head, "faults": faults, "notes": verdict.notes,
    });
    Ok(Report::new(text, json).with_verdict(verdict.ok))
}
