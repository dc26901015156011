//! The custody log as an auditor reads it: who did what to which records, and when. Deliberately without a count, a file or
//! a hash of rows, all of which are functions of rows.

use marsad_log::{Entry, Log, Store};
use serde::Serialize;
use serde_json::Value;

use crate::Result;
use crate::custody::PREFIX;

/// One act of a custodian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Act {
    /// Number in its log.
    pub sequence: u64,
    /// When, RFC 3339 UTC.
    pub time: String,
    /// `batch`, `retracted`, `replaced`, `erased`, `purged`, `rotated`, `exported`, `swept`, `series_step`.
    pub kind: String,
    /// Who.
    pub custodian: String,
    /// To what: a record type, and the batch or series where there is one.
    pub about: String,
}

/// All acts in one store, the log's hash chain checked; needs no key. A store without a log has none.
///
/// # Errors
/// `Log` where the log cannot be read or is not whole.
pub async fn trail(store: &Store) -> Result<Vec<Act>> {
    let entries = Log::open(store.clone(), PREFIX).read().await?;
    Ok(entries.iter().map(act).collect())
}

fn act(entry: &Entry) -> Act {
    let body = entry.body.value();
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let thing = [text("batch"), text("series")].concat();
    let short: String = thing.trim_start_matches("b3:").chars().take(8).collect();
    let about = [text("record_type"), short].join(" ").trim().to_owned();
    let (sequence, time, kind) = (entry.sequence, entry.time.clone(), entry.kind.clone());
    Act { sequence, time, kind, custodian: text("custodian"), about }
}
