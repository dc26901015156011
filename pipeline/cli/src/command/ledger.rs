//! `ledger`: replayed, listed, checkpointed.

mod trail;

use marsad_ledger::checkpoint;
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
        LedgerCommand::Verify => verify(workspace).await,
        LedgerCommand::Log(args) => trail::log(workspace, args).await,
        LedgerCommand::Checkpoint(key) => {
            let key = workspace.publisher(key.key.as_deref())?;
            let (stated, sshsig) = workspace.ledger()?.checkpoint(&key).await?;
            checkpoint::put(&workspace.releases()?, &stated, &sshsig).await?;
            let text = format!(
                "entry {} {}\nsigned into releases/checkpoint.json; keep a copy elsewhere",
                stated.sequence, stated.head
            );
            Ok(Report::new(text, json!({"checkpoint": stated, "sshsig": sshsig})))
        }
    }
}

async fn verify(workspace: &Workspace) -> Result<Report, Failure> {
    let verdict = workspace.ledger()?.verify(Some(&workspace.releases()?)).await?;
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
