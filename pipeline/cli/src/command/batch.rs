//! `batch`: the landed batches, for the custodian's eyes; taken back, compacted, swept.

use marsad_landing::{BatchSummary, Landing, Snapshot};
use marsad_terms::{BatchId, Explanation, RecordTypeId};
use serde_json::{Value, json};

use super::Quiet;
use super::confirm::{DESTROYS, confirm};
use crate::args::BatchCommand;
use crate::progress::Bar;
use crate::report::{Failure, Report, entries, proofs, rewritten, table};
use crate::workspace::Workspace;

/// Runs one of them.
///
/// # Errors
/// A landing that cannot be read, an unknown batch; a release that runs.
pub(super) async fn run(
    workspace: &Workspace,
    command: &BatchCommand,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let landing = workspace.landing()?;
    match command {
        BatchCommand::List => Ok(list(landing.snapshot().await?.batches())),
        BatchCommand::Show { batch } => {
            let snapshot = landing.snapshot().await?;
            let batch = Workspace::batch(&snapshot, batch)?;
            let mut found = snapshot.batches().iter();
            Ok(show(found.find(|other| other.batch == batch).expect("it was found there")))
        }
        BatchCommand::Verify => verify(&landing, quiet).await,
        BatchCommand::Retract { batch, reason, yes } => {
            if reason.trim().is_empty() {
                let remedy = "say with --reason why: the custody log keeps it when the rows are gone";
                return Err(Failure::usage("no reason is given", remedy));
            }
            let snapshot = landing.snapshot().await?;
            let batch = Workspace::batch(&snapshot, batch)?;
            let held = held(&snapshot, &batch);
            confirm(&DESTROYS, &format!("take back batch {batch}, {held}, for good?"), *yes)?;
            let _at_rest = workspace.at_rest().await?;
            let done = landing.retract(&batch, reason).await?;
            let told = format!("file(s) taken back and destroyed with their keys: {held}");
            let mut report = rewritten(&told, "nothing was changed", &done);
            report.text += "\nwithdrawals of consent that came with it are gone too: land those again";
            Ok(report)
        }
        BatchCommand::Compact { record_type, batches } => {
            let _at_rest = workspace.at_rest().await?;
            compact(workspace, &landing, (record_type, batches), quiet).await
        }
        BatchCommand::Gc => gc(workspace, &landing).await,
    }
}

/// All files of both stores against the custody logs.
async fn verify(landing: &Landing, quiet: Quiet) -> Result<Report, Failure> {
    let bar = Bar::new("comparing landed files", quiet.0);
    let (n_files, damages) = landing.intact(&|done, total| bar.at(done, total)).await?;
    drop(bar);
    let rows = damages
        .iter()
        .map(|damage| vec![damage.store.to_owned(), damage.path.clone(), damage.how.to_owned()]);
    let text = match damages.len() {
        0 => format!("{n_files} files, all right"),
        n => format!(
            "{n_files} files, {n} damaged: restore each, or its key in _keys, from a backup\n{}",
            table(&["store", "file", "how"], rows, 3)
        ),
    };
    let told: Vec<Value> =
        damages.iter().map(|d| json!({"store": d.store, "path": d.path, "how": d.how})).collect();
    let ok = damages.is_empty();
    Ok(Report::new(text, json!({"ok": ok, "files": n_files, "damaged": told})).with_verdict(ok))
}

/// What a batch holds, in words.
fn held(snapshot: &Snapshot, id: &BatchId) -> String {
    let batch = snapshot.batches().iter().find(|batch| batch.batch == *id);
    batch.map_or_else(String::new, |batch| format!("{} row(s) of {}", batch.rows, batch.record_type))
}

fn list(batches: &[BatchSummary]) -> Report {
    let rows = batches.iter().map(|b| {
        vec![
            // As in `ledger log`; enough to name it by.
            b.batch.to_string()[..8].to_owned(),
            b.record_type.to_string(),
            b.time.clone(),
            b.state.to_owned(),
            b.rows.to_string(),
            b.bytes.to_string(),
        ]
    });
    let list: Vec<Value> = batches.iter().map(document).collect();
    let text = table(&["batch", "record type", "landed", "state", "rows", "bytes"], rows, 4);
    Report::new(text, json!({"batches": list}))
}

fn document(batch: &BatchSummary) -> Value {
    json!({
        "batch": batch.batch, "record_type": batch.record_type, "rows": batch.rows, "bytes": batch.bytes,
        "files": batch.files, "quarantined": batch.quarantined, "state": batch.state,
        "replaced_by": batch.replaced_by, "time": batch.time, "mapping": batch.mapping, "source": batch.source,
        "custodian": batch.custodian,
    })
}

fn show(batch: &BatchSummary) -> Report {
    let by = batch.replaced_by.as_ref().map(|by| format!(": see {by}")).unwrap_or_default();
    let text = format!(
        "batch {}\n  record type  {}\n  landed       {} by {}\n  state        {}{by}\n  mapping      {} (source {})\n  \
         rows         {} in {} file(s), {} bytes\n  quarantined  {} record(s)",
        batch.batch,
        batch.record_type,
        batch.time,
        if batch.custodian.is_empty() { "a custodian without a name" } else { &batch.custodian },
        batch.state,
        batch.mapping,
        batch.source,
        batch.rows,
        batch.files,
        batch.bytes,
        batch.quarantined,
    );
    Report::new(text, document(batch))
}

async fn compact(
    workspace: &Workspace,
    landing: &Landing,
    (record_type, batches): (&RecordTypeId, &[String]),
    quiet: Quiet,
) -> Result<Report, Failure> {
    let catalog = workspace.catalog_without_queries()?;
    let Some(known) = catalog.record_types.get(record_type) else {
        return Err(Failure::new(Explanation::new(
            "W41",
            format!("no record type is `{record_type}`"),
            "record types are the files of schemas/record_types",
            "see `marsad retention list` for all of them",
        )));
    };
    let snapshot = landing.snapshot().await?;
    let batches: Vec<BatchId> =
        batches.iter().map(|text| Workspace::batch(&snapshot, text)).collect::<Result<_, _>>()?;
    let bar = Bar::new("compacting", quiet.0);
    let done = landing.compact(known, &batches, &|done, total| bar.at(done, total)).await?;
    drop(bar);
    Ok(rewritten(
        "file(s) put together into one sorted file a bucket",
        "fewer than two batches; nothing was changed",
        &done,
    ))
}

/// Files of batches that nobody names, then what writers left aside in any of the stores that are folders.
async fn gc(workspace: &Workspace, landing: &Landing) -> Result<Report, Failure> {
    let state = workspace.ledger()?.state().await?;
    workspace.keeps_what_was_read(landing, &state).await?;
    let swept = landing.sweep().await?;
    let mut aside = 0;
    for store in workspace.stores()? {
        aside += store.remove_aside().await?;
    }
    let text = match (swept.orphans, aside) {
        (0, 0) => "nothing is in nobody's name; nothing was changed".to_owned(),
        (orphans, aside) => {
            let told = if swept.entries.is_empty() {
                String::new()
            } else {
                format!("\ntold by {}", proofs(&swept.entries))
            };
            format!(
                "{orphans} file(s) and keys that nothing names, {aside} half-written file(s) removed{told}"
            )
        }
    };
    let json = json!({"orphans": swept.orphans, "aside": aside, "entries": entries(&swept.entries)});
    Ok(Report::new(text, json))
}
