//! The running part that all stores share: a port of this machine, a thread, and faults at will.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::{HttpError, HttpResponse};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::fault::{self, Call, Fault, Faults, Rule};
use crate::memory::Memory;
use crate::s3::Folders;

/// The secret that a store knows its caller by.
pub const SECRET_KEY: &str = "a-secret-of-tests";
/// The longest that anything here waits.
const PATIENCE: Duration = Duration::from_mins(1);

/// Gives the variables that open a store, from its endpoint and a secret.
pub(crate) type AccessOf = fn(String, &str) -> Vec<(&'static str, String)>;

/// A running store; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    scheme: &'static str,
    access: AccessOf,
    address: SocketAddr,
    faults: Arc<Faults>,
    stop: Arc<Notify>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(scheme: &'static str, backend: Backend, access: AccessOf) -> Self {
        let (faults, stop) = (Arc::new(Faults::default()), Arc::new(Notify::new()));
        let (tell, told) = std::sync::mpsc::channel();
        let served = Served { backend: Arc::new(backend), faults: Arc::clone(&faults) };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("somebody waits");
                tokio::select! { () = served.serve(listener) => (), () = stopped.notified() => () }
            });
        });
        let address = told.recv_timeout(PATIENCE).expect("the store starts");
        Self { scheme, access, address, faults, stop, thread: Some(thread) }
    }

    /// The address of a bucket, or of a place in one.
    pub fn url(&self, place: &str) -> String {
        format!("{}://{place}", self.scheme)
    }

    /// What a client needs to know, by the names of the cloud's variables.
    pub fn access(&self) -> Vec<(String, String)> {
        self.access_as(SECRET_KEY)
    }

    /// The same with another secret.
    pub fn access_as(&self, secret: &str) -> Vec<(String, String)> {
        let pairs = (self.access)(format!("http://{}", self.address), secret);
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
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

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in there has failed the test already.
            thread.join().ok();
        }
    }
}

/// What does the work behind the port.
pub(crate) enum Backend {
    S3(Folders),
    Memory(Memory),
}

#[derive(Clone)]
struct Served {
    backend: Arc<Backend>,
    faults: Arc<Faults>,
}

impl Served {
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
            Some(Fault::Conflict) => Ok(fault::conflict()),
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                self.work(request).await
            }
            Some(Fault::Truncated) => fault::truncated(self.work(request).await?).await,
            Some(Fault::HangBefore) => Ok(self.hang().await),
            Some(Fault::HangAfter) => {
                self.work(request).await?;
                Ok(self.hang().await)
            }
        }
    }

    async fn work(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        match &*self.backend {
            Backend::S3(folders) => folders.work(request).await,
            Backend::Memory(memory) => memory.work(request).await,
        }
    }

    async fn hang(&self) -> HttpResponse {
        self.faults.hold();
        match std::future::pending::<Infallible>().await {}
    }
}
