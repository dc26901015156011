//! What may go wrong with a call, and when. Deliberately decides by number, method and path alone.

use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{fmt, io};

use bytes::Bytes;
use hyper::body::Frame;
use hyper::{Method, StatusCode};
use s3s::{Body, HttpError, HttpResponse};

/// One call, as a rule sees it.
#[derive(Clone, Debug)]
pub struct Call {
    /// From 0, in the order of arrival.
    pub number: u64,
    /// `GET`, `PUT`, …
    pub method: String,
    /// `/bucket/name`.
    pub path: String,
}

impl Call {
    /// Whether it changes the store.
    pub fn writes(&self) -> bool {
        ["PUT", "POST", "DELETE"].contains(&self.method.as_str())
    }
}

/// What goes wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500, and nothing was done.
    Unavailable,
    /// 500, and all was done: the caller does not know.
    Lost,
    /// 412, whatever is there.
    Taken,
    /// 409, whatever is there.
    Conflict,
    /// Done after a while.
    Slow(Duration),
    /// Half of the answer, then the connection breaks.
    Truncated,
    /// Nothing is done, and no answer comes.
    HangBefore,
    /// All is done, and no answer comes.
    HangAfter,
}

pub(crate) type Rule = Box<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// The calls so far and the rule for the next ones.
#[derive(Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: u64,
    held: u64,
    rule: Option<Rule>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    pub(crate) fn set(&self, rule: Option<Rule>) {
        *self.state() = State { rule, ..State::default() };
    }

    /// Counts a call and says what goes wrong with it.
    pub(crate) fn count(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut state = self.state();
        let call = Call { number: state.calls, method: method.to_string(), path: path.to_owned() };
        state.calls += 1;
        state.rule.as_ref().and_then(|rule| rule(&call))
    }

    pub(crate) fn hold(&self) {
        self.state().held += 1;
        self.changed.notify_all();
    }

    pub(crate) fn wait_until_held(&self, mut over: impl FnMut() -> bool, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut state = self.state();
        while state.held == 0 {
            if over() || Instant::now() > end {
                return false;
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(2));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// The answer of a store that is out of order.
pub(crate) fn unavailable() -> HttpResponse {
    answer(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
}

/// The answer to a conditional write that came too late.
pub(crate) fn taken() -> HttpResponse {
    answer(StatusCode::PRECONDITION_FAILED, "PreconditionFailed")
}

/// The answer to a write while there is another.
pub(crate) fn conflict() -> HttpResponse {
    answer(StatusCode::CONFLICT, "ConditionalRequestConflict")
}

/// A refusal or a failure, as all of these clouds put it.
pub(crate) fn answer(status: StatusCode, code: &str) -> HttpResponse {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>");
    let mut response = HttpResponse::new(Body::from(body));
    *response.status_mut() = status;
    response
}

/// Half of an answer under the length of the whole.
pub(crate) async fn truncated(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    const ROOM: usize = 1 << 30;
    let (mut parts, mut body) = response.into_parts();
    let whole = body.store_all_limited(ROOM).await.map_err(HttpError::new)?;
    let half: Bytes = whole.slice(..whole.len() / 2);
    parts.headers.insert(hyper::header::CONTENT_LENGTH, whole.len().into());
    Ok(HttpResponse::from_parts(parts, Body::http_body_unsync(Half(Some(half)))))
}

/// The bytes that still come, then a fault.
struct Half(Option<Bytes>);

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
        Poll::Ready(Some(self.0.take().map(Frame::data).ok_or_else(broken)))
    }
}
