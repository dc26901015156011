//! `retention`: how long rows are kept, and taking out those whose time is over.

use std::collections::BTreeMap;

use marsad_landing::retention::{Term, terms};
use marsad_terms::{Month, RecordTypeId, clock};
use serde_json::{Value, json};

use super::Quiet;
use crate::args::RetentionCommand;
use crate::progress::Bar;
use crate::report::{Failure, Report, rewritten, table};
use crate::workspace::Workspace;

/// Runs one of them.
///
/// # Errors
/// Definitions with faults; a release that runs; a landing that cannot be read or written.
pub(super) async fn run(
    workspace: &Workspace,
    command: &RetentionCommand,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let terms = terms(&workspace.catalog()?, &workspace.settings.retention, clock::today());
    match command {
        RetentionCommand::List => Ok(list(&terms)),
        RetentionCommand::Run => {
            let _at_rest = workspace.at_rest().await?;
            let kept_from: BTreeMap<RecordTypeId, Month> =
                terms.iter().map(|(id, term)| (id.clone(), term.kept_from)).collect();
            let bar = Bar::new("looking for old rows", quiet.0);
            let progress = |done, total| bar.at(done, total);
            let purged = workspace.landing()?.purge(&kept_from, &progress).await?;
            drop(bar);
            Ok(rewritten(
                "file(s) with rows whose time was over: written anew without them, the old ones and their keys destroyed",
                "no row is older than its record type is kept; nothing was changed",
                &purged,
            ))
        }
    }
}

fn list(terms: &BTreeMap<RecordTypeId, Term>) -> Report {
    let rows = terms.iter().map(|(id, term)| {
        vec![id.to_string(), term.from.clone(), term.kept_from.to_string(), term.months.to_string()]
    });
    let text = table(&["record type", "by", "kept from", "months"], rows, 3);
    let list: Vec<Value> = terms
        .iter()
        .map(|(id, term)| {
            json!({
                "record_type": id, "months": term.months, "from": term.from,
                "kept_from": term.kept_from.to_string(),
            })
        })
        .collect();
    Report::new(text, json!({"terms": list}))
}
