//! The one place that reads the clock. Times inform; no rule of the ledger trusts them.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(std::time::SystemTime::now())
}

/// Now as RFC 3339 in whole seconds, `2026-11-15T08:59:12Z`.
pub fn now_text() -> String {
    text(now())
}

/// A time as RFC 3339 in whole seconds.
pub fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whether an instant, RFC 3339, has come; one that does not read never does.
pub fn has_come(instant: &str) -> bool {
    DateTime::parse_from_rfc3339(instant).is_ok_and(|instant| instant <= now())
}

/// Today's date in UTC.
pub fn today() -> NaiveDate {
    now().date_naive()
}
