//! The queue of persons' requests: a number, dates, a state, and never who asked (law 09-08, articles 7 to 9).
//!
//! Each is one small JSON object `requests/<id>.json` in the landing store. Ten clear days: neither the day of receipt nor
//! the last one counts, so what came on the 1st is to be answered on the 12th at the latest. The queue warns on day 7 and
//! raises the alarm on day 10. It deliberately lacks any name, letter or identifier: those stay with the officer.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{Datelike, Days, NaiveDate};
use marsad_log::Created;
use marsad_terms::RecordTypeId;
use serde::{Deserialize, Serialize};

use crate::landing::random_name;
use crate::{ActError, Landing, Result};

/// Where requests stand in the landing store.
const FOLDER: &str = "requests";
/// Days after receipt on which the answer is due: ten clear ones lie in between.
const DUE_AFTER: u64 = 11;
/// The day after receipt on which the queue warns.
const WARN_ON: i64 = 7;
/// The day after receipt on which the queue raises the alarm.
const ALARM_ON: i64 = 10;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKind {
    /// Article 7.
    Access,
    /// Article 8.
    Rectification,
    /// Article 8.
    Erasure,
    /// Article 9.
    Objection,
}

/// Whether it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Waits for an answer.
    Open,
    /// Answered.
    Done,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its number, `R-2025-0007`.
    pub request: String,
    /// What is asked for.
    pub kind: RequestKind,
    /// The day it came.
    pub received: NaiveDate,
    /// The last day for the answer.
    pub due: NaiveDate,
    /// Whether it is answered.
    pub state: RequestState,
    /// The record types that it concerns; none named, all.
    #[serde(default)]
    pub record_types: BTreeSet<RecordTypeId>,
    /// The day it was answered.
    #[serde(default)]
    pub done: Option<NaiveDate>,
    /// What proves it: an entry of a custody log.
    #[serde(default)]
    pub proof: Option<String>,
}

/// How urgent a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Answered.
    Done,
    /// There is time.
    Open,
    /// Day 7 has come.
    Soon,
    /// Day 10 has come.
    Alarm,
    /// The last day is over.
    Overdue,
}

impl Urgency {
    /// The word as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Open => "open",
            Self::Soon => "soon",
            Self::Alarm => "alarm",
            Self::Overdue => "overdue",
        }
    }
}

impl Request {
    /// How urgent it is on a day.
    pub fn urgency(&self, today: NaiveDate) -> Urgency {
        let days = (today - self.received).num_days();
        match self.state {
            RequestState::Done => Urgency::Done,
            RequestState::Open if today > self.due => Urgency::Overdue,
            RequestState::Open if days >= ALARM_ON => Urgency::Alarm,
            RequestState::Open if days >= WARN_ON => Urgency::Soon,
            RequestState::Open => Urgency::Open,
        }
    }
}

/// The last day for the answer to what came on a day.
pub fn due(received: NaiveDate) -> NaiveDate {
    received.checked_add_days(Days::new(DUE_AFTER)).unwrap_or(NaiveDate::MAX)
}

impl Landing {
    /// All requests, by number.
    ///
    /// # Errors
    /// `Act` for an object that is no request; the store failed.
    pub async fn requests(&self) -> Result<Vec<Request>> {
        let store = &self.side(false).store;
        let mut requests = Vec::new();
        for path in store.list(FOLDER).await? {
            if path.strip_suffix(".json").is_none() {
                continue;
            }
            let Some(bytes) = store.get(&path).await? else { continue };
            let request = read(&bytes)
                .map_err(|error| ActError::Request { path: path.clone(), what: error.to_string() })?;
            if path_of(&request.request) != path {
                let what = format!("it says that it is `{}`", request.request.escape_debug());
                return Err(ActError::Request { path, what }.into());
            }
            requests.push(request);
        }
        Ok(requests)
    }

    /// Enters a request under the next free number of the year in which it came.
    ///
    /// # Errors
    /// As [`Landing::requests`]. After a store's failure it may stand entered: look before entering it again.
    pub async fn request(
        &self,
        kind: RequestKind,
        received: NaiveDate,
        record_types: BTreeSet<RecordTypeId>,
    ) -> Result<Request> {
        let year = format!("R-{:04}-", received.year());
        let requests = self.requests().await?;
        let numbers = requests.iter().filter_map(|other| other.request.strip_prefix(&year)?.parse().ok());
        let mut number: u32 = numbers.max().unwrap_or(0);
        loop {
            number += 1;
            let request = Request {
                request: format!("{year}{number:04}"),
                kind,
                received,
                due: due(received),
                state: RequestState::Open,
                record_types: record_types.clone(),
                done: None,
                proof: None,
            };
            let path = path_of(&request.request);
            // Two alike that come at once are two.
            let drawn = random_name()?;
            if self.side(false).store.create(&path, &bytes(&request, Some(&drawn))).await? == Created::New {
                return Ok(request);
            }
        }
    }

    /// Notes that a request is answered, and what proves it.
    ///
    /// # Errors
    /// `Act` where no open request has that number; as [`Landing::requests`].
    pub async fn answer(&self, number: &str, day: NaiveDate, proof: Option<String>) -> Result<Request> {
        let is_it = |request: &Request| request.request == number && request.state == RequestState::Open;
        let found = self.requests().await?.into_iter().find(is_it);
        let open = found.ok_or_else(|| ActError::NoRequest { request: number.to_owned() })?;
        let done = Request { state: RequestState::Done, done: Some(day), proof, ..open };
        self.side(false).store.put(&path_of(number), &bytes(&done, None)).await?;
        Ok(done)
    }
}

fn path_of(request: &str) -> String {
    format!("{FOLDER}/{request}.json")
}

/// What stands beside a request's own members in its object: something drawn, so that no two are alike.
const DRAWN: &str = "drawn";

fn bytes(request: &Request, drawn: Option<&str>) -> Bytes {
    let mut object = serde_json::to_value(request).expect("a request is plain JSON");
    if let (Some(members), Some(drawn)) = (object.as_object_mut(), drawn) {
        members.insert(DRAWN.to_owned(), drawn.into());
    }
    object.to_string().into()
}

fn read(bytes: &[u8]) -> serde_json::Result<Request> {
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes)?;
    members.remove(DRAWN);
    serde_json::from_value(members.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn check(received: &str, today: &str, expected: Urgency) {
        let request = Request {
            request: "R-2025-0001".to_owned(),
            kind: RequestKind::Erasure,
            received: day(received),
            due: due(day(received)),
            state: RequestState::Open,
            record_types: BTreeSet::new(),
            done: None,
            proof: None,
        };
        assert_eq!(request.urgency(day(today)), expected, "{received} on {today}");
        let done = Request { state: RequestState::Done, ..request };
        assert_eq!(done.urgency(day(today)), Urgency::Done);
    }

    #[test]
    fn ten_clear_days_over_the_ends_of_months_and_years() {
        for (received, last) in [
            ("2025-09-01", "2025-09-12"),
            ("2025-01-25", "2025-02-05"),
            ("2024-02-20", "2024-03-02"),
            ("2025-02-20", "2025-03-03"),
            ("2025-12-28", "2026-01-08"),
        ] {
            assert_eq!(due(day(received)), day(last));
            check(received, received, Urgency::Open);
            let after = |days| (day(received) + Days::new(days)).to_string();
            check(received, &after(6), Urgency::Open);
            check(received, &after(7), Urgency::Soon);
            check(received, &after(9), Urgency::Soon);
            check(received, &after(10), Urgency::Alarm);
            check(received, last, Urgency::Alarm);
            check(received, &after(12), Urgency::Overdue);
        }
    }

    #[test]
    fn the_form_is_the_one_that_the_officers_know() {
        let text = r#"{"request": "R-2025-0007", "kind": "erasure", "received": "2025-09-01", "due": "2025-09-12",
            "state": "open", "record_types": ["assistance_service"], "done": null, "proof": null}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        assert_eq!(request.due, due(request.received));
        let again = read(&bytes(&request, Some("0f"))).unwrap();
        assert_eq!(again, request);
    }
}
