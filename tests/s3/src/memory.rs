//! Objects in memory, and the calls on them as `azure` and `google` see them. Deliberately no emulator of a cloud: one caller
//! is known, listings come in small pages, and what Marsad does not ask of a store is answered by 400.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE};
use hyper::http::response::Builder;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use s3s::{Body, HttpError, HttpResponse};
use url::form_urlencoded;

/// The longest body that is taken.
const ROOM: usize = 1 << 30;
/// How many objects a page of a listing has: few, so that small tests turn pages.
const PAGE: usize = 3;
/// When every object was written, as headers say it.
pub(crate) const WRITTEN: &str = "Fri, 01 Jan 2027 00:00:00 GMT";

/// One call.
pub(crate) struct Asked {
    pub method: Method,
    pub bucket: String,
    /// Empty where the call is for the bucket.
    pub name: String,
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    async fn read(request: Request<Incoming>) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let body = Body::from(body).store_all_limited(ROOM).await.map_err(HttpError::new)?;
        let (bucket, name) = place(parts.uri.path());
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query = query.into_owned().collect();
        Ok(Self { method: parts.method, bucket, name, query, headers: parts.headers, body })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn asks(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// The bucket and the name that a path of an address says.
pub(crate) fn place(path: &str) -> (String, String) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let path = path.trim_start_matches('/');
    let (bucket, name) = path.split_once('/').unwrap_or((path, ""));
    (decoded(bucket), decoded(name))
}

pub(crate) struct Object {
    pub bytes: Bytes,
    pub tag: String,
}

/// All buckets, and the parts of objects that are not whole yet.
#[derive(Default)]
pub(crate) struct Objects {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    pub parts: BTreeMap<(String, String), Bytes>,
    writes: u64,
}

impl Objects {
    /// The objects of a bucket, if there is one.
    pub(crate) fn bucket(&mut self, name: &str) -> Option<&mut BTreeMap<String, Object>> {
        self.buckets.get_mut(name)
    }

    /// Puts an object whatever stood there, and gives its tag.
    pub(crate) fn put(&mut self, asked: &Asked, bytes: Bytes) -> String {
        self.writes += 1;
        let tag = format!("\"{:#x}\"", self.writes);
        let bucket = self.buckets.entry(asked.bucket.clone()).or_default();
        bucket.insert(asked.name.clone(), Object { bytes, tag: tag.clone() });
        tag
    }

    /// The parts of an object under their keys, put together; nothing where one is missing.
    pub(crate) fn joined(&self, asked: &Asked, keys: &[String]) -> Option<Bytes> {
        let part = |key: &String| self.parts.get(&(asked.name.clone(), key.clone())).map(Bytes::as_ref);
        Some(keys.iter().map(part).collect::<Option<Vec<&[u8]>>>()?.concat().into())
    }
}

/// One page of the objects below `prefix`, from after `from` on; and whether more follow.
pub(crate) fn page<'a>(
    bucket: &'a BTreeMap<String, Object>,
    prefix: &str,
    from: &str,
) -> (Vec<(&'a String, &'a Object)>, bool) {
    let from = if from.is_empty() { Bound::Unbounded } else { Bound::Excluded(from) };
    let mut found =
        bucket.range::<str, _>((from, Bound::Unbounded)).filter(|(name, _)| name.starts_with(prefix));
    let page = found.by_ref().take(PAGE).collect();
    (page, found.next().is_some())
}

/// An object or a part of it, as all of them answer.
pub(crate) fn read(object: &Object, asked: &Asked) -> HttpResponse {
    let all = object.bytes.len();
    let answer = Response::builder().header(ETAG, &object.tag).header(LAST_MODIFIED, WRITTEN);
    let Some(range) = asked.header(RANGE.as_str()).strip_prefix("bytes=") else {
        return body(answer, object.bytes.clone());
    };
    let (first, last) = range.split_once('-').unwrap_or((range, ""));
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, (last + 1).min(all)),
        (Ok(first), Err(_)) => (first, all),
        (Err(_), Ok(last)) => (all.saturating_sub(last), all),
        (Err(_), Err(_)) => (0, 0),
    };
    if start >= end {
        return body(Response::builder().status(StatusCode::RANGE_NOT_SATISFIABLE), Bytes::new());
    }
    let answer = answer.status(StatusCode::PARTIAL_CONTENT);
    let said = format!("bytes {start}-{}/{all}", end - 1);
    body(answer.header(CONTENT_RANGE, said), object.bytes.slice(start..end))
}

pub(crate) fn body(answer: Builder, bytes: Bytes) -> HttpResponse {
    let answer = answer.header(CONTENT_LENGTH, bytes.len());
    answer.body(Body::from(bytes)).expect("headers of a known form")
}

pub(crate) fn xml(text: &str) -> HttpResponse {
    body(Response::builder().header(CONTENT_TYPE, "application/xml"), Bytes::from(text.to_owned()))
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The texts between the tags of a name, in order.
pub(crate) fn texts(xml: &Bytes, tag: &str) -> Vec<String> {
    let xml = String::from_utf8_lossy(xml);
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
}

/// How a store answers; each call has all objects to itself, so of two conditional writers one is refused.
pub(crate) type Answer = fn(&mut Objects, &Asked) -> HttpResponse;

/// The served part.
pub(crate) struct Memory {
    objects: Mutex<Objects>,
    answer: Answer,
}

impl Memory {
    pub(crate) fn new(buckets: &[&str], answer: Answer) -> Self {
        let buckets = buckets.iter().map(|name| ((*name).to_owned(), BTreeMap::new())).collect();
        Self { objects: Mutex::new(Objects { buckets, ..Objects::default() }), answer }
    }

    pub(crate) async fn work(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let asked = Asked::read(request).await?;
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((self.answer)(&mut objects, &asked))
    }
}
