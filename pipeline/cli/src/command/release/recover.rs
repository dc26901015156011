//! `release recover`: ends runs that were cut off on a machine that is gone, so that nothing waits for them for ever.

use marsad_ledger::RunOf;
use serde_json::{Value, json};

use super::super::confirm::{ENDS, confirm};
use crate::report::{Failure, Report};
use crate::workspace::{Workspace, became};

/// Ends every run that is reserved, wherever it was started.
///
/// # Errors
/// Nobody confirms that none is alive; another command works; a ledger that cannot be read or written.
pub(super) async fn recover(workspace: &Workspace, yes: bool) -> Result<Report, Failure> {
    let ledger = workspace.ledger()?;
    let running = ledger.state().await?.running();
    if running.is_empty() {
        return Ok(Report::new("no run is open: nothing was changed", json!({"ended": []})));
    }
    let question = format!(
        "is nobody working on {} any more? What has no whole result is forfeited, and its cost stays charged",
        running.join(", ")
    );
    confirm(&ENDS, &question, yes)?;
    let _lock = workspace.lock()?;
    let ended = ledger.recover_all().await?;
    let state = ledger.state().await?;
    let text: Vec<String> = ended.iter().map(|run| became(run, &state)).collect();
    let json: Vec<Value> = ended
        .iter()
        .map(|run| {
            let (release, series, step) = match &run.of {
                RunOf::Request { release, .. } => (Some(release), None, None),
                RunOf::Step(of) => (None, Some(of.series), Some(of.step)),
            };
            json!({
                "run": run.run, "release": release, "series": series, "step": step, "state": run.state.as_str(),
            })
        })
        .collect();
    Ok(Report::new(text.join("\n"), json!({"ended": json})))
}
