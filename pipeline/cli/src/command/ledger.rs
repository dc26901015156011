//! `ledger`: replayed, listed, checkpointed.

use std::fs;
use std::path::{Path, PathBuf};

use marsad_ledger::checkpoint::{self, Kept};
use marsad_ledger::sign::SigningKey;
use marsad_ledger::{State, Verification};
use marsad_terms::{Digest, Explanation};
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
        LedgerCommand::Log => log(workspace).await,
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

async fn log(workspace: &Workspace) -> Result<Report, Failure> {
    let ledger = workspace.ledger()?;
    let entries = ledger.entries().await?;
    let state = ledger.state().await?;
    let rows = entries.iter().map(|entry| {
        let signer = entry.signature.as_ref().map(|s| s.signer.clone()).unwrap_or_default();
        let sequence = entry.sequence.to_string();
        vec![
            sequence,
            entry.time.clone(),
            entry.kind.clone(),
            subject(&state, &entry.body),
            signer,
            entry.hash.hex()[..8].to_owned(),
        ]
    });
    let text = table(&["entry", "time", "kind", "release or series", "signed by", "hash"], rows, 6);
    Ok(Report::new(text, json!({"entries": entries})))
}

/// The release that an entry is about, or the series with its step; entries of a run name only their request.
fn subject(state: &State, body: &Value) -> String {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let parsed = |key: &str| text(key).and_then(|digest| digest.parse::<Digest>().ok());
    if let Some(release) = text("release") {
        return release.to_owned();
    }
    if let Some(series) = parsed("series").and_then(|series| state.series(&series)) {
        let steps = series.shape.steps();
        let step = body.get("step").and_then(Value::as_u64).and_then(|step| usize::try_from(step).ok());
        let period = step.and_then(|step| steps.get(step)).map(|period| format!(" {period}"));
        return format!("{}{}", series.shape.statistic().id, period.unwrap_or_default());
    }
    let request = parsed("f").and_then(|f| state.request(&f));
    let proposed =
        || parsed("proposal").and_then(|id| state.requests().into_iter().find(|r| r.proposal_id == id));
    request.or_else(proposed).map(|request| request.release().to_string()).unwrap_or_default()
}
