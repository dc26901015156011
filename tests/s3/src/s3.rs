//! S3, as `s3s-fs` serves it from folders. Signatures are checked.
//!
//! `s3s-fs` looks whether an object is there and renames another over it a moment later; S3 promises that of two writers
//! with `If-None-Match: *` one is refused. So all writes pass one lock here.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use hyper::body::Incoming;
use hyper::header::{ETAG, HeaderValue};
use hyper::{Method, Request, StatusCode};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpResponse};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::server::{Backend, SECRET_KEY, Server};

/// The access key that the store knows.
pub const ACCESS_KEY: &str = "AKTEST";

/// A running S3, which is a [`Server`] too; it stops when it is dropped.
#[derive(Debug)]
pub struct S3 {
    // Before the folder, so that it has stopped when the folder goes.
    server: Server,
    folder: TempDir,
}

impl S3 {
    /// Starts a store that has these buckets.
    pub fn start(buckets: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for bucket in buckets {
            fs::create_dir(folder.path().join(bucket)).expect("a folder for a bucket");
        }
        let server = Server::start("s3", Backend::S3(Folders::new(folder.path())), access);
        Self { server, folder }
    }

    /// The folder of a bucket, to look at or to damage.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Deref for S3 {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn access(endpoint: String, secret: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_ENDPOINT", endpoint),
    ]
}

/// The served part.
pub(crate) struct Folders {
    service: S3Service,
    writes: Mutex<()>,
}

impl Folders {
    fn new(folder: &Path) -> Self {
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).expect("a folder to serve"));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        Self { service: builder.build(), writes: Mutex::new(()) }
    }

    pub(crate) async fn work(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let writes = matches!(*request.method(), Method::PUT | Method::POST | Method::DELETE);
        let _one_at_a_time = if writes { Some(self.writes.lock().await) } else { None };
        let mut response = self.service.call(request.map(Body::from)).await?;
        // S3 names an entity tag on every answer, so that a reader may go on where one broke off; s3s-fs leaves it out of
        // ranges. No object here is ever written again under its name while one is read.
        if response.status() == StatusCode::PARTIAL_CONTENT {
            response.headers_mut().entry(ETAG).or_insert(HeaderValue::from_static("\"range\""));
        }
        Ok(response)
    }
}
