//! A stand-in for Azure Blob Storage: the calls that a store's client makes, by Microsoft's description of them
//! (<https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api>). Callers are known by a bearer token.

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED};
use hyper::{Method, Response, StatusCode};
use s3s::HttpResponse;

use crate::fault;
use crate::memory::{Asked, Memory, Objects, WRITTEN, body, escaped, page, place, read, texts, xml};
use crate::server::{Backend, SECRET_KEY, Server};

/// Starts a store that has these containers.
pub fn azure(containers: &[&str]) -> Server {
    Server::start("az", Backend::Memory(Memory::new(containers, answer)), access)
}

fn access(endpoint: String, secret: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AZURE_STORAGE_ACCOUNT_NAME", "programme".to_owned()),
        ("AZURE_STORAGE_TOKEN", secret.to_owned()),
        ("AZURE_ALLOW_HTTP", "true".to_owned()),
        ("AZURE_STORAGE_ENDPOINT", endpoint),
    ]
}

fn answer(objects: &mut Objects, asked: &Asked) -> HttpResponse {
    if asked.header(AUTHORIZATION.as_str()) != format!("Bearer {SECRET_KEY}") {
        return fault::answer(StatusCode::FORBIDDEN, "AuthenticationFailed");
    }
    let Some(container) = objects.bucket(&asked.bucket) else {
        return fault::answer(StatusCode::NOT_FOUND, "ContainerNotFound");
    };
    match (&asked.method, asked.asks("comp")) {
        (&Method::GET, "list") => list(objects, asked),
        (&Method::POST, "batch") => batch(objects, asked),
        (&Method::PUT, "") => {
            let taken = container.contains_key(&asked.name);
            put(objects, asked, taken)
        }
        (&Method::PUT, "block") => {
            let key = (asked.name.clone(), asked.asks("blockid").to_owned());
            objects.parts.insert(key, asked.body.clone());
            written("")
        }
        (&Method::PUT, "blocklist") => match objects.joined(asked, &texts(&asked.body, "Uncommitted")) {
            Some(whole) => written(&objects.put(asked, whole)),
            None => fault::answer(StatusCode::BAD_REQUEST, "InvalidBlockList"),
        },
        (&Method::GET | &Method::HEAD, "") => match container.get(&asked.name) {
            Some(object) => read(object, asked),
            None => fault::answer(StatusCode::NOT_FOUND, "BlobNotFound"),
        },
        _ => fault::answer(StatusCode::BAD_REQUEST, "NotSpokenHere"),
    }
}

/// Put Blob.
fn put(objects: &mut Objects, asked: &Asked, taken: bool) -> HttpResponse {
    if asked.header("x-ms-blob-type") != "BlockBlob" {
        return fault::answer(StatusCode::BAD_REQUEST, "MissingRequiredHeader");
    }
    if taken && asked.header(IF_NONE_MATCH.as_str()) == "*" {
        return fault::answer(StatusCode::CONFLICT, "BlobAlreadyExists");
    }
    written(&objects.put(asked, asked.body.clone()))
}

fn written(tag: &str) -> HttpResponse {
    let answer = Response::builder().status(StatusCode::CREATED).header(ETAG, tag);
    body(answer.header(LAST_MODIFIED, WRITTEN), Bytes::new())
}

/// List Blobs. `startFrom` came with version 2026-02-06; the client asks by an earlier one, at which nothing is skipped.
fn list(objects: &mut Objects, asked: &Asked) -> HttpResponse {
    let container = objects.bucket(&asked.bucket).expect("looked up above");
    let (found, more) = page(container, asked.asks("prefix"), asked.asks("marker"));
    let marker = found.last().filter(|_| more).map(|(name, _)| escaped(name)).unwrap_or_default();
    let mut blobs = String::new();
    for (name, object) in found {
        write!(
            blobs,
            "<Blob><Name>{}</Name><Properties><Last-Modified>{WRITTEN}</Last-Modified><Etag>{}</Etag>\
             <Content-Length>{}</Content-Length><Content-Type>application/octet-stream</Content-Type></Properties></Blob>",
            escaped(name),
            object.tag,
            object.bytes.len()
        )
        .expect("text takes text");
    }
    xml(&format!(
        "<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    ))
}

/// Blob Batch: the one way in which the client deletes.
fn batch(objects: &mut Objects, asked: &Asked) -> HttpResponse {
    let mut answers = String::new();
    let asked = String::from_utf8_lossy(&asked.body);
    let deletions = asked.lines().filter_map(|line| line.strip_prefix("DELETE ")?.split(['?', ' ']).next());
    for (number, path) in deletions.enumerate() {
        let (container, name) = place(path);
        let removed = objects.bucket(&container).and_then(|container| container.remove(&name));
        let status =
            if removed.is_some() { "202 Accepted" } else { "404 The specified blob does not exist." };
        write!(
            answers,
            "--batch\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\nHTTP/1.1 {status}\r\n\
             x-ms-version: 2023-11-03\r\n\r\n\r\n"
        )
        .expect("text takes text");
    }
    let answer = Response::builder().status(StatusCode::ACCEPTED);
    let answer = answer.header(CONTENT_TYPE, "multipart/mixed; boundary=batch");
    body(answer, Bytes::from(answers + "--batch--\r\n"))
}
