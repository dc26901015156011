//! An S3 store in the process of a test: buckets in a temporary folder, served by `s3s-fs` on a port of this machine, with
//! faults at will. Signatures are checked. Deliberately for tests alone: no crate of the product depends on it.
//!
//! `s3s-fs` looks whether an object is there and renames another over it a moment later; S3 promises that of two writers
//! with `If-None-Match: *` one is refused. So all writes pass one lock here.

mod fault;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ETAG, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpResponse};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify};

pub use fault::{Call, Fault};
use fault::{Faults, Rule};

/// The access key that the store knows.
pub const ACCESS_KEY: &str = "AKTEST";
/// Its secret.
pub const SECRET_KEY: &str = "a-secret-of-tests";
/// The longest that anything here waits.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running store; it stops when it is dropped.
#[derive(Debug)]
pub struct S3 {
    folder: TempDir,
    address: SocketAddr,
    faults: Arc<Faults>,
    stop: Arc<Notify>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl S3 {
    /// Starts a store that has these buckets.
    pub fn start(buckets: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for bucket in buckets {
            fs::create_dir(folder.path().join(bucket)).expect("a folder for a bucket");
        }
        let (faults, stop) = (Arc::new(Faults::default()), Arc::new(Notify::new()));
        let (tell, told) = std::sync::mpsc::channel();
        let server = Server::new(folder.path(), Arc::clone(&faults));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("somebody waits");
                tokio::select! { () = server.serve(listener) => (), () = stopped.notified() => () }
            });
        });
        let address = told.recv_timeout(PATIENCE).expect("the store starts");
        Self { folder, address, faults, stop, thread: Some(thread) }
    }

    /// The folder of a bucket, to look at or to damage.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a client needs to know, by the names of the AWS variables.
    pub fn access(&self) -> Vec<(String, String)> {
        self.access_as(SECRET_KEY)
    }

    /// The same with another secret.
    pub fn access_as(&self, secret: &str) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        let endpoint = ("AWS_ENDPOINT".to_owned(), format!("http://{}", self.address));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().chain([endpoint]).collect()
    }

    /// How many calls came so far.
    pub fn calls(&self) -> u64 {
        self.faults.calls()
    }

    /// Lets calls fail by a rule, from now on; the numbers of calls begin again at 0.
    pub fn fail(&self, rule: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        self.faults.set(Some(Box::new(rule) as Rule));
    }

    /// Lets no call fail any more, and counts from 0 again.
    pub fn heal(&self) {
        self.faults.set(None);
    }

    /// Waits until a call is held by [`Fault::HangBefore`] or [`Fault::HangAfter`], or until `over` says that none will be.
    /// Says whether one is.
    pub fn wait_until_held(&self, over: impl FnMut() -> bool) -> bool {
        self.faults.wait_until_held(over, PATIENCE)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in there has failed the test already.
            thread.join().ok();
        }
    }
}

/// The served part.
#[derive(Clone)]
struct Server {
    service: S3Service,
    faults: Arc<Faults>,
    writes: Arc<Mutex<()>>,
}

impl Server {
    fn new(folder: &Path, faults: Arc<Faults>) -> Self {
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).expect("a folder to serve"));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        Self { service: builder.build(), faults, writes: Arc::new(Mutex::new(())) }
    }

    async fn serve(self, listener: TcpListener) {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(self.clone().serve_one(socket));
        }
    }

    async fn serve_one(self, socket: TcpStream) {
        let answer = service_fn(|request| self.answer(request));
        // A client that was killed breaks its connection: that is no fault of the store.
        http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await.ok();
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let fault = self.faults.count(request.method(), request.uri().path());
        match fault {
            None => self.work(request).await,
            Some(Fault::Unavailable) => Ok(fault::unavailable()),
            Some(Fault::Lost) => self.work(request).await.map(|_| fault::unavailable()),
            Some(Fault::Taken) => Ok(fault::taken()),
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                self.work(request).await
            }
            Some(Fault::Truncated) => fault::truncated(self.work(request).await?).await,
            Some(Fault::HangBefore) => self.hang().await,
            Some(Fault::HangAfter) => {
                self.work(request).await?;
                self.hang().await
            }
        }
    }

    async fn work(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
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

    async fn hang(&self) -> Result<HttpResponse, HttpError> {
        self.faults.hold();
        std::future::pending().await
    }
}
