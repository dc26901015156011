//! `batch`: the landed batches, for the custodian's eyes.

use marsad_landing::BatchSummary;
use marsad_terms::Explanation;
use serde_json::{Value, json};

use crate::args::BatchCommand;
use crate::report::{Failure, Report, table};
use crate::workspace::Workspace;

/// Runs one of them.
///
/// # Errors
/// A landing that cannot be read, an unknown batch.
pub(super) async fn run(workspace: &Workspace, command: &BatchCommand) -> Result<Report, Failure> {
    let snapshot = workspace.landing()?.snapshot().await?;
    let batches = snapshot.batches();
    match command {
        BatchCommand::List => {
            let rows = batches.iter().map(|b| {
                vec![
                    b.batch.to_string(),
                    b.record_type.to_string(),
                    b.time.clone(),
                    b.rows.to_string(),
                    b.bytes.to_string(),
                ]
            });
            let list: Vec<Value> = batches.iter().map(document).collect();
            let text = table(&["batch", "record type", "landed", "rows", "bytes"], rows, 3);
            Ok(Report::new(text, json!({"batches": list})))
        }
        BatchCommand::Show { batch } => {
            let found: Vec<&BatchSummary> = batches
                .iter()
                .filter(|b| batch.len() >= 4 && b.batch.to_string().starts_with(batch.as_str()))
                .collect();
            match found.as_slice() {
                [one] => Ok(show(one)),
                _ => Err(Failure::new(Explanation::new(
                    "W14",
                    format!("{} batches begin with `{batch}`", found.len()),
                    "a batch is named by its id, or by enough of its first digits, at least four",
                    "see `marsad batch list`",
                ))),
            }
        }
    }
}

fn document(batch: &BatchSummary) -> Value {
    json!({
        "batch": batch.batch, "record_type": batch.record_type, "rows": batch.rows, "bytes": batch.bytes,
        "replaced_by": batch.replaced_by, "time": batch.time, "mapping": batch.mapping, "source": batch.source,
    })
}

fn show(batch: &BatchSummary) -> Report {
    let text = format!(
        "batch {}\n  record type  {}\n  landed       {}\n  mapping      {} (source {})\n  rows         {}, {} bytes",
        batch.batch, batch.record_type, batch.time, batch.mapping, batch.source, batch.rows, batch.bytes,
    );
    Report::new(text, document(batch))
}
