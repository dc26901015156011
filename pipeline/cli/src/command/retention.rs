//! `retention`: how long rows are kept, and taking out those whose time is over.

use std::collections::{BTreeMap, BTreeSet};

use marsad_landing::retention::{Term, terms};
use marsad_landing::{BatchSummary, Landing};
use marsad_terms::{Month, RecordTypeId, clock};
use serde_json::{Value, json};

use super::Quiet;
use super::confirm::{DESTROYS, confirm};
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
    let terms = terms(&workspace.catalog_without_queries()?, &workspace.settings.retention, clock::today());
    match command {
        RetentionCommand::List => Ok(list(&terms)),
        RetentionCommand::Run { yes } => {
            let landing = workspace.landing()?;
            let kept_from: BTreeMap<RecordTypeId, Month> =
                terms.iter().map(|(id, term)| (id.clone(), term.kept_from)).collect();
            confirm(&DESTROYS, &question(landing.snapshot().await?.batches(), &kept_from), *yes)?;
            let _at_rest = workspace.at_rest().await?;
            purge(&landing, &kept_from, quiet).await
        }
    }
}

/// Which rows will go: of the record types that have landed, those from before the months kept.
fn question(batches: &[BatchSummary], kept_from: &BTreeMap<RecordTypeId, Month>) -> String {
    let landed: BTreeSet<&RecordTypeId> =
        batches.iter().filter(|batch| batch.rows > 0).map(|batch| &batch.record_type).collect();
    let landed = landed.into_iter().filter_map(|id| Some((id, kept_from.get(id)?)));
    let before: Vec<String> = landed.map(|(id, month)| format!("{id} before {month}")).collect();
    format!("take out the rows whose time is over, for good: {}?", before.join(", "))
}

async fn purge(
    landing: &Landing,
    kept_from: &BTreeMap<RecordTypeId, Month>,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let before = landing.snapshot().await?;
    let bar = Bar::new("looking for old rows", quiet.0);
    let progress = |done, total| bar.at(done, total);
    let purged = landing.purge(kept_from, &progress).await?;
    drop(bar);
    let gone = gone(before.batches(), landing.snapshot().await?.batches());
    let told: Vec<String> = gone.iter().map(|(id, rows)| format!("{rows} of {id}")).collect();
    let done = format!(
        "file(s) with rows whose time was over: written anew without them, the old ones and their keys destroyed\n\
         rows that went: {}",
        told.join(", ")
    );
    let nothing = "no row is older than its record type is kept; nothing was changed";
    let mut report = rewritten(&done, nothing, &purged);
    report.json["rows"] = json!(gone);
    Ok(report)
}

/// Rows by record type that the batches of before no longer hold.
fn gone<'a>(before: &'a [BatchSummary], after: &[BatchSummary]) -> BTreeMap<&'a RecordTypeId, u64> {
    let mut gone = BTreeMap::new();
    for old in before {
        let left = after.iter().find(|batch| batch.batch == old.batch).map_or(0, |batch| batch.rows);
        let rows = old.rows.saturating_sub(left);
        if rows > 0 {
            *gone.entry(&old.record_type).or_default() += rows;
        }
    }
    gone
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
