//! A stand-in for Google Cloud Storage: the calls of its XML API that a store's client makes, by Google's description of them
//! (<https://cloud.google.com/storage/docs/xml-api/reference-methods>). Callers are known by the key's identifier in a token
//! that they sign; the signature is not looked at.

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, ETAG};
use hyper::{Method, Response, StatusCode};
use s3s::HttpResponse;

use crate::fault;
use crate::memory::{Asked, Memory, Objects, body, escaped, page, read, texts, xml};
use crate::server::{Backend, SECRET_KEY, Server};

/// Made for these tests and known to nobody else.
const KEY: &str = include_str!("google_key.pem");

/// Starts a store that has these buckets.
pub fn google(buckets: &[&str]) -> Server {
    Server::start("gs", Backend::Memory(Memory::new(buckets, answer)), access)
}

fn access(endpoint: String, secret: &str) -> Vec<(&'static str, String)> {
    let key = KEY.replace('\n', "\\n");
    let account = format!(
        "{{\"private_key\": \"{key}\", \"private_key_id\": \"{secret}\", \"client_email\": \"marsad@example.org\"}}"
    );
    vec![
        ("GOOGLE_SERVICE_ACCOUNT_KEY", account),
        ("GOOGLE_ALLOW_HTTP", "true".to_owned()),
        ("GOOGLE_BASE_URL", endpoint),
    ]
}

/// Whether the token's header names the key that is known.
fn is_known(asked: &Asked) -> bool {
    let token = asked.header(AUTHORIZATION.as_str()).strip_prefix("Bearer ").unwrap_or_default();
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default());
    let known = format!("\"kid\":\"{SECRET_KEY}\"");
    header.is_ok_and(|header| String::from_utf8_lossy(&header).contains(&known))
}

fn answer(objects: &mut Objects, asked: &Asked) -> HttpResponse {
    if !is_known(asked) {
        return fault::answer(StatusCode::FORBIDDEN, "AccessDenied");
    }
    let Some(bucket) = objects.bucket(&asked.bucket) else {
        return fault::answer(StatusCode::NOT_FOUND, "NoSuchBucket");
    };
    let asks = |name: &str| asked.query.contains_key(name);
    match asked.method {
        Method::GET if asked.asks("list-type") == "2" => list(objects, asked),
        Method::PUT if asks("uploadId") => {
            objects
                .parts
                .insert((asked.name.clone(), asked.asks("partNumber").to_owned()), asked.body.clone());
            written("\"part\"")
        }
        Method::POST if asks("uploads") => {
            xml("<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
        }
        Method::POST if asks("uploadId") => match objects.joined(asked, &texts(&asked.body, "PartNumber")) {
            Some(whole) => {
                let tag = objects.put(asked, whole);
                xml(&format!(
                    "<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
                ))
            }
            None => fault::answer(StatusCode::BAD_REQUEST, "InvalidPart"),
        },
        Method::PUT
            if asked.header("x-goog-if-generation-match") == "0" && bucket.contains_key(&asked.name) =>
        {
            fault::taken()
        }
        Method::PUT => written(&objects.put(asked, asked.body.clone())),
        Method::GET | Method::HEAD | Method::DELETE if !bucket.contains_key(&asked.name) => {
            fault::answer(StatusCode::NOT_FOUND, "NoSuchKey")
        }
        Method::GET | Method::HEAD => read(&bucket[&asked.name], asked),
        Method::DELETE => {
            bucket.remove(&asked.name);
            body(Response::builder().status(StatusCode::NO_CONTENT), Bytes::new())
        }
        _ => fault::answer(StatusCode::BAD_REQUEST, "NotSpokenHere"),
    }
}

fn written(tag: &str) -> HttpResponse {
    body(Response::builder().header(ETAG, tag), Bytes::new())
}

/// A listing of version 2.
fn list(objects: &mut Objects, asked: &Asked) -> HttpResponse {
    let bucket = objects.bucket(&asked.bucket).expect("looked up above");
    let from = asked.asks("continuation-token").max(asked.asks("start-after"));
    let (found, more) = page(bucket, asked.asks("prefix"), from);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(name, _)| format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(name)));
    let mut contents = String::new();
    for (name, object) in found {
        write!(
            contents,
            "<Contents><Key>{}</Key><Size>{}</Size><LastModified>2027-01-01T00:00:00.000Z</LastModified>\
             <ETag>{}</ETag></Contents>",
            escaped(name),
            object.bytes.len(),
            object.tag
        )
        .expect("text takes text");
    }
    xml(&format!("<ListBucketResult>{contents}{}</ListBucketResult>", next.unwrap_or_default()))
}
